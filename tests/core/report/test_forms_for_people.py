"""What people read of a sweep: no names of our exceptions, times and money in one form, what was declined no fault."""

from __future__ import annotations

import re
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from orchestrator.core.model import Mode, OutcomeStatus, SweepStatus, TargetStatus
from orchestrator.core.report.document import Row, report_document
from orchestrator.core.report.endings import DECLINED
from orchestrator.core.report.html.charts import lines_over_time
from orchestrator.core.report.html.index_page import index_page
from orchestrator.core.report.html.report_page import report_page
from orchestrator.core.report.markdown import markdown_text
from orchestrator.core.report.messages.sweep_messages import sweep_message
from orchestrator.core.report.sweep_digest import digest_of_document, digest_of_record
from orchestrator.core.report.sweep_index import sweep_index
from tests.support.builders import a_coverage, a_decision, a_report, an_outcome
from tests.support.page_reports import page_document

REPORT = a_report(
    mode=Mode.ENFORCE,
    status=SweepStatus.FAILED,
    coverage=(a_coverage(),),
    decisions=(a_decision(),),
    outcomes=(an_outcome(OutcomeStatus.NOT_ATTEMPTED),),
)
DECLINED_ONE = replace(REPORT, error="NotConfirmedError: the stops were not confirmed; nothing was stopped")


def seen(page: bytes) -> str:
    body = re.sub(r"<(script|style|svg)[^>]*>.*?</\1>", "", page.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def every_form(document: Row) -> dict[str, str]:
    index = sweep_index([digest_of_document(document)])
    return {
        "report.html": seen(b"".join(report_page(document))),
        "index.html": seen(b"".join(index_page(index, lambda _: ""))),
        "Markdown": markdown_text(document),
        "message": "\n".join(sweep_message(document, "here", ZoneInfo("UTC")).lines),
    }


@pytest.mark.parametrize("name", ["OrganizationError", "LedgerError", "NotConfirmedError"])
def test_the_names_of_our_exceptions_are_in_no_form_for_people(name: str) -> None:
    for form, text in every_form(report_document(replace(REPORT, error=f"{name}: it said no"))).items():
        assert name not in text, form
    for form, text in every_form(report_document(replace(REPORT, error="ZeroDivisionError: by 0"))).items():
        assert ("ZeroDivisionError" in text) is (form != "index.html"), "of a mistake of ours it is all that there is"


def test_what_nobody_confirmed_is_declined_and_no_fault() -> None:
    forms = every_form(report_document(DECLINED_ONE))
    page = forms["report.html"]
    assert "Declined: 1 action planned, and none carried out declined" in page
    assert DECLINED in page
    assert "Would stop 1 planned, and declined" in page
    assert "Every target in scope was read. Nothing was acted on." in page
    for word in ("failed", "Failed", "error", "not attempted", "no code"):
        assert word not in page.partition("Guardrails")[0], word
    assert DECLINED in forms["Markdown"]
    assert "# Sweep 20261123T190000Z-7f3a9c: declined" in forms["Markdown"]
    assert "enforce declined" in forms["index.html"]
    assert "enforce failed" not in forms["index.html"]


def test_the_ledger_tells_the_index_what_was_declined() -> None:
    digest = digest_of_document(report_document(DECLINED_ONE))
    record = {**{name: digest.get(name) for name in digest}, "error": DECLINED_ONE.error, "totals": {"resources": 1}}
    assert digest_of_record(record)["declined"] is True
    assert "declined" not in digest_of_record({**record, "error": ""})


def test_times_are_told_to_the_minute_in_utc_and_money_in_dollars() -> None:
    for form, text in every_form({**page_document(5, 50), "as_of": "2026-11-24T06:15:00Z"}).items():
        assert re.findall(r"\d{4}-\d\d-\d\dT\d\d", text) == [], form
        assert "2026-11-23 19:0" in text, form
        assert re.findall(r"USD \d", text) == [], form
        assert "$" in text, form


def test_what_was_declined_counts_as_no_action_in_the_index() -> None:
    text = every_form(report_document(DECLINED_ONE))["index.html"]
    assert "Stopped 0 declined: nobody confirmed it" in text
    acting = every_form(report_document(replace(REPORT, status=SweepStatus.COMPLETE)))["index.html"]
    assert "declined" not in acting


def test_an_account_that_is_among_the_worst_of_two_policies_says_of_which() -> None:
    denied = a_report(coverage=(a_coverage(), a_coverage(TargetStatus.DENIED, "us-east-1", detail="AccessDenied: no")))
    digests = [
        digest_of_document(report_document(replace(denied, policy_name=name, sweep_id=f"20261123T19000{n}Z-7f3a9c")))
        for n, name in enumerate(("nonprod", "labs"))
    ]
    text = seen(b"".join(index_page(sweep_index(digests), lambda _: "")))
    worst = text[text.index("Accounts, the worst first") : text.index("Opt-outs about to end They")]
    assert re.findall(r"(nonprod|labs) 1 0 0", worst) == ["labs", "nonprod"]


def test_moments_that_are_alike_are_told_once_below_a_chart() -> None:
    labels = ["11-29 11:49"] * 5 + ["11-29 11:50"] * 2
    chart = str(lines_over_time("Resources", labels, {"running": [1.0] * 7}))
    assert re.findall(r"<text[^>]*>(11-29 11:\d\d)</text>", chart) == ["11-29 11:49", "11-29 11:50"]
