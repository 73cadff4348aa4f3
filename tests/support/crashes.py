"""A command that is killed at one of its AWS calls and gone on with, and what EC2, the ledger and the report say then.

`python -m tests.support.crashes` is the zygote: it forks one process for each command, so that the kill is a real one
and Python is started once. It ends with its standard input, and so does whatever it forked.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

from botocore.loaders import JSONFileLoader

from orchestrator import app
from orchestrator.aws import clients, organizations
from orchestrator.cli.main import cli
from orchestrator.core.model import Mode
from orchestrator.core.policy.loading import load_policy
from orchestrator.demo.organization import BUCKET, TABLE
from orchestrator.demo.server import EmbeddedAws, without_aws
from orchestrator.ledger.lease import Lease, Leases, Times
from orchestrator.ledger.records import SWEEPS
from orchestrator.ports import Runtime, Stores
from orchestrator.sweep import coordination
from orchestrator.sweep.verify import verify
from tests.support.processes import until

if TYPE_CHECKING:
    import pytest
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from orchestrator.demo.calls import Call
    from tests.support.embedded import OrganizationBuilder
    from tests.support.sweeps import Sweeps

POLICY = """\
version: 1
name: crash
regions: {include: [eu-central-1, eu-west-1]}
rules: [{name: dev, where: {tag: {Environment: dev}}}]
waves: [{accounts: 1}, {percent: 100}]
"""
PORTIONS = 16
"""Boundaries are tested in so many portions, each in an organization of its own."""
_ROOT = Path(__file__).parents[2]
_REGIONS = ("eu-central-1", "eu-west-1")
_MANAGEMENT = "123456789012"
_STOPPED_BY = "stop-orchestrator:stopped-by"
_LEASE_SECONDS = "120"
"""Of a victim: renewals would be calls more on a slow machine."""
_LATER = timedelta(minutes=5)
"""By when a dead process's lease has run out."""
Changes = list[tuple[str, tuple[str, ...]]]
"""Operation and instance ids of each call that changed instances, and that AWS carried out."""
Differences = dict[str, Any]
Begin = Callable[[Stores, str], coordination.Result]
"""Begins a sweep with that id."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """Before a call has any effect, or after it was carried out and before its answer is sent."""

    number: int
    after: bool

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} call {self.number}"


# --- the process that is killed ---------------------------------------------------------------------------------------


class Zygote:
    """Use it as a context manager."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.support.crashes"]
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
    read_once = cache(JSONFileLoader().load_file)
    JSONFileLoader.load_file = lambda _, path: read_once(path)
    loader = clients._NarrowLoader()
    clients._NarrowLoader = lambda: loader
    organizations.RATES = {}
    _warm_up()
    gc.freeze()
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if not pid:
            _command(job["arguments"], job["environment"])
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
        sys.stdout.flush()


def _warm_up() -> None:
    """Whatever is read from the disk to make a client is read before the forks."""
    environment = {**os.environ}
    os.environ.update(
        AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_REGION=_REGIONS[0]
    )
    made = clients.Clients()
    for client in (made.sts, made.organizations, made.s3, made.dynamodb, made.hub_ec2):
        client()
    for region in _REGIONS:
        made.ec2(region)
    os.environ.clear()
    os.environ.update(environment)


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


# --- the wire to AWS --------------------------------------------------------------------------------------------------


