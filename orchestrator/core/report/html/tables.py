"""The tables of a report's page whose rows are packed into it: their columns, and their rows from the document's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orchestrator.core.model import OutcomeStatus, TargetStatus
from orchestrator.core.report.amounts import adding_up
from orchestrator.core.report.html.columns import Column
from orchestrator.core.report.html.counts import Counts
from orchestrator.core.report.lazy_rows import made_rows
from orchestrator.core.report.target_counts import UNREAD
from orchestrator.core.report.what_to_do import code_in, what_to_do

Row = Mapping[str, Any]

UNKNOWN = "unknown"
"""An amount that is not known; where there is none to know, the cell is empty."""
ACCOUNT_ID = Column("account_id", "Account ID", "code", detail=True)
OU = Column("ou_path", "OU", detail=True)
REGION = Column("region", "Region", "word", choice=True)
KIND = Column("kind", "Kind", choice=True)
OWNER = Column("owner", "Owner")
_DECISIONS = (
    Column("resource_id", "Resource", "code", below="name"),
    Column("account_name", "Account", link="#accounts?account_id={account_id}", below="region"),
    Column("kind", "Kind", choice=True, below="type"),
    Column("verdict", "Decision", "status", choice=True),
    Column("outcome", "Outcome", "status", choice=True),
    Column("reason", "Reason", "prose"),
    OWNER,
)
_DECISION_MONEY = (
    Column("net", "Saves", "money"),
    Column("gross", "Would cost", "money", detail=True),
    Column("still_billed", "Still billed", "money", detail=True),
    Column("until", "Until", "time", detail=True),
    Column("money_unknown", "Amounts unknown, as", detail=True),
)
_DECISION_DETAILS = (
    Column("name", "Name", detail=True),
    Column("region", "Region", choice=True, detail=True),
    Column("type", "Type", detail=True),
    ACCOUNT_ID,
    OU,
    Column("rule", "Rule", choice=True, detail=True),
    Column("reason_code", "Reason code", "code", choice=True, detail=True),
    Column("action", "Action", detail=True),
    Column("arn", "ARN", "code", detail=True),
    Column("code", "AWS's code", "code", detail=True),
    Column("message", "AWS's words", detail=True),
    Column("requested_at", "Asked for", "time", detail=True),
    Column("verified_at", "Seen", "time", detail=True),
    Column("exemption_tag", "Opt-out tag", "code", detail=True),
    Column("exemption_value", "Its value", detail=True),
    Column("exemption_source", "It is on", detail=True),
    Column("exemption_until", "Counts until", detail=True),
    Column("exemption_reason", "Opted out because", detail=True),
    Column("losses", "A stop loses", detail=True),
    Column("tags", "Tags", detail=True),
)
ACCOUNTS = (
    Column("account_name", "Account", link="#decisions?account_id={account_id}", below="account_id"),
    Column("ou_path", "OU"),
    Column("resources", "Resources", "number"),
    Column("stops", "To stop", "number"),
    Column("stopped", "Stopped", "number"),
    Column("starts", "To start", "number"),
    Column("started", "Started", "number"),
    Column("kept", "Kept", "number"),
    Column("exempt", "Of these exempt", "number"),
    Column("failed", "Failed", "number"),
    Column("unread", "Not read", "number", link="#coverage?account_id={account_id}"),
)
_ACCOUNT_MONEY = (Column("net", "Saves", "money"), Column("unpriced", "Unknown", "number"))
OPT_OUTS = (
    Column("carrier_id", "On", "code", link="#decisions?q={carrier_id}", below="carrier"),
    Column("account_name", "Account"),
    Column("owner", "Owner"),
    Column("tag", "Tag", "code", below="value"),
    Column("until", "Until", "word"),
    Column("days_left", "Days left", "number"),
    Column("status", "Status", "status", choice=True),
    Column("reason", "Reason"),
    Column("spared_resources", "Spares", "number"),
    Column("carrier", "Which is", choice=True, detail=True),
    Column("value", "Value", detail=True),
    Column("spared_hours_per_week", "Hours a week", "number", detail=True),
    Column("expiring", "Ends within 14 days", choice=True, detail=True),
    ACCOUNT_ID,
    OU,
    Column("region", "Region", detail=True),
    Column("kind", "Kind", detail=True),
    Column("spared_accounts", "Accounts spared", "number", detail=True),
    Column("violations", "Under compliance", detail=True),
)
FAILURES = (
    Column("resource_id", "Resource", "code", link="#decisions?resource_id={resource_id}"),
    Column("account_name", "Account", link="#decisions?account_id={account_id}", below="region"),
    KIND,
    Column("status", "Outcome", "status", choice=True),
    Column("code", "AWS's code", "code", choice=True),
    Column("message", "AWS's words"),
    Column("what", "What to do", "prose"),
    Column("region", "Region", choice=True, detail=True),
    ACCOUNT_ID,
)
COVERAGE = (
    Column("account_name", "Account", link="#accounts?account_id={account_id}"),
    REGION,
    KIND,
    Column("status", "Status", "status", choice=True),
    Column("detail", "Detail", "prose"),
    Column("what", "What to do", "prose"),
    ACCOUNT_ID,
    OU,
)
COMPLIANCE = (
    Column("resource_id", "On", "code", link="#decisions?resource_id={resource_id}"),
    Column("violation", "Violation", choice=True),
    Column("detail", "Detail", "prose"),
    Column("account_name", "Account"),
    OWNER,
    Column("region", "Region", choice=True),
    Column("kind", "Kind", choice=True),
    Column("carrier", "Which is", detail=True),
    ACCOUNT_ID,
)
MEASURED = (
    Column("resource_id", "Resource", "code", link="#decisions?resource_id={resource_id}"),
    Column("account_id", "Account", "code", link="#accounts?account_id={account_id}"),
    Column("region", "Region", choice=True),
    Column("kind", "Kind", choice=True),
    Column("stopped_at", "Stopped", "time"),
    Column("until", "Until", "time"),
    Column("restarted", "Started again", choice=True),
    Column("hours", "Hours", "number"),
    Column("net", "Saved", "money"),
    Column("forecast_net", "Forecast", "money"),
    Column("gross", "Would have cost", "money", detail=True),
    Column("still_billed", "Still billed", "money", detail=True),
    Column("stopped_by", "By sweep", "code", detail=True),
    Column("unknown", "Amounts unknown, as", detail=True),
)
READ = TargetStatus.SCANNED
NOT_DONE = frozenset({OutcomeStatus.FAILED, OutcomeStatus.UNKNOWN, OutcomeStatus.NOT_ATTEMPTED})


def decision_columns(*, with_money: bool) -> tuple[Column, ...]:
    """Those that are shown at once, then those that are shown when a row is opened."""
    shown, money = [*_DECISIONS], [*_DECISION_MONEY] if with_money else []
    return (
        *shown,
        *(one for one in money if not one.detail),
        *(one for one in money if one.detail),
        *_DECISION_DETAILS,
    )


def account_columns(*, with_money: bool, acted: bool) -> tuple[Column, ...]:
    """Of a plan, which did nothing, not those of what was done."""
    done = () if acted else ("stopped", "started", "failed")
    money = _ACCOUNT_MONEY if with_money else ()
    return tuple(one for one in (*ACCOUNTS, *money) if one.name not in done)


def decision_row(row: Row) -> dict[str, Any]:
    """One of decisions.csv as the page has it."""
    money = row.get("money") or {}
    unknown = UNKNOWN if money else None
    amounts = {name: unknown if amount is None else amount for name, amount in adding_up(money).items()}
    return {
        **row,
        **amounts,
        "until": money.get("until"),
        "money_unknown": money.get("unknown") or None,
        "tags": "; ".join([f"{key}={value}" for key, value in row["tags"].items()]),
    }


def account_rows(counts: Counts, coverage: Mapping[str, Row], *, with_money: bool) -> Iterator[dict[str, Any]]:
    """A row for each account that was in scope; `coverage`: its names, and how many of its targets were not read."""
    tallies = counts.by(lambda group: group.account_id)
    names = {group.account_id: group for group in counts.groups}
    for account_id in sorted({*tallies, *coverage}):
        found = coverage.get(account_id, {})
        name = found.get("account_name") or (names[account_id].account_name if account_id in names else "")
        path = found.get("ou_path") or (names[account_id].ou_path if account_id in names else "")
        row = {"account_id": account_id, "account_name": name or account_id, "ou_path": path}
        row["unread"] = found.get("unread", 0)
        tally = tallies.get(account_id)
        for column in ACCOUNTS[2:-1]:
            row[column.name] = getattr(tally, column.name) if tally else 0
        if with_money and tally:
            row |= {"net": round(tally.net, 6) if tally.stops > tally.unpriced else None, "unpriced": tally.unpriced}
            if tally.unpriced and row["net"] is None:
                row["net"] = UNKNOWN
        yield row


def opt_out_rows(document: Row) -> Iterator[dict[str, Any]]:
    """The register as opt_outs.csv has it."""
    for row in made_rows(document.get("opt_outs", ())):
        yield {
            **row,
            "until": row["until"] or "for good",
            "expiring": "yes" if row["expiring"] else "no",
            "spared_resources": UNKNOWN if row["spared_resources"] is None else row["spared_resources"],
            "violations": "; ".join(row["violations"]),
        }


def failure_rows(document: Row, names: Mapping[str, Row]) -> Iterator[dict[str, Any]]:
    """The actions that did not come to their end, with AWS's words; what was planned only is none of them."""
    for row in document["outcomes"]:
        if row["status"] in NOT_DONE:
            yield {
                "account_id": row["account_id"],
                "account_name": names.get(row["account_id"], {}).get("account_name") or row["account_id"],
                "region": row["region"],
                "kind": row["kind"],
                "resource_id": row["resource_id"],
                "status": row["status"],
                "code": row["code"],
                "message": row["message"],
                "what": what_to_do(row["status"], row["code"], row["message"]),
            }


def hole_row(row: Row) -> dict[str, Any]:
    """A row of the coverage that is not simply `scanned`."""
    is_unread = row["status"] in UNREAD
    what = what_to_do(row["status"], code_in(row["detail"]), row["detail"]) if is_unread else ""
    return {**row, "account_name": row["account_name"] or row["account_id"], "what": what}


def measured_rows(document: Row) -> Iterable[dict[str, Any]]:
    """What earlier stops have saved, as this sweep sees it."""
    for row in document.get("measured", ()):
        early = " before its time" if row["early"] else ""
        known = {**adding_up(row), "forecast_net": row["forecast_net"]}
        amounts = {name: UNKNOWN if amount is None else amount for name, amount in known.items()}
        yield {**row, **amounts, "restarted": f"yes{early}" if row["running_again"] else "no"}
