"""Another sweep by the same policy acts: which, since when, and how a command waits for its end where it is told to."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator import app as wiring
from orchestrator.aws.clients import Clients
from orchestrator.core.model import people_time_of
from orchestrator.ports import Runtime, Stores
from orchestrator.sweep.coordination import Busy, Result

Work = Callable[[Stores, Clients, str, Runtime], Result]
"""What a command does: with the stores, the clients, a new sweep's id, and what is this process's own."""
_LOOK_EVERY_SECONDS = 5.0
_A_BREATH_SECONDS = 0.5


def waiting(work: Work, minutes: float) -> Work:
    """The same, tried again for so many minutes while another sweep has the lease and does not do what is wanted."""

    def tried_again(stores: Stores, clients: Clients, sweep_id: str, runtime: Runtime) -> Result:
        time = wiring.SYSTEM_TIME
        until, told = time.clock() + minutes * 60, ""
        result = work(stores, clients, sweep_id, runtime)
        while isinstance(result, Busy) and not result.same and time.clock() < until and not runtime.interrupted():
            if result.sweep_id != told:
                runtime.warn(f"{described(result)}; waiting for its end, for {minutes:g} minutes at most")
                told = result.sweep_id
            _sleep(runtime)
            result = work(stores, clients, sweep_id, runtime)
        return result

    return tried_again


def described(busy: Busy) -> str:
    """Which sweep runs, what it does, since when, and who asked for it, as far as that is known."""
    known = (
        ("mode ", busy.mode),
        ("since ", people_time_of(busy.since)),
        ("asked for by ", busy.asked_by),
    )
    more = ", ".join(f"{what}{value}" for what, value in known if value)
    return f"{busy.sweep_id} is running by the same policy" + (f" ({more})" if more else "")


def _sleep(runtime: Runtime) -> None:
    """Ctrl-C ends it."""
    left = _LOOK_EVERY_SECONDS
    while left > 0 and not runtime.interrupted():
        wiring.SYSTEM_TIME.sleep(_A_BREATH_SECONDS)
        left -= _A_BREATH_SECONDS
