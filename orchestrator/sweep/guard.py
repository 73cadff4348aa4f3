"""The guard of one target's batches: what is not as planned, or not in the ledger, is not acted on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.core.model import (
    Decision,
    Halt,
    HaltCause,
    Outcome,
    OutcomeStatus,
    Reason,
    Resource,
    ResourceKey,
)
from orchestrator.errors import LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ports import Kind
from orchestrator.sweep.recheck import Recheck


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
    recheck: Recheck
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
        self._looked_at: datetime | None = None
        self._recorded: dict[ResourceKey, Outcome] = {}
        self.kept: dict[ResourceKey, Reason] = {}
        self.halt: Halt | None = None

    def admit(self, resources: Sequence[Resource]) -> tuple[Resource, ...]:
        self._looked_at = None
        if not self.may_call():
            return ()
        look = self._context.recheck.look(self._kind, [self._actions[one.resource_id] for one in resources])
        if not self.may_call():  # the look may have taken a while, and what a halt cut short says nothing
            return ()
        self._looked_at = look.at
        self.kept.update(look.kept)
        admitted = tuple(one for one in resources if one.key not in look.kept)
        if not admitted:
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
        halt = self._context.halt() or (self._context.recheck.too_old(self._looked_at) if self._looked_at else None)
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
