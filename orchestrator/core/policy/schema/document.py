"""The shape of a policy document as a whole: every key, its type and its description."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from orchestrator.core.policy.schema.fields import (
    FactAge,
    Hours,
    KindName,
    MaybePercent,
    Name,
    Part,
    StartWait,
    TagAge,
    Text,
    TimeZone,
    not_null,
)
from orchestrator.core.policy.schema.governance import OptOutRules, RequiredTags
from orchestrator.core.policy.schema.limits import Guardrails, KillSwitch, OrderNumber, Wave
from orchestrator.core.policy.schema.notify import Notify, OwnerContactsDocument
from orchestrator.core.policy.schema.rules import RuleDocument
from orchestrator.core.policy.schema.schedules import ScheduleDocument
from orchestrator.core.policy.schema.scope import MaybeProduction, OrganizationScope, RegionScope
from orchestrator.core.policy.schema.sweeps import ScheduledSweepDocument
from orchestrator.core.policy.yaml_document import value_words


def _as_version(value: Any) -> Any:
    if isinstance(value, bool | float):  # which Python holds equal to 1
        raise PydanticCustomError("version", "must be 1, not {shown}", {"shown": value_words(value)})
    return value


class PolicyDocument(Part):
    """The policy of one organization for Stop Orchestrator."""

    version: Annotated[Literal[1], BeforeValidator(_as_version), Field(description="Always 1.", examples=[1])]
    name: Annotated[
        Name, Field(description="Letters, digits, `.`, `_`, `-`; one sweep at a time by each.", examples=["nonprod"])
    ]
    timezone: Annotated[
        TimeZone,
        Field(description="For dated opt-outs; schedules have their own.", examples=["UTC", "Europe/Berlin"]),
    ] = "UTC"
    organization: Annotated[
        OrganizationScope,
        Field(
            description="Which accounts are looked at; absent: all but the management account.",
            examples=[{"include": ["/Workloads/Dev", "/Labs"], "exclude": ["/Labs/Always-On"]}],
        ),
    ] = Field(default_factory=OrganizationScope)
    regions: Annotated[
        RegionScope,
        Field(
            description="Which regions are looked at, of those that are enabled; absent: all.",
            examples=[{"include": ["eu-*"], "exclude": ["eu-south-*"]}],
        ),
    ] = Field(default_factory=RegionScope)
    schedules: Annotated[
        Mapping[str, ScheduleDocument],
        Field(
            description="By name: when resources run, for rules to name.",
            examples=[{"office-hours": {"timezone": "Europe/Berlin", "running": ["mon-fri 07:00-19:00"]}}],
        ),
    ] = {}
    conditions: Annotated[
        Mapping[str, Any],
        Field(
            description="By name: conditions that a `where` uses as `condition: NAME`, also one within another.",
            examples=[{"nonprod": {"tag": {"Environment": ["dev", "test*"]}}}],
        ),
    ] = {}
    rules: Annotated[
        tuple[RuleDocument, ...],
        Field(
            description="In order: the first whose `where` holds owns the resource; no rule, no stop.",
            examples=[[{"name": "dev", "where": {"tag": {"Environment": "dev"}}, "schedule": "office-hours"}]],
        ),
    ] = ()
    sweeps: Annotated[
        tuple[ScheduledSweepDocument, ...],
        Field(
            description="The schedules that `make deploy-hub` makes; absent: those of `deploy.env`.",
            examples=[[{"name": "nightly", "mode": "enforce", "cron": "0 20 * * ? *"}]],
        ),
    ] = ()
    owners: Annotated[
        tuple[Text, ...],
        Field(
            description="Whom to ask about it: names or addresses; reports and messages show them.",
            examples=[["platform@example.com"]],
        ),
    ] = ()
    notify: Annotated[
        Notify | None,
        BeforeValidator(not_null),
        Field(
            description="The channels that hear of this policy's sweeps. A topic's ARN by itself hears of plans that "
            "wait for approval, and its alarms tell it; absent: so does the hub's topic.",
            examples=[
                "arn:aws:sns:eu-central-1:111122223333:platform",
                [{"slack": "ssm:/stop-orchestrator/slack"}, {"eventbridge": "default"}],
            ],
        ),
    ] = None
    owner_contacts: Annotated[
        OwnerContactsDocument | None,
        BeforeValidator(not_null),
        Field(
            description="How the owners of resources are reached: one message for each owner, over all accounts. "
            "Absent: they are told nothing.",
            examples=[{"contacts": {"payments": {"slack": "ssm:/slack/payments"}}}],
        ),
    ] = None
    production: Annotated[
        MaybeProduction,
        Field(
            description="Which accounts the prompt sets off as production; absent: those whose name, OU or tag "
            "`Environment` has the word prod, production or prd. Nothing is kept because of it.",
            examples=[{"organizational_units": ["/Workloads/Prod"], "account_tags": {"Environment": ["prod"]}}],
        ),
    ] = None
    guardrails: Annotated[
        Guardrails,
        Field(
            description="Limits of the whole plan; one that is broken holds the sweep, and nothing is done.",
            examples=[{"max_stops": 500, "max_stops_percent": 60, "min_coverage_percent": 80}],
        ),
    ] = Field(default_factory=Guardrails)
    waves: Annotated[
        tuple[Wave, ...],
        Field(
            description="Accounts first to last; absent: all at once. What is left comes last.",
            examples=[[{"accounts": 1}, {"percent": 10}, {"percent": 100}]],
        ),
    ] = ()
    order: Annotated[
        Mapping[KindName, OrderNumber],
        Field(
            description="By kind, a number from 0 to 1000; kinds that are left out keep their own: 10 for groups, "
            "services and node groups, 30 for databases and Redshift clusters, else 20. In each account what has a "
            "smaller number is stopped first, and started last: a start begins when those before it were seen running, "
            "or `max_start_wait` is over. A tag `stop-orchestrator:order` on a resource says so of that one.",
            examples=[{"ec2": 10}],
        ),
    ] = {}
    abort_if_failures_percent: Annotated[
        MaybePercent,
        Field(
            description="Of the stops attempted so far, and of changes of tags, looked at after each wave; beyond it, "
            "the sweep ends.",
            examples=[20],
        ),
    ] = None
    plan_valid_hours: Annotated[
        Hours, Field(description="How long a plan can be applied; at most a week.", examples=[12, 0.5])
    ] = 12
    max_tag_age: Annotated[
        TagAge,
        Field(
            description="From `1m` to `1h`: tags of an account or OU that were read longer ago are read again before "
            "something in it is stopped.",
            examples=["5m"],
        ),
    ] = "5m"
    max_fact_age: Annotated[
        FactAge,
        Field(
            description="From `1m` to `24h`: so long what no describe gives counts, such as a load balancer's health; "
            "then it is unknown.",
            examples=["1h"],
        ),
    ] = "1h"
    max_start_wait: Annotated[
        StartWait,
        Field(
            description="From `15s` to `1h`: so long a sweep or an undo looks whether what it started runs, or fell "
            "back; all targets at once. What is still starting then keeps its marks. Where an account's starts have "
            "several numbers in the `order`, so long for each of them: two numbers wait for at most twice the time, in "
            "each wave.",
            examples=["60s", "5m"],
        ),
    ] = "60s"
    kill_switch: Annotated[
        KillSwitch,
        Field(description="What holds while the kill switch cannot be read.", examples=[{"unreadable": "stop"}]),
    ] = Field(default_factory=KillSwitch)
    required_tags: Annotated[
        RequiredTags,
        Field(
            description="Keys of tags that running resources need, or keys with the values that are right; reported "
            "under compliance; no reason to stop.",
            examples=[["Owner", "CostCenter"], {"Owner": "present", "Environment": ["dev", "test", "prod-*"]}],
        ),
    ] = ()
    opt_out: Annotated[
        OptOutRules,
        Field(
            description="What opt-outs should be like; one that is not is honoured all the same, and reported.",
            examples=[{"max_days": 90, "allowed_on": ["account", "resource"]}],
        ),
    ] = Field(default_factory=OptOutRules)
    owner_tag: Annotated[
        Text,
        Field(
            description="The key of the tag, on a resource, else on its account, that names its owner.",
            examples=["Owner"],
        ),
    ] = "Owner"
    unresolved_names: Annotated[
        Literal["hold", "allow"],
        Field(
            description="What an OU, account or region does that is named and not there. `hold`: one that was to leave "
            "something out holds the sweep, and in a rule keeps what the rule could own; `allow`: it is only reported.",
            examples=["hold"],
        ),
    ] = "hold"
