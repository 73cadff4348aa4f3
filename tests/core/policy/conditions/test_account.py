"""`account`: ids and globs; an id that no account can have is refused."""

from __future__ import annotations

import pytest

from orchestrator.core.policy.conditions.account import ACCOUNT as WORD
from orchestrator.core.policy.conditions.account import AccountMatches
from tests.support.conditions import ACCOUNT, NOW, RESOURCE, condition, evaluate, mistakes


@pytest.mark.parametrize(
    ("account", "held"), [("111122223333", True), (111122223333, True), ("1111*", True), ("2222*", False)]
)
def test_an_account_is_matched_by_its_id(account: object, held: bool) -> None:
    assert evaluate({"account": account}) is held


def test_an_id_that_yaml_read_as_a_number_is_text_again() -> None:
    assert condition({"account": [111122223333]}) == AccountMatches(("111122223333",))


def test_the_fact_is_the_accounts_id() -> None:
    assert condition({"account": "*"}).facts_used(RESOURCE, ACCOUNT, NOW) == {"account": "111122223333"}


@pytest.mark.parametrize("account", ["123", 123, True, -12345678901, "", "a" * 12, None, {}])
def test_what_no_account_can_be_named_is_a_mistake(account: object) -> None:
    [(path, _)] = mistakes({"account": account})
    assert path == ("account",)


def test_the_schema_of_account_lets_an_id_be_a_number() -> None:
    assert {"type": "integer"} in WORD.schema["anyOf"]
    assert WORD.schema["description"] == "Account id globs."
