"""A Lambda whose time is up goes on in a fresh invocation of itself; and a plan that waits for somebody's approval."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from orchestrator.demo.calls import Call
from orchestrator.demo.faults import Fault
from orchestrator.demo.lambda_process import Context
from orchestrator.demo.organization import BUCKET
from orchestrator.errors import StopOrchestratorError
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.lambdas import (
    ENFORCE,
    PLENTY,
    SHORT,
    SWEEP_ID,
    Lines,
    dev_accounts,
    invoked,
    metrics_of,
    stop_states,
    target_states,
    written_report,
)
from tests.support.suites import only_in_full

pytestmark = pytest.mark.usefixtures("first_id")
GO_ON = {"sweep_id": SWEEP_ID}
Places = dict[tuple[str, str], str]


class Lambda:
    """Takes the asynchronous invocations, and notes which targets were read and which instances were stopped."""

    def __init__(self, hub: OrganizationBuilder) -> None:
        self._calls = hub.front.calls
        self.events: list[Mapping[str, str]] = []
        self.read: Counter[tuple[str, str]] = Counter()
        self.stopped: Counter[str] = Counter()
        hub.front.faults.add(Fault(operation="ec2:DescribeInstances", effect=self._reads))
        hub.front.faults.add(Fault(operation="ec2:StopInstances", effect=self._stops))

    def invoke_again(self, _: object, function_arn: str, event: Mapping[str, str]) -> None:
        assert function_arn == Context.invoked_function_arn
        self.events.append(event)

    def after(self, operation: str, number: int) -> Callable[[], int]:
        """The remaining time: short from this many more such calls on."""
        limit = self._calls[operation] + number
        return lambda: SHORT if self._calls[operation] >= limit else PLENTY

    def _reads(self, call: Call) -> None:
        if "instance-state-name" in call.filters():  # all that run, not a look at some
            self.read[call.account_id, call.region] += 1

    def _stops(self, call: Call) -> None:
        self.stopped.update(call.form_list("InstanceId"))


@pytest.fixture
def aws_lambda(hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> Lambda:
    """One call at a time, so that a test can say when the time is up."""
    monkeypatch.setenv("STOP_ORCHESTRATOR_WORKERS", "1")
    made = Lambda(hub)
    monkeypatch.setattr("orchestrator.lambdas.handler.invoke_again", made.invoke_again)
    return made


def assert_done_once(hub: OrganizationBuilder, aws_lambda: Lambda, places: Places) -> None:
    """Every target read once, every instance stopped once, and one report that says so and that EC2 agrees with."""
    report = written_report(hub)
    assert report["status"] == "complete"
    assert target_states(report) == dict.fromkeys(places, "scanned")
    assert stop_states(report) == dict.fromkeys(places.values(), "stopped")
    assert aws_lambda.read == dict.fromkeys(places, 1)
    assert aws_lambda.stopped == dict.fromkeys(places.values(), 1)
    assert {place: hub.down(*place) for place in places} == {place: {one} for place, one in places.items()}
    assert reports(hub) == 1


def reports(hub: OrganizationBuilder) -> int:
    listed = hub.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", ())
    return sum(one["Key"].endswith("/report.json") for one in listed)


# --- goes on ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "number"),
    [
        ("ec2:DescribeInstances", 1),
        *only_in_full(
            ("ec2:DescribeInstances", 3), ("ec2:StopInstances", 1), ("ec2:StopInstances", 0), ("ec2:StopInstances", 3)
        ),
    ],
)
def test_a_fresh_invocation_goes_on_where_the_time_of_the_first_was_up(
    hub: OrganizationBuilder, aws_lambda: Lambda, lines: Lines, operation: str, number: int
) -> None:
    places = dev_accounts(hub, 2)
    remaining = aws_lambda.after(operation, number) if number else time_up_before_the_stops(hub, places)
    answer = invoked(ENFORCE, remaining)
    assert (answer["sweep_id"], answer["status"]) == (SWEEP_ID, "running")
    assert answer["report"] == {"json": None, "html": None}
    assert aws_lambda.events == [GO_ON]
    assert (reports(hub), [line for line in lines() if "_aws" in line]) == (0, [])
    again = invoked(aws_lambda.events[0])
    assert (again["sweep_id"], again["status"], again["totals"]["stopped"]) == (SWEEP_ID, "complete", len(places))
    assert_done_once(hub, aws_lambda, places)
    assert aws_lambda.events == [GO_ON]
    assert metrics_of(lines())["ResourcesStopped"] == (len(places), "Count")


def time_up_before_the_stops(hub: OrganizationBuilder, places: Places) -> Callable[[], int]:
    calls = hub.front.calls
    return lambda: SHORT if calls["ec2:DescribeInstances"] >= len(places) else PLENTY


@pytest.mark.full
def test_it_goes_on_as_often_as_it_takes(hub: OrganizationBuilder, aws_lambda: Lambda) -> None:
    places = dev_accounts(hub, 2)
    invoked(ENFORCE, aws_lambda.after("ec2:DescribeInstances", 1))
    invoked(GO_ON, aws_lambda.after("ec2:DescribeInstances", 1))
    invoked(GO_ON, aws_lambda.after("ec2:StopInstances", 1))
    invoked(GO_ON, aws_lambda.after("ec2:StopInstances", 1))
    assert aws_lambda.events == [GO_ON] * 4
    assert invoked(GO_ON)["status"] == "complete"
    assert_done_once(hub, aws_lambda, places)


def test_a_continuation_that_is_delivered_twice_does_nothing_twice(
    hub: OrganizationBuilder, aws_lambda: Lambda
) -> None:
    places = dev_accounts(hub, 1)
    invoked(ENFORCE, aws_lambda.after("ec2:StopInstances", 1))
    answer = invoked(GO_ON)
    assert invoked(GO_ON) == answer
    assert_done_once(hub, aws_lambda, places)


@pytest.mark.full
def test_a_stop_that_failed_before_stays_failed_and_is_not_tried_again(
    hub: OrganizationBuilder, aws_lambda: Lambda
) -> None:
    places = dev_accounts(hub, 1)
    protected = hub.instances(*next(iter(places)), 1, {"Environment": "dev"}, DisableApiStop=True)[0]
    assert invoked(ENFORCE, aws_lambda.after("ec2:StopInstances", 2))["status"] == "running"
    tries = aws_lambda.stopped[protected]
    assert invoked(GO_ON)["totals"]["failed"] == tries > 0
    assert stop_states(written_report(hub)) == {**dict.fromkeys(places.values(), "stopped"), protected: "failed"}
    assert aws_lambda.stopped[protected] == tries


@pytest.mark.full
def test_a_plan_goes_on_too(hub: OrganizationBuilder, aws_lambda: Lambda) -> None:
    places = dev_accounts(hub, 2)
    event = {"mode": "plan"}
    assert invoked(event, aws_lambda.after("ec2:DescribeInstances", 2))["status"] == "running"
    answer = invoked(GO_ON)
    assert (answer["status"], answer["totals"]["would_stop"]) == ("complete", len(places))
    assert aws_lambda.read == dict.fromkeys(places, 1)
    assert aws_lambda.stopped == {}


def test_another_trigger_meanwhile_waits_for_the_continuation(hub: OrganizationBuilder, aws_lambda: Lambda) -> None:
    dev_accounts(hub, 1)
    invoked(ENFORCE, aws_lambda.after("ec2:StopInstances", 1))
    answer = invoked({"mode": "enforce", "id": "another"})
    assert (answer["sweep_id"], answer["status"]) == (SWEEP_ID, "running")
    assert invoked(GO_ON)["status"] == "complete"


# --- does not go on ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("allowed", [0, *only_in_full(2)])
def test_at_most_so_often_and_then_it_is_incomplete_with_what_was_not_attempted(
    hub: OrganizationBuilder, aws_lambda: Lambda, monkeypatch: pytest.MonkeyPatch, allowed: int
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_CONTINUATIONS", str(allowed))
    places = dev_accounts(hub, 2)
    answers = [invoked(ENFORCE, aws_lambda.after("ec2:StopInstances", 1))]
    answers += [invoked(GO_ON, aws_lambda.after("ec2:StopInstances", 1)) for _ in range(allowed)]
    assert [answer["status"] for answer in answers] == ["running"] * allowed + ["incomplete"]
    assert aws_lambda.events == [GO_ON] * allowed
    report = written_report(hub)
    assert Counter(stop_states(report).values()) == {"stopped": allowed + 1, "not_attempted": len(places) - allowed - 1}
    left = {row["message"] for row in report["outcomes"] if row["status"] == "not_attempted"}
    assert left == {"the time was up before it was its turn"}
    assert set(aws_lambda.stopped.values()) == {1}
    assert invoked(GO_ON)["status"] == "incomplete"
    assert aws_lambda.stopped.total() == allowed + 1


@pytest.mark.parametrize("operation", ["ec2:StopInstances", *only_in_full("ec2:DescribeInstances")])
def test_where_lambda_refuses_the_invocation_the_sweep_ends_with_a_report(
    hub: OrganizationBuilder, aws_lambda: Lambda, lines: Lines, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    def refuse(*_: object) -> None:
        raise StopOrchestratorError("TooManyRequestsException: Rate Exceeded.")

    monkeypatch.setattr("orchestrator.lambdas.handler.invoke_again", refuse)
    dev_accounts(hub, 2)
    answer = invoked(ENFORCE, aws_lambda.after(operation, 1))
    assert answer["status"] == "incomplete"
    report = written_report(hub)
    assert report["totals"]["not_attempted_targets" if "Describe" in operation else "not_attempted"] == 3
    assert {line["level"] for line in lines() if "fresh invocation" in line.get("message", "")} == {"ERROR"}
    next_one = invoked({"mode": "enforce"})
    assert (next_one["status"], next_one["sweep_id"] != SWEEP_ID) == ("complete", True)


# --- approval ---------------------------------------------------------------------------------------------------------


def test_a_plan_that_waits_for_approval_tells_the_topic_and_apply_carries_it_out(
    hub: OrganizationBuilder, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = hub.client("sns").create_topic(Name="approvals")["TopicArn"]
    sqs = hub.client("sqs")
    queue = sqs.create_queue(QueueName="approvers")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    hub.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    monkeypatch.setenv("STOP_ORCHESTRATOR_TOPIC", topic)
    places = dev_accounts(hub, 1)
    answer = invoked({"mode": "approve"})
    sweep_id = answer["sweep_id"]
    assert (answer["status"], answer["totals"]["would_stop"]) == ("awaiting_approval", 2)
    [message] = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    told = json.loads(message["Body"])
    assert told["Subject"] == "Stop Orchestrator: 2 resources wait for your approval"
    assert f"stop-orchestrator apply {sweep_id}" in told["Message"]
    for account, region in places:
        assert f"({account}) in " in told["Message"]
        assert region in told["Message"]
    assert hub.front.calls["ec2:StopInstances"] == 0
    assert f"To carry it out: stop-orchestrator apply {sweep_id}" in run("history").stdout
    applied = run("apply", sweep_id, "--yes", "--format", "json")
    assert (applied.exit_code, applied.report["totals"]["stopped"]) == (0, 2)
    assert {place: hub.down(*place) for place in places} == {place: {one} for place, one in places.items()}
    rows: list[dict[str, Any]] = json.loads(run("history", "--format", "json").stdout)
    by_id = {row["sweep_id"]: row for row in rows}
    assert by_id[sweep_id]["status"] == "complete"
    assert by_id[sweep_id]["applied_by"] == applied.report["sweep_id"]
    said = run("history").stdout
    assert f"{applied.report['sweep_id']} carried out the plan of {sweep_id}" in said
    assert "To carry it out" not in said


def test_a_policy_with_a_topic_and_owners_of_its_own_tells_that_one_and_whom_to_ask(
    hub: OrganizationBuilder, policy: Policy, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "STOP_ORCHESTRATOR_TOPIC", "arn:aws:sns:eu-central-1:123456789012:nobody"
    )  # an error, were it told
    topic = hub.client("sns").create_topic(Name="team-a")["TopicArn"]
    own = f"rules: [{{name: dev, where: {{tag: {{Environment: dev}}}}}}]\nowners: [Team A]\nnotify: {topic}\n"
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICY", policy(own))
    dev_accounts(hub, 1)
    messages: list[Call] = []
    hub.front.faults.add(Fault(operation="sns:Publish", effect=messages.append))
    assert invoked({"mode": "approve"})["status"] == "awaiting_approval"
    [message] = messages
    assert (message.form["TopicArn"], "Ask about it: Team A" in message.form["Message"]) == (topic, True)
    assert "Ask about it: Team A" in run("report", SWEEP_ID).stdout


@pytest.mark.full
def test_a_topic_that_cannot_be_told_is_a_warning_and_the_plan_can_be_applied_all_the_same(
    hub: OrganizationBuilder, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = "arn:aws:sns:eu-central-1:123456789012:nobody"
    monkeypatch.setenv("STOP_ORCHESTRATOR_TOPIC", topic)
    dev_accounts(hub, 1)
    assert invoked({"mode": "approve"})["status"] == "awaiting_approval"
    [row] = json.loads(run("history", "--format", "json").stdout)
    assert row["warning"].startswith(f"1 of 1 messages were not delivered: sns {topic}: sns:Publish: NotFound")
    assert run("apply", SWEEP_ID, "--yes", "--format", "json").report["totals"]["stopped"] == 2


def test_where_nothing_would_be_stopped_nobody_is_asked(
    hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_TOPIC", "arn:aws:sns:eu-central-1:123456789012:nobody")
    hub.account("empty")
    assert invoked({"mode": "approve"})["status"] == "complete"
    assert hub.front.calls["sns:Publish"] == 0
