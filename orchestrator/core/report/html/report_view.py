"""What report.html shows of a report's document: one pass over its rows, then the values of its template."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.core.model import ALL_REGIONS
from orchestrator.core.model.narrowing import narrowing_text
from orchestrator.core.report import endings
from orchestrator.core.report.amounts import PARTLY_UNKNOWN, why_sums_differ
from orchestrator.core.report.csv import _decision_cells
from orchestrator.core.report.decision_lines import Outcomes
from orchestrator.core.report.html import headline, tables
from orchestrator.core.report.html.columns import Column
from orchestrator.core.report.html.counts import Counts
from orchestrator.core.report.html.coverage_map import CoverageMap
from orchestrator.core.report.html.packed import Packed
from orchestrator.core.report.html.pages import counted, page_chunks
from orchestrator.core.report.html.rankings import rankings
from orchestrator.core.report.html.timeline import timeline
from orchestrator.core.report.html.words import COVERAGE, LEFT_OUT
from orchestrator.core.report.kept_because import reason_words
from orchestrator.core.report.lazy_rows import made_rows
from orchestrator.core.report.target_counts import UNREAD
from orchestrator.core.report.what_to_do import code_in, what_to_do

Row = dict[str, Any]
_OF_EARLIER_RELEASES: Row = {
    "source_sweep_id": None,
    "compliance": (),
    "guardrails": (),
    "unresolved_names": (),
    "idle_rules": (),
    "kill_switches": None,
    "error": "",
    "asked_by": "",
    "owners": (),
    "consent": None,
    "consent_missing": "",
    "stop_effects": (),
}
"""What they did not write."""
_TAGS_UNTIL = 3_000_000
"""Bytes of packed decisions; the others without their tags make no page of more than 8 MB."""
_TAGS_LEFT_OUT = "(left out of this page; decisions.csv has them)"
_MOST_GUARDRAILS = 15
_MOST_FAILURES = 50
_MOST_REASONS = 40


def made_page(document: Row) -> Iterator[bytes]:
    """The whole page, in pieces; whatever can go wrong did by the time that this returns."""
    document = {**_OF_EARLIER_RELEASES, **document}
    read = _Read()
    packed = read.rows(document)
    values = _values(document, read, packed)
    return page_chunks("report.html.j2", values, {name: rows for name, (_, rows) in packed.items()})


@dataclass(slots=True)
class _Read:
    """What was counted while the rows were packed."""

    counts: Counts = field(default_factory=Counts)
    coverage: CoverageMap = field(default_factory=CoverageMap)
    accounts: dict[str, Row] = field(default_factory=dict)
    """Their names and how many of their targets were not read."""
    left_out: Counter[tuple[str, bool]] = field(default_factory=Counter)
    """What was left out on purpose or is not there, by status, and whether whole accounts; each place once."""
    without_tags: int = 0
    """Decisions whose tags the page has no room for."""
    words: dict[tuple[str, ...], str] = field(default_factory=dict)
    """The detail of one of them."""

    def rows(self, document: Row) -> dict[str, tuple[tuple[Column, ...], Packed]]:
        """The columns and rows of each table, by its name."""
        has_money = document.get("money") is not None
        acted = endings.acted(document)
        found: dict[str, tuple[tuple[Column, ...], Packed]] = {}

        def put(name: str, columns: tuple[Column, ...], rows: Iterator[Row], *more: str) -> None:
            found[name] = (columns, Packed([*dict.fromkeys([*(one.name for one in columns), *more])]).extend(rows))

        columns = tables.decision_columns(with_money=has_money)
        packed = Packed([one.name for one in columns])
        found["decisions"] = (columns, packed.extend(self._decisions(document, packed)))
        put("coverage", tables.COVERAGE, iter(()))
        self._pack_holes(document, found["coverage"][1])
        accounts = tables.account_rows(self.counts, self.accounts, with_money=has_money)
        put("accounts", tables.account_columns(with_money=has_money, acted=acted), accounts, "account_id")
        put("map", tuple(self.coverage.columns()), self.coverage.rows(), "account_id", "ou_path")
        put("failures", tables.FAILURES, tables.failure_rows(document, self.accounts))
        put("opt_outs", tables.OPT_OUTS, tables.opt_out_rows(document))
        put("compliance", tables.COMPLIANCE, self._compliance(document))
        if has_money:
            put("measured", tables.MEASURED, iter(tables.measured_rows(document)))
        return found

    def _decisions(self, document: Row, packed: Packed) -> Iterator[Row]:
        """`packed`: where they go. Tags that differ on every resource hardly pack, and are left out before a page of
        50,000 decisions would be too large.
        """
        for row in _decision_cells(document, Outcomes(document)):
            self.counts.add(row)
            shown = tables.decision_row(row)
            if packed.size > _TAGS_UNTIL and shown["tags"]:
                self.without_tags += 1
                shown["tags"] = _TAGS_LEFT_OUT
            yield shown

    def _pack_holes(self, document: Row, unread_rows: Packed) -> None:
        """What was not read comes before what was left out on purpose."""
        left_out = Packed(unread_rows.columns)
        left_out_places: set[tuple[str, str, str]] = set()
        for row in made_rows(document["coverage"]):
            key = (row["status"], code_in(row["detail"])) if row["status"] in UNREAD else ()
            self.coverage.add(row, key)
            account = self.accounts.setdefault(
                row["account_id"],
                {
                    "account_name": row["account_name"] or row["account_id"],
                    "ou_path": row.get("ou_path", ""),
                },
            )
            if row["status"] == tables.READ:
                continue
            if key:
                self.words.setdefault(key, row["detail"])
            else:
                left_out_places.add((row["status"], row["account_id"], row["region"]))
            (unread_rows if row["status"] in UNREAD else left_out).add(tables.hole_row(row))
        unread_rows.append(left_out)
        for account_id, account in self.accounts.items():
            account["unread"] = self.coverage.targets.holes_of(account_id)
        self.left_out = Counter((status, region == ALL_REGIONS) for status, _, region in left_out_places)

    def _compliance(self, document: Row) -> Iterator[Row]:
        for row in made_rows(document["compliance"]):
            name = row.get("account_name") or self.accounts.get(row["account_id"], {}).get("account_name")
            yield {**row, "account_name": name or row["account_id"]}


def _values(document: Row, read: _Read, packed: Mapping[str, tuple[tuple[Column, ...], Packed]]) -> Row:
    money = document.get("money")
    targets = read.coverage.targets.counts()
    return {
        "document": document,
        "acted": endings.acted(document),
        "status": endings.status_of(document),
        "headline": headline.headline(document),
        "status_sentences": headline.status_sentences(document, targets),
        "figures": headline.figures(document, targets),
        "alerts": headline.alerts(document),
        "nothing_unread": headline.nothing_unread(document),
        "nothing_failed": headline.nothing_failed(document),
        "money": money,
        "sums_differ": why_sums_differ(money["forecast"]) if money else "",
        "partly_unknown": PARTLY_UNKNOWN,
        "summed": headline.summed,
        "columns": {name: columns for name, (columns, _) in packed.items()},
        "sizes": {name: rows.count for name, (_, rows) in packed.items()},
        "reasons": _reasons(read.counts),
        "holes": _holes(read),
        "without_tags": read.without_tags,
        "left_out": _left_out(read),
        "failures": _failures(document),
        "guardrails": _guardrails(document),
        "more_guardrails": max(0, len(document["guardrails"]) - _MOST_GUARDRAILS),
        "rules": _rules(read.counts),
        "targets": targets,
        "rankings": rankings(document, read.counts),
        "timeline": timeline(document, read.counts),
        "map_legend": [(sign, words, "_".join(words.split())) for sign, words in COVERAGE.values()],
        "map_kinds": read.coverage.kinds,
        "map_regions": [one for one in read.coverage.regions if one != ALL_REGIONS],
        "narrowed": narrowing_text(document["narrowed"]) if document.get("narrowed") else "",
    }


def _reasons(counts: Counts) -> list[Row]:
    """What is kept, and because of what; most first."""
    found = counts.by(lambda group: (group.verdict == "keep", group.reason_code))
    kept = [(code, tally.resources) for (is_kept, code), tally in found.items() if is_kept]
    kept.sort(key=lambda one: (-one[1], one[0]))
    return [{"code": code, "words": reason_words(code), "count": count} for code, count in kept[:_MOST_REASONS]]


def _holes(read: _Read) -> list[Row]:
    """What was not read, by status and code; most first."""
    found = sorted(read.coverage.targets.grouped().items(), key=lambda one: (-one[1], one[0]))
    return [
        {
            "status": status,
            "code": code,
            "count": count,
            "words": read.words[status, code],
            "what": what_to_do(status, code, read.words[status, code]),
        }
        for (status, code), count in found[:_MOST_FAILURES]
    ]


def _left_out(read: _Read) -> list[Row]:
    """What was not to be read, or is not there: whole accounts first, most first."""
    found = sorted(read.left_out.items(), key=lambda one: (not one[0][1], -one[1], one[0]))
    words = {status.value: text for status, text in LEFT_OUT.items()}
    rows = []
    for (status, whole), count in found:
        how_many = counted(count, "account" if whole else "region")
        rows.append({"status": status, "words": f"{how_many} {words.get(status, status.replace('_', ' '))}"})
    return rows


def _failures(document: Row) -> list[Row]:
    """The actions that failed, or of which nobody knows, by AWS's code; most first."""
    found: dict[tuple[str, str], Row] = {}
    if not endings.acted(document):
        return []
    for row in document["outcomes"]:
        if row["status"] not in tables.NOT_DONE:
            continue
        key = (row["status"], row["code"])
        one = found.get(key)
        if one is None:
            what = what_to_do(row["status"], row["code"], row["message"])
            one = {"status": row["status"], "code": row["code"], "count": 0, "words": row["message"], "what": what}
            found[key] = one
        one["count"] += 1
    return sorted(found.values(), key=lambda row: (-row["count"], row["status"], row["code"]))[:_MOST_FAILURES]


def _guardrails(document: Row) -> list[Row]:
    """Those that do not hold first, then those of the whole organization, then the accounts that come closest."""

    def place(row: Row) -> tuple[bool, bool, float]:
        share = row["actual"] / row["limit"] if row["limit"] else 0.0
        return (row["passed"], row["account_id"] is not None, -share)

    return sorted(document["guardrails"], key=place)[:_MOST_GUARDRAILS]


def _rules(counts: Counts) -> list[Row]:
    found = counts.by(lambda group: group.rule)
    rows = sorted(found.items(), key=lambda one: (one[0] is None, -one[1].stops, str(one[0])))
    return [{"rule": rule, "tally": tally} for rule, tally in rows[:_MOST_REASONS]]
