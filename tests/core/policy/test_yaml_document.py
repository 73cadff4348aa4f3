"""From text to plain values with their lines: what is no YAML, what is too much of it, and what must not be in it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from orchestrator.core.policy.yaml_document import Document, path_text, read_document, value_words
from orchestrator.errors import PolicyProblem
from tests.support.suites import only_in_full

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 10)}]\n" for below, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def the_problem(text: str) -> PolicyProblem:
    document = read_document(text)
    (problem,) = document.problems
    return problem


def test_plain_values_come_out_as_yaml_means_them() -> None:
    document = read_document("a: [1, 2.5, true, null, text, '1']\nb: {c: 2026-12-31}\n")
    assert document.value == {"a": [1, 2.5, True, None, "text", "1"], "b": {"c": date(2026, 12, 31)}}
    assert document.problems == []


def test_keys_are_text_even_where_yaml_would_read_something_else() -> None:
    assert read_document("on: 1\n2: 2\n2026-12-31: 3\n").value == {"on": 1, "2": 2, "2026-12-31": 3}


def test_each_value_has_the_line_of_its_key_or_of_itself() -> None:
    document = read_document("# a comment\na:\n  - x\n  - b:\n      c\n")
    assert document.lines == {(): 2, ("a",): 2, ("a", 0): 3, ("a", 1): 4, ("a", 1, "b"): 4}


def test_a_place_that_is_not_there_has_the_line_of_the_nearest_that_is() -> None:
    document = read_document("a: 1\nb:\n  - c: 1\n")
    assert document.line(("b", 0, "zzz", 5)) == 3
    assert document.line(("zzz",)) == 1
    assert Document().line(()) == 1
    assert document.problem(("b", 0, "zzz"), "no") == PolicyProblem("b[0].zzz", 3, "no")


@pytest.mark.parametrize(
    ("path", "text"),
    [((), ""), (("rules", 0, "where"), "rules[0].where"), (("a", "b", 1, 2), "a.b[1][2]"), ((0, "a"), "[0].a")],
)
def test_a_path_reads_as_a_person_would_write_it(path: tuple[str | int, ...], text: str) -> None:
    assert path_text(path) == text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({}, "a mapping"),
        ([], "a list"),
        (None, "an empty value"),
        (date(2026, 12, 31), "2026-12-31"),
        ("a", "'a'"),
        (5, "5"),
        (True, "true"),
    ],
)
def test_a_value_is_named_as_a_person_would(value: Any, words: str) -> None:
    assert value_words(value) == words


@pytest.mark.parametrize("text", ["", "   \n", "# only a comment\n"])
def test_an_empty_document_says_what_it_needs(text: str) -> None:
    assert the_problem(text) == PolicyProblem("", 1, "the document is empty; it needs at least `version` and `name`")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: [1\nb: 2\n", 2, "this is no YAML"),
        ("a: [1\nb: 2\n", 2, "while parsing a flow sequence: expected ',' or ']', but got"),
        ("a: 1\n  b: 2\n", 2, "this is no YAML: mapping values are not allowed here"),
        ("a: 1\n\tb: 2\n", 2, "found character '\\t'"),
        ("a: *nowhere\n", 1, "found undefined alias"),
        ("a: 1\n---\nb: 2\n", 2, "expected a single document"),
        ("a: 1\nb: \x00\n", 2, "the character #x0000 is not allowed"),
        ("a: 1\nb: \ud800\n", 2, "the character #xd800 is not allowed"),
        ('a: "\\UFFFFFFFF"\n', 1, "this is no YAML"),
        ('a: "\\U00110000"\n', 1, "this is no YAML"),
        ("%YAML 9.1\n---\na: 1\n", 1, "found incompatible YAML document"),
    ],
)
def test_what_is_no_yaml_is_one_problem_on_its_line(text: str, line: int, words: str) -> None:
    problem = the_problem(text)
    assert (problem.path, problem.line) == ("", line)
    assert words in problem.message


def test_a_key_that_is_there_twice_names_the_line_of_the_first_which_counts() -> None:
    document = read_document("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n")
    assert document.problems == [PolicyProblem("b.c", 5, "the key is there twice; the first is on line 3")]
    assert document.value == {"a": 1, "b": {"c": 1, "d": 2}}


@pytest.mark.parametrize("key", ["? [a]\n: 1", "? {a: b}\n: 1", '"\\ud800": 1'])
def test_a_key_that_is_no_text_is_a_problem(key: str) -> None:
    assert the_problem(f"a: 1\n{key}\n") == PolicyProblem("", 2, "a key must be plain text")


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]\n",
        "a: &a [*a, *a]\n",
        "a: &a {b: *a, c: *a}\n",
        BOMB,
        f"a: {'[' * 41}{']' * 41}\n",
        f"a: &a [{'x, ' * 1000}]\nb: [{'*a, ' * 301}]\n",
    ],
    ids=["itself", "itself twice", "itself in a mapping", "bomb", "deep", "long"],
)
def test_too_deep_or_too_large_is_one_problem_and_no_value(text: str) -> None:
    document = read_document(text)
    assert document.value is None
    (problem,) = document.problems
    assert " is nested too deeply or is too large (do aliases refer to themselves?)" in problem.message


@pytest.mark.parametrize("text", ["[" * 5000, *only_in_full(f"{'[' * 3000}{']' * 3000}", "- " * 3000)])
def test_nesting_that_exhausts_the_parser_is_a_problem_and_no_crash(text: str) -> None:
    assert the_problem(text) == PolicyProblem("", 1, "the document is nested too deeply; 40 levels are enough")


def test_forty_levels_below_the_document_are_not_too_deep_and_one_more_is() -> None:
    assert read_document("[" * 41 + "]" * 41).problems == []
    assert len(read_document("[" * 42 + "]" * 42).problems) == 1


def test_nearly_a_hundred_thousand_values_are_not_too_many() -> None:
    document = read_document(f"a: &a [{'x, ' * 1000}]\nb: [{'*a, ' * 98}]\n")
    assert document.problems == []
    assert sum(map(len, document.value["b"])) == 98_000


def test_whole_numbers_have_at_most_64_bits() -> None:
    assert read_document(f"{2**64 - 1}").value == 2**64 - 1
    assert "cannot be read" in the_problem(f"{2**64}").message


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.system ['true']",
        "!!python/object:os.system {}",
        "!!python/name:os.system x",
        "!own {a: 1}",
        "!own [a]",
        "!own text",
        "!!set {a}",
        "!!binary aGVsbG8=",
        "!!map text",
        "!!seq text",
        "!!str {a: 1}",
        "!!map [a]",
        "=",
        "<<",
    ],
)
def test_a_tag_that_is_not_plain_yaml_is_refused_and_runs_nothing(value: str) -> None:
    document = read_document(f"a: 1\nb: {value}\n")
    assert document.value == {"a": 1, "b": None}
    (problem,) = document.problems
    assert (problem.path, problem.line) == ("b", 2)
    assert problem.message.startswith("this value is not understood (its YAML tag is ")


def test_text_may_be_tagged_as_text() -> None:
    assert read_document("a: !!str 2026-12-31\n").value == {"a": "2026-12-31"}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("2026-12-24T25:00:00Z", "timestamp"),
        ("!!timestamp soon", "timestamp"),
        ("!!int ''", "int"),
        ("!!int five", "int"),
        ("!!float ''", "float"),
        ("!!bool maybe", "bool"),
        ("9" * 5000, "int"),
        ("0x" + "f" * 5000, "int"),
        ('"\\ud800"', "str"),
    ],
)
def test_a_value_that_cannot_be_read_is_a_problem_that_advises_quotes(value: str, kind: str) -> None:
    document = read_document(f"a: 1\nb: {value}\n")
    assert document.value == {"a": 1, "b": None}
    (problem,) = document.problems
    assert (problem.path, problem.line) == ("b", 2)
    assert f"cannot be read as YAML's `{kind}`; if it is meant as text, put it in quotes" in problem.message
    assert problem.message.isascii()
    assert len(problem.message) < 200


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("010", "`010` is an octal number in YAML 1.1, which means 8; "),
        ("-0_17", "`-0_17` is an octal number in YAML 1.1, which means -15; "),
        ("00", "`00` is an octal number in YAML 1.1, which means 0; "),
        ("011112222333", "`011112222333` is an octal number in YAML 1.1, which means 1227433179; "),
        ("!!int '010'", "`010` is an octal number in YAML 1.1, which means 8; "),
        ("1:30", "`1:30` is a number to the base 60 in YAML 1.1, which means 90; "),
        ("+12:30:45", "`+12:30:45` is a number to the base 60 in YAML 1.1, which means 45045; "),
        ("1:30.5", "`1:30.5` is a number to the base 60 in YAML 1.1, which means 90.5; "),
        ("!!float 1:30", "`1:30` is a number to the base 60 in YAML 1.1, which means 90.0; "),
    ],
)
@pytest.mark.parametrize("before", ["b: ", "b: [x, ", "b: &b "])
def test_an_octal_number_or_one_to_the_base_60_is_refused_as_it_was_written(
    before: str, value: str, words: str
) -> None:
    document = read_document(f"a: 1\n{before}{value}{']' if '[' in before else ''}\n")
    (problem,) = document.problems
    assert (problem.path, problem.line) == ("b[1]" if "[" in before else "b", 2)
    assert problem.message.startswith(words)
    assert "if it is meant as text, put it in quotes" in problem.message
    assert read_document(f"a: {value}", stored=True).problems == []


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("'010'", "010"),
        ('"1:30"', "1:30"),
        ("!!str 010", "010"),
        ("|\n  010", "010"),
        ("0", 0),
        ("-0", 0),
        ("10", 10),
        ("0x10", 16),
        ("0b10", 2),
        ("0.5", 0.5),
        ("010.5", 10.5),
        ("08", "08"),
        ("0o10", "0o10"),
        ("07:00-19:00", "07:00-19:00"),
        ("2026-01-10", date(2026, 1, 10)),
    ],
)
def test_quoted_text_stays_text_and_other_numbers_are_read_as_ever(value: str, read: Any) -> None:
    document = read_document(f"a: {value}")
    assert (document.value, document.problems) == ({"a": read}, [])


def test_a_key_is_the_text_that_was_written() -> None:
    assert read_document("{010: 1, 1:30 : 2}").value == {"010": 1, "1:30": 2}
