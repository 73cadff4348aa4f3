"""Cloud Custodian's filters as conditions of ours.

A condition of ours is never wider than the filter: where it cannot be exact it is narrower, and under a `not`, where
that would be wider, it is not carried over. What is unknown to ours is kept, so unknown is always narrow enough.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.core.importing.cloud_custodian.patterns import is_pattern
from orchestrator.core.importing.cloud_custodian.source import Losses
from orchestrator.core.importing.cloud_custodian.tag_values import FLIPPED, SPECIAL, form_of
from orchestrator.core.model.kind import CloudCustodianNames
from orchestrator.core.policy.yaml_document import Path, value_words

Where = dict[str, Any]
"""A condition, as a document has it."""
EVERYTHING = "everything"
_OPS = {
    "equal": "eq",
    "not-equal": "ne",
    "greater-than": "gt",
    "gte": "ge",
    "lte": "le",
    "less-than": "lt",
    "not-in": "ni",
}
_NEGATED = {"ne": "eq", "ni": "in"}
_TAG = "tag:"
_VALUE_KEYS = frozenset({"type", "key", "value", "op", "value_type"})
_NEAR = {
    "metrics": "near is `idle`",
    "image": "near is `image`, by the AMI's id",
    "image-age": "near is `image`, by the AMI's id",
    "vpc": "near is `vpc`, by its id",
    "subnet": "near is `subnet`, by its id",
    "state-age": "near is `notice`, which counts from its announcement",
    "stop-protected": "what AWS protects from stops is kept anyway",
    "marked-for-op": "near is `notice`; it takes the policy that marks (`mark-for-op`) in the same import",
    "offhour": "only as one of the policy's own filters, not within `or`, `and` or `not`",
    "onhour": "only as one of the policy's own filters, not within `or`, `and` or `not`",
    "tag-count": "near is `required_tags`, which reports",
    "singleton": "near is `managed_by`",
}
_MINUTES_OF_A_DAY = 24 * 60
_UNITS = (("d", _MINUTES_OF_A_DAY), ("h", 60), ("m", 1))
_MOST_SPAN = 99_999
_DATES = "only dates such as 2026-12-31 are read, in UTC; any other value is kept"
_READ_LESS = {
    "integer": "only whole numbers are read, and any other value is kept; there it counts as 0, and so does no tag",
    "expiration": _DATES,
    "age": _DATES,
}
_WITHOUT_THE_DAY = "; the day itself does not count, which it does there from its midnight on: with `or equal` it would"


@dataclass(frozen=True, slots=True)
class Translator:
    """Filters of one policy; `implied` is the state that its action asks for by itself."""

    kind: str
    names: CloudCustodianNames
    losses: Losses
    implied: str = ""
    """The AWS state of all that the rule can act on; empty where it acts whatever the state."""

    def all_of(self, filters: list[Any], path: Path) -> list[Where]:
        """Those that have to hold together; what could not be carried over is missing, and said."""
        found = (self.filter(one, (*path, number), negated=False, top=True) for number, one in enumerate(filters))
        return [one for one in found if one]

    def filter(self, given: Any, path: Path, *, negated: bool, top: bool = False) -> Where | None:
        """One filter; None where it is not carried over, which is said, or where it asks for nothing."""
        if isinstance(given, str):
            given = {"type": given}
        if not isinstance(given, dict) or not given:
            return self._lose(path, "a filter", f"it must be a mapping or a type's name, not {value_words(given)}")
        if len(given) == 1 and "type" not in given:
            ((key, value),) = given.items()
            if key in ("or", "and", "not"):
                return self._block(key, value, (*path, key), negated=negated, top=top)
            given = {"type": "value", "key": key, "value": value}
        kind = given.get("type")
        if kind == "value":
            return self._value(given, path, negated=negated, top=top)
        if kind in ("instance-uptime", "instance-age") and self.kind == "ec2":
            return self._since(str(kind), given, path, negated=negated)
        near = _NEAR.get(kind, "there is no condition for it") if isinstance(kind, str) else "it has no `type`"
        return self._lose(path, f"the filter {value_words(kind)}", near)

    def _lose(self, path: Path, what: str, why: str) -> Where | None:
        """No condition, which is said."""
        self.losses.lose(path, what, why)
        return None

    def _block(self, word: str, parts: Any, path: Path, *, negated: bool, top: bool) -> Where | None:
        if not isinstance(parts, list) or not parts:
            return self._lose(path, f"`{word}`", f"it must be a list of filters, not {value_words(parts)}")
        count, inner = len(self.losses.fatal), negated is not (word == "not")
        is_top = top and word == "and"
        each = [self.filter(one, (*path, number), negated=inner, top=is_top) for number, one in enumerate(parts)]
        if len(self.losses.fatal) > count:
            return None
        found = [one for one in each if one is not None]
        if not found:
            return None
        if word == "or":
            return found[0] if len(found) == 1 else {"any": found}
        both = found[0] if len(found) == 1 else {"all": found}
        return {"not": both} if word == "not" else both

    # --- `type: value`

    def _value(self, given: Mapping[str, Any], path: Path, *, negated: bool, top: bool) -> Where | None:
        unknown = [key for key in given if key not in _VALUE_KEYS]
        key, op = given.get("key"), given.get("op")
        if unknown or not isinstance(key, str) or "value" not in given or not isinstance(op, str | None):
            what = ", ".join(f"`{one}`" for one in unknown) or "a filter by value"
            why = "it is not known here" if unknown else "it needs a `key` and a `value`"
            return self._lose((*path, *unknown[:1]), what, why)
        op, value, kind = _OPS.get(op or "eq", op or "eq"), given["value"], given.get("value_type")
        if _is_variable(value):
            return self._lose(path, f"{key}: {value!r}", "its value is filled in when it runs")
        if key.startswith(_TAG):
            return self._tag(key.removeprefix(_TAG), op, value, kind, path, negated=negated)
        return self._of_kind(key, op, value, kind, path, negated=negated, top=top)

    def _of_kind(
        self, key: str, op: str, value: Any, kind: Any, path: Path, *, negated: bool, top: bool
    ) -> Where | None:
        if key == self.names.state_key:
            return self._state(op, value, kind, path, top=top)
        if key in self.names.spans and kind == "age":
            return self._age(self.names.spans[key], op, value, path, key, negated=negated)
        if key in self.names.words and kind is None:
            return self._fact(self.names.words[key], key, op, value, path)
        of = f" by `value_type: {kind}`" if kind is not None else ""
        return self._lose(path, f"the filter by {key}{of}", "there is no condition for it")

    def _state(self, op: str, value: Any, kind: Any, path: Path, *, top: bool) -> Where | None:
        """A stop acts on what runs, and a start on what is stopped, whatever a rule says."""
        running = self.names.running
        states = value if op == "in" and isinstance(value, list) else [value] if op == "eq" else None
        if kind is None and states is not None:
            if top and self.implied in states:
                return None
            if self.kind == "ec2" and states == [running]:
                return {"running_for": {"at_least": "0m"}}
        elif kind is None and op == "ne" and top and isinstance(value, str) and self.implied not in ("", value):
            return None
        stopped = self.names.stopped
        why = f"there is no condition on states; a rule that stops acts on `{running}`, one that starts on `{stopped}`"
        return self._lose(path, f"the filter by {self.names.state_key}", why)

    def _age(self, word: str, op: str, value: Any, path: Path, what: str, *, negated: bool) -> Where | None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return self._lose(path, f"the age by {what}", f"it must be a number of days, not {value_words(value)}")
        return self._span(word, op, value * _MINUTES_OF_A_DAY, path, what, negated=negated)

    def _since(self, kind: str, given: Mapping[str, Any], path: Path, *, negated: bool) -> Where | None:
        units = {"days": _MINUTES_OF_A_DAY, "hours": 60, "minutes": 1}
        known = units if kind == "instance-age" else {"days": _MINUTES_OF_A_DAY}
        count = len(self.losses.fatal)
        for key, one in given.items():
            if key not in ("type", "op", *known):
                self._lose((*path, key), f"`{key}`", f"no key of `{kind}` that is known here")
            elif key in known and (isinstance(one, bool) or not isinstance(one, int | float) or not math.isfinite(one)):
                self._lose((*path, key), f"`{key}`", f"it must be a number, not {value_words(one)}")
        op = given.get("op", "greater-than")
        if not isinstance(op, str):
            self._lose((*path, "op"), "`op`", f"it must be text, not {value_words(op)}")
        if len(self.losses.fatal) > count:
            return None
        op, minutes = _OPS.get(op, op), sum(given.get(key, 0) * each for key, each in known.items())
        if kind == "instance-uptime":
            return self._span("running_for", op, minutes, path, f"`{kind}`", negated=negated)
        if (op in ("gt", "ge")) is not negated:
            why = (
                "it counts from when the oldest volume was attached, and `age` also from the first network interface, "
                "so what had its volumes replaced would be older here than there; near is "
                f"`age: {{at_least: {_span_text(math.ceil(minutes)) or '7d'}}}`"
            )
            return self._lose(path, f"`{kind}`", why)
        return self._span("age", op, minutes, path, f"`{kind}`", negated=negated)

    def _span(self, word: str, op: str, minutes: float, path: Path, what: str, *, negated: bool) -> Where | None:
        """Of a comparison of `now - so long` with the time: `gt` holds for what is older."""
        above, below = math.ceil(minutes), math.floor(minutes)
        if negated:
            above, below = below, above
        bounds = {
            "ge": ("at_least", above),
            "gt": ("at_least", math.ceil(minutes) if negated else math.floor(minutes) + 1),
            "lt": ("below", below),
            "le": ("below", math.floor(minutes) + 1 if negated else below),
        }
        bound = bounds.get(op)
        text = _span_text(bound[1]) if bound is not None else None
        if bound is None or text is None:
            return self._lose(path, f"{what} with `op: {op}`", f"`{word}` has `at_least` and `below`, of whole minutes")
        return {word: {bound[0]: text}}

    def _fact(self, word: str, key: str, op: str, value: Any, path: Path) -> Where | None:
        if op in _NEGATED:
            inner = self._fact(word, key, _NEGATED[op], value, path)
            return {"not": inner} if inner is not None else None
        if word == "lifecycle" and op == "eq" and value == "absent":
            return {word: "on-demand"}
        texts = value if op == "in" and isinstance(value, list) else [value] if op in ("eq", "glob") else []
        if not texts or not all(isinstance(one, str) and one and one not in SPECIAL for one in texts):
            return self._lose(path, f"the filter by {key}", f"`{word}` is one text or several, or a glob")
        if any("[" in one or (op != "glob" and is_pattern(one)) for one in texts):
            return self._lose(path, f"the filter by {key}", f"{value!r} would be another glob for `{word}`")
        return {word: texts if len(texts) > 1 else texts[0]}

    # --- tags

    def _tag(self, tag: str, op: str, value: Any, kind: Any, path: Path, *, negated: bool) -> Where | None:
        if not tag:
            return self._lose(path, "a filter by a tag", "it names no tag")
        what = f"the filter by the tag {tag}"
        if op in _NEGATED:
            inner = self._tag(tag, _NEGATED[op], value, kind, path, negated=not negated)
            special = value in SPECIAL if isinstance(value, str) else False
            if inner is None or not special:
                return {"not": inner} if inner is not None else None
            return self._lose(path, what, f"`op: {op}` with {value!r} holds for nearly everything there")
        form = form_of(op, value, kind, negated=negated)
        if isinstance(form, str):
            return self._lose(path, what, form)
        if isinstance(kind, str) and kind in _READ_LESS:
            is_open = kind != "integer" and "lt" in (op, FLIPPED.get(op) if kind == "age" else op)
            self.losses.note(
                path, f"other values of the tag {tag}", _READ_LESS[kind] + (_WITHOUT_THE_DAY if is_open else "")
            )
        return {"tag": {tag: form.value}}


def _span_text(minutes: int) -> str | None:
    if minutes < 0:
        return None
    for unit, each in _UNITS:
        if minutes % each == 0 and minutes // each <= _MOST_SPAN:
            return f"{minutes // each}{unit}"
    return None


def _is_variable(value: Any) -> bool:
    texts = value if isinstance(value, list) else [value]
    return any(isinstance(one, str) and re.search(r"\{[A-Za-z_]", one) for one in texts)


def together(parts: list[Where]) -> Where | str:
    """One condition of those that all have to hold."""
    if not parts:
        return EVERYTHING
    return parts[0] if len(parts) == 1 else {"all": parts}
