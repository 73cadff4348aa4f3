"""What the command line prints, and where: stdout for results, stderr for all else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from orchestrator import app
from orchestrator.demo.faults import Fault
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import SweepSummary
from orchestrator.local.sqlite_items import SqliteItems
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run

FRANKFURT, IRELAND = "eu-central-1", "eu-west-1"
DEV = "rules: [{name: dev, where: {tag: {Environment: dev}}}]\nrequired_tags: [Owner]\n"
DEV_TAGS = {"Environment": "dev", "Name": "a name that is as long as the names of instances may well be"}
PLAN = ("plan", "--policy")
ENFORCE = ("sweep", "--mode", "enforce", "--yes", "--policy")
UNKNOWN = "20200101T000000Z-000000"
COMMANDS = ("plan", "sweep", "validate", "schema", "report", "demo")


@pytest.fixture
def mixed(organization: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> OrganizationBuilder:
    """One of each: stopped, refused, exempt, untouched, denied, failed and disabled; with long names."""
    monkeypatch.setenv("COLUMNS", "80")
    account = organization.account("workloads-development-of-the-web-shop", "/Workloads/Dev")
    organization.account("nobody-rolled-out-the-member-role-here", "/Workloads/Dev", role=False)
    organization.instances(account, FRANKFURT, 2, DEV_TAGS)
    organization.instances(account, FRANKFURT, 1, DEV_TAGS, DisableApiStop=True)
    organization.instances(account, FRANKFURT, 1, {**DEV_TAGS, "stop-orchestrator:opt-out": "yes please"})
    organization.instances(account, FRANKFURT, 1, {"Environment": "production"})
    fault = Fault(code="InvalidParameterValue", message="x" * 200, region=IRELAND, operation="ec2:DescribeInstances")
    organization.front.faults.add(fault)
    return organization


def report_schema(run: Run) -> Draft202012Validator:
    schema = run("schema", "--report").report
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


# --- json -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "limit", "status"), [(PLAN, 9, "incomplete"), (ENFORCE, 9, "incomplete"), (ENFORCE, 1, "held")]
)
def test_json_is_one_document_of_the_published_schema_and_all_else_is_on_stderr(
    mixed: OrganizationBuilder, run: Run, policy: Policy, command: tuple[str, ...], limit: int, status: str
) -> None:
    path = policy(DEV + f"guardrails: {{max_stops: {limit}}}\n", FRANKFURT, IRELAND, "eu-south-1")
    ran = run(*command, path, "--format", "json")
    report_schema(run).validate(ran.report)
    assert ran.report["status"] == status
    assert {row["status"] for row in ran.report["coverage"]} >= {"scanned", "denied", "failed", "region_disabled"}
    assert "Targets read: " in ran.stderr
    assert ran.stderr.splitlines()[-1].startswith("Report: .stop-orchestrator/sweeps/")


def test_the_report_of_a_sweep_that_an_error_ended_has_the_same_schema(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    organization.front.faults.add(Fault(code="AccessDeniedException", operation="organizations:*"))
    ran = run(*PLAN, policy(DEV), "--format", "json")
    report_schema(run).validate(ran.report)
    assert (ran.exit_code, ran.report["status"]) == (1, "failed")


# --- table and progress -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [9, 1])
def test_the_table_fits_80_columns_and_names_what_a_person_has_to_look_at(
    mixed: OrganizationBuilder, run: Run, policy: Policy, limit: int
) -> None:
    ran = run(*ENFORCE, policy(DEV + f"guardrails: {{max_stops: {limit}}}\n"))
    *lines, last = ran.stdout.splitlines()
    assert last.startswith("Report: .stop-orchestrator/sweeps/")
    assert [line for line in lines if len(line) > 80] == []
    words = " ".join(ran.stdout.split())
    for text in ("denied", "InvalidParameterValue", "missing_required_tag" if limit == 1 else "OperationNotPermitted"):
        assert text in words
    assert ("Held by guardrails: nothing was stopped" in words) is (limit == 1)
    assert ("0 stopped, 0 failed, 3 held" in words) is (limit == 1)
    count = len(
        json.loads(run("report", last.split("sweep=")[1].split("/")[0], "--format", "json").stdout)["guardrails"]
    )
    assert (f"Guardrails held: 1 of {count} broken: max_stops 3 (limit 1) " in words) is (limit == 1)


def test_progress_is_plain_lines_where_there_is_no_terminal(
    mixed: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    ran = run(*ENFORCE, policy(DEV))
    lines = ran.stderr.splitlines()
    assert lines[0] == "Listing the organization ..."
    assert "Targets read: 3 of 3" in lines
    assert "Stops done: 3 of 3" in lines
    assert "\x1b" not in ran.stderr + ran.stdout
    assert "\r" not in ran.stderr + ran.stdout


# --- report -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["folder", "bucket"])
def test_an_earlier_report_is_shown_in_every_form_from_a_folder_and_from_a_bucket(
    mixed: OrganizationBuilder, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    if where == "bucket":
        for name, value in mixed.hub().items():
            monkeypatch.setenv(name, value)
    first = run(*PLAN, policy(DEV), "--format", "json").report
    sweep_id = first["sweep_id"]
    again = run("report", sweep_id, "--format", "json")
    assert again.report == first
    assert again.stdout.startswith('{\n  "')
    assert again.stdout.endswith("\n}\n")
    table = run("report", sweep_id)
    assert table.exit_code == 0
    assert run("report", "latest").stdout == table.stdout
    assert run("report", "latest", "--format", "json").report == first
    assert table.stdout.startswith(f"Sweep {sweep_id}  plan  incomplete")
    for part in ("decisions", "coverage", "compliance"):
        ran = run("report", sweep_id, "--format", "csv", "--part", part)
        header, *rows = ran.stdout.splitlines()
        assert (ran.exit_code, header.split(",")[0], len(rows)) == (0, "account_id", len(first[part]))
    default = run("report", sweep_id, "--format", "csv").stdout
    assert default == run("report", sweep_id, "--format", "csv", "--part", "decisions").stdout


def test_a_sweep_that_is_not_there_names_those_that_are(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    known = run(*PLAN, policy(DEV), "--format", "json").report["sweep_id"]
    ran = run("report", UNKNOWN)
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert UNKNOWN in ran.stderr
    assert f"the newest sweeps here: {known}" in ran.stderr


def test_a_sweep_without_a_report_says_how_far_it_is(run: Run, tmp_path: Path) -> None:
    running = SweepSummary(UNKNOWN, "running", "plan", "test", "2020-01-01T00:00:00Z")
    Ledger(SqliteItems(Path(".stop-orchestrator")), app.now).begin(running)
    ran = run("report", UNKNOWN)
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert "by the ledger it is running" in ran.stderr
    assert f"stop-orchestrator sweep --resume {UNKNOWN}" in ran.stderr


def test_a_sweep_that_is_not_in_the_bucket_is_said_in_awss_words(
    organization: OrganizationBuilder, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in organization.hub().items():
        monkeypatch.setenv(name, value)
    ran = run("report", UNKNOWN, "--format", "json")
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert f"sweep={UNKNOWN}/report.json cannot be read: NoSuchKey: The specified key does not exist." in ran.stderr


def test_latest_is_the_newest_sweep_that_has_ended(organization: OrganizationBuilder, run: Run, policy: Policy) -> None:
    none = run("report", "latest")
    assert (none.exit_code, none.stdout) == (1, "")
    assert "no sweep in the ledger in .stop-orchestrator has ended yet" in none.stderr
    ended = run(*PLAN, policy(DEV), "--format", "json").report["sweep_id"]
    running = SweepSummary("99991231T235959Z-000000", "running", "plan", "nonprod", "2026-11-23T19:00:00Z")
    Ledger(SqliteItems(Path(".stop-orchestrator")), app.now).begin(running)
    assert run("report", "latest", "--format", "json").report["sweep_id"] == ended
    ledger = Ledger(SqliteItems(Path(".stop-orchestrator")), app.now)
    [mine] = [one for one in ledger.sweeps() if one.sweep_id == ended]
    ledger.begin(replace(mine, sweep_id=f"{ended[:17]}zzzzzz", ended_at="2026-11-23T19:00:00.000000Z"))
    assert run("report", "latest", "--format", "json").report["sweep_id"] == ended
    said = " ".join(run("report", "--help").stdout.split())
    assert "`latest`: the newest sweep of the ledger that has ended" in said


@pytest.mark.parametrize(
    "sweep_id", ["newest", "LATEST", "../../etc/passwd", f"{UNKNOWN}/x", UNKNOWN.lower(), f"{UNKNOWN}\n"]
)
def test_what_is_no_sweep_id_exits_2_and_shows_what_one_looks_like(run: Run, sweep_id: str) -> None:
    ran = run("report", sweep_id)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "20261123T190000Z-7f3a9c" in ran.stderr


def test_a_part_without_csv_is_bad_usage(run: Run) -> None:
    ran = run("report", UNKNOWN, "--part", "coverage")
    assert ran.exit_code == 2
    assert "--format csv" in ran.stderr


@pytest.mark.parametrize(
    "damaged", ['{"sweep_id": ', "{}", "[]", "null", '{"sweep_id": 1, "status": "\\u001b"}', "[" * 100_000]
)
def test_a_damaged_report_is_said_to_be_damaged(run: Run, tmp_path: Path, damaged: str) -> None:
    folder = tmp_path / "sweeps" / "dt=2020-01-01" / f"sweep={UNKNOWN}"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(damaged)
    ran = run("report", UNKNOWN, "--store", str(tmp_path))
    assert ran.exit_code == 1
    assert f"the report of {UNKNOWN} is damaged" in ran.stderr


# --- schema and help --------------------------------------------------------------------------------------------------


def demo_policy() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(files("orchestrator.demo").joinpath("policy.yaml").read_text())
    return loaded


def test_the_schema_takes_the_policies_that_validate_takes(run: Run) -> None:
    schema = Draft202012Validator(json.loads(run("schema").stdout))
    schema.validate(demo_policy())
    example = Path(__file__).parents[2] / "config" / "policy.yaml"
    schema.validate(yaml.safe_load(example.read_text()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 2},
        {"max_stops": 5},
        {"guardrails": {"max_stops": -1}},
        {"rules": [{"name": "dev", "where": {"tags": {}}}]},
        {"rules": [{"name": "dev", "where": "everything", "action": "terminate"}]},
    ],
)
def test_the_schema_refuses_what_validate_refuses(run: Run, tmp_path: Path, wrong: dict[str, Any]) -> None:
    document = {**demo_policy(), **wrong}
    assert not Draft202012Validator(json.loads(run("schema").stdout)).is_valid(document)
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(document))
    assert run("validate", str(path)).exit_code == 2


def test_the_help_of_the_program_names_every_command_and_every_exit_code(run: Run) -> None:
    ran = run("--help")
    assert ran.exit_code == 0
    for command in COMMANDS:
        assert re.search(rf"^  {command} +\S.*\.$", ran.stdout, re.MULTILINE)
        assert not re.search(rf"^  {command} .*\.\.\.$", ran.stdout, re.MULTILINE)
    words = " ".join(ran.stdout.split())
    for code in ("0 complete", "1 an error", "2 bad", "3 incomplete", "4 held", "5 at least one stop or start failed"):
        assert code in words


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_has_its_exit_codes_and_fits_80_columns(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ran = run(command, "--help")
    assert ran.exit_code == 0
    assert re.search(r"Exit codes?: 0", ran.stdout)
    assert [line for line in ran.stdout.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("command", ["plan", "sweep"])
def test_the_help_names_the_setting_and_the_default_of_each_option(run: Run, command: str) -> None:
    words = " ".join(run(command, "--help").stdout.split()).replace("- ", "-")
    for name in ("POLICY", "MEMBER_ROLE", "EXTERNAL_ID", "WORKERS, default 128"):
        assert f"[env STOP_ORCHESTRATOR_{name}" in words
    assert "wins over STOP_ORCHESTRATOR_REPORT_BUCKET and STOP_ORCHESTRATOR_TABLE" in words
    assert "default stop-orchestrator-member" in words
