"""What halts a sweep, in which words, and how soon."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.core.model import HaltCause
from orchestrator.local.kill_switch import file_reader
from orchestrator.ports import KillSwitchUnreadableError
from orchestrator.sweep.halt import Halting, KillSwitch


class Switch:
    """A text that changes, the time, and how often it was read."""

    def __init__(self, text: str | Exception = "") -> None:
        self.text = text
        self.at = 0.0
        self.reads = 0

    def read(self) -> str:
        self.reads += 1
        if isinstance(self.text, Exception):
            raise self.text
        return self.text

    def made(self, *, unreadable_stops: bool = False) -> KillSwitch:
        return KillSwitch(self.read, unreadable_stops=unreadable_stops, clock=lambda: self.at)


@pytest.mark.parametrize(("text", "pulled"), [("stop", True), (" STOP\n", True), ("", False), ("go", False)])
def test_it_is_pulled_when_it_says_stop(text: str, *, pulled: bool) -> None:
    halt = Switch(text).made().halt()
    assert (halt is not None) is pulled
    assert halt is None or (halt.cause, halt.text) == (HaltCause.KILL_SWITCH, "the kill switch was pulled")


def test_it_is_read_once_a_second_however_often_it_is_asked() -> None:
    switch = Switch("go")
    made = switch.made()
    for at in (0.0, 0.5, 0.99, 1.0, 1.5, 2.0):
        switch.at = at
        assert made.halt() is None
    assert switch.reads == 3


def test_what_is_pulled_stays_pulled_for_this_sweep() -> None:
    switch = Switch("stop")
    made = switch.made()
    made.halt()
    switch.text, switch.at = "go", 60.0
    assert made.halt() is not None
    assert switch.reads == 1


@pytest.mark.parametrize("stops", [True, False])
def test_one_that_cannot_be_read_halts_only_where_the_policy_says_so(*, stops: bool) -> None:
    switch = Switch(KillSwitchUnreadableError("ssm:GetParameter /k: AccessDenied"))
    halt = switch.made(unreadable_stops=stops).halt()
    assert (halt is not None) is stops
    assert halt is None or "AccessDenied" in halt.text


def test_one_that_can_be_read_again_is_believed_again() -> None:
    switch = Switch(KillSwitchUnreadableError("not now"))
    made = switch.made()
    assert made.halt() is None
    switch.text, switch.at = "stop", 1.0
    assert made.halt() is not None


@pytest.mark.parametrize("make", [lambda _: None, lambda path: path.mkdir(), lambda path: path.write_bytes(b"\xff")])
def test_a_file_that_is_no_text_is_unreadable_and_is_named(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "switch")
    with pytest.raises(KillSwitchUnreadableError, match="switch"):
        file_reader(tmp_path / "switch")()


def test_a_lost_lease_comes_before_everything_else_and_the_kill_switch_is_asked_last() -> None:
    switch = Switch("stop")
    everything = Halting(lambda: True, switch.made(), lambda: True, lambda: True)
    causes = []
    for change in ({}, {"lease_lost": None}, {"interrupted": None}, {"out_of_time": None}):
        for name in change:
            object.__setattr__(everything, name, lambda: False)
        halt = everything.halt()
        assert halt is not None
        causes.append(halt.cause)
    assert causes == [
        HaltCause.LEASE_LOST,
        HaltCause.INTERRUPTED,
        HaltCause.OUT_OF_TIME,
        HaltCause.KILL_SWITCH,
    ]


def test_a_long_wait_ends_soon_after_a_halt_and_a_short_one_is_as_long_as_asked() -> None:
    slept: list[float] = []
    halting = Halting(interrupted=lambda: sum(slept) >= 2, pause=slept.append)
    halting.sleep(60)
    assert sum(slept) == 2
    slept.clear()
    halting.sleep(0.7)
    assert slept == pytest.approx([0.5, 0.2])
