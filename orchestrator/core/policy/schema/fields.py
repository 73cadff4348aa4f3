"""The types of the values in a policy document, and what is said of one that is not right.

Annotations are no texts here: pydantic would compile each of them again.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from orchestrator.core.model import ANSWERS_BEHIND_AT_MOST, KindDescription
from orchestrator.core.policy.conditions.matching import unit_problem
from orchestrator.core.policy.nearest import nearest, nearest_amount
from orchestrator.core.policy.schedules.expression_forms import RATE, SIX_FIELDS
from orchestrator.core.policy.schedules.zones import is_time_zone, zone_problem
from orchestrator.core.policy.yaml_document import no_text, value_words

DURATION = r"^[0-9]{1,5}[smh]$"
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}

ACCOUNTS_ZONE = "account"
"""In place of a schedule's zone: that of each account, by its tag."""

DEFAULT_KINDS = ("ec2",)
"""What a rule without `kinds` means, for ever: no new kind may widen a policy that was written before it."""

ANY_KIND_ACTIONS = ("tag", "notify")
"""What a rule can ask for of whatever kind, and that stops nothing."""


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
        actions = dict.fromkeys((*(action for kind in kinds for action in kind.actions), *ANY_KIND_ACTIONS))
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


def _as_zone_or_account(value: str, info: ValidationInfo) -> str:
    if value == ACCOUNTS_ZONE:
        return value
    if "/" not in value and nearest(value, (ACCOUNTS_ZONE,)) and not is_time_zone(value):
        why = f"{value!r} is no IANA time zone; did you mean `{ACCOUNTS_ZONE}`, that of each account by its tag?"
        raise PydanticCustomError("timezone", "{why}", {"why": why})
    return _as_timezone(value, info)


def _as_expression(form: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        from orchestrator.core.policy.schedules.cron import (  # noqa: PLC0415 - few policies have one, and each waits
            expression_problem,
        )

        problem = expression_problem(f"{form}({value})")
        if problem is not None:
            raise PydanticCustomError("expression", "{why}", {"why": problem})
        return value

    return check


def _as_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("number", "must be a number, not {shown}", {"shown": value_words(value)})
    return value


def as_duration(least: timedelta, most: timedelta, why: str = "") -> Callable[[Any], Any]:
    """A check of a text such as `90s`. `why` it may not be shorter, where that does not explain itself."""

    def check(value: Any) -> Any:
        shortest, longest = duration_text(least), duration_text(most)
        if not isinstance(value, str) or re.fullmatch(DURATION, value) is None:
            meant = nearest_amount(value, _UNITS)
            shown = f"{value_words(value)}{meant and f'; did you mean {meant}?'}"
            text = "must be a number with s, m or h, such as 90s, 5m or 1h, not {shown}"
            raise PydanticCustomError("duration", text, {"shown": shown})
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


def not_null(value: Any, info: ValidationInfo) -> Any:
    """A key without a value would mean the least careful thing (stop at any time, no limit), so it is refused."""
    if value is None and not _choices(info).stored:
        raise PydanticCustomError("given", "has no value; give it one or leave the key out")
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
ZoneOrAccount = Annotated[Text, AfterValidator(_as_zone_or_account)]
CronText = Annotated[
    Text, Field(json_schema_extra={"pattern": f"^ *{SIX_FIELDS} *$"}), AfterValidator(_as_expression("cron"))
]
RateText = Annotated[Text, Field(json_schema_extra={"pattern": f"^{RATE}$"}), AfterValidator(_as_expression("rate"))]
AccountIdText = Annotated[str, Field(pattern=r"^[0-9]{12}$"), BeforeValidator(_as_text)]
Count = Annotated[StrictInt, Field(ge=0)]
Hours = Annotated[float, BeforeValidator(_as_number), Field(gt=0, le=168)]
TagAge = Annotated[str, Field(pattern=DURATION), BeforeValidator(as_duration(timedelta(minutes=1), timedelta(hours=1)))]
FactAge = Annotated[
    str, Field(pattern=DURATION), BeforeValidator(as_duration(timedelta(minutes=1), timedelta(hours=24)))
]
_BEHIND = f"AWS's answers may be {duration_text(ANSWERS_BEHIND_AT_MOST)} behind, so what fell back is not told sooner"
NoticeTime = Annotated[
    str, Field(pattern=DURATION), BeforeValidator(as_duration(timedelta(minutes=5), timedelta(hours=24)))
]
StartWait = Annotated[
    str, Field(pattern=DURATION), BeforeValidator(as_duration(ANSWERS_BEHIND_AT_MOST, timedelta(hours=1), _BEHIND))
]
Percent = Annotated[float, Field(ge=0, le=100), BeforeValidator(_as_number)]
KindName = Annotated[str, BeforeValidator(_as_kind)]
ActionName = Annotated[str, BeforeValidator(_as_action)]
LossName = Annotated[str, BeforeValidator(_as_loss)]
MaybeCount = Annotated[Count | None, BeforeValidator(not_null)]
MaybePercent = Annotated[Percent | None, BeforeValidator(not_null)]
MaybeText = Annotated[Text | None, BeforeValidator(not_null)]
TopicArn = Annotated[
    str,
    Field(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$"),
    BeforeValidator(_as_text),
]
"""No FIFO topic: it takes no message without a group, and tells no mail address."""
BUS = r"^(arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/)?[A-Za-z0-9._/-]{1,256}$"
BusName = Annotated[str, Field(pattern=BUS), BeforeValidator(_as_text)]


class Part(BaseModel):
    """A mapping of the document: unknown keys are mistakes."""

    # Built with the whole document, on its first use, instead of each part by itself at import.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
