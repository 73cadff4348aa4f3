"""EC2 instances, as the rest of the project knows them."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.core.model.kind import FactWord, KindDescription, LossWord, OperationRates, Rate
from orchestrator.core.model.measured import METRICS
from orchestrator.kinds.ec2.rules import INSTANCE_STORE, MAC, PUBLIC_IPV4

_READ = frozenset({"ec2:DescribeInstances", "ec2:DescribeInstanceTypes", "ec2:DescribeSpotInstanceRequests"})
_MEASURE = frozenset({"cloudwatch:GetMetricData", "cloudwatch:ListMetrics"})
_STOP = frozenset({"ec2:DescribeInstances", "ec2:StopInstances", "ec2:CreateTags", "ec2:DeleteTags"})
_START = frozenset(
    {
        "ec2:DescribeInstances",
        "ec2:StartInstances",
        "ec2:CreateTags",  # where the mark was removed
        "ec2:DeleteTags",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
    }
)

EC2 = KindDescription(
    name="ec2",
    title="EC2 instances",
    actions=("stop", "hibernate"),
    read_permissions=_READ | _MEASURE,
    stop_permissions=_STOP,
    start_permissions=_START,
    start_delegations=frozenset({"kms:CreateGrant"}),  # for volumes that a key of the account's own encrypts
    operations={
        "ec2": frozenset(
            {
                "CreateTags",
                "DeleteTags",
                "DescribeInstances",
                "DescribeInstanceTypes",
                "DescribeSpotInstanceRequests",
                "StartInstances",
                "StopInstances",
            }
        ),
        "cloudwatch": frozenset({"GetMetricData", "ListMetrics"}),
        "elbv2": frozenset({"DescribeTargetGroups", "DescribeTargetHealth"}),
    },
    listings=frozenset({"ec2:DescribeInstances"}),
    answers={
        "ec2": {
            # What rules.resource_of reads: parsing all 60 members is most of what a look costs.
            "Instance": frozenset(
                {
                    "HibernationOptions",
                    "InstanceId",
                    "InstanceLifecycle",
                    "InstanceType",
                    "LaunchTime",
                    "NetworkInterfaces",
                    "Operator",
                    "Placement",
                    "RootDeviceType",
                    "SpotInstanceRequestId",
                    "State",
                    "StateReason",
                    "StateTransitionReason",
                    "Tags",
                }
            ),
            "InstanceNetworkInterface": frozenset({"Association"}),
        }
    },
    # https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
    rates={
        "ec2:StopInstances": OperationRates(Rate(50, 5), Rate(1000, 20)),
        "ec2:StartInstances": OperationRates(Rate(5, 2), Rate(1000, 2)),
        "ec2:CreateTags": OperationRates(Rate(100, 10)),
        "ec2:DescribeInstances": OperationRates(Rate(100, 20)),
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
        "cloudwatch:GetMetricData": OperationRates(Rate(50, 50)),
        "cloudwatch:ListMetrics": OperationRates(Rate(25, 25)),
    },
    role_statements=(
        "ReadRegionsAndInstances",
        "StopInstances",
        "StartWhatWasStopped",
        "MarkWhatWasStopped",
        "ReadTargetHealth",
        "ReadMetrics",
    ),
    price_key="AmazonEC2",
    stop_noted_within=timedelta(minutes=5),
    words=(FactWord("instance_type", "instance_type", "Instance type globs."),),
    losses=(
        LossWord(PUBLIC_IPV4, "public IPv4 address", must_be_accepted=False),
        LossWord(INSTANCE_STORE, "data on instance-store volumes", must_be_accepted=True),
        LossWord(MAC, "Mac host for the hours that scrubbing takes", must_be_accepted=True),
    ),
    always_lost="On-Demand capacity, of which AWS may have none at a start",
    metrics=frozenset(METRICS),
    checks=_READ | _MEASURE | _STOP | _START,  # by dry runs; load balancers and metrics are read
)
