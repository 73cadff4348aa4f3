"""What every command does with its terminal: lines, errors as exit codes, settings. It imports no AWS and no tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from orchestrator import Later
from orchestrator.cli import invocation
from orchestrator.core.report.control_characters import without_controls
from orchestrator.errors import (
    NarrowedToNothingError,
    NarrowingError,
    OrganizationError,
    PlanError,
    PolicyError,
    PolicyProblem,
    ReportLostError,
    ReportStoreError,
    SettingsError,
    StopOrchestratorError,
)

if TYPE_CHECKING:
    import json

    from orchestrator import settings as settings_module
    from orchestrator.aws import credential_errors, failures
    from orchestrator.cli import json_text, terminal
    from orchestrator.core.model import marks
    from orchestrator.settings import Settings
else:
    json = Later("json")
    settings_module = Later("orchestrator.settings")
    credential_errors = Later("orchestrator.aws.credential_errors")
    failures = Later("orchestrator.aws.failures")
    json_text = Later("orchestrator.cli.json_text")
    terminal = Later("orchestrator.cli.terminal")
    marks = Later("orchestrator.core.model.marks")

ERROR, BAD_USAGE, UNRESOLVED = 1, 2, 4
_COLOURED_ANYWHERE = ("FORCE_COLOR", "TTY_COMPATIBLE")
"""Variables by which rich takes for a terminal what is none."""

stdout: terminal.SafeConsole
stderr: terminal.SafeConsole


def __getattr__(name: str) -> Any:
    """The consoles for tables and colours: made when a command wants one, since rich takes its time to import."""
    if name not in ("stdout", "stderr"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    console = globals()[name] = terminal.SafeConsole(stderr=name == "stderr")
    return console


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
        with credentials_named():
            yield
    except PolicyError as invalid:
        print_problems(output, invalid.source, *invalid.problems)
        fail("\n".join(invalid.lines()), BAD_USAGE)
    except NarrowedToNothingError as unknown:
        fail(str(unknown), max((UNRESOLVED, *reported)))
    except (SettingsError, PlanError, NarrowingError) as wrong:
        fail(str(wrong), BAD_USAGE)
    except ReportLostError as lost:
        sys.stderr.write(f"{json_text.json_text(lost.document)}\n")
        fail(f"The report above could not be written: {lost}", ERROR)
    except StopOrchestratorError as failure:
        fail(str(failure), max((ERROR, *reported)))
    except KeyboardInterrupt:
        fail("Interrupted.", max((ERROR, *reported)))
    except typer.Exit:
        raise  # before what AWS's errors are is looked up, which imports all of it
    except failures.AWS_FAILURES as failure:
        missing = credential_errors.credentials_error(failure)
        fail(str(missing or f"AWS: {failures.text_of(failure)}"), max((ERROR, *reported)))
    except OSError as failure:
        fail(f"this machine: {failure}", ERROR)


@contextmanager
def credentials_named() -> Iterator[None]:
    """What cannot be read or written for want of credentials, whatever it is, becomes the one CredentialsError.

    Not of what says how to go on with a sweep, or still holds its report.
    """
    try:
        yield
    except ReportLostError:
        raise
    except (SettingsError, ReportStoreError, OrganizationError) as failure:
        # Without a cause it is not AWS's, and what AWS's errors are, which takes its time, is not looked up.
        missing = credential_errors.credentials_error(failure.__cause__) if failure.__cause__ is not None else None
        if missing is None:
            raise
        raise missing from failure


def fail(message: str, code: int) -> NoReturn:
    """Prints the message to stderr and ends the command with that exit code."""
    print_line(message, "red", to_stderr=True)
    raise typer.Exit(code)


def say(message: str) -> None:
    """To a person, on stderr."""
    print_line(message, to_stderr=True)


def print_line(text: str, style: str | None = None, *, to_stderr: bool = False) -> None:
    """A text that is never wrapped, in that style where there is a terminal; without one, rich is not needed."""
    stream = sys.stderr if to_stderr else sys.stdout
    if stream is None or stream.isatty() or any(map(os.environ.get, _COLOURED_ANYWHERE)):
        this = sys.modules[__name__]
        console = this.stderr if to_stderr else this.stdout
        console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)
        return
    stream.write(f"{without_controls(invocation.as_called(text), lines=True)}\n")
    stream.flush()


def counted(count: int, noun: str) -> str:
    """`1 account`, `2 accounts`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def settings_of(**overrides: object) -> Settings:
    """Settings from the environment and the options; a mistake ends the command with exit code 2."""
    invocation.remember_options(overrides)
    try:
        return settings_module.Settings.from_env(os.environ, (), **overrides)
    except SettingsError as wrong:
        fail(str(wrong), BAD_USAGE)


def checked_sweep_id(text: str, what: str = "sweep id") -> None:
    """Ends the command with exit code 2 for a text that has not the form of a sweep id."""
    if not marks.SWEEP_ID.fullmatch(text):
        fail(f"{text!r} is no {what}; sweep ids look like 20261123T190000Z-7f3a9c", BAD_USAGE)


def print_json(document: Any) -> None:
    """Writes the document to standard output, indented."""
    sys.stdout.write(f"{json_text.json_text(document, indent=2)}\n")


def print_problems(output: Format, source: str, *problems: PolicyProblem) -> None:
    """With JSON output, every problem of a policy document; nothing with tables, where they are an error message."""
    if output is Format.JSON:
        print_json({"valid": False, "source": source, "problems": problem_rows(problems)})


def problem_rows(problems: Sequence[PolicyProblem]) -> list[dict[str, str | int | None]]:
    """Problems, or warnings, of a policy document as JSON has them."""
    return [{"path": one.path, "line": one.line, "message": one.message} for one in problems]


def parsed(content: bytes, sweep_id: str) -> dict[str, Any]:
    """The document of a stored report. Raises ReportStoreError for what is no JSON."""
    try:
        document: dict[str, Any] = json.loads(content)
    except (ValueError, RecursionError) as damaged:
        raise ReportStoreError(f"the report of {sweep_id} is damaged: {damaged}") from damaged
    return document
