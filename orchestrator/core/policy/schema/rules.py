"""The shape of a rule."""

from typing import Annotated, Any, Literal

from pydantic import Field

from orchestrator.core.policy.conditions.everything import EVERYTHING
from orchestrator.core.policy.schema.fields import DEFAULT_KINDS, ActionName, KindName, LossName, Name, Part
from orchestrator.core.policy.schema.tagging import MaybeNotice, RuleTags
from orchestrator.core.policy.schema.whose_schedule import (
    KEEP_UNTIL_NEXT_WINDOW,
    MaybeScheduleOfRule,
    StartedByHandOfRule,
)


class RuleDocument(Part):
    """The first rule whose `where` holds owns the resource."""

    name: Annotated[
        Name, Field(description="Shown with every decision; unique.", examples=["dev-outside-office-hours"])
    ]
    kinds: Annotated[
        tuple[KindName, ...], Field(min_length=1, description="Kinds of resources.", examples=[["ec2"]])
    ] = DEFAULT_KINDS
    where: Annotated[
        Any,
        Field(
            description=f"What the rule owns: conditions, or the word `{EVERYTHING}`.",
            examples=[{"all": [{"tag": {"Environment": ["dev", "test"]}}, {"not": {"tag": {"Tier": "crit*"}}}]}],
        ),
    ]
    schedule: Annotated[
        MaybeScheduleOfRule,
        Field(
            description="A name under `schedules`, or from which tag it is taken; absent: stop at any time.",
            examples=["office-hours", {"from_tag": ["Schedule"], "default": "office-hours"}],
        ),
    ] = None
    started_by_hand: Annotated[
        StartedByHandOfRule,
        Field(
            description="What holds for what was started after its running hours had ended; needs a `schedule`.",
            examples=["keep_until_next_window", {"keep_for": "4h"}, "stop"],
        ),
    ] = KEEP_UNTIL_NEXT_WINDOW
    stop_again: Annotated[
        bool,
        Field(
            strict=True,  # else texts such as "no" pass, against the schema
            description="Whether it stops what AWS itself started again some time after a stop, as databases after 7 "
            "days; `false` keeps that.",
            examples=[False],
        ),
    ] = True
    action: Annotated[
        ActionName,
        Field(
            description="Hibernation falls back to a plain stop; `tag` only writes `tags`; `notify` only reports.",
            examples=["stop", "hibernate", "notify"],
        ),
    ] = "stop"
    accept: Annotated[
        tuple[LossName, ...],
        Field(
            description="What a stop may lose for good; what would lose anything else of these is kept.",
            examples=[["instance_store_volumes"]],
        ),
    ] = ()
    start: Annotated[
        Literal["never", "what_was_stopped", "everything"],
        Field(
            description="In its running time: `what_was_stopped` starts what a sweep stopped and nobody touched since, "
            "`everything` whatever the rule owns. What was stopped by hand in that time stays stopped. Needs a "
            "`schedule`.",
            examples=["what_was_stopped"],
        ),
    ] = "never"
    notice: Annotated[
        MaybeNotice, Field(description="Announces a stop before it; absent: it is not.", examples=[{"days": 3}])
    ] = None
    tags: Annotated[
        RuleTags,
        Field(
            description="What `action: tag` writes where a resource lacks the key; another value there stays.",
            examples=[{"Owner-missing": "reported"}],
        ),
    ] = Field(default_factory=dict)
