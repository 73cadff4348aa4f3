"""What a sweep is worth, as the report has it: rows in numbers, sums that equal them, and what is not known apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from orchestrator.core.decide.estimate import cost_of_sweep
from orchestrator.core.decide.savings import sum_savings
from orchestrator.core.model import ALL_REGIONS, OutcomeStatus, ResourceKey, SweepReport, Verdict, time_text
from orchestrator.core.model.money import CURRENCY, MeasuredSaving, Saving, Savings
from orchestrator.core.report.rows import MeasuredRow, MoneyRow, MoneySummaryRow, SavingsRow

_COMMITMENTS = (
    "Savings Plans and reserved instances are not taken into account: what is committed to is paid whether or not it "
    "runs, so that a stop may save nothing of it."
)
_LEFT_OUT = (
    "Amounts are before taxes, credits, discounts of the whole bill and free tiers; data transfer, snapshots and "
    "backups are not in them."
)
_ESTIMATED = "What the sweep itself cost is estimated from its time, its accounts and its actions, as in one Lambda."
MONEY_COLUMNS = (
    "BillingCurrency",
    "ContractedUnitPrice",
    "PricingUnit",
    "PricingQuantity",
    "ContractedCost",
    "ChargePeriodEnd",
    "gross",
    "still_billed",
    "net",
    "price_source",
    "money_unknown",
)
"""Of decisions.csv: with a capital those of FOCUS (https://focus.finops.org), which has no word for the others."""
_HOURS = "Hours"


def money_row(saving: Saving) -> MoneyRow:
    """Of one stop or start."""
    return {
        "source": saving.source,
        "hours": _number(saving.hours),
        "until": time_text(saving.until),
        "hourly": _number(saving.hourly),
        "gross": _number(saving.gross),
        "still_billed": _number(saving.still_billed),
        "net": _number(saving.net),
        "unknown": saving.unknown,
    }


def measured_row(one: MeasuredSaving) -> MeasuredRow:
    """Of one earlier stop."""
    return {
        "account_id": one.key.account_id,
        "region": one.key.region,
        "kind": one.key.kind,
        "resource_id": one.key.resource_id,
        "stopped_by": one.stopped_by,
        "stopped_at": time_text(one.stopped_at) or "",
        "until": time_text(one.until) or "",
        "running_again": one.running_again,
        "early": one.early,
        "hours": _number(one.saving.hours) or 0.0,
        "gross": _number(one.saving.gross),
        "still_billed": _number(one.saving.still_billed),
        "net": _number(one.saving.net),
        "forecast_net": _number(one.forecast_net),
        "unknown": one.saving.unknown,
    }


def savings_row(savings: Savings) -> SavingsRow:
    """Sums."""
    return {
        "resources": savings.resources,
        "unknown_resources": savings.unknown_resources,
        "gross": float(savings.gross),
        "still_billed": float(savings.still_billed),
        "net": float(savings.net),
        "hourly": float(savings.hourly),
    }


def money_of(report: SweepReport, metrics_price: float) -> dict[str, Any]:
    """`money` and `measured` of the document; nothing where no prices were asked for."""
    if report.money is None:
        return {}
    savings = savings_of(report)
    stops = [*_of_verdict(report, Verdict.STOP, savings)]
    starts = [*_of_verdict(report, Verdict.START, savings)]
    measured = report.money.measured
    unknown = Counter(one.unknown for one in (*stops, *starts, *(one.saving for one in measured)) if one.unknown)
    if report.money.failure:
        unknown.setdefault(report.money.failure, 0)
    accounts = len({row.account_id for row in report.coverage if row.region != ALL_REGIONS})
    actions = len(report.outcomes) if report.mode.acts else 0
    summary: MoneySummaryRow = {
        "currency": CURRENCY,
        "prices": report.money.prices,
        "made_up": report.money.made_up,
        "forecast": savings_row(sum_savings(stops)),
        "starts": savings_row(sum_savings(starts)),
        "measured": savings_row(sum_savings(one.saving for one in measured)),
        "restarted_early": sum(one.early for one in measured),
        "unknown_reasons": dict(sorted(unknown.items(), key=lambda one: (-one[1], one[0]))),
        "sweep_cost": round(cost_of_sweep(report.duration_seconds, accounts, actions) + metrics_price, 6),
        "caveats": [_COMMITMENTS, _LEFT_OUT, _ESTIMATED],
    }
    return {"money": summary, "measured": [measured_row(one) for one in measured]}


def savings_of(report: SweepReport) -> Mapping[ResourceKey, Saving]:
    """Of what is to be stopped or started, or was. What was kept after all, failed, was not attempted, or was down or
    up by then saves nothing and is left out; of what may have been done nothing is known.
    """
    if report.money is None:
        return {}
    came_to = {one.resource.key: one.status for one in report.outcomes}
    found: dict[ResourceKey, Saving] = {}
    for one in report.decisions:
        key = one.resource.key
        saving = report.money.savings.get(key) if one.verdict in (Verdict.STOP, Verdict.START) else None
        if saving is not None and came_to.get(key) not in _DID_NOTHING:
            found[key] = _NOT_KNOWN if came_to.get(key) is OutcomeStatus.UNKNOWN else saving
    return found


_DID_NOTHING = frozenset(
    {
        OutcomeStatus.FAILED,
        OutcomeStatus.NOT_ATTEMPTED,
        OutcomeStatus.ALREADY_STOPPED,
        OutcomeStatus.ALREADY_RUNNING,
    }
)
_NOT_KNOWN = Saving(unknown="what came of it is not known")


def _of_verdict(report: SweepReport, verdict: Verdict, savings: Mapping[ResourceKey, Saving]) -> Iterator[Saving]:
    for one in report.decisions:
        if one.verdict is verdict and one.resource.key in savings:
            yield savings[one.resource.key]


def money_cells(row: Mapping[str, Any] | None) -> dict[str, str]:
    """The cells of MONEY_COLUMNS of one decision; none where the report says nothing of money."""
    if not row:
        return {}
    has_hours = row["hours"] is not None
    return {
        "BillingCurrency": CURRENCY,
        "ContractedUnitPrice": _cell(row["hourly"]),
        "PricingUnit": _HOURS if has_hours or row["hourly"] is not None else "",
        "PricingQuantity": _cell(row["hours"]),
        "ContractedCost": _cell(row["net"]),
        "ChargePeriodEnd": row["until"] or "",
        "gross": _cell(row["gross"]),
        "still_billed": _cell(row["still_billed"]),
        "net": _cell(row["net"]),
        "price_source": row["source"],
        "money_unknown": row["unknown"],
    }


def _number(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def _cell(amount: float | None) -> str:
    """To a millionth, without an exponent."""
    return "" if amount is None else f"{amount:.6f}".rstrip("0").rstrip(".")
