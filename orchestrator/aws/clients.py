"""One client per (service, region), shared by every account; the account's credentials are bound to the running task.

Why: a client costs 20 ms and 1.4 MB to make and a call on a shared one 0.6 ms. The binding is the
one place where a bug could act in the wrong account, so an unbound call raises and is never sent.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import quote_plus

import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, Credentials, ReadOnlyCredentials
from botocore.exceptions import NoCredentialsError
from botocore.loaders import Loader

from orchestrator.aws import partitions
from orchestrator.aws.hearing import Hearing
from orchestrator.aws.html_answers import explain_html_pages
from orchestrator.aws.ledger_transport import LedgerTransport
from orchestrator.aws.light_path import LightPath
from orchestrator.aws.tls import share_context
from orchestrator.aws.xml_answers import RepairingParsers
from orchestrator.core.model import Region
from orchestrator.errors import UnboundAccountError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient

Operations = Mapping[str, frozenset[str]]
"""What clients may be asked for, by botocore's name of the service."""
Answers = Mapping[str, Mapping[str, frozenset[str]]]
"""What is read of answers: members, by botocore's names of service and shape. What is not named is read whole."""
# The hub's own, and those that a member account is asked whatever kinds there are; each kind declares its own.
_HUB_OPERATIONS: Operations = {
    "cloudformation": frozenset({"DescribeStackSet", "ListStackInstances"}),
    "ec2": frozenset({"DescribeRegions"}),
    "iam": frozenset({"SimulatePrincipalPolicy"}),
    "organizations": frozenset(
        {
            "DescribeOrganization",
            "ListAWSServiceAccessForOrganization",
            "ListAccounts",
            "ListAccountsForParent",
            "ListDelegatedAdministrators",
            "ListOrganizationalUnitsForParent",
            "ListParents",
            "ListRoots",
            "ListTagsForResource",
        }
    ),
    "pricing": frozenset({"GetProducts"}),
    "resourcegroupstaggingapi": frozenset({"GetResources"}),
    "sts": frozenset({"AssumeRole", "GetCallerIdentity"}),
}
HUB_SERVICES = frozenset({*_HUB_OPERATIONS, "dynamodb", "kms", "lambda", "s3", "sns", "ssm"})
"""Those of which clients are made whatever kinds there are; a service without operations above is whole."""
DEFAULT_REGION = "us-east-1"
_CONNECT_TIMEOUT = 5
_READ_TIMEOUT = 30
_TIMEOUTS = {"hub-quick": (1, 1), "hub-messages": (2, 4)}
"""To connect and to read, in seconds, where an answer that comes late is of no use."""
_TRIES = {"hub": 5, "hub-ledger": 9, "hub-patient": 8, "hub-messages": 2, "hub-quick": 1}
"""By botocore, with waits of 0.5 s, 1 s, 2 s ... on average; whatever is not named is tried once."""
_IAM_NAMES = {"monitoring": "cloudwatch", "tagging": "tag"}
"""Of services that IAM does not call by the name that they sign for."""
_MODES: Mapping[str, Literal["legacy"]] = {"hub-ledger": "legacy"}
"""Only this mode has DynamoDB's own schedule (0.05 s, 0.1 s, 0.2 s ...), and no quota of tries that threads share."""
LEDGER_AT_ONCE = 32
"""Requests to the ledger beside those of the sweep's own threads (aws.dynamodb_items)."""


class AccountCredentials(Protocol):
    """One account's credentials, as a member client needs them: to sign, and to renew after AWS refused them."""

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Credentials of one account, renewed when they are about to expire."""
        ...

    def renew(self, expired: ReadOnlyCredentials) -> None:
        """Forgets these, so that the next signature gets new ones; newer ones, which another task got, are kept."""
        ...


@dataclass(slots=True)
class _Binding:
    """One task's account, and what its last request was signed with."""

    credentials: AccountCredentials
    signed_with: ReadOnlyCredentials | None = None


_bound: ContextVar[_Binding | None] = ContextVar("bound_account_credentials", default=None)


