"""An undo that is killed before and after each of its AWS calls in turn, and gone on with: all is started, once."""

from __future__ import annotations

import pytest

from orchestrator.core.model import Mode
from orchestrator.ports import Stores
from orchestrator.sweep import coordination
from orchestrator.sweep.undo import UndoFilter
from tests.support.consent import CONSENTING
from tests.support.crashes.boundaries import every_tenth, tenth_of
from tests.support.crashes.campaign import Case, Crashes
from tests.support.crashes.scene import Scene


@pytest.fixture
def undoing(place: Scene) -> Crashes:
    source = place.swept(Mode.ENFORCE)

    def begin(hub: Stores, sweep_id: str) -> coordination.Result:
        return coordination.undo(hub, source, sweep_id, UndoFilter(), CONSENTING)

    case = Case(
        arguments=("undo", source, "--yes", "--workers", "2"),
        begin=begin,
        operation="StartInstances",
        status="complete",
        outcomes=dict.fromkeys(place.stopped, "started"),
        coverage=[row for row in place.coverage if row[2] == "scanned" and row not in place.idle],
        down=[],
        marked=[],
    )
    return Crashes(place, case)


@pytest.mark.parametrize("tenth", every_tenth())
def test_an_undo_killed_at_any_call_is_gone_on_with_and_ends_as_if_nothing_had_been(
    undoing: Crashes, tenth: int
) -> None:
    boundaries = tenth_of(undoing.boundaries(), tenth)
    assert undoing.at(boundaries) == {}
    assert undoing.killed == len(boundaries) > 0
