"""Starts that AWS accepted: what was seen to come of each by now.

A start is `started` when it was seen running, and loses its marks only then. What fell back keeps them, so that
another undo can start it. What somebody stopped again since did not fall back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from orchestrator.core.decide.drift import is_from_before
from orchestrator.core.model import (
    ANSWERS_BEHIND_AT_MOST,
    AwsError,
    Outcome,
    OutcomeStatus,
    Resource,
    ResourceState,
)
from orchestrator.core.model.marks import MARKS
from orchestrator.kinds.shared.attempts import gone
from orchestrator.kinds.shared.marks import Marks, not_deleted, other_warnings
from orchestrator.kinds.shared.operations import Profile
from orchestrator.kinds.shared.stopped_again import STOPPED_AGAIN, stopped_again
from orchestrator.kinds.shared.transitions import START

_ON_ITS_WAY = frozenset({ResourceState.STARTING, ResourceState.RUNNING})


class Starts:
    """One target's. Starts nothing; deletes the marks of what runs."""

    def __init__(self, profile: Profile, marks: Marks, now: Callable[[], datetime]) -> None:
        self._profile = profile
        self._marks = marks
        self._now = now

    def see(self, starts: Sequence[Outcome], fresh: Mapping[str, Resource]) -> tuple[Outcome, ...]:
        """Exactly one outcome for each, in the same order. `fresh`: the resources as they are, by id."""
        seen = [self._seen(one, fresh.get(one.resource.resource_id)) for one in starts]
        up = [one for one in seen if one.status is OutcomeStatus.STARTED and one.verified_at is not None]
        marked = {one.resource.key for one in up if _is_marked(fresh[one.resource.resource_id])}
        left = self._marks.delete([one.resource for one in up if one.resource.key in marked], fresh)
        others = [one.resource for one in seen if one.resource.key not in marked and _is_on_its_way(one, fresh)]
        not_given_back = {**left.not_given_back, **self._marks.give_back(others, fresh)}
        return tuple(_told_of_what_is_left(one, {**not_given_back, **left.refused}, not_given_back) for one in seen)

    def _seen(self, start: Outcome, fresh: Resource | None) -> Outcome:
        if fresh is None or fresh.state is ResourceState.GONE:
            return self._concluded(start, OutcomeStatus.FAILED, *gone(self._profile, fresh)[1:])
        is_behind = is_from_before(start.resource, fresh) and not self._is_settled(start)
        if fresh.state is ResourceState.RUNNING and not is_behind:
            return self._concluded(start, OutcomeStatus.STARTED)
        again = stopped_again(start.resource, fresh, start.requested_at)
        if again:  # not seen here: what another sweep holds down by now stays so, and keeps its marks
            text = f"AWS accepted the start, and it was {again}"
            return replace(start, status=OutcomeStatus.STARTED, code=STOPPED_AGAIN, message=text, verified_at=None)
        if self._is_settled(start) and fresh.state not in _ON_ITS_WAY:
            if fresh.start_failure is not None:
                return self._fell_back(start, fresh, fresh.start_failure)
            if fresh.state is ResourceState.STOPPED:
                text = "AWS does not say why"
                return self._fell_back(start, fresh, AwsError(START.not_seen_code, text))
        text = f"AWS accepted the start; the {self._profile.noun} is {fresh.aws_state}"
        is_moving = fresh.state in _ON_ITS_WAY and not is_behind
        return replace(start, message=text, verified_at=self._now() if is_moving else start.verified_at)

    def _fell_back(self, start: Outcome, fresh: Resource, why: AwsError) -> Outcome:
        text = f"AWS accepted the start, and the {self._profile.noun} is {fresh.aws_state}: {why.message}"
        return self._concluded(start, OutcomeStatus.FAILED, why.code, text)

    def _concluded(self, start: Outcome, status: OutcomeStatus, code: str = "", message: str = "") -> Outcome:
        return replace(start, status=status, code=code, message=message, verified_at=self._now())

    def _is_settled(self, start: Outcome) -> bool:
        """Whether what is seen now cannot be from before the call."""
        asked = start.requested_at
        return asked is not None and self._now() - asked >= ANSWERS_BEHIND_AT_MOST


def _is_marked(fresh: Resource) -> bool:
    return any(key in fresh.tags for key in MARKS)


def _is_on_its_way(start: Outcome, fresh: Mapping[str, Resource]) -> bool:
    """Or up. What was stopped again since is not, nor what fell back."""
    seen = fresh.get(start.resource.resource_id)
    return start.status in (OutcomeStatus.STARTING, OutcomeStatus.STARTED) and (
        seen is not None and seen.state in _ON_ITS_WAY
    )


def _told_of_what_is_left(
    start: Outcome, refused: Mapping[str, AwsError], not_given_back: Mapping[str, AwsError]
) -> Outcome:
    """With a warning where its marks are left. It is not up before all is given back that its stop had changed."""
    error = refused.get(start.resource.resource_id)
    start = replace(start, warnings=other_warnings(start.warnings))
    if error is None:
        return start
    if start.resource.resource_id in not_given_back:
        start = replace(start, status=OutcomeStatus.STARTING, code=error.code, message=error.message)
    return replace(start, warnings=(*start.warnings, not_deleted(error, START)))
