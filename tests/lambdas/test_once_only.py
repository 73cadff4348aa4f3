"""One trigger, one sweep: two at once, the same again, another wish meanwhile, a dead predecessor, clocks that jump."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest

from orchestrator import app
from orchestrator.core.model import Mode, time_text
from orchestrator.demo.faults import Fault
from orchestrator.demo.organization import BUCKET, TABLE
from orchestrator.errors import BusyError, OrganizationError, ReportLostError
from orchestrator.lambdas import handler
from orchestrator.ledger.lease import Lease, Times
from orchestrator.ledger.records import SweepSummary
from orchestrator.ports import Stores
from orchestrator.settings import Settings
from orchestrator.sweep import coordination
from orchestrator.sweep.coordination import Ended, get_sweep
from tests.support.consent import CONSENTING
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run, activate
from tests.support.lambdas import FRANKFURT, PLENTY, SWEEP_ID, Remaining, dev_accounts, stop_states, written_report
from tests.support.policies import load
from tests.support.processes import SCRIPT, until
from tests.support.suites import only_in_full
from tests.support.sweeps import DEV, DEV_RULE, Sweeps
from tests.support.time import set_time

ENFORCE = {"mode": "enforce"}
HOUR = timedelta(hours=1)
REAL_NOW = app.SYSTEM_TIME.now


def invoked(event: Mapping[str, str], request_id: str) -> dict[str, Any]:
    context = Remaining(lambda: PLENTY)
    context.aws_request_id = str(uuid5(NAMESPACE_OID, request_id))
    answer: dict[str, Any] = handler.lambda_handler(dict(event), context)
    return answer


def swept(hub: OrganizationBuilder) -> set[str]:
    """The ids of the sweeps in the ledger."""
    keys = {":pk": {"S": "SWEEPS"}}
    found = hub.client("dynamodb").query(
        TableName=TABLE, KeyConditionExpression="PK = :pk", ExpressionAttributeValues=keys
    )
    return {item["SK"]["S"] for item in found["Items"]}


@contextmanager
def at_its_first_read(hub: OrganizationBuilder, event: Mapping[str, str]) -> Iterator[Future[dict[str, Any]]]:
    """An invocation of the Lambda that waits at its first DescribeInstances until the block ends."""
    arrived, go_on = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        arrived.set()
        go_on.wait(20)

    hub.front.faults.add(Fault(operation="ec2:DescribeInstances", times=1, effect=hold))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(invoked, event, "the-first")
        try:
            assert arrived.wait(20)
            yield running
        finally:
            go_on.set()


# --- two at once ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [3, *only_in_full(20)])
def test_two_triggers_at_once_so_many_times_are_as_many_sweeps_and_not_twice_as_many(
    hub: OrganizationBuilder, times: int
) -> None:
    places = dev_accounts(hub, 1)
    told: list[str] = []
    for number in range(times):
        event = {**ENFORCE, "id": f"execution-{number}"} if number % 2 else ENFORCE
        together = threading.Barrier(2)

        def invoke(request_id: str, event: dict[str, str] = event, together: threading.Barrier = together) -> Any:
            together.wait(10)
            return invoked(event, request_id)

        with ThreadPoolExecutor(2) as pool:
            one, two = pool.map(invoke, (f"{number}-a", f"{number}-b"))
        assert one["sweep_id"] == two["sweep_id"]
        assert "complete" in {one["status"], two["status"]}
        told.append(one["sweep_id"])
    assert (len(told), swept(hub)) == (times, set(told))
    assert hub.front.calls["ec2:StopInstances"] == len(places)


def test_a_trigger_that_comes_to_its_turn_when_the_other_is_done_gets_its_answer(
    hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev_accounts(hub, 1)
    others: list[dict[str, Any]] = []
    make_hub = app.make_stores

    def after_the_other(*arguments: Any, **named: Any) -> Stores:
        monkeypatch.setattr(app, "make_stores", make_hub)
        others.append(invoked(ENFORCE, "the-faster"))
        return make_hub(*arguments, **named)

    monkeypatch.setattr(app, "make_stores", after_the_other)
    assert [invoked(ENFORCE, "the-slower")] == others
    assert swept(hub) == {others[0]["sweep_id"]}


@pytest.mark.full
@pytest.mark.parametrize("times", [1, 3])
def test_two_command_lines_at_once_are_one_sweep_and_both_say_which(
    organization: OrganizationBuilder, policy: Policy, tmp_path: Path, times: int
) -> None:
    account = organization.account("dev")
    organization.instances(account, FRANKFURT, 1, DEV)
    command = [SCRIPT, "sweep", "--mode", "enforce", "--yes", "--format", "json", "--policy", policy(DEV_RULE)]
    seen: set[str] = set()
    for number in range(times):
        processes: list[subprocess.Popen[str]] = []
        one_is_done = Fault(
            operation="ec2:DescribeInstances",
            times=1,
            effect=lambda _, processes=processes: until(lambda: any(one.poll() is not None for one in processes)),
        )
        organization.front.faults.add(one_is_done)
        processes += [
            subprocess.Popen(command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(2)
        ]
        ran = [Ran(one.returncode, *said) for one, said in [(one, one.communicate(timeout=60)) for one in processes]]
        assert [one.exit_code for one in ran] == [0, 0], ran
        [sweep_id] = {one.report["sweep_id"] for one in ran}
        assert sorted(one.report["status"] for one in ran) == ["complete", "running"]
        seen.add(sweep_id)
        assert len(list(tmp_path.glob(".stop-orchestrator/sweeps/*/*/manifest.json"))) == number + 1
    assert len(seen) == times
    assert organization.front.calls["ec2:StopInstances"] == 1


# --- the same again ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "requests"),
    [
        pytest.param({**ENFORCE, "id": "execution-1"}, ("one", "two"), id="the same id", marks=pytest.mark.full),
        pytest.param(ENFORCE, ("one", "one"), id="the same request, tried again by Lambda"),
    ],
)
def test_what_is_delivered_again_later_gets_the_same_answer_and_no_new_sweep(
    hub: OrganizationBuilder, event: dict[str, str], requests: tuple[str, str]
) -> None:
    dev_accounts(hub, 1)
    answer = invoked(event, requests[0])
    calls = hub.front.calls["sts:AssumeRole"]
    assert invoked(event, requests[1]) == answer
    assert swept(hub) == {answer["sweep_id"]}
    assert hub.front.calls["sts:AssumeRole"] == calls


@pytest.mark.full
def test_another_id_and_another_request_are_other_sweeps(hub: OrganizationBuilder) -> None:
    events = [{**ENFORCE, "id": "one"}, {**ENFORCE, "id": "two"}, ENFORCE, ENFORCE]
    answers = [invoked(event, f"request-{number}") for number, event in enumerate(events)]
    assert len({answer["sweep_id"] for answer in answers}) == len(swept(hub)) == 4


# --- another wish meanwhile -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("first_id")
def test_another_mode_while_one_runs_is_refused_with_the_id_of_the_one_that_runs(
    hub: OrganizationBuilder, run: Run
) -> None:
    dev_accounts(hub, 1)
    with at_its_first_read(hub, ENFORCE) as running:
        with pytest.raises(BusyError, match=f"{SWEEP_ID} is running"):
            invoked({"mode": "plan"}, "another")
        refused = run("plan", "--format", "json")
        same = run("sweep", "--mode", "enforce", "--yes", "--format", "json")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"{SWEEP_ID} is running by the same policy" in refused.stderr
    assert (same.exit_code, same.report) == (0, {"sweep_id": SWEEP_ID, "status": "running"})
    assert running.result()["status"] == "complete"
    assert swept(hub) == {SWEEP_ID}
    assert run("plan", "--format", "json").exit_code == 0


@pytest.mark.full
def test_a_sweep_by_another_policy_runs_beside_it(hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    dev_accounts(hub, 1)
    other = f"s3://{BUCKET}/other.yaml"
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICIES", other)
    text = "version: 1\nname: other\nregions: {include: [eu-west-1]}\n"
    hub.client("s3").put_object(Bucket=BUCKET, Key="other.yaml", Body=text)
    with at_its_first_read(hub, ENFORCE) as running:
        beside = invoked({"mode": "plan", "policy": other}, "beside")
        assert (beside["status"], running.done()) == ("complete", False)
    assert len(swept(hub)) == 2


# --- a dead predecessor -----------------------------------------------------------------------------------------------


def killed_at_its_second_stop(hub: OrganizationBuilder, event: str, folder: Path) -> None:
    """The Lambda in a process of its own that is gone while AWS carries out its second StopInstances."""
    running: list[subprocess.Popen[str]] = []
    activate(Path(os.environ["STOP_ORCHESTRATOR_POLICY"]).read_text())
    hub.front.faults.add(Fault(operation="ec2:StopInstances", times=1))
    kill = Fault(operation="ec2:StopInstances", times=1, effect=lambda _: os.kill(running[0].pid, signal.SIGKILL))
    hub.front.faults.add(kill)
    command = [sys.executable, "-m", "orchestrator.demo.lambda_process", "orchestrator.lambdas.handler.lambda_handler"]
    with subprocess.Popen(
        [*command, str(folder / "result")],
        env={**os.environ, "STOP_ORCHESTRATOR_WORKERS": "1"},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        running.append(process)
        process.communicate(event, timeout=30)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.full
def test_an_invocation_whose_predecessor_died_goes_on_with_its_sweep(
    hub: OrganizationBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch_without_waiting(monkeypatch)
    places = dev_accounts(hub, 2)
    killed_at_its_second_stop(hub, '{"mode": "enforce", "id": "execution-1"}', tmp_path)
    [dead] = swept(hub)
    its_time_is_over(hub)
    answer = invoked({**ENFORCE, "id": "execution-1"}, "the-second")
    assert (answer["sweep_id"], answer["status"]) == (dead, "complete")
    assert stop_states(written_report(hub, dead)) == dict.fromkeys(places.values(), "stopped")
    assert {place: hub.down(*place) for place in places} == {place: {one} for place, one in places.items()}
    assert hub.front.calls["ec2:StopInstances"] == len(places)
    assert invoked({**ENFORCE, "id": "execution-1"}, "the-third") == answer
    assert swept(hub) == {dead}


def its_time_is_over(hub: OrganizationBuilder) -> None:
    """The dead process's lease ran out long ago: a short one would run out while a process on a busy machine lives."""
    table, key = hub.client("dynamodb"), {"PK": {"S": "LEASE"}, "SK": {"S": "test"}}
    lease = table.get_item(TableName=TABLE, Key=key)["Item"]
    assert lease["held_until"]["S"] > app.now().isoformat()
    table.put_item(TableName=TABLE, Item={**lease, "held_until": {"S": "2026-01-01T00:00:00Z"}})


