"""Begins the endpoint and the measured processes, each pinned to a CPU of its own where there are several."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tests.benchmarks.endpoint.certificate import BUNDLE
from tests.benchmarks.endpoint.server import Asked as Endpoint
from tests.benchmarks.endpoint.shape import policy_of

ROOT = Path(__file__).parents[2]
_LONGEST = 3600
_LEASE_SECONDS = "120"
"""Six times the usual: on a busy machine the one CPU of a sweep may not be its own for longer than that."""
_NOT_INHERITED = ("AWS_", "STOP_ORCHESTRATOR_")
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})


@dataclass(frozen=True, slots=True)
class Running:
    """An endpoint that answers."""

    url: str
    meter: int
    bundle: str = ""


def client_cpu() -> int | None:
    """The measured processes'."""
    return min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def _endpoint_cpu() -> int | None:
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


@contextmanager
def endpoint(asked: Endpoint, *, tls: bool = False) -> Iterator[Running]:
    """A fresh one, with an organization in which everything runs."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        asked = replace(asked, tls_folder=folder if tls else "", cpu=_endpoint_cpu())
        command = [sys.executable, "-m", "tests.benchmarks.endpoint.server", json.dumps(asdict(asked))]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            ports = json.loads(process.stdout.readline())
            scheme = "https" if tls else "http"
            bundle = str(Path(folder) / BUNDLE) if tls else ""
            try:
                yield Running(f"{scheme}://127.0.0.1:{ports['port']}", ports["meter"], bundle)
            finally:
                process.stdin.close()


def environment(running: Running, **settings: str) -> dict[str, str]:
    """This process's own without whatever names an AWS, a hub or a proxy; `settings` as STOP_ORCHESTRATOR_*."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_NOT_INHERITED) and name.lower() not in _PROXIES
    }
    return {
        **kept,
        **{f"STOP_ORCHESTRATOR_{name.upper()}": value for name, value in settings.items()},
        **({"AWS_CA_BUNDLE": running.bundle} if running.bundle else {}),
        "AWS_ENDPOINT_URL": running.url,
        "AWS_ACCESS_KEY_ID": "AKIABENCHMARKBENCHMA",
        "AWS_SECRET_ACCESS_KEY": "nothing-secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def sweep(
    asked: Endpoint, mode: str, *, tls: bool, settings: Mapping[str, str], bare: bool = False, kinds: str = "ec2"
) -> dict[str, Any]:
    """What own_sweep tells of one sweep of a fresh organization, by a policy of these kinds."""
    hub = {"report_bucket": "benchmark", "table": "benchmark", "kill_switch": "/benchmark/go", "mode": "enforce"}
    hub["lease_seconds"] = _LEASE_SECONDS
    with endpoint(asked, tls=tls) as running:
        if bare:
            return _figures(running, "bare_loop", {"mode": mode, "accounts": asked.accounts, "regions": asked.regions})
        return _figures(running, "own_sweep", {"mode": mode, "policy": policy_of(kinds)}, **hub, **settings)


def _figures(running: Running, module: str, asked: Mapping[str, Any], **settings: str) -> dict[str, Any]:
    asked = {**asked, "meter": running.meter, "cpu": client_cpu()}
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", json.dumps(asked)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(running, **settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{module} failed:\n{done.stderr[-4000:]}")
    figures: dict[str, Any] = json.loads(done.stdout)
    if failures := figures["endpoint"]["failures"]:
        raise SystemExit(f"the benchmark's endpoint failed {len(failures)} times, first:\n{failures[0]}")
    return figures
