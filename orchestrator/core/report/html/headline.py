"""The first lines of a report's page: what the sweep came to, why, and its figures."""

from __future__ import annotations

from typing import Any, NamedTuple

from orchestrator.core.model import Mode, SweepStatus, Verdict, people_time_of
from orchestrator.core.model.units import UNITS, with_units
from orchestrator.core.report.amounts import adding_up, dollars
from orchestrator.core.report.endings import DECLINED, DONE, acted, ended_by, was_declined
from orchestrator.core.report.html.pages import counted
from orchestrator.core.report.target_counts import TargetCounts

Row = dict[str, Any]


class Figure(NamedTuple):
    """One number of the headline: `tone` is `good`, `warn`, `bad` or nothing."""

    label: str
    value: str
    note: str = ""
    tone: str = ""
    link: str = ""


def headline(document: Row) -> str:
    """In one line: what was stopped, or would be, and what not."""
    totals = document["totals"]
    stops, starts = _planned(document)
    if was_declined(document["error"]):
        return f"Declined: {counted(stops + starts, 'action')} planned, and none carried out"
    if document["status"] == SweepStatus.HELD:
        return f"Held: {counted(stops + starts, 'action')} planned, and none carried out"
    if not acted(document):
        what = [with_units(f"stop {stops:,}", stops, totals.get("stop_units", stops))] if stops or not starts else []
        what += [with_units(f"start {starts:,}", starts, totals.get("start_units", starts))] if starts else []
        return f"A plan: it would {' and '.join(what)} of {counted(totals['resources'], 'resource')}"
    done = [f"{totals['stopped']:,} stopped"] if stops or not starts else []
    done += [f"{totals.get('started', 0):,} started"] if starts else []
    failed = totals["failed"] + totals.get("unknown", 0)
    done += [f"{failed:,} failed"] if failed else []
    return f"{', '.join(done)}, {totals.get('kept', 0):,} kept"


def _planned(document: Row) -> tuple[int, int]:
    totals = document["totals"]
    stops = totals.get("planned_stops", totals.get("planned", 0))  # 0.1.0 did not count them apart
    return stops, totals.get("planned_starts", 0)


def status_sentences(document: Row, targets: TargetCounts) -> list[str]:
    """The status, and what it is because of."""
    totals, status = document["totals"], document["status"]
    declined = was_declined(document["error"])
    sentences = [DECLINED if declined else _STATUS.get(status, f"It is {status}.")]
    broken = [row for row in document["guardrails"] if not row["passed"]]
    if broken:
        limits = "; ".join(map(_limit, broken[:3]))
        more = f", and {len(broken) - 3} more" if len(broken) > 3 else ""  # noqa: PLR2004 - as many as were named
        sentences.append(f"Guardrails that do not hold: {limits}{more}.")
    if targets.unread:
        why = f"; {targets.weight_text}" if targets.weight_text else ""
        sentences.append(f"{targets.unread:,} of {counted(targets.in_scope, 'target')} could not be read{why}.")
    if targets.kinds_text:
        sentences.append(f"{targets.kinds_text}.")
    for name, words in (
        ("failed", "failed"),
        ("unknown", "came to an unknown end"),
        ("starting", "were accepted, and not seen running"),
        ("not_attempted", "were not attempted"),
    ):
        if totals.get(name) and not declined:
            sentences.append(f"{counted(totals[name], 'action')} {words}.")
    if document.get("consent_missing"):
        sentences.append(f"It only planned: {document['consent_missing']}.")
    if document["error"] and not declined:
        sentences.append(f"Ended by: {ended_by(document['error'])}")
    if status == SweepStatus.INCOMPLETE and len(sentences) > 1:
        del sentences[0]  # the others say of what
    return sentences


def _limit(row: Row) -> str:
    """With how many resources its number is of, where a group counts as what it runs."""
    of_what = f" ({row['detail']})" if row.get("detail", "").endswith(UNITS) else ""
    return f"{row['name']} {row['actual']:g}{of_what}, limit {row['limit']:g}"


_STATUS = {
    SweepStatus.COMPLETE: "Complete: everything in scope was read, and everything planned came to its end.",
    SweepStatus.INCOMPLETE: "Incomplete: something was not read, or did not come to its end.",
    SweepStatus.HELD: "Held by guardrails: nothing was acted on.",
    SweepStatus.AWAITING_APPROVAL: "It waits for approval: nothing was acted on yet.",
    SweepStatus.FAILED: "Failed: an error ended it.",
    SweepStatus.ABORTED: "Aborted: it was halted between its first action and its last.",
    SweepStatus.ABANDONED: "Abandoned: its process died, and nothing more is done of it.",
}


