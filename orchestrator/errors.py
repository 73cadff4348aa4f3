"""Exceptions that end a sweep. What befalls one target or resource is data (core.model)."""

from __future__ import annotations

import re
from dataclasses import dataclass

WITHHELD = "(withheld)"


class StopOrchestratorError(Exception):
    """The base of all that this project raises on purpose; its text says what happened and what to do."""


class SettingsError(StopOrchestratorError):
    """The environment or the command line does not make sense; nothing was read or stopped."""


class PricesError(SettingsError):
    """A price book that cannot be trusted; carries every mistake, each with its line and what would be right."""


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """One mistake in a policy document.

    `path` is its place in the document (`rules[0].schedule`), `line` counts from 1 (None: the whole document),
    `message` says what is wrong and what would be right.
    """

    path: str
    line: int | None
    message: str


class PolicyError(StopOrchestratorError):
    """A policy document that cannot be trusted; carries every problem found, in the order of their lines."""

    def __init__(self, source: str, problems: tuple[PolicyProblem, ...]) -> None:
        self.source = source
        self.problems = problems
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """One line a problem: `source:line: path: message`."""
        return [
            f"{self.source}:{problem.line or 1}: {problem.path or '(document)'}: {problem.message}"
            for problem in self.problems
        ]


class ImportedInputError(StopOrchestratorError):
    """Files of another tool that cannot be read as what they should be; carries what is wrong with each of them."""

    def __init__(self, files: tuple[PolicyError, ...]) -> None:
        self.files = files
        super().__init__("\n".join(line for one in files for line in one.lines()))


class EventError(StopOrchestratorError):
    """A Lambda event with something in it that is not understood; names the field."""


class OrganizationError(StopOrchestratorError):
    """The organization could not be listed, so the accounts are unknown."""


class CredentialsError(OrganizationError):
    """Nothing can be listed: there are no AWS credentials, or they are over; the text says how to sign in."""


class NarrowingError(StopOrchestratorError):
    """What a sweep was narrowed to is not in its policy; no sweep begins. Carries every problem found."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))


class NarrowedToNothingError(NarrowingError):
    """What a sweep was narrowed to is not in what was listed or read; nothing is acted on."""


class ReportStoreError(StopOrchestratorError):
    """A report cannot be written or read where it belongs."""


class ReportLostError(ReportStoreError):
    """Everything was done, but its report could not be written; `document` is that report, for the log."""

    def __init__(self, message: str, document: dict[str, object]) -> None:
        self.document = document
        super().__init__(message)


class LedgerError(ReportStoreError):
    """The ledger cannot be read or written; nothing is stopped that it does not know of."""


class LedgerSettingError(LedgerError):
    """A setting in the ledger's table is none of what it may be."""


class AnchorError(StopOrchestratorError):
    """The anchor of the chain of manifests cannot be read or written; no sweep is lost by it.

    `code` is AWS's, where AWS refused.
    """

    def __init__(self, message: str, code: str = "") -> None:
        self.code = code
        super().__init__(message)


class LeaseLostError(StopOrchestratorError):
    """The lease ran out, or another process has it now: this process leaves the sweep to whichever resumes it."""


class SweepHaltedError(StopOrchestratorError):
    """Another step of the same execution met a halt that ends the acting of all; its `cause` is a HaltCause."""

    def __init__(self, cause: str, text: str) -> None:
        self.cause = cause
        super().__init__(text)


class PlanError(StopOrchestratorError):
    """A plan that cannot be applied: altered, expired, applied already, or none."""


class HaltedError(StopOrchestratorError):
    """A kill switch does not say `go`: no sweep begins, or one is left to be resumed."""


class BusyError(StopOrchestratorError):
    """Another sweep runs by the same policy, and it is not what was wanted; try again later."""


class ExecutionFailedError(StopOrchestratorError):
    """A state machine ended before its sweep had a plan."""


class ConsentError(StopOrchestratorError):
    """The consent that a sweep has does not cover what it is about to do: another plan, another policy, or expired."""


class ConsentMissingError(ConsentError):
    """The version by which a schedule may act is another one by now, or there is none; `why` says it."""

    def __init__(self, sweep_id: str, why: str) -> None:
        self.why = why
        super().__init__(f"{sweep_id} may not act: {why}; nothing was done")


class NotConfirmedError(StopOrchestratorError):
    """The person at the terminal did not confirm the stops."""


class UnboundAccountError(StopOrchestratorError):
    """A call through a shared member client while no account is bound to the running task: a bug, and never sent."""


def without(secret: str | None, text: str) -> str:
    """The text with WITHHELD wherever it quotes the secret, also where characters of it are percent-encoded."""
    if not secret:
        return text
    quoted = "".join(f"(?:{re.escape(one)}|{_percent_encoded(one)})" for one in secret)
    return re.sub(quoted, WITHHELD, text)


def _percent_encoded(character: str) -> str:
    """A pattern: in either letter case, and encoded once or more often."""
    return "".join(f"(?i:%(?:25)*{byte:02x})" for byte in character.encode())