class Wire:
    """Between a server and its front: notes what changes instances, and kills the caller at one of its calls."""

    def __init__(self, front: WSGIApplication, changes: Changes) -> None:
        self._front = front
        self.changes = changes
        self._lock = threading.Lock()
        self._underway = 0
        self.expect(None)

    def expect(self, boundary: Boundary | None) -> None:
        """A new caller, to be killed there; its pid is to be told."""
        self.changes.clear()
        self._boundary = boundary
        self._killed = False
        self.pid: Future[int] = Future()
        self.operations: list[str] = []
        self.killed_at = ""

    def is_quiet(self) -> bool:
        """What the caller had underway when it was killed has come to its end."""
        return not self._underway

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        from orchestrator.demo.calls import Call  # noqa: PLC0415 - moto is nothing for the zygote

        call = Call(environ)
        with self._lock:
            if self._killed:
                raise ConnectionAbortedError
            self.operations.append(_named(call))
            kills = self._boundary is not None and self._boundary.number == len(self.operations)
            self._underway += 1
        try:
            if kills and not self._boundary.after:
                self._kill(call)
            answer = self._carried_out(call, start_response)
            if kills:
                self._kill(call)
            return answer
        finally:
            with self._lock:
                self._underway -= 1

    def _kill(self, call: Call) -> NoReturn:
        with self._lock:
            self._killed = True
            self.killed_at = f"{self._boundary}: {_named(call)}"
            os.kill(self.pid.result(10), signal.SIGKILL)
        raise ConnectionAbortedError  # by which the server knows that there is nothing to say

    def _carried_out(self, call: Call, start_response: StartResponse) -> Iterable[bytes]:
        def noting(status: str, *rest: Any) -> Any:
            if call.action in {"StopInstances", "StartInstances"} and status.startswith("2"):
                self.changes.append((call.action, tuple(call.form_list("InstanceId"))))
            return start_response(status, *rest)

        return self._front(call.environ, noting)


def _named(call: Call) -> str:
    """Such as `ec2:StopInstances`, or `s3:PUT report.json`."""
    if call.service == "s3":
        return f"s3:{call.environ['REQUEST_METHOD']} {call.action.rpartition('/')[2]}"
    return f"{call.service}:{call.action}"


@contextmanager
def wire(changes: Changes) -> Iterator[tuple[Wire, dict[str, str]]]:
    """Another way to the same AWS, with the environment that leads there."""
    with EmbeddedAws() as aws:
        tapped = Wire(aws.front, changes)
        aws._server.app = tapped
        yield tapped, aws.environment


# --- what is swept ----------------------------------------------------------------------------------------------------


class Instances:
    """Every instance of some accounts as it was when this was made, in moto's own memory, to be put back there."""

    def __init__(self, accounts: Sequence[str]) -> None:
        from moto.ec2.models import ec2_backends  # noqa: PLC0415 - moto is nothing for the zygote

        self._taken = [
            (one, vars(one._state).copy(), one._reason, one.state_reason, one.launch_time, backend.tags[one.id].copy())
            for backend in (ec2_backends[account][region] for account in accounts for region in _REGIONS)
            for one in backend.all_instances()
        ]

    def put_back(self) -> None:
        for one, state, reason, state_reason, launch_time, tags in self._taken:
            vars(one._state).update(state)
            one._reason, one.state_reason, one.launch_time = reason, state_reason, launch_time
            one.ec2_backend.tags[one.id] = tags.copy()

    def down(self) -> list[str]:
        return [one.id for one, *_ in self._taken if one.state in {"stopping", "stopped"}]

    def marked(self) -> dict[str, str]:
        """Which sweep stopped it, by its tag."""
        tags = {one.id: one.ec2_backend.tags[one.id] for one, *_ in self._taken}
        return {one: pairs[_STOPPED_BY] for one, pairs in tags.items() if _STOPPED_BY in pairs}


@dataclass(frozen=True, slots=True)
class Scene:
    """A small organization with its hub, the way by which victims reach it, and what is to come of a sweep of it."""

    zygote: Zygote
    victim: Wire
    environment: Mapping[str, str]
    hub: Stores
    accounts: list[str]
    stopped: list[str]
    protected: str
    coverage: list[tuple[str, str, str]]

    def later(self) -> Stores:
        """The hub of a process that comes when the lease of a dead one has run out, and waits without waiting."""
        passed = [0.0]

        def sleep(seconds: float) -> None:
            passed[0] += seconds

        times = Times(renew_every=5, lasts=20, look_every=20)
        leases = Leases(self.hub.ledger, lambda: app.now() + _LATER, times, clock=lambda: passed[0], sleep=sleep)
        return replace(self.hub, leases=leases)

    def swept(self, mode: Mode) -> str:
        """The id of a sweep that nothing disturbed."""
        result = begin(mode)(self.later(), app.new_sweep_id(app.now()))
        assert isinstance(result, coordination.Ended)
        return result.sweep_id


