"""The files in S3 and the items in DynamoDB say what the report says, and the manifest seals the files."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from typing import Any

import pytest

from orchestrator import app
from orchestrator.aws.dynamodb_items import DynamoItems
from orchestrator.core.model import Mode
from orchestrator.core.report.csv import read_rows
from orchestrator.demo.faults import Fault
from orchestrator.demo.organization import BUCKET, TABLE
from orchestrator.ledger.ledger import Ledger
from tests.support.embedded import OrganizationBuilder
from tests.support.sweeps import DEV, DEV_RULE, FRANKFURT, MILAN, Row, Sweeps, Swept

POLICY = f"{DEV_RULE}required_tags: [Owner]\n"
OPT_OUT = "stop-orchestrator:opt-out"
TABLES = {"decisions.csv", "coverage.csv", "compliance.csv", "opt_outs.csv"}
FILES = {"plan.json", "report.json", "report.html", "decisions.jsonl.gz", "manifest.json", *TABLES}
NAME = '=HYPERLINK("http://evil.example","Überraschung, klick!")'


@pytest.fixture
def swept(organization: OrganizationBuilder, sweep: Sweeps) -> Swept:
    """A sweep in which everything happens: stopped, refused, exempt, denied, disabled, opted out."""
    organization.hub()
    account = organization.account("dev, mostly", "/Workloads/Dev")
    organization.instances(account, FRANKFURT, 2, {**DEV, "Owner": "web", "Name": NAME})
    organization.instances(account, FRANKFURT, 1, DEV, DisableApiStop=True)
    organization.instances(account, FRANKFURT, 1, {**DEV, OPT_OUT: "2999-12-31", "Owner": "-web"})
    organization.account("denied", role=False)
    organization.account("opted-out", tags={OPT_OUT: "true"})
    return sweep(POLICY, regions=(FRANKFURT, MILAN), report_bucket=BUCKET, table=TABLE)


def files_of(organization: OrganizationBuilder, swept: Swept) -> dict[str, bytes]:
    s3 = organization.client("s3")
    bucket, _, key = swept.location.removeprefix("s3://").partition("/")
    folder = key.removesuffix("report.json")
    stored = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    keys = [one for one in stored if not one.startswith("index/")]
    assert sorted({*stored} - {*keys}) == ["index/index.html", "index/sweeps.json"]
    assert all(one.startswith(folder) for one in keys)
    return {one.removeprefix(folder): s3.get_object(Bucket=bucket, Key=one)["Body"].read() for one in keys}


def items_of(organization: OrganizationBuilder, **key: str) -> list[dict[str, Any]]:
    """The items under one key, in plain values."""
    [(name, value)] = key.items()
    answer = organization.client("dynamodb").query(
        TableName=TABLE,
        KeyConditionExpression=f"{name} = :value",
        ExpressionAttributeValues={":value": {"S": value}},
        **({"IndexName": "GSI1"} if name.startswith("GSI1") else {}),
    )
    return [{field: next(iter(typed.values())) for field, typed in item.items()} for item in answer["Items"]]


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(content.decode().splitlines()))


def cells(rows: list[Row], *columns: str) -> list[list[str]]:
    return [[str(row[column] or "") for column in columns] for row in rows]


def test_every_file_is_there_and_the_manifest_has_the_hash_of_each(
    organization: OrganizationBuilder, swept: Swept
) -> None:
    files = files_of(organization, swept)
    assert set(files) == FILES
    sealed = json.loads(files["manifest.json"])
    assert sealed["sweep_id"] == swept.sweep_id
    assert sealed["files"] == {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in files.items()
        if name != "manifest.json"
    }


def test_the_json_and_the_lines_are_the_report(organization: OrganizationBuilder, swept: Swept) -> None:
    files = files_of(organization, swept)
    assert json.loads(files["report.json"]) == json.loads(json.dumps(swept.document))
    lines = gzip.decompress(files["decisions.jsonl.gz"]).splitlines()
    assert [json.loads(line) for line in lines] == swept.document["decisions"]
    assert {row["status"] for row in swept.document["coverage"]} == {
        "scanned",
        "region_disabled",
        "denied",
        "opted_out",
        "excluded",
    }
    assert sorted(row["status"] for row in swept.document["outcomes"]) == ["failed", "stopped", "stopped"]


def test_the_tables_have_the_reports_rows(organization: OrganizationBuilder, swept: Swept) -> None:
    files = files_of(organization, swept)
    decisions, coverage = (table(files[f"{name}.csv"]) for name in ("decisions", "coverage"))
    compliance = read_rows(files["compliance.csv"])
    place = ("account_id", "region", "resource_id")
    assert cells(decisions, *place, "verdict", "rule", "reason") == cells(
        swept.document["decisions"], *place, "verdict", "rule", "reason"
    )
    assert {
        row["resource_id"]: (row["outcome"], row["code"], row["message"]) for row in decisions if row["outcome"]
    } == {one: (row["status"], row["code"], row["message"]) for one, row in swept.outcomes.items()}
    columns = ("account_id", "account_name", "ou_path", "region", "status", "detail")
    assert cells(coverage, *columns) == cells(swept.document["coverage"], *columns)
    assert compliance == swept.document["compliance"]
    assert [row["violation"] for row in compliance].count("missing_required_tag") == 1


@pytest.mark.full
def test_a_cell_that_a_spreadsheet_would_run_is_defused(organization: OrganizationBuilder, swept: Swept) -> None:
    names = {row["name"] for row in table(files_of(organization, swept)["decisions.csv"])}
    assert names == {f"'{NAME}", ""}
    assert {row["name"] for row in swept.document["decisions"]} == {NAME, ""}


def test_the_ledger_has_the_sweep_its_targets_and_its_actions(organization: OrganizationBuilder, swept: Swept) -> None:
    [summary] = items_of(organization, PK="SWEEPS")
    assert (summary["SK"], summary["status"], summary["mode"]) == (swept.sweep_id, "incomplete", "enforce")
    assert summary["report"] == swept.location
    totals = {name: int(typed["N"]) for name, typed in summary["totals"].items()}
    assert totals == swept.document["totals"]
    items = {item["SK"]: item for item in items_of(organization, PK=f"SWEEP#{swept.sweep_id}")}
    accounts = {key for key in items if key.startswith("TARGET#")}
    assert accounts == {f"TARGET#{account}" for account, _ in swept.coverage}
    ledger = Ledger(DynamoItems(organization.client("dynamodb"), TABLE), app.now)
    seen = [one for key in accounts for one in ledger.coverage_of(swept.sweep_id, key.removeprefix("TARGET#"))]
    assert {(one.account_id, one.region): (one.status, one.detail) for one in seen} == {
        place: (row["status"], row["detail"]) for place, row in swept.coverage.items()
    }
    actions = {item["resource_id"]: item for key, item in items.items() if key.startswith("ACTION#")}
    assert {one: (item["status"], item["code"]) for one, item in actions.items()} == {
        one: (row["status"], row["code"]) for one, row in swept.outcomes.items()
    }
    assert all(int(item["expires_at"]) > 0 for item in (summary, *items.values()))


@pytest.mark.full
def test_what_was_tried_on_one_instance_is_found_by_its_arn_and_a_plan_tried_nothing(
    organization: OrganizationBuilder, sweep: Sweeps, swept: Swept
) -> None:
    [one] = [row for row in swept.outcomes.values() if row["status"] == "failed"]
    sweep(POLICY, mode=Mode.PLAN, report_bucket=BUCKET, table=TABLE)
    again = sweep(POLICY, report_bucket=BUCKET, table=TABLE)
    found = items_of(organization, GSI1PK=f"RESOURCE#{one['arn']}")
    assert {item["GSI1SK"]: item["status"] for item in found} == {
        swept.sweep_id: "failed",
        again.sweep_id: "failed",
    }


def test_a_sweep_that_an_error_ends_leaves_a_report_that_says_so(
    organization: OrganizationBuilder, sweep: Sweeps
) -> None:
    organization.hub()
    organization.front.faults.add(
        Fault("AWSOrganizationsNotInUseException", "Not in one.", operation="organizations:*")
    )
    with pytest.raises(Exception, match="the organization cannot be listed"):
        sweep(report_bucket=BUCKET, table=TABLE)
    [summary] = items_of(organization, PK="SWEEPS")
    assert summary["status"] == "failed"
    assert "Not in one." in summary["error"]
    body = organization.client("s3").get_object(Bucket=BUCKET, Key=summary["report"].split("/", 3)[3])["Body"]
    assert "Not in one." in json.loads(body.read())["error"]
