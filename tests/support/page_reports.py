"""Documents of sweeps as large as asked for, with something of everything in them, and hostile names and tags."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from orchestrator.core.model import (
    Consent,
    ConsentHow,
    Coverage,
    Decision,
    Exemption,
    GuardrailResult,
    Mode,
    Outcome,
    OutcomeStatus,
    ReasonCode,
    Resource,
    SweepStatus,
    TargetStatus,
    Verdict,
    Violation,
)
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG
from orchestrator.core.report.document import Row, document_of
from tests.support.builders import AT, a_coverage, a_decision, a_report, a_resource, an_opt_out, an_outcome

REGIONS = (
    *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
    *("ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1"),
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
)
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    '" onmouseover="alert(3)',
    '=HYPERLINK("http://evil.example","x")',
    "abc\u202egnp.exe",
    "\x1b[31mred\x1b[0m",
    "{{ 7 * 7 }}",
)
_UNITS = ("/Workloads/Dev", "/Workloads/Test", "/Workloads/Prod", "/Labs", "/Labs/Always-On")
_TEAMS = ("payments", "search", "checkout", "data", "identity", "web", "mobile", "risk", "ops", "billing", "ml", "")
_TYPES = ("t3.micro", "m7g.large", "c7i.2xlarge", "r6g.xlarge")
_KEPT = (
    (ReasonCode.SCHEDULE, "Its schedule office-hours says that it should run until 19:00 on Monday."),
    (ReasonCode.NO_RULE, "No rule matches it."),
    (ReasonCode.EXEMPT, "It is opted out by its tag stop-orchestrator:opt-out."),
    (ReasonCode.CANNOT_STOP, "It is a spot instance of a one-time request, which AWS cannot stop."),
    (ReasonCode.STARTED_BY_HAND, "It was started at 2026-11-23 18:20, after its running hours had ended."),
)
_REFUSED = (
    ("UnauthorizedOperation", "You are not authorized to perform this operation. User: arn:aws:sts::111111111111:x"),
    ("OperationNotPermitted", "The instance may not be stopped. Modify its 'disableApiStop' attribute and try again."),
    ("IncorrectInstanceState", "The instance is not in a state from which it can be stopped."),
)


def account_id(number: int) -> str:
    return f"{100_000_000_000 + number * 7_919}"


def page_document(accounts: int = 40, decisions: int = 1_500, *, mode: Mode = Mode.ENFORCE, money: bool = True) -> Row:
    """Rows are made when they are read, as a sweep has them."""
    found = [_decision(number, number * accounts // max(decisions, 1)) for number in range(decisions)]
    outcomes = (
        [*_outcomes(found)] if mode.acts else [an_outcome(OutcomeStatus.WOULD_STOP, one.resource) for one in found[:0]]
    )
    document = document_of(
        a_report(
            mode=mode,
            status=SweepStatus.INCOMPLETE,
            finished_at=AT + timedelta(seconds=75),
            duration_seconds=75.2,
            asked_by="arn:aws:sts::111111111111:assumed-role/stop-orchestrator/scheduled",
            coverage=tuple(_coverage(accounts)),
            decisions=tuple(found),
            outcomes=tuple(outcomes),
            compliance=tuple(_violations(found)),
            guardrails=_guardrails(accounts, found),
            opt_outs=tuple(
                an_opt_out(carrier_id=one.resource.resource_id, account_id=one.resource.target.account_id)
                for one in found
                if one.exemption is not None
            )[:200],
            calls={"ec2:DescribeInstances": 17 * accounts, "sts:AssumeRole": accounts, "ec2:StopInstances": accounts},
            consent=Consent(
                "schedule nonprod",
                ConsentHow.STANDING,
                "0" * 64,
                "0" * 64,
                AT + timedelta(seconds=20),
                AT + timedelta(1),
            ),
            owner_tag="Owner",
            owners=("platform@example.com",),
        )
    )
    return _with_money(document, found) if money else document


def _decision(number: int, account: int) -> Decision:
    hostile = number % 97 == 0
    team = _TEAMS[account % len(_TEAMS)]
    name = HOSTILE[number // 97 % len(HOSTILE)] if hostile else f"{team or 'shared'}-web-{number}"
    tags = {"Name": name, "Environment": ("dev", "test")[number % 2], **({"Owner": f"team-{team}"} if team else {})}
    resource = a_resource(
        f"i-{number * 2_654_435_761 % (1 << 68):017x}",
        account_id(account),
        REGIONS[number * 5 // 3 % len(REGIONS)],
        tags=tags,
        facts={"instance_type": _TYPES[number % len(_TYPES)]},
    )
    if number % 5 < 2:
        reason = "It runs outside of its schedule office-hours, which ended at 19:00 on Monday."
        return a_decision(resource, reason_code=ReasonCode.OUTSIDE_SCHEDULE, reason=reason, rule=f"rule-{number % 3}")
    code, reason = _KEPT[number % 11 % len(_KEPT)]
    exemption = None
    if code is ReasonCode.EXEMPT:
        exemption = Exemption("resource", resource.resource_id, OPT_OUT_TAG, "true", None, "a demo for a customer")
    rule = None if code is ReasonCode.NO_RULE else f"rule-{number % 3}"
    return a_decision(resource, Verdict.KEEP, reason_code=code, reason=reason, rule=rule, exemption=exemption)


def _outcomes(decisions: list[Decision]) -> Iterator[Outcome]:
    for number, one in enumerate(decisions):
        if one.verdict is not Verdict.STOP:
            continue
        asked = AT + timedelta(seconds=25 + number * 40 // len(decisions))
        if number % 53 == 0:
            code, message = _REFUSED[number // 53 % len(_REFUSED)]
            yield an_outcome(OutcomeStatus.FAILED, one.resource, code=code, message=message, requested_at=asked)
        else:
            seen = asked + timedelta(seconds=5 + number % 4)
            yield an_outcome(OutcomeStatus.STOPPED, one.resource, requested_at=asked, verified_at=seen)


def _coverage(accounts: int) -> Iterator[Coverage]:
    for number in range(accounts):
        where = {"account_name": _account_name(number), "ou_path": _UNITS[number % len(_UNITS)]}
        whole = {7: TargetStatus.SUSPENDED, 13: TargetStatus.OPTED_OUT, 19: TargetStatus.DENIED}.get(number % 40)
        if whole is not None:
            detail = (
                "sts:AssumeRole: AccessDenied: not authorized to perform: sts:AssumeRole" if number % 40 == 19 else ""
            )
            yield _covered(whole, "*", number, detail, where)
            continue
        for place, region in enumerate(REGIONS):
            status, detail = TargetStatus.SCANNED, ""
            if place in (2, 12):
                status, detail = TargetStatus.REGION_DISABLED, "ec2:DescribeRegions does not list it for this account"
            elif number % 17 == 3 and place == 5:
                status = TargetStatus.DENIED
                detail = (
                    "ec2:DescribeInstances: UnauthorizedOperation: You are not authorized to perform this operation."
                )
            elif number % 23 == 11 and place > 13:
                status, detail = (
                    TargetStatus.FAILED,
                    "ec2:DescribeInstances: RequestLimitExceeded: Request limit exceeded.",
                )
            yield _covered(status, region, number, detail, where)


def _covered(status: TargetStatus, region: str, number: int, detail: str, where: dict[str, str]) -> Coverage:
    row = a_coverage(status, region, account_id(number), detail=detail)
    return Coverage(row.account_id, where["account_name"], where["ou_path"], row.region, status, detail, kind=row.kind)


def _account_name(number: int) -> str:
    team = _TEAMS[number % len(_TEAMS)] or "shared"
    return (
        HOSTILE[number // 29 % len(HOSTILE)]
        if number % 29 == 28
        else f"{team}-{('dev', 'test')[number % 2]}-{number:03}"
    )


def _violations(decisions: list[Decision]) -> Iterator[Violation]:
    for number, one in enumerate(decisions):
        if "Owner" not in one.resource.tags or number % 31 == 0:
            place = one.resource
            detail = f"the tag CostCenter is missing; it is called {place.name}"
            account, region = place.target.account_id, place.target.region
            yield Violation(account, region, place.resource_id, "missing_required_tag", detail, "ec2", "resource")


def _guardrails(accounts: int, decisions: list[Decision]) -> tuple[GuardrailResult, ...]:
    stops = sum(one.verdict is Verdict.STOP for one in decisions)
    each = [
        GuardrailResult("per_account.max_stops", 100, 12 + n % 30, True, account_id(n))
        for n in range(min(accounts, 60))
    ]  # type: ignore[arg-type]  # rows as JSON has them
    return (
        GuardrailResult("max_stops", max(2 * stops, 1), stops, True),
        GuardrailResult("max_stops_percent", 60, 40.0, True),
        GuardrailResult("min_coverage_percent", 80, 97.1, True, unknown_account_weight=len(REGIONS) - 2),
        *each,
    )


def _with_money(document: Row, decisions: list[Decision]) -> Row:
    rows: list[Row] = [dict(row) for row in document["decisions"]]
    net, known, unknown = 0.0, 0, 0
    for number, row in enumerate(rows):
        if row["verdict"] == "stop":
            is_known = number % 25 != 0
            row["money"] = _money(1.152 if is_known else None)
            net += 0.9 * 1.152 if is_known else 0
            known, unknown = known + is_known, unknown + (not is_known)
    sums = _savings(known, unknown, round(net, 6))
    some = [one.resource for one in decisions[:80]]
    return {
        **document,
        "decisions": rows,
        "money": {
            "currency": "USD",
            "prices": "prices-example.csv",
            "made_up": True,
            "forecast": sums,
            "starts": _savings(0, 0, 0.0),
            "measured": _savings(64, 16, 55.3),
            "restarted_early": 8,
            "unknown_reasons": {"no price of m7g.large in ap-south-1": unknown},
            "sweep_cost": 0.0079,
            "caveats": ["Savings Plans and reservations are billed whether it runs or not: they are not subtracted."],
        },
        "measured": [_measured(number, one) for number, one in enumerate(some)],
    }


def _money(gross: float | None) -> dict[str, Any]:
    return {
        "source": "prices-example.csv" if gross else "",
        "hours": 12.0,
        "until": "2026-11-24T07:00:00Z",
        "hourly": None if gross is None else round(gross * 0.9 / 12, 6),
        "gross": gross,
        "still_billed": None if gross is None else round(gross * 0.1, 6),
        "net": None if gross is None else round(gross * 0.9, 6),
        "unknown": "" if gross else "no price of its type is known",
    }


def _savings(known: int, unknown: int, net: float) -> dict[str, Any]:
    return {
        "resources": known,
        "unknown_resources": unknown,
        "gross": round(net / 0.9, 6),
        "still_billed": round(net / 9, 6),
        "net": net,
        "hourly": round(net / 12, 6),
    }


def _measured(number: int, resource: Resource) -> dict[str, Any]:
    early = number % 10 == 0
    known = number % 5 != 0
    return {
        "account_id": resource.target.account_id,
        "region": resource.target.region,
        "kind": resource.kind,
        "resource_id": resource.resource_id,
        "stopped_by": "20261122T190000Z-1b2c3d",
        "stopped_at": "2026-11-22T19:00:00Z",
        "until": "2026-11-22T23:00:00Z" if early else "2026-11-23T07:00:00Z",
        "running_again": True,
        "early": early,
        "hours": 4.0 if early else 12.0,
        "gross": 1.152 if known else None,
        "still_billed": 0.1152 if known else None,
        "net": 1.0368 if known else None,
        "forecast_net": 1.0368 if known else None,
        "unknown": "" if known else "no price of its type is known",
    }
