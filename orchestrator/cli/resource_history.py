"""What sweeps did to one resource, ever: which, when, on whose word, what came of it, and whether it was undone."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestrator.cli.console import credentials_named
from orchestrator.cli.naming import Named, arns_of, named_by
from orchestrator.cli.tables import a_table, add_rows
from orchestrator.core.model import Mode, OutcomeStatus, ResourceKey, Target, people_time_of
from orchestrator.errors import ReportStoreError, SettingsError
from orchestrator.kinds.registry import DESCRIPTIONS
from orchestrator.ledger.records import ActionRecord, HeldRecord, SweepAction, SweepSummary
from orchestrator.ports import Stores
from orchestrator.sweep.stored_look import find_resources, read_report

_REPORTS = 5
"""So many of the newest are looked through for a resource of which only the id is known."""
_NOT_DONE = frozenset({OutcomeStatus.FAILED, OutcomeStatus.UNKNOWN, OutcomeStatus.NOT_ATTEMPTED})
_MEMBER_OF = {one.name: one.member_of for one in DESCRIPTIONS}
_TAGS = {"tagged": "tag", "would_tag": "tag", "untagged": "untag", "would_untag": "untag"}


@dataclass(frozen=True, slots=True)
class ResourceHistory:
    """Of one resource, newest first."""

    arns: tuple[str, ...]
    actions: tuple[SweepAction, ...]
    sweeps: Mapping[str, SweepSummary]
    """Those that the ledger still has."""
    held: HeldRecord | None
    """What holds it down now; None: nothing."""
    belongs_to: tuple[str, ...] = ()
    """Where no sweep touched it: the ARNs of what it stops and starts with, by the newest report that has it."""


def read_history(
    stores: Stores, text: str, named: Named, began_at: datetime | None, limit: int | None
) -> ResourceHistory:
    """Raises LedgerError, and SettingsError where it is not known which resource is meant."""
    arns = (text,) if text.startswith("arn:") else (arns_of(named) or _arns_by_reports(stores, named))
    found = [one for arn in arns for one in stores.ledger.actions_on(arn) if _was_touched(one.action)]
    found.sort(key=lambda one: one.sweep_id, reverse=True)
    if began_at is not None:
        first = f"{began_at:%Y%m%dT%H%M%SZ}"
        found = [one for one in found if one.sweep_id >= first]
    found = found[:limit]
    sweeps = {one.sweep_id: summary for one in found if (summary := stores.ledger.sweep(one.sweep_id))}

    def when(one: SweepAction) -> tuple[str, str]:
        """Ids make no order between sweeps of one second."""
        sweep = sweeps.get(one.sweep_id)
        return one.sweep_id[: len("20261123T190000Z")], sweep.ended_at if sweep else ""

    found.sort(key=when, reverse=True)
    held = _held(stores, found[0].action.key if found else named.key)
    return ResourceHistory(arns, tuple(found), sweeps, held, () if found else _owners_by_reports(stores, arns))


def _was_touched(action: ActionRecord) -> bool:
    """Not by a sweep that was declined, halted or held before it asked AWS for anything of it."""
    return action.status != OutcomeStatus.NOT_ATTEMPTED or bool(action.requested_at or action.code)


def _held(stores: Stores, key: ResourceKey | None) -> HeldRecord | None:
    return stores.ledger.held_at(Target(key.account_id, key.region)).get(key) if key else None


def _arns_by_reports(stores: Stores, named: Named) -> tuple[str, ...]:
    """Raises SettingsError where none of the newest reports has exactly one such resource."""
    told = "name its ARN, or ACCOUNT/REGION/ID, or --account, --region and --kind"
    for document, keys in _reports_with(stores, named.means):
        if len(keys) > 1:
            places = "\n".join(f"{one.account_id}/{one.region}/{one.resource_id} ({one.kind})" for one in keys)
            raise SettingsError(
                f"the report of {document['sweep_id']} has {len(keys)} of the id {named.resource_id}; "
                f"say which:\n{places}"
            )
        rows = document["decisions"]
        return tuple(row["arn"] for row in rows if ResourceKey.from_row(row) == keys[0])
    ended = len(_with_reports(stores))
    raise SettingsError(
        f"where {named.resource_id} is, is not known: none of the newest {ended} reports has it; {told}"
    )


def _owners_by_reports(stores: Stores, arns: Sequence[str]) -> tuple[str, ...]:
    """Of what the newest report that has it says that it belongs to, where that report has it too; mostly none."""
    named = [named_by(arn, "", "", "") for arn in arns]
    for document, keys in _reports_with(stores, lambda key: any(one.means(key) for one in named)):
        rows = {ResourceKey.from_row(row): row for row in document["decisions"]}
        facts = rows[keys[0]].get("facts") or {}
        owners = (
            ResourceKey(keys[0].account_id, keys[0].region, kind, str(facts[fact]))
            for fact, kind in _MEMBER_OF.get(keys[0].kind, {}).items()
            if facts.get(fact)
        )
        return tuple(rows[one]["arn"] for one in owners if one in rows)
    return ()


def _reports_with(
    stores: Stores, means: Callable[[ResourceKey], bool]
) -> Iterator[tuple[Mapping[str, Any], Sequence[ResourceKey]]]:
    """Newest first, those that have something that is meant, with what that is."""
    for sweep_id in _with_reports(stores):
        try:
            with credentials_named():
                document = read_report(stores, sweep_id)
            keys = find_resources(document, means)
        except ReportStoreError:  # that one is damaged, or expired
            continue
        if keys:
            yield document, keys


def _with_reports(stores: Stores) -> Sequence[str]:
    return [one.sweep_id for one in stores.ledger.sweeps() if one.finished_at][:_REPORTS]


def history_row(found: ResourceHistory) -> dict[str, Any]:
    """For programs."""
    return {
        "arns": list(found.arns),
        "held_down_by": found.held.sweep_id if found.held else None,
        "belongs_to": list(found.belongs_to),
        "actions": _rows(found),
    }


def _rows(found: ResourceHistory) -> list[dict[str, Any]]:
    undone_by = {
        sweep.source_sweep_id: one.sweep_id
        for one in found.actions
        if (sweep := found.sweeps.get(one.sweep_id)) and sweep.mode == Mode.UNDO and one.action.status not in _NOT_DONE
    }
    rows = [_row(one, found.sweeps.get(one.sweep_id)) for one in found.actions]
    return [{**row, "undone_by": undone_by.get(row["sweep_id"])} for row in rows]


def _row(one: SweepAction, sweep: SweepSummary | None) -> dict[str, Any]:
    """Null: the ledger does not have the sweep's summary any more, or there is none."""
    action, consent = one.action, (sweep.consent if sweep else None) or {}
    names = ("account_id", "region", "kind", "resource_id", "arn", "status", "code", "message")
    return {
        "sweep_id": one.sweep_id,
        "action": _action(action),
        **{name: getattr(action, name) for name in names},
        "warnings": list(action.warnings),
        "requested_at": action.requested_at or None,
        "verified_at": action.verified_at or None,
        "mode": sweep.mode if sweep else None,
        "policy_name": sweep.policy_name if sweep else None,
        "asked_by": sweep.asked_by if sweep else None,
        "confirmed_by": consent.get("by"),
        "confirmed_how": consent.get("how"),
        "source_sweep_id": (sweep.source_sweep_id or None) if sweep else None,
    }


