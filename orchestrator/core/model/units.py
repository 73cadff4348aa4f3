"""What guardrails count, in words: a group counts as what it runs (`Resource.units`), anything else as one."""

from __future__ import annotations

from orchestrator.core.model.resource import Resource

UNITS = "instances or tasks"


def units_of(resource: Resource) -> int:
    """At least one: nothing that is acted on is free."""
    return max(resource.units, 1)


def units_text(resources: int, units: int) -> str:
    """`3 resources of 52 instances or tasks`; empty where each resource counts as one."""
    if resources == units:
        return ""
    of_what = UNITS if units != 1 else "instance or task"
    return f"{resources:,} resource{'' if resources == 1 else 's'} of {units:,} {of_what}"
