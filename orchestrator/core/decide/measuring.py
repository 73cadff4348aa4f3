"""Which resources CloudWatch is asked about: those of which a condition's metrics decide whether they are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from orchestrator.core.decide.decisions import decide
from orchestrator.core.decide.other_policies import CoOwner
from orchestrator.core.model import Account, AccountId, Inventory, Resource, ResourceKey, ResourceState, Verdict
from orchestrator.core.model.measured import Measured
from orchestrator.core.model.metric import MetricSpan
from orchestrator.core.policy.conditions.everything import Everything
from orchestrator.core.policy.conditions.interface import Condition
from orchestrator.core.policy.org_policy import OrgPolicy, Rule


def asks_metrics(policy: OrgPolicy, others: Iterable[CoOwner] = ()) -> bool:
    """Whether any rule of it, or of another active policy, depends on what CloudWatch measured."""
    return any(_asks(rule.where) for one in (policy, *(other.policy for other in others)) for rule in one.rules)


def wanted_metrics(
    policy: OrgPolicy, inventory: Inventory, now: datetime, others: Sequence[CoOwner] = ()
) -> Mapping[ResourceKey, frozenset[MetricSpan]]:
    """What to ask of which resource: it runs, nothing spares it, whose it is depends on a metric that was not read, and
    a rule that may own it would act on it now.
    """
    if not asks_metrics(policy, others):
        return {}
    policy = policy.with_unresolved(inventory.names)
    accounts = {account.id: account for account in inventory.accounts}
    return dict(_wanted(policy, inventory, accounts, now, others))


def _wanted(
    policy: OrgPolicy,
    inventory: Inventory,
    accounts: Mapping[AccountId, Account],
    now: datetime,
    others: Sequence[CoOwner],
) -> Iterator[tuple[ResourceKey, frozenset[MetricSpan]]]:
    sure = {id(rule): replace(policy, rules=(replace(rule, where=Everything()),)) for rule in policy.rules}
    for one in inventory.resources:
        if one.state is not ResourceState.RUNNING or one.measured is not None:
            continue
        account = accounts[one.target.account_id]
        owners = possible_owners(policy, one, account, now)
        asked = _unknown_metrics(owners, one, account, now)
        for other in others:
            if owners and other.claim(one, account, now) is not None:
                asked |= _unknown_metrics(possible_owners(other.policy, one, account, now), one, account, now)
        if asked and any(_would_act(sure[id(rule)], one, account, now, inventory) for rule in owners):
            yield one.key, frozenset(asked)


def possible_owners(policy: OrgPolicy, resource: Resource, account: Account, now: datetime) -> tuple[Rule, ...]:
    """Every rule that owns the resource, or would if what is unknown became known."""
    found: list[Rule] = []
    for rule in policy.rule_index.candidates(resource, account):
        if (held := rule.where.evaluate(resource, account, now)) is not False:
            found.append(rule)
            if held:
                break
    return tuple(found)


def still_counts(planned: Resource, fresh: Resource, max_age: timedelta, now: datetime) -> bool:
    """Whether what was measured before the plan holds for the resource as it is now: it was not started again since,
    and that is not longer ago than facts may be.
    """
    measured = planned.measured
    if measured is None or planned.started_at != fresh.started_at:
        return False
    return timedelta() <= now - measured.read_at <= max_age


def unread(read_at: datetime, asked: Iterable[MetricSpan], why: str) -> Measured:
    """What is known where CloudWatch did not tell."""
    return Measured(read_at, tuple(sorted(asked)), unread=why)


def _asks(where: Condition) -> bool:
    return any(True for _ in where.metrics())


def _unknown_metrics(rules: Iterable[Rule], resource: Resource, account: Account, now: datetime) -> set[MetricSpan]:
    unknown = (rule.where for rule in rules if rule.where.evaluate(resource, account, now) is None)
    return {one for where in unknown for one in where.metrics()}


def _would_act(only_rule: OrgPolicy, resource: Resource, account: Account, now: datetime, inventory: Inventory) -> bool:
    """By a policy whose one rule owns it for sure; what other policies own is another question."""
    decision = decide(only_rule, resource, account, now, (), inventory.remembered)
    return decision.verdict is not Verdict.KEEP
