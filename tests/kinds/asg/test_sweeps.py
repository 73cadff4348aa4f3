"""Groups in whole sweeps of the embedded AWS: decided, stopped, reported, explained and undone, of whatever name."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.model import Mode
from tests.kinds.asg.harness import group_of, seed
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import *  # noqa: F403 - pytest finds fixtures by their names in this file
from tests.support.fixtures import Policy, Run
from tests.support.sweeps import DEV, FRANKFURT, Sweeps, result
from tests.support.time import set_time

BOTH = "rules: [{name: dev, kinds: [ec2, asg], where: {tag: {Environment: dev}}}]\n"
ONLY = "rules: [{name: dev, kinds: [asg], where: {tag: {Environment: dev}}}]\n"
NAMES = ("web", "a#b", "team/web *", "with spaces", "x?y&z|[a]")


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    return organization.account("member")


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    set_time(monkeypatch, sleep=lambda _: None)


@pytest.fixture
def sizes(account: str) -> Callable[[str], tuple[int, int, int]]:
    def of(name: str) -> tuple[int, int, int]:
        group = group_of(account, FRANKFURT, name)
        return group.min_size, group.max_size, group.desired_capacity

    return of


def test_a_group_is_stopped_as_a_whole_and_its_instances_are_its_own(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    group = seed(organization, account, FRANKFURT, DEV, inherited=True)
    members = {one.instance.id for one in group_of(account, FRANKFURT, group).instance_states}
    swept = sweep(BOTH)
    assert {one: row["kind"] for one, row in swept.outcomes.items()} == {group: "asg"}
    assert result(swept.outcomes[group]) == ("stopping", "")
    for one in members:
        row = swept.decisions[one]
        assert (row["verdict"], row["reason_code"]) == ("keep", "stops_with_owner")
        assert row["facts"]["auto_scaling_group"] == group


def test_a_rule_without_kinds_never_stops_a_group(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, sizes: Callable[[str], Any]
) -> None:
    group = seed(organization, account, FRANKFURT, DEV)
    assert group not in sweep("rules: [{name: dev, where: {tag: {Environment: dev}}}]\n").decisions
    assert sizes(group) == (1, 4, 2)


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"stop-orchestrator:opt-out": "true"}, "exempt"),
        ({"stop-orchestrator:protected": "legal"}, "exempt"),
        ({"Environment": "prod"}, "no_rule"),
        ({"AmazonECSManaged": ""}, "owned"),
    ],
)
def test_what_opted_out_is_owned_or_has_no_rule_is_kept(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, tags: dict[str, str], code: str
) -> None:
    group = seed(organization, account, FRANKFURT, {**DEV, **tags})
    swept = sweep(ONLY)
    assert (swept.decisions[group]["verdict"], swept.decisions[group]["reason_code"]) == ("keep", code)
    assert swept.outcomes == {}


def test_the_plan_says_what_starts_it_again_and_what_it_loses(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str
) -> None:
    group = seed(organization, account, FRANKFURT, DEV)
    with organization.acting_in(account):
        client: Any = organization.client("autoscaling", FRANKFURT)
        client.put_scheduled_update_group_action(
            AutoScalingGroupName=group, ScheduledActionName="morning", Recurrence="0 7 * * *", DesiredCapacity=2
        )
    planned = run("plan", "--policy", policy(ONLY, FRANKFURT), "--format", "json")
    [row] = [one for one in planned.report["decisions"] if one["resource_id"] == group]
    assert row["verdict"] == "stop"
    assert row["reason"].endswith("Its scheduled action morning (0 7 * * *) starts it again.")
    text = " ".join(run("plan", "--policy", policy(ONLY, FRANKFURT)).stdout.split())
    assert "Auto Scaling groups (1) lose: its instances, which are terminated" in text


def test_groups_of_any_name_are_stopped_explained_listed_and_started_with_their_sizes(
    organization: OrganizationBuilder,
    run: Run,
    policy: Policy,
    account: str,
    sizes: Callable[[str], Any],
    tmp_path: Path,
) -> None:
    for name in NAMES:
        seed(organization, account, FRANKFURT, DEV, AutoScalingGroupName=name)
    path = policy(ONLY, FRANKFURT)
    swept = run("sweep", "--policy", path, "--mode", "enforce", "--yes", "--format", "json")
    assert {row["resource_id"]: row["status"] for row in swept.report["outcomes"]} == dict.fromkeys(NAMES, "stopping")
    assert {sizes(name) for name in NAMES} == {(0, 0, 0)}
    sweep_id = swept.report["sweep_id"]
    [table] = tmp_path.rglob("decisions.csv")
    with table.open(newline="") as file:
        assert {row["resource_id"] for row in csv.DictReader(file)} == set(NAMES)
    arns = {row["resource_id"]: row["arn"] for row in swept.report["decisions"]}
    for name in NAMES:
        for means in (arns[name], f"{account}/{FRANKFURT}/{name}"):
            explained = run("explain", means, "--policy", path, "--kind", "asg", "--format", "json")
            assert explained.exit_code == 0, explained.stderr
            assert json.loads(explained.stdout)["held_down_by"] == sweep_id
        told = run("history", f"{account}/{FRANKFURT}/{name}", "--kind", "asg", "--format", "json")
        assert told.exit_code == 0, told.stderr
        assert sweep_id in told.stdout
    for name in NAMES:
        run("plan", "--policy", path)  # what passes is seen once
        assert group_of(account, FRANKFURT, name).instance_states == []
    undone = run("undo", sweep_id, "--yes", "--format", "json")
    assert {row["resource_id"]: row["status"] for row in undone.report["outcomes"]} == dict.fromkeys(NAMES, "started")
    assert {sizes(name) for name in NAMES} == {(1, 4, 2)}
    for name in NAMES:
        assert not any(tag["Key"].startswith("stop-orchestrator:") for tag in group_of(account, FRANKFURT, name).tags)


def test_an_undo_keeps_a_group_that_somebody_sized_since(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str, sizes: Callable[[str], Any]
) -> None:
    names = [seed(organization, account, FRANKFURT, DEV) for _ in range(2)]
    swept = run("sweep", "--policy", policy(ONLY, FRANKFURT), "--mode", "enforce", "--yes", "--format", "json")
    run("plan", "--policy", policy(ONLY, FRANKFURT))
    group_of(account, FRANKFURT, names[0]).max_size = 7  # to be scaled by policies: it is idle
    undone = run("undo", swept.report["sweep_id"], "--yes", "--format", "json")
    assert {row["resource_id"]: row["status"] for row in undone.report["outcomes"]} == {names[1]: "started"}
    assert sizes(names[0]) == (0, 7, 0)


def test_plan_mode_reads_groups_and_stops_none(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, sizes: Callable[[str], Any]
) -> None:
    group = seed(organization, account, FRANKFURT, DEV)
    assert sweep(ONLY, Mode.PLAN).decisions[group]["verdict"] == "stop"
    assert sizes(group) == (1, 4, 2)
