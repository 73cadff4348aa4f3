"""The ledger: which sweeps there were, who holds the lease, what was about to be stopped and what came of it.

One class over a table of items with conditional writes; DynamoDB (aws/) and SQLite (local/) provide it.
Intents are written before the call that they announce, outcomes after it, those of a batch side by side.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from types import MappingProxyType
from typing import Any

from orchestrator.core.model import (
    Action,
    ActivePolicy,
    Consent,
    Intent,
    Listed,
    Outcome,
    OutcomeStatus,
    Resource,
    ResourceKey,
    Target,
    time_text,
)
from orchestrator.core.model.remembered import LinkedOptOuts, Notice
from orchestrator.core.model.times import ordering_time_text
from orchestrator.core.report.document import Row
from orchestrator.core.report.manifest import Link
from orchestrator.errors import LeaseLostError, LedgerError, LedgerSettingError, ReportStoreError
from orchestrator.ledger.coverage import TARGET, TargetRecord, coverage_items, targets_from
from orchestrator.ledger.holding import Written, hold, note_failed_starts, release, take_back
from orchestrator.ledger.items import Absent, AllOf, Delete, Equals, Item, Items, Missing, Put
from orchestrator.ledger.listings import listed_from, listed_items
from orchestrator.ledger.notices import notice_pks, notice_writes, notices_from
from orchestrator.ledger.opt_outs import linked_of_all, linked_of_each
from orchestrator.ledger.records import (
    ACTIVE,
    FORMAT,
    POLICY,
    SWEEPS,
    ActionRecord,
    HeldRecord,
    LeaseRecord,
    SweepAction,
    SweepSummary,
    action_from,
    action_items,
    active_policy_item,
    as_start,
    consent_item,
    link_from,
    outcome_item,
    record_from,
    resource_item,
    sweep_item,
)
from orchestrator.ledger.writes import (
    HELD_SHARDS,
    MAY_BE_DOWN,
    NO_INTENT,
    held_item,
    held_key,
    held_pk,
    intent_write,
    is_as_found,
    is_same,
    outcome_write,
)

TTL = timedelta(days=400)
LEASE = "LEASE"
WANTED = "WANTED"
TRIGGER = "TRIGGER"
LISTED = "LISTED#"
PRICES = "PRICES#"
TOLD = "TOLD"
CHAIN = "CHAIN"
HEAD = "HEAD"
SETTINGS = "SETTINGS"
"""The partition of what is deployed: the hub's own role may read it, and not write it."""
KILL_SWITCH_ITEM = (SETTINGS, "KILL_SWITCH")
"""The keys of the item that `make deploy-hub` writes; its `name` is the SSM parameter's."""
_LEASE_LOST = "this policy's lease was given back, or another process has it; it ends this sweep, or resumes it"
_READ_FIRST = 50
_ROWS_AT_ONCE = 20_000
"""Of more actions a hundredth is looked at at a time, by which the accounts' ids begin."""
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_PARAMETER = re.compile(r"[A-Za-z0-9_./-]+")


