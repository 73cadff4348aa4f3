"""What Ctrl-C, SIGTERM and a hang-up do to a command that sweeps."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from orchestrator.cli.console import stderr
from orchestrator.cli.streams import is_whole_process
from orchestrator.local.processes import ending_signals


class Interruption:
    """What Ctrl-C, SIGTERM and a hang-up do while a command sweeps.

    The first one ends the handing out of work, not the process. A second one ends the waiting: it raises
    KeyboardInterrupt, once, and only while that may break in. Further ones do nothing.
    """

    def __init__(self) -> None:
        self._pulled = threading.Event()
        self._may_break_in = True
        self._broke_in = self._told = False
        self._terminals = [one for one in (1, 2) if os.isatty(one)]

    def interrupted(self) -> bool:
        """Whether there was a signal."""
        return self._pulled.is_set()

    def let_break_in(self, may: bool) -> None:
        """Whether, from now on, a second signal may raise KeyboardInterrupt."""
        self._may_break_in = may

    @contextmanager
    def showing(self) -> Iterator[None]:
        """What is shown within goes nowhere from where the terminal hung up: that costs no exit code."""
        try:
            yield
        except OSError:
            if all(map(os.isatty, self._terminals)):
                raise
            _say_no_more(self._terminals)

    def pull(self, number: int, _frame: object) -> None:
        """The signals' handler, which runs in the main thread between any two of its steps."""
        name = signal.Signals(number).name
        if not self._pulled.is_set():
            self._pulled.set()
            self._say(f"{name}: no more work is handed out; the report follows.")
        elif self._may_break_in and not self._broke_in:
            self._broke_in = True
            raise KeyboardInterrupt
        elif not self._told:
            self._told = True
            self._say(f"{name}: the report is being written; nothing ends that.")

    def _say(self, text: str) -> None:
        try:
            stderr.print(f"\n{text}")
        except RuntimeError:  # the signal came in the middle of another print
            pass
        except OSError:
            _say_no_more(self._terminals)


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Within it the signals that end a process are an interruption's.

    Where the process ends with the command they do nothing afterwards: what was done is its exit code.
    """
    interruption = Interruption()
    with ending_signals(interruption.pull, ignored_afterwards=is_whole_process()):
        try:
            yield interruption
        finally:
            interruption.let_break_in(False)


def _say_no_more(terminals: Sequence[int]) -> None:
    """They hung up: what is still to be said may not end the sweep before its report is written."""
    null = os.open(os.devnull, os.O_WRONLY)
    for terminal in terminals:
        os.dup2(null, terminal)
