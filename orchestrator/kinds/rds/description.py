"""RDS DB instances, as the rest of the project knows them."""

from __future__ import annotations

from orchestrator.core.model.kind import CloudCustodianNames, FactWord, KindDescription
from orchestrator.core.model.managed_by import MANAGED_BY, MANAGED_BY_WORD, STACK
from orchestrator.core.model.price_items import COMPUTE, STORAGE, STORAGE_IOPS, STORAGE_THROUGHPUT
from orchestrator.kinds.shared.database_times import RESTARTED_AFTER, STOP_NOTED_WITHIN

_READ = frozenset({"rds:DescribeDBInstances"})

RDS = KindDescription(
    name="rds",
    title="RDS DB instances",
    actions=("stop",),
    listing="rds:DescribeDBInstances",
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
    arn_form="rds:db:{id}",
    price_key="AmazonRDS",
    price_items={
        COMPUTE: ("type", "engine", "deployment"),
        STORAGE: ("type", "deployment"),
        STORAGE_IOPS: ("type", "deployment"),
        STORAGE_THROUGHPUT: ("type", "deployment"),
    },
    type_fact="db_instance_class",
    stop_noted_within=STOP_NOTED_WITHIN,
    restarted_after=RESTARTED_AFTER,
    member_of={"db_cluster_identifier": "rds_cluster"},
    order=30,
    words=(
        FactWord("db_instance_class", "db_instance_class", "DB instance class globs.", examples=("db.t4g.*",)),
        FactWord("engine", "engine", "DB engine globs.", examples=("postgres*",)),
        FactWord("vpc", "vpc", "VPC id globs.", begins="vpc-", examples=("vpc-0123456789abcdef0",)),
        FactWord("availability_zone", "availability_zone", "Availability zone globs.", examples=("eu-west-1a",)),
        FactWord(
            MANAGED_BY_WORD,
            MANAGED_BY_WORD,
            "What manages it, by its tags: one of these does. It only narrows: members of all but a stack are kept.",
            values=MANAGED_BY,
            several=True,
            examples=(STACK,),
        ),
    ),
    cloud_custodian=CloudCustodianNames(
        state_key="DBInstanceStatus",
        running="available",
        words={
            "DBInstanceClass": "db_instance_class",
            "Engine": "engine",
            "DBSubnetGroup.VpcId": "vpc",
            "AvailabilityZone": "availability_zone",
        },
        spans={"InstanceCreateTime": "age"},
    ),
    times=frozenset({"created_at"}),
    checks=_READ,  # no call of RDS has a dry run
)
