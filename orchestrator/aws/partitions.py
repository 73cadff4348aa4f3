"""What differs between AWS's regions and partitions: which of them every account has, and what endpoints end in.

Regions: https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html. Whatever came to the partition
`aws` after March 2019 is opted into by each account; the other partitions have nothing to opt into.
"""

from __future__ import annotations

from functools import cache

from botocore.loaders import Loader

PARTITION = "aws"
EVERYWHERE = "us-east-1"
ENABLED_BY_DEFAULT = frozenset(
    {
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    }
)


def common_region(own: str, partition: str) -> str:
    """A region that is enabled in every account of the partition: this one, wherever it is one."""
    return own if partition != PARTITION or own in ENABLED_BY_DEFAULT else EVERYWHERE


@cache
def dns_suffix(partition: str) -> str:
    """What the names of its endpoints end in, such as `amazonaws.com`."""
    known = {one["id"]: one["outputs"] for one in Loader().load_data("partitions")["partitions"]}
    return str(known[partition]["dnsSuffix"])
