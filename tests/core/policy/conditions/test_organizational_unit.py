"""`organizational_unit`: an OU and all below it."""

from __future__ import annotations

import pytest

from orchestrator.core.policy.conditions.organizational_unit import ORGANIZATIONAL_UNIT, OrganizationalUnitMatches
from tests.support.builders import an_account
from tests.support.conditions import ACCOUNT, RESOURCE, condition, evaluate, mistakes


@pytest.mark.parametrize(
    ("paths", "held"),
    [("/Workloads", True), (["/Labs", "/*/Dev"], True), ("/Work", False), ("/Workloads/Dev/Team/Sub", False)],
)
def test_an_account_is_in_an_ou_or_below_it(paths: object, held: bool) -> None:
    assert evaluate({"organizational_unit": paths}) is held


def test_an_account_right_under_the_root_is_in_the_root_alone() -> None:
    assert evaluate({"organizational_unit": "/"}, account=an_account()) is True
    assert evaluate({"organizational_unit": "/*"}, account=an_account()) is False


def test_the_literal_name_of_an_ou_comes_before_the_glob() -> None:
    for path in ("/Old [2]", "/Old 2"):
        assert evaluate({"organizational_unit": "/Old [2]"}, account=an_account(ou=path)) is True


def test_the_fact_is_the_path_of_the_accounts_ou() -> None:
    asked = condition({"organizational_unit": "/"})
    assert isinstance(asked, OrganizationalUnitMatches)
    assert asked.facts_used(RESOURCE, ACCOUNT) == {"organizational_unit": "/Workloads/Dev/Team"}


def test_a_path_that_does_not_start_at_the_root_is_a_mistake_at_its_place() -> None:
    assert mistakes({"organizational_unit": ["/Labs", "Dev"]}) == [
        (("organizational_unit", 1), "'Dev' is no OU path; paths start at the root, such as /Workloads/Dev")
    ]


def test_the_schema_of_organizational_unit_is_one_or_several_texts() -> None:
    assert [one["type"] for one in ORGANIZATIONAL_UNIT.schema["anyOf"]] == ["string", "array"]
    assert ORGANIZATIONAL_UNIT.schema["description"] == "OU paths, each with all below it."
