"""What pydantic finds wrong with a policy document, in words that say what would be right."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from orchestrator.core.policy.conditions.everything import EVERYTHING
from orchestrator.core.policy.nearest import nearest
from orchestrator.core.policy.other_words import right_key, right_value
from orchestrator.core.policy.schema.document import PolicyDocument
from orchestrator.core.policy.schema.fields import BUS, Part
from orchestrator.core.policy.schema.governance import FORMS as REQUIRED_TAG_FORMS
from orchestrator.core.policy.schema.governance import (
    HMAC_KEY,
    LINK_URL,
    OptOutLinks,
    OptOutRules,
    RequiredTagDocument,
)
from orchestrator.core.policy.schema.limits import AccountLimits, Guardrails, KillSwitch, Wave
from orchestrator.core.policy.schema.notify import FORMS as NOTIFY_FORMS
from orchestrator.core.policy.schema.notify import ContactDocument, ListenerDocument, OwnerContactsDocument
from orchestrator.core.policy.schema.rules import RuleDocument
from orchestrator.core.policy.schema.schedules import FORMS, ExceptDocument, LineDocument, ScheduleDocument
from orchestrator.core.policy.schema.scope import OrganizationScope, ProductionScope, RegionScope
from orchestrator.core.policy.schema.sweeps import ScheduledSweepDocument
from orchestrator.core.policy.schema.tagging import TAG_VALUE, Notice
from orchestrator.core.policy.schema.whose_schedule import (
    KeepForDocument,
    ScheduleFromTagDocument,
    is_alternative,
)
from orchestrator.core.policy.yaml_document import Document, Path, value_words
from orchestrator.errors import PolicyProblem


def shape_problems(
    document: Document, invalid: ValidationError, conditions: Collection[str] = ()
) -> Iterator[PolicyProblem]:
    """One problem for each error of pydantic that is a mistake of its own, with its path and line.

    `conditions` are the words of the `where` language, which people write beside it.
    """
    errors = invalid.errors(include_url=False)
    places = {_path(error["loc"]) for error in errors}
    for error in errors:
        path = _path(error["loc"])
        if error["type"] == "too_short" and any(place != path and place[: len(path)] == path for place in places):
            continue  # it is short only because its entries are wrong, and those are reported
        if error["type"] == "missing":
            yield replace(document.problem(path, _missing(path)), line=document.line(path[:-1]))
        elif error["type"] == "extra_forbidden":
            yield document.problem(path, _unknown_key(path, conditions))
        else:
            meant = right_value(path[-1] if path else "", error["input"])
            yield document.problem(path, f"{_shape_message(error)}{meant and f'; write `{meant}`'}")


_KEY = "[key]"
"""Pydantic's word for a key that is wrong, and not what it has."""
_FORMS = frozenset((*REQUIRED_TAG_FORMS, *NOTIFY_FORMS))


def _path(place: Path) -> Path:
    """Without the words for the form of a value, which are no part of the document."""
    if place[:1] == ("order",) and place[-1] == _KEY:
        return place[:-1]
    place = tuple(part for part in place if not is_alternative(part) and part not in _FORMS)
    return place[:3] + tuple(part for part in place[3:] if part not in FORMS)


def _missing(path: Path) -> str:
    if path[-1] == "where":
        return f"is missing: the rule would match everything; if that is meant, say `where: {EVERYTHING}`"
    if path[-1] == "running" and "except" in path:
        return "is missing; say what holds then: `running: none`, `running: always`, or lines in place of the others"
    return f"is missing; {_EXAMPLES[path[-1]]}"


_EXAMPLES: Mapping[object, str] = {
    "url": "name where the function answers, such as `url: https://abcdefghij.execute-api.eu-central-1.amazonaws.com/keep`",
    "key": "name the KMS key that signs, such as `key: alias/stop-orchestrator-opt-out-links`",
    "days": "write so many days, such as `days: 3`",
    "version": "say `version: 1`",
    "name": "give it a name, such as `name: nonprod`",
    "timezone": "name an IANA time zone, such as `timezone: Europe/Berlin`",
    "mode": "say which sweep it is, such as `mode: plan`",
    "time": "say when on these days, such as `time: 07:00-19:00`",
    "from_tag": "name the tag's key, such as `from_tag: [Schedule]`",
    "keep_for": "say how long, such as `keep_for: 4h`",
    "running": 'say when resources run, such as `running: ["mon-fri 07:00-19:00"]`',
}


