"""The shape of a schedule."""

from typing import Annotated

from pydantic import Field

from orchestrator.core.policy.schema.fields import Part, TimeZone, WindowText


class ScheduleDocument(Part):
    """When resources run; outside of it they may be stopped."""

    timezone: Annotated[TimeZone, Field(description="An IANA name, such as Europe/Berlin.")]
    running: Annotated[
        tuple[WindowText, ...],
        Field(
            min_length=1, description="Windows such as `mon-fri 07:00-19:00`, `fri 22:00-02:00` or `daily 00:00-24:00`."
        ),
    ]
