"""The whole record of one sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from orchestrator.core.model.consent import Consent
from orchestrator.core.model.coverage import Coverage
from orchestrator.core.model.decision import Decision, InsideSchedule, Violation
from orchestrator.core.model.mode import Mode
from orchestrator.core.model.money import Money
from orchestrator.core.model.names import NO_NAMES, Names
from orchestrator.core.model.narrowing import NOT_NARROWED, Narrowing
from orchestrator.core.model.opt_out import RegisteredOptOut
from orchestrator.core.model.other_policy import OtherPolicy
from orchestrator.core.model.outcome import Outcome
from orchestrator.core.model.plan import GuardrailResult


class SweepStatus(StrEnum):
    """Where a sweep stands.

    `incomplete`: a target was not read; two policies own a resource; an action failed, was not attempted or not seen to
    come up; an undo left something on its way; or marks could not be deleted. `aborted`: halted between its first stop
    and its last, by failures, the kill switch or its ledger. `abandoned`: its process died, and nothing more is done of
    it, as it has no consent any more, or never had. `missed`: it never began, as another sweep by its policy ran for as
    long as it was tried again; it has a record, and no report.
    """

    RUNNING = "running"
    AWAITING_APPROVAL = "awaiting_approval"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    HELD = "held"
    FAILED = "failed"
    ABORTED = "aborted"
    ABANDONED = "abandoned"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class UnseenTagKey:
    """A key that `tag` conditions of these rules ask for and no resource has that was read."""

    key: str
    rules: tuple[str, ...]
    nearest: str
    """The key of a resource that was most likely meant; empty where none is near."""


@dataclass(frozen=True, slots=True)
class InsideCount:
    """How many resources of a rule are inside of the running hours of one schedule, until the same time."""

    rule: str
    inside: InsideSchedule
    resources: int


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
    names: Names = NO_NAMES
    """What the policy names and the organization did not have when it was listed."""
    others: tuple[OtherPolicy, ...] = ()
    """The other active policies that were taken into account."""
    idle_rules: tuple[str, ...] = ()
    """Those that own nothing of what was read."""
    unseen_tag_keys: tuple[UnseenTagKey, ...] = ()
    schedules: tuple[InsideCount, ...] = ()
    """What is kept because it is inside of its running hours."""
    kill_switches: tuple[str, ...] = ()
    """The names of those that could have halted it."""
    calls: Mapping[str, int] = field(default_factory=dict)
    duration_seconds: float = 0.0
    error: str = ""
    """What ended the sweep early, for status `failed` and `abandoned`, or halted it."""
    asked_by: str = ""
    owners: tuple[str, ...] = ()
    """Whom to ask about it, by the policy."""
    consent: Consent | None = None
    """Who confirmed it; None where nothing was acted on."""
    consent_missing: str = ""
    """Why it only planned although a schedule asked it to act."""
    opt_outs: tuple[RegisteredOptOut, ...] = ()
    """The register of all of them, with what each spares."""
    owner_tag: str = ""
    """The key of the tag that names a resource's owner."""
    account_owners: Mapping[str, str] = field(default_factory=dict)
    """By account id, of those whose own tags name one: it owns what has no tag."""
    money: Money | None = None
    """What it is worth; None: no prices were asked for."""
    stop_effects: tuple[str, ...] = ()
    """A sentence or more for each kind: what its stops in the plan lose, and what starts its resources again."""
    account_contacts: Mapping[str, str] = field(default_factory=dict)
    """By account id, what its tag says that names who is told of it, where the policy has such a tag."""
    narrowed: Narrowing = NOT_NARROWED
    """To what a person narrowed it: then it says nothing of the rest of the organization."""
    plan_expires_at: datetime | None = None
    """Until when it can be applied; None where there is nothing that could be."""
    as_of: datetime | None = None
    """The moment that it decided for, where that is not when it began: a what-if, which is never acted on."""
    as_of_local: tuple[str, ...] = ()
    """The same by the clocks of the policy and of its schedules."""
