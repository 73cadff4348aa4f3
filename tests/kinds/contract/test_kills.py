"""Wherever a process is killed: each resource is stopped once, and the undo gives back exactly what was there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module

import pytest

from tests.kinds.contract.conftest import KINDS
from tests.kinds.contract.harness import Harness, embedded
from tests.kinds.contract.kills import Killed
from tests.support.crashes.boundaries import FIFTHS, every_fifth
from tests.support.embedded import OrganizationBuilder

Make = Callable[[], Harness]
"""A fresh AWS each time."""


def undisturbed(make: Make) -> tuple[int, int]:
    """How many events a sweep has, and its undo, of which none is killed."""
    killed = Killed(make())
    killed.assert_stopped(killed.sweep())
    events = len(killed.fake.life.events)
    killed.assert_as_before(killed.undo())
    return events, len(killed.fake.life.events)


def kill_at_each_of(make: Make, fifth: int) -> None:
    """The sweep and then its undo after the n-th event of each, for the n whose turn it is."""
    of_sweep, of_undo = undisturbed(make)
    for number in range(fifth, max(of_sweep, of_undo), FIFTHS):
        killed = Killed(make())
        killed.assert_stopped(killed.sweep(number % of_sweep))
        killed.assert_as_before(killed.undo(number % of_undo))
        assert killed.deaths == 2


@pytest.mark.parametrize("fifth", every_fifth())
@pytest.mark.parametrize("kind", KINDS)
def test_wherever_its_processes_are_killed_a_sweep_ends_and_its_undo_gives_back_what_was_there(
    kind: str, fifth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module(f"tests.kinds.{kind}.harness")
    kill_at_each_of(lambda: module.InMemory(monkeypatch), fifth)


@pytest.mark.parametrize("kind", KINDS)
def test_the_kills_are_at_every_call_and_every_write(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = Killed(import_module(f"tests.kinds.{kind}.harness").InMemory(monkeypatch))
    for run, verbs in ((killed.sweep, {"mark", "stop"}), (killed.undo, {"start", "unmark"})):
        run()
        words = {event.split()[0] for event in killed.fake.life.events}
        assert verbs <= words
        assert {"begin", "file", "update", "intend", "settle"} <= words


@pytest.mark.full
@pytest.mark.parametrize("fifth", range(FIFTHS))
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_over_http(kind: str, fifth: int, organization: OrganizationBuilder) -> None:
    module = import_module(f"tests.kinds.{kind}.harness")
    with ExitStack() as opened:

        def make() -> Harness:
            opened.close()
            return opened.enter_context(embedded(organization, module.Embedded))

        kill_at_each_of(make, fifth)
