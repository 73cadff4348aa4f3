"""ECS services of one cluster: one that Application Auto Scaling scales, which stops, and a daemon, which cannot."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.demo.accounts import DEV, IRELAND, DemoAccount
from orchestrator.demo.any_account import AnyAccount
from orchestrator.demo.fleets import DemoKind, IdAndState

_ACCOUNT, _CLUSTER = "dev-web", "apps"
_SCALED, _DAEMON, _TASKS, _HOSTS = "checkout", "log-agent", 3, 2
_SCALABLE = {
    "ServiceNamespace": "ecs",
    "ResourceId": f"service/{_CLUSTER}/{_SCALED}",
    "ScalableDimension": "ecs:service:DesiredCount",
}
_FLAGS = {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": False, "ScheduledScalingSuspended": False}


def _seed(aws: AnyAccount, account: DemoAccount, account_id: str) -> int:
    if account.name != _ACCOUNT:
        return 0
    client = aws.client("ecs", IRELAND)
    client.create_cluster(clusterName=_CLUSTER)
    task = {"name": _CLUSTER, "image": "web", "memory": 512}
    client.register_task_definition(family=_CLUSTER, containerDefinitions=[task])
    how = {"cluster": _CLUSTER, "taskDefinition": _CLUSTER}
    client.create_service(**how, serviceName=_SCALED, desiredCount=_TASKS, launchType="FARGATE", tags=_tags(_SCALED))
    client.create_service(
        **how, serviceName=_DAEMON, schedulingStrategy="DAEMON", launchType="EC2", tags=_tags(_DAEMON)
    )
    scaling = aws.client("application-autoscaling", IRELAND)
    scaling.register_scalable_target(**_SCALABLE, MinCapacity=2, MaxCapacity=6, SuspendedState=_FLAGS)
    _let_run(account_id)
    return 2


def _tags(name: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in {**DEV, "Name": name}.items()]


def _let_run(account_id: str) -> None:
    """What ECS does once a service is made, and moto does not: tasks run, and a daemon's are as many as its hosts."""
    from moto.ecs.models import ecs_backends  # noqa: PLC0415 - only the process that serves may import moto

    from orchestrator.demo.gates.ecs_service import settle  # noqa: PLC0415 - it imports moto

    for service in ecs_backends[account_id][IRELAND].services.values():
        service.desired_count = _HOSTS if service.name == _DAEMON else service.desired_count
        settle(service)


def _states(aws: AnyAccount, region: str) -> Iterator[IdAndState]:
    client, scaling = aws.client("ecs", region), aws.client("application-autoscaling", region)
    flags = {
        one["ResourceId"]: ", ".join(sorted(name for name, is_on in one["SuspendedState"].items() if is_on))
        for page in scaling.get_paginator("describe_scalable_targets").paginate(ServiceNamespace="ecs")
        for one in page["ScalableTargets"]
    }
    for cluster in client.list_clusters()["clusterArns"]:
        names = client.list_services(cluster=cluster)["serviceArns"]
        for one in client.describe_services(cluster=cluster, services=names)["services"] if names else ():
            resource_id = f"{cluster.rpartition('/')[2]}/{one['serviceName']}"
            scaling = flags.get(f"service/{resource_id}", "not scaled")
            tasks = f"{one['desiredCount']} tasks wanted, {one['runningCount']} running, {scaling}"
            is_down = one["desiredCount"] == 0 and one["schedulingStrategy"] == "REPLICA"
            down = "stopping" if one["runningCount"] else "stopped"
            yield resource_id, down if is_down else tasks


FLEETS = DemoKind("ECS services", _seed, _states)
