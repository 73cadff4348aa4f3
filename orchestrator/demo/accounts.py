"""What is in the demo's organization, as data: units, accounts and EC2 instances, each with what it is there to show.

What there is of the other kinds is in `fleets`, in each kind's file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from orchestrator.core.policy.tag_keys import OPT_OUT_TAG, PROTECTED_TAG, REASON_TAG

FRANKFURT, MILAN, IRELAND, VIRGINIA = "eu-central-1", "eu-south-1", "eu-west-1", "us-east-1"

Tags = Mapping[str, str]

DEV: Tags = {"Environment": "dev", "Owner": "web", "CostCenter": "cc-100"}
TEST: Tags = {"Environment": "test", "Owner": "data", "CostCenter": "cc-200"}
PRODUCTION: Tags = {"Environment": "production", "Owner": "shop", "CostCenter": "cc-900"}


@dataclass(frozen=True, slots=True)
class Fleet:
    """Some equal EC2 instances in one region. `quirk` is what the EC2 API alone cannot make in an embedded AWS."""

    count: int
    region: str
    tags: Tags
    launch: Mapping[str, Any] = field(default_factory=dict)
    quirk: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DemoAccount:
    name: str
    ou: str
    note: str
    fleets: tuple[Fleet, ...] = ()
    tags: Tags = field(default_factory=dict)
    has_role: bool = True
    suspended: bool = False
    milan_enabled: bool = True


UNITS: Mapping[str, Tags] = {
    "/Workloads": {},
    "/Workloads/Dev": {},
    "/Labs": {OPT_OUT_TAG: "true", REASON_TAG: "experiments run for weeks"},
    "/Production": {},
}
"""OU paths, parents first, with their tags."""


def accounts(today: date) -> tuple[DemoAccount, ...]:
    """Twelve with the management account, which moto makes itself."""
    soon, past = str(today + timedelta(days=14)), str(today - timedelta(days=3))
    return (
        DemoAccount(
            "dev-web",
            "/Workloads/Dev",
            "instances that opted out",
            (
                Fleet(14, FRANKFURT, {**DEV, "Name": "web"}),
                Fleet(6, IRELAND, {**DEV, "Name": "web-replica"}),
                Fleet(1, FRANKFURT, {**DEV, "Name": "load-test", OPT_OUT_TAG: soon, REASON_TAG: "load test this week"}),
                Fleet(1, FRANKFURT, {**DEV, "Name": "kept-for-good", OPT_OUT_TAG: "true"}),
                Fleet(
                    1, FRANKFURT, {**DEV, "Name": "spared-once", OPT_OUT_TAG: past, REASON_TAG: "demo for a customer"}
                ),
                Fleet(1, IRELAND, {**DEV, "Name": "spared-by-typo", OPT_OUT_TAG: "yes please"}),
                Fleet(1, IRELAND, {**DEV, "Name": "license-server", PROTECTED_TAG: "legal"}),
            ),
        ),
        DemoAccount(
            "dev-data",
            "/Workloads/Dev",
            "what AWS or another service will not let go",
            (
                Fleet(12, FRANKFURT, {**TEST, "Name": "etl"}),
                Fleet(2, FRANKFURT, {**TEST, "Name": "stop-protected"}, launch={"DisableApiStop": True}),
                Fleet(3, VIRGINIA, {**TEST, "Name": "spot"}, launch={"InstanceMarketOptions": {"MarketType": "spot"}}),
                Fleet(3, VIRGINIA, {**TEST, "Name": "eks-node", "kubernetes.io/cluster/dev": "owned"}),
                Fleet(1, IRELAND, {**TEST, "Name": "scratch"}, quirk={"root_device_type": "instance-store"}),
                Fleet(
                    2,
                    IRELAND,
                    {**TEST, "Name": "auto-mode"},
                    quirk={"operator": {"Managed": True, "Principal": "eks.amazonaws.com"}},
                ),
            ),
        ),
        DemoAccount(
            "dev-mobile",
            "/Workloads/Dev",
            f"{MILAN} is disabled here",
            (
                Fleet(9, IRELAND, {**DEV, "Name": "device-farm"}),
                Fleet(2, IRELAND, {**DEV, "Name": "ci", "Role": "build-agent"}),
                Fleet(2, VIRGINIA, {"Environment": "dev", "Name": "untagged"}),
            ),
            milan_enabled=False,
        ),
        DemoAccount(
            "dev-analytics",
            "/Workloads/Dev",
            "notebooks are hibernated",
            (
                Fleet(
                    3,
                    FRANKFURT,
                    {**TEST, "Name": "notebook", "Role": "notebook"},
                    launch={"HibernationOptions": {"Configured": True}},
                ),
                Fleet(1, FRANKFURT, {**TEST, "Name": "old-notebook", "Role": "notebook"}),
                Fleet(11, MILAN, {**TEST, "Name": "report"}),
                Fleet(2, MILAN, {**TEST, "Name": "warehouse", "Tier": "critical"}),
            ),
        ),
        DemoAccount(
            "shared-tools", "/Workloads", "right under /Workloads", (Fleet(4, IRELAND, {**DEV, "Name": "wiki"}),)
        ),
        DemoAccount(
            "dev-payments",
            "/Workloads/Dev",
            "the account opted out, with a date",
            (Fleet(8, FRANKFURT, {**DEV, "Name": "payments"}),),
            tags={OPT_OUT_TAG: soon, REASON_TAG: "audit until then"},
        ),
        DemoAccount(
            "dev-legacy",
            "/Workloads/Dev",
            "nobody rolled out the member role",
            (Fleet(5, FRANKFURT, {**DEV, "Name": "legacy"}),),
            has_role=False,
        ),
        DemoAccount("dev-closed", "/Workloads/Dev", "suspended", suspended=True),
        DemoAccount("lab-ml", "/Labs", "its OU opted out", (Fleet(10, VIRGINIA, {**DEV, "Name": "training"}),)),
        DemoAccount("lab-robotics", "/Labs", "its OU opted out", (Fleet(6, IRELAND, {**DEV, "Name": "simulator"}),)),
        DemoAccount(
            "shop-production",
            "/Production",
            "production: no rule matches it",
            (
                Fleet(22, FRANKFURT, {**PRODUCTION, "Name": "shop"}),
                Fleet(12, VIRGINIA, {**PRODUCTION, "Name": "shop-us"}),
                Fleet(1, FRANKFURT, {**PRODUCTION, "Name": "mislabelled", "Environment": "dev"}),
            ),
        ),
    )


def pairs(tags: Tags) -> list[dict[str, str]]:
    """As most services take them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
