"""What EventBridge Scheduler takes as `cron(...)` and `rate(...)`.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import re

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_FIELDS: tuple[tuple[str, int, int, list[str], str], ...] = (
    ("minutes", 0, 59, [], ""),
    ("hours", 0, 23, [], ""),
    ("day of month", 1, 31, [], r"\?|L|LW|L-\d+|\d+W"),
    ("month", 1, 12, _MONTHS, ""),
    ("day of week", 1, 7, _DAYS, r"\?|L|([1-7]|[A-Z]{3})(L|#[1-5])"),
    ("year", 1970, 2199, [], ""),
)
_RATE = re.compile(r"rate\(([1-9][0-9]*) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((.*)\)")


def expression_problem(expression: str) -> str | None:
    """What is wrong with a schedule's expression, and what would be right; None for one that AWS takes."""
    if rate := _RATE.fullmatch(expression):
        right = (rate[1] == "1") is not bool(rate[3])
        return None if right else f"{expression!r} must say 1 {rate[2]}, or several {rate[2]}s"
    cron = _CRON.fullmatch(expression)
    if cron is None:
        return f"{expression!r} must be like cron(0 20 * * ? *) or rate(1 hour)"
    texts = cron[1].split()
    if len(texts) != len(_FIELDS):
        names = ", ".join(name for name, *_ in _FIELDS)
        return f"{expression!r} has {len(texts)} fields, and must have six: {names}"
    for text, (name, least, most, names_of, special) in zip(texts, _FIELDS, strict=True):
        if not re.fullmatch(special or "(?!)", text) and not all(
            _is_item(item, least, most, names_of) for item in text.split(",")
        ):
            return f"{expression!r}: {text!r} is no {name}, which is {least} to {most}, *, a list or a range"
    if (texts[2] == "?") is (texts[4] == "?"):
        return f"{expression!r} must have ? as day of month or as day of week, and not as both"
    return None


def _is_item(item: str, least: int, most: int, names: list[str]) -> bool:
    values, slash, step = item.partition("/")
    if slash and not (step.isdecimal() and int(step) > 0):
        return False
    first, dash, last = values.partition("-")
    ends = [first, last] if dash else [first]
    return values == "*" or all(_is_value(end, least, most, names) for end in ends)


def _is_value(text: str, least: int, most: int, names: list[str]) -> bool:
    return text.upper() in names or (text.isdecimal() and least <= int(text) <= most)
