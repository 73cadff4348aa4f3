"""A report's document as one short page of GitHub-flavoured Markdown, for a pull request, a chat or a wiki.

What strangers wrote (names, tags, messages of AWS) is text in it and nothing else: no link, no mention, no HTML, no
column of a table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from orchestrator.core.model import UNREADABLE, Verdict, people_time_of
from orchestrator.core.model.units import with_units
from orchestrator.core.report.amounts import adding_up, dollars
from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.decision_lines import Outcomes
from orchestrator.core.report.endings import DECLINED, DONE, FAILED, acted, ended_by, status_of, was_declined
from orchestrator.core.report.kept_because import kept_because
from orchestrator.core.report.lazy_rows import made_rows
from orchestrator.core.report.target_counts import TargetCounts, target_counts

Row = Mapping[str, Any]
MOST_ROWS = 20
"""Of a table; how many more there are is said below it."""
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "\\": "&#92;"}
_SPECIAL = re.compile(r"[&<>|\\]|[*_\[\]()#+!~$`{}^]")
_WORD_JOINER = "&#8288;"
"""Shows nothing, and parts what GitHub would make a link or a mention of."""
_LIVE = re.compile(r"@|://|#(?=\d)|(?<=www)\.", re.IGNORECASE)
_TOTALS = (
    ("stopped", "stopped"),
    ("started", "started"),
    ("would_stop", "would stop"),
    ("would_start", "would start"),
    ("tagged", "tagged"),
    ("held", "held"),
    ("not_attempted", "not attempted"),
    ("unknown", "unknown"),
    ("failed", "failed"),
)
_UNITS = {"stop_units": "would stop", "start_units": "would start"}
"""By its name among the totals, of what it says how much that runs."""


def markdown_text(document: Row) -> str:
    """The page: headline, totals, money, what the stops lose, by account, failures, kept because, what was not read."""
    parts = [
        _headline(document),
        _totals(document["totals"], target_counts(made_rows(document["coverage"]))),
        _money(document.get("money")),
        _stop_effects(document),
        _by_account(document),
        _failures(document),
        _kept(document),
        _holes(document),
        _guardrails(document["guardrails"]),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def inert(text: object) -> str:
    """The text so that Markdown shows it as it is, within a line or a cell of a table."""
    parted = _LIVE.sub(lambda found: f"{found[0][0]}\u2060{found[0][1:]}", without_controls(str(text)))
    escaped = _SPECIAL.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), parted)
    return escaped.replace("\u2060", _WORD_JOINER)


def _headline(document: Row) -> str:
    title = f"# Sweep {inert(document['sweep_id'])}: {inert(status_of(document).replace('_', ' '))}"
    begin, end = (people_time_of(document[name]) for name in ("started_at", "finished_at"))
    facts = (
        f"Policy {inert(document['policy_name'])}, mode {inert(document['mode'])}, from "
        f"{inert(begin)} to {inert(end)}, organization "
        f"{inert(document['organization_id'])}."
    )
    error = DECLINED if was_declined(document["error"]) else f"Ended by: {ended_by(document['error'])}"
    why = f"\n\n{inert(error)}" if document["error"] else ""
    return f"{title}\n\n{facts}{why}"


def _totals(totals: Row, targets: TargetCounts) -> str:
    counted = [(words, int(totals[name])) for name, words in _TOTALS if totals.get(name)]
    units: dict[str, int] = {said: totals[name] for name, said in _UNITS.items() if name in totals}
    counts = (with_units(f"**{count}** {said}", count, units.get(said, count)) for said, count in counted)
    words = ", ".join(counts) or "nothing"
    resources, accounts = _counted(totals["resources"], "resource"), _counted(totals["accounts"], "account")
    kept = f", **{totals['kept']}** kept" if totals.get("kept") else ""  # 0.1.0 did not count it
    kept += f" (**{totals['exempt']}** of them by opt-out)" if kept and totals["exempt"] else ""
    unread = f", {targets.unread} not" if targets.unread else ""
    weight = "".join(f"; {one}" for one in (targets.weight_text, targets.kinds_text) if one)
    return f"Of {resources} in {accounts} ({_counted(targets.read, 'target')} read{unread}{weight}): {words}{kept}."


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _money(money: Row | None) -> str:
    if not money:
        return ""
    forecast = {**money["forecast"], **adding_up(money["forecast"])}
    unknown = f"; of {forecast['unknown_resources']} more it is unknown" if forecast["unknown_resources"] else ""
    made_up = " **The prices are made up.**" if money["made_up"] else ""
    caveats = "".join(f" {inert(one)}" for one in money["caveats"])
    return (
        f"## Savings\n\nForecast of {_counted(forecast['resources'], 'stop')}: {_dollars(forecast['net'])} "
        f"({_dollars(forecast['gross'])} without {_dollars(forecast['still_billed'])} still billed){unknown}. "
        f"Prices: {inert(money['prices'])}. The sweep cost {_dollars(money['sweep_cost'])}.{made_up}{caveats}"
    )


def _dollars(amount: float) -> str:
    return dollars(amount).replace("$", "\\$")


def _stop_effects(document: Row) -> str:
    lines = document.get("stop_effects", ())  # of earlier releases none
    return (
        "\n".join(("## What the stops lose, and what starts again", "", *(f"- {inert(one)}" for one in lines)))
        if lines
        else ""
    )


def _by_account(document: Row) -> str:
    """Of a sweep that acts also what was done, so that the numbers are those of the headline."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    outcome_of = Outcomes(document).begin()
    for row in made_rows(document["decisions"]):
        count = counts.setdefault((row["account_id"], row.get("account_name", "")), Counter())
        count[row["verdict"]] += 1
        status = (outcome_of(row) or {}).get("status")
        count["done"] += status in DONE.get(row["verdict"], ())
        count["failed"] += status in FAILED
    columns = {"to stop": "stop", "to start": "start", "kept": "keep"}
    if acted(document):
        columns = {"to stop": "stop", "to start": "start", "done": "done", "failed": "failed", "kept": "keep"}
    if not any(count["start"] for count in counts.values()):
        del columns["to start"]

    def planned(count: Counter[str]) -> int:
        return sum(count[verdict] for verdict in Verdict if verdict is not Verdict.KEEP)

    most = sorted(counts.items(), key=lambda one: (-planned(one[1]), one[0]))
    cells = [
        (name or account_id, account_id, *(count[one] for one in columns.values()))
        for (account_id, name), count in most
        if planned(count)
    ]
    return _table("By account", ("account", "id", *columns), cells)


