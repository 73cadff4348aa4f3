"""What doctor finds out about the hub without AWS's own calls: the kill switch's value, and where records are kept."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.core.diagnosis import hub as doctor_hub
from orchestrator.core.diagnosis.checks import Check
from orchestrator.core.model import AwsError
from orchestrator.ports import KillSwitchUnreadableError
from orchestrator.sweep.halt import STOP


def kill_switch_check(read: Callable[[], str], *, unreadable_stops: bool) -> Callable[[], Check]:
    """A check that reads the kill switch; `unreadable_stops` is the policy's word for one that cannot be read."""

    def check() -> Check:
        try:
            value = read()
        except KillSwitchUnreadableError as failure:
            advice = "a sweep goes on without it; the policy may say kill_switch: {unreadable: stop}"
            if unreadable_stops:
                advice = "no sweep begins while it cannot be read: the policy says kill_switch: {unreadable: stop}"
            error = AwsError("KillSwitchUnreadable", str(failure))
            return doctor_hub.refused("kill_switch", "", error, advice, optional=not unreadable_stops)
        return doctor_hub.kill_switch(value, pulled=value.strip().lower() == STOP)

    return check


def local_folder_check(path: str) -> Callable[[], Check]:
    """A check that says where records are kept without a bucket or table; it always passes."""
    return lambda: doctor_hub.ok("records", f"not both of bucket and table are set: what is not set is kept in {path}")
