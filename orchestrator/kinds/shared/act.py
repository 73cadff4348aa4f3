"""Stopping or starting resources of one target, whatever their kind.

Batch by batch: what the guard admits is marked (before a stop, and before a start where the mark was removed), stopped
or started, loses its marks where it was not stopped, and is told to the guard. At the end everything is looked at once;
what was started and is seen running loses its marks.

Where AWS accepted all of the last batch, which is the only one of most targets, what came of it is told after the look,
which follows its calls at once: the ledger is written once instead of twice. A process that dies in between leaves the
intents, which were written before the calls, without a word of AWS's answer, as one does that dies right after a call.
A look tells what came of them (kinds.shared.recovery): what is down with this sweep's mark was stopped by it; what runs
is asked for again. Where the look has to be repeated, AWS's answer is told before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from orchestrator.aws.failures import error_of
from orchestrator.core.model import Action, AwsError, Outcome, Resource, ResourceState
from orchestrator.core.model.marks import STOPPED_BY_TAG
from orchestrator.kinds.shared.attempts import Attempt, Look, answered_outcome, seen_outcome
from orchestrator.kinds.shared.batches import Batches
from orchestrator.kinds.shared.handing_out import HandingOut
from orchestrator.kinds.shared.marks import Marks, marks_of, not_deleted
from orchestrator.kinds.shared.operations import Operations, in_portions
from orchestrator.kinds.shared.paced import Paced
from orchestrator.kinds.shared.transitions import START, STOP, Transition, transition_of
from orchestrator.ports import BatchGuard

_LOOKS = 3
Actions = Sequence[tuple[Resource, Action]]


def carry_out(
    actions: Actions,
    operations: Operations,
    paced: Paced,
    now: Callable[[], datetime],
    sweep_id: str,
    guard: BatchGuard,
) -> tuple[Outcome, ...]:
    """Exactly one outcome for each resource that the guard admits: first of the stops, then of the starts."""
    outcomes: list[Outcome] = []
    for transition in (STOP, START):
        some = [(resource, action) for resource, action in actions if transition_of(action) is transition]
        outcomes += ActRun(transition, operations, paced, now, sweep_id, guard).act(some)
    return tuple(outcomes)


class ActRun:
    """One target's stops or starts. Give it to one thread; the account is bound around it.

    What the guard itself raises goes through: what it recorded until then stays so, and nothing else is called.
    """

    def __init__(
        self,
        transition: Transition,
        operations: Operations,
        paced: Paced,
        now: Callable[[], datetime],
        sweep_id: str,
        guard: BatchGuard,
    ) -> None:
        self._transition = transition
        self._operations = operations
        self._retries = paced.retries
        self._now = now
        self._sweep_id = sweep_id
        self._guard = guard
        self._attempts: dict[str, Attempt] = {}
        self._untold: list[Attempt] = []
        """Of the last batch, where AWS accepted all of it."""
        self._handing_out = HandingOut(guard.may_call)
        self._marks = Marks(operations, paced)
        self._batches = Batches(transition, operations, paced, self._attempts, self._handing_out, now)

    def act(self, actions: Actions) -> tuple[Outcome, ...]:
        """Exactly one outcome for each resource that the guard admits, in the order given."""
        possible = [(resource, *self._operations.possible_action(resource, action)) for resource, action in actions]
        for action in (Action.HIBERNATE, Action.STOP, Action.START):
            some = [(resource, note) for resource, possible_action, note in possible if possible_action is action]
            for batch in in_portions(some, self._operations.profile.batch_size):
                self._tell_answers()
                self._carry_out(self._admitted(batch), action)
        self._try_again_without_capacity()
        try:
            look = self._look()
            self._tell_what_was_seen(look)
        finally:
            self._tell_answers()  # where the look broke off
        self._unmark_what_was_seen_up(look)
        ids = [resource.resource_id for resource, _ in actions]
        return tuple(seen_outcome(self._attempts[one], look) for one in ids if one in self._attempts)

    def _admitted(self, batch: Sequence[tuple[Resource, str]]) -> list[Attempt]:
        """From here on each needs an outcome."""
        notes = {resource.resource_id: note for resource, note in batch if note}
        admitted = []
        for resource in self._guard.admit([resource for resource, _ in batch]):
            asked_before = self._guard.asked_before(resource)
            attempt = Attempt(resource, self._transition, self._operations.profile, asked_before)
            attempt.unanswered = asked_before is not None
            attempt.notes += [notes[resource.resource_id]] if resource.resource_id in notes else []
            self._attempts[resource.resource_id] = attempt
            admitted.append(attempt)
        return admitted

    def _carry_out(self, attempts: list[Attempt], action: Action) -> None:
        """One batch: its marks, its calls, and what the guard is told, unless the look may tell more.

        What has no capacity waits for the end.
        """
        if not attempts:
            return
        try:
            if self._transition is STOP:
                self._mark(attempts)
            else:
                self._mark_again([attempt for attempt in attempts if attempt.lost_mark and not attempt.marked_again])
            for some in _unmarkable_last(attempts):
                self._batches.carry_out([one.resource.resource_id for one in some], action)
        except Exception as failure:  # noqa: BLE001 - whatever breaks, what AWS accepted before is recorded
            for attempt in attempts:
                if not attempt.is_concluded:
                    attempt.error = error_of(failure)
        for attempt in attempts:
            # Seen up a moment ago, and down before it was asked for: by a person, or by a second delivery of this work.
            if attempt.already_there and attempt.marked and self._guard.is_anothers(attempt.resource):
                attempt.found_there(before=False)
        self._delete_marks(attempts)
        self._untold = [one for one in attempts if not one.waits_for_capacity]
        # Who resumes does not look again at a start that is recorded as seen: its marks have to be gone before.
        if self._transition is START or not all(one.accepted and not one.unanswered for one in attempts):
            self._tell_answers()

    def _tell_answers(self) -> None:
        """What came of a batch by AWS's answers alone."""
        untold, self._untold = self._untold, []
        if untold:
            self._guard.record_outcomes([answered_outcome(one) for one in untold])

    def _tell_what_was_seen(self, look: Look) -> None:
        """Of the last batch, before any mark is deleted."""
        untold, self._untold = self._untold, []
        if untold:
            self._guard.record_outcomes([seen_outcome(one, look) for one in untold])

    def _mark(self, attempts: Sequence[Attempt]) -> None:
        """What is not marked by this is concluded: it is not stopped."""
        resources = [attempt.resource for attempt in attempts]
        marking = self._marks.write(resources, marks_of(self._sweep_id, self._now()), self._handing_out)
        for attempt in attempts:
            resource_id = attempt.resource.resource_id
            attempt.left = resource_id in marking.left
            attempt.mark_refusal = marking.refused.get(resource_id)
            is_taken = attempt.mark_refusal is None and not attempt.left
            attempt.marked = is_taken or resource_id in marking.unanswered

    def _mark_again(self, attempts: Sequence[Attempt]) -> None:
        """The member role starts only what is marked. What AWS does not let be marked is asked for all the same."""
        for sweep_id in {attempt.lost_mark for attempt in attempts}:
            some = [attempt for attempt in attempts if attempt.lost_mark == sweep_id]
            resources = [attempt.resource for attempt in some]
            marking = self._marks.write(resources, {STOPPED_BY_TAG: sweep_id}, self._handing_out)
            for attempt in some:
                resource_id = attempt.resource.resource_id
                attempt.left = resource_id in marking.left
                attempt.marked_again = not attempt.left and resource_id not in marking.refused
                attempt.unmarkable = marking.refused.get(resource_id)

    def _delete_marks(self, attempts: Iterable[Attempt]) -> None:
        """Of what was marked again in vain; and of what was marked and not stopped, unless only a look can tell if it
        was.
        """
        if self._transition is START:
            self._unmark([one for one in attempts if one.marked_again and one.already_there])
        elif self._guard.may_unmark():
            self._unmark([attempt for attempt in attempts if attempt.marked and not attempt.may_have_happened])

    def _unmark_what_was_seen_up(self, look: Look) -> None:
        """Of what was started; and of what AWS gave no answer about: what runs on was not stopped, and no undo will
        want what is gone.
        """
        if self._transition is START:
            started = [one for one in self._attempts.values() if one.accepted and one.resource.resource_id in look.seen]
            up = [one for one in started if one.is_there(look.seen[one.resource.resource_id])]
            runs = [one for one in up if look.seen[one.resource.resource_id].state is ResourceState.RUNNING]
            self._marks.give_back([one.resource for one in up if one not in runs], look.seen)  # else once it runs
            self._unmark(runs, look.seen)
            return
        unclear = [one for one in self._attempts.values() if one.marked and one.unanswered and not one.accepted]
        seen = {one: look.seen[one].state for one in look.seen}
        not_down = self._transition.earlier_states | {ResourceState.GONE}
        if self._guard.may_unmark():
            self._unmark([one for one in unclear if seen.get(one.resource.resource_id) in not_down], look.seen)

    def _unmark(self, attempts: Sequence[Attempt], seen: Mapping[str, Resource] | None = None) -> None:
        left = self._marks.delete([attempt.resource for attempt in attempts], seen)
        for attempt in attempts:
            error = left.refused.get(attempt.resource.resource_id)
            attempt.not_given_back = left.not_given_back.get(attempt.resource.resource_id)
            attempt.marked = error is not None
            attempt.warnings += [not_deleted(error, self._transition)] if error else []

    def _try_again_without_capacity(self) -> None:
        """Capacity comes and goes: once more after everything else, as often as retries allow, and then it failed."""
        for number in range(1, self._retries.attempts + 1):
            waiting = self._waiting_for_capacity()
            if not waiting:
                return
            if not self._retries.out_of_time():
                self._retries.wait(number)
            for batch in in_portions(waiting, self._operations.profile.batch_size):
                self._tell_answers()
                self._carry_out(list(batch), Action.START)
        failed = self._waiting_for_capacity()
        for attempt in failed:
            attempt.error = attempt.no_capacity
        if failed:
            self._guard.record_outcomes([answered_outcome(attempt) for attempt in failed])

    def _waiting_for_capacity(self) -> list[Attempt]:
        return [attempt for attempt in self._attempts.values() if attempt.waits_for_capacity]

    def _look(self) -> Look:
        """One describe of the target; more only while a stop that AWS accepted is not seen to move.

        What comes of a start takes longer, and is seen later, for all targets at once (sweep.starts).
        """
        asked = [one for one, attempt in self._attempts.items() if attempt.is_looked_at]
        if not asked:
            return Look({}, None)
        for look in range(1, _LOOKS + 1):
            try:
                seen, refused = self._describe(asked)
            except Exception as failure:  # noqa: BLE001 - what AWS answered to the calls is known all the same
                return Look({}, None, error_of(failure))
            moved = [seen[one] for one in asked if one in seen and self._attempts[one].may_have_happened]
            if (
                look == _LOOKS
                or self._transition is START
                or not any(one.state in self._transition.earlier_states for one in moved)
            ):
                break
            self._tell_answers()
            self._retries.wait(look)
        return Look(seen, self._now(), refused=refused)

    def _describe(self, ids: list[str]) -> tuple[Mapping[str, Resource], dict[str, AwsError]]:
        """The look that follows at once is tried once: before it waits, AWS's answers are told."""
        if self._untold:
            seen, refused = self._batches.describe(ids, tries=False)
            if not refused:
                return seen, refused
            self._tell_answers()
        return self._batches.describe(ids)


def _unmarkable_last(attempts: Iterable[Attempt]) -> Iterator[list[Attempt]]:
    """What is to be called for: a start that IAM may refuse for want of a mark is not asked for with others."""
    todo = [attempt for attempt in attempts if not attempt.is_concluded]
    for unmarkable in (False, True):
        some = [attempt for attempt in todo if (attempt.unmarkable is not None) is unmarkable]
        if some:
            yield some
