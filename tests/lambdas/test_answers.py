"""The answer of a Lambda, from the result of a sweep."""

from __future__ import annotations

from orchestrator.core.report.document import report_document
from orchestrator.lambdas.answers import answer_of
from orchestrator.sweep.coordination import Ended
from tests.support.builders import a_report


def test_an_answer_says_why_a_scheduled_enforce_only_planned_and_else_nothing_of_it() -> None:
    why = "the policy has no active version"
    only_planned = answer_of(Ended(report_document(a_report(consent_missing=why)), "s3://b/r.json", repeated=True))
    assert only_planned["consent_missing"] == why
    planned = answer_of(Ended(report_document(a_report()), "s3://b/r.json", repeated=True))
    assert planned.keys() == {"sweep_id", "status", "totals", "report"}
