"""What AWS accepts to start and does not start: each undo says what was seen, and reaches what is still down."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from moto.ec2.models.instances import StateReason
from moto.rds.models import rds_backends

from orchestrator import app
from orchestrator.core.model.marks import STOPPED_AT_TAG, STOPPED_BY_TAG
from orchestrator.core.report.csv import read_rows
from orchestrator.demo.faults import Fault
from orchestrator.demo.gates import rds
from orchestrator.demo.gates.ec2_behind import BEHIND
from orchestrator.demo.gates.ec2_starts import let_fall_back, let_start
from orchestrator.ledger.ledger import Ledger
from orchestrator.local.folder_report_store import LocalReportStore
from tests.kinds.rds.harness import seed
from tests.support.command_line import Do
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.suites import only_in_full
from tests.support.sweeps import DEV, DEV_RULE, FRANKFURT, IRELAND
from tests.support.time import set_time


@dataclass
class Time:
    """The machine's, and what was slept beside it."""

    slept: float = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.slept)  # noqa: TID251 - moto has the machine's clock

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    set_time(monkeypatch, now=made.now, sleep=made.sleep)
    return made


@pytest.fixture
def stopped(time: Time, ids: list[str], do: Do, policy: Policy) -> str:
    """The id of the sweep that stopped them; a minute ago."""
    ran = do("sweep", "--mode", "enforce", "--policy", policy(DEV_RULE))
    assert ran.report["totals"]["stopped"] == len(ids)
    time.sleep(60)
    return str(ran.report["sweep_id"])


def by_id(ran: Ran) -> dict[str, dict[str, str]]:
    return {row["resource_id"]: row for row in ran.report["outcomes"]}


def marked(organization: OrganizationBuilder, account: str) -> set[str]:
    tags = {**organization.tags(account, FRANKFURT), **organization.tags(account, IRELAND)}
    return {one for one, found in tags.items() if STOPPED_BY_TAG in found}


def test_a_start_that_falls_back_failed_with_awss_reason_and_a_second_undo_starts_it(
    organization: OrganizationBuilder, account: str, ids: list[str], stopped: str, do: Do
) -> None:
    back = organization.in_memory(account, FRANKFURT, ids[0])
    let_fall_back(back)
    ran = do("undo", stopped)
    row = by_id(ran)[ids[0]]
    assert (ran.exit_code, row["status"], row["code"]) == (5, "failed", "Client.InternalError")
    assert "the instance is stopped: Client error on launch; " in row["message"]
    assert "kms:CreateGrant" in row["message"]
    assert {by_id(ran)[one]["status"] for one in ids[1:]} == {"started"}
    assert marked(organization, account) == {ids[0]}
    again = do("undo", stopped)
    assert (again.exit_code, by_id(again)[ids[0]]["status"]) == (5, "failed")
    let_start(back)
    last = do("undo", stopped)
    assert (last.exit_code, {one: row["status"] for one, row in by_id(last).items()}) == (0, {ids[0]: "started"})
    assert marked(organization, account) == set()


REASONS = {
    "Server.InsufficientHostCapacity": "There is not enough capacity on the host",
    "Client.InvalidKMSKey.InvalidState": "The KMS key provided is in an incorrect state",
    "Client.InvalidVolume.NotFound": "A volume of it does not exist",
    "Client.InstanceInitiatedShutdown": "Instance initiated shutdown",
    "Client.UserInitiatedShutdown": "User initiated shutdown",
    "Client.NewTomorrow": "",
}


def test_whatever_reason_aws_gives_for_a_start_that_fell_back_is_said_and_a_second_undo_starts_it(
    organization: OrganizationBuilder, account: str, do: Do, policy: Policy, time: Time
) -> None:
    backs = {
        one: organization.in_memory(account, FRANKFURT, one)
        for one in organization.instances(account, FRANKFURT, len(REASONS), DEV)
    }
    reasons = dict(zip(backs, REASONS.items(), strict=True))
    swept = do("sweep", "--mode", "enforce", "--policy", policy(DEV_RULE))
    assert swept.report["totals"]["stopped"] == len(backs)
    time.sleep(60)
    for one, (code, message) in reasons.items():
        let_fall_back(backs[one], code, message)
    for _ in range(2):
        ran = do("undo", swept.report["sweep_id"])
        rows = by_id(ran)
        assert (ran.exit_code, {one: rows[one]["status"] for one in rows}) == (5, dict.fromkeys(backs, "failed"))
        for one, (code, message) in reasons.items():
            assert rows[one]["code"] == code
            assert rows[one]["message"] == f"AWS accepted the start, and the instance is stopped: {message or code}"
        assert marked(organization, account) == set(backs)
    for back in backs.values():
        let_start(back)
    last = do("undo", swept.report["sweep_id"])
    assert {one: row["status"] for one, row in by_id(last).items()} == dict.fromkeys(backs, "started")
    assert last.exit_code == 0
    assert marked(organization, account) == set()


