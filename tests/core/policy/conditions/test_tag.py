"""`tag`: a missing tag matches nothing, which is something that is known."""

from __future__ import annotations

import pytest

from orchestrator.core.policy.conditions.tag import TAG, TagMatches
from tests.support.builders import a_resource
from tests.support.conditions import ACCOUNT, NOW, RESOURCE, condition, evaluate, mistakes


@pytest.mark.parametrize(
    ("tags", "held"),
    [
        ({"Environment": "dev"}, True),
        ({"Environment": "prod"}, False),
        ({"Missing": "*"}, False),
        ({"Environment": "dev", "Missing": "*"}, False),
        ({"CostCenter": "*"}, False),
    ],
)
def test_a_tag_is_true_or_false_and_never_unknown(tags: dict[str, str], held: bool) -> None:
    assert evaluate({"tag": tags}) is held
    assert evaluate({"not": {"tag": tags}}) is not held
    assert condition({"tag": tags}).unknown_facts(RESOURCE, ACCOUNT, NOW) == ()


@pytest.mark.parametrize("name", ["db[prod]", "a*b", "what?", "[", "[!x]"])
def test_a_tag_that_looks_like_a_glob_matches_itself(name: str) -> None:
    resource = a_resource(tags={"Name": name})
    assert evaluate({"tag": {"Name": name}}, resource) is True
    assert evaluate({"not": {"tag": {"Name": [name, "other"]}}}, resource) is False


def test_the_facts_are_the_tags_that_were_asked_for() -> None:
    asked = condition({"tag": {"Environment": "x", "Missing": "x"}})
    assert isinstance(asked, TagMatches)
    assert asked.facts_used(RESOURCE, ACCOUNT, NOW) == {"tag:Environment": "dev", "tag:Missing": None}


def test_every_wrong_value_of_a_tag_is_a_mistake_at_its_place() -> None:
    found = mistakes({"tag": {"A": ["x", 5], "B": [], "C": ""}})
    assert [path for path, _ in found] == [("tag", "A", 1), ("tag", "B"), ("tag", "C")]


def test_the_schema_of_tag_is_a_mapping_to_globs() -> None:
    assert (TAG.schema["type"], TAG.schema["minProperties"]) == ("object", 1)
    assert TAG.schema["description"].startswith("Tag globs; a list means any of; a missing tag never matches.")
