"""A simulation as rows, and as a week by hours for each rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator.core.decide.simulate import Asked, Moment, Simulated
from orchestrator.core.model import time_text
from orchestrator.core.policy.org_policy import OrgPolicy, Rule

Row = dict[str, Any]
_HOURS, _DAYS = 24, 7
MARKS = {Asked.RUNNING: "#", Asked.STOPPED: ".", Asked.EITHER: "-", Asked.KEPT: "k"}
BOTH, NO_HOUR = "*", " "
"""Not all of the hour, or not all of the rule's resources; an hour that the clock skips, or that is out of the span."""


def edge_rows(simulated: Iterable[Simulated]) -> list[Row]:
    """Each start and stop edge, by time."""
    rows = [_row(one, before.asked, after) for one in simulated for before, after in pairwise(one.moments)]
    return sorted(rows, key=_order)


def differing_rows(named: Mapping[str, Sequence[Simulated]]) -> list[Row]:
    """What one of two policies asks at a moment and the other does not; `from` is null at the beginning.

    A resource that only one of them looks at is kept by the other, and to be kept is no difference.
    """
    (one_name, one), (other_name, other) = named.items()
    found = {name: {each.key: each for each in some} for name, some in named.items()}
    rows: list[Row] = []
    for key in sorted({each.key for each in (*one, *other)}):
        sides = {name: _with_beginning(some[key]) for name, some in found.items() if key in some}
        for name, against in ((one_name, other_name), (other_name, one_name)):
            if name not in sides:
                continue
            known = {(row["at"], row["to"]) for row in sides.get(against, ())}
            if against not in sides:
                known = {(sides[name][0]["at"], Asked.KEPT.value)}
            rows += [{"policy": name, **row} for row in sides[name] if (row["at"], row["to"]) not in known]
    return sorted(rows, key=_order)


def _with_beginning(one: Simulated) -> list[Row]:
    first = _row(one, None, one.moments[0])
    return [first, *(_row(one, before.asked, after) for before, after in pairwise(one.moments))]


def _row(one: Simulated, before: Asked | None, after: Moment) -> Row:
    return {
        "at": time_text(after.at),
        **one.key.as_row(),
        "from": before.value if before else None,
        "to": after.asked.value,
        "rule": after.rule,
        "reason": after.reason,
    }


def _order(row: Row) -> tuple[str, ...]:
    return (row["at"], row["account_id"], row["region"], row["kind"], row["resource_id"], row.get("policy", ""))


@dataclass(frozen=True, slots=True)
class Week:
    """What one rule asks in the first week of the span, by the clock of its schedule."""

    rule: str
    zone: str
    resources: int
    """Those that it owns at some moment of the span."""
    days: tuple[tuple[date, str], ...]
    """A mark for each of 24 hours."""


def weeks(policy: OrgPolicy, simulated: Sequence[Simulated], end: datetime, step: timedelta) -> Iterator[Week]:
    """One for each rule, in order; `step`: how finely an hour is looked at."""
    for rule in policy.rules:
        zone = _zone_of(rule, policy)
        owned = [one for one in simulated if any(moment.rule == rule.name for moment in one.moments)]
        lines = Counter(tuple((moment.at, moment.asked) for moment in one.moments) for one in owned)
        yield Week(rule.name, zone.key, len(owned), tuple(_days([*lines], zone, end, step)) if lines else ())


_Line = tuple[tuple[datetime, Asked], ...]


def _days(lines: Sequence[_Line], zone: ZoneInfo, end: datetime, step: timedelta) -> Iterator[tuple[date, str]]:
    start = lines[0][0][0]
    first = start.astimezone(zone).date()
    cells: dict[tuple[date, int], set[Asked]] = {}
    for line in lines:
        for begins, until, asked in _segments(line, end):
            for hour in _hours(begins, until, first, zone, step):
                cells.setdefault(hour, set()).add(asked)
    for day in (first + timedelta(days=number) for number in range(_DAYS)):
        marks = (_mark(cells.get((day, hour), set())) for hour in range(_HOURS))
        yield day, "".join(marks)


def _segments(line: _Line, end: datetime) -> Iterator[tuple[datetime, datetime, Asked]]:
    ends = [*(at for at, _ in line[1:]), end.astimezone(UTC)]
    yield from ((at, until, asked) for (at, asked), until in zip(line, ends, strict=True))


def _hours(
    begins: datetime, until: datetime, first: date, zone: ZoneInfo, step: timedelta
) -> Iterator[tuple[date, int]]:
    """The hours of the week in which it is so when it begins, or at the beginning of some step."""
    last = first + timedelta(days=_DAYS)
    at = begins
    while at < until:
        local = at.astimezone(zone)
        if local.date() >= last:
            return
        yield local.date(), local.hour
        at = _EPOCH + ((at - _EPOCH) // step + 1) * step


_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def _mark(asked: set[Asked]) -> str:
    """What the rule asks; what of it is kept for another reason shows only where that is all of it."""
    told = asked - {Asked.KEPT} or asked
    if not told:
        return NO_HOUR
    return MARKS[next(iter(told))] if len(told) == 1 else BOTH


def _zone_of(rule: Rule, policy: OrgPolicy) -> ZoneInfo:
    """That of its schedule, where it is the same for all that it owns."""
    zone = getattr(rule.schedule, "timezone", None)
    return zone if isinstance(zone, ZoneInfo) else policy.timezone
