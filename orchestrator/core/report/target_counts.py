"""How much of what was in scope was read: rows of a report's coverage in, counts as the guardrail weighs them out.

A target is an account x region, for each kind that was read. An account of which nothing could be read, and nobody can
say of which regions, weighs as many targets as its row says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.core.model import ALL_REGIONS, UNREADABLE, TargetStatus

Row = Mapping[str, Any]
UNREAD = frozenset(status.value for status in UNREADABLE)


@dataclass(frozen=True, slots=True)
class TargetCounts:
    """Of one sweep."""

    read: int
    unread: int
    whole_account: int
    """What an account weighs of which nothing could be read; 0: there is none, or it weighs no more than any target."""

    @property
    def in_scope(self) -> int:
        """What was to be read: what was left out on purpose, or is not there, is none of it."""
        return self.read + self.unread

    @property
    def weight_text(self) -> str:
        """Why there are more than rows; else empty."""
        return f"an account that cannot be entered counts as {self.whole_account} targets" if self.whole_account else ""


def weight_of(row: Row) -> int:
    """Of a row of the coverage, in targets. 1 where it was to be read, and nobody knows how many it has."""
    in_scope = row["status"] in UNREAD or row["status"] == TargetStatus.SCANNED
    weight = row.get("weight", int(in_scope))  # 0.1.0 wrote none
    return int(in_scope) if weight is None else int(weight)


def target_counts(rows: Iterable[Row]) -> TargetCounts:
    """Of all rows of the coverage."""
    read = unread = whole = 0
    for row in rows:
        weight = weight_of(row)
        if row["status"] in UNREAD:
            unread += weight
            if row["region"] == ALL_REGIONS and weight > 1:
                whole = max(whole, weight)
        else:
            read += weight
    return TargetCounts(read, unread, whole)
