"""What doctor finds out about the hub without AWS's own calls: the kill switch's value, and where records are kept."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.core.diagnosis import hub as doctor_hub
from orchestrator.core.diagnosis.checks import Check
from orchestrator.core.model import AwsError
from orchestrator.errors import LedgerError
from orchestrator.ports import KillSwitchUnreadableError
from orchestrator.sweep.halt import Read, not_go, read_with_tries, says_go


def kill_switch_check(
    names: Callable[[], tuple[str, ...]], reader: Callable[[str], Read], sleep: Callable[[float], None]
) -> Callable[[], Check]:
    """A check that reads every kill switch that a sweep would obey."""

    def check() -> Check:
        try:
            switches = names()
            said = {name: read_with_tries(reader(name), sleep) for name in switches}
        except (KillSwitchUnreadableError, LedgerError) as failure:
            error = AwsError("KillSwitchUnreadable", str(failure))
            return doctor_hub.refused("kill_switch", "", error, "no sweep begins before it was read")
        return doctor_hub.kill_switches(
            switches, [not_go(one, text) for one, text in said.items() if not says_go(text)]
        )

    return check


def local_folder_check(path: str) -> Callable[[], Check]:
    """A check that says where records are kept without a bucket or table; it always passes."""
    return lambda: doctor_hub.ok("records", f"not both of bucket and table are set: what is not set is kept in {path}")
