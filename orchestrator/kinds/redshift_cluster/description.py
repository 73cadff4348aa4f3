"""Redshift clusters, as the rest of the project knows them."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.core.model.kind import CloudCustodianNames, FactWord, KindDescription, LossWord
from orchestrator.core.model.managed_by import MANAGED_BY, MANAGED_BY_WORD, STACK
from orchestrator.core.model.price_items import COMPUTE

_READ = frozenset({"redshift:DescribeClusters"})
_TAG = frozenset({"redshift:CreateTags", "redshift:DeleteTags"})

QUERIES_ENDED = "queries_ended"

REDSHIFT_CLUSTER = KindDescription(
    name="redshift_cluster",
    title="Redshift clusters",
    actions=("stop",),
    listing="redshift:DescribeClusters",
    read_permissions=_READ,
    stop_permissions=_READ | _TAG | {"redshift:PauseCluster"},
    start_permissions=_READ | _TAG | {"redshift:ResumeCluster"},
    operations={
        "redshift": frozenset({"CreateTags", "DeleteTags", "DescribeClusters", "PauseCluster", "ResumeCluster"})
    },
    rates={},  # AWS publishes none
    arn_form="redshift:cluster:{id}",
    price_key="AmazonRedshift",
    price_items={COMPUTE: ("type",)},
    type_fact="node_type",
    stop_noted_within=timedelta(),
    tells_stop=False,
    order=30,
    words=(
        FactWord("node_type", "node_type", "Node type globs.", examples=("ra3.*",)),
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
        state_key="ClusterStatus",
        running="available",
        words={"NodeType": "node_type", "VpcId": "vpc", "AvailabilityZone": "availability_zone"},
        spans={"ClusterCreateTime": "age"},
        resource="redshift",
        stopped="paused",
        actions={"pause": "stop", "resume": "start"},
    ),
    times=frozenset({"created_at"}),
    # "Amazon Redshift creates a snapshot, begins terminating queries, and puts the cluster in a pausing state":
    # https://docs.aws.amazon.com/redshift/latest/mgmt/rs-mgmt-pause-resume-cluster.html
    losses=(LossWord(QUERIES_ENDED, "queries that run", must_be_accepted=False),),
    checks=_READ,  # no call of Redshift has a dry run
)
