"""What a plan saves as a file beside it, for the process that resumes, ends or applies it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from pydantic import TypeAdapter

from orchestrator.core.model import ResourceKey
from orchestrator.core.model.money import Forecast, HourlyPrice, MeasuredSaving, Money, Saving

MONEY_FILE = "work/money.json"
_FORMAT = 1
_NO_FORECAST = Forecast(HourlyPrice(None, None, ""))


@dataclass(frozen=True, slots=True)
class _Row:
    """Of one action."""

    key: ResourceKey
    saving: Saving
    forecast: Forecast


@dataclass(frozen=True, slots=True)
class _File:
    format: int
    rows: tuple[_Row, ...]
    measured: tuple[MeasuredSaving, ...]
    prices: str
    made_up: bool
    failure: str


@cache
def _adapter() -> TypeAdapter[_File]:
    """Made where prices are asked for."""
    return TypeAdapter(_File)


def money_bytes(money: Money) -> bytes:
    """The file, from which `money_from` reads an equal value."""
    rows = tuple(_Row(key, one, money.forecasts.get(key, _NO_FORECAST)) for key, one in money.savings.items())
    return _adapter().dump_json(_File(_FORMAT, rows, money.measured, money.prices, money.made_up, money.failure))


def money_from(content: bytes) -> Money:
    """Raises ValueError for what is no such file."""
    found = _adapter().validate_json(content)
    if found.format != _FORMAT:
        raise ValueError("it has the format of another release of this program")
    return Money(
        {row.key: row.saving for row in found.rows},
        {row.key: row.forecast for row in found.rows},
        found.measured,
        found.prices,
        found.made_up,
        found.failure,
    )
