"""An answer of AWS that has several causes takes nothing out of the coverage: by command line, in every form."""

from __future__ import annotations

import csv
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.parsers import ResponseParserError

from orchestrator.core.decide.scope import NAME_THE_REGIONS
from orchestrator.demo.faults import Fault
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.suites import only_in_full
from tests.support.sweeps import DEV, DEV_RULE, FRANKFURT, IRELAND, MILAN
from tests.support.time import set_time

DESCRIBE = "ec2:DescribeInstances"
REGIONS = "ec2:DescribeRegions"
BY_SCP = "with an explicit deny in a service control policy"
DATABASES = "rules: [{name: dev, kinds: [ec2, rds], where: {tag: {Environment: dev}}}]\n"
NOT_VALIDATED = "AWS was not able to validate the provided access credentials"
ENFORCE = ("sweep", "--mode", "enforce", "--yes")
Row = dict[str, Any]


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    set_time(monkeypatch, sleep=lambda _: None)


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    """One instance to stop in each region."""
    account = organization.account("half")
    for region in (FRANKFURT, IRELAND):
        organization.instances(account, region, 1, DEV)
    return account


def stored(name: str) -> Path:
    [found] = Path(".stop-orchestrator").rglob(name)
    return found


def report() -> Row:
    parsed: Row = json.loads(stored("report.json").read_text())
    return parsed


