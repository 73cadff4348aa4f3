"""A made-up kind whose resources own EC2 instances, as Auto Scaling groups do; and policies about both."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent
from typing import Any

from orchestrator.core.model import Account, Inventory, Obstacle, ObstacleCode, Resource
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.kinds.ec2.description import EC2
from tests.support.builders import a_resource, an_account
from tests.support.policies import load

INSTANCES = replace(EC2, member_of={"group": "groups"})
GROUPS = replace(
    EC2,
    name="groups",
    title="Auto Scaling groups",
    actions=("stop",),
    losses=(),
    member_of={"stack": "stacks"},
    start_needs=frozenset({"desired"}),
    started_units="desired",
)
STACKS = replace(EC2, name="stacks", title="stacks", actions=("stop",), losses=())
"""What owns groups in its turn."""
ALL = "rules: [{name: all, kinds: [ec2, groups, stacks], where: everything}]"


def a_policy_about_groups(body: str = ALL) -> OrgPolicy:
    return load(f"version: 1\nname: nonprod\n{dedent(body)}", kinds=(INSTANCES, GROUPS, STACKS))


def a_group(name: str = "web", units: int = 3, state: str = "running", **fields: Any) -> Resource:
    """Running so many instances."""
    restore = {"desired": units} if state == "running" else {}
    resource = a_resource(name, state=state, **{"obstacle": None, "restore": restore, **fields})
    return replace(resource, kind="groups", units=units)


def a_stack(name: str = "shop", units: int = 3) -> Resource:
    return replace(a_resource(name, obstacle=None), kind="stacks", units=units)


def a_member(number: int = 1, group: str = "web", **fields: Any) -> Resource:
    """An instance of the group, which its kind keeps."""
    owned = Obstacle(ObstacleCode.OWNED, "An Auto Scaling group owns it, and would replace it.")
    return a_resource(f"i-{number}", **{"obstacle": owned, "facts": {"group": group}, **fields})


def an_inventory(*resources: Resource, account: Account | None = None) -> Inventory:
    return Inventory("o-example", (account or an_account(),), resources=resources)
