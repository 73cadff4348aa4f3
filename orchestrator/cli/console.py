"""What every command does with its terminal: streams, errors as exit codes, Ctrl-C, the question before the stops."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from enum import StrEnum
from typing import Any, NoReturn

import typer

from orchestrator import app as wiring
from orchestrator.aws.failures import text_of
from orchestrator.cli.losses import losses_of_plan
from orchestrator.cli.progress import TerminalProgress
from orchestrator.cli.summary import print_summary
from orchestrator.cli.tables import counted
from orchestrator.cli.terminal import SafeConsole, json_text
from orchestrator.core.model import ActionCounts, ApprovedPlan, Plan
from orchestrator.core.model.marks import SWEEP_ID
from orchestrator.core.report.document import plain_document
from orchestrator.errors import (
    PlanError,
    PolicyError,
    PolicyProblem,
    ReportLostError,
    ReportStoreError,
    SettingsError,
    StopOrchestratorError,
)
from orchestrator.local.processes import ending_signals
from orchestrator.settings import Settings

try:
    import termios
except ImportError:  # not on Windows
    termios = None  # type: ignore[assignment]  # as typeshed knows it on every other system

ERROR, BAD_USAGE = 1, 2

stdout = SafeConsole()
stderr = SafeConsole(stderr=True)


class Format(StrEnum):
    """The forms of output; JSON alone goes to standard output."""

    TABLE = "table"
    JSON = "json"


@contextmanager
def errors_as_exit_codes(output: Format, reported: Sequence[int] = ()) -> Iterator[None]:
    """Every expected error becomes its text on stderr and its exit code; never a traceback.

    `reported`: by then the exit code of the report of what the error ended; of the two the highest.
    """
    try:
        yield
    except PolicyError as invalid:
        print_problems(output, invalid.source, *invalid.problems)
        fail("\n".join(invalid.lines()), BAD_USAGE)
    except (SettingsError, PlanError) as wrong:
        fail(str(wrong), BAD_USAGE)
    except ReportLostError as lost:
        sys.stderr.write(f"{json_text(lost.document)}\n")
        fail(f"The report above could not be written: {lost}", ERROR)
    except StopOrchestratorError as failure:
        fail(str(failure), max((ERROR, *reported)))
    except wiring.AWS_ERRORS as failure:
        fail(f"AWS: {text_of(failure)}", max((ERROR, *reported)))
    except OSError as failure:
        fail(f"this machine: {failure}", ERROR)
    except KeyboardInterrupt:
        fail("Interrupted.", max((ERROR, *reported)))


def fail(message: str, code: int) -> NoReturn:
    """Prints the message to stderr and ends the command with that exit code."""
    stderr.print(message, style="red", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(code)


def say(message: str) -> None:
    """To a person, on stderr."""
    stderr.print(message, highlight=False, markup=False, soft_wrap=True)


def settings_of(**overrides: object) -> Settings:
    """Settings from the environment and the options; a mistake ends the command with exit code 2."""
    try:
        return Settings.from_env(os.environ, (), **overrides)
    except SettingsError as wrong:
        fail(str(wrong), BAD_USAGE)


def checked_sweep_id(text: str, what: str = "sweep id") -> None:
    """Ends the command with exit code 2 for a text that has not the form of a sweep id."""
    if not SWEEP_ID.fullmatch(text):
        fail(f"{text!r} is no {what}; sweep ids look like 20261123T190000Z-7f3a9c", BAD_USAGE)


def print_json(document: Any) -> None:
    """Writes the document to standard output, indented."""
    sys.stdout.write(f"{json_text(document, indent=2)}\n")


def print_problems(output: Format, source: str, *problems: PolicyProblem) -> None:
    """With JSON output, every problem of a policy document; nothing with tables, where they are an error message."""
    if output is Format.JSON:
        print_json({"valid": False, "source": source, "problems": problem_rows(problems)})


def problem_rows(problems: Sequence[PolicyProblem]) -> list[dict[str, str | int | None]]:
    """Problems, or warnings, of a policy document as JSON has them."""
    return [{"path": one.path, "line": one.line, "message": one.message} for one in problems]


def show(document: dict[str, Any], output: Format, location: str = "") -> None:
    """A report's document in that form, and where it was written."""
    if output is Format.TABLE:
        print_summary(stdout, document, location)
        return
    print_json(plain_document(document))
    if location:
        say(f"Report: {location}")


def parsed(content: bytes, sweep_id: str) -> dict[str, Any]:
    """The document of a stored report. Raises ReportStoreError for what is no JSON."""
    try:
        document: dict[str, Any] = json.loads(content)
    except (ValueError, RecursionError) as damaged:
        raise ReportStoreError(f"the report of {sweep_id} is damaged: {damaged}") from damaged
    return document


