"""What differs between two sweeps: decisions, what came of them, coverage, totals and money.

Two reports' documents in, a plain document out; of what is the same in both it says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.core.model import OutcomeStatus, Verdict
from orchestrator.core.report.decision_lines import PLACE, Outcomes, place_of
from orchestrator.core.report.lazy_rows import made_rows

Row = Mapping[str, Any]
_NEWLY = {
    Verdict.STOP: "newly_stopped",
    Verdict.START: "newly_started",
    Verdict.KEEP: "newly_kept",
    Verdict.TAG: "newly_tagged",
    Verdict.UNTAG: "newly_untagged",
}
APPEARED, GONE, OTHER_REASON = "appeared", "gone", "other_reason"
FAILED, NO_LONGER_FAILED = "newly_failed", "no_longer_failed"
CHANGES = (*_NEWLY.values(), FAILED, NO_LONGER_FAILED, OTHER_REASON, APPEARED, GONE)
"""What may have become of a resource, of which each has the first that holds."""
_FAILED = frozenset({OutcomeStatus.FAILED, OutcomeStatus.UNKNOWN})
_NOT_DONE = frozenset({OutcomeStatus.HELD, OutcomeStatus.NOT_ATTEMPTED})
"""No failure: nobody asked AWS for it."""
_DONE = frozenset(OutcomeStatus) - _FAILED - _NOT_DONE - {one for one in OutcomeStatus if one.startswith("would_")}
_SWEEP = ("sweep_id", "policy_name", "policy_sha256", "mode", "status", "started_at")
_SAID = ("verdict", "rule", "reason_code", "reason")
_COVERED = ("account_id", "region", "kind")
_AMOUNTS = ("resources", "unknown_resources", "gross", "still_billed", "net", "hourly")


def compare_reports(before: Row, after: Row) -> dict[str, Any]:
    """`before` and `after` in each row; null: it is not in that report. Rows are sorted."""
    decisions = [*_decisions(before, after)]
    return {
        "before": {name: before.get(name) for name in _SWEEP},
        "after": {name: after.get(name) for name in _SWEEP},
        "changes": {name: count for name in CHANGES if (count := Counter(row["change"] for row in decisions)[name])},
        "decisions": decisions,
        "coverage": [*_coverage(before, after)],
        "totals": _differences(before["totals"], after["totals"]),
        "money": _money(before, after),
    }


def _decisions(before: Row, after: Row) -> Iterator[dict[str, Any]]:
    earlier, later = _by_place(before), _by_place(after)
    for place in sorted({*earlier, *later}):
        was, now = earlier.get(place), later.get(place)
        change = _change(was, now)
        if change:
            found: Row = now or was or {}
            yield {
                "change": change,
                **dict(zip(PLACE, place, strict=True)),
                "account_name": found["account_name"],
                "name": found["name"],
                "before": _said(was),
                "after": _said(now),
            }


def _by_place(document: Row) -> dict[tuple[Any, ...], Row]:
    """As little as it takes: two reports of 50,000 decisions are in memory at once."""
    outcome_of = Outcomes(document).begin()
    found: dict[tuple[Any, ...], Row] = {}
    for row in made_rows(document["decisions"]):
        names = {"account_name": row.get("account_name", ""), "name": row["name"]}
        outcome = (outcome_of(row) or {}).get("status")
        found[place_of(row)] = {**names, **{name: row[name] for name in _SAID}, "outcome": outcome}
    return found


def _said(row: Row | None) -> dict[str, Any] | None:
    return None if row is None else {name: row[name] for name in (*_SAID, "outcome")}


def _change(was: Row | None, now: Row | None) -> str:
    """Empty: it is as it was. What is new and acted on is new as that."""
    if now is None:
        return GONE
    if (was is None or was["verdict"] != now["verdict"]) and not (was is None and now["verdict"] == Verdict.KEEP):
        return _NEWLY[Verdict(now["verdict"])]
    if was is None:
        return APPEARED
    return _change_of_outcome(was["outcome"], now["outcome"], now["verdict"]) or _change_of_reason(was, now)


def _change_of_outcome(was: str | None, now: str | None, verdict: str) -> str:
    """Of the same decision. What a plan would do, and the later sweep did, is as it was."""
    if now in _FAILED | _NOT_DONE:
        is_alike = any({was, now} <= some for some in (_FAILED, _NOT_DONE))
        return "" if is_alike else FAILED
    if now not in _DONE:
        return ""
    if was in _NOT_DONE:
        return _NEWLY[Verdict(verdict)]
    return NO_LONGER_FAILED if was in _FAILED else ""


def _change_of_reason(was: Row, now: Row) -> str:
    return OTHER_REASON if (was["reason_code"], was["rule"]) != (now["reason_code"], now["rule"]) else ""


def _coverage(before: Row, after: Row) -> Iterator[dict[str, Any]]:
    def by_place(document: Row) -> dict[tuple[str, ...], Row]:
        return {tuple(row.get(name, "*") for name in _COVERED): row for row in made_rows(document["coverage"])}

    earlier, later = by_place(before), by_place(after)
    for place in sorted({*earlier, *later}):
        was, now = earlier.get(place), later.get(place)
        statuses = [None if one is None else one["status"] for one in (was, now)]
        if statuses[0] != statuses[1]:
            found: Row = now or was or {}
            yield {
                **dict(zip(_COVERED, place, strict=True)),
                "account_name": found["account_name"],
                "before": statuses[0],
                "after": statuses[1],
                "detail": found["detail"],
            }


def _differences(before: Row, after: Row) -> dict[str, dict[str, int | None]]:
    """By the totals' names; null: a report of an earlier release does not have it."""
    names = dict.fromkeys([*after, *before])
    return {
        name: {"before": before.get(name), "after": after.get(name)}
        for name in names
        if before.get(name) != after.get(name)
    }


def _money(before: Row, after: Row) -> dict[str, Any] | None:
    """The forecasts of both; null where neither asked for prices, or of the one that did not."""
    forecasts = [(one.get("money") or {}).get("forecast") for one in (before, after)]
    if not any(forecasts):
        return None
    was, now = ({name: one[name] for name in _AMOUNTS} if one else None for one in forecasts)
    return {"before": was, "after": now}
