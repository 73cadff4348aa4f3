"""What is decided of one resource, why, and what spares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from orchestrator.core.model.action import Action
from orchestrator.core.model.opt_out import RegisteredOptOut
from orchestrator.core.model.organization import AccountId, Region
from orchestrator.core.model.resource import ALL_KINDS, Fact, Resource


class Verdict(StrEnum):
    """What a decision says is done with a resource."""

    STOP = "stop"
    START = "start"
    KEEP = "keep"
    TAG = "tag"
    UNTAG = "untag"


class ReasonCode(StrEnum):
    """Why a decision is as it is, for programs; the sentence beside it is for people."""

    OUTSIDE_SCHEDULE = "outside_schedule"
    ANY_TIME = "any_time"
    """Its rule has no schedule."""
    IN_RUNNING_TIME = "in_running_time"
    """A start: its rule starts it, and its schedule says that it should run now."""
    STOPPED_BY_HAND = "stopped_by_hand"
    """It was stopped within its present running time, so it stays stopped."""
    STOP_UNDATED = "stop_undated"
    """Nothing says when it was stopped, so it may have been by hand within its running time: it stays stopped."""
    NOT_STOPPED_BY_US = "not_stopped_by_us"
    """Mark, ledger and times do not agree that a sweep stopped it and nobody touched it since."""
    UNREADABLE_LEDGER = "unreadable_ledger"
    """Whether a sweep stopped it, or a link opts it out, is unknown: the ledger could not be read."""
    UNKNOWN_SIZE = "unknown_size"
    """What a start takes, such as the size that it had, is not in the ledger."""
    STOPPED_BY_SWEEP = "stopped_by_sweep"
    """A start: the sweep that is undone stopped it."""
    EXEMPT = "exempt"
    NOT_RUNNING = "not_running"
    CANNOT_STOP = "cannot_stop"
    OWNED = "owned"
    STOPS_WITH_OWNER = "stops_with_owner"
    """It belongs to a resource that this sweep stops, and goes with it."""
    NO_RULE = "no_rule"
    UNKNOWN_CONDITION = "unknown_condition"
    """Whether the rule owns it is unknown: a fact that its conditions need is missing."""
    OWNED_BY_TWO_POLICIES = "owned_by_two_policies"
    """Another active policy of the hub owns it too, or may: both keep it until one of them excludes it."""
    SCHEDULE = "schedule"
    """Its schedule says that it should run now."""
    UNKNOWN_SCHEDULE = "unknown_schedule"
    """Which schedule it runs by is unknown."""
    MALFORMED_ORDER = "malformed_order"
    """Its tag `stop-orchestrator:order` is no number: when its turn would be is unknown."""
    NO_SCHEDULE = "no_schedule"
    """Its rule takes the schedule from a tag, none is there, and the rule has no default."""
    EITHER_BY_SCHEDULE = "either_by_schedule"
    """Its schedule asks neither that it runs nor that it is stopped."""
    STARTED_BY_HAND = "started_by_hand"
    """It was started after its running hours had ended."""
    RESTARTED_BY_AWS = "restarted_by_aws"
    """AWS started it again by itself, as it does some time after a stop, and its rule keeps that."""
    UNKNOWN_START = "unknown_start"
    """When it was started is unknown, so it may have been started by hand."""
    NOT_ACCEPTED = "not_accepted"
    """A stop would lose what its rule does not accept."""
    UNKNOWN_LOSS = "unknown_loss"
    """Whether a stop would lose what its rule does not accept is unknown."""
    CHANGED = "changed"
    """It, or what it belongs to, is not as it was when it was planned."""
    NOT_SEEN_AGAIN = "not_seen_again"
    """It could not be looked at right before the action."""
    GONE = "gone"
    STILL_STOPPING = "still_stopping"
    IN_TRANSITION = "in_transition"
    """An undo: it is neither up nor down, such as being started; it may yet fall back."""
    STARTED_SINCE = "started_since"
    MARKS_LEFT = "marks_left"
    """An undo: it was started since, and the marks that it still carries could not be deleted."""
    NOT_MARKED = "not_marked"
    """It does not have the mark of the sweep that is undone."""
    STOPPED_BY_OTHERS = "stopped_by_others"
    """Nothing proves that it is down because of the sweep that is undone."""
    PLAN_UNREADABLE = "plan_unreadable"
    """It was planned by the ledger, and the plan itself cannot be read any more."""
    NARROWED = "narrowed"
    """It would be acted on, and the sweep was narrowed to something else."""
    NOT_MISSED = "not_missed"
    """No load balancer misses it."""

    # Notices and tags.
    NOTICE_GIVEN = "notice_given"
    """Its rule would stop it, and announces that first: the tag is written."""
    NOTICE = "notice"
    """Its stop was announced, and is not due yet."""
    NOTICE_UNKNOWN = "notice_unknown"
    """Whether, or until when, its stop was announced is not known."""
    NOTICE_WITHDRAWN = "notice_withdrawn"
    """Its stop was announced, and no rule with a notice owns it any more: the tag is deleted."""
    TAGGED_BY_RULE = "tagged_by_rule"
    """Its rule writes tags that it does not have."""
    HAS_TAGS = "has_tags"
    """It has the tags that its rule writes, or a person's own values in their place."""
    ONLY_REPORTED = "only_reported"
    """Its rule reports it, and does nothing."""
    TAGGED_BY_SWEEP = "tagged_by_sweep"
    """An undo: the sweep that is undone wrote the tags, which are deleted."""


