"""What is in the demo's organization, as data: units, accounts and instances, each with what it is there to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from orchestrator.core.policy.tag_keys import OPT_OUT_TAG, PROTECTED_TAG, REASON_TAG

FRANKFURT, MILAN, IRELAND, VIRGINIA = "eu-central-1", "eu-south-1", "eu-west-1", "us-east-1"

Tags = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fleet:
    """Some equal instances in one region. `quirk` is what the EC2 API alone cannot make in an embedded AWS."""

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
    dev = {"Environment": "dev", "Owner": "web", "CostCenter": "cc-100"}
    test = {"Environment": "test", "Owner": "data", "CostCenter": "cc-200"}
    production = {"Environment": "production", "Owner": "shop", "CostCenter": "cc-900"}
    return (
        DemoAccount(
            "dev-web",
            "/Workloads/Dev",
            "instances that opted out",
            (
                Fleet(14, FRANKFURT, {**dev, "Name": "web"}),
                Fleet(6, IRELAND, {**dev, "Name": "web-replica"}),
                Fleet(1, FRANKFURT, {**dev, "Name": "load-test", OPT_OUT_TAG: soon, REASON_TAG: "load test this week"}),
                Fleet(1, FRANKFURT, {**dev, "Name": "kept-for-good", OPT_OUT_TAG: "true"}),
                Fleet(
                    1, FRANKFURT, {**dev, "Name": "spared-once", OPT_OUT_TAG: past, REASON_TAG: "demo for a customer"}
                ),
                Fleet(1, IRELAND, {**dev, "Name": "spared-by-typo", OPT_OUT_TAG: "yes please"}),
                Fleet(1, IRELAND, {**dev, "Name": "license-server", PROTECTED_TAG: "legal"}),
            ),
        ),
        DemoAccount(
            "dev-data",
            "/Workloads/Dev",
            "what AWS or another service will not let go",
            (
                Fleet(12, FRANKFURT, {**test, "Name": "etl"}),
                Fleet(2, FRANKFURT, {**test, "Name": "stop-protected"}, launch={"DisableApiStop": True}),
                Fleet(3, VIRGINIA, {**test, "Name": "spot"}, launch={"InstanceMarketOptions": {"MarketType": "spot"}}),
                Fleet(4, VIRGINIA, {**test, "Name": "web-asg", "aws:autoscaling:groupName": "web"}),
                Fleet(3, VIRGINIA, {**test, "Name": "eks-node", "kubernetes.io/cluster/dev": "owned"}),
                Fleet(1, IRELAND, {**test, "Name": "scratch"}, quirk={"root_device_type": "instance-store"}),
                Fleet(
                    2,
                    IRELAND,
                    {**test, "Name": "auto-mode"},
                    quirk={"operator": {"Managed": True, "Principal": "eks.amazonaws.com"}},
                ),
            ),
        ),
        DemoAccount(
            "dev-mobile",
            "/Workloads/Dev",
            f"{MILAN} is disabled here",
            (
                Fleet(9, IRELAND, {**dev, "Name": "device-farm"}),
                Fleet(2, IRELAND, {**dev, "Name": "ci", "Role": "build-agent"}),
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
                    {**test, "Name": "notebook", "Role": "notebook"},
                    launch={"HibernationOptions": {"Configured": True}},
                ),
                Fleet(1, FRANKFURT, {**test, "Name": "old-notebook", "Role": "notebook"}),
                Fleet(11, MILAN, {**test, "Name": "report"}),
                Fleet(2, MILAN, {**test, "Name": "warehouse", "Tier": "critical"}),
            ),
        ),
        DemoAccount(
            "shared-tools", "/Workloads", "right under /Workloads", (Fleet(4, IRELAND, {**dev, "Name": "wiki"}),)
        ),
        DemoAccount(
            "dev-payments",
            "/Workloads/Dev",
            "the account opted out, with a date",
            (Fleet(8, FRANKFURT, {**dev, "Name": "payments"}),),
            tags={OPT_OUT_TAG: soon, REASON_TAG: "audit until then"},
        ),
        DemoAccount(
            "dev-legacy",
            "/Workloads/Dev",
            "nobody rolled out the member role",
            (Fleet(5, FRANKFURT, {**dev, "Name": "legacy"}),),
            has_role=False,
        ),
        DemoAccount("dev-closed", "/Workloads/Dev", "suspended", suspended=True),
        DemoAccount("lab-ml", "/Labs", "its OU opted out", (Fleet(10, VIRGINIA, {**dev, "Name": "training"}),)),
        DemoAccount("lab-robotics", "/Labs", "its OU opted out", (Fleet(6, IRELAND, {**dev, "Name": "simulator"}),)),
        DemoAccount(
            "shop-production",
            "/Production",
            "production: no rule matches it",
            (
                Fleet(22, FRANKFURT, {**production, "Name": "shop"}),
                Fleet(12, VIRGINIA, {**production, "Name": "shop-us"}),
                Fleet(1, FRANKFURT, {**production, "Name": "mislabelled", "Environment": "dev"}),
            ),
        ),
    )
