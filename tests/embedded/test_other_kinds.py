"""Every kind in one organization, seeded and checked from outside: exactly what the policy says, and back again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from orchestrator.demo.faults import Fault
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.other_kinds import EVERY_KIND, KINDS, MARKS, REGIONS, Facts, Key, Watched, assert_down, seed, sized
from tests.support.sweeps import DEV
from tests.support.time import set_time

ENFORCE = ("sweep", "--mode", "enforce", "--yes", "--format", "json", "--policy")


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    set_time(monkeypatch, sleep=lambda _: None)


@pytest.fixture
def watched(organization: OrganizationBuilder) -> Watched:
    """Two accounts."""
    return Watched(organization, [organization.account(name) for name in ("dev-a", "dev-b")])


@pytest.fixture
def wanted(watched: Watched) -> set[Key]:
    """One of each kind in each account and region, of sizes of its own."""
    places = [(account, region) for account in watched.accounts for region in REGIONS]
    return {
        seed(watched.organization, account, region, kind, **sized(number).get(kind, {}))
        for number, (account, region) in enumerate(places)
        for kind in KINDS
    }


def changed(before: dict[Key, Facts], after: dict[Key, Facts]) -> dict[Key, Facts]:
    """What is new of what is other than it was; tags apart."""
    assert before.keys() == after.keys()
    found = {
        key: {name: value for name, value in facts.items() if name != "tags" and value != before[key][name]}
        for key, facts in after.items()
    }
    return {key: facts for key, facts in found.items() if facts}


def marked(found: dict[Key, Facts]) -> set[Key]:
    return {key for key, facts in found.items() if MARKS & facts["tags"].keys()}


def rows(ran: Ran, of: str = "outcomes") -> dict[Key, Any]:
    return {(row["account_id"], row["region"], row["kind"], row["resource_id"]): row for row in ran.report[of]}


@pytest.fixture
def one_of_each(watched: Watched) -> set[Key]:
    """In one account and region alone."""
    account = next(iter(watched.accounts))
    return {seed(watched.organization, account, REGIONS[0], kind, **sized(3).get(kind, {})) for kind in KINDS}


def test_one_of_each_kind_is_stopped_and_an_undo_gives_back_all_of_it_databases_first(
    watched: Watched, one_of_each: set[Key], run: Run, policy: Policy
) -> None:
    before = watched.everything()
    calls = watched.organization.front.calls
    swept = run(*ENFORCE, policy(EVERY_KIND, REGIONS[0]))
    after = watched.everything()
    assert (rows(swept).keys(), swept.exit_code) == (one_of_each, 0)
    assert changed(before, after).keys() == one_of_each == marked(after)
    assert_down(after, one_of_each)
    assert in_two(calls, _STOP_DATABASES) == (_STOP_OTHERS, _STOP_DATABASES)
    calls.clear()
    undone = run("undo", swept.report["sweep_id"], "--yes", "--format", "json")
    assert (rows(undone).keys(), undone.exit_code) == (one_of_each, 0)
    assert watched.everything() == before
    assert in_two(calls, _START_OTHERS) == (_START_DATABASES, _START_OTHERS)


_RESIZE = {"autoscaling:UpdateAutoScalingGroup", "ecs:UpdateService", "eks:UpdateNodegroupConfig"}
_STOP_OTHERS = {"ec2:StopInstances", "sagemaker:StopNotebookInstance", *_RESIZE}
_STOP_DATABASES = {"rds:StopDBInstance", "rds:StopDBCluster", "redshift:PauseCluster"}
_START_OTHERS = {"ec2:StartInstances", "sagemaker:StartNotebookInstance", *_RESIZE}
_START_DATABASES = {"rds:StartDBInstance", "rds:StartDBCluster", "redshift:ResumeCluster"}
_ACT = _STOP_OTHERS | _STOP_DATABASES | _START_OTHERS | _START_DATABASES


def in_two(calls: Iterable[str], later: set[str]) -> tuple[set[str], set[str]]:
    """Of the calls that acted, in the order in which each was made first: so many as `later` has, and those before."""
    acted = [call for call in calls if call in _ACT]
    return set(acted[: -len(later)]), set(acted[-len(later) :])


def test_databases_that_may_not_be_read_in_one_account_leave_the_rest_of_it_stopped_and_are_named(
    watched: Watched, run: Run, policy: Policy
) -> None:
    bad, good = watched.accounts
    kinds = ("ec2", "asg", "rds", "rds_cluster")
    keys = {seed(watched.organization, account, REGIONS[0], kind) for account in (bad, good) for kind in kinds}
    denied = {key for key in keys if key[0] == bad and key[2] in ("rds", "rds_cluster")}
    watched.organization.front.faults.add(Fault("AccessDenied", "no", 403, account=bad, operation="rds:*"))
    swept = run(*ENFORCE, policy(EVERY_KIND, REGIONS[0]))
    watched.organization.front.faults.clear()
    assert swept.exit_code == 3
    assert rows(swept).keys() == keys - denied
    assert_down(watched.everything(), keys - denied)
    statuses = {(row["account_id"], row["kind"]): row["status"] for row in swept.report["coverage"]}
    assert {key for key, status in statuses.items() if status == "denied"} == {(bad, "rds"), (bad, "rds_cluster")}


@pytest.mark.full  # tests/sweep/test_members.py has it of a made-up kind
def test_a_group_whose_instances_may_not_be_read_is_kept_since_one_of_them_may_be_opted_out(
    watched: Watched, run: Run, policy: Policy
) -> None:
    bad, _ = watched.accounts
    keys = {seed(watched.organization, bad, REGIONS[0], kind) for kind in ("asg", "ecs_service", "rds")}
    watched.organization.front.faults.add(
        Fault("UnauthorizedOperation", "no", 403, account=bad, operation="ec2:DescribeInstances")
    )
    swept = run(*ENFORCE, policy(EVERY_KIND, REGIONS[0]))
    assert swept.exit_code == 3
    [kept] = keys - rows(swept).keys()
    assert kept[2] == "asg"
    assert "what belongs to it may be opted out, and cannot be listed" in rows(swept, "decisions")[kept]["reason"]


@pytest.mark.full
def test_what_the_policy_says_is_stopped_and_nothing_else_and_an_undo_gives_back_all_of_it(
    watched: Watched, wanted: set[Key], run: Run, policy: Policy
) -> None:
    account = next(iter(watched.accounts))
    for kind in KINDS:
        for tags in (
            {"Environment": "production"},
            {},
            {**DEV, "stop-orchestrator:opt-out": "true"},
            {**DEV, "stop-orchestrator:opt-out": "2999-12-31"},
            {**DEV, "stop-orchestrator:protected": "legal"},
            {**DEV, "stop-orchestrator:OptOut": "no"},
        ):
            seed(watched.organization, account, REGIONS[0], kind, tags)
    before = watched.everything()
    path = policy(EVERY_KIND)
    planned = run("plan", "--policy", path, "--format", "json")
    assert {key for key, row in rows(planned, "decisions").items() if row["verdict"] == "stop"} == wanted
    assert watched.everything() == before

    swept = run(*ENFORCE, path)
    after = watched.everything()
    assert swept.exit_code == 0
    assert rows(swept).keys() == wanted
    assert changed(before, after).keys() == wanted == marked(after)
    assert_down(after, wanted)

    undone = run("undo", swept.report["sweep_id"], "--yes", "--format", "json")
    assert {key: row["status"] for key, row in rows(undone).items()} == dict.fromkeys(wanted, "started")
    assert undone.exit_code == 0
    assert watched.everything() == before