def test_a_database_that_fell_back_to_stopped_without_a_reason_failed_and_a_second_undo_starts_it(
    organization: OrganizationBuilder, account: str, do: Do, policy: Policy, time: Time
) -> None:
    name = seed(organization, account, FRANKFURT, DEV)
    back = rds_backends[account][FRANKFURT].databases[name]
    swept = do("sweep", "--mode", "enforce", "--policy", policy(DEV_RULE.replace("{name:", "{kinds: [rds], name:")))
    do("plan", "--policy", policy(DEV_RULE.replace("{name:", "{kinds: [rds], name:")))
    time.sleep(60)
    rds.let_fall_back(back)
    for _ in range(2):
        ran = do("undo", swept.report["sweep_id"])
        row = by_id(ran)[name]
        assert (ran.exit_code, row["status"], row["code"]) == (5, "failed", "StillStopped")
        assert row["message"].endswith("the DB instance is stopped: AWS does not say why")
    rds.let_start(back)
    last = do("undo", swept.report["sweep_id"])
    assert (last.exit_code, by_id(last)[name]["status"]) == (0, "started")


def test_with_the_shortest_wait_that_a_policy_may_have_what_fell_back_failed_and_a_second_undo_starts_it(
    organization: OrganizationBuilder, account: str, do: Do, policy: Policy, time: Time
) -> None:
    good, bad = organization.instances(account, FRANKFURT, 2, DEV)
    back = organization.in_memory(account, FRANKFURT, bad)
    let_fall_back(back)
    swept = do("sweep", "--mode", "enforce", "--policy", policy(f"{DEV_RULE}max_start_wait: 15s\n"))
    time.sleep(60)
    ran = do("undo", swept.report["sweep_id"])
    assert (ran.exit_code, ran.report["status"]) == (5, "incomplete")
    assert {one: row["status"] for one, row in by_id(ran).items()} == {good: "started", bad: "failed"}
    assert marked(organization, account) == {bad}
    let_start(back)
    again = do("undo", swept.report["sweep_id"])
    assert (again.exit_code, by_id(again)[bad]["status"]) == (0, "started")


def test_what_still_starts_at_the_end_is_incomplete_and_stays_within_reach_of_another_undo(
    organization: OrganizationBuilder, account: str, ids: list[str], stopped: str, do: Do, time: Time
) -> None:
    slow = organization.in_memory(account, FRANKFURT, ids[0])
    let_fall_back(slow, code="")
    asked = time.slept
    ran = do("undo", stopped)
    assert time.slept - asked == pytest.approx(60, abs=5)
    row = by_id(ran)[ids[0]]
    assert (ran.exit_code, ran.report["status"], row["status"]) == (3, "incomplete", "starting")
    assert row["message"] == "AWS accepted the start; the instance is pending"
    assert marked(organization, account) == {ids[0]}
    meanwhile = do("undo", stopped)
    kept = {row["resource_id"]: row for row in meanwhile.report["decisions"]}[ids[0]]
    assert (meanwhile.exit_code, meanwhile.report["status"], kept["reason_code"]) == (3, "incomplete", "in_transition")
    let_fall_back(slow, "Server.InsufficientInstanceCapacity", "")
    organization.described(account, FRANKFURT)  # a look, with which it falls back
    let_start(slow)
    last = do("undo", stopped)
    assert (last.exit_code, by_id(last)[ids[0]]["status"]) == (0, "started")
    assert marked(organization, account) == set()


def test_an_undo_of_what_is_still_stopping_is_incomplete_in_table_csv_history_and_exit_code(
    organization: OrganizationBuilder, account: str, ids: list[str], stopped: str, do: Do, run: Run
) -> None:
    organization.in_memory(account, FRANKFURT, ids[0])._state.name = "stopping"
    ran = do("undo", stopped)
    sweep_id = ran.report["sweep_id"]
    assert (ran.exit_code, ran.report["status"], ran.report["totals"]["started"]) == (3, "incomplete", len(ids) - 1)
    table, cells = run("report", sweep_id).stdout, run("report", sweep_id, "--format", "csv", "--part", "decisions")
    assert "undo  incomplete" in table
    assert "It is still stopping" in table
    [row] = [one for one in read_rows(cells.stdout.encode()) if one["resource_id"] == ids[0]]
    assert (row["verdict"], row["reason_code"], row["outcome"]) == ("keep", "still_stopping", "")
    summary = json.loads(run("history", "--format", "json").stdout)[0]
    assert (summary["sweep_id"], summary["status"]) == (sweep_id, "incomplete")


