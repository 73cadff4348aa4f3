"""The shape of what a rule says about notices and tags."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, StrictInt

from orchestrator.core.policy.schema.fields import Part, Text, not_null

TAG_VALUE = r"^[A-Za-z0-9_ .:/=+@-]{1,256}$"
"""What every service takes: RDS takes no other signs."""


class Notice(Part):
    """A stop is announced by a tag, and follows only after that day."""

    days: Annotated[
        StrictInt,
        Field(
            ge=1,
            le=365,
            description="From the day of the announcement to the last day of keeping; the stop comes after it.",
            examples=[3],
        ),
    ]


MaybeNotice = Annotated[Notice | None, BeforeValidator(not_null)]
TagValue = Annotated[
    Text, Field(pattern=TAG_VALUE, description="The value of that tag.", json_schema_extra={"pattern": TAG_VALUE})
]
RuleTags = Annotated[Mapping[str, TagValue], BeforeValidator(not_null)]
