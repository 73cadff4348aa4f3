"""Services in whole sweeps of the embedded AWS: decided, stopped, reported and undone like any other, flags and all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from moto.applicationautoscaling.models import applicationautoscaling_backends

from orchestrator.demo.faults import Fault
from orchestrator.kinds.ecs_service.describe import DIMENSION
from tests.kinds.ecs_service.harness import ALL_SUSPENDED, NOT_SUSPENDED, flags_in, seed, service_of
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import *  # noqa: F403 - pytest finds fixtures by their names in this file
from tests.support.fixtures import Ran, Run
from tests.support.sweeps import DEV, FRANKFURT, Sweeps, result

SERVICES = "rules: [{name: dev, kinds: [ecs_service], where: {tag: {Environment: dev}}}]\n"
POLICY = f"version: 1\nname: test\nregions: {{include: [{FRANKFURT}]}}\n"
IN_PART = {**NOT_SUSPENDED, "DynamicScalingOutSuspended": True}


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    return organization.account("member")


@pytest.fixture
def stop(run: Run, tmp_path: Path) -> Any:
    def sweep_by(rules: str = SERVICES) -> Ran:
        (tmp_path / "policy.yaml").write_text(POLICY + rules)
        return run("sweep", "--policy", "policy.yaml", "--mode", "enforce", "--yes", "--format", "json")

    return sweep_by


def settled(organization: OrganizationBuilder, account: str, resource_id: str) -> tuple[int, int]:
    """Its desired and its running count, a look later."""
    cluster, _, name = resource_id.partition("/")
    with organization.acting_in(account):
        for _ in range(2):
            asked = {"cluster": cluster, "services": [name]}
            [raw] = organization.client("ecs", FRANKFURT).describe_services(**asked)["services"]
    return raw["desiredCount"], raw["runningCount"]


def set_count(organization: OrganizationBuilder, account: str, resource_id: str, count: int) -> None:
    """A person does."""
    cluster, _, name = resource_id.partition("/")
    with organization.acting_in(account):
        organization.client("ecs", FRANKFURT).update_service(cluster=cluster, service=name, desiredCount=count)


def test_services_are_stopped_beside_instances_in_the_same_sweep(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    [instance] = organization.instances(account, FRANKFURT, 1, DEV)
    service = seed(organization, account, FRANKFURT, DEV)
    swept = sweep(SERVICES.replace("[ecs_service]", "[ec2, ecs_service]"))
    assert {one: row["kind"] for one, row in swept.outcomes.items()} == {instance: "ec2", service: "ecs_service"}
    assert result(swept.outcomes[service]) == ("stopping", "")
    assert swept.decisions[service]["facts"]["cluster"] == "apps"
    assert settled(organization, account, service) == (0, 0)


@pytest.mark.parametrize(
    "tags", [{"stop-orchestrator:opt-out": "true"}, {"stop-orchestrator:protected": ""}, {"Environment": "prod"}]
)
def test_what_opted_out_is_protected_or_has_no_rule_is_kept(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, tags: dict[str, str]
) -> None:
    service = seed(organization, account, FRANKFURT, {**DEV, **tags})
    swept = sweep(SERVICES)
    assert (swept.decisions[service]["verdict"], swept.outcomes) == ("keep", {})
    assert settled(organization, account, service) == (2, 2)


def test_a_roll_out_and_a_daemon_are_kept_and_say_why(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    rolling, daemon = (
        seed(organization, account, FRANKFURT, DEV),
        seed(organization, account, FRANKFURT, DEV, flags=None, schedulingStrategy="DAEMON"),
    )
    service_of(account, rolling, FRANKFURT).deployments[0]["rolloutState"] = "IN_PROGRESS"
    decisions = sweep(SERVICES).decisions
    assert {(row["verdict"], row["reason_code"]) for row in decisions.values()} == {("keep", "cannot_stop")}
    assert "a roll-out runs" in decisions[rolling]["reason"]
    assert "It is a daemon" in decisions[daemon]["reason"]


def test_services_that_cannot_be_read_leave_instances_of_the_same_target_read(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    [instance] = organization.instances(account, FRANKFURT, 1, DEV)
    organization.front.faults.add(Fault("AccessDeniedException", "no", 400, operation="ecs:ListClusters"))
    swept = sweep(SERVICES.replace("[ecs_service]", "[ec2, ecs_service]"))
    by_kind = {row["kind"]: row["status"] for row in swept.document["coverage"] if row["region"] == FRANKFURT}
    assert by_kind == {"ec2": "scanned", "ecs_service": "denied"}
    assert swept.outcomes[instance]["status"] == "stopped"


def test_an_undo_gives_back_exactly_the_counts_and_the_flags(
    organization: OrganizationBuilder, stop: Any, run: Run, account: str
) -> None:
    counts = {seed(organization, account, FRANKFURT, DEV, desired=count, flags=IN_PART): count for count in (1, 3, 4)}
    plain = seed(organization, account, FRANKFURT, DEV, desired=7, flags=None)
    other = seed(organization, account, FRANKFURT, {"Environment": "prod"}, desired=0, flags=None)
    stopped = stop()
    assert stopped.exit_code == 0
    assert {settled(organization, account, one) for one in (*counts, plain)} == {(0, 0)}
    assert [flags_in(account, one, FRANKFURT) for one in counts] == [ALL_SUSPENDED] * 3
    undone = run("undo", stopped.report["sweep_id"], "--yes", "--format", "json")
    assert undone.exit_code == 0
    assert {row["resource_id"]: row["status"] for row in undone.report["outcomes"]} == dict.fromkeys(
        (*counts, plain), "started"
    )
    expected = {**counts, plain: 7, other: 0}
    assert {one: settled(organization, account, one) for one in expected} == {
        one: (count, count) for one, count in expected.items()
    }
    assert [flags_in(account, one, FRANKFURT) for one in counts] == [IN_PART] * 3
    assert {tag["key"] for tag in service_of(account, plain, FRANKFURT).tags} == {"Environment"}


@pytest.mark.full
def test_what_a_person_started_with_its_scaling_suspended_gets_its_first_flags_back_from_the_next_sweeps_undo(
    organization: OrganizationBuilder, stop: Any, run: Run, account: str
) -> None:
    service = seed(organization, account, FRANKFURT, DEV, flags=IN_PART)
    stop()
    settled(organization, account, service)
    set_count(organization, account, service, 4)
    assert settled(organization, account, service) == (4, 4)
    again = stop()
    assert (settled(organization, account, service), flags_in(account, service, FRANKFURT)) == ((0, 0), ALL_SUSPENDED)
    assert run("undo", again.report["sweep_id"], "--yes", "--format", "json").exit_code == 0
    assert (settled(organization, account, service), flags_in(account, service, FRANKFURT)) == ((4, 4), IN_PART)


@pytest.mark.full
def test_an_undo_gives_back_the_flags_of_what_a_person_started(
    organization: OrganizationBuilder, stop: Any, run: Run, account: str
) -> None:
    service = seed(organization, account, FRANKFURT, DEV, flags=IN_PART)
    stopped = stop()
    settled(organization, account, service)
    set_count(organization, account, service, 4)
    settled(organization, account, service)
    undone = run("undo", stopped.report["sweep_id"], "--yes", "--format", "json")
    assert undone.report["outcomes"] == []
    assert (settled(organization, account, service), flags_in(account, service, FRANKFURT)) == ((4, 4), IN_PART)
    assert {tag["key"] for tag in service_of(account, service, FRANKFURT).tags} == {"Environment"}


def test_flags_or_a_count_that_change_between_the_plan_and_the_stop_keep_it(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    counted, scaled = (seed(organization, account, FRANKFURT, DEV) for _ in range(2))

    targets = applicationautoscaling_backends[account][FRANKFURT].targets[DIMENSION]

    def change(_: Any) -> None:
        service_of(account, counted, FRANKFURT).desired_count = 3
        targets[f"service/{scaled}"].suspended_state = IN_PART

    look = "ecs:DescribeServices"
    organization.front.faults.add(Fault(operation=look, region=FRANKFURT, times=1))  # the reading
    organization.front.faults.add(Fault(operation=look, region=FRANKFURT, times=1, effect=change))
    swept = sweep(SERVICES)
    assert swept.outcomes == {}
    assert "its desired_count was 2 and is 3" in swept.decisions[counted]["reason"]
    assert "its dynamic_scaling_out_suspended was False and is True" in swept.decisions[scaled]["reason"]