def test_what_is_only_starting_is_not_counted_as_started_and_the_table_says_what_was_seen(
    organization: OrganizationBuilder, account: str, ids: list[str], stopped: str, do: Do, run: Run
) -> None:
    let_fall_back(organization.in_memory(account, FRANKFURT, ids[0]), code="")
    ran = do("undo", stopped)
    totals = ran.report["totals"]
    assert (totals["started"], totals["starting"], totals["failed"]) == (len(ids) - 1, 1, 0)
    table = run("report", ran.report["sweep_id"]).stdout
    assert f"{len(ids) - 1} started, 1 starting, 0 failed" in " ".join(table.split())
    assert "Still starting" in table
    assert ids[0] in table


NOT_DELETED = {
    "denied": Fault(code="UnauthorizedOperation", message="an SCP says no", status=403),
    "throttled": Fault(code="RequestLimitExceeded", message="Request limit exceeded.", status=503),
    "a proxy's page": Fault(body="<html><body>sign in</body></html>", status=200),
}


@pytest.mark.parametrize("fault", ["a proxy's page", *only_in_full("denied", "throttled")])
def test_marks_that_cannot_be_deleted_are_told_everywhere_and_the_next_undo_deletes_them(
    organization: OrganizationBuilder, account: str, ids: list[str], stopped: str, do: Do, run: Run, fault: str
) -> None:
    refusal = replace(NOT_DELETED[fault], account=account, region=IRELAND, operation="ec2:DeleteTags")
    organization.front.faults.add(refusal)
    ran = do("undo", stopped)
    left = ids[2]
    assert (ran.exit_code, ran.report["status"], ran.report["totals"]["started"]) == (3, "incomplete", len(ids))
    assert marked(organization, account) == {left}
    assert {one: bool(row["warnings"]) for one, row in by_id(ran).items()} == {one: one == left for one in ids}
    [text] = by_id(ran)[left]["warnings"]
    assert text.startswith(f"its tags {STOPPED_BY_TAG} and {STOPPED_AT_TAG} were not deleted: ")
    assert refusal.message in text or "an HTML page, which is none of AWS's own" in text
    assert text.endswith("; undo again, or delete them yourself")
    table = run("report", ran.report["sweep_id"]).stdout
    assert "Warnings" in table
    assert left in table
    cells = run("report", ran.report["sweep_id"], "--format", "csv", "--part", "decisions").stdout
    [row] = [one for one in read_rows(cells.encode()) if one["resource_id"] == left]
    assert (row["outcome"], row["message"]) == ("started", text)
    again = do("undo", stopped)
    kept = {row["resource_id"]: row for row in again.report["decisions"]}[left]
    assert (again.exit_code, again.report["status"], kept["reason_code"]) == (3, "incomplete", "marks_left")
    assert text.removesuffix("; undo again, or delete them yourself") in kept["reason"]
    organization.front.faults.clear()
    last = do("undo", stopped)
    kept = {row["resource_id"]: row for row in last.report["decisions"]}[left]
    assert (last.exit_code, last.report["status"], kept["reason_code"]) == (0, "complete", "started_since")
    assert marked(organization, account) == set()


def test_what_came_up_after_its_undo_had_ended_loses_its_marks_in_the_next_one(
    organization: OrganizationBuilder, account: str, ids: list[str], stopped: str, do: Do
) -> None:
    slow = organization.in_memory(account, FRANKFURT, ids[0])
    let_fall_back(slow, code="")
    assert do("undo", stopped).exit_code == 3
    let_start(slow)
    slow._state.name = "running"
    last = do("undo", stopped)
    kept = {row["resource_id"]: row for row in last.report["decisions"]}[ids[0]]
    assert (last.exit_code, kept["reason_code"]) == (0, "started_since")
    assert kept["reason"].endswith("Its marks were deleted.")
    assert marked(organization, account) == set()


@pytest.mark.usefixtures("terminal")
def test_who_does_not_confirm_an_undo_leaves_old_marks_where_they_are(
    organization: OrganizationBuilder, account: str, ids: list[str], stopped: str, do: Do, run: Run
) -> None:
    slow, down = organization.in_memory(account, FRANKFURT, ids[0]), organization.in_memory(account, IRELAND, ids[2])
    let_fall_back(slow, code="")
    let_fall_back(down)
    assert do("undo", stopped).exit_code == 5
    let_start(slow)
    slow._state.name = "running"
    before = marked(organization, account)
    assert slow.id in before
    assert run("undo", stopped, typed="no\n").exit_code == 1
    assert marked(organization, account) == before


