"""All wiring: the only module that knows which class implements which port."""

from __future__ import annotations

import gc
import secrets
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from orchestrator import Later
from orchestrator.aws import bulk_tags
from orchestrator.aws.clients import Clients, partition_regions, renew_bound_credentials
from orchestrator.aws.credential_errors import credentials_error
from orchestrator.aws.credentials import REGION_PERMISSIONS, MemberRole, MemberSessions
from orchestrator.aws.dynamodb_items import DynamoItems
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.hearing import Answered, Hearing
from orchestrator.aws.hub_services import ParameterAnchor, Signer, parameter_reader
from orchestrator.aws.link_keys import derive_link_key
from orchestrator.aws.organization_pace import OrganizationPace
from orchestrator.aws.organizations import OrganizationReader
from orchestrator.aws.pacing import Pacing, Rates
from orchestrator.aws.partitions import always_enabled
from orchestrator.aws.retries import Retries
from orchestrator.aws.s3_index_store import S3IndexStore
from orchestrator.aws.s3_report_store import S3ReportStore
from orchestrator.core.decide.known_names import Known
from orchestrator.core.decide.names import resolve_names
from orchestrator.core.model import (
    Action,
    ActivePolicy,
    ConsentHow,
    Mode,
    Names,
    Organization,
    Question,
    Region,
    Resource,
    ResourceKey,
)
from orchestrator.core.model.notification import Channel, ChannelKind, Listener, Occasion
from orchestrator.core.policy.loading import load_policy
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.stored_inventory import StoredKinds
from orchestrator.errors import SettingsError
from orchestrator.kinds import registry
from orchestrator.ledger.clocks import Clocks
from orchestrator.ledger.items import Items
from orchestrator.ledger.lease import Lease, Leases
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.read_only import ReadOnlyItems
from orchestrator.local.file_anchor import FileAnchor
from orchestrator.local.folder_index_store import LocalIndexStore
from orchestrator.local.folder_report_store import LocalReportStore
from orchestrator.local.kill_switch import FILE_PREFIX, file_reader
from orchestrator.local.policy_file import MOST_BYTES, as_text, is_file, read_policy_file
from orchestrator.local.processes import is_dead
from orchestrator.local.sqlite_items import SqliteItems
from orchestrator.ports import (
    Anchor,
    IndexStore,
    PriceBook,
    ReportStore,
    Runtime,
    Stores,
    Telling,
    Time,
    World,
    consent_to_nothing,
)
from orchestrator.settings import PRICE_LIST, Settings
from orchestrator.sweep.halt import LAST_GO_COUNTS_SECONDS, SPREAD_SECONDS, Halting, KillSwitch, Read
from orchestrator.sweep.names import regions_for
from orchestrator.sweep.opt_out_links import LinkFor, link_maker

if TYPE_CHECKING:
    from orchestrator.aws import hub_questions as asking
    from orchestrator.aws import policy_simulator, price_list
    from orchestrator.core.diagnosis.checks import Check
    from orchestrator.core.diagnosis.missed import DueSweep
    from orchestrator.doctor import active_policies, context, hub_checks, missed_sweeps
    from orchestrator.notify import notifier
    from orchestrator.prices import books
else:  # a sweep asks none of it, and most tell nobody and ask for no prices
    asking = Later("orchestrator.aws.hub_questions")
    active_policies = Later("orchestrator.doctor.active_policies")
    context = Later("orchestrator.doctor.context")
    hub_checks = Later("orchestrator.doctor.hub_checks")
    missed_sweeps = Later("orchestrator.doctor.missed_sweeps")
    policy_simulator = Later("orchestrator.aws.policy_simulator")
    price_list = Later("orchestrator.aws.price_list")
    books = Later("orchestrator.prices.books")
    notifier = Later("orchestrator.notify.notifier")

AWS_ERRORS = AWS_FAILURES
MEMBER_PERMISSIONS = REGION_PERMISSIONS
"""What every sweep needs in a member account, whatever kinds are loaded."""
_DOCTOR_TRIES = 5
_ACTIONS_OF: Mapping[Mode, Collection[Action]] = {
    Mode.ENFORCE: (Action.STOP,),
    Mode.APPLY: (Action.STOP,),
    Mode.UNDO: (Action.START,),
}
"""What the plans of a mode hold by a policy of which no rule starts anything; the other modes only read."""


