"""Why a resource is stopped, started or kept: all that a decision looked at, in the order in which it did.

Policy, inventory and moment in; an explanation out. It decides nothing: verdict, rule and sentence are those of
`decide`, or those that a report has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from orchestrator.core.decide.decisions import decide_all
from orchestrator.core.decide.members import decide_members
from orchestrator.core.decide.other_policies import CoOwner, why_two_own, why_unread
from orchestrator.core.decide.whose_schedule import OwnSchedule, schedule_of
from orchestrator.core.model import (
    Account,
    Coverage,
    Decision,
    Exemption,
    Fact,
    GuardrailResult,
    Inventory,
    NameEffect,
    ReasonCode,
    Resource,
    ResourceKey,
    ResourceState,
)
from orchestrator.core.model.kind import StopEffects
from orchestrator.core.policy.conditions.trace import ConditionTrace, missed_by
from orchestrator.core.policy.opt_outs import (
    LINK,
    RESOURCE,
    OptOut,
    account_opt_outs,
    exemption_sentence,
    most_protective,
    read_opt_outs,
)
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.schedules.answer import ScheduleState
from orchestrator.core.policy.schema.limits import Guardrails


class RuleAnswer(StrEnum):
    """What one rule is to a resource."""

    OWNS = "owns"
    MAY_OWN = "may_own"
    """Whether it owns the resource is unknown, and no rule before it does."""
    COMES_LATER = "comes_later"
    """It matches too, or may; but an earlier one owns the resource, or may."""
    NO_MATCH = "no_match"
    ANOTHER_KIND = "another_kind"


@dataclass(frozen=True, slots=True)
class ScheduleTrace:
    """What the schedule of a rule says of the resource at that moment."""

    name: str
    """Empty where it is not known which."""
    local_time: datetime | None = None
    """In the schedule's zone."""
    state: ScheduleState | None = None
    since: datetime | None = None
    until: datetime | None = None
    unknown: str = ""
    """Why it is not known which schedule it is."""
    source: str = ""
    """Of one that a tag names, which tag; empty where the rule names it."""
    note: str = ""
    """Why that day is no usual one: a holiday, or an exception."""


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """One rule, asked about the resource."""

    name: str
    answer: RuleAnswer
    kinds: tuple[str, ...]
    condition: ConditionTrace | None = None
    """None: it is about other kinds."""
    schedule: ScheduleTrace | None = None
    """Of a rule that matches, or may; None: it has none, and may stop at any time."""
    missed: tuple[ConditionTrace, ...] = ()
    """The conditions that would have to hold for it to match."""


@dataclass(frozen=True, slots=True)
class OptOutTrace:
    """One opt-out of the resource, its account or an OU above it."""

    exemption: Exemption
    spares: bool
    """False: it is over, or only says why."""
    decides: bool
    """It is the most protective one."""
    sentence: str


@dataclass(frozen=True, slots=True)
class LossTrace:
    """What a stop would lose, and whether the rule that owns the resource lets it."""

    text: str
    why_kept: str
    """Why it is kept for that; empty where it may be lost."""
    what: str = ""
    """What that is, for people; empty where it is not known."""


@dataclass(frozen=True, slots=True)
class LimitTrace:
    """A guardrail; what it counted is known of a whole plan only."""

    name: str
    limit: float
    actual: float | None = None
    passed: bool | None = None
    account_id: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OutcomeTrace:
    """What came of the decision, by the report of its sweep."""

    status: str
    code: str
    message: str
    requested_at: str
    """As the report has it; empty: AWS was not asked."""
    verified_at: str


@dataclass(frozen=True, slots=True)
class HeldDown:
    """The sweep that stopped it last, where nothing was seen to start it since."""

    sweep_id: str
    asked_at: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that the decision on one resource was made of."""

    key: ResourceKey
    policy_name: str
    policy_sha256: str
    at: datetime
    """The moment that it is decided for."""
    sweep_id: str
    """The sweep that decided it; empty where it is decided now."""
    account_name: str
    ou_path: str
    coverage: Coverage | None
    """Why nothing of the account or the region is read; None where it is."""
    arn: str = ""
    name: str = ""
    aws_state: str = ""
    """Empty where it is not known."""
    decision: Decision | None = None
    """None: nothing of its account or region is read, so there is nothing to decide."""
    rules: tuple[RuleTrace, ...] = ()
    nearest: str = ""
    """Where no rule matches, the one that lacks the fewest conditions."""
    opt_outs: tuple[OptOutTrace, ...] = ()
    obstacle: str = ""
    losses: tuple[LossTrace, ...] = ()
    sizes: tuple[tuple[str, Fact], ...] = ()
    """What a start gives back, such as sizes, by AWS's names in snake case; of what runs."""
    others: tuple[str, ...] = ()
    """What other active policies own of it, or may."""
    limits: tuple[LimitTrace, ...] = ()
    outcome: OutcomeTrace | None = None
    """None: it is decided now, or nothing was to be done."""
    held_down: HeldDown | None = None
    notes: tuple[str, ...] = ()
    """What could not be told."""

    @property
    def sentence(self) -> str:
        """The deciding one."""
        if self.decision is not None:
            return self.decision.reason
        return f"Nothing of it is read: {self.coverage.detail}" if self.coverage else ""