KEPT_AFTER_ALL = frozenset({ReasonCode.CHANGED, ReasonCode.NOT_SEEN_AGAIN})
"""Of what was planned and turned out, right before it, to be something to keep."""


class Reason(NamedTuple):
    """Why a decision is as it is: a code for programs, one sentence for people."""

    code: ReasonCode
    sentence: str


@dataclass(frozen=True, slots=True)
class Exemption:
    """Why a resource or a whole account is spared: which tag, on what, until when, for which reason."""

    source: str
    """`resource`, `account` or `organizational_unit`: whose tag it is; `link`: it was given by a link in a message."""
    source_id: str
    """The resource id, the account id or the OU's path."""
    tag: str
    value: str
    until: date | None
    """The last day that it counts, in the policy's time zone; None: for good."""
    reason: str | None
    malformed: bool = False
    nearest_key: str | None = None
    """The key of ours that a misspelt one was most likely meant to be; None where it is one of ours."""


@dataclass(frozen=True, slots=True)
class InsideSchedule:
    """That a resource is inside of its running hours, by which schedule, and until when; None: as far as was looked."""

    schedule: str
    until: datetime | None
    until_text: str
    """The same in the schedule's time zone."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Stop, start, keep or tag for one resource: the rule that owns it, why, and the facts that were looked at."""

    resource: Resource
    verdict: Verdict
    reason_code: ReasonCode
    reason: str
    """One sentence."""
    rule: str | None = None
    action: Action = Action.STOP
    exemption: Exemption | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    facts_read_at: datetime | None = None
    """When what no describe gives, such as a load balancer's health, was read; None where nothing of it counted."""
    inside: InsideSchedule | None = None
    """Of what is kept because its schedule says that it should run now."""

    @property
    def follows_a_rule(self) -> bool:
        """Whether it is acted on because of a rule: every stop, and the starts and tags that rules ask for. The start
        of an undo takes back a stop, and its deletion of tags what a sweep wrote: no rule is asked.
        """
        if self.action.starts:
            return self.reason_code is ReasonCode.IN_RUNNING_TIME
        return self.reason_code is not ReasonCode.TAGGED_BY_SWEEP


@dataclass(frozen=True, slots=True)
class Violation:
    """One line of compliance. For an account's or an OU's tag the region is `*` and `resource_id` names its carrier."""

    account_id: AccountId
    region: Region
    resource_id: str
    violation: str
    detail: str
    kind: str = ALL_KINDS
    carrier: str = ""
    """`resource`, `account` or `organizational_unit`: whose tags it is about. Empty in plans of earlier releases."""
    account_name: str = ""
    owner: str = ""
    """By the tag that names one, on the carrier or else on its account; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """One decision for each resource of an inventory, sorted by its key, and what compliance wants to know."""

    decisions: tuple[Decision, ...] = ()
    compliance: tuple[Violation, ...] = ()
    opt_outs: tuple[RegisteredOptOut, ...] = ()
    """The register of all of them."""

    @property
    def actions(self) -> tuple[Decision, ...]:
        """What is to be stopped, started or tagged."""
        return tuple(decision for decision in self.decisions if decision.verdict is not Verdict.KEEP)