class Ledger:
    """Raises LedgerError with the store's own words when it cannot be read or written.

    `generation`: that of the lease under which actions are written (Lease.generation). `is_held`: whether it still is
    (Lease.is_held).
    """

    def __init__(
        self,
        items: Items,
        now: Callable[[], datetime],
        generation: int = 0,
        is_held: Callable[[], bool] = lambda: True,
    ) -> None:
        self._items = items
        self._now = now
        self._generation = generation
        self._is_held = is_held
        self._forecasts: Mapping[ResourceKey, Mapping[str, str]] = MappingProxyType({})

    def remembering(self, forecasts: Mapping[ResourceKey, Mapping[str, str]]) -> Ledger:
        """The same ledger, which remembers with each stop what it is to save (model.money.Forecast), so that a later
        sweep can hold that against what it did.
        """
        ledger = self.fenced(self._generation, self._is_held)
        ledger._forecasts = forecasts  # noqa: SLF001 - another one of the same class
        return ledger

    def fenced(self, generation: int, is_held: Callable[[], bool] = lambda: True) -> Ledger:
        """The same ledger, for the holder of a lease of that generation."""
        return Ledger(self._items, self._now, generation, is_held)

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

    def halt_steps(self, sweep_id: str, policy_name: str, halt: Mapping[str, str]) -> None:
        """Ends the acting of all steps of the execution that carries out the sweep; `halt` has its cause and text."""
        self.amend(sweep_id, halt=halt)
        seen = self.lease(policy_name)
        while seen is not None and seen.sweep_id == sweep_id and not seen.halt:
            # With a nonce of its own: a step that takes the lease at that moment reads it again.
            if self.take_lease(policy_name, replace(seen, halt=halt, nonce=secrets.token_hex(8)), seen):
                return
            seen = self.lease(policy_name)

    def give_consent(self, sweep_id: str, consent: Consent) -> None:
        """Records who confirmed the sweep's plan; without it nothing is acted on."""
        self.amend(sweep_id, consent=consent_item(consent))

    def active_policy(self, policy_name: str) -> ActivePolicy | None:
        """The version of the policy by which schedules may act; None where none was activated."""
        item = self._items.get((f"{POLICY}{policy_name}", ACTIVE))
        return record_from(ActivePolicy, item) if item else None

    def activate_policy(self, policy_name: str, active: ActivePolicy) -> None:
        """Makes it the version by which schedules may act. It never expires; the hub's own role may not write it."""
        listed = {"PK": SETTINGS, "SK": f"{POLICY}{policy_name}", "name": policy_name}
        self._items.put(listed)  # first: one that is listed and not active is none
        self._items.put(active_policy_item(policy_name, active))

    def retire_policy(self, policy_name: str) -> None:
        """No schedule may act by it any longer; the hub's own role may not do that."""
        for key in ((f"{POLICY}{policy_name}", ACTIVE), (SETTINGS, f"{POLICY}{policy_name}")):
            self._items.write_each([Delete(key)])

    def active_policies(self) -> Mapping[str, ActivePolicy]:
        """All that are active in this table, by name. Those that only an earlier release activated are not listed."""
        names = (str(item["name"]) for item in self._items.query(SETTINGS, POLICY))
        found = ((name, self.active_policy(name)) for name in names)
        return {name: active for name, active in found if active is not None}

    def sweep_of_trigger(self, event_id: str, sweep_id: str) -> str:
        """The sweep of this event: that one, or the one which an earlier delivery of the same event began with."""
        item = self._lasting({"PK": TRIGGER, "SK": event_id, "sweep_id": sweep_id})
        if self._items.put(item, Absent()):
            return sweep_id
        found = self._items.get((TRIGGER, event_id))
        return str(found["sweep_id"]) if found is not None else sweep_id

    def first_tried_at(self, event_id: str) -> datetime:
        """When this was asked first of an event that `sweep_of_trigger` knows: since then it is tried again."""
        at = time_text(self._now()) or ""
        if not self._items.update((TRIGGER, event_id), {"first_tried_at": at}, Missing("first_tried_at")):
            at = str((self._items.get((TRIGGER, event_id)) or {}).get("first_tried_at") or at)
        return datetime.fromisoformat(at)

    def claim(self, sweep_id: str, by: str) -> bool:
        """Marks a plan as applied, or a sweep as undone, by one other sweep; False when another one was first."""
        if self._items.update((SWEEPS, sweep_id), {"applied_by": by}, Equals("applied_by", "")):
            return True
        found = self.sweep(sweep_id)
        return found is not None and found.applied_by == by

    def sweep(self, sweep_id: str) -> SweepSummary | None:
        """The summary of one sweep; None when the ledger has none."""
        item = self._items.get((SWEEPS, sweep_id))
        return _summary(item) if item else None

    def sweeps(self, limit: int | None = None) -> tuple[SweepSummary, ...]:
        """The summaries of the newest sweeps, newest first; of all without a limit."""
        found = self._items.query(SWEEPS, newest_first=True, limit=limit)
        return tuple(_summary(item) for item in found)

    def sweeps_since(self, began_at: datetime) -> tuple[SweepSummary, ...]:
        """Those that began then or later, newest first; they sort by their ids, which begin with the time."""
        limit = _READ_FIRST
        while True:
            found = self.sweeps(limit)
            since = [one for one in found if datetime.fromisoformat(one.started_at) >= began_at]
            if len(since) < len(found) or len(found) < limit:
                return tuple(since)
            limit *= 4

    def finish(self, document: Row, location: str) -> None:
        """Everything in a sweep's report; the summary last, so that a finished summary means finished items."""
        sweep_id = document["sweep_id"]
        self._items.put_many([self._lasting(item) for item in coverage_items(document)])
        few = len(document["outcomes"]) <= _ROWS_AT_ONCE
        for some, items in groupby(action_items(document), lambda item: "" if few else item["account_id"][:2]):
            self._write_again(sweep_id, some, items)
        release(self._items, document)
        note_failed_starts(self._items, document)
        self._items.write_each([*notice_writes(document)])
        copied = ("status", "finished_at", "duration_seconds", "totals", "error", "policy_sha256", "organization_id")
        ended = {"report": location, "ended_at": ordering_time_text(self._now())}
        self._items.update((SWEEPS, sweep_id), {**{name: document[name] for name in copied}, **ended})

    def told(self, sweep_id: str) -> tuple[str, ...]:
        """Which messages of the sweep were delivered, by their keys, as far as that was recorded."""
        item = self._items.get((f"SWEEP#{sweep_id}", TOLD)) or {}
        return tuple(map(str, item.get("keys", ())))

    def mark_told(self, sweep_id: str, keys: Sequence[str]) -> None:
        """Records all that were delivered by now, so that whoever resumes the sweep does not repeat them."""
        self._items.put(self._lasting({"PK": f"SWEEP#{sweep_id}", "SK": TOLD, "keys": list(keys)}))

    def coverage_of(self, sweep_id: str, account_id: str) -> tuple[TargetRecord, ...]:
        """What a finished sweep saw of that account's targets; none where it had none, or by now has expired."""
        return targets_from(self._items.query(f"SWEEP#{sweep_id}", f"{TARGET}{account_id}"))

    # --- settings

    def kill_switch(self) -> str:
        """The name of the kill switch that was deployed with this table; empty where none was.

        Raises LedgerSettingError for an item that names no SSM parameter: it is no reason to act without one, and a
        table has no say in which file of this machine is read.
        """
        item = self._items.get(KILL_SWITCH_ITEM)
        if item is None:
            return ""
        name = item.get("name")
        if not (isinstance(name, str) and _PARAMETER.fullmatch(name)):
            raise LedgerSettingError(f"the item {' / '.join(KILL_SWITCH_ITEM)} of the table names no SSM parameter")
        return name

    def name_kill_switch(self, name: str) -> None:
        """Lets whoever uses this table obey the SSM parameter; the hub's own role may not write it."""
        self._items.put({"PK": KILL_SWITCH_ITEM[0], "SK": KILL_SWITCH_ITEM[1], "name": name})

    # --- actions

    def intend(
        self,
        sweep_id: str,
        resources: Sequence[Resource],
        batch: str,
        found: Mapping[ResourceKey, Intent] | None = None,
        held_by: str | None = None,
        intent_id: str = "",
        confirm: Callable[[], None] = lambda: None,
        *,
        holds: bool = True,
    ) -> dict[ResourceKey, Intent]:
        """Announces one batch before the call goes out; gives back what may be acted on.

        The others are another process's, or have an outcome. `found`: intents of a dead process, which are replaced.
        `held_by`: the policy by which they are stopped; with each goes an item of what it holds down. Without it they
        are started; with each goes when, in the item of what is held down, where there is one. Without `holds` nothing
        is held down: only their tags are changed. `intent_id`: random,
        from a caller who has to know it also when this raises. `confirm` is asked once all is written, and raises where
        nothing may be asked for any more.

        Raises LeaseLostError where the lease is another holder's by now, and SweepHaltedError where another step of the
        execution met a halt. It is asked for before the first write and after the last, and not in them: each is by
        itself. For the moment between there is the generation: whoever ends the sweep writes the rows that are left
        under its own, before it looks at what was announced, and releases what is held down after that
        (ledger.holding).
        """
        at = time_text(self._now()) or ""
        intent_id = intent_id or new_intent_id()
        each = list({one.key: one for one in resources}.values())
        starts = held_by is None
        item_of = as_start if starts else dict
        writes = [
            intent_write(
                self._lasting({**item_of(resource_item(sweep_id, one)), "requested_at": at, "batch": batch}),
                self._generation,
                intent_id,
                found[one.key].id if found and one.key in found else NO_INTENT,
            )
            for one in each
        ]
        self._check_lease()
        refused = self._items.write_each(writes)
        mine = [one for number, one in enumerate(each) if number not in refused]
        held = self._hold(sweep_id, mine, at, held_by, intent_id) if holds else []
        try:
            self._check_lease()
            confirm()
        except Exception:
            with suppress(LedgerError):  # then the outcomes of the intents release it
                take_back(self._items, held)
            raise
        return dict.fromkeys((one.key for one in mine), Intent(intent_id, datetime.fromisoformat(at), starts=starts))

    def _check_lease(self) -> None:
        if not self._is_held():
            raise LeaseLostError(_LEASE_LOST)

    def intent_id(self, sweep_id: str, resource: Resource) -> str:
        """The id of the intent that the resource's action has now; empty where there is none."""
        item = resource_item(sweep_id, resource)
        found = self._items.get((item["PK"], item["SK"])) or {}
        return str(found.get("intent_id") or "")

    def record_outcomes(
        self,
        sweep_id: str,
        outcomes: Sequence[Outcome],
        intents: Mapping[ResourceKey, Intent] | None = None,
        *,
        is_last: bool = False,
    ) -> None:
        """What came of one batch, side by side; `intents` has those that they are of. What is known better stays.

        `is_last`: the sweep ends, and nothing that this holder of the lease has still under way replaces them.
        """
        known = intents or {}
        each = (_with_intent(outcome_item(sweep_id, one), known.get(one.resource.key)) for one in outcomes)
        self._write_each(each, is_last=is_last)

    def actions(self, sweep_id: str, account_id: str = "") -> tuple[ActionRecord, ...]:
        """Every action of a sweep, sorted by account, region, kind and id; only in the accounts whose ids begin so."""
        return tuple(action_from(one) for one in self._items.query(f"SWEEP#{sweep_id}", f"ACTION#{account_id}"))

    def actions_on(self, arn: str) -> tuple[SweepAction, ...]:
        """What any sweep did to the resource of that ARN, oldest first, by the index: a moment ago, and as long as it
        is kept. An action that was announced, and of which nothing is known yet, is not in it.
        """
        found = self._items.query_index(f"RESOURCE#{arn}")
        return tuple(SweepAction(str(one["GSI1SK"]), action_from(one)) for one in found)

    def _write_again(self, sweep_id: str, account_id: str, items: Iterable[Item]) -> None:
        """Those that the table has otherwise, in accounts whose ids begin so. Only this process writes the sweep's rows
        by now.
        """
        found = {one["SK"]: one for one in self._items.query(f"SWEEP#{sweep_id}", f"ACTION#{account_id}")}
        changed = [
            as_start(one) if found.get(one["SK"], {}).get("action") == Action.START else one
            for one in items
            if not is_same(one, found.get(one["SK"]))
        ]

        def intent_id(item: Item) -> str:
            """What was not attempted says nothing of an intent: what came of that may still be told."""
            if item["status"] == OutcomeStatus.NOT_ATTEMPTED:
                return NO_INTENT
            return str(found.get(item["SK"], {}).get("intent_id", NO_INTENT))

        self._write_each(((one, intent_id(one)) for one in changed), is_last=True)

    def _write_each(self, outcomes: Iterable[tuple[Item, str]], *, is_last: bool) -> None:
        """Each with the id of its intent; of two about one resource the later one."""
        each = {item["SK"]: (item, intent_id) for item, intent_id in outcomes}.values()
        self._items.write_each(
            [
                outcome_write(self._lasting(item), self._generation, intent_id, is_last=is_last)
                for item, intent_id in each
            ]
        )

    # --- what is held down

    def held_since_before(self, sweep_id: str) -> tuple[HeldRecord, ...]:
        """What sweeps before that id stopped, and nothing was seen to start since; the longest first."""
        found = [one for shard in HELD_SHARDS for one in self._items.query_index(shard, before=sweep_id)]
        return tuple(record_from(HeldRecord, one) for one in sorted(found, key=lambda one: str(one["GSI1SK"])))

    def held_by(self, sweep_id: str) -> tuple[HeldRecord, ...]:
        """What that sweep holds down, in the order of its actions."""
        found = [one for shard in HELD_SHARDS for one in self._items.query_index(shard, f"{sweep_id}#")]
        return tuple(record_from(HeldRecord, one) for one in sorted(found, key=lambda one: str(one["GSI1SK"])))

    def held_in(self, sweep_id: str, target: Target) -> Mapping[ResourceKey, HeldRecord]:
        """What that sweep holds down in the target as of now: what was seen up or gone since is not in it."""
        found = self._items.query(held_pk(target.account_id, target.region))
        records: list[HeldRecord] = [record_from(HeldRecord, one) for one in found if one["sweep_id"] == sweep_id]
        return {one.key: one for one in records}

    def held_at(self, target: Target) -> Mapping[ResourceKey, HeldRecord]:
        """What any sweep holds down in the target as of now."""
        found = self._items.query(held_pk(target.account_id, target.region))
        records: list[HeldRecord] = [record_from(HeldRecord, one) for one in found]
        return {one.key: one for one in records}

    def held_at_each(self, targets: Sequence[Target]) -> Mapping[ResourceKey, HeldRecord]:
        """The same of several targets, side by side."""
        found = self._items.query_each([held_pk(one.account_id, one.region) for one in targets])
        records: list[HeldRecord] = [record_from(HeldRecord, one) for some in found.values() for one in some]
        return {one.key: one for one in records}

    def let_go(self, resources: Sequence[Resource]) -> None:
        """Of what was seen up by a start that was asked for: nothing holds it down any more."""
        found = {held_key(one.key.as_row()) for one in resources}
        items = self._items.query_each(sorted({pk for pk, _ in found}))
        mine = [one for some in items.values() for one in some if (one["PK"], one["SK"]) in found]
        asked = [one for one in mine if one.get("start_asked_at")]
        self._items.write_each([Delete((one["PK"], one["SK"]), is_as_found(one)) for one in asked])

    def note_measured(self, keys: Collection[ResourceKey], before: str) -> None:
        """That what sweeps before that id saved by these stops was told for the last time; what is held down anew since
        is left as it is.
        """
        found = {held_key(one.as_row()) for one in keys}
        items = self._items.query_each(sorted({pk for pk, _ in found}))
        mine = [one for some in items.values() for one in some if (one["PK"], one["SK"]) in found]
        at = time_text(self._now()) or ""
        self._items.write_each(
            [Put({**one, "measured_at": at}, is_as_found(one)) for one in mine if one["sweep_id"] < before]
        )

    # --- prices

    def now(self) -> datetime:
        """By the clock of whoever uses it."""
        return self._now()

    def prices(self, regions: Collection[str]) -> Mapping[tuple[str, str], Mapping[str, str]]:
        """What is remembered of prices in these regions, by region and name."""
        found = self._items.query_each([f"{PRICES}{region}" for region in regions])
        return {(pk.removeprefix(PRICES), one["SK"]): one for pk, some in found.items() for one in some}

    def remember_prices(self, rows: Mapping[tuple[str, str], Mapping[str, str]], lasts: timedelta) -> None:
        """For so long; of two sweeps at once either's price is right."""
        expires_at = int((self._now() + lasts).astimezone(UTC).timestamp())
        self._items.write_each(
            [
                Put({"PK": f"{PRICES}{region}", "SK": name, **row, "format": FORMAT, "expires_at": expires_at})
                for (region, name), row in rows.items()
            ]
        )

    def hold_what_is_older(self, sweep_id: str, policy_name: str) -> None:
        """The items that the release before did not write, of all that its sweep stopped or may have stopped.

        Before what came of it is looked at: from then on the sweep's rows are like those of this release. After each
        its row is written as it is: who finds that it is another's by now, having lost the lease meanwhile, takes back
        what it holds down by it.

        Raises LeaseLostError, and writes nothing, where the lease is another holder's by now.
        """
        found = self._items.query(f"SWEEP#{sweep_id}", "ACTION#")
        older = {held_key(one): one for one in found if "format" not in one and one["status"] in MAY_BE_DOWN}
        if not older:
            return
        self._check_lease()

        def made(row: Item, earlier: Item | None) -> Item | None:
            """None where it has one, or a later sweep holds it down: then it was up in between."""
            if earlier is not None and earlier["sweep_id"] >= sweep_id:
                return None
            action = action_from(row)
            return {**held_item(sweep_id, action, action.requested_at, policy_name, earlier), "format": FORMAT}

        written = self._hold_each({key: partial(made, row) for key, row in older.items()})
        rows = [older[item["PK"], item["SK"]] for item, _ in written]
        changed = self._items.write_each(
            [Put(row, AllOf((Missing("generation"), Equals("status", row["status"])))) for row in rows]
        )
        take_back(self._items, [one for number, one in enumerate(written) if number in changed])

    def _hold(
        self, sweep_id: str, resources: Sequence[Resource], at: str, policy_name: str | None, intent_id: str
    ) -> list[Written]:
        """Without a policy the resources are started: each stays held down until it is seen up."""

        def made(one: Resource, earlier: Item | None) -> Item | None:
            if policy_name is None:
                return {**earlier, "start_asked_at": at} if earlier is not None else None
            forecast = self._forecasts.get(one.key)
            return {**held_item(sweep_id, one, at, policy_name, earlier, intent_id, forecast), "format": FORMAT}

        return self._hold_each({held_key(one.key.as_row()): partial(made, one) for one in resources})

    def _hold_each(self, make: Mapping[tuple[str, str], Callable[[Item | None], Item | None]]) -> list[Written]:
        """By the keys of what is held down, target by target."""
        targets: dict[str, dict[str, Callable[[Item | None], Item | None]]] = {}
        for (pk, sk), one in make.items():
            targets.setdefault(pk, {})[sk] = one
        return [written for pk, some in targets.items() for written in hold(self._items, pk, some)]

    # --- announced stops

    def notices(self, policy_name: str) -> Mapping[ResourceKey, Notice]:
        """Every stop that sweeps by the policy announced, and did not withdraw."""
        found = self._items.query_each(notice_pks(policy_name))
        return notices_from(item for items in found.values() for item in items)

    # --- opt-outs by link

    def linked_opt_outs(self) -> LinkedOptOuts:
        """All that were given by links, by ARN; a moment ago."""
        return linked_of_all(self._items)

    def linked_opt_outs_of(self, arns: Sequence[str]) -> LinkedOptOuts:
        """Those of these resources, as of now."""
        return linked_of_each(self._items, arns)

    # --- earlier listings

    def earlier_listings(self, organization_id: str) -> Listed:
        """Every account that some listing of the organization had, where it was, and what the names in policies were
        names of.

        In whichever policy: what an author excluded by a path stays known when the policy gets another name.
        """
        return listed_from(self._items.query(f"{LISTED}{organization_id}"))

    def remember_listing(self, organization_id: str, policy_name: str, before: Listed, now: Listed) -> None:
        """Adds what a listing had to what `earlier_listings` gave; without expiry.

        Of two sweeps at once one may forget what is new to the other: the next listing has it again.
        """
        key = {"PK": f"{LISTED}{organization_id}", "format": FORMAT}
        items = listed_items(policy_name, before, before.joined(now))
        if items:
            self._items.write_each([Put({**key, **item}) for item in items])

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

    def want_lease(self, policy_name: str, holder: str, wanted_by: str) -> None:
        """Asks the sweep that has the lease, and only plans, to yield. `wanted_by` says to which, for its report."""
        self._items.put(self._lasting({"PK": WANTED, "SK": policy_name, "sweep_id": holder, "wanted_by": wanted_by}))

    def lease_wanted_by(self, policy_name: str, sweep_id: str) -> str:
        """What `want_lease` said of that holder; empty where none asked it."""
        found = self._items.get((WANTED, policy_name)) or {}
        return str(found.get("wanted_by", "")) if found.get("sweep_id") == sweep_id else ""

    # --- the chain of manifests

    def chain_head(self) -> tuple[str, str] | None:
        """The sweep id and SHA-256 of the newest manifest. Raises LedgerError for a head that names none."""
        item = self._items.get((CHAIN, HEAD))
        if item is None:
            return None
        sweep_id, sha256 = item.get("sweep_id"), item.get("sha256")
        if not (isinstance(sweep_id, str) and isinstance(sha256, str) and _NAME.fullmatch(sweep_id)):
            raise LedgerError(f"the ledger's item {CHAIN} {HEAD} was altered: it names no sweep and no SHA-256")
        return sweep_id, sha256

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
        # It never expires: after a long pause the chain would begin anew, and lead to nothing that is kept.
        item = {"PK": CHAIN, "SK": HEAD, "sweep_id": sweep_id, "sha256": sha256, "format": FORMAT}
        if self._items.put(item, Equals("sha256", previous[1]) if previous else Absent()):
            return True
        return self.chain_head() == (sweep_id, sha256)  # it was this write, and its answer was lost

    def _lasting(self, item: Item) -> Item:
        return {**item, "format": FORMAT, "expires_at": int((self._now() + TTL).astimezone(UTC).timestamp())}


def _with_intent(item: Item, intent: Intent | None) -> tuple[Item, str]:
    """With the id of the intent that the outcome is of, as far as the writer knows."""
    if intent is None:
        return item, NO_INTENT
    return (as_start(item) if intent.starts else item), intent.id


def new_intent_id() -> str:
    """Random: each is used once."""
    return secrets.token_hex(8)


def _summary(item: Item) -> SweepSummary:
    """One that the release before wrote says no format."""
    found: SweepSummary = record_from(SweepSummary, item, sweep_id=item["SK"], format=item.get("format", 1))
    return found
