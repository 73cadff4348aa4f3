"""An organization with every kind in it, made and looked at by plain boto3: no code of the product reads it here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any

import pytest

from tests.support.embedded import OrganizationBuilder
from tests.support.sweeps import DEV, FRANKFURT, IRELAND
from tests.support.time import set_time

KINDS = ("ec2", "rds", "rds_cluster", "asg", "ecs_service", "eks_nodegroup", "sagemaker_notebook", "redshift_cluster")
EVERY_KIND = f"""\
rules:
  - name: dev
    kinds: [{", ".join(KINDS)}]
    where: {{tag: {{Environment: dev}}}}
    accept: [pods, files_outside_volume]
"""
REGIONS = (FRANKFURT, IRELAND)
DOWN: Mapping[str, Mapping[str, Any]] = {
    "ec2": {"state": "stopped"},
    "rds": {"status": "stopped"},
    "rds_cluster": {"status": "stopped"},
    "asg": {"sizes": (0, 0, 0), "instances": 0},
    "ecs_service": {"desired": 0, "running": 0, "flags": (True, True, True)},
    "eks_nodegroup": {"status": "ACTIVE", "min": 0, "desired": 0},
    "sagemaker_notebook": {"status": "Stopped"},
    "redshift_cluster": {"status": "paused"},
}
"""What a stop leaves, of what it changes."""
MARKS = frozenset({"stop-orchestrator:stopped-by", "stop-orchestrator:stopped-at"})
_CLOCKS_OF_AWS = (
    "moto.ec2.models.instances.utcnow",
    "orchestrator.demo.gates.rds.utcnow",
    "orchestrator.demo.gates.rds_cluster.utcnow",
)
Key = tuple[str, str, str, str]
"""Account, region, kind, id."""
Facts = dict[str, Any]


def seed(
    organization: OrganizationBuilder,
    account: str,
    region: str,
    kind: str,
    tags: Mapping[str, str] = DEV,
    **fields: Any,
) -> Key:
    """One that a sweep stops unless these tags or fields say otherwise."""
    if kind == "ec2":
        [made] = organization.instances(account, region, 1, tags, **fields)
    else:
        made = import_module(f"tests.kinds.{kind}.harness").seed(organization, account, region, tags, **fields)
    return account, region, kind, made


def sized(number: int) -> Mapping[str, Facts]:
    """Sizes, counts and flags of their own for what has them."""
    flag = {"DynamicScalingInSuspended": False, "DynamicScalingOutSuspended": number % 2 == 1}
    return {
        "asg": {"MinSize": number, "MaxSize": number + 4, "DesiredCapacity": number + 1},
        "ecs_service": {
            "desired": number + 1,
            "flags": {**flag, "ScheduledScalingSuspended": number % 3 == 0},
            "sizes": (1, number + 6),
        },
        "eks_nodegroup": {"scalingConfig": {"minSize": number % 3, "maxSize": number + 7, "desiredSize": number + 1}},
    }


@dataclass(frozen=True, slots=True)
class Watched:
    """An organization, and what AWS says of everything in these accounts."""

    organization: OrganizationBuilder
    accounts: Collection[str]

    def everything(self) -> dict[Key, Facts]:
        """What AWS says once whatever passes has passed."""
        for _ in range(3):
            found = self._looked()
        return found

    def _looked(self) -> dict[Key, Facts]:
        found: dict[Key, Facts] = {}
        for account in self.accounts:
            with self.organization.acting_in(account):
                for region in REGIONS:
                    for kind, look in _LOOKS.items():
                        each = look(lambda service, region=region: self.organization.client(service, region))
                        found.update({(account, region, kind, name): facts for name, facts in each.items()})
        return found


def _ec2(client: Callable[[str], Any]) -> dict[str, Facts]:
    pages = client("ec2").get_paginator("describe_instances").paginate()
    raws = [raw for page in pages for each in page["Reservations"] for raw in each["Instances"]]
    found = {raw["InstanceId"]: {"state": raw["State"]["Name"], "tags": _pairs(raw.get("Tags", ()))} for raw in raws}
    return {one: facts for one, facts in found.items() if "aws:autoscaling:groupName" not in facts["tags"]}


def _rds(client: Callable[[str], Any]) -> dict[str, Facts]:
    return {
        raw["DBInstanceIdentifier"]: {"status": raw["DBInstanceStatus"], "tags": _pairs(raw["TagList"])}
        for raw in client("rds").describe_db_instances()["DBInstances"]
    }


def _rds_cluster(client: Callable[[str], Any]) -> dict[str, Facts]:
    return {
        raw["DBClusterIdentifier"]: {"status": raw["Status"], "tags": _pairs(raw["TagList"])}
        for raw in client("rds").describe_db_clusters()["DBClusters"]
    }


def _asg(client: Callable[[str], Any]) -> dict[str, Facts]:
    return {
        raw["AutoScalingGroupName"]: {
            "sizes": (raw["MinSize"], raw["MaxSize"], raw["DesiredCapacity"]),
            "instances": len([one for one in raw["Instances"] if one["LifecycleState"] == "InService"]),
            "tags": _pairs(raw["Tags"]),
        }
        for raw in client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    }


def _ecs_service(client: Callable[[str], Any]) -> dict[str, Facts]:
    told = client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    flags = {one["ResourceId"]: _flags(one.get("SuspendedState", {})) for one in told}
    ecs, found = client("ecs"), {}
    for cluster in ecs.list_clusters()["clusterArns"]:
        arns = [
            arn for page in ecs.get_paginator("list_services").paginate(cluster=cluster) for arn in page["serviceArns"]
        ]
        for start in range(0, len(arns), 10):
            asked = {"cluster": cluster, "services": arns[start : start + 10], "include": ["TAGS"]}
            for raw in ecs.describe_services(**asked)["services"]:
                name = f"{cluster.rpartition('/')[2]}/{raw['serviceName']}"
                tags = {tag["key"]: tag["value"] for tag in raw.get("tags", ())}
                counts = {"desired": raw["desiredCount"], "running": raw["runningCount"]}
                found[name] = {**counts, "flags": flags.get(f"service/{name}"), "tags": tags}
    return found


def _flags(told: Mapping[str, bool]) -> tuple[bool, ...]:
    names = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
    return tuple(told.get(name, False) for name in names)


def _eks_nodegroup(client: Callable[[str], Any]) -> dict[str, Facts]:
    eks, found = client("eks"), {}
    for cluster in eks.list_clusters()["clusters"]:
        for name in eks.list_nodegroups(clusterName=cluster)["nodegroups"]:
            raw = eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]
            sizes = raw["scalingConfig"]
            found[f"{cluster}/{name}"] = {
                "status": raw["status"],
                "min": sizes["minSize"],
                "max": sizes["maxSize"],
                "desired": sizes["desiredSize"],
                "tags": raw["tags"],
            }
    return found


def _sagemaker_notebook(client: Callable[[str], Any]) -> dict[str, Facts]:
    sagemaker = client("sagemaker")
    return {
        raw["NotebookInstanceName"]: {
            "status": raw["NotebookInstanceStatus"],
            "tags": _pairs(sagemaker.list_tags(ResourceArn=raw["NotebookInstanceArn"])["Tags"]),
        }
        for raw in sagemaker.list_notebook_instances()["NotebookInstances"]
    }


def _redshift_cluster(client: Callable[[str], Any]) -> dict[str, Facts]:
    return {
        raw["ClusterIdentifier"]: {"status": raw["ClusterStatus"], "tags": _pairs(raw["Tags"])}
        for raw in client("redshift").describe_clusters()["Clusters"]
    }


def _pairs(tags: Collection[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


_LOOKS: Mapping[str, Callable[[Callable[[str], Any]], dict[str, Facts]]] = {
    "ec2": _ec2,
    "rds": _rds,
    "rds_cluster": _rds_cluster,
    "asg": _asg,
    "ecs_service": _ecs_service,
    "eks_nodegroup": _eks_nodegroup,
    "sagemaker_notebook": _sagemaker_notebook,
    "redshift_cluster": _redshift_cluster,
}


def set_clocks(monkeypatch: pytest.MonkeyPatch, now: Callable[[], datetime]) -> None:
    """Ours, and those by which AWS dates what is stopped and started; nothing waits."""
    set_time(monkeypatch, sleep=lambda _: None, now=now)
    for clock in _CLOCKS_OF_AWS:
        monkeypatch.setattr(clock, lambda: now().replace(tzinfo=None))


def assert_down(found: Mapping[Key, Facts], keys: Collection[Key]) -> None:
    """Each of them is as a stop leaves it; one without a scalable target has no flags."""
    for key in keys:
        expected = {name: value for name, value in DOWN[key[2]].items() if found[key][name] is not None}
        assert {name: found[key][name] for name in expected} == expected, key
