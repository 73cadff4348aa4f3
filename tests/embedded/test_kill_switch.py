"""The kill switch, a file or an SSM parameter: pulled before, pulled in the middle, and when it cannot be read."""

from __future__ import annotations

import copy
import json
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from moto.ec2.models import ec2_backends
from moto.ec2.utils import random_instance_id

from orchestrator import app
from orchestrator.demo.faults import Fault
from orchestrator.demo.organization import TABLE
from orchestrator.errors import HaltedError
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.lambdas import dev_accounts, invoked
from tests.support.suites import only_in_full
from tests.support.sweeps import DEV, DEV_RULE, FRANKFURT, IRELAND, Sweeps
from tests.support.time import set_time

PARAMETER = "/stop-orchestrator/kill-switch"
REGIONS = (FRANKFURT, IRELAND, "eu-west-2", "eu-west-3")
ENFORCE = ("sweep", "--mode", "enforce", "--yes", "--format", "json", "--policy")
PULLED = re.compile(r"the kill switch (file:)?/\S+ says 'stop', not 'go'")
UNREADABLE_STOPS = "kill_switch: {unreadable: stop}\n"

Say = Callable[[str], None]


@pytest.fixture(autouse=True)
def _reads_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read is old after half a second, and what cannot be read is tried again without a pause."""
    monkeypatch.setattr("orchestrator.sweep.halt.FRESH_SECONDS", 0.5)
    monkeypatch.setattr("orchestrator.sweep.halt._LONGEST_WAIT", 0.01)


@pytest.fixture(params=["file", "parameter"])
def say(
    request: pytest.FixtureRequest, organization: OrganizationBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Say:
    """Writes a text into the kill switch, which is there from then on."""
    path = tmp_path / "kill-switch"
    in_file = request.param == "file"
    monkeypatch.setenv("STOP_ORCHESTRATOR_KILL_SWITCH", f"file:{path}" if in_file else PARAMETER)
    ssm = organization.client("ssm")

    def write(text: str) -> None:
        if in_file:
            path.write_text(text)
        else:
            ssm.put_parameter(Name=PARAMETER, Value=text, Type="String", Overwrite=True)

    return write


def many(organization: OrganizationBuilder, accounts: int, a_target: int) -> list[tuple[str, str]]:
    """Accounts with so many instances to stop in each region; all but the first of a target are copies in moto's
    memory, because making one takes moto 8 ms.
    """
    made = [organization.account(f"dev-{number}") for number in range(accounts)]
    places = [(account, region) for account in made for region in REGIONS]
    for account, region in places:
        [first] = organization.instances(account, region, 1, DEV)
        original = organization.in_memory(account, region, first)
        backend = ec2_backends[account][region]
        [reservation] = backend.reservations.values()
        for _ in range(a_target - 1):
            another = copy.copy(original)
            another.id, another._state = random_instance_id(), copy.copy(original._state)
            reservation.instances.append(another)
            backend.tags[another.id] = dict(DEV)
    return places


def stops(organization: OrganizationBuilder) -> int:
    return organization.front.calls["ec2:StopInstances"]


# --- pulled before ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["stop", *only_in_full("STOP\n", "stopp", "halt", "true", " ", "GO", '"go"', "\ufeffgo")]
)
@pytest.mark.parametrize("command", [("plan", "--policy"), ENFORCE], ids=["plan", "enforce"])
def test_one_that_says_anything_but_go_lets_no_sweep_begin_and_nothing_is_read(
    organization: OrganizationBuilder, healthy: str, run: Run, policy: Policy, say: Say, command: Any, text: str
) -> None:
    say(text)
    ran = run(*command, policy(DEV_RULE))
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert re.search(rf"no sweep begins: the kill switch \S+ says {re.escape(repr(text))}, not 'go'", ran.stderr)
    calls = organization.front.calls
    assert [calls[one] for one in ("organizations:ListAccountsForParent", "sts:AssumeRole", "ec2:StopInstances")] == [
        0,
        0,
        0,
    ]
    assert run("history").stdout == "No sweeps yet.\n"


def test_one_that_says_go_lets_a_sweep_act_and_is_named_in_the_report(
    organization: OrganizationBuilder, healthy: str, run: Run, policy: Policy, say: Say
) -> None:
    say(" go\n")
    ran = run(*ENFORCE, policy(DEV_RULE))
    assert (ran.exit_code, len(organization.down(healthy, FRANKFURT))) == (0, 1)
    assert ran.report["kill_switches"] == [os.environ["STOP_ORCHESTRATOR_KILL_SWITCH"]]


def test_one_that_does_not_exist_does_not_say_go(
    organization: OrganizationBuilder, healthy: str, run: Run, policy: Policy, say: Say
) -> None:
    ran = run(*ENFORCE, policy(DEV_RULE))
    assert (ran.exit_code, stops(organization)) == (1, 0)
    assert re.search(r"no sweep begins: the kill switch \S+ does not exist, so it does not say 'go'", ran.stderr)


@pytest.mark.parametrize("kind", ["StringList", *only_in_full("SecureString")])
def test_a_parameter_of_another_type_than_a_string_halts(
    organization: OrganizationBuilder,
    healthy: str,
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
    kind: Literal["StringList", "SecureString"],
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_KILL_SWITCH", PARAMETER)
    organization.client("ssm").put_parameter(Name=PARAMETER, Value="go", Type=kind)
    ran = run(*ENFORCE, policy(DEV_RULE))
    assert (ran.exit_code, stops(organization)) == (1, 0)
    assert f"the kill switch {PARAMETER} says '{kind} " in ran.stderr


def test_where_none_is_named_there_is_none_and_the_report_says_so(healthy: str, run: Run, policy: Policy) -> None:
    ran = run(*ENFORCE, policy(DEV_RULE))
    assert (ran.exit_code, ran.report["kill_switches"]) == (0, [])
    assert "There was no kill switch: none was named." in run("report", ran.report["sweep_id"]).stdout


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("named", [True, False])
def test_the_question_before_the_stops_says_what_can_halt_them(
    healthy: str, run: Run, policy: Policy, tmp_path: Path, *, named: bool
) -> None:
    switch = tmp_path / "switch"
    switch.write_text("go")
    options = ("--kill-switch", f"file:{switch}") if named else ()
    ran = run("sweep", "--mode", "enforce", *options, "--policy", policy(DEV_RULE), typed="1\n")
    assert ran.exit_code == 0
    said = f"Kill switch: file:{switch}; anything but go in it halts this." if named else "There is no kill switch"
    assert said in ran.stderr


@pytest.mark.parametrize("say", ["file", *only_in_full("parameter")], indirect=True)
def test_it_holds_for_apply_and_undo_too_and_lets_go_when_it_is_reset(
    organization: OrganizationBuilder, healthy: str, run: Run, policy: Policy, say: Say
) -> None:
    say("go")
    plan = run("plan", "--format", "json", "--policy", policy(DEV_RULE)).report["sweep_id"]
    say("stop")
    assert (run("apply", plan, "--yes").exit_code, stops(organization)) == (1, 0)
    say("go")
    applied = run("apply", plan, "--yes", "--format", "json")
    assert (applied.exit_code, stops(organization)) == (0, 1)
    say("stop")
    refused = run("undo", applied.report["sweep_id"], "--yes")
    assert (refused.exit_code, organization.front.calls["ec2:StartInstances"]) == (1, 0)
    assert PULLED.search(refused.stderr)
    say("go")
    assert run("undo", applied.report["sweep_id"], "--yes").exit_code == 0


@pytest.mark.parametrize("say", ["parameter", *only_in_full("file")], indirect=True)
def test_the_lambda_refuses_too_and_sweeps_the_same_event_once_it_is_reset(hub: OrganizationBuilder, say: Say) -> None:
    dev_accounts(hub, 1)
    say("stop")
    event = {"mode": "enforce", "id": "execution-1"}
    with pytest.raises(HaltedError, match=PULLED.pattern):
        invoked(event)
    say("go")
    assert invoked(event)["totals"]["stopped"] == 2


# --- pulled in the middle ---------------------------------------------------------------------------------------------


class Puller:
    """Pulls it at one of the StopInstances calls, and notes when each of them arrives."""

    def __init__(self, pull: Callable[[], object], at_call: int) -> None:
        self._pull = pull
        self._at_call = at_call
        self._lock = threading.Lock()
        self.arrived: list[float] = []
        self.pulled_at = 0.0

    def __call__(self, _: object) -> None:
        with self._lock:
            self.arrived.append(time.monotonic())
            if len(self.arrived) == self._at_call:
                self._pull()
                self.pulled_at = time.monotonic()

    @property
    def latest(self) -> float:
        """Seconds from the pull to the last call."""
        return self.arrived[-1] - self.pulled_at


def aborted(ran: Ran, organization: OrganizationBuilder, places: list[tuple[str, str]], why: str) -> Counter[str]:
    """The report says that it was aborted, why, and how each stop ended, and EC2 agrees."""
    assert ran.exit_code == 3
    report = ran.report
    assert (report["status"], report["error"]) == ("aborted", f"Aborted: {why}")
    assert PULLED.fullmatch(why)
    states = {row["resource_id"]: row["status"] for row in report["outcomes"]}
    down = {one for place in places for one in organization.down(*place)}
    assert {one for one, status in states.items() if status == "stopped"} == down
    left = [row for row in report["outcomes"] if row["status"] == "not_attempted"]
    assert {row["message"] for row in left} == {why}
    assert len(left) + len(down) == len(states)
    return Counter(states.values())


@pytest.mark.parametrize(
    ("say", "accounts", "a_target"),
    [
        pytest.param("file", 4, 1, id="file, 16 instances"),
        pytest.param("parameter", 4, 1, id="parameter, 16 instances", marks=pytest.mark.full),
        pytest.param("file", 10, 25, id="file, 1000 instances", marks=pytest.mark.full),
        pytest.param("parameter", 10, 5, id="parameter, 200 instances", marks=pytest.mark.full),
    ],
    indirect=["say"],
)
def test_a_pulled_kill_switch_during_a_sweep_is_obeyed_within_seconds_and_reported(
    organization: OrganizationBuilder, run: Run, policy: Policy, say: Say, accounts: int, a_target: int
) -> None:
    places = many(organization, accounts, a_target)
    say("go")
    # What was read holds for half a second; the stops that are left take two workers longer, on any machine.
    puller = Puller(lambda: say("stop"), at_call=4)
    organization.front.faults.add(Fault(operation="ec2:StopInstances", effect=puller, delay_seconds=0.3))
    ran = run(*ENFORCE, policy(DEV_RULE, *REGIONS), "--workers", "2")
    assert puller.latest < 5
    why = ran.report["error"].removeprefix("Aborted: ")
    states = aborted(ran, organization, places, why)
    assert states.total() == len(places) * a_target
    assert states["stopped"] == a_target * len(puller.arrived)
    assert run("history", "--format", "json").report[0]["status"] == "aborted"  # type: ignore[index]  # plain JSON
    said = "".join(run("report", ran.report["sweep_id"]).stdout.split())
    assert said.endswith(f"Endedby:Aborted:{''.join(why.split())}")


# --- unreadable -------------------------------------------------------------------------------------------------------


BREAKS = {
    "refuses": Fault("AccessDeniedException", "not you", operation="ssm:GetParameter"),
    "hangs": Fault(operation="ssm:GetParameter", delay_seconds=4),
}


@pytest.fixture
def parameter(organization: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill switch that says go, and breaks as the test has it."""
    monkeypatch.setenv("STOP_ORCHESTRATOR_KILL_SWITCH", PARAMETER)
    organization.client("ssm").put_parameter(Name=PARAMETER, Value="go", Type="String")


