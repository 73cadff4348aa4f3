"""A sweep that is killed before and after each of its AWS calls in turn, and gone on with: nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.model import Mode
from orchestrator.ports import Stores
from orchestrator.sweep import coordination
from tests.support.consent import CONSENTING
from tests.support.crashes.boundaries import every_tenth, tenth_of
from tests.support.crashes.campaign import Case, Crashes
from tests.support.crashes.scene import Begin, Scene
from tests.support.suites import is_fast


@pytest.fixture
def sweeping(place: Scene, tmp_path: Path) -> Crashes:
    path = tmp_path / "policy.yaml"
    path.write_text(place.policy)
    arguments = ("sweep", "--mode", "enforce", "--yes", "--workers", "1", "--policy", str(path))
    return Crashes(place, stopping(place, arguments, place.begin(Mode.ENFORCE)))


@pytest.fixture
def applying(place: Scene) -> Crashes:
    plan_id = place.swept(Mode.PLAN)

    def again(hub: Stores, sweep_id: str) -> coordination.Result:
        return coordination.apply(hub, plan_id, sweep_id, CONSENTING)

    case = stopping(place, ("apply", plan_id, "--yes", "--workers", "1"), again)
    return Crashes(place, replace(case, reset=lambda: place.hub.ledger.amend(plan_id, applied_by="")))


def stopping(place: Scene, arguments: tuple[str, ...], again: Begin) -> Case:
    return Case(
        arguments=arguments,
        begin=again,
        operation="StopInstances",
        status="incomplete",
        outcomes={**dict.fromkeys(place.stopped, "stopped"), place.protected: "failed"},
        coverage=place.coverage,
        down=place.stopped,
        marked=place.stopped,
    )


@pytest.mark.parametrize("tenth", every_tenth())
def test_a_sweep_killed_at_any_call_is_gone_on_with_and_ends_as_if_nothing_had_been(
    sweeping: Crashes, tenth: int, pytestconfig: pytest.Config
) -> None:
    everywhere = sweeping.boundaries()
    assert len(everywhere) >= (100 if is_fast(pytestconfig) else 130)
    boundaries = tenth_of(everywhere, tenth)
    assert sweeping.at(boundaries) == {}
    assert sweeping.killed == len(boundaries) > 0


@pytest.mark.parametrize("tenth", every_tenth())
def test_an_applied_plan_killed_at_any_call_is_gone_on_with_and_ends_as_if_nothing_had_been(
    applying: Crashes, tenth: int
) -> None:
    boundaries = tenth_of(applying.boundaries(), tenth)
    assert applying.at(boundaries) == {}
    assert applying.killed == len(boundaries) > 0