class bound_to:  # noqa: N801 - it is used as a function; as a generator it would take four times as long
    """Inside it, every call of this task through a member client is signed with these credentials."""

    __slots__ = ("_binding", "_token")

    def __init__(self, credentials: AccountCredentials) -> None:
        self._binding = _Binding(credentials)

    def __enter__(self) -> None:
        self._token = _bound.set(self._binding)

    def __exit__(self, *_: object) -> None:
        _bound.reset(self._token)


def bound_credentials() -> ReadOnlyCredentials:
    """The running task's, for signing. Raises UnboundAccountError when no account is bound."""
    binding = _bound.get()
    if binding is None:
        raise UnboundAccountError("a member call was made while no account was bound; nothing was sent")
    binding.signed_with = frozen = binding.credentials.get_frozen_credentials()
    return frozen


def renew_bound_credentials() -> None:
    """After AWS called them expired: the running task's next call is signed with new ones."""
    binding = _bound.get()
    if binding is not None and binding.signed_with is not None:
        binding.credentials.renew(binding.signed_with)


class BoundCredentials(Credentials):
    """Stands where botocore expects credentials; at each signature it asks the running task for its account."""

    def __init__(self) -> None:
        super().__init__("unbound", "unbound", method="stop-orchestrator-bound")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """The bound account's. Raises UnboundAccountError outside of `bound_to`."""
        return bound_credentials()

    def get_deferred_property(self, property_name: str) -> Callable[[], None]:
        """Endpoints must not depend on an account: the same client serves all of them."""
        del property_name
        return lambda: None


class _BoundProvider(CredentialProvider):
    METHOD = "stop-orchestrator-bound"

    def load(self) -> BoundCredentials:
        return BoundCredentials()


