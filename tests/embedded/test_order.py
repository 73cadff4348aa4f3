"""The order within an account against the embedded AWS: an instance and the database that it uses."""

from __future__ import annotations

from pathlib import Path

from tests.kinds.rds.harness import seed
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Run
from tests.support.sweeps import DEV, FRANKFURT, Sweeps

ACTED = {"ec2:StopInstances", "rds:StopDBInstance", "ec2:StartInstances", "rds:StartDBInstance"}
RULES = "rules: [{name: dev, kinds: [ec2, rds], where: {tag: {Environment: dev}}}]\nmax_start_wait: 1h\n"


def acted(organization: OrganizationBuilder) -> list[str]:
    """Each call that acted, in the order in which they were made first."""
    return [call for call in organization.front.calls if call in ACTED]


def test_the_instance_is_stopped_first_and_started_when_the_database_was_seen_running(
    organization: OrganizationBuilder, sweep: Sweeps, run: Run, tmp_path: Path
) -> None:
    account = organization.account("member")
    [instance] = organization.instances(account, FRANKFURT, 1, DEV)
    database = seed(organization, account, FRANKFURT, DEV)
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"version: 1\nname: test\nregions: {{include: [{FRANKFURT}]}}\n{RULES}")
    swept = run("sweep", "--policy", str(policy), "--mode", "enforce", "--yes", "--format", "json")
    assert swept.exit_code == 0
    assert acted(organization) == ["ec2:StopInstances", "rds:StopDBInstance"]
    assert sweep.slept == []
    with organization.acting_in(account):
        for _ in range(3):  # it is down by now
            organization.client("rds", FRANKFURT).describe_db_instances(DBInstanceIdentifier=database)
    organization.front.calls.clear()
    undone = run("undo", swept.report["sweep_id"], "--yes", "--format", "json")
    assert undone.exit_code == 0
    assert {row["resource_id"]: row["status"] for row in undone.report["outcomes"]} == {
        instance: "started",
        database: "started",
    }
    assert acted(organization) == ["rds:StartDBInstance", "ec2:StartInstances"]
    assert sweep.slept
