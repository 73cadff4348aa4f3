"""What the index page has of one sweep: a few numbers and names, made at its end from its document.

A document, or what the ledger remembers of a sweep, in; a digest out. Without a price, a total or a coverage that is
known, there is null, never 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, NotRequired, cast

from pydantic import ConfigDict, Field, StringConstraints, with_config
from typing_extensions import TypedDict

from orchestrator.core.model import UNREADABLE, Mode, OutcomeStatus, TargetStatus
from orchestrator.core.model.marks import SWEEP_ID
from orchestrator.core.report.document import TARGET_TOTALS, Row
from orchestrator.core.report.endings import was_declined
from orchestrator.core.report.target_counts import UNREAD, TargetTally

WORST_ACCOUNTS = 10
"""Of one sweep, at most."""
EXPIRING_OPT_OUTS = 50
"""Of one sweep, at most; how many more there are is counted."""
_FAILED = frozenset({OutcomeStatus.FAILED.value, OutcomeStatus.UNKNOWN.value})
_LOOKS_AT_ALL = frozenset({Mode.PLAN, Mode.APPROVE, Mode.ENFORCE, Mode.APPLY})
"""An apply has what its plan saw; an undo only reads what an earlier sweep stopped."""
_STRICT = ConfigDict(extra="forbid", strict=True)
_LONGEST = 1_000

Text = Annotated[str, StringConstraints(max_length=_LONGEST)]
SweepId = Annotated[str, StringConstraints(pattern=f"^{SWEEP_ID.pattern}$")]
AccountText = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
Count = Annotated[int, Field(ge=0)]


@with_config(_STRICT)
class AccountDigest(TypedDict):
    """One of the accounts of which the most is to be looked after."""

    account_id: AccountText
    account_name: Text
    ou_path: Text
    unread: Annotated[Count, Field(description="Accounts x regions that were not read, or not of every kind.")]
    failed: Annotated[Count, Field(description="Actions that failed, or of which it is unknown what came of them.")]
    violations: Count
    exempt: Annotated[Count, Field(description="Resources that an opt-out spares.")]
    detail: Annotated[Text, Field(description="AWS's words for the first target that was not read; else empty.")]


@with_config(_STRICT)
class OptOutDigest(TypedDict):
    """An opt-out that ends within two weeks of the sweep."""

    carrier: Text
    carrier_id: Text
    account_id: AccountText | None
    account_name: Text
    owner: Text
    tag: Text
    until: Text
    reason: Text | None
    spared_resources: Annotated[Count | None, Field(description="Null: not known.")]


@with_config(_STRICT)
class MoneyDigest(TypedDict):
    """In the report's currency; null: not known."""

    currency: Text
    made_up: bool
    forecast_net: float | None
    measured_net: float | None
    unknown_resources: Annotated[Count, Field(description="Stops of the plan of which no amount is known.")]


@with_config(_STRICT)
class SweepDigest(TypedDict):
    """One sweep in the index."""

    sweep_id: SweepId
    policy_name: Text
    mode: Text
    status: Text
    declined: NotRequired[
        Annotated[Literal[True], Field(description="The person at the terminal did not confirm it: nothing failed.")]
    ]
    started_at: Text
    finished_at: Text
    duration_seconds: Annotated[float, Field(ge=0)]
    narrowed: Annotated[bool, Field(description="It says nothing of the rest of the organization.")]
    report: Annotated[
        Literal["", "report.json", "report.html"],
        Field(description="What of its report there is for certain; empty: it has none."),
    ]
    running: Annotated[
        Count | None, Field(description="Resources that were read. Null: it did not look at all of them.")
    ]
    stopped: Count | None
    would_stop: Count | None
    started: Count | None
    exempt: Count | None
    failed: Count | None
    violations: Count | None
    coverage_percent: Annotated[float | None, Field(ge=0, le=100)]
    money: MoneyDigest | None
    worst_accounts: list[AccountDigest]
    opt_outs: list[OptOutDigest]
    opt_outs_left_out: Count


def digest_of_document(document: Row) -> SweepDigest:
    """Of a sweep's report."""
    shown, left_out = _expiring(document.get("opt_outs") or ())
    looked_at_all = _looked_at_all(document["mode"], document.get("narrowed"))
    found = {
        **_numbers(document, document["totals"]),
        "report": "report.html",
        "coverage_percent": _coverage_percent(document["coverage"]) if looked_at_all else None,
        "money": _money(document.get("money")),
        "worst_accounts": _worst_accounts(document),
        "opt_outs": shown,
        "opt_outs_left_out": left_out,
    }
    return cast("SweepDigest", found)


def digest_of_record(record: Mapping[str, Any]) -> SweepDigest:
    """Of what the ledger remembers of a sweep (SweepSummary.as_row), where nothing else tells of it."""
    found = record.get("totals")
    totals = {name: int(value) for name, value in found.items()} if found else None
    looked_at_all = totals is not None and _looked_at_all(record["mode"], record.get("narrowed"))
    made = {
        **_numbers(record, totals),
        "report": "report.json" if totals is not None else "",  # the release before wrote no page
        "coverage_percent": _percent_of_totals(totals) if totals is not None and looked_at_all else None,
        "money": None,
        "worst_accounts": [],
        "opt_outs": [],
        "opt_outs_left_out": 0,
    }
    return cast("SweepDigest", made)


