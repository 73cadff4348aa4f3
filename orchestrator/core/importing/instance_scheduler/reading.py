"""The forms in which Instance Scheduler's schedules are written down, as definitions.

- What `scheduler-cli describe-schedules` and `describe-periods` print: JSON, one or several documents in a file.
- The items of its DynamoDB ConfigTable: of a scan, or of an export to S3, one on each line.
- CloudFormation templates with `Custom::ServiceInstanceSchedule` resources, in YAML or JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.core.importing.instance_scheduler.definitions import (
    PERIOD_KEYS,
    SCHEDULE_KEYS,
    SETTING_KEYS,
    Definition,
    Definitions,
    Doubt,
    Given,
    Place,
)
from orchestrator.core.policy.yaml_document import Document, Path, Tagged, path_text, read_document, value_words
from orchestrator.errors import PolicyError, PolicyProblem

RESOURCE_TYPE = "Custom::ServiceInstanceSchedule"
_SCHEDULE, _PERIOD, _SETTINGS = "schedule", "period", "config"
_KEYS = {_SCHEDULE: SCHEDULE_KEYS, _PERIOD: PERIOD_KEYS, _SETTINGS: SETTING_KEYS}
_OF_RESOURCES_ALONE = frozenset({"nostackprefix", "servicetoken", "timeout"})
_OF_RESOURCES_PERIODS = frozenset({"instancetype"})
_ATTRIBUTES = frozenset({"S", "N", "BOOL", "SS", "NS", "NULL"})
_KINDS_LISTED = {"schedules": _SCHEDULE, "schedule": _SCHEDULE, "periods": _PERIOD, "period": _PERIOD}
_OF_SCANS = frozenset({"Count", "ScannedCount", "ConsumedCapacity"})
_HARMLESS = frozenset({"Type", "Properties", "DependsOn", "Metadata", "DeletionPolicy", "UpdateReplacePolicy"})
_MOST_CHARACTERS = 10_000_000
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_RIGHT = (
    "it has neither `Schedules` or `Periods` (as scheduler-cli's describe-schedules and describe-periods print them), "
    "nor `Items` (of its DynamoDB table), nor `Resources` (a CloudFormation template)"
)


def read_definitions(text: str, source: str, stack: str | None, into: Definitions) -> None:
    """Add what the text defines. `stack` is the name that CloudFormation put before the names of its schedules.

    Raises PolicyError with every problem of a text that cannot be read, each with its line.
    """
    problems: list[PolicyProblem] = []
    for part, first_line in _documents(text):
        document = read_document(part, own_tags=True)
        if document.problems:
            problems += [
                PolicyProblem(one.path, (one.line or 1) + first_line, one.message) for one in document.problems
            ]
            continue
        reader = _Reader(document, source, first_line, stack, into)
        if not reader.read():
            problems.append(PolicyProblem("", document.line(()) + first_line, f"this is none of its forms: {_RIGHT}"))
    if problems:
        raise PolicyError(source, tuple(problems))


def _documents(text: str) -> Iterator[tuple[str, int]]:
    """Each document of a text of several, in JSON one after another, with the lines that stand before it."""
    if len(text) > _MOST_CHARACTERS or not text.lstrip("\ufeff \t\r\n").startswith("{"):
        yield text, 0
        return
    ends = _ends(text)
    if ends is None:
        yield text, 0
        return
    start = 0
    for end in ends:
        part = text[start:end]
        yield _PAIR.sub(_joined, part), text.count("\n", 0, start)
        start = end


def _ends(text: str) -> list[int] | None:
    """Where each document of JSON ends; None for anything else."""
    decoder, at, ends = json.JSONDecoder(), 0, []
    text_end = len(text.rstrip())
    while at < text_end:
        while text[at] in "\ufeff \t\r\n":
            at += 1
        try:
            _, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return None
        ends.append(at)
    return ends


def _joined(match: re.Match[str]) -> str:
    """One character that JSON writes as two escapes; YAML has another escape for it."""
    high, low = int(match[2], 16), int(match[3], 16)
    return f"{match[1]}\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"


class _Reader:
    def __init__(self, document: Document, source: str, first_line: int, stack: str | None, into: Definitions) -> None:
        self._document = document
        self._source = source
        self._first_line = first_line
        self._stack = stack
        self._into = into

    def read(self) -> bool:
        """False where it is none of the forms."""
        value = self._document.value
        if isinstance(value, list):
            return bool(value) and all(self._item(one, (number,)) for number, one in enumerate(value))
        if not isinstance(value, dict):
            return False
        if "Resources" in value:
            return self._template(value)
        if "Type" in value or "type" in value:
            return self._item(value, ())
        rest = [key for key, one in value.items() if not self._several(key, one)]
        if len(rest) == len(value):
            return False
        for key in rest:
            if key not in _OF_SCANS:
                self._other((key,), f"`{key}`")
        return True

    def _several(self, key: str, value: Any) -> bool:
        """The definitions under a key of the whole document; False where there are none."""
        kind = _KINDS_LISTED.get(key.lower())
        if kind is not None and isinstance(value, list | dict):
            self._listed(kind, value, (key,))
        elif key == "Items" and isinstance(value, list):
            for number, item in enumerate(value):
                if not self._item(item, (key, number)):
                    self._other((key, number), "an item without `type` and `name`")
        else:
            return key == "Item" and self._item(value, (key,))
        return True

    def _listed(self, kind: str, value: Any, path: Path) -> None:
        entries = [(value, path)] if isinstance(value, dict) else [(one, (*path, at)) for at, one in enumerate(value)]
        for one, its_path in entries:
            if isinstance(one, dict):
                self._define(kind, one, its_path)
            else:
                self._other(its_path, value_words(one))

    def _item(self, value: Any, path: Path) -> bool:
        if not isinstance(value, dict):
            return False
        plain = {key: _plain(one) for key, one in value.items()}
        kind = plain.get("type", plain.get("Type"))
        if not isinstance(kind, str) or not isinstance(plain.get("name", plain.get("Name")), str):
            return False
        if kind in _KEYS:
            self._define(kind, plain, path)
        else:
            self._other(path, f"an item of the type {kind!r}")
        return True

    def _define(self, kind: str, value: Mapping[str, Any], path: Path) -> None:
        given, doubts = self._given(value, path, _KEYS[kind])
        name = given["name"].value if "name" in given else None
        if not isinstance(name, str) or not name:
            doubts.append(Doubt(self._place(path), f"the name of a {kind}", "it has no text for a name"))
            name = ""
        where = {_SCHEDULE: self._into.schedules, _PERIOD: self._into.periods, _SETTINGS: self._into.settings}[kind]
        where.append(Definition(name, self._place(path), given, tuple(doubts)))

    def _given(
        self, value: Mapping[str, Any], path: Path, known: frozenset[str]
    ) -> tuple[dict[str, Given], list[Doubt]]:
        by_letters = {_letters(key): key for key in known}
        given: dict[str, Given] = {}
        doubts = []
        for key, one in value.items():
            place = self._place((*path, key))
            name = by_letters.get(_letters(key))
            if _is_unresolved(one):
                why = "its value is known only to CloudFormation; write it out to import it"
                doubts.append(Doubt(place, f"`{key}`", why, name or ""))
            elif name is None:
                doubts.append(Doubt(place, f"`{key}`", "this key is not understood"))
            elif name in given:
                doubts.append(Doubt(place, f"`{key}`", "it is there twice"))
            else:
                given[name] = Given(key, one, place)
        return given, doubts

    def _template(self, template: Mapping[str, Any]) -> bool:
        resources = template["Resources"]
        if not isinstance(resources, dict):
            return False
        doubts = []
        if "Transform" in template:
            why = "a macro may change every resource of the template; import what it makes of it"
            doubts.append(Doubt(self._place(("Transform",)), "`Transform`", why))
        for logical_id, resource in resources.items():
            path: Path = ("Resources", logical_id)
            kind = resource.get("Type") if isinstance(resource, dict) else None
            if kind == RESOURCE_TYPE:
                self._resource(logical_id, resource, path, doubts)
            else:
                self._other(path, f"the resource {logical_id}" + (f" ({kind})" if isinstance(kind, str) else ""))
        return True

    def _resource(self, logical_id: str, resource: Mapping[str, Any], path: Path, of_all: list[Doubt]) -> None:
        properties = resource.get("Properties")
        doubts = [*of_all]
        for key in resource:
            if key not in _HARMLESS:
                why = (
                    "where it does not hold, Instance Scheduler does not know the schedule, and stops nothing by it"
                    if key == "Condition"
                    else "this key is not understood"
                )
                doubts.append(Doubt(self._place((*path, key)), f"`{key}` of {logical_id}", why))
        path = (*path, "Properties")
        if not isinstance(properties, dict):
            doubts.append(Doubt(self._place(path), logical_id, "it has no properties"))
            properties = {}
        own = {key: one for key, one in properties.items() if _letters(key) in _OF_RESOURCES_ALONE}
        rest = {key: one for key, one in properties.items() if key not in own and _letters(key) != "periods"}
        given, more = self._given(rest, path, SCHEDULE_KEYS)
        doubts += more
        name, why = self._name(logical_id, given, own, unresolved=any(one.key == "name" for one in more))
        if why:
            doubts.append(Doubt(self._place(path), f"the name of the schedule {logical_id}", why))
        periods, more = self._periods(properties, path, name)
        place = self._place(("Resources", logical_id))
        self._into.schedules.append(Definition(name, place, given, (*doubts, *more), periods))

    def _name(
        self, logical_id: str, given: Mapping[str, Given], own: Mapping[str, Any], *, unresolved: bool
    ) -> tuple[str, str]:
        """The name, and what is not known of it."""
        base = given["name"].value if "name" in given else logical_id
        prefix = next((one for key, one in own.items() if _letters(key) == "nostackprefix"), "false")
        if unresolved or not isinstance(base, str):
            return logical_id, "it is known only to CloudFormation"
        if str(prefix).lower() == "true":
            return base, ""
        if str(prefix).lower() != "false":
            return base, "whether the stack's name stands before it is not understood (`NoStackPrefix`)"
        if not self._stack:
            return base, "the stack's name stands before it: give it by --stack-name"
        return f"{self._stack}-{base}", ""

    def _periods(
        self, properties: Mapping[str, Any], path: Path, name: str
    ) -> tuple[tuple[tuple[Definition, str], ...], list[Doubt]]:
        key = next((one for one in properties if _letters(one) == "periods"), None)
        value = properties.get(key) if key is not None else []
        if not isinstance(value, list):
            return (), [Doubt(self._place((*path, str(key))), f"`{key}`", "it is no list that can be read")]
        found = []
        for number, one in enumerate(value):
            its_path = (*path, str(key), number)
            label = f"{name}-period-{number + 1:04}"
            if not isinstance(one, dict):
                doubt = Doubt(self._place(its_path), label, "it is no period that can be read")
                found.append((Definition(label, self._place(its_path), {}, (doubt,)), ""))
                continue
            types = {key: each for key, each in one.items() if _letters(key) in _OF_RESOURCES_PERIODS}
            rest = {key: each for key, each in one.items() if key not in types}
            given, doubts = self._given(rest, its_path, PERIOD_KEYS)
            instance_type = next(iter(types.values()), "")
            definition = Definition(label, self._place(its_path), given, tuple(doubts))
            found.append(
                (definition, instance_type if isinstance(instance_type, str) else "a type of CloudFormation's")
            )
        return tuple(found), []

    def _other(self, path: Path, what: str) -> None:
        why = "it is no schedule, period or setting of Instance Scheduler's"
        self._into.others.append(Doubt(self._place(path), what, why))

    def _place(self, path: Path) -> Place:
        return Place(self._source, self._document.line(path) + self._first_line, path_text(path) or "(document)")


def _plain(value: Any) -> Any:
    """A value of DynamoDB's, which names its type, as the value alone."""
    if isinstance(value, dict) and len(value) == 1:
        (kind, one), *_ = value.items()
        if kind in _ATTRIBUTES:
            return None if kind == "NULL" else one
        if kind == "L" and isinstance(one, list):
            return [_plain(each) for each in one]
    return value


def _is_unresolved(value: Any) -> bool:
    """Whether only CloudFormation can tell it, or a part of it."""
    if isinstance(value, list):
        return any(_is_unresolved(one) for one in value)
    return isinstance(value, Tagged | dict)


def _letters(key: str) -> str:
    """`BeginTime`, `Begintime` and `begintime` are one key, and so are `StopNewInstances` and `stop_new_instances`."""
    return re.sub("[-_]", "", key).lower()
