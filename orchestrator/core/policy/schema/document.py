"""The shape of a policy document as a whole: every key, its type and its description."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from orchestrator.core.policy.schema.fields import (
    FactAge,
    Hours,
    MaybePercent,
    MaybeTopicArn,
    Name,
    Part,
    StartWait,
    TagAge,
    Text,
    TimeZone,
)
from orchestrator.core.policy.schema.governance import OptOutRules, RequiredTags
from orchestrator.core.policy.schema.limits import Guardrails, KillSwitch, Wave
from orchestrator.core.policy.schema.rules import RuleDocument
from orchestrator.core.policy.schema.schedules import ScheduleDocument
from orchestrator.core.policy.schema.scope import OrganizationScope, RegionScope
from orchestrator.core.policy.schema.sweeps import ScheduledSweepDocument
from orchestrator.core.policy.yaml_document import value_words


def _as_version(value: Any) -> Any:
    if isinstance(value, bool | float):  # which Python holds equal to 1
        raise PydanticCustomError("version", "must be 1, not {shown}", {"shown": value_words(value)})
    return value


class PolicyDocument(Part):
    """The policy of one organization for Stop Orchestrator."""

    version: Annotated[Literal[1], BeforeValidator(_as_version), Field(description="Always 1.")]
    name: Annotated[Name, Field(description="Letters, digits, `.`, `_`, `-`.")]
    timezone: Annotated[TimeZone, Field(description="For dated opt-outs; schedules have their own.")] = "UTC"
    organization: OrganizationScope = Field(default_factory=OrganizationScope)
    regions: RegionScope = Field(default_factory=RegionScope)
    schedules: Annotated[Mapping[str, ScheduleDocument], Field(description="By name.")] = {}
    conditions: Annotated[
        Mapping[str, Any],
        Field(description="By name: conditions that a `where` uses as `condition: NAME`, also one within another."),
    ] = {}
    rules: Annotated[tuple[RuleDocument, ...], Field(description="In order; no rule, no stop.")] = ()
    sweeps: Annotated[
        tuple[ScheduledSweepDocument, ...],
        Field(description="The schedules that `make deploy-hub` makes; absent: those of `deploy.env`."),
    ] = ()
    owners: Annotated[
        tuple[Text, ...], Field(description="Whom to ask about it: names or addresses; reports and messages show them.")
    ] = ()
    notify: Annotated[
        MaybeTopicArn,
        Field(description="The SNS topic, in the hub's region, that hears of this policy's sweeps; absent: the hub's."),
    ] = None
    guardrails: Guardrails = Field(default_factory=Guardrails)
    waves: Annotated[
        tuple[Wave, ...], Field(description="Accounts first to last; absent: all at once. What is left comes last.")
    ] = ()
    abort_if_failures_percent: Annotated[
        MaybePercent, Field(description="Of the stops attempted so far, looked at after each wave; beyond it, abort.")
    ] = None
    plan_valid_hours: Annotated[Hours, Field(description="How long a plan can be applied; at most a week.")] = 12
    max_tag_age: Annotated[
        TagAge,
        Field(
            description="From `1m` to `1h`: tags of an account or OU that were read longer ago are read again before "
            "something in it is stopped."
        ),
    ] = "5m"
    max_fact_age: Annotated[
        FactAge,
        Field(
            description="From `1m` to `24h`: so long what no describe gives counts, such as a load balancer's health; "
            "then it is unknown."
        ),
    ] = "1h"
    max_start_wait: Annotated[
        StartWait,
        Field(
            description="From `15s` to `1h`: so long an undo looks whether what it started runs, or fell back; all "
            "targets at once. What is still starting then keeps its marks."
        ),
    ] = "60s"
    kill_switch: KillSwitch = Field(default_factory=KillSwitch)
    required_tags: Annotated[
        RequiredTags,
        Field(
            description="Keys of tags that running resources need, or keys with the values that are right; reported "
            "under compliance; no reason to stop."
        ),
    ] = ()
    opt_out: OptOutRules = Field(default_factory=OptOutRules)
    owner_tag: Annotated[
        Text, Field(description="The key of the tag, on a resource, else on its account, that names its owner.")
    ] = "Owner"
    unresolved_names: Annotated[
        Literal["hold", "allow"],
        Field(
            description="What an OU, account or region does that is named and not there. `hold`: one that was to leave "
            "something out holds the sweep, and in a rule keeps what the rule could own; `allow`: it is only reported."
        ),
    ] = "hold"
