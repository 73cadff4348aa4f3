"""Whatever is in the text: a policy, or a PolicyError with at least one problem whose line is in the text."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.policy.schedule_loading import listed
from orchestrator.core.policy.schema.document import PolicyDocument
from orchestrator.errors import PolicyError, PolicyProblem
from tests.support.policies import DESIGN_POLICY, load
from tests.support.strategies import documents_of_every_form, policy_documents, quick

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
