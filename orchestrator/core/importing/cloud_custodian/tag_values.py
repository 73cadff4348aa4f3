"""What Cloud Custodian holds a tag's value against, as a form of ours; never a wider one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.core.importing.cloud_custodian.patterns import (
    contained,
    exactly,
    folded,
    of_glob,
    of_regex,
    some_digits,
)
from orchestrator.core.policy.yaml_document import value_words

FLIPPED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
SPECIAL = ("absent", "present", "not-null", "empty")
_NEVER = "it holds for nothing, since a tag's value is text; put the value in quotes"
_WIDER = "under a `not` no condition of ours is narrow enough for it"


@dataclass(frozen=True, slots=True)
class Form:
    """What a tag is held against, as a document has it."""

    value: Any


def form_of(op: str, value: Any, kind: Any, *, negated: bool) -> Form | str:
    """What the tag is held against, by the filter's `op` and `value_type`; else why there is nothing for it."""
    if kind is None:
        return _plain(op, value, negated=negated)
    if negated:
        return _WIDER
    return _OF_TYPES.get(kind, _no_type)(op, value) if isinstance(kind, str) else _no_type(op, value)


def _plain(op: str, value: Any, *, negated: bool) -> Form | str:
    if op == "eq":
        return _equal(value, negated=negated)
    if op == "in":
        return _one_of(value, negated=negated)
    made = {"glob": of_glob, "contains": contained, "regex": of_regex, "regex-case": _cased_regex}.get(op)
    if made is None or not isinstance(value, str) or value in SPECIAL:
        return f"there is no way to compare a tag with {value_words(value)} by `op: {op}`"
    form = made(value)
    return (
        Form(form) if form is not None else f"{value!r} has signs that mean something else in our globs and expressions"
    )


def _one_of(value: Any, *, negated: bool) -> Form | str:
    if not isinstance(value, list) or not value:
        return "it needs a list of texts"
    if any(one is None or (isinstance(one, str) and one in SPECIAL) for one in value):
        return "a list has no words such as `absent` in it"
    forms = [_equal(one, negated=negated) for one in value]
    wrong = next((one for one in forms if isinstance(one, str)), None)
    return wrong or _any_of([one.value for one in forms if isinstance(one, Form)])


def _cased_regex(value: str) -> Any:
    return of_regex(value, is_cased=True)


def _equal(value: Any, *, negated: bool) -> Form | str:
    words: Mapping[str | None, Any] = {
        None: {"absent": True},
        "present": {"present": True},
        "not-null": "?*",
        # The word itself as the tag's value counts too; where that would be narrower it is left out.
        "absent": {"any_of": [{"absent": True}, "absent"]} if negated else {"absent": True},
        "empty": {"any_of": [{"absent": True}, exactly(""), *(["empty"] if negated else [])]},
    }
    if value is None or (isinstance(value, str) and value in words):
        return Form(words[value])
    if not isinstance(value, str):
        return _NEVER
    form = exactly(value)
    return Form(form) if form is not None else "it is too long"


def _any_of(values: list[Any]) -> Form:
    if all(isinstance(one, str) for one in values):
        return Form(values if len(values) > 1 else values[0])
    return Form({"any_of": values})


def _normalized(op: str, value: Any) -> Form | str:
    texts = value if op == "in" and isinstance(value, list) else [value]
    if op not in ("eq", "in") or not texts or not all(isinstance(one, str) for one in texts):
        return "`value_type: normalize` is carried over with `eq` and `in` of texts alone"
    if len(texts) == 1 and texts[0] in SPECIAL:
        words = {"absent": {"absent": True}, "present": {"present": True}, "not-null": {"matches": r"(?s:.*)\S(?s:.*)"}}
        return Form(words[texts[0]]) if texts[0] in words else "there is no form for it"
    forms = [folded(one) for one in texts if one not in SPECIAL]
    if None in forms or len(forms) < len(texts):
        return "it holds for nothing, or has signs of other scripts; write it in small letters"
    return _any_of(forms)


def _integer(op: str, value: Any) -> Form | str:
    words = {"ge": "at_least", "gt": "above", "le": "at_most", "lt": "below"}
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return f"it must be a number, not {value_words(value)}"
    if op not in (*words, "eq"):
        return f"there is no way to compare numbers by `op: {op}`"
    bounds = {"at_least": value, "at_most": value} if op == "eq" else {words[op]: value}
    return Form({"matches": some_digits(), **bounds})


def _date(op: str, value: Any, *, ahead: int) -> Form | str:
    """Of a date held against now and so many days; its midnight counts there, in UTC."""
    if isinstance(value, bool) or not isinstance(value, int):
        return "it is carried over with a whole number of days"
    words = {"le": ("before", 1), "lt": ("before", 0), "gt": ("after", 0), "ge": ("after", 0)}
    if op not in words:
        return f"there is no way to compare dates by `op: {op}`"
    word, more = words[op]
    days = ahead * value + more
    day = "today" if not days else f"today{days:+d}d"
    return Form({"matches": r"[0-9]{4}-[0-9]{2}-[0-9]{2}", word: day})


def _expiration(op: str, value: Any) -> Form | str:
    return _date(op, value, ahead=1)


def _aged(op: str, value: Any) -> Form | str:
    """`now - days` is held against the date, so the older is the greater."""
    return _date(FLIPPED.get(op, op), value, ahead=-1)


def _no_type(op: str, value: Any) -> str:
    del op, value
    return "there is no form for its `value_type`"


_OF_TYPES: Mapping[str, Callable[[str, Any], Form | str]] = {
    "normalize": _normalized,
    "integer": _integer,
    "expiration": _expiration,
    "age": _aged,
}
