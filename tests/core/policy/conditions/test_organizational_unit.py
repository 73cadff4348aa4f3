"""`organizational_unit`: an OU and all below it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.model import OrganizationalUnit, unit_path
from orchestrator.core.policy.conditions.organizational_unit import ORGANIZATIONAL_UNIT, OrganizationalUnitMatches
from tests.support.builders import an_account
from tests.support.conditions import ACCOUNT, NOW, RESOURCE, condition, evaluate, mistakes


@pytest.mark.parametrize(
    ("paths", "held"),
    [("/Workloads", True), (["/Labs", "/*/Dev"], True), ("/Work", False), ("/Workloads/Dev/Team/Sub", False)],
)
def test_an_account_is_in_an_ou_or_below_it(paths: object, held: bool) -> None:
    assert evaluate({"organizational_unit": paths}) is held


def test_an_account_right_under_the_root_is_in_the_root_alone() -> None:
    assert evaluate({"organizational_unit": "/"}, account=an_account()) is True
    assert evaluate({"organizational_unit": "/*"}, account=an_account()) is False


def test_an_ou_by_its_id_keeps_its_accounts_whatever_it_is_called_and_wherever_it_is() -> None:
    for path in ("/Workloads/Dev", "/Renamed", "/Else/Where/Dev"):
        unit = OrganizationalUnit("ou-a1b2-c3d4e5f6", path)
        below = OrganizationalUnit("ou-a1b2-00000000", f"{path}/Team")
        account = replace(ACCOUNT, organizational_units=(unit, below))
        assert evaluate({"organizational_unit": "ou-a1b2-c3d4e5f6"}, account=account) is True
        assert evaluate({"organizational_unit": "ou-a1b2-ffffffff"}, account=account) is False


def test_an_ou_with_a_slash_in_its_name_is_not_the_nested_one_of_that_path() -> None:
    named = replace(ACCOUNT, organizational_units=(OrganizationalUnit("ou-1", unit_path("", "Dev/Team")),))
    nested = an_account(ou="/Dev/Team")
    assert [evaluate({"organizational_unit": "/Dev/Team"}, account=one) for one in (named, nested)] == [False, True]
    assert [evaluate({"organizational_unit": "/Dev"}, account=one) for one in (named, nested)] == [False, True]
    assert [evaluate({"organizational_unit": r"/Dev\/Team"}, account=one) for one in (named, nested)] == [True, False]


def test_the_literal_name_of_an_ou_comes_before_the_glob() -> None:
    for path in ("/Old [2]", "/Old 2"):
        assert evaluate({"organizational_unit": "/Old [2]"}, account=an_account(ou=path)) is True


def test_the_fact_is_the_path_of_the_accounts_ou() -> None:
    asked = condition({"organizational_unit": "/"})
    assert isinstance(asked, OrganizationalUnitMatches)
    assert asked.facts_used(RESOURCE, ACCOUNT, NOW) == {"organizational_unit": "/Workloads/Dev/Team"}


def test_a_path_that_does_not_start_at_the_root_is_a_mistake_at_its_place() -> None:
    assert mistakes({"organizational_unit": ["/Labs", "Dev"]}) == [
        (
            ("organizational_unit", 1),
            "'Dev' must be an OU path such as /Workloads/Dev, or an OU id such as ou-a1b2-c3d4e5f6",
        )
    ]


def test_the_schema_of_organizational_unit_is_one_or_several_texts() -> None:
    assert [one["type"] for one in ORGANIZATIONAL_UNIT.schema["anyOf"]] == ["string", "array"]
    assert ORGANIZATIONAL_UNIT.schema["description"] == "OU ids or paths, each with all below it."
