"""What is in config/ for operators to copy: each policy is right by the loader, by the schema, and in an editor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from orchestrator.core.policy.json_schema import policy_json_schema
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.support.fixtures import Run

CONFIG = Path(__file__).parents[2] / "config"
SCHEMA = CONFIG / "policy.schema.json"
POLICIES = sorted(CONFIG.rglob("*.yaml"))
VALIDATOR = Draft202012Validator(policy_json_schema(DESCRIPTIONS))


class Yaml12Loader(yaml.SafeLoader):
    """As editors read: neither `on` nor a date is anything but text."""


Yaml12Loader.yaml_implicit_resolvers = {
    sign: [(tag, found) for tag, found in resolvers if not tag.endswith((":timestamp", ":bool"))]
    for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Yaml12Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))  # type: ignore[no-untyped-call]  # PyYAML's own


def as_an_editor_reads(path: Path) -> Any:
    return yaml.load(path.read_text(), Yaml12Loader)


def test_the_schema_is_what_the_command_prints(run: Run) -> None:
    printed = run("schema").stdout
    assert SCHEMA.read_text() == printed, "renew it: stop-orchestrator schema > config/policy.schema.json"


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_a_policy_tells_editors_where_its_schema_is_in_its_first_lines(path: Path) -> None:
    [written] = re.findall(r"^# yaml-language-server: \$schema=(\S+)$", path.read_text(), re.MULTILINE)
    assert (path.parent / written).resolve() == SCHEMA


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_a_policy_is_right_by_the_schema_as_an_editor_reads_it(path: Path) -> None:
    VALIDATOR.validate(as_an_editor_reads(path))


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_a_policy_is_right_and_nothing_is_to_be_warned_of(run: Run, path: Path) -> None:
    ran = run("validate", str(path), "--format", "json")
    assert (ran.exit_code, ran.report) == (0, ran.report | {"valid": True, "warnings": []})
