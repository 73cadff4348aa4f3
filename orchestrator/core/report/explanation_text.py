"""An explanation in words: what the table of a terminal and a page both say, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from orchestrator.core.decide.explain import (
    Explanation,
    LimitTrace,
    LossTrace,
    OptOutTrace,
    OutcomeTrace,
    RuleAnswer,
    RuleTrace,
    ScheduleTrace,
)
from orchestrator.core.model import Fact, people_time_of
from orchestrator.core.policy.conditions.trace import ConditionTrace
from orchestrator.core.policy.schedules.answer import ScheduleState

ANSWERS = {
    RuleAnswer.OWNS: "owns it",
    RuleAnswer.MAY_OWN: "may own it: that is unknown",
    RuleAnswer.COMES_LATER: "matches too, and comes later: an earlier rule owns it",
    RuleAnswer.NO_MATCH: "does not match",
    RuleAnswer.ANOTHER_KIND: "is about other kinds",
}
HELD = {True: "yes", False: "no", None: "unknown"}
_STATES = {
    ScheduleState.RUNNING: "it should run",
    ScheduleState.STOPPED: "it may be stopped",
    ScheduleState.EITHER: "it asks for nothing",
}
_NO_SCHEDULE = "no schedule: it may be stopped at any time"


def conditions(trace: ConditionTrace) -> Iterator[tuple[int, ConditionTrace]]:
    """It and those that it is made of, each with how deep it stands in it."""
    return _flat(trace, 0)


def _flat(trace: ConditionTrace, depth: int) -> Iterator[tuple[int, ConditionTrace]]:
    yield depth, trace
    for part in trace.parts:
        yield from _flat(part, depth + 1)


def found_text(trace: ConditionTrace) -> str:
    """What a condition found; empty for one that is made of others, or that found nothing."""
    if trace.parts:
        return ""
    told = ", ".join(f"{name} {_fact(value)}" for name, value in trace.found.items())
    unknown = f"unknown: {', '.join(trace.unknown)}" if trace.held is None and trace.unknown else ""
    return "; ".join(filter(None, (told, unknown)))


def _fact(value: Fact) -> str:
    return "is absent" if value is None else f"= {value if value != '' else '(empty)'}"


def rule_schedule_text(rule: RuleTrace) -> str:
    """What the schedule of a rule says, or that it has none; empty of one that does not own the resource."""
    if rule.schedule is not None:
        return _schedule(rule.schedule)
    return _NO_SCHEDULE if rule.answer in (RuleAnswer.OWNS, RuleAnswer.MAY_OWN) else ""


def _schedule(one: ScheduleTrace) -> str:
    if one.unknown or one.local_time is None or one.state is None:
        return f"schedule unknown: {one.unknown}"
    local = one.local_time
    zone = local.tzinfo
    since = f" since {_clock(one.since.astimezone(zone))}" if one.since else ""
    until = f" until {_clock(one.until.astimezone(zone))}" if one.until else ", with no change ahead"
    by = f" (by {one.source})" if one.source else ""
    note = f"; {one.note}" if one.note else ""
    return f"schedule {one.name}{by}: it is {_clock(local)} in {zone}; {_STATES[one.state]}{since}{until}{note}"


def _clock(at: datetime) -> str:
    return f"{at:%a %Y-%m-%d %H:%M}"


def nearest_text(found: Explanation) -> str:
    """Where no rule matches, by what the nearest one misses it; empty where there is none."""
    if not found.nearest:
        return ""
    rule = next(one for one in found.rules if one.name == found.nearest)
    missed = "; ".join(f"{leaf.word} {leaf.asked}".rstrip() + f" ({found_text(leaf)})" for leaf in rule.missed)
    return f"rule {rule.name} misses it by {missed}"


def sections(found: Explanation) -> Iterator[tuple[str, list[str]]]:
    """What led to it beside rules, each part with its title; what does not apply is left out."""
    parts = (
        ("What came of it", [_outcome(found.outcome)] if found.outcome else []),
        ("Opt-outs", [_opt_out(one) for one in found.opt_outs]),
        ("What is in the way", [found.obstacle] if found.obstacle else []),
        (
            "A stop would lose",
            [_loss(one) for one in found.losses],
        ),
        ("Its sizes", [", ".join(f"{name} {value}" for name, value in found.sizes)] if found.sizes else []),
        ("Other policies", list(found.others)),
        ("Guardrails of the whole plan", [_limit(one) for one in found.limits]),
        ("Not told", list(found.notes)),
    )
    return ((title, lines) for title, lines in parts if lines)


def _loss(one: LossTrace) -> str:
    """`public_ipv4: its public IPv4 address`, and why it is kept for that where it is."""
    return ": ".join(filter(None, (one.text, one.what, one.why_kept or ("" if one.what else "it may be lost"))))


def _outcome(one: OutcomeTrace) -> str:
    words = ": ".join(filter(None, (one.status.replace("_", " "), one.code, one.message)))
    times = (("asked at", one.requested_at), ("seen at", one.verified_at))
    when = ", ".join(f"{what} {people_time_of(at)}" for what, at in times if at)
    return f"{words} ({when})" if when else words


def held_down_text(found: Explanation) -> tuple[str, str]:
    """Which sweep holds it down, and the command that starts it again; empty where none does."""
    held, key = found.held_down, found.key
    if held is None:
        return "", ""
    where = f"--account {key.account_id} --region {key.region} --resource {key.resource_id}"
    said = f"It is held down by {held.sweep_id}, since {people_time_of(held.asked_at)}. To start it again:"
    return said, f"stop-orchestrator undo {held.sweep_id} {where}"


def _opt_out(one: OptOutTrace) -> str:
    return f"{one.sentence}{' This one decides.' if one.decides else ''}"


def _limit(one: LimitTrace) -> str:
    name = f"{one.name} of {one.account_id}" if one.account_id else one.name
    if one.passed is None or one.actual is None:
        return f"{name}: at {'least' if one.name.startswith('min_') else 'most'} {one.limit:g}"
    detail = f"; {one.detail}" if one.detail else ""
    return (
        f"{name}: {round(one.actual, 2):g} (limit {one.limit:g}), {'passed' if one.passed else 'HELD THE PLAN'}{detail}"
    )
