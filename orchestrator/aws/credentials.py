"""Member accounts: assuming each one's role once, and binding the running task to it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials
from botocore.parsers import ResponseParserError

from orchestrator.aws.clients import Clients, bound_to
from orchestrator.aws.failures import AWS_FAILURES, error_of, require_account, unreadable_when_refused, withhold
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, AwsError, Region
from orchestrator.core.model.aws_error_codes import (
    denied_action,
    denied_explicitly,
    is_by_scp,
    is_refusal,
    lacks_own_permission,
)
from orchestrator.ports import RegionStatus, TargetUnreadableError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

_NOT_OPTED_IN = "not-opted-in"
_RENEW_SECONDS_BEFORE_EXPIRY = 300
_NAMING = "sts:SetSourceIdentity"
REGION_PERMISSIONS = frozenset({"ec2:DescribeRegions"})


@dataclass(frozen=True, slots=True)
class MemberRole:
    """How to get into a member account. `session_policy_actions`: None for all that the role allows."""

    name: str
    external_id: str | None = field(repr=False)
    source_identity: str
    session_policy_actions: frozenset[str] | None = None

    def assume_role_arguments(self, partition: str, account_id: AccountId) -> dict[str, Any]:
        """The parameters of AssumeRole for that account's member role."""
        arguments: dict[str, Any] = {
            "RoleArn": f"arn:{partition}:iam::{account_id}:role/{self.name}",
            "RoleSessionName": f"stop-orchestrator-{self.source_identity}"[:64],
            "SourceIdentity": self.source_identity,
        }
        if self.external_id:
            arguments["ExternalId"] = self.external_id
        if self.session_policy_actions is not None:
            arguments["Policy"] = _session_policy(self.session_policy_actions | REGION_PERMISSIONS)
        return arguments


