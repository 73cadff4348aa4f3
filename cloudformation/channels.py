"""What the hub's role may do for the channels that policies name under `notify` and `owner_contacts`: those, no others.

A policy without any leaves the role as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from cloudformation.nodes import TemplateError, a_sequence, a_text, at, find, mappings, node_of, put, sequences
from orchestrator.core.model.notification import SOURCE, Channel, ChannelKind
from orchestrator.core.policy.org_policy import OrgPolicy

MAX_CHANNELS = 4_000
"""Characters of the inline policies of a role, of which there are 10,240, that the policies' channels may take."""
_TELLS = "AnnouncePlans"
_TOLD = (_TELLS, "DiagnoseTopic")
"""The hub's role's statements about topics."""
_HERE = "${AWS::Region}:${AWS::AccountId}"


def let_tell_channels(resources: yaml.Node, policies: Iterable[OrgPolicy]) -> None:
    """Adds it to the statements of the hub's role. Raises TemplateError where they do not fit there."""
    channels = tuple(dict.fromkeys(channel for one in policies for channel in one.notify.channels))
    topics = [one.address for one in channels if one.kind is ChannelKind.SNS]
    added = [*_statements(channels)]
    size = sum(len(one) + 3 for one in topics) * len(_TOLD) + sum(map(len, map(json.dumps, added)))
    if size > MAX_CHANNELS:
        raise TemplateError(
            f"{len(channels)} channels under `notify` and `owner_contacts` take {size:,} characters of the hub's role, "
            f"which has room for {MAX_CHANNELS:,}: let several policies share a channel, or have a second hub"
        )
    for statement in mappings(resources) if topics else ():
        if _sid(statement) in _TOLD:
            hubs_own = at(statement, "Resource")
            put(statement, "Resource", a_sequence([hubs_own, *map(a_text, topics)]))
    for statements in sequences(resources) if added else ():
        places = [number for number, one in enumerate(statements.value) if _sid(one) == _TELLS]
        for place in places:
            statements.value[place + 1 : place + 1] = map(node_of, added)


def _sid(statement: yaml.Node) -> str:
    found = find(statement, "Sid") if isinstance(statement, yaml.MappingNode) else None
    return str(found.value) if found is not None else ""


def _statements(channels: Iterable[Channel]) -> Iterator[Mapping[str, Any]]:
    as_us = {"StringEquals": {"events:source": SOURCE}}
    yield from _allow("TellEventBuses", "events:PutEvents", filter(None, map(_bus, channels)), Condition=as_us)
    parameters = (f"ssm:{_HERE}:parameter{name}" for name in _kept(channels, "ssm:"))
    yield from _allow("ReadWebhooksInParameters", "ssm:GetParameter", map(_arn, parameters))
    # In its ARN a secret's name is followed by a hyphen and six characters.
    secrets = (f"secretsmanager:{_HERE}:secret:{name}-??????" for name in _kept(channels, "secretsmanager:"))
    yield from _allow("ReadWebhooksInSecrets", "secretsmanager:GetSecretValue", map(_arn, secrets))


def _allow(sid: str, action: str, resources: Iterable[Any], **more: Any) -> Iterator[Mapping[str, Any]]:
    """No statement where there is nothing that it is about."""
    named = [*resources]
    if named:
        yield {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": named, **more}


def _kept(channels: Iterable[Channel], where: str) -> Iterator[str]:
    """The names of those that are kept there; two channels may share a webhook."""
    found = (one.address.removeprefix(where) for one in channels if one.address.startswith(where))
    yield from dict.fromkeys(found)


def _bus(channel: Channel) -> Any:
    if channel.kind is not ChannelKind.EVENTBRIDGE:
        return None
    return (
        channel.address if channel.address.startswith("arn:") else _arn(f"events:{_HERE}:event-bus/{channel.address}")
    )


def _arn(rest: str) -> Mapping[str, str]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{rest}"}
