"""Stopping or starting EC2 instances of one target: batches that the guard admits, tags, one look at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from orchestrator.aws.failures import error_of
from orchestrator.core.model import Action, Outcome, Resource
from orchestrator.kinds.ec2.attempts import Attempt, Look, outcome, provisional
from orchestrator.kinds.ec2.batches import Batches
from orchestrator.kinds.ec2.calls import Ec2Calls
from orchestrator.kinds.ec2.marks import StopTags
from orchestrator.kinds.ec2.paced import Paced
from orchestrator.kinds.ec2.transitions import START, Goal
from orchestrator.ports import BatchGuard

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

BATCH_SIZE = 50
"""StopInstances and StartInstances both count instances too: 1,000 at once (aws-facts)."""
_LOOKS = 3
T = TypeVar("T")
_Wanted = Sequence[tuple[Resource, Action]]


class ActRun:
    """One target's stops or starts. Give it to one thread; the account is bound around it.

    What the guard itself raises goes through: what it settled until then is recorded, and nothing else is called.
    """

    def __init__(
        self,
        goal: Goal,
        client: EC2Client,
        paced: Paced,
        now: Callable[[], datetime],
        sweep_id: str,
        guard: BatchGuard,
    ) -> None:
        self._goal = goal
        self._calls = Ec2Calls(client, paced)
        self._tags = StopTags(client, paced)
        self._now = now
        self._sweep_id = sweep_id
        self._guard = guard
        self._attempts: dict[str, Attempt] = {}
        self._batches = Batches(goal, self._calls, self._attempts, guard.may_call, now)

    def act(self, wanted: _Wanted) -> tuple[Outcome, ...]:
        """Exactly one outcome for each resource that the guard admits, in the order given."""
        hibernate = [one for one in wanted if _hibernates(*one)]
        plain = [one for one in wanted if not _hibernates(*one)]
        for batch in _in_batches(hibernate):
            self._carry_out(self._admitted(batch), hibernate=True)
        for batch in _in_batches(plain):
            self._carry_out(self._admitted(batch), hibernate=False)
        self._try_again_without_capacity()
        look = self._look()
        ids = [resource.resource_id for resource, _ in wanted]
        return tuple(outcome(self._attempts[one], look) for one in ids if one in self._attempts)

    def _admitted(self, batch: _Wanted) -> list[str]:
        """Their ids; from here on each needs an outcome."""
        actions = {resource.resource_id: action for resource, action in batch}
        admitted = self._guard.admit([resource for resource, _ in batch])
        for resource in admitted:
            attempt = self._attempts[resource.resource_id] = Attempt(resource, self._goal)
            if actions[resource.resource_id] is Action.HIBERNATE and not resource.facts.get("hibernation_configured"):
                attempt.notes.append("hibernation is not configured: stopped instead")
        return [resource.resource_id for resource in admitted]

    def _carry_out(self, ids: list[str], *, hibernate: bool) -> None:
        """One batch: its calls, its tags, and what the guard is told of it. What has no capacity waits for the end."""
        if not ids:
            return
        attempts = [self._attempts[instance_id] for instance_id in ids]
        try:
            self._batches.carry_out(ids, hibernate=hibernate)
        except Exception as failure:  # noqa: BLE001 - whatever breaks, what AWS accepted before is tagged and recorded
            for attempt in attempts:
                if not attempt.is_settled:
                    attempt.error = error_of(failure)
        self._mark([attempt for attempt in attempts if attempt.accepted])
        self._guard.settle([provisional(attempt) for attempt in attempts if not attempt.waits_for_capacity])

    def _mark(self, accepted: Sequence[Attempt]) -> None:
        ids = [attempt.resource.resource_id for attempt in accepted]
        if not ids:
            return
        warnings = self._tags.delete(ids) if self._goal is START else self._tags.write(ids, self._sweep_id, self._now())
        for instance_id, warning in warnings.items():
            self._attempts[instance_id].warnings.append(warning)

    def _try_again_without_capacity(self) -> None:
        """Capacity comes and goes: once more after everything else, as often as retries allow, and then it failed."""
        retries = self._calls.retries
        for again in range(1, retries.attempts + 1):
            waiting = self._waiting_for_capacity()
            if not waiting:
                return
            if not retries.out_of_time():
                retries.wait(again)
            for batch in _in_batches(waiting):
                self._carry_out([attempt.resource.resource_id for attempt in batch], hibernate=False)
        failed = self._waiting_for_capacity()
        for attempt in failed:
            attempt.error = attempt.no_capacity
        if failed:
            self._guard.settle([provisional(attempt) for attempt in failed])

    def _waiting_for_capacity(self) -> list[Attempt]:
        return [attempt for attempt in self._attempts.values() if attempt.waits_for_capacity]

    def _look(self) -> Look:
        """One describe of the target; more only while something that AWS accepted is not seen to move."""
        asked = [instance_id for instance_id, attempt in self._attempts.items() if attempt.requested_at]
        if not asked:
            return Look({}, None)
        for look in range(1, _LOOKS + 1):
            try:
                seen = self._calls.describe(asked)
            except Exception as failure:  # noqa: BLE001 - what AWS answered to the calls is known all the same
                return Look({}, None, error_of(failure))
            promised = [seen[one] for one in asked if one in seen and self._attempts[one].accepted]
            if look == _LOOKS or not any(one.state in self._goal.not_there for one in promised):
                break
            self._calls.retries.wait(look)
        return Look(seen, self._now())


def _hibernates(resource: Resource, action: Action) -> bool:
    return action is Action.HIBERNATE and bool(resource.facts.get("hibernation_configured"))


def _in_batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), BATCH_SIZE):
        yield items[start : start + BATCH_SIZE]
