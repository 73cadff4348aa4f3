"""`plan --estimate`: by size alone, with nothing read in a member account and nothing stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.core.decide.estimate import estimate
from orchestrator.core.model.kind import KindDescription
from orchestrator.core.model.size import Size
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run

SIZES = ("--accounts", "1000", "--regions", "17", "--resources", "27000", "--stops", "2000")


def test_an_estimate_by_options_asks_aws_nothing_and_leaves_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.app.make_clients", pytest.fail)
    ran = run("plan", "--estimate", *SIZES)
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert max(map(len, ran.stdout.splitlines())) <= 80
    assert "17,000" in ran.stdout
    assert "It fits one Lambda" in ran.stdout
    assert list(tmp_path.iterdir()) == []


def test_its_json_has_both_modes_the_prices_and_where_the_size_is_from(run: Run) -> None:
    document = json.loads(run("plan", "--estimate", *SIZES, "--format", "json").stdout)
    size = Size(1000, 17, 27_000, 2000)
    assert document["size"] == {"accounts": 1000, "regions": 17, "targets": 17_000, "resources": 27_000, "stops": 2000}
    assert document["size_from"]["regions"] == "--regions"
    for mode in ("plan", "enforce"):
        expected = estimate(size, enforce=mode == "enforce")
        assert document[mode]["calls"] == dict(expected.calls)
        assert document[mode]["seconds"] == pytest.approx(expected.seconds)
        assert document[mode]["dollars"] == pytest.approx(dict(expected.dollars))
    assert document["prices"]["region"] == "us-east-1"
    assert json.loads(run("plan", "--estimate", "--accounts", "3", "-f", "json").stdout)["enforce"] is None


def test_its_calls_are_those_of_the_policys_kinds(run: Run, policy: Policy) -> None:
    path = policy("rules: [{name: a, where: everything, kinds: [asg, redshift_cluster]}]\n")
    document = json.loads(run("plan", "--estimate", "-p", path, *SIZES, "--format", "json").stdout)
    asked = {name for name, number in document["plan"]["calls"].items() if number == 17_000}
    assert asked == {"autoscaling:DescribeAutoScalingGroups", "redshift:DescribeClusters"}


@pytest.mark.parametrize("kind", DESCRIPTIONS, ids=lambda kind: kind.name)
def test_the_call_by_which_a_kind_is_listed_is_one_that_its_role_allows(kind: KindDescription) -> None:
    assert kind.listing in kind.read_permissions


def test_sizes_without_an_estimate_are_refused_all_at_once(run: Run) -> None:
    ran = run("plan", "--accounts", "3", "--stops", "1")
    assert ran.exit_code == 2
    assert "--accounts, --stops: only with --estimate" in ran.stderr


def test_more_stops_than_resources_are_refused(run: Run) -> None:
    ran = run("plan", "--estimate", "--accounts", "1", "--resources", "3", "--stops", "4")
    assert ran.exit_code == 2
    assert "--stops 4: more than there are resources (3)" in ran.stderr


def test_the_calls_are_those_that_sweeps_make(organization: OrganizationBuilder, run: Run, policy: Policy) -> None:
    """The accounts are counted by Organizations. How tags come, whether accounts come with their paths, and which
    regions need no look, is not held here.
    """
    for name in ("one", "two"):
        account = organization.account(name, "/Dev", {})
        organization.instances(account, "eu-central-1", 2, {"Environment": "dev"})
    path = policy("rules: [{name: dev, where: {tag: {Environment: dev}}}]\n")
    asked = ("--regions", "2", "--resources", "4", "--stops", "2", "--format", "json")
    estimated = json.loads(run("plan", "--estimate", *asked).stdout)
    assert estimated["size_from"]["accounts"] == "organizations:ListAccounts"
    assert estimated["size"]["accounts"] == 2
    swept = {
        "plan": run("plan", "-p", path, "-f", "json").report["calls"],
        "enforce": run("sweep", "--mode", "enforce", "--yes", "-p", path, "-f", "json").report["calls"],
    }
    not_held = {
        "organizations:ListAccounts",
        "tag:GetResources",
        "organizations:ListTagsForResource",
        "ec2:DescribeRegions",
    }
    for mode, calls in swept.items():
        for name in estimated[mode]["calls"].keys() - not_held:
            assert calls[name] == estimated[mode]["calls"][name], (mode, name)
        assert calls.get("ec2:DescribeRegions", 0) <= estimated[mode]["calls"]["ec2:DescribeRegions"]
