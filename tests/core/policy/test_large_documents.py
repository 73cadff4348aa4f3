"""Large texts, which libyaml reads: they mean what small ones mean, and what no policy needs ends at once."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.policy.yaml_document import read_document
from tests.support.policies import HEAD, load, problems
from tests.support.strategies import quick

scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.dates() | st.text(max_size=8)
values = st.recursive(
    scalars, lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=5), parts, max_size=3)
)
PADDING = "# " + "x" * 100_000 + "\n"
MIXED = (
    "a: {b: [1, yes, ~, 2026-01-01, 'x', \"\\u00fc\"], c: &c {d: 1.5}}\ne: *c\nf: |\n  text\n  more\ng: >\n  x\n  y\n"
)


def test_a_large_text_is_read_as_a_small_one_is() -> None:
    small, large = read_document(MIXED), read_document(MIXED + PADDING)
    assert (large.value, large.lines, large.problems) == (small.value, small.lines, small.problems)


@quick
@given(value=values)
def test_whatever_is_in_it(value: Any) -> None:
    text = yaml.safe_dump({"a": value}, allow_unicode=True)
    small, large = read_document(text), read_document(text + PADDING)
    assert repr((large.value, large.lines, large.problems)) == repr((small.value, small.lines, small.problems))


@pytest.mark.parametrize("text", ["a: [1,\nb: 2\n", "a: *b\n", "a:\n\t- b\n", "a: \x01\n", "a: 'x\n", "--- a\n--- b\n"])
def test_a_mistake_in_a_large_text_is_told_as_in_a_small_one(text: str) -> None:
    [small], [large] = (read_document(text + more).problems for more in ("# x\n", PADDING))
    assert large.message.startswith("this is no YAML: ")
    assert (large.line, large.message) == (small.line, small.message)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x" * 10_000_001, "the document is too large: it has more than 10 million characters"),
        ("[" + "a," * 600_001, "the document is too large: it may have 600,001 values; at most 300,000 are read"),
        ("- a\n" * 300_001, "the document is too large: it may have 600,002 values; at most 300,000 are read"),
        ("[" * 1_000_001, "this is no YAML: .*exceeded maximum nesting depth"),
        ("- " * 200_000, "exceeded maximum nesting depth|nested too deeply"),
        ("a: &a [x]\n" + "b: [*a]\n" * 20_000, "the key is there twice"),
    ],
)
def test_what_no_policy_needs_ends_at_once_with_one_sentence(text: str, why: str) -> None:
    document = read_document(text)
    assert re.search(why, document.problems[0].message)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules: [{name: %s, where: everything}]", "does not fit: a name has 1 to 64 letters"),
        ("timezone: %s", "is no IANA time zone"),
        ("? '%s'\n: 1", "is unknown; known here: version, name"),
        ("schedules: {a: {timezone: UTC, running: 07:00-08:00, holidays: '%s'}}", "no country that the holidays"),
        ("rules: [{name: a, where: {? '%s' : b}}]", "; conditions are all, any"),
        ("rules: [{name: a, where: {region: [{x: '%s'}]}}]", "must be text"),
    ],
)
def test_a_mistake_of_a_megabyte_is_told_in_a_few_lines(text: str, says: str) -> None:
    for problem in problems(HEAD + text % ("x" * 1_000_000)):
        assert len(problem.path) < 300
        assert len(problem.message) < 4100
        assert says in problem.message


def test_of_more_than_a_thousand_mistakes_the_first_are_told_and_that_there_are_more() -> None:
    found = problems(HEAD + "".join(f"key{number}: 1\n" for number in range(3000)))
    assert len(found) == 1001
    assert (found[0].path, found[999].path, found[1000].path) == ("key0", "key999", "")
    assert found[1000].message == "there are more mistakes below this line; these are the first 1,000"


def test_names_that_are_nearly_right_among_thousands_take_neither_time_nor_memory_to_speak_of() -> None:
    names = range(1500)
    text = (
        HEAD
        + "conditions:\n"
        + "".join(f"  right{number}: {{region: eu-*}}\n" for number in names)
        + "schedules:\n"
        + "".join(f"  office{number}: {{timezone: UTC, running: 07:00-08:00}}\n" for number in names)
        + "rules:\n"
        + "".join(f"  - {{name: r{n}, where: {{condition: rihgt{n}}}, schedule: ofice{n}}}\n" for n in names[:100])
    )
    found = problems(text)
    assert len(found) == 200
    assert sum(len(one.message) for one in found) < 1_000_000
    assert "did you mean 'office7'?" in next(one.message for one in found if one.path == "rules[7].schedule")
    assert "office0, office1, office10, " in found[0].message + found[1].message
    assert " and 1,480 more" in found[0].message


def test_ten_thousand_rules_are_read_as_each_by_itself() -> None:
    rules = "".join(f"  - {{name: r{n}, where: {{tag: {{Team: [t{n}, x]}}}}, action: stop}}\n" for n in range(10_000))
    policy = load(f"version: 1\nname: nonprod\nrules:\n{rules}")
    alone = load("version: 1\nname: nonprod\nrules:\n  - {name: r7, where: {tag: {Team: [t7, x]}}, action: stop}\n")
    assert (len(policy.rules), policy.rules[7]) == (10_000, alone.rules[0])
