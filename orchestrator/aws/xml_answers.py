"""Answers whose XML is not well-formed because of what somebody wrote into a tag: read all the same, and marked there.

XML has no way to write a control character, and AWS takes them in tags: one value would make a whole target unreadable,
each time that it is asked. What XML forbids is never a part of its markup, so another character in its place changes no
structure; the one that stands there says that what was read is not what is there.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from datetime import datetime
from typing import Any

from botocore.parsers import ResponseParserError, ResponseParserFactory
from botocore.utils import parse_timestamp

from orchestrator.aws.json_answers import repair_json
from orchestrator.core.model.unreadable import UNREADABLE_CHARACTER

_ALLOWED = r"\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff"
"""https://www.w3.org/TR/xml/#charsets"""
_FORBIDDEN = re.compile(f"[^{_ALLOWED}]")
_REFERENCE = re.compile(r"&#(?:x(?P<hex>[0-9a-fA-F]+)|(?P<decimal>[0-9]+));")
_LONGEST_REFERENCE = 8
"""In digits; more than any character has."""
_OTHER_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*\sencoding=["'](?!utf-8["'])""", re.IGNORECASE)

_USUAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3}|\.[0-9]{6})?Z", re.ASCII)


def repair_xml(content: bytes) -> bytes:
    """The same answer with UNREADABLE_CHARACTER for each character, reference and byte that XML in UTF-8 forbids."""
    if _OTHER_ENCODING.match(content):
        return content
    text = content.decode("utf-8", "surrogateescape")  # a byte that is no UTF-8 becomes what is forbidden
    text = _REFERENCE.sub(_repaired_reference, _FORBIDDEN.sub(UNREADABLE_CHARACTER, text))
    return text.encode()


def _repaired_reference(reference: re.Match[str]) -> str:
    digits, base = (reference["hex"], 16) if reference["hex"] else (reference["decimal"], 10)
    digits = digits.lstrip("0")[:_LONGEST_REFERENCE] or "0"
    code = int(digits, base)
    is_allowed = code <= sys.maxunicode and not _FORBIDDEN.match(chr(code))
    return reference[0] if is_allowed else UNREADABLE_CHARACTER


class RepairingParsers(ResponseParserFactory):
    """botocore's component `response_parser_factory`."""

    def __init__(self) -> None:
        super().__init__()
        self.set_parser_defaults(timestamp_parser=_timestamp)

    def create_parser(self, protocol_name: str) -> Any:
        """Any: botocore asks for nothing of it but `parse`."""
        parser = super().create_parser(protocol_name)
        return _JsonParser(parser) if "json" in protocol_name else _XmlParser(parser)


def _timestamp(value: Any) -> datetime:
    """As botocore reads it, which takes ten times as long for the form that AWS almost always uses."""
    if isinstance(value, str) and _USUAL_TIME.fullmatch(value):
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    parsed: datetime = parse_timestamp(value)
    return parsed


class _XmlParser:
    def __init__(self, parser: Any) -> None:
        self._parser = parser

    def parse(self, response: Any, shape: Any) -> Any:
        try:
            return self._parser.parse(response, shape)
        except ResponseParserError:
            body = response["body"]
            content = repair_xml(body) if isinstance(body, bytes) else body  # else the stream of a file
            if content == body:
                raise
            return self._parser.parse({**response, "body": content}, shape)


class _JsonParser:
    def __init__(self, parser: Any) -> None:
        self._parser = parser

    def parse(self, response: Any, shape: Any) -> Any:
        body = response["body"]
        content = repair_json(body) if isinstance(body, bytes) else body
        try:
            return self._parser.parse({**response, "body": content}, shape)
        except UnicodeDecodeError as broken:
            raise ResponseParserError(f"the answer is no text: {broken}") from broken
