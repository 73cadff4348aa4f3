"""What AWS bills of an instance, purely: its hours by what it is, its volumes and addresses by the hour of the month.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/billing-info-fields.html
https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from orchestrator.core.model import Resource
from orchestrator.core.model.price import Billed, BilledPart, PriceKey
from orchestrator.core.model.price_items import COMPUTE, PUBLIC_IPV4, VOLUME, VOLUME_IOPS, VOLUME_THROUGHPUT

_SERVICE, _VPC = "AmazonEC2", "AmazonVPC"
_EDITIONS = {"Enterprise": "SQL Ent", "Standard": "SQL Std", "Web": "SQL Web"}
_INCLUDED, _BROUGHT = "No License required", "Bring your own license"
_RHEL_HA = "Red Hat Enterprise Linux with HA"
_PLATFORMS: Mapping[str, tuple[str, str, str]] = {
    "Linux/UNIX": ("Linux", "NA", _INCLUDED),
    "Red Hat BYOL Linux": ("Linux", "NA", _INCLUDED),
    "Red Hat Enterprise Linux": ("RHEL", "NA", _INCLUDED),
    _RHEL_HA: (_RHEL_HA, "NA", _INCLUDED),
    "SUSE Linux": ("SUSE", "NA", _INCLUDED),
    "Ubuntu Pro": ("Ubuntu Pro", "NA", _INCLUDED),
    "Windows": ("Windows", "NA", _INCLUDED),
    "Windows BYOL": ("Windows", "NA", _BROUGHT),
    **{f"Windows with SQL Server {name}": ("Windows", code, _INCLUDED) for name, code in _EDITIONS.items()},
    **{f"SQL Server {name}": ("Linux", code, _INCLUDED) for name, code in _EDITIONS.items()},
    **{
        f"Red Hat Enterprise Linux with SQL Server {name}": ("RHEL", code, _INCLUDED)
        for name, code in _EDITIONS.items()
    },
    **{
        f"Red Hat Enterprise Linux with SQL Server {name} and HA": (_RHEL_HA, code, _INCLUDED)
        for name, code in _EDITIONS.items()
    },
}
"""Of what EC2 calls PlatformDetails: operatingSystem, preInstalledSw and licenseModel of the price list."""
_TENANCIES = {"default": "Shared", "dedicated": "Dedicated"}
_ON_DEMAND = "on-demand"
_ON_A_HOST = "it runs on a Dedicated Host, which is billed whatever runs on it"
_GP3_IOPS, _GP3_THROUGHPUT = 3000, 125
"""Of each gp3 volume, which its size pays for."""
_IO2_FIRST_TIER = 32_000
"""IOPS from which on io2 has other prices."""


def billed(resource: Resource, volumes: Sequence[Mapping[str, Any]] | str) -> Billed:
    """Of one instance. `volumes`: as EC2 describes those that are attached to it, or why they are not known."""
    region = resource.target.region
    compute, no_compute = _compute(resource)
    address = BilledPart(_address(region))
    running = (*compute, *([address] if resource.facts.get("auto_assigned_public_ipv4") else ()))
    elastic = resource.details.get("elastic_ips")
    still = [BilledPart(address.key, Decimal(elastic))] if isinstance(elastic, int) and elastic else []
    why = "how many Elastic IPs it has is not known" if elastic is None else ""
    if isinstance(volumes, str):
        return Billed(running, (), no_compute, f"its volumes could not be read ({volumes})")
    try:
        still += [part for one in volumes for part in _parts_of(region, one)]
    except ValueError as unclear:
        why = str(unclear)
    return Billed(running, tuple(still), no_compute, why)


def _compute(resource: Resource) -> tuple[tuple[BilledPart, ...], str]:
    """Its hours; else why they have no price."""
    instance_type, platform = resource.facts.get("instance_type"), resource.details.get("platform")
    lifecycle, tenancy = str(resource.facts.get("lifecycle")), resource.details.get("tenancy") or "default"
    if not instance_type or not platform:
        return (), f"AWS did not tell its {'type' if not instance_type else 'platform'}"
    if tenancy not in _TENANCIES:
        return (), _ON_A_HOST if tenancy == "host" else f"its tenancy is {tenancy}"
    key = PriceKey(
        kind=resource.kind,
        item=COMPUTE,
        region=resource.target.region,
        type=str(instance_type),
        operating_system=str(platform),
        tenancy=str(tenancy),
        lifecycle=lifecycle,
        service=_SERVICE,
        filters=_filters(str(instance_type), str(platform), str(tenancy)) if lifecycle == _ON_DEMAND else (),
    )
    return (BilledPart(key),), ""


def _filters(instance_type: str, platform: str, tenancy: str) -> tuple[tuple[str, str], ...]:
    """None where the price list has no such platform as far as is known here."""
    if platform not in _PLATFORMS:
        return ()
    system, software, licence = _PLATFORMS[platform]
    return (
        ("instanceType", instance_type),
        ("operatingSystem", system),
        ("tenancy", _TENANCIES[tenancy]),
        ("preInstalledSw", software),
        ("licenseModel", licence),
        ("capacitystatus", "Used"),
    )


def _address(region: str) -> PriceKey:
    filters = (
        ("group", "VPCPublicIPv4Address"),
        ("groupDescription", "Hourly charge for In-use Public IPv4 Addresses"),
    )
    return PriceKey("ec2", PUBLIC_IPV4, region, "", service=_VPC, filters=filters)


def _parts_of(region: str, volume: Mapping[str, Any]) -> Iterator[BilledPart]:
    """Of one that several instances share, each has its part. Raises ValueError for what has no price here."""
    name, size = volume.get("VolumeType"), volume.get("Size")
    if not name or not size:
        raise ValueError("AWS did not tell type and size of a volume")
    share = Decimal(max(1, len(volume.get("Attachments", ()))))
    iops, throughput = volume.get("Iops") or 0, volume.get("Throughput") or 0
    yield BilledPart(_volume(VOLUME, region, name, (("productFamily", "Storage"),)), size / share)
    more = iops - _GP3_IOPS if name == "gp3" else iops if name in ("io1", "io2") else 0
    if name == "io2" and iops > _IO2_FIRST_TIER:
        raise ValueError(f"its io2 volume has more than {_IO2_FIRST_TIER} IOPS, which have prices of their own")
    if more > 0:
        system = (("productFamily", "System Operation"), ("group", "EBS IOPS"))
        yield BilledPart(_volume(VOLUME_IOPS, region, name, system), more / share)
    if name == "gp3" and throughput > _GP3_THROUGHPUT:
        family = (("productFamily", "Provisioned Throughput"),)
        yield BilledPart(_volume(VOLUME_THROUGHPUT, region, name, family), (throughput - _GP3_THROUGHPUT) / share)


def _volume(item: str, region: str, name: str, filters: tuple[tuple[str, str], ...]) -> PriceKey:
    return PriceKey("ec2", item, region, name, service=_SERVICE, filters=(("volumeApiName", name), *filters))
