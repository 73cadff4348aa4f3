"""DB clusters, as the rest of the project knows them."""

from __future__ import annotations

from orchestrator.core.model.kind import FactWord, KindDescription
from orchestrator.core.model.managed_by import MANAGED_BY, MANAGED_BY_WORD, STACK
from orchestrator.kinds.shared.database_times import RESTARTED_AFTER, STOP_NOTED_WITHIN

_READ = frozenset({"rds:DescribeDBClusters"})

RDS_CLUSTER = KindDescription(
    name="rds_cluster",
    title="DB clusters",
    actions=("stop",),
    listing="rds:DescribeDBClusters",
    read_permissions=_READ,
    stop_permissions=_READ | {"rds:StopDBCluster", "rds:AddTagsToResource", "rds:RemoveTagsFromResource"},
    start_permissions=_READ | {"rds:StartDBCluster", "rds:AddTagsToResource", "rds:RemoveTagsFromResource"},
    operations={
        "rds": frozenset(
            {
                "AddTagsToResource",
                "DescribeDBClusters",
                "RemoveTagsFromResource",
                "StartDBCluster",
                "StopDBCluster",
            }
        )
    },
    rates={},  # AWS publishes none
    arn_form="rds:cluster:{id}",
    price_key="AmazonRDS",
    price_items={},  # its price goes by the classes of its members, which its own description does not tell
    type_fact="engine",
    stop_noted_within=STOP_NOTED_WITHIN,
    restarted_after=RESTARTED_AFTER,
    order=30,
    words=(
        FactWord("engine", "engine", "DB engine globs.", examples=("postgres*",)),
        FactWord(
            "engine_mode", "engine_mode", "Globs of the mode of a DB cluster's engine.", examples=("provisioned",)
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
    checks=_READ,  # no call of RDS has a dry run
)
