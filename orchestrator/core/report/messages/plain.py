"""A message as plain text, for mail by SNS: nothing in it steers a terminal, a mail client or a header."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.messages.message import Message

LONGEST_SUBJECT = 99
"""SNS takes less than 100 characters of ASCII without line breaks, of which the first is a letter, a digit or
punctuation: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""
MOST_BYTES = 250_000
"""SNS takes 256 KB, attributes included."""


def plain_subject(text: str) -> str:
    """What SNS takes as one; what is not ASCII is a question mark."""
    shown = "".join(sign if " " <= sign <= "~" else "?" for sign in without_controls(text)).strip()
    shown = shown or "Stop Orchestrator"
    return shown if len(shown) <= LONGEST_SUBJECT else f"{shown[: LONGEST_SUBJECT - 3]}..."


def plain_text(message: Message) -> str:
    """The whole message but for its subject, with line feeds alone between its lines."""
    text = "\n".join(without_controls(line) for line in _lines(message)).strip() + "\n"
    return cut(text, MOST_BYTES)


def cut(text: str, most_bytes: int) -> str:
    """At most so many bytes of UTF-8, cut at a line's end."""
    if len(text.encode()) <= most_bytes:
        return text
    end = "\n... cut here: the report has the rest\n"
    return text.encode()[: most_bytes - len(end)].decode(errors="ignore").rpartition("\n")[0] + end


def _lines(message: Message) -> Iterator[str]:
    yield from message.lines
    for one in message.sections:
        yield ""
        yield f"{one.heading}:"
        yield from (f"  {line}" for line in one.lines)
        yield from (f"  {note}" for note in one.notes)
        yield from (f"  {command}" for command in one.commands)
    if message.links:
        yield ""
    for link in message.links:
        yield f"{link.text}: {link.url}"