def csv_coverage() -> dict[tuple[str, str, str], tuple[str, str]]:
    with stored("coverage.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {(row["account_id"], row["region"], row["kind"]): (row["status"], row["detail"]) for row in rows}


def csv_text() -> str:
    return stored("coverage.csv").read_text() + stored("decisions.csv").read_text()


def assert_not_read(ran: Ran, account: str, region: str, kind: str, status: str, said: str) -> None:
    """Report, table, CSV and exit code say the same, and the coverage counts it."""
    document = report()
    rows = {(row["account_id"], row["region"], row["kind"]): row for row in document["coverage"]}
    assert len(rows) == len(document["coverage"])
    assert (rows[account, region, kind]["status"], ran.exit_code) == (status, 3)
    assert said in rows[account, region, kind]["detail"]
    assert csv_coverage() == {place: (row["status"], row["detail"]) for place, row in rows.items()}
    assert document["status"] == "incomplete"
    assert "none unreadable" not in ran.stdout
    table = ran.stdout.partition("Not read")[2]
    assert account in table
    assert said.split(maxsplit=1)[0] in table


@pytest.mark.parametrize(
    ("code", "operation", "kind"),
    [
        ("AuthFailure", DESCRIBE, "ec2"),
        *only_in_full(
            ("OptInRequired", DESCRIBE, "ec2"),
            ("UnrecognizedClientException", DESCRIBE, "ec2"),
            ("InvalidClientTokenId", "rds:DescribeDBInstances", "rds"),
            ("SignatureDoesNotMatch", "rds:DescribeDBInstances", "rds"),
        ),
    ],
)
def test_a_region_that_is_enabled_by_the_accounts_own_list_and_accepts_no_credentials_is_failed(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str, code: str, operation: str, kind: str
) -> None:
    organization.front.faults.add(Fault(code, NOT_VALIDATED, 401, account, operation, IRELAND))
    ran = run(*ENFORCE, "--policy", policy(DATABASES))
    assert_not_read(ran, account, IRELAND, kind, "failed", f"{code}: {NOT_VALIDATED}")
    organization.front.faults.clear()
    assert (len(organization.down(account, FRANKFURT)), report()["calls"]["sts:AssumeRole"]) == (1, 5)
    assert len(organization.down(account, IRELAND)) == (kind == "rds")


def test_credentials_that_were_refused_by_chance_are_renewed_and_the_target_is_read(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str
) -> None:
    organization.front.faults.add(Fault("AuthFailure", NOT_VALIDATED, 401, account, DESCRIBE, IRELAND, times=2))
    ran = run(*ENFORCE, "--policy", policy(DEV_RULE))
    assert (ran.exit_code, report()["calls"]["sts:AssumeRole"]) == (0, 3)
    assert len(organization.down(account, IRELAND)) == 1


def test_min_coverage_counts_a_target_that_accepted_no_credentials(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str
) -> None:
    organization.front.faults.add(Fault("AuthFailure", NOT_VALIDATED, 401, account, DESCRIBE, IRELAND))
    ran = run(*ENFORCE, "--policy", policy(f"{DEV_RULE}guardrails: {{min_coverage_percent: 51}}\n"))
    [guardrail] = report()["guardrails"]
    assert (ran.exit_code, guardrail["actual"], guardrail["passed"]) == (4, 50, False)
    assert organization.down(account, FRANKFURT) == set()


def test_an_undo_that_accepts_no_credentials_says_so(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str
) -> None:
    run(*ENFORCE, "--policy", policy(DEV_RULE))
    sweep_id = report()["sweep_id"]
    organization.front.faults.add(Fault("AuthFailure", NOT_VALIDATED, 401, account, DESCRIBE, IRELAND))
    ran = run("undo", sweep_id, "--yes")
    organization.front.faults.clear()
    assert ran.exit_code == 3
    assert "AuthFailure" in ran.stdout
    assert len(organization.down(account, IRELAND)) == 1


# --- the list of regions ----------------------------------------------------------------------------------------------


def deny_the_list(organization: OrganizationBuilder, account: str, region: str = "*") -> None:
    text = f"User: x is not authorized to perform: {REGIONS} {BY_SCP}"
    organization.front.faults.add(Fault("UnauthorizedOperation", text, 403, account, REGIONS, region))


def test_regions_that_the_policy_names_are_read_where_they_may_not_be_listed(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str
) -> None:
    deny_the_list(organization, account)
    ran = run(*ENFORCE, "--policy", policy(DEV_RULE, FRANKFURT, IRELAND, MILAN))
    rows = {row["region"]: row for row in report()["coverage"] if row["account_id"] == account}
    assert (rows[FRANKFURT]["status"], rows[IRELAND]["status"]) == ("scanned", "scanned")
    assert f"its regions could not be listed, and the policy names this one: {REGIONS}" in rows[IRELAND]["detail"]
    assert csv_coverage()[account, IRELAND, "ec2"] == ("scanned", rows[IRELAND]["detail"])
    assert (ran.exit_code, len(organization.down(account, FRANKFURT)), len(organization.down(account, IRELAND))) == (
        3,
        1,
        1,
    )


def test_regions_that_no_account_can_disable_are_read_without_asking_for_a_list(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str
) -> None:
    deny_the_list(organization, account)
    ran = run(*ENFORCE, "--policy", policy(DEV_RULE, FRANKFURT, IRELAND))
    rows = {row["region"]: row for row in report()["coverage"] if row["account_id"] == account}
    assert {region: (row["status"], row["detail"]) for region, row in rows.items()} == {
        FRANKFURT: ("scanned", ""),
        IRELAND: ("scanned", ""),
    }
    assert (REGIONS in report()["calls"], ran.exit_code) == (False, 0)


def test_a_named_region_that_is_not_enabled_is_failed_where_no_list_says_so(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str
) -> None:
    deny_the_list(organization, account)
    ran = run(*ENFORCE, "--policy", policy(DEV_RULE, FRANKFURT, MILAN))
    assert_not_read(ran, account, MILAN, "ec2", "failed", "AuthFailure: AWS was not able to validate")
    assert len(organization.down(account, FRANKFURT)) == 1


def test_where_only_the_hubs_region_denies_the_list_another_one_tells_what_is_disabled(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str
) -> None:
    deny_the_list(organization, account, FRANKFURT)
    ran = run(*ENFORCE, "--policy", policy(DEV_RULE, IRELAND, MILAN))
    statuses = {row["region"]: row["status"] for row in report()["coverage"] if row["account_id"] == account}
    assert (statuses, ran.exit_code) == ({IRELAND: "scanned", MILAN: "region_disabled"}, 0)


def test_with_patterns_an_account_that_may_not_list_its_regions_is_denied_and_told_what_to_do(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str
) -> None:
    deny_the_list(organization, account)
    ran = run(*ENFORCE, "--policy", policy(DEV_RULE, FRANKFURT, '"eu-west-*"'))
    assert_not_read(ran, account, "*", "*", "denied", "denied by a service control policy; ec2:DescribeRegions")
    [row] = [row for row in report()["coverage"] if row["account_id"] == account]
    assert row["detail"].endswith(NAME_THE_REGIONS)


# --- a character that no answer can carry -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tags",
    [
        {"Note": "a\x01b"},
        *only_in_full({"Note\x00": "a"}, {"Note": "\x1b[31m"}, {"stop-orchestrator:opt-out\x0b": "true"}),
    ],
)
def test_an_instance_with_a_control_character_in_a_tag_is_kept_and_named_and_the_rest_is_stopped(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str, tags: dict[str, str]
) -> None:
    [culprit] = organization.instances(account, IRELAND, 1, DEV)
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    organization.act("create_tags", account, IRELAND, Resources=[culprit], Tags=pairs)
    path = policy(DEV_RULE)
    assert run("doctor", "--policy", path).exit_code == 0
    ran = run(*ENFORCE, "--policy", path)
    rows = {row["resource_id"]: row for row in report()["decisions"]}
    states = {one: row["verdict"] for one, row in rows.items()}
    assert (ran.exit_code, states.pop(culprit), set(states.values())) == (0, "keep", {"stop"})
    [key] = tags
    shown = "".join(character if character >= " " else "\ufffd" for character in key)
    unread = f"a character that cannot be read in its tag {shown}"
    said = "its key is misspelt" if key.startswith("stop-orchestrator") else unread  # it spares by itself
    assert said in rows[culprit]["reason"]
    assert report()["calls"][DESCRIBE] == 2 + 2 * 2  # each target once, and the looks before and after its stop
    assert organization.in_memory(account, IRELAND, culprit).state == "running"
    assert {row["status"] for row in report()["coverage"] if row["account_id"] == account} == {"scanned"}
    assert not any(character in ran.stdout + csv_text() for character in "\x00\x01\x0b\x1b")


