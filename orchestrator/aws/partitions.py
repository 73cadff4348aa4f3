"""What differs between AWS's regions and partitions: which of them every account has, and what endpoints end in.

Regions: https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html. Whatever came to the partition
`aws` after March 2019 is opted into by each account; the other partitions have nothing to opt into.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.exceptions import UnknownServiceError
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


def always_enabled(partition: str) -> frozenset[str]:
    """The regions that no account of the partition can disable, as far as this release knows: "Regions launched before
    March 20, 2019 are enabled by default [...] Default Regions cannot be enabled or disabled."
    """
    return ENABLED_BY_DEFAULT if partition == PARTITION else _regions_of(partition)


@cache
def _regions_of(partition: str) -> frozenset[str]:
    partitions = Loader().load_data("endpoints")["partitions"]
    return frozenset(region for one in partitions if one["partition"] == partition for region in one["regions"])


def common_region(own: str, partition: str) -> str:
    """A region that is enabled in every account of the partition: this one, wherever it is one."""
    return own if partition != PARTITION or own in ENABLED_BY_DEFAULT else EVERYWHERE


@cache
def dns_suffix(partition: str) -> str:
    """What the names of its endpoints end in, such as `amazonaws.com`."""
    known = {one["id"]: one["outputs"] for one in Loader().load_data("partitions")["partitions"]}
    return str(known[partition]["dnsSuffix"])


@cache
def lacks_service(service: str, region: str) -> bool:
    """Whether AWS's endpoints, as botocore knows them, have EC2 in that region and not this service.

    They are as of this release: a region or a service that they do not know at all may have anything. `service` is by
    botocore's name. A host that could not be reached is to be seen first: AWS adds services to regions.
    """
    known = Loader().load_data("endpoints")["partitions"]
    prefix = _endpoint_prefix(service)
    here: dict[str, Any] = next((one["services"] for one in known if region in one["regions"]), {})
    is_known = any(prefix in one["services"] for one in known)
    has_ec2 = region in here.get("ec2", {}).get("endpoints", {})
    found = here.get(prefix, {})
    is_regional = found.get("isRegionalized", True)
    return is_known and has_ec2 and is_regional and region not in found.get("endpoints", {})


def _endpoint_prefix(service: str) -> str:
    """Under which the endpoints are; of what is no service of botocore's its own name."""
    try:
        return str(Loader().load_service_model(service, "service-2")["metadata"]["endpointPrefix"])
    except UnknownServiceError:
        return service
