"""Answers that are not well-formed for what somebody wrote into a tag: that is marked, the rest is read as it is."""

from __future__ import annotations

from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.xml_answers import repair_xml
from orchestrator.core.model.unreadable import UNREADABLE_CHARACTER

PLAIN = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xD7FF), max_size=20)
CONTROL = st.sampled_from([chr(code) for code in (0, 1, 8, 11, 12, 14, 27, 31, 0xFFFE, 0xFFFF)])


def answer(*values: bytes) -> bytes:
    items = b"".join(b"<item><key>Note</key><value>%s</value></item>" % value for value in values)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n<Answer><tagSet>%s</tagSet></Answer>' % items


def values(content: bytes) -> list[str]:
    root = ET.fromstring(content)
    assert [item.tag for item in root.iterfind("tagSet/*")] == ["item"] * len(root.findall("tagSet/item"))
    return [item.findtext("value") or "" for item in root.iterfind("tagSet/item")]


def raw(character: str) -> bytes:
    return character.encode()


def decimal(character: str) -> bytes:
    return b"&#%d;" % ord(character)


def hexadecimal(character: str) -> bytes:
    return b"&#x000%X;" % ord(character)


@given(before=PLAIN, after=PLAIN, other=PLAIN, control=CONTROL, write=st.sampled_from([raw, decimal, hexadecimal]))
def test_a_forbidden_character_is_marked_and_everything_else_is_read_as_it_is(
    before: str, after: str, other: str, control: str, write: object
) -> None:
    assert callable(write)
    culprit = escape(before).encode() + write(control) + escape(after).encode()
    broken = answer(culprit, escape(other).encode())
    with pytest.raises(ET.ParseError):
        values(broken)
    assert values(repair_xml(broken)) == [f"{before}{UNREADABLE_CHARACTER}{after}", other]


@pytest.mark.parametrize("rubbish", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"&#x110000;", b"&#99999999999999999999;"])
def test_bytes_that_are_no_text_are_marked_and_markup_stays(rubbish: bytes) -> None:
    marked, other = values(repair_xml(answer(rubbish, b"other")))
    assert (set(marked), other) == ({UNREADABLE_CHARACTER}, "other")


@given(value=PLAIN, reference=st.integers(0x20, 0xD7FF))
def test_what_is_well_formed_stays_as_it_is(value: str, reference: int) -> None:
    whole = answer(escape(value).encode(), b"&#%d;" % reference, b"&#x0000000000041;")
    assert repair_xml(whole) == whole


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><p>Sign in", answer(b"a & b"), answer(b"")[:-5]])
def test_what_is_broken_otherwise_stays_broken(content: bytes) -> None:
    assert repair_xml(content) == content


def test_another_encoding_is_left_alone() -> None:
    latin = answer(b"\xe9\x01").replace(b"UTF-8", b"latin-1")
    assert repair_xml(latin) == latin