@pytest.mark.usefixtures("parameter")
@pytest.mark.parametrize("body", [DEV_RULE, *only_in_full(DEV_RULE + UNREADABLE_STOPS)])
def test_one_that_cannot_be_read_lets_no_sweep_begin(
    organization: OrganizationBuilder, healthy: str, run: Run, policy: Policy, body: str
) -> None:
    organization.front.faults.add(BREAKS["refuses"])
    ran = run(*ENFORCE, policy(body))
    assert (ran.exit_code, stops(organization)) == (1, 0)
    assert f"no sweep begins: the kill switch {PARAMETER} cannot be read, and nothing is done before" in ran.stderr
    assert "AccessDeniedException" in ran.stderr
    assert organization.front.calls["ssm:GetParameter"] == 8


@pytest.mark.usefixtures("parameter")
def test_one_that_cannot_be_read_twice_is_tried_again(
    organization: OrganizationBuilder, healthy: str, run: Run, policy: Policy
) -> None:
    organization.front.faults.add(Fault("ThrottlingException", operation="ssm:GetParameter", times=2))
    assert (run(*ENFORCE, policy(DEV_RULE)).exit_code, stops(organization)) == (0, 1)


@pytest.mark.usefixtures("parameter")
@pytest.mark.parametrize("how", ["refuses", *only_in_full("hangs")])
@pytest.mark.parametrize("policy_says", ["go_on", *only_in_full("stop")])
def test_one_that_cannot_be_read_any_more_halts_after_its_last_go_counted_and_the_rest_is_resumed(
    organization: OrganizationBuilder,
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    policy_says: str,
) -> None:
    monkeypatch.setattr("orchestrator.app.LAST_GO_COUNTS_SECONDS", 1.0)
    places = many(organization, 4, 1)
    puller = Puller(lambda: organization.front.faults.add(BREAKS[how]), at_call=1)
    organization.front.faults.add(Fault(operation="ec2:StopInstances", effect=puller, delay_seconds=0.3))
    body = DEV_RULE + f"kill_switch: {{unreadable: {policy_says}}}\n"
    ran = run(*ENFORCE, policy(body, *REGIONS), "--workers", "1")
    sweep_id, stopped = ran.report["sweep_id"], stops(organization)
    assert (ran.exit_code, ran.report["status"]) == (3, "running")
    assert puller.latest < 5
    left = [row["message"] for row in ran.report["outcomes"] if row["status"] == "not_attempted"]
    assert len(left) == len(places) - stopped > 0
    counts = "0 s" if policy_says == "stop" else "1 s"
    assert left[0].startswith(
        f"the kill switch {PARAMETER} cannot be read any more, and its last 'go' counts for {counts}"
    )
    assert ran.report["error"] == f"Halted: {left[0]}"
    assert f"stop-orchestrator sweep --resume {sweep_id}" in ran.stderr
    assert [row["status"] for row in json.loads(run("history", "--format", "json").stdout)] == ["running"]
    organization.front.faults.clear()
    resumed = run("sweep", "--resume", sweep_id, "--yes", "--format", "json")
    assert (resumed.exit_code, resumed.report["status"]) == (0, "complete")
    assert stops(organization) == len(places)
    assert all(len(organization.down(*place)) == 1 for place in places)


