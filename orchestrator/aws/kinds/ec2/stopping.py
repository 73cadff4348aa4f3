"""Stopping EC2 instances of one target: batches, the error table, tags, and one look at what came of it.

One bad id makes AWS refuse a whole batch. So: every id that the refusal names is put aside with AWS's code, the rest is
tried again; a refusal that names none is bisected; throttling is waited out and never bisected; and after any refusal
the instances are described again, because some may have stopped all the same (DESIGN section 6).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.parsers import ResponseParserError

from orchestrator.aws.failures import AWS_FAILURES, Failure, classify, error_of
from orchestrator.aws.kinds.ec2.attempts import UP, Attempt, Look, Seen, outcome
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Action, AwsError, Outcome, Resource

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

BATCH_SIZE = 50
IDS_A_FILTER = 200
STOPPED_BY_TAG = "stop-orchestrator:stopped-by"
STOPPED_AT_TAG = "stop-orchestrator:stopped-at"

NO_HIBERNATION = "UnsupportedHibernationConfiguration"
WRONG_STATE = "IncorrectInstanceState"
_LOOKS = 3
_SAYS_NOTHING_OF_ONE_INSTANCE = frozenset(
    {Failure.THROTTLED, Failure.TRANSIENT, Failure.REGION_DISABLED, Failure.EXPIRED}
)


@dataclass(frozen=True, slots=True)
class _Batch:
    ids: list[str]
    tries: int = 1
    refused: bool = False
    """It is what is left of a batch that AWS refused."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What follows a refusal: batches to try again, and ids to stop without hibernation."""

    again: list[_Batch]
    not_hibernated: list[str] = field(default_factory=list)


