"""Expressions of EventBridge Scheduler: which are right, and when one was last due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.policy.schedules.cron import expression_problem, last_due

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 20 * * ? *)",
        "cron(0/15 8-18/2 ? * MON-FRI 2026-2030)",
        "cron(0 0 L JAN,JUL ? *)",
        "cron(0 0 LW * ? 2027)",
        "cron(0 0 1W,15W * ? *)",
        "cron(*/5  0,12 ? 1-3 6L *)",
        "cron(0 0 ? * FRI#3 2199)",
        "cron(0 0 ? * 2#1 *)",
        "cron(0 0 29 2 ? *)",
        "cron(0 0 ? * L *)",
        "rate(1 hour)",
        "rate(1 hours)",
        "rate(30 minute)",
        "rate(5 days)",
    ],
)
def test_what_the_user_guide_documents_is_right(expression: str) -> None:
    assert expression_problem(expression) is None


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("0 20 * * ? *", "write it like cron(0 20 * * ? *) or rate(1 hour)"),
        ("at(2026-12-01T00:00:00)", "write it like cron(0 20 * * ? *) or rate(1 hour)"),
        ("cron(0 20 * * *)", "no cron of six fields"),
        ("cron(cron(0 20 * * ? *))", "write the six fields alone"),
        ("cron(0 20 * * * *)", "must have `?`"),
        ("cron(0 20 ? * ? *)", "must have `?`"),
        ("cron(60 20 * * ? *)", "'60' is no minute; minutes are 0 to 59"),
        ("cron(0 24 * * ? *)", "'24' is no hour; hours are 0 to 23"),
        ("cron(0 x * * ? *)", "'x' is no hour"),
        ("cron(0 ? * * ? *)", "'?' is no hour"),
        ("cron(0 20 32 * ? *)", "'32' is no day of month; days of month are 1 to 31"),
        ("cron(0 20 31W 2 ? *)", "is never due"),
        ("cron(0 20 30 2 ? *)", "is never due"),
        ("cron(0 20 29 2 ? 2027)", "is never due"),
        ("cron(0 20 0W * ? *)", "'0' is no day of month"),
        ("cron(0 20 L-3 * ? *)", "'L-3' is no day of month"),
        ("cron(0 20 * 13 ? *)", "'13' is no month; months are 1 to 12 or JAN to DEC"),
        ("cron(0 20 ? * 0 *)", "'0' is no day of week"),
        ("cron(0 20 ? * mon-fri *)", "write MON-FRI"),
        ("cron(0 20 ? * MON/2 *)", "write them like MON,WED,FRI"),
        ("cron(0 20 ? * MON#6 *)", "from 1 to 5"),
        ("cron(0 20 ? * MON#1,FRI#3 *)", "there is one alone"),
        ("cron(0 20 * * ? 2030-2027)", "it ends before it starts"),
        ("cron(0/0 20 * * ? *)", "'0/0' is no step"),
        ("cron(0/60 20 * * ? *)", "'0/60' is no step"),
        ("cron(0, 20 * * ? *)", "'' is no minute"),
        ("cron(0 20 * * ? 1969)", "'1969' is no year; years are 1970 to 2199"),
        (f"cron({'9' * 5000} 20 * * ? *)", "is no minute"),
        ("cron(0 20 ²W * ? *)", "is no day of month"),
        ("rate(0 minutes)", "is no rate"),
        ("rate(1.5 hours)", "is no rate"),
        ("rate(2 weeks)", "write a whole number from 1 and minutes, hours or days"),
        ("rate(hour)", "is no rate"),
    ],
)
def test_anything_else_is_told_with_what_would_be_right(expression: str, says: str) -> None:
    assert says in (expression_problem(expression) or "")


@given(st.text(alphabet="0123456789*?/,-#LWMONFRI cronate()hus", max_size=40))
def test_no_text_is_a_traceback(text: str) -> None:
    for expression in (text, f"cron({text})", f"cron(0 0 {text} * ? *)", f"cron(0 0 ? * {text} *)"):
        problem = expression_problem(expression)
        assert problem is None or "invalid literal" not in problem


def _due(expression: str, before: str, zone: str = "UTC") -> str | None:
    found = last_due(expression, ZoneInfo(zone), datetime.fromisoformat(before), LONG_AGO)
    return None if found is None else f"{found:%Y-%m-%dT%H:%MZ}"


@pytest.mark.parametrize(
    ("expression", "before", "due"),
    [
        ("cron(0 20 * * ? *)", "2026-11-28T20:00:00+00:00", "2026-11-28T20:00Z"),
        ("cron(0 20 * * ? *)", "2026-11-28T19:59:59+00:00", "2026-11-27T20:00Z"),
        ("cron(0 20 ? * MON-FRI *)", "2026-11-29T12:00:00+00:00", "2026-11-27T20:00Z"),
        ("cron(0 0 L * ? *)", "2028-03-15T00:00:00+00:00", "2028-02-29T00:00Z"),
        ("cron(0 0 LW * ? *)", "2026-11-01T00:00:00+00:00", "2026-10-30T00:00Z"),  # the 31st is a Saturday
        ("cron(0 0 LW * ? *)", "2026-06-01T00:00:00+00:00", "2026-05-29T00:00Z"),  # the 31st is a Sunday
        ("cron(0 0 15W * ? *)", "2026-08-20T00:00:00+00:00", "2026-08-14T00:00Z"),  # the 15th is a Saturday
        ("cron(0 0 1W * ? *)", "2026-08-20T00:00:00+00:00", "2026-08-03T00:00Z"),  # the 1st is a Saturday
        ("cron(0 0 31W * ? *)", "2026-06-20T00:00:00+00:00", "2026-05-29T00:00Z"),  # the 31st is a Sunday
        ("cron(0 0 15W * ? *)", "2026-11-20T00:00:00+00:00", "2026-11-16T00:00Z"),  # the 15th is a Sunday
        ("cron(0 0 ? * 6L *)", "2026-11-28T00:00:00+00:00", "2026-11-27T00:00Z"),  # the last Friday
        ("cron(0 0 ? * 2#1 *)", "2026-11-28T00:00:00+00:00", "2026-11-02T00:00Z"),  # the first Monday
        ("cron(0 0 ? * MON#5 *)", "2026-11-28T00:00:00+00:00", "2026-08-31T00:00Z"),
        ("cron(0 0 ? * L *)", "2026-11-27T00:00:00+00:00", "2026-11-21T00:00Z"),  # the week's last day is Saturday
        ("cron(0 0 1 JAN ? 2024)", "2026-11-27T00:00:00+00:00", "2024-01-01T00:00Z"),
        ("cron(0 0 1 JAN ? 2027)", "2026-11-27T00:00:00+00:00", None),
        ("cron(0/30 20-2 ? * MON-FRI *)", "2026-11-27T12:00:00+00:00", "2026-11-27T02:30Z"),  # past midnight
        ("cron(0 20 ? * FRI-MON *)", "2026-11-26T12:00:00+00:00", "2026-11-23T20:00Z"),
        ("rate(6 hours)", "2026-11-27T12:34:00+00:00", "2026-11-27T06:34Z"),
        ("rate(1 day)", "2026-11-27T12:34:00+00:00", "2026-11-26T12:34Z"),
    ],
)
def test_it_was_last_due_at_or_before_the_instant(expression: str, before: str, due: str | None) -> None:
    assert _due(expression, before) == due


def test_a_time_that_clocks_skip_in_spring_is_not_due_on_that_day() -> None:
    assert _due("cron(30 2 * * ? *)", "2026-03-29T12:00:00+00:00", "Europe/Berlin") == "2026-03-28T01:30Z"


def test_a_time_that_comes_twice_in_autumn_is_due_once() -> None:
    for before in ("2026-10-25T00:30:00+00:00", "2026-10-25T01:29:00+00:00", "2026-10-25T12:00:00+00:00"):
        assert _due("cron(30 2 * * ? *)", before, "Europe/Berlin") == "2026-10-25T00:30Z"


def test_what_was_due_before_the_policy_was_active_is_not_due() -> None:
    before = datetime(2026, 11, 28, 21, tzinfo=UTC)
    due = datetime(2026, 11, 28, 20, tzinfo=UTC)
    assert last_due("cron(0 20 * * ? *)", UTC, before, due) == due
    assert last_due("cron(0 20 * * ? *)", UTC, before, due + timedelta(seconds=1)) is None
    assert last_due("rate(1 hour)", UTC, before, due) == due
    assert last_due("rate(1 hour)", UTC, before, due + timedelta(seconds=1)) is None


_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kolkata")
_CHANGES = [  # hours around which clocks change somewhere above
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2011, 11, 6, 2, 31, tzinfo=UTC),  # St. John's went back over midnight
]


@given(
    minute=st.sampled_from([0, 1, 30, 59]),
    hour=st.sampled_from([*range(4), 23]),
    week_day=st.sampled_from(["?", *_NAMES]),
    zone=st.sampled_from(_ZONES).map(ZoneInfo),
    near=st.sampled_from(_CHANGES),
    minutes=st.integers(-600, 1500),
)
def test_it_is_the_last_minute_that_a_clock_on_the_wall_would_show(
    minute: int, hour: int, week_day: str, zone: ZoneInfo, near: datetime, minutes: int
) -> None:
    before = near + timedelta(minutes=minutes)
    since = before - timedelta(hours=30)
    month_day = "*" if week_day == "?" else "?"
    found = last_due(f"cron({minute} {hour} {month_day} * {week_day} *)", zone, before, since)
    walked = None
    for back in range(30 * 60 + 1):
        local = (before - timedelta(minutes=back)).astimezone(zone)
        named = week_day in ("?", _NAMES[local.isoweekday() % 7])
        if (local.hour, local.minute) == (hour, minute) and named and not local.fold:
            walked = local.astimezone(UTC)
            break
    assert found == walked


@given(st.dates(date(1999, 1, 1), date(2040, 12, 31)), st.integers(1, 31))
def test_the_weekday_nearest_to_a_day_is_at_most_two_days_away_and_in_its_month(month: date, number: int) -> None:
    end = datetime(month.year, month.month, 1, 23, 59, tzinfo=UTC) + timedelta(days=30)
    found = last_due(f"cron(0 0 {number}W * ? *)", UTC, end, end - timedelta(days=65))
    assert found is not None
    assert found.weekday() <= 4
    assert min(abs(found.day - number), 9) <= 2
