"""A policy that was checked as a whole: what decisions read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from orchestrator.core.model.action import StartForm
from orchestrator.core.model.kind import MemberOf, RuleUse, StopEffects, StopEvidence
from orchestrator.core.model.notification import Notifications
from orchestrator.core.model.order import Order
from orchestrator.core.policy.conditions.interface import Condition
from orchestrator.core.policy.required_tags import RequiredTag
from orchestrator.core.policy.rule_index import RuleIndex
from orchestrator.core.policy.scheduled_sweeps import ScheduledSweep
from orchestrator.core.policy.schedules.from_tag import ScheduleFromTag
from orchestrator.core.policy.schedules.schedule import Schedule
from orchestrator.core.policy.schema.fields import DEFAULT_KINDS
from orchestrator.core.policy.schema.governance import OptOutRules
from orchestrator.core.policy.schema.limits import Guardrails, KillSwitch, Wave
from orchestrator.core.policy.schema.scope import OrganizationScope, ProductionScope, RegionScope
from orchestrator.core.policy.yaml_document import Path

if TYPE_CHECKING:
    from orchestrator.core.model import Action, Names


@dataclass(frozen=True, slots=True)
class StartedByHand:
    """How long a rule keeps what was started after its running hours had ended."""

    kept: bool = True
    keep_for: timedelta | None = None
    """After its start; None: until its next running hours end."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, compiled: which resources it owns, what it does to them, and when."""

    name: str
    kinds: frozenset[str]
    where: Condition
    schedule: Schedule | ScheduleFromTag | None
    """None: its resources may be stopped at any time."""
    action: Action
    accept: frozenset[str] = frozenset()
    """What its stops may lose: words that the kinds declare."""
    started_by_hand: StartedByHand = StartedByHand()
    start_told: frozenset[str] = frozenset()
    """Those of its kinds of which AWS says when a resource was started."""
    stop_again: bool = True
    """It stops what AWS started again by itself."""
    start: StartForm = StartForm.NEVER
    """What it starts in its running time."""
    notice_days: int | None = None
    """So many days before its first stop of a resource that stop is announced; None: it is not."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """What `action: tag` writes, where it is not there."""


@dataclass(frozen=True, slots=True)
class OrgPolicy:
    """A policy that was checked as a whole. `sha256` is that of the document's UTF-8 bytes."""

    name: str
    timezone: ZoneInfo
    organization: OrganizationScope
    regions: RegionScope
    schedules: Mapping[str, Schedule]
    rules: tuple[Rule, ...]
    sweeps: tuple[ScheduledSweep, ...]
    owners: tuple[str, ...]
    """Whom to ask about it."""
    notify: Notifications
    """Who hears of its sweeps; where there is no listener, the hub's topic."""
    production: ProductionScope | None
    """Which accounts are set off in the prompt; None: those that look like it."""
    guardrails: Guardrails
    waves: tuple[Wave, ...]
    abort_if_failures_percent: float | None
    plan_valid_hours: float
    max_tag_age: timedelta
    max_fact_age: timedelta
    max_start_wait: timedelta
    kill_switch: KillSwitch
    required_tags: tuple[RequiredTag, ...]
    opt_out: OptOutRules
    owner_tag: str
    """The key of the tag that names an owner."""
    unresolved_names: str
    """`hold` or `allow`."""
    sha256: str = field(compare=False)
    document: Mapping[str, Any] = field(compare=False, repr=False)
    text: str = field(compare=False, repr=False)
    lines: Mapping[Path, int] = field(compare=False, repr=False)
    """The line of each value of the document, from 1."""
    evidence: Mapping[str, StopEvidence] = field(default_factory=dict, compare=False, repr=False)
    """By kind: what tells of one that it is down by a sweep's stop."""
    effects: Mapping[str, StopEffects] = field(default_factory=dict, compare=False, repr=False)
    """By kind: what its stops lose, and what starts its resources again."""
    order: Order = field(default_factory=dict)
    """By kind, its number among the stops and starts of an account: the policy's, else the kind's own."""
    members: Mapping[str, tuple[MemberOf, ...]] = field(default_factory=dict, compare=False, repr=False)
    """By kind: what its resources may belong to. A kind whose resources belong to nothing is not there."""
    rule_uses: Mapping[str, RuleUse] = field(default_factory=dict, compare=False, repr=False)
    """By kind: what has a use in a rule about it."""
    ignores_schedules: bool = False
    """As if no rule had a schedule: for the undo of starts that a person asks for at any time."""

    _index: list[RuleIndex[Rule]] = field(default_factory=list, init=False, compare=False, repr=False)
    """Made when it is asked for first."""

    @property
    def rule_index(self) -> RuleIndex[Rule]:
        """Which of the rules a resource can match."""
        if not self._index:
            self._index.append(RuleIndex(self.rules))
        return self._index[0]

    @property
    def zones(self) -> tuple[ZoneInfo | None, ...]:
        """Its own, and those of its schedules."""
        return (self.timezone, *(schedule.timezone for schedule in self.schedules.values()))

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that a sweep has to read: those that the rules name, or the default ones where there is no rule."""
        return frozenset().union(*(rule.kinds for rule in self.rules)) or frozenset(DEFAULT_KINDS)

    @property
    def starting_kinds(self) -> frozenset[str]:
        """The kinds of which some rule starts something."""
        return frozenset().union(*(rule.kinds for rule in self.rules if rule.start is not StartForm.NEVER))

    @property
    def restarted_kinds(self) -> frozenset[str]:
        """Those of its kinds that AWS starts again by itself some time after a stop."""
        return frozenset(kind for kind in self.kinds if self.restarted_after(kind) is not None)

    def restarted_after(self, kind: str) -> timedelta | None:
        """So long after a stop AWS starts one of that kind again by itself; None: it does not."""
        evidence = self.evidence.get(kind)
        return evidence.restarted_after if evidence is not None else None

    @property
    def everything_kinds(self) -> frozenset[str]:
        """The kinds of which some rule starts whatever it owns."""
        return frozenset().union(*(rule.kinds for rule in self.rules if rule.start is StartForm.EVERYTHING))

    def tag_keys_of(self, kind: str) -> tuple[str, ...]:
        """The keys that its rules with `action: tag` write on that kind, sorted."""
        return tuple(sorted({key for rule in self.rules if kind in rule.kinds for key in rule.tags}))

    def with_unresolved(self, names: Names) -> OrgPolicy:
        """The same policy, for an organization in which these names are unresolved."""
        places = names.unknown_places
        if not places:
            return self
        rules = (replace(rule, where=rule.where.with_unresolved(places)) for rule in self.rules)
        return replace(self, rules=tuple(rules))

    @property
    def max_notice(self) -> timedelta:
        """So long after the announcement of a stop a later day in its tag is honoured."""
        return timedelta(days=90 if self.opt_out.max_days is None else self.opt_out.max_days)

    def day(self, at: datetime) -> date:
        """The day that it is then in the policy's time zone: opt-outs end at midnight there."""
        return at.astimezone(self.timezone).date()
