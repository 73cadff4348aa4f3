"""The command `report`: an earlier sweep's report in the form that its reader likes, and what differs between two."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator import app as wiring
from orchestrator.cli import report_forms
from orchestrator.cli.browser import open_page
from orchestrator.cli.comparison_tables import print_comparison
from orchestrator.cli.console import (
    BAD_USAGE,
    ERROR,
    Format,
    checked_sweep_id,
    errors_as_exit_codes,
    fail,
    parsed,
    print_json,
    say,
    settings_of,
    stdout,
)
from orchestrator.cli.json_text import json_text
from orchestrator.cli.options import StoreOption
from orchestrator.cli.summary import print_summary
from orchestrator.core.model import SweepStatus
from orchestrator.core.report.comparison import compare_reports
from orchestrator.core.report.manifest import MANIFEST
from orchestrator.ledger.ledger import Ledger
from orchestrator.local.processes import this_process
from orchestrator.ports import Stores
from orchestrator.settings import Settings
from orchestrator.sweep.stored_look import read_report

LATEST = "latest"
"""In place of a sweep id: the newest sweep of the ledger that has ended."""


class ReportFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    JSONL = "jsonl"
    MD = "md"
    HTML = "html"
    OCSF = "ocsf"


class ReportPart(StrEnum):
    DECISIONS = "decisions"
    COVERAGE = "coverage"
    COMPLIANCE = "compliance"
    OPT_OUTS = "opt_outs"


def report(
    sweep_id: Annotated[
        str | None,
        typer.Argument(
            metavar="SWEEP_ID|latest",
            help="Such as 20261123T190000Z-7f3a9c, or `latest`: the newest sweep of the ledger that has ended.",
        ),
    ] = None,
    output: Annotated[
        ReportFormat | None,
        typer.Option(
            "--format",
            "-f",
            help="table: a summary. json: all of it. csv: one of its tables. jsonl: a line for each decision. md: a "
            "short page. html: the whole page. ocsf: compliance findings, a line for each. [default table]",
        ),
    ] = None,
    part: Annotated[ReportPart | None, typer.Option(help="Which table, with --format csv. [default decisions]")] = None,
    to: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Into this file instead of standard output.")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the HTML page in a browser.")] = False,
    policy_name: Annotated[
        str, typer.Option(metavar="NAME", help="With `latest`: the newest by the policy of that name.")
    ] = "",
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="What differs between two sweeps, the earlier one first; as table or json."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Show the report of an earlier sweep in one of its forms, open it in a browser, or compare two."""
    named = (compare or ()) if sweep_id is None else (sweep_id, *(compare or ()))
    form = output or (ReportFormat.HTML if show else ReportFormat.TABLE)
    _check_usage(named, form, part, to, show=show, policy_name=policy_name, compares=compare is not None)
    settings = settings_of(store=store)
    with errors_as_exit_codes(Format.TABLE):
        stores = wiring.make_stores(settings, wiring.make_clients(settings), this_process())
        real = [latest_sweep(stores.ledger, settings, policy_name) if one == LATEST else one for one in named]
        for one in real:
            _check_there(stores, one)
        if compare is not None:
            _compare(stores, form, to, *real)
        elif show:
            _open(stores, real[0], to)
        else:
            _show(stores, real[0], form, part or ReportPart.DECISIONS, to)


def _check_usage(
    named: tuple[str, ...],
    form: ReportFormat,
    part: ReportPart | None,
    to: Path | None,
    *,
    show: bool,
    policy_name: str,
    compares: bool,
) -> None:
    """Ends the command with everything that is wrong."""
    if len(named) != (2 if compares else 1):
        fail("name one sweep, or two with --compare", BAD_USAGE)
    for one in named:
        if one != LATEST:
            checked_sweep_id(one, f"sweep id, nor `{LATEST}`")
    writes_page = form is ReportFormat.HTML and not compares and not show and to is None
    wrong = {
        "--part goes with --format csv": part is not None and form is not ReportFormat.CSV,
        "--open opens the HTML page: leave out --format, or give --format html": show and form is not ReportFormat.HTML,
        "--open goes with one sweep": show and compares,
        f"--policy-name goes with `{LATEST}`": bool(policy_name) and LATEST not in named,
        "--compare goes with --format table or json": compares and form not in (ReportFormat.TABLE, ReportFormat.JSON),
        "a page is of no use on a terminal: name a file with --output, or give --open": writes_page
        and sys.stdout.isatty(),
    }
    found = [text for text, is_wrong in wrong.items() if is_wrong]
    if found:
        fail("\n".join(found), BAD_USAGE)


