"""A hub and an organization of any size without AWS: resources are made up when they are asked for, in any process.

Files and the ledger are in a folder, so that each step of a state machine can be a process of its own. Calls to AWS
Organizations take time of a clock that only they move.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestrator.core.model import (
    Account,
    AccountId,
    Action,
    ActivePolicy,
    AwsError,
    ConsentHow,
    Halt,
    HaltCause,
    Organization,
    OrganizationalUnit,
    Outcome,
    OutcomeStatus,
    Region,
    Resource,
    ResourceKey,
    Target,
)
from orchestrator.core.model.bulk_tags import BulkTags
from orchestrator.core.model.kind import KindDescription
from orchestrator.core.policy.loading import load_policy
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.kinds.ec2 import rules
from orchestrator.kinds.ec2.description import EC2
from orchestrator.kinds.registry import DESCRIPTIONS
from orchestrator.ledger.clocks import Clocks
from orchestrator.ledger.ledger import Ledger
from orchestrator.local.folder_report_store import LocalReportStore
from orchestrator.local.sqlite_items import SqliteItems
from orchestrator.ports import BatchGuard, Carrier, RegionStatus, World

AT = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
SWEEP_ID = "20261123T190000Z-7f3a9c"
ACCOUNTS_A_UNIT = 50
CALLS_PER_SECOND = 5
ACCOUNTS_A_PAGE = 20
LAMBDA_SECONDS = 900 - 30
TYPES = ("t3.micro", "m5.large", "m6i.xlarge", "c7g.2xlarge", "r6g.4xlarge")
POLICY = """\
version: 1
name: nonprod
timezone: UTC
max_tag_age: 1h
rules: [{name: dev, where: {tag: {Environment: [dev, test]}}}]
waves: [{percent: 10}]
abort_if_failures_percent: 50
required_tags: [Owner]
"""
_STORES = rules.InstanceStores(dict.fromkeys(TYPES, False))


def load(text: str = POLICY, _source: str = "") -> OrgPolicy:
    return load_policy(text, "policy.yaml", DESCRIPTIONS)


@dataclass
class Hub:
    """`now` moves by calls to AWS Organizations only."""

    folder: Path
    accounts: int
    regions: int
    since: float = 0.0
    """When this process began."""
    policy: OrgPolicy = field(default_factory=load)
    seconds: float = 0.0
    """For which it waited."""
    calls: int = 0
    workers: int = 64
    paced: bool = True
    """Whether calls to AWS Organizations take time."""

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.bound = threading.local()
        self.ledger = Ledger(SqliteItems(self.folder), self.now)
        self.store = LocalReportStore(self.folder)

    def now(self) -> datetime:
        return AT + timedelta(seconds=self.since + self.seconds)

    def call(self, times: int = 1) -> None:
        with self.lock:
            self.calls += times
            self.seconds += times / CALLS_PER_SECOND if self.paced else 0

    def halt(self) -> Halt | None:
        return Halt(HaltCause.OUT_OF_TIME, "the time was up") if self.seconds > LAMBDA_SECONDS else None

    def world(self) -> World:
        kind = _Instances(self)
        return World(
            organization=_Organization(self),
            accounts=_Accounts(self),
            kinds={"ec2": kind},
            actors={"ec2": kind},
            store=self.store,
            clocks=Clocks(self.now, lambda: self.seconds),
            ledger=self.ledger,
            calls=lambda: {"organizations:*": self.calls},
            halt=self.halt,
            confirm=lambda _: ConsentHow.STANDING,
            standing=True,
            partition_regions=frozenset(self.region_names),
            workers=self.workers,
        )

    def activate(self) -> None:
        active = ActivePolicy(self.policy.sha256, "bob", "2026-11-23T18:00:00Z", "s3://hub/policy.yaml")
        self.ledger.activate_policy(self.policy.name, active)

    @property
    def region_names(self) -> tuple[Region, ...]:
        return tuple(Region(f"eu-region-{number}") for number in range(1, self.regions + 1))

    def account_ids(self) -> tuple[AccountId, ...]:
        return tuple(AccountId(f"{_account_number(number):012}") for number in range(self.accounts))

    def organization(self) -> Organization:
        units = {
            number: (
                OrganizationalUnit("ou-root-work", "/Workloads"),
                OrganizationalUnit(f"ou-root-{number:05}", f"/Workloads/Team {number}"),
            )
            for number in range(self.accounts // ACCOUNTS_A_UNIT + 1)
        }
        accounts = tuple(
            Account(one, f"account-{number}", "ACTIVE", units[number // ACCOUNTS_A_UNIT], listed_at=self.now())
            for number, one in enumerate(self.account_ids())
        )
        return Organization("o-example", AccountId("999999999999"), accounts, tuple(two for _, two in units.values()))

    def instances(self, target: Target) -> tuple[Resource, ...]:
        """One or two: 16 in ten targets."""
        region, account = int(target.region.rpartition("-")[2]), int(target.account_id) * _BACK % _IDS
        number = account * self.regions + region - 1
        return tuple(_instance(target, 2 * number + one) for one in range(1 + (number % 10 < 6)))


_IDS, _STEP = 10**12, 387_420_489_011
_BACK = pow(_STEP, -1, _IDS)


def _account_number(number: int) -> int:
    """Spread over all ids, as those of AWS are."""
    return number * _STEP % _IDS


def _instance(target: Target, number: int) -> Resource:
    launched = AT - timedelta(days=number % 400, seconds=number)
    raw = {
        "InstanceId": f"i-{number:017x}",
        "InstanceType": TYPES[number % len(TYPES)],
        "RootDeviceType": "ebs",
        "LaunchTime": launched,
        "Placement": {"AvailabilityZone": f"{target.region}{'abc'[number % 3]}"},
        "State": {"Name": "running"},
        "Tags": [
            {"Key": "Name", "Value": f"server-{number}"},
            {"Key": "Environment", "Value": ("dev", "test")[number % 2]},
            {"Key": "CostCenter", "Value": f"cc-{number % 100}"},
            {"Key": "Owner", "Value": f"team-{int(target.account_id) % 500}@example.com"},
        ],
    }
    return rules.with_losses(rules.resource_of(raw, target, "aws", {}), _STORES)


@dataclass
class _Organization:
    hub: Hub

    def __post_init__(self) -> None:
        self._units: set[str] = set()

    def read(self, *_told: Any, **_named: Any) -> Organization:
        self._units.clear()
        found = self.hub.organization()
        self.hub.call(len(found.accounts) // ACCOUNTS_A_PAGE + len(found.units) + 2)
        return found

    def read_tags(self, accounts: Sequence[Account]) -> tuple[Account, ...]:
        new = {unit.id for account in accounts for unit in account.organizational_units} - self._units
        self._units |= new
        self.hub.call(len(new))
        return tuple(self.read_own_tags(self._with_units(one)) for one in accounts)

    def _with_units(self, account: Account) -> Account:
        units = tuple(self._tagged(unit) for unit in account.organizational_units)
        return replace(account, organizational_units=units)

    def read_own_tags(self, carrier: Carrier) -> Carrier:
        self.hub.call()
        return self._tagged(carrier)

    def _tagged(self, carrier: Carrier) -> Carrier:
        tags = {"CostCenter": f"cc-{carrier.id}", "Owner": "platform@example.com"}
        return replace(carrier, tags=tags, tags_read_at=self.hub.now())

    def read_bulk_tags(self, organization_id: str) -> BulkTags | AwsError:
        del organization_id
        return AwsError("NoBulkTags", "tags are read one by one")


@dataclass
class _Accounts:
    hub: Hub

    @contextmanager
    def bind(self, account_id: AccountId) -> Iterator[None]:
        self.hub.bound.account = account_id
        yield

    def regions(self, _named: Sequence[Region] = ()) -> tuple[RegionStatus, ...]:
        return tuple(RegionStatus(one, enabled=True) for one in self.hub.region_names)

    def hub_regions(self) -> tuple[RegionStatus, ...]:
        return self.regions()


@dataclass
class _Instances:
    hub: Hub
    description: KindDescription = EC2

    def read(self, target: Target, *, with_stopped: bool = False) -> tuple[Resource, ...]:
        assert not with_stopped
        return self.hub.instances(target)

    def look(self, target: Target, resource_ids: Sequence[str]) -> Mapping[str, Resource]:
        return {one.resource_id: one for one in self.hub.instances(target) if one.resource_id in resource_ids}

    def act(
        self, target: Target, actions: Sequence[tuple[Resource, Action]], sweep_id: str, guard: BatchGuard
    ) -> tuple[Outcome, ...]:
        assert self.hub.bound.account == target.account_id
        assert sweep_id
        admitted = guard.admit([resource for resource, _ in actions])
        at = self.hub.now()
        answers = tuple(Outcome(one, OutcomeStatus.STOPPED, "", "", at, at) for one in admitted if guard.may_call())
        guard.record_outcomes(answers)
        return answers

    def recover_intents(
        self,
        target: Target,
        intents: Sequence[tuple[Resource, Action, datetime]],
        sweep_id: str,
        marked_after: Collection[ResourceKey] = (),
    ) -> tuple[Outcome, ...]:
        del target, sweep_id, marked_after
        return tuple(Outcome(one, OutcomeStatus.STOPPED, "", "", at, self.hub.now()) for one, _, at in intents)

    def see_starts(self, target: Target, starts: Sequence[Outcome]) -> tuple[Outcome, ...]:
        del target
        return tuple(starts)
