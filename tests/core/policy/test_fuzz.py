"""Whatever is in the text: a policy, or a PolicyError with at least one problem whose line is in the text."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.policy.conditions.words import words_of
from orchestrator.core.policy.schedule_loading import listed
from orchestrator.core.policy.schema.document import PolicyDocument
from orchestrator.core.policy.schema.rules import RuleDocument
from orchestrator.core.policy.yaml_document import read_document
from orchestrator.errors import PolicyError, PolicyProblem
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.support.policies import DESIGN_POLICY, load
from tests.support.strategies import documents_of_every_form, policy_documents, quick
from tests.support.suites import only_in_full

TOKENS = (
    "version: 1\n", "name: a\n", "rules:\n", "  - ", "where: ", "tag: ", "not: ", "all: ", "schedules: ", "{", "}", "[",
    "]", ",", ":", "\n", "  ", "&a ", "*a", "!!int ", "!!timestamp ", "!x ", "? ", "| ", "> ", "'", '"', "\\u", "on",
    "1", "0x", "1:2", ".nan", "-", "2026-13-01", "---\n", "...\n", "%YAML 1.1\n", "<<: ", "= ", "~", "#", "\t", "\x85",
    "everything", "timezone: ", "running: ", "07:00-19:00", "guardrails: ", "max_stops: ", "account: ", "ü", "\ufeff",
)  # fmt: skip
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.text(max_size=5)
    | st.sampled_from(["everything", "/Dev", "UTC", "daily 00:00-24:00", "111122223333", "ec2"])
)
SECTIONS = sorted(PolicyDocument.model_fields)
words = st.sampled_from(
    [*SECTIONS, "where", "tag", "account_tag", "account", "not", "all", "any", "region", "running", "schedule"]
)
values = st.recursive(
    scalars,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(words | st.text(max_size=3), parts, max_size=3),
    max_leaves=10,
)


def problems_of(text: str) -> tuple[PolicyProblem, ...]:
    """None where the text is a policy. Whatever else than a PolicyError is raised fails the test."""
    try:
        load(text)
    except PolicyError as wrong:
        str(wrong).encode()
        return wrong.problems
    return ()


def check(text: str) -> None:
    found = problems_of(text)
    lines = [problem.line or 0 for problem in found]
    assert lines == sorted(lines)
    assert all(1 <= line <= len(text.splitlines()) + 1 for line in lines)
    assert all(problem.message for problem in found)


@quick
@given(text=st.text())
def test_any_text_is_a_policy_or_a_policy_error(text: str) -> None:
    check(text)


@quick
@given(text=st.lists(st.sampled_from(TOKENS), max_size=25).map("".join))
def test_any_pieces_of_yaml_are_a_policy_or_a_policy_error(text: str) -> None:
    check(text)


@quick
@given(start=st.integers(0, len(DESIGN_POLICY)), length=st.integers(0, 30), piece=st.sampled_from(TOKENS))
def test_the_designs_document_with_a_hole_in_it_is_a_policy_or_a_policy_error(
    start: int, length: int, piece: str
) -> None:
    check(DESIGN_POLICY[:start] + piece + DESIGN_POLICY[start + length :])


@quick
@given(value=values)
def test_any_value_is_a_policy_or_a_policy_error(value: Any) -> None:
    check(yaml.safe_dump(value))


@quick
@given(sections=st.dictionaries(st.sampled_from(SECTIONS), values, max_size=4))
def test_any_sections_are_a_policy_or_a_policy_error(sections: dict[str, Any]) -> None:
    check(json.dumps({"version": 1, "name": "nonprod", **sections}, default=str))


@quick
@given(where=values)
def test_any_condition_is_a_policy_or_a_policy_error(where: Any) -> None:
    check(yaml.safe_dump({"version": 1, "name": "nonprod", "rules": [{"name": "one", "where": where}]}))


@settings(quick, max_examples=50)
@given(document=policy_documents(calendars=True), data=st.data(), value=values)
def test_any_value_in_a_schedule_is_a_policy_or_a_policy_error(
    document: dict[str, Any], data: st.DataObject, value: Any
) -> None:
    part = data.draw(st.sampled_from(list(document["schedules"].values())))
    deeper = [one for key in ("running", "except") for one in listed(part.get(key)) if isinstance(one, dict)]
    part = data.draw(st.sampled_from([part, *deeper]))
    key = data.draw(st.sampled_from([*part, "holidays", "except", "days", "months", "monthdays", "from", "until"]))
    part[key] = data.draw(st.sampled_from([value, [value]]))
    check(yaml.safe_dump(document))


@quick
@given(document=policy_documents() | documents_of_every_form(), data=st.data())
def test_one_unknown_key_anywhere_in_a_good_document_is_exactly_one_problem(
    document: dict[str, Any], data: st.DataObject
) -> None:
    part = data.draw(st.sampled_from([document, *document["rules"], *document.get("schedules", {}).values()]))
    part["zzz"] = data.draw(st.sampled_from([None, True, 5, "text", [], {}, {"zzz": 1}]))
    (problem,) = problems_of(yaml.safe_dump(document))
    assert problem.path.rpartition(".")[2] == "zzz"


# --- policies that somebody broke: those of the documentation and of this project, each with a few mistakes -----------

ROOT = Path(__file__).parents[3]
MUTANTS = 2000
"""In the full suite; a fiftieth of them here."""


def whole_policies() -> list[str]:
    """Every example that is a policy: those files, and what stands as YAML in the documentation."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    blocks = [block for page in pages for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)]
    files = [path.read_text() for path in (*(ROOT / "config").rglob("*.yaml"), ROOT / "orchestrator/demo/policy.yaml")]
    made = [f"version: 1\nname: nonprod\n{block}" for block in blocks if "version: 1" not in block]
    return [text for text in (*files, *blocks, *made, DESIGN_POLICY, FULL) if not problems_of(text)]