_COLLECT_AT = (200_000, 50, 100)
"""A sweep makes millions of objects and keeps hundreds of thousands to its end: looking among those for garbage after
each 700 new ones, as Python does by itself, is 40 % of its CPU.
"""
_SWITCH_SECONDS = 0.05
"""Each thread that waits for the interpreter wakes after so long to ask for it. With 128 of them, and Python's own
0.005, that is a tenth of the CPU of acting; a thread that calls AWS gives it up by itself every millisecond.
"""
SYSTEM_TIME = Time(now=lambda: datetime.now(UTC), clock=monotonic, sleep=sleep)
"""The one seam of time: whatever is made here waits by these."""


def now() -> datetime:
    """The current time in UTC."""
    return SYSTEM_TIME.now()


def new_sweep_id(at: datetime) -> str:
    """Sortable by time, and different for two sweeps in the same second: `20261123T190000Z-7f3a9c`."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def read_policy(source: str, clients: Callable[[], Clients], *, quoted: bool = True) -> OrgPolicy:
    """The policy from a path, `s3://bucket/key` or `ssm:/name`. Raises PolicyError or SettingsError.

    Not `quoted`, an error names the lines and has nothing of the text: a caller may not be meant to read it.
    """
    return load_policy(policy_text(source, clients), source, registry.DESCRIPTIONS, quoted=quoted)


def load_policy_text(text: str, source: str, *, stored: bool = False) -> OrgPolicy:
    """The policy in a document, about every kind that there is; `source` is for messages. Raises PolicyError.

    `stored`: the text by which a sweep began, maybe under an earlier release.
    """
    return load_policy(text, source, registry.DESCRIPTIONS, stored=stored)


def policy_text(source: str, clients: Callable[[], Clients], what: str = "policy") -> str:
    """The document itself, of a policy or of what else is named in the same ways; a path needs no clients. Raises
    SettingsError.
    """
    if is_file(source):
        return read_policy_file(source, what)
    try:
        if source.startswith("s3://"):
            bucket, _, key = source.removeprefix("s3://").partition("/")
            if not bucket or not key:
                raise SettingsError(f"the {what} {source} cannot be read: in S3 it is named s3://bucket/key")
            return as_text(source, clients().s3().get_object(Bucket=bucket, Key=key)["Body"].read(MOST_BYTES + 1), what)
        name = source.removeprefix("ssm:")
        return clients().ssm().get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except OSError as failure:
        raise SettingsError(f"the {what} {source} cannot be read: {failure.strerror or failure}") from failure
    except AWS_FAILURES as failure:
        raise SettingsError(f"the {what} {source} cannot be read: {error_of(failure)}") from failure


def active_policy_text(source: str, clients: Clients) -> str:
    """The document of an active policy, where the table says that it is; raises SettingsError.

    A table has no say in which file of this machine is read.
    """
    if is_file(source):
        raise SettingsError(f"the policy {source} cannot be read: it is on the machine that activated it")
    return policy_text(source, lambda: clients)


def make_clients(settings: Settings, hear: Callable[[Answered], None] | None = None) -> Clients:
    """`hear` is told of each call in a member account, with AWS's answer.

    Raises SettingsError where the AWS_* variables make no sense (an endpoint without a scheme, no such profile).
    """
    hearing = Hearing(hear, SYSTEM_TIME.clock) if hear is not None else None
    try:
        pace = OrganizationPace(SYSTEM_TIME.clock, SYSTEM_TIME.sleep).attach if settings.pacing else None
        listings = registry.listings() if settings.light_path else None
        clients = Clients(
            settings.workers,
            pace,
            registry.member_operations(),
            settings.common_region,
            hearing,
            listings,
            registry.answers(),
        )
        clients.sts()  # every sweep needs it, and it takes the same variables as the others
    except (ValueError, *AWS_FAILURES) as failure:
        raise SettingsError(f"the AWS_* variables or the AWS profile make no sense: {failure}") from failure
    return clients


def caller(clients: Clients) -> str:
    """The ARN of whoever's credentials these are; AWS's refusal where it does not tell.

    Raises CredentialsError where there are none, before anything is begun that would fail for want of them.
    """
    try:
        return clients.sts().get_caller_identity()["Arn"]
    except AWS_FAILURES as failure:
        missing = credentials_error(failure)
        if missing is not None:
            raise missing from failure
        return f"an unknown caller: {error_of(failure)}"


def require_credentials(clients: Clients) -> None:
    """Raises CredentialsError where there are none, or where their source fails; AWS is not asked whether they hold."""
    try:
        clients.require_credentials()
    except AWS_FAILURES as failure:
        raise credentials_error(failure) or failure from failure


def read_organization(clients: Clients) -> Organization:
    """Its accounts and OUs, without tags. Raises OrganizationError."""
    return OrganizationReader(clients, SYSTEM_TIME.now).read()


def make_stores(settings: Settings, clients: Clients, process: str = "", unset_mode: Mode = Mode.ENFORCE) -> Stores:
    """S3 and DynamoDB where the settings name them, else files and SQLite in a local folder.

    `process` is this one's name where a dead process of that name can be told (not so in a Lambda: its machines are
    copies of one another). `unset_mode` is the most that it may do where the settings have no mode.
    """
    time, local = SYSTEM_TIME, settings.store
    store = (
        S3ReportStore(clients.s3(), settings.report_bucket, time.sleep)
        if settings.report_bucket
        else LocalReportStore(local)
    )
    ledger = Ledger(_items(settings, clients), time.now)
    leases = Leases(
        ledger,
        time.now,
        settings.lease_times,
        clock=time.clock,
        sleep=time.sleep,
        holder=process,
        is_dead=is_dead if process else _never_dead,
    )
    worlds = _Worlds(settings, clients, store, ledger, time)
    refuse_mode = partial(settings.refuse_mode, unset=unset_mode)
    return Stores(store, ledger, leases, worlds.build, partial(load_policy_text, stored=True), refuse_mode)


def _items(settings: Settings, clients: Clients) -> Items:
    if settings.table:
        return DynamoItems(clients.dynamodb(), settings.table, SYSTEM_TIME.sleep)
    return SqliteItems(settings.store)


def _never_dead(_process: str) -> bool:
    return False


def make_reading_stores(settings: Settings, clients: Clients) -> Stores:
    """The same for who only reads: whatever would be written to the ledger is passed over."""
    stores = make_stores(settings, clients)
    return replace(stores, ledger=Ledger(ReadOnlyItems(_items(settings, clients)), SYSTEM_TIME.now))


def make_looking_world(
    settings: Settings, clients: Clients, policy: OrgPolicy, what: str, runtime: Runtime, kinds: Collection[str] = ()
) -> World:
    """For who only looks, without a lease: its sessions may only describe, and nothing is written to the ledger.

    `kinds`: what is looked at beside those of the policy.
    """
    stores = make_reading_stores(settings, clients)
    worlds = _Worlds(settings, clients, stores.store, stores.ledger, SYSTEM_TIME)
    return worlds.build(policy, what, Mode.PLAN, runtime, NoLease(), kinds)


@dataclass(frozen=True, slots=True)
class NoLease:
    """In place of one, for who writes nothing that it would fence."""

    lost: bool = False
    wanted_by: str = ""
    generation: int = 0

    def is_held(self) -> bool:
        """Nothing may be announced."""
        return False

    def hand_over(self) -> bool:
        """No other process resumes a look."""
        return False


@dataclass(frozen=True, slots=True)
class _Worlds:
    """Makes ports.World for one sweep after the other."""

    settings: Settings
    clients: Clients
    store: ReportStore
    ledger: Ledger
    time: Time

    def build(
        self,
        policy: OrgPolicy,
        sweep_id: str,
        mode: Mode,
        runtime: Runtime,
        lease: Lease | NoLease,
        more_kinds: Collection[str] = (),
    ) -> World:
        """ports.WorldBuilder. Without a lease no kill switch is obeyed: nothing acts, and why is asked then too.

        What an apply, an undo and a resume act on is of kinds in their policy: it is the text that planned it.
        """
        gc.set_threshold(*_COLLECT_AT)
        sys.setswitchinterval(_SWITCH_SECONDS)
        settings, clients, time = self.settings, self.clients, self.time
        clocks = Clocks(time.now, time.clock)
        switches = kill_switch_names(settings, self.ledger) if isinstance(lease, Lease) else ()
        counts = _last_go_counts(policy)
        kill_switches = tuple(
            KillSwitch(
                name,
                _kill_switch_reader(name, clients),
                elapsed=clocks.elapsed,
                last_go_counts=counts,
                sleep=time.sleep,
                spread=SPREAD_SECONDS if runtime.one_of_many else 0.0,
            )
            for name in switches
        )
        halting = Halting(
            lambda: lease.lost,
            kill_switches,
            runtime.interrupted,
            runtime.out_of_time,
            time.sleep,
            wanted_by=lambda: lease.wanted_by,
        )
        retries = Retries(
            sleep=time.sleep, out_of_time=lambda: halting.halt() is not None, on_expired=renew_bound_credentials
        )
        role = _member_role(settings, sweep_id, {*policy.kinds, *more_kinds}, _actions_of(mode, policy))
        kinds = registry.make_kinds(clients, retries, clocks.now, Pacing(_rates(settings), time.clock, halting.sleep))
        return World(
            organization=OrganizationReader(
                clients, clocks.now, make_bulk_tags(settings, clients, sweep_id, retries).read
            ),
            accounts=MemberSessions(clients, role, retries),
            kinds=kinds,
            actors=kinds if mode.acts else {},
            prices=make_price_book(settings, clients, self.ledger),
            store=self.store,
            ledger=self.ledger.fenced(lease.generation, lease.is_held),
            clocks=clocks,
            calls=clients.calls,
            halt=halting.halt,
            hand_over=lambda: isinstance(lease, Lease) and runtime.hand_over(lease),
            leave=lease.hand_over,
            kill_switches=switches,
            partition_regions=partition_regions(),
            always_enabled_regions=frozenset(map(Region, always_enabled(clients.partition))),
            policy_text=partial(active_policy_text, clients=clients),
            telling=replace(
                make_telling(settings, clients, policy),
                link_for=make_link_maker(clients, policy, sweep_id, time.now(), runtime.warn),
            ),
            sign=Signer(clients, settings.signing_key).sign if settings.signing_key else None,
            anchor=make_anchor(settings, clients),
            index=make_index_store(settings, clients),
            warn=runtime.warn,
            count_undelivered=runtime.count_undelivered,
            asked_by=runtime.asked_by,
            standing=runtime.standing,
            policy_source=runtime.policy_source,
            confirm=_confirming(runtime, halting) if mode.acts else consent_to_nothing,
            progress=runtime.progress,
            interrupted=runtime.interrupted,
            let_break_in=runtime.let_break_in,
            workers=settings.workers,
            sleep=halting.sleep,
        )


def make_price_book(settings: Settings, clients: Clients, ledger: Ledger) -> PriceBook | None:
    """Where the settings say that prices are from; None: nowhere. Nothing of it is read before it is asked."""
    if not settings.prices:
        return None
    return books.make_price_book(
        settings.prices,
        lambda source: policy_text(source, lambda: clients, "price book"),
        registry.DESCRIPTIONS,
        lambda: price_list.asking_price_list(clients),
        ledger,
    )


def check_prices(settings: Settings, clients: Callable[[], Clients]) -> None:
    """Raises PricesError with every mistake in the files of prices, and where one cannot be read."""
    for source in settings.prices:
        if source != PRICE_LIST:
            books.read_book(source, lambda source: policy_text(source, clients, "price book"), registry.DESCRIPTIONS)


def make_bulk_tags(settings: Settings, clients: Clients, sweep_id: str, retries: Retries) -> bulk_tags.BulkTagsReader:
    """Its sessions in the management account may list tags and nothing else."""
    if settings.management_role is None:
        return bulk_tags.BulkTagsReader(clients, None, retries)
    name = settings.management_role.lstrip("/")
    role = MemberRole(name, settings.external_id, sweep_id, bulk_tags.PERMISSIONS)
    return bulk_tags.BulkTagsReader(clients, MemberSessions(clients, role, retries), retries)


def _rates(settings: Settings) -> Rates:
    return registry.rates() if settings.pacing else {}


def _confirming(runtime: Runtime, halting: Halting) -> Callable[[Question], ConsentHow | None]:
    """What was read of the kill switches before consent was given is old by then."""

    def confirm(question: Question) -> ConsentHow | None:
        how = runtime.confirm(question)
        halting.consent_was_given()
        return how

    return confirm


def _actions_of(mode: Mode, policy: OrgPolicy) -> Collection[Action]:
    """Where rules start something, a sweep may do both, and so may its undo."""
    actions = _ACTIONS_OF.get(mode, ())
    return (Action.STOP, Action.START) if actions and policy.starting_kinds else actions


def _member_role(settings: Settings, sweep_id: str, kinds: Collection[str], actions: Collection[Action]) -> MemberRole:
    """Its sessions may describe what is of these kinds, and carry out these actions on it: one that only stops starts
    nothing, and the reverse, but for kinds of which both are one call.
    """
    allowed = registry.session_permissions(kinds, actions)
    return MemberRole(settings.member_role, settings.external_id, sweep_id, allowed)


def make_link_maker(
    clients: Clients, policy: OrgPolicy, sweep_id: str, began_at: datetime, warn: Callable[[str], None]
) -> LinkFor | None:
    """What makes the opt-out links of a sweep for its messages; None where its policy has none. KMS is asked once, for
    the first link; `warn` is told where it refuses.
    """
    return link_maker(policy, sweep_id, began_at, partial(derive_link_key, clients), warn)


def make_opt_out_service(environment: Mapping[str, str]) -> tuple[Items, Callable[[str], bytes]]:
    """What the function behind opt-out links works with: the table, and the signing key of a sweep by its id.

    Raises SettingsError.
    """
    settings = Settings.from_env(environment, ("table", "link_key"))
    clients = make_clients(settings)
    items = DynamoItems(clients.dynamodb(), settings.table or "", SYSTEM_TIME.sleep)
    return items, partial(derive_link_key, clients, settings.link_key or "")


def signature_check(settings: Settings, clients: Clients) -> Callable[[bytes, bytes], bool] | None:
    """Whether a manifest was signed like that, where the settings name a key."""
    key = settings.signing_key
    return Signer(clients, key).check if key else None


def make_index_store(settings: Settings, clients: Clients) -> IndexStore:
    """Where the page over all sweeps is: beside the reports."""
    if settings.report_bucket:
        return S3IndexStore(clients.s3(), settings.report_bucket)
    return LocalIndexStore(settings.store)


def make_anchor(settings: Settings, clients: Clients) -> Anchor | None:
    """Where the newest manifest is named outside of store and ledger, where the settings name such a place."""
    name = settings.anchor
    if name is None:
        return None
    if name.startswith(FILE_PREFIX):
        return FileAnchor(Path(name.removeprefix(FILE_PREFIX)))
    return ParameterAnchor(clients, name)


def make_telling(settings: Settings, clients: Clients, policy: OrgPolicy) -> Telling:
    """Who is told of the policy's sweeps. Where it names no channel, the hub's topic hears of plans that wait for
    approval; without one the report and `history` say what does.
    """
    notifications = policy.notify
    if not notifications.listeners and settings.topic:
        heard = Listener(Channel(ChannelKind.SNS, settings.topic), frozenset({Occasion.APPROVAL}))
        notifications = notifications._replace(listeners=(heard,))
    if not notifications.channels:
        return Telling(zone=policy.timezone)
    made = notifier.Notifier(clients, SYSTEM_TIME.clock)
    return Telling(notifications=notifications, zone=policy.timezone, deliver=made.deliver)


def kill_switch_names(settings: Settings, ledger: Ledger) -> tuple[str, ...]:
    """Every kill switch that a sweep obeys: the settings', and that of the table that is used. Raises LedgerError."""
    named = (settings.kill_switch, ledger.kill_switch() if settings.table else "")
    return tuple(dict.fromkeys(name for name in named if name))


