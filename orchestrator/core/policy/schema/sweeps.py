"""The shape of a scheduled sweep."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictInt

from orchestrator.core.policy.schema.fields import CronText, Name, NoticeTime, Part, RateText, TimeZone, not_null


class ScheduledSweepDocument(Part):
    """A sweep by this policy that a schedule of the hub begins: either `cron` or `rate`."""

    name: Annotated[Name, Field(description="Names the schedule; unique in the policy.", examples=["nightly"])]
    mode: Annotated[
        Literal["plan", "approve", "enforce"],
        Field(
            description="`plan` stops nothing, `approve` asks by mail first, `enforce` stops.",
            examples=["plan", "enforce"],
        ),
    ]
    cron: Annotated[
        CronText | None,
        BeforeValidator(not_null),
        Field(
            description="Six fields as EventBridge Scheduler has them: minutes, hours, day of month, month, day of "
            "week, year; such as `0 20 * * ? *`.",
            examples=["0 20 * * ? *", "0 20 ? * MON-FRI *"],
        ),
    ] = None
    rate: Annotated[
        RateText | None,
        BeforeValidator(not_null),
        Field(
            description="Such as `1 hour` or `30 minutes`; it counts from when the schedule was made.",
            examples=["1 hour"],
        ),
    ] = None
    timezone: Annotated[
        TimeZone | None, Field(description="Of `cron`; absent: the policy's.", examples=["Europe/Berlin"])
    ] = None
    window_minutes: Annotated[
        StrictInt,
        Field(ge=1, le=1440, description="The sweep begins within so many minutes after its time.", examples=[15]),
    ] = 5
    notify_before: Annotated[
        NoticeTime | None,
        BeforeValidator(not_null),
        Field(
            description="From `5m` to `24h`, with `mode: plan`: so long before the sweep that stops this one begins. "
            "It decides for that moment, and warns owners what stops then, and how to keep it.",
            examples=["30m"],
        ),
    ] = None

    @property
    def expression(self) -> str:
        """As EventBridge Scheduler takes it."""
        return f"cron({self.cron})" if self.cron else f"rate({self.rate})"
