"""The guard of one target's batches: what is not as planned, or not in the ledger, is not acted on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.core.model import (
    Decision,
    Halt,
    HaltCause,
    Outcome,
    OutcomeStatus,
    Reason,
    ReasonCode,
    Resource,
    ResourceKey,
)
from orchestrator.errors import LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ports import Kind, TargetUnreadableError

Recheck = Callable[[Decision, Resource | None], Reason | None]
"""Why a planned action is left after all, given the resource as it is now (None: gone); None when it still holds."""


class LedgerHalt:
    """Set once for all threads of a sweep: nothing is acted on that the ledger does not know of."""

    def __init__(self) -> None:
        self.halt: Halt | None = None

    def set(self, failure: LedgerError) -> Halt:
        """Halts the acting because the ledger failed; returns that halt."""
        self.halt = Halt(HaltCause.LEDGER, str(failure))
        return self.halt


@dataclass(frozen=True, slots=True)
class GuardContext:
    """What the guards of one sweep share."""

    sweep_id: str
    ledger: Ledger
    ask_halt: Callable[[], Halt | None]
    recheck: Recheck | None
    """None: the plan was made by this very process, a moment ago."""
    ledger_halt: LedgerHalt = field(default_factory=LedgerHalt)

    def halt(self) -> Halt | None:
        """Why no more work is handed out, a failed ledger included; None while it is."""
        return self.ledger_halt.halt or self.ask_halt()


class TargetGuard:
    """ports.BatchGuard of the planned actions of one target and kind; used by one thread."""

    def __init__(self, context: GuardContext, kind: Kind, actions: Mapping[str, Decision]) -> None:
        self._context = context
        self._kind = kind
        self._actions = actions
        self._batches = 0
        self._recorded: dict[ResourceKey, Outcome] = {}
        self.kept: dict[ResourceKey, Reason] = {}
        self.halt: Halt | None = None

    def admit(self, resources: Sequence[Resource]) -> tuple[Resource, ...]:
        if not self.may_call():
            return ()
        admitted = self._still_as_planned(resources)
        if not admitted or not self.may_call():  # the recheck may have taken a while
            return ()
        self._batches += 1
        target = admitted[0].target
        try:
            batch = f"{target.account_id}/{target.region}/{admitted[0].kind}/{self._batches}"
            self._context.ledger.intend(self._context.sweep_id, admitted, batch)
        except LedgerError as failure:
            self.halt = self._context.ledger_halt.set(failure)
            return ()
        return admitted

    def may_call(self) -> bool:
        halt = self._context.halt()
        self.halt = self.halt or halt
        return halt is None

    def record_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        self._recorded.update({outcome.resource.key: outcome for outcome in outcomes})
        try:
            self._context.ledger.record_outcomes(self._context.sweep_id, outcomes)
        except LedgerError as failure:
            self.halt = self._context.ledger_halt.set(failure)

    def fail_the_rest(self, actions: Iterable[Decision], code: str, message: str) -> tuple[Outcome, ...]:
        """For when the target broke off: what was recorded by then stays so, what was not kept failed with it."""
        left = (one for one in actions if one.resource.key not in {*self.kept, *self._recorded})
        failed = (Outcome(one.resource, OutcomeStatus.FAILED, code, message) for one in left)
        return (*self._recorded.values(), *failed)

    def _still_as_planned(self, resources: Sequence[Resource]) -> tuple[Resource, ...]:
        recheck = self._context.recheck
        if recheck is None:
            return tuple(resources)
        reasons = self._reasons(resources, recheck)
        self.kept.update(reasons)
        return tuple(one for one in resources if one.key not in reasons)

    def _reasons(self, resources: Sequence[Resource], recheck: Recheck) -> dict[ResourceKey, Reason]:
        """Why some are kept after all."""
        try:
            fresh = self._kind.look(resources[0].target, [one.resource_id for one in resources])
        except TargetUnreadableError as refusal:
            unseen = Reason(ReasonCode.NOT_SEEN_AGAIN, f"It could not be looked at again: {refusal}")
            return {one.key: unseen for one in resources}
        reasons = {one.key: recheck(self._actions[one.resource_id], fresh.get(one.resource_id)) for one in resources}
        return {key: reason for key, reason in reasons.items() if reason is not None}
