"""`everything`: a rule without conditions says so."""

from __future__ import annotations

import pytest

from orchestrator.core.policy.conditions.everything import EVERYTHING, SCHEMA, Everything
from tests.support.builders import a_resource, an_account
from tests.support.conditions import ACCOUNT, NOW, RESOURCE, condition, mistakes


@pytest.mark.parametrize("resource", [RESOURCE, a_resource(facts={"instance_type": None})])
def test_everything_holds_whatever_is_unknown_and_looks_at_nothing(resource: object) -> None:
    everything = condition(EVERYTHING)
    assert everything == Everything()
    assert everything.evaluate(resource, an_account(), NOW) is True
    assert everything.facts_used(RESOURCE, ACCOUNT, NOW) == {}
    assert everything.unknown_facts(RESOURCE, ACCOUNT, NOW) == ()


def test_everything_stands_alone_and_is_no_word_of_a_mapping() -> None:
    assert SCHEMA == {"const": "everything"}
    [(path, message)] = mistakes({"everything": True})
    assert path == ("everything",)
    assert message.startswith(
        "`everything` is no condition; for a rule about all of its kinds write `where: everything`; conditions are "
    )
