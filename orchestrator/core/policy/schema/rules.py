"""The shape of a rule."""

from typing import Annotated, Any

from pydantic import Field

from orchestrator.core.policy.conditions.everything import EVERYTHING
from orchestrator.core.policy.schema.fields import DEFAULT_KINDS, ActionName, KindName, LossName, MaybeText, Name, Part
from orchestrator.core.policy.schema.tagging import MaybeNotice, RuleTags


class RuleDocument(Part):
    """The first rule whose `where` holds owns the resource."""

    name: Annotated[Name, Field(description="Shown with every decision; unique.")]
    kinds: Annotated[tuple[KindName, ...], Field(min_length=1, description="Kinds of resources.")] = DEFAULT_KINDS
    where: Annotated[Any, Field(description=f"Conditions, or the word `{EVERYTHING}`.")]
    schedule: Annotated[MaybeText, Field(description="A name under `schedules`; absent: stop at any time.")] = None
    action: Annotated[
        ActionName,
        Field(description="Hibernation falls back to a plain stop; `tag` only writes `tags`; `notify` only reports."),
    ] = "stop"
    accept: Annotated[
        tuple[LossName, ...],
        Field(description="What a stop may lose for good; what would lose anything else of these is kept."),
    ] = ()
    notice: Annotated[MaybeNotice, Field(description="Announces a stop before it; absent: it is not.")] = None
    tags: Annotated[
        RuleTags,
        Field(description="What `action: tag` writes where a resource lacks the key; another value there stays."),
    ] = Field(default_factory=dict)
