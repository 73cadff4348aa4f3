"""RDS DB instances, as the rest of the project knows them."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.core.model.kind import FactWord, KindDescription

_READ = frozenset({"rds:DescribeDBInstances"})

RDS = KindDescription(
    name="rds",
    title="RDS DB instances",
    actions=("stop",),
    read_permissions=_READ,
    stop_permissions=_READ | {"rds:StopDBInstance", "rds:AddTagsToResource", "rds:RemoveTagsFromResource"},
    start_permissions=_READ | {"rds:StartDBInstance", "rds:AddTagsToResource", "rds:RemoveTagsFromResource"},
    operations={
        "rds": frozenset(
            {
                "AddTagsToResource",
                "DescribeDBInstances",
                "RemoveTagsFromResource",
                "StartDBInstance",
                "StopDBInstance",
            }
        )
    },
    rates={},  # AWS publishes none
    arn_form="rds:db:",
    role_statements=("ReadDatabases", "StopDatabases", "StartStoppedDatabases", "MarkDatabases"),
    price_key="AmazonRDS",
    # A stop may take an hour: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html
    stop_noted_within=timedelta(minutes=65),
    words=(
        FactWord("db_instance_class", "db_instance_class", "DB instance class globs."),
        FactWord("engine", "engine", "DB engine globs."),
    ),
    checks=_READ,  # no call of RDS has a dry run
)
