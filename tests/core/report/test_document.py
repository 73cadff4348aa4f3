"""The report of a sweep: its status, its exit code, its totals and its document."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from orchestrator.core.model import (
    AccountId,
    Action,
    Exemption,
    GuardrailResult,
    Mode,
    Narrowing,
    OtherPolicy,
    OutcomeStatus,
    SweepReport,
    SweepStatus,
    TargetStatus,
    UnseenTagKey,
    Verdict,
    Violation,
    time_text,
)
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG
from orchestrator.core.report.document import exit_code, report_document, sweep_status, totals
from orchestrator.core.report.schema import report_json_schema
from tests.support.builders import (
    ACCOUNT,
    AT,
    REGION,
    a_coverage,
    a_decision,
    a_report,
    a_resource,
    an_opt_out,
    an_outcome,
)
from tests.support.strategies import quick, tags

VALIDATOR = Draft202012Validator(report_json_schema())
PASSED = GuardrailResult("max_stops", 5, 5, passed=True)
BROKEN = GuardrailResult("per_account.max_stops", 5, 6, passed=False, account_id=ACCOUNT)
OPTED_OUT = Exemption("resource", "i-2", OPT_OUT_TAG, "2026-12-31", date(2026, 12, 31), "demo")
FULL = a_report(
    coverage=(
        a_coverage(region="us-east-1"),
        a_coverage(region="eu-west-1"),
        a_coverage(TargetStatus.OPTED_OUT, "*", "000000000042", exemption=OPTED_OUT),
    ),
    decisions=(
        a_decision(a_resource("i-2", tags={"b": "2", "a": "1"}), Verdict.KEEP, rule=None, exemption=OPTED_OUT),
        a_decision(a_resource("i-1"), action=Action.HIBERNATE, facts={"b": None, "a": True, "c": 5}),
    ),
    outcomes=(
        an_outcome(OutcomeStatus.FAILED, a_resource("i-2"), code="OperationNotPermitted", message="no"),
        an_outcome(resource=a_resource("i-1"), requested_at=AT, verified_at=AT, warnings=("not tagged",)),
    ),
    compliance=(
        Violation(ACCOUNT, REGION, "i-1", "missing_required_tag", "the tag Owner is missing", "ec2", "resource"),
    ),
    guardrails=(PASSED, BROKEN),
    idle_rules=("labs",),
    unseen_tag_keys=(UnseenTagKey("Enviroment", ("labs",), "Environment"),),
    calls={"sts:AssumeRole": 1, "ec2:DescribeInstances": 2},
    duration_seconds=1.5,
    opt_outs=(an_opt_out(),),
    narrowed=Narrowing(accounts=(ACCOUNT,), rules=("nights",)),
    others=(OtherPolicy("team-b", "b" * 64, text="version: 1", unread="no"),),
)

HOLES = (TargetStatus.DENIED, TargetStatus.FAILED, TargetStatus.NOT_ATTEMPTED)


@pytest.mark.parametrize("status", TargetStatus)
def test_a_target_that_could_not_be_read_makes_the_sweep_incomplete_and_no_other_does(status: TargetStatus) -> None:
    expected = SweepStatus.INCOMPLETE if status in HOLES else SweepStatus.COMPLETE
    rows = (a_coverage(), a_coverage(status))
    assert sweep_status(Mode.ENFORCE, rows, (), (), (PASSED,)) is expected
    assert exit_code(a_report(coverage=rows)) == (3 if status in HOLES else 0)


@pytest.mark.parametrize(
    ("status", "sweep", "code"),
    [
        (OutcomeStatus.STOPPED, SweepStatus.COMPLETE, 0),
        (OutcomeStatus.STOPPING, SweepStatus.COMPLETE, 0),
        (OutcomeStatus.ALREADY_STOPPED, SweepStatus.COMPLETE, 0),
        (OutcomeStatus.WOULD_STOP, SweepStatus.COMPLETE, 0),
        (OutcomeStatus.NOT_ATTEMPTED, SweepStatus.INCOMPLETE, 3),
        (OutcomeStatus.FAILED, SweepStatus.INCOMPLETE, 5),
    ],
)
def test_a_stop_that_failed_or_was_not_attempted_makes_the_sweep_incomplete(
    status: OutcomeStatus, sweep: SweepStatus, code: int
) -> None:
    outcomes = (an_outcome(), an_outcome(status))
    assert sweep_status(Mode.ENFORCE, (), (), outcomes, ()) is sweep
    assert exit_code(a_report(outcomes=outcomes)) == code


def test_a_broken_guardrail_holds_the_sweep_whatever_else_is_missing() -> None:
    assert sweep_status(Mode.ENFORCE, (a_coverage(TargetStatus.DENIED),), (), (), (PASSED, BROKEN)) is SweepStatus.HELD
    assert exit_code(a_report(status=SweepStatus.HELD, guardrails=(PASSED, BROKEN))) == 4


def test_what_was_not_attempted_since_nobody_confirmed_it_is_no_incomplete_sweep() -> None:
    declined = a_report(
        status=SweepStatus.FAILED,
        error="NotConfirmedError: Declined: nothing was stopped.",
        outcomes=(an_outcome(OutcomeStatus.NOT_ATTEMPTED),),
    )
    assert exit_code(declined) == 1
    assert exit_code(replace(declined, error="Interrupted: the same command again does the rest")) == 3
    assert exit_code(replace(declined, coverage=(a_coverage(status=TargetStatus.DENIED),))) == 3


def test_where_several_exit_codes_hold_the_highest_wins() -> None:
    reasons: dict[int, dict[str, Any]] = {
        1: {"status": SweepStatus.FAILED},
        3: {"coverage": (a_coverage(TargetStatus.DENIED),)},
        4: {"guardrails": (BROKEN,)},
        5: {"outcomes": (an_outcome(OutcomeStatus.FAILED),)},
    }
    assert exit_code(a_report()) == 0
    for count in range(1, 5):
        for codes in combinations(reasons, count):
            fields = {name: value for code in codes for name, value in reasons[code].items()}
            assert exit_code(a_report(**fields)) == max(codes)


def test_the_totals_count_accounts_targets_decisions_and_outcomes() -> None:
    report = a_report(
        coverage=(
            *(a_coverage(status, "*", f"{number:012}") for number, status in enumerate(TargetStatus)),
            a_coverage(region="a"),
            a_coverage(region="b"),
            a_coverage(TargetStatus.FAILED, region="c"),
        ),
        decisions=(
            a_decision(),
            a_decision(),
            a_decision(verdict=Verdict.KEEP),
            a_decision(verdict=Verdict.KEEP, exemption=OPTED_OUT),
            a_decision(verdict=Verdict.KEEP, exemption=OPTED_OUT),
        ),
        outcomes=tuple(map(an_outcome, [*OutcomeStatus, OutcomeStatus.FAILED])),
        compliance=(Violation(ACCOUNT, REGION, "i-1", "x", "y"),) * 7,
    )
    assert totals(report) == {
        "accounts": 10,
        "targets": 3,
        "scanned": 3,
        "denied": 1,
        "region_disabled": 1,
        "suspended": 1,
        "excluded": 1,
        "opted_out": 1,
        "not_offered": 1,
        "failed_targets": 2,
        "not_attempted_targets": 1,
        "resources": 5,
        "planned": 2,
        "planned_stops": 2,
        "planned_starts": 0,
        "kept": 3,
        "exempt": 2,
        "stopped": 2,
        "started": 1,
        "starting": 1,
        "already_stopped": 1,
        "would_stop": 1,
        "already_running": 1,
        "would_start": 1,
        "held": 1,
        "not_attempted": 1,
        "unknown": 1,
        "failed": 2,
        "violations": 7,
        "tagged": 1,
        "untagged": 1,
        "would_tag": 1,
        "would_untag": 1,
    }


def test_the_document_has_every_field_of_the_design() -> None:
    document = report_document(FULL)
    resource = {"account_id": ACCOUNT, "region": REGION, "kind": "ec2"}
    one = {**resource, "resource_id": "i-1", "arn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-1"}
    two = {**resource, "resource_id": "i-2", "arn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-2"}
    exemption = {
        "source": "resource",
        "source_id": "i-2",
        "tag": OPT_OUT_TAG,
        "value": "2026-12-31",
        "until": "2026-12-31",
        "reason": "demo",
        "malformed": False,
        "nearest_key": None,
    }
    decision: dict[str, Any] = {"name": "", "reason": "Because.", "tags": {}, "facts": {}, "exemption": None}
    decision |= {"losses": []}
    decision |= {"account_name": f"account-{ACCOUNT}", "ou_path": "/", "owner": "", "type": "t3.micro"}
    stop = {"verdict": "stop", "action": "hibernate", "rule": "nights", "facts": {"a": True, "b": None, "c": 5}}
    stop |= {"reason_code": "any_time"}
    keep = {"verdict": "keep", "action": None, "rule": None, "exemption": exemption, "tags": {"a": "1", "b": "2"}}
    keep |= {"reason_code": "no_rule"}
    assert document["decisions"] == [{**one, **decision, **stop}, {**two, **decision, **keep}]
    at = "2026-11-23T19:00:00Z"
    assert document["outcomes"] == [
        {**one, "status": "stopped", "code": "", "message": "", "requested_at": at, "verified_at": at}
        | {"warnings": ["not tagged"], "restore": {}},
        {**two, "status": "failed", "code": "OperationNotPermitted", "message": "no", "warnings": []}
        | {"requested_at": None, "verified_at": None, "restore": {}},
    ]
    assert [(row["account_id"], row["region"], row["kind"], row["status"]) for row in document["coverage"]] == [
        ("000000000042", "*", "*", "opted_out"),
        (ACCOUNT, "eu-west-1", "ec2", "scanned"),
        (ACCOUNT, "us-east-1", "ec2", "scanned"),
    ]
    assert document["coverage"][0]["exemption"] == exemption
    assert document["compliance"] == [
        {"account_id": ACCOUNT, "region": REGION, "kind": "ec2", "resource_id": "i-1"}
        | {"violation": "missing_required_tag", "detail": "the tag Owner is missing", "carrier": "resource"}
        | {"account_name": "", "owner": ""}
    ]
    assert document["compliance_counts"] == [
        {"violation": "missing_required_tag", "kind": "ec2", "account_id": ACCOUNT, "account_name": "", "owner": ""}
        | {"count": 1}
    ]
    assert document["opt_outs"] == [
        {"carrier": "resource", "carrier_id": "i-2", "account_id": ACCOUNT, "account_name": "", "ou_path": ""}
        | {"region": "*", "kind": "*", "owner": "", "tag": OPT_OUT_TAG, "value": "2026-12-01", "until": "2026-12-01"}
        | {"reason": "demo", "status": "active", "days_left": 8, "expiring": True, "spared_accounts": 0}
        | {"spared_resources": 1, "spared_hours_per_week": 108.5}
        | {"violations": ["opt_out_too_long", "opt_out_without_reason"]}
    ]
    assert document["narrowed"] == {"accounts": [ACCOUNT], "rules": ["nights"]}
    assert document["idle_rules"] == ["labs"]
    assert document["unseen_tag_keys"] == [{"key": "Enviroment", "rules": ["labs"], "nearest": "Environment"}]
    passed = {"name": "max_stops", "limit": 5, "actual": 5, "passed": True, "account_id": None}
    broken = {"name": "per_account.max_stops", "limit": 5, "actual": 6, "passed": False, "account_id": ACCOUNT}
    assert document["guardrails"] == [{**passed, "detail": ""}, {**broken, "detail": ""}]
    assert list(document["calls"]) == ["ec2:DescribeInstances", "sts:AssumeRole"]
    assert (document["started_at"], document["duration_seconds"], document["mode"]) == (at, 1.5, "enforce")


def test_equal_sweeps_give_equal_bytes_whatever_the_order_of_reading() -> None:
    shuffled = a_report(
        **{name: getattr(FULL, name)[::-1] for name in ("coverage", "decisions", "outcomes")},
        **{
            name: getattr(FULL, name)
            for name in ("compliance", "guardrails", "duration_seconds", "others", "opt_outs", "narrowed")
        },
        idle_rules=FULL.idle_rules,
        unseen_tag_keys=FULL.unseen_tag_keys,
        calls=dict(reversed(list(FULL.calls.items()))),
    )
    assert json.dumps(report_document(shuffled)) == json.dumps(report_document(FULL))


def test_the_other_policies_are_in_the_report_by_name_and_hash_and_without_their_texts() -> None:
    row = {"name": "team-b", "policy_sha256": "b" * 64, "unresolved_names": [], "unread": "no"}
    assert report_document(FULL)["other_policies"] == [row]


def test_times_are_utc_with_z_in_whole_seconds() -> None:
    berlin = timezone(timedelta(hours=1))
    assert time_text(datetime(2026, 11, 23, 20, 0, 59, 999_999, tzinfo=berlin)) == "2026-11-23T19:00:59Z"
    assert time_text(None) is None


def test_the_schema_is_valid_and_the_empty_and_the_full_report_fit_it() -> None:
    Draft202012Validator.check_schema(report_json_schema())
    VALIDATOR.validate(report_document(a_report()))
    VALIDATOR.validate(report_document(FULL))


@pytest.mark.parametrize(
    "change",
    [
        {"status": "done"},
        {"mode": "dry-run"},
        {"sweep_id": "1"},
        {"started_at": "2026-11-23T19:00:00+00:00"},
        {"surprise": 1},
        {"totals": {}},
        {"coverage": [{}]},
        {"duration_seconds": -1},
        {"calls": {"ec2:DescribeInstances": -1}},
    ],
)
def test_the_schema_refuses_what_is_no_report(change: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid({**report_document(FULL), **change})


SINCE = {
    *("schedules", "idle_rules", "unseen_tag_keys", "other_policies", "owners"),
    *("opt_outs", "compliance_counts", "narrowed"),
}
"""What the release before did not write."""


@pytest.mark.parametrize("field", list(report_document(FULL)))
def test_the_schema_requires_every_field_that_the_release_before_wrote(field: str) -> None:
    document = report_document(FULL)
    del document[field]
    assert VALIDATOR.is_valid(document) is (field in SINCE)


account_ids = st.integers(0, 10**12 - 1).map("{:012}".format)
resources = st.builds(a_resource, account_id=account_ids, tags=tags, region=st.sampled_from(["a", "b"]))
reports = st.builds(
    a_report,
    mode=st.sampled_from(Mode),
    status=st.sampled_from([one for one in SweepStatus if one is not SweepStatus.MISSED]),
    coverage=st.lists(
        st.builds(a_coverage, st.sampled_from(TargetStatus), st.sampled_from(["*", "a"]), account_ids, detail=st.text())
    ).map(tuple),
    decisions=st.lists(
        st.builds(
            a_decision,
            resources,
            st.sampled_from(Verdict),
            exemption=st.none() | st.just(OPTED_OUT),
            facts=st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()),
        )
    ).map(tuple),
    outcomes=st.lists(
        st.builds(an_outcome, st.sampled_from(OutcomeStatus), resources, verified_at=st.none() | st.just(AT))
    ).map(tuple),
    guardrails=st.lists(
        st.builds(
            GuardrailResult,
            st.text(),
            st.floats(0, 100),
            st.floats(0, 100),
            st.booleans(),
            st.none() | st.just(AccountId("1" * 12)),
        )
    ).map(tuple),
)


@quick
@given(report=reports)
def test_every_report_fits_its_schema_and_its_totals_add_up(report: SweepReport) -> None:
    document = json.loads(json.dumps(report_document(report)))
    VALIDATOR.validate(document)
    counts = document["totals"]
    assert counts["planned"] + counts["kept"] == counts["resources"] == len(report.decisions)
    statuses = Counter(outcome.status for outcome in report.outcomes)
    assert counts["stopped"] == statuses[OutcomeStatus.STOPPED] + statuses[OutcomeStatus.STOPPING]
    assert exit_code(report) in {0, 1, 3, 4, 5}
    assert report.started_at.tzinfo is UTC


def test_a_target_counts_once_under_each_status_that_a_kind_has_in_it() -> None:
    rows = (a_coverage(), a_coverage(kind="rds"), a_coverage(TargetStatus.DENIED, kind="asg"))
    counts = totals(a_report(coverage=rows))
    assert (counts["targets"], counts["scanned"], counts["denied"]) == (1, 1, 1)


def test_stops_and_starts_are_counted_apart() -> None:
    decisions = (a_decision(), a_decision(verdict=Verdict.START), a_decision(verdict=Verdict.KEEP))
    counts = totals(a_report(decisions=decisions))
    assert (counts["planned"], counts["planned_stops"], counts["planned_starts"], counts["kept"]) == (2, 1, 1, 1)


def test_a_decision_says_whose_resource_it_is_by_its_own_tag_and_else_by_its_accounts() -> None:
    mine, others = a_resource("i-1", tags={"Owner": "ada"}), a_resource("i-2")
    report = a_report(
        decisions=(a_decision(mine), a_decision(others)), owner_tag="Owner", account_owners={ACCOUNT: "platform"}
    )
    assert [row["owner"] for row in report_document(report)["decisions"]] == ["ada", "platform"]
