"""The question before anything is stopped or started: what would be done is shown, and its number has to be typed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from rich.markup import escape

from orchestrator.cli.console import counted, stderr
from orchestrator.cli.losses import losses_of_plan
from orchestrator.cli.progress import TerminalProgress
from orchestrator.core.model import Action, ActionCounts, Plan, Question
from orchestrator.local.processes import ending_signals

try:
    import termios
except ImportError:  # not on Windows
    termios = None  # type: ignore[assignment]  # as typeshed knows it on every other system

_STOPS = (Action.STOP, Action.HIBERNATE)


def asker(
    progress: TerminalProgress, interrupted: Callable[[], bool], kill_switches: Callable[[], Sequence[str]]
) -> Callable[[Question], bool]:
    """Shows how many would be stopped or started, and what can halt that, and wants that number typed."""

    def ask(question: Question) -> bool:
        if interrupted():
            return False
        counts = question.plan.counts
        with progress.paused():
            stderr.print()
            for line in _consequences(question.plan):
                stderr.print(line, highlight=False)
            stderr.print(what_halts(kill_switches()), highlight=False, markup=False, soft_wrap=True)
            return " ".join(typed(_question(counts)).split()) == _right_answer(counts)

    return ask


def _consequences(plan: Plan) -> Iterator[str]:
    """One line for the stops, one for the starts, one for the tags, to what it is narrowed, and what the stops lose."""
    tags = (Action.TAG, Action.UNTAG)
    for actions, done in ((_STOPS, "stopped"), ((Action.START,), "started"), (tags, "given or rid of tags")):
        accounts = [one.resource.target.account_id for one in plan.actions if one.action in actions]
        if accounts:
            where = counted(len(set(accounts)), "account")
            yield f"{counted(len(accounts), 'resource')} in {where} would be {done} now."
    if plan.narrowed:
        yield f"The plan is narrowed to {escape(plan.narrowed.text)}; nothing else is acted on."
    losses = losses_of_plan(plan)
    if losses:
        yield losses


def what_halts(kill_switches: Sequence[str]) -> str:
    """For the question: what can halt what is about to be done."""
    if not kill_switches:
        return "There is no kill switch: none is named. Ctrl-C halts it."
    return f"Kill switch: {' and '.join(kill_switches)}; anything but go in it halts this."


def _question(counts: ActionCounts) -> str:
    sorts = (counts.stops, counts.starts, counts.tags)
    if counts.total not in sorts:
        return f"Type {'all' if all(sorts) else 'both'} numbers to do that, such as {_right_answer(counts)!r}"
    return f"Type that number to {'tag' if counts.tags else 'start' if counts.starts else 'stop'} them"


def _right_answer(counts: ActionCounts) -> str:
    """What a person types who agrees: the counts that were shown."""
    return " ".join(str(count) for count in (counts.stops, counts.starts, counts.tags) if count)


def typed(question: str) -> str:
    """What the person types; nothing when they press Ctrl-C or Ctrl-D, which here end the question at once."""
    ended = threading.Event()

    def end_once(_number: int, _frame: object) -> None:
        """Again while the question ends, it would leave this handler behind for the report."""
        if not ended.is_set():
            ended.set()
            raise KeyboardInterrupt

    try:
        with ending_signals(end_once):
            _forget_what_wastyped()
            stderr.print(f"{question}: ", end="", highlight=False)
            line = sys.stdin.readline()
    except KeyboardInterrupt:
        line = ""
    if not line.endswith("\n"):
        with suppress(OSError):  # the terminal may have hung up
            stderr.print()
    return line.strip()


def _forget_what_wastyped() -> None:
    """What was typed before the question was there is no answer to it."""
    if termios is not None:
        with suppress(OSError, ValueError, termios.error):  # no terminal: a pipe is no person who types ahead
            termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
