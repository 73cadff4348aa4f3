"""Processes of this machine: by a name that no other process ever has, so that a dead one is recognized at once; and
the signals that end this one.
"""

from __future__ import annotations

import getpass
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_PROC = Path("/proc")
_STARTED = 19
"""The field of /proc/PID/stat after the command's name that says when it started: proc(5), field 22."""


def this_process() -> str:
    """Boot, process namespace, process id and its start; empty where the system does not tell (only Linux does)."""
    try:
        return f"{_machine()} {os.getpid()} {_started(os.getpid())}"
    except (OSError, IndexError):
        return ""


def this_user() -> str:
    """Who runs this process on which machine, as the system names them: `user@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def is_dead(process: str) -> bool:
    """Whether a process of this machine has ended. False for other machines, and where the system does not tell."""
    try:
        machine, pid, started = process.rsplit(" ", 2)
        if machine != _machine():
            return False
    except (OSError, ValueError):
        return False
    try:
        return _started(int(pid)) != started
    except FileNotFoundError:
        return not _has_a_process(int(pid))
    except (OSError, ValueError, IndexError):
        return False


@contextmanager
def ending_signals(
    handler: Callable[[int, FrameType | None], object], *, ignored_afterwards: bool = False
) -> Iterator[None]:
    """Within it the handler gets Ctrl-C, SIGTERM and the hang-up of the terminal, unless `nohup` has that ignored.

    Afterwards they are as they were, or are ignored from then on: by the kernel, since Python gives up its own handlers
    while it ends.
    """
    ending = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        ending.append(signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in ending}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, signal.SIG_IGN if ignored_afterwards else earlier)


def _machine() -> str:
    boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {os.readlink(_PROC / 'self/ns/pid')}"  # noqa: PTH115 - it is no path, and Path would make it one


def _started(pid: int) -> str:
    """A process that ended and waits for its parent has ended too."""
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return "ended" if fields[0] == "Z" else fields[_STARTED]


def _has_a_process(pid: int) -> bool:
    """Asks the kernel: where it is told to, /proc hides what other users run (hidepid, proc(5)), and that lives on."""
    try:
        os.kill(pid, 0)  # no signal is sent
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
