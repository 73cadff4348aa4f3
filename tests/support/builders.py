"""Small values for tests, with sensible defaults."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from textwrap import dedent
from typing import Any

from orchestrator.core.decide.guardrails import hold_against
from orchestrator.core.model import (
    ALL_KINDS,
    ALL_REGIONS,
    Account,
    AccountId,
    Action,
    ApprovedPlan,
    AwsError,
    Coverage,
    Decision,
    Mode,
    OptOutStatus,
    OrganizationalUnit,
    Outcome,
    OutcomeStatus,
    Plan,
    Question,
    ReasonCode,
    Region,
    RegisteredOptOut,
    Resource,
    SweepReport,
    SweepStatus,
    Target,
    TargetStatus,
    Verdict,
)
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.schema.limits import Guardrails
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG
from orchestrator.kinds.ec2 import rules
from tests.support.policies import load

ACCOUNT = AccountId("111111111111")
REGION = Region("eu-central-1")
EC2_FACTS = {"instance_type": "t3.micro", "root_device_type": "ebs", "lifecycle": "on-demand"}
SWEEP_ID = "20261123T190000Z-7f3a9c"
AT = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
STARTED = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
"""Days before any sweep of a test, as most instances: not by hand after their running hours of today."""


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
    **fields: Any,
) -> Resource:
    """An EC2 instance; `state` is EC2's word."""
    all_facts = {**EC2_FACTS, **(facts or {})}
    defaults = {
        "obstacle": rules.obstacle(all_facts, tags or {}),
        "started_at": STARTED if state == "running" else None,
    }
    return Resource(
        kind="ec2",
        target=Target(AccountId(account_id), Region(region)),
        resource_id=resource_id,
        arn=f"arn:aws:ec2:{region}:{account_id}:instance/{resource_id}",
        name=(tags or {}).get("Name", ""),
        state=rules.state_of(state),
        aws_state=state,
        tags=tags or {},
        facts=all_facts,
        **{**defaults, **fields},
    )


def in_state(resource: Resource, state: str, **fields: Any) -> Resource:
    """The same in another of EC2's states."""
    return replace(resource, state=rules.state_of(state), aws_state=state, **fields)


def a_policy(body: str = "", timezone: str = "UTC") -> OrgPolicy:
    """A policy with these sections, given as indented YAML."""
    return load(f"version: 1\nname: nonprod\ntimezone: {timezone}\n{dedent(body)}")


def a_decision(resource: Resource | None = None, verdict: Verdict = Verdict.STOP, **fields: Any) -> Decision:
    code = {Verdict.STOP: ReasonCode.ANY_TIME, Verdict.START: ReasonCode.STOPPED_BY_SWEEP}.get(
        verdict, ReasonCode.NO_RULE
    )
    action = Action.STOP if verdict is Verdict.KEEP else Action(verdict.value)
    defaults = {"reason_code": code, "reason": "Because.", "rule": "nights", "action": action}
    return Decision(resource or a_resource(), verdict, **{**defaults, **fields})


def a_coverage(
    status: TargetStatus = TargetStatus.SCANNED, region: str = REGION, account_id: str = ACCOUNT, **fields: Any
) -> Coverage:
    kind = ALL_KINDS if region == ALL_REGIONS else "ec2"
    return Coverage(
        AccountId(account_id), f"account-{account_id}", "/", Region(region), status, **{"kind": kind, **fields}
    )


def a_plan(*decisions: Decision, coverage: tuple[Coverage, ...] = (), **fields: str) -> Plan:
    words = {"sweep_id": SWEEP_ID, "policy_sha256": "0" * 64, "organization_id": "o-example", **fields}
    return Plan(decisions=decisions, coverage=coverage, **words)


def an_outcome(
    status: OutcomeStatus = OutcomeStatus.STOPPED, resource: Resource | None = None, **fields: Any
) -> Outcome:
    return Outcome(resource or a_resource(), status, **fields)


def an_opt_out(**fields: Any) -> RegisteredOptOut:
    defaults = {
        "carrier": "resource",
        "carrier_id": "i-2",
        "tag": OPT_OUT_TAG,
        "value": "2026-12-01",
        "until": date(2026, 12, 1),
        "reason": "demo",
        "status": OptOutStatus.ACTIVE,
        "days_left": 8,
        "spared_accounts": 0,
        "spared_resources": 1,
        "spared_hours_per_week": 108.5,
        "violations": ("opt_out_too_long", "opt_out_without_reason"),
        "account_id": ACCOUNT,
    }
    return RegisteredOptOut(**{**defaults, **fields})


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


def a_question(plan: Plan, **fields: Any) -> Question:
    """Asked about it 12 minutes after it was made."""
    approved = hold_against(plan, Guardrails(), lambda: 1)
    assert isinstance(approved, ApprovedPlan)
    defaults = {
        "mode": Mode.ENFORCE,
        "policy_name": "nonprod",
        "policy_sha256": "3fa9b2c41d7e" + "0" * 52,
        "planned_at": AT,
        "asked_at": AT + timedelta(minutes=12),
        "expires_at": AT + timedelta(hours=12),
    }
    return Question(approved=approved, **{**defaults, **fields})
