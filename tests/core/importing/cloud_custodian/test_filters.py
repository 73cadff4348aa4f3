"""Each filter as a condition: never wider than Cloud Custodian's own code, whose answers are stored."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from typing import Any

import pytest

from orchestrator.core.decide.decisions import decide
from orchestrator.core.importing.cloud_custodian.policies import import_policies
from orchestrator.core.importing.imported import Imported, InputFile
from orchestrator.core.model import AccountId, Region, Resource, Target, Verdict
from orchestrator.core.policy.loading import load_policy
from orchestrator.kinds.ec2.rules import resource_of
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.core.importing.cloud_custodian.test_truth import DATA, truth
from tests.support.builders import an_account

CASE = json.loads((DATA / "filters.json").read_text())
NOW = datetime.fromisoformat(CASE["now"])
FILTERS = CASE["filters"]
TARGET = Target(AccountId("111111111111"), Region("eu-central-1"))


@cache
def instances() -> list[Resource]:
    return [resource_of(described(number, one), TARGET, "aws", {}) for number, one in enumerate(CASE["instances"])]


def described(number: int, instance: dict[str, Any]) -> dict[str, Any]:
    devices = [times(one["Ebs"]) for one in instance["BlockDeviceMappings"]]
    interfaces = [times(one["Attachment"]) for one in instance.get("NetworkInterfaces", ())]
    return {
        **instance,
        "InstanceId": f"i-{number:04}",
        "State": {"Name": instance.get("State", "running")},
        "LaunchTime": datetime.fromisoformat(instance["LaunchTime"]),
        "BlockDeviceMappings": [{"Ebs": one} for one in devices],
        "NetworkInterfaces": [{"Attachment": one} for one in interfaces],
        "Tags": [{"Key": key, "Value": value} for key, value in instance["Tags"].items()],
    }


def times(attachment: dict[str, str]) -> dict[str, datetime]:
    return {key: datetime.fromisoformat(value) for key, value in attachment.items()}


@cache
def imported(number: int) -> Imported:
    policy = {"name": "one", "resource": "ec2", "filters": [FILTERS[number]], "actions": ["stop"]}
    return import_policies([InputFile("one.json", json.dumps({"policies": [policy]}))], "one", DESCRIPTIONS)


@cache
def stopped_by_us(number: int) -> set[int] | None:
    """None where the filter was not carried over."""
    if not imported(number).rules:
        return None
    policy, account = load_policy(imported(number).text, "one", DESCRIPTIONS), an_account()
    verdicts = [decide(policy, one, account, NOW).verdict for one in instances()]
    return {at for at, verdict in enumerate(verdicts) if verdict is Verdict.STOP}


def stopped_there(number: int) -> set[int]:
    """Of what a stop acts on: it runs, and is not a spot instance that a stop would end for good."""
    spared = ("State", "InstanceLifecycle")
    return {one for one in truth()["filters"][number] or () if not any(key in CASE["instances"][one] for key in spared)}


@pytest.mark.parametrize("number", range(len(FILTERS)), ids=[json.dumps(one) for one in FILTERS])
def test_a_filter_is_never_wider_than_the_original(number: int) -> None:
    ours = stopped_by_us(number)
    if ours is None:
        assert imported(number).not_carried_over
    else:
        assert ours <= stopped_there(number)


ALLOWED = (
    # The word itself as a tag's value; letters and spaces that hardly any value has; one very instant.
    '{"tag:Env": "absent"}',
    '{"tag:Env": "empty"}',
    '"value": "absent"',
    '"value_type": "normalize"',
    '"op": "le"',
    '{"not": [{"type": "instance-uptime", "op": "gt"',
    '{"not": [{"type": "instance-age", "op": "g',
    '"op": "gt", "value_type": "age"}]}',
    '{"type": "instance-age"',
    '{"type": "value", "key": "KeyName", "value": "k", "op": "ne"}',
    '{"not": [{"type": "value", "key": "KeyName", "value": "k"}]}',
)


def test_most_filters_are_carried_over_and_do_the_same() -> None:
    same = [number for number in range(len(FILTERS)) if stopped_by_us(number) == stopped_there(number)]
    assert len(same) > 100


def test_what_acts_on_less_is_listed_but_for_corners() -> None:
    unsaid = [
        json.dumps(FILTERS[number])
        for number in range(len(FILTERS))
        if stopped_by_us(number) not in (None, stopped_there(number)) and not imported(number).not_carried_over
    ]
    assert [one for one in unsaid if not any(allowed in one for allowed in ALLOWED)] == []
