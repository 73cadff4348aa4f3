"""Documents as JSON for standard output."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from orchestrator.core.report.control_characters import without_controls


def json_text(document: Any, *, indent: int | None = None) -> str:
    """The document as JSON that no terminal acts on: DEL, C1 and their like are escaped as JSON escapes C0."""
    try:
        text = to_json(document, indent=indent).decode()
    except PydanticSerializationError:  # half of a surrogate pair, which UTF-8 does not have
        text = json.dumps(document, indent=indent, ensure_ascii=False)
    return without_controls(text, lines=True)
