"""The process that is killed, forked from one that has imported and read everything: so that the kill is a real one and
Python is started once.

`python -m tests.support.crashes.zygote` forks one process for each command. It ends with its standard input, and so
does whatever it forked.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NoReturn, Self

from botocore.loaders import JSONFileLoader

from orchestrator.aws import clients, organization_pace
from orchestrator.cli.main import COMMANDS
from orchestrator.cli.root import cli
from orchestrator.demo.server import without_aws
from orchestrator.kinds.registry import KINDS, answers, member_operations
from tests.support.client_pool import ClientPool

REGIONS = ("eu-central-1", "eu-west-1")
_ROOT = Path(__file__).parents[3]


class Zygote:
    """Use it as a context manager."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.support.crashes.zygote"]
        self._process = subprocess.Popen(
            command, cwd=_ROOT, env=without_aws(os.environ), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def fork(self, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
        """The pid of a process that runs this command line. One at a time: `wait` for it before the next one."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"arguments": arguments, "environment": environment}) + "\n")
        self._process.stdin.flush()
        return self._line()

    def wait(self) -> int:
        """Its exit code, or the number of the signal that killed it, below 0."""
        return self._line()

    def _line(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())


def _zygote() -> None:
    for module, *_ in COMMANDS:
        import_module(f"orchestrator.cli.{module}")
    for kind in KINDS:
        import_module(f"orchestrator.kinds.{kind}.kind")
    read_once = cache(JSONFileLoader().load_file)
    JSONFileLoader.load_file = lambda _, path: read_once(path)
    loader = clients._NarrowLoader(member_operations(), answers())
    clients._NarrowLoader = lambda *_: loader
    organization_pace.FIRST_PER_SECOND = 1e6
    pool = ClientPool()
    clients._sessions = pool.sessions
    ready: set[tuple[str, str]] = set()
    for line in sys.stdin:
        job = json.loads(line)
        workers = job["arguments"][job["arguments"].index("--workers") + 1]
        wanted = (job["environment"]["AWS_ENDPOINT_URL"], workers)
        if wanted not in ready:
            _make_ready(pool, job["environment"], int(workers))
            ready.add(wanted)
        pid = os.fork()
        if not pid:
            _command(job["arguments"], job["environment"])
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
        sys.stdout.flush()


def _make_ready(pool: ClientPool, environment: Mapping[str, str], workers: int) -> None:
    """Clients for the commands with this environment are made before the forks; none of them has a connection."""
    before = {**os.environ}
    os.environ.update(environment)
    made = clients.Clients(max_connections=workers, operations=member_operations())
    for client in (made.sts, made.organizations, made.s3, made.dynamodb, made.hub_ec2):
        client()
    for region in REGIONS:
        made.ec2(region)
    pool.take_back()
    os.environ.clear()
    os.environ.update(before)
    gc.collect()
    gc.freeze()
    gc.disable()  # no command lives long enough for its garbage to matter


def _command(arguments: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    os.environ.update(environment)
    code = 99
    try:
        code = cli(list(arguments), standalone_mode=False)
    finally:
        os._exit(code or 0)


def _end_with_standard_input() -> None:
    """Nothing comes while a command runs but the end of the test process, however that came about."""
    os.read(0, 1)
    os._exit(98)


if __name__ == "__main__":
    _zygote()
