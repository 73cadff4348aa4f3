"""How a command runs a sweep: what it asks, what it shows, how signals end it, and with which exit code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import typer

from orchestrator import app as wiring
from orchestrator.aws.clients import Clients
from orchestrator.cli.console import (
    ERROR,
    Format,
    errors_as_exit_codes,
    fail,
    parsed,
    print_json,
    say,
    stderr,
    stdout,
)
from orchestrator.cli.interruption import Interruption, interruptible
from orchestrator.cli.progress import TerminalProgress
from orchestrator.cli.question import asker
from orchestrator.cli.summary import print_summary
from orchestrator.cli.waiting import Work, described, waiting
from orchestrator.core.model import ConsentHow, Mode, OutcomeStatus, Question, SweepStatus
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.document import document_exit_code, plain_document
from orchestrator.core.report.endings import ended_by, was_declined
from orchestrator.errors import ReportStoreError, SettingsError, StopOrchestratorError
from orchestrator.ledger.records import SweepSummary
from orchestrator.local.processes import this_process, this_user
from orchestrator.ports import Progress, Runtime
from orchestrator.settings import Settings
from orchestrator.sweep.coordination import Busy, Result


def run(
    settings: Settings,
    output: Format,
    work: Work,
    how: ConsentHow | None = None,
    resumed: str | None = None,
    wait: float = 0,
    *,
    show_all: bool = False,
) -> NoReturn:
    """Does the work, shows its report, and ends the command with its exit code, whatever ended it.

    `how` consent is given, where the command may act; `resumed`: the sweep of an earlier process; `wait`: for how many
    minutes another sweep by the same policy is waited for; `show_all`: before the question, every resource.
    """
    triggered_at = wiring.now()
    reported: list[int] = []
    with interruptible() as interruption:  # to the end: what was done is shown, and is the exit code
        with errors_as_exit_codes(output, reported):
            sweep_id = resumed or wiring.new_sweep_id(triggered_at)
            try:
                work = waiting(work, wait)
                result = _carried_out(
                    settings, output, work, how, triggered_at, sweep_id, interruption, reported, show_all=show_all
                )
            finally:  # an error has its exit code too
                interruption.let_break_in(False)
        if isinstance(result, Busy):
            _say_busy(result, output)
        with interruption.showing():
            if result.repeated:
                say(f"{result.sweep_id} is finished; nothing was done again.")
            show(result.document, output, result.location)
            if result.document["status"] == SweepStatus.RUNNING:
                say(f"What is left can be done later: stop-orchestrator sweep --resume {result.sweep_id}")
        raise typer.Exit(document_exit_code(result.document))


def show(document: dict[str, Any], output: Format, location: str = "") -> None:
    """A report's document in that form, and where it was written."""
    if output is Format.TABLE:
        print_summary(stdout, document, location)
        return
    print_json(plain_document(document))
    if location:
        say(f"Report: {location}")


def _carried_out(
    settings: Settings,
    output: Format,
    work: Work,
    how: ConsentHow | None,
    triggered_at: datetime,
    sweep_id: str,
    interruption: Interruption,
    reported: list[int],
    *,
    show_all: bool,
) -> Result:
    """`reported` is told the exit code of the report that was shown of what an error ended."""
    clients = wiring.make_clients(settings)
    wiring.check_prices(settings, lambda: clients)
    stores = wiring.make_stores(settings, clients, this_process())
    progress = TerminalProgress(stderr)
    ask = asker(
        progress,
        interruption.interrupted,
        lambda: wiring.kill_switch_names(settings, stores.ledger),
        show_all=show_all,
    )

    def confirm(question: Question) -> ConsentHow | None:
        return how if how is not ConsentHow.TYPED or ask(question) else None

    try:
        runtime = runtime_of(settings, clients, interruption, confirm, progress, triggered_at)
        with progress.shown():
            return work(stores, clients, sweep_id, runtime)
    except ReportStoreError:
        raise  # there is no report to show
    except (KeyboardInterrupt, StopOrchestratorError, *wiring.AWS_ERRORS):
        interruption.let_break_in(False)
        # A sweep that an error ended has a report too. Still here, further signals do not end its showing.
        with suppress(StopOrchestratorError):
            document = parsed(stores.store.read(sweep_id, "report.json"), sweep_id)
            reported.append(document_exit_code(document))
            location = stores.store.location(sweep_id, "report.json")
            with interruption.showing():
                if was_declined(document["error"]) and output is Format.TABLE:
                    fail(f"{ended_by(document['error'])}\nReport: {location}", *reported)
                show(document, output, location)
            if _is_unknown(document):
                fail("What was being asked for is unknown; `undo` looks at it.", *reported)
        raise


