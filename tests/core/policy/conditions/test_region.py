"""`region`: globs over the region's name."""

from __future__ import annotations

import pytest

from orchestrator.core.policy.conditions.region import REGION
from tests.support.conditions import ACCOUNT, NOW, RESOURCE, condition, evaluate, mistakes


@pytest.mark.parametrize(("region", "held"), [("eu-*", True), (["us-*", "eu-central-1"], True), ("EU-*", False)])
def test_a_region_is_matched_by_its_name_case_and_all(region: object, held: bool) -> None:
    assert evaluate({"region": region}) is held


def test_the_fact_is_the_regions_name() -> None:
    assert condition({"region": "*"}).facts_used(RESOURCE, ACCOUNT, NOW) == {"region": "eu-central-1"}


def test_what_is_no_text_is_a_mistake_at_its_place() -> None:
    [(path, _)] = mistakes({"region": ["eu-*", False]})
    assert path == ("region", 1)


def test_the_schema_of_region_is_one_or_several_texts() -> None:
    assert [one["type"] for one in REGION.schema["anyOf"]] == ["string", "array"]
    assert REGION.schema["description"] == "Region globs."
