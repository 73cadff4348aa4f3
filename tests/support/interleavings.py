"""A world in memory that processes share, one after the other or one inside another: its EC2 keeps what was done to it.

The kind is the product's own engine over that EC2. Each process has a life of its own, a monotonic clock of its own,
and one lease at a time; points at which something may happen to it are its writes, its calls, its looks and its prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from botocore.exceptions import ReadTimeoutError

from orchestrator.aws.failures import unreadable_when_refused
from orchestrator.aws.retries import Retries
from orchestrator.core.model import (
    ANSWERS_BEHIND_AT_MOST,
    ConsentHow,
    Mode,
    Question,
    Resource,
    ResourceState,
    Target,
)
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import LedgerError
from orchestrator.kinds.ec2.act import PROFILE, Ec2Operations
from orchestrator.kinds.ec2.description import EC2
from orchestrator.kinds.ec2.rules import resource_of
from orchestrator.kinds.shared.engine import KindOnEngine
from orchestrator.kinds.shared.operations import Call
from orchestrator.ledger.clocks import Clocks
from orchestrator.ledger.items import Item
from orchestrator.ledger.lease import Lease, Leases, Times
from orchestrator.ledger.ledger import Ledger
from orchestrator.ports import KillSwitchUnreadableError, Runtime, Stores, World
from orchestrator.sweep.halt import Halting, KillSwitch
from tests.support.fake_ec2 import ANSWERED, RecordingPacing, refused
from tests.support.fake_world import FakeWorld
from tests.support.memory_store import Died, Life, MortalFiles, MortalItems
from tests.support.policies import load

_EVENT_TAKES, _RENEW_EVERY = 0.3, 5.0
load_once = cache(load)


@dataclass
class Instance:
    """As it is, and for `lag` looks as it was: of those that come before AWS has to know."""

    instance_id: str
    target: Target
    tags: dict[str, str]
    launched: datetime
    state: str = "running"
    reason: str = ""
    lag: int = 0
    changed_at: datetime | None = None
    before: tuple[str, str, datetime] | None = None

    def change(self, state: str, at: datetime, lag: int) -> None:
        self.before, self.lag, self.changed_at = (self.state, self.reason, self.launched), lag, at
        self.state = state
        if state == "running":
            self.reason, self.launched = "", at.replace(microsecond=0)
        else:
            self.reason = f"User initiated ({at:%Y-%m-%d %H:%M:%S} GMT)"

    def described(self, at: datetime) -> dict[str, Any]:
        """A look passes: what is stopping is stopped at the next one."""
        state, reason, launched = self.state, self.reason, self.launched
        if self.changed_at is not None and at - self.changed_at > ANSWERS_BEHIND_AT_MOST:
            self.lag = 0
        if self.lag and self.before:
            self.lag -= 1
            state, reason, launched = self.before
        elif self.state == "stopping":
            self.state = "stopped"
        return {
            "InstanceId": self.instance_id,
            "InstanceType": "t3.micro",
            "RootDeviceType": "ebs",
            "State": {"Name": state},
            "StateTransitionReason": reason,
            "LaunchTime": launched,
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
        }

    @property
    def is_up(self) -> bool:
        return self.state == "running"


@dataclass(frozen=True)
class Touch:
    """A stop or a start that was asked for: by a sweep, or by a person ("")."""

    at: datetime
    verb: str
    instance_id: str
    by: str
    process: int
    effective: bool
    """It changed the state."""
    looked: Look | None


@dataclass(frozen=True)
class Look:
    """What a process was shown right before a batch."""

    at: datetime
    tags: Mapping[str, str]


class Shared:
    """What outlives every process."""

    def __init__(self, fake: FakeWorld, text: str) -> None:
        self.fake = fake
        self.text = text
        """Of the policy, today."""
        self.table: dict[tuple[str, str], Item] = {}
        self.files: dict[tuple[str, str], bytes] = {}
        self.instances: dict[str, Instance] = {}
        self.touches: list[Touch] = []
        self.account_tags: list[tuple[datetime, str, Mapping[str, str]]] = []
        self.switch: str | None = "go"
        """None: it cannot be read."""
        self.lag = 0
        """Of the next change, in looks."""
        self.lost_answers = 0
        """So many of the next calls take effect and get no answer."""
        self.full: set[str] = set()
        """Instances that take no tag more."""
        self.unmarked: set[str] = set()
        """Instances of which a person removed our marks."""
        self.refused_unmarks = 0
        """So many of the next calls that delete marks are refused."""
        self.blind: dict[Target, int] = {}
        """So many of the next describes there get no answer."""
        self.processes: list[Process] = []

    @property
    def ledger(self) -> Ledger:
        """For who only looks."""
        return Process(self).ledger

    def pass_by(self, seconds: float) -> None:
        self.fake.at += timedelta(seconds=seconds)

    def touch(self, one: Instance, verb: str, by: str = "", process: int = -1, looked: Look | None = None) -> bool:
        """Whether it changed the state."""
        effective = one.is_up is (verb == "stop")
        if effective:
            one.change("stopping" if verb == "stop" else "running", self.fake.at, self.lag)
            self.lag = 0
        self.touches.append(Touch(self.fake.at, verb, one.instance_id, by, process, effective, looked))
        return effective

    def tag_account(self, account_id: str, tags: Mapping[str, str]) -> None:
        self.fake.accounts = tuple(
            replace(one, tags=dict(tags)) if one.id == account_id else one for one in self.fake.accounts
        )
        self.account_tags.append((self.fake.at, account_id, tags))


class Process:
    """One process of the product."""

    def __init__(self, shared: Shared, interference: Mapping[int, Callable[[Process], None]] | None = None) -> None:
        self.shared = shared
        self.number = len(shared.processes)
        self.life = Life(before=self._event)
        self.items, self.files = MortalItems(self.life), MortalFiles(self.life)
        self.items.items, self.files.files = shared.table, shared.files
        self.ledger = Ledger(self.items, self.now)
        self.monotonic = 1000.0
        self.interrupted = False
        self.looks: dict[str, Look] = {}
        self.died = False
        self._interference = dict(interference or {})
        self._points = 0
        self._lease: Lease | None = None
        self.sweep_id = ""
        """Of the one that it is at."""
        self.event = ""
        """At which something happens to it."""
        self._renewed_at = self.monotonic

    # --- time

    def now(self) -> datetime:
        return self.shared.fake.at

    def clock(self) -> float:
        return self.monotonic

    def sleep(self, seconds: float) -> None:
        self.monotonic += seconds
        self.shared.pass_by(seconds)

    # --- what may happen to it

    def point(self, event: str) -> None:
        """Here something may happen to it; not between two of the lease's own steps, which its lock makes one."""
        if event.startswith("put LEASE"):
            return
        self.sleep(_EVENT_TAKES)
        if self._lease is not None and self.monotonic - self._renewed_at >= _RENEW_EVERY:
            self._renewed_at = self.monotonic
            self._lease.renew()
        self._points += 1
        happens = self._interference.pop(self._points, None)
        if happens is not None:
            self.event = event
            happens(self)

    def later(self, happens: Callable[[Process], None]) -> None:
        """At its next point."""
        self._interference[self._points + 1] = happens

    def die(self) -> None:
        self.life.dies_after = len(self.life.events)
        raise Died

    def die_after_this(self) -> None:
        self.life.dies_after = len(self.life.events) + 1

    def lose_an_answer_of_the_ledger(self) -> None:
        """The next write takes effect and gets no answer."""

        def lost(_what: str) -> None:
            self.items.after = lambda _what: None
            raise LedgerError("no answer")

        self.items.after = lost

    def fail_a_write_of_the_ledger(self) -> None:
        def failed(_what: str) -> None:
            self.items.before = lambda _what: None
            raise LedgerError("no connection")

        self.items.before = failed

    def _event(self, event: str) -> None:
        self.point(event)

    # --- the product

    def stores(self) -> Stores:
        self.shared.processes.append(self)
        self.number = len(self.shared.processes) - 1
        leases = Leases(
            self.ledger,
            self.now,
            Times(renew_every=3600.0),
            self.clock,
            self.sleep,
            holder=str(self.number),
            is_dead=lambda holder: self.shared.processes[int(holder)].died,
        )
        return Stores(self.files, self.ledger, leases, self._world, lambda text, _: load_once(text), lambda _mode: None)

    def _world(self, _policy: OrgPolicy, sweep_id: str, mode: Mode, runtime: Runtime, lease: Lease) -> World:
        self._lease, self._renewed_at, self.sweep_id = lease, self.monotonic, sweep_id
        clocks = Clocks(self.now, self.clock)
        switch = KillSwitch("switch", self._read_switch, elapsed=clocks.elapsed, sleep=self.sleep)
        halting = Halting(lambda: lease.lost, (switch,), lambda: self.interrupted, runtime.out_of_time, self.sleep)
        retries = Retries(attempts=3, sleep=self.sleep, out_of_time=lambda: halting.halt() is not None)
        kind = KindInMemory(self, sweep_id, retries)
        return replace(
            self.shared.fake.world(),
            kinds={"ec2": kind},
            actors={"ec2": kind} if mode.acts else {},
            store=self.files,
            ledger=self.ledger.fenced(lease.generation, lease.is_held),
            clocks=clocks,
            halt=halting.halt,
            sleep=self.sleep,
            hand_over=lambda: False,
            leave=lease.hand_over,
            standing=runtime.standing,
            confirm=runtime.confirm if mode.acts else lambda _: None,
        )

    def asks(self, answer: ConsentHow | None) -> Callable[[Question], ConsentHow | None]:
        """The prompt: a point too."""

        def ask(_: Question) -> ConsentHow | None:
            self.point("prompt")
            self.point("prompt")
            return answer

        return ask

    def _read_switch(self) -> str | None:
        if self.shared.switch is None:
            raise KillSwitchUnreadableError("no answer")
        return self.shared.switch


