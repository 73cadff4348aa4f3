"""What resources cost while they run, and what a stop of them saves; unknown is said, and is never 0."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

CURRENCY = "USD"
"""Of every amount; AWS's price list has it for all partitions but China's."""


@dataclass(frozen=True, slots=True)
class HourlyPrice:
    """What an hour of one resource costs."""

    running: Decimal
    """Billed only while it runs."""
    still_billed: Decimal
    """Billed as well while it is stopped: volumes, addresses, storage."""
    source: str
    """Where the prices are from, for people: `prices.csv`, `AWS Price List`."""


@dataclass(frozen=True, slots=True)
class Saving:
    """What a stop saves, or a start costs, over some hours; amounts in dollars, to a millionth.

    `gross` is what the resource would cost if it ran on, `still_billed` what it costs stopped, `net` the difference.
    Where `unknown` says why it is not known, no amount is there.
    """

    hours: Decimal | None = None
    until: datetime | None = None
    """The end of these hours: its next start by the schedule. None: there is none, and the hours are not known."""
    hourly: Decimal | None = None
    """What one hour of it saves."""
    gross: Decimal | None = None
    still_billed: Decimal | None = None
    net: Decimal | None = None
    source: str = ""
    unknown: str = ""
    """Why an amount is not known; empty where all of them are."""


@dataclass(frozen=True, slots=True)
class Savings:
    """The same, added up: what is not known is counted apart."""

    resources: int = 0
    """Of which the amounts are known, and are in these sums."""
    unknown_resources: int = 0
    gross: Decimal = Decimal(0)
    still_billed: Decimal = Decimal(0)
    net: Decimal = Decimal(0)
    hourly: Decimal = Decimal(0)
