"""The shape of what a policy asks of tags: opt-outs, required tags, and the tag that names an owner."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Discriminator, Field, StrictBool, StrictInt, Tag
from pydantic_core import PydanticCustomError

from orchestrator.core.policy.nearest import nearest
from orchestrator.core.policy.schema.fields import DURATION, KindName, Part, Text, as_duration, not_null
from orchestrator.core.policy.yaml_document import value_words

PRESENT: Literal["present"] = "present"
Carrier = Literal["organizational_unit", "account", "resource"]
CARRIERS: tuple[Carrier, ...] = get_args(Carrier)
_LIST, _MAPPING, _WORD = FORMS = ("(list)", "(mapping)", "(word)")
"""Which of the forms of a value pydantic looked at: it stands in the place of an error, and in no document."""


def _as_present(value: Any) -> Any:
    if value != PRESENT:
        hint = f" (did you mean `{PRESENT}`?)" if nearest(value, [PRESENT]) else ""
        shown = f"must be `{PRESENT}`, or a list of the values that are right, such as [dev, test], not"
        raise PydanticCustomError("required", "{why}", {"why": f"{shown} {value_words(value)}{hint}"})
    return value


def _form(value: Any) -> str:
    return _MAPPING if isinstance(value, Mapping) else _LIST if isinstance(value, list | tuple) else _WORD


def _list_or_mapping(value: Any) -> str:
    return _MAPPING if isinstance(value, Mapping | Part) else _LIST


_Values = Annotated[tuple[Text, ...], Field(min_length=1, description="Values that are right; globs.")]
_Present = Annotated[Literal["present"], BeforeValidator(_as_present)]


class RequiredTagDocument(Part):
    """A tag that running resources of some kinds need."""

    values: Annotated[
        Annotated[_Values, Tag(_LIST)] | Annotated[_Present, Tag(_WORD)],
        Discriminator(lambda value: _LIST if isinstance(value, list | tuple) else _WORD),
        Field(
            description="Values that are right, by glob; `present`: any but an empty one.",
            examples=[["daily", "weekly"], PRESENT],
        ),
    ] = PRESENT
    kinds: Annotated[
        tuple[KindName, ...], Field(description="Of which kinds; absent: of all.", examples=[["ec2"]])
    ] = ()


_Required = Annotated[
    Annotated[_Values, Tag(_LIST)] | Annotated[RequiredTagDocument, Tag(_MAPPING)] | Annotated[_Present, Tag(_WORD)],
    Discriminator(_form),
    Field(description="Of the tag with this key: the values that are right, also by kind; `present`: any."),
]
RequiredTags = Annotated[
    Annotated[tuple[Text, ...], Tag(_LIST)]
    | Annotated[Mapping[str, _Required], Field(json_schema_extra={"propertyNames": {"minLength": 1}}), Tag(_MAPPING)],
    Discriminator(_list_or_mapping),
]
"""Keys; or keys with the values that are right."""


LINK_URL = r"^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$"
"""What a link's query is put behind: so it has none of its own."""
HMAC_KEY = r"^(alias/[A-Za-z0-9/_-]{1,250}|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]{1,250})$"
_LinkLife = Annotated[
    str, Field(pattern=DURATION), BeforeValidator(as_duration(timedelta(hours=1), timedelta(hours=168)))
]


class OptOutLinks(Part):
    """Messages have links by which whoever has one keeps a resource for some days; they are items of the table."""

    url: Annotated[
        Text,
        Field(
            pattern=LINK_URL,
            description="Where the function answers that serves them: the hub's output `OptOutLinksUrl`.",
            examples=["https://abcdefghij.execute-api.eu-central-1.amazonaws.com/keep"],
        ),
    ]
    key: Annotated[
        Text,
        Field(
            pattern=HMAC_KEY,
            description="The KMS key of usage GENERATE_VERIFY_MAC that signs them, by its alias or ARN.",
            examples=["alias/stop-orchestrator-opt-out-links"],
        ),
    ]
    valid_for: Annotated[
        _LinkLife,
        Field(description="From `1h` to `168h`: so long after its sweep began a link can be used.", examples=["36h"]),
    ] = "36h"


class OptOutRules(Part):
    """What opt-outs should be like. One that is not is honoured all the same, and reported under compliance."""

    max_days: Annotated[
        StrictInt | None,
        Field(
            ge=1,
            le=3650,
            description="An opt-out should end within so many days; absent: at any time.",
            examples=[90],
        ),
        BeforeValidator(not_null),
    ] = None
    require_reason: Annotated[StrictBool, Field(description="Whether each should say why.", examples=[False])] = True
    allowed_on: Annotated[
        tuple[Carrier, ...],
        Field(description="What may carry one; an empty list: nothing.", examples=[["account", "resource"]]),
    ] = CARRIERS
    links: Annotated[
        OptOutLinks | None,
        Field(
            description="Opt-outs by a link in a message, for at most `max_days`; absent: none, and none are read.",
            examples=[
                {
                    "url": "https://abcdefghij.execute-api.eu-central-1.amazonaws.com/keep",
                    "key": "alias/stop-orchestrator-opt-out-links",
                }
            ],
        ),
        BeforeValidator(not_null),
    ] = None
