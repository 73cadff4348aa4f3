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


def why_sums_differ(row: Mapping[str, Any]) -> str:
    """Empty where the sums of a row add up; else how much of its net is in no gross, and why."""
    only_net = row["net"] - row["gross"] + row["still_billed"]
    if abs(only_net) <= _SAME:
        return ""
    return (
        f"Gross, still billed and net do not add up: {dollars(only_net)} of the net is in no gross, as it is not "
        "known what of that is billed all the same (volumes, addresses, storage)."
    )


PARTLY_UNKNOWN = "Amounts that are not known, in all or in part"
"""Above the reasons; what has a net and no gross is among them, and not among what the net lacks."""
_SAME = 0.00001


def _digits(amount: float) -> int:
    return 4 if 0 < abs(amount) < _SMALL else 2


def _shown(amount: float) -> Decimal:
    return Decimal(amount).quantize(Decimal(1).scaleb(-_digits(amount)), ROUND_HALF_EVEN)
