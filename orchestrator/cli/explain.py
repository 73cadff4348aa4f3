"""The command `explain`: why one resource is stopped, started or kept, live or from a stored report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, NoReturn

import typer

from orchestrator import app as wiring
from orchestrator.aws.clients import Clients
from orchestrator.cli.console import (
    BAD_USAGE,
    ERROR,
    Format,
    credentials_named,
    errors_as_exit_codes,
    fail,
    print_json,
    settings_of,
    stdout,
)
from orchestrator.cli.explain_table import print_explanation
from orchestrator.cli.naming import Named, named_by
from orchestrator.cli.options import ExternalIdOption, FormatOption, PolicyOption, RoleOption, StoreOption
from orchestrator.cli.reports import LATEST, latest_sweep
from orchestrator.cli.what_if import looking, moment_of, policy_of
from orchestrator.core.decide.explain import Explanation, HeldDown
from orchestrator.core.model import UNREADABLE, ResourceKey
from orchestrator.core.report.document import INCOMPLETE
from orchestrator.core.report.explanation import explanation_document
from orchestrator.errors import LedgerError, ReportStoreError, SettingsError
from orchestrator.ledger.ledger import Ledger
from orchestrator.settings import Settings
from orchestrator.sweep.stored_look import explain_stored, find_resources, near_id, read_report
from orchestrator.sweep.what_if import explain_now


def explain(
    resource: Annotated[
        str,
        typer.Argument(
            metavar="RESOURCE",
            help="Its ARN, ACCOUNT/REGION/ID, or its id; the id alone is looked for in the newest report.",
        ),
    ],
    sweep: Annotated[
        str | None,
        typer.Option(
            metavar="SWEEP_ID|latest", help="As that sweep decided it, from its stored report; AWS is not asked."
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Decide for that moment, such as 2026-12-24T22:00 (by the policy's time zone) or with an offset. "
            "What AWS says is of now.",
        ),
    ] = None,
    policy: PolicyOption = None,
    account: Annotated[str, typer.Option(metavar="ACCOUNT_ID", help="The account that it is in.")] = "",
    region: Annotated[str, typer.Option(metavar="REGION", help="The region that it is in.")] = "",
    kind: Annotated[str, typer.Option(help="Its kind, where its id does not tell.")] = "",
    output: FormatOption = Format.TABLE,
    store: StoreOption = None,
    member_role: RoleOption = None,
    external_id: ExternalIdOption = None,
) -> None:
    """Say why one resource is stopped, started or kept: every rule in order with what each condition found, its
    schedule, opt-outs, obstacles and losses, and the sentence that decides.

    Reads that one account and region, and writes nothing; with --sweep it reads the stored report alone. What a report
    does not have is named, and is unknown.
    """
    if sweep is not None and at is not None:
        fail("--sweep and --at exclude each other: a report is of its own moment", BAD_USAGE)
    if sweep is not None and policy is not None:
        fail("--sweep and --policy exclude each other: a report has the policy that it was made by", BAD_USAGE)
    settings = settings_of(policy=policy, store=store, member_role=member_role, external_id=external_id)
    with errors_as_exit_codes(output):
        if sweep is not None:
            found = _of_sweep(settings, sweep, named_by(resource, account, region, kind))
        else:
            found = _live(settings, resource, at, account, region, kind)
    _show(found, output)


def _show(found: Explanation, output: Format) -> NoReturn:
    if output is Format.JSON:
        print_json(explanation_document(found))
    else:
        print_explanation(stdout, found)
    unread = found.coverage is not None and found.coverage.status in UNREADABLE
    raise typer.Exit(INCOMPLETE if unread else 0)


def _of_sweep(settings: Settings, sweep_id: str, named: Named) -> Explanation:
    """Raises ReportStoreError, LedgerError and SettingsError."""
    stores = wiring.make_stores(settings, wiring.make_clients(settings))
    if sweep_id == LATEST:
        sweep_id = latest_sweep(stores.ledger, settings)
    document = read_report(stores, sweep_id)
    hint = near_id(document, named.resource_id)
    key = _only_one(find_resources(document, named.means), named, f"the report of {sweep_id}", hint)
    return _with_what_holds_it_down(explain_stored(stores, document, key, wiring.stored_kinds()), stores.ledger)


def _live(settings: Settings, resource: str, at: str | None, account: str, region: str, kind: str) -> Explanation:
    clients = wiring.make_clients(settings)
    policy = policy_of(settings, clients)
    named = named_by(resource, account, region, kind, policy.kinds)
    moment = wiring.now() if at is None else moment_of("--at", at, policy)
    key = named.key or _by_newest_report(settings, clients, named)
    with looking(settings, clients, policy, "explain", (key.kind,)) as world:
        return _with_what_holds_it_down(explain_now(world, policy, key, moment), world.ledger)


def _with_what_holds_it_down(found: Explanation, ledger: Ledger) -> Explanation:
    try:
        held = ledger.held_at(found.key.target).get(found.key)
    except LedgerError as failure:
        return replace(found, notes=(*found.notes, f"whether a sweep holds it down is not known: {failure}"))
    return replace(found, held_down=HeldDown(held.sweep_id, held.asked_at) if held else None)


def _by_newest_report(settings: Settings, clients: Clients, named: Named) -> ResourceKey:
    """Raises SettingsError where the newest report does not have exactly one of that id."""
    told = "name its ARN, or ACCOUNT/REGION/ID, or --account, --region and --kind"
    stores = wiring.make_stores(settings, clients)
    sweep_id = next((one.sweep_id for one in stores.ledger.sweeps() if one.finished_at), "")
    try:
        with credentials_named():
            document = read_report(stores, sweep_id) if sweep_id else {"decisions": []}
            found, hint = find_resources(document, named.means), near_id(document, named.resource_id)
    except (ReportStoreError, LedgerError):
        found, hint = [], ""
    if not found:
        where = f"the newest report ({sweep_id}) has none of that id{hint}" if sweep_id else "no sweep has a report yet"
        raise SettingsError(f"where {named.resource_id} is, is not known: {told}; {where}")
    return _only_one(found, named, f"the report of {sweep_id}")


def _only_one(found: Sequence[ResourceKey], named: Named, where: str, hint: str = "") -> ResourceKey:
    if not found:
        fail(f"{where} has no {named.resource_id}{_place(named)}{hint}: it was not read, or did not run", ERROR)
    if len(found) > 1:
        places = "\n".join(f"{one.account_id}/{one.region}/{one.resource_id} ({one.kind})" for one in found)
        raise SettingsError(f"{where} has {len(found)} of the id {named.resource_id}; say which:\n{places}")
    return found[0]


def _place(named: Named) -> str:
    told = " ".join(filter(None, (named.account_id, named.region, named.kind)))
    return f" in {told}" if told else ""
