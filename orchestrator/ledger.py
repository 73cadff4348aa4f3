"""The ledger: which sweeps there were, who holds the lease, what was about to be stopped and what came of it.

One class over a table of items with conditional writes; DynamoDB (aws/ledger.py) and SQLite (local/) provide the table.
Intents are written before the call that they announce, outcomes after it, one write for each batch.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from orchestrator.core.evidence import Link
from orchestrator.core.model import Outcome, OutcomeStatus, Resource
from orchestrator.core.report import Row, time_text
from orchestrator.errors import ReportStoreError

Item = dict[str, Any]

TTL = timedelta(days=400)
SWEEPS = "SWEEPS"
LEASE = "LEASE"
CHAIN = "CHAIN"
HEAD = "HEAD"
INTENT = "intent"
ITEMS_AT_ONCE = 100
"""As many as DynamoDB takes in one transaction."""
_NOT_ATTEMPTED_YET = frozenset({OutcomeStatus.WOULD_STOP, OutcomeStatus.WOULD_START, OutcomeStatus.HELD})


@dataclass(frozen=True, slots=True)
class Absent:
    """Holds when there is no item with that key."""


@dataclass(frozen=True, slots=True)
class Equals:
    """Holds when the item is there and this attribute has this value."""

    attribute: str
    value: str


Condition = Absent | Equals


class Items(Protocol):
    """A table of items with string keys `PK` and `SK`; an attribute that is None is not stored.

    Methods raise LedgerError with the store's own words.
    """

    def put(self, item: Item, condition: Condition | None = None) -> bool:
        """False, and nothing is written, when the condition does not hold."""
        ...

    def update(self, key: tuple[str, str], values: Mapping[str, Any], condition: Condition | None = None) -> bool:
        """Sets some attributes of an item; False when it is not there or the condition does not hold."""
        ...

    def put_all(self, items: Sequence[Item]) -> None:
        """All of at most ITEMS_AT_ONCE items, or none of them."""
        ...

    def put_many(self, items: Sequence[Item]) -> None:
        """Any number, each by itself."""
        ...

    def get(self, key: tuple[str, str]) -> Item | None:
        """As of now: what was written is seen."""
        ...

    def query(self, pk: str, prefix: str = "", *, newest_first: bool = False, limit: int | None = None) -> list[Item]:
        """The items of a partition whose sort key begins with the prefix, sorted by it."""
        ...


@dataclass(frozen=True, slots=True)
class SweepRecord:
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
    """What its sweep is for, as one_at_a_time says it: by this a second trigger is told from another wish."""
    holder: str = ""
    """The process, where it can be told from every other one (local/processes.py)."""


class Ledger:
    """Raises LedgerError with the store's own words when it cannot be read or written."""

    def __init__(self, items: Items, now: Callable[[], datetime]) -> None:
        self._items = items
        self._now = now

    # --- sweeps

    def begin(self, record: SweepRecord) -> None:
        """Records that the sweep is running. Raises ReportStoreError when its id is taken."""
        item = self._lasting({**_sweep_item(record), "begun_by": secrets.token_hex(8)})
        if self._items.put(item, Absent()):
            return
        found = self._items.get((SWEEPS, record.sweep_id)) or {}
        if found.get("begun_by") != item["begun_by"]:  # else it was this write, and only its answer was lost
            raise ReportStoreError(f"the sweep id {record.sweep_id} is in the ledger already")

    def amend(self, sweep_id: str, **values: Any) -> None:
        """Sets some of a record's fields."""
        self._items.update((SWEEPS, sweep_id), values)

    def claim(self, sweep_id: str, by: str) -> bool:
        """Marks a plan as applied, or a sweep as undone, by one other sweep; False when another one was first."""
        if self._items.update((SWEEPS, sweep_id), {"applied_by": by}, Equals("applied_by", "")):
            return True
        found = self.sweep(sweep_id)
        return found is not None and found.applied_by == by

    def sweep(self, sweep_id: str) -> SweepRecord | None:
        item = self._items.get((SWEEPS, sweep_id))
        return _record(SweepRecord, item, sweep_id=sweep_id) if item else None

    def sweeps(self, limit: int | None = None) -> tuple[SweepRecord, ...]:
        """Newest first."""
        found = self._items.query(SWEEPS, newest_first=True, limit=limit)
        return tuple(_record(SweepRecord, item, sweep_id=item["SK"]) for item in found)

    def finish(self, document: Row, location: str) -> None:
        """Everything in a sweep's report; the summary last, so that a finished summary means finished items."""
        sweep_id = document["sweep_id"]
        self._items.put_many([self._lasting(item) for item in (*_target_items(document), *_action_items(document))])
        copied = ("status", "finished_at", "duration_seconds", "totals", "error", "policy_sha256", "organization_id")
        ended = {"report": location, "ended_at": self._now().astimezone(UTC).isoformat()}
        self._items.update((SWEEPS, sweep_id), {**{name: document[name] for name in copied}, **ended})

    # --- actions

    def intend(self, sweep_id: str, resources: Sequence[Resource], batch: str) -> None:
        """Announces one batch, in one write: all of it is in the ledger before the call goes out, or none."""
        at = time_text(self._now())
        self._items.put_all(
            [
                self._lasting({**_resource_item(sweep_id, one), "status": INTENT, "requested_at": at, "batch": batch})
                for one in resources
            ]
        )

    def settle(self, sweep_id: str, outcomes: Sequence[Outcome]) -> None:
        """What came of one batch, in one write. What is seen later is written over it."""
        items = [self._lasting(_outcome_item(sweep_id, outcome)) for outcome in outcomes]
        for start in range(0, len(items), ITEMS_AT_ONCE):
            self._items.put_all(items[start : start + ITEMS_AT_ONCE])

    def actions(self, sweep_id: str) -> tuple[ActionRecord, ...]:
        """Sorted by account, region, kind and id."""
        items = self._items.query(f"SWEEP#{sweep_id}", "ACTION#")
        return tuple(replace(_record(ActionRecord, one), warnings=tuple(one.get("warnings", ()))) for one in items)

    # --- lease

    def lease(self, policy_name: str) -> LeaseRecord | None:
        item = self._items.get((LEASE, policy_name))
        return _record(LeaseRecord, item) if item else None

    def take_lease(self, policy_name: str, lease: LeaseRecord, seen: LeaseRecord | None) -> bool:
        """False when it is not as it was `seen` any more. A nonce is used once."""
        item = {
            "PK": LEASE,
            "SK": policy_name,
            **{name: getattr(lease, name) for name in LeaseRecord.__dataclass_fields__},
        }
        if self._items.put(self._lasting(item), Equals("nonce", seen.nonce) if seen else Absent()):
            return True
        # A write whose answer was lost is sent again by the client, and then refused by itself.
        current = self.lease(policy_name)
        return current is not None and current.nonce == lease.nonce

    # --- the chain of manifests

    def chain_head(self) -> tuple[str, str] | None:
        """The sweep id and SHA-256 of the newest manifest."""
        item = self._items.get((CHAIN, HEAD))
        return (item["sweep_id"], item["sha256"]) if item else None

    def link(self, sweep_id: str) -> Link | None:
        """What the sweep's manifest is, or would be: it counts when the chain was advanced to it."""
        item = self._items.get((CHAIN, sweep_id))
        return _link(item) if item else None

    def links(self) -> tuple[Link, ...]:
        return tuple(_link(item) for item in self._items.query(CHAIN) if item["SK"] != HEAD)

    def put_link(self, link: Link) -> None:
        """Before the chain is advanced to it, so that the head always has a link."""
        previous = {"previous_sweep_id": link.previous_sweep_id, "previous_sha256": link.previous_sha256}
        self._items.put(self._lasting({"PK": CHAIN, "SK": link.sweep_id, "sha256": link.sha256, **previous}))

    def advance_chain(self, sweep_id: str, sha256: str, previous: tuple[str, str] | None) -> bool:
        """Makes this the newest manifest; False when `previous` is not the newest any more."""
        item = self._lasting({"PK": CHAIN, "SK": HEAD, "sweep_id": sweep_id, "sha256": sha256})
        if self._items.put(item, Equals("sha256", previous[1]) if previous else Absent()):
            return True
        return self.chain_head() == (sweep_id, sha256)  # it was this write, and its answer was lost

    def _lasting(self, item: Item) -> Item:
        return {**item, "expires_at": int((self._now() + TTL).astimezone(UTC).timestamp())}


def _record(record: type[Any], item: Item, **more: Any) -> Any:
    """The item's attributes that the record has; those that an older version did not write keep their defaults."""
    return record(**{**{name: item[name] for name in record.__dataclass_fields__ if name in item}, **more})


def _link(item: Item) -> Link:
    return Link(item["SK"], item["sha256"], item.get("previous_sweep_id"), item.get("previous_sha256"))


def _sweep_item(record: SweepRecord) -> Item:
    values = {name: getattr(record, name) for name in SweepRecord.__dataclass_fields__ if name != "sweep_id"}
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
