"""A world in memory for the flow of a sweep: no AWS, no files; it keeps what was asked of it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from orchestrator.core.model import (
    Account,
    AccountId,
    Action,
    ApprovedPlan,
    AwsError,
    Organization,
    Outcome,
    OutcomeStatus,
    Region,
    Resource,
    SweepReport,
    Target,
)
from orchestrator.errors import ReportStoreError
from orchestrator.ports import NoProgress, Progress, RegionStatus, TargetUnreadableError, World
from tests.support.builders import AT, a_resource, an_account

MANAGEMENT = AccountId("999999999999")
REGIONS = ("eu-central-1", "eu-west-1")


def unreadable(code: str, message: str = "no", operation: str = "ec2:DescribeInstances") -> TargetUnreadableError:
    return TargetUnreadableError(AwsError(code, message), operation)


def open_regions(*names: str) -> tuple[RegionStatus, ...]:
    return tuple(RegionStatus(Region(name), enabled=True) for name in names or REGIONS)


@dataclass
class FakeWorld:
    """What there is, and what fails: an exception in a mapping is raised where its value would be given."""

    accounts: tuple[Account, ...] = ()
    regions: dict[str, tuple[RegionStatus, ...] | Exception] = field(default_factory=dict)
    """By account; those that are missing have REGIONS."""
    resources: dict[Target, tuple[Resource, ...] | Exception] = field(default_factory=dict)
    binds: dict[str, Exception] = field(default_factory=dict)
    stops: dict[str, OutcomeStatus | Exception] = field(default_factory=dict)
    """By resource id; those that are missing stop. An exception is raised after the ones before it were stopped."""
    hub_regions: tuple[RegionStatus, ...] | Exception = field(default_factory=open_regions)
    organization_error: Exception | None = None
    tags_error: Exception | None = None
    check_error: Exception | None = None
    write_error: Exception | None = None
    out_of_time: Callable[[], bool] = lambda: False
    confirm: Callable[[ApprovedPlan], bool] = lambda _: True
    progress: Progress = field(default_factory=NoProgress)
    before_stop: Callable[[Target], None] = lambda _: None
    workers: int = 4

    asked: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    written: list[SweepReport] = field(default_factory=list)
    _bound: threading.local = field(default_factory=threading.local)

    def world(self) -> World:
        return World(
            organization=_Organization(self),
            accounts=_Accounts(self),
            kinds={"ec2": _Ec2(self)},
            store=_Store(self),
            now=lambda: AT,
            calls=lambda: {"ec2:DescribeInstances": len(self.asked)},
            out_of_time=self.out_of_time,
            confirm=self.confirm,
            progress=self.progress,
            workers=self.workers,
        )


def a_world(*account_ids: str, **fields: Any) -> FakeWorld:
    """Each account has one running instance in each region: i-0, i-1, ..."""
    fake = FakeWorld(accounts=tuple(an_account(one) for one in account_ids), **fields)
    for number, (account_id, region) in enumerate(itertools.product(account_ids, REGIONS)):
        resource = a_resource(f"i-{number}", account_id, region)
        fake.resources[resource.target] = (resource,)
    return fake


def coverage(report: SweepReport) -> dict[tuple[str, str], str]:
    """Status by account and region; fails when a target has two."""
    rows = {(row.account_id, row.region): row.status.value for row in report.coverage}
    assert len(rows) == len(report.coverage)
    return rows


def outcomes(report: SweepReport) -> dict[str, str]:
    """Status by resource id; fails when a stop has two."""
    found = {one.resource.resource_id: one.status.value for one in report.outcomes}
    assert len(found) == len(report.outcomes)
    return found


class Breaking(NoProgress):
    """Ends the sweep when it hears of this phase, or of this many stops or targets."""

    def __init__(self, error: BaseException, phase: str = "?", stops: int = -1, targets: int = -1) -> None:
        self.error, self.at_phase, self.at_stops, self.at_targets = error, phase, stops, targets

    def phase(self, text: str) -> None:
        if text.startswith(self.at_phase):
            raise self.error

    def stops(self, done: int, _: int) -> None:
        if done == self.at_stops:
            raise self.error

    def targets(self, done: int, _: int) -> None:
        if done == self.at_targets:
            raise self.error


def _given(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


@dataclass
class _Organization:
    fake: FakeWorld

    def read(self) -> Organization:
        self.fake.asked.append("organization")
        _given(self.fake.organization_error)
        return Organization("o-example", MANAGEMENT, self.fake.accounts)

    def read_tags(self, accounts: Sequence[Account]) -> tuple[Account, ...]:
        _given(self.fake.tags_error)
        return tuple(accounts)


@dataclass
class _Accounts:
    fake: FakeWorld

    @contextmanager
    def bind(self, account_id: AccountId) -> Iterator[None]:
        _given(self.fake.binds.get(account_id))
        self.fake._bound.account = account_id
        try:
            yield
        finally:
            self.fake._bound.account = None

    def regions(self) -> tuple[RegionStatus, ...]:
        account_id = self.fake._bound.account
        self.fake.asked.append(f"regions {account_id}")
        return _given(self.fake.regions.get(account_id, open_regions()))  # type: ignore[no-any-return]  # as given

    def hub_regions(self) -> tuple[RegionStatus, ...]:
        self.fake.asked.append("hub regions")
        return _given(self.fake.hub_regions)  # type: ignore[no-any-return]  # as given


@dataclass
class _Ec2:
    fake: FakeWorld
    name: str = "ec2"
    read_permissions: frozenset[str] = frozenset()
    act_permissions: frozenset[str] = frozenset()

    def read(self, target: Target) -> tuple[Resource, ...]:
        assert self.fake._bound.account == target.account_id
        self.fake.asked.append(f"read {target.account_id} {target.region}")
        return _given(self.fake.resources.get(target, ()))  # type: ignore[no-any-return]  # as given

    def stop(self, target: Target, stops: Sequence[tuple[Resource, Action]], sweep_id: str) -> tuple[Outcome, ...]:
        assert self.fake._bound.account == target.account_id
        assert sweep_id
        self.fake.before_stop(target)
        outcomes = []
        for resource, _action in stops:
            assert resource.target == target
            status = _given(self.fake.stops.get(resource.resource_id, OutcomeStatus.STOPPED))
            if status is OutcomeStatus.STOPPED:
                self.fake.stopped.append(resource.resource_id)
            outcomes.append(Outcome(resource, status))
        return tuple(outcomes)


@dataclass
class _Store:
    fake: FakeWorld

    def check(self, _: str) -> None:
        _given(self.fake.check_error)

    def write(self, report: SweepReport) -> str:
        _given(self.fake.write_error)
        self.fake.written.append(report)
        return "somewhere"

    def read(self, sweep_id: str, name: str) -> bytes:
        raise ReportStoreError(f"{sweep_id}/{name}")
