"""What halts a sweep, in which words, and how soon."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model import Halt, HaltCause
from orchestrator.ledger.clocks import Clocks
from orchestrator.local.kill_switch import file_reader
from orchestrator.ports import KillSwitchUnreadableError
from orchestrator.sweep.halt import Halting, KillSwitch
from tests.support.builders import AT


class Switch:
    """A text that changes, the time, and how often it was read. None: there is no such switch."""

    def __init__(self, text: str | Exception | None = "") -> None:
        self.text = text
        self.at = 0.0
        self.reads = 0
        self.read_takes = 0.0

    def read(self) -> str | None:
        self.reads += 1
        self.at += self.read_takes
        if isinstance(self.text, Exception):
            raise self.text
        return self.text

    def made(self, last_go_counts: float = 60.0) -> KillSwitch:
        return KillSwitch(
            "/k", self.read, elapsed=lambda: self.at, last_go_counts=last_go_counts, sleep=lambda _seconds: None
        )


UNREADABLE = KillSwitchUnreadableError("ssm:GetParameter /k: AccessDenied")


@pytest.mark.parametrize("text", ["go", "go\n", " \t go\r\n"])
def test_it_lets_a_sweep_act_when_it_says_go_with_blanks_around_it_or_none(text: str) -> None:
    assert Switch(text).made().halt() is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("stop", "'stop'"),
        ("stopp", "'stopp'"),
        ("halt", "'halt'"),
        ("true", "'true'"),
        ("", "''"),
        ("Go", "'Go'"),
        ("go go", "'go go'"),
        ("gone", "'gone'"),
        ('"go"', "'\"go\"'"),
        ("\ufeffgo", "'\\ufeffgo'"),
        ("go\xa0", "'go\\xa0'"),
        ("g\x00o\x00", "'g\\x00o\\x00'"),
        ("StringList go", "'StringList go'"),
        ("no" * 40, f"'{'no' * 19}n..."),
    ],
)
def test_whatever_else_it_says_halts_and_is_shown_as_it_was_read(text: str, shown: str) -> None:
    halt = Switch(text).made().halt()
    assert halt == Halt(HaltCause.KILL_SWITCH, f"the kill switch /k says {shown}, not 'go'")


@given(st.text())
def test_nothing_but_go_and_blanks_lets_a_sweep_act(text: str) -> None:
    assert (Switch(text).made().halt() is None) is (re.fullmatch("[ \t\r\n]*go[ \t\r\n]*", text) is not None)


def test_one_that_does_not_exist_halts_also_when_it_is_gone_after_it_said_go() -> None:
    gone = Halt(
        HaltCause.KILL_SWITCH,
        "the kill switch /k does not exist, so it does not say 'go': there is no SSM parameter /k "
        "(a file is named file:PATH)",
    )
    assert Switch(None).made().halt() == gone
    switch = Switch("go")
    made = switch.made()
    assert made.halt() is None
    switch.text, switch.at = None, 5.0
    assert made.halt() == gone


def test_what_it_said_is_kept_for_at_most_5_seconds_however_often_it_is_asked() -> None:
    switch = Switch("go")
    made = switch.made()
    for at in (0.0, 0.5, 3.99):
        switch.at = at
        assert made.halt() is None
    assert switch.reads == 1
    switch.text, switch.at = "stop", 5.0
    assert made.halt() is not None


def test_two_processes_do_not_read_it_at_the_same_times_for_ever() -> None:
    def read_at() -> list[float]:
        switch, times = Switch("go"), []
        made = switch.made()
        for tenth in range(300):
            switch.at, before = tenth / 10, switch.reads
            made.halt()
            times += [switch.at] * (switch.reads - before)
        return times

    first, second = read_at(), read_at()
    assert first != second
    assert all(3.9 < later - earlier <= 5.1 for earlier, later in pairwise(first))


def test_what_a_slow_read_gave_counts_from_when_it_was_begun() -> None:
    switch = Switch("go")
    switch.read_takes = 3.0
    made = switch.made()
    assert made.halt() is None
    switch.text, switch.at = "stop", 5.0
    assert made.halt() is not None


def test_all_threads_share_one_read() -> None:
    switch = Switch("go")
    made = switch.made()
    with ThreadPoolExecutor(32) as threads:
        assert set(threads.map(lambda _: made.halt(), range(320))) == {None}
    assert switch.reads == 1


def test_what_halted_stays_halted_in_this_process() -> None:
    switch = Switch("stop")
    made = switch.made()
    made.halt()
    switch.text, switch.at = "go", 600.0
    assert made.halt() is not None
    assert switch.reads == 1


@pytest.mark.parametrize("last_go_counts", [60.0, 0.0])
def test_nothing_is_done_before_it_said_go_once(last_go_counts: float) -> None:
    switch = Switch(UNREADABLE)
    halt = switch.made(last_go_counts).halt()
    assert halt is not None
    assert halt.cause is HaltCause.KILL_SWITCH_UNREADABLE
    assert halt.text == f"the kill switch /k cannot be read, and nothing is done before it said 'go': {UNREADABLE}"
    assert switch.reads > 2


def test_a_read_that_fails_in_passing_is_tried_again() -> None:
    answers: list[str | Exception] = [UNREADABLE, UNREADABLE, "go"]

    def read() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert KillSwitch("/k", read, elapsed=lambda: 0.0, sleep=lambda _seconds: None).halt() is None
    assert answers == []


def test_its_last_go_counts_for_60_seconds_while_it_cannot_be_read_and_then_it_halts() -> None:
    switch = Switch("go")
    made = switch.made()
    assert made.halt() is None
    switch.text = UNREADABLE
    for at in (5.0, 10.0, 30.0, 57.0, 59.9):
        switch.at = at
        assert made.halt() is None
    switch.at = 60.0
    halt = made.halt()
    assert halt is not None
    assert halt.cause is HaltCause.KILL_SWITCH_UNREADABLE
    assert halt.text == f"the kill switch /k cannot be read any more, and its last 'go' counts for 60 s: {UNREADABLE}"


def test_the_60_seconds_begin_again_with_each_go() -> None:
    switch = Switch("go")
    made = switch.made()
    for at, text in ((0.0, "go"), (50.0, UNREADABLE), (59.0, "go"), (118.0, UNREADABLE), (119.0, UNREADABLE)):
        switch.at, switch.text = at, text
        halted = made.halt()
        assert (halted is not None) is (at == 119.0)


def test_while_its_last_go_counts_a_stop_halts_as_soon_as_it_can_be_read() -> None:
    switch = Switch("go")
    made = switch.made()
    made.halt()
    switch.text, switch.at = UNREADABLE, 5.0
    assert made.halt() is None
    switch.text, switch.at = "stop", 10.0
    halt = made.halt()
    assert halt is not None
    assert halt.cause is HaltCause.KILL_SWITCH


def test_where_the_policy_says_so_its_last_go_counts_no_longer_than_it_can_be_read() -> None:
    switch = Switch("go")
    made = switch.made(last_go_counts=0.0)
    assert made.halt() is None
    switch.text, switch.at = UNREADABLE, 5.0
    halt = made.halt()
    assert halt is not None
    assert halt.cause is HaltCause.KILL_SWITCH_UNREADABLE


def suspended(clock: list[float]) -> Clocks:
    """Clocks of which the monotonic one stands still; how much passed on the wall is in `clock`."""
    return Clocks(lambda: AT + timedelta(seconds=clock[0]), lambda: 7.0)


@pytest.mark.parametrize(
    ("then", "cause"), [("stop", HaltCause.KILL_SWITCH), (UNREADABLE, HaltCause.KILL_SWITCH_UNREADABLE)]
)
def test_a_go_from_before_the_machine_was_suspended_does_not_count_after_it(
    then: str | Exception, cause: HaltCause
) -> None:
    wall, switch = [0.0], Switch("go")
    made = KillSwitch("/k", switch.read, elapsed=suspended(wall).elapsed, sleep=lambda _seconds: None)
    assert made.halt() is None
    switch.text, wall[0] = then, 61.0
    halt = made.halt()
    assert halt is not None
    assert halt.cause is cause


def test_a_go_that_was_answered_only_after_the_machine_was_suspended_is_asked_for_again() -> None:
    wall, answers = [0.0], ["go", "stop"]

    def read() -> str:
        wall[0] += 3600.0 if len(answers) == 2 else 0.0
        return answers.pop(0)

    made = KillSwitch("/k", read, elapsed=suspended(wall).elapsed, sleep=lambda _seconds: None)
    halt = made.halt()
    assert halt is not None
    assert halt.cause is HaltCause.KILL_SWITCH


@pytest.mark.parametrize(("age", "halts"), [(5.0, False), (5.1, True), (59.0, True)])
def test_once_consent_was_given_an_older_go_does_not_count_though_it_cannot_be_read(age: float, *, halts: bool) -> None:
    switch = Switch("go")
    halting = Halting(kill_switches=(switch.made(),))
    assert halting.halt() is None
    switch.text, switch.at = UNREADABLE, age
    halting.consent_was_given()
    halt = halting.halt()
    assert (halt is not None) is halts
    assert halt is None or halt.cause is HaltCause.KILL_SWITCH_UNREADABLE


def test_a_file_that_is_not_there_says_nothing_and_one_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert file_reader(tmp_path / "switch")() is None
    (tmp_path / "switch").mkdir()
    with pytest.raises(KillSwitchUnreadableError, match="switch: Is a directory"):
        file_reader(tmp_path / "switch")()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"go\n", "go\n"),
        ("\ufeffgo".encode(), "\ufeffgo"),
        ("go".encode("utf-16"), "\\xff\\xfeg\x00o\x00"),
        (b"\xff", "\\xff"),
    ],
)
def test_a_file_says_what_its_bytes_are_also_where_they_are_no_utf_8(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "switch").write_bytes(content)
    assert file_reader(tmp_path / "switch")() == text


@pytest.mark.parametrize("texts", [("go", "stop"), ("stop", "go"), ("go", None)])
def test_of_two_kill_switches_either_one_halts(texts: tuple[str | None, str | None]) -> None:
    assert Halting(kill_switches=(Switch("go").made(), Switch("go").made())).halt() is None
    halt = Halting(kill_switches=(Switch(texts[0]).made(), Switch(texts[1]).made())).halt()
    assert halt is not None
    assert halt.cause is HaltCause.KILL_SWITCH


def test_a_lost_lease_comes_before_everything_else_and_the_kill_switch_is_asked_last() -> None:
    switch = Switch("stop")
    everything = Halting(lambda: True, (switch.made(),), lambda: True, lambda: True, wanted_by=lambda: "sweep x")
    causes = []
    for change in ({}, {"lease_lost": False}, {"interrupted": False}, {"wanted_by": ""}, {"out_of_time": False}):
        for name, nothing in change.items():
            object.__setattr__(everything, name, lambda nothing=nothing: nothing)
        halt = everything.halt()
        assert halt is not None
        causes.append(halt.cause)
    assert causes == [
        HaltCause.LEASE_LOST,
        HaltCause.INTERRUPTED,
        HaltCause.YIELDED,
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
