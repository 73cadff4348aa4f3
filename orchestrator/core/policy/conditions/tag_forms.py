"""What a tag may be held against in a policy: globs, or a mapping of forms such as `{present: true}`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from math import isfinite
from typing import Any

from orchestrator.core.policy.conditions.all_of import AllOf
from orchestrator.core.policy.conditions.any_of import AnyOf
from orchestrator.core.policy.conditions.bounds import COMPARISONS, nothing_between
from orchestrator.core.policy.conditions.days import DAY_FORMS, DAY_SCHEMA, day_from
from orchestrator.core.policy.conditions.interface import Condition, Parser
from orchestrator.core.policy.conditions.matching import TagGlobs
from orchestrator.core.policy.conditions.not_of import NotOf
from orchestrator.core.policy.conditions.regexes import MOST_CHARACTERS
from orchestrator.core.policy.conditions.schema_parts import GLOB, GLOBS
from orchestrator.core.policy.conditions.tag_tests import AFTER, BEFORE, TagDay, TagNumber, TagOfRegex, TagPresent
from orchestrator.core.policy.missing_days import missing_day
from orchestrator.core.policy.nearest import nearest
from orchestrator.core.policy.yaml_document import Path, value_words

_PRESENT, _ABSENT, _ANY_OF, _GLOB, _MATCHES = "present", "absent", "any_of", "glob", "matches"
_DAYS = (BEFORE, AFTER)
FORMS = (_PRESENT, _ABSENT, _ANY_OF, _GLOB, _MATCHES, *COMPARISONS, *_DAYS)

_FORM_PROPERTIES: Mapping[str, Any] = {
    _PRESENT: {"type": "boolean", "description": "Whether the tag is there, with whatever value.", "examples": [True]},
    _ABSENT: {"type": "boolean", "description": "Whether it is not there.", "examples": [True]},
    _GLOB: {
        **GLOBS,
        "description": "The same as the text or the list by itself.",
        "examples": ["web-*", ["dev", "test*"]],
    },
    _MATCHES: {
        "type": "string",
        "minLength": 1,
        "maxLength": MOST_CHARACTERS,
        "description": "A regular expression for the whole value, without look-around and back-references.",
        "examples": ["web-[0-9]+"],
    },
    **{
        name: {
            "type": "number",
            "description": f"The value is a number {text}; unknown where it is none.",
            "examples": [4, 0.5],
        }
        for name, text in zip(
            COMPARISONS, ("of at least this", "above this", "of at most this", "below this"), strict=True
        )
    },
    **{
        name: {
            **DAY_SCHEMA,
            "description": f"The value is a date {name} this day; unknown where it is none.",
            "examples": ["today", "today-30d", "2026-12-31"],
        }
        for name in _DAYS
    },
}
_FORM = {"type": "object", "minProperties": 1, "additionalProperties": False, "properties": {**_FORM_PROPERTIES}}
_EACH = {
    "type": "array",
    "minItems": 1,
    "items": {"anyOf": [GLOB, _FORM]},
    "description": "Globs or forms: any holds.",
    "examples": [["dev", {"absent": True}]],
}
_FORM_OR_ANY_OF = {**_FORM, "properties": {**_FORM_PROPERTIES, _ANY_OF: _EACH}}
TAGS: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {
        "anyOf": [*GLOBS["anyOf"], _FORM_OR_ANY_OF],
        "description": "Of the tag with this key: globs of its value, or forms that all have to hold.",
    },
}


def parse_tags(
    value: Any, path: Path, parser: Parser, plain: Callable[[TagGlobs], Condition], *, of_account: bool
) -> Condition | None:
    """A mapping from at least one tag's key to what it is held against; `plain` makes the condition for the globs."""
    if not isinstance(value, dict) or not value:
        right, other = ("name at least one tag", "") if value == {} else ("be a mapping of tags", value_words(value))
        parser.wrong(path, f"must {right}, such as {{Environment: [dev, test]}}{other and f', not {other}'}")
        return None
    forms = {key: one for key, one in value.items() if isinstance(one, dict)}
    tags = tuple((key, parser.globs(globs, (*path, key))) for key, globs in value.items() if key not in forms)
    parts: list[Condition] = [plain(tags)] if tags else []
    for key, one in forms.items():
        parts += _Tag(key, parser, plain, of_account).forms(one, (*path, key), FORMS)
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


