"""Cells of tables in 80 columns: what is too long breaks where a person would break it."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from orchestrator.cli.tables import a_table, add_rows

ARN = "arn:aws:iam::140603011264:role/stop-orchestrator-member"


def lines_of(text: str, width: int) -> list[str]:
    """The lines of a cell in so many columns."""
    out = StringIO()
    Console(file=out, width=width + 5).print(add_rows(a_table("t", ("id", "fixed"), "why"), [("abc", text)]))
    return [line[5:].rstrip() for line in out.getvalue().splitlines()[2:]]


def test_the_name_of_a_role_stays_whole_where_its_arn_is_too_long() -> None:
    said = f"User: root is not authorized to perform: sts:AssumeRole on resource: {ARN} because of it"
    assert lines_of(said, 50) == [
        "User: root is not authorized to perform:",
        "sts:AssumeRole on resource:",
        "arn:aws:iam::140603011264:role/",
        "stop-orchestrator-member because of it",
    ]


@pytest.mark.parametrize("width", range(8, 70))
def test_nothing_of_a_text_is_lost_in_any_width(width: int) -> None:
    text = f"{ARN} https://example.com/{'x' * 40}:/: ::// no"
    lines = lines_of(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert max(map(len, lines)) <= width


def test_a_title_that_is_wider_than_its_columns_stays_on_one_line() -> None:
    table = a_table("Kept because (4 of 120)", "reason", ("n", "right"))
    table.add_row("opted out", "4")
    out = StringIO()
    Console(file=out, width=80).print(table)
    assert out.getvalue().splitlines()[0].rstrip() == "Kept because (4 of 120)"
