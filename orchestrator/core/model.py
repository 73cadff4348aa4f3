"""The words of the project as frozen values (DESIGN section 2): what the flow passes from one step to the next."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

AccountId = NewType("AccountId", str)
"""Twelve digits, as text: a leading zero matters."""

Region = NewType("Region", str)
"""A region's name, such as `eu-central-1`; `*` in coverage where an account's regions cannot be known."""

ALL_REGIONS = Region("*")

Tags = Mapping[str, str]
Fact = str | int | bool | None


class Mode(StrEnum):
    PLAN = "plan"
    ENFORCE = "enforce"
    APPROVE = "approve"
    """Plans, says what it would do, and waits for somebody to apply it."""
    APPLY = "apply"
    UNDO = "undo"

    @property
    def acts(self) -> bool:
        """Whether something is stopped or started when the guardrails pass."""
        return self in (Mode.ENFORCE, Mode.APPLY, Mode.UNDO)


class Action(StrEnum):
    """What a rule does to the resources that it owns."""

    STOP = "stop"
    HIBERNATE = "hibernate"
    START = "start"
    """Undoing a stop; no rule can ask for it."""


class Verdict(StrEnum):
    STOP = "stop"
    START = "start"
    KEEP = "keep"


class TargetStatus(StrEnum):
    """How far the reading of one target got."""

    SCANNED = "scanned"
    DENIED = "denied"
    REGION_DISABLED = "region_disabled"
    SUSPENDED = "suspended"
    EXCLUDED = "excluded"
    OPTED_OUT = "opted_out"
    FAILED = "failed"
    NOT_ATTEMPTED = "not_attempted"


UNREADABLE = frozenset({TargetStatus.DENIED, TargetStatus.FAILED, TargetStatus.NOT_ATTEMPTED})
"""Statuses that leave a hole in the coverage: exit code 3."""


class OutcomeStatus(StrEnum):
    """What was seen to come of one planned stop."""

    STOPPED = "stopped"
    STOPPING = "stopping"
    ALREADY_STOPPED = "already_stopped"
    WOULD_STOP = "would_stop"
    STARTED = "started"
    STARTING = "starting"
    ALREADY_RUNNING = "already_running"
    WOULD_START = "would_start"
    HELD = "held"
    NOT_ATTEMPTED = "not_attempted"
    FAILED = "failed"


class SweepStatus(StrEnum):
    """Where a sweep stands. `incomplete`: a target was not read, or a planned stop failed or was not attempted;
    `aborted`: halted between its first stop and its last, by failures, the kill switch or its ledger.
    """

    RUNNING = "running"
    AWAITING_APPROVAL = "awaiting_approval"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    HELD = "held"
    FAILED = "failed"
    ABORTED = "aborted"


class HaltCause(StrEnum):
    """Why no more work is handed out."""

    OUT_OF_TIME = "out_of_time"
    INTERRUPTED = "interrupted"
    KILL_SWITCH = "kill_switch"
    LEASE_LOST = "lease_lost"
    LEDGER = "ledger"
    FAILURES = "failures"


ABORTING = frozenset({HaltCause.KILL_SWITCH, HaltCause.LEDGER, HaltCause.FAILURES})


@dataclass(frozen=True, slots=True)
class Halt:
    """No more work is handed out, and why, in words for the report."""

    cause: HaltCause
    text: str


@dataclass(frozen=True, slots=True)
class AwsError:
    """AWS's own code and message for one failed call, as data."""

    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code


@dataclass(frozen=True, slots=True)
class OrganizationalUnit:
    id: str
    path: str
    """Names from the root down, such as `/Workloads/Dev`."""
    tags: Tags = field(default_factory=dict)
    tags_error: AwsError | None = None


@dataclass(frozen=True, slots=True)
class Account:
    id: AccountId
    name: str
    state: str | None
    """AWS's `State`, else its older `Status`; `ACTIVE` is the only one that is read. None: AWS did not say."""
    organizational_units: tuple[OrganizationalUnit, ...] = ()
    """The units above it, outermost first; empty for an account right under the root."""
    is_management: bool = False
    tags: Tags = field(default_factory=dict)
    tags_error: AwsError | None = None
    """Set when the tags could not be read: then nobody knows whether the account opted out, so it is kept."""

    @property
    def ou_path(self) -> str:
        return self.organizational_units[-1].path if self.organizational_units else "/"


