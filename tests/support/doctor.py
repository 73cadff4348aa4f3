"""What the tests of `doctor` ask it and read in its answer, and what befalls the accounts that it looks at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.core.model.marks import MARKS
from orchestrator.demo.faults import Fault
from tests.support.embedded import STACK_SET, OrganizationBuilder
from tests.support.fixtures import Ran

FRANKFURT, IRELAND, MILAN = "eu-central-1", "eu-west-1", "eu-south-1"
DEV = {"Environment": "dev"}
RULES = "rules: [{name: dev, where: {tag: {Environment: dev}}}]\nguardrails: {max_stops: 100}\n"
NOT_ALLOWED = (
    "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/m/s is not authorized to "
    "perform: {action} on resource: arn:aws:ec2:eu-central-1:1:instance/i-1 {why}"
)
NO_POLICY = "because no identity-based policy allows the {action} action"
BY_SCP = "with an explicit deny in a service control policy"
NO_SCP = "because no service control policy allows the {action} action"

Row = dict[str, Any]
Doctor = Callable[..., Ran]


def account_id(organization: OrganizationBuilder, name: str) -> str:
    accounts = organization.client("organizations").list_accounts()["Accounts"]
    return next(str(account["Id"]) for account in accounts if account["Name"] == name)


def found(ran: Ran, *statuses: str) -> set[tuple[str, str, str]]:
    """Whose, which check and which code, of all checks with these statuses."""
    checks: list[Row] = ran.report["checks"]
    return {(one["account_name"] or "hub", one["name"], one["code"]) for one in checks if one["status"] in statuses}


def row(ran: Ran, name: str, account: str | None = "sick") -> Row:
    return next(one for one in ran.report["checks"] if (one["account_name"], one["name"]) == (account, name))


def refuse(organization: OrganizationBuilder, action: str, why: str, **where: str) -> None:
    message = NOT_ALLOWED.format(action=action, why=why.format(action=action))
    account = where.pop("account", None) or account_id(organization, "sick")
    fault = Fault(code="UnauthorizedOperation", message=message, status=403, operation=action, account=account, **where)
    organization.front.faults.add(fault)


def mark(organization: OrganizationBuilder, name: str) -> None:
    """As if a sweep had stopped the account's instances in Frankfurt."""
    account = account_id(organization, name)
    tags = [{"Key": key, "Value": "earlier"} for key in MARKS]
    organization.act(
        "create_tags", account, FRANKFURT, Resources=[*organization.described(account, FRANKFURT)], Tags=tags
    )


def not_enrolled(organization: OrganizationBuilder) -> None:
    sick = account_id(organization, "sick")
    organization.client("cloudformation").delete_stack_instances(
        StackSetName=STACK_SET, Accounts=[sick], Regions=[FRANKFURT], RetainStacks=False
    )
