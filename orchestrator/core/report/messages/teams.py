"""A message for a Microsoft Teams workflow or incoming webhook: an Adaptive Card.

Whatever it says stands in text runs, which know no Markdown and no mentions
(https://adaptivecards.io/explorer/TextRun.html); a text block would take a tag's value for a link.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.messages.message import MOST_ROWS, Message

MOST_BYTES = 25_000
"""Teams takes 28 KB: https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook"""
_MOST_LINKS = 6
"""A card has six actions at most."""


def teams_payload(message: Message) -> dict[str, Any]:
    """The body of the POST, as JSON takes it; with fewer rows where Teams would not take all."""
    made = _payload(message)
    for most in (MOST_ROWS // 2, 5, 2, 0):
        if len(json.dumps(made)) <= MOST_BYTES:
            break
        made = _payload(message.shortened(most))
    return made


def _payload(message: Message) -> dict[str, Any]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "fallbackText": _text(message.subject),
        "body": [*_body(message)],
        "actions": [
            {"type": "Action.OpenUrl", "title": _text(link.text), "url": link.url}
            for link in message.links[:_MOST_LINKS]
        ],
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [content]}


def _body(message: Message) -> Iterator[dict[str, Any]]:
    yield _runs([message.subject], size="Large", weight="Bolder")
    for line in message.lines:
        yield _runs([line])
    for one in message.sections:
        yield _runs([one.heading], weight="Bolder")
        for line in (*one.lines, *one.notes):
            yield _runs([line])
        for command in one.commands:
            yield _runs([command], fontType="Monospace")


def _runs(texts: Iterable[str], **style: str) -> dict[str, Any]:
    return {
        "type": "RichTextBlock",
        "inlines": [{"type": "TextRun", "text": _text(text), **style} for text in texts],
    }


def _text(text: str) -> str:
    return without_controls(text)