def _numbers(row: Mapping[str, Any], totals: Mapping[str, int] | None) -> dict[str, Any]:
    """What a document and a record have alike."""
    looked_at_all = _looked_at_all(row["mode"], row.get("narrowed"))
    known = totals or {}
    return {
        "sweep_id": row["sweep_id"],
        "policy_name": _short(row["policy_name"]),
        "mode": row["mode"],
        "status": row["status"],
        **({"declined": True} if was_declined(row.get("error") or "") else {}),
        "started_at": row["started_at"],
        "finished_at": row["finished_at"],
        "duration_seconds": float(row["duration_seconds"]),
        "narrowed": bool(row.get("narrowed")),
        "running": known.get("resources") if looked_at_all else None,
        "stopped": known.get("stopped"),
        "would_stop": known.get("would_stop"),
        "started": known.get("started"),
        "exempt": known.get("exempt") if looked_at_all else None,
        "failed": known.get("failed", 0) + known.get("unknown", 0) if totals is not None else None,
        "violations": known.get("violations"),
    }


def _looked_at_all(mode: str, narrowed: object) -> bool:
    return mode in _LOOKS_AT_ALL and not narrowed


def _coverage_percent(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """As the guardrail counts it. None: nothing was in scope, or the weight of an account is not known."""
    scanned = in_scope = 0
    for row in rows:
        weight = row.get("weight", int(row["status"] in UNREAD or row["status"] == TargetStatus.SCANNED))
        if weight is None:
            return None
        in_scope += weight
        scanned += weight if row["status"] == TargetStatus.SCANNED else 0
    return round(100 * scanned / in_scope, 2) if in_scope else None


def _percent_of_totals(totals: Mapping[str, int]) -> float | None:
    """By targets alone: a record has no kinds, and no weights."""
    names = [TARGET_TOTALS.get(status, status.value) for status in UNREADABLE]
    scanned, unread = totals.get("scanned", 0), sum(totals.get(name, 0) for name in names)
    return round(100 * scanned / (scanned + unread), 2) if scanned + unread else None


def _money(found: Mapping[str, Any] | None) -> MoneyDigest | None:
    if not found:
        return None
    return {
        "currency": _short(found["currency"]),
        "made_up": bool(found["made_up"]),
        "forecast_net": _net(found["forecast"]),
        "measured_net": _net(found["measured"]),
        "unknown_resources": found["forecast"]["unknown_resources"],
    }


def _net(savings: Mapping[str, Any]) -> float | None:
    """None where there is something, and nothing of it is known."""
    if savings["unknown_resources"] and not savings["resources"]:
        return None
    return float(savings["net"])


def _worst_accounts(document: Row) -> list[AccountDigest]:
    """Those with the most that was not read, then that failed, then that violates; none where there is nothing."""
    names: dict[str, tuple[str, str]] = {}
    details, targets = dict[str, str](), TargetTally()
    for row in document["coverage"]:
        targets.add(row)
        if row["status"] in UNREAD:
            text = f"{row['status']}: {row['detail']}" if row["detail"] else row["status"]
            details.setdefault(row["account_id"], text)
    unread = Counter({one: targets.holes_of(one) for one in details})
    failed = Counter(row["account_id"] for row in document["outcomes"] if row["status"] in _FAILED)
    violations = Counter[str]()
    for count in document.get("compliance_counts") or ():
        violations[count["account_id"]] += count["count"]
    exempt = Counter(row["account_id"] for row in document["decisions"] if row["exemption"] is not None)
    troubled = {*unread, *failed, *violations}
    worst = sorted(troubled, key=lambda one: (-unread[one], -failed[one], -violations[one], one))[:WORST_ACCOUNTS]
    wanted = frozenset(worst)
    for row in document["coverage"]:
        if row["account_id"] in wanted and row["account_id"] not in names:
            names[row["account_id"]] = (row["account_name"], row["ou_path"])
    return [
        {
            "account_id": one,
            "account_name": _short(names.get(one, ("", ""))[0]),
            "ou_path": _short(names.get(one, ("", ""))[1]),
            "unread": unread[one],
            "failed": failed[one],
            "violations": violations[one],
            "exempt": exempt[one],
            "detail": _short(details.get(one, "")),
        }
        for one in worst
    ]


def _expiring(rows: Iterable[Mapping[str, Any]]) -> tuple[list[OptOutDigest], int]:
    """The next to end first; and how many there are beside those."""
    found = [row for row in rows if row["expiring"] and row["until"]]
    found.sort(key=lambda row: (row["until"], row["account_id"] or "", row["carrier_id"]))
    shown: list[OptOutDigest] = [
        {
            "carrier": row["carrier"],
            "carrier_id": _short(row["carrier_id"]),
            "account_id": row["account_id"],
            "account_name": _short(row["account_name"]),
            "owner": _short(row["owner"]),
            "tag": _short(row["tag"]),
            "until": row["until"],
            "reason": _short(row["reason"]) if row["reason"] is not None else None,
            "spared_resources": row["spared_resources"],
        }
        for row in found[:EXPIRING_OPT_OUTS]
    ]
    return shown, len(found) - len(shown)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
