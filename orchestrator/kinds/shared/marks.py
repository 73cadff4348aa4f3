"""The tags by which a sweep marks what it is about to stop: written before a stop, deleted after a start.

The marks of a resource that was then not stopped are deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.aws.failures import Failure, classify, error_of
from orchestrator.core.model import AwsError, Resource, Tags, time_text
from orchestrator.core.model.marks import MARKS, STOPPED_AT_TAG, STOPPED_BY_TAG
from orchestrator.kinds.shared.handing_out import HandingOut
from orchestrator.kinds.shared.operations import Operations, in_portions, names
from orchestrator.kinds.shared.paced import Paced

SAYS_NOTHING_OF_ONE_RESOURCE = frozenset(
    {Failure.THROTTLED, Failure.TRANSIENT, Failure.UNAUTHENTICATED, Failure.EXPIRED}
)
_Change = Callable[[Sequence[Resource]], None]


def marks_of(sweep_id: str, at: datetime) -> Tags:
    """The two tags of a stop; `at` is when it is requested, with a time zone."""
    return {STOPPED_BY_TAG: sweep_id, STOPPED_AT_TAG: time_text(at) or ""}


class _HaltedError(Exception):
    """No more work is handed out; nothing was called."""


@dataclass(frozen=True, slots=True)
class Marking:
    """What came of writing marks, by resource id; what is named nowhere is marked."""

    refused: dict[str, AwsError] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    """Of what is refused: AWS gave no answer, so the marks may be there."""
    left: set[str] = field(default_factory=set)
    """No more work was handed out."""


class Marks:
    """The marks in one target. Methods raise nothing: each failure is a refusal, by resource id."""

    def __init__(self, operations: Operations, paced: Paced) -> None:
        self._operations = operations
        self._paced = paced

    def write(self, resources: Sequence[Resource], sweep_id: str, at: datetime, handing_out: HandingOut) -> Marking:
        """Nothing more is written once no more work is handed out."""
        tags, operation = marks_of(sweep_id, at), self._operations.profile.mark

        def change(some: Sequence[Resource]) -> None:
            if not handing_out.allows(lambda: self._paced.wait(operation)):
                raise _HaltedError
            self._paced.now(operation, lambda: self._operations.mark(some, tags))

        return self._all_but_refused(resources, lambda some: self._paced.retries.call(lambda: change(some)))

    def delete(self, resources: Sequence[Resource]) -> dict[str, AwsError]:
        """By resource id, what AWS refused. Not held back by a halt: it takes back, and acts on nothing."""
        operation, unmark = self._operations.profile.unmark, self._operations.unmark
        return self._all_but_refused(
            resources, lambda some: self._paced.call(operation, lambda: unmark(some, MARKS))
        ).refused

    def _all_but_refused(self, resources: Sequence[Resource], change: _Change) -> Marking:
        """Sets aside what a refusal names, and bisects a refusal that names no resource."""
        marking = Marking()
        work = list(in_portions(resources, self._operations.profile.resources_a_call))[::-1]
        while work:
            some = work.pop()
            try:
                change(some)
            except _HaltedError:
                marking.left.update(one.resource_id for one in some)
            except Exception as failure:  # noqa: BLE001 - whatever breaks is known of these, and the rest goes on
                work += _after_refusal(failure, some, marking)
        return marking


def _after_refusal(failure: Exception, some: Sequence[Resource], marking: Marking) -> list[Sequence[Resource]]:
    """What to retry: the rest, or each half. Ends: it is always less than there was."""
    error, meaning = error_of(failure), classify(failure)
    bad = [one for one in some if names(error.message, one.resource_id)]
    if meaning in SAYS_NOTHING_OF_ONE_RESOURCE or (not bad and len(some) == 1):
        bad = list(some)
    if not bad:
        middle = len(some) // 2
        return [some[:middle], some[middle:]]
    marking.refused.update({one.resource_id: error for one in bad})
    if meaning is Failure.TRANSIENT:
        marking.unanswered.update(one.resource_id for one in bad)
    rest = [one for one in some if one.resource_id not in marking.refused]
    return [rest] if rest else []