@dataclass(frozen=True, slots=True)
class Organization:
    id: str
    management_account_id: AccountId
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One account x one region."""

    account_id: AccountId
    region: Region


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing that can be stopped. `facts` are what its kind read about it, under AWS's words in snake case."""

    kind: str
    target: Target
    resource_id: str
    arn: str
    name: str
    state: str
    tags: Tags
    facts: Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class Exemption:
    """Why a resource or a whole account is spared: which tag, on what, until when, for which reason."""

    source: str
    """`resource`, `account` or `organizational_unit`."""
    source_id: str
    """The resource id, the account id or the OU's path."""
    tag: str
    value: str
    until: date | None
    """The last day that it counts, in the policy's time zone; None: for good."""
    reason: str | None
    malformed: bool = False


@dataclass(frozen=True, slots=True)
class Coverage:
    """The status of one target (or of a whole account, region `*`), with AWS's own words in `detail`."""

    account_id: AccountId
    account_name: str
    ou_path: str
    region: Region
    status: TargetStatus
    detail: str = ""
    exemption: Exemption | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Stop or keep for one resource: the rule that owns it, one sentence why, and the facts that were looked at."""

    resource: Resource
    verdict: Verdict
    reason: str
    rule: str | None = None
    action: Action = Action.STOP
    exemption: Exemption | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Violation:
    """One line of compliance. For an account's or an OU's tag the region is `*` and `resource_id` names its carrier."""

    account_id: AccountId
    region: Region
    resource_id: str
    violation: str
    detail: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All decisions of one sweep, frozen before anything is stopped."""

    sweep_id: str
    policy_sha256: str
    organization_id: str
    decisions: tuple[Decision, ...]
    coverage: tuple[Coverage, ...]

    @property
    def stops(self) -> tuple[Decision, ...]:
        """What would be acted on: stopped, or started where the plan undoes a sweep."""
        return tuple(decision for decision in self.decisions if decision.verdict is not Verdict.KEEP)

    @property
    def sha256(self) -> str:
        """Changes whenever what would be stopped, where, how or by which policy changes."""
        stops = sorted([*_place(decision.resource), decision.action.value] for decision in self.stops)
        text = json.dumps([self.sweep_id, self.policy_sha256, self.organization_id, stops])
        return hashlib.sha256(text.encode()).hexdigest()


def _place(resource: Resource) -> tuple[str, str, str, str]:
    return resource.target.account_id, resource.target.region, resource.kind, resource.resource_id


@dataclass(frozen=True, slots=True)
class GuardrailResult:
    """One limit held against the whole plan. `account_id` is set for a limit per account."""

    name: str
    limit: float
    actual: float
    passed: bool
    account_id: AccountId | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen to come of one planned stop; `code` and `message` are AWS's own where AWS refused."""

    resource: Resource
    status: OutcomeStatus
    code: str = ""
    message: str = ""
    requested_at: datetime | None = None
    verified_at: datetime | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SweepReport:
    """The whole record of one sweep: every other form is made from it (core.report)."""

    sweep_id: str
    policy_name: str
    policy_sha256: str
    mode: Mode
    status: SweepStatus
    started_at: datetime
    finished_at: datetime
    organization_id: str
    source_sweep_id: str = ""
    """The sweep whose plan was applied, or that was undone."""
    coverage: tuple[Coverage, ...] = ()
    decisions: tuple[Decision, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    compliance: tuple[Violation, ...] = ()
    guardrails: tuple[GuardrailResult, ...] = ()
    calls: Mapping[str, int] = field(default_factory=dict)
    duration_seconds: float = 0.0
    error: str = ""
    """What ended the sweep early, for status `failed`."""


GUARDRAILS_SEAL = object()
"""Held by core.guardrails alone: the proof that a plan went through them."""


@dataclass(frozen=True, slots=True)
class ApprovedPlan:
    """A plan that passed every guardrail; the only thing that can be carried out. Made by core.guardrails only."""

    plan: Plan
    guardrails: tuple[GuardrailResult, ...]
    seal: InitVar[object]
    """Shown and not kept, so that no other plan is approved with it (`dataclasses.replace`)."""

    def __post_init__(self, seal: object) -> None:
        if seal is not GUARDRAILS_SEAL:
            raise TypeError("a plan is approved by core.guardrails and by nothing else")


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """A plan that broke at least one guardrail; nothing of it may be stopped."""

    plan: Plan
    guardrails: tuple[GuardrailResult, ...]
