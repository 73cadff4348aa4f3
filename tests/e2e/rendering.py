"""The templates as they go to ministack: as they are, but for what it does not know, and for what a test takes away."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tests.support.cloudformation import EARLIER_HUB, as_list, parse, statements, template

NAMES = ("hub", "member-role")
_NO_VALUE = {"Ref": "AWS::NoValue"}
_KIND_OF_CONDITION = re.compile(r"\|,(\w+),-")
"""How a condition of the member role asks whether `Kinds` has that kind."""
_ASKED_ELSEWHERE = re.compile(r"(ec2:(Create|Delete)Tags|(rds|autoscaling|ecs):\w+)")
"""Actions of which ministack asks for another resource than AWS does."""


def body(name: str, without: str = "", kinds: Collection[str] = ()) -> str:
    """The template's text; `without` is an action that no statement of it allows any more, `kinds` are its `Kinds`."""
    return _rendered(template(name), without, kinds)


def earlier_hub(without: str = "") -> str:
    """The same of the hub's template in the version before."""
    return _rendered(parse(EARLIER_HUB.read_text()), without)


def _rendered(document: dict[str, Any], without: str, kinds: Collection[str] = ()) -> str:
    for one in statements(document):
        _known_to_ministack(one)
    for alarm in _of_type(document, "AWS::CloudWatch::Alarm"):
        _without_metric_math(alarm["Properties"])
    for machine in _of_type(document, "AWS::StepFunctions::StateMachine"):
        _one_item_at_a_time(machine["Properties"]["DefinitionString"]["Fn::Sub"])
    for condition, asked in document.get("Conditions", {}).items():
        _without_split(document["Conditions"], condition, asked, kinds)
    if without:
        _take_away(document, without)
    return json.dumps(document)


def _without_split(conditions: dict[str, Any], name: str, asked: Any, kinds: Collection[str]) -> None:
    """ministack knows no Split in a condition: what it would find is put in its place. No boundary is given here."""
    text = json.dumps(asked)
    if "Fn::Split" in text:
        kind = _KIND_OF_CONDITION.search(text)
        assert kind is not None or name == "HasBoundaryOfItsOwn", name
        conditions[name] = {"Fn::Equals": ["yes", "yes" if kind is not None and kind[1] in kinds else "no"]}


def _known_to_ministack(statement: dict[str, Any]) -> None:
    """What means something else to ministack than to AWS, each in the narrowest form that it knows.

    - aws:PrincipalArn is the role's ARN on AWS, also of a session of that role; ministack has the session's ARN.
    - aws:ResourceOrgID is never there, so nobody could assume any role; without it the role's name still decides.
    - aws:ResourceTag is never there but for logs: the Deny statements on tags never hit, and undo could never start.
      tests/templates proves those with ministack's evaluator as a library, which takes the tags.
    - The sizes that a call asks of an Auto Scaling group are never there, nor what it launches.
    - CreateTags and DeleteTags are asked for on "*", not on the instance; so are describing and marking databases and
      marking groups and services. What is asked of a service is asked for on its cluster.
    """
    if statement["Effect"] == "Allow" and any(_ASKED_ELSEWHERE.fullmatch(one) for one in _actions(statement)):
        statement["Resource"] = "*"
    if "Condition" in statement:
        asked = statement["Condition"]
        branches = asked.get("Fn::If", [asked])
        told = [one if isinstance(one, str) else _conditions(one, statement["Effect"]) or _NO_VALUE for one in branches]
        statement["Condition"] = {"Fn::If": told} if "Fn::If" in asked else told[0]
        if statement["Condition"] == _NO_VALUE:
            del statement["Condition"]


def _conditions(asked: dict[str, dict[str, Any]], effect: str) -> dict[str, dict[str, Any]]:
    """Those that ministack can tell; empty where there are none."""
    if asked == _NO_VALUE:
        return {}
    kept: dict[str, dict[str, Any]] = {}
    for operator, keys in asked.items():
        told = dict(keys)
        if operator == "ArnEquals" and "aws:PrincipalArn" in told:
            told["aws:PrincipalArn"] = {"Fn::Sub": _session_arn(told["aws:PrincipalArn"]["Fn::Sub"])}
        told.pop("aws:ResourceOrgID", None)
        if effect == "Allow":
            never = ("aws:ResourceTag/", "autoscaling:", "application-autoscaling:")
            told = {key: value for key, value in told.items() if not key.startswith(never)}
        if told:
            kept[operator] = told
    return kept


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
            left = [other for other in as_list(one["Action"]) if action not in _texts(other)]
            one.update({"Action": left} if left else {"Effect": "Deny", "Action": "none:Nothing"})


def allows(name: str, action: str) -> bool:
    """Whether the template grants it to a role of its own."""
    return any(_grants(one, action) for one in statements(template(name)))


def _grants(statement: Mapping[str, Any], action: str) -> bool:
    return statement["Effect"] == "Allow" and "Principal" not in statement and action in _actions(statement)


def _actions(statement: Mapping[str, Any]) -> list[str]:
    """Also those that depend on a condition of the template."""
    return [one for action in as_list(statement["Action"]) for one in _texts(action)]


def _texts(action: Any) -> list[str]:
    """An action, or those of an Fn::If."""
    if isinstance(action, str):
        return [action]
    return [branch for branch in action.get("Fn::If", ())[1:] if isinstance(branch, str)]


def _of_type(document: Mapping[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    return (one for one in document["Resources"].values() if one["Type"] == kind)