@lru_cache(maxsize=16)
def _session_policy(actions: frozenset[str]) -> str:
    statement = {"Effect": "Allow", "Action": sorted(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


class _RoleCredentials:
    """One account's credentials: assumed at the first use, renewed before they expire; safe in many threads."""

    def __init__(self, sessions: MemberSessions, account_id: AccountId) -> None:
        self._sessions = sessions
        self._account_id = account_id
        # Reentrant: while the hub assumes the role, expired credentials of its own end in `renew` too.
        self._lock = threading.RLock()
        self._credentials: RefreshableCredentials | None = None
        self._newest_key = ""

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        credentials = self._credentials
        if credentials is None:
            with self._lock:
                credentials = self._credentials = self._credentials or self._first()
        return credentials.get_frozen_credentials()

    def renew(self, expired: ReadOnlyCredentials) -> None:
        with self._lock:
            if expired.access_key == self._newest_key:
                self._credentials = None

    def _first(self) -> RefreshableCredentials:
        first = self._assume()
        return RefreshableCredentials(
            first["access_key"],
            first["secret_key"],
            first["token"],
            datetime.fromisoformat(first["expiry_time"]).astimezone(UTC),
            refresh_using=self._assume,
            method="assume-role",
            time_fetcher=_utc,
            advisory_timeout=_RENEW_SECONDS_BEFORE_EXPIRY * 2,
            mandatory_timeout=_RENEW_SECONDS_BEFORE_EXPIRY,
        )

    def _assume(self) -> dict[str, str]:
        answer = self._sessions.assume(self._account_id)
        expiry: datetime = answer["Expiration"]
        self._newest_key = answer["AccessKeyId"]
        return {
            "access_key": answer["AccessKeyId"],
            "secret_key": answer["SecretAccessKey"],
            "token": answer["SessionToken"],
            "expiry_time": expiry.isoformat(),
        }


def _utc() -> datetime:
    """The time without this machine's zone, which botocore looks up twice for each call: 0.03 ms."""
    return datetime.fromtimestamp(time.time(), UTC)


class _Bound(bound_to):
    """To credentials that there are, or the role could not be assumed."""

    __slots__ = ("_credentials",)

    def __init__(self, credentials: _RoleCredentials) -> None:
        super().__init__(credentials)
        self._credentials = credentials

    def __enter__(self) -> None:
        with unreadable_when_refused("sts:AssumeRole"):
            self._credentials.get_frozen_credentials()
        super().__enter__()


class MemberSessions:
    """ports.AccountsPort: one AssumeRole per account, however many regions and threads use it."""

    def __init__(self, clients: Clients, role: MemberRole, retries: Retries) -> None:
        self._clients = clients
        self._role = role
        self._retries = retries
        self._lock = threading.Lock()
        self._accounts: dict[AccountId, _RoleCredentials] = {}
        self._named_itself = False
        """A role was assumed with a source identity, so this process's own session has no other one."""
        self._has_another_name = False

    def bind(self, account_id: AccountId) -> AbstractContextManager[None]:
        """ports.AccountsPort."""
        return _Bound(self._of(account_id))

    def regions(self, named: Sequence[Region] = ()) -> tuple[RegionStatus, ...]:
        """ports.AccountsPort."""
        return self._first_list(self._clients.ec2, named)

    def hub_regions(self) -> tuple[RegionStatus, ...]:
        """ports.AccountsPort."""
        return self._first_list(self._clients.hub_ec2, ())

    def _first_list(self, client: Callable[[str], EC2Client], named: Sequence[Region]) -> tuple[RegionStatus, ...]:
        """By the region that every account has, and where the organization denies that one, by the hub's or a named."""
        refusals: list[TargetUnreadableError] = []
        for region in dict.fromkeys((self._clients.common_region, self._clients.region, *named)):
            try:
                return self._regions(client(region))
            except TargetUnreadableError as refusal:
                refusals.append(refusal)
                if not is_refusal(refusal.error):
                    break
        raise refusals[0]

    def assume(self, account_id: AccountId) -> dict[str, Any]:
        """AWS's Credentials structure, of that account and no other.

        Raises botocore's exceptions, none of which quotes the external id.
        """
        arguments = self._role.assume_role_arguments(self._clients.partition, account_id)
        try:
            credentials, user = self._assumed_by_a_name(arguments)
        except AWS_FAILURES as failure:
            raise withhold(self._role.external_id, failure, "AssumeRole") from None
        require_account("AssumeRole", account_id, user)
        return credentials

    def _assumed_by_a_name(self, arguments: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """With the source identity, or without it where this process's own session has another one already.

        That one persists, AWS refuses to change it, and nothing but this refusal tells that there is one:
        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
        Where the refusal has another cause (the role does not let itself be named), the second try says so.
        """
        if self._has_another_name:
            return self._retries.call(lambda: self._assumed(_unnamed(arguments)))
        try:
            answer = self._retries.call(lambda: self._assumed(arguments))
        except AWS_FAILURES as failure:
            if self._named_itself or not _may_have_another_name(error_of(failure)):
                raise
            answer = self._retries.call(lambda: self._assumed(_unnamed(arguments)))
            self._has_another_name = True
            return answer
        self._named_itself = True
        return answer

    def _assumed(self, arguments: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """The credentials, and the ARN of whoever has them."""
        try:
            answer = self._clients.sts().assume_role(**arguments)
            return dict(answer["Credentials"]), answer["AssumedRoleUser"]["Arn"]
        except KeyError as missing:  # botocore's own too: a page of a proxy
            raise ResponseParserError(f"the answer has no {missing}") from missing

    def _of(self, account_id: AccountId) -> _RoleCredentials:
        found = self._accounts.get(account_id)
        if found is None:
            with self._lock:
                found = self._accounts.setdefault(account_id, _RoleCredentials(self, account_id))
        return found

    def _regions(self, client: EC2Client) -> tuple[RegionStatus, ...]:
        with unreadable_when_refused("ec2:DescribeRegions"):
            answer = self._retries.call(lambda: client.describe_regions(AllRegions=True))
        if not answer.get("Regions"):
            raise TargetUnreadableError(AwsError("NoRegions", "the answer lists no region"), "ec2:DescribeRegions")
        return tuple(_region_status(region) for region in answer["Regions"])


def _may_have_another_name(error: AwsError) -> bool:
    """Not where AWS says which policy forbids it, or that the caller's own ones do not allow it."""
    denied = denied_action(error, (_NAMING,)) is not None
    by_a_policy = denied_explicitly(error.code, error.message) or is_by_scp(error)
    return denied and not by_a_policy and not lacks_own_permission(error, _NAMING)


def _unnamed(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name != "SourceIdentity"}


def _region_status(region: Any) -> RegionStatus:
    status = region.get("OptInStatus") or ""
    detail = f"ec2:DescribeRegions: OptInStatus is {_NOT_OPTED_IN}" if status == _NOT_OPTED_IN else ""
    return RegionStatus(Region(region["RegionName"]), enabled=status != _NOT_OPTED_IN, detail=detail)