class Clients:
    """Makes clients once each, under a lock (making them is not thread-safe), and counts every request they send.

    `operations`: what kinds may ask of clients, beside the hub's own; `listings`: those of them that the light path
    sends, and None where it is switched off; `answers`: what is read of answers. `pace_organizations` is given each
    client of AWS Organizations, whose requests it paces.
    Hub clients (`hub_*`) use the process's own credentials. Member clients use whatever `bound_to` bound; botocore's
    retries are off for them and for STS, because `retries.Retries` does that per call.
    """

    def __init__(
        self,
        max_connections: int = 128,
        pace_organizations: Callable[[Any], None] | None = None,
        operations: Operations = MappingProxyType({}),
        common_region: str | None = None,
        hearing: Hearing | None = None,
        listings: frozenset[str] | None = None,
        answers: Answers = MappingProxyType({}),
    ) -> None:
        self._hub, self._member = _sessions(operations, answers)
        # boto3 reads AWS_DEFAULT_REGION only; Lambda and every other SDK know AWS_REGION.
        self.region = os.environ.get("AWS_REGION") or self._hub.region_name or DEFAULT_REGION
        self.partition = self._hub.get_partition_for_region(self.region)
        self.common_region = common_region or partitions.common_region(self.region, self.partition)
        """Every account has it, and so its list of regions, and credentials from its STS, which are good anywhere."""
        self._max_connections = max_connections
        self._pace_organizations = pace_organizations
        self.hearing = hearing
        """Told of each call in a member account; it is to be told of those that do not go through botocore's events."""
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str, str], Any] = {}
        self._calls: Counter[str] = Counter()
        self._count_lock = threading.Lock()
        self.light_path = (
            LightPath(listings, self.member, bound_credentials, self.count, hearing) if listings is not None else None
        )

    def ec2(self, region: str) -> EC2Client:
        """A member client: signed for the bound account."""
        client: EC2Client = self._get("member", "ec2", region)
        return client

    def member(self, service: str, region: str) -> Any:
        """A member client of that service, by botocore's name. Any: stubs of all services are not worth it."""
        return self._get("member", service, region)

    def hub_ec2(self, region: str | None = None) -> EC2Client:
        client: EC2Client = self._get("hub-once", "ec2", region or self.common_region)
        return client

    def sts(self) -> STSClient:
        """In a region that has to be opted into, STS gives no credentials of an account that did not; nor does the
        global endpoint do, whose tokens such regions refuse:
        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
        """
        client: STSClient = self._get("hub-once", "sts", self.common_region)
        return client

    def cloudformation(self) -> Any:
        """Any: for the two operations named above, its stubs are not worth a dependency."""
        return self._get("hub", "cloudformation", self.region)

    def organizations(self) -> OrganizationsClient:
        client: OrganizationsClient = self._get("hub", "organizations", self.region)
        return client

    def tagging(self, region: str) -> Any:
        """Any: for the one operation named above, its stubs are not worth a dependency."""
        return self._get("hub", "resourcegroupstaggingapi", region)

    def pricing(self, region: str) -> Any:
        """Any: for the one operation named above, its stubs are not worth a dependency."""
        return self._get("hub", "pricing", region)

    def s3(self) -> S3Client:
        """Patient: a sweep writes ten files; with 5 tries one in forty loses its report to 30 % of `SlowDown`."""
        client: S3Client = self._get("hub-patient", "s3", self.region)
        return client

    def dynamodb(self) -> DynamoDBClient:
        """One failed write ends a sweep: at 30 % throttling 5 tries fail once in 400 calls, 9 once in 50,000."""
        client: DynamoDBClient = self._get("hub-ledger", "dynamodb", self.region)
        return client

    def ssm(self) -> SSMClient:
        client: SSMClient = self._get("hub", "ssm", self.region)
        return client

    def kill_switch_ssm(self) -> SSMClient:
        """One that answers, or fails, within seconds."""
        client: SSMClient = self._get("hub-quick", "ssm", self.region)
        return client

    def sns(self) -> SNSClient:
        client: SNSClient = self._get("hub", "sns", self.region)
        return client

    def messages(self, service: str) -> Any:
        """For what is told of a sweep, and the secrets that that takes: one that fails within seconds.

        Any: for an operation each, the stubs of four services are not worth their dependencies.
        """
        return self._get("hub-messages", service, self.region)

    def kms(self) -> KMSClient:
        client: KMSClient = self._get("hub", "kms", self.region)
        return client

    def quick_kms(self) -> KMSClient:
        """For whoever would rather go without than wait for more than two seconds."""
        client: KMSClient = self._get("hub-quick", "kms", self.region)
        return client

    def lambda_(self) -> LambdaClient:
        client: LambdaClient = self._get("hub", "lambda", self.region)
        return client

    def require_credentials(self) -> None:
        """Raises botocore's own error where the process has none, or where their source, such as SSO, fails."""
        found = self._hub.get_credentials()
        if found is None:
            raise NoCredentialsError
        found.get_frozen_credentials()

    def calls(self) -> Mapping[str, int]:
        """Requests sent so far, tries included, by `service:Operation`."""
        return dict(self._calls)

    def count(self, service: str, operation: str) -> None:
        """Counts one request; for those that do not go through botocore's events."""
        with self._count_lock:
            self._calls[f"{service}:{operation}"] += 1

    def _get(self, role: str, service: str, region: str) -> Any:
        key = (role, service, region)
        client = self._made.get(key)
        if client is None:
            with self._lock:
                client = self._made.get(key) or self._make(role, service, region)
                self._made[key] = client
        return client

    def _make(self, role: str, service: str, region: str) -> Any:
        session: Any = self._member if role == "member" else self._hub
        client = session.client(service, region_name=region, config=self._config(role))
        # Events name a service by its id, IAM and readers of the counts by what it signs for.
        signing_name = client.meta.service_model.signing_name
        counted = _IAM_NAMES.get(signing_name, signing_name)
        if role == "hub-ledger" and self.light_path is not None:
            LedgerTransport(client, partial(self.count, counted))
        else:
            client.meta.events.register(f"before-send.{service}", partial(self._count_sent, counted))
        explain_html_pages(client)
        share_context(client)
        if self.hearing is not None:
            self.hearing.attach(client, role, service)
        if service == "sts":
            client.meta.events.register("before-call.sts.AssumeRole", _encode_form)
        if service == "organizations" and self._pace_organizations is not None:
            self._pace_organizations(client)
        return client

    def _config(self, role: str) -> Config:
        connect, read = _TIMEOUTS.get(role, (_CONNECT_TIMEOUT, _READ_TIMEOUT))
        return Config(
            # Items are made in one place (dynamodb_items.py), and DynamoDB refuses what is none.
            parameter_validation=role != "hub-ledger",
            retries={"mode": _MODES.get(role, "standard"), "total_max_attempts": _TRIES.get(role, 1)},
            connect_timeout=connect,
            read_timeout=read,
            max_pool_connections=self._max_connections + (LEDGER_AT_ONCE if role == "hub-ledger" else 0),
            user_agent_extra="stop-orchestrator",
        )

    def _count_sent(self, service: str, event_name: str, **_arguments: Any) -> None:
        self.count(service, event_name.rpartition(".")[2])


