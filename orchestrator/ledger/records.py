"""What is remembered, as frozen records, and each record's item in the table (DESIGN section 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.core.model import Outcome, OutcomeStatus, Resource
from orchestrator.core.report.document import Row, time_text
from orchestrator.core.report.manifest import Link
from orchestrator.ledger.items import Item

SWEEPS = "SWEEPS"
INTENT = "intent"
_NOT_ATTEMPTED_YET = frozenset({OutcomeStatus.WOULD_STOP, OutcomeStatus.WOULD_START, OutcomeStatus.HELD})


@dataclass(frozen=True, slots=True)
class SweepSummary:
    """The summary of one sweep, from its beginning on."""

    sweep_id: str
    status: str
    """`running`, `awaiting_approval`, or how it ended (model.SweepStatus)."""
    mode: str
    policy_name: str
    started_at: str
    finished_at: str = ""
    duration_seconds: float = 0.0
    source_sweep_id: str = ""
    """The sweep that is applied or undone."""
    plan_sha256: str = ""
    policy: str = ""
    """The policy document itself, so that the sweep can be gone on with."""
    confirmed: bool = False
    """Nobody needs to be asked any more before it acts."""
    applied_by: str = ""
    """The sweep that carried out this one's plan, or undid this one."""
    continuations: int = 0
    totals: Mapping[str, int] | None = None
    report: str = ""
    error: str = ""
    ended_at: str = ""
    """To the microsecond, by the clock of the process that ended it."""
    only: Mapping[str, Any] | None = None
    """What of the source sweep is undone; None: all of it."""
    execution: str = ""
    """The state machine's execution that carries it out, where one does."""
    halt: Mapping[str, str] | None = None
    """Cause and text, where a state machine ended the acting."""

    def as_row(self) -> Row:
        """For programs; without the policy's text."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "policy"}


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """One resource that was about to be stopped or started. `status` is `intent` while nobody knows what came of it."""

    account_id: str
    region: str
    kind: str
    resource_id: str
    status: str
    arn: str = ""
    code: str = ""
    message: str = ""
    requested_at: str = ""
    verified_at: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[str, str, str, str]:
        return self.account_id, self.region, self.kind, self.resource_id


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """Who sweeps by one policy. `nonce` changes with every renewal, so a holder that lives can be told by any clock."""

    sweep_id: str
    nonce: str
    held_until: str
    """ISO 8601; empty when it was given back."""
    started_at: str
    purpose: str = ""
    """What its sweep is for, as sweep.coordination says it: by this a second trigger is told from another wish."""
    holder: str = ""
    """The process, where it can be told from every other one (local/processes.py)."""


def _record(record: type[Any], item: Item, **more: Any) -> Any:
    """The item's attributes that the record has; those that an older version did not write keep their defaults."""
    return record(**{**{name: item[name] for name in record.__dataclass_fields__ if name in item}, **more})


def _link(item: Item) -> Link:
    return Link(item["SK"], item["sha256"], item.get("previous_sweep_id"), item.get("previous_sha256"))


def _sweep_item(record: SweepSummary) -> Item:
    values = {name: getattr(record, name) for name in SweepSummary.__dataclass_fields__ if name != "sweep_id"}
    return {"PK": SWEEPS, "SK": record.sweep_id, **values}


def _target_items(document: Row) -> Iterator[Item]:
    for row in document["coverage"]:
        key = {"PK": f"SWEEP#{document['sweep_id']}", "SK": f"TARGET#{row['account_id']}#{row['region']}"}
        yield {**key, **{name: row[name] for name in ("account_id", "region", "status", "detail")}}


def _action_items(document: Row) -> Iterator[Item]:
    """Only what was to be attempted is an action; what would be stopped, or was held, is in the report."""
    for row in document["outcomes"]:
        if row["status"] not in _NOT_ATTEMPTED_YET:
            times = {name: row[name] or "" for name in ("requested_at", "verified_at")}
            yield {**_action_item(document["sweep_id"], row), **times}


def _outcome_item(sweep_id: str, outcome: Outcome) -> Item:
    return {
        **_resource_item(sweep_id, outcome.resource),
        "status": outcome.status.value,
        "code": outcome.code,
        "message": outcome.message,
        "requested_at": time_text(outcome.requested_at) or "",
        "verified_at": time_text(outcome.verified_at) or "",
        "warnings": list(outcome.warnings),
    }


def _resource_item(sweep_id: str, resource: Resource) -> Item:
    row = {
        "account_id": resource.target.account_id,
        "region": resource.target.region,
        "kind": resource.kind,
        "resource_id": resource.resource_id,
        "arn": resource.arn,
    }
    return _action_item(sweep_id, row)


def _action_item(sweep_id: str, row: Row) -> Item:
    """With the keys of DESIGN section 5."""
    return {
        "PK": f"SWEEP#{sweep_id}",
        "SK": f"ACTION#{row['account_id']}#{row['region']}#{row['kind']}#{row['resource_id']}",
        "GSI1PK": f"RESOURCE#{row['arn']}",
        "GSI1SK": sweep_id,
        **row,
    }