FULL = """
version: 1
name: nonprod
schedules: {office: {timezone: Europe/Berlin, running: ["mon-fri 07:00-19:00"]}}
rules:
  - name: idle
    where: {all: [{idle: {cpu_below: 5, network_below: 1MB, gpu_below: 5, for: 24h}}, {not: {region: eu-west-1}}]}
    schedule: office
    accept: [instance_store_volumes]
  - name: databases
    kinds: [rds]
    where: {any: [{engine: "postgres*"}, {account: "111122223333"}, {organizational_unit: /Dev}]}
sweeps: [{name: nightly, mode: plan, cron: "0 20 * * ? *"}]
waves: [{accounts: 1}, {percent: 100}]
required_tags: [Owner]
"""
ODD = (
    None,
    True,
    -1,
    0,
    5,
    1.5,
    10**30,
    "",
    " ",
    "x",
    "1h",
    "24h",
    "*",
    "[",
    "2026-13-01",
    [],
    {},
    [None],
    [[]],
    {"a": 1},
)


def mutate(value: Any, chance: random.Random) -> Any:
    """The same with one part of it another: replaced, renamed, left out, twice, or in another place."""
    places = [*_places(value)]
    parent, key = chance.choice(places)
    other, from_key = chance.choice(places)
    kind = chance.randrange(5)
    if kind == 0:
        parent[key] = chance.choice(ODD)
    elif kind == 1:
        parent[key] = copy.deepcopy(other[from_key])
    elif kind == 2:
        del parent[key]
    elif isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key] if kind == 3 else chance.choice(ODD)))
    else:
        name = chance.choice([f"{key}s", str(key)[:-1], str(key).upper(), *WORDS])
        parent[name] = parent.pop(key)
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


WORDS = [*SECTIONS, *RuleDocument.model_fields, *words_of(DESCRIPTIONS)]


def mutants(count: int) -> Iterator[str]:
    """Equal in each run."""
    chance, documents = random.Random(13), [read_document(text).value for text in whole_policies()]
    for _ in range(count):
        value = copy.deepcopy(chance.choice(documents))
        for _ in range(chance.randrange(1, 4)):
            if value:
                value = mutate(value, chance)
        yield yaml.safe_dump(value, sort_keys=False)


@pytest.mark.parametrize("count", [MUTANTS // 50, *only_in_full(MUTANTS)])
def test_a_policy_that_somebody_broke_is_a_policy_or_told_with_paths_and_lines(count: int) -> None:
    refused = 0
    for text in mutants(count):
        check(text)
        found = problems_of(text)
        refused += bool(found)
        assert all(problem.path or not isinstance(read_document(text).value, dict) for problem in found), text
    assert refused > count / 2


def garble(text: str, chance: random.Random) -> str:
    """The same with one line of it left out, twice, elsewhere, further in or out, or with other characters."""
    lines = text.splitlines()
    at = chance.randrange(len(lines))
    line = lines[at]
    kind = chance.randrange(8)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(at, line)
    elif kind == 2:
        lines.insert(chance.randrange(len(lines)), lines.pop(at))
    elif kind == 3:
        lines[at] = " " * chance.randrange(1, 5) + line
    elif kind == 4:
        lines[at] = line[chance.randrange(1, 5) :]
    elif kind == 5:
        lines[at:] = [line[: chance.randrange(len(line) + 1)]]
    else:
        start = chance.randrange(len(line) + 1)
        piece = chance.choice(TOKENS) if kind == 6 else chance.choice("abcxyz019:-,.\"'[]{}#&*!|>%@` \t")
        lines[at] = line[:start] + piece + line[start + chance.randrange(4) :]
    return "\n".join(lines)


@pytest.mark.parametrize("count", [MUTANTS // 10, *only_in_full(MUTANTS)])
def test_a_text_that_somebody_garbled_is_a_policy_or_told_with_lines_and_with_paths_where_it_is_yaml(
    count: int,
) -> None:
    chance, texts = random.Random(13), whole_policies()
    refused = 0
    for _ in range(count):
        text = chance.choice(texts)
        for _ in range(chance.randrange(1, 4)):
            text = garble(text, chance) if text else text
        check(text)
        found = problems_of(text)
        refused += bool(found)
        is_yaml = isinstance(read_document(text).value, dict)
        told = [problem for problem in found if problem.path or not is_yaml]
        assert [one for one in found if one not in told and one.message != "a key must be plain text"] == [], text
    assert refused > count / 3
