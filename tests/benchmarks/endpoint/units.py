"""Units of DynamoDB as AWS counts them. Pure.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
A write takes one for each begun KB of the larger of the item before and after; a refused condition as much as the item
that is there; a transaction double. Each write that changes an item of the index takes the index's own as well
(twice where the index's keys change); a transaction's index is counted once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WRITE_UNIT, READ_UNIT = 1024, 4096
"""Bytes."""


def units(size: int, unit: int) -> int:
    """One for each begun unit of that size, and at least one."""
    return max(1, -(-size // unit))


def size_of(item: Mapping[str, Any]) -> int:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html"""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(typed: Mapping[str, Any]) -> int:  # noqa: PLR0911 - one for each type
    ((kind, value),) = typed.items()
    if kind == "S":
        return len(value.encode())
    if kind == "N":
        return (len(value.strip("-").replace(".", "")) + 1) // 2 + 1
    if kind == "B":
        return len(value) * 3 // 4
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _value_size(one) for name, one in value.items())
    if kind == "L":
        return 3 + sum(1 + _value_size(one) for one in value)
    if kind in ("SS", "NS", "BS"):
        return sum(len(one.encode()) for one in value)
    return 1
