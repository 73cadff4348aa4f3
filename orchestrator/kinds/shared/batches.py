"""One batch of stops or starts against a kind's error table.

One bad id makes AWS refuse a whole batch. So: every id that the refusal names is put aside with AWS's code, the rest is
tried again; a refusal that names none is bisected; throttling is waited out and never bisected; a server's fault is
bisected once retries are used up, as long as parts pass; and after any refusal the resources are described again,
because some may have changed all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from orchestrator.aws.failures import AWS_FAILURES, Failure, classify, error_of
from orchestrator.aws.retries import RENEWED_AFTER, UNAUTHENTICATED_TRIES
from orchestrator.core.model import Action, AwsError, Resource
from orchestrator.core.model.aws_error_codes import DENIED_CODES
from orchestrator.kinds.shared.attempts import Attempt
from orchestrator.kinds.shared.handing_out import HandingOut
from orchestrator.kinds.shared.isolating import SAYS_NOTHING_OF_ONE_RESOURCE, Apart, charged, first_parts, halves
from orchestrator.kinds.shared.looking import look_at_each
from orchestrator.kinds.shared.operations import GivesBack, Operations, in_portions, is_about_hibernation, names
from orchestrator.kinds.shared.paced import Paced
from orchestrator.kinds.shared.transitions import Transition

_TRIES_TOGETHER = 3
"""Before a denial is halved that may be over in a moment."""


@dataclass(frozen=True, slots=True)
class _Batch:
    ids: list[str]
    tries: int = 1
    refused_credentials: int = 0
    """How many of these tries."""
    apart: Apart | None = None
    """Of what it is a part, where a server's fault outlasted the retries of a batch."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What follows a refusal: batches to retry, and ids to stop without hibernation."""

    retried: list[_Batch]
    not_hibernated: list[str] = field(default_factory=list)
    parts: list[_Batch] = field(default_factory=list)
    """To be called for after everything else, in this order."""