def watch_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever watches a lease sees its time go by at once; it does so for nobody else."""
    watched = [0.0]

    def sleep(seconds: float) -> None:
        watched[0] += seconds

    set_time(monkeypatch, clock=lambda: time.monotonic() + watched[0], sleep=sleep)


def begun_and_dead(sweeps: Sweeps, started_at: datetime) -> Stores:
    """A plan that is in the ledger as running since then, its lease run out."""
    hub = sweeps.hub()
    short = replace(hub.leases, times=Times(lasts=0.4))
    text = f"version: 1\nname: test\nregions: {{include: [{FRANKFURT}]}}\n{DEV_RULE}"
    at = started_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    hub.ledger.begin(SweepSummary(SWEEP_ID, "running", "plan", "test", at, policy=text))
    assert isinstance(short.take("test", SWEEP_ID, "plan"), Lease)
    record = hub.ledger.lease("test")
    assert record is not None
    until(lambda: hub.leases.has_ended(record))
    return hub


@pytest.mark.parametrize(
    ("minutes", "sweeps_in_all"), [(1, 1), (60, 2)], ids=["of this trigger", "of an older trigger"]
)
def test_a_dead_sweep_of_an_older_trigger_is_gone_on_with_and_then_the_new_one_is_begun(
    sweep: Sweeps, healthy: str, minutes: int, sweeps_in_all: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch_without_waiting(monkeypatch)
    hub = begun_and_dead(sweep, app.now() - timedelta(minutes=minutes))
    policy = load(get_sweep(hub, SWEEP_ID).policy)
    ended = coordination.sweep(hub, policy, "20261124T190000Z-0a1b2c", Mode.PLAN, CONSENTING)
    assert isinstance(ended, Ended)
    assert [one.status for one in hub.ledger.sweeps()] == ["complete"] * sweeps_in_all
    assert ended.sweep_id == hub.ledger.sweeps()[0].sweep_id


@pytest.mark.parametrize("made_up", ["a-request", *only_in_full("", "00000000-0000-0000-0000-000000000000")])
def test_a_request_id_that_lambda_did_not_make_says_nothing_of_a_repetition(
    hub: OrganizationBuilder, made_up: str
) -> None:
    dev_accounts(hub, 1)
    ids = set()
    for _ in range(2):
        context = Remaining(lambda: PLENTY)
        context.aws_request_id = made_up
        ids.add(handler.lambda_handler(dict(ENFORCE), context)["sweep_id"])
    assert swept(hub) == ids
    assert len(ids) == 2


# --- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.full
def test_a_lease_is_given_back_at_the_end_so_that_the_next_sweep_waits_for_nothing(sweep: Sweeps, healthy: str) -> None:
    for mode in (Mode.PLAN, Mode.ENFORCE, Mode.PLAN):
        assert sweep(mode=mode).exit_code == 0
        lease = sweep.hub().ledger.lease("test")
        assert lease is not None
        assert lease.held_until == ""


@pytest.mark.full
@pytest.mark.usefixtures("first_id")
@pytest.mark.parametrize(
    ("jump", "whose"),
    [
        pytest.param(HOUR, "the other's", id="forward, the other's"),
        pytest.param(-HOUR, "everybody's", id="backward, everybody's"),
        pytest.param(HOUR, "everybody's", id="forward, everybody's", marks=pytest.mark.full),
        pytest.param(-HOUR, "the other's", id="backward, the other's", marks=pytest.mark.full),
    ],
)
def test_a_clock_that_jumps_during_a_sweep_takes_nobodys_lease_away(
    hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch, jump: timedelta, whose: str
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_LEASE_SECONDS", "5")
    jumped = [timedelta(0)]

    def now() -> datetime:
        return REAL_NOW() + jumped[0]

    if whose == "everybody's":
        set_time(monkeypatch, now=now)
    places = dev_accounts(hub, 1)
    with at_its_first_read(hub, ENFORCE) as running:
        set_time(monkeypatch, now=now)
        jumped[0] = jump
        for number in range(2):
            other = invoked(ENFORCE, f"other-{number}")
            assert (other["sweep_id"], other["status"]) == (SWEEP_ID, "running")
        with pytest.raises(BusyError, match=SWEEP_ID):
            invoked({"mode": "plan"}, "another")
    assert running.result()["status"] == "complete"
    assert stop_states(written_report(hub)) == dict.fromkeys(places.values(), "stopped")
    assert swept(hub) == {SWEEP_ID}
    assert swept(hub) < {SWEEP_ID, invoked(ENFORCE, "later")["sweep_id"]}


# --- what ended without doing what it was to do


def test_a_retry_of_an_event_whose_sweep_failed_sweeps_again(hub: OrganizationBuilder) -> None:
    places = dev_accounts(hub, 1)
    hub.front.faults.add(Fault(code="ServiceException", status=400, operation="organizations:ListRoots"))
    with pytest.raises(OrganizationError):
        invoked(ENFORCE, "the-same")
    hub.front.faults.clear()
    answer = invoked(ENFORCE, "the-same")
    assert (answer["status"], answer["totals"]["stopped"]) == ("complete", len(places))
    assert invoked(ENFORCE, "the-same") == answer
    assert len(swept(hub)) == 2


# --- resuming by id


@pytest.mark.parametrize("mended", ["name: alpha", "name: renamed"])
def test_a_sweep_by_a_policy_that_an_event_named_is_not_resumed_once_its_source_has_another_text(
    hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch, mended: str
) -> None:
    dev_accounts(hub, 1)
    source, s3 = f"s3://{BUCKET}/policies/alpha.yaml", hub.client("s3")
    text = "version: 1\nname: alpha\nrules: [{name: dev, where: {tag: {Environment: dev}}}]\n"
    settings = Settings.from_env(dict(os.environ))
    ledger = app.make_stores(settings, app.make_clients(settings)).ledger
    ledger.begin(
        SweepSummary(
            SWEEP_ID,
            "running",
            "enforce",
            "alpha",
            time_text(app.now()) or "",
            policy=text,
            policy_source=source,
            standing=True,
        )
    )
    text = text.replace("name: alpha", mended).replace("Environment: dev", "Environment: none")
    s3.put_object(Bucket=BUCKET, Key="policies/alpha.yaml", Body=text.encode())
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICIES", f"s3://{BUCKET}/policies/*")
    answer = invoked({"sweep_id": SWEEP_ID}, "resume")
    assert answer["status"] == "abandoned"
    assert hub.front.calls["ec2:StopInstances"] == 0


# --- a report that was lost


def test_a_retry_of_an_event_whose_report_was_lost_resumes_its_sweep_and_begins_no_other(
    hub: OrganizationBuilder,
) -> None:
    places = dev_accounts(hub, 1)
    hub.front.faults.add(Fault(code="AccessDenied", status=403, operation="s3:*report.json"))
    with pytest.raises(ReportLostError):
        invoked(ENFORCE, "the-same")
    [sweep_id] = swept(hub)
    hub.front.faults.clear()
    answer = invoked(ENFORCE, "the-same")
    assert (answer["sweep_id"], answer["status"]) == (sweep_id, "complete")
    assert swept(hub) == {sweep_id}
    assert hub.front.calls["ec2:StopInstances"] == len(places)
    assert stop_states(written_report(hub, sweep_id)) == dict.fromkeys(places.values(), "stopped")
    assert invoked(ENFORCE, "another")["sweep_id"] != sweep_id
