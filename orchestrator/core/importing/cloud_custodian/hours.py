"""`offhour` and `onhour`: which hours of which days they name, for each value of their tag, as schedules of ours.

They act only while the clock shows the hour they name: `stop mon-fri 19:00-20:00`, and nothing outside of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from orchestrator.core.importing.cloud_custodian.source import Losses
from orchestrator.core.importing.cloud_custodian.tag_grammar import OFF, ON, Acting, acting, zone_of
from orchestrator.core.policy.schema.schedules import MOST_EXCEPTIONS
from orchestrator.core.policy.yaml_document import Path, value_words

OFFHOUR, ONHOUR = "offhour", "onhour"
SIDES = {OFFHOUR: OFF, ONHOUR: ON}
_DEFAULT_TAG, _DEFAULT_ZONE = "maid_offhours", "et"
_DEFAULT_HOURS = {OFF: 19, ON: 7}
_WORDS = {OFF: "stop", ON: "start"}
_WEEK, _WORKDAYS = frozenset(range(7)), frozenset(range(5))
_WEEKENDS_ONLY = {OFF: frozenset({4}), ON: frozenset({0})}
_LAST_HOUR = 23
_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_BOOLS = ("weekends", "weekends-only", "opt-out", "state-filter")
_TEXTS = ("tag", "default_tz", "fallback-schedule", "fallback_schedule")
_SKIPPED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_A_RANGE = 3


@dataclass(frozen=True, slots=True)
class HourFilter:
    """One of the two filters, as far as it could be read."""

    side: str
    """`off` or `on`."""
    path: Path
    tag: str
    opt_out: bool
    fallback: str | None
    default: Acting
    skipped: frozenset[date]

    @property
    def keys(self) -> tuple[str, ...]:
        """Those of the tag that we read: as it is written, and in small letters."""
        return tuple(dict.fromkeys((self.tag, self.tag.lower())))

    @property
    def acts_on_untagged(self) -> bool:
        """Whether it acts on what has no such tag."""
        return self.fallback is not None or self.opt_out

    def acting(self, value: str) -> Acting | None:
        """When it acts on what has that value."""
        return acting(value, self.side, self.default)

    def acting_on_untagged(self) -> Acting | None:
        """When it acts on what has no such tag."""
        return self.acting(self.fallback or "") if self.acts_on_untagged else None


def read_hours(kind: str, given: Mapping[str, Any], path: Path, losses: Losses) -> HourFilter | None:
    """The filter of that type; None where it could not be read, which is said."""
    side, count = SIDES[kind], len(losses.fatal)
    _check_keys(kind, given, path, losses)
    hour = given.get(kind, _DEFAULT_HOURS[side])
    if isinstance(hour, bool) or not isinstance(hour, int) or not 0 <= hour <= _LAST_HOUR:
        losses.lose((*path, kind), f"`{kind}`", f"it must be an hour from 0 to 23, not {value_words(hour)}")
    skipped = _skipped(given.get("skip-days", []), (*path, "skip-days"), losses)
    if len(losses.fatal) > count:
        return None
    zone = zone_of(given.get("default_tz", _DEFAULT_ZONE))
    if zone is None:
        shown = value_words(given.get("default_tz"))
        losses.lose((*path, "default_tz"), "`default_tz`", f"{shown} is no time zone of a place")
        return None
    days = _WEEKENDS_ONLY[side] if given.get("weekends-only") else _WORKDAYS if given.get("weekends", True) else _WEEK
    return HourFilter(
        side,
        path,
        given.get("tag", _DEFAULT_TAG),
        given.get("opt-out", False),
        given.get("fallback-schedule") or given.get("fallback_schedule"),
        Acting(frozenset((day, hour) for day in days), zone),
        skipped,
    )


def _check_keys(kind: str, given: Mapping[str, Any], path: Path, losses: Losses) -> None:
    known = {"type", kind, "skip-days", "skip-days-from", *_BOOLS, *_TEXTS}
    other = next(one for one in SIDES if one != kind)
    if other in given:
        why = f"it has no effect in `{kind}`; a policy with `{other}` has it"
        losses.note((*path, other), f"`{other}`", why)
    for key in given:
        if key not in {*known, other} or (key == "state-filter" and losses.policy.resource != "ec2"):
            losses.lose((*path, key), f"`{key}`", f"no key of `{kind}` that is known here")
    for keys, type_, word in ((_BOOLS, bool, "true or false"), (_TEXTS, str, "text")):
        for key in keys:
            if key in given and not isinstance(given[key], type_):
                losses.lose((*path, key), f"`{key}`", f"it must be {word}, not {value_words(given[key])}")
    if "skip-days-from" in given:
        why = "the days are behind a URL; near is `except:` in the schedule, with each of them as `running: either`"
        losses.lose((*path, "skip-days-from"), "`skip-days-from`", why)


def _skipped(given: Any, path: Path, losses: Losses) -> frozenset[date]:
    found = set()
    if not isinstance(given, list):
        losses.lose(path, "`skip-days`", f"it must be a list of dates, not {value_words(given)}")
        return frozenset()
    for number, one in enumerate(given):
        day = _day(one)
        if day is not None:
            found.add(day)
        elif isinstance(one, str):
            losses.note((*path, number), f"`skip-days`: {one!r}", "it is no day of the calendar, so it skips none")
        else:
            losses.lose((*path, number), "`skip-days`", f"it must be a date such as '2026-12-25', not {one!r}")
    if len(found) > MOST_EXCEPTIONS:
        losses.lose(path, "`skip-days`", f"they are {len(found)}, and a schedule has at most {MOST_EXCEPTIONS}")
    return frozenset(found)


def _day(written: object) -> date | None:
    if type(written) is date:
        return written
    if not isinstance(written, str) or _SKIPPED.fullmatch(written) is None:
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class RuleHours:
    """The filters of one rule: `offhour`, `onhour` or both."""

    filters: tuple[HourFilter, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Of the tag, alike for both."""
        return self.filters[0].keys

    def of_value(self, value: str) -> dict[str, Any] | None:
        """The schedule of what has the tag with that value; None where nothing is done about it, ever."""
        return self._schedule([(one, one.acting(value)) for one in self.filters])

    def of_untagged(self) -> dict[str, Any] | None:
        """The same of what has no such tag."""
        return self._schedule([(one, one.acting_on_untagged()) for one in self.filters])

    def fit(self, values: Iterable[str]) -> bool:
        """Whether one schedule can have what both say: they are of one zone, and never in one hour of one day."""
        for each in (*([one.acting(value) for one in self.filters] for value in values), self._untagged()):
            there = [one for one in each if one is not None]
            if len({one.zone for one in there}) > 1:
                return False
            if len(there) > 1 and not there[0].hours.isdisjoint(there[1].hours):
                return False
        return True

    def _untagged(self) -> list[Acting | None]:
        return [one.acting_on_untagged() for one in self.filters]

    def _schedule(self, acts: list[tuple[HourFilter, Acting | None]]) -> dict[str, Any] | None:
        there = [(one, when) for one, when in acts if when is not None and when.hours]
        if not there:
            return None
        skipped = sorted(set().union(*(one.skipped for one, _ in there)))
        exceptions = [
            {"on": str(day), "running": _lines(kept) or "either", "reason": "skip-days"}
            for day in skipped
            for kept in [[(one, when) for one, when in there if day not in one.skipped]]
        ]
        schedule: dict[str, Any] = {"timezone": there[0][1].zone, "running": _lines(there)}
        return {**schedule, **({"except": exceptions} if exceptions else {})}


def _lines(acts: Iterable[tuple[HourFilter, Acting]]) -> list[str]:
    found = []
    for one, when in acts:
        for hour in sorted({hour for _, hour in when.hours}):
            days = days_text({day for day, at in when.hours if at == hour})
            found.append(f"{_WORDS[one.side]} {days} {hour:02}:00-{hour + 1:02}:00")
    return found


def days_text(days: set[int]) -> str:
    """`mon-fri`, `mon,wed`, `daily`."""
    if days == _WEEK:
        return "daily"
    rows: list[list[int]] = []
    for day in sorted(days):
        if rows and rows[-1][-1] == day - 1:
            rows[-1].append(day)
        else:
            rows.append([day])
    parts = []
    for row in rows:
        names = [_NAMES[day] for day in row]
        parts += [f"{names[0]}-{names[-1]}"] if len(names) >= _A_RANGE else names
    return ",".join(parts)
