"""From a SweepReport to its document, totals, status and exit code.

Hot for 17,000 targets and 50,000 decisions: plain dictionaries, nothing that looks at types while it runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, cast

from orchestrator.core.decide.compliance import owner_of_tags
from orchestrator.core.decide.guardrails import MIN_COVERAGE
from orchestrator.core.model import (
    ALL_REGIONS,
    UNREADABLE,
    ActionCounts,
    Consent,
    Coverage,
    Decision,
    Exemption,
    GuardrailResult,
    Mode,
    OtherPolicy,
    Outcome,
    OutcomeStatus,
    ReasonCode,
    ResourceKey,
    SweepReport,
    SweepStatus,
    TargetStatus,
    UnresolvedName,
    Verdict,
    Violation,
    coverage_weights,
    time_text,
)
from orchestrator.core.model.measured import METRIC_PRICE_USD
from orchestrator.core.model.report import InsideCount
from orchestrator.core.model.tagging import tagging_of
from orchestrator.core.model.units import units_of
from orchestrator.core.report.endings import was_declined
from orchestrator.core.report.lazy_rows import LazyRows, made_rows
from orchestrator.core.report.money_rows import money_of, money_row, savings_of
from orchestrator.core.report.opt_out_rows import QUICK_OPT_OUT, compliance_counts, opt_out_row
from orchestrator.core.report.rows import (
    ConsentRow,
    CoverageRow,
    DecisionRow,
    ExemptionRow,
    GuardrailRow,
    InsideScheduleRow,
    MetricsRow,
    NarrowedRow,
    OtherPolicyRow,
    OutcomeRow,
    ReportDocument,
    Totals,
    UnresolvedNameRow,
    ViolationRow,
)

SCHEMA_VERSION = 2
"""The report's format. The release before wrote none, which is 1: its `totals` have no `unknown`.

It counts releases, not changes: a field that is new since is optional in rows.py, and what is read back may miss it.
"""
Row = dict[str, Any]
"""A report's document, or a row of it, as it is read back from JSON; rows.py has the types that it is made by."""

YIELDED = "Yielded"
"""With which the `error` of a plan begins that ended for a sweep that acts."""
COMPLETE, ERROR, INCOMPLETE, HELD, STOP_FAILED = 0, 1, 3, 4, 5
_FAILED = frozenset({OutcomeStatus.FAILED, OutcomeStatus.UNKNOWN})
_LEFT = frozenset(
    {OutcomeStatus.NOT_ATTEMPTED, OutcomeStatus.STARTING}
)  # AWS accepted the latter, and it may fall back
_KEPT_FOR_NOW = frozenset({ReasonCode.NOT_SEEN_AGAIN})
_NOT_DONE = _KEPT_FOR_NOW | {ReasonCode.OWNED_BY_TWO_POLICIES, ReasonCode.UNREADABLE_LEDGER}
"""Of what is kept: it was to be acted on, and may be yet. What two policies own only once one of them excludes it."""
_KEPT_FOR_NOW_BY_UNDO = _KEPT_FOR_NOW | {
    ReasonCode.IN_TRANSITION,
    ReasonCode.STILL_STOPPING,
    ReasonCode.MARKS_LEFT,
}
"""Of what is kept: the same command, later, may do more. Another sweep has nothing to do where one still stops."""
_Weighted = tuple[Coverage, int | None]
_PLACE = {
    "account_id": "resource.target.account_id",
    "region": "resource.target.region",
    "kind": "resource.kind",
    "resource_id": "resource.resource_id",
}
# What tables, metrics and exit codes ask of every row.
_QUICK_DECISION: dict[str, Callable[[Decision], Any]] = {
    **{name: attrgetter(path) for name, path in _PLACE.items()},
    "verdict": attrgetter("verdict._value_"),
    "rule": attrgetter("rule"),
    "reason_code": attrgetter("reason_code._value_"),
    "reason": attrgetter("reason"),
    "exemption": lambda decision: _exemption_row(decision.exemption),
    "facts": attrgetter("facts"),
    "losses": lambda decision: [loss.text for loss in decision.resource.losses],
}
_QUICK_OUTCOME: dict[str, Callable[[Outcome], Any]] = {
    **{name: attrgetter(path) for name, path in _PLACE.items()},
    "status": attrgetter("status._value_"),
    "code": attrgetter("code"),
    "message": attrgetter("message"),
    "warnings": lambda outcome: list(outcome.warnings),
}
_QUICK_VIOLATION: dict[str, Callable[[Violation], Any]] = {"violation": attrgetter("violation")}
_QUICK_COVERAGE: dict[str, Callable[[_Weighted], Any]] = {
    "account_id": lambda weighted: weighted[0].account_id,
    "account_name": lambda weighted: weighted[0].account_name,
    "region": lambda weighted: weighted[0].region,
    "kind": lambda weighted: weighted[0].kind,
    "status": lambda weighted: weighted[0].status._value_,
    "detail": lambda weighted: weighted[0].detail,
    "weight": lambda weighted: weighted[1],
}
TARGET_TOTALS = {TargetStatus.FAILED: "failed_targets", TargetStatus.NOT_ATTEMPTED: "not_attempted_targets"}
OUTCOME_TOTALS = (
    OutcomeStatus.ALREADY_STOPPED,
    OutcomeStatus.WOULD_STOP,
    OutcomeStatus.ALREADY_RUNNING,
    OutcomeStatus.WOULD_START,
    OutcomeStatus.HELD,
    OutcomeStatus.NOT_ATTEMPTED,
    OutcomeStatus.UNKNOWN,
    OutcomeStatus.FAILED,
)
_TAG_TOTALS = (
    OutcomeStatus.TAGGED,
    OutcomeStatus.UNTAGGED,
    OutcomeStatus.WOULD_TAG,
    OutcomeStatus.WOULD_UNTAG,
)
"""Only of sweeps that change tags."""


