"""What AWS bills of a DB instance, purely: its hours by class and engine, its storage by the hour of the month."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from orchestrator.core.model import Resource
from orchestrator.core.model.price import Billed, BilledPart, PriceKey
from orchestrator.core.model.price_items import COMPUTE, STORAGE, STORAGE_IOPS, STORAGE_THROUGHPUT

_SERVICE = "AmazonRDS"
_EDITIONS = {"ee": "Enterprise", "se": "Standard", "se2": "Standard Two", "ex": "Express", "web": "Web"}
_FREE = {"postgres": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB"}
_LICENSED = {"oracle": "Oracle", "sqlserver": "SQL Server"}
_LICENSES = {
    "general-public-license": "No license required",
    "postgresql-license": "No license required",
    "license-included": "License included",
    "bring-your-own-license": "Bring your own license",
}
_DEPLOYMENTS = {"single-az": "Single-AZ", "multi-az": "Multi-AZ"}
_VOLUMES = {
    "gp2": "General Purpose",
    "gp3": "General Purpose-GP3",
    "io1": "Provisioned IOPS",
    "io2": "Provisioned IOPS-IO2",
    "standard": "Magnetic",
}
_GP3_STRIPES_FROM = 400
"""GB, from which on gp3 has more IOPS and throughput that its size pays for.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html
"""
_GP3_SMALL, _GP3_LARGE = (3000, 125), (12_000, 500)


def billed(resource: Resource) -> Billed:
    """Of one DB instance, by what RDS tells of it."""
    compute, no_compute = _compute(resource)
    try:
        return Billed(compute, tuple(_storage(resource)), no_compute)
    except ValueError as unclear:
        return Billed(compute, (), no_compute, str(unclear))


def _compute(resource: Resource) -> tuple[tuple[BilledPart, ...], str]:
    name, engine = resource.facts.get("db_instance_class"), resource.facts.get("engine")
    deployment = _deployment(resource)
    if not (name and engine and deployment):
        return (), "AWS did not tell its class, its engine, or whether it is in several zones"
    licence = str(resource.details.get("license_model") or "")
    key = PriceKey(
        kind=resource.kind,
        item=COMPUTE,
        region=resource.target.region,
        type=str(name),
        lifecycle="on-demand",
        engine=str(engine),
        deployment=deployment,
        license=licence,
        service=_SERVICE,
        filters=_filters(str(name), str(engine), deployment, licence),
    )
    return (BilledPart(key),), ""


def _filters(name: str, engine: str, deployment: str, licence: str) -> tuple[tuple[str, str], ...]:
    """None where the price list's name of the engine is not known here."""
    family, _, edition = engine.partition("-")
    found = (("instanceType", name), ("deploymentOption", _DEPLOYMENTS[deployment]))
    if engine in _FREE:
        return (*found, ("databaseEngine", _FREE[engine]))
    if family in _LICENSED and edition in _EDITIONS and licence in _LICENSES:
        more = (("databaseEdition", _EDITIONS[edition]), ("licenseModel", _LICENSES[licence]))
        return (*found, ("databaseEngine", _LICENSED[family]), *more)
    return ()


def _storage(resource: Resource) -> Iterator[BilledPart]:
    """Raises ValueError that says what is not known."""
    name, size, deployment = (
        resource.details.get("storage_type"),
        resource.details.get("allocated_storage"),
        _deployment(resource),
    )
    if not (isinstance(name, str) and isinstance(size, int) and size and deployment):
        raise ValueError("AWS did not tell type and size of its storage")
    yield BilledPart(_storage_key(STORAGE, resource, name, deployment, "Database Storage"), Decimal(size))
    free_iops, free_throughput = _GP3_SMALL if size < _GP3_STRIPES_FROM else _GP3_LARGE
    iops, throughput = resource.details.get("storage_iops"), resource.details.get("storage_throughput")
    more = _number(iops) - (free_iops if name == "gp3" else 0)
    if name in ("gp3", "io1", "io2") and more > 0:
        yield BilledPart(_storage_key(STORAGE_IOPS, resource, name, deployment, "Provisioned IOPS"), Decimal(more))
    more = _number(throughput) - free_throughput
    if name == "gp3" and more > 0:
        family = "Provisioned Throughput"
        yield BilledPart(_storage_key(STORAGE_THROUGHPUT, resource, name, deployment, family), Decimal(more))


def _storage_key(item: str, resource: Resource, name: str, deployment: str, family: str) -> PriceKey:
    filters: Mapping[str, str] = {"productFamily": family, "deploymentOption": _DEPLOYMENTS[deployment]}
    if item == STORAGE:
        filters = {**filters, "volumeType": _VOLUMES[name]} if name in _VOLUMES else {}
    region, engine = resource.target.region, str(resource.facts.get("engine") or "")
    return PriceKey(
        resource.kind,
        item,
        region,
        name,
        engine=engine,
        deployment=deployment,
        service=_SERVICE,
        filters=tuple(filters.items()),
    )


def _deployment(resource: Resource) -> str:
    found = resource.facts.get("multi_az")
    return "" if not isinstance(found, bool) else "multi-az" if found else "single-az"


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
