"""What stops save and starts cost: from what is billed and its prices to amounts over the hours until the next change.

Amounts are exact until the last step, which rounds each to a millionth of a dollar, half up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from orchestrator.core.decide.whose_schedule import schedule_of
from orchestrator.core.model import Account, Decision
from orchestrator.core.model.money import HourlyPrice, Saving, Savings
from orchestrator.core.model.price import Billed, BilledPart, PriceKey, UnitPrice
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.schedules.answer import ScheduleState

MILLIONTH = Decimal("0.000001")
NO_NEXT_START = "nothing says when it starts again"
NO_NEXT_STOP = "nothing says when it is stopped again"
_AS_FAR_AHEAD = timedelta(days=35)
"""A schedule that asks for no start in five weeks is for a machine that is not started by it."""

Prices = Mapping[PriceKey, UnitPrice | str]
"""Of each key, its price, or why it is not known."""


def keys_of(billed: Iterable[Billed]) -> frozenset[PriceKey]:
    """Everything that has to have a price."""
    return frozenset(part.key for one in billed for part in (*one.running, *one.still))


def price_of(billed: Billed, prices: Prices) -> HourlyPrice:
    """What an hour of it costs. One part without a price, and the sum that it is in is not known."""
    sources: dict[str, None] = {}
    running, no_running = _sum(billed.running, billed.running_unknown, prices, sources)
    still, no_still = _sum(billed.still, billed.still_unknown, prices, sources)
    made_up = any(isinstance(found := prices.get(key), UnitPrice) and found.made_up for key in keys_of([billed]))
    return HourlyPrice(running, still, ", ".join(sources), "; ".join(filter(None, (no_running, no_still))), made_up)


def _sum(
    parts: Iterable[BilledPart], unknown: str, prices: Prices, sources: dict[str, None]
) -> tuple[Decimal | None, str]:
    """The sum, or None and why."""
    total, why = Decimal(0), [unknown] if unknown else []
    for part in parts:
        found = prices.get(part.key, "it was not asked for")
        if isinstance(found, str):
            why.append(f"no price of {describe_key(part.key)}: {found}")
        else:
            sources[found.source] = None
            total += found.hourly * part.quantity
    return (None, "; ".join(dict.fromkeys(why))) if why else (total, "")


def describe_key(key: PriceKey) -> str:
    """For people: `ec2 m7g.large in eu-west-1 (Linux/UNIX)`."""
    more = [key.operating_system, key.engine]
    more += [key.tenancy if key.tenancy != "default" else "", key.lifecycle if key.lifecycle != "on-demand" else ""]
    more += [key.deployment, key.license]
    shown = ", ".join(filter(None, more))
    item = "" if key.item == "compute" else f" {key.item}"
    of_type = f" {key.type}" if key.type else ""
    return f"{key.kind}{item}{of_type} in {key.region}{f' ({shown})' if shown else ''}"


def next_change(policy: OrgPolicy, decision: Decision, account: Account | None, now: datetime) -> datetime | None:
    """When the schedule of its rule asks for the contrary of what is done now: of a stop the next start, of a start the
    next stop. None where nothing says so.
    """
    rule = next((one for one in policy.rules if one.name == decision.rule), None)
    if rule is None or account is None or decision.action.tags:
        return None
    own = schedule_of(policy, rule, decision.resource, account)
    if own.unknown or own.schedule is None:
        return None
    wanted = ScheduleState.STOPPED if decision.action.starts else ScheduleState.RUNNING
    edges = own.schedule.edges(now, now + _AS_FAR_AHEAD)
    return next((edge.at for edge in edges if edge.state is wanted), None)


def saving_of(price: HourlyPrice, since: datetime, until: datetime | None, no_end: str = NO_NEXT_START) -> Saving:
    """Over these hours; `no_end` says why there are none, where there is no `until`."""
    if until is None or until <= since:
        unknown = "; ".join(filter(None, (price.unknown, no_end)))
        return Saving(None, None, _rounded(price.running), source=price.source, unknown=unknown)
    hours = _hours(until - since)
    net = None if price.running is None else _rounded(price.running * hours)
    still = None if price.still_billed is None else _rounded(price.still_billed * hours)
    gross = None if net is None or still is None else net + still
    shown = hours.quantize(MILLIONTH, ROUND_HALF_UP)
    return Saving(shown, until, _rounded(price.running), gross, still, net, price.source, price.unknown)


def sum_savings(savings: Iterable[Saving]) -> Savings:
    """Each amount added up where it is known; what has no `net` is counted apart."""
    resources, unknown = 0, 0
    gross = still = net = hourly = Decimal(0)
    for one in savings:
        resources, unknown = resources + (one.net is not None), unknown + (one.net is None)
        gross += one.gross or 0
        still += one.still_billed or 0
        net += one.net or 0
        hourly += one.hourly or 0
    return Savings(resources, unknown, gross, still, net, hourly)


def _hours(span: timedelta) -> Decimal:
    """To the microsecond."""
    return Decimal(span // timedelta(microseconds=1)) / Decimal(3_600_000_000)


def _rounded(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(MILLIONTH, ROUND_HALF_UP)
