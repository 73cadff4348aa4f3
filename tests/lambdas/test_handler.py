"""The Lambda handler over the embedded AWS: events, deadlines, logs, metrics, and what is raised."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import pytest

from orchestrator.demo.faults import Fault
from orchestrator.demo.organization import BUCKET, TABLE
from orchestrator.errors import (
    EventError,
    OrganizationError,
    PolicyError,
    ReportLostError,
    ReportStoreError,
    SettingsError,
)
from orchestrator.lambdas import log, steps
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy
from tests.support.lambdas import (
    ENFORCE,
    FRANKFURT,
    PLENTY,
    SWEEP_ID,
    Lines,
    Remaining,
    dev_accounts,
    invoked,
    metrics_of,
    stop_states,
    target_states,
    written_report,
)
from tests.support.suites import only_in_full

# --- events -----------------------------------------------------------------------------------------------------------


def test_a_plan_event_returns_the_totals_and_the_report_and_stops_nothing(hub: OrganizationBuilder) -> None:
    [(account, _), _] = dev_accounts(hub, 1)
    answer = invoked({"mode": "plan"})
    report = written_report(hub, answer["sweep_id"])
    assert set(answer) == {"sweep_id", "status", "totals", "report"}
    folder = f"s3://{BUCKET}/sweeps/dt={report['started_at'][:10]}/sweep={answer['sweep_id']}"
    assert answer["report"] == {"json": f"{folder}/report.json", "html": f"{folder}/report.html"}
    assert (answer["status"], answer["totals"]["would_stop"], report["totals"]) == ("complete", 2, answer["totals"])
    assert hub.down(account, FRANKFURT) == set()
    assert json.loads(json.dumps(answer)) == answer


@pytest.mark.usefixtures("first_id")
def test_an_enforce_event_stops_what_is_planned_under_the_sweep_id_that_is_made(hub: OrganizationBuilder) -> None:
    wanted = dev_accounts(hub, 1)
    answer = invoked(ENFORCE)
    assert (answer["sweep_id"], answer["status"], answer["totals"]["stopped"]) == (SWEEP_ID, "complete", 2)
    for (account, region), instance_id in wanted.items():
        assert hub.down(account, region) == {instance_id}
        tags = hub.described(account, region)[instance_id]["Tags"]
        assert {"Key": "stop-orchestrator:stopped-by", "Value": SWEEP_ID} in tags
    item = hub.client("dynamodb").get_item(TableName=TABLE, Key={"PK": {"S": "SWEEPS"}, "SK": {"S": SWEEP_ID}})["Item"]
    assert item["report"]["S"] == answer["report"]["json"]


METRICS = {"cloudwatch:GetMetricData", "cloudwatch:ListMetrics"}
"""What reads alone and is called otherwise."""


@pytest.mark.parametrize("mode", ["plan", *only_in_full("approve")])
def test_the_sessions_of_a_plan_may_only_describe(hub: OrganizationBuilder, mode: str) -> None:
    policies: list[str | None] = []
    fault = Fault(operation="sts:AssumeRole", effect=lambda call: policies.append(call.form.get("Policy")))
    hub.front.faults.add(fault)
    dev_accounts(hub, 1)
    invoked({"mode": mode})
    [session_policy] = policies
    [statement] = json.loads(session_policy or "")["Statement"]
    assert {one for one in statement["Action"] if not one.partition(":")[2].startswith("Describe")} == METRICS


@pytest.mark.parametrize("sweep_id", [SWEEP_ID, *only_in_full("00000101T000000Z-7f3a9c", "99991231T235959Z-7f3a9c")])
def test_a_sweep_id_that_the_ledger_does_not_know_is_refused(hub: OrganizationBuilder, sweep_id: str) -> None:
    dev_accounts(hub, 1)
    with pytest.raises(EventError, match=f"sweep_id: the ledger knows no sweep {sweep_id}"):
        invoked({"mode": "enforce", "sweep_id": sweep_id})
    assert "sts:AssumeRole" not in hub.front.calls
    assert hub.client("dynamodb").scan(TableName=TABLE)["Items"] == []


def test_a_sweep_that_the_ledger_knows_keeps_its_mode(hub: OrganizationBuilder) -> None:
    dev_accounts(hub, 1)
    answer = invoked({"mode": "plan"})
    with pytest.raises(EventError, match=r"mode: .* was begun in mode plan"):
        invoked({"mode": "enforce", "sweep_id": answer["sweep_id"]})
    assert invoked({"sweep_id": answer["sweep_id"]}) == answer
    assert hub.front.calls["ec2:StopInstances"] == 0


@pytest.mark.parametrize(
    ("setting", "event", "mode"),
    [
        (None, {}, "plan"),
        ("enforce", {}, "enforce"),
        ("enforce", {"mode": "plan"}, "plan"),
        ("approve", {}, "approve"),
    ],
)
def test_the_mode_is_the_events_else_the_environments_else_plan(
    hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch, setting: str | None, event: dict[str, str], mode: str
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_MODE", setting or "")
    dev_accounts(hub, 1)
    assert written_report(hub, invoked(event)["sweep_id"])["mode"] == mode
    assert (hub.front.calls["ec2:StopInstances"] > 0) is (mode == "enforce")


@pytest.mark.parametrize(
    ("setting", "asked", "said"),
    [
        ("plan", "enforce", "STOP_ORCHESTRATOR_MODE is 'plan'"),
        ("", "enforce", "STOP_ORCHESTRATOR_MODE is not set, which means 'plan' here"),
        *only_in_full(
            ("plan", "approve", "STOP_ORCHESTRATOR_MODE is 'plan'"),
            ("approve", "enforce", "STOP_ORCHESTRATOR_MODE is 'approve'"),
        ),
    ],
)
def test_an_event_beyond_the_mode_of_the_environment_is_refused_and_nothing_is_read(
    hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch, setting: str, asked: str, said: str
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_MODE", setting)
    dev_accounts(hub, 1)
    with pytest.raises(SettingsError, match=f"the mode '{asked}' is refused: {said}"):
        invoked({"mode": asked, "sweep_id": SWEEP_ID})
    assert hub.front.calls["organizations:ListAccountsForParent"] == 0
    assert hub.front.calls["dynamodb:PutItem"] == 0


@pytest.mark.usefixtures("first_id")
def test_an_acting_sweep_that_died_is_not_resumed_where_the_environment_says_plan_meanwhile(
    hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev_accounts(hub, 1)
    hub.front.faults.add(Fault(operation="s3:*/report.json", code="AccessDenied", status=403))
    with pytest.raises(ReportLostError):
        invoked(ENFORCE)
    hub.front.faults.clear()
    stops = hub.front.calls["ec2:StopInstances"]
    monkeypatch.setenv("STOP_ORCHESTRATOR_MODE", "plan")
    for event in ({"sweep_id": SWEEP_ID}, ENFORCE):
        with pytest.raises(SettingsError, match="'enforce' is refused: STOP_ORCHESTRATOR_MODE is 'plan'"):
            invoked(event)
    assert (hub.front.calls["ec2:StopInstances"], stops) == (2, 2)
    monkeypatch.setenv("STOP_ORCHESTRATOR_MODE", "enforce")
    assert invoked({"sweep_id": SWEEP_ID})["totals"]["stopped"] == 2


OTHER = "version: 1\nname: other\nregions: {include: [eu-west-1]}\n"
IN_S3 = f"s3://{BUCKET}/policies/other.yaml"


@pytest.mark.parametrize("allowed", [f"ssm:/a, s3://{BUCKET}/policies/*", *only_in_full(IN_S3, f"s3://{BUCKET}/")])
def test_the_policy_of_the_event_wins_where_the_settings_allow_it(
    hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch, allowed: str
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICIES", allowed)
    hub.client("s3").put_object(Bucket=BUCKET, Key="policies/other.yaml", Body=OTHER)
    answer = invoked({"policy": IN_S3})
    assert answer["status"] == "complete"
    assert written_report(hub, answer["sweep_id"])["policy_name"] == "other"


@pytest.mark.parametrize("named", ["ssm:/secret", "/etc/passwd", IN_S3, "s3://another/policy.yaml"])
def test_a_policy_that_the_settings_do_not_allow_is_refused_before_anything_is_read(
    hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    configured = f"s3://{BUCKET}/policy.yaml"
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICY", configured)
    before = dict(hub.front.calls)
    for event in ({"policy": named}, {"policy": named, "mode": "enforce", "id": "1"}):
        with pytest.raises(EventError) as refused:
            invoked(event)
        assert str(refused.value).startswith(f"policy: {named!r} is not one that an event may name.")
        assert str(refused.value).endswith(configured)
    assert hub.front.calls == before


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("version: 1\nname: org\nS3CRET: S3CRET\n", 3),
        ("version: 1\nname: org\nrules:\n  - {name: root, where: {tag: {A: b}}, schedule: S3CRET}\n", 4),
        ("version: 1\nname: org\nschedules: {S3CRET: {running: [bash]}}\n", 3),
        ("root:x:0:0:root:/root:/bin/bash\nS3CRET:x:1:1::/:/bin/false\n", 1),
        ('{"username": "S3CRET", "password": "S3CRET"}', 1),
        ("S3CRET", 1),
        ("- S3CRET: [", 1),
        ("version: S3CRET\nname: S3CRET\nrules: S3CRET", 1),
        ("version: 1\nname: {S3CRET: S3CRET}", 2),
    ],
)
def test_nothing_is_quoted_of_a_policy_that_is_not_right(
    hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch, lines: Lines, text: str, line: int
) -> None:
    hub.client("ssm").put_parameter(Name="/any/parameter", Value=text, Type="SecureString")
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICY", "ssm:/any/parameter")
    with pytest.raises(PolicyError, match="is not right; nothing of the text is quoted here") as wrong:
        invoked({"mode": "enforce"})
    told = str(wrong.value) + json.dumps(lines())
    assert [one for one in ("S3CRET", "root", "username", "bash") if one in told] == []
    assert f"ssm:/any/parameter:{line}: (document): " in str(wrong.value)


SCHEDULED_WITHOUT_INPUT = {"version": "0", "detail-type": "Scheduled Event", "source": "aws.scheduler", "detail": "{}"}


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({"dry_run": True}, ["dry_run"]),
        ({"mode": "stop"}, ["mode", "'plan', 'enforce' or 'approve'"]),
        ({"mode": 1}, ["mode"]),
        ({"sweep_id": "today"}, ["sweep_id"]),
        ({"policy": ["a.yaml"]}, ["policy"]),
        ({"mode": "stop", "sweep_id": 7, "policy": "", "force": 1}, ["mode", "sweep_id", "policy", "force"]),
        (SCHEDULED_WITHOUT_INPUT, ["version", "detail-type", "source", "detail", "Input"]),
        ([], ["event", "dictionary"]),
        (None, ["event", "dictionary"]),
    ],
)
def test_an_event_that_is_not_understood_is_an_error_that_names_every_field(
    hub: OrganizationBuilder, event: Any, named: list[str]
) -> None:
    with pytest.raises(EventError) as wrong:
        invoked(event)
    problems = str(wrong.value).partition(" is not understood: ")[2]
    for name in named:
        assert name in problems
    assert hub.front.calls["sts:AssumeRole"] == 0


@pytest.mark.parametrize("external_id", ["S3CRET/of:ours", "tag+S3CRET"])
@pytest.mark.parametrize(
    "event",
    [
        {"external_id": "{}"},
        {"{}": "on"},
        {"anything": ["a {} b"]},
        {"mode": "{}"},
        {"sweep_id": "{}"},
        {"policy": "{}"},
        {"policy": "ssm:/{}"},
        ["{}"],
    ],
)
def test_the_external_id_is_in_no_error_about_an_event(
    hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch, lines: Lines, event: Any, external_id: str
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_EXTERNAL_ID", external_id)
    for written in (external_id, quote_plus(external_id), quote_plus(external_id).replace("%2F", "%2f")):
        given = json.loads(json.dumps(event).replace("{}", written))
        for told in (_error_of(lambda given=given: invoked(given)), _error_of(lambda given=given: _begun(given))):
            assert "S3CRET" not in told + json.dumps(lines())


def test_an_error_about_an_event_quotes_no_value_of_what_it_does_not_know(hub: OrganizationBuilder) -> None:
    """Nor where the id that is configured is another one, or none."""
    event = {"external_id": "S3CRET", "mode": "S3CRET", "sweep_id": "S3CRET", "deep": {"S3CRET": ["S3CRET"]}}
    told = _error_of(lambda: invoked(event))
    assert "S3CRET" not in told
    assert all(one in told for one in ("external_id: ", "mode: ", "sweep_id: ", "deep: "))


def _error_of(call: Callable[[], object]) -> str:
    with pytest.raises(EventError) as wrong:
        call()
    return "".join(traceback.format_exception(wrong.value))


def _begun(event: Any) -> object:
    """As the first step of a state machine."""
    return steps.lambda_handler({"step": "begin", "event": event, "execution": "arn:aws:x"}, Remaining(lambda: PLENTY))


# --- what ends it is raised -------------------------------------------------------------------------------------------


def test_everything_that_the_environment_lacks_or_has_wrong_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_WORKERS", "0")
    monkeypatch.setenv("STOP_ORCHESTRATOR_TABLE", " ")
    with pytest.raises(SettingsError) as wrong:
        invoked({})
    assert len(str(wrong.value).splitlines()) == 4
    for name in ("POLICY", "REPORT_BUCKET", "TABLE", "WORKERS"):
        assert f"STOP_ORCHESTRATOR_{name}" in str(wrong.value)


@pytest.mark.usefixtures("hub")
def test_a_policy_with_mistakes_or_that_is_not_there_is_raised(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    policy("rules: [{name: all-of-it}]\n")
    with pytest.raises(PolicyError, match=r":\d+: \(document\): this line is not right"):
        invoked({})
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICY", f"s3://{BUCKET}/nothing.yaml")
    with pytest.raises(SettingsError, match="NoSuchKey"):
        invoked({"policy": f"s3://{BUCKET}/nothing.yaml"})


@pytest.mark.usefixtures("first_id")
def test_an_organization_that_cannot_be_listed_is_raised_logged_and_in_a_report(
    hub: OrganizationBuilder, lines: Lines
) -> None:
    hub.front.faults.add(Fault(code="AccessDeniedException", operation="organizations:*"))
    with pytest.raises(OrganizationError, match="AccessDeniedException"):
        invoked(ENFORCE)
    assert written_report(hub)["status"] == "failed"
    [error] = [line for line in lines() if line["level"] == "ERROR"]
    assert (error["sweep_id"], error["exception_name"]) == (SWEEP_ID, "OrganizationError")


@pytest.mark.usefixtures("first_id")
def test_an_unwritable_bucket_is_raised_before_anything_is_read(hub: OrganizationBuilder) -> None:
    dev_accounts(hub, 1)
    hub.front.faults.add(Fault(code="AccessDenied", status=403, operation="s3:*"))
    with pytest.raises(ReportStoreError, match=r"AccessDenied.*nothing was read or stopped"):
        invoked(ENFORCE)
    assert (hub.front.calls["sts:AssumeRole"], hub.front.calls["ec2:StopInstances"]) == (0, 0)


@pytest.mark.usefixtures("first_id")
@pytest.mark.parametrize("longest_line", [log._LONGEST_LINE, 100], ids=["in one line", "in slices"])
def test_a_report_that_is_lost_after_the_stops_is_raised_logged_whole_and_measured(
    hub: OrganizationBuilder, lines: Lines, monkeypatch: pytest.MonkeyPatch, longest_line: int
) -> None:
    monkeypatch.setattr(log, "_LONGEST_LINE", longest_line)
    monkeypatch.setattr(log, "_ROWS_A_LINE", 1)
    wanted = dev_accounts(hub, 1)
    hub.front.faults.add(Fault(code="AccessDenied", status=403, operation="s3:*report.json"))
    with pytest.raises(ReportLostError, match="AccessDenied"):
        invoked(ENFORCE)
    said = lines()
    [report] = [line["report"] for line in said if "report" in line]
    for line in said:
        if "part" in line:
            report.setdefault(line["part"], []).extend(line["rows"])
    assert {account: hub.down(*account) for account in wanted} == {place: {one} for place, one in wanted.items()}
    assert set(stop_states(report)) == set(wanted.values())
    assert target_states(report) == dict.fromkeys(wanted, "scanned")
    assert metrics_of(said)["ResourcesStopped"] == (2, "Count")
