"""Settings from the environment, and all wiring: the one file that knows which class stands behind which port."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from orchestrator.aws import doctor as asking
from orchestrator.aws.clients import Clients, renew_bound_credentials
from orchestrator.aws.credentials import REGION_PERMISSIONS, MemberRole, MemberSessions
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.hub import Signer, parameter_reader, publisher
from orchestrator.aws.kinds.ec2 import Ec2Instances
from orchestrator.aws.kinds.ec2.permissions import Ec2Permissions
from orchestrator.aws.ledger import DynamoItems
from orchestrator.aws.organizations import OrganizationReader, Pacer
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.reports import S3ReportStore
from orchestrator.aws.retries import Retries
from orchestrator.core.doctor import Check
from orchestrator.core.model import ApprovedPlan, Mode
from orchestrator.core.policy import OrgPolicy, load_policy
from orchestrator.doctor import Practice
from orchestrator.doctor import Progress as DoctorProgress
from orchestrator.errors import SettingsError
from orchestrator.halting import FILE_PREFIX, Halting, KillSwitch, file_reader
from orchestrator.lease import Lease, Leases, Times
from orchestrator.ledger import Ledger
from orchestrator.local.ledger import SqliteItems
from orchestrator.local.processes import is_dead
from orchestrator.local.reports import LocalReportStore
from orchestrator.ports import Kind, NoProgress, Progress, ReportStore, World, always_confirm

PREFIX = "STOP_ORCHESTRATOR_"
DEFAULT_STORE = Path(".stop-orchestrator")
AWS_ERRORS = AWS_FAILURES
MEMBER_PERMISSIONS = REGION_PERMISSIONS
"""What every sweep needs in a member account, whatever kinds are loaded."""
SWEEP_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}")
_DOCTOR_TRIES = 5
_ONLY_ELSEWHERE = frozenset({"report_bucket", "table"})
_SWEEP_MODES = (Mode.PLAN, Mode.ENFORCE, Mode.APPROVE)


def _sweep_mode(value: object) -> Mode:
    if isinstance(value, str) and value in _SWEEP_MODES:
        return Mode(value)
    raise PydanticCustomError("mode", "must be 'plan', 'enforce' or 'approve'")


SweepMode = Annotated[Mode, BeforeValidator(_sweep_mode)]
"""The modes that a sweep can be given; `apply` and `undo` are commands of their own."""


class Settings(BaseModel):
    """What DESIGN section 5 reads from the environment; the same in Lambda and on the command line."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    policy: str | None = None
    member_role: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@/-]+$", max_length=512)] = "stop-orchestrator-member"
    external_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@:/-]+$", min_length=2, max_length=1224)] | None = None
    report_bucket: str | None = None
    table: str | None = None
    mode: SweepMode = Mode.PLAN
    workers: Annotated[int, Field(ge=1, le=512)] = 64
    kill_switch: Annotated[str, Field(pattern=r"^(file:.+|[A-Za-z0-9_./-]+)$")] | None = None
    """An SSM parameter's name, or `file:PATH`."""
    topic: Annotated[str, Field(pattern=r"^arn:[^:]+:sns:")] | None = None
    signing_key: str | None = None
    continuations: Annotated[int, Field(ge=0, le=50)] = 5
    """How often the Lambda may go on with one sweep in a fresh invocation."""
    accounts_a_part: Annotated[int, Field(ge=1, le=1000)] = 20
    """For each invocation of a state machine's step."""
    lease_seconds: Annotated[float, Field(ge=0.4, le=900)] = 20.0
    stack_set: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*(:[A-Za-z0-9-]+)?$")] = "stop-orchestrator-member"
    """The StackSet that rolls out the member role: its name, or its id."""
    store: Path = DEFAULT_STORE

    @property
    def lease_times(self) -> Times:
        """Renewed four times in its life, as 5 s are to 20 s."""
        return Times(self.lease_seconds / 4, self.lease_seconds, min(1.0, self.lease_seconds / 10))

    @classmethod
    def from_env(cls, environment: Mapping[str, str], needed: Sequence[str] = (), /, **overrides: object) -> Settings:
        """Settings from STOP_ORCHESTRATOR_* variables; an override that is not None wins.

        A `store` among the overrides wins over the report bucket and the table too. Raises SettingsError that names
        every variable that makes no sense, or is `needed` and missing, and what would be right.
        """
        given = {name: value for name, value in overrides.items() if value is not None}
        here = _ONLY_ELSEWHERE if "store" in given else frozenset()
        values = {
            name: environment[variable]
            for name in cls.model_fields
            if environment.get(variable := f"{PREFIX}{name.upper()}") and name not in here
        }
        problems = [
            f"{PREFIX}{name.upper()} is missing"
            for name in needed
            if not str({**values, **given}.get(name, "")).strip()
        ]
        try:
            settings = cls.model_validate({**values, **given})
        except ValidationError as invalid:
            problems += [_problem(error, given) for error in invalid.errors()]
        if problems:
            raise SettingsError("\n".join(problems))
        return settings


