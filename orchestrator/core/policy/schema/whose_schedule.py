"""The shape of what a rule says about its schedule: a name or a tag, and what holds for what was started by hand."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from orchestrator.core.policy.schema.fields import DURATION, MaybeText, Part, Text, as_duration, not_null

ONE_OF = "\0"
"""With which the name of an alternative begins; no key of a document does, as YAML has no such character."""
KEEP_UNTIL_NEXT_WINDOW: Final = "keep_until_next_window"
STOP: Final = "stop"
Carrier = Literal["resource", "account", "organizational_unit"]


class ScheduleFromTagDocument(Part):
    """The schedule of each resource, by a tag on it, on its account or on an OU above."""

    from_tag: Annotated[
        tuple[Text, ...],
        Field(
            min_length=1,
            description="Keys; the first one found on the nearest carrier decides. Its value is a schedule's name, or "
            "windows with a time zone, such as `mon-fri 07:00-19:00 Europe/Berlin`; any other keeps the resource.",
            examples=[["Schedule", "schedule"]],
        ),
    ]
    values: Annotated[
        Mapping[str, Annotated[Text, Field(description="A schedule's name.", examples=["office-hours"])]] | None,
        BeforeValidator(not_null),
        Field(
            min_length=1,
            description="What the tag's values mean, each the name of a schedule; then any other value keeps the "
            "resource. Absent: a value is a schedule's name, or windows.",
            examples=[{"on": "office-hours", "": "office-hours"}],
        ),
    ] = None
    inherit: Annotated[
        tuple[Carrier, ...],
        Field(
            min_length=1,
            description="Whose tags count; always the nearest carrier first.",
            examples=[["resource", "account", "organizational_unit"]],
        ),
    ] = ("resource",)
    default: Annotated[
        MaybeText,
        Field(
            description="A name under `schedules`, where no such tag is; absent: then it is kept.",
            examples=["office-hours"],
        ),
    ] = None


class KeepForDocument(Part):
    """So long after its start."""

    keep_for: Annotated[
        str,
        Field(pattern=DURATION, description="From `1m` to `168h`, after its start.", examples=["4h"]),
        BeforeValidator(as_duration(timedelta(minutes=1), timedelta(hours=168))),
    ]


def _which(of_mapping: str, of_others: str) -> Discriminator:
    return Discriminator(lambda value: of_mapping if isinstance(value, dict | Part) else of_others)


ScheduleOfRule = Annotated[
    Annotated[Text, Tag(f"{ONE_OF}name")] | Annotated[ScheduleFromTagDocument, Tag(f"{ONE_OF}tag")],
    _which(f"{ONE_OF}tag", f"{ONE_OF}name"),
]
MaybeScheduleOfRule = Annotated[ScheduleOfRule | None, BeforeValidator(not_null)]
StartedByHandOfRule = Annotated[
    Annotated[Literal["keep_until_next_window", "stop"], Tag(f"{ONE_OF}word")]
    | Annotated[KeepForDocument, Tag(f"{ONE_OF}time")],
    _which(f"{ONE_OF}time", f"{ONE_OF}word"),
]


def is_alternative(part: Any) -> bool:
    """Whether a part of a place that pydantic gives is no key of the document."""
    return isinstance(part, str) and part.startswith(ONE_OF)
