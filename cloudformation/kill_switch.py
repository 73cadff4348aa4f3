"""The kill switch, which is no part of the hub's stack: made once, and never written again by a deployment.

CloudFormation writes the template's value with any change of an AWS::SSM::Parameter, also when only the stack's tags
change, and so releases a switch that somebody pulled. The stacks of 0.1.0 have it as a resource: it leaves them in two
updates, the first of which only has it retained (`KillSwitchInStack`), for an update that drops a resource does with it
what the template before said.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import boto3

from cloudformation.parameters import read_template
from cloudformation.stacks import Change, DeployError, Stack
from orchestrator.sweep.halt import GO

IN_STACK = "KillSwitchInStack"
_RESOURCE = "KillSwitch"
_NOT_WRITTEN = frozenset({"DeletionPolicy", "UpdateReplacePolicy"})
"""What CloudFormation only notes, without touching the parameter."""
_WOULD_RELEASE = (
    "{what} of the kill switch would be changed by this update, which sets it to {go!r} whatever it says: the stack "
    "still has it. Leave that as it is for one update, by which it begins to leave the stack; then change it"
)
_IS_GONE = (
    "there is no kill switch {name}, which this hub had before ({named}): every sweep is halted. If they may go on: "
    "aws ssm put-parameter --name {name} --type String --value {go}"
)
_EXCHANGED = (
    "the kill switch {named} is pulled (it is {says!r}), and {name}, which would take its place, says {go}: every "
    "sweep would be let go on. Set {named} to {go} first, or {name} to what {named} says, or leave KillSwitchName alone"
)
_WITHOUT_TEMPLATE = frozenset({"REVIEW_IN_PROGRESS"})


def place(stack: Stack, parameters: Collection[str]) -> dict[str, str]:
    """What the template has to be told: whether the deployed stack has the parameter, and would delete it now."""
    if IN_STACK not in parameters:
        return {}
    found = stack.described()
    deployed = {} if found is None or found["StackStatus"] in _WITHOUT_TEMPLATE else read_template(stack.template())
    resource: Mapping[str, Any] = deployed.get("Resources", {}).get(_RESOURCE, {})
    would_go = bool(resource) and not str(resource.get("DeletionPolicy", "")).startswith("Retain")
    return {IN_STACK: "true" if would_go else "false"}


def refuse_release(changes: Collection[Change]) -> None:
    """Raises DeployError where this update would write the parameter, whatever it says now."""
    for one in changes:
        written = sorted({*one.details} - _NOT_WRITTEN)
        if one.resource == _RESOURCE and one.action == "Modify" and written:
            raise DeployError(_WOULD_RELEASE.format(what=", ".join(written), go=GO))


def refuse_exchange(session: boto3.Session, name: str, named: str) -> None:
    """Raises DeployError where `named`, which counts now, is pulled, and one that says go would take its place."""
    if not name or not named or named == name:
        return
    client = session.client("ssm")
    pulled, next_one = _read(client, named), _read(client, name)
    if pulled != GO and next_one == GO:
        raise DeployError(_EXCHANGED.format(named=named, says=pulled or "not there", name=name, go=GO))


def ensure(session: boto3.Session, name: str, named: str = "") -> str:
    """Makes it with `go` where there is none, and never overwrites one; what was done, in words, or nothing.

    `named` is the kill switch that the hub's table names already. Raises DeployError where that is this one, and it is
    gone: every sweep is halted then, and only a person can say that they may go on. A new name takes over what the
    former one says.
    """
    client = session.client("ssm")
    if _read(client, name) is not None:
        return ""
    text = _read(client, named) if named and named != name else None
    if named and text is None:
        raise DeployError(_IS_GONE.format(name=name, named=named, go=GO))
    try:
        client.put_parameter(
            Name=name,
            Description=f"Any value but {GO} halts Stop Orchestrator everywhere within seconds",
            Type="String",
            Value=GO if text is None else text,
            Overwrite=False,
        )
    except client.exceptions.ParameterAlreadyExists:
        return ""  # since a moment ago, and it says what somebody wants
    return f"made the kill switch {name}" + ("" if text is None else f", which says {text!r} as {named} does")


def _read(client: Any, name: str) -> str | None:
    try:
        return str(client.get_parameter(Name=name)["Parameter"]["Value"])
    except client.exceptions.ParameterNotFound:
        return None
