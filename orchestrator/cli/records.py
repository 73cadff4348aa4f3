"""The commands that read what earlier sweeps left: history, verify. They change nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer

from orchestrator import app as wiring
from orchestrator.cli.console import (
    BAD_USAGE,
    ERROR,
    Format,
    checked_sweep_id,
    credentials_named,
    errors_as_exit_codes,
    fail,
    print_json,
    say,
    settings_of,
    stdout,
)
from orchestrator.cli.history import print_coverage, print_history, print_verified
from orchestrator.cli.naming import named_by
from orchestrator.cli.options import FormatOption, StoreOption
from orchestrator.cli.resource_history import ResourceHistory, history_row, print_resource_history, read_history
from orchestrator.cli.since import since
from orchestrator.core.report.manifest import MANIFEST
from orchestrator.errors import LedgerError
from orchestrator.ledger.coverage import TargetRecord
from orchestrator.ledger.records import HeldRecord, SweepSummary
from orchestrator.local.processes import this_process
from orchestrator.ports import Stores
from orchestrator.sweep import coordination
from orchestrator.sweep.dead_sweeps import without_a_process
from orchestrator.sweep.verify import verify as verify_evidence

_ACCOUNT = re.compile("[0-9]{12}")
_MOST_SWEEPS = 20
LONG_DOWN = timedelta(days=30)
"""What a sweep stopped longer ago, and nothing was seen to start since, is listed by `history`."""


def history(
    resource: Annotated[
        str | None,
        typer.Argument(
            metavar="RESOURCE",
            help="What sweeps did to this resource: its ARN, ACCOUNT/REGION/ID, or its id with --account, --region and "
            "--kind; the id alone is looked for in the newest reports.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="How many at most. [default 20, or with --since all]", show_default=False)
    ] = None,
    began: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Only those since then: 2026-11-01 (UTC), or 12h, 7d, 2w ago."),
    ] = None,
    output: FormatOption = Format.TABLE,
    store: StoreOption = None,
    account: Annotated[
        str,
        typer.Option(metavar="ACCOUNT_ID", help="Also what each saw of this account; or the account of RESOURCE."),
    ] = "",
    region: Annotated[str, typer.Option(metavar="REGION", help="The region of RESOURCE.")] = "",
    kind: Annotated[str, typer.Option(help="The kind of RESOURCE, where its id does not tell.")] = "",
) -> None:
    """List the sweeps of the ledger, newest first: running, complete, incomplete, held, failed, aborted, abandoned,
    missed or awaiting approval. With RESOURCE, every sweep that touched it, what came of it, on whose word.

    The ledger forgets after its retention; what is stored in reports stays there.
    """
    if account and not _ACCOUNT.fullmatch(account):
        fail(f"--account: {account!r} is no account's id, of 12 digits", BAD_USAGE)
    if resource is None and (region or kind):
        fail("--region and --kind go with RESOURCE", BAD_USAGE)
    settings = settings_of(store=store)
    with errors_as_exit_codes(Format.TABLE):
        began_at = since(began, wiring.now()) if began is not None else None
        most = limit or (None if began_at else _MOST_SWEEPS)
        named = named_by(resource, account, region, kind) if resource is not None else None
        stores = wiring.make_stores(settings, wiring.make_clients(settings), this_process())
        if named is not None and resource is not None:
            _show_resource(resource, read_history(stores, resource, named, began_at, most), output)
            return
        sweeps = stores.ledger.sweeps_since(began_at)[:most] if began_at else stores.ledger.sweeps(most)
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


def _show_resource(resource: str, found: ResourceHistory, output: Format) -> None:
    if output is Format.JSON:
        print_json(history_row(found))
    else:
        print_resource_history(stdout, resource, found)


def _held_since_before(stores: Stores, sweep_id: str) -> tuple[HeldRecord, ...]:
    """Nothing, and a word of it, where the table's index may not be read: the hub's own role may not."""
    try:
        with credentials_named():
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
    sweep_id: Annotated[str | None, typer.Argument(metavar="SWEEP_ID", help="Such as 20261123T190000Z-7f3a9c.")] = None,
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
        fail(f"there are no sweeps in {settings.ledger_place} that are finished; nothing was verified", ERROR)
    raise typer.Exit(ERROR if verified.broken else 0)
