"""docs/notifications.md is true to the code: its examples load, and its table of an event's keys is the schema's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from orchestrator.core.model.notification import Occasion
from orchestrator.core.report.messages.events import DETAIL_TYPES, event_json_schema
from tests.support.policies import load

PAGE = (Path(__file__).parents[2] / "docs/notifications.md").read_text()
SCHEMA = event_json_schema()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def type_of(part: Mapping[str, Any]) -> str:
    if "$ref" in part:
        return "object"
    if "anyOf" in part:
        return " or ".join(type_of(one) for one in part["anyOf"])
    if part["type"] == "array":
        return f"list of {type_of(part['items'])}s"
    return str(part["type"])


def keys_of(part: Mapping[str, Any], before: str = "") -> dict[str, tuple[str, str]]:
    """By its place: type and meaning."""
    found: dict[str, tuple[str, str]] = {}
    for name, one in part["properties"].items():
        is_needed = bool(before) or name in part["required"]
        found[f"{before}{name}"] = (
            type_of(one) + ("" if is_needed else ", may be missing"),
            one.get("description", ""),
        )
        reference = str(one.get("$ref", one.get("items", {}).get("$ref", ""))).rpartition("/")[2]
        if reference:
            inner = SCHEMA["$defs"][reference]
            found |= keys_of(inner, f"{before}{name}{'[]' if 'items' in one else ''}.")
    return found


def test_every_policy_of_the_page_loads() -> None:
    for body in blocks("yaml"):
        contacts = "" if "owner_contacts" in body else "owner_contacts: {default: {slack: 'ssm:/slack'}}\n"
        load(f"version: 1\nname: p\n{body}{contacts}")


def test_the_example_of_an_event_fits_its_schema_and_has_what_every_report_has() -> None:
    [rule, detail] = map(json.loads, blocks("json"))
    Draft202012Validator(SCHEMA).validate(detail)
    assert SCHEMA["properties"].keys() - detail.keys() == {"as_of"}
    assert set(rule["detail-type"]) <= set(DETAIL_TYPES.values())


def test_the_table_of_keys_is_the_schema_s() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| (.*) \|$", PAGE.partition("## Events")[2], re.MULTILINE)
    shown = {name: (kind, text) for name, kind, text in rows if "sns" not in name}
    assert shown == keys_of(SCHEMA)


def test_every_occasion_and_every_type_of_event_is_named() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE.partition("| `on` |")[2], re.MULTILINE)) >= set(Occasion)
    assert all(f"`{one}`" in PAGE for one in DETAIL_TYPES.values())