def explain(
    policy: OrgPolicy, inventory: Inventory, key: ResourceKey, now: datetime, others: Sequence[CoOwner] = ()
) -> Explanation:
    """Of one resource in the inventory, as `decide_inventory` decides it; or why nothing of it is read."""
    policy = policy.with_unresolved(inventory.names)
    account = next(one for one in inventory.accounts if one.id == key.account_id)
    resource = next((one for one in inventory.resources if one.key == key), None)
    rows = [one for one in inventory.coverage if one.account_id == key.account_id]
    notes = what_holds(inventory)
    remembered = inventory.remembered
    notes += [f"the ledger could not be asked: {one}" for one in (remembered.unread, remembered.opt_outs_unread) if one]
    if resource is None:
        return Explanation(
            key=key,
            policy_name=policy.name,
            policy_sha256=policy.sha256,
            at=now,
            sweep_id="",
            account_name=account.name,
            ou_path=account.ou_path,
            coverage=next(iter(rows), None),
            opt_outs=tuple(_opt_outs(account_opt_outs(account, policy.day(now)))),
            limits=limits_of(policy.guardrails),
            notes=tuple(notes),
        )
    target = resource.target
    near = [one for one in inventory.resources if one is resource or (policy.members and one.target == target)]
    decided = decide_all(policy, near, {account.id: account}, now, others, inventory.remembered)
    decision = next(one for one in decide_members(decided, policy.members) if one.resource.key == key)
    found = explain_decision(policy, decision, lambda _: account, account, now)
    owner = _owner(policy, decision)
    claimed = why_two_own(policy, owner, resource, account, now, others) if owner else None
    return replace(found, others=(claimed.sentence,) if claimed else (), notes=tuple(notes))


def what_holds(inventory: Inventory) -> list[str]:
    """Why a sweep would be held, whatever it decides of each resource: by names, or by other policies."""
    unread = why_unread(inventory.others)
    found = [*(one.text for one in inventory.names.of(NameEffect.HOLDS)), *([unread] if unread else [])]
    return [f"a sweep would be held: {text}" for text in found]


def explain_decision(
    policy: OrgPolicy,
    decision: Decision,
    account_for: Callable[[Rule], Account],
    account: Account,
    now: datetime,
) -> Explanation:
    """Of a decision that is made. `account_for`: the account, as far as it is known of what a rule asks."""
    rules = tuple(_rules(policy, decision, account_for, now))
    resource, owner, today = decision.resource, _owner(policy, decision), policy.day(now)
    own = (*read_opt_outs(resource.tags, RESOURCE, resource.resource_id, today), *_by_link(decision))
    return replace(
        rules_unknown(decision, account, now, policy.name, policy.sha256),
        rules=rules,
        nearest=_nearest(rules) if decision.rule is None else "",
        opt_outs=tuple(_opt_outs((*account_opt_outs(account, today), *own))),
        losses=tuple(_losses(resource, owner, policy.effects.get(resource.kind))),
        sizes=tuple(_sizes(policy, resource)),
        limits=limits_of(policy.guardrails),
    )


def rules_unknown(
    decision: Decision, account: Account, now: datetime, policy_name: str, policy_sha256: str
) -> Explanation:
    """Of a decision by a policy whose text is lost."""
    resource = decision.resource
    # What stands in the way of its own stop does not where its owner is stopped.
    goes_with_owner = decision.reason_code is ReasonCode.STOPS_WITH_OWNER
    return Explanation(
        key=resource.key,
        policy_name=policy_name,
        policy_sha256=policy_sha256,
        at=now,
        sweep_id="",
        account_name=account.name,
        ou_path=account.ou_path,
        coverage=None,
        arn=resource.arn,
        name=resource.name,
        aws_state=resource.aws_state,
        decision=decision,
        obstacle=resource.obstacle.sentence if resource.obstacle and not goes_with_owner else "",
        losses=tuple(_losses(resource, None, None)),
    )


def limits_of(guardrails: Guardrails) -> tuple[LimitTrace, ...]:
    """Those that the policy sets."""
    in_all = {name: value for name, value in guardrails.model_dump().items() if isinstance(value, int | float)}
    each = {f"per_account.{name}": value for name, value in guardrails.per_account.model_dump().items()}
    return tuple(LimitTrace(name, value) for name, value in {**in_all, **each}.items() if value is not None)


