"""A policy document that is a file of this machine."""

from __future__ import annotations

import codecs
from pathlib import Path

from orchestrator.errors import SettingsError

MOST_BYTES = 10_000_000
_OTHER_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
"""By their byte order marks; that of UTF-32 begins like that of UTF-16."""


def is_file(source: str) -> bool:
    """Whether it names a file, and nothing in AWS."""
    return not source.startswith(("s3://", "ssm:"))


def read_policy_file(source: str, what: str = "policy") -> str:
    """Its text: the very bytes, since the report has their SHA-256. Raises SettingsError; `what` it is to be."""
    try:
        with Path(source).open("rb") as file:
            return as_text(source, file.read(MOST_BYTES + 1), what)
    except OSError as failure:
        raise SettingsError(f"the {what} {source} cannot be read: {failure.strerror or failure}") from failure


def as_text(source: str, content: bytes, what: str = "policy") -> str:
    """Raises SettingsError for what is no text, or longer than MOST_BYTES: then not all of it need be there."""
    if len(content) > MOST_BYTES:
        most = MOST_BYTES // 1_000_000
        raise SettingsError(f"the {what} {source} cannot be read: it is larger than {most} MB, which no {what} needs")
    other = next((name for mark, name in _OTHER_ENCODINGS if content.startswith(mark)), "")
    if other:
        raise SettingsError(f"the {what} {source} cannot be read: it is text in {other}; save it as UTF-8")
    try:
        return content.decode()
    except UnicodeDecodeError as binary:
        line = content.count(b"\n", 0, binary.start) + 1
        text = f"it is no UTF-8 text (line {line}: {binary.reason}); save it as UTF-8"
        raise SettingsError(f"the {what} {source} cannot be read: {text}") from None
