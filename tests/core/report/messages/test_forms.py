"""Names and tags are anybody's: in no form of a message are they more than text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.report.messages.message import Link, Message, Section, section
from orchestrator.core.report.messages.plain import LONGEST_SUBJECT, MOST_BYTES, plain_subject, plain_text
from orchestrator.core.report.messages.slack import slack_payload
from orchestrator.core.report.messages.teams import MOST_BYTES as TEAMS_BYTES
from orchestrator.core.report.messages.teams import teams_payload
from tests.support.strategies import quick

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    '=HYPERLINK("https://evil.example","click")',
    "<!channel> <!here> <@U123> <https://evil.example|bank>",
    "@here @channel @Everyone",
    "[click](https://evil.example) **bold** `code`",
    "```\nout of the block",
    "\x1b[31mred\x1b]8;;https://evil.example\x07link",
    "a\u202egnp.exe\u2066\u200f",
    "subject\r\nBcc: everyone@example.com",
    "<at>Everyone</at> & co",
    "\ud800 half",
    "=cmd|' /C calc'!A0",
)
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=50))


def message(text: str) -> Message:
    return Message(
        f"nonprod: {text}",
        (f"For {text}",),
        (section(f"Stopped {text}", [text, f"web ({text})"]), Section("To keep", (), 0, (f"aws tag {text}",))),
        (Link(f"Keep {text}", "https://keep.example/?a=1&b=2"),),
    )


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (one for below in value.values() for one in texts_in(below))
    elif isinstance(value, list):
        yield from (one for below in value for one in texts_in(below))
    elif isinstance(value, str):
        yield value


@quick
@given(texts)
def test_mail_is_plain_text_without_control_characters(text: str) -> None:
    body = plain_text(message(text))
    assert not CONTROL.search(body)
    assert body.count("\n") == 10  # those of the form, and none of a name
    body.encode()


@quick
@given(texts)
def test_a_subject_is_one_line_of_ascii_that_sns_takes(text: str) -> None:
    subject = plain_subject(message(text).subject)
    assert re.fullmatch(r"[!-~][ -~]*", subject)
    assert len(subject) <= LONGEST_SUBJECT
    assert re.fullmatch(r"[!-~][ -~]*", plain_subject(text))


@quick
@given(texts)
def test_slack_sees_no_link_no_mention_and_no_formatting_of_others(text: str) -> None:
    payload = slack_payload(message(text))
    json.dumps(payload).encode()
    for block in payload["blocks"]:
        shown = block["text"]["text"]
        assert not CONTROL.search(shown)
        assert not re.search("@(here|channel|everyone)", shown, re.IGNORECASE)
        if shown.startswith("<https://keep.example/?a=1&amp;b=2|"):
            assert (shown.count("<"), shown.count(">"), shown.count("|")) == (1, 1, 1)
            continue
        assert "<" not in shown
        assert ">" not in shown
        assert not re.search("&(?!amp;|lt;|gt;)", shown)
        if block["text"]["type"] == "mrkdwn":
            assert block["text"]["verbatim"] is True
            if shown.startswith("```"):
                assert shown.strip("`").count("`") == 0
                assert (shown[:3], shown[-3:]) == ("```", "```")
            else:
                assert (shown[0], shown[-1], shown.count("*")) == ("*", "*", 2)
    assert not re.search("[<>]", payload["text"])


@quick
@given(texts)
def test_teams_has_others_texts_in_runs_alone_which_know_no_markdown(text: str) -> None:
    payload = teams_payload(message(text))
    card = payload["attachments"][0]["content"]
    assert {one["type"] for one in card["body"]} == {"RichTextBlock"}
    assert {run["type"] for one in card["body"] for run in one["inlines"]} == {"TextRun"}
    assert [one["url"] for one in card["actions"]] == ["https://keep.example/?a=1&b=2"]
    assert "entities" not in json.dumps(card["msteams"])  # by which mentions are made
    assert not [one for one in texts_in(payload) if CONTROL.search(one)]
    json.dumps(payload).encode()


def long_message() -> Message:
    rows = ["x" * 300] * 2_000
    return Message("s", ("line",) * 3, tuple(section(f"Part {number}", rows) for number in range(12)))


def test_however_much_there_is_each_form_fits_what_its_channel_takes() -> None:
    made = long_message()
    assert len(plain_text(made).encode()) <= MOST_BYTES
    payload = slack_payload(made)
    assert len(payload["blocks"]) <= 50
    assert max(len(one["text"]["text"]) for one in payload["blocks"]) <= 3_000
    assert len(json.dumps(teams_payload(made))) <= TEAMS_BYTES
    assert "... and 1,998 more" in json.dumps(teams_payload(made))


@pytest.mark.parametrize("text", ["", "\n", " ", "\u202e"])
def test_a_subject_of_nothing_is_one_all_the_same(text: str) -> None:
    assert plain_subject(text).strip()


def test_mail_that_is_too_long_is_cut_at_a_line_and_says_so() -> None:
    body = plain_text(Message("s", tuple("é" * 100 for _ in range(2_000))))
    assert len(body.encode()) <= MOST_BYTES
    assert body.endswith("\n... cut here: the report has the rest\n")
    assert set(body.split("\n")[:-3]) == {"é" * 100}