def sweep_status(
    mode: Mode,
    coverage: Iterable[Coverage],
    decisions: Iterable[Decision],
    outcomes: Iterable[Outcome],
    guardrails: Iterable[GuardrailResult],
) -> SweepStatus:
    """How a sweep ended that no error ended and nothing halted."""
    if not all(result.passed for result in guardrails):
        return SweepStatus.HELD
    left = _code_of_what_is_left(
        mode,
        (row.status for row in coverage),
        (one.reason_code for one in decisions),
        ((one.status, one.warnings) for one in outcomes),
    )
    return SweepStatus.INCOMPLETE if left else SweepStatus.COMPLETE


def exit_code(report: SweepReport) -> int:
    """Of a command that ends with this report; where several hold, the highest."""
    return document_exit_code(report_document(report))


def document_exit_code(document: Row) -> int:
    """The same from the report's document."""
    declined = {OutcomeStatus.NOT_ATTEMPTED} if was_declined(document["error"]) else set()
    left = _code_of_what_is_left(
        document["mode"],
        (row["status"] for row in document["coverage"]),
        (row["reason_code"] for row in document["decisions"]),
        ((row["status"], row["warnings"]) for row in document["outcomes"] if row["status"] not in declined),
    )
    codes = (
        (ERROR, document["status"] in (SweepStatus.FAILED, SweepStatus.ABANDONED)),
        (INCOMPLETE, document["status"] == SweepStatus.ABORTED),
        (HELD, not all(row["passed"] for row in document["guardrails"])),
    )
    return max(left, *(code for code, holds in codes if holds), COMPLETE)


def _code_of_what_is_left(
    mode: str, coverage: Iterable[str], reasons: Iterable[str], outcomes: Iterable[tuple[str, Sequence[str]]]
) -> int:
    """By which status and exit code agree: they are made of the same. Each outcome comes with its warnings."""
    not_done = _KEPT_FOR_NOW_BY_UNDO if mode == Mode.UNDO else _NOT_DONE
    came_to = {(status, bool(warnings)) for status, warnings in outcomes}
    if any(status in _FAILED for status, _ in came_to):
        return STOP_FAILED
    is_left = any(status in _LEFT or warned for status, warned in came_to)
    is_unread = any(status in UNREADABLE for status in coverage) or not not_done.isdisjoint(reasons)
    return INCOMPLETE if is_left or is_unread else COMPLETE


