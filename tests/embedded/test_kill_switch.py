"""The kill switch, a file or an SSM parameter: pulled before, pulled in the middle, and when it cannot be read."""

from __future__ import annotations

import copy
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from moto.ec2.models import ec2_backends
from moto.ec2.utils import random_instance_id

from orchestrator.demo.faults import Fault
from orchestrator.errors import HaltedError
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.lambdas import dev_accounts, invoked
from tests.support.suites import only_in_full
from tests.support.sweeps import DEV, DEV_RULE, FRANKFURT, IRELAND

PARAMETER = "/stop-orchestrator/kill-switch"
REGIONS = (FRANKFURT, IRELAND, "eu-west-2", "eu-west-3")
ENFORCE = ("sweep", "--mode", "enforce", "--yes", "--format", "json", "--policy")
PULLED = "the kill switch was pulled"
UNREADABLE_STOPS = "kill_switch: {unreadable: stop}\n"

Say = Callable[[str], None]


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


@pytest.mark.parametrize("text", [" STOP\n", *only_in_full("stop")])
@pytest.mark.parametrize("command", [("plan", "--policy"), ENFORCE], ids=["plan", "enforce"])
def test_one_that_is_pulled_before_lets_no_sweep_begin_and_nothing_is_read(
    organization: OrganizationBuilder, healthy: str, run: Run, policy: Policy, say: Say, command: Any, text: str
) -> None:
    say(text)
    ran = run(*command, policy(DEV_RULE))
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert f"no sweep begins: {PULLED}" in ran.stderr
    calls = organization.front.calls
    assert [calls[one] for one in ("organizations:ListAccountsForParent", "sts:AssumeRole", "ec2:StopInstances")] == [
        0,
        0,
        0,
    ]
    assert run("history").stdout == "No sweeps yet.\n"


@pytest.mark.parametrize("text", ["stopped", *only_in_full("go", "", "do not stop")])
def test_one_that_says_anything_else_is_not_pulled(
    organization: OrganizationBuilder, healthy: str, run: Run, policy: Policy, say: Say, text: str
) -> None:
    say(text or " ")
    assert run(*ENFORCE, policy(DEV_RULE)).exit_code == 0
    assert len(organization.down(healthy, FRANKFURT)) == 1


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
    assert PULLED in refused.stderr
    say("go")
    assert run("undo", applied.report["sweep_id"], "--yes").exit_code == 0


def test_the_lambda_refuses_too_and_sweeps_the_same_event_once_it_is_reset(hub: OrganizationBuilder, say: Say) -> None:
    dev_accounts(hub, 1)
    say("stop")
    event = {"mode": "enforce", "id": "execution-1"}
    with pytest.raises(HaltedError, match=PULLED):
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
        pytest.param("parameter", 4, 1, id="parameter, 16 instances"),
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
    # What was read holds for a second; the stops that are left take two workers longer, however fast the machine is.
    puller = Puller(lambda: say("stop"), at_call=4)
    organization.front.faults.add(Fault(operation="ec2:StopInstances", effect=puller, delay_seconds=0.3))
    ran = run(*ENFORCE, policy(DEV_RULE, *REGIONS), "--workers", "2")
    assert puller.latest < 5
    states = aborted(ran, organization, places, PULLED)
    assert states.total() == len(places) * a_target
    assert states["stopped"] == a_target * len(puller.arrived)
    assert run("history", "--format", "json").report[0]["status"] == "aborted"  # type: ignore[index]  # plain JSON
    assert run("report", ran.report["sweep_id"]).stdout.rstrip().endswith(f"Ended by: Aborted: {PULLED}")


# --- unreadable -------------------------------------------------------------------------------------------------------


def test_one_that_is_not_there_is_not_pulled_unless_the_policy_says_so(
    organization: OrganizationBuilder, healthy: str, run: Run, policy: Policy, say: Say
) -> None:
    refused = run(*ENFORCE, policy(DEV_RULE + UNREADABLE_STOPS))
    assert (refused.exit_code, stops(organization)) == (1, 0)
    assert "no sweep begins: the kill switch cannot be read, which the policy counts as pulled: " in refused.stderr
    assert "kill-switch" in refused.stderr
    assert (run(*ENFORCE, policy(DEV_RULE)).exit_code, stops(organization)) == (0, 1)


BREAKS = {
    "refuses": Fault("AccessDeniedException", "not you", operation="ssm:GetParameter"),
    "hangs": Fault(operation="ssm:GetParameter", delay_seconds=4),
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_parameter_that_cannot_be_read_any_more_stops_the_sweep_where_the_policy_says_so(
    organization: OrganizationBuilder, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_KILL_SWITCH", PARAMETER)
    organization.client("ssm").put_parameter(Name=PARAMETER, Value="go", Type="String")
    places = many(organization, 3, 1)
    puller = Puller(lambda: organization.front.faults.add(BREAKS[how]), at_call=2)
    organization.front.faults.add(Fault(operation="ec2:StopInstances", effect=puller, delay_seconds=0.4))
    ran = run(*ENFORCE, policy(DEV_RULE + UNREADABLE_STOPS, *REGIONS), "--workers", "1")
    assert puller.latest < 5
    why = ran.report["error"].removeprefix("Aborted: ")
    assert why.startswith(
        f"the kill switch cannot be read, which the policy counts as pulled: ssm:GetParameter {PARAMETER}"
    )
    assert aborted(ran, organization, places, why)["stopped"] == len(puller.arrived)


def test_a_parameter_that_cannot_be_read_any_more_changes_nothing_otherwise(
    organization: OrganizationBuilder, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_KILL_SWITCH", PARAMETER)
    organization.client("ssm").put_parameter(Name=PARAMETER, Value="go", Type="String")
    places = many(organization, 1, 1)
    puller = Puller(lambda: organization.front.faults.add(BREAKS["refuses"]), at_call=1)
    organization.front.faults.add(Fault(operation="ec2:StopInstances", effect=puller, delay_seconds=0.4))
    ran = run(*ENFORCE, policy(DEV_RULE, *REGIONS), "--workers", "1")
    assert (ran.exit_code, ran.report["totals"]["stopped"], len(places)) == (0, 4, 4)
    assert organization.front.calls["ssm:GetParameter"] > 1