def _encode_form(params: dict[str, Any], **_arguments: Any) -> None:
    """The form as bytes, which botocore would else encode twice, to sign it and to send it: with the session policy in
    it that is a fifth of assuming a role.
    """
    form = params["body"]
    if isinstance(form, dict) and all(isinstance(value, str) for value in form.values()):
        params["body"] = "&".join([f"{name}={_quoted(value)}" for name, value in form.items()]).encode()


@lru_cache(maxsize=64)
def _quoted(text: str) -> str:
    """Remembered, as all but the role is the same for every account."""
    return quote_plus(text)


class _NarrowLoader(Loader):
    """botocore's service models, cut down to the operations that this project uses, and to what it reads of answers.

    What is not there cannot be called by mistake; a client takes 4 ms to make instead of 11 (EC2 has 800 methods), and
    what is not read is not parsed.
    """

    def __init__(self, operations: Operations = MappingProxyType({}), answers: Answers = MappingProxyType({})) -> None:
        super().__init__()
        self._answers = answers
        self._operations = {
            service: _HUB_OPERATIONS.get(service, frozenset()) | operations.get(service, frozenset())
            for service in {*_HUB_OPERATIONS, *operations}
        }

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        model = super().load_service_model(service_name, type_name, api_version)
        used = self._operations.get(service_name)
        if type_name != "service-2" or used is None:
            return model
        narrow = {**model, "operations": {name: model["operations"][name] for name in used}}
        read = {
            shape: _with_members(model["shapes"][shape], of)
            for shape, of in self._answers.get(service_name, {}).items()
        }
        return {**narrow, "shapes": {**model["shapes"], **read}}


def _with_members(shape: Mapping[str, Any], names: frozenset[str]) -> Mapping[str, Any]:
    return {**shape, "members": {name: shape["members"][name] for name in sorted(names)}}


@cache
def partition_regions() -> frozenset[Region]:
    """Every region that botocore knows, of whatever partition."""
    partitions = Loader().load_data("endpoints")["partitions"]
    return frozenset(Region(region) for partition in partitions for region in partition["regions"])


class _Session(botocore.session.Session):
    """botocore's, with boto3's names: of boto3 itself, a tenth of a cold start, nothing else is needed."""

    client = botocore.session.Session.create_client

    @property
    def region_name(self) -> str | None:
        """Of the environment or the profile, where one of them names it."""
        region: str | None = self.get_config_variable("region")
        return region


def _sessions(operations: Operations, answers: Answers) -> tuple[_Session, _Session]:
    """The hub's session with the process's own credentials, and one whose only credentials are the bound ones."""
    loader = _NarrowLoader(operations, answers)
    hub, member = _Session(), _Session()
    # Whatever the environment says: regions that have to be opted into refuse the global endpoint's tokens.
    hub.set_config_variable("sts_regional_endpoints", "regional")
    hub.register_component("data_loader", loader)
    member.register_component("data_loader", loader)
    hub.register_component("response_parser_factory", RepairingParsers())
    member.register_component("response_parser_factory", RepairingParsers())
    member.register_component("credential_provider", CredentialResolver([_BoundProvider()]))
    return hub, member