def _kill_switch_reader(name: str, clients: Clients) -> Read:
    if name.startswith(FILE_PREFIX):
        return file_reader(Path(name.removeprefix(FILE_PREFIX)))
    return parameter_reader(clients, name)


def _last_go_counts(policy: OrgPolicy) -> float:
    return 0.0 if policy.kill_switch.unreadable == "stop" else LAST_GO_COUNTS_SECONDS


def make_doctor_context(
    settings: Settings,
    clients: Clients,
    policy: OrgPolicy,
    progress: context.Progress,
    out_of_time: Callable[[], bool] = lambda: False,
) -> context.DoctorContext:
    """Everything the doctor asks. Its sessions may do all that the role allows: it asks what that is, by dry runs."""
    retries = Retries(
        attempts=_DOCTOR_TRIES, sleep=SYSTEM_TIME.sleep, out_of_time=out_of_time, on_expired=renew_bound_credentials
    )
    return context.DoctorContext(
        hub=asking.HubQuestions(clients),
        organization=OrganizationReader(
            clients, SYSTEM_TIME.now, make_bulk_tags(settings, clients, "doctor", retries).read
        ),
        accounts=MemberSessions(clients, MemberRole(settings.member_role, settings.external_id, "doctor"), retries),
        kinds=registry.make_permissions(clients, retries, policy.kinds),
        services=tuple(_services(settings, clients, policy)),
        stack_set=settings.stack_set,
        progress=progress,
        simulator=policy_simulator.PolicySimulator(clients, retries, settings.member_role),
        acts=settings.mode is not Mode.PLAN,
        workers=settings.workers,
        partition_regions=partition_regions(),
        out_of_time=out_of_time,
        earlier_listings=make_stores(settings, clients).ledger.earlier_listings,
    )


