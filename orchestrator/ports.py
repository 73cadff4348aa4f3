"""What the sweep needs from the world, as protocols; `aws` and the tests provide them, `app` wires them together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar, runtime_checkable
from zoneinfo import ZoneInfo

from orchestrator.core.model import (
    Account,
    AccountId,
    Action,
    ActionCounts,
    AwsError,
    ConsentHow,
    Halt,
    Mode,
    Organization,
    OrganizationalUnit,
    Outcome,
    Question,
    Region,
    Resource,
    ResourceKey,
    Target,
)
from orchestrator.core.model.bulk_tags import BulkTags
from orchestrator.core.model.kind import KindDescription
from orchestrator.core.model.measured import Measured
from orchestrator.core.model.metric import MetricSpan
from orchestrator.core.model.notification import TOLD_NOBODY, Notifications
from orchestrator.core.model.price import Billed, PriceKey, UnitPrice
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.messages.parcel import Parcel
from orchestrator.core.report.stored_files import Entry
from orchestrator.errors import SettingsError
from orchestrator.ledger.clocks import Clocks
from orchestrator.ledger.lease import Lease, Leases
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import SweepSummary

Carrier = TypeVar("Carrier", Account, OrganizationalUnit)
"""What has tags in AWS Organizations."""


class TargetUnreadableError(Exception):
    """Raised by a port when AWS refuses one account or target; the sweep turns it into coverage."""

    def __init__(self, error: AwsError, operation: str = "") -> None:
        self.error = error
        self.operation = operation
        super().__init__(f"{operation}: {error}" if operation else str(error))


class NotOfferedError(TargetUnreadableError):
    """Raised by a kind where AWS does not offer its service in the region: there is nothing of it to be read."""


class LookRefusedError(TargetUnreadableError):
    """Raised by a look that AWS refused for some: `refused` says for which and why. Nothing is known of those.

    `seen` has the others that AWS knows. Who does not ask for it takes all of them for unreadable.
    """

    def __init__(
        self, error: AwsError, operation: str, seen: Mapping[str, Resource], refused: Mapping[str, AwsError]
    ) -> None:
        super().__init__(error, operation)
        self.seen = seen
        self.refused = refused


class KillSwitchUnreadableError(Exception):
    """The kill switch cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Time:
    """The clocks of a process, and how it waits. Everything that waits is given these by the wiring."""

    now: Callable[[], datetime]
    """With a time zone."""
    clock: Callable[[], float]
    """Monotonic, in seconds."""
    sleep: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class RegionStatus:
    """One region as an account sees it; `detail` is AWS's word for why it is not enabled."""

    region: Region
    enabled: bool
    detail: str = ""


def no_telling(_: object) -> None:
    """For a caller that waits for all of it."""


def always(_: object) -> bool:
    """For a caller that may need it."""
    return True


class OrganizationPort(Protocol):
    """The organization as AWS lists it."""

    def read(
        self,
        tell: Callable[[Organization], None] = no_telling,
        needs_every_unit: Callable[[str], bool] = always,
    ) -> Organization:
        """Every account with its OU path and state, without tags. Raises OrganizationError when it cannot be listed.

        `tell` is told of accounts while others are listed, of each at most once, maybe of none: what all of it says in
        the end counts. It may raise, which ends the listing. Only where `needs_every_unit`, by the organization's id,
        the OUs without accounts are there too.
        """
        ...

    def read_tags(self, accounts: Sequence[Account]) -> tuple[Account, ...]:
        """The same accounts with their own and their OUs' tags; what cannot be read is in `tags_error`.

        The tags of an OU are read once for all accounts since the last `read`.
        """
        ...

    def read_own_tags(self, carrier: Carrier) -> Carrier:
        """The same account or OU with its own tags as of now; in `tags_error`, why they cannot be read. Thread-safe."""
        ...

    def read_bulk_tags(self, organization_id: str) -> BulkTags | AwsError:
        """The tags of all accounts and OUs in one listing that proved to be of this organization; else why there is
        none, and tags are read one by one. Thread-safe.
        """
        ...


class AccountsPort(Protocol):
    """Access to member accounts."""

    def bind(self, account_id: AccountId) -> AbstractContextManager[None]:
        """Binds the running task to one account: every member call inside it carries that account's credentials.

        Raises TargetUnreadableError when the member role cannot be assumed.
        """
        ...

    def regions(self, named: Sequence[Region] = ()) -> tuple[RegionStatus, ...]:
        """The regions of the bound account, as it lists them in the hub's region, or, where that refuses, in the first
        of the `named` ones that does not. Raises TargetUnreadableError with the first refusal.
        """
        ...

    def hub_regions(self) -> tuple[RegionStatus, ...]:
        """The regions of the hub account itself. Raises TargetUnreadableError."""
        ...


