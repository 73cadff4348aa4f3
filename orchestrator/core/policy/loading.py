"""From the text of a policy to an OrgPolicy, or to every mistake at once, each with its path and line."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import ValidationError

from orchestrator.core.model import Action, Mode
from orchestrator.core.model.action import StartForm
from orchestrator.core.model.kind import MemberOf
from orchestrator.core.policy.collecting import without_collecting
from orchestrator.core.policy.conditions.definitions import SECTION as DEFINITIONS
from orchestrator.core.policy.conditions.interface import Condition
from orchestrator.core.policy.conditions.parsing import parse_definitions, parse_where
from orchestrator.core.policy.conditions.words import words_of
from orchestrator.core.policy.messages import shape_problems
from orchestrator.core.policy.nearest import names_text, nearest
from orchestrator.core.policy.notifying import compile_notifications, notify_problems
from orchestrator.core.policy.org_policy import OrgPolicy, Rule, StartedByHand
from orchestrator.core.policy.required_tags import required_tag_problems, required_tags
from orchestrator.core.policy.schedule_loading import compile_schedule, schedule_problems
from orchestrator.core.policy.scheduled_sweeps import ScheduledSweep
from orchestrator.core.policy.schedules.from_tag import ScheduleFromTag
from orchestrator.core.policy.schedules.schedule import Schedule
from orchestrator.core.policy.schedules.zones import is_time_zone
from orchestrator.core.policy.schema.document import PolicyDocument
from orchestrator.core.policy.schema.fields import DEFAULT_KINDS, Choices, duration
from orchestrator.core.policy.schema.rules import RuleDocument
from orchestrator.core.policy.schema.sweeps import ScheduledSweepDocument
from orchestrator.core.policy.schema.whose_schedule import STOP, KeepForDocument, ScheduleFromTagDocument
from orchestrator.core.policy.tag_rules import tag_problems
from orchestrator.core.policy.yaml_document import Document, Path, read_document, value_words
from orchestrator.errors import PolicyError, PolicyProblem

if TYPE_CHECKING:
    from orchestrator.core.model import KindDescription

_MOST_PROBLEMS = 1000
"""Of one kind that are looked for, and that are told: each has a sentence, and a policy may have 300,000 values."""
_UNQUOTED = (
    "this line is not right; nothing of the text is quoted here: `stop-orchestrator validate` says what would be right"
)


@without_collecting
def load_policy(
    text: str, source: str, kinds: Sequence[KindDescription], *, quoted: bool = True, stored: bool = False
) -> OrgPolicy:
    """The policy in a YAML document; `kinds` are all that its rules may be about, `source` is for messages.

    Raises PolicyError with every problem, each with its path and line; with the line alone where it is not to be
    `quoted`, since a path and what would be right may have words of the text. `stored`: the text of a sweep that began
    by it, so what is refused only since a later release is read as it was then: the sweep can still be undone.
    """
    document = read_document(text, stored=stored)
    parsed, conditions, problems = _check(document, kinds, Choices.of(kinds, stored=stored))
    if problems and not quoted:
        lines = sorted({problem.line or 1 for problem in problems})
        raise PolicyError(source, tuple(PolicyProblem("", line, _UNQUOTED) for line in lines))
    if problems or parsed is None:
        raise PolicyError(source, tuple(_first_of(sorted(problems, key=lambda problem: problem.line or 0))))
    schedules = {name: compile_schedule(name, one) for name, one in parsed.schedules.items()}
    return OrgPolicy(
        name=parsed.name,
        timezone=ZoneInfo(parsed.timezone),
        organization=parsed.organization,
        regions=parsed.regions,
        schedules=schedules,
        rules=tuple(_rule(rule, where, schedules, kinds) for rule, where in zip(parsed.rules, conditions, strict=True)),
        sweeps=tuple(_scheduled_sweep(one, parsed.timezone) for one in parsed.sweeps),
        owners=parsed.owners,
        notify=compile_notifications(parsed),
        production=parsed.production,
        guardrails=parsed.guardrails,
        waves=parsed.waves,
        abort_if_failures_percent=parsed.abort_if_failures_percent,
        plan_valid_hours=parsed.plan_valid_hours,
        max_tag_age=duration(parsed.max_tag_age),
        max_fact_age=duration(parsed.max_fact_age),
        max_start_wait=duration(parsed.max_start_wait),
        kill_switch=parsed.kill_switch,
        required_tags=required_tags(parsed.required_tags),
        opt_out=parsed.opt_out,
        owner_tag=parsed.owner_tag,
        unresolved_names=parsed.unresolved_names,
        order={kind.name: parsed.order.get(kind.name, kind.order) for kind in kinds},
        evidence={kind.name: kind.evidence for kind in kinds},
        effects={kind.name: kind.effects for kind in kinds},
        members=_members(kinds),
        rule_uses={kind.name: kind.rule_use for kind in kinds},
        sha256=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        document=document.value,
        text=text,
        lines=document.lines,
    )


def _members(kinds: Iterable[KindDescription]) -> dict[str, tuple[MemberOf, ...]]:
    titles = {kind.name: kind.title.removesuffix("s") for kind in kinds}
    return {
        kind.name: tuple(MemberOf(fact, owner, titles.get(owner, owner)) for fact, owner in kind.member_of.items())
        for kind in kinds
        if kind.member_of
    }


def _first_of(problems: Sequence[PolicyProblem]) -> Iterator[PolicyProblem]:
    """As many as anybody mends at once."""
    yield from problems[:_MOST_PROBLEMS]
    if len(problems) > _MOST_PROBLEMS:
        more = f"there are more mistakes below this line; these are the first {_MOST_PROBLEMS:,}"
        yield PolicyProblem("", problems[_MOST_PROBLEMS - 1].line, more)


def dump_policy(policy: OrgPolicy) -> str:
    """YAML that loads to an equal policy; comments are not kept."""
    return str(yaml.safe_dump(policy.document, sort_keys=False, allow_unicode=True))


def _scheduled_sweep(document: ScheduledSweepDocument, timezone: str) -> ScheduledSweep:
    zone = ZoneInfo(document.timezone or timezone)
    window = timedelta(minutes=document.window_minutes)
    before = document.notify_before or ""
    return ScheduledSweep(document.name, Mode(document.mode), document.expression, zone, window, before)


def _rule(
    document: RuleDocument, where: Condition, schedules: Mapping[str, Schedule], known: Iterable[KindDescription]
) -> Rule:
    kinds, accept = frozenset(document.kinds), frozenset(document.accept)
    return Rule(
        document.name,
        kinds,
        where,
        _schedule_of_rule(document.schedule, schedules),
        Action(document.action),
        accept,
        started_by_hand=_started_by_hand(document.started_by_hand),
        start_told=frozenset(kind.name for kind in known if kind.tells_start and kind.name in kinds),
        stop_again=document.stop_again,
        start=StartForm(document.start),
        notice_days=document.notice.days if document.notice is not None else None,
        tags=document.tags,
    )


def _schedule_of_rule(
    written: str | ScheduleFromTagDocument | None, schedules: Mapping[str, Schedule]
) -> Schedule | ScheduleFromTag | None:
    if isinstance(written, ScheduleFromTagDocument):
        default = schedules[written.default] if written.default else None
        values = {value: schedules[name] for value, name in written.values.items()} if written.values else None
        return ScheduleFromTag(written.from_tag, frozenset(written.inherit), default, values)
    return schedules[written] if written else None


def _started_by_hand(written: str | KeepForDocument) -> StartedByHand:
    if isinstance(written, KeepForDocument):
        return StartedByHand(keep_for=duration(written.keep_for))
    return StartedByHand(kept=written != STOP)


def _check(
    document: Document, kinds: Sequence[KindDescription], choices: Choices
) -> tuple[PolicyDocument | None, list[Condition], list[PolicyProblem]]:
    """Shape by pydantic; conditions, references and duplicates on the raw values, so that both report at once."""
    if document.problems and document.value is None:
        return None, [], document.problems
    if not isinstance(document.value, dict):
        shown = value_words(document.value)
        return None, [], [document.problem((), f"must be a mapping with `version` and `name`, not {shown}")]
    parsed, found = _shape(document, kinds, choices)
    conditions, wrong = _conditions(document.value, kinds, choices)
    wrong += islice(_cross_checks(document), _MOST_PROBLEMS + 1)
    wrong += islice(_accepted_of_others(document.value, kinds, choices), _MOST_PROBLEMS + 1)
    found += [document.problem(path, message) for path, message in wrong]
    unread = {(problem.path, problem.line) for problem in document.problems}  # unreadable is no second mistake
    return parsed, conditions, document.problems + [one for one in found if (one.path, one.line) not in unread]


def _shape(
    document: Document, kinds: Sequence[KindDescription], choices: Choices
) -> tuple[PolicyDocument | None, list[PolicyProblem]]:
    try:
        return PolicyDocument.model_validate(document.value, context=choices), []
    except ValidationError as invalid:
        return None, list(islice(shape_problems(document, invalid, words_of(kinds)), _MOST_PROBLEMS + 1))


def _conditions(
    value: Mapping[str, Any], kinds: Sequence[KindDescription], choices: Choices
) -> tuple[list[Condition], list[tuple[Path, str]]]:
    """Those of the rules in order, as far as they are right, and what is wrong with the others."""
    words = words_of(kinds)
    conditions: list[Condition] = []
    definitions, problems = parse_definitions(value.get(DEFINITIONS, {}), words, _timezone(value))
    for number, rule in _rules(value):
        if len(problems) > _MOST_PROBLEMS:
            break
        if "where" in rule:
            path = ("rules", number, "where")
            condition, wrong = parse_where(rule["where"], path, words, _kinds_of(rule, choices), definitions)
            problems += wrong
            conditions += [condition] if condition is not None else []
    return conditions, problems


def _timezone(value: Mapping[str, Any]) -> ZoneInfo:
    """The policy's; where that is wrong, which is said, any other."""
    zone = value.get("timezone", "UTC")
    return ZoneInfo(zone if isinstance(zone, str) and is_time_zone(zone) else "UTC")