def begin(mode: Mode) -> Begin:
    policy = load_policy(POLICY)
    return lambda hub, sweep_id: coordination.sweep(hub, policy, sweep_id, mode, Runtime())


@contextmanager
def scene(
    zygote: Zygote, organization: OrganizationBuilder, sweeps: Sweeps, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    """Instances to stop in six targets of three accounts, and one that is stop-protected; one that opted out, and one
    of no rule; an account without the role.
    """
    settings = organization.hub()
    with wire([]) as (victim, there), wire(victim.changes) as (_, here):
        monkeypatch.setenv("AWS_ENDPOINT_URL", here["AWS_ENDPOINT_URL"])
        hub = sweeps.hub(report_bucket=BUCKET, table=TABLE, workers=2)
        yield Scene(
            zygote,
            victim,
            {**there, **settings, "STOP_ORCHESTRATOR_LEASE_SECONDS": _LEASE_SECONDS},
            hub,
            *_launched(organization),
        )


def _launched(organization: OrganizationBuilder) -> tuple[list[str], list[str], str, list[tuple[str, str, str]]]:
    dev = {"Environment": "dev"}
    frankfurt, ireland = _REGIONS
    one, two, three = organization.account("one", "/Dev"), organization.account("two"), organization.account("three")
    denied = organization.account("denied", role=False)
    stopped = [
        *organization.instances(one, frankfurt, 2, dev),
        *organization.instances(one, ireland, 1, dev),
        *organization.instances(two, frankfurt, 1, dev),
        *organization.instances(two, ireland, 2, dev),
        *organization.instances(three, frankfurt, 1, dev),
        *organization.instances(three, ireland, 1, dev),
    ]
    [protected] = organization.instances(one, frankfurt, 1, dev, DisableApiStop=True)
    organization.instances(one, frankfurt, 1, {**dev, "stop-orchestrator:opt-out": "true"})
    organization.instances(two, ireland, 1, {"Environment": "prod"})
    organization.instances(denied, frankfurt, 1, dev)
    coverage = [
        *((account, region, "scanned") for account in (one, two, three) for region in _REGIONS),
        (denied, "*", "denied"),
        (_MANAGEMENT, "*", "excluded"),
    ]
    return [one, two, three, denied], stopped, protected, coverage


# --- killed, gone on with, compared -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """One command, the same begun afresh in this process, and what is to come of it."""

    arguments: tuple[str, ...]
    begin: Begin
    operation: str
    status: str
    outcomes: Mapping[str, str]
    coverage: list[tuple[str, str, str]]
    down: list[str]
    marked: list[str]
    """With the tag of this sweep."""
    reset: Callable[[], object] = lambda: None


class Crashes:
    """One case of one scene, as often as wanted: everything is put back before each of its runs."""

    def __init__(self, scene: Scene, case: Case) -> None:
        from moto.dynamodb.models import dynamodb_backends  # noqa: PLC0415 - moto is nothing for the zygote

        self.killed = 0
        self._killed_at: dict[str, str] = {}
        self._scene = scene
        self._case = case
        self._instances = Instances(scene.accounts)
        self._items = dynamodb_backends[_MANAGEMENT][_REGIONS[0]].tables[TABLE].items
        self._kept = set(self._items)

    def boundaries(self) -> list[Boundary]:
        """Of all its calls, counted once in each process that runs tests."""
        command = self._case.arguments[0]
        if command not in _CALLS:
            code, known = self._run(None)
            assert code in {0, 3, 5}, f"exit code {code}"
            [sweep_id] = self._sweeps() - known
            assert self._differences(sweep_id) == {}, "nothing disturbed it"
            _CALLS[command] = len(self._scene.victim.operations)
        calls = range(1, _CALLS[command] + 1)
        return [Boundary(number, after) for number in calls for after in (False, True)]

    def at(self, boundaries: Iterable[Boundary]) -> dict[str, Differences]:
        """By boundary: what is otherwise than undisturbed, once what was killed there was gone on with."""
        found = dict(self._at(boundary) for boundary in boundaries)
        for one in verify(self._scene.hub.store, self._scene.hub.ledger, None, None):
            found.setdefault(self._killed_at.get(one.sweep_id, one.sweep_id), {})[one.file] = one.problem
        return {killed_at: differences for killed_at, differences in found.items() if differences}

    def _at(self, boundary: Boundary) -> tuple[str, Differences]:
        """Where it was killed, and the differences."""
        code, known = self._run(boundary)
        killed_at = self._scene.victim.killed_at
        if code != -signal.SIGKILL:
            return str(boundary), {"not killed, but its exit code": code}
        self.killed += 1
        begun = self._sweeps() - known
        hub = self._scene.later()
        if begun:
            [sweep_id] = begun
            result = coordination.resume(hub, sweep_id, Runtime())
        elif self._scene.victim.changes:
            return killed_at, {"changed before it began": self._scene.victim.changes.copy()}
        else:
            sweep_id = app.new_sweep_id(app.now())
            result = self._case.begin(hub, sweep_id)
        if not isinstance(result, coordination.Ended) or result.sweep_id != sweep_id:
            return killed_at, {"not ended": result}
        self._killed_at[sweep_id] = killed_at
        return killed_at, self._differences(sweep_id)

    def _run(self, boundary: Boundary | None) -> tuple[int, set[str]]:
        """The exit code, and the sweeps before."""
        self._instances.put_back()
        self._forget_actions()
        self._case.reset()
        known = self._sweeps()
        self._scene.victim.expect(boundary)
        self._scene.victim.pid.set_result(self._scene.zygote.fork(self._case.arguments, self._scene.environment))
        code = self._scene.zygote.wait()
        until(self._scene.victim.is_quiet)
        return code, known

    def _forget_actions(self) -> None:
        """Those of the runs before: moto copies the whole table for each transaction."""
        for partition in self._items.keys() - self._kept:
            if partition.value.startswith("SWEEP#"):
                del self._items[partition]

    def _sweeps(self) -> set[str]:
        """Their ids, from moto's own memory."""
        return {key.value for partition, items in self._items.items() if partition.value == SWEEPS for key in items}

    def _differences(self, sweep_id: str) -> Differences:
        """What is too much, and what is missing."""
        case, found = self._case, self._found(sweep_id)
        expected: dict[str, list[Any]] = {
            "report": [case.status],
            "summary": [case.status],
            "coverage": case.coverage,
            "outcomes": [*case.outcomes.items()],
            "ledger": [*case.outcomes.items()],
            "down": case.down,
            "marked": [(one, sweep_id) for one in case.marked],
            "changed": [one for one, status in case.outcomes.items() if status != "failed"],
            "lease is free": [True],
        }
        counted = {name: (Counter(found[name]), Counter(expected[name])) for name in expected}
        return {
            name: {"too much": got - due, "missing": due - got} for name, (got, due) in counted.items() if got != due
        }

    def _found(self, sweep_id: str) -> dict[str, list[Any]]:
        """In the report, the ledger and EC2; an instance is `changed` as often as AWS carried it out."""
        ledger = self._scene.hub.ledger
        report = json.loads(self._scene.hub.store.read(sweep_id, "report.json"))
        summary = ledger.sweep(sweep_id)
        changes = [ids for operation, ids in self._scene.victim.changes if operation == self._case.operation]
        return {
            "report": [report["status"]],
            "summary": [summary.status] if summary else [],
            "coverage": [(row["account_id"], row["region"], row["status"]) for row in report["coverage"]],
            "outcomes": [(row["resource_id"], row["status"]) for row in report["outcomes"]],
            "ledger": [(one.resource_id, one.status) for one in ledger.actions(sweep_id)],
            "down": self._instances.down(),
            "marked": [*self._instances.marked().items()],
            "changed": [*chain.from_iterable(changes)],
            "lease is free": [self._lease_is_free()],
        }

    def _lease_is_free(self) -> bool:
        """Whether the next sweep can begin, at the latest when a dead one's lease has run out."""
        seen = self._scene.hub.ledger.lease("crash")
        if seen is not None and not seen.held_until:
            return True
        lease = self._scene.later().leases.take_over("crash", "next")
        if isinstance(lease, Lease):
            with lease.held():
                return True
        return False


_CALLS: dict[str, int] = {}


if __name__ == "__main__":
    _zygote()
