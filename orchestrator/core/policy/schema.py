"""The shape of a policy document: every key, its type and its description.

Annotations are no texts here: pydantic would compile each of them again.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from orchestrator.core.model import ANSWERS_BEHIND_AT_MOST, KindDescription
from orchestrator.core.policy.conditions.everything import EVERYTHING
from orchestrator.core.policy.conditions.matching import unit_problem
from orchestrator.core.policy.nearest import nearest
from orchestrator.core.policy.schedules.cron import RATE, SIX_FIELDS, expression_problem
from orchestrator.core.policy.schedules.windows import parse_window
from orchestrator.core.policy.schedules.zones import is_time_zone, zone_problem
from orchestrator.core.policy.yaml_document import no_text, value_words

DURATION = r"^[0-9]{1,5}[smh]$"
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}

DEFAULT_KINDS = ("ec2",)
"""What a rule without `kinds` means, for ever: no new kind may widen a policy that was written before it."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the kinds leave to choose from; pydantic takes it as the context of a validation."""

    kinds: tuple[str, ...]
    actions: tuple[str, ...]
    losses: tuple[str, ...] = ()
    stored: bool = False
    """The text of a sweep that began by it: what is refused only since a later release is taken as it was then."""

    @classmethod
    def of(cls, kinds: Sequence[KindDescription], *, stored: bool = False) -> Self:
        """The choices that these kinds leave."""
        actions = dict.fromkeys(action for kind in kinds for action in kind.actions)
        losses = dict.fromkeys(word for kind in kinds for word in kind.to_accept)
        return cls(tuple(kind.name for kind in kinds), tuple(actions), tuple(losses), stored)


def _as_text(value: Any) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("text", "{why}", {"why": no_text(value)})
    if not value.strip():
        raise PydanticCustomError("text", "must not be empty")
    return value


def _as_unit(value: str) -> str:
    problem = unit_problem(value)
    if problem is not None:
        raise PydanticCustomError("path", "{why}", {"why": problem})
    return value


def _as_timezone(value: str, info: ValidationInfo) -> str:
    problem = zone_problem(value)
    if problem is not None and not (_choices(info).stored and is_time_zone(value)):
        raise PydanticCustomError("timezone", "{why}", {"why": problem})
    return value


def _as_window(value: str) -> str:
    try:
        parse_window(value)
    except ValueError as wrong:
        raise PydanticCustomError("window", "{why}", {"why": str(wrong)}) from wrong
    return value


