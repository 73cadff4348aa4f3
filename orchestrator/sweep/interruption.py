"""When a signal may break into a sweep: while it waits, never while what it did is put together and written down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
