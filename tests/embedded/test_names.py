"""An excluded OU that becomes another between two commands: by command line, in every form."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from orchestrator.core.report.document import Row
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.sweeps import FRANKFURT

ENFORCE = ("sweep", "--mode", "enforce", "--yes")
EXCLUDING = "rules: [{{name: all, where: everything}}]\norganization: {{exclude: [{0}]}}\n"


@pytest.fixture
def prod(organization: OrganizationBuilder) -> str:
    """The account in the excluded OU; another one is in scope. Each has an instance."""
    prod = organization.account("prod", "/Prod")
    organization.account("dev", "/Dev")
    organization.instances(prod, FRANKFURT)
    return prod


def newest() -> tuple[Row, list[Row]]:
    """The newest report, and its outcomes and decisions as CSV."""
    folder = max(Path(".stop-orchestrator").rglob("report.json"), key=lambda one: one.stat().st_mtime_ns).parent
    with (folder / "decisions.csv").open(newline="", encoding="utf-8") as file:
        return json.loads((folder / "report.json").read_text()), list(csv.DictReader(file))


def test_an_ou_that_was_emptied_deleted_and_made_again_holds_until_the_policy_says_what_is_meant(
    organization: OrganizationBuilder, run: Run, policy: Policy, prod: str
) -> None:
    path, client = policy(EXCLUDING.format("/Prod")), organization.client("organizations")
    assert run("plan", "--policy", path).exit_code == 0
    former, parking = organization.unit("/Prod"), organization.unit("/Parking")
    client.move_account(AccountId=prod, SourceParentId=former, DestinationParentId=parking)
    client.delete_organizational_unit(OrganizationalUnitId=former)
    root = client.list_roots()["Roots"][0]["Id"]
    again = client.create_organizational_unit(ParentId=root, Name="Prod")["OrganizationalUnit"]["Id"]

    for _ in range(2):
        ran = run(*ENFORCE, "--policy", path)
        assert (ran.exit_code, organization.down(prod, FRANKFURT)) == (4, set())
        for words in (f"was the name of {former}, which is gone", f"in its place ({again})", "exclude_accounts"):
            assert words in ran.stdout
    for command in (("doctor",), ("validate", "--against-organization")):
        told = run(command[0], *(("--policy",) if command[0] == "doctor" else ()), path, *command[1:])
        assert told.exit_code == (3 if command[0] == "doctor" else 4)
        assert former in told.stdout

    ran = run(
        *ENFORCE, "--policy", policy(EXCLUDING.format(again).replace("}\n", f", exclude_accounts: ['{prod}']}}\n"))
    )
    assert (ran.exit_code, organization.down(prod, FRANKFURT)) == (0, set())


def test_an_excluded_ou_that_is_renamed_between_plan_and_apply_holds_it_in_every_form(
    organization: OrganizationBuilder, run: Run, policy: Policy, prod: str
) -> None:
    dev = organization.account("dev two", "/Dev")
    organization.instances(dev, FRANKFURT)
    path = policy(EXCLUDING.format("/Prod"))
    assert run("plan", "--policy", path).exit_code == 0
    planned, _ = newest()
    organization.client("organizations").update_organizational_unit(
        OrganizationalUnitId=organization.unit("/Prod"), Name="Production"
    )
    ran = run("apply", planned["sweep_id"], "--yes")
    report, rows = newest()
    assert (ran.exit_code, report["mode"], report["status"]) == (4, "apply", "held")
    assert (organization.down(dev, FRANKFURT), organization.down(prod, FRANKFURT)) == (set(), set())
    assert [(one["name"], one["passed"]) for one in report["guardrails"]] == [("names_resolved", False)]
    assert {one["status"] for one in report["outcomes"]} == {"held"}
    assert {one["outcome"] for one in rows if one["account_id"] == dev} == {"held"}
    for words in ("names_resolved", "organization.exclude[0]", "the nearest is /Production", "nothing was stopped"):
        assert words in ran.stdout
    assert "held" in run("history").stdout
