"""The org's policy: a YAML document in, an OrgPolicy out, or every mistake at once with its path and line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from orchestrator.core.conditions import Condition
from orchestrator.core.documents import Document, Path, read_document, value_words
from orchestrator.core.model import Action
from orchestrator.core.schedules import Schedule, Window, parse_window
from orchestrator.core.where import EVERYTHING, parse_where
from orchestrator.errors import PolicyError, PolicyProblem

KINDS = ("ec2",)


def _as_text(value: Any) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("text", "{shown} must be text; put it in quotes", {"shown": value_words(value)})
    if not value.strip():
        raise PydanticCustomError("text", "must not be empty")
    return value


def _as_path(value: str) -> str:
    if not value.startswith("/"):
        raise PydanticCustomError("path", "must be an OU path from the root, such as /Workloads/Dev")
    return value


def _as_timezone(value: str) -> str:
    if value not in _timezones():
        near = get_close_matches(value, _timezones(), 1)
        hint = f"did you mean {near[0]}?" if near else "use a name such as Europe/Berlin or UTC"
        raise PydanticCustomError("timezone", "{why}", {"why": f"{value!r} is no IANA time zone; {hint}"})
    return value


def _as_window(value: str) -> str:
    try:
        parse_window(value)
    except ValueError as wrong:
        raise PydanticCustomError("window", "{why}", {"why": str(wrong)}) from wrong
    return value


def _as_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("number", "must be a number, not {shown}", {"shown": value_words(value)})
    return value


def _given(value: Any) -> Any:
    """A key without a value would mean the least careful thing (stop at any time, no limit), so it is refused."""
    if value is None:
        raise PydanticCustomError("given", "has no value; give it one or leave the key out")
    return value


def _as_version(value: Any) -> Any:
    if isinstance(value, bool | float):  # which Python holds equal to 1
        raise PydanticCustomError("version", "must be 1, not {shown}", {"shown": value_words(value)})
    return value


@cache
def _timezones() -> frozenset[str]:
    """IANA's names; not those by which a machine means its own zone."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


