"""What the measured processes share: the refusal to ask any AWS but the benchmark's own, and their readings."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HOST = "127.0.0.1"
_FILES = 10_240


@dataclass(slots=True)
class Meter:
    """What the endpoint counted so far."""

    connection: HTTPConnection

    def read(self) -> dict[str, Any]:
        self.connection.request("GET", "/")
        told: dict[str, Any] = json.loads(self.connection.getresponse().read())
        return told


def read_meter(port: int) -> dict[str, Any]:
    """Once."""
    connection = HTTPConnection(HOST, port, timeout=30)
    try:
        return Meter(connection).read()
    finally:
        connection.close()


def require_own_endpoint(environment: Mapping[str, str], meter: int) -> Meter:
    """Ends the process unless every call goes to an endpoint of the benchmark, on this machine."""
    url = urlsplit(environment.get("AWS_ENDPOINT_URL", ""))
    others = [name for name in environment if name.startswith("AWS_ENDPOINT_URL_")]
    if url.hostname != HOST or not url.port or others:
        raise SystemExit("the benchmark asks nothing but its own endpoint: run it by `python -m tests.benchmarks.run`")
    found = Meter(HTTPConnection(HOST, meter, timeout=30))
    if "write_units" not in found.read():
        raise SystemExit(f"the port {meter} is not the meter of the benchmark's endpoint")
    return found


def peak_memory() -> int:
    """Bytes. Linux's own of this program alone: `ru_maxrss` remembers the process that began it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def open_files() -> int:
    """Connections among them; 0 where it cannot be told. A Lambda may have 1,024."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) - 1 if folder.exists() else 0


def allow_many_files() -> None:
    """Enough for any number of workers, as far as the machine lets this process have them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def busy_seconds(cpu: int | None) -> float:
    """For how long any process has had that CPU, since the machine began; 0 where it cannot be told."""
    statistics = Path("/proc/stat")
    if cpu is None or not statistics.exists():
        return 0.0
    line = next((one for one in statistics.read_text().splitlines() if one.startswith(f"cpu{cpu} ")), "")
    ticks = [int(one) for one in line.split()[1:]]
    return (sum(ticks) - sum(ticks[3:5])) / os.sysconf("SC_CLK_TCK") if ticks else 0.0  # idle, and waiting for a disk
