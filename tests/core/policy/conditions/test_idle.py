"""`idle`: true or false only where CloudWatch says so for the whole span; whatever is in doubt is unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model import Resource
from orchestrator.core.model.measured import Measured, Series
from orchestrator.core.model.metric import MetricSpan
from orchestrator.core.policy.conditions.interface import Condition
from orchestrator.core.policy.yaml_document import path_text
from tests.support.builders import AT, a_resource, an_account, in_state
from tests.support.conditions import condition as condition_of
from tests.support.conditions import mistakes
from tests.support.strategies import quick

DAY = timedelta(hours=24)
WHOLE = DAY // timedelta(minutes=5)
BOTH: dict[str, Any] = {"cpu_below": 5, "network_below": "1MB", "for": "24h"}


def series(metric: str, highest: float | None, points: int = WHOLE, span: timedelta = DAY) -> Series:
    return Series(metric, span, AT - span, points, highest)


def measured(*found: Series, accelerators: int | None = 0, unread: str = "") -> Measured:
    asked = tuple(MetricSpan(one.metric, one.span) for one in found)
    return Measured(AT, asked, found, accelerators, len(found), unread)


def running(found: Measured | None, **fields: Any) -> Resource:
    return replace(a_resource(started_at=AT - timedelta(days=30)), measured=found, **fields)


def ask(asked: Condition, resource: Resource) -> bool | None:
    return asked.evaluate(resource, an_account(), AT)


def why(asked: Condition, resource: Resource) -> str:
    return "".join(asked.unknown_facts(resource, an_account(), AT))


IDLE_CPU, IDLE_NETWORK = series("cpu", 4.9), series("network", 999_999)


def test_it_is_idle_where_every_metric_stayed_below_its_limit() -> None:
    resource = running(measured(IDLE_CPU, IDLE_NETWORK))
    assert ask(condition_of({"idle": BOTH}), resource) is True
    assert why(condition_of({"idle": BOTH}), resource) == ""


@pytest.mark.parametrize("busy", [(series("cpu", 5.0), IDLE_NETWORK), (IDLE_CPU, series("network", 1_000_000))])
def test_one_datapoint_at_the_limit_is_enough_to_be_busy(busy: tuple[Series, ...]) -> None:
    assert ask(condition_of({"idle": BOTH}), running(measured(*busy))) is False
    assert ask(condition_of({"not": {"idle": BOTH}}), running(measured(*busy))) is True


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (running(None), "its metrics were not read"),
        (running(measured(unread="cloudwatch:GetMetricData: AccessDenied: no")), "AccessDenied: no"),
        (running(measured(IDLE_CPU)), "its network was not read for 24h"),
        (running(measured(series("cpu", 1, 259), IDLE_NETWORK)), "cpu has 259 of the 288 datapoints of the last 24h"),
        (running(measured(IDLE_CPU, series("network", 1, 0))), "network has 0 of the 288 datapoints"),
        (running(measured(IDLE_CPU, series("network", None))), "network has 288 of the 288"),
        (running(measured(series("cpu", 99, 259), IDLE_NETWORK)), "cpu has 259"),  # a `not` must not make a match of it
        (
            running(measured(IDLE_CPU, IDLE_NETWORK), started_at=AT - DAY + timedelta(seconds=1)),
            "it may not have run for all of the last 24h: started at 2026-11-22T19:00:01Z",
        ),
        (running(measured(IDLE_CPU, IDLE_NETWORK), started_at=None), "it may not have run for all of the last 24h"),
        (running(measured(IDLE_CPU, IDLE_NETWORK, accelerators=None)), "does not say whether its type has accel"),
        (running(measured(IDLE_CPU, IDLE_NETWORK, accelerators=1)), "its type has accelerators, which only gpu_below"),
        (in_state(running(measured(IDLE_CPU, IDLE_NETWORK)), "stopped"), "it is stopped"),
    ],
)
def test_what_is_in_doubt_is_unknown_and_so_is_its_opposite(resource: Resource, reason: str) -> None:
    for where in ({"idle": BOTH}, {"not": {"idle": BOTH}}, {"not": {"not": {"idle": BOTH}}}):
        condition = condition_of(where)
        assert ask(condition, resource) is None
        assert why(condition, resource).startswith("idle (")
        assert reason in why(condition, resource)


def test_ninety_percent_of_the_datapoints_are_enough() -> None:
    assert ask(condition_of({"idle": BOTH}), running(measured(series("cpu", 1, 260), IDLE_NETWORK))) is True


def test_a_type_with_accelerators_is_known_where_every_one_of_them_is_measured() -> None:
    condition = condition_of({"idle": {"cpu_below": 5, "gpu_below": 5, "for": "24h"}})
    assert ask(condition, running(measured(IDLE_CPU, series("gpu", 3), accelerators=8))) is True
    assert ask(condition, running(measured(IDLE_CPU, series("gpu", 90), accelerators=8))) is False
    assert ask(condition, running(measured(IDLE_CPU, series("gpu", 3, 200), accelerators=8))) is None
    assert ask(condition, running(measured(IDLE_CPU, series("gpu", None, 0), accelerators=0))) is None


def test_another_span_says_nothing() -> None:
    condition = condition_of({"idle": {"cpu_below": 5, "for": "7d"}})
    assert ask(condition, running(measured(IDLE_CPU))) is None
    assert why(condition, running(measured(IDLE_CPU))) == "idle (its cpu was not read for 7d)"


def test_the_facts_say_what_was_measured() -> None:
    condition = condition_of({"idle": BOTH})
    assert condition.facts_used(running(measured(IDLE_CPU, series("network", 12.0, 280))), an_account(), AT) == {
        "idle:cpu": "at most 4.9 % in 24h (288 of 288 datapoints)",
        "idle:network": "at most 12 bytes in 24h (280 of 288 datapoints)",
    }
    assert condition.facts_used(running(None), an_account(), AT) == {"idle:cpu": None, "idle:network": None}


def test_it_tells_what_it_asks_for_wherever_it_stands() -> None:
    inner = {"not": {"all": [{"any": [{"idle": BOTH}, {"region": "*"}]}, {"tag": {"a": "b"}}]}}
    assert set(condition_of(inner).metrics()) == {MetricSpan("cpu", DAY), MetricSpan("network", DAY)}
    assert not [*condition_of({"region": "*"}).metrics()]


@quick
@given(
    cpu=st.floats(0, 100),
    below=st.floats(0.001, 100),
    points=st.integers(0, WHOLE),
    days=st.integers(0, 3),
    accelerators=st.none() | st.integers(0, 2),
)
def test_it_is_only_ever_true_of_what_ran_and_was_measured_below_the_limit(
    cpu: float, below: float, points: int, days: int, accelerators: int | None
) -> None:
    condition = condition_of({"idle": {"cpu_below": below, "for": "24h"}})
    resource = running(measured(series("cpu", cpu, points), accelerators=accelerators))
    resource = replace(resource, started_at=AT - days * DAY)
    known = points / WHOLE >= 0.9 and days >= 1 and accelerators == 0
    assert ask(condition, resource) is ((cpu < below) if known else None)


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("24h", [("idle", "must be a mapping such as {cpu_below: 5, network_below: 1MB, for: 24h}, not '24h'")]),
        ({"for": "24h"}, [("idle", "must have at least one of cpu_below, network_below, gpu_below, such as")]),
        ({"cpu_below": 5}, [("idle", "must have `for`, such as")]),
        ({**BOTH, "cpu_bellow": 5}, [("idle.cpu_bellow", "did you mean `cpu_below`?")]),
        ({**BOTH, "for": 24}, [("idle.for", "must be a number with h or d, such as 24h or 7d, not 24")]),
        ({**BOTH, "for": "16d"}, [("idle.for", "must be from 1h to 15d, not 16d")]),
        ({**BOTH, "for": "0h"}, [("idle.for", "must be from 1h to 15d, not 0h")]),
        ({**BOTH, "for": "90m"}, [("idle.for", "must be a number with h or d")]),
        ({**BOTH, "cpu_below": 0}, [("idle.cpu_below", "must be a number of percent above 0 and up to 100, not 0")]),
        ({**BOTH, "cpu_below": True}, [("idle.cpu_below", "must be a number of percent")]),
        ({**BOTH, "cpu_below": float("nan")}, [("idle.cpu_below", "must be a number of percent")]),
        ({**BOTH, "gpu_below": 101}, [("idle.gpu_below", "must be a number of percent")]),
        ({**BOTH, "network_below": 5}, [("idle.network_below", "must be an amount above 0 with B, kB, MB or GB")]),
        ({**BOTH, "network_below": "1 MiB"}, [("idle.network_below", "must be an amount above 0")]),
        ({**BOTH, "network_below": "0MB"}, [("idle.network_below", "must be an amount above 0")]),
        (
            {"cpu_below": None, "network_below": None, "for": None},
            [("idle.for", "must be"), ("idle.cpu_below", "must be"), ("idle.network_below", "must be")],
        ),
    ],
)
def test_every_mistake_is_told_with_its_place(value: Any, wrong: list[tuple[str, str]]) -> None:
    found = [(path_text(path), message) for path, message in mistakes({"idle": value})]
    assert [place for place, _ in found] == [place for place, _ in wrong]
    for (_, message), (_, words) in zip(found, wrong, strict=True):
        assert words in message


@pytest.mark.parametrize(("text", "size"), [("1MB", 1e6), ("1.5 kB", 1500), ("2KB", 2000), ("1GB", 1e9), ("7B", 7)])
def test_an_amount_is_in_powers_of_a_thousand(text: str, size: float) -> None:
    condition = condition_of({"idle": {"network_below": text, "for": "24h"}})
    assert ask(condition, running(measured(series("network", size - 1)))) is True
    assert ask(condition, running(measured(series("network", size)))) is False
