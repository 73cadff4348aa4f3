"""That a rule takes the schedule from a tag: which keys, on which carriers, and what holds where there is none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from orchestrator.core.policy.nearest import nearest
from orchestrator.core.policy.patterns import late_pattern
from orchestrator.core.policy.schedules.schedule import Schedule
from orchestrator.core.policy.schedules.tag_text import parse_schedule_text
from orchestrator.core.policy.tag_keys import folded

_EXAMPLE = "mon-fri 07:00-19:00 Europe/Berlin"
_NAMES_SHOWN = 5
_SHOWN_AT_MOST = 64
_LIKE_A_WINDOW = late_pattern(r"[0-9] ?(?:[ap]m ?)?[:-] ?[0-9]", re.IGNORECASE)
_NO_LETTERS = late_pattern(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class ScheduleFromTag:
    """The first of the keys on the nearest of the carriers that has one of them decides."""

    keys: tuple[str, ...]
    carriers: frozenset[str]
    default: Schedule | None
    """Where none of the carriers has one of the keys; None: then what the rule owns is kept."""
    values: Mapping[str, Schedule] | None = field(default=None, hash=False)
    """What the tag's values mean; None: each is a schedule's name, or windows."""

    def key_in(self, tags: Iterable[str]) -> str | None:
        """The first of the keys that is there."""
        return next((key for key in self.keys if key in tags), None)

    def meant(self, value: str, schedules: Mapping[str, Schedule]) -> Schedule | str:
        """The schedule that a value means, by `values` or else by its name, case and all, or as windows with a time
        zone; else, as text, what is wrong with it and what would be right.
        """
        if self.values is None:
            return schedule_named(value, schedules)
        found = self.values.get(value)
        return found if found is not None else f"it is none of {_shown_values(self.values)}"

    def contradicted_in(self, tags: Mapping[str, str], key: str) -> str | None:
        """With `values`, a key that reads like one of these and says something else than that one; None without it."""
        for other, value in tags.items() if self.values is not None else ():
            if value != tags[key] and _meant(other, self.keys) is not None:
                return other
        return None

    def misspelt_in(self, tags: Iterable[str]) -> tuple[str, str] | None:
        """A key that is none of these and reads like one, with that one; None without it."""
        for key in tags:
            meant = _meant(key, self.keys)
            if meant is not None:
                return key, meant
        return None


def schedule_named(value: str, schedules: Mapping[str, Schedule]) -> Schedule | str:
    """What a tag's value means: the schedule of that name, case and all, else windows with a time zone. Else, as text,
    what is wrong with it and what would be right.
    """
    named = schedules.get(value)
    return named if named is not None else _text_or_problem(value, tuple(schedules))


def shown_value(value: str) -> str:
    """In quotes, control characters escaped, and not at any length."""
    return repr(value if len(value) <= _SHOWN_AT_MOST else f"{value[:_SHOWN_AT_MOST]}...")


def _shown_values(values: Iterable[str]) -> str:
    shown = [shown_value(one) for one in values]
    more = f" and {len(shown) - _NAMES_SHOWN} more" if len(shown) > _NAMES_SHOWN else ""
    return f"{', '.join(shown[:_NAMES_SHOWN])}{more}, which the rule knows"


@lru_cache(maxsize=4096)
def _text_or_problem(value: str, names: tuple[str, ...]) -> Schedule | str:
    """Remembered: the same mistake may be on thousands of resources."""
    try:
        return parse_schedule_text(value)
    except ValueError as wrong:
        why = str(wrong)
    near = nearest(value, names)
    if not near and _LIKE_A_WINDOW.search(value) and len(value) <= _SHOWN_AT_MOST:
        return why
    hint = f" (did you mean {near!r}?)" if near else ""
    return (
        f"there is no schedule of that name{hint}; write {_names(names)}windows with a time zone, such as `{_EXAMPLE}`"
    )


def _names(names: tuple[str, ...]) -> str:
    if not names:
        return ""
    more = f" or {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"{', '.join(sorted(names)[:_NAMES_SHOWN])}{more}, or "


@lru_cache(maxsize=8192)
def _meant(key: str, keys: tuple[str, ...]) -> str | None:
    """Remembered: an organization has few keys, each of them on thousands of resources."""
    letters = _letters(key)
    return next((one for one in keys if letters and _letters(one) == letters), None)


def _letters(key: str) -> str:
    return _NO_LETTERS.sub("", folded(key))