class StopRun:
    """One target's stops. Give it to one thread; the account is bound around it."""

    def __init__(self, client: EC2Client, retries: Retries, now: Callable[[], datetime], sweep_id: str) -> None:
        self._client = client
        self._retries = retries
        self._now = now
        self._sweep_id = sweep_id
        self._attempts: dict[str, Attempt] = {}

    def stop(self, stops: Sequence[tuple[Resource, Action]]) -> tuple[Outcome, ...]:
        """Exactly one outcome for each resource, in the order given."""
        self._attempts = {resource.resource_id: Attempt(resource) for resource, _ in stops}
        try:
            hibernate, plain = self._by_action(stops)
            plain += self._stop_all(hibernate, hibernate=True)
            self._stop_all(plain, hibernate=False)
        except Exception as failure:  # noqa: BLE001 - whatever breaks, what was stopped before it is looked at
            left = [instance_id for instance_id, attempt in self._attempts.items() if not attempt.is_settled]
            self._fail(left, error_of(failure))
        look = self._look()
        return tuple(outcome(attempt, look) for attempt in self._attempts.values())

    def _by_action(self, stops: Sequence[tuple[Resource, Action]]) -> tuple[list[str], list[str]]:
        hibernate: list[str] = []
        plain: list[str] = []
        for resource, action in stops:
            if action is Action.HIBERNATE and resource.facts.get("hibernation_configured"):
                hibernate.append(resource.resource_id)
                continue
            if action is Action.HIBERNATE:
                self._attempts[resource.resource_id].notes.append("hibernation is not configured: stopped instead")
            plain.append(resource.resource_id)
        return hibernate, plain

    def _stop_all(self, ids: Sequence[str], *, hibernate: bool) -> list[str]:
        """Stops in batches, while there is time; gives back the ids that AWS would not hibernate."""
        not_hibernated: list[str] = []
        for start in range(0, len(ids), BATCH_SIZE):
            if self._retries.out_of_time():
                self._leave(ids[start:])
                break
            not_hibernated += self._stop_batch(list(ids[start : start + BATCH_SIZE]), hibernate=hibernate)
        return not_hibernated

    def _stop_batch(self, ids: list[str], *, hibernate: bool) -> list[str]:
        """Ends: each refusal takes at least one id away, halves the batch, or uses up a try."""
        not_hibernated: list[str] = []
        work = [_Batch(ids)]
        while work:
            batch = work.pop()
            if batch.refused and self._retries.out_of_time():
                self._leave(batch.ids)
                continue
            refusal = self._ask_to_stop(batch.ids, hibernate=hibernate)
            if refusal is None:
                continue
            seen = self._seen_after_refusal(batch.ids)
            still_up = self._set_down_aside(batch.ids, seen, error_of(refusal))
            step = self._after_refusal(refusal, replace(batch, ids=still_up, refused=True), seen)
            work += [batch for batch in step.again if batch.ids]
            not_hibernated += step.not_hibernated
        self._tag(ids)
        return not_hibernated

    def _ask_to_stop(self, ids: list[str], *, hibernate: bool) -> Exception | None:
        """AWS's refusal, if it refused. What was down before the call is not this sweep's doing."""
        asked = [self._attempts[instance_id] for instance_id in ids]
        for attempt in asked:
            attempt.requested_at = attempt.requested_at or self._now()
        arguments: dict[str, Any] = {"InstanceIds": ids, "Hibernate": True} if hibernate else {"InstanceIds": ids}
        try:
            changes = _listed(self._client.stop_instances(**arguments), "StoppingInstances")
        except AWS_FAILURES as failure:
            for attempt in asked:
                attempt.unanswered |= classify(failure) is Failure.TRANSIENT
            return failure
        before = {change["InstanceId"]: change.get("PreviousState", {}).get("Name", "") for change in changes}
        for attempt in asked:
            state = before.get(attempt.resource.resource_id)
            if state is not None:
                attempt.found_down(before=Seen(state).is_down and not attempt.unanswered)
        return None

    def _seen_after_refusal(self, ids: list[str]) -> dict[str, Seen]:
        try:
            return self._describe(ids)
        except AWS_FAILURES:
            return {}

    def _set_down_aside(self, ids: list[str], seen: dict[str, Seen], error: AwsError) -> list[str]:
        """The ids that still need a stop.

        One that is down although its batch was refused was stopped by that call, unless EC2 or the refusal itself says
        that it was down before.
        """
        down = [instance_id for instance_id in ids if instance_id in seen and seen[instance_id].is_down]
        for instance_id in down:
            attempt = self._attempts[instance_id]
            named = error.code == WRONG_STATE and _names(error.message, instance_id)
            attempt.found_down(before=named or attempt.was_down_before(seen[instance_id]))
        return [instance_id for instance_id in ids if instance_id not in set(down)]

    def _after_refusal(self, refusal: Exception, batch: _Batch, seen: dict[str, Seen]) -> _Step:
        if classify(refusal) in _SAYS_NOTHING_OF_ONE_INSTANCE:
            return self._wait_or_give_up(refusal, batch)
        error = error_of(refusal)
        named = [instance_id for instance_id in batch.ids if _names(error.message, instance_id)]
        if not named and len(batch.ids) > 1:
            middle = len(batch.ids) // 2
            return _Step([replace(batch, ids=half) for half in (batch.ids[:middle], batch.ids[middle:])])
        bad = named or batch.ids
        rest = [instance_id for instance_id in batch.ids if instance_id not in set(bad)]
        return self._put_aside(error, bad, rest, batch, seen)

    def _put_aside(
        self, error: AwsError, bad: list[str], rest: list[str], batch: _Batch, seen: dict[str, Seen]
    ) -> _Step:
        if error.code == NO_HIBERNATION:
            self._note(bad, "AWS cannot hibernate it: stopped instead")
            return _Step([replace(batch, ids=rest)], not_hibernated=bad)
        up = {instance_id for instance_id in bad if instance_id in seen and seen[instance_id].state in UP}
        later = [instance_id for instance_id in bad if error.code == WRONG_STATE and instance_id in up]
        self._fail([instance_id for instance_id in bad if instance_id not in set(later)], error)
        retried = self._again_later(later, batch.tries, error)
        return _Step([*retried, replace(batch, ids=rest)])

    def _wait_or_give_up(self, refusal: Exception, batch: _Batch) -> _Step:
        meaning = classify(refusal)
        if meaning is Failure.REGION_DISABLED:
            self._fail(batch.ids, error_of(refusal))
            return _Step([])
        if meaning is Failure.EXPIRED:
            self._retries.on_expired()
        return _Step(self._again_later(batch.ids, batch.tries, error_of(refusal)))

    def _again_later(self, ids: list[str], tries: int, error: AwsError) -> list[_Batch]:
        """The same ids once more after a wait, or failed with AWS's words when tries or time are used up."""
        if not ids:
            return []
        if tries >= self._retries.attempts or self._retries.out_of_time():
            self._fail(ids, error)
            return []
        self._retries.wait(tries)
        return [_Batch(ids, tries + 1, refused=True)]

    def _fail(self, ids: Iterable[str], error: AwsError) -> None:
        for instance_id in ids:
            self._attempts[instance_id].error = error

    def _leave(self, ids: Iterable[str]) -> None:
        for instance_id in ids:
            self._attempts[instance_id].left = True

    def _note(self, ids: Iterable[str], text: str) -> None:
        for instance_id in ids:
            self._attempts[instance_id].notes.append(text)

    def _describe(self, ids: Sequence[str]) -> dict[str, Seen]:
        """Each instance that AWS still knows. By filter, since an unknown id would be an error."""
        seen: dict[str, Seen] = {}
        for start in range(0, len(ids), IDS_A_FILTER):
            only_these = [{"Name": "instance-id", "Values": list(ids[start : start + IDS_A_FILTER])}]
            for reservations in self._pages({"Filters": only_these, "MaxResults": 1000}):
                for reservation in reservations:
                    seen.update((raw["InstanceId"], Seen.of(raw)) for raw in reservation["Instances"])
        return seen

    def _pages(self, arguments: dict[str, Any]) -> Iterator[Any]:
        while True:
            page = self._retries.call(lambda: self._page(arguments))
            yield page["Reservations"]
            if not page.get("NextToken"):
                return
            arguments["NextToken"] = page["NextToken"]

    def _page(self, arguments: dict[str, Any]) -> Any:
        page = self._client.describe_instances(**arguments)
        _listed(page, "Reservations")
        return page

    def _tag(self, ids: Sequence[str]) -> None:
        """Marks what this sweep stopped; a tag that cannot be written is a warning, never a failed stop."""
        left = [instance_id for instance_id in ids if self._attempts[instance_id].accepted]
        tags: Any = [
            {"Key": STOPPED_BY_TAG, "Value": self._sweep_id},
            {"Key": STOPPED_AT_TAG, "Value": self._now().strftime("%Y-%m-%dT%H:%M:%SZ")},
        ]
        while left:
            error = self._refusal_to_tag(left, tags)
            if error is None:
                return
            named = [instance_id for instance_id in left if _names(error.message, instance_id)] or left
            for instance_id in named:
                self._attempts[instance_id].warnings.append(f"not tagged: {error}")
            left = [instance_id for instance_id in left if instance_id not in set(named)]

    def _refusal_to_tag(self, ids: list[str], tags: Any) -> AwsError | None:
        try:
            self._retries.call(lambda: self._client.create_tags(Resources=ids, Tags=tags))
        except AWS_FAILURES as failure:
            return error_of(failure)
        return None

    def _look(self) -> Look:
        """One describe of the target; more only while something that AWS promised to stop is seen running."""
        asked = [instance_id for instance_id, attempt in self._attempts.items() if attempt.requested_at]
        if not asked:
            return Look({}, None)
        for look in range(1, _LOOKS + 1):
            try:
                seen = self._describe(asked)
            except Exception as failure:  # noqa: BLE001 - what AWS answered to the stops is known all the same
                return Look({}, None, error_of(failure))
            promised = [seen[one] for one in asked if one in seen and self._attempts[one].accepted]
            if look == _LOOKS or not any(one.state in UP for one in promised):
                break
            self._retries.wait(look)
        return Look(seen, self._now())


def _listed(answer: Any, key: str) -> Any:
    """Raises ResponseParserError for an answer without the list (a page of a proxy): that is not an empty one."""
    if key not in answer:
        raise ResponseParserError(f"the answer has no {key}")
    return answer[key]


def _names(message: str, instance_id: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(instance_id)}(?![\w-])", message) is not None
