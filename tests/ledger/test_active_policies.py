"""Which policies are active in a table: what lets schedules act, and what sweeps of other policies have to know."""

from __future__ import annotations

import pytest

from orchestrator.core.model import ActivePolicy
from orchestrator.ledger.items import Items
from orchestrator.ledger.ledger import Ledger
from tests.support.builders import AT

ONE = ActivePolicy("1" * 64, "ann", "2026-11-23T18:00:00Z", "s3://reports/policies/one.yaml")
TWO = ActivePolicy("2" * 64, "bob", "2026-11-23T19:00:00Z", "s3://reports/policies/two.yaml")


@pytest.fixture
def ledger(table: Items) -> Ledger:
    return Ledger(table, lambda: AT)


def test_every_active_policy_is_listed_with_where_its_text_is(ledger: Ledger) -> None:
    ledger.activate_policy("one", ONE)
    ledger.activate_policy("two", TWO)
    assert ledger.active_policies() == {"one": ONE, "two": TWO}


def test_a_retired_policy_is_active_no_longer(ledger: Ledger) -> None:
    ledger.activate_policy("one", ONE)
    ledger.activate_policy("two", TWO)
    ledger.retire_policy("one")
    assert ledger.active_policy("one") is None
    assert ledger.active_policies() == {"two": TWO}


def test_the_kill_switch_is_no_policy(ledger: Ledger) -> None:
    ledger.name_kill_switch("/stop/kill-switch")
    assert ledger.active_policies() == {}
