"""The question before anything is stopped or started: what would be done is shown, and its number has to be typed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from orchestrator.cli.console import stderr
from orchestrator.cli.progress import TerminalProgress
from orchestrator.cli.question_tables import (
    by_account_and_rule,
    consequences_of,
    head_of,
    kept_of,
    production_of,
    resources_of,
    unread_of,
)
from orchestrator.cli.tables import MOST_ROWS, plain
from orchestrator.core.model import ActionCounts, Question
from orchestrator.core.model.units import units_of
from orchestrator.local.processes import ending_signals

try:
    import termios
except ImportError:  # not on Windows
    termios = None  # type: ignore[assignment]  # as typeshed knows it on every other system

TRIES = 3
"""So often a mistyped answer may be typed; then nothing is done."""
_SHOW_ALL = "all"
"""Typed in place of an answer."""
_NO = frozenset({"n", "no", "q", "quit", "exit", "abort", "cancel"})


def asker(
    progress: TerminalProgress,
    interrupted: Callable[[], bool],
    kill_switches: Callable[[], Sequence[str]],
    *,
    show_all: bool = False,
) -> Callable[[Question], bool]:
    """Shows what would be stopped or started, where and by which rule, and what can halt that; wants its number typed.

    `show_all`: every resource, and not only the first of them.
    """

    def ask(question: Question) -> bool:
        if interrupted():
            return False
        plan = question.plan
        with progress.paused():
            _show(question, kill_switches(), show_all=show_all)
            counts, groups = plan.counts, any(units_of(one.resource) != 1 for one in plan.actions)
            return is_answered(_question(counts, groups=groups), _right_answer(counts), lambda: _show_all(question))

    return ask


def _show(question: Question, kill_switches: Sequence[str], *, show_all: bool) -> None:
    stderr.print()
    for line in head_of(question):
        stderr.print(line, soft_wrap=True)
    stderr.print()
    stderr.print(by_account_and_rule(question))
    stderr.print()
    plan = question.plan
    if show_all:
        _show_all(question)
    else:
        stderr.print(resources_of(question))
        if len(plan.actions) > MOST_ROWS:
            more = len(plan.actions) - MOST_ROWS
            stderr.print(plain(f"... and {more} more: type all to see them, or give --show all"), soft_wrap=True)
    stderr.print()
    kept = kept_of(question)
    if kept is not None:
        stderr.print(kept)
        stderr.print()
    for line in (*unread_of(question), *production_of(question)):
        stderr.print(line)
    for text in consequences_of(question):
        stderr.print(plain(text))
    stderr.print(plain(what_halts(kill_switches)), soft_wrap=True)


def _show_all(question: Question) -> None:
    """Through the pager where a person sits there and it does not fit: it writes to standard output."""
    table = resources_of(question, None)
    fits = table.row_count + 2 < stderr.height
    if stderr.is_terminal and sys.stdout.isatty() and sys.stdin.isatty() and not fits:
        with stderr.pager():
            stderr.print(table)
    else:
        stderr.print(table)


def what_halts(kill_switches: Sequence[str]) -> str:
    """For the question: what can halt what is about to be done."""
    if not kill_switches:
        return "There is no kill switch: none is named. Ctrl-C halts it."
    return f"Kill switch: {' and '.join(kill_switches)}; anything but go in it halts this."


def _question(counts: ActionCounts, *, groups: bool) -> str:
    """`groups`: beside the resources it is told what they run, and that is another number."""
    sorts = (counts.stops, counts.starts, counts.tags)
    which = "numbers of resources" if groups else "numbers"
    if counts.total not in sorts:
        return f"Type {'all' if all(sorts) else 'both'} {which} to do that, such as {_right_answer(counts)!r}"
    which = "the number of resources" if groups else "that number"
    return f"Type {which} to {'tag' if counts.tags else 'start' if counts.starts else 'stop'} them"


def _right_answer(counts: ActionCounts) -> str:
    """What a person types who agrees: the counts that were shown."""
    return " ".join(str(count) for count in (counts.stops, counts.starts, counts.tags) if count)


def is_answered(question: str, right: str, show_all: Callable[[], None] | None = None) -> bool:
    """Whether the person typed the right answer in time: what is mistyped is asked for again, TRIES times in all.

    Nothing typed, a no, Ctrl-C and Ctrl-D decline at once.
    """
    left = TRIES
    while left:
        answer = " ".join(typed(question).split())
        if answer == right:
            return True
        if not answer or answer.casefold() in _NO:
            return False
        if answer == _SHOW_ALL and show_all is not None:
            show_all()
            continue
        left -= 1
        if left:
            tries = "once more" if left == 1 else f"{left} times more"
            stderr.print(plain(f"{answer!r} is not {right!r}. You may try {tries}; an empty line declines."))
    return False


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
            _forget_what_was_typed()
            stderr.print(plain(f"{question}: "), end="", soft_wrap=True)
            line = sys.stdin.readline()
    except KeyboardInterrupt:
        line = ""
    if not line.endswith("\n"):
        with suppress(OSError):  # the terminal may have hung up
            stderr.print()
    return line.strip()


def _forget_what_was_typed() -> None:
    """What was typed before the question was there is no answer to it."""
    if termios is not None:
        with suppress(OSError, ValueError, termios.error):  # no terminal: a pipe is no person who types ahead
            termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
