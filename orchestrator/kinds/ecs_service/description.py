"""ECS services, as the rest of the project knows them."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.core.model.kind import FactWord, KindDescription, LossWord, OperationRates, Rate
from orchestrator.core.model.managed_by import MANAGED_BY, MANAGED_BY_WORD, STACK
from orchestrator.core.model.price_items import COMPUTE

_READ = frozenset(
    {
        "ecs:ListClusters",
        "ecs:ListServices",
        "ecs:DescribeServices",
        "application-autoscaling:DescribeScalableTargets",
    }
)
_CHANGE = frozenset(
    {
        "ecs:UpdateService",
        "ecs:TagResource",
        "ecs:UntagResource",
        "application-autoscaling:RegisterScalableTarget",
    }
)
_CLUSTER_READS = OperationRates(Rate(50, 20))
_SERVICE_READS = OperationRates(Rate(100, 20))
_TAGGING = OperationRates(Rate(20, 10))

TASKS_ENDED = "tasks_ended"

ECS_SERVICE = KindDescription(
    name="ecs_service",
    title="ECS services",
    actions=("stop",),
    listing="ecs:ListClusters",
    read_permissions=_READ,
    stop_permissions=_READ | _CHANGE,
    start_permissions=_READ | _CHANGE,
    operations={
        "ecs": frozenset(
            {"DescribeServices", "ListClusters", "ListServices", "TagResource", "UntagResource", "UpdateService"}
        ),
        "application-autoscaling": frozenset({"DescribeScalableTargets", "RegisterScalableTarget"}),
    },
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html; AWS publishes none of
    # Application Auto Scaling.
    rates={
        "ecs:ListClusters": _CLUSTER_READS,
        "ecs:ListServices": _SERVICE_READS,
        "ecs:DescribeServices": _SERVICE_READS,
        "ecs:UpdateService": OperationRates(Rate(50, 5)),
        "ecs:TagResource": _TAGGING,
        "ecs:UntagResource": _TAGGING,
    },
    arn_form="ecs:service/{id}",
    price_key="AmazonECS",
    price_items={COMPUTE: ("type",)},
    type_fact="launch_type",
    stop_noted_within=timedelta(),
    tells_stop=False,
    start_needs=frozenset({"desired_count"}),
    # A service is one for guardrails, however many tasks it runs: they are no instances.
    order=10,
    words=(
        FactWord("cluster", "cluster", "Cluster name globs.", examples=("dev-*",)),
        FactWord(
            "launch_type",
            "launch_type",
            "Launch type globs; unknown where it has a capacity provider instead.",
            values=("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"),
            examples=("FARGATE",),
        ),
        FactWord(
            "capacity_provider",
            "capacity_providers",
            "Capacity provider globs: one of those in its strategy matches.",
            several=True,
            examples=("FARGATE_SPOT",),
        ),
        FactWord(
            MANAGED_BY_WORD,
            MANAGED_BY_WORD,
            "What manages it, by its tags: one of these does. It only narrows: members of all but a stack are kept.",
            values=MANAGED_BY,
            several=True,
            examples=(STACK,),
        ),
    ),
    times=frozenset({"created_at"}),
    losses=(
        LossWord(
            TASKS_ENDED,
            "tasks, which end, with their local data and addresses, and Spot capacity, of which AWS may have none at a "
            "start",
            must_be_accepted=False,
        ),
    ),
    checks=frozenset({"ecs:ListClusters"}),  # no call of ECS has a dry run
)