def _failures(document: Row) -> str:
    outcome_of = Outcomes(document).begin()
    cells = []
    for row in made_rows(document["decisions"]):
        outcome = outcome_of(row)
        if outcome is not None and outcome["status"] in ("failed", "unknown"):
            where = f"{row.get('account_name') or row['account_id']}, {row['region']}"
            cells.append((row["resource_id"], row["name"], where, outcome["code"], outcome["message"]))
    return _table("Failed, or unknown", ("resource", "name", "where", "code", "message"), cells)


def _kept(document: Row) -> str:
    return _table("Kept because", ("reason", "resources"), kept_because(document))


def _holes(document: Row) -> str:
    cells = [
        (row["account_name"] or row["account_id"], row["region"], row.get("kind", "*"), row["status"], row["detail"])
        for row in made_rows(document["coverage"])
        if row["status"] in UNREADABLE
    ]
    return _table("Not read", ("account", "region", "kind", "status", "why"), cells)


def _guardrails(rows: Iterable[Row]) -> str:
    cells = [
        (row["name"], row["account_id"] or "", row["limit"], row["actual"], row.get("detail", ""))
        for row in rows
        if not row["passed"]
    ]
    return _table("Guardrails that hold it", ("guardrail", "account", "limit", "actual", "detail"), cells)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Empty where there is no row."""
    return "\n".join(_lines(title, columns, rows)) if rows else ""


def _lines(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows[:MOST_ROWS]:
        yield f"| {' | '.join(map(inert, row))} |"
    if len(rows) > MOST_ROWS:
        yield ""
        yield f"... and {len(rows) - MOST_ROWS} more."
