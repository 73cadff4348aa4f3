"""c7n-org (Cloud Custodian for many accounts) on the same organization, where it is installed: a dry run of one rule.

It is found on the PATH, or by `C7N_ORG=/path/to/c7n-org`: in an environment of its own, since it pins another botocore
(`pip install c7n-org==0.6.52 c7n==0.9.53`). It begins processes of its own; their CPU is counted with it.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.endpoint.server import Asked as Endpoint
from tests.benchmarks.endpoint.shape import Shape
from tests.benchmarks.processes import Running, client_cpu, endpoint, environment
from tests.benchmarks.safety import read_meter

_POLICY = {
    "name": "development",
    "resource": "aws.ec2",
    "filters": [{"tag:Environment": "dev"}, {"State.Name": "running"}],
}
_LONGEST = 3600


class UnusableError(Exception):
    """It is there, and does not work here; the text says why."""


def command() -> str | None:
    """Where it is."""
    return os.environ.get("C7N_ORG") or shutil.which("c7n-org")


def measure(asked: Endpoint, *, tls: bool) -> dict[str, Any]:
    """As the sweep's figures, without phases; raises UnusableError where it fails."""
    shape = Shape(asked.accounts, asked.regions, asked.instances)
    with endpoint(asked, tls=tls) as running, tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        _run(running, shape, Path(folder))
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        told = read_meter(running.meter)
    described = told["calls"].get("ec2:DescribeInstances", 0)
    if described < shape.targets:
        raise UnusableError(f"c7n-org described {described} of {shape.targets} targets")
    return {"start": 0.0, "work": cpu, "wall": wall, "memory": after.ru_maxrss * 1024, "others": 0.0, "endpoint": told}


def _run(running: Running, shape: Shape, folder: Path) -> None:
    accounts = [
        {"account_id": one, "name": f"account-{one}", "role": f"arn:aws:iam::{one}:role/custodian"}
        for one in shape.account_ids
    ]
    (folder / "accounts.yml").write_text(json.dumps({"accounts": accounts}))  # JSON is YAML
    (folder / "policies.yml").write_text(json.dumps({"policies": [_POLICY]}))
    regions = [part for name in shape.region_names for part in ("-r", name)]
    arguments = ["run", "--dryrun", "-c", "accounts.yml", "-u", "policies.yml", "-s", "output", *regions]
    cpu = client_cpu()
    done = subprocess.run(
        [command() or "c7n-org", *arguments],
        cwd=folder,
        env={**environment(running), "HOME": str(folder)},  # where it keeps what it has read, for 15 minutes
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
        preexec_fn=(lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None,
    )
    if done.returncode:
        raise UnusableError(f"c7n-org failed:\n{(done.stderr or done.stdout)[-4000:]}")
