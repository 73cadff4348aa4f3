"""Amounts of money as people see them on the terminal, on pages and in Markdown: what adds up does so as shown."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

_SMALL = 0.995
"""Dollars, below which an amount is shown to a hundredth of a cent; templates/cells.js has the same."""


def dollars(amount: float | None) -> str:
    """`$1,234.50`, small ones to a hundredth of a cent; None is `unknown`, and never 0."""
    if amount is None:
        return "unknown"
    sign = "-" if amount < 0 else ""
    return f"{sign}${abs(amount):,.{_digits(amount)}f}"


def adding_up(row: Mapping[str, Any]) -> dict[str, float | None]:
    """`gross`, `still_billed` and `net` of a row, the first as the sum of the others as `dollars` shows them.

    Each rounded by itself, they would often differ by a cent. Where one is not known, or a sum leaves something out of
    one of them that is not known, they are as they are.
    """
    gross, still, net = (row.get(name) for name in ("gross", "still_billed", "net"))
    amounts = {"gross": gross, "still_billed": still, "net": net}
    if gross is None or still is None or net is None or abs(gross - still - net) > _SAME:
        return amounts
    return {**amounts, "gross": float(_shown(still) + _shown(net))}


def sums_differ(row: Mapping[str, Any]) -> bool:
    """Whether the sums of a row are of different resources, as one of its amounts is not known of some of them."""
    return bool(abs(row["gross"] - row["still_billed"] - row["net"]) > _SAME)


SUMS_DIFFER = (
    "Gross, still billed and net do not add up: of some, what volumes or addresses cost is not known, so they are in "
    "the net and in no gross."
)
_SAME = 0.00001


def _digits(amount: float) -> int:
    return 4 if 0 < abs(amount) < _SMALL else 2


def _shown(amount: float) -> Decimal:
    return Decimal(amount).quantize(Decimal(1).scaleb(-_digits(amount)), ROUND_HALF_EVEN)
