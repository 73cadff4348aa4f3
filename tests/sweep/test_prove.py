"""What a proof waits for between the stop and the start, and by which policy one resource is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import yaml

from orchestrator.core.model import AwsError, Resource, ResourceKey, ResourceState
from orchestrator.core.policy.loading import load_policy
from orchestrator.core.policy.one_resource import text_for_one
from orchestrator.kinds.registry import DESCRIPTIONS
from orchestrator.ports import Runtime, TargetUnreadableError, Time
from orchestrator.sweep.prove import _wait_until_down
from orchestrator.sweep.undo import UndoFilter
from tests.support.builders import a_policy, a_resource

ONE = a_resource()
AT = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    @property
    def time(self) -> Time:
        return Time(now=lambda: AT, clock=lambda: self.at, sleep=self.sleep)


def waited(*seen: ResourceState | Exception | None, clock: Clock | None = None, interrupted: bool = False) -> str:
    """The last of what is seen is seen from then on."""
    left: Iterator[ResourceState | Exception | None] = iter(seen)
    latest: list[ResourceState | Exception | None] = [seen[0]]

    def look(_: ResourceKey) -> Resource | None:
        latest[0] = next(left, latest[0])
        if isinstance(latest[0], Exception):
            raise latest[0]
        return None if latest[0] is None else replace(ONE, state=latest[0], aws_state=latest[0].value)

    return _wait_until_down(look, ONE.key, Runtime(interrupted=lambda: interrupted), (clock or Clock()).time)


UNREADABLE = TargetUnreadableError(AwsError("RequestLimitExceeded", "too many"), "ec2:DescribeInstances")


@pytest.mark.parametrize(
    "seen",
    [
        (ResourceState.STOPPED,),
        (ResourceState.RUNNING, ResourceState.STOPPING, ResourceState.STOPPED),
        (UNREADABLE, ResourceState.STOPPED),
        (None,),
        (ResourceState.GONE,),
    ],
)
def test_it_is_started_once_it_was_seen_down(seen: tuple[ResourceState | Exception | None, ...]) -> None:
    assert waited(*seen) == ""


@pytest.mark.parametrize(
    ("last", "why"),
    [
        (ResourceState.STOPPING, "it was still stopping after 5 minutes"),
        (ResourceState.RUNNING, "it was still running after 5 minutes"),
        (UNREADABLE, "RequestLimitExceeded"),
    ],
)
def test_what_is_not_seen_down_in_five_minutes_is_left_and_why_is_said(
    last: ResourceState | Exception, why: str
) -> None:
    clock = Clock()
    assert why in waited(last, clock=clock)
    assert 300 <= clock.at < 310


def test_an_interruption_ends_the_waiting() -> None:
    assert waited(ResourceState.STOPPING, interrupted=True) == "it was interrupted"


# --- the policy -------------------------------------------------------------------------------------------------------

WHOLE = """\
version: 1
name: nonprod
timezone: Europe/Berlin
organization: {include: [/Dev], exclude: [/Dev/Always], exclude_accounts: ["111122223333"]}
regions: {include: ["eu-*"], exclude: [eu-west-*]}
unresolved_names: allow
schedules: {office: {timezone: Europe/Berlin, running: ["mon-fri 07:00-19:00"]}}
rules: [{name: dev, kinds: [ec2, rds], where: everything, schedule: office, action: hibernate}]
guardrails:
  max_stops: 500
  max_stops_percent: 60
  per_account: {max_stops: 100, max_stops_percent: 50}
  min_coverage_percent: 80
kill_switch: {unreadable: stop}
max_tag_age: 2m
waves: [{accounts: 1}]
"""


def test_all_that_spares_holds_and_one_rule_is_about_the_account_and_the_region() -> None:
    whole = load_policy(WHOLE, "p.yaml", DESCRIPTIONS)
    made = load_policy(text_for_one(whole, ONE.key), "p.yaml", DESCRIPTIONS)
    same = ("name", "timezone", "organization", "regions", "unresolved_names", "kill_switch", "max_tag_age")
    assert [getattr(made, one) for one in same] == [getattr(whole, one) for one in same]
    [rule] = made.rules
    assert (rule.name, set(rule.kinds), rule.schedule, rule.action.value) == (
        f"prove-{ONE.resource_id}",
        {ONE.kind},
        None,
        "stop",
    )
    assert made.document["guardrails"] == {"max_stops": 1, "per_account": {"max_stops": 100}}
    assert made.sha256 != whole.sha256


def test_a_policy_that_lets_nothing_be_stopped_lets_this_one_not_be_stopped_either() -> None:
    whole = load_policy(WHOLE.replace("max_stops: 500", "max_stops: 0"), "p.yaml", DESCRIPTIONS)
    assert yaml.safe_load(text_for_one(whole, ONE.key))["guardrails"]["max_stops"] == 0


def test_a_limit_of_starts_does_not_keep_a_proof_from_starting_what_it_stopped() -> None:
    whole = a_policy("guardrails: {max_stops: 5, max_starts: 0, per_account: {max_starts: 0}}")
    assert yaml.safe_load(text_for_one(whole, ONE.key))["guardrails"] == {"max_stops": 1, "per_account": {}}


def test_two_instances_of_one_account_have_two_policies_so_that_neither_proof_is_taken_for_the_other() -> None:
    whole = load_policy(WHOLE, "p.yaml", DESCRIPTIONS)
    other = ONE.key._replace(resource_id="i-other")
    assert text_for_one(whole, ONE.key) != text_for_one(whole, other)


def test_the_one_resource_of_a_plan_is_found_again_in_its_record() -> None:
    item = UndoFilter.of(ONE.key).as_item()
    assert UndoFilter.from_item(item).one({ONE.kind}) == ONE.key
    assert UndoFilter().one({ONE.kind}) is None