def figures(document: Row, targets: TargetCounts) -> list[Figure]:
    """The numbers of the first screen."""
    totals, acts = document["totals"], acted(document)
    stops, starts = _planned(document)
    of_stops = with_units(f"of {stops:,} planned", stops, totals.get("stop_units", stops))
    of_starts = with_units(f"of {starts:,} planned", starts, totals.get("start_units", starts))
    if acts:
        stopped = Figure("Stopped", f"{totals['stopped']:,}", of_stops, "good", _link(Verdict.STOP))
        started = Figure("Started", f"{totals.get('started', 0):,}", of_starts, "good", _link(Verdict.START))
    else:
        only = "planned, and declined" if was_declined(document["error"]) else "plan only"
        stop_note = with_units(only, stops, totals.get("stop_units", stops))
        start_note = with_units(only, starts, totals.get("start_units", starts))
        stopped = Figure("Would stop", f"{stops:,}", stop_note, "good", _link(Verdict.STOP))
        started = Figure("Would start", f"{starts:,}", start_note, "good", "#decisions?verdict=start")
    failed = totals["failed"] + totals.get("unknown", 0)
    return [
        stopped,
        *([started] if starts or document["mode"] == Mode.UNDO else []),
        Figure(
            "Kept", f"{totals.get('kept', 0):,}", f"of {totals['resources']:,} looked at", "", "#decisions?verdict=keep"
        ),
        Figure("Exempt", f"{totals['exempt']:,}", "of the kept, by opt-out", "", "#decisions?reason_code=exempt"),
        *([Figure("Failed", f"{failed:,}", "actions", "bad" if failed else "good", "#failed")] if acts else []),
        Figure(
            "Not read",
            f"{targets.holes:,}",
            f"of {counted(targets.in_scope, 'target')} in scope",
            "bad" if targets.holes else "good",
            "#unread",
        ),
        *_money(document),
    ]


def _link(verdict: Verdict) -> str:
    """To the decisions of that verdict that came to their end, which are as many as the figure says."""
    return f"#decisions?verdict={verdict}{''.join(f'&outcome={status}' for status in sorted(DONE[verdict]))}"


def _money(document: Row) -> list[Figure]:
    money = document.get("money")
    if money is None:
        return []
    forecast = money["forecast"]
    unknown = f"; {forecast['unknown_resources']:,} unknown" if forecast["unknown_resources"] else ""
    note = "made-up prices" if money["made_up"] else "until they start again"
    label = "Saves" if acted(document) and document["status"] != SweepStatus.HELD else "Would save"
    tone = "warn" if money["made_up"] else "good"
    return [Figure(label, summed(forecast, "net"), f"{note}{unknown}", tone, "#savings")]


def summed(savings: Row, name: str) -> str:
    """A sum; where there are only amounts that are not known, that."""
    is_known = savings["resources"] or not savings["unknown_resources"]
    return dollars({**savings, **adding_up(savings)}[name]) if is_known else "unknown"


def nothing_unread(document: Row) -> str:
    """What is said where no hole in the coverage is recorded: of a sweep that ended early, no more than that."""
    read_all = document["status"] in _READ_ALL or was_declined(document["error"])
    if read_all and document["totals"]["targets"]:
        return "Every target in scope was read."
    return "None is recorded; but nothing says that everything in scope was read."


def nothing_failed(document: Row) -> str:
    """What is said where no failed action is recorded."""
    if not acted(document) or document["status"] == SweepStatus.HELD:
        return "Nothing was acted on."
    if document["status"] in _READ_ALL:
        return "Every action came to its end."
    return "None is recorded; but it ended early."


_READ_ALL = frozenset(
    {SweepStatus.COMPLETE, SweepStatus.INCOMPLETE, SweepStatus.HELD, SweepStatus.AWAITING_APPROVAL, SweepStatus.ABORTED}
)


def alerts(document: Row) -> list[str]:
    """What a reader has to know before any number."""
    found = []
    if document.get("as_of"):
        moment = people_time_of(document["as_of"])
        found.append(f"A what-if for {moment}: decided by what AWS says now, and never acted on.")
    money = document.get("money")
    if money is not None and money["made_up"]:
        found.append(f"The prices are made up ({money['prices']}): every amount on this page is an example.")
    return found
