"""When a signal may break into a sweep: while it waits, never while what it did is put together and written down.

And the ledger's note that there was one: a process that dies after it leaves nothing that another one resumes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from orchestrator.core.model import time_text
from orchestrator.errors import LedgerError
from orchestrator.ports import World


@contextmanager
def breakable(world: World) -> Iterator[None]:
    """Within it a second signal raises KeyboardInterrupt; after it none does, however it was left.

    One that comes while it is being left is raised out of it, and is the last that is raised: so a caller that catches
    what comes out of it is not broken into.
    """
    world.let_break_in(True)
    try:
        yield
    finally:
        world.let_break_in(False)


class InterruptionNote:
    """Of one sweep that acts; for the coordinating thread, which looks often and writes once."""

    def __init__(self, world: World, sweep_id: str) -> None:
        self._world = world
        self._sweep_id = sweep_id
        self._written = False

    def write(self) -> None:
        """Tells the ledger of an interruption, where there was one. One that it does not take costs no report."""
        if self._written or not self._world.interrupted():
            return
        self._written = True
        with suppress(LedgerError):
            self._world.ledger.amend(self._sweep_id, interrupted_at=time_text(self._world.now()))
