"""The index of the last sweeps: small, mended from the ledger, and silent about what is not known."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from orchestrator.core.model import Mode, OutcomeStatus, TargetStatus, Verdict
from orchestrator.core.model.opt_out import OptOutStatus
from orchestrator.core.report.document import document_of
from orchestrator.core.report.files import report_chunks
from orchestrator.core.report.stored_report import read_document
from orchestrator.core.report.sweep_digest import SweepDigest, digest_of_document, digest_of_record
from orchestrator.core.report.sweep_index import (
    MOST_BYTES,
    SWEEPS_SHOWN,
    digests_bytes,
    newest_digests,
    read_digests,
    sweep_index,
)
from tests.support.builders import a_coverage, a_decision, a_report, a_resource, an_opt_out, an_outcome
from tests.support.sweep_digests import a_digest, a_document, numbered_id

SAVINGS = {"resources": 2, "unknown_resources": 1, "gross": 3.0, "still_billed": 1.0, "net": 2.0, "hourly": 0.1}
MONEY = {"currency": "USD", "made_up": False, "forecast": SAVINGS, "measured": {**SAVINGS, "net": 1.5}}


def a_record(number: int = 0, **fields: Any) -> dict[str, Any]:
    alike = ("sweep_id", "policy_name", "mode", "status", "started_at", "finished_at", "duration_seconds")
    digest: Any = a_digest(number)
    return {**{name: digest[name] for name in alike}, "totals": {"resources": 7}, "narrowed": None, **fields}


def test_a_digest_has_what_the_sweep_saw_and_did() -> None:
    coverage = (
        a_coverage(),
        a_coverage(region="eu-west-1"),
        a_coverage(TargetStatus.DENIED, "us-east-1", "000000000042", detail="AccessDenied: no"),
        a_coverage(TargetStatus.EXCLUDED, "*", "000000000043"),
    )
    decisions = (a_decision(a_resource("i-1")), a_decision(a_resource("i-2"), Verdict.KEEP))
    outcomes = (
        an_outcome(OutcomeStatus.STOPPED, a_resource("i-1")),
        an_outcome(OutcomeStatus.FAILED, a_resource("i-3"), code="X"),
        an_outcome(OutcomeStatus.UNKNOWN, a_resource("i-4")),
    )
    found = digest_of_document(a_document(coverage=coverage, decisions=decisions, outcomes=outcomes))
    assert (found["running"], found["stopped"], found["failed"], found["exempt"]) == (2, 1, 2, 0)
    assert found["coverage_percent"] == 66.67
    assert [(one["account_id"], one["unread"], one["failed"], one["detail"]) for one in found["worst_accounts"]] == [
        ("000000000042", 1, 0, "denied: AccessDenied: no"),
        (a_resource().target.account_id, 0, 2, ""),
    ]


def test_a_digest_is_the_same_of_a_document_that_is_made_now_and_of_one_that_was_read_back() -> None:
    report = a_report(
        coverage=(a_coverage(), a_coverage(TargetStatus.FAILED, "eu-west-1")),
        decisions=(a_decision(a_resource("i-1")),),
        outcomes=(an_outcome(OutcomeStatus.FAILED, a_resource("i-1")),),
        opt_outs=(an_opt_out(),),
    )
    stored = read_document(report_chunks(document_of(report))["report.json"])
    assert digest_of_document(document_of(report)) == digest_of_document(stored)


def test_of_the_register_only_what_ends_soon_is_in_it_the_next_to_end_first() -> None:
    late = an_opt_out(carrier_id="i-late", days_left=40)
    gone = an_opt_out(carrier_id="i-gone", status=OptOutStatus.EXPIRED)
    found = digest_of_document(a_document(opt_outs=(late, gone, an_opt_out(carrier_id="i-soon"))))
    assert [one["carrier_id"] for one in found["opt_outs"]] == ["i-soon"]
    many = tuple(an_opt_out(carrier_id=f"i-{number}") for number in range(60))
    found = digest_of_document(a_document(opt_outs=many))
    assert (len(found["opt_outs"]), found["opt_outs_left_out"]) == (50, 10)


def test_money_that_is_not_known_is_null_and_never_0() -> None:
    document = a_document()
    assert digest_of_document(document)["money"] is None
    money = digest_of_document({**document, "money": MONEY})["money"]
    assert money is not None
    assert (money["forecast_net"], money["measured_net"], money["unknown_resources"]) == (2.0, 1.5, 1)
    unknown = {**SAVINGS, "resources": 0, "net": 0.0}
    money = digest_of_document({**document, "money": {**MONEY, "forecast": unknown}})["money"]
    assert money is not None
    assert money["forecast_net"] is None


@pytest.mark.parametrize("fields", [{"mode": Mode.UNDO}, {"narrowed": {"regions": ["eu-west-1"]}}], ids=repr)
def test_a_sweep_that_did_not_look_at_all_says_nothing_of_what_runs(fields: dict[str, Any]) -> None:
    document = {
        **a_document(coverage=(a_coverage(),)),
        **{name: str(one) if name == "mode" else one for name, one in fields.items()},
    }
    found = digest_of_document(document)
    assert (found["running"], found["exempt"], found["coverage_percent"]) == (None, None, None)
    assert sweep_index([found]).policies == ()


def test_nothing_in_scope_is_no_coverage_of_any_percentage() -> None:
    assert digest_of_document(a_document())["coverage_percent"] is None


def test_texts_are_cut_so_that_the_file_stays_small() -> None:
    coverage = (a_coverage(TargetStatus.DENIED, detail="x" * 100_000),)
    digests = [
        {**digest_of_document(a_document(coverage=coverage)), "sweep_id": numbered_id(n)} for n in range(SWEEPS_SHOWN)
    ]
    assert len(digests_bytes(digests)) < MOST_BYTES / 10  # type: ignore[arg-type]  # digests with another id


def test_what_was_written_is_read_again() -> None:
    digests = [a_digest(2), digest_of_record(a_record(1))]
    assert read_digests(digests_bytes(digests)) == digests
    TypeAdapter(SweepDigest).validate_python(digests[0])


def test_a_file_that_no_sweep_wrote_counts_for_nothing() -> None:
    whole = digests_bytes([a_digest(1)])
    spoiled = (
        None,
        b"",
        b"{",
        b"[]",
        whole[:-9],
        whole.replace(b'"format":1', b'"format":2'),
        whole.replace(b'"format":1', b'"format":1,"more":1'),
        whole.replace(numbered_id(1).encode(), b"../../etc/passwd"),
        whole.replace(b'"stopped":0', b'"stopped":"0"'),
        whole + b" " * MOST_BYTES,
    )
    assert [read_digests(content) for content in spoiled] == [[]] * len(spoiled)


def test_the_ledger_decides_which_sweeps_there_are_and_how_they_ended() -> None:
    stored = [a_digest(3), a_digest(2), a_digest(1)]
    records = [a_record(4), a_record(3), a_record(2, status="failed"), a_record(5, finished_at="", status="running")]
    found = newest_digests(stored, records)
    assert [one["sweep_id"] for one in found] == [numbered_id(4), numbered_id(3), numbered_id(2)]
    assert [one["running"] for one in found] == [7, 0, 7]
    assert found[1] == stored[0]
    assert found[2]["status"] == "failed"


def test_where_the_ledger_knows_of_none_what_is_stored_is_all_there_is() -> None:
    stored = [a_digest(1), a_digest(2)]
    assert [one["sweep_id"] for one in newest_digests(stored, [])] == [numbered_id(2), numbered_id(1)]


def test_what_was_missed_is_in_it_without_a_report() -> None:
    record = a_record(1, finished_at="", status="missed", totals=None)
    [found] = newest_digests([], [record])
    assert (found["status"], found["report"], found["running"], found["failed"]) == ("missed", "", None, None)


def test_no_more_than_90_are_kept() -> None:
    records = [a_record(number) for number in range(SWEEPS_SHOWN + 20)]
    found = newest_digests([], records)
    assert len(found) == SWEEPS_SHOWN
    assert found[0]["sweep_id"] == numbered_id(SWEEPS_SHOWN + 19)


def test_opt_outs_are_kept_of_the_newest_sweep_of_each_policy_that_looked_at_all() -> None:
    rows = digest_of_document(a_document(opt_outs=(an_opt_out(),)))["opt_outs"]
    digests = [
        a_digest(4, running=None, opt_outs=rows),
        a_digest(3, opt_outs=rows),
        a_digest(2, opt_outs=rows),
        a_digest(1, policy_name="labs", opt_outs=rows),
    ]
    found = newest_digests(digests, [])
    assert [len(one["opt_outs"]) for one in found] == [0, 1, 0, 1]
    shown = sweep_index(found)
    assert [one.sweep_id for one in shown.expiring] == [numbered_id(3)]  # two policies saw the same one


def test_a_trend_is_of_one_policy_from_the_oldest_to_the_newest() -> None:
    digests = [
        a_digest(3, running=30, stopped=5, mode="enforce", coverage_percent=99.5),
        a_digest(2, running=20, stopped=0, would_stop=4, mode="plan", coverage_percent=None),
        a_digest(1, policy_name="labs", running=1),
    ]
    index = sweep_index(digests)
    assert [one.policy_name for one in index.policies] == ["nonprod", "labs"]
    resources, coverage = index.policies[0].trends
    assert {one.name: one.values for one in resources.series} == {
        "running when read": (20, 30),
        "stopped": (None, 5),
        "would stop (plans)": (4, None),
        "exempt": (0, 0),
    }
    assert coverage.series[0].values == (None, 99.5)


def test_savings_are_charted_only_where_prices_were_asked_for() -> None:
    money: Any = {"currency": "USD", "made_up": True, "forecast_net": 2.5, "measured_net": None, "unknown_resources": 0}
    index = sweep_index([a_digest(2, money=money), a_digest(1)])
    trend = index.policies[0].trends[-1]
    assert (trend.title, trend.unit) == ("Savings", "$")
    assert [(one.name, one.values) for one in trend.series] == [("forecast, net", (None, 2.5))]
    assert index.made_up_prices


def test_the_worst_accounts_are_those_of_the_newest_sweep_and_since_when_they_are() -> None:
    worst = digest_of_document(a_document(coverage=(a_coverage(TargetStatus.DENIED),)))["worst_accounts"]
    index = sweep_index([a_digest(3, worst_accounts=worst), a_digest(2), a_digest(1, worst_accounts=worst)])
    assert [(one.digest["unread"], one.times, one.of, one.sweep_id) for one in index.worst] == [
        (1, 2, 3, numbered_id(3))
    ]
