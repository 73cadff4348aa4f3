"""The guard of one target's batches: what is not as planned, or not in the ledger, is not acted on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from orchestrator.core.model import (
    Decision,
    Halt,
    HaltCause,
    Intent,
    Outcome,
    OutcomeStatus,
    Reason,
    Resource,
    ResourceKey,
)
from orchestrator.errors import LeaseLostError, LedgerError, SweepHaltedError
from orchestrator.ledger.ledger import Ledger, new_intent_id
from orchestrator.ports import Kind, TargetUnreadableError
from orchestrator.sweep.recheck import Look, Recheck


class LedgerHalt:
    """Set once for all threads of a sweep: nothing is acted on that the ledger does not know, or says to be halted."""

    def __init__(self) -> None:
        self.halt: Halt | None = None

    def set(self, failure: LedgerError) -> Halt:
        """Halts the acting because the ledger failed; returns that halt."""
        return self.adopt(Halt(HaltCause.LEDGER, str(failure)))

    def adopt(self, halt: Halt) -> Halt:
        """The same for a halt that another process of this sweep met and recorded."""
        self.halt = halt
        return halt


@dataclass(frozen=True, slots=True)
class GuardContext:
    """What the guards of one sweep share."""

    sweep_id: str
    ledger: Ledger
    ask_halt: Callable[[], Halt | None]
    recheck: Recheck
    ledger_halt: LedgerHalt = field(default_factory=LedgerHalt)
    policy_name: str = ""
    found: Mapping[ResourceKey, Intent] = field(default_factory=dict)
    """Intents of a process that died, of what was seen untouched."""
    intents: dict[ResourceKey, Intent] = field(default_factory=dict)
    """What was announced by this process, for whoever reports on it; and, without an id, what is another's."""
    to_note: threading.Lock = field(default_factory=threading.Lock)
    """Of the thread that notes it, and never given back."""

    def halt(self) -> Halt | None:
        """Why no more work is handed out, a failed ledger included; None while it is.

        A kill switch that was pulled is noted in the ledger first: a process that dies before its report leaves nothing
        that another one resumes once it is released.
        """
        halt = self.ledger_halt.halt or self.ask_halt()
        if halt is not None and halt.cause is HaltCause.KILL_SWITCH and self.to_note.acquire(blocking=False):
            with suppress(LedgerError):
                self.ledger.amend(self.sweep_id, halt={"cause": halt.cause.value, "text": halt.text})
        return halt


class _HaltedMeanwhileError(Exception):
    """While a batch was announced: its intents are left to whoever ends the sweep, or resumes it."""


