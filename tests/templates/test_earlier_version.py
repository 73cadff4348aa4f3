"""An upgrade keeps what is deployed: the hub's template against the one of the version before, as it was published.

CloudFormation replaces what has another logical id, type or name. A resource that is replaced is a new and empty one.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.support.cloudformation import EARLIER_HUB, parse, resolved, template

POLICIES = ("DeletionPolicy", "UpdateReplacePolicy")
FIXED = (
    "AlarmName",
    "BucketName",
    "DashboardName",
    "FunctionName",
    "KeySchema",
    "LogGroupName",
    "Name",
    "QueueName",
    "RoleName",
    "StateMachineName",
    "TableName",
    "TopicName",
)
"""Properties with which CloudFormation replaces a resource when they change."""

PUBLISHED = "9ff28199abb2cae85c3537efbdbd604ef7b3f5d4af9d6827eae52a2540cde33e"
"""SHA-256 of the file in the version before."""

TAKEN_AWAY = {"NoSweepAlarm"}
"""On purpose, and holding nothing: it counted sweeps of any mode, and MissedAlarm is in its place."""

Section = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def earlier() -> dict[str, Any]:
    return parse(EARLIER_HUB.read_text())


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    return template("hub")


def _held(resources: Section) -> Section:
    """Of each resource, what decides whether an update finds it again."""
    return {
        logical_id: {key: resource.get(key) for key in ("Type", "Condition", *POLICIES)}
        | {key: value for key, value in resource.get("Properties", {}).items() if key in FIXED}
        for logical_id, resource in resources.items()
    }


def _of(names: Section, section: Section) -> Section:
    return {name: section[name] for name in names if name in section}


def test_the_earlier_template_is_the_one_that_was_published() -> None:
    """An edit of it, or a merge that takes it for the file it was copied from, would hide what it is here to show."""
    assert hashlib.sha256(EARLIER_HUB.read_bytes()).hexdigest() == PUBLISHED


def test_every_resource_has_the_logical_id_type_name_and_retention_that_it_had(
    earlier: dict[str, Any], now: dict[str, Any]
) -> None:
    """But for the kill switch (below); and evidence goes when the very deployment that made it fails."""
    before = _held(earlier["Resources"])
    del before["KillSwitch"]
    for one in before.values():
        if one["DeletionPolicy"] == "Retain":
            one["DeletionPolicy"] = "RetainExceptOnCreate"
    left = _of(before, _held(now["Resources"]))
    assert left == {name: one for name, one in before.items() if name not in TAKEN_AWAY}


def test_what_keeps_evidence_stays_when_it_is_removed_or_replaced(now: dict[str, Any]) -> None:
    retained = ("RetainExceptOnCreate", "Retain")
    kept = {name for name, one in _held(now["Resources"]).items() if tuple(one[key] for key in POLICIES) == retained}
    assert kept == {"KillSwitch", "ReportBucket", "ReportBucketPolicy", "Table"}


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        ("\n  ReportBucket:\n", "\n  Bucket:\n"),
        ("AWS::SNS::Topic\n", "AWS::SQS::Queue\n"),
        ("Type: AWS::DynamoDB::Table\n    DeletionPolicy: Retain\n", "Type: AWS::DynamoDB::Table\n"),
        ('QueueName: !Sub "${FunctionName}-dead-letters"', 'QueueName: !Sub "${FunctionName}-failed"'),
        (
            "  Table:\n    Type: AWS::DynamoDB::Table\n",
            "  Table:\n    Condition: HasKey\n    Type: AWS::DynamoDB::Table\n",
        ),
    ],
)
def test_a_resource_that_an_update_would_not_find_is_noticed(earlier: dict[str, Any], was: str, is_now: str) -> None:
    text = EARLIER_HUB.read_text()
    assert text.count(was) == 1
    before = _held(earlier["Resources"])
    assert _of(before, _held(parse(text.replace(was, is_now))["Resources"])) != before


def test_the_kill_switch_of_an_earlier_stack_is_retained_and_changed_in_nothing_else(
    earlier: dict[str, Any], now: dict[str, Any]
) -> None:
    """With any change CloudFormation writes the template's value again, and releases a switch that was pulled."""
    attributes = {
        "Condition": "KeepsKillSwitch",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
    }
    assert now["Resources"]["KillSwitch"] == {**earlier["Resources"]["KillSwitch"], **attributes}


def test_a_new_stack_has_no_kill_switch_of_its_own_that_an_update_could_release() -> None:
    assert "KillSwitch" not in resolved("hub")["Resources"]
    assert "KillSwitch" in resolved("hub", KillSwitchInStack="true")["Resources"]


def test_every_parameter_has_the_type_and_default_that_it_had(earlier: dict[str, Any], now: dict[str, Any]) -> None:
    """But for how many threads there are: more of them loosen nothing."""
    before = _defaults(earlier["Parameters"])
    before["Workers"]["Default"] = 128
    assert _of(before, _defaults(now["Parameters"])) == before


def test_a_new_parameter_has_a_default(earlier: dict[str, Any], now: dict[str, Any]) -> None:
    """An operator's config/deploy.env of the version before has to be enough."""
    added = {name: one for name, one in now["Parameters"].items() if name not in earlier["Parameters"]}
    assert [name for name, one in added.items() if "Default" not in one] == []


def test_every_output_says_what_it_said(earlier: dict[str, Any], now: dict[str, Any]) -> None:
    before = {name: one["Value"] for name, one in earlier["Outputs"].items()}
    before["KillSwitchName"] = {"Ref": "KillSwitchName"}  # as the parameter's own Ref gives
    del before["DashboardUrl"]  # which knows other partitions now
    assert {name: now["Outputs"].get(name, {}).get("Value") for name in before} == before
    url = resolved("hub")["Outputs"]["DashboardUrl"]["Value"]
    assert url.startswith("https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#dashboards")


def _defaults(parameters: Section) -> Section:
    return {name: {key: one.get(key) for key in ("Type", "Default")} for name, one in parameters.items()}
