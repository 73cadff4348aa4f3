"""EC2 instances, as the rest of the project knows them."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.core.model.kind import CloudCustodianNames, FactWord, KindDescription, LossWord, OperationRates, Rate
from orchestrator.core.model.managed_by import MANAGED_BY, MANAGED_BY_WORD, STACK
from orchestrator.core.model.metric import METRICS
from orchestrator.core.model.price_items import COMPUTE, VOLUME, VOLUME_IOPS, VOLUME_THROUGHPUT
from orchestrator.core.model.price_items import PUBLIC_IPV4 as PUBLIC_IPV4_ADDRESS
from orchestrator.kinds.ec2.loss_words import INSTANCE_STORE, MAC, PUBLIC_IPV4

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/billing-info-fields.html
_PLATFORMS = (
    "Linux/UNIX",
    "Windows",
    "Windows BYOL",
    *(f"Windows with SQL Server {edition}" for edition in ("Enterprise", "Standard", "Web")),
    *(f"SQL Server {edition}" for edition in ("Enterprise", "Standard", "Web")),
    "Red Hat BYOL Linux",
    "Red Hat Enterprise Linux",
    "Red Hat Enterprise Linux with HA",
    *(f"Red Hat Enterprise Linux with SQL Server {edition}" for edition in ("Enterprise", "Standard", "Web")),
    *(f"Red Hat Enterprise Linux with SQL Server {edition} and HA" for edition in ("Enterprise", "Standard")),
    "SUSE Linux",
    "Ubuntu Pro",
)
_READ = frozenset({"ec2:DescribeInstances", "ec2:DescribeInstanceTypes", "ec2:DescribeSpotInstanceRequests"})
_PRICE = frozenset({"ec2:DescribeVolumes"})
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
    listing="ec2:DescribeInstances",
    read_permissions=_READ | _MEASURE | _PRICE,
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
                "DescribeVolumes",
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
                    "Architecture",
                    "BlockDeviceMappings",
                    "HibernationOptions",
                    "ImageId",
                    "InstanceId",
                    "InstanceLifecycle",
                    "InstanceType",
                    "KeyName",
                    "LaunchTime",
                    "NetworkInterfaces",
                    "Operator",
                    "Placement",
                    "PlatformDetails",
                    "RootDeviceType",
                    "SpotInstanceRequestId",
                    "State",
                    "StateReason",
                    "StateTransitionReason",
                    "SubnetId",
                    "Tags",
                    "VpcId",
                }
            ),
            "InstanceNetworkInterface": frozenset({"Association", "Attachment"}),
            "InstanceNetworkInterfaceAttachment": frozenset({"AttachTime"}),
            "InstanceBlockDeviceMapping": frozenset({"Ebs"}),
            "EbsInstanceBlockDevice": frozenset({"AttachTime"}),
            "Volume": frozenset({"Attachments", "Iops", "Size", "Throughput", "VolumeType"}),
            "VolumeAttachment": frozenset({"InstanceId"}),
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
    arn_form="ec2:instance/{id}",
    id_form="i-[0-9a-f]+",
    price_key="AmazonEC2",
    price_items={
        COMPUTE: ("type", "operating_system"),
        PUBLIC_IPV4_ADDRESS: (),
        VOLUME: ("type",),
        VOLUME_IOPS: ("type",),
        VOLUME_THROUGHPUT: ("type",),
    },
    type_fact="instance_type",
    member_of={"auto_scaling_group": "asg", "eks_nodegroup": "eks_nodegroup"},
    stop_noted_within=timedelta(minutes=5),
    words=(
        FactWord("instance_type", "instance_type", "Instance type globs.", examples=("t3.*",)),
        FactWord("image", "image", "AMI id globs.", begins="ami-", examples=("ami-0123456789abcdef0",)),
        FactWord("vpc", "vpc", "VPC id globs.", begins="vpc-", examples=("vpc-0123456789abcdef0",)),
        FactWord("subnet", "subnet", "Subnet id globs.", begins="subnet-", examples=("subnet-0123456789abcdef0",)),
        FactWord("key_name", "key_name", "Key pair name globs; unknown without one.", examples=("team-a-*",)),
        FactWord(
            "platform",
            "platform",
            "Globs for what EC2 calls PlatformDetails.",
            values=_PLATFORMS,
            examples=("Windows*", "Linux/UNIX"),
        ),
        FactWord(
            "architecture",
            "architecture",
            "Architecture globs.",
            values=("i386", "x86_64", "arm64", "x86_64_mac", "arm64_mac"),
            examples=("arm64",),
        ),
        FactWord(
            "lifecycle",
            "lifecycle",
            "How its capacity is bought; globs.",
            values=("on-demand", "spot", "scheduled", "capacity-block", "interruptible-capacity-reservation"),
            examples=("spot",),
        ),
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
        state_key="State.Name",
        running="running",
        words={
            "InstanceType": "instance_type",
            "ImageId": "image",
            "VpcId": "vpc",
            "SubnetId": "subnet",
            "KeyName": "key_name",
            "Architecture": "architecture",
            "PlatformDetails": "platform",
            "Placement.AvailabilityZone": "availability_zone",
            "InstanceLifecycle": "lifecycle",
        },
        spans={"LaunchTime": "running_for"},
    ),
    tells_start=True,
    times=frozenset({"created_at", "started_at"}),
    losses=(
        LossWord(PUBLIC_IPV4, "public IPv4 address", must_be_accepted=False),
        LossWord(INSTANCE_STORE, "data on instance-store volumes", must_be_accepted=True),
        LossWord(MAC, "Mac host for the hours that scrubbing takes", must_be_accepted=True),
    ),
    always_lost="On-Demand capacity, of which AWS may have none at a start",
    metrics=frozenset(METRICS),
    checks=_READ | _MEASURE | _PRICE | _STOP | _START,  # by dry runs; load balancers and metrics are read
)
