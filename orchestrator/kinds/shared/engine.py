"""Acting and recovering for one kind, on whichever target: the shared engine around that kind's operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Action, Outcome, Resource, Target
from orchestrator.kinds.shared.act import carry_out
from orchestrator.kinds.shared.marks import Marks
from orchestrator.kinds.shared.operations import Operations, Profile
from orchestrator.kinds.shared.paced import Paced
from orchestrator.kinds.shared.recovery import Intent, Recovery
from orchestrator.ports import BatchGuard


@dataclass(frozen=True, slots=True)
class Engine:
    """`operations`: the kind's own, for one target."""

    profile: Profile
    operations: Callable[[Target], Operations]
    retries: Retries
    now: Callable[[], datetime]
    pacing: Pacing

    def act(
        self, target: Target, actions: Sequence[tuple[Resource, Action]], sweep_id: str, guard: BatchGuard
    ) -> tuple[Outcome, ...]:
        """ports.Kind.act."""
        return carry_out(actions, self.operations(target), self.paced(target), self.now, sweep_id, guard)

    def recover_intents(
        self,
        target: Target,
        intents: Sequence[tuple[Resource, Action, datetime]],
        fresh: Mapping[str, Resource],
        sweep_id: str,
    ) -> tuple[Outcome, ...]:
        """ports.Kind.recover_intents, given the resources as they are now by id."""
        marks = Marks(self.operations(target), self.paced(target))
        recovery = Recovery(self.profile, marks, sweep_id, self.now)
        return recovery.recover([Intent.of(intent, fresh) for intent in intents])

    def paced(self, target: Target) -> Paced:
        """Turns for the kind's calls there."""
        return Paced(self.profile.service, target, self.pacing, self.retries)
