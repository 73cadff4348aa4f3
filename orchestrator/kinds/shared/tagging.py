"""Writing and deleting tags of resources of one target, whatever their kind: no state is changed.

Batch by batch: what the guard admits is tagged, resources with the same tags in one call; at the end everything is
looked at once, and each is told to the guard. What AWS accepted and does not show yet is tagged all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.aws.failures import AWS_FAILURES, Failure, classify, error_of
from orchestrator.core.model import Action, AwsError, Outcome, OutcomeStatus, Resource, ResourceState, Tags
from orchestrator.core.model.tagging import tagging_of
from orchestrator.kinds.shared.attempts import gone
from orchestrator.kinds.shared.handing_out import HandingOut
from orchestrator.kinds.shared.isolating import NotHandedOutError, isolate
from orchestrator.kinds.shared.looking import look_at_each
from orchestrator.kinds.shared.operations import Operations, Profile, in_portions
from orchestrator.kinds.shared.paced import Paced
from orchestrator.kinds.shared.recovery import RECOVERED
from orchestrator.ports import NOT_HANDED_OUT, BatchGuard

DONE = {Action.TAG: OutcomeStatus.TAGGED, Action.UNTAG: OutcomeStatus.UNTAGGED}
_NOT_SEEN = "AWS accepted it, and does not show it yet"


@dataclass(frozen=True, slots=True)
class _Answers:
    """What AWS answered about a batch, by resource id; what is named nowhere was accepted."""

    refused: Mapping[str, AwsError]
    left: frozenset[str]
    unanswered: frozenset[str]
    """Of what is refused: a call got no answer, so it may have been done."""


class TagRun:
    """One target's. Give it to one thread; the account is bound around it. What the guard raises goes through."""

    def __init__(self, operations: Operations, paced: Paced, now: Callable[[], datetime], guard: BatchGuard) -> None:
        self._operations = operations
        self._paced = paced
        self._now = now
        self._guard = guard
        self._handing_out = HandingOut(guard.may_call)

    def act(self, actions: Sequence[tuple[Resource, Action]]) -> tuple[Outcome, ...]:
        """Exactly one outcome for each resource that the guard admits."""
        outcomes: list[Outcome] = []
        for action in DONE:
            some = [resource for resource, asked in actions if asked is action]
            for batch in in_portions(some, self._operations.profile.batch_size):
                admitted = self._guard.admit(batch)
                if admitted:
                    outcomes += self._carry_out(admitted, action)
        return tuple(outcomes)

    def _carry_out(self, resources: Sequence[Resource], action: Action) -> Sequence[Outcome]:
        at = self._now()
        answers = self._ask(resources, action)
        made = [self._answered(one, action, answers, at) for one in resources]
        to_see = [one for one in made if one.status in (DONE[action], OutcomeStatus.UNKNOWN)]
        ids = [one.resource.resource_id for one in to_see]
        try:
            seen, unseen = look_at_each(ids, self._operations.describe, self._paced.hasty) if ids else ({}, {})
        except Exception as failure:  # noqa: BLE001 - what AWS answered to the calls is known all the same
            seen, unseen = {}, dict.fromkeys(ids, error_of(failure))
        looked = {one.resource.key for one in to_see if one.resource.resource_id not in unseen}
        made = [
            self._seen(one, action, seen.get(one.resource.resource_id)) if one.resource.key in looked else one
            for one in made
        ]
        self._guard.record_outcomes(made)
        return made

    def _ask(self, resources: Sequence[Resource], action: Action) -> _Answers:
        groups: dict[tuple[tuple[str, str], ...], list[Resource]] = {}
        for one in resources:
            groups.setdefault(tuple(sorted(tagging_of(one.restore).items())), []).append(one)
        failed: dict[str, Exception] = {}
        unanswered: set[str] = set()
        for pairs, some in groups.items():
            failed |= self._ask_all(some, action, dict(pairs), unanswered)
        left = frozenset(one for one, failure in failed.items() if isinstance(failure, NotHandedOutError))
        refused = {one: error_of(failure) for one, failure in failed.items() if one not in left}
        return _Answers(refused, left, frozenset(unanswered))

    def _ask_all(
        self, resources: Sequence[Resource], action: Action, tags: Tags, unanswered: set[str]
    ) -> dict[str, Exception]:
        profile = self._operations.profile
        operation = profile.mark if action is Action.TAG else profile.unmark
        call = self._operations.mark if action is Action.TAG else self._operations.untag
        by_id = {one.resource_id: one for one in resources}

        def change(ids: Sequence[str], paced: Paced) -> None:
            if not self._handing_out.allows(lambda: paced.wait(operation)):
                raise NotHandedOutError
            try:
                paced.now(operation, lambda: call([by_id[one] for one in ids], tags))
            except AWS_FAILURES as failure:
                if classify(failure) is Failure.TRANSIENT:
                    unanswered.update(ids)
                raise

        return isolate(
            list(by_id),
            profile.resources_a_call,
            lambda ids, paced: paced.retries.call(lambda: change(ids, paced)),
            self._paced,
        )

    def _answered(self, resource: Resource, action: Action, answers: _Answers, at: datetime) -> Outcome:
        one = resource.resource_id
        if one in answers.left:
            status = OutcomeStatus.UNKNOWN if one in answers.unanswered else OutcomeStatus.NOT_ATTEMPTED
            return Outcome(resource, status, "", NOT_HANDED_OUT, at if one in answers.unanswered else None)
        error = answers.refused.get(one)
        if error is None:
            return Outcome(resource, DONE[action], requested_at=at)
        status = OutcomeStatus.UNKNOWN if one in answers.unanswered else OutcomeStatus.FAILED
        return Outcome(resource, status, error.code, error.message, at)

    def _seen(self, outcome: Outcome, action: Action, fresh: Resource | None) -> Outcome:
        if fresh is None or fresh.state is ResourceState.GONE:
            status, code, message = gone(self._operations.profile, fresh)
            return replace(outcome, status=status, code=code, message=message, verified_at=self._now())
        if is_done(outcome.resource, action, fresh):
            return replace(outcome, status=DONE[action], code="", message="", verified_at=self._now())
        if outcome.status is OutcomeStatus.UNKNOWN:  # AWS shows tags late: it may have been done
            return outcome
        return replace(outcome, message=_NOT_SEEN)


def is_done(resource: Resource, action: Action, fresh: Resource) -> bool:
    """Whether the tags are as the action wanted them: there with these values, or not there with them."""
    changes = tagging_of(resource.restore).items()
    return all((fresh.tags.get(key) == value) is (action is Action.TAG) for key, value in changes)


def recover_tagging(
    profile: Profile,
    intents: Sequence[tuple[Resource, Action, datetime]],
    fresh: Mapping[str, Resource],
    at: datetime,
) -> tuple[Outcome, ...]:
    """For intents of a process that died: one for each that is done, or gone; none for what can be asked for anew."""
    found: list[Outcome] = []
    for resource, action, requested_at in intents:
        now = fresh.get(resource.resource_id)
        if now is None or now.state is ResourceState.GONE:
            found.append(Outcome(resource, *gone(profile, now), requested_at, at))
        elif is_done(resource, action, now):
            found.append(Outcome(resource, DONE[action], "", RECOVERED, requested_at, at))
    return tuple(found)
