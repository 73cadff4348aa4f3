"""Node groups in whole sweeps of the embedded AWS: decided, counted, stopped, reported and undone like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.model import Mode
from orchestrator.demo.faults import Fault
from tests.kinds.eks_nodegroup.harness import NONE, SIZES, group_of, seed
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import *  # noqa: F403 - pytest finds fixtures by their names in this file
from tests.support.fixtures import Run
from tests.support.sweeps import DEV, FRANKFURT, IRELAND, Sweeps, result

RULE = "rules: [{{name: dev, kinds: [ec2, eks_nodegroup], where: {{tag: {{Environment: dev}}}}{}}}]\n"
ACCEPTING, PLAIN = RULE.format(", accept: [pods]"), RULE.format("")


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    return organization.account("member")


def size(account: str, resource_id: str) -> int:
    return int(group_of(account, resource_id, FRANKFURT).scaling_config["desiredSize"])


def test_a_group_is_stopped_beside_an_instance_and_both_are_in_the_report(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    [instance] = organization.instances(account, FRANKFURT, 1, DEV)
    group = seed(organization, account, FRANKFURT, DEV)
    swept = sweep(ACCEPTING)
    assert {one: row["kind"] for one, row in swept.outcomes.items()} == {instance: "ec2", group: "eks_nodegroup"}
    assert result(swept.outcomes[group]) == ("stopping", "")
    assert size(account, group) == 0
    calls = swept.document["calls"]
    assert (calls["eks:ListClusters"], calls["eks:ListNodegroups"]) == (2, 1), "one call in a region without clusters"
    kinds = {(row["region"], row["kind"]) for row in swept.document["coverage"] if row["status"] == "scanned"}
    assert kinds == {(region, kind) for region in (FRANKFURT, IRELAND) for kind in ("ec2", "eks_nodegroup")}


def test_what_its_pods_lose_has_to_be_accepted_by_the_rule(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    group = seed(organization, account, FRANKFURT, DEV)
    swept = sweep(PLAIN)
    row = swept.decisions[group]
    assert (row["verdict"], row["losses"]) == ("keep", ["pods", "nodes_terminated"])
    assert "coredns" in row["reason"]
    assert swept.outcomes == {}
    assert size(account, group) == 3


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"tags": {"stop-orchestrator:opt-out": "true"}}, "exempt", ""),
        ({"tags": {"stop-orchestrator:protected": "legal"}}, "exempt", ""),
        ({"tags": {"k8s.io/cluster-autoscaler/enabled": "true"}}, "owned", "Cluster Autoscaler"),
        ({"status": "UPDATING"}, "not_running", ""),
        ({"status": "DEGRADED"}, "not_running", ""),
        ({"scaling_config": {"maxSize": 5, "desiredSize": 3}}, "cannot_stop", "sizes"),
        ({"scaling_config": {}}, "not_running", "size unknown"),
    ],
)
def test_what_must_not_be_stopped_is_kept_and_says_why(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, fields: dict[str, Any], code: str, words: str
) -> None:
    group = seed(organization, account, FRANKFURT, {**DEV, **fields.get("tags", {})})
    raw = group_of(account, group, FRANKFURT)
    for name, value in fields.items():
        setattr(raw, name, {**DEV, **value} if name == "tags" else value)
    if fields.get("status") == "UPDATING":  # a long one
        organization.front.faults.add(
            Fault(operation="eks:DescribeNodegroup", effect=lambda _: setattr(raw, "seen_status", "")),
        )
    swept = sweep(ACCEPTING)
    row = swept.decisions[group]
    assert row["verdict"] == "keep"
    assert (row["reason_code"], words in row["reason"]) == (code, True)
    assert swept.outcomes == {}


def test_a_group_that_was_resized_after_the_plan_is_kept(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    group = seed(organization, account, FRANKFURT, DEV)

    def resize() -> None:
        group_of(account, group, FRANKFURT).scaling_config = {**SIZES, "desiredSize": 4}

    swept = sweep(ACCEPTING, while_asked=resize)
    row = swept.decisions[group]
    assert (row["verdict"], row["reason_code"]) == ("keep", "changed")
    assert size(account, group) == 4


def test_groups_that_cannot_be_read_leave_instances_of_the_same_target_read(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    [instance] = organization.instances(account, FRANKFURT, 1, DEV)
    organization.front.faults.add(Fault("AccessDeniedException", "no", 403, operation="eks:ListClusters"))
    swept = sweep(ACCEPTING)
    by_kind = {row["kind"]: row["status"] for row in swept.document["coverage"] if row["region"] == FRANKFURT}
    assert by_kind == {"ec2": "scanned", "eks_nodegroup": "denied"}
    assert swept.outcomes[instance]["status"] == "stopped"


def test_plan_mode_reads_groups_and_stops_none(organization: OrganizationBuilder, sweep: Sweeps, account: str) -> None:
    group = seed(organization, account, FRANKFURT, DEV)
    assert sweep(ACCEPTING, Mode.PLAN).decisions[group]["verdict"] == "stop"
    assert size(account, group) == 3


def test_an_undo_gives_each_group_the_sizes_back_that_it_had_and_no_other_its_own(
    organization: OrganizationBuilder, run: Run, tmp_path: Path, account: str
) -> None:
    sizes = [{"minSize": 1, "maxSize": 9, "desiredSize": 7}, SIZES]
    groups = [seed(organization, account, FRANKFURT, DEV, scalingConfig=some) for some in sizes]
    other = seed(organization, account, FRANKFURT, DEV, scalingConfig={**SIZES, **NONE})
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"version: 1\nname: test\nregions: {{include: [{FRANKFURT}]}}\n{ACCEPTING}")
    swept = run("sweep", "--policy", str(policy), "--mode", "enforce", "--yes", "--format", "json")
    assert swept.exit_code == 0
    assert [size(account, one) for one in groups] == [0, 0]
    undone = run("undo", swept.report["sweep_id"], "--yes", "--format", "json")
    assert undone.exit_code == 0
    assert {row["resource_id"]: row["status"] for row in undone.report["outcomes"]} == dict.fromkeys(groups, "started")
    assert [group_of(account, one, FRANKFURT).scaling_config for one in groups] == sizes
    assert size(account, other) == 0


def test_a_plan_says_what_the_stops_lose_and_what_may_start_groups_again(
    organization: OrganizationBuilder, run: Run, tmp_path: Path, account: str
) -> None:
    seed(organization, account, FRANKFURT, DEV)
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"version: 1\nname: test\nregions: {{include: [{FRANKFURT}]}}\n{ACCEPTING}")
    told = " ".join(run("plan", "--policy", str(policy)).stdout.split())
    assert "its pods' place to run" in told
    assert "may be started again by Cluster Autoscaler" in told
