"""How a sweep ends: its record becomes a report, its files are sealed, and the ledger says that it is finished."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator import evidence
from orchestrator.core.model import HaltCause, SweepReport, SweepStatus, Verdict
from orchestrator.core.report import report_document
from orchestrator.core.report_files import report_files
from orchestrator.core.stored_plan import FILE
from orchestrator.errors import LeaseLostError, PlanError, ReportLostError, ReportStoreError, StopOrchestratorError
from orchestrator.ports import World
from orchestrator.record import Record, report_of

Document = dict[str, Any]


def to_its_end(world: World, record: Record, work: Callable[[], None]) -> tuple[SweepReport, str]:
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


def sealed(world: World, document: Document) -> str:
    """Every file, report.json first, as the others are made from it; then the manifest; the ledger's summary last."""
    sweep_id = document["sweep_id"]
    files = report_files(document)
    for name, content in files.items():
        world.store.put(sweep_id, name, content)
    plan = world.store.find(sweep_id, FILE)
    all_files = {**files, FILE: plan} if plan is not None else files
    evidence.seal(world.store, world.ledger, sweep_id, all_files, world.sign)
    if document["status"] == SweepStatus.AWAITING_APPROVAL:
        world.notify(*_question(document))  # before the end: told twice after a crash is better than never
    location = world.store.location(sweep_id, "report.json")
    world.ledger.finish(document, location)
    return location


def _leave_it_to_who_has_the_lease(world: World, record: Record, failure: BaseException | None) -> None:
    halt = world.halt()
    for one in (record.halt, halt):
        if one is not None and one.cause is HaltCause.LEASE_LOST:
            raise LeaseLostError(one.text) from failure  # that other process writes the report


def _written(world: World, report: SweepReport) -> str:
    document = report_document(report)
    try:
        return sealed(world, document)
    except ReportStoreError as failure:
        raise ReportLostError(str(failure), document) from failure
    except StopOrchestratorError:
        raise  # the report is there; it could not be signed, or nobody could be told
    except Exception as failure:
        text = f"the report cannot be written: {type(failure).__name__}: {failure}"
        raise ReportLostError(text, document) from failure


def _question(document: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and text for whoever may approve."""
    sweep_id = document["sweep_id"]
    stops = [row for row in document["decisions"] if row["verdict"] == Verdict.STOP]
    places = sorted({(row["account_id"], row["region"]) for row in stops})
    where = "\n".join(f"  {account_id} {region}" for account_id, region in places[:_MOST_PLACES])
    more = f"\n  ... and {len(places) - _MOST_PLACES} more" if len(places) > _MOST_PLACES else ""
    subject = f"Stop Orchestrator: {len(stops)} resources wait for your approval"
    text = (
        f"Sweep {sweep_id} by policy {document['policy_name']} would stop {len(stops)} resources in:\n{where}{more}\n\n"
        f"To carry out exactly this plan:\n  stop-orchestrator apply {sweep_id}\n"
        "What changed since is kept. Do nothing, and nothing is stopped."
    )
    return subject, text


_MOST_PLACES = 50
