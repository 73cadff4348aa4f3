"""Whom a refusal of several resources at once is charged to: those that it names, or those that halving finds.

One bad resource makes AWS refuse a whole call, and AWS need not name it. The one mechanism for every call that takes
several resources: stops, starts, marks, and looks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orchestrator.aws.failures import WRONG_ACCOUNT, Failure, classify, error_of
from orchestrator.kinds.shared.operations import in_portions, names

SAYS_NOTHING_OF_ONE_RESOURCE = frozenset(
    {Failure.THROTTLED, Failure.TRANSIENT, Failure.UNAUTHENTICATED, Failure.EXPIRED}
)


class NotHandedOutError(Exception):
    """No more work is handed out; nothing was called. It says nothing of one resource either."""


def charged(message: str, ids: Sequence[str]) -> list[str]:
    """Those of a refused call that the refusal is about; none where that has to be found out by `halves`."""
    return [one for one in ids if names(message, one)] or (list(ids) if len(ids) == 1 else [])


def halves(ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """What to call for instead of all of them. Neither is empty where there are two at least."""
    middle = len(ids) // 2
    return list(ids[:middle]), list(ids[middle:])


def isolate(
    ids: Sequence[str], at_once: int, call: Callable[[Sequence[str]], object], *, denials_concern_all: bool = False
) -> dict[str, Exception]:
    """Calls for each of them, so many at once; by id, what it failed with. Raises nothing.

    `denials_concern_all`: permissions for this call do not differ between resources.
    """
    failed: dict[str, Exception] = {}
    work = [list(some) for some in in_portions(ids, at_once)][::-1]
    while work:  # ends: each failure takes at least one away, or halves what is left
        some = work.pop()
        try:
            call(some)
        except Exception as failure:  # noqa: BLE001 - whatever breaks is known of these, and the rest is called for
            concerns_all = denials_concern_all and classify(failure) is Failure.DENIED
            bad = some if concerns_all or _says_nothing_of_one(failure) else charged(error_of(failure).message, some)
            failed.update(dict.fromkeys(bad, failure))
            rest = [one for one in some if one not in failed]
            work += [part for part in ([rest] if bad else halves(rest)[::-1]) if part]
    return failed


def _says_nothing_of_one(failure: Exception) -> bool:
    if isinstance(failure, NotHandedOutError) or classify(failure) in SAYS_NOTHING_OF_ONE_RESOURCE:
        return True
    return error_of(failure).code == WRONG_ACCOUNT  # then no answer there is to be trusted
