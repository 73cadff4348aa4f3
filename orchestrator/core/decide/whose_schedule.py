"""By which schedule one resource runs: that of its rule."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.core.model import Account, Resource
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.schedules.schedule import Schedule


@dataclass(frozen=True, slots=True)
class OwnSchedule:
    """The schedule of one resource; None: it has none, and may be stopped at any time."""

    schedule: Schedule | None
    unknown: str = ""
    """Why it is not known, as one sentence: then the resource is kept. Empty where it is known."""


def schedule_of(_policy: OrgPolicy, rule: Rule, _resource: Resource, _account: Account) -> OwnSchedule:
    """That of the rule that owns the resource."""
    if rule.schedule is not None and rule.schedule.timezone is None:
        why = f"The schedule {rule.schedule.name} of rule {rule.name} is in its account's time zone, which is not read."
        return OwnSchedule(rule.schedule, why)
    return OwnSchedule(rule.schedule)
