"""What the page counts of a sweep's decisions: one pass over their rows, and sums of few groups afterwards."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from orchestrator.core.model import Verdict
from orchestrator.core.report.endings import DONE, FAILED


class Group(NamedTuple):
    """What decisions have in common that are counted together."""

    account_id: str
    account_name: str
    ou_path: str
    owner: str
    rule: str | None
    verdict: str
    reason_code: str
    outcome: str | None
    is_exempt: bool


@dataclass(slots=True)
class Tally:
    """The counts of some groups together."""

    resources: int = 0
    stops: int = 0
    stopped: int = 0
    starts: int = 0
    started: int = 0
    kept: int = 0
    exempt: int = 0
    failed: int = 0
    net: float = 0.0
    """Of its stops, in dollars, as far as it is known."""
    unpriced: int = 0
    """Stops of which it is not known."""

    def add(self, group: Group, count: int, net: float, unpriced: int) -> None:
        """So many decisions of that group."""
        self.resources += count
        self.exempt += count * group.is_exempt
        self.failed += count * (group.outcome in FAILED)
        if group.verdict == Verdict.STOP:
            self.stops += count
            self.stopped += count * (group.outcome in DONE[Verdict.STOP])
            self.net += net
            self.unpriced += unpriced
        elif group.verdict == Verdict.START:
            self.starts += count
            self.started += count * (group.outcome in DONE[Verdict.START])
        elif group.verdict == Verdict.KEEP:
            self.kept += count


@dataclass(slots=True)
class Counts:
    """All of it: `add` each decision with its outcome, as `decisions.csv` has them beside each other."""

    groups: Counter[Group] = field(default_factory=Counter)
    requested: Counter[str] = field(default_factory=Counter)
    """How many actions were asked for at each second."""
    verified: Counter[str] = field(default_factory=Counter)
    """How many were seen to have come to their end."""
    _net: defaultdict[Group, float] = field(default_factory=lambda: defaultdict(float))
    _unpriced: Counter[Group] = field(default_factory=Counter)

    def add(self, row: Mapping[str, Any]) -> None:
        """One more decision."""
        get = row.get
        group = Group(
            row["account_id"],
            get("account_name", ""),
            get("ou_path", ""),
            get("owner", ""),
            row["rule"],
            row["verdict"],
            get("reason_code", ""),  # 0.1.0 wrote none
            get("outcome"),
            row["exemption"] is not None,
        )
        self.groups[group] += 1
        if row.get("requested_at"):
            self.requested[row["requested_at"]] += 1
        if row.get("verified_at"):
            self.verified[row["verified_at"]] += 1
        money = get("money")
        if money and money["net"] is not None:
            self._net[group] += money["net"]
        elif money:
            self._unpriced[group] += 1

    def by(self, key: Callable[[Group], Any]) -> dict[Any, Tally]:
        """The tallies of the groups that have the same key, in the order of their first decision."""
        found: dict[Any, Tally] = {}
        for group, count in self.groups.items():
            tally = found.setdefault(key(group), Tally())
            tally.add(group, count, self._net.get(group, 0.0), self._unpriced[group])
        return found

    def number(self, holds: Callable[[Group], bool]) -> int:
        """Of the decisions in groups for which that holds."""
        return sum(count for group, count in self.groups.items() if holds(group))
