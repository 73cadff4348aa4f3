"""The history of sweeps, and what a look at their evidence found, as tables of at most 80 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from orchestrator.cli.tables import STATUS_STYLES, a_table, add_rows, number
from orchestrator.core.model import people_time_of
from orchestrator.core.model.narrowing import narrowing_text
from orchestrator.core.report.control_characters import without_controls
from orchestrator.ledger.coverage import TargetRecord
from orchestrator.ledger.records import HeldRecord, SweepSummary
from orchestrator.sweep.verify import Verified

_DOES = {"apply": "carried out the plan of", "undo": "undid"}
_ACTED = ("stopped", "started", "starting", "failed", "unknown")
"""The totals of what was asked for."""
_WAS_TO = {"apply": "was to carry out the plan of", "undo": "was to undo"}


def print_history(
    console: Console, sweeps: Sequence[SweepSummary], dead: Mapping[str, str], held: Sequence[HeldRecord] = ()
) -> None:
    """Newest first; `dead` are those that run by their record without a valid lease, as sweep.dead_sweeps has them.

    Below it what sweeps stopped long ago (`held`).
    """
    if sweeps:
        _print_sweeps(console, sweeps, dead)
    else:
        console.print("No sweeps yet.")
    table = a_table(
        "Stopped over 30 days ago, and not seen started since",
        ("resource", "fixed"),
        ("where", "fixed"),
        ("since", "fixed"),
        ("sweep", "fixed"),
    )
    cells = [(one.resource_id, (one.account_id, one.region), one.asked_at[:10], one.sweep_id) for one in held]
    shown = add_rows(table, cells)
    if shown is not None:
        console.print()
        console.print(shown)


def print_coverage(console: Console, account_id: str, seen: Mapping[str, Sequence[TargetRecord]]) -> None:
    """What each sweep, by its id, saw of an account: its regions by their status."""
    console.print()
    table = a_table(f"Account {account_id}", ("sweep", "fixed"), ("regions", "right"), "status", "detail")
    cells = [
        (sweep_id, number(count), status.replace("_", " "), detail)
        for sweep_id, targets in seen.items()
        for (status, detail), count in Counter((one.status, one.detail) for one in targets).items()
    ]
    shown = add_rows(table, cells)
    console.print(shown if shown is not None else f"No sweep above saw account {account_id}, or has ended.")


def _print_sweeps(console: Console, sweeps: Sequence[SweepSummary], dead: Mapping[str, str]) -> None:
    table = a_table(
        "",
        ("sweep", "fixed"),
        "mode",
        "status",
        ("took", "right"),
        ("planned", "right"),
        ("done", "right"),
        ("failed", "right"),
    )
    table.padding = (0, 1, 0, 0)
    for one in sweeps:
        totals = one.totals or {}
        done = sum(totals.get(name, 0) for name in ("stopped", "started", "tagged", "untagged"))
        numbers = [
            number(totals.get("planned", 0)),
            number(done),
            number(totals.get("failed", 0) + totals.get("unknown", 0)),
        ]
        took = f"{one.duration_seconds:.0f} s" if one.finished_at else ""
        status = Text(one.status.replace("_", " "), style=STATUS_STYLES[one.status])
        table.add_row(one.sweep_id, one.mode, status, took, *numbers)
    console.print(table)
    for one in sweeps:
        _print_notes(console, one, dead)


def _print_notes(console: Console, one: SweepSummary, dead: Mapping[str, str]) -> None:
    """What its row in the table has no room for."""
    if one.source_sweep_id:
        does = (_WAS_TO if _did_nothing(one) else _DOES)[one.mode]
        console.print(f"{one.sweep_id} {does} {one.source_sweep_id}", highlight=False)
    if one.narrowed:
        console.print(Text(f"{one.sweep_id} was narrowed to {narrowing_text(one.narrowed)}"), soft_wrap=True)
    if one.consent_missing:
        console.print(Text(f"{one.sweep_id} only planned: {one.consent_missing}"))
    if one.status in ("abandoned", "missed"):
        console.print(Text(f"{one.sweep_id} was {one.status}: {one.error}"))
    if one.warning:
        console.print(Text(f"{one.sweep_id}: {one.warning}"))
    if one.consent is not None:
        text = f"{one.sweep_id} was confirmed by {one.consent.get('by')} ({one.consent.get('how')})"
        console.print(Text(text))
    if one.status == "awaiting_approval":
        console.print(f"To carry it out: stop-orchestrator apply {one.sweep_id}", highlight=False, soft_wrap=True)
    if one.sweep_id in dead:
        console.print(_without_a_process(one.sweep_id, dead[one.sweep_id]), highlight=False, soft_wrap=True)


def _did_nothing(one: SweepSummary) -> bool:
    """Whether it ended before it acted: it was declined, held, halted, or died."""
    if one.status not in ("abandoned", "missed", "failed", "held", "aborted", "incomplete"):
        return False
    totals = one.totals or {}
    return one.consent is None or not any(totals.get(name) for name in _ACTED)


def _without_a_process(sweep_id: str, ran_out_at: str) -> str:
    resume = f"stop-orchestrator sweep --resume {sweep_id}"
    if not ran_out_at:
        return f"Its process died: {resume}"
    return (
        f"{sweep_id} gave no sign of life since its lease ran out at {people_time_of(ran_out_at)}: its process may be "
        "dead, or slow. "
        f"This waits for it, and resumes only where it is dead: {resume}"
    )


def print_verified(console: Console, verified: Verified) -> None:
    """The first broken link first; of how many sweeps every file is as it was sealed, and where the chain begins."""
    if verified.sweeps and not verified.broken:
        what = "1 sweep" if verified.sweeps == 1 else f"{verified.sweeps} sweeps"
        console.print(Text(f"{what} verified: every file is as it was sealed", style="bold green"))
    for one in verified.broken:
        where = without_controls(f"{one.sweep_id} {one.file}".strip())  # as somebody named it: also a line feed
        console.print(Text(f"{where} {one.problem}", style="red"), soft_wrap=True)
    if verified.expired:
        gone = "1 sweep" if verified.expired == 1 else f"{verified.expired} sweeps"
        text = f"The chain begins at {verified.begins}: of {gone} before it no file is left, as retention leaves it"
        console.print(Text(text), soft_wrap=True)
    for note in verified.notes:
        console.print(Text(f"Note: {note}"), soft_wrap=True)
