"""The metrics of a sweep that stops and starts: each count says which."""

from __future__ import annotations

import json

import pytest

from orchestrator.core.model import AwsError, OutcomeStatus, TargetStatus, Verdict
from orchestrator.core.model.aws_error_codes import coverage_of
from orchestrator.core.report.document import report_document
from orchestrator.lambdas.metrics import measure
from tests.support.builders import a_coverage, a_decision, a_report, a_resource, an_outcome
from tests.support.lambdas import metrics_of

DENIED = "You are not authorized to perform this, with an explicit deny in an identity-based policy."


def test_stops_and_starts_that_failed_or_were_done_are_counted_apart(capsys: pytest.CaptureFixture[str]) -> None:
    up = [a_resource(f"i-{n}") for n in range(3)]
    down = [a_resource(f"i-{n}", state="stopped") for n in range(3, 8)]
    failed = {"code": "UnauthorizedOperation", "message": DENIED}
    outcomes = (
        an_outcome(OutcomeStatus.STOPPED, up[0]),
        an_outcome(OutcomeStatus.STOPPING, up[1]),
        an_outcome(OutcomeStatus.FAILED, up[2], **failed),
        an_outcome(OutcomeStatus.STARTED, down[0]),
        an_outcome(OutcomeStatus.STARTING, down[1]),
        an_outcome(OutcomeStatus.STARTING, down[2]),
        *(an_outcome(OutcomeStatus.FAILED, one, **failed) for one in down[3:]),
    )
    decisions = (*map(a_decision, up), *(a_decision(one, Verdict.START) for one in down))
    measure(report_document(a_report(decisions=decisions, outcomes=outcomes)))
    measured = {name: value for name, (value, _) in metrics_of([json.loads(capsys.readouterr().out)]).items()}
    assert (measured["ResourcesStopped"], measured["StopsFailed"], measured["StopsDeniedByGuard"]) == (2, 1, 1)
    assert (measured["ResourcesStarted"], measured["StartsFailed"]) == (1, 2), "what is starting may fall back"


def test_without_a_limit_the_coverage_is_what_the_rows_of_the_report_add_up_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = (
        *(a_coverage(kind=kind) for kind in ("ec2", "rds")),
        a_coverage(TargetStatus.FAILED, "eu-west-1", kind="ec2"),
        a_coverage(TargetStatus.EXCLUDED, "*", "222222222222"),
        a_coverage(TargetStatus.DENIED, "*", "333333333333"),
    )
    measure(report_document(a_report(coverage=rows)))
    measured = metrics_of([json.loads(capsys.readouterr().out)])
    assert measured["CoveragePercent"][0] == 2 * 100 / (2 + 1 + 2)


NO_ROLE = "User: arn:aws:sts::1:assumed-role/hub is not authorized to perform: sts:AssumeRole on resource: a-role"
OWN = " because no identity-based policy allows the sts:AssumeRole action"


def test_accounts_of_which_the_role_is_missing_or_lets_nobody_in_are_counted_once_each(
    capsys: pytest.CaptureFixture[str],
) -> None:
    details = {
        "1" * 12: coverage_of(AwsError("AccessDenied", NO_ROLE), "sts:AssumeRole"),
        "2" * 12: coverage_of(AwsError("AccessDenied", NO_ROLE), "sts:AssumeRole"),
        "3" * 12: coverage_of(AwsError("AccessDenied", f"{NO_ROLE}{OWN}"), "sts:AssumeRole"),
        "4" * 12: coverage_of(
            AwsError("AccessDenied", f"{NO_ROLE} with an explicit deny in a service control policy"), "sts:AssumeRole"
        ),
        "5" * 12: coverage_of(AwsError("AccessDenied", NO_ROLE.replace("AssumeRole", "TagSession")), "sts:AssumeRole"),
        "6" * 12: coverage_of(AwsError("Throttling", "Rate exceeded"), "sts:AssumeRole"),
        "7" * 12: coverage_of(AwsError("UnauthorizedOperation", "no"), "ec2:DescribeRegions"),
    }
    rows = [a_coverage(status, "*", account, detail=detail) for account, (status, detail) in details.items()]
    measure(report_document(a_report(coverage=(*rows, a_coverage()))))
    measured = metrics_of([json.loads(capsys.readouterr().out)])
    assert measured["AccountsWithoutRole"] == (2, "Count")
