"""The summary of a report, as tables of at most 80 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.cli.compliance_tables import (
    compliance_table,
    expiring_opt_outs_table,
    owners_table,
    print_opt_outs,
)
from orchestrator.cli.console import counted
from orchestrator.cli.money_table import print_money
from orchestrator.cli.schedules_table import inside_of_hours, schedules_table, wrong_tags_table
from orchestrator.cli.tables import MOST_ROWS, STATUS_STYLES, Cell, a_table, add_rows, number
from orchestrator.core.decide.guardrails import NAMES_RESOLVED
from orchestrator.core.model import ALL_KINDS, OutcomeStatus, ReasonCode, SweepStatus, people_time_of
from orchestrator.core.model.decision import KEPT_AFTER_ALL
from orchestrator.core.model.narrowing import narrowing_text
from orchestrator.core.model.units import with_units
from orchestrator.core.policy.opt_outs import MISSPELT_KEY
from orchestrator.core.report.endings import ended_by
from orchestrator.core.report.kept_because import kept_because
from orchestrator.core.report.target_counts import target_counts

Row = Mapping[str, Any]

_FAILED = ("failed", "unknown")
_MOST_ZONES = 5
_HOLES = ("denied", "failed", "not_attempted")


def print_summary(console: Console, document: Row, location: str = "", *, can_be_applied: bool = True) -> None:
    """The report of one sweep: what happened, where, by which rule, and what a person should look at.

    `can_be_applied`: whether a plan's command is named; not where its AWS is about to go down.
    """
    _print_totals(console, document)
    for table in (
        _by_account(document),
        _by_rule(document),
        _kept_because(document),
        schedules_table(document),
        _coverage_holes(document),
        _broken_guardrails(document),
        _kept_after_all(document),
        _owned_by_two_policies(document),
        _announced(document),
        _only_reported(document),
        _still_stopping(document),
        _still_starting(document),
        _not_attempted(document),
        _failed(document),
        _misspelt_keys(document),
        wrong_tags_table(document),
        _warned(document),
        compliance_table(document),
        owners_table(document),
        expiring_opt_outs_table(document),
    ):
        if table is not None:
            console.print()
            console.print(table)
    print_money(console, document)
    _print_guardrail_details(console, document)
    _print_unresolved_names(console, document.get("unresolved_names", ()))  # of earlier releases none
    _print_other_policies(console, document.get("other_policies", ()))  # nor these
    _print_unseen_tag_keys(console, document.get("unseen_tag_keys", ()))  # nor these
    print_opt_outs(console, document.get("opt_outs", ()))  # nor these
    _print_people(console, document)
    if document.get("as_of"):
        text = "Decided for that moment by what AWS says now. Nothing is stored: it cannot be applied."
        console.print(Text(text, style="yellow"))
    if can_be_applied and (next_command := carry_out(document)):
        console.print(Text(next_command, style="bold"), soft_wrap=True)
    for command in _further(document):
        console.print(Text(command), soft_wrap=True)
    if document.get("kill_switches") == []:  # a report of the version before does not say
        console.print(Text("There was no kill switch: none was named.", style="yellow"))
    if document["error"]:
        console.print(Text(f"Ended by: {ended_by(document['error'])}", style="red"))
    if location:
        console.print(Text(f"Report: {location}"), soft_wrap=True)


def carry_out(document: Row) -> str:
    """The command that carries out a plan, and until when it does; empty where there is nothing to carry out."""
    until = document.get("plan_expires_at")  # of earlier releases none
    if until is None and document["status"] != SweepStatus.AWAITING_APPROVAL:
        return ""
    when = f" (until {people_time_of(until)})" if until else ""
    return f"To carry it out{when}: stop-orchestrator apply {document['sweep_id']}"


def _further(document: Row) -> Iterator[str]:
    """How to see each resource of a plan, and how to take back what a sweep did."""
    sweep_id, mode = document["sweep_id"], document["mode"]
    if mode in ("plan", "approve") and document["decisions"] and not document.get("as_of"):
        yield f"Each resource: stop-orchestrator report {sweep_id} --format csv"
    done = {status for one in (_STOPS, _STARTS, _TAGS, _UNTAGS) for status in one.statuses} | {"starting"}
    asked = (row for row in document["outcomes"] if row["requested_at"])
    if mode in ("enforce", "apply") and any(row["status"] in done for row in asked):
        yield f"To take it back: stop-orchestrator undo {sweep_id}"


def _print_people(console: Console, document: Row) -> None:
    """Whom to ask, and who confirmed it, or why none could."""
    if document.get("owners"):
        console.print(Text(f"Ask about it: {', '.join(document['owners'])}"), soft_wrap=True)
    if document.get("consent_missing"):
        console.print(Text(f"Only planned: {document['consent_missing']}", style="yellow"))
    if document.get("consent"):
        consent = document["consent"]
        console.print(Text(f"Confirmed by {consent['by']} ({consent['how']})"), soft_wrap=True)


def _print_totals(console: Console, document: Row) -> None:
    console.print(_headline(document))
    if document.get("as_of_local"):
        console.print(Text(f"That is {_several(document['as_of_local'])}"), soft_wrap=True)
    if document.get("narrowed"):
        text = f"Narrowed to {narrowing_text(document['narrowed'])}: it says nothing of the rest of the organization"
        console.print(Text(text, style="yellow"), soft_wrap=True)
    console.print(_totals_line(document), highlight=False)
    if document["guardrails"]:
        console.print(_guardrails_line(document), highlight=False)
    for line in document.get("stop_effects", ()):  # of earlier releases none
        console.print(Text(line))


def _headline(document: Row) -> Text:
    status = document["status"]
    as_of = document.get("as_of")  # its id names nothing that is stored
    text = Text("What if, at " if as_of else "Sweep ")
    text.append(as_of or document["sweep_id"], style="bold")
    text.append(f"  {document['mode']}  ")
    text.append(status, style=STATUS_STYLES[status])
    return text.append(f"  {document['duration_seconds']:.1f} s")


def _several(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _MOST_ZONES} more zones" if len(texts) > _MOST_ZONES else ""
    return f"{', '.join(texts[:_MOST_ZONES])}{more}"


def _totals_line(document: Row) -> str:
    """Disabled regions and what was left out on purpose are no gap, so they do not count as unread."""
    totals, targets = document["totals"], target_counts(document["coverage"])
    notes = "; ".join(one for one in (targets.weight_text, targets.kinds_text) if one)
    notes = f" ({notes})" if notes else ""
    directions = _directions(document)
    verdicts = Counter(row["verdict"] for row in document["decisions"])  # 0.1.0 did not count stops and starts apart
    counts = {one.plan: totals.get(one.total, verdicts[one.verdict]) for one in directions}
    inside = inside_of_hours(document)
    units = {one.plan: totals.get(one.units, counts[one.plan]) for one in directions}
    planned = ", ".join(with_units(f"{count} {plan}", count, units[plan]) for plan, count in counts.items())
    if inside:
        planned = f"{planned if any(counts.values()) else 'nothing to do'}, {inside} inside of their running hours"
    done = ", ".join(f"{totals.get(one.done, 0)} {one.done}" for one in directions)
    nothing = "nothing stopped or started" if _STARTS in directions else "nothing stopped"
    starting = f", {totals['starting']} starting" if totals.get("starting") else ""  # the version before has none
    unknown = f", {totals['unknown']} unknown" if totals.get("unknown") else ""
    left = f", {totals['not_attempted']} not attempted" if totals["not_attempted"] else ""
    held = f", {totals['held']} held" if totals.get("held") else ""
    came_to = (
        f"{done}{starting}, {totals['failed']} failed{unknown}{held}{left}"
        if _acts(document)
        else f"{nothing} (plan only)"
    )
    unread = "" if targets.partly_read and not targets.unread else f", {targets.unread or 'none'} unreadable"
    return (
        f"{counted(totals['accounts'], 'account')}, {counted(targets.read, 'target')} read"
        f"{unread}{notes}, {counted(totals['resources'], 'resource')}: {planned}, "
        f"{totals['exempt']} exempt; {came_to}"
    )


@dataclass(frozen=True, slots=True)
class _Direction:
    """Stops, starts or changes of tags: every count says which."""

    verdict: str
    plan: str
    """What is to be done."""
    done: str
    """What was done; its name among the totals."""
    total: str
    """The name of the count of what was planned; empty where only the decisions tell."""
    statuses: tuple[str, ...]
    """Of the outcomes that count as done."""
    units: str = ""
    """The name of the count of what guardrails count of it, which is there where that is another."""


_STOPS = _Direction(
    "stop", "to stop", "stopped", "planned_stops", ("stopped", "stopping", "already_stopped"), "stop_units"
)
_STARTS = _Direction("start", "to start", "started", "planned_starts", ("started", "already_running"), "start_units")
_TAGS = _Direction("tag", "to tag", "tagged", "", ("tagged",))
_UNTAGS = _Direction("untag", "to untag", "untagged", "", ("untagged",))
_NAMES = {"start": "Starts", "tag": "Tags", "untag": "Tags"}
"""Of what failed, by the verdict; of whatever else it is a stop."""


def _directions(document: Row) -> tuple[_Direction, ...]:
    """Those that the sweep has anything of; an undo starts, any other sweep stops, even where it had nothing to do."""
    verdicts = {row["verdict"] for row in document["decisions"]}
    usual = _STARTS if document["mode"] == "undo" else _STOPS
    return tuple(one for one in (_STOPS, _STARTS, _TAGS, _UNTAGS) if one is usual or one.verdict in verdicts)


def _acts(document: Row) -> bool:
    return document["mode"] in ("enforce", "apply", "undo")


def _guardrails_line(document: Row) -> str:
    """The limits of the whole organization, and how close the plan comes to them; where it is held, those that hold."""
    rows = [row for row in document["guardrails"] if row["account_id"] is None]
    broken = sum(not row["passed"] for row in document["guardrails"])
    # Of names that hold nothing the number is 0, and each of them is listed.
    rows = [row for row in rows if not row["passed"] or (not broken and row["name"] != NAMES_RESOLVED)]
    shown = ", ".join(f"{row['name']} {row['actual']:.4g} (limit {row['limit']:g})" for row in rows)
    verdict = f"held: {broken} of {len(document['guardrails'])} broken" if broken else "passed"
    return f"Guardrails {verdict}" + (f": {shown}" if shown else "")


def _by_account(document: Row) -> Table | None:
    names = _names(document)
    statuses: dict[str, Counter[str]] = {account_id: Counter() for account_id in names}
    # Each region once under each status that a kind has in it, as the totals count.
    for account_id, _, status in {(row["account_id"], row["region"], row["status"]) for row in document["coverage"]}:
        statuses[account_id][status] += 1
    directions = _directions(document)
    looked_at = Counter(row["account_id"] for row in document["decisions"])
    planned = Counter(row["account_id"] for row in document["decisions"] if row["verdict"] != "keep")
    counts = {_what_was_read(document, directions): looked_at}
    for one in directions:
        counts[one.plan] = Counter(row["account_id"] for row in document["decisions"] if row["verdict"] == one.verdict)
    if _acts(document):
        outcomes = document["outcomes"]
        for one in directions:
            counts[one.done] = Counter(row["account_id"] for row in outcomes if row["status"] in one.statuses)
        counts["failed"] = Counter(row["account_id"] for row in outcomes if row["status"] in _FAILED)
    order = sorted(names, key=lambda one: (-planned[one], -looked_at[one], names[one], one))
    numbers = [(name, "right") for name in counts]
    table = a_table("By account", ("account", "fixed"), "name", *numbers, ("coverage", "fixed"))
    table.padding = (0, 1, 0, 0)  # six columns have to fit into 80
    rows: list[tuple[Cell, ...]] = [
        (one, names[one], *(number(count[one]) for count in counts.values()), _statuses(statuses[one])) for one in order
    ]
    return add_rows(table, rows)


def _what_was_read(document: Row, directions: Collection[_Direction]) -> str:
    """A policy that starts something has what is down read too."""
    if document["mode"] == "undo":
        return "read" if _STOPS in directions else "stopped"
    down = (row.get("reason_code") in _OF_WHAT_IS_DOWN for row in document["decisions"])
    reads_stopped = _STARTS in directions or any(down)
    return "read" if reads_stopped else "running"


_OF_WHAT_IS_DOWN = frozenset(
    {ReasonCode.STOPPED_BY_HAND, ReasonCode.STOP_UNDATED, ReasonCode.NOT_STOPPED_BY_US, ReasonCode.UNREADABLE_LEDGER}
)


def _names(document: Row) -> dict[str, str]:
    return {row["account_id"]: row["account_name"] for row in document["coverage"]}


def _statuses(counts: Counter[str]) -> tuple[str, ...]:
    several = len(counts) > 1
    rows = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return tuple(f"{count} {status}" if several else status for status, count in rows)


def _by_rule(document: Row) -> Table | None:
    if document["mode"] == "undo":
        return None  # an undo follows a sweep, and no rule
    matched = Counter(row["rule"] for row in document["decisions"])
    exempt = Counter(row["rule"] for row in document["decisions"] if row["exemption"] and row["verdict"] == "keep")
    planned = {
        one.plan: Counter(row["rule"] for row in document["decisions"] if row["verdict"] == one.verdict)
        for one in _directions(document)
    }
    kept = matched - sum(planned.values(), Counter())
    counts = {"matched": matched, **planned, "kept": kept, "of these exempt": exempt}
    table = a_table("By rule", "rule", *((name, "right") for name in counts))
    names = {*matched, *document.get("idle_rules", ())}  # of earlier releases none
    order = sorted(names, key=lambda rule: (rule is None, -sum(one[rule] for one in planned.values()), rule or ""))
    rows = [(rule or "(no rule matches)", *(number(count[rule]) for count in counts.values())) for rule in order]
    return add_rows(table, rows)


def _kept_because(document: Row) -> Table | None:
    """With what is planned it is all that was read."""
    rows = kept_because(document)
    every = len(document["decisions"])
    table = a_table(f"Kept because ({sum(count for _, count in rows)} of {every})", "reason", ("resources", "right"))
    return add_rows(table, [(text, number(count)) for text, count in rows])


def _coverage_holes(document: Row) -> Table | None:
    rows = [row for row in document["coverage"] if row["status"] in _HOLES]
    table = a_table("Not read", ("account", "fixed"), ("region", "fixed"), ("status", "fixed"), "why")
    kinds = [row.get("kind", ALL_KINDS) for row in document["coverage"]]  # 0.1.0 knew one, and did not name it
    several = len({*kinds} - {ALL_KINDS}) > 1
    cells = [
        (
            (row["account_id"], row["account_name"]),
            (row["region"], row["kind"]) if several and row["kind"] != ALL_KINDS else row["region"],
            row["status"],
            row["detail"],
        )
        for row in rows
    ]
    return add_rows(table, cells)


def _broken_guardrails(document: Row) -> Table | None:
    rows = [row for row in document["guardrails"] if not row["passed"]]
    done = " or ".join(one.done for one in _directions(document))
    left = (OutcomeStatus.HELD, OutcomeStatus.NOT_ATTEMPTED)
    begun = any(row["status"] not in left for row in document["outcomes"])
    more = " more" if begun else ""
    table = a_table(
        f"Held by guardrails: nothing{more} was {done}", "limit", "account", ("allowed", "right"), ("actual", "right")
    )
    return add_rows(
        table, [(row["name"], row["account_id"] or "all", f"{row['limit']:g}", f"{row['actual']:g}") for row in rows]
    )


def _print_guardrail_details(console: Console, document: Row) -> None:
    """Each in one line of its own, to copy from."""
    for row in document["guardrails"]:
        if (
            row["name"] != NAMES_RESOLVED and not row["passed"] and row.get("detail")
        ):  # a report of the version before has none
            console.print()
            console.print(Text(f"{row['name']}: {row['detail']}"), soft_wrap=True)


def _print_unresolved_names(console: Console, rows: Sequence[Row]) -> None:
    """What the policy names and the organization does not have: a line each, as places must not be broken."""
    if rows:
        console.print()
        console.print(Text("Names in the policy that match nothing, or not what they matched before", style="bold"))
    for row in rows[:MOST_ROWS]:
        nearest = f"; the nearest is {row['nearest']}" if row["nearest"] else ""
        text = f"{row['path']} (line {row['line']}): {row['name']!r} {row['detail']}{nearest}"
        console.print(Text(text, style="yellow"), soft_wrap=True)
    if len(rows) > MOST_ROWS:
        console.print(f"... and {len(rows) - MOST_ROWS} more in the report")


def _print_other_policies(console: Console, rows: Sequence[Row]) -> None:
    if rows:
        versions = (f"{one['name']} ({one['policy_sha256'][:12]})" for one in rows)
        console.print(Text(f"Other active policies: {', '.join(versions)}"), soft_wrap=True)


def _print_unseen_tag_keys(console: Console, rows: Sequence[Row]) -> None:
    """A line for each: most likely the key is misspelt, and the rule owns less than was meant."""
    for row in rows[:MOST_ROWS]:
        nearest = f"; the nearest is {row['nearest']!r}" if row["nearest"] else ""
        rules = "rule" if len(row["rules"]) == 1 else "rules"
        text = f"No resource that was read has the tag key {row['key']!r} ({rules} {', '.join(row['rules'])}){nearest}."
        console.print(Text(text, style="yellow"), soft_wrap=True)
    if len(rows) > MOST_ROWS:
        console.print(f"... and {len(rows) - MOST_ROWS} more in the report")


def _kept_after_all(document: Row) -> Table | None:
    """Of a plan or a sweep that came before: what it says is not what was done, and why."""
    rows = [row for row in document["decisions"] if row["verdict"] == "keep" and _is_kept_after_all(document, row)]
    table = a_table("Kept after all", ("resource", "fixed"), ("where", "fixed"), "why")
    cells = [(row["resource_id"], (row["account_id"], row["region"]), row["reason"]) for row in rows]
    return add_rows(table, cells)


def _is_kept_after_all(document: Row, decision: Row) -> bool:
    return document["mode"] == "undo" or decision.get("reason_code") in KEPT_AFTER_ALL


def _owned_by_two_policies(document: Row) -> Table | None:
    """What neither policy stops until one of them excludes it."""
    rows = [row for row in document["decisions"] if row.get("reason_code") == ReasonCode.OWNED_BY_TWO_POLICIES]
    table = a_table("Kept: owned by two policies", ("resource", "fixed"), ("where", "fixed"), "by which")
    cells = [(row["resource_id"], (row["account_id"], row["region"]), row["reason"]) for row in rows]
    return add_rows(table, cells)


def _announced(document: Row) -> Table | None:
    """Whose stop is announced, from now on or before; what is kept for want of knowledge about that."""
    codes = (ReasonCode.NOTICE_GIVEN, ReasonCode.NOTICE, ReasonCode.NOTICE_UNKNOWN)
    return _reasons(document, "Stop announced", codes, "until when it is kept")


def _only_reported(document: Row) -> Table | None:
    """What a rule with `action: notify` owns."""
    return _reasons(document, "Reported, and left as it is", (ReasonCode.ONLY_REPORTED,), "by which rule")


def _reasons(document: Row, title: str, codes: Sequence[str], what: str) -> Table | None:
    rows = [row for row in document["decisions"] if row.get("reason_code") in codes]
    table = a_table(title, ("resource", "fixed"), ("where", "fixed"), what)
    cells = [(row["resource_id"], (row["account_id"], row["region"]), row["reason"]) for row in rows]
    return add_rows(table, cells)


def _still_stopping(document: Row) -> Table | None:
    """What an earlier sweep stopped and AWS has not brought down yet. An undo has it among what is kept."""
    rows = [row for row in document["decisions"] if row.get("reason_code") == ReasonCode.STILL_STOPPING]
    rows = [] if document["mode"] == "undo" else rows
    table = a_table("Still stopping", ("resource", "fixed"), ("where", "fixed"), "since when")
    cells = [(row["resource_id"], (row["account_id"], row["region"]), row["reason"]) for row in rows]
    return add_rows(table, cells)


def _still_starting(document: Row) -> Table | None:
    """What AWS accepted to start and nobody saw running."""
    rows = [row for row in document["outcomes"] if row["status"] == "starting"]
    table = a_table("Still starting", ("resource", "fixed"), ("where", "fixed"), "what was seen")
    cells = [(row["resource_id"], (row["account_id"], row["region"]), row["message"]) for row in rows]
    return add_rows(table, cells)


def _not_attempted(document: Row) -> Table | None:
    """Of an undo that ended early: its error has the command that does the rest."""
    rows = [row for row in document["outcomes"] if row["status"] == OutcomeStatus.NOT_ATTEMPTED]
    rows = rows if document["mode"] == "undo" else []
    table = a_table("Not attempted", ("resource", "fixed"), ("where", "fixed"), "why")
    cells = [(row["resource_id"], (row["account_id"], row["region"]), row["message"]) for row in rows]
    return add_rows(table, cells)


def _failed(document: Row) -> Table | None:
    rows = [row for row in document["outcomes"] if row["status"] in _FAILED]
    by_key = {_key(row): _NAMES[row["verdict"]] for row in document["decisions"] if row["verdict"] in _NAMES}
    found = {by_key.get(_key(row), "Stops") for row in rows}
    names = [name for name in dict.fromkeys(("Stops", *_NAMES.values())) if name in found]
    failed = "failed" if all(row["status"] == "failed" for row in rows) else "failed, or of which it is unknown"
    table = a_table(
        f"{' and '.join(names).capitalize()} that {failed}", ("resource", "fixed"), ("where", "fixed"), "why"
    )
    cells = [(row["resource_id"], (row["account_id"], row["region"]), _why(row)) for row in rows]
    return add_rows(table, cells)


def _warned(document: Row) -> Table | None:
    """What happened all the same, such as a start whose marks are still there."""
    rows = [row for row in document["outcomes"] if row["warnings"] and row["status"] not in _FAILED]
    table = a_table("Warnings", ("resource", "fixed"), ("where", "fixed"), "what")
    cells = [
        (row["resource_id"], (row["account_id"], row["region"]), "; ".join((row["status"], *row["warnings"])))
        for row in rows
    ]
    return add_rows(table, cells)


def _why(row: Row) -> str:
    why = "; ".join((f"{row['code']}: {row['message']}", *row["warnings"]))
    return f"unknown: {why}" if row["status"] == "unknown" else why


def _key(row: Row) -> tuple[str, ...]:
    return row["account_id"], row["region"], row["kind"], row["resource_id"]


def _misspelt_keys(document: Row) -> Table | None:
    """What a person meant to spare, and which key they should have written."""
    rows = [row for row in document["compliance"] if row["violation"] == MISSPELT_KEY]
    table = a_table("Misspelt opt-out keys", "carrier", ("where", "fixed"), "which")
    cells = [(row["resource_id"], (row["account_id"], row["region"]), row["detail"]) for row in rows]
    return add_rows(table, cells)
