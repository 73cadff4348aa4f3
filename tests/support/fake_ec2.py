"""A fake EC2 for one target that refuses as AWS does, and a guard that keeps the order in which things happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from orchestrator.aws.retries import Retries
from orchestrator.core.model import Action, Outcome, OutcomeStatus, Resource
from orchestrator.kinds.ec2.act import Ec2Operations
from orchestrator.kinds.shared.act import carry_out
from orchestrator.kinds.shared.operations import Call
from orchestrator.kinds.shared.paced import Paced
from tests.support.builders import SWEEP_ID, a_resource

NOW = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
Refusal = tuple[str, str]
ANSWERED: dict[str, Any] = {"ResponseMetadata": {"RequestId": "a-request"}}
"""What AWS answers to a call that tells nothing."""
NO_CAPACITY = (
    "We currently do not have sufficient m5.large capacity in the Availability Zone you requested (eu-west-1a)."
)


def refused(code: str, message: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "StopInstances")


def throttle() -> None:
    raise refused("RequestLimitExceeded", "Request limit exceeded.", 503)


def ids(count: int) -> list[str]:
    return [f"i-{number:017x}" for number in range(count)]


class FakeEc2:
    """Holds the state of each instance; `bad` maps an id to the code and message (with `{id}`) that it provokes."""

    def __init__(self, ids: Sequence[str], bad: dict[str, Refusal] | None = None, state: str = "running") -> None:
        self.states = dict.fromkeys(ids, state)
        self.bad = bad or {}
        self.status = 400
        """HTTP's, of what `bad` provokes."""
        self.reasons: dict[str, str] = {}
        """`StateTransitionReason`, where it has one."""
        self.launched: dict[str, datetime] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.stops: list[tuple[tuple[str, ...], bool]] = []
        self.starts: list[tuple[str, ...]] = []
        self.before_stop: list[Callable[[], None]] = []
        self.before_start: list[Callable[[], None]] = []
        self.tag_refusals: list[ClientError] = []
        self.cannot_tag: dict[str, Refusal] = {}
        """Like `bad`, of tagging."""
        self.log: list[str] = []

    def stop_instances(self, *, InstanceIds: list[str], Hibernate: bool = False) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self.stops.append((tuple(InstanceIds), Hibernate))
        return {"StoppingInstances": self._change("stop", InstanceIds, self.before_stop, "stopping")}

    def start_instances(self, *, InstanceIds: list[str]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self.starts.append(tuple(InstanceIds))
        return {"StartingInstances": self._change("start", InstanceIds, self.before_start, "pending")}

    def described(self, ids: Sequence[str], call: Call) -> list[dict[str, Any]]:
        return call("DescribeInstances", lambda: self.describe_instances(ids))

    def describe_instances(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        return [
            {
                "InstanceId": one,
                "State": {"Name": self.states[one]},
                "StateTransitionReason": self.reasons.get(one, ""),
                "LaunchTime": self.launched.get(one),
                "Tags": [{"Key": key, "Value": value} for key, value in self.tags.get(one, {}).items()],
            }
            for one in ids
            if one in self.states
        ]

    def create_tags(self, *, Resources: list[str], Tags: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self._tagged("mark", Resources)
        for one in Resources:
            self.tags.setdefault(one, {}).update({tag["Key"]: tag["Value"] for tag in Tags})
        return ANSWERED

    def delete_tags(self, *, Resources: list[str], Tags: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self._tagged("unmark", Resources)
        for one in Resources:
            for tag in Tags:
                self.tags.get(one, {}).pop(tag["Key"], None)
        return ANSWERED

    def _change(self, verb: str, ids: list[str], before: list[Callable[[], None]], state: str) -> list[dict[str, Any]]:
        self.log.append(f"{verb} {len(ids)}")
        if before:
            before.pop(0)()
        for instance_id in ids:
            if instance_id in self.bad:
                code, message = self.bad[instance_id]
                raise refused(code, message.format(id=instance_id), self.status)
        changes = [{"InstanceId": one, "PreviousState": {"Name": self.states[one]}} for one in ids]
        self.states.update(dict.fromkeys(ids, state))
        return changes

    def _tagged(self, verb: str, ids: list[str]) -> None:
        self.log.append(f"{verb} {len(ids)}")
        if self.tag_refusals:
            raise self.tag_refusals.pop(0)
        for one in ids:
            if one in self.cannot_tag:
                code, message = self.cannot_tag[one]
                raise refused(code, message.format(id=one))


@dataclass
class RecordingGuard:
    """Admits everything but `refused`, allows calls as long as `allows` says; keeps what it was asked and told."""

    log: list[str] = field(default_factory=list)
    refused: frozenset[str] = frozenset()
    allows: Callable[[], bool] = lambda: True
    unmarks: bool = True
    before_admitting: Callable[[], None] = lambda: None
    recorded: list[Outcome] = field(default_factory=list)
    before: dict[str, datetime] = field(default_factory=dict)
    """When a process before announced it, by id."""
    anothers: frozenset[str] = frozenset()
    """What a second delivery of the same work took over, by id."""

    def is_anothers(self, resource: Resource) -> bool:
        return resource.resource_id in self.anothers

    def asked_before(self, resource: Resource) -> datetime | None:
        return self.before.get(resource.resource_id)

    def admit(self, resources: Sequence[Resource]) -> tuple[Resource, ...]:
        self.before_admitting()
        self.log.append(f"admit {len(resources)}")
        return tuple(one for one in resources if one.resource_id not in self.refused)

    def may_call(self) -> bool:
        return self.allows()

    def may_unmark(self) -> bool:
        return self.unmarks

    def record_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        self.log.append(f"record {len(outcomes)}")
        self.recorded += outcomes

    def statuses(self) -> dict[str, OutcomeStatus]:
        return {outcome.resource.resource_id: outcome.status for outcome in self.recorded}


@dataclass
class RecordingPacing:
    """In place of aws.pacing.Pacing: lets everything through at once, and keeps what it was asked and told."""

    waits: list[tuple[str, str, str, int]] = field(default_factory=list)
    told: list[tuple[str, str, str]] = field(default_factory=list)
    while_waiting: Callable[[], None] = lambda: None

    def wait(self, account_id: str, region: str, operation: str, resources: int = 0) -> None:
        self.waits.append((account_id, region, operation, resources))
        self.while_waiting()

    def throttled(self, account_id: str, region: str, operation: str) -> None:
        self.told.append((account_id, region, operation))


def act(
    ec2: FakeEc2,
    wanted: Sequence[str],
    action: Action = Action.STOP,
    guard: RecordingGuard | None = None,
    pacing: RecordingPacing | None = None,
    retries: Retries | None = None,
    restore: Mapping[str, Any] | None = None,
    now: Callable[[], datetime] = lambda: NOW,
    **facts: Any,
) -> dict[str, Outcome]:
    """One run on this fake, in the order given; by instance id."""
    resources = [(a_resource(resource_id=one, facts=facts, restore=restore or {}), action) for one in wanted]
    retries = retries or Retries(attempts=4, sleep=lambda _: None)
    target = a_resource().target
    paced = Paced("ec2", target, pacing or RecordingPacing(), retries)  # type: ignore[arg-type]  # a fake
    operations = Ec2Operations(ec2, target, "aws", ec2.described)  # type: ignore[arg-type]  # a fake
    outcomes = carry_out(resources, operations, paced, now, SWEEP_ID, guard or RecordingGuard())
    return {outcome.resource.resource_id: outcome for outcome in outcomes}


def statuses(outcomes: dict[str, Outcome]) -> dict[str, OutcomeStatus]:
    return {one: outcome.status for one, outcome in outcomes.items()}
