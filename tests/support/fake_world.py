"""A world in memory for the flow of a sweep: no AWS, no disk; it keeps what was asked of it.

It outlives the sweeps in it: what one stopped, the next one finds stopped, and the ledger and the files stay.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

from orchestrator.core.model import (
    Account,
    AccountId,
    ActionCounts,
    ActivePolicy,
    AwsError,
    ConsentHow,
    Halt,
    HaltCause,
    Organization,
    OrganizationalUnit,
    OutcomeStatus,
    Question,
    Region,
    Resource,
    Target,
)
from orchestrator.core.model.bulk_tags import BulkTags
from orchestrator.core.model.kind import KindDescription
from orchestrator.core.model.measured import Measured
from orchestrator.core.model.notification import Channel, ChannelKind, Listener, Notifications, Occasion
from orchestrator.core.report.document import Row
from orchestrator.core.report.messages.message import Message
from orchestrator.core.report.messages.parcel import Parcel
from orchestrator.kinds.ec2.description import EC2
from orchestrator.ledger.clocks import Clocks
from orchestrator.ledger.ledger import Ledger
from orchestrator.ports import (
    Carrier,
    NoProgress,
    PriceBook,
    Progress,
    RegionStatus,
    TargetUnreadableError,
    Telling,
    World,
    always,
    no_telling,
)
from tests.support.builders import AT, SWEEP_ID, a_resource, an_account
from tests.support.consent import say_yes
from tests.support.fake_kind import FakeKind
from tests.support.memory_store import Life, MortalFiles, MortalItems

MANAGEMENT = AccountId("999999999999")
REGIONS = ("eu-central-1", "eu-west-1")
PARTITION_REGIONS = (*REGIONS, "us-east-1", "us-gov-west-1", "us-west-2")
EVERYTHING = "rules: [{name: all, where: everything}]"
ONE, TWO, THREE = "111111111111", "222222222222", "333333333333"
OUT_OF_TIME = Halt(HaltCause.OUT_OF_TIME, "the time was up")


def unreadable(code: str, message: str = "no", operation: str = "ec2:DescribeInstances") -> TargetUnreadableError:
    return TargetUnreadableError(AwsError(code, message), operation)


def open_regions(*names: str) -> tuple[RegionStatus, ...]:
    return tuple(RegionStatus(Region(name), enabled=True) for name in names or REGIONS)


HUB = Channel(ChannelKind.SNS, "arn:aws:sns:eu-central-1:999999999999:hub")
HUB_HEARS = Notifications((Listener(HUB, frozenset({Occasion.APPROVAL})),))
_NO_BULK_TAGS = AwsError("NoBulkTags", "tags are read one by one")


@dataclass
class FakeWorld:
    """What there is, and what fails: an exception in a mapping is raised where its value would be given."""

    accounts: tuple[Account, ...] = ()
    regions: dict[str, tuple[RegionStatus, ...] | Exception] = field(default_factory=dict)
    """By account; those that are missing have REGIONS."""
    resources: dict[Target, tuple[Resource, ...] | Exception] = field(default_factory=dict)
    """In whatever state; only what runs is read."""
    binds: dict[str, Exception] = field(default_factory=dict)
    stops: dict[str, OutcomeStatus | Exception] = field(default_factory=dict)
    """By resource id; those that are missing stop. An exception is raised after the ones before it were stopped."""
    starts_end: dict[str, OutcomeStatus] = field(default_factory=dict)
    """How a start that AWS accepted is seen later, by resource id; those that are missing run."""
    measured: dict[str, Measured | Exception] = field(default_factory=dict)
    """What CloudWatch has, by resource id, or by account and region what it refuses; of what is missing it tells
    nothing.
    """
    prices: PriceBook | None = None
    volumes: dict[str, list[dict[str, Any]] | str] = field(default_factory=dict)
    """As EC2 describes them, by resource id, or AWS's refusal; what is missing has none."""
    hub_regions: tuple[RegionStatus, ...] | Exception = field(default_factory=open_regions)
    units: tuple[OrganizationalUnit, ...] = ()
    """The OUs that have no account in them; those above an account are there anyway."""
    policy_texts: dict[str, str | Exception] = field(default_factory=dict)
    """Of other active policies, by their sources."""
    organization_error: Exception | None = None
    pages_before_error: int = 0
    tags_error: Exception | None = None
    bulk_tags: BulkTags | AwsError = _NO_BULK_TAGS
    halt: Callable[[], Halt | None] = lambda: None
    hand_over: Callable[[], bool] = lambda: False
    confirm: Callable[[Question], ConsentHow | None] = say_yes
    asked_by: str = "arn:aws:iam::111111111111:user/ann (ann@laptop)"
    leave: Callable[[], bool] = lambda: False
    progress: Progress = field(default_factory=NoProgress)
    before_stop: Callable[[Target], None] = lambda _: None
    before_look: Callable[[Target], None] = lambda _: None
    kinds: tuple[KindDescription, ...] = (EC2,)
    batch_size: int = 50
    workers: int = 4
    at: datetime = AT
    monotonic: float = 0.0
    """It stands still, unless a test moves it."""

    asked: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    """Subject and lines of each message that was delivered."""
    delivered: list[Parcel] = field(default_factory=list)
    undelivered: dict[str, str | Exception] = field(default_factory=dict)
    """Why a message is not delivered, by its key."""
    notifications: Notifications = HUB_HEARS
    link_for: Callable[[Mapping[str, Any]], str | None] | None = None
    standing: bool = False
    warned: list[str] = field(default_factory=list)
    undelivered_counts: list[int] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    life: Life = field(default_factory=Life)

    def __post_init__(self) -> None:
        self.bound = threading.local()
        self.items = MortalItems(self.life)
        self.files = MortalFiles(self.life)
        self.ledger = Ledger(self.items, lambda: self.at)
        self.clocks = Clocks(lambda: self.at, lambda: self.monotonic)

    def world(self) -> World:
        return World(
            organization=_Organization(self),
            accounts=_Accounts(self),
            kinds={one.name: FakeKind(self, one) for one in self.kinds},
            actors={one.name: FakeKind(self, one) for one in self.kinds},
            asked_by=self.asked_by,
            store=self.files,
            clocks=self.clocks,
            ledger=self.ledger,
            calls=lambda: {"ec2:DescribeInstances": len(self.asked)},
            halt=self.halt,
            hand_over=self.hand_over,
            leave=self.leave,
            policy_text=self.policy_text,
            telling=Telling(notifications=self.notifications, deliver=self.deliver, link_for=self.link_for),
            standing=self.standing,
            warn=self.warned.append,
            count_undelivered=lambda _policy, _mode, count: self.undelivered_counts.append(count),
            confirm=self.confirm,
            progress=self.progress,
            prices=self.prices,
            partition_regions=frozenset(map(Region, PARTITION_REGIONS)),
            workers=self.workers,
            sleep=self.sleep,
        )

    def deliver(self, parcels: Sequence[Parcel], told: Callable[[Parcel], None]) -> dict[str, str]:
        failed = {}
        for parcel in parcels:
            if parcel.key in self.undelivered:
                failed[parcel.key] = str(given(self.undelivered[parcel.key]))
                continue
            self.life.does(f"tell {parcel.key}", partial(self.delivered.append, parcel))
            if isinstance(parcel.content, Message):
                self.told.append((parcel.content.subject, "\n".join(parcel.content.lines)))
            told(parcel)
        return failed

    def policy_text(self, source: str) -> str:
        self.asked.append(f"policy {source}")
        return str(given(self.policy_texts[source]))

    def activate(self, name: str, body: str) -> str:
        """Another policy, by deploying the hub with it; its text."""
        source, text = f"s3://hub/policies/{name}.yaml", f"version: 1\nname: {name}\n{body}\n"
        self.policy_texts[source] = text
        active = ActivePolicy(sha256(text.encode()).hexdigest(), "bob", "2026-11-23T18:00:00Z", source)
        self.ledger.activate_policy(name, active)
        return text

    def sleep(self, seconds: float) -> None:
        """Time passes by it."""
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)

    def written(self, sweep_id: str = SWEEP_ID) -> Row:
        """The report of a sweep; fails when there is none."""
        return dict(json.loads(self.files.read(sweep_id, "report.json")))

    def has_file(self, name: str, sweep_id: str = SWEEP_ID) -> bool:
        return (sweep_id, name) in self.files.files

    def states(self, sweep_id: str = SWEEP_ID) -> dict[str, str]:
        """What the ledger says of each action, by resource id."""
        return {action.resource_id: action.status for action in self.ledger.actions(sweep_id)}

    def instances(self, target: Target) -> dict[str, Resource]:
        return {one.resource_id: one for one in given(self.resources.get(target, ()))}

    def change(self, resource_id: str, new: Callable[[Resource], Resource | None]) -> None:
        """Somebody changes an instance from outside; None: it is gone."""
        for target, found in self.resources.items():
            if not isinstance(found, Exception) and any(one.resource_id == resource_id for one in found):
                changed = (new(one) if one.resource_id == resource_id else one for one in found)
                self.resources[target] = tuple(one for one in changed if one is not None)


