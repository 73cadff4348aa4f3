"""What a sweep saw of its targets, packed: one item for each account, whose regions are together where they are alike.

The release before wrote one item for each target; both are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.core.model import UNREADABLE, TargetStatus
from orchestrator.core.report.document import Row
from orchestrator.core.report.lazy_rows import made_rows
from orchestrator.ledger.items import Item

TARGET = "TARGET#"


@dataclass(frozen=True, slots=True)
class TargetRecord:
    """What a sweep saw of one target; region `*` where an account's regions could not be known."""

    account_id: str
    region: str
    status: str
    """The worst of its kinds' statuses."""
    detail: str
    kinds: Mapping[str, str]
    """Each kind's own status."""

    def as_row(self) -> Row:
        """For programs."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def coverage_items(document: Row) -> Iterator[Item]:
    """One for each account."""
    accounts: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for row in made_rows(document["coverage"]):
        accounts.setdefault(row["account_id"], {}).setdefault(row["region"], []).append(row)
    for account_id, regions in accounts.items():
        yield {
            "PK": f"SWEEP#{document['sweep_id']}",
            "SK": f"{TARGET}{account_id}",
            "account_id": account_id,
            "targets": _packed(regions),
        }


def targets_from(items: Iterable[Item]) -> tuple[TargetRecord, ...]:
    """Those in the items, by account and region."""
    return tuple(
        sorted((one for item in items for one in _unpacked(item)), key=lambda one: (one.account_id, one.region))
    )


_Seen = tuple[tuple[str, str, str], ...]
"""Kind, status and detail of each row of a target; thousands of targets have the same."""


def _packed(regions: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    seen: dict[_Seen, list[str]] = {}
    for region, rows in regions.items():
        seen.setdefault(tuple([(row["kind"], row["status"], row["detail"]) for row in rows]), []).append(region)
    alike: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[str]] = {}
    for rows_alike, names in seen.items():
        _, status, detail = min(rows_alike, key=_badness)
        kinds = tuple(sorted((kind, of_kind) for kind, of_kind, _ in rows_alike))
        alike.setdefault((status, detail, kinds), []).extend(names)
    return [
        {"status": status, "detail": detail, "kinds": dict(kinds), "regions": " ".join(sorted(names))}
        for (status, detail, kinds), names in alike.items()
    ]


def _badness(seen: tuple[str, str, str]) -> tuple[bool, bool]:
    """Sorts the worst status first."""
    _, status, _ = seen
    return status == TargetStatus.SCANNED, status not in UNREADABLE


def _unpacked(item: Item) -> Iterator[TargetRecord]:
    if "targets" not in item:
        yield TargetRecord(**{name: item[name] for name in TargetRecord.__dataclass_fields__})
        return
    for some in item["targets"]:
        for region in some["regions"].split():
            yield TargetRecord(item["account_id"], region, some["status"], some["detail"], some["kinds"])
