"""A second signal, wherever the process is: it ends the waiting, and never what is written down of the sweep."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from orchestrator.cli.interruption import Interruption
from orchestrator.core.model import INTENT, Halt, HaltCause, Mode, Target
from orchestrator.ledger.items import Put, Write
from orchestrator.ports import World
from orchestrator.sweep import act, finish, interruption, seal
from orchestrator.sweep.run import run_sweep
from tests.support.builders import SWEEP_ID, a_policy
from tests.support.fake_world import EVERYTHING, ONE, TWO, FakeWorld, a_world

TRACED = {str(Path(str(one.__file__))) for one in (act, finish, interruption, seal, contextlib)}


class Pressed:
    """Presses once more at one line of what ends a sweep, counted from the first press on."""

    def __init__(self, at_line: int) -> None:
        self.interruption = Interruption()
        self._left = at_line

    @property
    def reached(self) -> bool:
        """Whether there was such a line."""
        return self._left < 0

    def first(self, _: Target) -> None:
        if not self.interruption.interrupted():
            self.interruption.pull(signal.SIGINT, None)

    def trace(self, frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        if frame.f_code.co_filename not in TRACED:
            return None
        if event == "line" and self.interruption.interrupted():
            self._left -= 1
            if self._left == -1:
                self.interruption.pull(signal.SIGINT, None)
        return self.trace

    @contextlib.contextmanager
    def traced(self) -> Iterator[None]:
        before = sys.gettrace()
        sys.settrace(self.trace)
        try:
            yield
        finally:
            sys.settrace(before)


def interrupted_world(fake: FakeWorld, interruption: Interruption) -> World:
    def halt() -> Halt | None:
        return Halt(HaltCause.INTERRUPTED, "interrupted") if interruption.interrupted() else None

    return replace(
        fake.world(), halt=halt, interrupted=interruption.interrupted, let_break_in=interruption.let_break_in
    )


def ended_with(at_line: int) -> bool:
    """Whether the sweep had so many lines to its end; checks what is known of it then."""
    pressed = Pressed(at_line)
    fake = a_world(ONE, TWO, before_stop=pressed.first, workers=1)
    with contextlib.suppress(KeyboardInterrupt), pressed.traced():
        run_sweep(interrupted_world(fake, pressed.interruption), a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    report = fake.written()
    states = {row["resource_id"]: row["status"] for row in report["outcomes"]}
    done = {one for one, state in states.items() if state == "stopped"}
    perhaps = {one for one, state in states.items() if state == "unknown"}
    assert done <= set(fake.stopped) <= done | perhaps, at_line
    summary = fake.ledger.sweep(SWEEP_ID)
    assert summary is not None
    assert summary.status == report["status"] != "running", at_line
    assert fake.has_file("manifest.json")
    return pressed.reached


def test_the_ledger_says_that_a_person_interrupted_it_while_its_calls_are_still_running() -> None:
    pressed = Pressed(0)
    said = threading.Event()

    def press_and_hold(target: Target) -> None:
        pressed.first(target)
        for _look in range(200):
            begun = fake.ledger.sweep(SWEEP_ID)
            if begun is not None and begun.interrupted_at:
                said.set()
                break
            time.sleep(0.05)

    fake = a_world(ONE, before_stop=press_and_hold, workers=1)
    run_sweep(interrupted_world(fake, pressed.interruption), a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    assert said.is_set()
    assert fake.written()["status"] == "incomplete"


@pytest.mark.parametrize("is_written", [False, True], ids=["on its way", "written"])
def test_an_intent_that_is_being_written_when_the_sweep_is_ended_is_settled_and_holds_nothing_down(
    is_written: bool,
) -> None:
    """The answer of the ledger comes when the report is there and the lease was given back."""
    interruption, ended, answered = Interruption(), threading.Event(), threading.Event()
    fake = a_world(ONE, workers=1)
    write_each, coordinator = fake.items.write_each, threading.current_thread()
    late: list[frozenset[int]] = []

    def write_late(writes: Sequence[Write]) -> frozenset[int]:
        is_intent = any(isinstance(one, Put) and one.item.get("status") == INTENT for one in writes)
        if not is_intent or interruption.interrupted():
            return write_each(writes)
        refused = write_each(writes) if is_written else None
        interruption.pull(signal.SIGINT, None)
        assert ended.wait(timeout=30)
        late.append(write_each(writes) if refused is None else refused)
        answered.set()
        return late[-1]

    def interrupted() -> bool:
        if interruption.interrupted() and threading.current_thread() is coordinator:
            interruption.pull(signal.SIGINT, None)
        return interruption.interrupted()

    fake.items.write_each = write_late  # type: ignore[method-assign]  # the table answers late
    world = replace(interrupted_world(fake, interruption), interrupted=interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(world, a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    ended.set()
    assert answered.wait(timeout=30)
    assert late == ([frozenset()] if is_written else [frozenset({0})])
    report = fake.written()
    assert {row["resource_id"]: row["status"] for row in report["outcomes"]} == fake.states()
    assert set(fake.states().values()) == {"not_attempted"}
    assert fake.ledger.held_by(SWEEP_ID) == ()
    assert fake.stopped == []


@pytest.mark.full
@pytest.mark.skipif(sys.gettrace() is not None, reason="the lines are being traced already")
def test_at_whatever_line_a_second_signal_comes_report_ledger_and_what_was_done_agree() -> None:
    at_line = 0
    while ended_with(at_line):
        at_line += 1
    assert at_line > 100