def make_look(settings: Settings, clients: Clients, kind: str) -> Callable[[ResourceKey], Resource | None]:
    """Looks at one resource of that kind as it is now. Its sessions may only describe. Raises TargetUnreadableError."""
    retries = Retries(attempts=_DOCTOR_TRIES, sleep=SYSTEM_TIME.sleep, on_expired=renew_bound_credentials)
    accounts = MemberSessions(clients, _member_role(settings, "doctor", (kind,), ()), retries)
    pacing = Pacing(_rates(settings), SYSTEM_TIME.clock, SYSTEM_TIME.sleep)
    kinds = registry.make_kinds(clients, retries, SYSTEM_TIME.now, pacing)

    def look(key: ResourceKey) -> Resource | None:
        with accounts.bind(key.account_id):
            return kinds[key.kind].look(key.target, [key.resource_id]).get(key.resource_id)

    return look


def resolve_names_now(settings: Settings, clients: Clients, policy: OrgPolicy) -> Names:
    """The verdict on the policy's names as of now; nothing else is read, and nothing is written.

    Raises OrganizationError and LedgerError.
    """
    organization = OrganizationReader(clients, SYSTEM_TIME.now).read()
    retries = Retries(sleep=SYSTEM_TIME.sleep)
    accounts = MemberSessions(clients, MemberRole(settings.member_role, settings.external_id, "validate"), retries)
    regions = regions_for(policy, partition_regions(), accounts.hub_regions)
    before = make_stores(settings, clients).ledger.earlier_listings(organization.id)
    return resolve_names(policy, Known(organization, regions, before))