class Batches:
    """Changes resources and notes in `attempts` what AWS answered about each.

    `handing_out` is asked before each call that changes anything; once it said no, all that is left is left.
    """

    def __init__(
        self,
        transition: Transition,
        operations: Operations,
        paced: Paced,
        attempts: Mapping[str, Attempt],
        handing_out: HandingOut,
        now: Callable[[], datetime],
    ) -> None:
        self._transition = transition
        self._operations = operations
        self._errors = operations.profile.errors
        self._paced = paced
        self._attempts = attempts
        self._handing_out = handing_out
        self._now = now

    def carry_out(self, ids: list[str], action: Action) -> None:
        """Each is accepted, already there, failed or left when this returns, or without capacity."""
        not_hibernated = self._work_off(ids, action)
        if not_hibernated:
            self._work_off(not_hibernated, Action.STOP)

    def describe(self, ids: list[str], *, tries: bool = True) -> tuple[Mapping[str, Resource], dict[str, AwsError]]:
        """Each resource that AWS still knows, and by id why it tells nothing of some.

        Without `tries` each call is made once, and none is taken apart after a server's fault.
        """
        paced = self._paced if tries else self._paced.hasty
        return look_at_each(ids, self._operations.describe, paced, takes_faults_apart=tries)

    def _work_off(self, ids: list[str], action: Action) -> list[str]:
        """The ids that AWS would not hibernate.

        Ends: each refusal takes at least one id away, halves the batch, or uses up a try.
        """
        not_hibernated: list[str] = []
        portions = in_portions(ids, self._operations.profile.resources_a_call)
        work = [_Batch(list(portion)) for portion in portions][::-1]
        while work:
            batch = work.pop()
            if batch.apart and batch.apart.given_up:
                self._fail(batch.ids, error_of(batch.apart.given_up))
                continue
            if not self._is_handed_out(batch.ids, action):
                self._leave(batch.ids)
                continue
            refusal = self._ask(batch.ids, action)
            if batch.apart and (refusal is None or self._meaning(refusal) not in SAYS_NOTHING_OF_ONE_RESOURCE):
                batch.apart.answered()
            if refusal is not None:
                step = self._after_refusal(refusal, batch, action)
                work += [retry for retry in step.retried if retry.ids]
                work[:0] = [part for part in step.parts[::-1] if part.ids]
                not_hibernated += step.not_hibernated
        return not_hibernated

    def _is_handed_out(self, ids: list[str], action: Action) -> bool:
        operation = self._operations.profile.operation(action)
        return self._handing_out.allows(lambda: self._paced.wait(operation, len(ids)))

    def _ask(self, ids: list[str], action: Action) -> Exception | None:
        """AWS's refusal, if it refused. What was there before the call is not this sweep's doing."""
        asked = [self._attempts[one] for one in ids]
        for attempt in asked:
            if attempt.requested_at is None or attempt.no_capacity is not None:  # AWS did nothing of the one before
                attempt.requested_at = self._now()
        resources, operation = [attempt.resource for attempt in asked], self._operations.profile.operation(action)
        try:
            self._take_beside(resources, action)
            before = self._paced.now(operation, lambda: self._operations.change(resources, action))
        except AWS_FAILURES as failure:
            for attempt in asked:
                attempt.unanswered |= self._meaning(failure) is Failure.TRANSIENT
            return failure
        except Exception:  # whatever breaks on the way back: the call may have gone out
            for attempt in asked:
                attempt.unanswered = True
            raise
        for attempt in asked:
            state = before.get(attempt.resource.resource_id)
            if state is not None:
                if action is Action.HIBERNATE and state not in self._transition.reached_states:
                    attempt.notes.append("hibernated")
                attempt.found_there(before=state in self._transition.done_before and not attempt.unanswered)
        return None

    def _take_beside(self, resources: Iterable[Resource], action: Action) -> None:
        """What a stop changes beside them; a refusal of that is one of the stop."""
        if isinstance(self._operations, GivesBack) and not action.starts:
            for one in resources:
                self._operations.take(one)

    def _after_refusal(self, refusal: Exception, batch: _Batch, action: Action) -> _Step:
        error = error_of(refusal)
        seen = self._seen_after_refusal(refusal, batch.ids)
        batch = replace(batch, ids=self._set_aside_what_is_there(batch.ids, seen, error))
        is_hibernation = action is Action.HIBERNATE and is_about_hibernation(error.code, error.message)
        if self._meaning(refusal) in SAYS_NOTHING_OF_ONE_RESOURCE and not is_hibernation:
            return self._wait_or_give_up(refusal, batch)
        bad = charged(error.message, batch.ids)
        if not bad and self._may_be_news_to_iam(error, batch.ids) and batch.tries < _TRIES_TOGETHER:
            return _Step(self._retry_later(batch.ids, batch.tries, error))
        if not bad:
            return _Step([replace(batch, ids=half) for half in halves(batch.ids)])
        rest = replace(batch, ids=[one for one in batch.ids if one not in set(bad)])
        if is_hibernation:
            self._note(bad, f"AWS cannot hibernate it: plain stop instead ({error})")
            return _Step([rest], not_hibernated=bad)
        return self._put_aside(error, bad, rest, seen)

    def _seen_after_refusal(self, refusal: Exception, ids: list[str]) -> Mapping[str, Resource]:
        """AWS does nothing of what it throttles; and where it throttles or fails, a look with all its tries multiplies
        the wait. What may have happened all the same is seen at the end.
        """
        return self.describe(ids, tries=self._meaning(refusal) not in {Failure.THROTTLED, Failure.TRANSIENT})[0]

    def _set_aside_what_is_there(self, ids: list[str], seen: Mapping[str, Resource], error: AwsError) -> list[str]:
        """The ids that still need the call.

        One that is there although its batch was refused got there by that call, unless AWS says that it was there
        before: by its times, or by this very refusal, which where calls are for one each is about nothing else. A call
        that got no answer may have been what took it there.
        """
        there = [one for one in ids if one in seen and self._attempts[one].is_there(seen[one])]
        for one in there:
            attempt = self._attempts[one]
            is_alone = self._operations.profile.resources_a_call == 1
            named = is_alone or (error.code in self._errors.wrong_state and names(error.message, one))
            told = named and not attempt.unanswered
            is_done = seen[one].state in self._transition.done_before
            attempt.found_there(before=is_done and (told or attempt.was_there_before(seen[one])))
        return [one for one in ids if one not in set(there)]

    def _put_aside(self, error: AwsError, bad: list[str], rest: _Batch, seen: Mapping[str, Resource]) -> _Step:
        if error.code in self._errors.no_capacity:
            for one in bad:
                self._attempts[one].no_capacity = error
            return _Step([rest])
        passes = self._errors.wrong_state_passes and error.code in self._errors.wrong_state
        earlier = self._transition.earlier_states
        later = [one for one in bad if passes and one in seen and seen[one].state in earlier]
        later += [one for one in bad if self._may_be_news_to_iam(error, [one])]
        self._fail([one for one in bad if one not in set(later)], error)
        return _Step([*self._retry_later(later, rest.tries, error), rest])

    def _may_be_news_to_iam(self, error: AwsError, ids: Iterable[str]) -> bool:
        """IAM learns of a mark some time after it was written."""
        return error.code in DENIED_CODES and all(self._attempts[one].marked_again for one in ids)

    def _wait_or_give_up(self, refusal: Exception, batch: _Batch) -> _Step:
        meaning = self._meaning(refusal)
        if meaning is Failure.TRANSIENT and (batch.apart or batch.tries >= self._paced.retries.attempts):
            return self._take_apart(refusal, batch)
        if meaning in RENEWED_AFTER:
            batch = replace(batch, refused_credentials=batch.refused_credentials + 1)
            if batch.refused_credentials >= UNAUTHENTICATED_TRIES:
                self._fail(batch.ids, error_of(refusal))
                return _Step([])
            self._paced.retries.on_expired()
        again = self._retry_later(batch.ids, batch.tries, error_of(refusal))
        return _Step([replace(batch, tries=one.tries) for one in again])

    def _take_apart(self, fault: Exception, batch: _Batch) -> _Step:
        """After a server's fault that outlasted the retries, or that one part of such a batch had."""
        if not batch.ids:
            return _Step([])
        if batch.apart:
            parts = batch.apart.parts(fault, batch.ids, batch.tries, self._paced)
        else:
            parts = first_parts(fault, batch.ids, self._paced)
        if not parts:
            self._fail(batch.ids, error_of(fault))
        apart, tries = batch.apart or Apart(), batch.tries + 1 if batch.apart and len(batch.ids) == 1 else 1
        return _Step([], parts=[_Batch(some, tries, apart=apart) for some in parts])

    def _retry_later(self, ids: list[str], tries: int, error: AwsError) -> list[_Batch]:
        """The same ids once more after a wait, or failed with AWS's words when tries or time are used up."""
        if not ids:
            return []
        retries = self._paced.retries
        if tries >= retries.attempts or retries.out_of_time():
            self._fail(ids, error)
            return []
        retries.wait(tries)
        return [_Batch(ids, tries + 1)]

    def _fail(self, ids: Iterable[str], error: AwsError) -> None:
        for one in ids:
            self._attempts[one].error = error

    def _leave(self, ids: Iterable[str]) -> None:
        for one in ids:
            attempt = self._attempts[one]
            attempt.left = True
            if attempt.no_capacity is not None:
                attempt.notes.append(f"AWS answered before: {attempt.no_capacity}")

    def _note(self, ids: Iterable[str], text: str) -> None:
        for one in ids:
            self._attempts[one].notes.append(text)

    def _meaning(self, refusal: Exception) -> Failure:
        """AWS answers a lack of capacity with status 500, but it is no passing fault of a server."""
        return Failure.REFUSED if error_of(refusal).code in self._errors.no_capacity else classify(refusal)