def _action(action: ActionRecord) -> str:
    return "start" if action.is_start else _TAGS.get(action.status, "stop")


def print_resource_history(console: Console, text: str, found: ResourceHistory) -> None:
    """Newest first, at most 80 columns; then what a row has no room for."""
    if not found.actions:
        console.print(Text(f"No sweep that the ledger still has touched {text}."), soft_wrap=True)
        for owner in found.belongs_to:
            console.print(Text("It stops and starts with what it belongs to:"), soft_wrap=True)
            console.print(Text(f"  stop-orchestrator history {shlex.quote(owner)}"), soft_wrap=True)
    else:
        console.print(Text(found.actions[0].action.arn, style="bold"), soft_wrap=True)
        table = a_table("", ("when", "fixed"), ("sweep", "fixed"), "did", "outcome", "by")
        rows = _rows(found)
        console.print(add_rows(table, [_cells(row) for row in rows]))
        for row in rows:
            for note in _notes(row):
                console.print(Text(f"{row['sweep_id']} {note}"), soft_wrap=True)
    if found.held is not None:
        where = f"--account {found.held.account_id} --region {found.held.region} --resource {found.held.resource_id}"
        console.print(Text(f"It is held down by {found.held.sweep_id}. To start it again:"), soft_wrap=True)
        console.print(Text(f"  stop-orchestrator undo {found.held.sweep_id} {where}"), soft_wrap=True)


def _cells(row: Mapping[str, Any]) -> Sequence[str]:
    at = people_time_of(row["requested_at"] or "")
    by = (row["confirmed_by"] or row["asked_by"] or "-").rpartition("/")[2]  # of an ARN the person; JSON has all of it
    return at or "-", row["sweep_id"], row["action"], row["status"].replace("_", " "), by


def _notes(row: Mapping[str, Any]) -> list[str]:
    refused = ": ".join(filter(None, (row["code"], row["message"])))
    source = {"apply": "carried out the plan of", "undo": "undid"}.get(row["mode"] or "", "")
    return [
        *([f"{row['status'].replace('_', ' ')}: {refused}"] if refused else []),
        *([f"{source} {row['source_sweep_id']}"] if source and row["source_sweep_id"] else []),
        *([f"was undone by {row['undone_by']}"] if row["undone_by"] else []),
    ]
