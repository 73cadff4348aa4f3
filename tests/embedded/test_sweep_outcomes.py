"""What is said of a stop is what was seen of it: lost answers, tags, and others who act at the same time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from orchestrator import app
from orchestrator.demo.calls import Call
from orchestrator.demo.faults import Fault
from tests.support.embedded import OrganizationBuilder
from tests.support.suites import only_in_full
from tests.support.sweeps import DEV, FRANKFURT, Sweeps, result
from tests.support.time import set_time

STOP, DESCRIBE, TAG = "ec2:StopInstances", "ec2:DescribeInstances", "ec2:CreateTags"
BY_TAG, AT_TAG = "stop-orchestrator:stopped-by", "stop-orchestrator:stopped-at"


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    return organization.account("dev")


@pytest.mark.parametrize(
    "lost", [Fault(hangs_up=True), Fault(body="<html/>", status=200), Fault("InternalError", status=500)]
)
def test_a_stop_whose_answer_is_lost_is_seen_claimed_and_not_asked_for_again(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, lost: Fault
) -> None:
    [one] = organization.instances(account, FRANKFURT, 1, DEV)
    lost.operation, lost.times, lost.carried_out = STOP, 1, True
    organization.front.faults.add(lost)
    swept = sweep()
    assert lost.times == 0
    assert result(swept.outcomes[one]) == ("stopped", "")
    assert organization.tags(account, FRANKFURT)[one][BY_TAG] == swept.sweep_id
    assert swept.document["calls"][STOP] == 1
    assert swept.exit_code == 0


def test_a_lost_answer_and_a_blind_look_afterwards_still_leave_the_stop_ours(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    [one] = organization.instances(account, FRANKFURT, 1, DEV)

    def blinded(_: Call) -> None:
        organization.front.faults.add(Fault("UnauthorizedOperation", status=403, operation=DESCRIBE, times=1))

    lost = Fault(hangs_up=True, operation=STOP, times=1, carried_out=True, effect=blinded)
    organization.front.faults.add(lost)
    swept = sweep()
    assert result(swept.outcomes[one]) == ("stopped", "")
    assert swept.document["calls"][STOP] == 2
    assert organization.tags(account, FRANKFURT)[one][BY_TAG] == swept.sweep_id


@pytest.mark.full
def test_a_session_that_breaks_between_two_batches_does_not_hide_what_was_stopped_before(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    organization.instances(account, FRANKFURT, 51, DEV)

    def closed(_: Call) -> None:
        organization.front.faults.add(Fault(body="<html/>", status=200, operation="sts:AssumeRole"))

    organization.front.faults.add(Fault(operation=STOP, times=1))
    organization.front.faults.add(Fault("ExpiredToken", status=403, operation=STOP, effect=closed))
    swept = sweep()
    assert sorted(row["status"] for row in swept.outcomes.values()) == ["stopping"] * 50 + ["unknown"]
    assert len(organization.down(account, FRANKFURT)) == 50
    stopping = [row for row in swept.outcomes.values() if row["status"] == "stopping"]
    assert all("could not be looked at afterwards" in row["message"] for row in stopping)
    assert swept.exit_code == 5


# --- tags, and what was seen ------------------------------------------------------------------------------------------


def test_what_was_stopped_carries_the_sweep_and_the_time_and_nothing_else_does(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    [one] = organization.instances(account, FRANKFURT, 1, DEV)
    [kept] = organization.instances(account, FRANKFURT, 1, {"Environment": "production"})
    began = app.now().replace(microsecond=0)
    swept = sweep()
    tags = organization.tags(account, FRANKFURT)[one]
    assert tags.pop(BY_TAG) == swept.sweep_id
    assert began <= datetime.fromisoformat(tags.pop(AT_TAG)) <= app.now()
    assert tags == DEV
    assert organization.tags(account, FRANKFURT)[kept] == {"Environment": "production"}


def test_what_cannot_be_marked_is_not_stopped(organization: OrganizationBuilder, sweep: Sweeps, account: str) -> None:
    [one] = organization.instances(account, FRANKFURT, 1, DEV)
    organization.front.faults.add(Fault("UnauthorizedOperation", "no ec2:CreateTags", 403, operation=TAG))
    swept = sweep()
    assert result(swept.outcomes[one]) == ("failed", "CannotMark")
    assert "UnauthorizedOperation: no ec2:CreateTags" in swept.outcomes[one]["message"]
    assert organization.down(account, FRANKFURT) == set()
    assert swept.exit_code == 5


def test_what_a_proxy_says_to_its_marks_is_no_mark_so_it_is_not_stopped(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    [one] = organization.instances(account, FRANKFURT, 1, DEV)
    organization.front.faults.add(Fault(body="<html><body>sign in</body></html>", status=200, operation=TAG))
    swept = sweep()
    assert result(swept.outcomes[one]) == ("failed", "CannotMark")
    assert "an HTML page, which is none of AWS's own" in swept.outcomes[one]["message"]
    assert (organization.down(account, FRANKFURT), swept.exit_code) == (set(), 5)


@pytest.mark.parametrize(
    ("operation", "code"), [("start_instances", "StillRunning"), ("terminate_instances", "Terminated")]
)
def test_an_outcome_says_what_was_seen_and_not_what_aws_promised(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, operation: str, code: str
) -> None:
    ids = organization.instances(account, FRANKFURT, 2, DEV)

    def interfere(_: Call) -> None:
        if organization.in_memory(account, FRANKFURT, ids[0]).state == "stopped":
            organization.act(operation, account, FRANKFURT, InstanceIds=ids[:1])
            organization.in_memory(account, FRANKFURT, ids[0]).launch_time += timedelta(minutes=1)

    organization.front.faults.add(Fault(operation=DESCRIBE, effect=interfere))
    swept = sweep()
    assert [result(swept.outcomes[one]) for one in ids] == [("failed", code), ("stopped", "")]
    assert all(row["requested_at"] and row["verified_at"] for row in swept.outcomes.values())
    assert swept.exit_code == 5


@pytest.mark.parametrize("in_bad_company", [True, *only_in_full(False)])
def test_what_someone_else_stopped_meanwhile_is_not_claimed(
    organization: OrganizationBuilder,
    sweep: Sweeps,
    account: str,
    in_bad_company: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = organization.instances(account, FRANKFURT, 2, DEV)
    now = app.SYSTEM_TIME.now
    set_time(monkeypatch, now=lambda: now() + timedelta(minutes=1))  # EC2's clock is a minute behind
    if in_bad_company:
        organization.front.faults.add(Fault("AccessDenied", f"not {other}", 403, operation=STOP, instance=other))
    swept = sweep(before_stops=lambda: organization.act("stop_instances", account, FRANKFURT, InstanceIds=[one]))
    assert swept.outcomes[one]["status"] == "already_stopped"
    assert BY_TAG not in organization.tags(account, FRANKFURT)[one]
    assert swept.outcomes[other]["status"] == ("failed" if in_bad_company else "stopped")
