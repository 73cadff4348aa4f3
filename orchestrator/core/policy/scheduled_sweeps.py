"""When sweeps by a policy are due: the entries under `sweeps`, as EventBridge Scheduler takes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from orchestrator.core.model import Mode


@dataclass(frozen=True, slots=True)
class ScheduledSweep:
    """One entry: which sweep is begun, and when."""

    name: str
    mode: Mode
    expression: str
    """As EventBridge Scheduler has it: `cron(0 20 * * ? *)` or `rate(1 hour)`."""
    timezone: ZoneInfo
    window: timedelta
    """It begins within so long after its time."""
    notify_before: str = ""
    """As the policy has it, such as `30m`: a preview that decides for so long after it begins, and warns owners."""
