"""A named schedule: lines in one time zone, what they say of an instant, and when they say something else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from orchestrator.core.policy.schedules.answer import Edge, ScheduleAnswer, ScheduleState
from orchestrator.core.policy.schedules.exceptions import ScheduleException, exception_of
from orchestrator.core.policy.schedules.holiday_calendar import is_holiday
from orchestrator.core.policy.schedules.lines import ONLY_STOPPING, Line, Side
from orchestrator.core.policy.schedules.timeline import DayPlan, Timeline, timeline_of

LOOKED_AT_MOST = 400
"""Days before and after an instant in which its last and its next change are looked for: more than a year."""
_LOOKED_AT_A_WEEK = 15
"""The same where each week is like any other: it may have its one window in an hour that a clock skips."""
_DAY = timedelta(days=1)
_DAYS_KEPT = 1000
_FIRST_DAY, _LAST_DAY = date(2, 1, 1), date(9998, 1, 1)
"""Between them, a day has days before and after it in any zone."""
_NEVER = datetime.min.replace(tzinfo=UTC)


class _Memory:
    """What was worked out last, for the next question: most of them are about the same instant.

    Each is replaced as a whole, so threads may share a schedule.
    """

    __slots__ = ("answer", "ended", "segment", "timelines", "zoned")

    def __init__(self) -> None:
        self.segment = (_NEVER, _NEVER, ScheduleState.EITHER)
        self.answer = (_NEVER, _NEVER, ScheduleAnswer(ScheduleState.EITHER))
        self.ended: tuple[datetime, datetime | None] = (_NEVER, None)
        self.timelines: dict[date, Timeline] = {}
        self.zoned: dict[str, Schedule] = {}


@dataclass(frozen=True, slots=True)
class Schedule:
    """Windows and times on the days of a calendar, in one time zone; the lines are alternatives."""

    name: str
    timezone: ZoneInfo | None
    """None: that of each account, by its tag; such a schedule answers only `in_zone`."""
    lines: tuple[Line, ...]
    holidays: tuple[str, ...] = ()
    """Countries or subdivisions; on a holiday of any of them no window begins."""
    exceptions: tuple[ScheduleException, ...] = ()
    timezone_tag: str = ""
    """The tag of the account that names its zone; empty where the schedule has one of its own."""
    has_running_hours: bool = field(init=False, repr=False, compare=False)
    """Whether some day may have any. One of only `until` and `stop` has none: it says only when to stop."""
    _memory: _Memory = field(default_factory=_Memory, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lines = (*self.lines, *(line for one in self.exceptions for line in one.lines))
        object.__setattr__(self, "has_running_hours", any(line.side not in ONLY_STOPPING for line in lines))

    def is_running(self, now: datetime) -> bool:
        """True inside a window: then nothing is stopped. Raises ValueError for a time without a zone."""
        return self.state_at(now) is ScheduleState.RUNNING

    def state_at(self, now: datetime) -> ScheduleState:
        """The state alone, which is quicker. Raises ValueError for a time, or of a schedule, without a zone."""
        start, end, state = self._memory.segment
        if now.tzinfo is not None and start <= now < end:
            return state
        now = _utc(now)
        timeline = self._timeline_at(now)
        ends = [*(edge.at for edge in timeline.edges[1:]), timeline.end]
        edge, end = next((edge, end) for edge, end in zip(timeline.edges, ends, strict=True) if now < end)
        self._memory.segment = (edge.at, end, edge.state)
        return edge.state

    def at(self, now: datetime) -> ScheduleAnswer:
        """What it says of that instant, since when and until when.

        Raises ValueError for a time, or of a schedule, without a zone.
        """
        start, end, answer = self._memory.answer
        if now.tzinfo is not None and start <= now < end:
            return answer
        now = _utc(now)
        answer = self._answer(now)
        # Where no change was found, one may be as soon as the next day is looked at.
        self._memory.answer = (answer.since or now, answer.until or now + _DAY, answer)
        return answer

    def edges(self, start: datetime, end: datetime) -> Iterator[Edge]:
        """Each instant after `start` and not after `end` from which it says something else, in order."""
        state, start, end = self.state_at(start), _utc(start), _utc(end)
        for timeline in self._timelines(start, 1):
            if timeline.start > end:
                return
            for edge in timeline.edges:
                if edge.at > start and edge.state is not state:
                    if edge.at > end:
                        return
                    yield edge
                    state = edge.state

    def in_zone(self, zone: ZoneInfo) -> Schedule:
        """The same schedule by the clock of that zone."""
        found = self._memory.zoned.get(zone.key)
        if found is None:
            found = self._memory.zoned[zone.key] = replace(self, timezone=zone, timezone_tag="")
        return found

    def day_note(self, now: datetime) -> str:
        """Why that day is no usual one, as the end of a sentence: a holiday or an exception; empty for others."""
        day = _utc(now).astimezone(self._zone).date()
        exception = exception_of(self.exceptions, day)
        if exception is not None:
            return f"{day} is an exception{f' ({exception.reason})' if exception.reason else ''}"
        return next((f"{day} is a holiday of {code}" for code in self.holidays if is_holiday(code, day)), "")

    def last_end_of_running(self, now: datetime) -> datetime | None:
        """When it last asked for something else after it had asked for running, whatever it asked for in between; None
        where no running hours are found before that time.
        """
        asked, ended = self._memory.ended
        if asked != now:
            stretches = self._stretches_back(now)
            ended = next((edge_at for edge_at, before in stretches if before is ScheduleState.RUNNING), None)
            self._memory.ended = (now, ended)
        return ended

    def next_stop(self, now: datetime, *, after_running: bool) -> datetime | None:
        """From when on it asks for a stop again, after the present stretch; `after_running`: after its next running
        hours. None where none is found.
        """
        seen = not after_running
        for edge in (edge for timeline in self._days_from(_utc(now), 1) for edge in timeline.edges):
            if edge.at <= now:
                continue
            if seen and edge.state is ScheduleState.STOPPED:
                return edge.at
            seen = seen or edge.state is ScheduleState.RUNNING
        return None

    def _stretches_back(self, now: datetime) -> Iterator[tuple[datetime, ScheduleState]]:
        """Each change before `now`, the last one first, with what it asked for until then."""
        later: Edge | None = None
        for edge in self._edges_back(_utc(now)):
            if later is not None and edge.state is not later.state:
                yield later.at, edge.state
            later = edge

    @property
    def _zone(self) -> ZoneInfo:
        if self.timezone is None:
            raise ValueError(f"the schedule {self.name} has no time zone before an account's is known")
        return self.timezone

    @property
    def _has_a_calendar(self) -> bool:
        return bool(self.holidays or self.exceptions) or any(not line.calendar.is_weekly for line in self.lines)

    def _answer(self, now: datetime) -> ScheduleAnswer:
        state, since, until = self.state_at(now), None, None
        earlier: datetime | None = None
        for edge in self._edges_back(now):
            if edge.state is not state:
                since = earlier
                break
            earlier = edge.at
        for edge in (edge for timeline in self._days_from(now, 1) for edge in timeline.edges):
            if edge.at > now and edge.state is not state:
                until = edge.at
                break
        return ScheduleAnswer(state, since, until)

    def _edges_back(self, now: datetime) -> Iterator[Edge]:
        for timeline in self._days_from(now, -1):
            yield from (edge for edge in reversed(timeline.edges) if edge.at <= now)

    def _days_from(self, now: datetime, step: int) -> Iterator[Timeline]:
        """That of the instant and of so many days after it, or before it, as are looked at."""
        most = LOOKED_AT_MOST if self._has_a_calendar else _LOOKED_AT_A_WEEK
        for number, timeline in enumerate(self._timelines(now, step)):
            if number > most:
                return
            yield timeline

    def _timelines(self, now: datetime, step: int) -> Iterator[Timeline]:
        """From that of the instant on, forward or backward."""
        day = self._day_at(now)
        while _FIRST_DAY <= day <= _LAST_DAY:
            yield self._timeline(day)
            day += step * _DAY

    def _timeline_at(self, now: datetime) -> Timeline:
        return self._timeline(self._day_at(now))

    def _day_at(self, now: datetime) -> date:
        """Mostly what the clock shows; where it went back over midnight, the day that had begun."""
        day = now.astimezone(self._zone).date()
        while now < self._timeline(day).start:
            day -= _DAY
        while now >= self._timeline(day).end:
            day += _DAY
        return day

    def _timeline(self, day: date) -> Timeline:
        known = self._memory.timelines
        found = known.get(day)
        if found is None:
            if len(known) > _DAYS_KEPT:
                known.clear()
            found = known[day] = timeline_of(day, self._zone, self._plan_of)
        return found

    def _plan_of(self, day: date) -> DayPlan:
        exception = exception_of(self.exceptions, day) if self.exceptions else None
        if exception is not None:
            outside = _outside(exception.lines) if exception.lines else ScheduleState.STOPPED
            return DayPlan(_named(exception.lines, day), outside)
        lines, outside, holiday = _named(self.lines, day), _outside(self.lines), self._is_holiday(day)
        if holiday is None:
            return DayPlan(lines, outside, ScheduleState.EITHER)
        if holiday:
            lines = tuple(line for line in lines if line.side in ONLY_STOPPING)
        return DayPlan(lines, outside)

    def _is_holiday(self, day: date) -> bool | None:
        found = [is_holiday(code, day) for code in self.holidays]
        return True if True in found else None if None in found else False


def _named(lines: Iterable[Line], day: date) -> tuple[Line, ...]:
    return tuple(line for line in lines if line.calendar.names(day))


def _outside(lines: Iterable[Line]) -> ScheduleState:
    """Lines that say only when to start, or only when to stop, ask for nothing else."""
    return ScheduleState.STOPPED if any(line.side is Side.WINDOW for line in lines) else ScheduleState.EITHER


def _utc(now: datetime) -> datetime:
    if now.tzinfo is None:
        raise ValueError("a schedule needs a time that has a time zone")
    if not _FIRST_DAY <= now.date() <= _LAST_DAY:
        raise ValueError(f"a schedule answers from {_FIRST_DAY} to {_LAST_DAY}, not for {now.date()}")
    return now.astimezone(UTC)
