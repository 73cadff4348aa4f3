"""Who only plans yields to who acts: the one that acts says that it waits, and takes the lease when it is given back.

The wish names the sweep that has the lease, so that it is no other one's: a plan that begins later is asked again.
"""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.errors import BusyError
from orchestrator.ledger.lease import Lease, Leases
from orchestrator.ledger.records import LeaseRecord


def wait_for_yield(
    leases: Leases, policy_name: str, sweep_id: str, purpose: str, interrupted: Callable[[], bool]
) -> Lease | LeaseRecord:
    """The lease as soon as those that only plan gave it back; else the record of a sweep that acts and has it.

    A holder of an earlier release, or one that is just writing its report, ends by itself; a dead one is taken over.
    Raises LedgerError, and BusyError when there is no time left to wait.
    """
    mode = purpose.partition(" ")[0]
    asked = ""
    while True:
        seen = leases.take(policy_name, sweep_id, purpose)
        if isinstance(seen, LeaseRecord) and seen.yields and leases.has_ended(seen):
            seen = leases.take_over(policy_name, sweep_id, purpose)
        if isinstance(seen, Lease) or not seen.yields:
            return seen
        if leases.out_of_time() or interrupted():
            raise BusyError(f"{seen.sweep_id} plans by the same policy and has not yielded yet; try again")
        if seen.sweep_id != asked:
            leases.ledger.want_lease(policy_name, seen.sweep_id, f"sweep {sweep_id} (mode {mode})")
            asked = seen.sweep_id
        leases.sleep(leases.times.look_every)
