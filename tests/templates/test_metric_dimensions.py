"""CloudWatch finds a metric by every dimension of it: alarms and dashboard ask for those that the code writes.

One that asks for another set is never wrong in CloudWatch's eyes: it has no data, for ever.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cloudformation.alarms import policy_alarms
from orchestrator.core.diagnosis.missed import DueSweep
from orchestrator.core.model import Mode
from orchestrator.core.model.notification import Channel, ChannelKind, Listener, Notifications
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.scheduled_sweeps import ScheduledSweep
from orchestrator.core.report.document import report_document
from orchestrator.lambdas import metrics
from tests.support.builders import a_report
from tests.support.cloudformation import EVERYTHING, resolved
from tests.support.lambdas import dimension_sets
from tests.support.policies import load

HUB = "night-shift"
TOPIC = "arn:aws:sns:eu-central-1:111122223333:team-a"
NIGHTLY = ScheduledSweep("nightly", Mode.ENFORCE, "cron(0 20 * * ? *)", ZoneInfo("UTC"), timedelta(minutes=5))
Watched = tuple[str, str, str, Mapping[str, str]]
"""Who watches, which namespace and metric, with which dimensions."""


@pytest.fixture
def emitted(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Mapping[str, list[dict[str, str]]]:
    """The sets of dimensions of each metric that the Lambdas write, as the template sets them up."""
    monkeypatch.setenv("STOP_ORCHESTRATOR_FUNCTION", HUB)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "another-dimension")
    metrics.measure(report_document(a_report()))
    metrics.measure_undelivered("nonprod", "enforce", 1)
    metrics.measure_missed([DueSweep("nonprod", NIGHTLY, None)])
    metrics.measure_diagnosis("nonprod", failed=False)
    metrics.measure_diagnosis(failed=True)
    return dimension_sets(capsys.readouterr().out)


def _resources() -> dict[str, Any]:
    resources: dict[str, Any] = resolved("hub", **{**EVERYTHING["hub"], "FunctionName": HUB})["Resources"]
    return resources


def _watched(resources: Mapping[str, Any]) -> Iterator[Watched]:
    for name, resource in resources.items():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            stats = [one["MetricStat"]["Metric"] for one in properties.get("Metrics", ()) if "MetricStat" in one]
            for metric in [properties] if "MetricName" in properties else stats:
                dimensions = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
                yield name, metric["Namespace"], metric["MetricName"], dimensions
        if resource["Type"] == "AWS::CloudWatch::Dashboard":
            for widget in json.loads(properties["DashboardBody"])["widgets"]:
                for namespace, metric_name, *pairs in _in_full(widget["properties"].get("metrics", ())):
                    yield name, namespace, metric_name, dict(zip(pairs[::2], pairs[1::2], strict=True))


def _in_full(rows: list[list[Any]]) -> Iterator[list[str]]:
    """A `.` means what stands there in the row before."""
    before: list[str] = []
    for options_too in rows:
        row = [word for word in options_too if isinstance(word, str)]
        before = [before[place] if word == "." else word for place, word in enumerate(row)]
        yield before


def _own(resources: Mapping[str, Any]) -> list[Watched]:
    return [one for one in _watched(resources) if one[1] == metrics.NAMESPACE]


def test_every_alarm_and_widget_asks_for_dimensions_that_are_written(
    emitted: Mapping[str, list[dict[str, str]]],
) -> None:
    watched = _own(_resources())
    assert len(watched) > 10
    for who, _, metric, dimensions in watched:
        assert dimensions in emitted.get(metric, ()), f"{who} watches {metric} by {dimensions}"


def test_no_two_hubs_of_one_account_share_a_metric() -> None:
    for _, _, _, dimensions in _own(_resources()):
        assert dimensions["FunctionName"] == HUB


def test_every_function_of_the_hub_writes_metrics_in_the_name_of_the_one_that_sweeps() -> None:
    functions = [one for one in _resources().values() if one["Type"] == "AWS::Lambda::Function"]
    assert len(functions) > 1
    for function in functions:
        assert function["Properties"]["Environment"]["Variables"]["STOP_ORCHESTRATOR_FUNCTION"] == HUB


def test_what_a_sweep_did_comes_by_policy_and_mode_too(emitted: Mapping[str, list[dict[str, str]]]) -> None:
    report = a_report()
    by_policy = {"FunctionName": HUB, "Policy": report.policy_name, "Mode": report.mode.value}
    sweeps = {name: sets for name, sets in emitted.items() if name not in {"SweepsMissed", "DoctorFailed"}}
    assert {json.dumps(sets) for sets in sweeps.values()} == {json.dumps([{"FunctionName": HUB}, by_policy])}


def _policy(name: str, *sweeps: str) -> OrgPolicy:
    return load(f"version: 1\nname: {name}\nsweeps: [{', '.join(sweeps)}]\n")


def telling(policy: OrgPolicy) -> OrgPolicy:
    heard = Listener(Channel(ChannelKind.SNS, TOPIC), frozenset())
    return replace(policy, notify=Notifications((heard,)))


def test_an_alarm_for_each_policy_and_mode_asks_for_dimensions_that_are_written(
    emitted: Mapping[str, list[dict[str, str]]],
) -> None:
    nightly = '{name: nightly, mode: enforce, cron: "0 20 * * ? *"}'
    policy = _policy("nonprod", nightly, "{name: hourly, mode: enforce, rate: 1 hour}")
    alarms = policy_alarms([telling(policy)])
    assert list(alarms) == [f"{one}AlarmOfEnforcenonprod" for one in ("Missed", "Held", "StopsFailed")]
    for alarm in alarms.values():
        dimensions = {one["Name"]: one["Value"] for one in alarm["Properties"]["Dimensions"]}
        assert dimensions["FunctionName"] == {"Ref": "FunctionName"}
        assert {**dimensions, "FunctionName": HUB} in emitted[alarm["Properties"]["MetricName"]]


def test_a_policys_own_topic_hears_of_its_sweeps_and_the_hubs_of_what_was_missed() -> None:
    policy = _policy("nonprod", "{name: hourly, mode: enforce, rate: 1 hour}")
    told = [one["Properties"]["AlarmActions"] for one in policy_alarms([telling(policy)]).values()]
    assert told == [[{"Ref": "Topic"}, TOPIC], [TOPIC], [TOPIC]]
    [missed] = policy_alarms([policy]).values()
    assert missed["Properties"]["AlarmActions"] == [{"Ref": "Topic"}]


def test_two_policies_whose_names_differ_in_a_sign_alone_have_an_alarm_each() -> None:
    names = ("a-b", "a.b", "a_b", "ab", "aX2dXb")
    alarms = policy_alarms([_policy(name, "{name: hourly, mode: plan, rate: 1 hour}") for name in names])
    assert len(alarms) == len(names)
    assert all(one.isalnum() for one in alarms)
