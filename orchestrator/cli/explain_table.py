"""An explanation as a person reads it: 80 columns, the deciding sentence first, then what led to it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.cli.tables import plain
from orchestrator.core.decide.explain import Explanation, RuleAnswer, RuleTrace
from orchestrator.core.model import Verdict, people_time
from orchestrator.core.policy.conditions.trace import ConditionTrace
from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.explanation_text import (
    ANSWERS,
    HELD,
    conditions,
    found_text,
    held_down_text,
    nearest_text,
    rule_schedule_text,
    sections,
)

_ANSWER_STYLES = {RuleAnswer.OWNS: "bold green", RuleAnswer.MAY_OWN: "bold yellow"}
_HELD_STYLES = {True: "green", False: "red", None: "yellow"}
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
    nearest = nearest_text(found)
    if nearest:
        text = Text("\nNearest: ", style="bold")
        console.print(text.append(without_controls(nearest), style="not bold"))
    for title, lines in sections(found):
        console.print(Text(f"\n{title}", style="bold"))
        for line in lines:
            console.print(_indented(line))
    said, command = held_down_text(found)
    if said:
        console.print(Text(f"\n{said}"), soft_wrap=True)
        console.print(plain(f"{_INDENT}{command}"), soft_wrap=True)


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
    lines.add_row(head.append(f" {ANSWERS[rule.answer]}{about}", style=f"not bold {style}"))
    if rule.condition is not None:
        lines.add_row(_conditions(rule.condition))
    schedule = rule_schedule_text(rule)
    if schedule:
        lines.add_row(Text(without_controls(schedule)))
    table.add_row(Text(str(number)), lines)
    return table


def _conditions(trace: ConditionTrace) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=7)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for depth, one in conditions(trace):
        held = Text(HELD[one.held], style=_HELD_STYLES[one.held])
        asked = f"{_INDENT * depth}{one.word} {one.asked}".rstrip()
        table.add_row(held, Text(without_controls(asked)), Text(without_controls(found_text(one))))
    return table


def _indented(line: str) -> Table:
    table = Table.grid()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(_INDENT, plain(line))
    return table