def stored_kinds() -> StoredKinds:
    """What it takes of the kinds to read a stored report's rows."""
    return StoredKinds({one.name: one for one in registry.DESCRIPTIONS}, registry.obstacle_of)


def read_active_policies(settings: Settings, clients: Clients) -> tuple[tuple[OrgPolicy, ActivePolicy | None], ...]:
    """Those that the hub sweeps by. Raises SettingsError, PolicyError and LedgerError where one cannot be read."""
    ledger = make_stores(settings, clients).ledger
    read = partial(read_policy, clients=lambda: clients, quoted=False)
    return tuple(active_policies.active_policies(ledger, read, settings.policy or ""))


def look_for_missed_sweeps(
    settings: Settings, clients: Clients, deployed_at: datetime | None = None
) -> tuple[DueSweep, ...]:
    """Every scheduled sweep of the active policies: when it was last due, and what ran of it since.

    `deployed_at`: since when the hub's mode and schedules are as they are, where that is known.
    Raises SettingsError, PolicyError and LedgerError: what cannot be read says nothing of the sweeps.
    """
    ledger, policies = make_stores(settings, clients).ledger, read_active_policies(settings, clients)
    limit = settings.mode or Mode.ENFORCE
    return missed_sweeps.look_for_missed(ledger, policies, settings.default_sweeps, limit, now(), deployed_at)


