"""Two teams in one hub: each policy has a schedule of its own, and a policy whose file is gone has none any more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator import app
from orchestrator.aws.dynamodb_items import DynamoItems
from orchestrator.ledger.ledger import Ledger
from tests.e2e.conftest import WITHOUT, Deployer
from tests.e2e.deployment import FUNCTION, Deployment

pytestmark = pytest.mark.skipif(bool(WITHOUT), reason="one hub at a time")
SWEEPS = 'sweeps: [{name: nightly, mode: enforce, cron: "0 3 1 1 ? *", timezone: Europe/Berlin}]'
COMMON = f"""\
version: 1
regions: {{include: [eu-central-1, eu-west-1]}}
rules: [{{name: dev, where: {{tag: {{Environment: dev}}}}}}]
guardrails: {{max_stops: 20}}
{SWEEPS}
"""
TESTS = f'{COMMON}name: tests\norganization: {{include: ["/Workloads/Test"]}}\nowners: [team-t@example.com]\n'
REST = f'{COMMON}name: rest\norganization: {{include: ["/Workloads"], exclude: ["/Workloads/Test"]}}\n'
SCHEDULES = {name: f"{FUNCTION}-{name}-nightly" for name in ("tests", "rest")}


@pytest.fixture(scope="module")
def hub(started_without: Deployer) -> Iterator[Deployment]:
    with started_without("") as one:
        one.deploy_members()
        one.deploy_policies({"tests.yaml": TESTS, "rest.yaml": REST})
        yield one


def scheduled(hub: Deployment) -> set[str]:
    return {one["Name"] for one in hub.emulator.client("scheduler").list_schedules()["Schedules"]}


def active(hub: Deployment) -> dict[str, str]:
    """Where the text of each active policy is."""
    items = DynamoItems(hub.emulator.client("dynamodb"), hub.output("TableName"), lambda _: None)
    return {name: one.source for name, one in Ledger(items, app.now).active_policies().items()}


def test_each_schedule_sweeps_by_its_own_policy(hub: Deployment) -> None:
    assert scheduled(hub) >= set(SCHEDULES.values())
    bucket = hub.output("ReportBucketName")
    assert active(hub) == {name: f"s3://{bucket}/policies/{name}.yaml" for name in SCHEDULES}
    first, *others = hub.organization.enrolled  # the others are in /Workloads/Test
    for name, accounts, owners in (("tests", others, ["team-t@example.com"]), ("rest", [first], [])):
        report = hub.swept_by(SCHEDULES[name], "enforce")
        assert (report["policy_name"], report["owners"], report["consent_missing"]) == (name, owners, "")
        named = {one: place for one, place in hub.organization.to_stop.items() if place.kind == "ec2"}
        wanted = {one for one, place in named.items() if place.account in accounts}
        stopped = {row["resource_id"] for row in report["outcomes"] if row["status"] == "stopped"}
        assert stopped == wanted


def test_a_file_that_is_gone_takes_its_schedule_and_its_policy_along(hub: Deployment) -> None:
    said = hub.deploy_policies({"rest.yaml": REST})
    assert re.search(r"Remove +│ SweepTestsNightly", said)
    assert re.search(r"tests +│ gone", said)
    assert SCHEDULES["tests"] not in scheduled(hub)
    assert SCHEDULES["rest"] in scheduled(hub)
    assert list(active(hub)) == ["rest"]


def test_the_function_takes_no_event_that_names_what_is_gone(hub: Deployment) -> None:
    bucket = hub.output("ReportBucketName")
    assert invoked(hub, f"s3://{bucket}/policies/rest.yaml")["status"] == "incomplete"  # one account is denied
    refused = invoked(hub, f"s3://{bucket}/policies/tests.yaml")
    assert "is not one that an event may name" in refused["errorMessage"]


def invoked(hub: Deployment, source: str) -> dict[str, Any]:
    event = json.dumps({"mode": "plan", "policy": source}).encode()
    answer = hub.emulator.client("lambda").invoke(FunctionName=FUNCTION, Payload=event)
    read: dict[str, Any] = json.loads(answer["Payload"].read())
    return read
