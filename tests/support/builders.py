"""Small values for tests, with sensible defaults."""

from __future__ import annotations

from datetime import UTC, datetime
from textwrap import dedent
from typing import Any

from orchestrator.core.model import (
    Account,
    AccountId,
    AwsError,
    Coverage,
    Decision,
    Mode,
    OrganizationalUnit,
    Outcome,
    OutcomeStatus,
    Plan,
    Region,
    Resource,
    SweepReport,
    SweepStatus,
    Target,
    TargetStatus,
    Verdict,
)
from orchestrator.core.policy.loading import load_policy
from orchestrator.core.policy.org_policy import OrgPolicy

ACCOUNT = AccountId("111111111111")
REGION = Region("eu-central-1")
EC2_FACTS = {"instance_type": "t3.micro", "root_device_type": "ebs", "lifecycle": "on-demand"}
SWEEP_ID = "20261123T190000Z-7f3a9c"
AT = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)


def an_account(account_id: str = ACCOUNT, ou: str = "/", **fields: Any) -> Account:
    names = [name for name in ou.split("/") if name]
    units = tuple(
        OrganizationalUnit(id=f"ou-{name.lower()}", path="/" + "/".join(names[: depth + 1]))
        for depth, name in enumerate(names)
    )
    defaults = {"name": f"account-{account_id}", "state": "ACTIVE", "organizational_units": units}
    return Account(id=AccountId(account_id), **{**defaults, **fields})


def a_unit(path: str, tags: dict[str, str] | None = None, tags_error: AwsError | None = None) -> OrganizationalUnit:
    return OrganizationalUnit(id=f"ou-{path.strip('/').lower()}", path=path, tags=tags or {}, tags_error=tags_error)


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


def a_policy(body: str = "", timezone: str = "UTC") -> OrgPolicy:
    """A policy with these sections, given as indented YAML."""
    return load_policy(f"version: 1\nname: nonprod\ntimezone: {timezone}\n{dedent(body)}")


def a_decision(resource: Resource | None = None, verdict: Verdict = Verdict.STOP, **fields: Any) -> Decision:
    return Decision(resource or a_resource(), verdict, **{"reason": "Because.", "rule": "nights", **fields})


def a_coverage(
    status: TargetStatus = TargetStatus.SCANNED, region: str = REGION, account_id: str = ACCOUNT, **fields: Any
) -> Coverage:
    return Coverage(AccountId(account_id), f"account-{account_id}", "/", Region(region), status, **fields)


def a_plan(*decisions: Decision, coverage: tuple[Coverage, ...] = (), **fields: str) -> Plan:
    words = {"sweep_id": SWEEP_ID, "policy_sha256": "0" * 64, "organization_id": "o-example", **fields}
    return Plan(decisions=decisions, coverage=coverage, **words)


def an_outcome(
    status: OutcomeStatus = OutcomeStatus.STOPPED, resource: Resource | None = None, **fields: Any
) -> Outcome:
    return Outcome(resource or a_resource(), status, **fields)


def a_report(**fields: Any) -> SweepReport:
    defaults = {
        "sweep_id": SWEEP_ID,
        "policy_name": "nonprod",
        "policy_sha256": "0" * 64,
        "mode": Mode.ENFORCE,
        "status": SweepStatus.COMPLETE,
        "started_at": AT,
        "finished_at": AT,
        "organization_id": "o-example",
    }
    return SweepReport(**{**defaults, **fields})
