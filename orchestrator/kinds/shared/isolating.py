"""Whom a refusal of several resources at once is charged to: those that it names, or those that halving finds.

One bad resource makes AWS refuse a whole call, and AWS need not name it. The one mechanism for every call that takes
several resources: stops, starts, marks, and looks.

A server's fault is retried first. One that outlasts every retry may be a resource's or the region's, and it may have
acted: so its call is taken apart, but only as long as parts of it pass (`Apart`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from orchestrator.aws.failures import WRONG_ACCOUNT, Failure, classify, error_of, never_sent, took_long
from orchestrator.kinds.shared.operations import in_portions, names
from orchestrator.kinds.shared.paced import Paced

SAYS_NOTHING_OF_ONE_RESOURCE = frozenset(
    {Failure.THROTTLED, Failure.TRANSIENT, Failure.UNAUTHENTICATED, Failure.EXPIRED}
)
_UNTIL_ONE_PASSES = 6
"""Both halves and all four quarters."""
_IN_ALL = 64
"""Enough for three resources among fifty, wherever they are."""
_TRIES_ALONE = 3
_LONG_COUNTS = 3
"""A part that took half a minute to fail: two of them, and it is no resource's fault."""
_PAUSE = 3
"""As after so many failed tries."""


class NotHandedOutError(Exception):
    """No more work is handed out; nothing was called. It says nothing of one resource either."""


def charged(message: str, ids: Sequence[str]) -> list[str]:
    """Those of a refused call that the refusal is about; none where that has to be found out by `halves`."""
    return [one for one in ids if names(message, one)] or (list(ids) if len(ids) == 1 else [])


def halves(ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """What to call for instead of all of them. Neither is empty where there are two at least."""
    middle = len(ids) // 2
    return list(ids[:middle]), list(ids[middle:])


class Apart:
    """How far one call is taken apart whose fault outlasted its retries. Each part is tried once, the largest first.

    With one resource behind the fault half of the parts pass at each step: some 14 calls for fifty. With the region
    behind it none passes: after six calls it ends. More than three resources that are spread over all quarters look
    like the region; then all of that call have failed, as is said of each.
    """

    def __init__(self) -> None:
        self._failed = 0
        self._passed = False
        self._last: Exception | None = None

    @property
    def given_up(self) -> Exception | None:
        """The fault that the rest is charged to; None while more is to be called for."""
        return self._last if self._failed >= (_IN_ALL if self._passed else _UNTIL_ONE_PASSES) else None

    def answered(self) -> None:
        """A part was taken, or refused for a reason of its own."""
        self._passed = True

    def parts(self, fault: Exception, ids: Sequence[str], tries: int, paced: Paced) -> list[list[str]]:
        """What to call for next, after a part failed for the so-manieth time; nothing where that is over for these."""
        self._failed += _LONG_COUNTS if took_long(fault) else 1
        self._last = fault
        if self.given_up or paced.retries.out_of_time() or (len(ids) == 1 and tries >= _TRIES_ALONE):
            return []
        paced.retries.wait(_PAUSE)
        return [list(ids)] if len(ids) == 1 else _halves_or_named(fault, ids)


def first_parts(fault: Exception, ids: Sequence[str], paced: Paced) -> list[list[str]]:
    """What to call for where a fault outlasted the retries of a call for all of them; nothing where they failed."""
    if len(ids) == 1 or never_sent(fault) or paced.retries.out_of_time():
        return []
    return _halves_or_named(fault, ids)


@dataclass(frozen=True, slots=True)
class _Part:
    ids: list[str]
    apart: Apart | None = None
    tries: int = 1


def isolate(
    ids: Sequence[str],
    at_once: int,
    call: Callable[[Sequence[str], Paced], object],
    paced: Paced,
    *,
    denials_concern_all: bool = False,
    takes_faults_apart: bool = True,
) -> dict[str, Exception]:
    """Calls for each of them, so many at once; by id, what it failed with. Raises nothing.

    `denials_concern_all`: permissions for this call do not differ between resources.
    """
    work = _Isolation(paced, denials_concern_all, takes_faults_apart)
    work.parts.extend(_Part(list(some)) for some in in_portions(ids, at_once))
    while work.parts:  # ends: each failure takes at least one away, halves what is left, or uses up a try
        work.carry_out(work.parts.popleft(), call)
    return work.failed


class _Isolation:
    """What is still to be called for, and by id what failed."""

    def __init__(self, paced: Paced, denials_concern_all: bool, takes_faults_apart: bool) -> None:
        self._paced = paced
        self._denials_concern_all = denials_concern_all
        self._takes_faults_apart = takes_faults_apart
        self.parts: deque[_Part] = deque()
        self.failed: dict[str, Exception] = {}

    def carry_out(self, part: _Part, call: Callable[[Sequence[str], Paced], object]) -> None:
        if part.apart and part.apart.given_up:
            self.failed.update(dict.fromkeys(part.ids, part.apart.given_up))
            return
        try:
            call(part.ids, self._paced.without_faults if part.apart else self._paced)
        except Exception as failure:  # noqa: BLE001 - whatever breaks is known of these, and the rest is called for
            if self._takes_faults_apart and classify(failure) is Failure.TRANSIENT:
                self._take_apart(failure, part)
                return
            self._charge(failure, part)
            if _says_nothing_of_one(failure):
                return
        if part.apart:
            part.apart.answered()

    def _charge(self, failure: Exception, part: _Part) -> None:
        concerns_all = self._denials_concern_all and classify(failure) is Failure.DENIED
        is_about_all = concerns_all or _says_nothing_of_one(failure)
        bad = part.ids if is_about_all else charged(error_of(failure).message, part.ids)
        self.failed.update(dict.fromkeys(bad, failure))
        rest = [one for one in part.ids if one not in self.failed]
        smaller = [rest] if bad else halves(rest)[::-1]
        self.parts.extendleft(replace(part, ids=some) for some in smaller if some)

    def _take_apart(self, fault: Exception, part: _Part) -> None:
        if part.apart:
            parts = part.apart.parts(fault, part.ids, part.tries, self._paced)
        else:
            parts = first_parts(fault, part.ids, self._paced)
        if not parts:
            self.failed.update(dict.fromkeys(part.ids, fault))
        apart, tries = part.apart or Apart(), part.tries + 1 if len(part.ids) == 1 else 1
        self.parts.extend(_Part(some, apart, tries) for some in parts)


def _halves_or_named(fault: Exception, ids: Sequence[str]) -> list[list[str]]:
    named = [one for one in ids if names(error_of(fault).message, one)]
    rest = [one for one in ids if one not in named]
    return [named, rest] if named and rest else list(halves(ids))


def _says_nothing_of_one(failure: Exception) -> bool:
    if isinstance(failure, NotHandedOutError) or classify(failure) in SAYS_NOTHING_OF_ONE_RESOURCE:
        return True
    return error_of(failure).code == WRONG_ACCOUNT  # then no answer there is to be trusted
