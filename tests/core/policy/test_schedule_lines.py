"""The lines of a schedule: which days and times a text means, and what would be right in place of one that is none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from orchestrator.core.policy.schedules.answer import ScheduleAnswer, ScheduleState
from orchestrator.core.policy.schedules.calendars import LAST, Calendar
from orchestrator.core.policy.schedules.lines import Line, Side, line_of, parse_line
from orchestrator.core.policy.schedules.tag_text import parse_schedule_text


def why_not(parse: Callable[[str], object], text: str) -> str:
    try:
        parse(text)
    except ValueError as wrong:
        return str(wrong)
    raise AssertionError(text)


def days_of(text: str, year: int = 2026) -> list[str]:
    """The days of a year that the line names, as `01-31`."""
    calendar = parse_line(f"{text} 07:00-19:00").calendar
    year_days = (date(year, 1, 1) + timedelta(days=number) for number in range(365))
    return [f"{day:%m-%d}" for day in year_days if calendar.names(day)]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("first mon", "01-05 02-02 03-02 04-06 05-04 06-01 07-06 08-03 09-07 10-05 11-02 12-07"),
        ("last fri", "01-30 02-27 03-27 04-24 05-29 06-26 07-31 08-28 09-25 10-30 11-27 12-25"),
        ("jan-mar second tue", "01-13 02-10 03-10"),
        ("fifth sat", "01-31 05-30 08-29 10-31"),
        ("jan first mon,last fri", "01-05 01-30"),
        ("jan first  mon , wed", "01-05 01-07 01-14 01-21 01-28"),
        ("feb 1-3", "02-01 02-02 02-03"),
        ("feb 27-last", "02-27 02-28"),
        ("last day", "01-31 02-28 03-31 04-30 05-31 06-30 07-31 08-31 09-30 10-31 11-30 12-31"),
        ("dec-jan last day", "01-31 12-31"),
        ("jan 1,15,last day", "01-01 01-15 01-31"),
        ("jan 1-15 mon-tue", "01-05 01-06 01-12 01-13"),
        ("mon jan 1 - 15", "01-05 01-12"),
        ("December 24", "12-24"),
        ("daily feb 28", "02-28"),
        ("feb 30", ""),
    ],
)
def test_a_line_names_these_days(text: str, days: str) -> None:
    assert " ".join(days_of(text)) == days


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("from mon-fri 07:00", Line(420, 0, Calendar(weekdays=frozenset(range(5))), Side.FROM)),
        ("UNTIL last fri 19:00", Line(1140, 0, Calendar(nth_weekdays=frozenset({(LAST, 4)})), Side.UNTIL)),
        ("from 00:00", Line(0, 0, Calendar(), Side.FROM)),
        ("start mon-fri 07:00-08:00", Line(420, 60, Calendar(weekdays=frozenset(range(5))), Side.START)),
        ("Stop 23:00-00:00", Line(1380, 60, Calendar(), Side.STOP)),
        ("nov-jan 22:00-06:00", Line(1320, 480, Calendar(months=frozenset({11, 12, 1})))),
    ],
)
def test_a_line_has_one_time_or_two(text: str, line: Line) -> None:
    assert parse_line(text) == line


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("mon 07:00", "is no window: it has one time; write `from mon 07:00`, `until mon 07:00` or a window"),
        ("from mon 07:00-19:00", "has two times, and `from` takes one: the window is `mon 07:00-19:00`"),
        ("until mon 07:00-19:00", "what only stops is `until mon 19:00`"),
        ("start mon 07:00", "is no window; write `from mon 07:00`"),
        ("stop 19:00", "is no window; write `until 19:00`"),
        ("until 24:00", "starts at 24:00; `until` has a time from 00:00 to 23:59"),
        ("from 25:00", "25:00 in 'from 25:00' is no time of day"),
        ("untill mon-fri 19:00", "did you mean `until mon-fri 19:00`?"),
        ("form 07:00", "did you mean `from 07:00`?"),
        ("mon-firday 07:00-19:00", "'firday' in 'mon-firday 07:00-19:00' is no day, did you mean friday?; days are"),
        ("from mon-fri", "is no window; write it like"),
        ("sixth mon 07:00-19:00", "'sixth' in 'sixth mon 07:00-19:00' is no day; days are mon, tue"),
        ("last mon-fri 07:00-19:00", "'mon-fri' in 'last mon-fri 07:00-19:00' is no day"),
        ("first jan 07:00-19:00", "'jan' in 'first jan 07:00-19:00' is no day"),
        ("jan feb 07:00-19:00", "it names its months twice; list them with commas"),
        ("mon jan tue 07:00-19:00", "it names its weekdays twice"),
        ("32 07:00-19:00", "'32' in '32 07:00-19:00' is no day of the month; they are 1 to 31 or `last day`"),
        ("0 07:00-19:00", "'0' in '0 07:00-19:00' is no day of the month"),
        ("1-x 07:00-19:00", "'x' in '1-x 07:00-19:00' is no day of the month"),
        ("20-5 07:00-19:00", "'20-5' in '20-5 07:00-19:00' ends before it starts; write 20-last,1-5"),
        ("1,mon 07:00-19:00", "'1' in '1,mon 07:00-19:00' is no day"),
        ("jan,mon 07:00-19:00", "'jan' in 'jan,mon 07:00-19:00' is no day"),
        ("x" * 2000, "is no window: it has more than 1000 characters"),
    ],
)
def test_what_is_no_line_says_what_would_be_right(text: str, right: str) -> None:
    said = why_not(parse_line, text)
    assert right in said
    assert len(said) < 400


def test_a_line_by_its_parts_is_the_line_of_the_text() -> None:
    assert line_of("07:00-19:00", ["mon-fri"], ["jan", "feb"], ["1-15", "last"]) == parse_line(
        "jan,feb 1-15,last day mon-fri 07:00-19:00"
    )
    assert line_of("from 07:00", ["First Mon, wed"]) == parse_line("from first mon,wed 07:00")
    assert line_of("until 19:00") == parse_line("until 19:00")
    assert line_of("stop 19:00-20:00", ["fri"]) == parse_line("stop fri 19:00-20:00")


@pytest.mark.parametrize("time", ["7", "07:00", "from 07:00-08:00", "mon 07:00-08:00", ""])
def test_a_time_by_itself_has_no_days(time: str) -> None:
    with pytest.raises(ValueError, match=r"is no time|has one time|has two"):
        line_of(time)


# --- in a tag ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lines", "zone"),
    [
        ("mon-fri 07:00-19:00 Europe/Berlin", ["mon-fri 07:00-19:00"], "Europe/Berlin"),
        ("  mon-fri  07:00-19:00   UTC ", ["mon-fri 07:00-19:00"], "UTC"),
        ("sat+sun 08:00-12:00 UTC", ["sat,sun 08:00-12:00"], "UTC"),
        (
            "from mon-fri 07:00 and until mon-fri 19:00 AND last sat 08:00-12:00 Asia/Kolkata",
            ["from mon-fri 07:00", "until mon-fri 19:00", "last sat 08:00-12:00"],
            "Asia/Kolkata",
        ),
    ],
)
def test_a_tag_has_lines_and_a_zone(text: str, lines: list[str], zone: str) -> None:
    schedule = parse_schedule_text(text)
    assert (schedule.name, schedule.timezone) == (" ".join(text.split()), ZoneInfo(zone))
    assert schedule.lines == tuple(map(parse_line, lines))


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("mon-fri 07:00-19:00", "has no time zone at its end; write it like `mon-fri 07:00-19:00 Europe/Berlin`"),
        ("until 19:00", "has no time zone at its end"),
        ("", "is no schedule; write it like"),
        ("office", "is no schedule; write it like"),
        ("Europe/Berlin", "is no schedule; write it like"),
        ("mon-fri 07:00-19:00 Europe/Berln", "'Europe/Berln' is no IANA time zone; did you mean Europe/Berlin?"),
        ("mon-fri 07:00-19:00 CEST", "use Europe/Berlin"),
        ("mon-fri 7-19 Europe/Berlin", "'mon-fri 7-19' is no window"),
        ("mon 07:00-19:00 tue 08:00-12:00 UTC", "is no window"),
        ("mon 07:00-19:00 and UTC", "is no window"),
    ],
)
def test_what_is_no_schedule_in_a_tag_says_what_would_be_right(text: str, right: str) -> None:
    assert right in why_not(parse_schedule_text, text)


def test_a_schedule_of_a_tag_answers_like_any_other() -> None:
    schedule = parse_schedule_text("from mon 07:00 UTC")
    assert schedule.lines[0].side is Side.FROM
    assert schedule.exceptions == ()
    now = datetime(2026, 11, 23, 6, 59, tzinfo=UTC)
    assert schedule.at(now) == ScheduleAnswer(
        ScheduleState.EITHER, now - timedelta(days=6, hours=6, minutes=59), now + timedelta(minutes=1)
    )