def _as_expression(form: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        problem = expression_problem(f"{form}({value})")
        if problem is not None:
            raise PydanticCustomError("expression", "{why}", {"why": problem})
        return value

    return check


def _as_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("number", "must be a number, not {shown}", {"shown": value_words(value)})
    return value


def _as_duration(least: timedelta, most: timedelta, why: str = "") -> Callable[[Any], Any]:
    """`why` it may not be shorter, where that does not explain itself."""

    def check(value: Any) -> Any:
        shortest, longest = duration_text(least), duration_text(most)
        if not isinstance(value, str) or re.fullmatch(DURATION, value) is None:
            text = "must be a number with s, m or h, such as 90s, 5m or 1h, not {shown}"
            raise PydanticCustomError("duration", text, {"shown": value_words(value)})
        if not least <= duration(value) <= most:
            text = f"must be from {shortest} to {longest}, not {value}{why and f': {why}'}"
            raise PydanticCustomError("duration", "{why}", {"why": text})
        return value

    return check


def duration(text: str) -> timedelta:
    """The time that a checked text such as `90s`, `5m` or `1h` means."""
    return int(text[:-1]) * _UNITS[text[-1]]


def duration_text(time: timedelta) -> str:
    """The shortest text that means this time."""
    unit = next(name for name, one in reversed(_UNITS.items()) if not time % one)
    return f"{time // _UNITS[unit]}{unit}"


def _not_null(value: Any, info: ValidationInfo) -> Any:
    """A key without a value would mean the least careful thing (stop at any time, no limit), so it is refused."""
    if value is None and not _choices(info).stored:
        raise PydanticCustomError("given", "has no value; give it one or leave the key out")
    return value


def _as_version(value: Any) -> Any:
    if isinstance(value, bool | float):  # which Python holds equal to 1
        raise PydanticCustomError("version", "must be 1, not {shown}", {"shown": value_words(value)})
    return value


def _as_kind(value: Any, info: ValidationInfo) -> Any:
    return _one_of(_choices(info).kinds, value)


def _as_action(value: Any, info: ValidationInfo) -> Any:
    return _one_of(_choices(info).actions, value)


def _as_loss(value: Any, info: ValidationInfo) -> Any:
    return _one_of(_choices(info).losses, value)


def _choices(info: ValidationInfo) -> Choices:
    assert isinstance(info.context, Choices), "a policy is validated with the kinds that it may be about"
    return info.context


def _one_of(known: Sequence[str], value: Any) -> Any:
    if value not in known:
        if not known:
            raise PydanticCustomError("choice", "must not be here: there is nothing to name")
        near = nearest(value, known)
        hint = f"; did you mean {near!r}?" if near else ""
        raise PydanticCustomError("choice", "{why}", {"why": f"must be {_or(known)}, not {value_words(value)}{hint}"})
    return value


def _or(words: Iterable[str]) -> str:
    *others, last = map(repr, words)
    return f"{', '.join(others)} or {last}" if others else last


# Field before the validators, or pydantic leaves the limit out of the JSON Schema.
Text = Annotated[str, Field(min_length=1), BeforeValidator(_as_text)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"), BeforeValidator(_as_text)]
UnitName = Annotated[Text, AfterValidator(_as_unit)]
TimeZone = Annotated[Text, AfterValidator(_as_timezone)]
WindowText = Annotated[Text, AfterValidator(_as_window)]
CronText = Annotated[
    Text, Field(json_schema_extra={"pattern": f"^ *{SIX_FIELDS} *$"}), AfterValidator(_as_expression("cron"))
]
RateText = Annotated[Text, Field(json_schema_extra={"pattern": f"^{RATE}$"}), AfterValidator(_as_expression("rate"))]
AccountIdText = Annotated[str, Field(pattern=r"^[0-9]{12}$"), BeforeValidator(_as_text)]
Count = Annotated[StrictInt, Field(ge=0)]
Hours = Annotated[float, BeforeValidator(_as_number), Field(gt=0, le=168)]
TagAge = Annotated[
    str, Field(pattern=DURATION), BeforeValidator(_as_duration(timedelta(minutes=1), timedelta(hours=1)))
]
FactAge = Annotated[
    str, Field(pattern=DURATION), BeforeValidator(_as_duration(timedelta(minutes=1), timedelta(hours=24)))
]
_BEHIND = f"AWS's answers may be {duration_text(ANSWERS_BEHIND_AT_MOST)} behind, so what fell back is not told sooner"
StartWait = Annotated[
    str, Field(pattern=DURATION), BeforeValidator(_as_duration(ANSWERS_BEHIND_AT_MOST, timedelta(hours=1), _BEHIND))
]
Percent = Annotated[float, Field(ge=0, le=100), BeforeValidator(_as_number)]
KindName = Annotated[str, BeforeValidator(_as_kind)]
ActionName = Annotated[str, BeforeValidator(_as_action)]
LossName = Annotated[str, BeforeValidator(_as_loss)]
MaybeCount = Annotated[Count | None, BeforeValidator(_not_null)]
MaybePercent = Annotated[Percent | None, BeforeValidator(_not_null)]
MaybeText = Annotated[Text | None, BeforeValidator(_not_null)]
TopicArn = Annotated[
    str,
    Field(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$"),
    BeforeValidator(_as_text),
]
"""No FIFO topic: it takes no message without a group, and tells no mail address."""
MaybeTopicArn = Annotated[TopicArn | None, BeforeValidator(_not_null)]


class _Part(BaseModel):
    # Built with the whole document, on its first use, instead of each part by itself at import.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class OrganizationScope(_Part):
    """Which accounts are looked at."""

    include: Annotated[
        tuple[UnitName, ...],
        Field(min_length=1, description="OU ids or paths, each with all below it; absent: the whole organization."),
    ] = ()
    exclude: Annotated[
        tuple[UnitName, ...], Field(description="OU ids or paths that are left out, each with all below it.")
    ] = ()
    exclude_accounts: Annotated[tuple[AccountIdText, ...], Field(description="Account ids, in quotes.")] = ()
    include_management_account: Annotated[StrictBool, Field(description="It is left out unless this is true.")] = False


class RegionScope(_Part):
    """Which regions are looked at, by glob."""

    include: Annotated[tuple[Text, ...], Field(min_length=1, description="Region globs.")] = ("*",)
    exclude: Annotated[tuple[Text, ...], Field(description="Region globs that are left out.")] = ()


class ScheduleDocument(_Part):
    """When resources run; outside of it they may be stopped."""

    timezone: Annotated[TimeZone, Field(description="An IANA name, such as Europe/Berlin.")]
    running: Annotated[
        tuple[WindowText, ...],
        Field(
            min_length=1, description="Windows such as `mon-fri 07:00-19:00`, `fri 22:00-02:00` or `daily 00:00-24:00`."
        ),
    ]


class RuleDocument(_Part):
    """The first rule whose `where` holds owns the resource."""

    name: Annotated[Name, Field(description="Shown with every decision; unique.")]
    kinds: Annotated[tuple[KindName, ...], Field(min_length=1, description="Kinds of resources.")] = DEFAULT_KINDS
    where: Annotated[Any, Field(description=f"Conditions, or the word `{EVERYTHING}`.")]
    schedule: Annotated[MaybeText, Field(description="A name under `schedules`; absent: stop at any time.")] = None
    action: Annotated[ActionName, Field(description="Hibernation falls back to a plain stop where unsupported.")] = (
        "stop"
    )
    accept: Annotated[
        tuple[LossName, ...],
        Field(description="What a stop may lose for good; what would lose anything else of these is kept."),
    ] = ()


class AccountLimits(_Part):
    """Limits that hold for each account by itself."""

    max_stops: MaybeCount = None
    max_stops_percent: MaybePercent = None


class Guardrails(_Part):
    """Limits that the whole plan must pass before the first stop. Absent means no limit; 0 means 0."""

    max_stops: Annotated[MaybeCount, Field(description="Planned stops in the whole organization.")] = None
    max_stops_percent: Annotated[MaybePercent, Field(description="Of the running resources read.")] = None
    per_account: AccountLimits = Field(default_factory=AccountLimits)
    min_coverage_percent: Annotated[MaybePercent, Field(description="Of the targets in scope.")] = None


class Wave(_Part):
    """How many accounts are done with when the wave ends: either so many, or so many percent of those with stops."""

    accounts: Annotated[StrictInt | None, Field(ge=1, description="So many accounts."), BeforeValidator(_not_null)] = (
        None
    )
    percent: Annotated[MaybePercent, Field(description="So many percent of the accounts that have stops.")] = None


class ScheduledSweepDocument(_Part):
    """A sweep by this policy that a schedule of the hub begins: either `cron` or `rate`."""

    name: Annotated[Name, Field(description="Names the schedule; unique in the policy.")]
    mode: Annotated[
        Literal["plan", "approve", "enforce"],
        Field(description="`plan` stops nothing, `approve` asks by mail first, `enforce` stops."),
    ]
    cron: Annotated[
        CronText | None,
        BeforeValidator(_not_null),
        Field(
            description="Six fields as EventBridge Scheduler has them: minutes, hours, day of month, month, day of "
            "week, year; such as `0 20 * * ? *`."
        ),
    ] = None
    rate: Annotated[
        RateText | None, BeforeValidator(_not_null), Field(description="Such as `1 hour` or `30 minutes`.")
    ] = None
    timezone: Annotated[TimeZone | None, Field(description="Of `cron`; absent: the policy's.")] = None
    window_minutes: Annotated[
        StrictInt, Field(ge=1, le=1440, description="The sweep begins within so many minutes after its time.")
    ] = 5

    @property
    def expression(self) -> str:
        """As EventBridge Scheduler takes it."""
        return f"cron({self.cron})" if self.cron else f"rate({self.rate})"


class KillSwitch(_Part):
    """What to do when the kill switch cannot be read."""

    unreadable: Annotated[
        Literal["go_on", "stop"],
        Field(
            description="Nothing is done before it said `go`. After that, `go_on`: its last `go` counts for 60 s; "
            "`stop`: it counts no longer than it can be read."
        ),
    ] = "go_on"


class PolicyDocument(_Part):
    """The policy of one organization for Stop Orchestrator."""

    version: Annotated[Literal[1], BeforeValidator(_as_version), Field(description="Always 1.")]
    name: Annotated[Name, Field(description="Letters, digits, `.`, `_`, `-`.")]
    timezone: Annotated[TimeZone, Field(description="For dated opt-outs; schedules have their own.")] = "UTC"
    organization: OrganizationScope = Field(default_factory=OrganizationScope)
    regions: RegionScope = Field(default_factory=RegionScope)
    schedules: Annotated[Mapping[str, ScheduleDocument], Field(description="By name.")] = {}
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
    required_tags: Annotated[tuple[Text, ...], Field(description="Reported under compliance; no reason to stop.")] = ()
    unresolved_names: Annotated[
        Literal["hold", "allow"],
        Field(
            description="What an OU, account or region does that is named and not there. `hold`: one that was to leave "
            "something out holds the sweep, and in a rule keeps what the rule could own; `allow`: it is only reported."
        ),
    ] = "hold"
