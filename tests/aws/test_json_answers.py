"""JSON answers with what no text may hold: it is marked, and everything else is read as it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.json_answers import repair_json
from orchestrator.core.model.unreadable import UNREADABLE_CHARACTER

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(DOCUMENTS, st.booleans())
def test_what_is_whole_is_read_as_it_is(document: object, escaped: bool) -> None:
    assert json.loads(repair_json(json.dumps(document, ensure_ascii=escaped).encode())) == document


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (rb"a\ud800b", f"a{UNREADABLE_CHARACTER}b"),
        (rb"a\uDFFF", f"a{UNREADABLE_CHARACTER}"),
        (rb"\ud83d\ude00 \ud83d", f"\U0001f600 {UNREADABLE_CHARACTER}"),
        (rb"\\ud800", r"\ud800"),
        (b"a\xffb", f"a{UNREADABLE_CHARACTER}b"),
        (b"a\x01b", "a\x01b"),
        (rb"a\u0001b", "a\x01b"),
        (b"\xed\xa0\x80", UNREADABLE_CHARACTER * 3),
    ],
)
def test_what_no_text_may_hold_is_marked_in_names_and_values(written: bytes, read: str) -> None:
    document = json.loads(repair_json(b'{"Tags": [{"Key": "%s", "Value": "x"}], "%s": 1}' % (written, written)))
    assert document == {"Tags": [{"Key": read, "Value": "x"}], read: 1}


@pytest.mark.parametrize("content", [b"", b"<html>\x01\xff", b'{"Accounts": ["\xff', b"\xff"])
def test_what_is_broken_otherwise_stays_as_it_is(content: bytes) -> None:
    assert repair_json(content) == content