def a_world(*account_ids: str, **fields: Any) -> FakeWorld:
    """Each account has one running instance in each region: i-0, i-1, ..."""
    fake = FakeWorld(accounts=tuple(an_account(one) for one in account_ids), **fields)
    for number, (account_id, region) in enumerate(itertools.product(account_ids, REGIONS)):
        resource = a_resource(f"i-{number}", account_id, region)
        fake.resources[resource.target] = (resource,)
    return fake


def coverage(report: Row) -> dict[tuple[str, str], str]:
    """Status by account and region; fails when a target has two."""
    rows = {(row["account_id"], row["region"]): str(row["status"]) for row in report["coverage"]}
    assert len(rows) == len(report["coverage"])
    return rows


def outcomes(report: Row) -> dict[str, str]:
    """Status by resource id; fails when a stop has two."""
    found = {row["resource_id"]: str(row["status"]) for row in report["outcomes"]}
    assert len(found) == len(report["outcomes"])
    return found


def reasons(report: Row) -> dict[str, str]:
    """Why each that is kept is kept, by resource id."""
    return {row["resource_id"]: row["reason"] for row in report["decisions"] if row["verdict"] == "keep"}


def halted_after(questions: int, halt: Halt = OUT_OF_TIME) -> Callable[[], Halt | None]:
    """Halted from that question on."""
    counter = itertools.count()
    return lambda: halt if next(counter) >= questions else None