class TargetGuard:
    """ports.BatchGuard of the planned actions of one target and kind; used by one thread."""

    def __init__(self, context: GuardContext, kind: Kind, actions: Mapping[str, Decision]) -> None:
        self._context = context
        self._kind = kind
        self._actions = actions
        self._batches = 0
        self._look: Look | None = None
        self._recorded: dict[ResourceKey, Outcome] = {}
        self.kept: dict[ResourceKey, Reason] = {}
        self.recovered: list[Outcome] = []
        """Of intents of a dead process, which took effect between two looks."""
        self.halt: Halt | None = None

    def admit(self, resources: Sequence[Resource]) -> tuple[Resource, ...]:
        self._look = None
        if not self.may_call():
            return ()
        look = self._context.recheck.look(
            self._kind, [self._actions[one.resource_id] for one in resources], self._context.sweep_id
        )
        if not self.may_call():  # the look may have taken a while, and what a halt cut short says nothing
            return ()
        self._look = look
        self.kept.update(look.kept)
        self._recover_kept(resources)
        admitted = tuple(self._as_seen(one, look) for one in resources if one.key not in look.kept)
        if not admitted:
            return ()
        self._batches += 1
        target = admitted[0].target
        try:
            batch = f"{target.account_id}/{target.region}/{admitted[0].kind}/{self._batches}"
            return self._intended(admitted, batch)
        except LeaseLostError as lost:
            self.halt = Halt(HaltCause.LEASE_LOST, str(lost))
        except SweepHaltedError as halted:
            self.halt = self._context.ledger_halt.adopt(Halt(HaltCause(halted.cause), str(halted)))
        except LedgerError as failure:
            self.halt = self._context.ledger_halt.set(failure)
        return ()

    def _as_seen(self, resource: Resource, look: Look) -> Resource:
        """A start has to know whether the mark is still there; a stop goes by what was planned."""
        starts = self._actions[resource.resource_id].action.starts
        return replace(resource, tags=look.tags.get(resource.key, resource.tags)) if starts else resource

    def asked_before(self, resource: Resource) -> datetime | None:
        found = self._context.found.get(resource.key)
        return found.requested_at if found is not None else None

    def is_anothers(self, resource: Resource) -> bool:
        mine = self._context.intents.get(resource.key)
        try:
            now = self._context.ledger.intent_id(self._context.sweep_id, resource)
        except LedgerError:
            return True  # nothing is taken back of which it is not known whose it is
        return mine is None or now != mine.id

    def may_call(self) -> bool:
        halt = self._context.halt() or (self._context.recheck.too_old(self._look) if self._look else None)
        self.halt = self.halt or halt
        return halt is None

    def may_unmark(self) -> bool:
        halt = self._context.ask_halt()
        return halt is None or halt.cause is not HaltCause.LEASE_LOST

    def record_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        self._recorded.update({outcome.resource.key: outcome for outcome in outcomes})
        try:
            self._context.ledger.record_outcomes(self._context.sweep_id, outcomes, self._context.intents)
        except LedgerError as failure:
            self.halt = self._context.ledger_halt.set(failure)

    def fail_the_rest(self, actions: Iterable[Decision], code: str, message: str) -> tuple[Outcome, ...]:
        """For when the target broke off: what was recorded by then stays so, what was not kept failed with it.

        What was announced and not recorded is unknown: AWS may have been asked.
        """
        done = {*self.kept, *self._recorded, *(one.resource.key for one in self.recovered)}
        left = [one.resource for one in actions if one.resource.key not in done]
        intents = self._context.intents
        unknown = [
            Outcome(one, OutcomeStatus.UNKNOWN, code, message, intents[one.key].requested_at)
            for one in left
            if one.key in intents and not intents[one.key].untouched
        ]
        asked = {one.resource.key for one in unknown}
        failed = [Outcome(one, OutcomeStatus.FAILED, code, message) for one in left if one.key not in asked]
        return (*self._recorded.values(), *self.recovered, *unknown, *failed)

    def _intended(self, resources: Sequence[Resource], batch: str) -> tuple[Resource, ...]:
        """Those of which the intent is this process's own by now; what the ledger refuses is left to another one."""
        context = self._context
        stops: list[Resource] = []
        starts: list[Resource] = []
        tags: list[Resource] = []
        for one in resources:
            action = self._actions[one.resource_id].action
            (tags if action.tags else starts if action.starts else stops).append(one)
        for some, held_by in ((stops, context.policy_name), (starts, None), (tags, context.policy_name)):
            if some:
                intent_id = new_intent_id()
                # Before the write, and then the halt again: who ends the sweep knows of each that may still be written.
                context.intents.update(
                    {one.key: self._not_asked(one, intent_id, starts=held_by is None) for one in some}
                )
                if not self.may_call():
                    return ()
                try:
                    mine = context.ledger.intend(
                        context.sweep_id,
                        some,
                        batch,
                        context.found,
                        held_by,
                        intent_id,
                        self._confirm,
                        holds=some is not tags,
                    )
                except _HaltedMeanwhileError:
                    return ()
                context.intents.update({one.key: mine.get(one.key, Intent("")) for one in some})
        return tuple(one for one in resources if context.intents[one.key].id)

    def _confirm(self) -> None:
        if not self.may_call():
            raise _HaltedMeanwhileError

    def _not_asked(self, resource: Resource, intent_id: str, *, starts: bool) -> Intent:
        """It is being written, or its answer was lost: nothing is asked for by it."""
        found = self._context.found.get(resource.key)
        return Intent(intent_id, untouched=True, found=found.id if found else "", starts=starts)

    def _recover_kept(self, resources: Sequence[Resource]) -> None:
        """What is kept since it is not as planned any more may be so by the intent of the process that died."""
        found = self._context.found
        late = [one for one in resources if one.key in self.kept and one.key in found]
        asked = [
            (one, self._actions[one.resource_id].action, at)
            for one in late
            if (at := found[one.key].requested_at) is not None
        ]
        if not asked:
            return
        try:
            outcomes = self._kind.recover_intents(late[0].target, asked, self._context.sweep_id)
        except TargetUnreadableError:
            return  # it stays kept, and its intent stays in the ledger
        self.recovered += outcomes
        for one in outcomes:
            del self.kept[one.resource.key]
        try:
            self._context.ledger.record_outcomes(self._context.sweep_id, outcomes, found)
        except LedgerError as failure:
            self.halt = self._context.ledger_halt.set(failure)
