"""Undo on the command line: exactly what a sweep stopped is started, unless somebody touched it since."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator import app
from orchestrator.core.model.marks import MARKS
from orchestrator.demo.calls import Call
from orchestrator.demo.faults import Fault
from orchestrator.ledger.ledger import Ledger
from orchestrator.local.sqlite_items import SqliteItems
from tests.support.command_line import Do
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran
from tests.support.processes import until
from tests.support.suites import only_in_full
from tests.support.sweeps import DEV, DEV_RULE, FRANKFURT, IRELAND
from tests.support.time import set_time

NO_CAPACITY = "InsufficientInstanceCapacity"


@pytest.fixture
def stopped(ids: list[str], do: Do, policy: Policy) -> str:
    """The id of the sweep that stopped them."""
    ran = do("sweep", "--mode", "enforce", "--policy", policy(DEV_RULE))
    assert ran.report["totals"]["stopped"] == len(ids)
    return str(ran.report["sweep_id"])


def down(organization: OrganizationBuilder, account: str) -> set[str]:
    return organization.down(account, FRANKFURT) | organization.down(account, IRELAND)


def reasons(ran: Ran) -> dict[str, tuple[str, str]]:
    return {row["resource_id"]: (row["verdict"], row["reason"]) for row in ran.report["decisions"]}


def test_undo_starts_everything_again_and_leaves_no_tags_of_the_sweep(
    organization: OrganizationBuilder, account: str, ids: list[str], stopped: str, do: Do
) -> None:
    assert down(organization, account) == set(ids)
    ran = do("undo", stopped)
    assert (ran.exit_code, ran.report["mode"], ran.report["source_sweep_id"]) == (0, "undo", stopped)
    assert (ran.report["totals"]["started"], down(organization, account)) == (3, set())
    for region in (FRANKFURT, IRELAND):
        assert all(tags == DEV for tags in organization.tags(account, region).values())
    again = do("undo", stopped)
    assert (again.exit_code, again.report["totals"]["started"]) == (0, 0)
    assert {verdict for verdict, _ in reasons(again).values()} == {"keep"}


def test_undo_keeps_what_people_changed_each_with_its_reason(
    organization: OrganizationBuilder, account: str, do: Do, policy: Policy
) -> None:
    names = ("untouched", "started", "stopped again", "another tag", "terminated", "forgotten")
    by_name = dict(zip(names, organization.instances(account, FRANKFURT, len(names), DEV), strict=True))
    sweep_id = do("sweep", "--mode", "enforce", "--policy", policy(DEV_RULE)).report["sweep_id"]
    asked = time.time()
    until(lambda: int(time.time()) > asked)  # EC2's times have whole seconds

    def act(operation: str, name: str) -> None:
        organization.act(operation, account, FRANKFURT, InstanceIds=[by_name[name]])

    for operation, name in (
        ("start_instances", "started"),
        ("start_instances", "stopped again"),
        ("stop_instances", "stopped again"),
        ("terminate_instances", "terminated"),
        ("terminate_instances", "forgotten"),
    ):
        act(operation, name)
    organization.forget(account, FRANKFURT, by_name["forgotten"])
    key = "stop-orchestrator:stopped-by"
    change: dict[str, Any] = {"Resources": [by_name["another tag"]], "Tags": [{"Key": key, "Value": "me"}]}
    organization.act("create_tags", account, FRANKFURT, **change)
    ran = do("undo", sweep_id)
    said = {name: reasons(ran)[one] for name, one in by_name.items()}
    assert said.pop("untouched") == ("start", f"Sweep {sweep_id} stopped it and nobody touched it since.")
    again = said.pop("stopped again")
    assert again[1].startswith("It was started at ")
    assert again[1].endswith("after this sweep stopped it, and stopped again.")
    assert said == {
        "started": ("keep", "It is running: somebody started it since. Its marks were deleted."),
        "another tag": ("keep", f"Its tag {key} names 'me', not this sweep."),
        "terminated": ("keep", "It is terminated: it is gone."),
        "forgotten": ("keep", "It is gone."),
    }
    assert (ran.exit_code, ran.report["totals"]["started"]) == (0, 1)
    assert organization.down(account, FRANKFURT) == {by_name[name] for name in ("stopped again", "another tag")}


def lose_marks(organization: OrganizationBuilder, account: str, region: str, ids: Sequence[str]) -> None:
    """Somebody removes both marks."""
    organization.act("delete_tags", account, region, Resources=[*ids], Tags=[{"Key": key} for key in MARKS])


def fill_up(organization: OrganizationBuilder, account: str, region: str, ids: Sequence[str], count: int = 50) -> None:
    """Up to that many tags each."""
    for one in ids:
        there = organization.tags(account, region)[one]
        more = [{"Key": f"filler-{number}", "Value": ""} for number in range(count - len(there))]
        organization.act("create_tags", account, region, Resources=[one], Tags=more)


def test_undo_marks_again_what_lost_its_marks_and_starts_it(
    organization: OrganizationBuilder, account: str, ids: list[str], stopped: str, do: Do
) -> None:
    calls: list[Call] = []
    lose_marks(organization, account, FRANKFURT, ids[:2])
    for operation in ("ec2:CreateTags", "ec2:StartInstances"):
        organization.front.faults.add(Fault(operation=operation, region=FRANKFURT, effect=calls.append))
    ran = do("undo", stopped)
    assert (ran.exit_code, ran.report["totals"]["started"], down(organization, account)) == (0, 3, set())
    assert [call.action for call in calls] == ["CreateTags", "StartInstances"]
    assert stopped in calls[0].body.decode()
    assert {reason for _, reason in reasons(ran).values()} == {
        f"Sweep {stopped} stopped it and nobody touched it since.",
        f"Sweep {stopped} stopped it and nobody touched it since, but for its mark.",
    }
    for region in (FRANKFURT, IRELAND):
        assert all(tags == DEV for tags in organization.tags(account, region).values())


@pytest.mark.full
def test_undo_marks_again_what_lost_its_marks_only_after_it_was_planned(
    organization: OrganizationBuilder, account: str, ids: list[str], stopped: str, do: Do
) -> None:
    def lose_them(_: Call) -> None:
        lose_marks(organization, account, FRANKFURT, ids[:1])

    looks = Fault(operation="ec2:DescribeInstances", region=FRANKFURT, times=2)
    looks.effect = lambda call: lose_them(call) if looks.times == 1 else None  # before the second look
    organization.front.faults.add(looks)
    ran = do("undo", stopped)
    assert (ran.exit_code, ran.report["totals"]["started"], down(organization, account)) == (0, 3, set())
    assert ran.report["calls"]["ec2:CreateTags"] == 1
    assert all(tags == DEV for tags in organization.tags(account, FRANKFURT).values())


def test_an_undo_that_died_after_it_had_marked_again_is_done_by_the_next_one(
    organization: OrganizationBuilder, account: str, ids: list[str], stopped: str, do: Do
) -> None:
    lose_marks(organization, account, FRANKFURT, ids[:2])
    organization.front.faults.add(Fault("InternalError", operation="ec2:StartInstances", region=FRANKFURT))
    assert do("undo", stopped).exit_code == 5
    assert {tags[MARKS[0]] for tags in organization.tags(account, FRANKFURT).values()} == {stopped}
    organization.front.faults.clear()
    assert (do("undo", stopped).exit_code, down(organization, account)) == (0, set())


def test_undo_reaches_what_has_no_room_for_a_tag(
    organization: OrganizationBuilder, account: str, ids: list[str], stopped: str, do: Do
) -> None:
    fill_up(organization, account, FRANKFURT, ids[:1])
    lose_marks(organization, account, FRANKFURT, ids[1:2])
    fill_up(organization, account, FRANKFURT, ids[1:2])
    ran = do("undo", stopped)
    assert (ran.exit_code, ran.report["totals"]["started"], down(organization, account)) == (0, 3, set())


def test_a_mark_alone_starts_nothing(
    organization: OrganizationBuilder, account: str, ids: list[str], do: Do, policy: Policy
) -> None:
    """Its stop was refused and its marks could not be taken back; then somebody else stops it."""
    [refused] = organization.instances(account, FRANKFURT, 1, DEV)
    organization.front.faults.add(Fault("SomethingNew", operation="ec2:StopInstances", instance=refused))
    organization.front.faults.add(Fault("SomethingNew", operation="ec2:DeleteTags", instance=refused))
    ran = do("sweep", "--mode", "enforce", "--policy", policy(DEV_RULE))
    organization.front.faults.clear()
    sweep_id = ran.report["sweep_id"]
    assert (ran.exit_code, organization.tags(account, FRANKFURT)[refused][MARKS[0]]) == (5, sweep_id)
    [warnings] = [row["warnings"] for row in ran.report["outcomes"] if row["resource_id"] == refused]
    assert [one.partition(" not deleted: ")[2] for one in warnings] == ["SomethingNew: injected; delete them yourself"]
    organization.act("stop_instances", account, FRANKFURT, InstanceIds=[refused])
    undone = do("undo", sweep_id)
    assert (undone.exit_code, undone.report["totals"]["started"]) == (0, len(ids))
    assert down(organization, account) == {refused}


@pytest.mark.parametrize(
    ("options", "started"),
    [
        (lambda _, ids: ("--resource", ids[0], "--resource", ids[2]), {0, 2}),
        *only_in_full(
            (lambda _, __: ("--region", IRELAND), {2}),
            (lambda account, _: ("--account", account, "--region", FRANKFURT), {0, 1}),
        ),
    ],
)
def test_a_part_of_a_sweep_can_be_undone_and_the_rest_later(
    organization: OrganizationBuilder,
    account: str,
    ids: list[str],
    stopped: str,
    do: Do,
    options: Callable[[str, list[str]], tuple[str, ...]],
    started: set[int],
) -> None:
    assert do("undo", stopped, *options(account, ids)).report["totals"]["started"] == len(started)
    assert down(organization, account) == {one for number, one in enumerate(ids) if number not in started}
    assert do("undo", stopped).report["totals"]["started"] == len(ids) - len(started)
    assert down(organization, account) == set()


def test_a_part_in_which_nothing_was_stopped_is_refused(
    organization: OrganizationBuilder, stopped: str, do: Do
) -> None:
    ran = do("undo", stopped, "--account", "111122223333")
    assert ran.exit_code == 2
    assert f"{stopped} stopped nothing of what is asked for here (accounts 111122223333)" in " ".join(
        ran.stderr.split()
    )
    assert organization.front.calls["ec2:StartInstances"] == 0


@pytest.mark.parametrize("limit", ["max_stops", "min_coverage_percent"])
def test_a_guardrail_holds_an_undo_too(
    organization: OrganizationBuilder,
    account: str,
    ids: list[str],
    do: Do,
    policy: Policy,
    limit: str,
) -> None:
    limits = "guardrails: {min_coverage_percent: 80}\n"
    sweep_id = do("sweep", "--mode", "enforce", "--policy", policy(DEV_RULE + limits)).report["sweep_id"]
    if limit == "max_stops":  # a sweep stops no more than its own policy lets an undo start
        ledger = Ledger(SqliteItems(Path(".stop-orchestrator")), app.now)
        text = f"version: 1\nname: test\n{DEV_RULE}guardrails: {{max_stops: 2}}\n"
        ledger.amend(sweep_id, policy=text)
    else:
        organization.front.faults.add(Fault("UnauthorizedOperation", region=IRELAND, operation="ec2:DescribeInstances"))
    ran = do("undo", sweep_id)
    organization.front.faults.clear()
    assert (ran.exit_code, ran.report["status"]) == (4, "held")
    assert {row["status"] for row in ran.report["outcomes"]} == {"held"}
    assert [row["name"] for row in ran.report["guardrails"] if not row["passed"]] == [
        limit.replace("max_stops", "max_starts")
    ]
    assert organization.front.calls["ec2:StartInstances"] == 0
    assert down(organization, account) == set(ids)


def test_no_capacity_is_tried_again_and_then_started_or_reported(
    organization: OrganizationBuilder,
    account: str,
    ids: list[str],
    stopped: str,
    do: Do,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    set_time(monkeypatch, sleep=slept.append)
    no_capacity = Fault(NO_CAPACITY, "no more of these here", 500, region=FRANKFURT, operation="ec2:StartInstances")
    organization.front.faults.add(no_capacity)
    ran = do("undo", stopped)
    assert (ran.exit_code, ran.report["status"]) == (5, "incomplete")
    failed = [row for row in ran.report["outcomes"] if row["status"] == "failed"]
    assert {row["resource_id"] for row in failed} == set(ids[:2])
    assert {(row["code"], row["message"]) for row in failed} == {(NO_CAPACITY, "no more of these here")}
    assert slept
    assert down(organization, account) == set(ids[:2])
    organization.front.faults.clear()
    organization.front.faults.add(replace(no_capacity, times=1))
    assert do("undo", stopped).exit_code == 0
    assert down(organization, account) == set()
