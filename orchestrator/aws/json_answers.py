"""JSON answers with what no text may hold: half of a pair of surrogates, control characters, bytes that are no UTF-8.

Somebody wrote it into a name or a tag. As it is it breaks the whole answer, or whatever writes it down later; so it is
marked where it stands, as in XML.
"""

from __future__ import annotations

import json
import re
from typing import Any

from orchestrator.core.model.unreadable import UNREADABLE_CHARACTER

_SUSPECT = re.compile(rb"\\u[dD][89a-fA-F]|[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""Surrogates that are written out, in pairs or not; and control characters, which JSON has other ways to write."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def repair_json(content: bytes) -> bytes:
    """The same document with UNREADABLE_CHARACTER for each surrogate without its other half, and each byte that is no
    UTF-8; as it is where it has none of them, or is broken otherwise.
    """
    if not _SUSPECT.search(content) and _is_utf8(content):
        return content
    try:
        document = json.loads(content.decode("utf-8", "surrogateescape"), strict=False)
    except ValueError:
        return content
    return json.dumps(_repaired(document)).encode()


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _repaired(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub(UNREADABLE_CHARACTER, value)
    if isinstance(value, list):
        return [_repaired(one) for one in value]
    if isinstance(value, dict):
        return {_repaired(key): _repaired(one) for key, one in value.items()}
    return value
