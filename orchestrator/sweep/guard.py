"""The guard of one target's batches: nothing is acted on that the ledger does not know of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.model import (
    Decision,
    Halt,
    HaltCause,
    Outcome,
    OutcomeStatus,
    Resource,
    Target,
)
from orchestrator.errors import LedgerError
from orchestrator.ports import Kind, TargetUnreadableError, World
from orchestrator.sweep.record import Place, place, same_outcome

Recheck = Callable[[Decision, Resource | None], str | None]
"""Why a planned stop is kept after all, given the resource as it is now (None: gone); None when it still holds."""


@dataclass(slots=True)
class _Acting:
    """Shared by all threads of one sweep."""

    world: World
    sweep_id: str
    recheck: Recheck | None
    ledger_failure: Halt | None = None

    def halt(self) -> Halt | None:
        return self.ledger_failure or self.world.halt()

    def ledger_failed(self, failure: LedgerError) -> Halt:
        """Nothing is stopped that the ledger does not know of, so this is the end for all threads."""
        self.ledger_failure = Halt(HaltCause.LEDGER, str(failure))
        return self.ledger_failure


class _Guard:
    """ports.BatchGuard of one target; used by one thread."""

    def __init__(self, acting: _Acting, kind: Kind, stops: Mapping[str, Decision]) -> None:
        self._acting = acting
        self._kind = kind
        self._stops = stops
        self._batches = 0
        self._settled: dict[Place, Outcome] = {}
        self.kept: dict[Place, str] = {}
        self.halt: Halt | None = None

    def admit(self, resources: Sequence[Resource]) -> tuple[Resource, ...]:
        if not self.may_call():
            return ()
        admitted = self._unchanged(resources) if self._acting.recheck else tuple(resources)
        if not admitted or not self.may_call():  # looking again may have taken a while
            return ()
        self._batches += 1
        target = admitted[0].target
        try:
            batch = f"{target.account_id}/{target.region}/{self._batches}"
            self._acting.world.ledger.intend(self._acting.sweep_id, admitted, batch)
        except LedgerError as failure:
            self.halt = self._acting.ledger_failed(failure)
            return ()
        return admitted

    def may_call(self) -> bool:
        halt = self._acting.halt()
        self.halt = self.halt or halt
        return halt is None

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        self._settled.update({place(outcome.resource): outcome for outcome in outcomes})
        try:
            self._acting.world.ledger.settle(self._acting.sweep_id, outcomes)
        except LedgerError as failure:
            self.halt = self._acting.ledger_failed(failure)

    def failed(self, stops: Iterable[Decision], code: str, message: str) -> tuple[Outcome, ...]:
        """For when the target broke off: what was settled by then stays so, what was not kept failed with it."""
        left = [stop for stop in stops if place(stop.resource) not in {*self.kept, *self._settled}]
        return (*self._settled.values(), *same_outcome(left, OutcomeStatus.FAILED, code, message))

    def _unchanged(self, resources: Sequence[Resource]) -> tuple[Resource, ...]:
        recheck = self._acting.recheck
        assert recheck is not None, "asked only where the plan is older"
        reasons = self._reasons(resources[0].target, resources, recheck)
        self.kept.update({place(one): reason for one in resources if (reason := reasons[one.resource_id])})
        return tuple(one for one in resources if not reasons[one.resource_id])

    def _reasons(self, target: Target, resources: Sequence[Resource], recheck: Recheck) -> dict[str, str | None]:
        try:
            fresh = self._kind.look(target, [one.resource_id for one in resources])
        except TargetUnreadableError as refusal:
            return dict.fromkeys((one.resource_id for one in resources), f"It could not be looked at again: {refusal}")
        return {one.resource_id: recheck(self._stops[one.resource_id], fresh.get(one.resource_id)) for one in resources}
