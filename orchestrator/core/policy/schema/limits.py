"""What the whole plan must pass, and what holds while it is carried out: guardrails, waves, the kill switch."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictInt

from orchestrator.core.model.order import MAX_ORDER
from orchestrator.core.policy.schema.fields import MaybeCount, MaybePercent, Part, not_null


class AccountLimits(Part):
    """Limits that hold for each account by itself."""

    max_stops: Annotated[
        MaybeCount,
        Field(description="Planned stops in one account, counted as in the whole organization.", examples=[100]),
    ] = None
    max_stops_percent: Annotated[
        MaybePercent,
        Field(description="Of what runs and was read in one account, counted as for `max_stops`.", examples=[80]),
    ] = None
    max_starts: Annotated[MaybeCount, Field(description="Planned starts in one account.", examples=[100])] = None
    max_starts_percent: Annotated[
        MaybePercent,
        Field(
            description="Of what is stopped and was read in one account, counted as for `max_starts`.", examples=[80]
        ),
    ] = None


class Guardrails(Part):
    """Limits that the whole plan must pass before the first action. Absent means no limit; 0 means 0."""

    max_stops: Annotated[
        MaybeCount,
        Field(
            description="Planned stops in the whole organization; a group or node group counts each of its instances, "
            "anything else is one: so is an ECS service, however many tasks it runs.",
            examples=[500],
        ),
    ] = None
    max_stops_percent: Annotated[
        MaybePercent, Field(description="Of what runs and was read, counted as for `max_stops`.", examples=[60])
    ] = None
    max_starts: Annotated[
        MaybeCount,
        Field(
            description="Planned starts in the whole organization; absent: no limit, of an undo `max_stops`.",
            examples=[500],
        ),
    ] = None
    max_starts_percent: Annotated[
        MaybePercent,
        Field(
            description="Of what is stopped and was read, counted as for `max_starts`; not of an undo.", examples=[60]
        ),
    ] = None
    per_account: Annotated[
        AccountLimits,
        Field(
            description="The limits of each account by itself.",
            examples=[{"max_stops": 100, "max_stops_percent": 100}],
        ),
    ] = Field(default_factory=AccountLimits)
    max_tags: Annotated[
        MaybeCount,
        Field(description="Resources in the whole organization whose tags are planned to be changed.", examples=[1000]),
    ] = None
    min_coverage_percent: Annotated[
        MaybePercent,
        Field(
            description="Of the accounts x regions in scope, for each kind, those that have to be read.", examples=[80]
        ),
    ] = None


class Wave(Part):
    """How many accounts are done with when the wave ends: either so many, or so many percent of those with stops."""

    accounts: Annotated[
        StrictInt | None, Field(ge=1, description="So many accounts.", examples=[1]), BeforeValidator(not_null)
    ] = None
    percent: Annotated[
        MaybePercent, Field(description="So many percent of the accounts that have stops.", examples=[10])
    ] = None


OrderNumber = Annotated[StrictInt, Field(ge=0, le=MAX_ORDER, description="The number of this kind.", examples=[20])]


class KillSwitch(Part):
    """What to do when the kill switch cannot be read."""

    unreadable: Annotated[
        Literal["go_on", "stop"],
        Field(
            description="Nothing is done before it said `go`. After that, `go_on`: its last `go` counts for 60 s; "
            "`stop`: it counts no longer than it can be read.",
            examples=["go_on", "stop"],
        ),
    ] = "go_on"
