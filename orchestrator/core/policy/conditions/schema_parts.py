"""The parts of JSON Schema that several words share."""

from __future__ import annotations

from typing import Any

WHERE: dict[str, Any] = {"$ref": "#/$defs/where"}
WHERES: dict[str, Any] = {"type": "array", "minItems": 1, "items": WHERE}
GLOB: dict[str, Any] = {"type": "string", "minLength": 1}
GLOBS: dict[str, Any] = {"anyOf": [GLOB, {"type": "array", "minItems": 1, "items": GLOB}]}
EXAMPLE = [{"region": "eu-*"}, {"tag": {"Tier": "low"}}]
"""Of `all` and `any`."""