def limit_of(result: GuardrailResult) -> LimitTrace:
    """That of a whole plan."""
    return LimitTrace(result.name, result.limit, result.actual, result.passed, result.account_id, result.detail)


def schedule_trace(own: OwnSchedule, now: datetime) -> ScheduleTrace | None:
    """What it says at that moment, by its own clocks; None where there is none."""
    if own.unknown or own.schedule is None:
        return ScheduleTrace("", unknown=own.unknown) if own.unknown else None
    schedule = own.schedule
    answer = schedule.at(now)
    local = now.astimezone(schedule.timezone)
    return ScheduleTrace(
        name=schedule.name,
        local_time=local,
        state=answer.state,
        since=answer.since,
        until=answer.until,
        source=own.source,
        note=schedule.day_note(now),
    )


def _rules(
    policy: OrgPolicy, decision: Decision, account_for: Callable[[Rule], Account], now: datetime
) -> Iterator[RuleTrace]:
    """Of those before the rule that owns the resource none matches; what comes later may match too."""
    owned = False
    for rule in policy.rules:
        kinds = tuple(sorted(rule.kinds))
        is_owner = rule.name == decision.rule
        if decision.resource.kind not in rule.kinds:
            yield RuleTrace(rule.name, RuleAnswer.ANOTHER_KIND, kinds)
        else:
            account = account_for(rule)
            trace = rule.where.trace(decision.resource, account, now)
            answer = _answer(trace, is_owner=is_owner, owned=owned)
            missed = missed_by(trace) if answer is RuleAnswer.NO_MATCH else ()
            matches = is_owner or trace.held is not False
            own = schedule_of(policy, rule, decision.resource, account) if matches else OwnSchedule(None)
            yield RuleTrace(rule.name, answer, kinds, trace, schedule_trace(own, now), missed)
        owned = owned or is_owner


def _owner(policy: OrgPolicy, decision: Decision) -> Rule | None:
    return next((one for one in policy.rules if one.name == decision.rule), None)


def _answer(trace: ConditionTrace, *, is_owner: bool, owned: bool) -> RuleAnswer:
    """A rule before the one that owns it does not match: a report may lack the facts that say so."""
    if is_owner:
        return RuleAnswer.MAY_OWN if trace.held is None else RuleAnswer.OWNS
    return RuleAnswer.COMES_LATER if owned and trace.held is not False else RuleAnswer.NO_MATCH


def _nearest(rules: Iterable[RuleTrace]) -> str:
    """Of two that lack as many, the one of which that is known."""
    asked = [one for one in rules if one.missed]
    unknown = {one.name: sum(leaf.held is None for leaf in one.missed) for one in asked}
    return min(asked, key=lambda one: (len(one.missed), unknown[one.name])).name if asked else ""


def _opt_outs(found: Sequence[OptOut]) -> Iterator[OptOutTrace]:
    deciding = most_protective(found)
    for one in found:
        spares = not one.expired and not one.only_a_reason
        sentence = exemption_sentence(one.exemption) if spares else _spares_not(one)
        yield OptOutTrace(one.exemption, spares, spares and one.exemption is deciding, sentence)


def _by_link(decision: Decision) -> tuple[OptOut, ...]:
    """Only what decided: the others are in the table."""
    spared_by = decision.exemption
    return (OptOut(spared_by),) if spared_by is not None and spared_by.source == LINK else ()


def _spares_not(one: OptOut) -> str:
    why = "is over" if one.expired else "only says why"
    return f"The tag {one.exemption.tag}={one.exemption.value} on {one.exemption.source_id} {why}; it spares nothing."


def _losses(resource: Resource, owner: Rule | None, effects: StopEffects | None) -> Iterator[LossTrace]:
    """Each that it has by itself, and what every stop of its kind loses."""
    for one in resource.losses:
        accepted = owner is not None and one.word in owner.accept
        what = effects.losses.get(one.word, "") if effects is not None else ""
        yield LossTrace(one.text, "" if accepted else one.why_kept, f"its {what}" if what else "")
    if effects is not None and effects.always_lost and resource.state is ResourceState.RUNNING:
        yield LossTrace("", "", f"its {effects.always_lost}")


def _sizes(policy: OrgPolicy, resource: Resource) -> Iterator[tuple[str, Fact]]:
    """A report has them as facts."""
    evidence = policy.evidence.get(resource.kind)
    names = sorted(evidence.start_needs) if evidence is not None and resource.state is ResourceState.RUNNING else ()
    return ((name, resource.facts[name]) for name in names if name in resource.facts)