def totals(report: SweepReport) -> Totals:
    """Counts of everything; the same names in the report, the summary, the ledger and the metrics.

    Targets are accounts x regions: one counts under each status that a kind has in it.
    """
    targets = Counter(status for _, _, status in {(row.account_id, row.region, row.status) for row in report.coverage})
    outcomes = Counter(outcome.status for outcome in report.outcomes)
    planned = ActionCounts.of(report.decisions)
    counts = {
        "accounts": len({row.account_id for row in report.coverage}),
        "targets": len({(row.account_id, row.region) for row in report.coverage if row.region != ALL_REGIONS}),
        **{TARGET_TOTALS.get(status, status.value): targets[status] for status in TargetStatus},
        "resources": len(report.decisions),
        "planned": planned.total,
        "planned_stops": planned.stops,
        "planned_starts": planned.starts,
        "kept": len(report.decisions) - planned.total,
        "exempt": sum(decision.exemption is not None for decision in report.decisions),
        "stopped": outcomes[OutcomeStatus.STOPPED] + outcomes[OutcomeStatus.STOPPING],
        "started": outcomes[OutcomeStatus.STARTED],
        "starting": outcomes[OutcomeStatus.STARTING],
        **{status.value: outcomes[status] for status in OUTCOME_TOTALS},
        "violations": len(report.compliance),
    }
    tags = {"planned_tags": planned.tags, **{status.value: outcomes[status] for status in _TAG_TOTALS}}
    counts |= {name: count for name, count in tags.items() if count}
    counts |= _units(report, planned)
    return cast("Totals", counts)  # most of its keys are the values of enums


def _units(report: SweepReport, planned: ActionCounts) -> dict[str, int]:
    """By name, what guardrails count of stops and starts, where that is not their number."""
    units = Counter[Verdict]()
    for one in report.decisions:
        if one.verdict in (Verdict.STOP, Verdict.START):
            units[one.verdict] += units_of(one.resource)
    found = {"stop_units": (units[Verdict.STOP], planned.stops), "start_units": (units[Verdict.START], planned.starts)}
    return {name: count for name, (count, resources) in found.items() if count != resources}


def report_document(report: SweepReport) -> Row:
    """The JSON form, all of it. Rows are sorted, so that equal sweeps give equal bytes."""
    return plain_document(document_of(report))


def plain_document(document: Row) -> Row:
    """The same document with each row in it, for whatever takes nothing but JSON's own types."""

    def is_made_when_read(found: object) -> bool:
        return isinstance(found, Sequence) and not isinstance(found, (str, list))

    rows = {name: [*made_rows(found)] for name, found in document.items() if is_made_when_read(found)}
    return {**document, **rows}


