"""The words of a diagnosis: what was asked of AWS, what it answered, and the checks that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from orchestrator.core.model import Account, AccountId, AwsError
from orchestrator.core.model.aws_error_codes import DENIED_CODES, is_by_scp

HEALTHY, ENDED, NOT_SWEPT = 0, 1, 3
CURRENT, DRIFTED = "CURRENT", "DRIFTED"


class Area(StrEnum):
    """What a check is about: the hub, or one account."""

    HUB = "hub"
    ACCOUNT = "account"


class CheckStatus(StrEnum):
    """How a check went, by what it means for a sweep."""

    OK = "ok"
    WARNING = "warning"
    """A sweep works without it, or it is meant to be like that."""
    FAILED = "failed"
    """A sweep would not work, or an account or target would not be swept."""
    NOT_CHECKED = "not_checked"


class Code(StrEnum):
    """What a check found, for programs."""

    OK = "ok"
    NO_ROLE = "no_role"
    NO_ROLE_OR_WRONG_TRUST = "no_role_or_wrong_trust"
    """AWS answers the same for both, and nothing else tells."""
    WRONG_TRUST = "wrong_trust"
    NOT_ENROLLED = "not_enrolled"
    OUTDATED = "outdated"
    DRIFTED = "drifted"
    MISSING_PERMISSION = "missing_permission"
    SCP = "scp"
    REGION_DISABLED = "region_disabled"
    SUSPENDED = "suspended"
    NO_ORGANIZATION_ACCESS = "no_organization_access"
    NO_TRUSTED_ACCESS = "no_trusted_access"
    NOT_DELEGATED = "not_delegated"
    NO_STACK_SET = "no_stack_set"
    NO_BULK_TAGS = "no_bulk_tags"
    """The tags of all accounts are not listed at once, so a sweep reads them one by one."""
    WRONG_KEYS = "wrong_keys"
    PULLED = "kill_switch_pulled"
    NO_KILL_SWITCH = "no_kill_switch"
    WRONG_ANCHOR = "wrong_anchor"
    """It names what the chain of manifests does not lead to."""
    SWEEP_MISSED = "sweep_missed"
    """It was due, and did not run."""
    UNRESOLVED_NAME = "unresolved_name"
    """A name in the policy is the name of nothing."""
    POLICY_WARNING = "policy_warning"
    """What is valid in the policy and probably not meant."""
    UNREADABLE = "unreadable"
    """AWS refused for another reason, or did not answer; the detail has its words."""
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `detail` is in AWS's words, `advice` in ours."""

    area: Area
    name: str
    status: CheckStatus
    code: Code = Code.OK
    detail: str = ""
    advice: str = ""
    account_id: str = ""
    account_name: str = ""
    region: str = ""
    optional: bool = False
    """A sweep works without it, though not all that the project can do."""
    has_line: bool = False
    """The advice ends in a line for the policy, which is to be copied as it is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What AWS answered when it was asked for one action: its refusal, or None where it allows it."""

    action: str
    error: AwsError | None = None
    optional: bool = False
    """Without it a sweep works, though not all that the project can do."""
    not_asked: str = ""
    """Why it was not asked, or why the answer says nothing."""


@dataclass(frozen=True, slots=True)
class StackInstance:
    """One account's copy of the StackSet, in CloudFormation's words. `has_stack`: a stack was ever begun for it."""

    account_id: AccountId
    status: str
    detailed_status: str = ""
    reason: str = ""
    drift: str = ""
    has_stack: bool = True

    @property
    def text(self) -> str:
        """CloudFormation's words on it, in one line."""
        parts = (self.status, self.detailed_status, f"drift {self.drift}" if self.drift else "", self.reason)
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class StackSet:
    """The StackSet that rolls out the member role, or why it cannot be asked."""

    name: str
    instances: tuple[StackInstance, ...] = ()
    drift: str = ""
    error: AwsError | None = None
    is_to_act: bool = True
    """Whether it rolls out a role that may stop and undo, as far as is known."""

    def enrolment(self, account: Account) -> Enrolment:
        """An account with several copies is as good as the worst of them."""
        if self.error is not None or account.is_management:  # service-managed StackSets leave that one out
            return Enrolment(self.name, is_known=False)
        mine = [one for one in self.instances if one.account_id == account.id]
        worst = min(mine, key=lambda one: (one.status == CURRENT, one.drift != DRIFTED), default=None)
        return Enrolment(self.name, is_known=True, instance=worst)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the StackSet says of one account."""

    stack_set: str
    is_known: bool
    instance: StackInstance | None = None


@dataclass(frozen=True, slots=True)
class TableShape:
    """Key names in their order; of the index GSI1 none where there is no such index."""

    status: str
    keys: tuple[str, ...]
    index_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`ended`: an error ended it before the accounts were looked at."""

    checks: tuple[Check, ...] = ()
    ended: bool = False

    @property
    def exit_code(self) -> int:
        """0 when no check failed, 3 when one did, 1 when an error ended it."""
        if self.ended:
            return ENDED
        return NOT_SWEPT if any(one.status is CheckStatus.FAILED for one in self.checks) else HEALTHY


def diagnosis_document(diagnosis: Diagnosis) -> dict[str, Any]:
    """The JSON form: `healthy`, and a row for each check in the same order."""
    rows = [
        {
            "area": one.area.value,
            "account_id": one.account_id or None,
            "account_name": one.account_name or None,
            "region": one.region or None,
            "name": one.name,
            "status": one.status.value,
            "code": one.code.value,
            "detail": one.detail,
            "advice": one.advice,
        }
        for one in diagnosis.checks
    ]
    return {"healthy": diagnosis.exit_code == HEALTHY, "checks": rows}


def in_order(checks: Sequence[Check]) -> tuple[Check, ...]:
    """The hub first, as it was asked; then account by account, in the same order whichever was answered first."""
    hub = [one for one in checks if one.area is Area.HUB]
    accounts = [one for one in checks if one.area is Area.ACCOUNT]
    return (*hub, *sorted(accounts, key=lambda one: (one.account_id, one.region, one.name)))


def refusal_code(error: AwsError) -> Code:
    """A refusal's meaning, whatever was asked."""
    if error.code not in DENIED_CODES:
        return Code.UNREADABLE
    return Code.SCP if is_by_scp(error) else Code.MISSING_PERMISSION