class KindInMemory(KindOnEngine):
    """The product's own engine for instances."""

    description = EC2
    profile = PROFILE

    def __init__(self, process: Process, sweep_id: str, retries: Retries) -> None:
        super().__init__(retries, process.now, RecordingPacing())  # type: ignore[arg-type]  # a fake
        self._process = process
        self._sweep_id = sweep_id

    def read(self, target: Target, *, with_stopped: bool = False) -> tuple[Resource, ...]:
        assert not with_stopped
        there = [one.instance_id for one in self._process.shared.instances.values() if one.target == target]
        found = self._seen(target, there)
        return tuple(one for one in found if one.state in (ResourceState.RUNNING, ResourceState.STARTING))

    def look(self, target: Target, resource_ids: Sequence[str]) -> Mapping[str, Resource]:
        found = {one.resource_id: one for one in self._seen(target, resource_ids)}
        at = self._process.now()
        self._process.looks.update({one.resource_id: Look(at, one.tags) for one in found.values()})
        self._process.point("look")
        return found

    def _seen(self, target: Target, ids: Sequence[str]) -> tuple[Resource, ...]:
        with unreadable_when_refused("ec2:DescribeInstances"):
            raw = list(self._described(target, ids, self._paced(target).call))
        return tuple(resource_of(one, target, "aws", {}) for one in raw)

    def _operations(self, target: Target) -> Ec2Operations:
        client: Any = Ec2InMemory(self._process, self._sweep_id)
        return Ec2Operations(client, target, "aws", lambda ids, call: self._described(target, ids, call))

    def _described(self, target: Target, ids: Sequence[str], call: Call) -> Iterator[Any]:
        shared = self._process.shared

        def describe() -> list[dict[str, Any]]:
            if shared.blind.get(target, 0):
                shared.blind[target] -= 1
                raise ReadTimeoutError(endpoint_url="memory")
            return [shared.instances[one].described(shared.fake.at) for one in ids if one in shared.instances]

        return iter(call("DescribeInstances", describe))


