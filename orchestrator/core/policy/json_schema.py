"""The JSON Schema of the policy document: for editors that complete it, and for pipelines that check it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from orchestrator.core.model import KindDescription
from orchestrator.core.policy.conditions import everything
from orchestrator.core.policy.conditions.interface import Word
from orchestrator.core.policy.conditions.schema_parts import WHERE
from orchestrator.core.policy.conditions.words import words_of
from orchestrator.core.policy.schema.document import PolicyDocument
from orchestrator.core.policy.schema.fields import Choices

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_ID = "urn:stop-orchestrator:policy:1"
"""Of the document's `version`; no place from which it could be read."""


def policy_json_schema(kinds: Sequence[KindDescription]) -> dict[str, Any]:
    """Draft 2020-12, for policies about these kinds.

    References between parts (rule to schedule, condition to kind) are checked by `validate` only.
    """
    schema = {"$schema": DIALECT, "$id": SCHEMA_ID, **PolicyDocument.model_json_schema()}
    for part in (schema, *schema["$defs"].values()):
        for word in part.get("properties", {}).values():
            _as_written(word)
    schema["$defs"]["RequiredTagDocument"]["properties"]["kinds"]["items"] |= _one_of(Choices.of(kinds).kinds)
    _rule(schema["$defs"]["RuleDocument"]["properties"], Choices.of(kinds))
    schema["properties"]["order"]["propertyNames"] = _one_of(Choices.of(kinds).kinds)
    schema["properties"]["conditions"]["additionalProperties"] = WHERE
    schema["$defs"]["where"] = deepcopy(_where(words_of(kinds)))
    return schema


def _as_written(word: dict[str, Any]) -> None:
    """Leaves out what pydantic says of an absent key: a document may neither write `null` there nor such a default."""
    if word.get("default", "") in (None, []) or isinstance(word.get("default"), dict):
        del word["default"]
    if {"type": "null"} in word.get("anyOf", ()):
        word.update(word.pop("anyOf")[0])


def _rule(properties: dict[str, Any], choices: Choices) -> None:
    properties["where"] = {**WHERE, **{key: properties["where"][key] for key in ("description", "examples")}}
    properties["kinds"]["items"] |= _one_of(choices.kinds)
    properties["action"] |= _one_of(choices.actions)
    properties["accept"]["items"] |= _one_of(choices.losses)


def _one_of(words: Sequence[str]) -> dict[str, Any]:
    return {"const": words[0]} if len(words) == 1 else {"enum": list(words)}


def _where(words: Mapping[str, Word]) -> dict[str, Any]:
    properties = {word.name: word.schema for word in words.values()}
    mapping = {"type": "object", "minProperties": 1, "additionalProperties": False, "properties": properties}
    return {"anyOf": [everything.SCHEMA, mapping], "description": "Several words in one mapping must all hold."}
