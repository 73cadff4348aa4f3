"""Acting and recovering for one kind, on whichever target: the shared engine around that kind's operations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Action, AwsError, Outcome, Resource, ResourceKey, Target
from orchestrator.core.model.kind import KindDescription
from orchestrator.kinds.shared.act import carry_out
from orchestrator.kinds.shared.marks import Marks
from orchestrator.kinds.shared.operations import Operations, Profile
from orchestrator.kinds.shared.paced import Paced
from orchestrator.kinds.shared.recovery import Intent, Recovery, unknown
from orchestrator.kinds.shared.starts import Starts
from orchestrator.kinds.shared.tagging import TagRun, recover_tagging
from orchestrator.ports import BatchGuard, LookRefusedError


class KindOnEngine(ABC):
    """ports.Kind but for `read`: it looks by its own calls, and acts by the shared engine."""

    description: KindDescription
    profile: Profile

    def __init__(self, retries: Retries, now: Callable[[], datetime], pacing: Pacing) -> None:
        self._retries = retries
        self._now = now
        self._pacing = pacing

    @abstractmethod
    def look(self, target: Target, resource_ids: Sequence[str]) -> Mapping[str, Resource]:
        """ports.Kind.look."""

    @abstractmethod
    def _operations(self, target: Target) -> Operations:
        """The kind's own calls there."""

    def act(
        self, target: Target, actions: Sequence[tuple[Resource, Action]], sweep_id: str, guard: BatchGuard
    ) -> tuple[Outcome, ...]:
        """ports.Kind.act."""
        operations, paced = self._operations(target), self._paced(target)
        others = [(resource, action) for resource, action in actions if not action.tags]
        outcomes = carry_out(others, operations, paced, self._now, sweep_id, guard)
        return (*outcomes, *TagRun(operations, paced, self._now, guard).act(actions))

    def recover_intents(
        self,
        target: Target,
        intents: Sequence[tuple[Resource, Action, datetime]],
        sweep_id: str,
        marked_after: Collection[ResourceKey] = (),
    ) -> tuple[Outcome, ...]:
        """ports.Kind.recover_intents. Raises TargetUnreadableError when it cannot look at any."""
        refused: Mapping[str, AwsError] = {}
        try:
            fresh = self.look(target, [resource.resource_id for resource, _, _ in intents])
        except LookRefusedError as refusal:
            fresh, refused = refusal.seen, refusal.refused
        marks = Marks(self._operations(target), self._paced(target))
        recovery = Recovery(self.profile, marks, sweep_id, self._now, self.description.evidence)
        tagged = [one for one in intents if one[1].tags and one[0].resource_id not in refused]
        seen = [
            Intent.of(intent, fresh, marked_after=intent[0].key in marked_after)
            for intent in intents
            if intent[0].resource_id not in refused and not intent[1].tags
        ]
        unseen = [
            (Intent.of(intent, fresh), refused[intent[0].resource_id])
            for intent in intents
            if intent[0].resource_id in refused
        ]
        tags = recover_tagging(self.profile, tagged, fresh, self._now())
        return (*recovery.recover(seen), *tags, *(unknown(*one) for one in unseen))

    def see_starts(self, target: Target, starts: Sequence[Outcome]) -> tuple[Outcome, ...]:
        """ports.Kind.see_starts. Raises TargetUnreadableError when it cannot look."""
        refused: Mapping[str, AwsError] = {}
        try:
            fresh = self.look(target, [start.resource.resource_id for start in starts])
        except LookRefusedError as refusal:
            fresh, refused = refusal.seen, refusal.refused
        marks = Marks(self._operations(target), self._paced(target))
        looked_at = [start for start in starts if start.resource.resource_id not in refused]
        seen = {one.resource.key: one for one in Starts(self.profile, marks, self._now).see(looked_at, fresh)}
        return tuple(seen.get(start.resource.key, start) for start in starts)

    def _paced(self, target: Target) -> Paced:
        """Turns for the kind's calls there."""
        return Paced(self.profile.service, target, self._pacing, self._retries)
