"""The templates as they go to ministack: as they are, but for what it does not know, and for what a test takes away."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.cloudformation import EARLIER_HUB, as_list, parse, statements, template

NAMES = ("hub", "member-role")


def body(name: str, without: str = "") -> str:
    """The template's text; `without` is an action that no statement of it allows any more."""
    return _rendered(template(name), without)


def earlier_hub(without: str = "") -> str:
    """The same of the hub's template in the version before."""
    return _rendered(parse(EARLIER_HUB.read_text()), without)


def _rendered(document: dict[str, Any], without: str) -> str:
    for one in statements(document):
        _known_to_ministack(one)
    for alarm in _of_type(document, "AWS::CloudWatch::Alarm"):
        _without_metric_math(alarm["Properties"])
    for machine in _of_type(document, "AWS::StepFunctions::StateMachine"):
        _one_item_at_a_time(machine["Properties"]["DefinitionString"]["Fn::Sub"])
    if "HasBoundaryOfItsOwn" in document.get("Conditions", {}):
        # ministack knows no Split in a condition; no boundary is given here.
        document["Conditions"]["HasBoundaryOfItsOwn"] = {"Fn::Equals": ["yes", "no"]}
    if without:
        _take_away(document, without)
    return json.dumps(document)


def _known_to_ministack(statement: dict[str, Any]) -> None:
    """What means something else to ministack than to AWS, each in the narrowest form that it knows.

    - aws:PrincipalArn is the role's ARN on AWS, also of a session of that role; ministack has the session's ARN.
    - aws:ResourceOrgID is never there, so nobody could assume any role; without it the role's name still decides.
    - aws:ResourceTag is never there for EC2: the Deny statements on tags never hit, and undo could never start.
      tests/templates proves those with ministack's evaluator as a library, which takes the tags.
    - CreateTags and DeleteTags are asked for on "*", not on the instance.
    """
    if {"ec2:CreateTags", "ec2:DeleteTags"} & set(_actions(statement)):
        statement["Resource"] = "*"
    conditions: dict[str, dict[str, Any]] = statement.get("Condition", {})
    for operator, keys in list(conditions.items()):
        if operator == "ArnEquals" and "aws:PrincipalArn" in keys:
            keys["aws:PrincipalArn"] = {"Fn::Sub": _session_arn(keys["aws:PrincipalArn"]["Fn::Sub"])}
        keys.pop("aws:ResourceOrgID", None)
        if statement["Effect"] == "Allow":
            for key in [one for one in keys if one.startswith("aws:ResourceTag/")]:
                del keys[key]
        if not keys:
            del conditions[operator]
    if not conditions:
        statement.pop("Condition", None)


def _session_arn(role: str) -> str:
    """Of a session, which no path is in."""
    changed = role.replace(":iam:", ":sts:").replace(":role${HubRolePath}", ":assumed-role/") + "/*"
    assert changed.count(":assumed-role/") == 1, role
    return changed


def _without_metric_math(alarm: dict[str, Any]) -> None:
    """ministack refuses alarms on an expression: the first of its metrics stands for all of them."""
    if metrics := alarm.pop("Metrics", None):
        measured = next(one["MetricStat"] for one in metrics if "MetricStat" in one)
        alarm.update(measured["Metric"], Statistic=measured["Stat"], Period=measured["Period"])


def _one_item_at_a_time(definition: list[Any]) -> None:
    """ministack ignores ItemBatcher: a child gets the item itself, not a batch of it."""
    definition[0] = definition[0].replace('"Items.$": "$.Items"', '"Items.$": "States.Array($)"')


def _take_away(document: dict[str, Any], action: str) -> None:
    for one in statements(document):
        if _grants(one, action):
            # A statement without actions is none; one that denies what does not exist is.
            left = [other for other in _actions(one) if other != action]
            one.update({"Action": left} if left else {"Effect": "Deny", "Action": "none:Nothing"})


def allows(name: str, action: str) -> bool:
    """Whether the template grants it to a role of its own."""
    return any(_grants(one, action) for one in statements(template(name)))


def _grants(statement: Mapping[str, Any], action: str) -> bool:
    return statement["Effect"] == "Allow" and "Principal" not in statement and action in _actions(statement)


def _actions(statement: Mapping[str, Any]) -> list[str]:
    """Those that depend on no condition of the template."""
    return [one for one in as_list(statement["Action"]) if isinstance(one, str)]


def _of_type(document: Mapping[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    return (one for one in document["Resources"].values() if one["Type"] == kind)