class Breaking(NoProgress):
    """Ends the sweep when it hears of this phase, or of this many actions or targets."""

    def __init__(self, error: BaseException, phase: str = "?", stops: int = -1, targets: int = -1) -> None:
        self.error, self.at_phase, self.at_stops, self.at_targets = error, phase, stops, targets

    def phase(self, text: str) -> None:
        if text.startswith(self.at_phase):
            raise self.error

    def actions(self, done: ActionCounts, _: ActionCounts) -> None:
        if done.total == self.at_stops:
            raise self.error

    def targets(self, done: int, _: int) -> None:
        if done == self.at_targets:
            raise self.error


def given(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


@dataclass
class _Organization:
    fake: FakeWorld

    def read(
        self,
        tell: Callable[[Organization], None] = no_telling,
        needs_every_unit: Callable[[str], bool] = always,
    ) -> Organization:
        """Without tags, as AWS lists it, a page for each account."""
        self.fake.asked.append("organization")
        accounts = tuple(map(self._listed, self.fake.accounts))
        for number, account in enumerate(accounts):
            given(self.fake.organization_error if number == self.fake.pages_before_error else None)
            tell(Organization("o-example", MANAGEMENT, (account,)))
        given(self.fake.organization_error)
        units = self.fake.units if needs_every_unit("o-example") else ()
        return Organization("o-example", MANAGEMENT, accounts, units)

    def read_tags(self, accounts: Sequence[Account]) -> tuple[Account, ...]:
        given(self.fake.tags_error)
        return tuple(map(self._tagged, accounts))

    def read_own_tags(self, carrier: Carrier) -> Carrier:
        self.fake.asked.append(f"tags {carrier.id}")
        given(self.fake.tags_error)
        return self._with_tags(carrier)

    def read_bulk_tags(self, organization_id: str) -> BulkTags | AwsError:
        self.fake.asked.append(f"bulk tags {organization_id}")
        return self.fake.bulk_tags

    def _listed(self, account: Account) -> Account:
        units = tuple(replace(one, tags={}, tags_error=None) for one in account.organizational_units)
        return replace(account, tags={}, tags_error=None, organizational_units=units, listed_at=self.fake.at)

    def _tagged(self, account: Account) -> Account:
        units = tuple(map(self._with_tags, account.organizational_units))
        return self._with_tags(replace(account, organizational_units=units))

    def _with_tags(self, carrier: Carrier) -> Carrier:
        there = [one for account in self.fake.accounts for one in (account, *account.organizational_units)]
        found = next(one for one in there if one.id == carrier.id)
        return replace(carrier, tags=found.tags, tags_error=found.tags_error, tags_read_at=self.fake.at)


@dataclass
class _Accounts:
    fake: FakeWorld

    @contextmanager
    def bind(self, account_id: AccountId) -> Iterator[None]:
        given(self.fake.binds.get(account_id))
        self.fake.bound.account = account_id
        try:
            yield
        finally:
            self.fake.bound.account = None

    def regions(self, _named: Sequence[Region] = ()) -> tuple[RegionStatus, ...]:
        account_id = self.fake.bound.account
        self.fake.asked.append(f"regions {account_id}")
        return given(self.fake.regions.get(account_id, open_regions()))  # type: ignore[no-any-return]  # as given

    def hub_regions(self) -> tuple[RegionStatus, ...]:
        self.fake.asked.append("hub regions")
        return given(self.fake.hub_regions)  # type: ignore[no-any-return]  # as given
