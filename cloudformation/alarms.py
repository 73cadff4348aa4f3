"""An alarm for each scheduled sweep of each policy, beside the hub's one for all: policies in, resources out.

CloudWatch tells of an alarm when it changes: while the hub's own alarm tells of one policy, a second missed sweep would
be no news. As policies come and go, these are made with their schedules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.core.policy.org_policy import OrgPolicy

_HUB = {"Ref": "FunctionName"}


def missed_alarms(policies: Iterable[OrgPolicy]) -> Mapping[str, Mapping[str, Any]]:
    """CloudFormation resources by logical id: one alarm for each policy and mode that its `sweeps` name.

    They refer to what the hub's template has: FunctionName, Topic and IsScheduled.
    """
    watched = {(policy.name, sweep.mode.value) for policy in policies for sweep in policy.sweeps}
    return {_logical_id(*one): _alarm(*one) for one in sorted(watched)}


def _logical_id(policy: str, mode: str) -> str:
    """Letters and digits alone; what else a policy's name has, and X, is written as its number between two X."""
    spelled = re.sub(r"[^A-WYZa-z0-9]", lambda found: f"X{ord(found[0]):x}X", policy)
    return f"MissedAlarmOf{mode.title()}{spelled}"


def _alarm(policy: str, mode: str) -> Mapping[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": {"Fn::Sub": f"${{FunctionName}}-sweep-missed-{mode}-{policy}"},
            "AlarmDescription": f"Mode {mode} of policy {policy} was due and has not begun since.",
            "Namespace": "StopOrchestrator",
            "MetricName": "SweepsMissed",
            "Dimensions": [
                {"Name": "FunctionName", "Value": _HUB},
                {"Name": "Policy", "Value": policy},
                {"Name": "Mode", "Value": mode},
            ],
            "Statistic": "Maximum",
            "Period": 3600,
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "ignore",
            "ActionsEnabled": {"Fn::If": ["IsScheduled", True, False]},
            "AlarmActions": [{"Ref": "Topic"}],
            "OKActions": [{"Ref": "Topic"}],
        },
    }
