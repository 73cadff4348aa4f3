"""EKS managed node groups, as the rest of the project knows them."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.core.model.kind import FactWord, KindDescription, LossWord
from orchestrator.core.model.managed_by import MANAGED_BY, MANAGED_BY_WORD, STACK
from orchestrator.core.model.price_items import COMPUTE

_LIST = frozenset({"eks:ListClusters"})
_LOOK = frozenset({"eks:DescribeNodegroup"})
_CHANGE = _LOOK | {"eks:UpdateNodegroupConfig", "eks:TagResource", "eks:UntagResource"}

NODES_TERMINATED = "nodes_terminated"

EKS_NODEGROUP = KindDescription(
    name="eks_nodegroup",
    title="EKS node groups",
    actions=("stop",),
    listing="eks:ListClusters",
    read_permissions=_LIST | _LOOK | {"eks:ListNodegroups"},
    stop_permissions=_CHANGE,
    start_permissions=_CHANGE,
    operations={
        "eks": frozenset(
            {
                "DescribeNodegroup",
                "ListClusters",
                "ListNodegroups",
                "TagResource",
                "UntagResource",
                "UpdateNodegroupConfig",
            }
        )
    },
    rates={},  # AWS publishes none
    arn_form="eks:nodegroup/{id}/*",
    price_key="AmazonEC2",
    price_items={COMPUTE: ("type", "operating_system")},
    type_fact="instance_type",
    stop_noted_within=timedelta(),
    tells_stop=False,  # a size is no state, and `modifiedAt` is of whatever changed last
    start_needs=frozenset({"min_size", "desired_size"}),
    started_units="desired_size",
    order=10,
    words=(
        FactWord("cluster", "cluster_name", "Cluster name globs.", examples=("dev-*",)),
        FactWord("instance_type", "instance_type", "Instance type globs.", several=True, examples=("t3.*",)),
        FactWord(
            "capacity_type",
            "capacity_type",
            "How the capacity of its nodes is bought; globs.",
            values=("ON_DEMAND", "SPOT", "CAPACITY_BLOCK"),
            examples=("SPOT",),
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
            "pods",
            "pods' place to run (coredns, controllers: AWS does not tell which), and what is in their local volumes",
            must_be_accepted=True,
            of_each=True,
        ),
        LossWord(NODES_TERMINATED, "nodes, which are terminated, with what is on their disks", must_be_accepted=False),
    ),
    started_again_by="Cluster Autoscaler, where it runs, once a pod waits for a node: AWS lets no maxSize be 0",
    checks=_LIST,  # no call of EKS has a dry run
)
