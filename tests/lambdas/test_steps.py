"""The state machine's steps over the embedded AWS: the same decisions, outcomes and report as the single Lambda.

What is for the full suite alone has its fast test over the world in memory (tests/sweep/test_parts.py).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from orchestrator import app
from orchestrator.demo.faults import Fault
from orchestrator.demo.organization import BUCKET
from orchestrator.errors import BusyError, EventError, LeaseLostError, OrganizationError, SettingsError
from orchestrator.sweep.halt import KillSwitch
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.lambdas import (
    FRANKFURT,
    IRELAND,
    SWEEP_ID,
    dev_accounts,
    invoked,
    stop_states,
    target_states,
    written_report,
)
from tests.support.machines import Answer, StateMachine, from_s3
from tests.support.suites import only_in_full

DEV = {"Environment": "dev"}
RULE = "rules: [{name: dev, where: {tag: {Environment: dev}}}]\n"


@pytest.fixture
def machine(hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> StateMachine:
    monkeypatch.setenv("STOP_ORCHESTRATOR_ACCOUNTS_A_PART", "2")
    return StateMachine(from_s3(hub))


@pytest.fixture
def mixed(hub: OrganizationBuilder) -> dict[tuple[str, str], str]:
    """Three accounts with something to stop, one of it protected; one account without the role, one that opted out."""
    places = dev_accounts(hub, 3)
    account = next(iter(places))[0]
    hub.instances(account, FRANKFURT, 1, DEV, DisableApiStop=True)
    hub.instances(account, FRANKFURT, 1, {**DEV, "stop-orchestrator:opt-out": "true"})
    hub.account("denied", role=False)
    hub.account("away", tags={"stop-orchestrator:opt-out": "true"})
    return places


def told(report: Answer) -> Answer:
    """What two sweeps of the same organization have in common."""
    places = ("account_id", "region", "status", "detail")
    decided = ("resource_id", "verdict", "rule", "reason", "exemption")
    return {
        "coverage": [[row[name] for name in places] for row in report["coverage"]],
        "decisions": [[row[name] for name in decided] for row in report["decisions"]],
        "outcomes": [[row["resource_id"], row["status"], row["code"]] for row in report["outcomes"]],
        "guardrails": report["guardrails"],
        "compliance": report["compliance"],
        "status": report["status"],
        "totals": report["totals"],
    }


def start_again(hub: OrganizationBuilder, places: dict[tuple[str, str], str]) -> None:
    for (account, region), instance in places.items():
        hub.act("start_instances", account, region, InstanceIds=[instance])
        keys = [{"Key": f"stop-orchestrator:stopped-{one}"} for one in ("by", "at")]
        hub.act("delete_tags", account, region, Resources=[instance], Tags=keys)


@pytest.mark.parametrize(
    ("mode", "one_by_one"), [("enforce", False), *only_in_full(("plan", True), ("plan", False), ("enforce", True))]
)
def test_its_report_is_that_of_the_single_lambda(
    hub: OrganizationBuilder, machine: StateMachine, mixed: dict[tuple[str, str], str], mode: str, *, one_by_one: bool
) -> None:
    alone = written_report(hub, invoked({"mode": mode})["sweep_id"])
    if mode == "enforce":
        start_again(hub, mixed)
    machine.one_by_one = one_by_one
    answer = machine({"mode": mode})
    report = written_report(hub, answer["sweep_id"])
    assert told(report) == told(alone)
    assert answer["totals"] == report["totals"]
    assert answer["status"] == "incomplete"
    for (account, region), instance in mixed.items():
        assert (instance in hub.down(account, region)) is (mode == "enforce")


def test_only_the_steps_of_which_many_begin_together_wait_before_they_read_the_kill_switch(
    hub: OrganizationBuilder, machine: StateMachine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "go").write_text("go")
    monkeypatch.setenv("STOP_ORCHESTRATOR_KILL_SWITCH", f"file:{tmp_path / 'go'}")
    monkeypatch.setattr(app, "SPREAD_SECONDS", 0.01)
    spreads: dict[str, set[float]] = {}

    def made(*arguments: Any, spread: float, **others: Any) -> KillSwitch:
        spreads.setdefault(machine.invoked[-1]["step"], set()).add(spread)
        return KillSwitch(*arguments, spread=spread, **others)

    monkeypatch.setattr(app, "KillSwitch", made)
    dev_accounts(hub, 1)
    assert machine({"mode": "enforce"})["status"] == "complete"
    assert spreads == {
        **{step: {0.0} for step in ("begin", "decide", "next_wave", "end")},
        **{step: {0.01} for step in ("read", "act")},
    }


def test_an_execution_beyond_the_mode_of_the_environment_is_refused_and_nothing_is_read(
    hub: OrganizationBuilder, machine: StateMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_MODE", "plan")
    dev_accounts(hub, 1)
    with pytest.raises(SettingsError, match="'enforce' is refused: STOP_ORCHESTRATOR_MODE is 'plan'"):
        machine({"mode": "enforce"})
    assert hub.front.calls["organizations:ListAccountsForParent"] == 0


@pytest.mark.parametrize(("step", "stops"), [("act", 0), *only_in_full(("next_wave", 2))])
def test_an_environment_that_says_plan_meanwhile_lets_an_execution_do_no_more_than_its_report(
    hub: OrganizationBuilder, machine: StateMachine, monkeypatch: pytest.MonkeyPatch, step: str, stops: int
) -> None:
    dev_accounts(hub, 1)

    def before(event: Answer) -> None:
        if event["step"] == step:
            monkeypatch.setenv("STOP_ORCHESTRATOR_MODE", "plan")

    machine.before = before
    report = written_report(hub, machine({"mode": "enforce"})["sweep_id"])
    assert sorted(stop_states(report).values()) == ["stopped"] * stops + ["not_attempted"] * (2 - stops)
    assert hub.front.calls["ec2:StopInstances"] == stops
    if not stops:
        assert {"STOP_ORCHESTRATOR_MODE is 'plan'" in row["message"] for row in report["outcomes"]} == {True}


@pytest.mark.full
@pytest.mark.usefixtures("mixed")
def test_its_evidence_holds_and_no_instance_is_asked_for_twice(
    hub: OrganizationBuilder, machine: StateMachine, run: Run
) -> None:
    answer = machine({"mode": "enforce"})
    assert run("verify", answer["sweep_id"]).exit_code == 0
    assert hub.front.calls["ec2:StopInstances"] == 7  # six targets, and one refusal of the protected instance


@pytest.mark.full
def test_a_part_that_is_not_read_is_not_attempted_and_the_rest_is_done(
    hub: OrganizationBuilder, machine: StateMachine
) -> None:
    places = dev_accounts(hub, 4)

    def before(event: Answer) -> None:
        if event["step"] == "read" and event["Items"][0]["number"] == 1:
            raise MemoryError("killed")

    machine.before = before
    report = written_report(hub, machine({"mode": "enforce"})["sweep_id"])
    assert sorted(target_states(report).values()) == ["not_attempted"] * 2 + ["scanned"] * 4
    assert sorted(stop_states(report).values()) == ["stopped"] * 4
    assert sum(len(hub.down(*place)) for place in places) == 4


@pytest.mark.full
def test_a_part_that_is_not_acted_on_is_not_attempted(hub: OrganizationBuilder, machine: StateMachine) -> None:
    dev_accounts(hub, 4)

    def before(event: Answer) -> None:
        if event["step"] == "act" and event["Items"][0]["number"] == 1:
            raise MemoryError("killed")

    machine.before = before
    report = written_report(hub, machine({"mode": "enforce"})["sweep_id"])
    assert sorted(stop_states(report).values()) == ["not_attempted"] * 4 + ["stopped"] * 4
    assert report["status"] == "incomplete"


@pytest.mark.full
def test_steps_that_are_tried_again_do_nothing_twice(hub: OrganizationBuilder, machine: StateMachine) -> None:
    places = dev_accounts(hub, 3)
    answers: list[Answer] = []
    once = machine.step

    def twice(event: Answer) -> Answer:
        once(event)
        answers.append(once(event))
        return answers[-1]

    machine.step = twice  # type: ignore[method-assign]  # as Step Functions' Retry does
    answer = machine({"mode": "enforce"})
    report = written_report(hub, answer["sweep_id"])
    assert stop_states(report) == dict.fromkeys(places.values(), "stopped")
    assert hub.front.calls["ec2:StopInstances"] == len(places)
    assert answer["status"] == "complete"


@pytest.mark.full
def test_waves_are_one_after_the_other_and_too_many_failures_abort_the_rest(
    hub: OrganizationBuilder, machine: StateMachine, policy: Policy
) -> None:
    policy(f"{RULE}waves: [{{accounts: 1}}]\nabort_if_failures_percent: 10\n")
    dev_accounts(hub, 3)
    hub.front.faults.add(Fault(operation="ec2:StopInstances", code="UnauthorizedOperation", status=403))
    answer = machine({"mode": "enforce"})
    report = written_report(hub, answer["sweep_id"])
    assert (report["status"], sorted(stop_states(report).values())) == (
        "aborted",
        ["failed"] * 2 + ["not_attempted"] * 4,
    )
    assert "abort_if_failures_percent is 10" in report["error"]


def test_a_guardrail_holds_the_whole_plan(hub: OrganizationBuilder, machine: StateMachine, policy: Policy) -> None:
    policy(f"{RULE}guardrails: {{max_stops: 3}}\n")
    dev_accounts(hub, 2)
    answer = machine({"mode": "enforce"})
    assert (answer["status"], answer["totals"]["held"]) == ("held", 4)
    assert hub.front.calls["ec2:StopInstances"] == 0


@pytest.mark.full
def test_what_opts_out_between_deciding_and_acting_is_kept(hub: OrganizationBuilder, machine: StateMachine) -> None:
    places = dev_accounts(hub, 1)
    (account, region), instance = next(iter(places.items()))

    def before(event: Answer) -> None:
        if event["step"] == "act":
            tag = {"Key": "stop-orchestrator:opt-out", "Value": "true"}
            hub.act("create_tags", account, region, Resources=[instance], Tags=[tag])

    machine.before = before
    report = written_report(hub, machine({"mode": "enforce"})["sweep_id"])
    reasons = {row["resource_id"]: row["reason"] for row in report["decisions"] if row["verdict"] == "keep"}
    assert list(reasons) == [instance]
    assert reasons[instance].startswith("Changed since the plan:")
    assert hub.down(account, region) == set()


@pytest.mark.full
def test_an_error_before_the_plan_ends_with_a_report_that_says_so(
    hub: OrganizationBuilder, machine: StateMachine
) -> None:
    dev_accounts(hub, 2)

    def before(event: Answer) -> None:
        if event["step"] == "decide":
            raise MemoryError("killed")

    machine.before = before
    with pytest.raises(Exception, match="MemoryError: killed"):
        machine({"mode": "enforce"})
    sweep_id = machine.invoked[-1]["sweep_id"]
    report = written_report(hub, sweep_id)
    assert (report["status"], "MemoryError: killed" in report["error"]) == ("failed", True)
    assert set(target_states(report).values()) == {"scanned"}
    assert machine.step(machine.invoked[-1])["status"] == "failed"


def test_an_organization_that_cannot_be_listed_is_a_failed_report_and_the_next_one_may_begin(
    hub: OrganizationBuilder, machine: StateMachine
) -> None:
    dev_accounts(hub, 1)
    denied = Fault(operation="organizations:ListRoots", code="AccessDeniedException", status=400)
    hub.front.faults.add(denied)
    with pytest.raises(OrganizationError):
        machine({"mode": "enforce"})
    hub.front.faults.clear()
    another = StateMachine(from_s3(hub), "another")
    assert another({"mode": "enforce"})["status"] == "complete"


@pytest.mark.full
def test_a_second_execution_of_the_same_trigger_and_one_of_another_while_it_runs_begin_nothing(
    hub: OrganizationBuilder, machine: StateMachine
) -> None:
    dev_accounts(hub, 2)
    answers: list[Answer] = []

    def before(event: Answer) -> None:
        if event["step"] == "decide":
            answers.append(StateMachine(from_s3(hub), "second")({"mode": "enforce", "id": "one"}))
            answers.append(StateMachine(from_s3(hub), "third")({"mode": "enforce"}))
            answers.append(invoked({"mode": "enforce"}))
            with pytest.raises(BusyError):
                StateMachine(from_s3(hub), "fourth")({"mode": "plan"})

    machine.before = before
    answer = machine({"mode": "enforce", "id": "one"})
    assert {one["sweep_id"] for one in answers} == {answer["sweep_id"]}
    assert {one["status"] for one in answers} == {"running"}
    assert StateMachine(from_s3(hub), "fifth")({"mode": "enforce", "id": "one"})["go_on"] is False
    assert answer["status"] == "complete"


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({"step": "dance"}, "step"),
        ({"step": "decide", "sweep_id": "today"}, "sweep_id"),
        ({"step": "read", "Items": [{"number": 0}]}, "Items.0.number"),
        ({"step": "act"}, "Items.0.sweep_id"),
        ({"step": "begin", "why": 1}, "why"),
    ],
)
def test_an_event_that_is_not_understood_names_what_is_wrong(
    machine: StateMachine, event: dict[str, Any], named: str
) -> None:
    with pytest.raises(EventError, match=named):
        machine.step(event)


def test_a_step_of_an_execution_that_lost_its_lease_does_nothing(
    hub: OrganizationBuilder, machine: StateMachine
) -> None:
    dev_accounts(hub, 1)

    def before(event: Answer) -> None:
        if event["step"] == "decide":
            key = {"PK": {"S": "LEASE"}, "SK": {"S": "test"}}
            change: Any = {"Action": "PUT", "Value": {"S": "somebody else"}}
            hub.client("dynamodb").update_item(
                TableName="stop-orchestrator", Key=key, AttributeUpdates={"holder": change, "nonce": change}
            )

    machine.before = before
    with pytest.raises(Exception, match="has the lease"):
        machine({"mode": "enforce"})
    assert hub.front.calls["ec2:StopInstances"] == 0


@pytest.mark.parametrize("another", [False, *only_in_full((True,))])
def test_a_part_that_hangs_in_its_look_until_its_sweep_was_ended_stops_nothing_more(
    hub: OrganizationBuilder, machine: StateMachine, monkeypatch: pytest.MonkeyPatch, policy: Policy, *, another: bool
) -> None:
    """Or until another execution sweeps by a mended policy."""
    monkeypatch.setenv("STOP_ORCHESTRATOR_WORKERS", "1")
    dev_accounts(hub, 1)
    other = StateMachine(from_s3(hub), "another")

    def end(_call: object) -> None:
        machine.step({**last, "state": {"error": {"Error": "States.Timeout", "Cause": ""}}})
        if another:
            policy("rules: [{name: dev, where: {tag: {Environment: other}}}]\n")
            others.append(other({"mode": "plan"}))

    def before(event: Answer) -> None:
        if event["step"] == "act":
            last.update(step="end", sweep_id=event["Items"][0]["sweep_id"])
            hub.front.faults.add(Fault(operation="ec2:DescribeInstances", effect=end, times=1))

    last: Answer = {}
    others: list[Answer] = []
    machine.before = before
    sweep_id = machine({"mode": "enforce"})["sweep_id"]
    assert hub.front.calls["ec2:StopInstances"] == 0
    assert set(stop_states(written_report(hub, sweep_id)).values()) == {"not_attempted"}
    assert [one["status"] for one in others] == ["complete"] * another
    rows = hub.client("dynamodb").query(
        TableName="stop-orchestrator",
        KeyConditionExpression="PK = :pk AND begins_with(SK, :action)",
        ExpressionAttributeValues={":pk": {"S": f"SWEEP#{sweep_id}"}, ":action": {"S": "ACTION#"}},
    )["Items"]
    assert [row["status"]["S"] for row in rows] == ["not_attempted"] * 2


@pytest.mark.parametrize("name", ["next_wave", *only_in_full("decide")])
def test_a_step_after_the_end_does_nothing(hub: OrganizationBuilder, machine: StateMachine, name: str) -> None:
    dev_accounts(hub, 1)
    sweep_id = machine({"mode": "enforce"})["sweep_id"]
    before = dict(hub.front.calls)
    with pytest.raises(LeaseLostError, match=f"{sweep_id} is over; this step does nothing"):
        machine.step({"step": name, "sweep_id": sweep_id, "wave": 1})
    assert hub.front.calls["ec2:StopInstances"] == before["ec2:StopInstances"]


def test_its_sweep_has_the_source_of_its_policy(hub: OrganizationBuilder, machine: StateMachine) -> None:
    begun = machine.step({"step": "begin", "event": {"mode": "plan"}, "execution": machine.execution})
    key = {"PK": {"S": "SWEEPS"}, "SK": {"S": begun["sweep_id"]}}
    item = hub.client("dynamodb").get_item(TableName="stop-orchestrator", Key=key)["Item"]
    assert item["policy_source"]["S"] == os.environ["STOP_ORCHESTRATOR_POLICY"]


@pytest.mark.full
def test_the_files_between_the_steps_are_beside_the_report(hub: OrganizationBuilder, machine: StateMachine) -> None:
    dev_accounts(hub, 3)
    sweep_id = machine({"mode": "enforce"})["sweep_id"]
    listed = hub.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="sweeps/")["Contents"]
    names = {one["Key"].partition(f"sweep={sweep_id}/")[2] for one in listed}
    assert {"work/listing.json", "work/batches.json", "work/inventory-1.json", "work/acts-1.json"} <= names
    assert IRELAND in {region for _, region in target_states(written_report(hub, sweep_id))}


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"sweep_id": SWEEP_ID}, "sweep_id"),
        ({"policy": "ssm:/secret"}, "policy"),
        ({"policy": "/etc/passwd"}, "policy"),
    ],
)
def test_an_execution_makes_its_sweep_id_and_has_a_policy_that_the_settings_allow(
    hub: OrganizationBuilder, machine: StateMachine, event: dict[str, str], field: str
) -> None:
    before = dict(hub.front.calls)
    with pytest.raises(EventError, match=f"^{field}: "):
        machine({"mode": "enforce", **event})
    assert hub.front.calls == before
