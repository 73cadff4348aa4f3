"""At most one sweep by each policy: a lease that its holder renews, and that others take over when it is dead.

A holder is known to live by its nonce, which changes with every renewal: a process that takes over watches it for as
long as a lease lasts by its own monotonic clock, so that a clock that jumps takes no live holder's lease away. The
holder itself minds both clocks: where its wall clock says that the lease ran out, it asks the ledger first.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from orchestrator.core.model import time_text
from orchestrator.errors import BusyError, LedgerError, SweepHaltedError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import LeaseRecord

_CLOCKS_DIFFER_SECONDS = 60
_TRY_AGAIN = "there is no time left to wait for it, try again later"
EXECUTION = "execution "
EXECUTION_LASTS = 300.0
"""In seconds. Each step that runs renews it; between two of them there is no longer than the state machine tries again
an invocation that Lambda turned away, which is two minutes.
"""
_EXECUTION_RENEWS_EVERY = 20.0
_EXECUTION_CLOCKS_DIFFER = timedelta(minutes=5)
"""At most: AWS refuses what is signed by a clock that is wrong by more."""
HANDED_OVER = "handover-"
"""The prefix of the nonce of a lease that waits for another process to resume the same sweep."""


@dataclass(frozen=True, slots=True)
class Times:
    """In seconds; of a process that renews its lease by itself."""

    renew_every: float = 5.0
    lasts: float = 20.0
    look_every: float = 1.0


@dataclass(frozen=True, slots=True)
class Leases:
    """The lease of each policy. `sleep` and `clock` (monotonic) are passed in by tests."""

    ledger: Ledger
    now: Callable[[], datetime]
    times: Times = field(default_factory=Times)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    holder: str = ""
    """This process, or the state machine's execution (EXECUTION) of which each step takes the same lease."""
    out_of_time: Callable[[], bool] = lambda: False
    """Whether this process may wait for a lease no longer."""
    final: bool = False
    """This is the execution's last step, which ends the sweep though other steps may still be at work, or hang."""
    is_dead: Callable[[str], bool] = lambda _: False
    """Whether the holder of that name has ended for certain; then there is no need to wait."""

    @property
    def lasts(self) -> float:
        """How long a lease of this holder lasts, in seconds."""
        return EXECUTION_LASTS if self.holder.startswith(EXECUTION) else self.times.lasts

    @property
    def renew_every(self) -> float:
        """How long, in seconds, between two renewals by this holder."""
        return _EXECUTION_RENEWS_EVERY if self.holder.startswith(EXECUTION) else self.times.renew_every

    def has_ended(self, record: LeaseRecord) -> bool:
        """It ran out by this machine's wall clock, or its holder has ended for certain.

        True too where it is held for longer than any lease is, since one of two clocks jumped: `take_over` watches it.
        """
        if self.is_given_up(record):
            return True
        left = (datetime.fromisoformat(record.held_until) - self.now()).total_seconds()
        return not 0 < left <= self._lasting(record) + _CLOCKS_DIFFER_SECONDS

    def is_given_up(self, record: LeaseRecord) -> bool:
        """It was given back, or its holder has ended for certain: no process has it, whatever the clocks say."""
        return not record.held_until or self.is_dead(record.holder)

    def take(self, policy_name: str, sweep_id: str, purpose: str = "", finished: str = "") -> Lease | LeaseRecord:
        """The lease, where it is free or was handed over to this sweep; else who has it, dead or alive. Does not wait.

        It is free too where the `finished` sweep has it, which is about to give it back. Raises LedgerError.
        """
        while True:
            seen = self.ledger.lease(policy_name)
            if seen is not None and seen.sweep_id != finished and not self._open_to(seen, sweep_id):
                return seen
            mine = self._take(policy_name, sweep_id, purpose, seen)
            if mine is not None:
                return mine

    def take_over(self, policy_name: str, sweep_id: str, purpose: str = "") -> Lease | LeaseRecord:
        """Waits until the holder has shown no sign of life for as long as its lease lasts, and takes it from there.

        Returns the record of the holder when it lives, or when another process was faster. Raises LedgerError, and
        BusyError when there is no time left to wait.
        """
        seen = self.ledger.lease(policy_name)
        since = self.clock()  # after the look, so never before the holder's last sign of life
        while True:
            if seen is None or self._may_take(seen, sweep_id, self.clock() - since):
                mine = self._take(policy_name, sweep_id, purpose, seen)
                if mine is not None:
                    return mine
            elif self.out_of_time():
                raise BusyError(f"{seen.sweep_id} has the lease of policy {policy_name} and may be dead; {_TRY_AGAIN}")
            else:
                self.sleep(self.times.look_every)
            latest = self.ledger.lease(policy_name)
            changed = latest is not None and (seen is None or latest.nonce != seen.nonce)
            if latest is not None and changed and not self._open_to(latest, sweep_id):
                return latest
            seen = latest

    def stamped(self, record: LeaseRecord, *, nonce_begins: str = "", held: bool = True) -> LeaseRecord:
        """The record as of now, with a nonce that was never used before."""
        until = time_text(self.now() + timedelta(seconds=self.lasts)) if held else None
        return replace(record, nonce=nonce_begins + secrets.token_hex(8), held_until=until or "", lasts=self.lasts)

    def _open_to(self, record: LeaseRecord, sweep_id: str) -> bool:
        """Given back, handed over to this sweep, or of the same execution, whose last step has not begun."""
        handed_over = record.nonce.startswith(HANDED_OVER) and record.sweep_id == sweep_id
        of_mine = _of_an_execution(record) and record.holder == self.holder and (self.final or not record.final)
        return not record.held_until or handed_over or of_mine

    def _may_take(self, record: LeaseRecord, sweep_id: str, watched: float) -> bool:
        """What ran out long ago by any clock is not watched, where it is an execution's: that takes minutes."""
        if self._open_to(record, sweep_id) or self.is_dead(record.holder):
            return True
        ended_long_ago = _of_an_execution(record) and self.has_ended(record) and self._ran_out_long_ago(record)
        return ended_long_ago or watched >= self._lasting(record)

    def _ran_out_long_ago(self, record: LeaseRecord) -> bool:
        return datetime.fromisoformat(record.held_until) + _EXECUTION_CLOCKS_DIFFER < self.now()

    def _lasting(self, record: LeaseRecord) -> float:
        """As long as its holder said; a release before did not say, and set its processes as this one is."""
        return record.lasts or (EXECUTION_LASTS if _of_an_execution(record) else self.times.lasts)

    def _take(self, policy_name: str, sweep_id: str, purpose: str, seen: LeaseRecord | None) -> Lease | None:
        at, wall = self.clock(), self.now()
        generation = self._generation(seen, sweep_id)
        at_first = LeaseRecord(sweep_id, "", "", time_text(wall) or "", purpose, self.holder, generation, self.final)
        halt = seen.halt if seen is not None and seen.sweep_id == sweep_id else None
        mine = self.stamped(replace(at_first, halt=halt))
        return Lease(self, policy_name, mine, at, wall) if self.ledger.take_lease(policy_name, mine, seen) else None

    def _generation(self, seen: LeaseRecord | None, sweep_id: str) -> int:
        """One more than that of the holder before; not for the steps of one execution, which work at once.

        For its last step it is: what the others write from there on is void.
        """
        if seen is None:
            return 1
        same = _of_an_execution(seen) and seen.holder == self.holder and seen.sweep_id == sweep_id and not self.final
        return seen.generation if same else seen.generation + 1


