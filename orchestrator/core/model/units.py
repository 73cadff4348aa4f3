"""What guardrails count, in words: a group counts as what it runs (`Resource.units`), anything else as one."""

from __future__ import annotations

from orchestrator.core.model.resource import Resource

UNITS = "instances or tasks"
_UNIT = "instance or task"


def units_of(resource: Resource) -> int:
    """At least one: nothing that is acted on is free."""
    return max(resource.units, 1)


def units_text(resources: int, units: int) -> str:
    """`3 resources of 52 instances or tasks`; empty where each resource counts as one."""
    if resources == units:
        return ""
    of_what = UNITS if units != 1 else _UNIT
    return f"{resources:,} resource{'' if resources == 1 else 's'} of {units:,} {of_what}"


def with_units(text: str, resources: int, units: int) -> str:
    """The text of so many resources, with their units behind it where those are not as many."""
    return text if resources == units else f"{text} ({units:,} {UNITS if units != 1 else _UNIT})"