def _check_there(stores: Stores, sweep_id: str) -> None:
    """Ends the command where the ledger knows why there is none."""
    begun = stores.ledger.sweep(sweep_id)
    if begun is not None and begun.status == SweepStatus.MISSED:
        fail(f"{sweep_id} has no report: it was missed; {begun.error}", ERROR)
    if begun is not None and not any(stores.store.find(sweep_id, name) for name in (MANIFEST, "report.json")):
        fail(
            f"{sweep_id} has no report: by the ledger it is {begun.status}. While it runs its report is yet to come; "
            f"where its process died (`history` tells): stop-orchestrator sweep --resume {sweep_id}",
            ERROR,
        )


def _show(stores: Stores, sweep_id: str, form: ReportFormat, part: ReportPart, to: Path | None) -> None:
    if form is ReportFormat.TABLE:
        document = parsed(stores.store.read(sweep_id, "report.json"), sweep_id)
        _write_text(_summary(document, sweep_id), to)
    elif form is ReportFormat.JSON:
        _print_document(parsed(stores.store.read(sweep_id, "report.json"), sweep_id), to)
    elif form is ReportFormat.CSV:
        _write(report_forms.csv_table(stores, sweep_id, f"{part.value}.csv"), to)
    elif form is ReportFormat.JSONL:
        _write(report_forms.json_lines(stores, sweep_id), to)
    elif form is ReportFormat.MD:
        _write(report_forms.markdown(stores, sweep_id), to)
    elif form is ReportFormat.OCSF:
        _write(report_forms.ocsf(stores, sweep_id), to)
    else:
        _write(report_forms.file_chunks(stores, sweep_id, report_forms.HTML), to)


def _compare(stores: Stores, form: ReportFormat, to: Path | None, before: str, after: str) -> None:
    documents = [read_report(stores, one) for one in (before, after)]
    found = report_forms.made_of_reports(lambda: compare_reports(*documents), before, after)
    if form is ReportFormat.JSON:
        _print_document(found, to)
        return
    with stdout.capture() as said:
        print_comparison(stdout, found)
    _write_text(said.get(), to)


def _open(stores: Stores, sweep_id: str, to: Path | None) -> None:
    """A page that is on this machine as it is; any other from a file of its own, which stays."""
    path = to or Path(stores.store.location(sweep_id, report_forms.HTML))
    if to is not None or not path.is_file():
        path = to or Path(tempfile.mkdtemp(prefix="stop-orchestrator-")) / f"report-{sweep_id}.html"
        _write(report_forms.file_chunks(stores, sweep_id, report_forms.HTML), path)
    why = open_page(path)
    if why:
        fail(f"No browser was opened, as {why}. The page is {path}", ERROR)
    say(f"Opened {path}")


def _print_document(document: Any, to: Path | None) -> None:
    if to is None:
        print_json(document)
    else:
        _write_text(f"{json_text(document, indent=2)}\n", to)


def _write_text(text: str, to: Path | None) -> None:
    if to is None:
        stdout.file.write(text)  # the colours are the console's own
    else:
        _write([text.encode()], to)


def _write(chunks: Iterable[bytes], to: Path | None) -> None:
    """Raises OSError, and ReportStoreError where a file of the report is damaged."""
    if to is None:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        return
    with to.open("wb") as file:
        file.writelines(chunks)
    say(f"Written to {to}")


def _summary(document: dict[str, Any], sweep_id: str) -> str:
    """As a whole or not at all. Raises ReportStoreError for what is JSON, and no report."""
    with stdout.capture() as said:
        report_forms.made_of_reports(lambda: print_summary(stdout, document), sweep_id)
    return said.get()


def latest_sweep(ledger: Ledger, settings: Settings, policy_name: str = "") -> str:
    """Of those that began in the same second, between which ids make no order, the one that ended last.

    One that was missed has no report, and is passed over.
    """
    ended = [
        one
        for one in ledger.sweeps()
        if one.finished_at and one.status != SweepStatus.MISSED and policy_name in ("", one.policy_name)
    ]
    if not ended:
        by = f" by a policy named {policy_name}" if policy_name else ""
        fail(f"no sweep{by} in {settings.ledger_place} has ended yet", ERROR)
    return max(ended, key=lambda one: (one.started_at, one.ended_at)).sweep_id
