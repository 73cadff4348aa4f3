"""The events on a bus: their types, and a detail that fits the schema which docs/notifications.md shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from orchestrator.core.model import GuardrailResult, Mode, OutcomeStatus, SweepStatus
from orchestrator.core.report.document import report_document
from orchestrator.core.report.messages.events import event_json_schema, event_of, missed_event
from orchestrator.ledger.records import SweepSummary
from tests.support.builders import SWEEP_ID, a_decision, a_report, an_outcome

VALIDATOR = Draft202012Validator(event_json_schema())


@pytest.mark.parametrize(
    ("fields", "detail_type"),
    [
        ({"mode": Mode.PLAN}, "Sweep Planned"),
        ({"mode": Mode.PLAN, "status": SweepStatus.INCOMPLETE}, "Sweep Planned"),
        ({"mode": Mode.APPROVE, "status": SweepStatus.AWAITING_APPROVAL}, "Sweep Planned"),
        ({"mode": Mode.PLAN, "consent_missing": "another text"}, "Sweep Incomplete"),
        ({"status": SweepStatus.HELD}, "Sweep Held"),
        ({"mode": Mode.PLAN, "status": SweepStatus.HELD}, "Sweep Held"),
        ({}, "Sweep Completed"),
        ({"mode": Mode.UNDO}, "Sweep Completed"),
        *(
            ({"status": status, "error": "E: why"}, "Sweep Incomplete")
            for status in (SweepStatus.INCOMPLETE, SweepStatus.ABORTED, SweepStatus.FAILED, SweepStatus.ABANDONED)
        ),
        ({"mode": Mode.PLAN, "status": SweepStatus.FAILED, "error": "E: why"}, "Sweep Incomplete"),
    ],
)
def test_how_a_sweep_ended_is_the_type_and_its_detail_fits_the_schema(fields: dict[str, Any], detail_type: str) -> None:
    event = event_of(report_document(a_report(**fields)), "s3://bucket/report.json")
    assert event.detail_type == detail_type
    VALIDATOR.validate(json.loads(json.dumps(event.detail)))


def test_a_missed_sweep_has_no_report_and_says_why() -> None:
    missed = SweepSummary(SWEEP_ID, "missed", "enforce", "nonprod", "2026-11-23T19:00:00Z", error="it did not begin")
    event = missed_event(missed.as_row())
    VALIDATOR.validate(json.loads(json.dumps(event.detail)))
    assert (event.detail_type, event.detail["error"], "totals" in event.detail) == (
        "Sweep Missed",
        "it did not begin",
        False,
    )


def test_however_large_a_report_is_its_event_is_far_below_what_a_bus_takes() -> None:
    held = [GuardrailResult(f"max_stops {n}", 1, 2, passed=False, detail="d" * 5_000) for n in range(2_000)]
    report = a_report(
        guardrails=tuple(held),
        decisions=tuple(a_decision() for _ in range(100)),
        outcomes=(an_outcome(OutcomeStatus.FAILED),),
        error="e" * 100_000,
        asked_by="a" * 10_000,
        status=SweepStatus.HELD,
    )
    detail = event_of(report_document(report), "s3://bucket/report.json").detail
    assert len(json.dumps(detail).encode()) < 256 * 1024 // 2
    assert len(detail["held_by"]) == 50
