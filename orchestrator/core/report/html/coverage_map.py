"""The map of coverage: for each account and kind, what became of each region; the worst accounts first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orchestrator.core.model import ALL_KINDS, ALL_REGIONS, TargetStatus
from orchestrator.core.report.html.columns import Column
from orchestrator.core.report.html.words import COVERAGE
from orchestrator.core.report.target_counts import TargetTally

_FROM_BEST_TO_WORST = (
    TargetStatus.SCANNED,
    TargetStatus.NOT_OFFERED,
    TargetStatus.REGION_DISABLED,
    TargetStatus.EXCLUDED,
    TargetStatus.SUSPENDED,
    TargetStatus.OPTED_OUT,
    TargetStatus.NOT_ATTEMPTED,
    TargetStatus.DENIED,
    TargetStatus.FAILED,
)
_NUMBERS = {status.value: number for number, status in enumerate(_FROM_BEST_TO_WORST, 1)}
"""0 stands for: nothing is said of it."""
_UNREAD = _NUMBERS[TargetStatus.NOT_ATTEMPTED]
"""That, and whatever is worse."""
_CELLS = ("", *(" ".join(COVERAGE[status]) for status in _FROM_BEST_TO_WORST))
EVERY_KIND = "every kind"


class CoverageMap:
    """Takes the rows of the coverage one by one, and keeps a byte for each account, kind and region."""

    def __init__(self) -> None:
        self._regions: dict[str, int] = {}
        self._accounts: dict[str, tuple[str, str]] = {}
        self._cells: dict[str, dict[str, bytearray]] = {}
        self._kinds: set[str] = set()
        self.targets = TargetTally()

    def add(self, row: Mapping[str, Any], group: tuple[str, ...] = ()) -> None:
        """One of `coverage`; `group`: under what its target is counted where it was not read."""
        self.targets.add(row, group)
        account_id, kind = row["account_id"], row.get("kind", ALL_KINDS)  # 0.1.0 wrote none
        self._accounts.setdefault(account_id, (row["account_name"], row.get("ou_path", "")))
        self._kinds.add(kind)
        region = self._regions.setdefault(row["region"], len(self._regions))
        cells = self._cells.setdefault(account_id, {}).setdefault(kind, bytearray())
        cells.extend(bytes(max(0, region + 1 - len(cells))))
        cells[region] = max(cells[region], _NUMBERS.get(row["status"], _UNREAD))

    @property
    def regions(self) -> list[str]:
        """Their names; where no region of any account is known, one that stands for all of them."""
        return sorted(self._regions.keys() - {ALL_REGIONS}) or [ALL_REGIONS]

    @property
    def kinds(self) -> list[str]:
        """What a reader may choose from: all of them together, and each."""
        each = sorted(self._kinds - {ALL_KINDS})
        return each if len(each) == 1 else [EVERY_KIND, *each]

    def columns(self) -> list[Column]:
        """The account, how much of it was not read, and its regions."""
        regions = (Column(one, "every region" if one == ALL_REGIONS else one, "coverage") for one in self.regions)
        return [
            Column("account_name", "Account", link="#coverage?account_id={account_id}"),
            Column("kind", "Kind", choice=True),
            Column("unread", "Not read", "number"),
            *regions,
        ]

    def rows(self) -> Iterator[dict[str, Any]]:
        """One for each account and kind: the kinds as a reader may choose them, the worst accounts first."""
        regions = self.regions
        for kind in self.kinds:
            found = [
                (-sum(number >= _UNREAD for number in cells), account_id, cells) for account_id, cells in self._of(kind)
            ]
            for _, account_id, cells in sorted(found):
                name, ou_path = self._accounts[account_id]
                yield {
                    "account_id": account_id,
                    "account_name": name or account_id,
                    "ou_path": ou_path,
                    "kind": kind,
                    "unread": self.targets.holes_of(account_id, ALL_KINDS if kind == EVERY_KIND else kind),
                    **{region: _CELLS[number] for region, number in zip(regions, cells, strict=True)},
                }

    def _of(self, kind: str) -> Iterator[tuple[str, bytes]]:
        """Of each account, the number of each region's status."""
        regions = self.regions
        for account_id, by_kind in self._cells.items():
            wanted = [cells for one, cells in by_kind.items() if kind in (EVERY_KIND, one) or one == ALL_KINDS]
            whole = self._worst(wanted, ALL_REGIONS)
            yield account_id, bytes(self._worst(wanted, region) or whole for region in regions)

    def _worst(self, some: Iterable[bytearray], region: str) -> int:
        place = self._regions.get(region)
        return 0 if place is None else max((cells[place] for cells in some if place < len(cells)), default=0)