class _Tag:
    def __init__(self, key: str, parser: Parser, plain: Callable[[TagGlobs], Condition], of_account: bool) -> None:
        self.key = key
        self.parser = parser
        self.plain = plain
        self.of_account = of_account

    def forms(self, value: dict[str, Any], path: Path, known: tuple[str, ...]) -> Iterator[Condition]:
        """Those of a mapping, which all have to hold, as far as they are right."""
        if not value:
            self.parser.wrong(path, f"is empty; say how the tag is compared: {', '.join(known)}")
        bounds: dict[str, Any] = {}
        for name, one in value.items():
            place = (*path, name)
            if name not in known:
                near = nearest(name, known)
                hint = f" (did you mean `{near}`?)" if near else ""
                self.parser.wrong(place, f"`{name}` is no way to compare a tag{hint}; there are {', '.join(known)}")
                continue
            made = self._form(name, one, place)
            if isinstance(made, TagNumber):
                bounds[name] = made.bound
            if made is not None:
                yield made
        if nothing_between(bounds):
            self.parser.wrong(path, "holds for no number: its bounds leave nothing between them")

    def _form(self, name: str, value: Any, path: Path) -> Condition | None:
        if name in (_PRESENT, _ABSENT):
            return self._presence(name, value, path)
        if name == _ANY_OF:
            return self._any_of(value, path)
        if name == _GLOB:
            return self.plain(((self.key, self.parser.globs(value, path)),))
        if name == _MATCHES:
            regex = self.parser.regex(value, path)
            return TagOfRegex(self.key, self.of_account, regex) if regex is not None else None
        return self._day(name, value, path) if name in _DAYS else self._number(name, value, path)

    def _presence(self, name: str, value: Any, path: Path) -> Condition | None:
        if not isinstance(value, bool):
            self.parser.wrong(path, f"must be true or false, not {value_words(value)}")
            return None
        present = TagPresent(self.key, self.of_account)
        return present if value is (name == _PRESENT) else NotOf(present)

    def _any_of(self, value: Any, path: Path) -> Condition | None:
        if not isinstance(value, list) or not value:
            shown = "an empty one" if value == [] else value_words(value)
            self.parser.wrong(path, f"must be a list of at least one glob or mapping, not {shown}")
            return None
        known = tuple(name for name in FORMS if name != _ANY_OF)
        parts: list[Condition] = []
        for number, one in enumerate(value):
            place = (*path, number)
            if isinstance(one, dict):
                all_of = tuple(self.forms(one, place, known))
                parts += [all_of[0] if len(all_of) == 1 else AllOf(all_of)]
            else:
                parts.append(self.plain(((self.key, self.parser.globs(_one(one), place)),)))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _number(self, name: str, value: Any, path: Path) -> Condition | None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            self.parser.wrong(path, f"must be a number, not {value_words(value)}")
            return None
        return TagNumber(self.key, self.of_account, name, Decimal(str(value)))

    def _day(self, name: str, value: Any, path: Path) -> Condition | None:
        day = day_from(value)
        if day is None:
            why = missing_day(value) if isinstance(value, str) else ""
            hint = f": {why}" if why else "; did you mean today?" if nearest(value, ["today"]) else ""
            self.parser.wrong(path, f"must be {DAY_FORMS}, not {value_words(value)}{hint}")
            return None
        return TagDay(self.key, self.of_account, name, day, self.parser.timezone)


def _one(value: Any) -> Any:
    """A list within the list is no text, and said to be none."""
    return value if not isinstance(value, list) else [value]