def _rules(value: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    rules = value.get("rules")
    for number, rule in enumerate(rules if isinstance(rules, list) else []):
        if isinstance(rule, dict):
            yield number, rule


def _kinds_of(rule: Mapping[str, Any], choices: Choices) -> Collection[str]:
    """The rule's kinds as far as there are such; what is no kind is a mistake of its own."""
    kinds = rule.get("kinds", DEFAULT_KINDS)
    return [kind for kind in choices.kinds if kind in kinds] if isinstance(kinds, list | tuple) else []


def _accepted_of_others(
    value: Mapping[str, Any], kinds: Sequence[KindDescription], choices: Choices
) -> Iterator[tuple[Path, str]]:
    """What a rule accepts that no kind of it can lose."""
    for number, rule in _rules(value):
        accept, own = rule.get("accept"), _kinds_of(rule, choices)
        for place, word in enumerate(accept if isinstance(accept, list) else []):
            declaring = [kind.name for kind in kinds if word in kind.to_accept]
            if own and declaring and not set(declaring) & set(own):
                text = f"`{word}` is lost by stops of {', '.join(declaring)}, and not of {', '.join(own)}"
                yield ("rules", number, "accept", place), text


def _cross_checks(document: Document) -> Iterator[tuple[Path, str]]:
    schedules = document.value.get("schedules")
    known = schedules.keys() if isinstance(schedules, dict) else set[str]()
    first: dict[str, int] = {}
    for number, rule in _rules(document.value):
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
        yield from _whose_schedule(number, rule, known)
    yield from schedule_problems(document)
    yield from _starts(document.value)
    yield from tag_problems(_rules(document.value))
    yield from required_tag_problems(document.value.get("required_tags"))
    yield from _opt_out_links(document.value.get("opt_out"))
    yield from _sweeps(document)
    yield from _waves(document.value.get("waves"))
    yield from notify_problems(document.value)


def _opt_out_links(opt_out: Any) -> Iterator[tuple[Path, str]]:
    """Whoever has a link opts out by it: for how long at most is the policy's to say."""
    if isinstance(opt_out, dict) and opt_out.get("links") is not None and "max_days" not in opt_out:
        yield (
            ("opt_out", "links"),
            "must have `max_days` beside it: no link opts out for longer, such as `max_days: 14`",
        )


def _whose_schedule(number: int, rule: Mapping[str, Any], known: Collection[str]) -> Iterator[tuple[Path, str]]:
    place, by_tag = ("rules", number), rule.get("schedule")
    if "started_by_hand" in rule and by_tag is None:
        text = "has no meaning without a `schedule`: there are no hours after which something is started; leave it out"
        yield (*place, "started_by_hand"), text
    if not isinstance(by_tag, dict):
        return
    default = by_tag.get("default")
    if isinstance(default, str) and default and default not in known:
        yield (*place, "schedule", "default"), _no_such(default, known)
    values = by_tag.get("values")
    for value, named in values.items() if isinstance(values, dict) else ():
        if isinstance(named, str) and named and named not in known:
            yield (*place, "schedule", "values", value), _no_such(named, known)
    for key in ("from_tag", "inherit"):
        seen: set[str] = set()
        for entry, value in enumerate(by_tag[key] if isinstance(by_tag.get(key), list) else ()):
            if isinstance(value, str) and value in seen:
                yield (*place, "schedule", key, entry), f"{value!r} is named twice"
            elif isinstance(value, str):
                seen.add(value)


def _starts(value: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """A rule that starts in its running time and has none."""
    for number, rule in _rules(value):
        form = rule.get("start", StartForm.NEVER)
        if form in [*StartForm] and form != StartForm.NEVER and "schedule" not in rule:
            text = f"`start: {form}` needs a `schedule`: without one the rule has no running time in which to start"
            yield ("rules", number, "start"), text


def _waves(waves: Any) -> Iterator[tuple[Path, str]]:
    for number, wave in enumerate(waves if isinstance(waves, list) else []):
        if isinstance(wave, dict) and ("accounts" in wave) == ("percent" in wave):
            yield ("waves", number), "must have either `accounts` or `percent`, such as {accounts: 1} or {percent: 10}"


def _sweeps(document: Document) -> Iterator[tuple[Path, str]]:
    sweeps = document.value.get("sweeps")
    first: dict[str, int] = {}
    for number, sweep in enumerate(sweeps if isinstance(sweeps, list) else []):
        if not isinstance(sweep, dict):
            continue
        if ("cron" in sweep) == ("rate" in sweep):
            yield ("sweeps", number), "must have either `cron` or `rate`, such as {rate: 1 hour}"
        name = sweep.get("name")
        if isinstance(name, str) and name in first:
            line = document.line(("sweeps", first[name], "name"))
            text = f"the sweep name {name!r} is taken by the sweep on line {line}; names are unique"
            yield ("sweeps", number, "name"), text
        elif isinstance(name, str):
            first[name] = number


def _no_such(schedule: str, known: Collection[str]) -> str:
    near = nearest(schedule, known)
    hint = f" (did you mean {near!r}?)" if near else ""
    there = f"the schedules are {names_text(known)}" if known else "the policy has no schedules"
    return f"there is no schedule {schedule!r}{hint}; {there}"