def test_what_a_person_stopped_after_an_undo_had_started_it_is_not_started_by_another_one(
    organization: OrganizationBuilder, account: str, ids: list[str], stopped: str, do: Do
) -> None:
    slow = organization.in_memory(account, FRANKFURT, ids[0])
    let_fall_back(slow, code="")
    do("undo", stopped)
    let_start(slow)
    organization.act("start_instances", account, FRANKFURT, InstanceIds=ids[:1])
    slow.launch_time += timedelta(minutes=1)  # moto's clock does not know what was slept
    organization.act("stop_instances", account, FRANKFURT, InstanceIds=ids[:1])
    last = do("undo", stopped)
    assert (last.exit_code, by_id(last)) == (0, {})
    assert ids[0] in organization.down(account, FRANKFURT)


@pytest.mark.parametrize("saw_one_fall_back", [True, *only_in_full(False)])
def test_what_was_shut_down_from_inside_after_an_undo_had_started_it_is_not_started_by_another_one(
    organization: OrganizationBuilder,
    account: str,
    ids: list[str],
    stopped: str,
    do: Do,
    *,
    saw_one_fall_back: bool,
) -> None:
    """EC2 gives no time for it."""
    slow = organization.in_memory(account, FRANKFURT, ids[0])
    if saw_one_fall_back:
        let_fall_back(slow)
        assert by_id(do("undo", stopped))[ids[0]]["status"] == "failed"
    let_fall_back(slow, code="")
    assert by_id(do("undo", stopped))[ids[0]]["status"] == "starting"
    let_start(slow)
    slow._state.name, slow._state.code = "stopped", 80
    code = "Client.InstanceInitiatedShutdown"
    slow.state_reason = StateReason(f"{code}: Instance initiated shutdown", code)
    last = do("undo", stopped)
    assert (last.exit_code, by_id(last)) == (0, {})
    assert ids[0] in organization.down(account, FRANKFURT)


class _DiedError(BaseException):
    """In place of the end of the process."""


def test_what_a_dead_undo_started_and_a_later_sweep_stopped_was_not_left_unattempted(
    organization: OrganizationBuilder,
    account: str,
    ids: list[str],
    stopped: str,
    do: Do,
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: object, **__: object) -> None:
        raise _DiedError

    minute_ago = app.SYSTEM_TIME.now() - timedelta(
        minutes=2
    )  # by EC2: no instance goes down, up and down again in one second
    for region, one in zip((FRANKFURT, FRANKFURT, IRELAND), ids, strict=True):
        stop = f"User initiated ({minute_ago:%Y-%m-%d %H:%M:%S} UTC)"
        organization.in_memory(account, region, one)._reason = stop
    with monkeypatch.context() as dying:
        dying.setattr(Ledger, "record_outcomes", die)
        dying.setattr(LocalReportStore, "put", _but_report(LocalReportStore.put, die))
        with pytest.raises(_DiedError):
            do("undo", stopped)
    assert organization.down(account, FRANKFURT) | organization.down(account, IRELAND) == set()
    died = run("history", "--format", "json").report[0]
    assert (died["mode"], died["status"]) == ("undo", "running")
    later = do("sweep", "--mode", "enforce", "--policy", policy(DEV_RULE)).report
    assert later["totals"]["stopped"] == len(ids)
    again = do("undo", stopped)
    rows = by_id(again)
    assert again.report["sweep_id"] == died["sweep_id"]
    assert set(rows) == set(ids)
    for row in rows.values():
        assert (row["status"] in {"started", "unknown"}, row["code"]) == (True, "StoppedAgain"), row
        assert f"by sweep {later['sweep_id']}" in row["message"]
    assert again.exit_code in {0, 5}
    assert do("undo", later["sweep_id"]).report["totals"]["started"] == len(ids)


def _but_report(put: Callable[..., None], die: Callable[[], None]) -> Callable[..., None]:
    def _put(store: LocalReportStore, sweep_id: str, name: str, content: bytes) -> None:
        if name == "report.json":
            die()
        put(store, sweep_id, name, content)

    return _put


@pytest.mark.parametrize("number", [0, *only_in_full(1, 2)])
def test_undo_right_after_a_sweep_reaches_everything_although_ec2_is_behind_by_up_to_ten_seconds(
    organization: OrganizationBuilder, account: str, do: Do, policy: Policy, time: Time, number: int
) -> None:
    ids = organization.instances(account, FRANKFURT, 5, DEV)
    back = organization.in_memory(account, FRANKFURT, ids[number])
    let_fall_back(back)
    time.sleep(60)
    BEHIND.seconds, BEHIND.clock = 10.0, lambda: time.now().timestamp()
    swept = do("sweep", "--mode", "enforce", "--policy", policy(DEV_RULE))
    assert {row["status"] for row in by_id(swept).values()} <= {"stopped", "stopping"}
    time.sleep(number)
    ran = do("undo", swept.report["sweep_id"])
    assert {one: row["status"] for one, row in by_id(ran).items()} == {
        one: "failed" if one == back.id else "started" for one in ids
    }
    let_start(back)
    assert {row["status"] for row in by_id(do("undo", swept.report["sweep_id"])).values()} == {"started"}
