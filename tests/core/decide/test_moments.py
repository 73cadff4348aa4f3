"""A moment that a person writes down is exactly one, or what would be right is said."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from orchestrator.core.decide.moments import parse_moment

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-12-24T22:00", "2026-12-24T21:00"),
        ("2026-12-24 22:00", "2026-12-24T21:00"),
        ("2026-12-24", "2026-12-23T23:00"),
        ("2026-12-24T22:00Z", "2026-12-24T22:00"),
        ("2026-12-24T22:00-05:00", "2026-12-25T03:00"),
        ("2026-07-01T22:00:30", "2026-07-01T20:00:30"),
        ("2026-10-25T02:30+01:00", "2026-10-25T01:30"),
    ],
)
def test_without_an_offset_it_is_by_the_clocks_of_the_zone(text: str, utc: str) -> None:
    assert parse_moment(text, BERLIN) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("noon", "'noon' is no moment; write it like 2026-12-24T22:00, or with an offset"),
        ("2026-13-01T00:00", "is no moment"),
        ("22:00", "is no moment"),
        ("0001-01-01T00:00+14:00", "is out of range, which is from 1970 to 8999"),
        ("9999-12-31T23:59Z", "is out of range"),
        ("1969-12-31", "is out of range"),
        ("9000-01-01T00:00", "is out of range"),
        ("2026-03-29T02:30", "does not exist in Europe/Berlin: clocks go forward over it"),
        (
            "2026-10-25T02:30",
            "comes twice in Europe/Berlin, as clocks go back; say which with an offset, +02:00 or +01",
        ),
    ],
)
def test_what_is_no_moment_or_none_or_two_is_refused_with_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        parse_moment(text, BERLIN)
    assert said in str(refused.value)
