"""The list of words: those for every kind, then those that the kinds declare."""

from __future__ import annotations

from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from orchestrator.core.model import FactWord
from orchestrator.core.policy.conditions.words import words_of
from orchestrator.kinds.ec2.description import EC2
from tests.support.policies import DATABASES

GENERAL = ["all", "any", "not", "tag", "account_tag", "account", "organizational_unit", "region"]


def test_the_kinds_add_their_words_to_those_for_every_kind() -> None:
    assert list(words_of(())) == GENERAL
    assert list(words_of((EC2,))) == [*GENERAL, "idle", "instance_type"]
    assert list(words_of((EC2, DATABASES))) == [*GENERAL, "idle", "instance_type", "engine", "multi_az"]


def test_every_word_is_listed_by_its_name_with_a_schema_that_is_described() -> None:
    for name, word in words_of((EC2, DATABASES)).items():
        assert word.name == name
        assert word.schema["description"].endswith(".")
        Draft202012Validator.check_schema(word.schema)


def test_a_kind_cannot_take_a_word_that_holds_for_every_kind() -> None:
    with pytest.raises(ValueError, match="kinds cannot declare the conditions tag"):
        words_of((replace(EC2, words=(FactWord("tag", "tag", "Its tag."),)),))
