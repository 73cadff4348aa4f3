"""The tags by which a sweep marks what it is about to stop: written before a stop, deleted after a start.

The marks of a resource that was then not stopped are deleted. Before marks go, whatever a stop changed beside the
resource is given back: without marks nobody would look for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from orchestrator.aws.failures import AWS_FAILURES, Failure, classify, error_of
from orchestrator.core.model import AwsError, Resource, Tags, time_text
from orchestrator.core.model.marks import MARKS, STOPPED_AT_TAG, STOPPED_BY_TAG
from orchestrator.kinds.shared.handing_out import HandingOut
from orchestrator.kinds.shared.isolating import NotHandedOutError, isolate
from orchestrator.kinds.shared.looking import look_at_each
from orchestrator.kinds.shared.operations import GivesBack, Operations
from orchestrator.kinds.shared.paced import Paced
from orchestrator.kinds.shared.transitions import START, Transition

_NOT_DELETED = f"its tags {' and '.join(MARKS)} were not deleted"
_NOT_GIVEN_BACK = "what its stop changed beside it was not given back"
_Change = Callable[[Sequence[Resource], Paced], None]


def marks_of(sweep_id: str, at: datetime) -> Tags:
    """The two tags of a stop; `at` is when it is requested, with a time zone."""
    return {STOPPED_BY_TAG: sweep_id, STOPPED_AT_TAG: time_text(at) or ""}


def not_deleted(error: AwsError, transition: Transition) -> str:
    """The warning of what still carries them: what is left, AWS's words, and what to do."""
    again = "undo again, or " if transition is START else ""
    return f"{_NOT_DELETED}: {error}; {again}delete them yourself"


def other_warnings(warnings: Iterable[str]) -> tuple[str, ...]:
    """Those that say nothing of marks: what a look finds of these takes the place of what one before it found."""
    return tuple(one for one in warnings if not one.startswith(_NOT_DELETED))


@dataclass(frozen=True, slots=True)
class Marking:
    """What came of writing marks, by resource id; what is named nowhere is marked."""

    refused: dict[str, AwsError] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    """Of what is refused or left: some call got no answer from AWS, so the marks may be there."""
    left: set[str] = field(default_factory=set)
    """No more work was handed out."""


class MarksLeft(NamedTuple):
    """What came of deleting marks: by resource id, why they are still there."""

    refused: Mapping[str, AwsError]
    not_given_back: Mapping[str, AwsError]
    """Of these, what a stop changed beside the resource and AWS did not let be given back."""


class Marks:
    """The marks in one target. Methods raise nothing: each failure is a refusal, by resource id."""

    def __init__(self, operations: Operations, paced: Paced) -> None:
        self._operations = operations
        self._paced = paced

    def write(self, resources: Sequence[Resource], tags: Tags, handing_out: HandingOut) -> Marking:
        """Nothing more is written once no more work is handed out."""
        operation = self._operations.profile.mark

        def change(some: Sequence[Resource]) -> None:
            if not handing_out.allows(lambda: self._paced.wait(operation)):
                raise NotHandedOutError
            try:
                self._paced.now(operation, lambda: self._operations.mark(some, tags))
            except AWS_FAILURES as failure:
                if classify(failure) is Failure.TRANSIENT:
                    unanswered.update(one.resource_id for one in some)
                raise

        unanswered: set[str] = set()
        marking = self._all_but_refused(resources, lambda some, paced: paced.retries.call(lambda: change(some)))
        return replace(marking, unanswered=unanswered & (marking.refused.keys() | marking.left))

    def delete(self, resources: Sequence[Resource], seen: Mapping[str, Resource] | None = None) -> MarksLeft:
        """What a stop changed beside each is given back first, and what AWS refuses that keeps its marks too.

        `seen`: the resources as they are, by id; they are looked at where it is not given and matters. Not held back
        by a halt: it takes back, and acts on nothing.
        """
        not_given_back = self.give_back(resources, seen)
        rest = [one for one in resources if one.resource_id not in not_given_back]
        operation, unmark = self._operations.profile.unmark, self._operations.unmark
        refused = self._all_but_refused(
            rest, lambda some, paced: paced.call(operation, lambda: unmark(some, MARKS))
        ).refused
        return MarksLeft({**not_given_back, **refused}, not_given_back)

    def give_back(
        self, resources: Sequence[Resource], seen: Mapping[str, Resource] | None = None
    ) -> dict[str, AwsError]:
        """What a stop changed beside each of these, which are as they were planned. `seen` as of `delete`.

        By resource id, why it could not be given back.
        """
        operations = self._operations
        if not isinstance(operations, GivesBack):
            return {}
        planned = [one for one in resources if operations.takes(one)]
        refused: dict[str, AwsError] = {}
        if planned and seen is None:
            ids = [one.resource_id for one in planned]
            seen, refused = look_at_each(ids, operations.describe, self._paced)
        for one in planned:
            fresh = (seen or {}).get(one.resource_id)
            if fresh is not None:
                try:
                    operations.give_back(one, fresh)
                except AWS_FAILURES as failure:
                    refused[one.resource_id] = error_of(failure)
        return {one: replace(error, message=f"{_NOT_GIVEN_BACK}: {error.message}") for one, error in refused.items()}

    def _all_but_refused(self, resources: Sequence[Resource], change: _Change) -> Marking:
        by_id = {one.resource_id: one for one in resources}
        failed = isolate(
            list(by_id),
            self._operations.profile.resources_a_call,
            lambda some, paced: change([by_id[one] for one in some], paced),
            self._paced,
        )
        left = {one for one, failure in failed.items() if isinstance(failure, NotHandedOutError)}
        return Marking(
            refused={one: error_of(failure) for one, failure in failed.items() if one not in left},
            left=left,
        )