class Lease:
    """A lease that this process holds since `at`, by its monotonic clock, and `wall`.

    Renewed by a thread of its own while `held` is entered.
    """

    def __init__(self, leases: Leases, policy_name: str, record: LeaseRecord, at: float, wall: datetime) -> None:
        self._leases = leases
        self._policy_name = policy_name
        self._record = record
        self._unsure: set[str] = set()
        """Nonces of renewals that the ledger did not answer: they may have been written."""
        self._lasts_from(at, wall)
        self._gone = False
        self._wanted_by = ""
        self._ended = threading.Event()
        self._lock = threading.Lock()

    @property
    def sweep_id(self) -> str:
        """The sweep that the lease is held for."""
        return self._record.sweep_id

    @property
    def generation(self) -> int:
        """Writes of a holder before are of a lower one."""
        return self._record.generation

    @property
    def lost(self) -> bool:
        """True from the moment on that another process may have it: then no more work may be handed out.

        While a machine is suspended its monotonic clock may stand still. So where more time passed on the wall, the
        lease is renewed first: the ledger takes that only over what this holder wrote last.
        """
        if not self._ran_out and self._may_have_slept:
            with self._lock:
                if self._may_have_slept:
                    self._renew()
        return self._ran_out or self._may_have_slept

    def is_held(self) -> bool:
        """Whether work may still be announced; asked right before it is. Where not, it is lost from here on.

        A lease that only this process renews is known by its clocks. The steps of an execution share one, and the last
        of them gives it back though others may hang: so the ledger is asked. Raises LedgerError, and SweepHaltedError
        where a step met a halt that ends the acting of all.
        """
        if self.lost or not _of_an_execution(self._record):
            return not self.lost
        latest = self._leases.ledger.lease(self._policy_name)
        if latest is None or not self._is_of_mine(latest):
            self._gone = True
        elif latest.halt:
            raise SweepHaltedError(latest.halt["cause"], latest.halt["text"])
        return not self._gone

    def _is_of_mine(self, latest: LeaseRecord) -> bool:
        """Of the same execution, whose last step has not begun: any step of it renews the lease for all of them."""
        mine = self._record
        same = (latest.sweep_id, latest.generation) == (mine.sweep_id, mine.generation)
        return same and bool(latest.held_until)

    @property
    def _ran_out(self) -> bool:
        return self._gone or self._leases.clock() >= self._good_until

    @property
    def _may_have_slept(self) -> bool:
        return self._leases.now() >= self._good_until_by_wall

    def _lasts_from(self, at: float, wall: datetime) -> None:
        self._good_until = at + self._leases.lasts
        self._good_until_by_wall = wall + timedelta(seconds=self._leases.lasts)

    @contextmanager
    def held(self) -> Iterator[Lease]:
        """Renews it meanwhile and gives it back at the end."""
        try:
            with self.renewed():
                yield self
        finally:
            self.give_back()

    @contextmanager
    def renewed(self) -> Iterator[Lease]:
        """Renews it meanwhile; at the end it is left to the next step of the same execution."""
        thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join()

    def renew(self) -> None:
        """Renews it once; called by the thread. A ledger that cannot be reached is tried at the next renewal."""
        with self._lock:
            self._renew()

    def hand_over(self) -> bool:
        """Leaves it to another process that resumes the same sweep and takes it at once. From here on it is lost.

        False when another process has it, or the ledger does not tell: then the successor waits until it runs out.
        """
        self._ended.set()
        with self._lock:
            if self._ran_out:
                return False
            record = self._record
            latest = self._leases.stamped(record, nonce_begins=HANDED_OVER)
            try:
                written = self._write(latest)
            except LedgerError:
                return False
            self._gone = True
            return written

    def take_back(self) -> bool:
        """After `hand_over`, when no process resumes the sweep after all; whether it is held once more.

        Not renewed from here on: there is a report to write, and no more.
        """
        with self._lock:
            at, wall = self._leases.clock(), self._leases.now()
            try:
                self._gone = not self._write(self._leases.stamped(self._record))
            except LedgerError:
                return False
            if not self._gone:
                self._lasts_from(at, wall)
            return not self._gone

    def _renew(self) -> None:
        if self._ended.is_set() or self._gone:
            return
        at, wall = self._leases.clock(), self._leases.now()
        if self._ran_out:
            self._gone = True  # it ran out, even if it is still free: work that stopped is not restarted
            return
        latest = self._leases.stamped(self._record)
        try:
            self._gone = not (self._renew_for_all() if _of_an_execution(self._record) else self._write(latest))
        except LedgerError:
            self._unsure.add(latest.nonce)
            return
        if not self._gone:
            self._lasts_from(at, wall)

    def _renew_for_all(self) -> bool:
        """One step for all of its execution. Where another one was faster, the lease is as fresh as by this one."""
        ledger = self._leases.ledger
        seen = ledger.lease(self._policy_name)
        if seen is None or not self._is_of_mine(seen):
            return False
        renewed = self._leases.stamped(seen)
        if ledger.take_lease(self._policy_name, renewed, seen):
            self._record = renewed
            return True
        latest = ledger.lease(self._policy_name)
        return latest is not None and self._is_of_mine(latest)

    def _keep(self) -> None:
        self.look_for_wish()
        while not self._ended.wait(self._leases.renew_every) and not self._gone:
            self.renew()
            self.look_for_wish()

    @property
    def wanted_by(self) -> str:
        """Which sweep waits for this one to yield, in words; empty while none does."""
        return self._wanted_by

    def look_for_wish(self) -> None:
        """Whether a sweep that acts waits for this one, where that only plans. A ledger that fails says nothing."""
        if self._wanted_by or not self._record.yields:
            return
        with suppress(LedgerError):
            self._wanted_by = self._leases.ledger.lease_wanted_by(self._policy_name, self._record.sweep_id)

    def _write(self, latest: LeaseRecord) -> bool:
        """Over what this holder wrote last, and over nothing else."""
        written = self._leases.ledger.take_lease(self._policy_name, latest, self._record)
        if not written:
            current = self._leases.ledger.lease(self._policy_name)
            if current is not None and current.nonce in self._unsure:
                written = self._leases.ledger.take_lease(self._policy_name, latest, current)
        if written:
            self._record = latest
            self._unsure.clear()
        return written

    def give_back(self) -> None:
        """Frees it, so that any process may take it at once. Raises nothing: else it runs out by itself."""
        with self._lock:
            if self._gone:
                return
            self._gone = True
            try:
                self._write(self._leases.stamped(self._record, held=False))
            except LedgerError:
                return  # it runs out by itself


def _of_an_execution(record: LeaseRecord) -> bool:
    return record.holder.startswith(EXECUTION)