# Field before the validators, or pydantic leaves the limit out of the JSON Schema.
Text = Annotated[str, Field(min_length=1), BeforeValidator(_as_text)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"), BeforeValidator(_as_text)]
OuPath = Annotated[Text, AfterValidator(_as_path)]
TimeZone = Annotated[Text, AfterValidator(_as_timezone)]
WindowText = Annotated[Text, AfterValidator(_as_window)]
AccountIdText = Annotated[str, Field(pattern=r"^[0-9]{12}$"), BeforeValidator(_as_text)]
Count = Annotated[StrictInt, Field(ge=0)]
Hours = Annotated[float, BeforeValidator(_as_number), Field(gt=0, le=168)]
Percent = Annotated[float, Field(ge=0, le=100), BeforeValidator(_as_number)]
MaybeCount = Annotated[Count | None, BeforeValidator(_given)]
MaybePercent = Annotated[Percent | None, BeforeValidator(_given)]
MaybeText = Annotated[Text | None, BeforeValidator(_given)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OrganizationScope(_Part):
    """Which accounts are looked at."""

    include: Annotated[
        tuple[OuPath, ...],
        Field(min_length=1, description="OU paths, each with all below it; absent: the whole organization."),
    ] = ()
    exclude: Annotated[
        tuple[OuPath, ...], Field(description="OU paths that are left out, each with all below it.")
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
    kinds: Annotated[tuple[Literal["ec2"], ...], Field(min_length=1, description="Kinds of resources.")] = ("ec2",)
    where: Annotated[Any, Field(description=f"Conditions, or the word `{EVERYTHING}`.")]
    schedule: Annotated[MaybeText, Field(description="A name under `schedules`; absent: stop at any time.")] = None
    action: Annotated[
        Literal["stop", "hibernate"], Field(description="Hibernation falls back to a plain stop where unsupported.")
    ] = "stop"


class AccountLimits(_Part):
    """Limits that hold for each account by itself."""

    max_stops: MaybeCount = None
    max_stops_percent: MaybePercent = None


class Guardrails(_Part):
    """Limits that the whole plan must pass before the first stop. Absent means no limit; 0 means 0."""

    max_stops: Annotated[MaybeCount, Field(description="Planned stops in the whole organization.")] = None
    max_stops_percent: Annotated[MaybePercent, Field(description="Of the running resources read.")] = None
    per_account: AccountLimits = AccountLimits()
    min_coverage_percent: Annotated[MaybePercent, Field(description="Of the targets in scope.")] = None


class Wave(_Part):
    """How many accounts are done with when the wave ends: either so many, or so many percent of those with stops."""

    accounts: Annotated[StrictInt | None, Field(ge=1, description="So many accounts.")] = None
    percent: Annotated[Percent | None, Field(description="So many percent of the accounts that have stops.")] = None


class KillSwitch(_Part):
    """What to do when the kill switch cannot be read."""

    unreadable: Annotated[
        Literal["go_on", "stop"], Field(description="`stop`: a kill switch that cannot be read counts as pulled.")
    ] = "go_on"


class PolicyDocument(_Part):
    """The policy of one organization for Stop Orchestrator."""

    version: Annotated[Literal[1], BeforeValidator(_as_version), Field(description="Always 1.")]
    name: Annotated[Name, Field(description="Letters, digits, `.`, `_`, `-`.")]
    timezone: Annotated[TimeZone, Field(description="For dated opt-outs; schedules have their own.")] = "UTC"
    organization: OrganizationScope = OrganizationScope()
    regions: RegionScope = RegionScope()
    schedules: Annotated[Mapping[str, ScheduleDocument], Field(description="By name.")] = {}
    rules: Annotated[tuple[RuleDocument, ...], Field(description="In order; no rule, no stop.")] = ()
    guardrails: Guardrails = Guardrails()
    waves: Annotated[
        tuple[Wave, ...], Field(description="Accounts first to last; absent: all at once. What is left comes last.")
    ] = ()
    abort_if_failures_percent: Annotated[
        Percent | None, Field(description="Of the stops attempted so far, looked at after each wave; beyond it, abort.")
    ] = None
    plan_valid_hours: Annotated[Hours, Field(description="How long a plan can be applied; at most a week.")] = 12
    kill_switch: KillSwitch = KillSwitch()
    required_tags: Annotated[tuple[Text, ...], Field(description="Reported under compliance; no reason to stop.")] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    kinds: frozenset[str]
    where: Condition
    schedule: Schedule | None
    action: Action


@dataclass(frozen=True, slots=True)
class OrgPolicy:
    """A policy that was checked as a whole. `sha256` is that of the document's UTF-8 bytes."""

    name: str
    timezone: ZoneInfo
    organization: OrganizationScope
    regions: RegionScope
    schedules: Mapping[str, Schedule]
    rules: tuple[Rule, ...]
    guardrails: Guardrails
    waves: tuple[Wave, ...]
    abort_if_failures_percent: float | None
    plan_valid_hours: float
    kill_switch: KillSwitch
    required_tags: tuple[str, ...]
    sha256: str = field(compare=False)
    document: Mapping[str, Any] = field(compare=False, repr=False)
    text: str = field(compare=False, repr=False)


def load_policy(text: str, source: str = "policy") -> OrgPolicy:
    """The policy in a YAML document. Raises PolicyError with every problem, each with its path and line."""
    document = read_document(text)
    parsed, conditions, problems = _check(document)
    if problems or parsed is None:
        raise PolicyError(source, tuple(sorted(problems, key=lambda problem: problem.line or 0)))
    schedules = {name: _schedule(name, one) for name, one in parsed.schedules.items()}
    return OrgPolicy(
        name=parsed.name,
        timezone=ZoneInfo(parsed.timezone),
        organization=parsed.organization,
        regions=parsed.regions,
        schedules=schedules,
        rules=tuple(_rule(rule, where, schedules) for rule, where in zip(parsed.rules, conditions, strict=True)),
        guardrails=parsed.guardrails,
        waves=parsed.waves,
        abort_if_failures_percent=parsed.abort_if_failures_percent,
        plan_valid_hours=parsed.plan_valid_hours,
        kill_switch=parsed.kill_switch,
        required_tags=parsed.required_tags,
        sha256=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        document=document.value,
        text=text,
    )


def dump_policy(policy: OrgPolicy) -> str:
    """YAML that loads to an equal policy; comments are not kept."""
    return str(yaml.safe_dump(policy.document, sort_keys=False, allow_unicode=True))


def _schedule(name: str, document: ScheduleDocument) -> Schedule:
    windows: tuple[Window, ...] = tuple(window for text in document.running for window in parse_window(text))
    return Schedule(name, ZoneInfo(document.timezone), windows)


def _rule(document: RuleDocument, where: Condition, schedules: Mapping[str, Schedule]) -> Rule:
    schedule = schedules[document.schedule] if document.schedule else None
    return Rule(document.name, frozenset(document.kinds), where, schedule, Action(document.action))


def _check(document: Document) -> tuple[PolicyDocument | None, list[Condition], list[PolicyProblem]]:
    """Shape by pydantic; conditions, references and duplicates on the raw values, so that both report at once."""
    problems = list(document.problems)
    if problems and document.value is None:
        return None, [], problems
    if not isinstance(document.value, dict):
        return (
            None,
            [],
            [document.problem((), f"must be a mapping with `version` and `name`, not {value_words(document.value)}")],
        )
    parsed = None
    found: list[PolicyProblem] = []
    try:
        parsed = PolicyDocument.model_validate(document.value)
    except ValidationError as invalid:
        found += _shape_problems(document, invalid)
    conditions: list[Condition] = []
    rules = document.value.get("rules")
    for number, rule in enumerate(rules if isinstance(rules, list) else []):
        if isinstance(rule, dict) and "where" in rule:
            condition, wrong = parse_where(rule["where"], ("rules", number, "where"))
            found += [document.problem(path, message) for path, message in wrong]
            conditions += [condition] if condition is not None else []
    found += [document.problem(path, message) for path, message in _cross_checks(document)]
    unread = {(problem.path, problem.line) for problem in problems}  # what could not be read is no second mistake
    return parsed, conditions, problems + [one for one in found if (one.path, one.line) not in unread]


def _cross_checks(document: Document) -> Iterator[tuple[Path, str]]:
    schedules = document.value.get("schedules")
    known = list(schedules) if isinstance(schedules, dict) else []
    rules = document.value.get("rules")
    first: dict[str, int] = {}
    for number, rule in enumerate(rules if isinstance(rules, list) else []):
        if not isinstance(rule, dict):
            continue
        name, schedule = rule.get("name"), rule.get("schedule")
        if isinstance(name, str) and name in first:
            line = document.line(("rules", first[name], "name"))
            yield (
                ("rules", number, "name"),
                f"the rule name {name!r} is taken by the rule on line {line}; names are unique",
            )
        elif isinstance(name, str):
            first[name] = number
        if isinstance(schedule, str) and schedule and schedule not in known:
            yield ("rules", number, "schedule"), _no_such(schedule, known)
    yield from _duplicates(document.value.get("required_tags"))
    yield from _waves(document.value.get("waves"))


def _waves(waves: Any) -> Iterator[tuple[Path, str]]:
    for number, wave in enumerate(waves if isinstance(waves, list) else []):
        if isinstance(wave, dict) and ("accounts" in wave) == ("percent" in wave):
            yield ("waves", number), "must have either `accounts` or `percent`, such as {accounts: 1} or {percent: 10}"


def _duplicates(tags: Any) -> Iterator[tuple[Path, str]]:
    seen: set[str] = set()
    for number, tag in enumerate(tags if isinstance(tags, list) else []):
        if isinstance(tag, str) and tag in seen:
            yield ("required_tags", number), f"the tag {tag!r} is named twice"
        elif isinstance(tag, str):
            seen.add(tag)


def _no_such(schedule: str, known: Iterable[str]) -> str:
    near = get_close_matches(schedule, list(known), 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"there is no schedule {schedule!r}; {hint}schedules are: {', '.join(sorted(known)) or '(none)'}"


def _shape_problems(document: Document, invalid: ValidationError) -> Iterator[PolicyProblem]:
    errors = invalid.errors(include_url=False)
    places = {tuple(error["loc"]) for error in errors}
    for error in errors:
        path: Path = tuple(error["loc"])
        if error["type"] == "too_short" and any(place[:-1] == path for place in places):
            continue  # it is short only because its entries are wrong, and those are reported
        if error["type"] == "missing":
            yield PolicyProblem(document.problem(path, "").path, document.line(path[:-1]), _missing(path))
        elif error["type"] == "extra_forbidden":
            yield document.problem(path, _unknown_key(path))
        elif error["type"] == "invalid_key" or path[-1:] == ("[key]",):
            yield document.problem(path[:-1], "must be text; put it in quotes")
        else:
            yield document.problem(path, _shape_message(error))


def _missing(path: Path) -> str:
    if path[-1] == "where":
        return f"is missing: the rule would match everything; if that is meant, say `where: {EVERYTHING}`"
    return "is missing"


def _unknown_key(path: Path) -> str:
    known = list(_model_at(path[:-1]).model_fields)
    near = get_close_matches(str(path[-1]), known, 1)
    hint = f"did you mean `{near[0]}`? " if near else ""
    return f"unknown key `{path[-1]}`; {hint}known here: {', '.join(known)}"


_MODELS: Mapping[str, type[_Part]] = {
    "organization": OrganizationScope,
    "regions": RegionScope,
    "schedules": ScheduleDocument,
    "rules": RuleDocument,
    "guardrails": Guardrails,
    "waves": Wave,
    "kill_switch": KillSwitch,
}


def _model_at(path: Path) -> type[_Part]:
    if path == ("guardrails", "per_account"):
        return AccountLimits
    return _MODELS[str(path[0])] if path else PolicyDocument


def _shape_message(error: Any) -> str:
    if error["type"] in {"model_type", "dict_type", "mapping_type"}:
        return f"must be a mapping, not {value_words(error['input'])}"
    if error["type"] in {"tuple_type", "list_type"}:
        return f"must be a list, not {value_words(error['input'])}"
    if error["type"] == "too_short":
        return "must have at least one entry"
    if error["type"] == "string_pattern_mismatch":
        return f"{value_words(error['input'])} does not fit: {_PATTERNS.get(error['ctx']['pattern'], error['msg'])}"
    if error["type"] in {"literal_error", "enum"}:
        return f"must be {error['ctx']['expected']}, not {value_words(error['input'])}"
    return f"{error['msg'][0].lower()}{error['msg'][1:]}"


_PATTERNS = {
    r"^[0-9]{12}$": "an account id has twelve digits; put it in quotes",
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$": "a name has 1 to 64 letters, digits, `.`, `_` or `-`",
}
