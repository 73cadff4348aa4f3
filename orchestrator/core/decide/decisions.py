"""Stop or keep, for one resource: the one place that decides. Always with a reason that a person understands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from orchestrator.core.decide.protections import protection
from orchestrator.core.model import Account, AccountId, Action, Decision, Exemption, Resource, Verdict
from orchestrator.core.policy.conditions.evaluation import facts_used, holds
from orchestrator.core.policy.opt_outs import RESOURCE, exemption_sentence, most_protective, read_opt_outs
from orchestrator.core.policy.org_policy import OrgPolicy, Rule


def decide_all(
    policy: OrgPolicy, resources: Iterable[Resource], accounts: Mapping[AccountId, Account], now: datetime
) -> tuple[Decision, ...]:
    """One decision for each resource, sorted by place. `now` has a time zone."""
    decisions = (decide(policy, resource, accounts[resource.target.account_id], now) for resource in resources)
    return tuple(sorted(decisions, key=_place))


def decide(policy: OrgPolicy, resource: Resource, account: Account, now: datetime) -> Decision:
    """Keep, unless a rule owns the resource, its schedule allows a stop and nothing protects it."""
    rule = _owning_rule(policy, resource, account)
    facts = {**resource.facts, **(facts_used(rule.where, resource, account) if rule else {})}
    exemption = _exemption(policy, resource, now)
    reason = _reason_to_keep(resource, rule, exemption, now)
    return Decision(
        resource=resource,
        verdict=Verdict.STOP if reason is None and rule is not None else Verdict.KEEP,
        reason=reason or _reason_to_stop(rule),
        rule=rule.name if rule else None,
        action=rule.action if rule else Action.STOP,
        exemption=exemption,
        facts=facts,
    )


def _place(decision: Decision) -> tuple[str, str, str, str]:
    resource = decision.resource
    return resource.target.account_id, resource.target.region, resource.kind, resource.resource_id


def _owning_rule(policy: OrgPolicy, resource: Resource, account: Account) -> Rule | None:
    """The first rule whose `where` holds; later ones do not matter."""
    for rule in policy.rules:
        if resource.kind in rule.kinds and holds(rule.where, resource, account):
            return rule
    return None


def _exemption(policy: OrgPolicy, resource: Resource, now: datetime) -> Exemption | None:
    today = now.astimezone(policy.timezone).date()
    opt_outs = read_opt_outs(resource.tags, RESOURCE, resource.resource_id, today)
    return most_protective(opt_outs)


def _reason_to_keep(resource: Resource, rule: Rule | None, exemption: Exemption | None, now: datetime) -> str | None:
    if exemption is not None:
        return exemption_sentence(exemption)
    protected = protection(resource)
    if protected is not None:
        return protected
    if rule is None:
        return "No rule of the policy matches it."
    if rule.schedule is not None and rule.schedule.is_running(now):
        return f"Rule {rule.name} owns it, but its schedule {rule.schedule.name} says that it should run now."
    return None


def _reason_to_stop(rule: Rule | None) -> str:
    assert rule is not None, "a resource without a rule is always kept"
    if rule.schedule is None:
        return f"Rule {rule.name} owns it and may stop it at any time."
    return f"Rule {rule.name} owns it and its schedule {rule.schedule.name} is outside of its running hours."
