"""The ledger: which sweeps there were, who holds the lease, what was about to be stopped and what came of it.

One class over a table of items with conditional writes; DynamoDB (aws/) and SQLite (local/) provide it.
Intents are written before the call that they announce, outcomes after it, one write for each batch.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.core.model import ActivePolicy, Consent, Outcome, Resource, time_text
from orchestrator.core.report.document import Row
from orchestrator.core.report.manifest import Link
from orchestrator.errors import LedgerError, ReportStoreError
from orchestrator.ledger.items import ITEMS_AT_ONCE, Absent, Equals, Item, Items
from orchestrator.ledger.records import (
    ACTIVE,
    INTENT,
    POLICY,
    SWEEPS,
    ActionRecord,
    LeaseRecord,
    SweepSummary,
    action_items,
    active_policy_item,
    consent_item,
    link_from,
    outcome_item,
    record_from,
    resource_item,
    sweep_item,
    target_items,
)

TTL = timedelta(days=400)
LEASE = "LEASE"
CHAIN = "CHAIN"
HEAD = "HEAD"
KILL_SWITCH_ITEM = ("SETTINGS", "KILL_SWITCH")
"""The keys of the item that `make deploy-hub` writes; its `name` is the SSM parameter's."""
_PARAMETER = re.compile(r"[A-Za-z0-9_./-]+")


class Ledger:
    """Raises LedgerError with the store's own words when it cannot be read or written."""

    def __init__(self, items: Items, now: Callable[[], datetime]) -> None:
        self._items = items
        self._now = now

    # --- sweeps

    def begin(self, record: SweepSummary) -> None:
        """Records that the sweep is running. Raises ReportStoreError when its id is taken."""
        item = self._lasting({**sweep_item(record), "begun_by": secrets.token_hex(8)})
        if self._items.put(item, Absent()):
            return
        found = self._items.get((SWEEPS, record.sweep_id)) or {}
        if found.get("begun_by") != item["begun_by"]:  # else it was this write, and only its answer was lost
            raise ReportStoreError(f"the sweep id {record.sweep_id} is in the ledger already")

    def amend(self, sweep_id: str, **values: Any) -> None:
        """Sets some fields of a sweep's summary."""
        self._items.update((SWEEPS, sweep_id), values)

    def give_consent(self, sweep_id: str, consent: Consent) -> None:
        """Records who confirmed the sweep's plan; without it nothing is acted on."""
        self.amend(sweep_id, consent=consent_item(consent))

    def active_policy(self, policy_name: str) -> ActivePolicy | None:
        """The version of the policy by which schedules may act; None where none was activated."""
        item = self._items.get((f"{POLICY}{policy_name}", ACTIVE))
        return record_from(ActivePolicy, item) if item else None

    def activate_policy(self, policy_name: str, active: ActivePolicy) -> None:
        """Makes it the version by which schedules may act. It never expires; the hub's own role may not write it."""
        self._items.put(active_policy_item(policy_name, active))

    def claim(self, sweep_id: str, by: str) -> bool:
        """Marks a plan as applied, or a sweep as undone, by one other sweep; False when another one was first."""
        if self._items.update((SWEEPS, sweep_id), {"applied_by": by}, Equals("applied_by", "")):
            return True
        found = self.sweep(sweep_id)
        return found is not None and found.applied_by == by

    def sweep(self, sweep_id: str) -> SweepSummary | None:
        """The summary of one sweep; None when the ledger has none."""
        item = self._items.get((SWEEPS, sweep_id))
        return record_from(SweepSummary, item, sweep_id=sweep_id) if item else None

    def sweeps(self, limit: int | None = None) -> tuple[SweepSummary, ...]:
        """The summaries of the newest sweeps, newest first; of all without a limit."""
        found = self._items.query(SWEEPS, newest_first=True, limit=limit)
        return tuple(record_from(SweepSummary, item, sweep_id=item["SK"]) for item in found)

    def finish(self, document: Row, location: str) -> None:
        """Everything in a sweep's report; the summary last, so that a finished summary means finished items."""
        sweep_id = document["sweep_id"]
        self._items.put_many([self._lasting(item) for item in (*target_items(document), *action_items(document))])
        copied = ("status", "finished_at", "duration_seconds", "totals", "error", "policy_sha256", "organization_id")
        ended = {"report": location, "ended_at": self._now().astimezone(UTC).isoformat()}
        self._items.update((SWEEPS, sweep_id), {**{name: document[name] for name in copied}, **ended})

    # --- settings

    def kill_switch(self) -> str:
        """The name of the kill switch that was deployed with this table; empty where none was.

        Raises LedgerError too for an item that names no SSM parameter: it is no reason to act without one, and a table
        has no say in which file of this machine is read.
        """
        item = self._items.get(KILL_SWITCH_ITEM)
        if item is None:
            return ""
        name = item.get("name")
        if not (isinstance(name, str) and _PARAMETER.fullmatch(name)):
            raise LedgerError(f"the item {' / '.join(KILL_SWITCH_ITEM)} of the table names no SSM parameter")
        return name

    # --- actions

    def intend(self, sweep_id: str, resources: Sequence[Resource], batch: str) -> None:
        """Announces one batch, in one write: all of it is in the ledger before the call goes out, or none."""
        at = time_text(self._now())
        self._items.put_all(
            [
                self._lasting({**resource_item(sweep_id, one), "status": INTENT, "requested_at": at, "batch": batch})
                for one in resources
            ]
        )

    def record_outcomes(self, sweep_id: str, outcomes: Sequence[Outcome]) -> None:
        """What came of one batch, in one write. What is seen later is written over it."""
        items = [self._lasting(outcome_item(sweep_id, outcome)) for outcome in outcomes]
        for start in range(0, len(items), ITEMS_AT_ONCE):
            self._items.put_all(items[start : start + ITEMS_AT_ONCE])

    def actions(self, sweep_id: str) -> tuple[ActionRecord, ...]:
        """Every action of a sweep, sorted by account, region, kind and id."""
        items = self._items.query(f"SWEEP#{sweep_id}", "ACTION#")
        return tuple(replace(record_from(ActionRecord, one), warnings=tuple(one.get("warnings", ()))) for one in items)

    # --- lease

    def lease(self, policy_name: str) -> LeaseRecord | None:
        """The lease of a policy, held or free; None when there never was one."""
        item = self._items.get((LEASE, policy_name))
        return record_from(LeaseRecord, item) if item else None

    def take_lease(self, policy_name: str, lease: LeaseRecord, seen: LeaseRecord | None) -> bool:
        """Writes the lease; False when it is not as it was `seen` any more. Each nonce is used once."""
        item = {
            "PK": LEASE,
            "SK": policy_name,
            **{name: getattr(lease, name) for name in LeaseRecord.__dataclass_fields__},
        }
        if self._items.put(self._lasting(item), Equals("nonce", seen.nonce) if seen else Absent()):
            return True
        # A write whose answer was lost is retried by the client, and then refused because of itself.
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
        return link_from(item) if item else None

    def links(self) -> tuple[Link, ...]:
        """Every link that was put, in the order of the sweep ids."""
        return tuple(link_from(item) for item in self._items.query(CHAIN) if item["SK"] != HEAD)

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
