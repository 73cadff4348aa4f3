"""ECS for the contract suite, in memory and embedded. Each service has two tasks, and a scalable target."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import Any

import pytest
from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.ecs.models import ecs_backends

from orchestrator.core.model import Action
from orchestrator.demo.calls import Call
from orchestrator.demo.gates import ecs_service as gate
from orchestrator.kinds.ecs_service.act import PROFILE
from orchestrator.kinds.ecs_service.describe import DIMENSION
from orchestrator.kinds.ecs_service.kind import KIND
from orchestrator.kinds.ecs_service.rules import FLAGS
from tests.kinds.contract import harness
from tests.kinds.contract.harness import REGION, Refusal, Row, Words
from tests.support.embedded import OrganizationBuilder
from tests.support.fake_ec2 import ANSWERED

WORDS = Words(
    entry=KIND,
    profile=PROFILE,
    running="running",
    odd_state="DRAINING",
    fell_back="stopped",
    throttled="ThrottlingException",
    cannot_stop=("InvalidParameterException", "The service {id} takes no count."),
    cannot_mark=("InvalidParameterException", "Long arn format must be used for tagging operations: {id}"),
    not_found=("ServiceNotFoundException", "Service not found."),
)
CLUSTER, TASKS = "apps", 2
NOT_SUSPENDED = dict.fromkeys(FLAGS.values(), False)
ALL_SUSPENDED = dict.fromkeys(FLAGS.values(), True)
_NUMBERS = count(1)
_COUNTS = {"running": (TASKS, TASKS), "starting": (TASKS, 0), "stopping": (0, TASKS), "stopped": (0, 0)}
"""Desired and running, by the word for the state."""


def seed(
    organization: OrganizationBuilder,
    account: str,
    region: str,
    tags: Mapping[str, str],
    *,
    cluster: str = CLUSTER,
    desired: int = TASKS,
    flags: Mapping[str, bool] | None = NOT_SUSPENDED,
    sizes: tuple[int, int] = (1, 4),
    **fields: Any,
) -> str:
    """One to be stopped; its id. `flags`: of its scalable target, whose `sizes` are these; None: it has none."""
    name = f"web-{next(_NUMBERS)}"
    with organization.acting_in(account):
        client = organization.client("ecs", region)
        if cluster not in ecs_backends[account][region].clusters:
            client.create_cluster(clusterName=cluster)
        pairs = [{"key": key, "value": value} for key, value in tags.items()]
        client.create_service(cluster=cluster, serviceName=name, desiredCount=desired, tags=pairs, **fields)
        gate.settle(ecs_backends[account][region].services[f"{cluster}:{name}"])
        if flags is not None:
            low, high = sizes
            organization.client("application-autoscaling", region).register_scalable_target(
                ServiceNamespace="ecs",
                ResourceId=f"service/{cluster}/{name}",
                ScalableDimension=DIMENSION,
                MinCapacity=low,
                MaxCapacity=high,
                SuspendedState=dict(flags),
            )
    return f"{cluster}/{name}"


def service_of(account: str, resource_id: str, region: str = REGION) -> Any:
    return ecs_backends[account][region].services[resource_id.replace("/", ":")]


def flags_in(account: str, resource_id: str, region: str = REGION) -> dict[str, bool]:
    """Of its scalable target."""
    targets = applicationautoscaling_backends[account][region].targets
    found: dict[str, bool] = targets[DIMENSION][f"service/{resource_id}"].suspended_state
    return {**NOT_SUSPENDED, **found}


class KilledError(BaseException):
    """The process died: nothing of it goes on."""


class InMemory(harness.MemoryAws):
    """Its own clients, and in place of `Clients` whatever gives them."""

    words = WORDS
    prefix = f"{CLUSTER}/web"
    partition = "aws"

    def __init__(self, _: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.flags: dict[str, dict[str, bool] | None] = {}
        """Of those whose scaling is not as at first; None: it has no scalable target."""
        self.calls: list[str] = []
        """Those that change anything, in order."""
        self.dies_after: int | None = None
        """So many of them, in all; None: the process lives."""
        self.scaling_refusals: list[Exception] = []
        """What the next calls of RegisterScalableTarget come to."""
        self.kind = self.make(self)

    def member(self, _service: str, _region: str) -> InMemory:
        """As Clients.member."""
        return self

    def list_clusters(self, *, maxResults: int) -> dict[str, Any]:  # noqa: N803 - AWS's names
        assert maxResults <= 100
        return {"clusterArns": [_arn(f"cluster/{CLUSTER}")]}

    def list_services(self, *, cluster: str, maxResults: int) -> dict[str, Any]:  # noqa: N803 - AWS's names
        assert cluster == _arn(f"cluster/{CLUSTER}")
        assert maxResults <= 100
        return {"serviceArns": [_arn(f"service/{one}") for one in self.rows]}

    def describe_services(self, *, cluster: str, services: list[str], include: list[str]) -> dict[str, Any]:
        assert len(services) <= 10
        assert include == ["TAGS"]
        ids = [f"{cluster.rpartition('/')[2]}/{one}" for one in services]
        self.looked(ids)
        missing = [one for one in ids if one not in self.rows]
        return {
            "services": [_raw(one, row) for one in ids for row in self.told(one)],
            "failures": [{"arn": _arn(f"service/{one}"), "reason": "MISSING"} for one in missing],
        }

    def update_service(self, *, cluster: str, service: str, desiredCount: int) -> dict[str, Any]:  # noqa: N803 - AWS's names
        name = f"{cluster}/{service}"

        def change() -> None:
            row = self.rows[name]
            assert row.word in _COUNTS
            if desiredCount:
                assert desiredCount == TASKS
                row.word = "starting" if row.word in ("stopped", "stopping") else row.word
            else:
                row.word = "stopping" if row.word in ("running", "starting") else row.word

        self._call(f"UpdateService {desiredCount}")
        self.called(PROFILE.stop, [name], change, "start" if desiredCount else "stop")
        return {"service": {"serviceName": service}}

    def tag_resource(self, *, resourceArn: str, tags: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        name = resourceArn.partition(":service/")[2]
        pairs = {tag["key"]: tag["value"] for tag in tags}
        self._call("TagResource")
        self.called(PROFILE.mark, [name], lambda: self.rows[name].tags.update(pairs))
        return ANSWERED

    def untag_resource(self, *, resourceArn: str, tagKeys: list[str]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        name = resourceArn.partition(":service/")[2]
        self._call("UntagResource")
        self.called(PROFILE.unmark, [name], lambda: [self.rows[name].tags.pop(key, None) for key in tagKeys])
        return ANSWERED

    def describe_scalable_targets(self, **asked: Any) -> dict[str, Any]:
        assert (asked["ServiceNamespace"], asked["ScalableDimension"]) == ("ecs", DIMENSION)
        assert asked["MaxResults"] <= 50
        ids = asked.get("ResourceIds") or [f"service/{one}" for one in self.rows]
        return {
            "ScalableTargets": [
                {"ResourceId": one, "SuspendedState": flags}
                for one in ids
                if (flags := self.flags_of(one.removeprefix("service/"))) is not None
            ]
        }

    def register_scalable_target(self, **asked: Any) -> dict[str, Any]:
        assert asked.keys() == {"ServiceNamespace", "ResourceId", "ScalableDimension", "SuspendedState"}
        name = asked["ResourceId"].removeprefix("service/")
        self._call("Suspend" if all(asked["SuspendedState"].values()) else "GiveBack")
        if self.scaling_refusals:
            raise self.scaling_refusals.pop(0)
        self.flags[name] = asked["SuspendedState"]
        if self.word(name) in ("stopped", "stopping"):
            self.put(name, "starting")  # its count is moved into the sizes of its target
        return ANSWERED

    def _call(self, name: str) -> None:
        if len(self.calls) == self.dies_after:
            raise KilledError
        self.calls.append(name)

    def flags_of(self, resource_id: str) -> dict[str, bool] | None:
        return self.flags.get(resource_id, NOT_SUSPENDED)

    def look(self, *ids: str) -> Any:
        """Tasks that are about to come or go have done so the next time that somebody looks."""
        found = super().look(*ids)
        for row in self.rows.values():
            row.word = {"stopping": "stopped", "starting": "running"}.get(row.word, row.word)
        return found


def _arn(resource: str) -> str:
    return f"arn:aws:ecs:{harness.REGION}:{harness.ACCOUNT}:{resource}"


def _raw(resource_id: str, row: Row) -> dict[str, Any]:
    desired, running = _COUNTS.get(row.word, (TASKS, TASKS))
    cluster, _, name = resource_id.partition("/")
    return a_service(
        serviceName=name,
        serviceArn=_arn(f"service/{resource_id}"),
        clusterArn=_arn(f"cluster/{cluster}"),
        status="ACTIVE" if row.word in _COUNTS else row.word,
        desiredCount=desired,
        runningCount=running,
        pendingCount=max(0, desired - running),
        tags=[{"key": key, "value": value} for key, value in row.tags.items()],
    )


def a_service(**fields: Any) -> dict[str, Any]:
    """As ECS describes one that runs, but for these fields; those that are None are missing."""
    whole = {
        "serviceName": "web",
        "serviceArn": _arn(f"service/{CLUSTER}/web"),
        "clusterArn": _arn(f"cluster/{CLUSTER}"),
        "status": "ACTIVE",
        "desiredCount": TASKS,
        "runningCount": TASKS,
        "pendingCount": 0,
        "launchType": "FARGATE",
        "schedulingStrategy": "REPLICA",
        "deployments": [{"status": "PRIMARY", "rolloutState": "COMPLETED"}],
        "tags": [],
        **fields,
    }
    return {name: value for name, value in whole.items() if value is not None}


class Embedded(harness.EmbeddedAws):
    words = WORDS

    def add(self, count: int = 1, tags: Mapping[str, str] | None = None) -> list[str]:
        return [seed(self.organization, self.account, REGION, tags or {}) for _ in range(count)]

    def put(self, resource_id: str, word: str) -> None:
        service = self._service(resource_id)
        service.status = "ACTIVE" if word in _COUNTS else word
        if word in _COUNTS:
            gate.set_count(service, _COUNTS[word][0])
            service.desired_count, service.running_count = _COUNTS[word]
            service.pending_count = max(0, service.desired_count - service.running_count)
        if word in ("running", "stopped"):
            gate.settle(service)

    def remove(self, resource_id: str) -> None:
        del ecs_backends[self.account][REGION].services[resource_id.replace("/", ":")]

    def word(self, resource_id: str) -> str:
        service = self._service(resource_id)
        if service.status != "ACTIVE":
            return str(service.status)
        desired, running = bool(service.desired_count), bool(service.running_count)
        return next(word for word, counts in _COUNTS.items() if (desired, running) == tuple(map(bool, counts)))

    def tags(self, resource_id: str) -> dict[str, str]:
        return {tag["key"]: tag["value"] for tag in self._service(resource_id).tags}

    def tag(self, resource_id: str, tags: Mapping[str, str]) -> None:
        new = {**self.tags(resource_id), **tags}
        self._service(resource_id).tags = [{"key": key, "value": value} for key, value in new.items()]

    def untag(self, resource_id: str, keys: Collection[str]) -> None:
        left = {key: value for key, value in self.tags(resource_id).items() if key not in keys}
        self._service(resource_id).tags = [{"key": key, "value": value} for key, value in left.items()]

    def someone(self, action: Action, ids: Sequence[str]) -> None:
        with self.organization.acting_in(self.account):
            for one in ids:
                cluster, _, name = one.partition("/")
                desired = TASKS if action.starts else 0
                self.organization.client("ecs", REGION).update_service(
                    cluster=cluster, service=name, desiredCount=desired
                )

    def refuse(self, verb: str, resource_id: str, refusal: Refusal) -> None:
        """ECS is told the service's name apart from its cluster's."""
        code, message = refusal
        name = resource_id.partition("/")[2]
        super().refuse(verb, name, (code, message.replace("{id}", resource_id)))

    def fault(self, verb: str, resource_id: str) -> None:
        super().fault(verb, resource_id if verb == "look" else resource_id.partition("/")[2])

    def verb_of(self, call: Call) -> str | None:
        if call.action != PROFILE.stop:
            return super().verb_of(call)
        return "start" if call.json["desiredCount"] else "stop"

    def looked_for(self, call: Call) -> set[str]:
        if call.action != "DescribeServices":
            return set()
        return {f"{call.json['cluster'].rpartition('/')[2]}/{one}" for one in call.json["services"]}

    def flags_of(self, resource_id: str) -> dict[str, bool]:
        return flags_in(self.account, resource_id)

    def _service(self, resource_id: str) -> Any:
        return service_of(self.account, resource_id)
