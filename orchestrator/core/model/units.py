"""What guardrails count, in words: a group counts as its instances (`Resource.units`), anything else as one."""

from __future__ import annotations

from orchestrator.core.model.resource import Resource

UNITS = "counting each instance of a group"
"""After a number of resources: an ECS service, a database or a cluster in it is one."""


def units_of(resource: Resource) -> int:
    """At least one: nothing that is acted on is free."""
    return max(resource.units, 1)


def instances_text(units: int) -> str:
    """What one group runs: `4 instances`."""
    return f"{units:,} instance{'' if units == 1 else 's'}"


def units_text(resources: int, units: int) -> str:
    """`3 resources; 52 counting each instance of a group`; empty where each resource counts as one."""
    if resources == units:
        return ""
    return f"{resources:,} resource{'' if resources == 1 else 's'}; {units:,} {UNITS}"


def with_units(text: str, resources: int, units: int) -> str:
    """The text of so many resources, with their units behind it where those are not as many."""
    return text if resources == units else f"{text} ({units:,} {UNITS})"
