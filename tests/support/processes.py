"""Processes of the demo: started with a mark in their environment by which all that descend from them are found."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

MARK = "DEMO_TEST_MARK"
SCRIPT = str(Path(sys.executable).with_name("stop-orchestrator"))
# What a user may have set, and what would break or mislead boto3 if it got through.
USERS = {
    "AWS_PROFILE": "no-such-profile",
    "AWS_ACCESS_KEY_ID": "AKIAUSERUSERUSERUSER",
    "AWS_SESSION_TOKEN": "the-users-token",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "STOP_ORCHESTRATOR_KILL_SWITCH": "/the/users",
    "COLUMNS": "80",
}


def marked(environment: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **environment, MARK: uuid4().hex}


def alive(environment: Mapping[str, str]) -> list[int]:
    """The processes that carry this mark, whoever their parent is by now; those that ended and wait do not."""
    mark = f"{MARK}={environment[MARK]}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue  # it ended just now, or it is another user's
    return found


def until(holds: Callable[[], object], seconds: float = 20) -> None:
    """Looks until it holds. Raises AssertionError after so many seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.02)


def is_listening(url: str, host: str = "") -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host or urlsplit(url).hostname, urlsplit(url).port)) == 0


@contextmanager
def started(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Killed at the end, with all that carries its mark, whatever the test did."""
    with subprocess.Popen(
        command, env=environment, cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            for pid in alive(environment):
                os.kill(pid, signal.SIGKILL)


def lines_until(process: subprocess.Popen[str], words: str) -> list[str]:
    """What it prints, up to the line with these words."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if words in line:
            return lines
    raise AssertionError(f"{words!r} was never printed, but: {lines}")
