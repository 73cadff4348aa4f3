"""The parts of JSON Schema that several words share."""

from __future__ import annotations

from typing import Any

WHERE: dict[str, Any] = {"$ref": "#/$defs/where"}
WHERES: dict[str, Any] = {"type": "array", "minItems": 1, "items": WHERE}
_GLOB = {"type": "string", "minLength": 1}
GLOBS: dict[str, Any] = {"anyOf": [_GLOB, {"type": "array", "minItems": 1, "items": _GLOB}]}
TAGS: dict[str, Any] = {"type": "object", "minProperties": 1, "additionalProperties": GLOBS}