def _problem(error: Mapping[str, object], given: Mapping[str, object]) -> str:
    location = error["loc"]
    assert isinstance(location, tuple)
    name = str(location[0])
    origin = f"--{name.replace('_', '-')}" if name in given else f"{PREFIX}{name.upper()}"
    return f"{origin}={error['input']!r}: {error['msg']}"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What differs between a Lambda and a terminal."""

    out_of_time: Callable[[], bool] = lambda: False
    interrupted: Callable[[], bool] = lambda: False
    hand_over: Callable[[Lease], bool] = lambda _lease: False
    confirm: Callable[[ApprovedPlan], bool] = always_confirm
    progress: Progress = NoProgress()  # noqa: RUF009 - it holds no state
    triggered_at: datetime | None = None
    """When this process was asked to sweep: one that ends after it was the same trigger's."""


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
    try:
        clients = Clients(max_connections=settings.workers, pace_organizations=Pacer().wait)
        clients.sts()  # every sweep needs it, and it takes the same variables as the others
    except (ValueError, *AWS_FAILURES) as failure:
        raise SettingsError(f"the AWS_* variables or the AWS profile make no sense: {failure}") from failure
    return clients


@dataclass(frozen=True, slots=True)
class Hub:
    """Where sweeps are remembered: their files, the ledger, and the leases in it."""

    settings: Settings
    clients: Clients
    store: ReportStore
    ledger: Ledger
    leases: Leases


def make_hub(settings: Settings, clients: Clients, process: str = "") -> Hub:
    """S3 and DynamoDB where the settings name them, else files and SQLite in a local folder.

    `process` is this one's name where a dead process of that name can be told (not so in a Lambda: its machines are
    copies of one another).
    """
    local = settings.store
    store = S3ReportStore(clients.s3(), settings.report_bucket) if settings.report_bucket else LocalReportStore(local)
    items = DynamoItems(clients.dynamodb(), settings.table) if settings.table else SqliteItems(local)
    ledger = Ledger(items, now)
    leases = Leases(ledger, now, settings.lease_times, holder=process, is_dead=is_dead if process else _nobody_knows)
    return Hub(settings, clients, store, ledger, leases)


def _nobody_knows(_process: str) -> bool:
    return False


def build_world(hub: Hub, policy: OrgPolicy, sweep_id: str, mode: Mode, around: Surroundings, lease: Lease) -> World:
    """Everything one sweep needs, with sessions that cannot stop anything unless the mode acts."""
    settings, clients = hub.settings, hub.clients
    halting = Halting(lambda: lease.lost, _kill_switch(hub, policy), around.interrupted, around.out_of_time)
    retries = Retries(out_of_time=lambda: halting.halt() is not None, on_expired=renew_bound_credentials)
    loaded = kinds(clients, retries, now, Pacing(sleep=halting.sleep))
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
        store=hub.store,
        ledger=hub.ledger,
        now=now,
        calls=clients.calls,
        halt=halting.halt,
        hand_over=lambda: around.hand_over(lease),
        notify=publisher(clients, settings.topic) if settings.topic else _nobody,
        sign=Signer(clients, settings.signing_key).sign if settings.signing_key else None,
        confirm=around.confirm,
        progress=around.progress,
        workers=settings.workers,
    )


def kinds(clients: Clients, retries: Retries, clock: Callable[[], datetime], pacing: Pacing) -> tuple[Kind, ...]:
    """Every kind of resource that is loaded; the member role's template grants what they declare."""
    return (Ec2Instances(clients, retries, clock, pacing),)


def signature_check(hub: Hub) -> Callable[[bytes, bytes], bool] | None:
    """Whether a manifest was signed like that, where the settings name a key."""
    key = hub.settings.signing_key
    return Signer(hub.clients, key).check if key else None


def _nobody(_subject: str, _text: str) -> None:
    """Without a topic the report and `history` say what waits for approval."""


def _kill_switch(hub: Hub, policy: OrgPolicy) -> KillSwitch | None:
    read = _kill_switch_reader(hub.settings, hub.clients)
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


def make_practice(settings: Settings, clients: Clients, policy: OrgPolicy, progress: DoctorProgress) -> Practice:
    """Everything the doctor asks. Its sessions may do all that the role allows: it asks what that is, by dry runs."""
    retries = Retries(attempts=_DOCTOR_TRIES, on_expired=renew_bound_credentials)
    ec2 = Ec2Instances.read_permissions | Ec2Instances.act_permissions
    return Practice(
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
        yield asking.local_folder_check(str(settings.store))
    read = _kill_switch_reader(settings, clients)
    if read is not None:
        yield asking.kill_switch_check(read, unreadable_stops=_unreadable_stops(policy))
    if settings.topic:
        yield asking.topic_check(clients, settings.topic)
