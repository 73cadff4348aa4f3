"""What resources cost while they run, and what a stop of them saves; unknown is said, and is never 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from orchestrator.core.model.resource import ResourceKey

_LONGEST = 200
"""Characters of a reason that is remembered."""
CURRENCY = "USD"
"""Of every amount; AWS's price list has it for all partitions but China's."""


@dataclass(frozen=True, slots=True)
class HourlyPrice:
    """What an hour of one resource costs."""

    running: Decimal | None
    """Billed only while it runs. None: not known, and `unknown` says why."""
    still_billed: Decimal | None
    """Billed as well while it is stopped: volumes, addresses, storage. None: not known."""
    source: str
    """Where the prices are from, for people: `prices.csv`, `AWS Price List`."""
    unknown: str = ""
    """Why one of them is not known; empty where both are."""
    made_up: bool = False
    """One of the prices is an example's, and means nothing."""


@dataclass(frozen=True, slots=True)
class Saving:
    """What a stop saves, or a start costs, over some hours; amounts in dollars, to a millionth.

    `gross` is what the resource would cost if it ran on, `still_billed` what it costs stopped, `net` the difference.
    The latter is known where what it costs to run is, though what is billed anyway may not be: then the two others
    are None, and `unknown` says why.
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
    """The same, added up: what is not known is counted apart. Each amount adds up what is known of it."""

    resources: int = 0
    """Of which `net` is known, and is in the sum."""
    unknown_resources: int = 0
    gross: Decimal = Decimal(0)
    still_billed: Decimal = Decimal(0)
    net: Decimal = Decimal(0)
    hourly: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is remembered with a stop, so that a later sweep can say what came of it."""

    price: HourlyPrice
    until: datetime | None = None
    net: Decimal | None = None

    def as_item(self) -> dict[str, str]:
        """For the ledger and for files: amounts as text, to the last digit."""
        found = {
            "running": _text(self.price.running),
            "still_billed": _text(self.price.still_billed),
            "net": _text(self.net),
            "until": self.until.isoformat() if self.until else "",
            "source": self.price.source,
            "unknown": self.price.unknown[:_LONGEST],
            "made_up": "true" if self.price.made_up else "",
        }
        return {name: text for name, text in found.items() if text}

    @classmethod
    def from_item(cls, item: Mapping[str, str]) -> Forecast:
        """What `as_item` gave. Raises ValueError for what cannot be read."""
        price = HourlyPrice(
            _amount(item.get("running")),
            _amount(item.get("still_billed")),
            str(item.get("source", "")),
            str(item.get("unknown", "")),
            bool(item.get("made_up")),
        )
        until = datetime.fromisoformat(item["until"]) if item.get("until") else None
        return cls(price, until, _amount(item.get("net")))


@dataclass(frozen=True, slots=True)
class MeasuredSaving:
    """What one earlier stop has saved by now, as a sweep sees it."""

    key: ResourceKey
    stopped_by: str
    """The sweep that stopped it."""
    stopped_at: datetime
    until: datetime
    """When it was started again; else when this sweep saw it stopped."""
    running_again: bool
    """It was started since, by whomever."""
    early: bool
    """It was started before the forecast said."""
    saving: Saving
    forecast_net: Decimal | None = None
    is_gone: bool = False
    """It is not there any more."""
    made_up: bool = False
    """By an example's prices."""

    @property
    def is_final(self) -> bool:
        """Nothing more will come of that stop, so that it is not measured again."""
        return self.running_again or self.is_gone


@dataclass(frozen=True, slots=True)
class Money:
    """What a sweep is worth: of what it plans, and of what sweeps before it stopped."""

    savings: Mapping[ResourceKey, Saving] = field(default_factory=dict)
    """Of each stop and start of the plan."""
    forecasts: Mapping[ResourceKey, Forecast] = field(default_factory=dict)
    """What is remembered of the same."""
    measured: tuple[MeasuredSaving, ...] = ()
    prices: str = ""
    """Where the prices are from, for people."""
    made_up: bool = False
    failure: str = ""
    """Why prices or earlier stops could not be read, where that concerns all; empty else."""


def _text(amount: Decimal | None) -> str:
    return "" if amount is None else str(amount)


def _amount(text: str | None) -> Decimal | None:
    if not text:
        return None
    try:
        amount = Decimal(text)
    except ArithmeticError as wrong:
        raise ValueError(f"{text!r} is no amount") from wrong
    if not amount.is_finite():
        raise ValueError(f"{text!r} is no amount")
    return amount
