"""A simulation that is narrowed to rules: what others ask is kept, and what none of them decides is left out."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.core.decide.narrowing import narrow_simulated
from orchestrator.core.decide.simulate import Asked, Moment, Simulated
from orchestrator.core.model import NOT_NARROWED, Narrowing
from tests.support.builders import AT, a_resource

KEY = a_resource("i-1").key


def moments(*each: tuple[Asked, str | None]) -> tuple[Moment, ...]:
    return tuple(Moment(AT + timedelta(hours=hour), asked, rule, "why") for hour, (asked, rule) in enumerate(each))


def test_what_another_rule_asks_is_kept_and_moments_that_are_alike_become_one() -> None:
    whole = Simulated(
        KEY, moments((Asked.STOPPED, "a"), (Asked.RUNNING, "b"), (Asked.KEPT, None), (Asked.STOPPED, "a"))
    )
    [narrowed] = narrow_simulated(Narrowing(rules=("a",)), [whole])
    assert [(one.at, one.asked) for one in narrowed.moments] == [
        (AT, Asked.STOPPED),
        (AT + timedelta(hours=1), Asked.KEPT),
        (AT + timedelta(hours=3), Asked.STOPPED),
    ]
    assert "narrowed to other rules" in narrowed.moments[1].reason


def test_a_resource_that_none_of_the_rules_ever_decides_is_left_out() -> None:
    whole = Simulated(KEY, moments((Asked.STOPPED, "a")))
    assert narrow_simulated(Narrowing(rules=("b",)), [whole]) == ()
    assert narrow_simulated(NOT_NARROWED, [whole]) == (whole,)
