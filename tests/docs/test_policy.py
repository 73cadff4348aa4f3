"""docs/policy.md has every key and every condition of a policy, with the defaults that the schema has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from orchestrator.core.policy.json_schema import policy_json_schema
from orchestrator.kinds.registry import DESCRIPTIONS

PAGE = (Path(__file__).parents[2] / "docs/policy.md").read_text()
KEYS, _, REST = PAGE.partition("## Schedules")
CONDITIONS, _, AFTER = REST.partition("## Conditions")[2].partition("## Whose schedule")
_, _, LOSSES = AFTER.partition("## What a stop loses")
SCHEMA = policy_json_schema(DESCRIPTIONS)
NEEDED = "needed"


def rows(text: str) -> dict[str, list[str]]:
    """The cells by what stands in back quotes in the first one."""
    found = re.findall(r"^\| `([^`]+)` \| (.+) \|$", text, re.MULTILINE)
    return {name: cells.split(" | ") for name, cells in found}


def keys_of(part: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Every key by its place, with its default as YAML has it; empty: none."""
    for name, value in part["properties"].items():
        inner = value.get("items", value.get("additionalProperties", value))
        model = SCHEMA["$defs"].get(str(inner.get("$ref", "")).rpartition("/")[2], {})
        place = f"{before}{name}"
        if "properties" in model:
            end = "[]" if "items" in value else ".NAME" if "additionalProperties" in value else ""
            yield from keys_of(model, f"{place}{end}.")
            continue
        models = [
            (SCHEMA["$defs"].get(str(one.get("items", one).get("$ref", "")).rpartition("/")[2], {}), "items" in one)
            for one in value.get("oneOf", ())
        ]
        for one, is_list in models:
            yield from keys_of(one, f"{place}{'[]' if is_list else ''}.") if one.get("properties") else ()
        default = value.get("default")
        shown = "" if default is None else yaml.safe_dump(default, default_flow_style=True).split("\n")[0]
        yield place, NEEDED if name in part.get("required", ()) else shown.replace("'*'", '"*"')


def test_every_key_is_in_the_table_with_its_default_and_no_other_is() -> None:
    shown = {place: "" if cells[0] == "-" else cells[0].strip("`") for place, cells in rows(KEYS).items()}
    assert shown == dict(keys_of(SCHEMA))
    assert all(cells[1] for cells in rows(KEYS).values())


def test_every_condition_is_in_the_table_and_no_other_is() -> None:
    [where] = [one for one in SCHEMA["$defs"]["where"]["anyOf"] if "properties" in one]
    assert rows(CONDITIONS).keys() == {"everything", *where["properties"]}


def test_every_example_is_in_the_table_and_linked() -> None:
    linked = re.findall(r"^\| \[([^]]+)\]\(\.\./config/examples/\1\.yaml\) \|", PAGE, re.MULTILINE)
    files = {path.stem for path in (Path(__file__).parents[2] / "config/examples").iterdir()}
    assert (len(linked), set(linked)) == (len(files), files)


def test_everything_that_a_stop_loses_is_in_the_table_and_nothing_else_is() -> None:
    declared = {(one.word, f"`{kind.name}`") for kind in DESCRIPTIONS for one in kind.losses}
    assert {(word, cells[0]) for word, cells in rows(LOSSES).items()} == declared
    to_accept = {word for kind in DESCRIPTIONS for word in kind.to_accept}
    assert {word for word, cells in rows(LOSSES).items() if "unless the rule accepts it" in cells[1]} == to_accept


def test_of_each_share_both_pages_say_what_it_is_of_and_how_that_is_counted() -> None:
    shares = ("max_stops_percent", "max_starts_percent")
    parts = {"guardrails": "Guardrails", "guardrails.per_account": "AccountLimits"}
    for part, share in product(parts, shares):
        counted = f"counted as for `{share.removesuffix('_percent')}`"
        assert counted in rows(KEYS)[f"{part}.{share}"][1]
        assert counted in SCHEMA["$defs"][parts[part]]["properties"][share]["description"]
