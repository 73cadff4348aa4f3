"""docs/policy-reference.md from the JSON Schema of a policy: every key and every condition, with what it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import yaml

from orchestrator.core.policy.conditions.words import words_of
from orchestrator.core.policy.json_schema import policy_json_schema
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.docs.making.tables import quoted, table

Schema = Mapping[str, Any]
HEADER = ("key", "takes", "default", "means", "example")
_NAMES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}


def keys() -> str:
    """A table for the document itself, and one for each mapping in it, in the order of the schema."""
    return "\n".join(_keys())


def conditions() -> str:
    """A row for each word of `where`, and one for each form of a tag."""
    return "\n".join(_conditions())


@cache
def schema() -> Schema:
    return policy_json_schema(DESCRIPTIONS)


def definition(name: str) -> Schema:
    found: Schema = schema()["$defs"][name]
    return found


def _keys() -> Iterator[str]:
    yield from _section("The document", "", schema())
    below = [*_below("", schema())]
    while below:
        place, part = below.pop(0)
        yield ""
        yield from _section(quoted(place), f"{place}.", part)
        below[:0] = _below(f"{place}.", part)


def _section(title: str, before: str, part: Schema) -> Iterator[str]:
    yield f"### {title}"
    yield ""
    if before:
        yield part["description"]
        yield ""
    needed = part.get("required", ())
    yield from table(HEADER, (_row(before, name, value, name in needed) for name, value in part["properties"].items()))


def _row(before: str, name: str, value: Schema, needed: bool) -> tuple[str, ...]:
    default = "needed" if needed else quoted(as_yaml(value["default"])) if "default" in value else ""
    examples = value["examples"]
    return quoted(f"{before}{name}"), _takes(value), default, value["description"], quoted(as_yaml(examples[-1]))


def _below(before: str, part: Schema) -> Iterator[tuple[str, Schema]]:
    """The mappings with keys of their own that these keys take, by their places."""
    for name, value in part["properties"].items():
        for found, end in _models(value):
            yield f"{before}{name}{end}", found


def _models(value: Schema, end: str = "") -> Iterator[tuple[Schema, str]]:
    if "$ref" in value:
        found = definition(value["$ref"].rpartition("/")[2])
        if "properties" in found:
            yield found, end
        return
    if "items" in value:
        yield from _models(value["items"], f"{end}[]")
    if isinstance(value.get("additionalProperties"), dict):
        yield from _models(value["additionalProperties"], f"{end}.NAME")
    seen: set[str] = set()
    for one in value.get("oneOf", ()):
        for found, its_end in _models(one, end):
            if found["title"] not in seen:
                seen.add(found["title"])
                yield found, its_end


def _takes(value: Schema, several: bool = False) -> str:
    """In words; `several`: as what a list has."""
    if "$ref" in value:
        where = value["$ref"].endswith("/where")
        one, many = ("a [condition](#conditions)", "[conditions](#conditions)") if where else ("a mapping", "mappings")
        return many if several else one
    if "const" in value:
        return quoted(as_yaml(value["const"]))
    if "enum" in value:
        return _either([quoted(as_yaml(one)) for one in value["enum"]])
    for choice in ("oneOf", "anyOf"):
        if choice in value:
            return _either([*dict.fromkeys(_takes(one, several) for one in value[choice])])
    return _takes_type(value, several)


def _takes_type(value: Schema, several: bool) -> str:
    if value["type"] == "array":
        return f"a list ({_takes(value['items'], several=True)})"
    if value["type"] == "object":
        return "mappings" if several else "a mapping"
    return f"{_NAMES[value['type']]}{'s' if several else ''}{_limits(value)}"


def _limits(value: Schema) -> str:
    low, high = value.get("minimum"), value.get("maximum", value.get("le"))
    above = value.get("exclusiveMinimum", value.get("gt"))
    least = [f"from {low}"] if low is not None else [f"above {above}"] if above is not None else []
    most = [f"to {high}"] if high is not None else []
    return f" {' '.join(least + most)}" if least or most else ""


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def as_yaml(value: object) -> str:
    """In one line, as it may stand in a policy."""
    if isinstance(value, str):
        return value if _is_plain(value) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{as_yaml(key)}: {as_yaml(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(as_yaml, value))}]"
    return json.dumps(value)


def _is_plain(text: str) -> bool:
    """Whether it means itself without quotes, also within `[]` and `{}`."""
    try:
        return bool(yaml.safe_load(f"[{text}]") == [text])
    except yaml.YAMLError:
        return False


def _conditions() -> Iterator[str]:
    [words] = [one for one in definition("where")["anyOf"] if "properties" in one]
    declared = words_of(DESCRIPTIONS)
    yield from table(
        ("condition", "of", "holds where", "example"),
        (
            (
                quoted(name),
                ", ".join(quoted(kind) for kind in sorted(kinds)) if (kinds := declared[name].kinds) else "every kind",
                value["description"],
                quoted(as_yaml({name: value["examples"][-1]})),
            )
            for name, value in words["properties"].items()
        ),
    )
    yield ""
    yield "### Forms of tags"
    yield ""
    yield "In place of a text or a list, `tag` and `account_tag` take a mapping of these; several must all hold."
    yield ""
    tag = words["properties"]["tag"]["additionalProperties"]["anyOf"]
    [forms] = [one["properties"] for one in tag if "properties" in one]
    yield from table(
        ("form", "holds where", "example"),
        ((quoted(n), one["description"], quoted(as_yaml({n: one["examples"][0]}))) for n, one in forms.items()),
    )
