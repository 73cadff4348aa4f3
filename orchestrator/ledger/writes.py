"""What is written of an action, and what it may replace: never a stronger row, nor an intent that is another's.

An action's row carries the lease's generation, its strength (core.model.strength) and the id of its intent. Conditions
are on the row alone: threads of one sweep do not wait for each other, as they would for one item that all check.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.core.model import (
    INTENT,
    Mode,
    OutcomeStatus,
    ReasonCode,
    Resource,
    ResourceKey,
    Strength,
    Verdict,
    strength,
    time_text,
)
from orchestrator.core.model.marks import STOPPED_BY_TAG
from orchestrator.core.model.tagging import without_tagging
from orchestrator.core.report.document import Row
from orchestrator.ledger.items import Absent, AllOf, AnyOf, AtMost, Condition, Equals, Item, Missing, Put
from orchestrator.ledger.records import ActionRecord

NO_INTENT = ""
_HAPPENED = frozenset(
    {
        OutcomeStatus.STOPPED,
        OutcomeStatus.STOPPING,
        OutcomeStatus.STARTED,
        OutcomeStatus.STARTING,
        OutcomeStatus.TAGGED,
        OutcomeStatus.UNTAGGED,
    }
)
_BY_OTHERS = frozenset({OutcomeStatus.ALREADY_STOPPED, OutcomeStatus.ALREADY_RUNNING})
MAY_BE_DOWN = frozenset(
    {INTENT, *(one.value for one in (OutcomeStatus.STOPPED, OutcomeStatus.STOPPING, OutcomeStatus.UNKNOWN))}
)
"""What a sweep stopped, or may have stopped, by the status of its row."""
_WEAK = (OutcomeStatus.NOT_ATTEMPTED, OutcomeStatus.UNKNOWN, OutcomeStatus.FAILED)
_OWN = ("generation", "strength", "intent_id", "expires_at", "format", "batch", "action")
"""What the ledger adds to an action's row."""
_INDEX_KEYS = ("GSI1PK", "GSI1SK")
_SHARDS = 16


def intent_write(item: Item, generation: int, intent_id: str, found_id: str) -> Put:
    """An intent takes the place of nothing, of what was not attempted, or of the very intent that was `found`.

    It is not in the index yet: the outcome is, as each write of what the index has costs one of the index.
    """
    fenced = AtMost("generation", generation)
    conditions: list[Condition] = [
        Absent(),
        AllOf((fenced, Equals("status", OutcomeStatus.NOT_ATTEMPTED.value))),
        Equals("intent_id", intent_id),  # this very write, whose answer was lost
    ]
    if found_id:
        weak = AtMost("strength", Strength.UNKNOWN)
        conditions.append(AllOf((fenced, Equals("intent_id", found_id), weak)))
    mine = {"status": INTENT, "strength": int(Strength.INTENT), "generation": generation, "intent_id": intent_id}
    return Put({**without_index(item), **mine}, AnyOf(tuple(conditions)))


def outcome_write(item: Item, generation: int, intent_id: str, *, is_last: bool = False) -> Put:
    """`intent_id` is that of the intent which the outcome is of, as far as the writer knows.

    `is_last`: of a sweep that ends. It is written as by the next holder of the lease, so that what this one has still
    under way, such as an intent that no answer came to, is refused as a holder's before.
    """
    knows = strength(item["status"], verified=bool(item["verified_at"]))
    fenced, no_stronger = AtMost("generation", generation), AtMost("strength", knows)
    before = AllOf((Missing("generation"), Equals("status", INTENT)))  # an intent of the release before
    conditions: list[Condition] = [Absent(), before]
    if item["status"] in _BY_OTHERS:
        pass  # "others" may be a second delivery of the same work: then the row is of its intent, and stays
    elif knows >= Strength.ACCEPTED:
        conditions.append(AllOf((fenced, no_stronger)))
        if item["status"] in _HAPPENED:  # AWS did it, whoever has the lease by now
            conditions.append(AtMost("strength", knows - 1))
    else:
        weak = [Equals("status", one.value) for one in _WEAK if strength(one.value, verified=False) <= knows]
        conditions.append(AllOf((fenced, no_stronger, AnyOf(tuple(weak)))))
    if intent_id:
        conditions.append(AllOf((fenced, no_stronger, Equals("intent_id", intent_id))))
    is_void = item["status"] == OutcomeStatus.NOT_ATTEMPTED  # its intent may not be written once more
    mine = {
        "strength": int(knows),
        "generation": generation + is_last,
        "intent_id": None if is_void else intent_id or None,
    }
    return Put({**item, **mine}, AnyOf(tuple(conditions)))


def without_index(item: Item) -> Item:
    """The item, left out of the index."""
    return {name: value for name, value in item.items() if name not in _INDEX_KEYS}


def is_same(item: Item, found: Item | None) -> bool:
    """Whether the table has that already, but for what the ledger adds."""
    if found is None:
        return False
    return _plain(item) == _plain(found)


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in _OWN and value is not None}


# --- what is held down ------------------------------------------------------------------------------------------------