def _services(settings: Settings, clients: Clients, policy: OrgPolicy) -> Iterator[Callable[[], Check]]:
    if settings.report_bucket:
        yield asking.bucket_check(clients, settings.report_bucket)
    if settings.table:
        yield asking.table_check(clients, settings.table)
    if not (settings.report_bucket and settings.table):
        yield hub_checks.local_folder_check(str(settings.store))
    ledger = make_stores(settings, clients).ledger
    yield hub_checks.kill_switch_check(
        lambda: kill_switch_names(settings, ledger), lambda name: _kill_switch_reader(name, clients), SYSTEM_TIME.sleep
    )
    anchor = make_anchor(settings, clients)
    if anchor is not None:
        yield hub_checks.anchor_check(anchor, ledger)
    links = policy.opt_out.links
    if links is not None:
        yield hub_checks.opt_out_links_check(
            ledger.linked_opt_outs, lambda: derive_link_key(clients, links.key, "doctor")
        )
    if settings.table:
        yield hub_checks.sweeps_check(lambda: look_for_missed_sweeps(settings, clients))
        yield hub_checks.other_policies_check(ledger, policy.name, partial(active_policy_text, clients=clients))
    for topic in dict.fromkeys(filter(None, (settings.topic, *policy.notify.topics))):
        yield asking.topic_check(clients, topic)