NOT_HANDED_OUT = "no more work was handed out before it was its turn"
"""A kind's message for what a guard did not let it act on; the guard knows why."""


class BatchGuard(Protocol):
    """What a kind asks around each batch of one target, so that nothing happens that the ledger does not know of."""

    def admit(self, resources: Sequence[Resource]) -> tuple[Resource, ...]:
        """Those of a batch that may be acted on now, as they were seen a moment ago; their intents are in the ledger.

        The others get no outcome.
        """
        ...

    def is_anothers(self, resource: Resource) -> bool:
        """Whether another delivery of the same work took an admitted resource over: then what happened to it, and its
        marks, are this sweep's.
        """
        ...

    def asked_before(self, resource: Resource) -> datetime | None:
        """When a process before this one announced it, of which is unknown whether it called.

        Where such a resource is found where it was wanted, that may be this sweep's doing.
        """
        ...

    def may_call(self) -> bool:
        """Asked right before each call that stops or starts; False: no more such calls, what is left is left."""
        ...

    def may_unmark(self) -> bool:
        """Whether the marks of what was not stopped after all are this process's to delete.

        Not so once another process has the sweep: it may have stopped the same by the same marks.
        """
        ...

    def record_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """What came of a batch: as far as AWS's answer says, or as it was seen right after; told once for each."""
        ...


class Kind(Protocol):
    """One kind of resource. Its methods run inside `AccountsPort.bind`, in a thread of their own."""

    @property
    def description(self) -> KindDescription: ...

    def read(self, target: Target, *, with_stopped: bool = False) -> tuple[Resource, ...]:
        """Every resource of the target that is running, starting or stopping; with those that are down where asked for.

        Raises TargetUnreadableError: all or nothing.
        """
        ...

    def look(self, target: Target, resource_ids: Sequence[str]) -> Mapping[str, Resource]:
        """These resources as they are now, in whatever state; what AWS does not know any more is missing.

        Raises TargetUnreadableError, and LookRefusedError where only some cannot be looked at.
        """
        ...

    def recover_intents(
        self,
        target: Target,
        intents: Sequence[tuple[Resource, Action, datetime]],
        sweep_id: str,
        marked_after: Collection[ResourceKey] = (),
    ) -> tuple[Outcome, ...]:
        """For intents of a process that died: looks at each, changes no state, and marks what that process stopped.

        `marked_after`: those of a release that marked what it had stopped only afterwards.

        One outcome for each that is where the action wanted it, or that cannot be looked at (unknown); none for those
        on which the call never had an effect.
        """
        ...

    def see_starts(self, target: Target, starts: Sequence[Outcome]) -> tuple[Outcome, ...]:
        """Looks once at starts that AWS accepted: what was seen to come of each by now, in the same order.

        What runs is started, and loses its marks; what fell back failed, with AWS's reason, and keeps them. Starts
        nothing. Raises TargetUnreadableError.
        """
        ...


class Actor(Protocol):
    """What stops and starts resources of one kind. Runs inside `AccountsPort.bind`, in a thread of its own."""

    def act(
        self, target: Target, actions: Sequence[tuple[Resource, Action]], sweep_id: str, guard: BatchGuard
    ) -> tuple[Outcome, ...]:
        """Stops or starts resources of one target, in batches that the guard admits.

        Says what was seen to come of each that was admitted, exactly one outcome for each.
        """
        ...


class ActingKind(Kind, Actor, Protocol):
    """A kind whole, as the registry makes it."""


@runtime_checkable
class TargetHealth(Protocol):
    """An optional capability of a kind: it knows which of its resources a load balancer misses."""

    def failed_health(self, target: Target, resource_ids: Sequence[str]) -> frozenset[str]:
        """Those that a load balancer misses. Raises TargetUnreadableError."""
        ...


@runtime_checkable
class TargetMetrics(Protocol):
    """An optional capability of a kind: CloudWatch measures its resources."""

    def measure(
        self, target: Target, wanted: Sequence[tuple[Resource, Collection[MetricSpan]]]
    ) -> Mapping[str, Measured]:
        """What CloudWatch has of these resources, by id, over the spans that end now.

        Raises TargetUnreadableError: all or nothing.
        """
        ...


@runtime_checkable
class TargetBilling(Protocol):
    """An optional capability of a kind: it knows what AWS bills of its resources."""

    def billed(self, target: Target, resources: Sequence[Resource]) -> Mapping[str, Billed]:
        """Of each of them, by id: what it costs by the hour, and what of that goes on while it is stopped.

        What cannot be read is said in it. Asked only where prices were asked for.
        """
        ...