@pytest.mark.usefixtures("parameter")
def test_one_that_cannot_be_read_any_more_changes_nothing_while_its_last_go_counts(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    places = many(organization, 1, 1)
    puller = Puller(lambda: organization.front.faults.add(BREAKS["refuses"]), at_call=1)
    organization.front.faults.add(Fault(operation="ec2:StopInstances", effect=puller, delay_seconds=0.4))
    ran = run(*ENFORCE, policy(DEV_RULE, *REGIONS), "--workers", "1")
    assert (ran.exit_code, ran.report["totals"]["stopped"], len(places)) == (0, 4, 4)
    assert organization.front.calls["ssm:GetParameter"] > 1


@pytest.mark.usefixtures("parameter")
def test_the_lambda_leaves_it_with_an_error_and_the_same_event_delivered_again_resumes_it(
    hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_WORKERS", "1")
    monkeypatch.setattr("orchestrator.app.LAST_GO_COUNTS_SECONDS", 0.0)
    monkeypatch.setattr("orchestrator.sweep.halt.FRESH_SECONDS", 0.0)
    places = dev_accounts(hub, 2)
    breaks = Fault(operation="ec2:StopInstances", times=1, effect=lambda _: hub.front.faults.add(BREAKS["refuses"]))
    hub.front.faults.add(breaks)
    event = {"mode": "enforce", "id": "execution-1"}
    with pytest.raises(HaltedError, match=r"was left to be resumed\. Halted: the kill switch"):
        invoked(event)
    assert stops(hub) == 1
    hub.front.faults.clear()
    now = app.SYSTEM_TIME.now
    set_time(monkeypatch, now=lambda: now() + timedelta(minutes=1))  # Lambda's first pause
    answer = invoked(event)
    assert (answer["status"], answer["totals"]["stopped"], stops(hub)) == ("complete", len(places), len(places))
    assert len(hub.client("dynamodb").query(**SWEEPS)["Items"]) == 1


# --- the table's ------------------------------------------------------------------------------------------------------


SWEEPS: Any = {
    "TableName": TABLE,
    "KeyConditionExpression": "PK = :sweeps",
    "ExpressionAttributeValues": {":sweeps": {"S": "SWEEPS"}},
}


def name_in_table(hub: OrganizationBuilder, **attributes: str) -> None:
    """As `make deploy-hub` does."""
    item = {"PK": "SETTINGS", "SK": "KILL_SWITCH", **attributes}
    hub.client("dynamodb").put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})