def asker(
    progress: TerminalProgress, interrupted: Callable[[], bool], kill_switches: Callable[[], Sequence[str]]
) -> Callable[[ApprovedPlan], bool]:
    """Shows how many would be stopped or started, and what can halt that, and wants that number typed."""

    def ask(approved: ApprovedPlan) -> bool:
        if interrupted():
            return False
        counts = approved.plan.counts
        with progress.paused():
            stderr.print()
            for line in _consequences(approved.plan):
                stderr.print(line, highlight=False)
            stderr.print(what_halts(kill_switches()), highlight=False, markup=False, soft_wrap=True)
            return " ".join(typed(_question(counts)).split()) == _right_answer(counts)

    return ask


def _consequences(plan: Plan) -> Iterator[str]:
    """One line for the stops, one for the starts, and what the stops lose."""
    for starts, done in ((False, "stopped"), (True, "started")):
        accounts = [one.resource.target.account_id for one in plan.actions if one.action.starts is starts]
        if accounts:
            where = counted(len(set(accounts)), "account")
            yield f"{counted(len(accounts), 'resource')} in {where} would be {done} now."
    losses = losses_of_plan(plan)
    if losses:
        yield losses


def what_halts(kill_switches: Sequence[str]) -> str:
    """For the question: what can halt what is about to be done."""
    if not kill_switches:
        return "There is no kill switch: none is named. Ctrl-C halts it."
    return f"Kill switch: {' and '.join(kill_switches)}; anything but go in it halts this."


def _question(counts: ActionCounts) -> str:
    if counts.stops and counts.starts:
        return f"Type both numbers to do that, such as {_right_answer(counts)!r}"
    return f"Type that number to {'start' if counts.starts else 'stop'} them"


def _right_answer(counts: ActionCounts) -> str:
    """What a person types who agrees: the counts that were shown."""
    return " ".join(str(count) for count in (counts.stops, counts.starts) if count)


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


class Interruption:
    """What Ctrl-C, SIGTERM and a hang-up do while a command sweeps.

    The first one ends the handing out of work, not the process. A second one ends the waiting: it raises
    KeyboardInterrupt, once, and only while that may break in. Further ones do nothing.
    """

    def __init__(self) -> None:
        self._pulled = threading.Event()
        self._may_break_in = True
        self._broke_in = self._told = False
        self._terminals = [one for one in (1, 2) if os.isatty(one)]

    def interrupted(self) -> bool:
        """Whether there was a signal."""
        return self._pulled.is_set()

    def let_break_in(self, may: bool) -> None:
        """Whether, from now on, a second signal may raise KeyboardInterrupt."""
        self._may_break_in = may

    @contextmanager
    def showing(self) -> Iterator[None]:
        """What is shown within goes nowhere from where the terminal hung up: that costs no exit code."""
        try:
            yield
        except OSError:
            if all(map(os.isatty, self._terminals)):
                raise
            _say_no_more(self._terminals)

    def pull(self, number: int, _frame: object) -> None:
        """The signals' handler, which runs in the main thread between any two of its steps."""
        name = signal.Signals(number).name
        if not self._pulled.is_set():
            self._pulled.set()
            self._say(f"{name}: no more work is handed out; the report follows.")
        elif self._may_break_in and not self._broke_in:
            self._broke_in = True
            raise KeyboardInterrupt
        elif not self._told:
            self._told = True
            self._say(f"{name}: the report is being written; nothing ends that.")

    def _say(self, text: str) -> None:
        try:
            stderr.print(f"\n{text}")
        except RuntimeError:  # the signal came in the middle of another print
            pass
        except OSError:
            _say_no_more(self._terminals)


_is_whole_process = ContextVar("_is_whole_process", default=False)


@contextmanager
def whole_process() -> Iterator[None]:
    """Within it a command is all that the process does: it ends with it."""
    token = _is_whole_process.set(True)
    try:
        yield
    finally:
        _is_whole_process.reset(token)


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Within it the signals that end a process are an interruption's.

    Where the process ends with the command they do nothing afterwards: what was done is its exit code.
    """
    interruption = Interruption()
    with ending_signals(interruption.pull, ignored_afterwards=_is_whole_process.get()):
        try:
            yield interruption
        finally:
            interruption.let_break_in(False)


def _say_no_more(terminals: Sequence[int]) -> None:
    """They hung up: what is still to be said may not end the sweep before its report is written."""
    null = os.open(os.devnull, os.O_WRONLY)
    for terminal in terminals:
        os.dup2(null, terminal)
