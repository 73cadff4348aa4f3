"""What those who may approve a plan are told: subject and plain text, made from the report's document.

What is planned by account and rule, what it saves, until when it counts, and what to do: look, apply, or opt out. Names
and tags of strangers are in it, so nothing of it is more than text: no control characters, lines of its own alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.core.model import Verdict, people_time_of
from orchestrator.core.model.narrowing import narrowing_text
from orchestrator.core.model.units import with_units
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG
from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.messages.words import dollars

Row = Mapping[str, Any]

_MOST_ROWS = 100
_MOST_REGIONS = 5
_LONGEST_NAME = 80
_MOST_BYTES = 200_000
"""SNS takes 262,144 in all, with what is around the text; other channels escape some characters."""
_SORTS = (
    ("stops", "stop", (Verdict.STOP,)),
    ("starts", "start", (Verdict.START,)),
    ("tags", "tag", (Verdict.TAG, Verdict.UNTAG)),
)


def approval_message(document: Row, location: str = "") -> tuple[str, str]:
    """Subject (ASCII, below 100 characters) and text (below 256 KB in UTF-8) about a sweep that awaits approval.

    `location`: where its report is, for people.
    """
    rows = [row for row in document["decisions"] if row["verdict"] != Verdict.KEEP]
    wait = "1 resource waits" if len(rows) == 1 else f"{len(rows)} resources wait"
    parts = (
        _what(document, rows),
        _by_account(document, rows),
        _money(document),
        _what_to_do(document, location),
    )
    text = "\n\n".join(part for part in map("\n".join, parts) if part)
    return f"Stop Orchestrator: {wait} for your approval", _within(text)


def _what(document: Row, rows: list[Row]) -> Iterator[str]:
    counts, units = _counts(rows), _units(rows)
    would = " and ".join(
        with_units(f"{verb} {_counted(counts[sort])}", counts[sort], units[sort])
        for sort, verb, _ in _SORTS
        if counts[sort]
    )
    where = _counted(len({row["account_id"] for row in rows}), "account")
    yield f"Sweep {document['sweep_id']} by policy {document['policy_name']} would {would} in {where}."
    if document.get("narrowed"):
        only = _plain(narrowing_text(document["narrowed"]), 1000)
        yield f"It is narrowed to {only}, and says nothing of the rest."
    yield f"Policy text: SHA-256 {document['policy_sha256'][:12]}. Planned at {people_time_of(document['started_at'])}."


def _by_account(document: Row, rows: list[Row]) -> Iterator[str]:
    """The account by its name, then a line for each rule."""
    names = {row["account_id"]: row["account_name"] for row in document["coverage"]}
    groups: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        groups.setdefault(row["account_id"], {}).setdefault(row["rule"] or "", []).append(row)
    order = sorted(groups, key=lambda one: (-sum(map(len, groups[one].values())), one))
    for account_id in order[:_MOST_ROWS]:
        by_rule = groups[account_id]
        yield f"{_plain(names.get(account_id) or '(no name)')} ({account_id}) in {_regions(by_rule)}:"
        for rule in sorted(by_rule, key=lambda one: (-len(by_rule[one]), one))[:_MOST_ROWS]:
            of_rule = f"rule {_plain(rule)}: " if rule else ""
            yield f"  {of_rule}{_counts_text(by_rule[rule])}"
    left = order[_MOST_ROWS:]
    if left:
        more = [row for account_id in left for some in groups[account_id].values() for row in some]
        yield f"... and {_counted(len(left), 'more account')}: {_counts_text(more)}"


def _regions(by_rule: Mapping[str, list[Row]]) -> str:
    found = sorted({row["region"] for rows in by_rule.values() for row in rows})
    more = f" and {len(found) - _MOST_REGIONS} more" if len(found) > _MOST_REGIONS else ""
    return f"{', '.join(found[:_MOST_REGIONS])}{more}"


def _money(document: Row) -> Iterator[str]:
    """Nothing where no prices were asked for; what is unknown is in no sum."""
    money = document.get("money")
    if not money:
        return
    forecast = money["forecast"]
    unknown = forecast["unknown_resources"]
    apart = f"; of {_counted(unknown)} it is unknown" if unknown else ""
    if forecast["resources"]:
        amount = f"{dollars(forecast['net'])} net until they start again"
        yield f"The stops save {amount} ({_counted(forecast['resources'])}){apart}."
    elif unknown:
        yield f"What the stops save is unknown ({_counted(unknown)})."
    if money.get("made_up"):
        yield "The prices are made up: the amounts mean nothing."


def _what_to_do(document: Row, location: str) -> Iterator[str]:
    sweep_id, until = document["sweep_id"], document.get("plan_expires_at")
    yield f"To look at it: stop-orchestrator report {sweep_id}"
    if location:
        yield f"Its report: {_plain(location, 1000)}"
    when = f", until {people_time_of(until)}" if until else ""
    yield f"To carry out exactly this plan{when}: stop-orchestrator apply {sweep_id}"
    yield f"To keep a resource: tag it, its account or its OU {OPT_OUT_TAG} = true, or = a last day such as 2026-12-31."
    done = "stopped or started" if any(row["verdict"] == Verdict.START for row in document["decisions"]) else "stopped"
    yield f"What changed since is kept. Do nothing, and nothing is {done}."
    if document.get("owners"):
        yield f"Ask about it: {', '.join(_plain(one, 200) for one in document['owners'])}"


def _counts(rows: list[Row]) -> Counter[str]:
    return Counter(sort for row in rows for sort, _, verdicts in _SORTS if row["verdict"] in verdicts)


def _counts_text(rows: list[Row]) -> str:
    counts, units = _counts(rows), _units(rows)
    return ", ".join(
        with_units(_counted(counts[sort], sort[:-1]), counts[sort], units[sort])
        for sort, _, _ in _SORTS
        if counts[sort]
    )


def _units(rows: list[Row]) -> Counter[str]:
    """What guardrails count of each sort; tags are changed of resources alone."""
    units = Counter[str]()
    for row in rows:
        for sort, verb, verdicts in _SORTS:
            units[sort] += (row["verdict"] in verdicts) * (1 if verb == "tag" else row.get("units", 1))
    return units


def _counted(count: int, noun: str = "resource") -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _plain(text: str, longest: int = _LONGEST_NAME) -> str:
    plain = without_controls(text)
    return plain if len(plain) <= longest else f"{plain[: longest - 3]}..."


def _within(text: str) -> str:
    content = text.encode()
    if len(content) <= _MOST_BYTES:
        return text
    return f"{content[:_MOST_BYTES].decode(errors='ignore')}\n... (the rest is in the report)"
