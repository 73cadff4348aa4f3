"""Keys that a person meant as ours, by command line: on both kinds, on accounts and on OUs, in every form alike."""

from __future__ import annotations

import csv
import json
from itertools import count
from pathlib import Path

import pytest

from tests.kinds.rds.harness import seed
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.sweeps import DEV, FRANKFURT

EVERYTHING = "rules: [{name: all, kinds: [ec2, rds], where: everything}]\n"
MISSPELT = "misspelt_opt_out_key"
EVERYWHERE = [
    "Stop-Orchestrator:Opt-Out",
    "stop-orchestrator/opt-out",
    "stop-orchestrator.protected",
    "stop orchestrator:opt out",
    "stoporchestrator:optout",
    "stop-orchestrator-opt-out",
    "st\u043ep-orchestrator:\u043ept-out",
    "stop-orchestrator",
]
"""Letters, spaces and `_.:/=+-@`: all that RDS and Organizations take."""
ON_INSTANCES = [
    "stop-orchestrator:opt\u200b-out",
    "\ufeffstop-orchestrator:opt-out",
    "\uff53top-orchestrator:opt\u2011out",
]
NONE_OF_OURS = ["stop-orchestrator-owner", "my-stop-orchestrator:opt-out", "orchestrator", "stop"]


def rows_of(name: str) -> list[dict[str, str]]:
    [found] = Path(".stop-orchestrator").rglob(name)
    with found.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.full
def test_every_spelling_spares_its_carrier_and_is_named_in_report_table_and_csv(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    account = organization.account("member")
    spared = {
        organization.instances(account, FRANKFURT, 1, {**DEV, key: "2020-01-01"})[0]: key
        for key in EVERYWHERE + ON_INSTANCES
    }
    spared |= {seed(organization, account, FRANKFURT, {**DEV, key: "no"}): key for key in EVERYWHERE}
    stopped = {organization.instances(account, FRANKFURT, 1, {key: "true"})[0] for key in NONE_OF_OURS}
    stopped |= {seed(organization, account, FRANKFURT, {key: "true"}) for key in NONE_OF_OURS}
    numbers, carriers = count(), {}
    for key in EVERYWHERE:
        carriers[organization.account(f"tagged-{next(numbers)}", tags={key: ""})] = key
        unit = f"/Unit{next(numbers)}"
        organization.unit(unit, {key: ""})
        carriers[unit] = key
        organization.instances(organization.account(f"below-{next(numbers)}", unit), FRANKFURT, 1, DEV)
    ran = run("sweep", "--mode", "enforce", "--yes", "--policy", policy(EVERYTHING, FRANKFURT))

    [path] = Path(".stop-orchestrator").rglob("report.json")
    report = json.loads(path.read_text())
    verdicts = {row["resource_id"]: row["verdict"] for row in report["decisions"]}
    assert verdicts == {**dict.fromkeys(spared, "keep"), **dict.fromkeys(stopped, "stop")}
    assert ran.exit_code == 0
    named = {row["resource_id"]: row["detail"] for row in report["compliance"] if row["violation"] == MISSPELT}
    assert set(named) == spared.keys() | carriers.keys()
    assert all(repr(key) in named[one] for one, key in {**spared, **carriers}.items())
    assert {row["resource_id"] for row in rows_of("compliance.csv") if row["violation"] == MISSPELT} == set(named)
    assert {row["resource_id"]: row["verdict"] for row in rows_of("decisions.csv")} == verdicts
    table = ran.stdout.partition("Misspelt opt-out keys")[2].partition("Compliance")[0]
    assert len(named.keys() & set(table.split())) == 20
    assert f"... and {len(named) - 20} more in the report" in table
    opted_out = {row["account_id"] for row in report["coverage"] if row["status"] == "opted_out"}
    assert {one for one in carriers if not one.startswith("/")} <= opted_out
    assert len(opted_out) == len(carriers)
    assert {row["resource_id"] for row in report["outcomes"]} == stopped