def _unknown_key(path: Path, conditions: Collection[str]) -> str:
    model, key = _model_at(path[:-1]), path[-1]
    known = [field.alias or name for name, field in model.model_fields.items()]
    near = nearest(key, known)
    if right := right_key(_NAMES_OF_PARTS.get(model, ""), key):
        hint = f"; {right}"
    elif near:
        hint = f" (did you mean `{near}`?)"
    elif model is RuleDocument and key in conditions:
        hint = f"; it is a condition: write it within `where`, as in `where: {{{key}: ...}}`"
    else:
        hint = ""
    return f"the key `{key}` is unknown{hint}; known here: {', '.join(known)}"


_MODELS: Mapping[str, type[Part]] = {
    "organization": OrganizationScope,
    "production": ProductionScope,
    "regions": RegionScope,
    "schedules": ScheduleDocument,
    "rules": RuleDocument,
    "sweeps": ScheduledSweepDocument,
    "guardrails": Guardrails,
    "waves": Wave,
    "kill_switch": KillSwitch,
    "opt_out": OptOutRules,
    "required_tags": RequiredTagDocument,
    "notify": ListenerDocument,
    "owner_contacts": OwnerContactsDocument,
}


_MODELS_IN_RULE: Mapping[object, type[Part]] = {
    "schedule": ScheduleFromTagDocument,
    "started_by_hand": KeepForDocument,
}
PARTS: Mapping[str, type[Part]] = {
    "policy": PolicyDocument,
    "rules": RuleDocument,
    "schedules": ScheduleDocument,
    "except": ExceptDocument,
    "line": LineDocument,
    "notice": Notice,
    "started_by_hand": KeepForDocument,
}
"""Those for which there is a table of other people's keys, by its name."""
_NAMES_OF_PARTS = {model: name for name, model in PARTS.items()}
_PARTS_OF_A_SCHEDULE = 2
"""Longer than this is the path of a mapping within a schedule."""


_MODELS_BY_PATH: dict[Path, type[Part]] = {
    ("guardrails", "per_account"): AccountLimits,
    ("opt_out", "links"): OptOutLinks,
}


def _model_at(path: Path) -> type[Part]:
    if path in _MODELS_BY_PATH:
        return _MODELS_BY_PATH[path]
    if path[:1] == ("owner_contacts",) and len(path) > 1:
        return ContactDocument
    if path[:1] == ("rules",) and path[2:] == ("notice",):
        return Notice
    if path[:1] == ("rules",) and path[-1] in _MODELS_IN_RULE:
        return _MODELS_IN_RULE[path[-1]]
    if path[:1] == ("schedules",) and len(path) > _PARTS_OF_A_SCHEDULE:
        return LineDocument if "running" in path[_PARTS_OF_A_SCHEDULE:] else ExceptDocument
    return _MODELS[str(path[0])] if path else PolicyDocument


def _shape_message(error: Any) -> str:
    if error["type"] == "too_short":
        return "must have at least one entry"
    if error["type"] == "too_long":
        return f"must have at most {error['ctx']['max_length']} entries, not {error['ctx']['actual_length']}"
    if error["type"] == "string_pattern_mismatch":
        return f"{value_words(error['input'])} does not fit: {_PATTERNS.get(error['ctx']['pattern'], error['msg'])}"
    if error["type"] in {"literal_error", "enum"}:
        expected = error["ctx"]["expected"]
        near = nearest(error["input"], re.findall("'([^']*)'", expected))
        hint = f"; did you mean {near!r}?" if near else ""
        return f"must be {expected}, not {value_words(error['input'])}{hint}"
    if error["type"] in _RIGHT:
        return f"must be {_RIGHT[error['type']].format(**error.get('ctx', {}))}, not {value_words(error['input'])}"
    return f"{error['msg'][0].lower()}{error['msg'][1:]}"


_RIGHT = {
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "finite_number": "a number that is not infinite",
}


_PATTERNS = {
    r"^[0-9]{12}$": "an account id has twelve digits; put it in quotes",
    r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$": "an SNS topic is named by its ARN, such as "
    "arn:aws:sns:eu-central-1:111122223333:team-a; a FIFO topic cannot be told",
    BUS: "an event bus is named by its name, such as `default`, or by its ARN",
    LINK_URL: "it begins with https:// and has no query, such as https://abcdefghij.execute-api.eu-central-1.amazonaws.com/keep",
    HMAC_KEY: "a KMS key is named by its ARN or its alias, such as alias/stop-orchestrator-opt-out-links",
    TAG_VALUE: "a value has 1 to 256 letters, digits, spaces or `_.:/=+@-`, which every service takes",
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$": "a name has 1 to 64 letters, digits, `.`, `_` or `-`",
}
