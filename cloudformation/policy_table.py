"""What is shown of the policies before anybody is asked: what becomes of each, and its schedules."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rich.table import Table

from cloudformation.policies import Change
from cloudformation.policy_files import Policies
from cloudformation.schedules import PREVIEW, PlannedSchedule, effective_mode, planned_schedules
from cloudformation.tables import empty_table
from orchestrator.core.model import Mode

Value = Callable[[str], str | None]
"""What a parameter of the stack is, its default included; None where the template has none of that name."""


def policies_table(changes: Mapping[str, Change], policies: Policies, value: Value) -> Table:
    """A row for each schedule, as the change set names it, and for each policy that is gone.

    `changes`: by the name of each policy.
    """
    table = empty_table("Policies", "policy", "is", "sweep", "mode", "when", "schedule")
    planned = planned_schedules(policies, value("FunctionName") or "")
    for name, change in changes.items():
        if change is Change.GONE:
            table.add_row(name, change.value, "", "", "no schedule acts by it any more", "", style="red")
            continue
        due = [(one, when) for one in planned if one.policy.name == name and (when := _when(one, value))]
        rows = [(*_sweep_and_mode(one, value), when, one.logical_id) for one, when in due] or [("", "", "never", "")]
        for number, row in enumerate(rows):
            table.add_row(*(("", "") if number else (name, change.value)), *row)
    return table


def _sweep_and_mode(one: PlannedSchedule, value: Value) -> tuple[str, str]:
    most = Mode(value("Mode") or Mode.PLAN)
    if one.sweep is None:
        return ("preview", Mode.PLAN.value) if one.like == PREVIEW else ("sweep", most.value)
    mode = effective_mode(one.sweep.mode, most)
    asked = "" if mode is one.sweep.mode else f" (asks for {one.sweep.mode}; Mode={most} is the most)"
    return one.sweep.name, f"{mode}{asked}"


def _when(one: PlannedSchedule, value: Value) -> str:
    """Empty where nothing is ever due."""
    if one.sweep is not None:
        return f"{one.sweep.expression} {one.sweep.timezone.key}"
    expression = value("PreviewScheduleExpression" if one.like == PREVIEW else "ScheduleExpression")
    return f"{expression} {value('ScheduleTimezone')}" if expression else ""
