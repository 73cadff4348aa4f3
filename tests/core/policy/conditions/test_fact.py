"""The words that kinds declare: what a resource does not say is unknown, and no answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.model import FactWord
from orchestrator.core.policy.conditions.fact import FactMatches, fact_words
from orchestrator.core.policy.conditions.matching import Globs
from orchestrator.kinds.ec2.description import EC2
from tests.support.builders import a_resource
from tests.support.conditions import ACCOUNT, NOW, RESOURCE, condition, evaluate, mistakes
from tests.support.policies import DATABASES

DATABASE = replace(RESOURCE, kind="rds", facts={"engine": "postgres", "multi_az": False, "port": 5432})
BOTH = (EC2, DATABASES)


@pytest.mark.parametrize(("globs", "held"), [("t3.*", True), (["m5.*", "t3.micro"], True), ("m5.*", False)])
def test_a_fact_that_is_known_matches_or_does_not(globs: object, held: bool) -> None:
    assert evaluate({"instance_type": globs}) is held


@pytest.mark.parametrize("facts", [{"instance_type": None}, {"instance_type": ""}])
def test_a_fact_that_aws_did_not_say_is_unknown_and_so_is_its_opposite(facts: dict[str, object]) -> None:
    resource = a_resource(facts=facts)
    assert evaluate({"instance_type": "*"}, resource) is None
    assert evaluate({"not": {"instance_type": "m5.*"}}, resource) is None
    assert condition({"instance_type": "*"}).unknown_facts(resource, ACCOUNT, NOW) == ("instance_type",)


def test_a_fact_that_is_not_there_at_all_is_unknown() -> None:
    assert evaluate({"instance_type": "*"}, replace(RESOURCE, facts={})) is None


def test_a_resource_of_a_kind_without_the_word_is_unknown() -> None:
    asked = FactMatches("instance_type", {"ec2": "instance_type"}, Globs(("*",)))
    assert asked.evaluate(replace(RESOURCE, kind="rds"), ACCOUNT, NOW) is None


def test_the_fact_is_named_by_the_word_and_none_when_it_is_unknown() -> None:
    asked = condition({"instance_type": "x"})
    assert asked.facts_used(RESOURCE, ACCOUNT, NOW) == {"instance_type": "t3.micro"}
    assert asked.unknown_facts(RESOURCE, ACCOUNT, NOW) == ()
    assert asked.facts_used(replace(RESOURCE, facts={}), ACCOUNT, NOW) == {"instance_type": None}


@pytest.mark.parametrize(
    ("fact", "glob", "held"),
    [(True, "true", True), (False, "false", True), (False, "true", False), (5432, "54*", True)],
)
def test_numbers_and_truth_are_matched_as_they_are_written(fact: object, glob: str, held: bool) -> None:
    asked = FactMatches("port", {"rds": "port"}, Globs((glob,)))
    assert asked.evaluate(replace(DATABASE, facts={"port": fact}), ACCOUNT, NOW) is held


def test_a_word_of_several_kinds_asks_each_for_its_own_fact() -> None:
    tables = replace(DATABASES, words=(FactWord("instance_type", "instance_class", "Class globs."),))
    word = fact_words((EC2, tables))[0]
    assert word.kinds == {"ec2", "rds"}
    assert word.schema["description"] == "Instance type globs. Class globs."
    asked = condition({"instance_type": "db.*"}, (EC2, tables))
    assert asked.evaluate(replace(DATABASE, facts={"instance_class": "db.t3.micro"}), ACCOUNT, NOW) is True
    assert asked.evaluate(replace(DATABASE, facts={"instance_type": "db.t3.micro"}), ACCOUNT, NOW) is None
    assert asked.evaluate(RESOURCE, ACCOUNT, NOW) is False


def test_a_word_is_refused_in_a_rule_of_a_kind_that_does_not_declare_it() -> None:
    assert mistakes({"not": {"instance_type": "t3.*"}}, BOTH) == [
        (
            ("not", "instance_type"),
            "`instance_type` is a condition for ec2, not for rds; give these a rule of their own",
        )
    ]


def test_each_declared_word_has_a_schema_with_its_description() -> None:
    words = {word.name: word for word in fact_words(BOTH)}
    assert list(words) == [*(one.word for one in EC2.words), "engine", "multi_az"]
    assert words["engine"].kinds == {"rds"}
    assert words["engine"].schema["description"] == "Engine globs."
    assert [one["type"] for one in words["engine"].schema["anyOf"]] == ["string", "array"]
