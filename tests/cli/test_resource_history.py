"""history RESOURCE: every sweep that touched it, from the ledger's index; history --since."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator import app
from orchestrator.cli.since import since
from orchestrator.core.model import OutcomeStatus, Resource, Verdict
from orchestrator.core.report.document import report_document
from orchestrator.core.report.files import report_files
from orchestrator.demo.faults import Fault
from orchestrator.errors import SettingsError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import SweepSummary
from orchestrator.local.folder_report_store import LocalReportStore
from orchestrator.local.sqlite_items import SqliteItems
from tests.support.builders import ACCOUNT, AT, REGION, a_decision, a_report, a_resource, an_outcome
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.sweeps import DEV, DEV_RULE, FRANKFURT

STORE = Path(".stop-orchestrator")
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ENFORCE = ("sweep", "--mode", "enforce", "--yes", "--format", "json", "--policy")


@pytest.mark.parametrize("where", ["folder", "bucket"])
def test_every_sweep_that_touched_an_instance_is_listed_with_what_came_of_it_and_how_it_was_undone(
    organization: OrganizationBuilder,
    healthy: str,
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    if where == "bucket":
        for name, value in organization.hub().items():
            monkeypatch.setenv(name, value)
    organization.instances(healthy, FRANKFURT, 1, {**DEV, "Tier": "other"})
    planned = run("plan", "--policy", policy(DEV_RULE), "--format", "json").report
    row, other = planned["decisions"]
    arn, instance = row["arn"], row["resource_id"]
    none = run("history", arn)
    assert none.stdout == f"No sweep that the ledger still has touched {arn}.\n"
    applied = run("apply", planned["sweep_id"], "--yes", "--format", "json").report["sweep_id"]
    down = json.loads(run("history", arn, "--format", "json").stdout)
    assert (down["held_down_by"], [one["undone_by"] for one in down["actions"]]) == (applied, [None])
    hint = f"  stop-orchestrator undo {applied} --account {healthy} --region {FRANKFURT} --resource {instance}"
    assert hint in run("history", arn).stdout.splitlines()
    undone = run("undo", applied, "--resource", instance, "--yes", "--format", "json").report["sweep_id"]
    organization.front.faults.add(Fault("UnauthorizedOperation", operation="ec2:StopInstances"))
    refused = run(*ENFORCE, policy(DEV_RULE)).report["sweep_id"]
    found = json.loads(run("history", arn, "--format", "json").stdout)
    assert found["held_down_by"] is None
    names = ("sweep_id", "mode", "action", "status", "source_sweep_id", "undone_by", "confirmed_how")
    assert [tuple(one[name] for name in names) for one in found["actions"]] == [
        (refused, "enforce", "stop", "failed", None, None, "--yes"),
        (undone, "undo", "start", "started", applied, None, "--yes"),
        (applied, "apply", "stop", "stopped", planned["sweep_id"], undone, "apply"),
    ]
    assert all(one["confirmed_by"] and one["requested_at"] for one in found["actions"])
    assert found["actions"][0]["code"] == "UnauthorizedOperation"
    for form in ((f"{healthy}/{FRANKFURT}/{instance}",), (instance,), (instance, "--account", healthy)):
        again = json.loads(run("history", *form, "--format", "json").stdout)
        assert again["actions"] == found["actions"]
    assert len(json.loads(run("history", arn, "--limit", "1", "--format", "json").stdout)["actions"]) == 1
    monkeypatch.setattr("orchestrator.cli.console.stdout.width", 80)
    lines = run("history", arn).stdout.splitlines()
    assert lines[0] == arn
    assert f"{applied} was undone by {undone}" in lines
    assert f"{undone} undid {applied}" in lines
    assert any(line.startswith(f"{refused} failed: UnauthorizedOperation: ") for line in lines)
    table = [line for line in lines[1:] if not line.startswith((refused, undone, applied))]
    assert max(map(len, table)) <= 80
    assert other["arn"] not in "".join(lines)


def begun(sweep_id: str, **more: Any) -> None:
    at = f"{sweep_id[:4]}-{sweep_id[4:6]}-{sweep_id[6:8]}T19:00:00Z"
    Ledger(SqliteItems(STORE), app.now).begin(SweepSummary(sweep_id, "complete", "plan", "test", at, at, **more))


def test_what_aws_said_and_who_asked_is_inert_and_what_has_expired_is_unknown(run: Run) -> None:
    resource = a_resource("i-1")
    hostile = "\x1b[31m\u202e<img src=x onerror=alert(1)>=HYPERLINK(1)"
    ledger = Ledger(SqliteItems(STORE), app.now)
    begun("20261123T190000Z-7f3a9c", asked_by=hostile)
    for sweep_id in ("20261123T190000Z-7f3a9c", "20261101T190000Z-7f3a9c"):
        outcome = an_outcome(OutcomeStatus.FAILED, resource, code="X", message=hostile, requested_at=AT)
        ledger.record_outcomes(sweep_id, [outcome], {})
    ran = run("history", resource.arn)
    assert ran.exit_code == 0
    assert not {"\x1b", "\u202e"} & {*ran.stdout}
    [first, second] = json.loads(run("history", resource.arn, "--format", "json").stdout)["actions"]
    assert (first["asked_by"], first["message"]) == (hostile, hostile)
    assert (second["sweep_id"], second["asked_by"], second["mode"]) == ("20261101T190000Z-7f3a9c", None, None)
    recent = json.loads(run("history", resource.arn, "--since", "2026-11-20", "--format", "json").stdout)["actions"]
    assert recent == [first]


def test_an_id_that_no_report_has_says_how_to_name_it(run: Run) -> None:
    ran = run("history", "i-00000000000000009")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "where i-00000000000000009 is, is not known" in ran.stderr
    assert "name its ARN, or ACCOUNT/REGION/ID, or --account, --region and --kind" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--region", "eu-central-1"), "--region and --kind go with RESOURCE"),
        (("arn:aws:s3:::bucket",), "is no ARN of a kind that is swept"),
        (("--since", "yesterday"), "--since: 'yesterday' is no moment"),
        (("i-1", "--account", "12"), "'12' is no account's id"),
    ],
)
def test_what_names_nothing_is_bad_usage(run: Run, arguments: tuple[str, ...], said: str) -> None:
    ran = run("history", *arguments)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert said in ran.stderr


def test_sweeps_since_a_day_are_listed_all_of_them_unless_a_limit_says_otherwise(run: Run) -> None:
    for day in range(1, 29):
        begun(f"202611{day:02}T190000Z-7f3a9c")

    def listed(*arguments: str) -> list[str]:
        return [one["sweep_id"][6:8] for one in json.loads(run("history", "--format", "json", *arguments).stdout)]

    assert listed("--since", "2026-11-26") == ["28", "27", "26"]
    assert listed("--since", "2026-11-26T19:00:01") == ["28", "27"]
    assert len(listed("--since", "2026-11-01")) == 28
    assert listed("--since", "2026-11-01", "--limit", "2") == ["28", "27"]
    assert len(listed()) == 20


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T19:30", datetime(2026, 11, 1, 19, 30, tzinfo=UTC)),
        ("2026-11-01T19:30+02:00", datetime(2026, 11, 1, 17, 30, tzinfo=UTC)),
        ("12h", NOW - timedelta(hours=12)),
        ("7d", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(days=14)),
        ("99999w", NOW - timedelta(weeks=99999)),
    ],
)
def test_since_is_a_day_a_moment_or_so_long_ago(text: str, moment: datetime) -> None:
    assert since(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "d", "0d", "-1d", "7 d", "7m", "2026-13-01", "soon", "7D"])
def test_what_is_no_moment_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(SettingsError, match="such as 2026-11-01"):
        since(text, NOW)


def test_of_what_stopped_with_its_cluster_it_names_the_cluster(run: Run) -> None:
    def one(kind: str, name: str, form: str, **facts: Any) -> Resource:
        arn = f"arn:aws:rds:{REGION}:{ACCOUNT}:{form}:{name}"
        return replace(a_resource(name), kind=kind, arn=arn, facts=facts)

    cluster = one("rds_cluster", "shop", "cluster")
    member = one("rds", "shop-1", "db", db_cluster_identifier="shop")
    alone = one("rds", "alone", "db", db_cluster_identifier=None)
    decisions = (a_decision(cluster), *(a_decision(its, Verdict.KEEP, facts=its.facts) for its in (member, alone)))
    document = report_document(a_report(decisions=decisions))
    begun(document["sweep_id"])
    LocalReportStore(STORE).put(document["sweep_id"], "report.json", report_files(document)["report.json"])
    lines = run("history", member.arn).stdout.splitlines()
    assert lines[1:] == ["It stops and starts with what it belongs to:", f"  stop-orchestrator history {cluster.arn}"]
    assert json.loads(run("history", member.arn, "--format", "json").stdout)["belongs_to"] == [cluster.arn]
    for arn in (alone.arn, cluster.arn):
        assert run("history", arn).stdout == f"No sweep that the ledger still has touched {arn}.\n"
