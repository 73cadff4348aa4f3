"""DB instances in whole sweeps of the embedded AWS: decided, counted, stopped, reported and undone like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.model import Mode
from orchestrator.demo.faults import Fault
from tests.kinds.rds.harness import seed
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import *  # noqa: F403 - pytest finds fixtures by their names in this file
from tests.support.fixtures import Run
from tests.support.sweeps import DEV, FRANKFURT, IRELAND, Sweeps, result

BOTH = "rules: [{name: dev, kinds: [ec2, rds], where: {tag: {Environment: dev}}}]\n"
WITHOUT_KINDS = "rules: [{name: dev, where: {tag: {Environment: dev}}}]\n"


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    return organization.account("member")


def status(organization: OrganizationBuilder, account: str, name: str) -> str:
    with organization.acting_in(account):
        [raw] = organization.client("rds", FRANKFURT).describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    return str(raw["DBInstanceStatus"])


def test_a_database_is_stopped_beside_an_instance_and_both_are_in_the_report(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    [instance] = organization.instances(account, FRANKFURT, 1, DEV)
    database = seed(organization, account, FRANKFURT, DEV)
    swept = sweep(BOTH)
    assert {one: row["kind"] for one, row in swept.outcomes.items()} == {instance: "ec2", database: "rds"}
    assert result(swept.outcomes[database]) == ("stopping", "")
    assert status(organization, account, database) in {"stopping", "stopped"}
    kinds = {(row["region"], row["kind"]) for row in swept.document["coverage"] if row["status"] == "scanned"}
    assert kinds == {(region, kind) for region in (FRANKFURT, IRELAND) for kind in ("ec2", "rds")}


def test_a_rule_without_kinds_means_instances_alone(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    database = seed(organization, account, FRANKFURT, DEV)
    assert database not in sweep(WITHOUT_KINDS).outcomes
    assert status(organization, account, database) == "available"


@pytest.mark.parametrize(
    "tags",
    [
        {"stop-orchestrator:opt-out": "true"},
        {"stop-orchestrator:Opt_Out": "true"},
        {"stop-orchestrator:protected": "legal"},
        {"Environment": "prod"},
    ],
)
def test_what_opted_out_is_protected_or_has_no_rule_is_kept(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, tags: dict[str, str]
) -> None:
    database = seed(organization, account, FRANKFURT, {**DEV, **tags})
    swept = sweep(BOTH)
    assert swept.decisions[database]["verdict"] == "keep"
    assert swept.outcomes == {}
    assert status(organization, account, database) == "available"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"Engine": "sqlserver-se", "MultiAZ": True}, "several zones"),
        ({"Engine": "custom-oracle-ee", "EngineVersion": "19.0", "Port": 1521}, "RDS Custom"),
    ],
)
def test_what_aws_cannot_stop_is_kept_and_says_why(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, fields: dict[str, Any], words: str
) -> None:
    database = seed(organization, account, FRANKFURT, DEV, **fields)
    row = sweep(BOTH).decisions[database]
    assert (row["verdict"], row["reason_code"]) == ("keep", "cannot_stop")
    assert words in row["reason"]


def test_databases_count_for_the_guardrails(organization: OrganizationBuilder, sweep: Sweeps, account: str) -> None:
    databases = [seed(organization, account, FRANKFURT, DEV) for _ in range(3)]
    swept = sweep(f"{BOTH}guardrails: {{max_stops: 2}}\n")
    assert (swept.exit_code, swept.document["status"]) == (4, "held")
    assert {status(organization, account, one) for one in databases} == {"available"}


def test_databases_that_cannot_be_read_leave_instances_of_the_same_target_read(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    [instance] = organization.instances(account, FRANKFURT, 1, DEV)
    organization.front.faults.add(Fault("AccessDenied", "no", 403, operation="rds:DescribeDBInstances"))
    swept = sweep(BOTH)
    by_kind = {row["kind"]: row["status"] for row in swept.document["coverage"] if row["region"] == FRANKFURT}
    assert by_kind == {"ec2": "scanned", "rds": "denied"}
    assert swept.outcomes[instance]["status"] == "stopped"


def test_plan_mode_reads_databases_and_stops_none(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    database = seed(organization, account, FRANKFURT, DEV)
    swept = sweep(BOTH, Mode.PLAN)
    assert swept.decisions[database]["verdict"] == "stop"
    assert status(organization, account, database) == "available"


def test_an_undo_starts_exactly_what_the_sweep_stopped(
    organization: OrganizationBuilder, run: Run, tmp_path: Path, account: str
) -> None:
    database = seed(organization, account, FRANKFURT, DEV)
    others = seed(organization, account, FRANKFURT, {"Environment": "production"})
    with organization.acting_in(account):
        organization.client("rds", FRANKFURT).stop_db_instance(DBInstanceIdentifier=others)
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"version: 1\nname: test\nregions: {{include: [{FRANKFURT}]}}\n{BOTH}")
    swept = run("sweep", "--policy", str(policy), "--mode", "enforce", "--yes", "--format", "json")
    assert swept.exit_code == 0
    assert status(organization, account, database) in {"stopping", "stopped"}
    assert status(organization, account, database) == "stopped"
    undone = run("undo", swept.report["sweep_id"], "--yes", "--format", "json")
    assert undone.exit_code == 0
    assert {row["resource_id"]: row["status"] for row in undone.report["outcomes"]} == {database: "started"}
    assert status(organization, account, others) == "stopped"