def runtime_of(
    settings: Settings,
    clients: Clients,
    interruption: Interruption,
    confirm: Callable[[Question], ConsentHow | None],
    progress: Progress,
    triggered_at: datetime,
) -> Runtime:
    """What a command's process has of its own."""
    return Runtime(
        interrupted=interruption.interrupted,
        let_break_in=interruption.let_break_in,
        asked_by=f"{wiring.caller(clients)} ({this_user()})",
        confirm=confirm,
        policy_source=_absolute(settings.policy),
        policy_of_today=partial(_policy_of_today, settings, clients),
        progress=progress,
        warn=say,
        triggered_at=triggered_at,
    )


def _is_unknown(document: Mapping[str, Any]) -> bool:
    return any(row["status"] == OutcomeStatus.UNKNOWN for row in document["outcomes"])


def _say_busy(busy: Busy, output: Format) -> NoReturn:
    """A second trigger of the same sweep has what it asked for; another request has not."""
    if busy.execution:
        say(
            f"{busy.sweep_id} is carried out by the state machine's execution {busy.execution}; to look at it: "
            f"aws stepfunctions describe-execution --execution-arn {busy.execution}\n"
            "Where that has ended without a report, it can be resumed five minutes after its last step."
        )
    if busy.other_text:
        text = f"{busy.sweep_id} is running by another text of this policy; try again when `history` shows its end"
        fail(text, ERROR)
    if not busy.same:
        fail(f"{described(busy)}; try again when `history` shows its end, or wait for it with --wait MINUTES", ERROR)
    say(f"{busy.sweep_id} is running by this policy already; nothing was begun. `history` shows how it ends.")
    if output is Format.JSON:
        print_json({"sweep_id": busy.sweep_id, "status": SweepStatus.RUNNING.value})
    raise typer.Exit(0)


def _policy_of_today(settings: Settings, clients: Clients, begun: SweepSummary) -> OrgPolicy | None:
    """Of two sources that have it, the one whose text was changed.

    Raises PolicyError, and SettingsError where it is needed and neither has it; None where it is not.
    """
    found: list[OrgPolicy] = []
    unreadable: list[str] = []
    for source in dict.fromkeys(one for one in (_absolute(settings.policy), begun.policy_source) if one):
        try:
            policy = wiring.read_policy(source, lambda: clients)
        except SettingsError as failure:
            unreadable.append(str(failure))
            continue
        if source == begun.policy_source or policy.name == begun.policy_name:
            found.append(policy)
    changed = [one for one in found if one.sha256 != begun.policy_sha256]
    if found:
        return (changed or found)[0]
    if not (begun.is_of_this_release and Mode(begun.mode).acts):
        return None
    why = "; ".join(unreadable) or f"where {begun.sweep_id} had it from is not recorded"
    raise SettingsError(
        f"{begun.sweep_id} is not resumed: which text policy {begun.policy_name} has today is not known ({why}). "
        "Nothing was done. Name its source in STOP_ORCHESTRATOR_POLICY, and try again"
    )


def _absolute(source: str | None) -> str:
    """The policy's source, by which another process finds it too."""
    if source is None or source.startswith(("s3://", "ssm:")):
        return source or ""
    return str(Path(source).absolute())
