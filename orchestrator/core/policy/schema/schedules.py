"""The shape of a schedule."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from orchestrator.core.policy.nearest import nearest
from orchestrator.core.policy.other_words import EXCEPTION_WORDS as OTHER_EXCEPTION_WORDS
from orchestrator.core.policy.other_words import right_for
from orchestrator.core.policy.schedules import lines
from orchestrator.core.policy.schedules.exceptions import parse_date
from orchestrator.core.policy.schedules.holiday_calendar import holiday_problem
from orchestrator.core.policy.schema.fields import MaybeText, Part, Text, ZoneOrAccount, not_null
from orchestrator.core.policy.yaml_document import value_words

MOST_EXCEPTIONS = 400
"""More than a year has days."""
MOST_HOLIDAYS = 50
EXCEPTION_WORDS = ("none", "always", "either")
ONE, LIST, LINE_TEXT, LINE_PARTS = "<one>", "<list>", "<text>", "<parts>"
FORMS = frozenset({ONE, LIST, LINE_TEXT, LINE_PARTS})
"""Which form a value has, where there are several: pydantic puts it into the path of an error."""
_DATE = {"type": "string", "pattern": "^([0-9]{4}-)?[0-9]{2}-[0-9]{2}$"}


def _checked(check: Callable[[str], object]) -> Callable[[str], str]:
    def validate(value: str) -> str:
        try:
            check(value)
        except ValueError as wrong:
            raise PydanticCustomError("schedule", "{why}", {"why": str(wrong)}) from wrong
        return value

    return validate


def _as_month_day(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_date(value: Any) -> Any:
    try:
        parse_date(value)
    except ValueError as wrong:
        why = str(wrong) if isinstance(value, str) else f"must be a date, not {value_words(value)}; {wrong}"
        raise PydanticCustomError("date", "{why}", {"why": why}) from wrong
    return value


def _as_holidays(value: str) -> str:
    problem = holiday_problem(value)
    if problem is not None:
        raise PydanticCustomError("holidays", "{why}", {"why": problem})
    return value


def _one_or_list(value: Any) -> str:
    return LIST if isinstance(value, list | tuple) else ONE


def _line_form(value: Any) -> str:
    return LINE_PARTS if isinstance(value, dict | LineDocument) else LINE_TEXT


def _line_or_word(text: str) -> object:
    if text in EXCEPTION_WORDS:
        return text
    if near := right_for(OTHER_EXCEPTION_WORDS, text) or nearest(text, EXCEPTION_WORDS):
        raise ValueError(f"{text!r} is neither a line nor `none`, `always` or `either`; did you mean `{near}`?")
    return lines.parse_line(text)


_Day = Annotated[Text, AfterValidator(_checked(lambda text: lines.parse_day_items([text])))]
_Month = Annotated[Text, AfterValidator(_checked(lambda text: lines.parse_month_items([text])))]
_MonthDay = Annotated[
    Text,
    BeforeValidator(_as_month_day),
    AfterValidator(_checked(lambda text: lines.parse_month_day_items([text]))),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 31}, {"type": "string", "minLength": 1}]},
    ),
]
_Time = Annotated[Text, AfterValidator(_checked(lines.parse_time))]
_LineText = Annotated[Text, AfterValidator(_checked(lines.parse_line))]
_Holidays = Annotated[Text, AfterValidator(_as_holidays)]
_T = TypeVar("_T")
_OneOrMore = Annotated[
    Annotated[_T, Tag(ONE)] | Annotated[tuple[_T, ...], Field(min_length=1), Tag(LIST)], Discriminator(_one_or_list)
]


class LineDocument(Part):
    """A line by its parts; a day has to be in each of them that is given."""

    time: Annotated[
        _Time,
        Field(
            description="`07:00-19:00`, `from 07:00` or `until 19:00`.",
            examples=["07:00-19:00", "from 07:00", "until 19:00"],
        ),
    ]
    days: Annotated[
        _OneOrMore[_Day] | None,
        BeforeValidator(not_null),
        Field(
            description="Weekdays, such as `mon-fri`, `first mon` or `last fri`; absent: any.",
            examples=["mon-fri", ["first mon", "last fri"]],
        ),
    ] = None
    months: Annotated[
        _OneOrMore[_Month] | None,
        BeforeValidator(not_null),
        Field(description="Such as `jan` or `nov-feb`; absent: any.", examples=["nov-feb", ["jan", "jul"]]),
    ] = None
    monthdays: Annotated[
        _OneOrMore[_MonthDay] | None,
        BeforeValidator(not_null),
        Field(
            description="Days of the month, such as 1, `1-15` or `last`; absent: any.",
            examples=[1, ["1-15", "last"]],
        ),
    ] = None


_Line = Annotated[
    Annotated[_LineText, Tag(LINE_TEXT)] | Annotated[LineDocument, Tag(LINE_PARTS)], Discriminator(_line_form)
]
_LineOrWord = Annotated[
    Annotated[Text, AfterValidator(_checked(_line_or_word)), Tag(LINE_TEXT)] | Annotated[LineDocument, Tag(LINE_PARTS)],
    Discriminator(_line_form),
]
_LinesOrWord = Annotated[
    Annotated[_LineOrWord, Tag(ONE)] | Annotated[tuple[_Line, ...], Field(min_length=1), Tag(LIST)],
    Discriminator(_one_or_list),
]
_Date = Annotated[date | str, BeforeValidator(_as_date), WithJsonSchema(_DATE)]
_MaybeDate = Annotated[_Date | None, BeforeValidator(not_null)]


class ExceptDocument(Part):
    """Days on which the schedule says something else; it wins over holidays and lines."""

    on: Annotated[
        _MaybeDate,
        Field(
            description="A day, such as 2026-12-24, or 12-24 for every year; an entry has either this, or `from` and "
            "`until`.",
            examples=["2026-12-24", "12-24"],
        ),
    ] = None
    from_: Annotated[
        _MaybeDate, Field(alias="from", description="The first of several days.", examples=["2026-12-24", "12-24"])
    ] = None
    until: Annotated[_MaybeDate, Field(description="The last of several days.", examples=["2027-01-01", "01-01"])] = (
        None
    )
    running: Annotated[
        _LinesOrWord,
        Field(
            description="`none`, `always`, `either` (it asks for nothing), or lines in place of the schedule's.",
            examples=["none", "always", "either", ["09:00-13:00"]],
        ),
    ]
    reason: Annotated[
        MaybeText, Field(description="Why; shown where it decides.", examples=["closed between the years"])
    ] = None


class ScheduleDocument(Part):
    """When resources run; outside of it they may be stopped."""

    timezone: Annotated[
        ZoneOrAccount,
        Field(
            description="An IANA name, such as Europe/Berlin; `account`: that of each account, by its tag.",
            examples=["Europe/Berlin", "UTC", "account"],
        ),
    ]
    timezone_tag: Annotated[
        Text,
        Field(
            description="With `timezone: account`: the tag of an account that names its zone.", examples=["TimeZone"]
        ),
    ] = "TimeZone"
    running: Annotated[
        _OneOrMore[_Line],
        Field(
            description="Lines such as `mon-fri 07:00-19:00`, `fri 22:00-02:00`, `daily 00:00-24:00`, "
            "`from mon-fri 07:00`, `until last fri 19:00`, `stop mon-fri 19:00-20:00` or `jan-mar 1-15 08:00-12:00`; "
            "alternatives.",
            examples=[
                "mon-fri 07:00-19:00",
                ["mon-fri 07:00-19:00", "sat 08:00-12:00"],
                ["from mon-fri 07:00", "until mon-fri 19:00"],
                [{"days": ["mon-fri"], "months": "nov-feb", "time": "06:00-20:00"}],
            ],
        ),
    ]
    holidays: Annotated[
        Annotated[
            Annotated[_Holidays, Tag(ONE)]
            | Annotated[tuple[_Holidays, ...], Field(min_length=1, max_length=MOST_HOLIDAYS), Tag(LIST)],
            Discriminator(_one_or_list),
        ]
        | None,
        BeforeValidator(not_null),
        Field(
            description="Countries or subdivisions such as `DE-BY`: no window begins on a holiday of any of them.",
            examples=["DE-BY", ["US-NY", "IN-KA"]],
        ),
    ] = None
    except_: Annotated[
        tuple[ExceptDocument, ...],
        Field(
            alias="except",
            max_length=MOST_EXCEPTIONS,
            description="Days on which it says something else.",
            examples=[[{"from": "12-24", "until": "01-01", "running": "none", "reason": "closed between the years"}]],
        ),
    ] = ()
