"""All wiring: the one file that knows which class stands behind which port."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from orchestrator.aws import hub_questions as asking
from orchestrator.aws import organizations
from orchestrator.aws.clients import Clients, renew_bound_credentials
from orchestrator.aws.credentials import REGION_PERMISSIONS, MemberRole, MemberSessions
from orchestrator.aws.dynamodb_items import DynamoItems
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.hub_services import Signer, parameter_reader, publisher
from orchestrator.aws.organizations import OrganizationReader
from orchestrator.aws.pacing import EC2_RATES, Pacing
from orchestrator.aws.retries import Retries
from orchestrator.aws.s3_report_store import S3ReportStore
from orchestrator.core.diagnosis.checks import Check
from orchestrator.core.model import Mode
from orchestrator.core.policy.loading import load_policy
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.doctor import hub_checks
from orchestrator.doctor.context import DoctorContext
from orchestrator.doctor.context import Progress as DoctorProgress
from orchestrator.errors import SettingsError
from orchestrator.kinds.ec2.kind import Ec2Instances
from orchestrator.kinds.ec2.permissions import Ec2Permissions
from orchestrator.ledger.lease import Lease, Leases
from orchestrator.ledger.ledger import Ledger
from orchestrator.local.folder_report_store import LocalReportStore
from orchestrator.local.kill_switch import FILE_PREFIX, file_reader
from orchestrator.local.processes import is_dead
from orchestrator.local.sqlite_items import SqliteItems
from orchestrator.ports import Kind, ReportStore, Runtime, Stores, World
from orchestrator.settings import Settings
from orchestrator.sweep.halt import Halting, KillSwitch

AWS_ERRORS = AWS_FAILURES
MEMBER_PERMISSIONS = REGION_PERMISSIONS
"""What every sweep needs in a member account, whatever kinds are loaded."""
_DOCTOR_TRIES = 5


def now() -> datetime:
    return datetime.now(UTC)


def new_sweep_id(at: datetime) -> str:
    """Sortable by time, and different for two sweeps in the same second: `20261123T190000Z-7f3a9c`."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def read_policy(source: str, clients: Callable[[], Clients]) -> OrgPolicy:
    """The policy from a path, `s3://bucket/key` or `ssm:/name`. Raises PolicyError or SettingsError."""
    return load_policy(policy_text(source, clients), source)


def policy_text(source: str, clients: Callable[[], Clients]) -> str:
    """The document itself; a path needs no clients. Raises SettingsError."""
    try:
        if source.startswith("s3://"):
            bucket, _, key = source.removeprefix("s3://").partition("/")
            if not bucket or not key:
                raise SettingsError(f"the policy {source} cannot be read: in S3 it is named s3://bucket/key")
            return clients().s3().get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        if source.startswith("ssm:"):
            name = source.removeprefix("ssm:")
            return clients().ssm().get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        return Path(source).read_bytes().decode()  # the very bytes: the report has their SHA-256
    except UnicodeDecodeError as binary:
        raise SettingsError(f"the policy {source} cannot be read: it is no UTF-8 text ({binary.reason})") from binary
    except OSError as failure:
        raise SettingsError(f"the policy {source} cannot be read: {failure.strerror or failure}") from failure
    except AWS_FAILURES as failure:
        raise SettingsError(f"the policy {source} cannot be read: {error_of(failure)}") from failure


def make_clients(settings: Settings) -> Clients:
    """Raises SettingsError where the AWS_* variables make no sense (an endpoint without a scheme, no such profile)."""
    pacing = Pacing(organizations.RATES)
    try:
        clients = Clients(max_connections=settings.workers, pace_organizations=organizations.pace(pacing))
        clients.sts()  # every sweep needs it, and it takes the same variables as the others
    except (ValueError, *AWS_FAILURES) as failure:
        raise SettingsError(f"the AWS_* variables or the AWS profile make no sense: {failure}") from failure
    return clients


def make_stores(settings: Settings, clients: Clients, process: str = "") -> Stores:
    """S3 and DynamoDB where the settings name them, else files and SQLite in a local folder.

    `process` is this one's name where a dead process of that name can be told (not so in a Lambda: its machines are
    copies of one another).
    """
    local = settings.store
    store = S3ReportStore(clients.s3(), settings.report_bucket) if settings.report_bucket else LocalReportStore(local)
    items = DynamoItems(clients.dynamodb(), settings.table) if settings.table else SqliteItems(local)
    ledger = Ledger(items, now)
    leases = Leases(ledger, now, settings.lease_times, holder=process, is_dead=is_dead if process else _nobody_knows)
    return Stores(store, ledger, leases, partial(_build_world, settings, clients, store, ledger))


