"""Small values for tests, with sensible defaults."""

from __future__ import annotations

from typing import Any

from orchestrator.core.model import Account, AccountId, OrganizationalUnit, Region, Resource, Target

ACCOUNT = AccountId("111111111111")
REGION = Region("eu-central-1")
EC2_FACTS = {"instance_type": "t3.micro", "root_device_type": "ebs", "lifecycle": "on-demand"}


def an_account(account_id: str = ACCOUNT, ou: str = "/", **fields: Any) -> Account:
    names = [name for name in ou.split("/") if name]
    units = tuple(
        OrganizationalUnit(id=f"ou-{name.lower()}", path="/" + "/".join(names[: depth + 1]))
        for depth, name in enumerate(names)
    )
    defaults = {"name": f"account-{account_id}", "state": "ACTIVE", "organizational_units": units}
    return Account(id=AccountId(account_id), **{**defaults, **fields})


def a_resource(
    resource_id: str = "i-00000000000000001",
    account_id: str = ACCOUNT,
    region: str = REGION,
    state: str = "running",
    tags: dict[str, str] | None = None,
    facts: dict[str, Any] | None = None,
) -> Resource:
    return Resource(
        kind="ec2",
        target=Target(AccountId(account_id), Region(region)),
        resource_id=resource_id,
        arn=f"arn:aws:ec2:{region}:{account_id}:instance/{resource_id}",
        name=(tags or {}).get("Name", ""),
        state=state,
        tags=tags or {},
        facts={**EC2_FACTS, **(facts or {})},
    )
