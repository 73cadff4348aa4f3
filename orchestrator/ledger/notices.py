"""Announced stops in the table: written once the tag is there, deleted once it is deleted, by the report of the sweep.

A process that dies before leaves a tag without an item: then the next sweep announces the stop anew, by a later day.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from orchestrator.core.decide.notice import NOTICE_BY
from orchestrator.core.model import Mode, OutcomeStatus, ResourceKey
from orchestrator.core.model.marks import STOP_AFTER_TAG
from orchestrator.core.model.remembered import Notice
from orchestrator.core.model.tagging import notice_of, tagging_of
from orchestrator.core.report.document import Row
from orchestrator.errors import LedgerError
from orchestrator.ledger.items import Delete, Item, Put, Write
from orchestrator.ledger.records import FORMAT

_SHARDS = 16
_LASTS = timedelta(days=400)
"""After its day: by then what was announced and never seen again is gone, or is announced anew."""


def notice_pks(policy_name: str) -> list[str]:
    """All partitions of a policy's: some queries for a whole sweep, whatever it announced where."""
    return [_pk(policy_name, number) for number in range(_SHARDS)]


def notices_from(items: Iterable[Item]) -> Mapping[ResourceKey, Notice]:
    """By resource. Raises LedgerError for an item that is none: when that stop is due is not known."""
    return dict(map(_notice, items))


def _notice(item: Item) -> tuple[ResourceKey, Notice]:
    try:
        stop_after = date.fromisoformat(item["stop_after"])
        return ResourceKey.from_row(item), Notice(str(item["sweep_id"]), str(item["rule"]), stop_after)
    except (KeyError, TypeError, ValueError) as wrong:
        raise LedgerError(f"the ledger's item {item['PK']} {item['SK']} was altered: {wrong!r}") from wrong


def notice_writes(document: Row) -> Iterator[Write]:
    """What a sweep announced, withdrew or carried out, by its report: only what AWS accepted counts.

    What was carried out is over, so that whoever starts it again hears of the next stop first; so is what the undone
    sweep announced.
    """
    stopped: set[ResourceKey] = set()
    for row in document["outcomes"]:
        if row["status"] in _STOPPED:
            stopped.add(_key(row))
        if row["status"] not in _CHANGED or STOP_AFTER_TAG not in tagging_of(row["restore"]):
            continue
        key = _key(row)
        pk, sk = _place(document["policy_name"], key)
        notice = notice_of(row["restore"], document["sweep_id"])
        if row["status"] == OutcomeStatus.UNTAGGED:
            yield Delete((pk, sk))
        elif notice is not None:
            yield Put({"PK": pk, "SK": sk, **key.as_row(), **_values(notice)})

    undone = document["source_sweep_id"] if document["mode"] == Mode.UNDO else None
    for row in document["decisions"] if stopped or undone else ():
        by = row["facts"].get(NOTICE_BY)
        if by is not None and (by == undone or _key(row) in stopped):
            yield Delete(_place(document["policy_name"], _key(row)))


def _key(row: Row) -> ResourceKey:
    return ResourceKey.from_row(row)


def _place(policy_name: str, key: ResourceKey) -> tuple[str, str]:
    return _pk(policy_name, zlib.crc32(key.resource_id.encode()) % _SHARDS), "#".join(key)


def _pk(policy_name: str, number: int) -> str:
    return f"NOTICE#{policy_name}#{number:x}"


def _values(notice: Notice) -> Item:
    end = datetime(notice.stop_after.year, notice.stop_after.month, notice.stop_after.day, tzinfo=UTC) + _LASTS
    return {
        "sweep_id": notice.sweep_id,
        "rule": notice.rule,
        "stop_after": notice.stop_after.isoformat(),
        "format": FORMAT,
        "expires_at": int(end.timestamp()),
    }


_CHANGED = frozenset({OutcomeStatus.TAGGED.value, OutcomeStatus.UNTAGGED.value})
_STOPPED = frozenset({OutcomeStatus.STOPPED.value, OutcomeStatus.STOPPING.value, OutcomeStatus.ALREADY_STOPPED.value})