def test_a_database_with_a_control_character_in_a_tag_is_kept_and_the_rest_is_stopped(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str
) -> None:
    with organization.acting_in(account):
        client = organization.client("rds", IRELAND)
        for name, note in (("plain", "a"), ("culprit", "a\x01b")):
            tags = [{"Key": "Environment", "Value": "dev"}, {"Key": "Note", "Value": note}]
            with suppress(ResponseParserError):  # the answer quotes the tag
                client.create_db_instance(
                    DBInstanceIdentifier=name, DBInstanceClass="db.t3.micro", Engine="postgres", Tags=tags
                )
    ran = run(*ENFORCE, "--policy", policy("rules: [{name: all, kinds: [rds], where: everything}]\n"))
    verdicts = {row["resource_id"]: row["verdict"] for row in report()["decisions"]}
    assert (ran.exit_code, verdicts) == (0, {"plain": "stop", "culprit": "keep"})


def test_an_undo_starts_what_got_a_control_character_meanwhile(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str
) -> None:
    run(*ENFORCE, "--policy", policy(DEV_RULE))
    [one] = organization.down(account, IRELAND)
    tags = [{"Key": "Note", "Value": "a\x01b"}]
    organization.act("create_tags", account, IRELAND, Resources=[one], Tags=tags)
    assert run("undo", report()["sweep_id"], "--yes").exit_code == 0
    assert organization.in_memory(account, IRELAND, one).state in {"pending", "running"}