@pytest.mark.parametrize(
    ("own", "table"), [("go", "stop"), *only_in_full(("stop", "go"), (None, "stop"), ("go", None))]
)
def test_a_terminal_that_uses_the_table_obeys_its_kill_switch_as_well_as_its_own(
    hub: OrganizationBuilder,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own: str | None,
    table: str | None,
) -> None:
    dev_accounts(hub, 1)
    name_in_table(hub, name=PARAMETER)
    if own is not None:
        monkeypatch.setenv("STOP_ORCHESTRATOR_KILL_SWITCH", f"file:{tmp_path / 'own'}")
        (tmp_path / "own").write_text(own)
    if table is not None:
        hub.client("ssm").put_parameter(Name=PARAMETER, Value=table, Type="String")
    command = ("sweep", "--mode", "enforce", "--yes", "--format", "json")
    ran = run(*command)
    assert (ran.exit_code, stops(hub)) == (1, 0)
    assert f"the kill switch {f'file:{tmp_path}/own' if own == 'stop' else PARAMETER} " in ran.stderr
    (tmp_path / "own").write_text("go")
    hub.client("ssm").put_parameter(Name=PARAMETER, Value="go", Type="String", Overwrite=True)
    ran = run(*command)
    both = [f"file:{tmp_path / 'own'}", PARAMETER]
    assert (ran.exit_code, ran.report["kill_switches"]) == (0, both if own is not None else [PARAMETER])


