"""What every page has: one file that asks for nothing, runs nothing but its own script, and shows texts as texts."""

from __future__ import annotations

import base64
import hashlib
import re

import jinja2
import pytest

from orchestrator.core.report.html.packed import Packed
from orchestrator.core.report.html.pages import _environment, counted, page_chunks
from tests.support.packed_rows import packed_rows


def test_a_page_runs_only_its_own_style_and_script_and_fetches_nothing() -> None:
    page = b"".join(page_chunks("base.html.j2", {})).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert "default-src &#39;none&#39;" in policy
    assert "connect-src &#39;none&#39;" in policy
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}" in policy
    assert re.findall(r"https?://", page) == []
    assert re.findall(r'\s(?:style|on\w+)="', page) == [], "what the policy would block"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
        ('" onmouseover="alert(1)', "&#34; onmouseover=&#34;alert(1)"),
        ("a\u202eb", "a\\u202eb"),
        ("\x1b[31mred", "\\u001b[31mred"),
        (None, ""),
        (0, "0"),
    ],
)
def test_a_value_is_text_whatever_is_in_it(text: object, shown: str) -> None:
    template = _environment().from_string("{{ value }}")
    assert template.render(value=text) == shown


def test_a_value_that_nobody_gave_is_an_error_and_no_hole_in_the_page() -> None:
    with pytest.raises(jinja2.UndefinedError):
        _environment().from_string("{{ no_such_value }}").render()


def test_the_rows_of_tables_are_packed_behind_the_content() -> None:
    rows = [{"a": "</script><script>alert(1)</script>"}, {"a": "2"}]
    page = b"".join(page_chunks("base.html.j2", {}, {"some": Packed(("a",)).extend(rows)})).decode()
    assert packed_rows(page, "some") == rows
    assert page.index("</main>") < page.index("data-rows-of") < page.index("<script>")


def test_counts_are_said_with_their_noun() -> None:
    assert [counted(count, "stop") for count in (0, 1, 1000)] == ["0 stops", "1 stop", "1,000 stops"]
