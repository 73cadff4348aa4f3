"""What those who may approve a plan are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model import Verdict
from orchestrator.core.report.approval_message import approval_message
from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.document import report_document
from tests.support.builders import AT, SWEEP_ID, a_coverage, a_decision, a_report, a_resource

ONE, TWO = "111111111111", "222222222222"
EVIL = "shop\x1b[2J\u202e\r\nBcc: eve@example.com <img src=x onerror=alert(1)>"


def document(name: str = "shop", **fields: Any) -> dict[str, Any]:
    decisions = (
        a_decision(a_resource("i-1", ONE)),
        a_decision(a_resource("i-2", ONE), rule="weekends"),
        a_decision(a_resource("i-3", TWO)),
        a_decision(a_resource("i-4", TWO, state="stopped"), Verdict.START, rule="mornings"),
        a_decision(a_resource("i-5", TWO), Verdict.KEEP),
    )
    coverage = (replace(a_coverage(account_id=ONE), account_name=name), a_coverage(account_id=TWO))
    made = a_report(decisions=decisions, coverage=coverage, plan_expires_at=AT + timedelta(hours=12))
    return {**report_document(made), **fields}


def test_it_names_accounts_and_counts_stops_and_starts_apart_by_account_and_rule() -> None:
    subject, text = approval_message(document())
    assert subject == "Stop Orchestrator: 4 resources wait for your approval"
    assert f"Sweep {SWEEP_ID} by policy nonprod would stop 3 resources and start 1 resource in 2 accounts." in text
    assert f"shop ({ONE}) in eu-central-1:\n  rule nights: 1 stop\n  rule weekends: 1 stop\n" in text
    assert f"account-{TWO} ({TWO}) in eu-central-1:\n  rule mornings: 1 start\n  rule nights: 1 stop\n" in text


def test_it_says_until_when_how_to_look_apply_and_opt_out() -> None:
    text = approval_message(document(owners=["platform@example.com"]), "s3://bucket/report.json")[1]
    assert f"To look at it: stop-orchestrator report {SWEEP_ID}\nIts report: s3://bucket/report.json\n" in text
    until = "until 2026-11-24 07:00 UTC"
    assert f"To carry out exactly this plan, {until}: stop-orchestrator apply {SWEEP_ID}\n" in text
    assert "To keep a resource: tag it, its account or its OU stop-orchestrator:opt-out = true" in text
    assert "Do nothing, and nothing is stopped or started.\nAsk about it: platform@example.com" in text


def test_money_is_there_where_prices_were_asked_for_with_the_unknown_apart() -> None:
    sums = {"resources": 2, "unknown_resources": 1, "net": 1234.5}
    text = approval_message(document(money={"currency": "USD", "made_up": True, "forecast": sums}))[1]
    assert "The stops save $1,234.50 net until they start again (2 resources); of 1 resource it is unknown." in text
    assert "made up" in text
    nothing = {"resources": 0, "unknown_resources": 3, "net": 0}
    text = approval_message(document(money={"currency": "USD", "forecast": nothing}))[1]
    assert "What the stops save is unknown (3 resources)." in text
    assert "0.00" not in text
    assert "save" not in approval_message(document())[1]


@given(st.sampled_from([EVIL, "a" * 5000]) | st.text(max_size=50))
def test_a_name_is_text_in_one_line_whatever_it_is(name: str) -> None:
    subject, text = approval_message(document(name))
    assert subject.isascii()
    assert len(subject) < 100
    assert without_controls(text, lines=True) == text
    assert not any(line.startswith("Bcc:") for line in text.split("\n"))
    assert text.count("\n") == approval_message(document())[1].count("\n")


def test_ten_thousand_accounts_fit_into_a_message_of_sns() -> None:
    accounts = [f"{number:012}" for number in range(10_000)]
    rows = [{"verdict": "stop", "account_id": one, "region": "eu-central-1", "rule": "nights"} for one in accounts]
    coverage = [{"account_id": one, "account_name": "\u00e9" * 200} for one in accounts]
    text = approval_message({**document(), "decisions": rows, "coverage": coverage})[1]
    assert len(text.encode()) < 256 * 1024
    assert "... and 9900 more accounts: 9900 stops" in text
