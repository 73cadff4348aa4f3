"""README's picture of a terminal: what the demo prints, in a file that needs nothing from elsewhere."""

from __future__ import annotations

import html
import re

import pytest

from tests.docs.making.pictures import TERMINAL, shown_of, svg_of
from tests.docs.pages import text_of

WAITING = "\x1b[?25l\x1b[32m⠋\x1b[0m Listing ...\r\x1b[2K\x1b[32m⠙\x1b[0m Listing ...\n\x1b[?25h\r\x1b[1A\x1b[2K"
DEMO = (
    "Stop Orchestrator demo\n"
    f"\x1b[1m2. The Lambda plans\x1b[0m\n{WAITING}a plan\n"
    f"\x1b[1m3. The Lambda enforces\x1b[0m\n{WAITING}Sweep \x1b[1mone\x1b[0m\n\nBy account\ndev 1\n\n"
    + "".join(f"row {number}\n" for number in range(40))
    + "\x1b[1m4. AWS itself\x1b[0m\nAgreed.\n\n5. The reports\n/a/path/of/this/machine\n"
)


def plain(text: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", text).split("\n")


def test_it_shows_the_tables_of_the_enforcing_step_and_what_aws_says_and_nothing_of_the_machine() -> None:
    first = ["$ make demo", "  ...", "3. The Lambda enforces", "Sweep one", "", "By account", "dev 1"]
    assert plain(shown_of(DEMO)) == [*first, "  ...", "", "4. AWS itself", "Agreed."]


@pytest.mark.parametrize("made", [True, False])
def test_it_asks_nobody_for_anything(made: bool) -> None:
    svg = svg_of(shown_of(DEMO)) if made else TERMINAL.read_text()
    assert svg.startswith("<svg")
    for what in ("@font-face", "url(http", "<image", "<script", "href="):
        assert what not in svg


def test_it_is_the_same_for_the_same_text() -> None:
    assert svg_of("a\nb") == svg_of("a\nb")


def test_readme_says_of_the_terminal_what_it_shows() -> None:
    """The numbers of stops in its words are those of the picture, which is made anew where the demo is another."""
    lines = re.findall(r"<text[^>]*>(.*?)</text>", TERMINAL.read_text())
    shown = html.unescape(" ".join(lines)).replace("\xa0", " ")
    [words] = re.findall(r"!\[(.*?)\]\(docs/pictures/demo\.svg\)", text_of("README.md"))
    [done, planned, accounts] = re.findall(r"\d+", words)
    for told in (f"{planned} planned: {done} stopped", f"{accounts} accounts, ", "AWS itself, asked again"):
        assert told in shown
