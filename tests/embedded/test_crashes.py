"""A sweep that is killed before and after each of its AWS calls in turn, and gone on with: nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.model import Mode
from orchestrator.ports import Runtime, Stores
from orchestrator.sweep import coordination
from tests.support.crashes import POLICY, PORTIONS, Begin, Case, Crashes, Scene, Zygote, begin, scene
from tests.support.embedded import OrganizationBuilder
from tests.support.sweeps import Sweeps


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as started:
        yield started


@pytest.fixture
def place(
    zygote: Zygote, organization: OrganizationBuilder, sweep: Sweeps, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    with scene(zygote, organization, sweep, monkeypatch) as made:
        yield made


@pytest.fixture
def sweeping(place: Scene, tmp_path: Path) -> Crashes:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    arguments = ("sweep", "--mode", "enforce", "--yes", "--workers", "1", "--policy", str(path))
    return Crashes(place, stopping(place, arguments, begin(Mode.ENFORCE)))


@pytest.fixture
def applying(place: Scene) -> Crashes:
    plan_id = place.swept(Mode.PLAN)

    def again(hub: Stores, sweep_id: str) -> coordination.Result:
        return coordination.apply(hub, plan_id, sweep_id, Runtime())

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


def test_undisturbed_it_makes_calls_enough_for_150_boundaries(sweeping: Crashes) -> None:
    assert len(sweeping.boundaries()) >= 150


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_a_sweep_killed_at_any_call_is_gone_on_with_and_ends_as_if_nothing_had_been(
    sweeping: Crashes, portion: int
) -> None:
    boundaries = sweeping.boundaries()[portion::PORTIONS]
    assert sweeping.at(boundaries) == {}
    assert sweeping.killed == len(boundaries)


@pytest.mark.parametrize("portion", range(2))
def test_an_applied_plan_killed_at_every_fifth_boundary_ends_as_if_nothing_had_been(
    applying: Crashes, portion: int
) -> None:
    boundaries = applying.boundaries()[::5][portion::2]
    assert applying.at(boundaries) == {}
    assert applying.killed == len(boundaries)
