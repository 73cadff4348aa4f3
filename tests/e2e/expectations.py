"""What a sweep of the small organization has to come to; whatever differs is named with the reason that AWS gave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.e2e.deployment import Deployment, Report, denied_in
from tests.e2e.organization import Organization
from tests.e2e.resources import RUNNING, STOPPED

MARK = "stop-orchestrator:stopped-by"


@dataclass(frozen=True)
class Swept:
    """One sweep, and what was seen right after it."""

    report: Report
    states: dict[str, str]
    marks: dict[str, str]
    """The tag `stopped-by` of each resource that has one."""
    ledger: list[dict[str, Any]]


def swept(deployment: Deployment, mode: str) -> Swept:
    report = deployment.swept(mode)
    organization = deployment.organization
    marks = {one: tags[MARK] for one in organization.to_stop if MARK in (tags := organization.tags(one))}
    return Swept(report, organization.states(), marks, deployment.ledger(report["sweep_id"]))


def assert_as_expected(organization: Organization, seen: Swept) -> None:
    problems = [
        *_coverage(organization, seen.report),
        *_stops(organization, seen),
        *_kept(organization, seen.report),
        *_ledger(organization, seen),
    ]
    assert not problems, f"denied: {denied_in(problems)}\n" + "\n".join(problems)


def _coverage(organization: Organization, report: Report) -> Iterator[str]:
    if report["status"] != "incomplete":  # one account is denied
        yield f"the sweep is {report['status']}: {report.get('error')}"
    rows = {(row["account_id"], row["region"]): row for row in report["coverage"]}
    for place, status in {**organization.coverage, (organization.outside, "*"): "excluded"}.items():
        row = rows.get(place) or rows.get((place[0], "*")) or {"status": "not there", "detail": ""}
        if row["status"] != status:
            yield f"{place} is {row['status']}, not {status}: {row['detail']}"


def _stops(organization: Organization, seen: Swept) -> Iterator[str]:
    enforced = seen.report["mode"] == "enforce"
    rows = {row["resource_id"]: row for row in seen.report["outcomes"]}
    if rows.keys() != organization.to_stop.keys():
        yield f"outcomes of {sorted(rows)}, not of {sorted(organization.to_stop)}"
    for one, row in rows.items():
        if row["status"] != ("stopped" if enforced else "would_stop"):
            yield f"{one} is {row['status']}: {row['code']} {row['message']}"
        yield from (f"{one}: {warning}" for warning in row["warnings"])
        if seen.marks.get(one) != (seen.report["sweep_id"] if enforced else None):
            yield f"{one} has the tag {MARK}={seen.marks.get(one)}"
    for one, state in seen.states.items():
        if state != (STOPPED if enforced and one in organization.to_stop else RUNNING):
            yield f"AWS says that {one} is {state}"


def _kept(organization: Organization, report: Report) -> Iterator[str]:
    """What runs on, each for its own reason."""
    rows = {row["resource_id"]: row for row in report["decisions"] if row["verdict"] == "keep"}
    if rows.keys() != organization.why_kept.keys():
        yield f"kept are {sorted(rows)}, not {sorted(organization.why_kept)}"
    for one, reason in organization.why_kept.items():
        if one in rows and rows[one]["reason_code"] != reason.value:
            yield f"{one} is kept, but as {rows[one]['reason_code']}: {rows[one]['reason']}"


def _ledger(organization: Organization, seen: Swept) -> Iterator[str]:
    keys = [item["SK"]["S"] for item in seen.ledger]
    targets = {
        f"{item['account_id']['S']} {region}"
        for item in seen.ledger
        if item["SK"]["S"].startswith("TARGET#")
        for some in item["targets"]["L"]
        for region in some["M"]["regions"]["S"].split()
    }
    for account, region in organization.coverage:
        if f"{account} {region}" not in targets:
            yield f"the ledger has no status of {account} {region}"
    actions = {key.rpartition("#")[2] for key in keys if key.startswith("ACTION#")}
    wanted = set(organization.to_stop) if seen.report["mode"] == "enforce" else set()
    if actions != wanted:
        yield f"the ledger has actions on {sorted(actions)}, not on {sorted(wanted)}"


def told(report: Report) -> Report:
    """What two sweeps of the same organization have in common."""
    places = ("account_id", "region", "status", "detail")
    decided = ("account_id", "region", "resource_id", "verdict", "rule", "reason", "exemption")
    done = ("account_id", "region", "resource_id", "status", "code", "message", "warnings")
    return {
        "policy_sha256": report["policy_sha256"],
        "status": report["status"],
        "totals": report["totals"],
        "guardrails": report["guardrails"],
        "compliance": report["compliance"],
        "coverage": [[row[name] for name in places] for row in report["coverage"]],
        "decisions": [[row[name] for name in decided] for row in report["decisions"]],
        "outcomes": [[row[name] for name in done] for row in report["outcomes"]],
    }
