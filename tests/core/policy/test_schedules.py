"""Weekly windows in a time zone: over midnight, over the end of the week, and over the days when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.core.policy.schedules.calendars import EVERY_DAY, Calendar
from orchestrator.core.policy.schedules.lines import Line, parse_line
from orchestrator.core.policy.schedules.schedule import Schedule
from tests.support.strategies import DAYS, ZONES, quick, window_texts

DAY = 24 * 60


def a_schedule(*windows: str, zone: str = "UTC") -> Schedule:
    return Schedule("s", ZoneInfo(zone), tuple(map(parse_line, windows)))


def is_running(window: str, local: str, zone: str = "UTC", fold: int = 0) -> bool:
    """At that wall-clock time of the schedule's own zone. 2026-11-23 is a Monday."""
    at = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return a_schedule(window, zone=zone).is_running(at.astimezone(UTC))


@pytest.mark.parametrize(
    ("window", "local", "running"),
    [
        ("mon-fri 07:00-19:00", "2026-11-23T06:59:59", False),
        ("mon-fri 07:00-19:00", "2026-11-23T07:00", True),
        ("mon-fri 07:00-19:00", "2026-11-27T18:59:59", True),
        ("mon-fri 07:00-19:00", "2026-11-27T19:00", False),
        ("mon-fri 07:00-19:00", "2026-11-28T12:00", False),
        ("fri 22:00-02:00", "2026-11-27T21:59", False),
        ("fri 22:00-02:00", "2026-11-27T22:00", True),
        ("fri 22:00-02:00", "2026-11-28T01:59", True),
        ("fri 22:00-02:00", "2026-11-28T02:00", False),
        ("fri 22:00-02:00", "2026-11-27T01:00", False),
        ("sun 22:00-02:00", "2026-11-29T23:00", True),
        ("sun 22:00-02:00", "2026-11-30T01:59", True),
        ("sun 22:00-02:00", "2026-11-30T02:00", False),
        ("sun 22:00-02:00", "2026-11-29T01:00", False),
        ("daily 08:00-12:00", "2026-11-29T11:59", True),
        ("daily 08:00-12:00", "2026-11-29T12:00", False),
        ("08:00-12:00", "2026-11-29T08:00", True),
        ("daily 00:00-24:00", "2026-11-23T00:00", True),
        ("daily 00:00-24:00", "2026-11-29T23:59:59", True),
        ("mon 00:00-24:00", "2026-11-23T23:59", True),
        ("mon 00:00-24:00", "2026-11-24T00:00", False),
        ("mon 20:00-24:00", "2026-11-23T23:59", True),
        ("mon 20:00-24:00", "2026-11-24T00:00", False),
        ("mon 12:00-00:00", "2026-11-23T23:59", True),
        ("mon 12:00-00:00", "2026-11-24T00:00", False),
        ("sat,sun 08:00-12:00", "2026-11-28T09:00", True),
        ("sat,sun 08:00-12:00", "2026-11-29T09:00", True),
        ("sat,sun 08:00-12:00", "2026-11-27T09:00", False),
        ("fri-mon 08:00-12:00", "2026-11-29T09:00", True),
        ("fri-mon 08:00-12:00", "2026-11-23T09:00", True),
        ("fri-mon 08:00-12:00", "2026-11-24T09:00", False),
        ("mon-tue,fri 08:00-12:00", "2026-11-24T09:00", True),
        ("mon-tue,fri 08:00-12:00", "2026-11-25T09:00", False),
        ("mon-tue,fri 08:00-12:00", "2026-11-27T09:00", True),
    ],
)
def test_a_window_holds_from_its_first_minute_to_just_before_its_end(window: str, local: str, running: bool) -> None:
    assert is_running(window, local) is running


def test_a_schedule_runs_inside_any_of_its_windows() -> None:
    schedule = a_schedule("mon 07:00-08:00", "tue 09:00-10:00")
    assert schedule.is_running(datetime(2026, 11, 23, 7, 30, tzinfo=UTC))
    assert schedule.is_running(datetime(2026, 11, 24, 9, 30, tzinfo=UTC))
    assert not schedule.is_running(datetime(2026, 11, 23, 9, 30, tzinfo=UTC))


def test_windows_count_in_the_schedules_zone_whatever_the_zone_of_the_time() -> None:
    schedule = a_schedule("mon 00:00-01:00", zone="Asia/Kathmandu")
    sunday_in_utc = datetime(2026, 11, 22, 18, 15, tzinfo=UTC)
    assert schedule.is_running(sunday_in_utc)
    assert schedule.is_running(sunday_in_utc.astimezone(ZoneInfo("America/New_York")))
    assert not schedule.is_running(sunday_in_utc - timedelta(minutes=1))


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        a_schedule("daily 00:00-24:00").is_running(datetime(2026, 11, 23, 7))  # noqa: DTZ001 - the mistake


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("Europe/Berlin", "2026-03-29T00:59+00:00", "2026-03-29T01:00+00:00"),
        ("America/New_York", "2026-03-08T06:59+00:00", "2026-03-08T07:00+00:00"),
    ],
)
def test_the_hour_that_does_not_exist_is_in_no_window_when_clocks_go_forward(
    zone: str, before: str, after: str
) -> None:
    for moment in (before, after):
        at = datetime.fromisoformat(moment)
        assert not a_schedule("sun 02:00-03:00", zone=zone).is_running(at)
        assert a_schedule("sat 22:00-06:00", zone=zone).is_running(at)
    assert a_schedule("sun 01:00-02:00", zone=zone).is_running(datetime.fromisoformat(before))
    assert a_schedule("sun 03:00-04:00", zone=zone).is_running(datetime.fromisoformat(after))


