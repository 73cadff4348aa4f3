"""When a schedule says something else: to the minute, where clocks change, against a clock read minute by minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TypeVar
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.policy.schedules import schedule as module
from orchestrator.core.policy.schedules.answer import Edge, ScheduleAnswer, ScheduleState
from orchestrator.core.policy.schedules.exceptions import ScheduleException, span_of
from orchestrator.core.policy.schedules.lines import parse_line
from orchestrator.core.policy.schedules.schedule import Schedule
from tests.support.strategies import DAYS, quick

RUNNING, STOPPED, EITHER = ScheduleState.RUNNING, ScheduleState.STOPPED, ScheduleState.EITHER
WITH_ONE_TIME = ("from", "until")
T = TypeVar("T")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
CHANGES = (
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("America/Sao_Paulo", date(2019, 2, 17)),
    ("America/Havana", date(2026, 11, 1)),
    ("America/St_Johns", date(2010, 11, 7)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Asia/Kolkata", date(2026, 2, 28)),
    ("UTC", date(2026, 12, 31)),
)
"""The local day on which a clock changes: at night, by half an hour, at midnight, a minute after it, by a day."""


def a_schedule(
    *lines: str, zone: str, holidays: Sequence[str] = (), exceptions: Sequence[ScheduleException] = ()
) -> Schedule:
    return Schedule("s", ZoneInfo(zone), tuple(map(parse_line, lines)), tuple(holidays), tuple(exceptions))


def edges(schedule: Schedule, start: str, end: str) -> list[str]:
    """As `03-29T01:00 running`, in UTC."""
    first, last = (datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (start, end))
    return [f"{edge.at:%m-%dT%H:%M} {edge.state}" for edge in schedule.edges(first, last)]


# --- each form when clocks change, by the minute ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "week", "expected"),
    [
        ("Europe/Berlin", "2026-03-28", "03-28T06:00 03-28T18:00 03-29T05:00 03-29T17:00 03-30T05:00 03-30T17:00"),
        ("Europe/Berlin", "2026-10-24", "10-24T05:00 10-24T17:00 10-25T06:00 10-25T18:00 10-26T06:00 10-26T18:00"),
        ("America/New_York", "2026-03-07", "03-07T12:00 03-08T00:00 03-08T11:00 03-08T23:00 03-09T11:00 03-09T23:00"),
        ("America/New_York", "2026-10-31", "10-31T11:00 10-31T23:00 11-01T12:00 11-02T00:00 11-02T12:00 11-03T00:00"),
        (
            "Australia/Lord_Howe",
            "2026-04-03",
            "04-03T20:00 04-04T08:00 04-04T20:30 04-05T08:30 04-05T20:30 04-06T08:30",
        ),
        (
            "Australia/Lord_Howe",
            "2026-10-02",
            "10-02T20:30 10-03T08:30 10-03T20:00 10-04T08:00 10-04T20:00 10-05T08:00",
        ),
        ("America/Sao_Paulo", "2018-11-03", "11-03T10:00 11-03T22:00 11-04T09:00 11-04T21:00 11-05T09:00 11-05T21:00"),
        ("America/Sao_Paulo", "2019-02-16", "02-16T09:00 02-16T21:00 02-17T10:00 02-17T22:00 02-18T10:00 02-18T22:00"),
        ("Asia/Kolkata", "2026-03-28", "03-28T01:30 03-28T13:30 03-29T01:30 03-29T13:30 03-30T01:30 03-30T13:30"),
    ],
)
def test_office_hours_have_their_edges_at_the_clocks_minute_over_a_change(zone: str, week: str, expected: str) -> None:
    start = datetime.fromisoformat(week).replace(tzinfo=UTC)
    found = a_schedule("daily 07:00-19:00", zone=zone).edges(start, start + 4 * DAY)
    assert expected in " ".join(f"{edge.at:%m-%dT%H:%M}" for edge in found)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("02:30-06:00", ["03-29T01:00 running", "03-29T04:00 stopped"]),
        ("01:00-02:30", ["03-29T00:00 running", "03-29T01:00 stopped"]),
        ("02:00-03:00", []),
        ("02:10-02:50", []),
        ("from 02:30", ["03-28T23:00 either", "03-29T01:00 running"]),
        ("until 02:30", ["03-28T23:00 either", "03-29T01:00 stopped"]),
    ],
)
def test_what_the_clock_skips_acts_at_the_first_instant_after_it(line: str, expected: list[str]) -> None:
    schedule = a_schedule(line, zone="Europe/Berlin")
    assert edges(schedule, "2026-03-28T22:30", "2026-03-29T21:30") == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("02:30-06:00", ["10-25T00:30 running", "10-25T05:00 stopped"]),
        ("01:00-02:30", ["10-24T23:00 running", "10-25T01:30 stopped"]),
        ("02:00-03:00", ["10-25T00:00 running", "10-25T02:00 stopped"]),
        ("02:10-02:50", ["10-25T00:10 running", "10-25T01:50 stopped"]),
        ("00:00-02:00", ["10-24T22:00 running", "10-25T00:00 stopped"]),
        ("until 02:00", ["10-24T22:00 either", "10-25T00:00 stopped"]),
        ("from 02:30", ["10-24T22:00 either", "10-25T00:30 running"]),
        ("until 02:30", ["10-24T22:00 either", "10-25T01:30 stopped"]),
    ],
)
def test_what_the_clock_shows_twice_is_open_from_the_first_to_the_last_time(line: str, expected: list[str]) -> None:
    schedule = a_schedule(line, zone="Europe/Berlin")
    assert edges(schedule, "2026-10-24T21:30", "2026-10-25T22:30") == expected


def test_half_an_hour_that_comes_twice_or_not_at_all_is_told_from_an_hour() -> None:
    late = a_schedule("01:45-05:00", zone="Australia/Lord_Howe")
    assert edges(late, "2026-04-04T00:00", "2026-04-04T23:00") == ["04-04T14:45 running", "04-04T18:30 stopped"]
    assert edges(late, "2026-10-03T00:00", "2026-10-03T23:00") == ["10-03T15:15 running", "10-03T18:00 stopped"]
    skipped = a_schedule("02:10-05:00", zone="Australia/Lord_Howe")
    assert edges(skipped, "2026-10-03T00:00", "2026-10-03T23:00") == ["10-03T15:30 running", "10-03T18:00 stopped"]


def test_a_day_whose_midnight_is_skipped_begins_at_the_first_instant_after_it() -> None:
    schedule = a_schedule("sun 00:00-24:00", zone="America/Sao_Paulo")
    assert edges(schedule, "2018-11-03T00:00", "2018-11-06T00:00") == ["11-04T03:00 running", "11-05T02:00 stopped"]
    one_sided = a_schedule("until sun 00:00", zone="America/Sao_Paulo")
    assert edges(one_sided, "2018-11-03T00:00", "2018-11-06T00:00") == ["11-04T03:00 stopped", "11-05T02:00 either"]


def test_a_day_whose_last_hour_comes_twice_ends_with_the_second_one() -> None:
    schedule = a_schedule("sat 22:00-24:00", zone="America/Sao_Paulo")
    assert edges(schedule, "2019-02-16T12:00", "2019-02-17T12:00") == ["02-17T00:00 running", "02-17T03:00 stopped"]
    from_ten = a_schedule("from sat 22:00", zone="America/Sao_Paulo")
    assert edges(from_ten, "2019-02-16T12:00", "2019-02-17T12:00") == ["02-17T00:00 running", "02-17T03:00 either"]


def test_a_night_over_a_change_of_clocks_runs_to_its_end() -> None:
    night = a_schedule("sat 22:00-06:00", zone="Europe/Berlin")
    assert edges(night, "2026-03-28T00:00", "2026-03-30T00:00") == ["03-28T21:00 running", "03-29T04:00 stopped"]
    assert edges(night, "2026-10-24T00:00", "2026-10-26T00:00") == ["10-24T20:00 running", "10-25T05:00 stopped"]


def test_a_day_that_a_zone_left_out_has_no_windows() -> None:
    friday = a_schedule("fri 08:00-12:00", zone="Pacific/Apia")
    assert edges(friday, "2011-12-25T00:00", "2012-01-03T00:00") == []


# --- lines with one time ----------------------------------------------------------------------------------------------


def states(schedule: Schedule, *times: str) -> list[str]:
    zone = schedule.timezone
    return [str(schedule.state_at(datetime.fromisoformat(one).replace(tzinfo=zone))) for one in times]


def test_a_schedule_that_says_only_when_to_start_never_asks_for_a_stop() -> None:
    schedule = a_schedule("from mon-fri 07:00", zone="Europe/Berlin")
    week = schedule.edges(datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 12, 6, tzinfo=UTC))
    assert {edge.state for edge in week} == {RUNNING, EITHER}
    assert states(schedule, "2026-11-23T06:59", "2026-11-23T07:00", "2026-11-23T23:59", "2026-11-24T00:00") == [
        "either",
        "running",
        "running",
        "either",
    ]


def test_a_schedule_that_says_only_when_to_stop_never_asks_for_a_start() -> None:
    schedule = a_schedule("until mon-fri 19:00", zone="Europe/Berlin")
    week = schedule.edges(datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 12, 6, tzinfo=UTC))
    assert {edge.state for edge in week} == {STOPPED, EITHER}
    assert states(schedule, "2026-11-23T18:59", "2026-11-23T19:00", "2026-11-28T20:00") == [
        "either",
        "stopped",
        "either",
    ]


def test_one_line_to_start_and_one_to_stop_run_in_between_and_stop_after_it() -> None:
    schedule = a_schedule("until mon-fri 19:00", "from mon-fri 07:00", zone="Europe/Berlin")
    times = ("2026-11-23T06:00", "2026-11-23T07:00", "2026-11-23T18:59", "2026-11-23T19:00", "2026-11-28T12:00")
    assert states(schedule, *times) == ["either", "running", "running", "stopped", "either"]
    assert states(a_schedule("from 07:00", "until 07:00", zone="UTC"), "2026-11-23T07:00") == ["running"]


def test_windows_stay_what_they_are_beside_a_line_with_one_time() -> None:
    schedule = a_schedule("mon-fri 09:00-21:00", "until mon-fri 19:00", "from sat 10:00", zone="UTC")
    times = ("2026-11-23T08:00", "2026-11-23T20:59", "2026-11-23T21:00", "2026-11-28T09:00", "2026-11-28T10:00")
    assert states(schedule, *times, "2026-11-29T00:00") == [
        "either",
        "running",
        "stopped",
        "either",
        "running",
        "stopped",
    ]


def test_a_line_that_starts_or_stops_for_a_time_asks_for_nothing_outside_of_it() -> None:
    schedule = a_schedule("start mon-fri 07:00-08:00", "stop mon-fri 19:00-20:00", zone="Europe/Berlin")
    times = ("2026-11-23T06:59", "2026-11-23T07:00", "2026-11-23T08:00", "2026-11-23T19:00", "2026-11-23T20:00")
    assert states(schedule, *times, "2026-11-28T19:30") == [
        "either",
        "running",
        "either",
        "stopped",
        "either",
        "either",
    ]


def test_a_stop_for_a_time_comes_before_what_holds_outside_and_before_no_window() -> None:
    schedule = a_schedule("mon 08:00-12:00", "until tue 18:00", "from wed 07:00", "stop 11:00-19:00", zone="UTC")
    times = ("2026-11-23T11:30", "2026-11-23T12:00", "2026-11-24T11:30", "2026-11-24T19:00", "2026-11-25T11:30")
    assert states(schedule, *times) == ["running", "stopped", "stopped", "stopped", "running"]


@pytest.mark.parametrize(
    ("line", "spring", "autumn"),
    [
        ("stop 01:00-02:00", ["00:00", "01:00"], ["23:00", "00:00"]),
        ("stop 02:00-03:00", [], ["00:00", "02:00"]),
        ("start 02:00-03:00", [], ["00:00", "02:00"]),
        ("stop 03:00-04:00", ["01:00", "02:00"], ["02:00", "03:00"]),
    ],
)
def test_a_line_for_an_hour_holds_while_the_clock_shows_that_hour(
    line: str, spring: list[str], autumn: list[str]
) -> None:
    schedule = a_schedule(line, zone="Europe/Berlin")
    for start, expected in (("2026-03-28T12:00", spring), ("2026-10-24T12:00", autumn)):
        first = datetime.fromisoformat(start).replace(tzinfo=UTC)
        assert [f"{edge.at:%H:%M}" for edge in schedule.edges(first, first + DAY * 0.9)] == expected


def test_on_a_holiday_a_stop_for_a_time_holds_and_a_start_does_not() -> None:
    schedule = a_schedule("start 07:00-08:00", "stop 19:00-20:00", zone="Europe/Berlin", holidays=["DE"])
    assert states(schedule, "2026-12-25T07:30", "2026-12-25T19:30") == ["either", "stopped"]


# --- the next and the last change -------------------------------------------------------------------------------------


def test_an_answer_has_its_last_and_its_next_change_also_months_away() -> None:
    schedule = a_schedule("nov last fri 08:00-12:00", zone="UTC")
    inside = datetime(2026, 11, 27, 9, tzinfo=UTC)
    assert schedule.at(inside) == ScheduleAnswer(RUNNING, inside.replace(hour=8), inside.replace(hour=12))
    after = schedule.at(inside.replace(hour=12))
    assert after == ScheduleAnswer(STOPPED, inside.replace(hour=12), datetime(2027, 11, 26, 8, tzinfo=UTC))


def test_what_never_changes_has_neither() -> None:
    for line, state in (("daily 00:00-24:00", RUNNING), ("feb 29 00:00-24:00", STOPPED)):
        answer = a_schedule(line, zone="Europe/Berlin").at(datetime(2026, 7, 1, tzinfo=UTC))
        assert answer == ScheduleAnswer(state)


def test_edges_are_after_the_start_and_not_after_the_end_of_a_span() -> None:
    schedule = a_schedule("daily 08:00-12:00", zone="UTC")
    eight, twelve = datetime(2026, 11, 27, 8, tzinfo=UTC), datetime(2026, 11, 27, 12, tzinfo=UTC)
    assert list(schedule.edges(eight, twelve)) == [Edge(twelve, STOPPED)]
    assert list(schedule.edges(eight - MINUTE, twelve - MINUTE)) == [Edge(eight, RUNNING)]
    assert list(schedule.edges(twelve, eight)) == []


def test_a_schedule_answers_in_any_order_and_for_the_ends_of_the_calendar() -> None:
    schedule = a_schedule("daily 08:00-12:00", zone="Asia/Kolkata")
    moments = [datetime(year, 6, 1, 5, tzinfo=UTC) for year in (2026, 5, 9990, 1999, 2026)]
    assert [schedule.state_at(one) for one in moments] == [RUNNING] * 5
    assert schedule.at(moments[0]).until == datetime(2026, 6, 1, 6, 30, tzinfo=UTC)
    assert schedule.state_at(moments[1].replace(hour=12)) is STOPPED
    for beyond in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)):
        with pytest.raises(ValueError, match="answers from 0002-01-01 to 9998-01-01"):
            schedule.state_at(beyond)


def test_a_schedule_in_the_zone_of_an_account_has_no_answer_before_it_is_known() -> None:
    schedule = Schedule("office", None, (parse_line("08:00-12:00"),), timezone_tag="TimeZone")
    now = datetime(2026, 11, 27, 7, 30, tzinfo=UTC)
    for ask in (schedule.at, schedule.state_at):
        with pytest.raises(ValueError, match="office has no time zone"):
            ask(now)
    assert schedule.in_zone(ZoneInfo("Europe/Berlin")).state_at(now) is RUNNING
    assert schedule.in_zone(ZoneInfo("UTC")).state_at(now) is STOPPED
    assert schedule.in_zone(ZoneInfo("UTC")) is schedule.in_zone(ZoneInfo("UTC"))


# --- the same, read off a clock minute by minute ----------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """A line as it is drawn, and as it is written."""

    side: str
    start: int
    end: int
    weekdays: tuple[str, ...]
    nth: tuple[str, str] | None
    months: tuple[str, ...]
    month_days: tuple[int, ...]

    def text(self) -> str:
        days = ",".join((*self.weekdays, *([" ".join(self.nth)] if self.nth else [])))
        clock = f"{self.start // 60:02}:{self.start % 60:02}"
        if self.side not in WITH_ONE_TIME:
            clock += f"-{self.end // 60:02}:{self.end % 60:02}"
        parts = (self.side, ",".join(self.months), ",".join(map(str, self.month_days)), days, clock)
        return " ".join(part for part in parts if part)

    def names(self, day: date) -> bool:
        own = DAYS[day.weekday()]
        count = sum(day.replace(day=number).weekday() == day.weekday() for number in range(1, day.day + 1))
        is_last = (day + 7 * DAY).month != day.month
        is_nth = (
            self.nth is not None
            and own == self.nth[1]
            and (
                is_last
                if self.nth[0] == "last"
                else self.nth[0] == ("first", "second", "third", "fourth", "fifth")[count - 1]
            )
        )
        by_weekday = (not self.weekdays and self.nth is None) or own in self.weekdays or is_nth
        by_month = not self.months or MONTHS[day.month - 1] in self.months
        return by_weekday and by_month and (not self.month_days or day.day in self.month_days)


DrawnSchedule = tuple[str, date, list[Drawn], set[date], dict[date, list[Drawn] | None]]
"""Zone, day of the change, lines, holidays, exceptions; None: nothing runs."""


@dataclass(frozen=True)
class Clock:
    """What the clock of a place shows in each minute of some days around a change."""

    start: datetime
    walls: tuple[datetime, ...]

    def first(self, wall: datetime) -> int:
        return next((number for number, one in enumerate(self.walls) if one >= wall), len(self.walls))

    def last(self, wall: datetime) -> int:
        return len(self.walls) - next((n for n, one in enumerate(reversed(self.walls)) if one < wall), len(self.walls))


@lru_cache
def the_clock(zone: str, change: date) -> Clock:
    start = datetime.combine(change, time(), UTC) - 3 * DAY
    minutes = (start + number * MINUTE for number in range(6 * 24 * 60))
    return Clock(start, tuple(one.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for one in minutes))


@dataclass(frozen=True)
class Day:
    lines: tuple[Drawn, ...]
    outside: ScheduleState


def by_the_minute(clock: Clock, day_of: Callable[[date], Day]) -> list[ScheduleState]:
    """What the schedule says in each minute; of the first two days that is not all, as windows reach into them."""
    first, last = clock.walls[0].date(), clock.walls[-1].date()
    days = [first + number * DAY for number in range((last - first).days + 1)]
    midnights = {day: clock.first(datetime.combine(day, time())) for day in (*days, days[-1] + DAY)}
    found = [EITHER] * len(clock.walls)
    for day in days:
        begins, ends = midnights[day], midnights[day + DAY]
        plan = day_of(day)
        acts: list[tuple[int, int, ScheduleState]] = []
        for line in plan.lines:
            if line.side in WITH_ONE_TIME and line.names(day):
                wall = datetime.combine(day, time()) + line.start * MINUTE
                at = clock.first(wall) if line.side == "from" or clock.last(wall) >= ends else clock.last(wall)
                acts.append((max(begins, at), line.side == "from", RUNNING if line.side == "from" else STOPPED))
        for at, _, asked in [(begins, False, EITHER if acts else plan.outside), *sorted(acts)]:
            found[at:ends] = [asked] * (ends - at)
    for first, last, line in sorted(spans(clock, days, day_of), key=lambda span: span[2].side != "stop"):
        for number in range(first, last):
            found[number] = STOPPED if line.side == "stop" and found[number] is not RUNNING else RUNNING
    return found


def spans(clock: Clock, days: Sequence[date], day_of: Callable[[date], Day]) -> Iterator[tuple[int, int, Drawn]]:
    for day in days:
        for line in day_of(day).lines:
            if line.side not in WITH_ONE_TIME and line.names(day):
                midnight = datetime.combine(day, time())
                end = line.end if line.end > line.start else line.end + 24 * 60
                yield clock.first(midnight + line.start * MINUTE), clock.last(midnight + end * MINUTE), line


def some(values: Sequence[T]) -> st.SearchStrategy[list[T]]:
    return st.just([]) | st.lists(st.sampled_from(values), max_size=3, unique=True)


@st.composite
def drawn_lines(draw: st.DrawFn, change: date) -> Drawn:
    near = st.sampled_from([0, 1, 60, 90, 105, 120, 130, 150, 179, 180, 1380, 1410, 1439]) | st.integers(0, 1439)
    start = draw(near)
    around = [change + number * DAY for number in range(-2, 3)]
    return Drawn(
        side=draw(st.sampled_from(["", "", "from", "until", "start", "stop"])),
        start=start,
        end=draw((near | st.just(1440)).filter(lambda minute: minute not in (start, 0))),
        weekdays=tuple(draw(st.lists(st.sampled_from(DAYS), max_size=4, unique=True))),
        nth=draw(
            st.none()
            | st.tuples(st.sampled_from(["first", "second", "third", "fourth", "last"]), st.sampled_from(DAYS))
        ),
        months=tuple(draw(some(sorted({MONTHS[one.month - 1] for one in around})))),
        month_days=tuple(draw(some(sorted({one.day for one in around})))),
    )


@st.composite
def drawn_schedules(draw: st.DrawFn) -> DrawnSchedule:
    zone, change = draw(st.sampled_from(CHANGES))
    lines = st.lists(drawn_lines(change), min_size=1, max_size=3)
    near = st.sampled_from([change + number * DAY for number in range(-2, 3)])
    exceptions = draw(st.dictionaries(near, st.none() | lines, max_size=1))
    return zone, change, draw(lines), draw(st.sets(near, max_size=2)), exceptions


def outside(lines: Sequence[Drawn]) -> ScheduleState:
    return EITHER if all(line.side for line in lines) else STOPPED


def agree(drawn: DrawnSchedule, minute: int) -> None:
    zone, change, lines, holidays, exceptions = drawn
    clock = the_clock(zone, change)

    def day_of(day: date) -> Day:
        if day in exceptions:
            special = exceptions[day] or []
            return Day(tuple(special), outside(special) if special else STOPPED)
        on_holiday = tuple(line for line in lines if line.side in ("until", "stop"))
        return Day(on_holiday if day in holidays else tuple(lines), outside(lines))

    schedule = a_schedule(
        *(line.text() for line in lines),
        zone=zone,
        holidays=["XX"] if holidays else [],
        exceptions=[
            ScheduleException(span_of(day, day), tuple(parse_line(line.text()) for line in special or ()))
            for day, special in exceptions.items()
        ],
    )
    expected = by_the_minute(clock, day_of)
    seen = range(2 * 24 * 60, len(expected) - 24 * 60)
    with patch.object(module, "is_holiday", lambda _, day: day in holidays):
        assert [schedule.state_at(clock.start + one * MINUTE) for one in seen] == [expected[one] for one in seen]
        start, end = (clock.start + one * MINUTE for one in (seen[0], seen[-1]))
        assert list(schedule.edges(start, end)) == list(changes(clock, expected, seen))
        answer = schedule.at(clock.start + minute * MINUTE)
    assert answer.state is expected[minute]
    for at, step in ((answer.since, 1), (answer.until, -1)):
        if at is not None and start < at <= end:
            number = int((at - clock.start) / MINUTE)
            assert (at - clock.start) % MINUTE == timedelta(0)
            inner, outer = (number, number - 1) if step == 1 else (number - 1, number)
            assert expected[inner] is answer.state
            assert expected[outer] is not answer.state
            assert {expected[one] for one in range(min(minute, number), max(minute, number))} <= {answer.state}


def changes(clock: Clock, expected: Sequence[ScheduleState], seen: range) -> Iterator[Edge]:
    for number in seen[1:]:
        if expected[number] is not expected[number - 1]:
            yield Edge(clock.start + number * MINUTE, expected[number])


minutes_seen = st.integers(2 * 24 * 60, 5 * 24 * 60 - 1)


@settings(quick, max_examples=15)
@given(drawn=drawn_schedules(), minute=minutes_seen)
def test_a_schedule_says_what_a_clock_read_minute_by_minute_says(drawn: DrawnSchedule, minute: int) -> None:
    agree(drawn, minute)


@pytest.mark.full
@settings(quick, max_examples=300)
@given(drawn=drawn_schedules(), minute=minutes_seen)
def test_many_schedules_say_what_a_clock_read_minute_by_minute_says(drawn: DrawnSchedule, minute: int) -> None:
    agree(drawn, minute)