class PriceBook(Protocol):
    """Where prices are from: the operator's file, AWS's price list, or one after the other."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    def prices(self, keys: Collection[PriceKey]) -> Mapping[PriceKey, UnitPrice | str]:
        """Of each key its price, or why that is not known. Asked once for all that a sweep needs; raises PricesError
        where none can be told of.
        """
        ...


class ReportStore(Protocol):
    """The files of each sweep. A file is written once: it is evidence."""

    def check(self, sweep_id: str) -> None:
        """Proves, before anything is read or stopped, that files of a new sweep can be written.

        Raises ReportStoreError, also when the sweep id has files already.
        """
        ...

    def put(self, sweep_id: str, name: str, content: bytes) -> None:
        """Writes a file. One with the same content may be there already; raises ReportStoreError for any other."""
        ...

    def put_chunks(self, sweep_id: str, name: str, chunks: Iterable[bytes]) -> None:
        """The same for a file of any size, piece by piece; it is there as a whole, or not at all.

        `chunks` gives its pieces from the beginning each time that it is iterated.
        """
        ...

    def find(self, sweep_id: str, name: str) -> bytes | None:
        """One file, None when there is none. Raises ReportStoreError when the store does not tell."""
        ...

    def find_chunks(self, sweep_id: str, name: str) -> Iterator[bytes] | None:
        """The same for a file of any size, piece by piece. Raises ReportStoreError also while it is read."""
        ...

    def read(self, sweep_id: str, name: str) -> bytes:
        """One file. Raises ReportStoreError that says what there is instead."""
        ...

    def list_files(self, sweep_id: str | None = None) -> Mapping[str, Entry]:
        """All that is stored by its key (`sweeps/...`), or one sweep's files; an empty folder ends in `/`.

        Raises ReportStoreError when they cannot be listed.
        """
        ...

    def location(self, sweep_id: str, name: str) -> str:
        """Where a person finds the file: a path, or `s3://bucket/key`."""
        ...


class IndexStore(Protocol):
    """The files of the index page, beside the sweeps: no evidence, so each is written in place of the one before."""

    @property
    def name(self) -> str:
        """Of the place, for messages."""
        ...

    def find(self, name: str) -> bytes | None:
        """None where there is no such file. Raises ReportStoreError."""
        ...

    def put(self, name: str, content: bytes) -> None:
        """As a whole or not at all. Raises ReportStoreError."""
        ...


class Anchor(Protocol):
    """Where the newest manifest is named outside of store and ledger, so that a chain that was cut short shows."""

    @property
    def name(self) -> str:
        """Of the place, for messages."""
        ...

    def read(self) -> str | None:
        """None where nothing was written yet. Raises AnchorError."""
        ...

    def write(self, text: str) -> None:
        """In place of what is there. Raises AnchorError."""
        ...


class Progress(Protocol):
    """Hears how far a sweep is. Called from the coordinating thread only."""

    def phase(self, text: str) -> None: ...

    def targets(self, done: int, total: int) -> None: ...

    def actions(self, done: ActionCounts, total: ActionCounts) -> None: ...


class NoProgress:
    """A Progress that does nothing."""

    def phase(self, text: str) -> None: ...

    def targets(self, done: int, total: int) -> None: ...

    def actions(self, done: ActionCounts, total: ActionCounts) -> None: ...


def consent_to_nothing(_: Question) -> ConsentHow | None:
    """For a process that may not act."""
    return None


def no_policy_text(source: str) -> str:
    """For a process that has no other policies."""
    raise SettingsError(f"the policy {source} cannot be read: this process reads none")


def deliver_nothing(_parcels: Sequence[Parcel], _told: Callable[[Parcel], None]) -> Mapping[str, str]:
    """For a process that tells nobody."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Who is told of sweeps by a policy, and how."""

    notifications: Notifications = TOLD_NOBODY
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """The policy's, for people."""
    deliver: Callable[[Sequence[Parcel], Callable[[Parcel], None]], Mapping[str, str]] = deliver_nothing
    """Delivers these side by side, in 5 s at most, and raises nothing: why one was not delivered, by its key. What it
    is given hears of each that was, at once.
    """
    link_for: Callable[[Mapping[str, Any]], str | None] | None = None
    """The address where the owner of a decision's resource may keep it; None: there are no such links."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asked for a sweep, and how a sweep and they hear of one another."""

    asked_by: str = ""
    """As AWS and this machine know them."""
    policy_source: str = ""
    """Where they had the policy from."""
    standing: bool = False
    """Without a person: only the active version of a policy is consent."""
    confirm: Callable[[Question], ConsentHow | None] = consent_to_nothing
    """Asked once, in a mode that acts, after the guardrails and before the first action: how consent was given; None
    where it was not.
    """
    progress: Progress = field(default_factory=NoProgress)
    warn: Callable[[str], None] = lambda _text: None
    """Tells them, or the log, what went wrong and costs no sweep."""
    interrupted: Callable[[], bool] = lambda: False
    """Whether a person, or the system, told this process to end."""
    count_undelivered: Callable[[str, str, int], None] = lambda _policy, _mode, _count: None
    """Hears, for a metric, how many messages of a sweep by that policy and mode were not delivered; of 0 too."""
    let_break_in: Callable[[bool], None] = lambda _may: None
    """Whether, from now on, a further signal may end by KeyboardInterrupt what this process is waiting for."""


