"""The JSON Schema of the policy document: for editors that complete it, and for pipelines that check it."""

from __future__ import annotations

from typing import Any

from orchestrator.core.policy.conditions.parsing import EVERYTHING
from orchestrator.core.policy.schema import PolicyDocument

_GLOB = {"type": "string", "minLength": 1}
_GLOBS = {"anyOf": [_GLOB, {"type": "array", "minItems": 1, "items": _GLOB}]}
_TAGS = {"type": "object", "minProperties": 1, "additionalProperties": _GLOBS}
_WHERE = {"$ref": "#/$defs/where"}
_SEVERAL = {"type": "array", "minItems": 1, "items": _WHERE}


def policy_json_schema() -> dict[str, Any]:
    """Draft 2020-12. References between parts (rule to schedule) are checked by `validate` only."""
    schema = PolicyDocument.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    for part in (schema, *schema["$defs"].values()):
        for word in part.get("properties", {}).values():
            _as_written(word)
    schema["$defs"]["RuleDocument"]["properties"]["where"] = {**_WHERE, "description": "What the rule owns."}
    schema["$defs"]["where"] = _where()
    return schema


def _as_written(word: dict[str, Any]) -> None:
    """Leaves out what pydantic says of an absent key: whoever writes one may not write `null`, nor such a default."""
    if word.get("default", "") in (None, []) or isinstance(word.get("default"), dict):
        del word["default"]
    if {"type": "null"} in word.get("anyOf", ()):
        word.update(word.pop("anyOf")[0])


def _where() -> dict[str, Any]:
    words = {
        "all": {**_SEVERAL, "description": "Every one of these holds."},
        "any": {**_SEVERAL, "description": "At least one of these holds."},
        "not": {**_WHERE, "description": "This does not hold."},
        "tag": {**_TAGS, "description": "Tag globs; a list means any of; a missing tag never matches."},
        "account_tag": {**_TAGS, "description": "The same on the account's tags."},
        "account": {"description": "Account id globs.", "anyOf": [*_GLOBS["anyOf"], {"type": "integer"}]},
        "organizational_unit": {**_GLOBS, "description": "OU paths, each with all below it."},
        "region": {**_GLOBS, "description": "Region globs."},
        "instance_type": {**_GLOBS, "description": "Instance type globs."},
    }
    mapping = {"type": "object", "minProperties": 1, "additionalProperties": False, "properties": words}
    return {"anyOf": [{"const": EVERYTHING}, mapping], "description": "Several words in one mapping must all hold."}
