"""Alarms for each scheduled sweep of each policy, beside the hub's own: policies in, resources out.

CloudWatch tells of an alarm when it changes: while the hub's own alarm tells of one policy, a second missed sweep would
be no news. And a policy's own topic (`notify`) hears of its sweeps alone. As policies come and go, these are made with
their schedules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.core.policy.org_policy import OrgPolicy

_HUB = {"Ref": "FunctionName"}
_TOPIC = {"Ref": "Topic"}


@dataclass(frozen=True, slots=True)
class _Watched:
    """The sweeps of one policy and mode."""

    policy: str
    mode: str
    topics: tuple[str, ...]
    """The policy's own."""


def policy_alarms(policies: Iterable[OrgPolicy]) -> Mapping[str, Mapping[str, Any]]:
    """CloudFormation resources by logical id: for each policy and mode that its `sweeps` name.

    They refer to what the hub's template has: FunctionName, Topic and IsScheduled.
    """
    sweeps = {
        _Watched(policy.name, sweep.mode.value, policy.notify.own_topics)
        for policy in policies
        for sweep in policy.sweeps
    }
    in_order = sorted(sweeps, key=lambda one: (one.policy, one.mode))
    return {name: alarm for one in in_order for name, alarm in _of_sweep(one)}


def _of_sweep(one: _Watched) -> Iterator[tuple[str, Mapping[str, Any]]]:
    of = f"{one.mode.title()}{_spelled(one.policy)}"
    whose = f"mode {one.mode} of policy {one.policy}"
    told = [_TOPIC, *one.topics]
    missed = f"A sweep in {whose} was due and has not begun since."
    # The hourly check writes one value an hour, and an hour without one is no news (the hub's alarm `-unchecked` is).
    yield (
        f"MissedAlarmOf{of}",
        _alarm(one, "SweepsMissed", "sweep-missed", missed, told, Period=3600, TreatMissingData="ignore"),
    )
    if not one.topics:
        return
    held = f"A guardrail held a whole sweep in {whose}, nothing was stopped. Its report says which limit."
    failed = f"A sweep in {whose} asked for stops that failed, or were not seen. Its report says which, and why."
    yield f"HeldAlarmOf{of}", _alarm(one, "SweepsHeld", "held", held, [*one.topics])
    yield f"StopsFailedAlarmOf{of}", _alarm(one, "StopsFailed", "stops-failed", failed, [*one.topics])


def _spelled(policy: str) -> str:
    """Letters and digits alone; what else a policy's name has, and X, is written as its number between two X."""
    return re.sub(r"[^A-WYZa-z0-9]", lambda found: f"X{ord(found[0]):x}X", policy)


def _alarm(
    one: _Watched, metric: str, name: str, description: str, told: list[Any], **properties: Any
) -> Mapping[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": {"Fn::Sub": f"${{FunctionName}}-{name}-{one.mode}-{one.policy}"},
            "AlarmDescription": description,
            "Namespace": "StopOrchestrator",
            "MetricName": metric,
            "Dimensions": [
                {"Name": "FunctionName", "Value": _HUB},
                {"Name": "Policy", "Value": one.policy},
                {"Name": "Mode", "Value": one.mode},
            ],
            "Statistic": "Maximum",
            "Period": 300,
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "ActionsEnabled": {"Fn::If": ["IsScheduled", True, False]},
            "AlarmActions": told,
            "OKActions": told,
            **properties,
        },
    }