def document_of(report: SweepReport) -> Row:
    """The JSON form, of which each row is made when it is read. Made once for each sweep."""
    decision_rows = _DecisionRows(report)
    rows = {
        "coverage": _coverage_rows(report),
        "decisions": LazyRows(
            sorted(report.decisions, key=_key), decision_rows, {**_QUICK_DECISION, "owner": decision_rows.owner_of}
        ),
        "outcomes": LazyRows(sorted(report.outcomes, key=_key), _outcome_row, _QUICK_OUTCOME),
        "compliance": LazyRows(report.compliance, _violation_row, _QUICK_VIOLATION),
        "opt_outs": LazyRows(report.opt_outs, opt_out_row, QUICK_OPT_OUT),
    }
    document: ReportDocument = {
        "schema_version": SCHEMA_VERSION,
        "sweep_id": report.sweep_id,
        "policy_name": report.policy_name,
        "policy_sha256": report.policy_sha256,
        "mode": report.mode.value,
        "status": report.status.value,
        "started_at": time_text(report.started_at) or "",
        "finished_at": time_text(report.finished_at) or "",
        "organization_id": report.organization_id,
        "source_sweep_id": report.source_sweep_id or None,
        "totals": totals(report),
        "coverage": [],
        "decisions": [],
        "outcomes": [],
        "compliance": [],
        "guardrails": [_guardrail_row(result) for result in report.guardrails],
        "unresolved_names": [unresolved_name_row(one) for one in report.names.unresolved],
        "other_policies": [_other_policy_row(one) for one in report.others],
        "idle_rules": list(report.idle_rules),
        "unseen_tag_keys": [
            {"key": one.key, "rules": list(one.rules), "nearest": one.nearest} for one in report.unseen_tag_keys
        ],
        "schedules": [_inside_row(one) for one in report.schedules],
        "kill_switches": list(report.kill_switches),
        "calls": dict(sorted(report.calls.items())),
        "duration_seconds": report.duration_seconds,
        "error": report.error,
        "asked_by": report.asked_by,
        "owners": list(report.owners),
        "consent": _consent_row(report.consent),
        "consent_missing": report.consent_missing,
        "compliance_counts": compliance_counts(report.compliance),
        "opt_outs": [],
        "narrowed": cast("NarrowedRow", report.narrowed.as_item()) if report.narrowed else None,
    }
    if report.plan_expires_at is not None:
        document["plan_expires_at"] = time_text(report.plan_expires_at) or ""
    if report.stop_effects:
        document["stop_effects"] = list(report.stop_effects)
    if report.account_contacts:
        document["account_contacts"] = dict(sorted(report.account_contacts.items()))
    if report.as_of is not None:
        document["as_of"] = time_text(report.as_of) or ""
        document["as_of_local"] = list(report.as_of_local)
    metrics = _metrics_row(report)
    asked: Row = {"metrics": metrics} if metrics["requested"] else {}
    asked |= money_of(report, metrics["price_usd"])
    return {**document, **rows, **asked}  # the rows in the places of the empty ones


def _metrics_row(report: SweepReport) -> MetricsRow:
    """Of what this sweep read, and not the one whose plan it carries out."""
    found = [one.resource.measured for one in report.decisions if one.resource.measured is not None]
    requested = sum(one.requested for one in found if one.read_at >= report.started_at)
    return {"requested": requested, "price_usd": round(requested * METRIC_PRICE_USD, 5)}


def _key(one: Decision | Outcome) -> ResourceKey:
    return one.resource.key


def _consent_row(consent: Consent | None) -> ConsentRow | None:
    if consent is None:
        return None
    return {
        "by": consent.by,
        "how": consent.how.value,
        "plan_sha256": consent.plan_sha256,
        "policy_sha256": consent.policy_sha256,
        "given_at": time_text(consent.given_at) or "",
        "expires_at": time_text(consent.expires_at) or "",
    }


def _coverage_rows(report: SweepReport) -> LazyRows[_Weighted]:
    """Sorted by account, region and kind."""
    rows = sorted(report.coverage, key=attrgetter("account_id", "region", "kind"))
    weights = coverage_weights(rows, _unknown_account_weight(report.guardrails))
    return LazyRows([*zip(rows, weights, strict=True)], _coverage_row, _QUICK_COVERAGE)


def _coverage_row(weighted: _Weighted) -> CoverageRow:
    row, weight = weighted
    return {
        "account_id": row.account_id,
        "account_name": row.account_name,
        "ou_path": row.ou_path,
        "region": row.region,
        "kind": row.kind,
        "status": row.status._value_,
        "detail": row.detail,
        "exemption": _exemption_row(row.exemption),
        "weight": weight,
    }


def _unknown_account_weight(guardrails: Iterable[GuardrailResult]) -> int | None:
    """That of the limit on the coverage; where the policy has none, such an account counts for one target."""
    return next((one.unknown_account_weight for one in guardrails if one.name == MIN_COVERAGE), 1)


_TYPE_FACTS = ("instance_type", "db_instance_class", "node_type", "launch_type", "engine")
"""The kinds' facts that AWS prices one by."""


