"""The commands that read what earlier sweeps left: history, verify, report. They change nothing."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from orchestrator import app as wiring
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
from orchestrator.cli.history import print_coverage, print_history, print_verified
from orchestrator.cli.options import FormatOption, StoreOption
from orchestrator.cli.summary import print_summary
from orchestrator.cli.terminal import csv_text
from orchestrator.core.model import SweepStatus
from orchestrator.core.report.manifest import MANIFEST
from orchestrator.errors import LedgerError, ReportStoreError
from orchestrator.ledger.coverage import TargetRecord
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import HeldRecord, SweepSummary
from orchestrator.local.processes import this_process
from orchestrator.ports import Stores
from orchestrator.settings import Settings
from orchestrator.sweep import coordination
from orchestrator.sweep.dead_sweeps import without_a_process
from orchestrator.sweep.verify import verify as verify_evidence

_ACCOUNT = re.compile("[0-9]{12}")
LONG_DOWN = timedelta(days=30)
"""What a sweep stopped longer ago, and nothing was seen to start since, is listed by `history`."""


class ReportFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class ReportPart(StrEnum):
    DECISIONS = "decisions"
    COVERAGE = "coverage"
    COMPLIANCE = "compliance"
    OPT_OUTS = "opt_outs"


def history(
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    output: FormatOption = Format.TABLE,
    store: StoreOption = None,
    account: Annotated[str, typer.Option(metavar="ACCOUNT_ID", help="Also what each saw of this account.")] = "",
) -> None:
    """List the sweeps of the ledger, newest first: running, complete, incomplete, held, failed, aborted, abandoned,
    missed or awaiting approval.
    """
    if account and not _ACCOUNT.fullmatch(account):
        fail(f"--account: {account!r} is no account's id, of 12 digits", BAD_USAGE)
    settings = settings_of(store=store)
    with errors_as_exit_codes(Format.TABLE):
        stores = wiring.make_stores(settings, wiring.make_clients(settings), this_process())
        sweeps = stores.ledger.sweeps(limit)
        dead = without_a_process(stores, sweeps)
        long_ago = f"{wiring.now() - LONG_DOWN:%Y%m%dT%H%M%SZ}"
        held = _held_since_before(stores, long_ago)
        seen = {one.sweep_id: stores.ledger.coverage_of(one.sweep_id, account) for one in sweeps if account}
    if output is Format.JSON:
        rows = _history_rows(sweeps, held)
        print_json([_with_coverage(row, seen) for row in rows] if account else rows)
    else:
        print_history(stdout, sweeps, dead, held)
        if account:
            print_coverage(stdout, account, seen)


def _held_since_before(stores: Stores, sweep_id: str) -> tuple[HeldRecord, ...]:
    """Nothing, and a word of it, where the table's index may not be read: the hub's own role may not."""
    try:
        return stores.ledger.held_since_before(sweep_id)
    except LedgerError as refused:
        say(f"What has been down for over 30 days cannot be told: {refused}")
        return ()


def _with_coverage(row: dict[str, Any], seen: Mapping[str, Sequence[TargetRecord]]) -> dict[str, Any]:
    return {**row, "coverage": [one.as_row() for one in seen.get(row["sweep_id"], ())]}


def _history_rows(sweeps: Sequence[SweepSummary], held: Sequence[HeldRecord]) -> list[dict[str, Any]]:
    """A sweep that holds something down for long has a row whatever the limit, by its id alone where it has expired."""
    down: dict[str, list[dict[str, Any]]] = {}
    for one in held:
        down.setdefault(one.sweep_id, []).append(one.as_row())
    rows = [{**one.as_row(), "held_down": down.pop(one.sweep_id, [])} for one in sweeps]
    others = sorted(down.items(), reverse=True)
    return [*rows, *({"sweep_id": sweep_id, "held_down": some} for sweep_id, some in others)]


def verify(
    sweep_id: Annotated[str | None, typer.Argument(help="Such as 20261123T190000Z-7f3a9c.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every finished sweep, and the chain of their manifests.")
    ] = False,
    output: FormatOption = Format.TABLE,
    store: StoreOption = None,
) -> None:
    """Compute the SHA-256 of every file of a sweep again and hold it against its manifest and the chain of manifests.

    Files: each is as it was sealed, and none was added to the sweep's folder. Working files (work/, inventory-*.json)
    are not sealed; no command reads them once the sweep has ended.

    Chain: the ledger's newest manifest leads to this one. With --all it leads to every sweep, back to the oldest that
    is kept, with no gap, and there is no folder of another sweep. It cannot tell whether retention or a person removed
    the oldest sweeps: it says where the chain begins, and of how many before it no file is left.

    Anchor (STOP_ORCHESTRATOR_ANCHOR, with --all): the newest sweeps were not removed while the ledger was put back.
    Without one nothing shows that, and it proves nothing against a person who may write store, ledger and anchor.

    Signature (STOP_ORCHESTRATOR_SIGNING_KEY): the manifest was written by one who may sign with the key.

    Exit code 1: something does not hold, the first broken link from the newest manifest back comes first; or nothing
    was verified.
    """
    if (sweep_id is None) is not every:
        fail("name one sweep, or give --all", BAD_USAGE)
    if sweep_id is not None:
        checked_sweep_id(sweep_id)
    settings = settings_of(store=store)
    with errors_as_exit_codes(Format.TABLE):
        clients = wiring.make_clients(settings)
        stores = wiring.make_stores(settings, clients, this_process())
        if sweep_id is not None and stores.store.find(sweep_id, MANIFEST) is None:
            coordination.get_sweep(stores, sweep_id)  # else its record may have expired before its files
        verified = verify_evidence(
            stores.store,
            stores.ledger,
            [sweep_id] if sweep_id is not None else None,
            wiring.signature_check(settings, clients),
            wiring.make_anchor(settings, clients),
        )
    if output is Format.JSON:
        rows = [{"sweep_id": one.sweep_id, "file": one.file, "problem": one.problem} for one in verified.broken]
        holds = bool(verified.sweeps and not verified.broken)
        chain = {"begins": verified.begins, "expired": verified.expired}
        print_json({"verified": holds, "sweeps": verified.sweeps, "broken": rows, **chain, "notes": verified.notes})
    else:
        print_verified(stdout, verified)
    if not verified.sweeps:
        ledger = settings.table or settings.store
        fail(f"there are no sweeps in the ledger of {ledger} that are finished; nothing was verified", ERROR)
    raise typer.Exit(ERROR if verified.broken else 0)


LATEST = "latest"
"""In place of a sweep id: the newest sweep of the ledger that has ended."""


def report(
    sweep_id: Annotated[
        str,
        typer.Argument(
            metavar="SWEEP_ID|latest",
            help="Such as 20261123T190000Z-7f3a9c, or `latest`: the newest sweep of the ledger that has ended.",
        ),
    ],
    output: Annotated[ReportFormat, typer.Option("--format", "-f", help="How to print it.")] = ReportFormat.TABLE,
    part: Annotated[ReportPart | None, typer.Option(help="Which table, with --format csv. [default decisions]")] = None,
    store: StoreOption = None,
) -> None:
    """Show the report of an earlier sweep: a summary, the whole JSON, or one of its CSV tables."""
    if sweep_id != LATEST:
        checked_sweep_id(sweep_id, f"sweep id, nor `{LATEST}`")
    if part and output is not ReportFormat.CSV:
        fail("--part goes with --format csv", BAD_USAGE)
    settings = settings_of(store=store)
    name = f"{(part or ReportPart.DECISIONS).value}.csv" if output is ReportFormat.CSV else "report.json"
    with errors_as_exit_codes(Format.TABLE):
        stores = wiring.make_stores(settings, wiring.make_clients(settings), this_process())
        if sweep_id == LATEST:
            sweep_id = latest_sweep(stores.ledger, settings)
        content = _read(stores, sweep_id, name)
        document = {} if output is ReportFormat.CSV else parsed(content, sweep_id)
    if output is ReportFormat.CSV:
        sys.stdout.buffer.write(csv_text(content).encode())
    elif output is ReportFormat.JSON:
        print_json(document)
    else:
        with errors_as_exit_codes(Format.TABLE):
            _print_stored_summary(document, sweep_id)


def _read(stores: Stores, sweep_id: str, name: str) -> bytes:
    """Raises ReportStoreError with what the store says of one that is not there; ends where the ledger knows more."""
    begun = stores.ledger.sweep(sweep_id)
    if begun is not None and begun.status == SweepStatus.MISSED:
        fail(f"{sweep_id} has no report: it was missed; {begun.error}", ERROR)
    if begun is not None and stores.store.find(sweep_id, name) is None:
        fail(
            f"{sweep_id} has no report: by the ledger it is {begun.status}. While it runs its report is yet to come; "
            f"where its process died (`history` tells): stop-orchestrator sweep --resume {sweep_id}",
            ERROR,
        )
    return stores.store.read(sweep_id, name)


def _print_stored_summary(document: dict[str, Any], sweep_id: str) -> None:
    """As a whole or not at all. Raises ReportStoreError for what is JSON, and no report."""
    try:
        with stdout.capture() as said:
            print_summary(stdout, document)
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        text = f"the report of {sweep_id} is damaged: it is no report ({type(wrong).__name__}: {wrong})"
        raise ReportStoreError(text) from wrong
    stdout.file.write(said.get())  # the colours are the console's own


def latest_sweep(ledger: Ledger, settings: Settings) -> str:
    """Of those that began in the same second, between which ids make no order, the one that ended last."""
    ended = [one for one in ledger.sweeps() if one.finished_at]
    if not ended:
        fail(f"no sweep in the ledger of {settings.table or settings.store} has ended yet", ERROR)
    return max(ended, key=lambda one: (one.started_at, one.ended_at)).sweep_id