@pytest.mark.parametrize("where", ["name", "unit", *only_in_full("escape")])
def test_a_name_that_no_text_may_hold_costs_no_sweep(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str, where: str
) -> None:
    odd = {"name": ("a\ud800b", "/Odd"), "unit": ("odd", "/a\ud800b"), "escape": ("a\x00\x1bb", "/a\x1b[31mb")}[where]
    other = organization.account(*odd)
    organization.instances(other, FRANKFURT, 1, DEV)
    ran = run(*ENFORCE, "--policy", policy(DEV_RULE))
    assert (ran.exit_code, len(organization.down(account, FRANKFURT)), len(organization.down(other, FRANKFURT))) == (
        0,
        1,
        1,
    )
    assert not any(character in ran.stdout + csv_text() for character in "\x00\x1b\ud800")


@pytest.mark.parametrize("tags", [{"a\ud800b": "true"}, *only_in_full({"Note": "a\ud800b"})])
@pytest.mark.parametrize("carrier", ["account", "OU"])
def test_a_tag_that_no_text_may_hold_keeps_its_account_or_ou_and_is_named(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str, tags: dict[str, str], carrier: str
) -> None:
    organization.unit("/Odd", tags if carrier == "OU" else None)
    other = organization.account("odd", "/Odd", tags if carrier == "account" else None)
    organization.instances(other, FRANKFURT, 1, DEV)
    ran = run(*ENFORCE, "--policy", policy(DEV_RULE))
    shown = next(iter(tags)).replace("\ud800", "\ufffd")
    assert_not_read(
        ran,
        other,
        "*",
        "*",
        "failed",
        f"UnreadableCharacter: AWS's answer has a character that cannot be read in its tag {shown}",
    )
    assert (organization.down(other, FRANKFURT), len(organization.down(account, FRANKFURT))) == (set(), 1)


# --- regions that a service control policy denies everywhere ----------------------------------------------------------


def test_a_region_that_is_denied_everywhere_is_named_with_the_line_that_leaves_it_out(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str
) -> None:
    organization.account("other")
    text = f"User: x is not authorized to perform: {DESCRIBE} {BY_SCP}"
    organization.front.faults.add(Fault("UnauthorizedOperation", text, 403, operation=DESCRIBE, region=IRELAND))
    guarded = f"{DEV_RULE}guardrails: {{min_coverage_percent: 80}}\n"
    path = policy(guarded)
    line = f'exclude: ["{IRELAND}"]'

    doctor = run("doctor", "--policy", path, "--format", "json")
    [check] = [one for one in doctor.report["checks"] if one["name"] == "regions"]
    assert (doctor.exit_code, check["code"], check["advice"].endswith(line)) == (3, "scp", True)
    assert IRELAND in check["detail"]
    assert line in run("doctor", "--policy", path).stdout

    ran = run(*ENFORCE, "--policy", path)
    [guardrail] = report()["guardrails"]
    assert (ran.exit_code, guardrail["actual"], guardrail["detail"].endswith(line)) == (4, 50, True)
    assert f"min_coverage_percent: {guardrail['detail']}\n" in ran.stdout
    assert organization.down(account, FRANKFURT) == set()

    obeyed = Path(path).read_text().replace("regions: {", f"regions: {{{line}, ")
    Path(path).write_text(obeyed)
    assert run(*ENFORCE, "--policy", path).exit_code == 0
    assert len(organization.down(account, FRANKFURT)) == 1


def test_a_region_that_is_denied_in_one_account_alone_is_not_named(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str
) -> None:
    organization.account("other")
    text = f"User: x is not authorized to perform: {DESCRIBE} {BY_SCP}"
    organization.front.faults.add(Fault("UnauthorizedOperation", text, 403, account, DESCRIBE, IRELAND))
    path = policy(f"{DEV_RULE}guardrails: {{min_coverage_percent: 80}}\n")
    assert [
        one for one in run("doctor", "--policy", path, "--format", "json").report["checks"] if one["name"] == "regions"
    ] == []
    assert run(*ENFORCE, "--policy", path).exit_code == 4
    assert report()["guardrails"][0]["detail"] == ""
