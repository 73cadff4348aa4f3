"""How a sweep ends: what is known of it becomes a report, whose files are sealed, and the ledger says that it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from orchestrator.core.model import Halt, HaltCause, Intent, Outcome, OutcomeStatus, SweepReport
from orchestrator.core.report.document import document_of, plain_document
from orchestrator.core.report.files import policy_file
from orchestrator.core.report.manifest import FileSeal
from orchestrator.core.report.plan_file import PLAN_FILE
from orchestrator.errors import (
    ConsentMissingError,
    LeaseLostError,
    PlanError,
    ReportLostError,
    ReportStoreError,
    StopOrchestratorError,
)
from orchestrator.ports import World
from orchestrator.sweep.interruption import InterruptionNote, breakable
from orchestrator.sweep.money import note_ended
from orchestrator.sweep.policy_text import text_seal
from orchestrator.sweep.seal import Document, write_and_seal
from orchestrator.sweep.state import Sweep, SweepState, build_report, interruption_text

Keep = Callable[[SweepState], None]
"""Told what is known of the sweep from now on, for whatever ends it."""


def run_to_report(
    world: World, sweep: Sweep, begin_with: SweepState, work: Callable[[Keep], SweepState]
) -> tuple[Document, str]:
    """The report's document of what the work gave back, and where it was written; whatever ends the work is in it.

    No report is written by a process that left the sweep to another one, nor by one that does not know yet what the
    process before it did: then the sweep is still running. From the end of the work on no signal breaks in. Raises
    what the work raised, LeaseLostError and ReportLostError.
    """
    latest = [begin_with]

    def keep(state: SweepState) -> None:
        latest[0] = state

    try:
        with breakable(world):
            keep(work(keep))
    except BaseException as failure:
        _leave_it_to_the_lease_holder(world, sweep.sweep_id, latest[0].halt, failure)
        if isinstance(failure, ConsentMissingError):
            sweep = replace(sweep, consent_missing=failure.why)
        if latest[0].reportable or isinstance(failure, PlanError):
            _write(world, sweep, latest[0], _error_text(world, sweep, latest[0], failure))
        raise
    if latest[0].handed_over:
        return document_of(_report(world, sweep, latest[0])), ""
    _leave_it_to_the_lease_holder(world, sweep.sweep_id, latest[0].halt, None)
    return _write(world, sweep, latest[0])


def _error_text(world: World, sweep: Sweep, state: SweepState, failure: BaseException) -> str:
    if isinstance(failure, KeyboardInterrupt) and world.interrupted():
        return interruption_text(sweep, state)
    return f"{type(failure).__name__}: {failure}"


def _report(world: World, sweep: Sweep, state: SweepState, error: str = "") -> SweepReport:
    report = build_report(
        sweep, state, calls=world.calls(), finished_at=world.now(), error=error, interrupted=world.interrupted()
    )
    return replace(report, kill_switches=world.kill_switches)


def _leave_it_to_the_lease_holder(
    world: World, sweep_id: str, halt: Halt | None, failure: BaseException | None
) -> None:
    """Raises LeaseLostError where this process is that no more: whichever resumes the sweep writes the report."""
    for one in (halt, world.halt()):
        if one is not None and one.cause is HaltCause.LEASE_LOST:
            again = f"the same request resumes the sweep, or: stop-orchestrator sweep --resume {sweep_id}"
            raise LeaseLostError(f"{sweep_id}: {one.text}. Where no other process has it, {again}") from failure


def _write(world: World, sweep: Sweep, state: SweepState, error: str = "") -> tuple[Document, str]:
    if sweep.mode.acts:
        InterruptionNote(world, sweep.sweep_id).write()
    document = document_of(_report(world, sweep, state, error))
    try:
        _close_untouched_intents(world, sweep, state)
        location = write_and_seal(world, document, _known_files(sweep, state))
    except ReportStoreError as failure:
        raise ReportLostError(str(failure), plain_document(document)) from failure
    except StopOrchestratorError:
        raise  # the report is there; it could not be signed, or the notification failed
    except Exception as failure:
        text = f"the report cannot be written: {type(failure).__name__}: {failure}"
        raise ReportLostError(text, plain_document(document)) from failure
    note_ended(world, sweep, state)
    return document, location


def _known_files(sweep: Sweep, state: SweepState) -> dict[str, FileSeal]:
    """Those that need not be read again to be sealed: this process has had their bytes."""
    found = {PLAN_FILE: state.plan_seal, policy_file(sweep.policy.sha256): text_seal(sweep.policy)}
    return {name: seal for name, seal in found.items() if seal is not None}


def _close_untouched_intents(world: World, sweep: Sweep, state: SweepState) -> None:
    """Those by which no call was made: of a dead process, or of which the ledger did not say that they were written.

    One that a thread still writes finds its row taken.
    """
    outcomes = state.outcomes
    known = {one.resource.key for one in outcomes.outcomes}
    untouched = {key: one for key, one in outcomes.intents.items() if one.untouched and one.id and key not in known}
    left = [one for one in state.decisions.actions if one.resource.key in untouched]
    closed = [Outcome(one.resource, OutcomeStatus.NOT_ATTEMPTED, message=_NOT_ASKED) for one in left]
    replaced = {key: Intent(one.found) for key, one in untouched.items() if one.found}
    for intents in (untouched, replaced):
        some = [one for one in closed if one.resource.key in intents]
        world.ledger.record_outcomes(sweep.sweep_id, some, intents, is_last=True)


_NOT_ASKED = "it was announced, and the process that announced it ended before it asked for it"