@dataclass(frozen=True, slots=True)
class World(Caller):
    """Everything outside of the process that one sweep touches."""

    organization: OrganizationPort
    accounts: AccountsPort
    kinds: Mapping[str, Kind]
    store: ReportStore
    clocks: Clocks
    ledger: Ledger
    calls: Callable[[], Mapping[str, int]]
    """API calls made so far, by `service:Operation`."""
    halt: Callable[[], Halt | None] = lambda: None
    """Set from the moment on that no new work may be handed out. Asked from every thread."""
    hand_over: Callable[[], bool] = lambda: False
    """Called when the time is up: True when a fresh process resumes this sweep."""
    leave: Callable[[], bool] = lambda: False
    """Called when nothing more may be done for now: True when any later process may resume this sweep."""
    kill_switches: tuple[str, ...] = ()
    """The names of those that `halt` obeys."""
    partition_regions: frozenset[Region] = frozenset()
    """Every region that is known without asking AWS, of whatever partition."""
    always_enabled_regions: frozenset[Region] = frozenset()
    """Those that no account can disable: AWS need not be asked whether one has them."""
    policy_text: Callable[[str], str] = no_policy_text
    """The text at the source of another active policy. Raises SettingsError."""
    telling: Telling = field(default_factory=Telling)
    """Who is told of the sweep, and how."""
    sign: Callable[[bytes], bytes] | None = None
    """The signature of a manifest, where there is a key."""
    anchor: Anchor | None = None
    """Where the newest manifest is named, outside of store and ledger."""
    index: IndexStore | None = None
    """Where the page over all sweeps is; None: none is made."""
    prices: PriceBook | None = None
    """Where prices are from, where they were asked for: without, nothing is said of money."""
    actors: Mapping[str, Actor] = field(default_factory=dict)
    """What can act, by kind; none in a process whose mode does not act."""
    workers: int = 128
    sleep: Callable[[float], None] = lambda _seconds: None
    """Waits so many seconds, or until there is a halt."""

    def now(self) -> datetime:
        """The time of day."""
        return self.clocks.now()

    def kind(self, name: str) -> Kind:
        """Raises TargetUnreadableError for one of another release, which a plan or a record may be about."""
        if name not in self.kinds:
            raise TargetUnreadableError(AwsError("UnknownKind", f"this release does not know the kind {name}"))
        return self.kinds[name]

    def actor(self, name: str) -> Actor:
        """Raises TargetUnreadableError where this process may not act."""
        if name not in self.actors:
            text = f"this process only plans: nothing in it can act on the kind {name}"
            raise TargetUnreadableError(AwsError("MayNotAct", text))
        return self.actors[name]


@dataclass(frozen=True, slots=True)
class Runtime(Caller):
    """What differs between a Lambda and a terminal."""

    out_of_time: Callable[[], bool] = lambda: False
    hand_over: Callable[[Lease], bool] = lambda _lease: False
    policy_of_today: Callable[[SweepSummary], OrgPolicy | None] = lambda _begun: None
    """The text that the policy of an earlier sweep has now; None where that is not known. Raises SettingsError that
    says what to do, and PolicyError.
    """
    one_of_many: bool = False
    """Others begin at the same moment, and ask the same things of the hub's account."""
    triggered_at: datetime | None = None
    """When this process was asked to sweep: one that ends after it was the same trigger's."""


class WorldBuilder(Protocol):
    """How a sweep gets its world; the wiring implements it."""

    def __call__(self, policy: OrgPolicy, sweep_id: str, mode: Mode, runtime: Runtime, lease: Lease) -> World:
        """Everything that one sweep touches; its sessions cannot stop anything unless the mode acts."""
        ...


@dataclass(frozen=True, slots=True)
class Stores:
    """Where sweeps are remembered (their files, the ledger, the leases in it), and how a sweep gets its world."""

    store: ReportStore
    ledger: Ledger
    leases: Leases
    build_world: WorldBuilder
    load_policy: Callable[[str, str], OrgPolicy]
    """The policy in a text, which came from that source. Raises PolicyError."""
    refuse_mode: Callable[[Mode], None]
    """Raises SettingsError for a mode that is beyond what the settings let this process do."""
