"""What a sweep saw of its targets, packed: one item for each account, whose regions are together where they are alike.

The release before wrote one item for each target; both are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.core.model import UNREADABLE, TargetStatus
from orchestrator.core.report.document import Row
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
    accounts: dict[str, list[TargetRecord]] = {}
    for target in _targets(document):
        accounts.setdefault(target.account_id, []).append(target)
    for account_id, targets in accounts.items():
        yield {
            "PK": f"SWEEP#{document['sweep_id']}",
            "SK": f"{TARGET}{account_id}",
            "account_id": account_id,
            "targets": _packed(targets),
        }


def targets_from(items: Iterable[Item]) -> tuple[TargetRecord, ...]:
    """Those in the items, by account and region."""
    return tuple(
        sorted((one for item in items for one in _unpacked(item)), key=lambda one: (one.account_id, one.region))
    )


def _targets(document: Row) -> Iterator[TargetRecord]:
    targets: dict[tuple[str, str], list[Row]] = {}
    for row in document["coverage"]:
        targets.setdefault((row["account_id"], row["region"]), []).append(row)
    for (account_id, region), rows in targets.items():
        worst = min(rows, key=lambda row: (row["status"] == TargetStatus.SCANNED, row["status"] not in UNREADABLE))
        kinds = {row["kind"]: row["status"] for row in rows}
        yield TargetRecord(account_id, region, worst["status"], worst["detail"], kinds)


def _packed(targets: Iterable[TargetRecord]) -> list[dict[str, Any]]:
    alike: dict[tuple[Any, ...], list[str]] = {}
    for one in targets:
        alike.setdefault((one.status, one.detail, tuple(sorted(one.kinds.items()))), []).append(one.region)
    return [
        {"status": status, "detail": detail, "kinds": dict(kinds), "regions": " ".join(sorted(regions))}
        for (status, detail, kinds), regions in alike.items()
    ]


def _unpacked(item: Item) -> Iterator[TargetRecord]:
    if "targets" not in item:
        yield TargetRecord(**{name: item[name] for name in TargetRecord.__dataclass_fields__})
        return
    for some in item["targets"]:
        for region in some["regions"].split():
            yield TargetRecord(item["account_id"], region, some["status"], some["detail"], some["kinds"])
