"""The rows of a report about tags: the register of opt-outs, and how many violations there are of whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from orchestrator.core.model import RegisteredOptOut, Violation
from orchestrator.core.report.rows import ComplianceCountRow, OptOutRow

QUICK_OPT_OUT: dict[str, Callable[[RegisteredOptOut], Any]] = {"expiring": attrgetter("is_expiring")}
"""What the summary asks of every row."""


def compliance_counts(violations: Iterable[Violation]) -> list[ComplianceCountRow]:
    """By kind, account and owner; most first."""
    counts = Counter(map(attrgetter("violation", "kind", "account_id", "account_name", "owner"), violations))
    return [
        {
            "violation": violation,
            "kind": kind,
            "account_id": account_id,
            "account_name": account_name,
            "owner": owner,
            "count": count,
        }
        for (violation, kind, account_id, account_name, owner), count in sorted(
            counts.items(), key=lambda one: (-one[1], one[0])
        )
    ]


def opt_out_row(one: RegisteredOptOut) -> OptOutRow:
    """One line of the register."""
    return {
        "carrier": one.carrier,
        "carrier_id": one.carrier_id,
        "account_id": one.account_id,
        "account_name": one.account_name,
        "ou_path": one.ou_path,
        "region": one.region,
        "kind": one.kind,
        "owner": one.owner,
        "tag": one.tag,
        "value": one.value,
        "until": one.until.isoformat() if one.until else None,
        "reason": one.reason,
        "status": one.status._value_,
        "days_left": one.days_left,
        "expiring": one.is_expiring,
        "spared_accounts": one.spared_accounts,
        "spared_resources": one.spared_resources,
        "spared_hours_per_week": one.spared_hours_per_week,
        "violations": list(one.violations),
    }
