"""An explanation as a person reads it: 80 columns, the deciding sentence first, then what led to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.core.decide.explain import Explanation, LimitTrace, OptOutTrace, RuleAnswer, RuleTrace, ScheduleTrace
from orchestrator.core.model import Fact, Verdict, people_time
from orchestrator.core.policy.conditions.trace import ConditionTrace
from orchestrator.core.policy.schedules.answer import ScheduleState
from orchestrator.core.report.control_characters import without_controls

_ANSWERS = {
    RuleAnswer.OWNS: "owns it",
    RuleAnswer.MAY_OWN: "may own it: that is unknown",
    RuleAnswer.COMES_LATER: "matches too, and comes later: an earlier rule owns it",
    RuleAnswer.NO_MATCH: "does not match",
    RuleAnswer.ANOTHER_KIND: "is about other kinds",
}
_ANSWER_STYLES = {RuleAnswer.OWNS: "bold green", RuleAnswer.MAY_OWN: "bold yellow"}
_HELD = {True: ("yes", "green"), False: ("no", "red"), None: ("unknown", "yellow")}
_STATES = {
    ScheduleState.RUNNING: "it should run",
    ScheduleState.STOPPED: "it may be stopped",
    ScheduleState.EITHER: "it asks for nothing",
}
_VERDICT_STYLES = {Verdict.STOP: "bold red", Verdict.START: "bold blue", Verdict.KEEP: "bold green"}
_INDENT = "  "


def print_explanation(console: Console, found: Explanation) -> None:
    """All of it; what does not apply is left out."""
    for one in _head(found):
        console.print(one)
    if found.rules:
        console.print(Text("\nRules, in order", style="bold"))
    for number, rule in enumerate(found.rules, 1):
        console.print(_rule(number, rule))
    if found.nearest:
        console.print(_nearest(found))
    for title, lines in _sections(found):
        console.print(Text(f"\n{title}", style="bold"))
        for line in lines:
            console.print(_indented(line))


def _head(found: Explanation) -> Iterator[Text]:
    key, verdict = found.key, found.decision.verdict if found.decision else Verdict.KEEP
    names = (found.name, f"{key.account_id} {found.account_name}".strip(), key.region, found.ou_path)
    yield Text(without_controls("  ".join(filter(None, (key.kind, key.resource_id, *names)))), style="bold")
    by = f"Sweep {found.sweep_id}" if found.sweep_id else "Decided"
    state = f"; AWS says {found.aws_state}" if found.aws_state else ""
    yield Text(f"{by} by policy {found.policy_name}, for {people_time(found.at)}{state}.")
    text = Text(f"{verdict.value}: ", style=_VERDICT_STYLES.get(verdict, "bold"))
    text.append(without_controls(found.sentence), style="not bold")
    yield text


def _rule(number: int, rule: RuleTrace) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for overflow in ("fold", "fold"):
        table.add_column(overflow=overflow)
    style = _ANSWER_STYLES.get(rule.answer, "")
    about = f" ({', '.join(rule.kinds)})" if rule.answer is RuleAnswer.ANOTHER_KIND else ""
    lines = Table.grid()
    lines.add_column(overflow="fold")
    head = Text(without_controls(rule.name), style="bold")
    lines.add_row(head.append(f" {_ANSWERS[rule.answer]}{about}", style=f"not bold {style}"))
    if rule.condition is not None:
        lines.add_row(_conditions(rule.condition))
    if rule.schedule is not None:
        lines.add_row(Text(without_controls(_schedule(rule.schedule))))
    elif rule.answer in (RuleAnswer.OWNS, RuleAnswer.MAY_OWN):
        lines.add_row(Text("no schedule: it may be stopped at any time"))
    table.add_row(Text(str(number)), lines)
    return table


def _conditions(trace: ConditionTrace) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=7)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for depth, one in _flat(trace, 0):
        held, style = _HELD[one.held]
        asked = f"{_INDENT * depth}{one.word} {one.asked}".rstrip()
        found = "" if one.parts else _found(one)
        table.add_row(Text(held, style=style), Text(without_controls(asked)), Text(without_controls(found)))
    return table


def _flat(trace: ConditionTrace, depth: int) -> Iterator[tuple[int, ConditionTrace]]:
    yield depth, trace
    for part in trace.parts:
        yield from _flat(part, depth + 1)


def _found(trace: ConditionTrace) -> str:
    told = ", ".join(f"{name} {_fact(value)}" for name, value in trace.found.items())
    unknown = f"unknown: {', '.join(trace.unknown)}" if trace.held is None and trace.unknown else ""
    return "; ".join(filter(None, (told, unknown)))


def _fact(value: Fact) -> str:
    return "is absent" if value is None else f"= {value if value != '' else '(empty)'}"


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


def _nearest(found: Explanation) -> Text:
    rule = next(one for one in found.rules if one.name == found.nearest)
    missed = "; ".join(f"{leaf.word} {leaf.asked}".rstrip() + f" ({_found(leaf)})" for leaf in rule.missed)
    text = Text("\nNearest: ", style="bold")
    return text.append(without_controls(f"rule {rule.name} misses it by {missed}"), style="not bold")


def _sections(found: Explanation) -> Iterator[tuple[str, list[str]]]:
    sections = (
        ("Opt-outs", [_opt_out(one) for one in found.opt_outs]),
        ("What is in the way", [found.obstacle] if found.obstacle else []),
        (
            "A stop would lose",
            [f"{one.text}: {one.why_kept or 'its rule lets that be lost'}" for one in found.losses],
        ),
        ("Other policies", list(found.others)),
        ("Guardrails of the whole plan", [_limit(one) for one in found.limits]),
        ("Not told", list(found.notes)),
    )
    return ((title, lines) for title, lines in sections if lines)


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


def _indented(line: str) -> Table:
    table = Table.grid()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(_INDENT, Text(without_controls(line)))
    return table