@pytest.mark.parametrize(
    ("zone", "hour", "first", "second"),
    [
        ("Europe/Berlin", 2, "2026-10-25T00:30+00:00", "2026-10-25T01:30+00:00"),
        ("America/New_York", 1, "2026-11-01T05:30+00:00", "2026-11-01T06:30+00:00"),
    ],
)
def test_the_hour_that_comes_twice_is_in_its_window_both_times_when_clocks_go_back(
    zone: str, hour: int, first: str, second: str
) -> None:
    schedule = a_schedule(f"sun 0{hour}:00-0{hour + 1}:00", zone=zone)
    for moment in (first, second):
        assert schedule.is_running(datetime.fromisoformat(moment))
    assert not schedule.is_running(datetime.fromisoformat(first) - timedelta(hours=1))
    assert not schedule.is_running(datetime.fromisoformat(second) + timedelta(hours=1))


def test_office_hours_stay_at_the_same_wall_clock_time_in_summer_and_winter() -> None:
    schedule = a_schedule("mon-fri 07:00-19:00", zone="Europe/Berlin")
    assert schedule.is_running(datetime(2026, 7, 6, 5, 0, tzinfo=UTC))
    assert not schedule.is_running(datetime(2026, 7, 6, 4, 59, tzinfo=UTC))
    assert schedule.is_running(datetime(2026, 12, 7, 6, 0, tzinfo=UTC))
    assert not schedule.is_running(datetime(2026, 12, 7, 5, 59, tzinfo=UTC))


def on(*weekdays: int) -> Calendar:
    return Calendar(weekdays=frozenset(weekdays))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("mon 07:00-19:00", Line(7 * 60, 12 * 60, on(0))),
        ("MON 7:00 - 19:00", Line(7 * 60, 12 * 60, on(0))),
        ("  monday   07:00-19:00 ", Line(7 * 60, 12 * 60, on(0))),
        ("Mon-Tue 00:00-24:00", Line(0, DAY, on(0, 1))),
        ("tue, mon ,mon 01:00-02:00", Line(60, 60, on(0, 1))),
        ("mon - tuesday 01:00-02:00", Line(60, 60, on(0, 1))),
        ("mon+tue 01:00-02:00", Line(60, 60, on(0, 1))),
        ("sun-mon 23:00-01:00", Line(23 * 60, 120, on(0, 6))),
        ("mon-mon 01:00-02:00", Line(60, 60, on(0))),
        ("daily 01:00-02:00", Line(60, 60, EVERY_DAY)),
        ("01:00-02:00", Line(60, 60, EVERY_DAY)),
        ("monday,tuesday,wednesday,thursday 01:00-02:00", Line(60, 60, on(0, 1, 2, 3))),
        ("friday,saturday,sunday 01:00-02:00", Line(60, 60, on(4, 5, 6))),
    ],
)
def test_a_window_is_on_each_day_that_it_names(text: str, line: Line) -> None:
    assert parse_line(text) == line


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mon",
        "07:00",
        "mon 07:00",
        "mon 07:00-",
        "mon 7-19",
        "mo 07:00-08:00",
        "mon/tue 07:00-08:00",
        ",07:00-08:00",
        "mon, 07:00-08:00",
        "daily,mon 07:00-08:00",
        "mon-tue-wed 07:00-08:00",
        "mon 07:00-07:00",
        "mon 25:00-26:00",
        "mon 07:60-09:00",
        "mon 07:00-09:60",
        "mon 07:00-08:00:00",
    ],
)
def test_what_is_no_window_raises_and_repeats_what_was_written(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no|is an empty window") as caught:
        parse_line(text)
    assert repr(text) in str(caught.value)


def oracle(window: str, local: datetime) -> bool:
    """The same question answered on calendar days with a wall clock, and without minutes of the week."""
    days, _, clocks = window.rpartition(" ")
    start, end = clocks.split("-")
    for started_on in (local.date(), local.date() - timedelta(days=1)):
        if _named(days.strip(), started_on):
            opens = datetime.combine(started_on, time.fromisoformat(start))
            closes = _after(opens, started_on, end)
            if opens <= local < closes:
                return True
    return False


def _named(days: str, on: date) -> bool:
    if days in ("", "daily"):
        return True
    today = DAYS[on.weekday()]
    for part in days.split(","):
        first, _, last = part.partition("-")
        two_weeks = DAYS + DAYS
        start = two_weeks.index(first)
        if today in two_weeks[start : two_weeks.index(last or first, start) + 1]:
            return True
    return False


def _after(opens: datetime, started_on: date, end: str) -> datetime:
    if end == "24:00":
        return datetime.combine(started_on + timedelta(days=1), time())
    closes = datetime.combine(started_on, time.fromisoformat(end))
    return closes if closes > opens else closes + timedelta(days=1)


@quick
@example(windows=["sat 22:00-03:00"], zone="Europe/Berlin", at=datetime(2026, 3, 29, 1, 0, tzinfo=UTC))
@example(windows=["sun 02:00-03:00"], zone="Europe/Berlin", at=datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
@example(windows=["sun 23:00-00:00"], zone="UTC", at=datetime(2026, 11, 30, tzinfo=UTC))
@given(
    windows=st.lists(window_texts(), min_size=1, max_size=3),
    zone=st.sampled_from(ZONES),
    at=st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds
)
def test_a_schedule_agrees_with_a_calendar_and_a_wall_clock(windows: list[str], zone: str, at: datetime) -> None:
    local = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    expected = any(oracle(window, local) for window in windows)
    assert a_schedule(*windows, zone=zone).is_running(at) is expected
