"""One batch of stops or starts against AWS's error table.

One bad id makes AWS refuse a whole batch. So: every id that the refusal names is put aside with AWS's code, the rest is
tried again; a refusal that names none is bisected; throttling is waited out and never bisected; and after any refusal
the instances are described again, because some may have changed all the same (DESIGN section 6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from orchestrator.aws.failures import AWS_FAILURES, Failure, classify, error_of
from orchestrator.core.model import AwsError
from orchestrator.kinds.ec2.attempts import Attempt, Seen
from orchestrator.kinds.ec2.calls import Ec2Calls
from orchestrator.kinds.ec2.marks import names
from orchestrator.kinds.ec2.transitions import Goal

NO_HIBERNATION = "UnsupportedHibernationConfiguration"
WRONG_STATE = "IncorrectInstanceState"
NO_CAPACITY = frozenset(
    {"InsufficientInstanceCapacity", "InsufficientHostCapacity", "InsufficientReservedInstanceCapacity"}
)
_SAYS_NOTHING_OF_ONE_INSTANCE = frozenset(
    {Failure.THROTTLED, Failure.TRANSIENT, Failure.REGION_DISABLED, Failure.EXPIRED}
)


@dataclass(frozen=True, slots=True)
class _Batch:
    ids: list[str]
    tries: int = 1


@dataclass(frozen=True, slots=True)
class _Step:
    """What follows a refusal: batches to try again, and ids to stop without hibernation."""

    again: list[_Batch]
    not_hibernated: list[str] = field(default_factory=list)


class Batches:
    """Changes instances and notes in `attempts` what AWS answered about each.

    `may_call` is asked before each call that changes anything; once it said no, all that is left is left.
    """

    def __init__(
        self,
        goal: Goal,
        calls: Ec2Calls,
        attempts: Mapping[str, Attempt],
        may_call: Callable[[], bool],
        now: Callable[[], datetime],
    ) -> None:
        self._goal = goal
        self._calls = calls
        self._attempts = attempts
        self._may_call = may_call
        self._now = now
        self._halted = False

    def carry_out(self, ids: list[str], *, hibernate: bool) -> None:
        """Each is accepted, already there, failed or left when this returns, or without capacity."""
        not_hibernated = self._work_off(ids, hibernate=hibernate)
        if not_hibernated:
            self._work_off(not_hibernated, hibernate=False)

    def _work_off(self, ids: list[str], *, hibernate: bool) -> list[str]:
        """The ids that AWS would not hibernate.

        Ends: each refusal takes at least one id away, halves the batch, or uses up a try.
        """
        not_hibernated: list[str] = []
        work = [_Batch(ids)]
        while work:
            batch = work.pop()
            if not self._is_handed_out(batch.ids):
                self._leave(batch.ids)
                continue
            refusal = self._ask(batch.ids, hibernate=hibernate)
            if refusal is not None:
                step = self._after_refusal(refusal, batch)
                work += [again for again in step.again if again.ids]
                not_hibernated += step.not_hibernated
        return not_hibernated

    def _is_handed_out(self, ids: list[str]) -> bool:
        """Waits for its turn first, so that the answer is a fresh one when the call is made."""
        if not self._halted:
            self._calls.wait(self._goal, ids)
            self._halted = not self._may_call()
        return not self._halted

    def _ask(self, ids: list[str], *, hibernate: bool) -> Exception | None:
        """AWS's refusal, if it refused. What was there before the call is not this sweep's doing."""
        asked = [self._attempts[instance_id] for instance_id in ids]
        for attempt in asked:
            attempt.requested_at = attempt.requested_at or self._now()
        try:
            before = self._calls.change(self._goal, ids, hibernate=hibernate)
        except AWS_FAILURES as failure:
            for attempt in asked:
                attempt.unanswered |= _meaning(failure) is Failure.TRANSIENT
            return failure
        for attempt in asked:
            state = before.get(attempt.resource.resource_id)
            if state is not None:
                attempt.found_there(before=state in self._goal.there and not attempt.unanswered)
        return None

    def _after_refusal(self, refusal: Exception, batch: _Batch) -> _Step:
        error = error_of(refusal)
        seen = self._seen_after_refusal(refusal, batch.ids)
        batch = replace(batch, ids=self._set_aside_what_is_there(batch.ids, seen, error))
        if _meaning(refusal) in _SAYS_NOTHING_OF_ONE_INSTANCE:
            return self._wait_or_give_up(refusal, batch)
        named = [instance_id for instance_id in batch.ids if names(error.message, instance_id)]
        if not named and len(batch.ids) > 1:
            middle = len(batch.ids) // 2
            return _Step([replace(batch, ids=half) for half in (batch.ids[:middle], batch.ids[middle:])])
        bad = named or batch.ids
        rest = replace(batch, ids=[instance_id for instance_id in batch.ids if instance_id not in set(bad)])
        return self._put_aside(error, bad, rest, seen)

    def _seen_after_refusal(self, refusal: Exception, ids: list[str]) -> dict[str, Seen]:
        """AWS does nothing of what it throttles, and where it does, a look with all its tries multiplies the wait."""
        try:
            return self._calls.describe(ids, tries=_meaning(refusal) is not Failure.THROTTLED)
        except AWS_FAILURES:
            return {}

    def _set_aside_what_is_there(self, ids: list[str], seen: dict[str, Seen], error: AwsError) -> list[str]:
        """The ids that still need the call.

        One that is there although its batch was refused got there by that call, unless EC2 or the refusal itself says
        that it was there before.
        """
        there = [one for one in ids if one in seen and seen[one].state in self._goal.there]
        for instance_id in there:
            attempt = self._attempts[instance_id]
            named = error.code == WRONG_STATE and names(error.message, instance_id)
            attempt.found_there(before=named or attempt.was_there_before(seen[instance_id]))
        return [instance_id for instance_id in ids if instance_id not in set(there)]

    def _put_aside(self, error: AwsError, bad: list[str], rest: _Batch, seen: dict[str, Seen]) -> _Step:
        if error.code == NO_HIBERNATION:
            self._note(bad, "AWS cannot hibernate it: stopped instead")
            return _Step([rest], not_hibernated=bad)
        if error.code in NO_CAPACITY:
            for instance_id in bad:
                self._attempts[instance_id].no_capacity = error
            return _Step([rest])
        passing = {one for one in bad if one in seen and seen[one].state in self._goal.not_there}
        later = [one for one in bad if error.code == WRONG_STATE and one in passing]
        self._fail([one for one in bad if one not in set(later)], error)
        return _Step([*self._again_later(later, rest.tries, error), rest])

    def _wait_or_give_up(self, refusal: Exception, batch: _Batch) -> _Step:
        meaning = _meaning(refusal)
        if meaning is Failure.REGION_DISABLED:
            self._fail(batch.ids, error_of(refusal))
            return _Step([])
        if meaning is Failure.EXPIRED:
            self._calls.retries.on_expired()
        return _Step(self._again_later(batch.ids, batch.tries, error_of(refusal)))

    def _again_later(self, ids: list[str], tries: int, error: AwsError) -> list[_Batch]:
        """The same ids once more after a wait, or failed with AWS's words when tries or time are used up."""
        if not ids:
            return []
        retries = self._calls.retries
        if tries >= retries.attempts or retries.out_of_time():
            self._fail(ids, error)
            return []
        retries.wait(tries)
        return [_Batch(ids, tries + 1)]

    def _fail(self, ids: Iterable[str], error: AwsError) -> None:
        for instance_id in ids:
            self._attempts[instance_id].error = error

    def _leave(self, ids: Iterable[str]) -> None:
        for instance_id in ids:
            attempt = self._attempts[instance_id]
            attempt.left = True
            if attempt.no_capacity is not None:
                attempt.notes.append(f"AWS answered before: {attempt.no_capacity}")

    def _note(self, ids: Iterable[str], text: str) -> None:
        for instance_id in ids:
            self._attempts[instance_id].notes.append(text)


def _meaning(refusal: Exception) -> Failure:
    """AWS answers a lack of capacity with status 500, but it is no passing fault of a server."""
    return Failure.REFUSED if error_of(refusal).code in NO_CAPACITY else classify(refusal)