def _nobody_knows(_process: str) -> bool:
    return False


def _build_world(  # noqa: PLR0913, PLR0917 - the first four are bound when the stores are made
    settings: Settings,
    clients: Clients,
    store: ReportStore,
    ledger: Ledger,
    policy: OrgPolicy,
    sweep_id: str,
    mode: Mode,
    runtime: Runtime,
    lease: Lease,
) -> World:
    """ports.WorldBuilder."""
    kill_switch = _kill_switch(settings, clients, policy)
    halting = Halting(lambda: lease.lost, kill_switch, runtime.interrupted, runtime.out_of_time)
    retries = Retries(out_of_time=lambda: halting.halt() is not None, on_expired=renew_bound_credentials)
    loaded = kinds(clients, retries, now, Pacing(EC2_RATES, sleep=halting.sleep))
    role = MemberRole(
        name=settings.member_role,
        external_id=settings.external_id,
        source_identity=sweep_id,
        session_policy_actions=None if mode.acts else _read_permissions(loaded),
    )
    return World(
        organization=OrganizationReader(clients),
        accounts=MemberSessions(clients, role, retries),
        kinds={kind.name: kind for kind in loaded},
        store=store,
        ledger=ledger,
        now=now,
        calls=clients.calls,
        halt=halting.halt,
        hand_over=lambda: runtime.hand_over(lease),
        notify=publisher(clients, settings.topic) if settings.topic else _nobody,
        sign=Signer(clients, settings.signing_key).sign if settings.signing_key else None,
        confirm=runtime.confirm,
        progress=runtime.progress,
        workers=settings.workers,
    )


def kinds(clients: Clients, retries: Retries, clock: Callable[[], datetime], pacing: Pacing) -> tuple[Kind, ...]:
    """Every kind of resource that is loaded; the member role's template grants what they declare."""
    return (Ec2Instances(clients, retries, clock, pacing.for_service("ec2")),)


def signature_check(settings: Settings, clients: Clients) -> Callable[[bytes, bytes], bool] | None:
    """Whether a manifest was signed like that, where the settings name a key."""
    key = settings.signing_key
    return Signer(clients, key).check if key else None


def _nobody(_subject: str, _text: str) -> None:
    """Without a topic the report and `history` say what waits for approval."""


def _kill_switch(settings: Settings, clients: Clients, policy: OrgPolicy) -> KillSwitch | None:
    read = _kill_switch_reader(settings, clients)
    return KillSwitch(read, unreadable_stops=_unreadable_stops(policy)) if read else None


def _kill_switch_reader(settings: Settings, clients: Clients) -> Callable[[], str] | None:
    where = settings.kill_switch
    if where is None:
        return None
    if where.startswith(FILE_PREFIX):
        return file_reader(Path(where.removeprefix(FILE_PREFIX)))
    return parameter_reader(clients, where)


def _unreadable_stops(policy: OrgPolicy) -> bool:
    return policy.kill_switch.unreadable == "stop"


def _read_permissions(loaded: tuple[Kind, ...]) -> frozenset[str]:
    return frozenset().union(*(kind.read_permissions for kind in loaded))


def make_doctor_context(
    settings: Settings, clients: Clients, policy: OrgPolicy, progress: DoctorProgress
) -> DoctorContext:
    """Everything the doctor asks. Its sessions may do all that the role allows: it asks what that is, by dry runs."""
    retries = Retries(attempts=_DOCTOR_TRIES, on_expired=renew_bound_credentials)
    ec2 = Ec2Instances.read_permissions | Ec2Instances.act_permissions
    return DoctorContext(
        hub=asking.HubQuestions(clients),
        organization=OrganizationReader(clients),
        accounts=MemberSessions(clients, MemberRole(settings.member_role, settings.external_id, "doctor"), retries),
        kinds=(Ec2Permissions(clients, retries, ec2),),
        services=tuple(_services(settings, clients, policy)),
        stack_set=settings.stack_set,
        progress=progress,
        workers=settings.workers,
    )


def _services(settings: Settings, clients: Clients, policy: OrgPolicy) -> Iterator[Callable[[], Check]]:
    if settings.report_bucket:
        yield asking.bucket_check(clients, settings.report_bucket)
    if settings.table:
        yield asking.table_check(clients, settings.table)
    if not (settings.report_bucket and settings.table):
        yield hub_checks.local_folder_check(str(settings.store))
    read = _kill_switch_reader(settings, clients)
    if read is not None:
        yield hub_checks.kill_switch_check(read, unreadable_stops=_unreadable_stops(policy))
    if settings.topic:
        yield asking.topic_check(clients, settings.topic)
