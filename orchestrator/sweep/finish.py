"""How a sweep ends: its record becomes a report, its files are sealed, and the ledger says that it is finished."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.core.model import HaltCause, SweepReport
from orchestrator.core.report.document import report_document
from orchestrator.errors import LeaseLostError, PlanError, ReportLostError, ReportStoreError, StopOrchestratorError
from orchestrator.ports import World
from orchestrator.sweep.record import Record, report_of
from orchestrator.sweep.seal import write_and_seal


def run_to_report(world: World, record: Record, work: Callable[[], None]) -> tuple[SweepReport, str]:
    """The report of what the work put into the record, and where it was written; whatever ends the work is in it.

    No report is written by a process that left the sweep to another one, nor by one that does not know yet what the
    process before it did: then the sweep is still running.
    """
    try:
        work()
    except BaseException as failure:
        _leave_it_to_who_has_the_lease(world, record, failure)
        if record.reportable or isinstance(failure, PlanError):
            _written(world, report_of(world, record, error=f"{type(failure).__name__}: {failure}"))
        raise
    if record.handed_over:
        return report_of(world, record), ""
    _leave_it_to_who_has_the_lease(world, record, None)
    report = report_of(world, record)
    return report, _written(world, report)


def _leave_it_to_who_has_the_lease(world: World, record: Record, failure: BaseException | None) -> None:
    halt = world.halt()
    for one in (record.halt, halt):
        if one is not None and one.cause is HaltCause.LEASE_LOST:
            raise LeaseLostError(one.text) from failure  # that other process writes the report


def _written(world: World, report: SweepReport) -> str:
    document = report_document(report)
    try:
        return write_and_seal(world, document)
    except ReportStoreError as failure:
        raise ReportLostError(str(failure), document) from failure
    except StopOrchestratorError:
        raise  # the report is there; it could not be signed, or nobody could be told
    except Exception as failure:
        text = f"the report cannot be written: {type(failure).__name__}: {failure}"
        raise ReportLostError(text, document) from failure
