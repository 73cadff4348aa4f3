"""The list of words: those for every kind, then those that the kinds declare."""

from __future__ import annotations

from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from orchestrator.core.model import FactWord
from orchestrator.core.policy.conditions.definitions import Definition, Definitions
from orchestrator.core.policy.conditions.everything import Everything
from orchestrator.core.policy.conditions.interface import Word
from orchestrator.core.policy.conditions.parsing import parse_where
from orchestrator.core.policy.conditions.words import words_of
from orchestrator.kinds.ec2.description import EC2
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.support.policies import DATABASES

GENERAL = [
    "all",
    "any",
    "not",
    "condition",
    "tag",
    "account_tag",
    "account",
    "account_name",
    "organizational_unit",
    "region",
]


def test_the_kinds_add_their_words_to_those_for_every_kind() -> None:
    times, of_instances = ["age", "running_for"], [one.word for one in EC2.words]
    assert list(words_of(())) == GENERAL
    assert list(words_of((EC2,))) == [*GENERAL, *times, "idle", *of_instances]
    assert list(words_of((EC2, DATABASES))) == [*GENERAL, *times, "idle", *of_instances, "engine", "multi_az"]


def test_every_word_is_listed_by_its_name_with_a_schema_that_is_described() -> None:
    for name, word in words_of((EC2, DATABASES)).items():
        assert word.name == name
        assert word.schema["description"].endswith(".")
        Draft202012Validator.check_schema(word.schema)


@pytest.mark.parametrize("word", words_of(DESCRIPTIONS).values(), ids=lambda word: word.name)
def test_every_word_has_examples_that_are_right(word: Word) -> None:
    kinds = [kind for kind in DESCRIPTIONS if word.kinds is None or kind.name in word.kinds]
    definitions = Definitions(by_name={"nonprod": Definition(Everything(), {})})
    assert word.schema["examples"]
    for example in word.schema["examples"]:
        where, names = {word.name: example}, [kind.name for kind in kinds]
        assert parse_where(where, (), words_of(kinds), names, definitions)[1] == []


def test_a_kind_cannot_take_a_word_that_holds_for_every_kind() -> None:
    with pytest.raises(ValueError, match="kinds cannot declare the conditions tag"):
        words_of((replace(EC2, words=(FactWord("tag", "tag", "Its tag."),)),))
