"""Whether more may be called: the guard's answer, asked when it is a call's turn, and final once it is no."""

from __future__ import annotations

from collections.abc import Callable


class HandingOut:
    """The guard of one target, asked by one thread."""

    def __init__(self, may_call: Callable[[], bool]) -> None:
        self._may_call = may_call
        self._halted = False

    def allows(self, wait: Callable[[], None]) -> bool:
        """Waits for its turn first, so that the answer is a fresh one when the call is made. After a no: no waits."""
        if not self._halted:
            wait()
            self._halted = not self._may_call()
        return not self._halted
