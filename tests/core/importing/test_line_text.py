"""A line is written so that it is read as the same line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.importing.line_text import line_text
from orchestrator.core.policy.schedules.calendars import LAST, Calendar
from orchestrator.core.policy.schedules.lines import Line, Side, parse_line
from tests.support.strategies import quick

MINUTES = st.integers(0, 24 * 60 - 1)
CALENDARS = st.builds(
    Calendar,
    st.none() | st.frozensets(st.integers(1, 12), min_size=1),
    st.none() | st.frozensets(st.integers(1, 31) | st.just(LAST), min_size=1),
    st.none() | st.frozensets(st.integers(0, 6), min_size=1),
    st.frozensets(st.tuples(st.sampled_from([1, 2, 3, 4, 5, LAST]), st.integers(0, 6)), max_size=3),
)
LINES = (
    st.builds(Line, MINUTES, st.integers(1, 24 * 60 - 1), CALENDARS)
    | st.builds(Line, st.just(0), st.just(24 * 60), CALENDARS)  # the only whole day that a line can be
    | st.builds(Line, MINUTES, st.just(0), CALENDARS, st.sampled_from([Side.FROM, Side.UNTIL]))
)


@given(LINES)
@quick
def test_what_is_written_is_read_as_the_same(line: Line) -> None:
    assert parse_line(line_text(line)) == line


@pytest.mark.parametrize(
    "text",
    [
        "daily 00:00-24:00",
        "mon-fri 07:00-19:00",
        "sat,sun 22:00-02:00",
        "until jan,feb,nov,dec last fri 19:00",
        "from 1,15,last day mon,wed 07:30",
    ],
)
def test_it_is_written_as_a_person_would(text: str) -> None:
    assert line_text(parse_line(text)) == text
