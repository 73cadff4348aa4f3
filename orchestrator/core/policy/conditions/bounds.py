"""Comparisons with one bound: `at_least`, `above`, `at_most`, `below`; and what one of them says about another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import ge, gt, le, lt
from typing import Any, Final

AT_LEAST: Final = "at_least"
ABOVE: Final = "above"
AT_MOST: Final = "at_most"
BELOW: Final = "below"

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {AT_LEAST: ge, ABOVE: gt, AT_MOST: le, BELOW: lt}
_FROM_BELOW = frozenset({AT_LEAST, ABOVE})
_STRICT = frozenset({ABOVE, BELOW})


def bound_within(comparison: str, bound: Any, other: str, other_bound: Any) -> bool:
    """Whether whatever is `comparison` its bound is `other` the other bound too."""
    if (comparison in _FROM_BELOW) is not (other in _FROM_BELOW):
        return False
    if bound == other_bound:
        return comparison in _STRICT or other not in _STRICT
    return bool(bound > other_bound if comparison in _FROM_BELOW else bound < other_bound)


def nothing_between(bounds: Mapping[str, Any]) -> bool:
    """Whether no value holds all of them, where there are bounds of both sides."""
    lower = [(name, value) for name, value in bounds.items() if name in _FROM_BELOW]
    upper = [(name, value) for name, value in bounds.items() if name not in _FROM_BELOW]
    return any(
        low > high or (low == high and bool({one, other} & _STRICT)) for one, low in lower for other, high in upper
    )
