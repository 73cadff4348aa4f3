"""A message for a Slack incoming webhook: blocks whose texts Slack does not take for links, mentions or formatting.

https://docs.slack.dev/messaging/formatting-message-text: `&`, `<` and `>` are escaped, and Slack is told to look for no
links and names (`verbatim`); rows stand in preformatted text, sentences in plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.messages.message import Link, Message

_MOST_BLOCKS = 49
"""Slack takes 50."""
_LONGEST_TEXT = 2_800
"""Slack takes 3,000 characters in a block."""
_LONGEST_HEADER = 140
_BACKTICK, _LIKE_ONE = "`", "\u02cb"
_MENTION = re.compile("@(?=here|channel|everyone)", re.IGNORECASE)
_MENTION_APART = "@\u2060"


def slack_payload(message: Message) -> dict[str, Any]:
    """The body of the POST, as JSON takes it."""
    blocks = [*_blocks(message)]
    if len(blocks) > _MOST_BLOCKS:
        more = _plain("... cut here: the report has the rest")
        blocks = [*blocks[: _MOST_BLOCKS - 1], more]
    return {"text": escaped(message.subject), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def escaped(text: str) -> str:
    """Text that Slack shows as it is."""
    shown = without_controls(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MENTION.sub(_MENTION_APART, shown)


def _blocks(message: Message) -> Iterator[dict[str, Any]]:
    header = escaped(message.subject[:_LONGEST_HEADER])
    yield {"type": "header", "text": {"type": "plain_text", "text": header[:150], "emoji": False}}
    for texts in _packed([escaped(line) for line in message.lines]):
        yield _plain(texts)
    for one in message.sections:
        yield _marked(f"*{escaped(one.heading).replace('*', '')}*")
        yield from _preformatted(one.lines)
        for texts in _packed([escaped(note) for note in one.notes]):
            yield _plain(texts)
        yield from _preformatted(one.commands)
    for texts in _packed([_link(link) for link in message.links]):
        yield _marked(texts)


def _preformatted(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    for texts in _packed([escaped(line).replace(_BACKTICK, _LIKE_ONE) for line in lines]):
        yield _marked(f"```{texts}```")


def _packed(lines: Sequence[str]) -> Iterator[str]:
    """As few texts as hold these lines, each as long as a block takes."""
    text = ""
    for line in lines:
        short = line[:_LONGEST_TEXT]
        if text and len(text) + len(short) + 1 > _LONGEST_TEXT:
            yield text
            text = ""
        text = f"{text}\n{short}" if text else short
    if text:
        yield text


def _link(link: Link) -> str:
    """The only links there are: to what this program names itself."""
    url = escaped(link.url).replace("|", "%7C").replace(" ", "%20")
    return f"<{url}|{escaped(link.text).replace('|', '/')}>"


def _plain(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _marked(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
