"""EC2 Auto Scaling groups, as the rest of the project knows them."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.core.model.kind import FactWord, KindDescription, LossWord
from orchestrator.core.model.managed_by import MANAGED_BY, MANAGED_BY_WORD, STACK
from orchestrator.core.model.price_items import COMPUTE

_DESCRIBE = "autoscaling:DescribeAutoScalingGroups"
_READ = frozenset({_DESCRIBE, "autoscaling:DescribeScheduledActions"})
_ACT = frozenset(
    {"autoscaling:CreateOrUpdateTags", "autoscaling:DeleteTags", "autoscaling:UpdateAutoScalingGroup"},
)

INSTANCES_TERMINATED = "instances_terminated"

ASG = KindDescription(
    name="asg",
    title="Auto Scaling groups",
    actions=("stop",),
    listing="autoscaling:DescribeAutoScalingGroups",
    read_permissions=_READ,
    stop_permissions=_READ | _ACT,
    start_permissions=_READ | _ACT,  # one call with other sizes
    operations={
        "autoscaling": frozenset(
            {
                "CreateOrUpdateTags",
                "DeleteTags",
                "DescribeAutoScalingGroups",
                "DescribeScheduledActions",
                "UpdateAutoScalingGroup",
            }
        )
    },
    rates={},  # AWS publishes none: one bucket for all calls
    arn_form="autoscaling:autoScalingGroup:*:autoScalingGroupName/{id}",
    price_key="AmazonEC2",
    price_items={COMPUTE: ("type",)},
    type_fact="instance_type",
    stop_noted_within=timedelta(),
    tells_stop=False,
    start_needs=frozenset({"desired_capacity", "max_size", "min_size"}),
    started_units="desired_capacity",
    order=10,
    words=(
        FactWord(
            "launch_template",
            "launch_template",
            "Globs for the name of its launch template, or of its launch configuration.",
            examples=("team-a-*",),
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
            INSTANCES_TERMINATED,
            "instances, which are terminated, with what is on their volumes, their addresses and their capacity",
            must_be_accepted=False,
        ),
    ),
    checks=frozenset({_DESCRIBE}),  # no call of the service has a dry run
)