@dataclass
class Ec2InMemory:
    """EC2's client for one sweep of a process: every call that changes something is an event."""

    process: Process
    sweep_id: str

    def stop_instances(self, *, InstanceIds: list[str]) -> Any:  # noqa: N803 - AWS's names
        return {"StoppingInstances": self._change("stop", InstanceIds)}

    def start_instances(self, *, InstanceIds: list[str]) -> Any:  # noqa: N803 - AWS's names
        return {"StartingInstances": self._change("start", InstanceIds)}

    def create_tags(self, *, Resources: list[str], Tags: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        def tag() -> None:
            if not self.process.shared.full.isdisjoint(Resources):
                raise refused("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
            for one in Resources:
                self._of(one).tags.update({tag["Key"]: tag["Value"] for tag in Tags})

        self.process.life.does(f"mark {','.join(Resources)}", tag)
        return ANSWERED

    def delete_tags(self, *, Resources: list[str], Tags: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        def untag() -> None:
            if self.process.shared.refused_unmarks:
                self.process.shared.refused_unmarks -= 1
                raise refused("SomethingNew", "no")
            for one in Resources:
                for tag in Tags:
                    self._of(one).tags.pop(tag["Key"], None)

        self.process.life.does(f"unmark {','.join(Resources)}", untag)
        return ANSWERED

    def _change(self, verb: str, ids: list[str]) -> list[dict[str, Any]]:
        changes = self.process.life.does(f"{verb} {','.join(ids)}", lambda: [self._one(verb, one) for one in ids])
        shared = self.process.shared
        if shared.lost_answers:
            shared.lost_answers -= 1
            raise ReadTimeoutError(endpoint_url="memory")
        return changes

    def _one(self, verb: str, instance_id: str) -> dict[str, Any]:
        one, process = self._of(instance_id), self.process
        previous = one.state
        process.shared.touch(one, verb, self.sweep_id, process.number, process.looks.get(instance_id))
        return {"InstanceId": instance_id, "PreviousState": {"Name": previous}}

    def _of(self, instance_id: str) -> Instance:
        return self.process.shared.instances[instance_id]


def elsewhere(work: Callable[[], object]) -> None:
    """Another process works while this one waits: in a thread of its own, as nothing bound here is bound there."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()