def test_a_table_that_names_the_same_kill_switch_has_it_read_once(
    hub: OrganizationBuilder, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_KILL_SWITCH", PARAMETER)
    hub.client("ssm").put_parameter(Name=PARAMETER, Value="go", Type="String")
    name_in_table(hub, name=PARAMETER)
    assert run("plan", "--format", "json").report["kill_switches"] == [PARAMETER]


@pytest.mark.parametrize("item", [{}, {"name": "file:/etc/hosts"}, *only_in_full({"name": " "})])
def test_an_item_that_names_no_kill_switch_is_no_reason_to_act_without_one(
    hub: OrganizationBuilder, run: Run, item: dict[str, str]
) -> None:
    name_in_table(hub, **item)
    ran = run("sweep", "--mode", "enforce", "--yes")
    assert (ran.exit_code, stops(hub)) == (1, 0)
    assert "the item SETTINGS / KILL_SWITCH of the table names no SSM parameter" in ran.stderr


def test_a_folder_that_is_given_in_place_of_the_table_has_no_kill_switch_of_it(
    hub: OrganizationBuilder, run: Run
) -> None:
    name_in_table(hub, name=PARAMETER)
    assert run("plan", "--store", "here", "--format", "json").report["kill_switches"] == []


# --- while the machine is suspended -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("then", "cause"), [("stop", "says 'stop', not 'go'"), ("", "cannot be read any more")])
def test_what_it_said_before_a_suspension_lets_nothing_happen_after_it(
    organization: OrganizationBuilder,
    run: Run,
    policy: Policy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    then: str,
    cause: str,
) -> None:
    """The monotonic clock stands still meanwhile, and only the wall clock tells."""
    monkeypatch.setattr("orchestrator.sweep.halt.FRESH_SECONDS", 3600.0)
    for name in ("first", "second"):
        organization.instances(organization.account(name), FRANKFURT, 1, DEV)
    switch, now, slept = tmp_path / "switch", app.SYSTEM_TIME.now, [timedelta()]
    switch.write_text("go")
    set_time(monkeypatch, now=lambda: now() + slept[0])

    def suspend(_call: object) -> None:
        slept[0] = timedelta(hours=2)
        switch.unlink()
        _ = switch.write_text(then) if then else switch.mkdir()

    organization.front.faults.add(Fault(operation="ec2:StopInstances", times=1, effect=suspend))
    waves = f"{DEV_RULE}waves: [{{accounts: 1}}]\n"
    ran = run(*ENFORCE, policy(waves), "--kill-switch", f"file:{switch}")
    assert (stops(organization), ran.exit_code) == (1, 3)
    assert cause in ran.stdout + ran.stderr


def test_once_the_prompt_is_answered_it_has_to_say_go_again(
    organization: OrganizationBuilder, healthy: str, sweep: Sweeps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its last `go` would still count, had no person thought about it meanwhile."""
    switch, clock, thought = tmp_path / "switch", app.SYSTEM_TIME.clock, [0.0]
    switch.write_text("go")
    set_time(monkeypatch, clock=lambda: clock() + thought[0])

    def think() -> None:
        thought[0] = 10.0
        switch.unlink()
        switch.mkdir()

    ended = sweep(while_asked=think, regions=(FRANKFURT,), kill_switch=f"file:{switch}")
    assert stops(organization) == 0
    assert {one["status"] for one in ended.outcomes.values()} == {"not_attempted"}
    assert "nothing is done before it said 'go'" in ended.document["error"]