def held_key(row: Mapping[str, str]) -> tuple[str, str]:
    """Where it is remembered that this resource is held down; `row` as ResourceKey.as_row gives it."""
    return held_pk(row["account_id"], row["region"]), f"{row['kind']}#{row['resource_id']}"


def held_pk(account_id: str, region: str) -> str:
    """The partition of what is held down in one target."""
    return f"HELD#{account_id}#{region}"


def held_item(
    sweep_id: str,
    resource: Resource | ActionRecord,
    asked_at: str,
    policy_name: str,
    earlier: Item | None,
    intent_id: str = "",
    forecast: Mapping[str, str] | None = None,
) -> Item:
    """What a sweep is about to hold down. It has no expiry: a group at size 0 outlives every row of its sweep.

    `earlier`: what is known to be held by another sweep. It comes back if this stop is refused. `intent_id`: of the
    intent that it goes with. It is in the index at once, which is how `history` and an undo after the rows expired find
    it, and is not written again while it holds. `forecast`: what the stop is to save, where that is known.

    What this sweep does not know to be as it was before, and the earlier one had changed, is what a start goes back to:
    a person who started it since had not given that back.
    """
    row = resource.key.as_row()
    pk, sk = held_key(row)
    started_at = resource.started_at if isinstance(resource, Resource) else None  # a row of earlier releases has none
    other = earlier if earlier is not None and earlier["sweep_id"] != sweep_id else (earlier or {}).get("earlier")
    return {
        "PK": pk,
        "SK": sk,
        "GSI1PK": held_shard(resource.resource_id),
        "GSI1SK": "#".join((sweep_id, *row.values())),
        **row,
        "sweep_id": sweep_id,
        "asked_at": asked_at,
        "started_at": time_text(started_at) or "",
        "arn": resource.arn,
        "policy_name": policy_name,
        "restore": {**_not_given_back(other), **resource.restore},
        "earlier": {name: value for name, value in other.items() if name not in _NOT_OF_EARLIER} if other else None,
        "intent_id": intent_id or None,
        "forecast": dict(forecast) if forecast else None,
    }


def _not_given_back(other: Item | None) -> dict[str, Any]:
    """What another sweep remembered of it, but for tags."""
    remembered = without_tagging((other or {}).get("restore") or {})
    return {name: value for name, value in remembered.items() if name != STOPPED_BY_TAG}


def held_write(item: Item, found: Item | None) -> Put:
    """What is held down takes the place of what was `found` there, or of itself, where an answer was lost."""
    mine = [Equals(name, item[name]) for name in _MADE_BY if item.get(name)]
    return Put(item, AnyOf((is_as_found(found), AllOf(tuple(mine)))))


def is_as_found(found: Item | None) -> Condition:
    """Whether what is held down is still by the same intent, and was not asked to start since."""
    if found is None:
        return Absent()
    known = {name: found.get(name) for name in _MADE_BY}
    return AllOf(tuple(Equals(name, text) if text else Missing(name) for name, text in known.items()))


def held_shard(resource_id: str) -> str:
    """The partition of the index that it is in: several, since one takes 1,000 writes a second only."""
    return f"HELD#{zlib.crc32(resource_id.encode()) % _SHARDS:x}"


def released(document: Row) -> Iterator[tuple[Row, bool]]:
    """What the sweep of that report holds down no more. True: nor does any other; it was seen up, or gone."""
    for row in document["outcomes"]:
        seen_up = row["status"] == OutcomeStatus.STARTED and bool(row["verified_at"])
        if seen_up or row["status"] == OutcomeStatus.ALREADY_RUNNING:
            yield row, True
        elif row["status"] in _NOT_BY_IT:
            yield row, False
    for row in document["decisions"]:
        if document["mode"] == Mode.UNDO and row["reason_code"] in _SEEN_UP_OR_GONE:
            yield row, True


def failed_starts(document: Row) -> Iterator[Row]:
    """What was seen down after its start was asked for."""
    failed = [row for row in document["outcomes"] if row["status"] == OutcomeStatus.FAILED and row["verified_at"]]
    if not failed or not document["totals"]["planned_starts"]:
        return
    starts = {ResourceKey.from_row(row) for row in document["decisions"] if row["verdict"] == Verdict.START}
    yield from (row for row in failed if ResourceKey.from_row(row) in starts)


_NOT_OF_EARLIER = ("earlier", "forecast")
"""Each kilobyte of an item costs a write unit; what ended was measured when it was found so."""
_MADE_BY = ("sweep_id", "asked_at", "intent_id", "start_asked_at")
"""What tells one state of what is held down from the next."""
_NOT_BY_IT = frozenset({OutcomeStatus.FAILED, OutcomeStatus.NOT_ATTEMPTED, OutcomeStatus.ALREADY_STOPPED})
_SEEN_UP_OR_GONE = frozenset({ReasonCode.GONE, ReasonCode.STARTED_SINCE, ReasonCode.MARKS_LEFT})
HELD_SHARDS = tuple(f"HELD#{number:x}" for number in range(_SHARDS))