class _DecisionRows:
    """Makes the row of a decision: with the names of its account, and who owns it."""

    def __init__(self, report: SweepReport) -> None:
        self._accounts = {row.account_id: (row.account_name, row.ou_path) for row in report.coverage}
        self._owner_tag = report.owner_tag
        self._account_owners = report.account_owners
        self._savings = savings_of(report)

    def owner_of(self, decision: Decision) -> str:
        """By its own tag, else by that of its account."""
        resource = decision.resource
        own = owner_of_tags(self._owner_tag, resource.tags)
        return own or self._account_owners.get(resource.target.account_id, "")

    def __call__(self, decision: Decision) -> DecisionRow:
        resource = decision.resource
        account_id = resource.target.account_id
        account_name, ou_path = self._accounts.get(account_id, ("", ""))
        row: DecisionRow = {
            "account_id": account_id,
            "account_name": account_name,
            "ou_path": ou_path,
            "region": resource.target.region,
            "kind": resource.kind,
            "resource_id": resource.resource_id,
            "arn": resource.arn,
            "name": resource.name,
            "type": next((str(found) for name in _TYPE_FACTS if (found := resource.facts.get(name))), ""),
            "owner": self.owner_of(decision),
            "verdict": decision.verdict._value_,
            "action": decision.action._value_ if decision.verdict is not Verdict.KEEP else None,
            "rule": decision.rule,
            "reason_code": decision.reason_code._value_,
            "reason": decision.reason,
            "exemption": _exemption_row(decision.exemption),
            "tags": dict(sorted(resource.tags.items())),
            "facts": dict(sorted(decision.facts.items())),
            "losses": [loss.text for loss in resource.losses],
        }
        if resource.units != 1:
            row["units"] = resource.units
        saving = self._savings.get(resource.key) if self._savings else None
        if saving is not None:
            row["money"] = money_row(saving)
        if decision.verdict in (Verdict.TAG, Verdict.UNTAG):
            row["tag_changes"] = dict(sorted(tagging_of(resource.restore).items()))
        return row


def _exemption_row(exemption: Exemption | None) -> ExemptionRow | None:
    if exemption is None:
        return None
    return {
        "source": exemption.source,
        "source_id": exemption.source_id,
        "tag": exemption.tag,
        "value": exemption.value,
        "until": exemption.until.isoformat() if exemption.until else None,
        "reason": exemption.reason,
        "malformed": exemption.malformed,
        "nearest_key": exemption.nearest_key,
    }


def _outcome_row(outcome: Outcome) -> OutcomeRow:
    resource = outcome.resource
    return {
        "account_id": resource.target.account_id,
        "region": resource.target.region,
        "kind": resource.kind,
        "resource_id": resource.resource_id,
        "arn": resource.arn,
        "status": outcome.status._value_,
        "code": outcome.code,
        "message": outcome.message,
        "requested_at": time_text(outcome.requested_at),
        "verified_at": time_text(outcome.verified_at),
        "warnings": list(outcome.warnings),
        "restore": dict(resource.restore),
    }


def _violation_row(violation: Violation) -> ViolationRow:
    return {
        "account_id": violation.account_id,
        "region": violation.region,
        "kind": violation.kind,
        "resource_id": violation.resource_id,
        "violation": violation.violation,
        "detail": violation.detail,
        "carrier": violation.carrier or None,
        "account_name": violation.account_name,
        "owner": violation.owner,
    }


def _inside_row(one: InsideCount) -> InsideScheduleRow:
    return {
        "schedule": one.inside.schedule,
        "rule": one.rule,
        "running_until": time_text(one.inside.until),
        "until_text": one.inside.until_text,
        "resources": one.resources,
    }


def _guardrail_row(result: GuardrailResult) -> GuardrailRow:
    return {
        "name": result.name,
        "limit": result.limit,
        "actual": result.actual,
        "passed": result.passed,
        "account_id": result.account_id,
        "detail": result.detail,
    }


def _other_policy_row(one: OtherPolicy) -> OtherPolicyRow:
    return {
        "name": one.name,
        "policy_sha256": one.sha256,
        "unresolved_names": [unresolved_name_row(name) for name in one.names.unresolved],
        "unread": one.unread,
    }


def unresolved_name_row(one: UnresolvedName) -> UnresolvedNameRow:
    """One name of the policy that matches nothing, as every form of output has it."""
    return {
        "path": one.path,
        "line": one.line,
        "word": one.word,
        "name": one.name,
        "effect": one.effect.value,
        "detail": one.detail,
        "nearest": one.nearest,
    }
