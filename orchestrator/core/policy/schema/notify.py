"""The shape of what a policy says of messages: which channels hear of its sweeps, and how owners are reached."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from orchestrator.core.policy.schema.fields import BusName, MaybeText, Part, TopicArn, not_null

_LIST, _TOPIC = FORMS = ("(channels)", "(topic)")
"""Which of the forms of `notify` pydantic looked at: it stands in the place of an error, and in no document."""
_URL_SOURCE = r"^(ssm:(/[A-Za-z0-9_.-]+)+|secretsmanager:[A-Za-z0-9/_+=.@-]{1,512})$"

OccasionName = Literal["planned", "held", "completed", "incomplete", "missed", "approval"]


def _as_url_source(value: Any) -> Any:
    """Nothing of it is quoted: it may be the URL itself, by which anybody can write to the channel."""
    if not isinstance(value, str) or re.fullmatch(_URL_SOURCE, value) is None:
        text = (
            "must name where the webhook's URL is kept, as `ssm:/name` of a SecureString or `secretsmanager:NAME`; "
            "whoever has the URL can write to the channel, so it does not belong here"
        )
        raise PydanticCustomError("url_source", "{why}", {"why": text})
    return value


_UrlSource = Annotated[str, Field(pattern=_URL_SOURCE), BeforeValidator(_as_url_source)]
_MaybeUrlSource = Annotated[_UrlSource | None, BeforeValidator(not_null)]
_MaybeTopic = Annotated[TopicArn | None, BeforeValidator(not_null)]
_MaybeBus = Annotated[BusName | None, BeforeValidator(not_null)]


class ContactDocument(Part):
    """How somebody is reached: exactly one of these."""

    sns: Annotated[
        _MaybeTopic,
        Field(
            description="The ARN of an SNS topic in the hub's region. Each message has the attribute `owner`, by which "
            "a subscription may filter.",
            examples=["arn:aws:sns:eu-central-1:111122223333:team-a"],
        ),
    ] = None
    slack: Annotated[
        _MaybeUrlSource,
        Field(
            description="Where the URL of a Slack incoming webhook is kept: `ssm:/name` or `secretsmanager:NAME`.",
            examples=["ssm:/stop-orchestrator/slack"],
        ),
    ] = None
    teams: Annotated[
        _MaybeUrlSource,
        Field(
            description="Where the URL of a Microsoft Teams workflow (or incoming webhook) is kept, likewise.",
            examples=["secretsmanager:stop-orchestrator/teams"],
        ),
    ] = None


class ListenerDocument(ContactDocument):
    """A channel that hears of this policy's sweeps: exactly one of `sns`, `slack`, `teams` and `eventbridge`."""

    eventbridge: Annotated[
        _MaybeBus,
        Field(
            description="An event bus by its name or ARN; every sweep is an event there.",
            examples=["default"],
        ),
    ] = None
    on: Annotated[
        tuple[OccasionName, ...] | None,
        BeforeValidator(not_null),
        Field(
            min_length=1,
            description="Of what it hears. Absent: an event bus of everything, another one of all but `planned`.",
            examples=[["held", "incomplete", "missed", "approval"]],
        ),
    ] = None


class OwnerContactsDocument(Part):
    """How the owners of resources are reached. Each owner gets one message for all accounts."""

    contacts: Annotated[
        Mapping[str, ContactDocument],
        Field(
            description="By the owner that `owner_tag` names, or a glob of owners: literal text first, else in order.",
            examples=[{"payments": {"slack": "ssm:/slack/payments"}}],
            json_schema_extra={"propertyNames": {"minLength": 1}},
        ),
    ] = {}
    account_tag: Annotated[
        MaybeText,
        Field(
            description="The key of an account's tag that names one of `contacts`, for what belongs to none of them.",
            examples=["Team"],
        ),
    ] = None
    default: Annotated[
        ContactDocument | None,
        BeforeValidator(not_null),
        Field(
            description="For whoever is not among them; absent: these are counted in the platform team's message.",
            examples=[{"sns": "arn:aws:sns:eu-central-1:111122223333:owners"}],
        ),
    ] = None


def _form(value: Any) -> str:
    return _LIST if isinstance(value, list | tuple) else _TOPIC


Notify = Annotated[
    Annotated[tuple[ListenerDocument, ...], Field(min_length=1), Tag(_LIST)] | Annotated[TopicArn, Tag(_TOPIC)],
    Discriminator(_form),
]
"""Channels; or the one topic that hears of plans that wait for approval, and of alarms."""
