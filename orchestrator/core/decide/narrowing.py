"""A sweep that a person narrowed: what is read of the policy's scope, what is acted on, and which names are none.

It only narrows. Names of the policy are resolved in the whole organization, and every rule is asked in order, so a
resource of an earlier rule is not given to a later one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from orchestrator.core.decide.members import decide_members
from orchestrator.core.decide.scope import region_in_scope
from orchestrator.core.decide.simulate import Asked, Moment, Simulated
from orchestrator.core.model import (
    UNREADABLE,
    Account,
    Coverage,
    Decision,
    Decisions,
    Inventory,
    Narrowing,
    Organization,
    ReasonCode,
    Region,
    Resource,
    TargetStatus,
    Verdict,
)
from orchestrator.core.policy.conditions.matching import account_within, is_unit_id, unit_problem
from orchestrator.core.policy.nearest import nearest
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.schema.scope import RegionScope

_ACCOUNT = re.compile(r"[0-9]{12}")
_ARN = re.compile(r"arn:[^:]+:[^:]+:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):.+")
_OTHER_RULES = "Another rule decides it, and this simulation was narrowed to other rules."
_LEFT_OUT = "It would be acted on, and this sweep was narrowed to other {}."


class _Arn(NamedTuple):
    text: str
    account_id: str
    region: str


# --- what is wrong with it --------------------------------------------------------------------------------------------


def narrowing_problems(narrowing: Narrowing, policy: OrgPolicy, regions: Iterable[Region]) -> tuple[str, ...]:
    """What the policy and the form of the texts tell, before anything is read. `regions`: of every partition."""
    known = {*regions, *policy.regions.include}
    found = [*_wrong_forms(narrowing), *_wrong_rules(narrowing, policy)]
    for region in narrowing.regions:
        if region not in known:
            found.append(f"--region {region}: there is no such region{_hint(region, known)}")
        elif not region_in_scope(policy.regions, Region(region)):
            found.append(f"--region {region}: the policy's regions leave it out")
    found += _wrong_arns(narrowing, policy)
    return tuple(found)


def organization_problems(narrowing: Narrowing, organization: Organization) -> tuple[str, ...]:
    """The accounts and OUs that are none of the organization, or hold nothing."""
    ids = [account.id for account in organization.accounts]
    named = [("--account", one) for one in narrowing.accounts]
    named += [("--resource", arn.account_id) for arn in _arns(narrowing)]
    found = [
        f"{option} {one}: {organization.id} has no such account{_hint(one, ids)}"
        for option, one in named
        if one not in ids
    ]
    above = {unit.id: unit.path for account in organization.accounts for unit in account.organizational_units}
    for unit in narrowing.organizational_units:
        if not any(account_within(account, unit) for account in organization.accounts):
            hint = _hint(unit, [*above.values(), *above])
            found.append(
                f"--organizational-unit {unit}: no account of {organization.id} is in or below such an OU{hint}"
            )
    if narrowing and not found and not any(is_in(narrowing, account) for account in organization.accounts):
        found.append(f"{narrowing.text}: no account is in all of that")
    return tuple(found)


def resource_problems(
    narrowing: Narrowing, resources: Sequence[Resource], coverage: Iterable[Coverage]
) -> tuple[str, ...]:
    """The resources that are none of what was read."""
    there = {name for one in resources for name in (one.resource_id, one.arn)}
    missing = [one for one in narrowing.resources if one not in there]
    if not missing:
        return ()
    rows = list(coverage)
    read = sum(row.status is TargetStatus.SCANNED for row in rows)
    unread = sum(row.status in UNREADABLE for row in rows)
    looked = [f"{len(resources)} that run were read in {read} {'target' if read == 1 else 'targets'}"]
    looked += [f"{unread} could not be read, as the report says"] if unread else []
    left_out = len(rows) - read - unread
    looked += (
        [f"{left_out} {'is' if left_out == 1 else 'are'} left out by policy or opt-out, or disabled"]
        if left_out
        else []
    )
    nothing = "nothing that runs has this id or ARN"
    return tuple(
        f"--resource {one}: {nothing}{_hint(one, there) or '; it may be stopped already'} ({'; '.join(looked)})"
        for one in missing
    )


def stored_problems(narrowing: Narrowing, inventory: Inventory) -> tuple[str, ...]:
    """What a report has nothing of; `inventory` is made of one, in which OUs have paths and no ids."""
    resources = inventory.resources
    known: dict[str, tuple[list[str], Sequence[str]]] = {
        "--account": ([one.id for one in inventory.accounts], narrowing.accounts),
        "--region": ([one.target.region for one in resources], narrowing.regions),
        "--resource": ([name for one in resources for name in (one.resource_id, one.arn)], narrowing.resources),
    }
    found = [
        f"{option} {one}: the report has nothing of it{_hint(one, there)}"
        for option, (there, named) in known.items()
        for one in named
        if one not in there
    ]
    paths = [unit.path for account in inventory.accounts for unit in account.organizational_units]
    for unit in narrowing.organizational_units:
        if is_unit_id(unit):
            found.append(f"--organizational-unit {unit}: a report has no ids of OUs; name it by its path")
        elif not any(account_within(account, unit) for account in inventory.accounts):
            found.append(f"--organizational-unit {unit}: the report has nothing of it{_hint(unit, paths)}")
    return tuple(found)


def _wrong_forms(narrowing: Narrowing) -> Iterator[str]:
    for account in narrowing.accounts:
        if not _ACCOUNT.fullmatch(account):
            yield f"--account {account}: an account's id has 12 digits"
    for unit in narrowing.organizational_units:
        problem = unit_problem(unit)
        if problem is not None:
            yield f"--organizational-unit: {problem}"
    for resource in narrowing.resources:
        if not resource.strip() or (resource.startswith("arn:") and _ARN.fullmatch(resource) is None):
            yield f"--resource {resource}: it is no id, and no ARN with a region and an account"


def _wrong_rules(narrowing: Narrowing, policy: OrgPolicy) -> Iterator[str]:
    names = [rule.name for rule in policy.rules]
    for rule in narrowing.rules:
        if rule not in names:
            there = f"the rules are {', '.join(names)}" if names else "the policy has no rules"
            yield f"--rule {rule}: the policy has no such rule{_hint(rule, names)}; {there}"


def _wrong_arns(narrowing: Narrowing, policy: OrgPolicy) -> Iterator[str]:
    for arn in _arns(narrowing):
        if narrowing.accounts and arn.account_id not in narrowing.accounts:
            yield f"--resource {arn.text}: its account is none of --account"
        if narrowing.regions and arn.region not in narrowing.regions:
            yield f"--resource {arn.text}: its region is none of --region"
        elif not region_in_scope(policy.regions, Region(arn.region)):
            yield f"--resource {arn.text}: the policy's regions leave its region out"


def _hint(text: str, known: Iterable[str]) -> str:
    near = nearest(text, known)
    return f" (did you mean {near}?)" if near else ""


# --- what it leaves ---------------------------------------------------------------------------------------------------


def is_in(narrowing: Narrowing, account: Account) -> bool:
    """Whether the account is looked at. One of which nobody knows where it is may be in any OU."""
    accounts = _both(narrowing.accounts, [arn.account_id for arn in _only_arns(narrowing)])
    if accounts is not None and account.id not in accounts:
        return False
    units = narrowing.organizational_units
    return not units or account.units_error is not None or any(account_within(account, unit) for unit in units)


def narrow_organization(narrowing: Narrowing, organization: Organization) -> Organization:
    """With the accounts that are looked at, and no row for any other."""
    if not narrowing:
        return organization
    return replace(organization, accounts=tuple(one for one in organization.accounts if is_in(narrowing, one)))


def policy_to_read(narrowing: Narrowing, policy: OrgPolicy) -> OrgPolicy:
    """By whose regions and kinds is read; nothing is decided by it, and no name is resolved."""
    regions = _both(narrowing.regions, [arn.region for arn in _only_arns(narrowing)])
    if regions is not None:
        left = tuple(one for one in regions if region_in_scope(policy.regions, Region(one)))
        only = RegionScope(include=left) if left else RegionScope(exclude=("*",))
        policy = replace(policy, regions=only)
    if narrowing.rules:
        policy = replace(policy, rules=tuple(rule for rule in policy.rules if rule.name in narrowing.rules))
    return policy


def narrow_decisions(narrowing: Narrowing, policy: OrgPolicy, decisions: Decisions) -> Decisions:
    """What is not named and would be acted on is kept; everything that was read still counts as read."""
    if not (narrowing.rules or narrowing.resources):
        return decisions
    narrowed = tuple(_narrowed(narrowing, one) for one in decisions.decisions)
    return replace(decisions, decisions=decide_members(narrowed, policy.members))


def narrow_inventory(narrowing: Narrowing, inventory: Inventory) -> Inventory:
    """With the resources that are named, and all accounts."""
    accounts = {one.id for one in inventory.accounts if is_in(narrowing, one)}
    kept = (
        one
        for one in inventory.resources
        if one.target.account_id in accounts
        and (not narrowing.regions or one.target.region in narrowing.regions)
        and (not narrowing.resources or not {one.resource_id, one.arn}.isdisjoint(narrowing.resources))
    )
    return replace(inventory, resources=tuple(kept)) if narrowing else inventory


def narrow_simulated(narrowing: Narrowing, simulated: Iterable[Simulated]) -> tuple[Simulated, ...]:
    """What the named rules ask, of the resources that one of them decides at some moment: another rule's is kept."""
    if not narrowing.rules:
        return tuple(simulated)
    named = (one for one in simulated if any(moment.rule in narrowing.rules for moment in one.moments))
    return tuple(Simulated(one.key, tuple(_of_rules(narrowing, one.moments))) for one in named)


def _of_rules(narrowing: Narrowing, moments: Iterable[Moment]) -> Iterator[Moment]:
    each = (
        one if one.rule in narrowing.rules else replace(one, asked=Asked.KEPT, reason=_OTHER_RULES) for one in moments
    )
    for _, alike in groupby(each, key=lambda one: one.asked):
        yield next(alike)


def _narrowed(narrowing: Narrowing, decision: Decision) -> Decision:
    if decision.verdict is Verdict.KEEP:
        return decision
    other = []
    if narrowing.rules and decision.rule not in narrowing.rules:
        other.append("rules")
    if narrowing.resources and {decision.resource.resource_id, decision.resource.arn}.isdisjoint(narrowing.resources):
        other.append("resources")
    if not other:
        return decision
    reason = _LEFT_OUT.format(" and ".join(other))
    return replace(decision, verdict=Verdict.KEEP, reason_code=ReasonCode.NARROWED, reason=reason)


def _arns(narrowing: Narrowing) -> list[_Arn]:
    found = (_ARN.fullmatch(one) for one in narrowing.resources)
    return [_Arn(one[0], one["account"], one["region"]) for one in found if one is not None]


def _only_arns(narrowing: Narrowing) -> list[_Arn]:
    """Those, where nothing is named by its id alone, which may be anywhere."""
    arns = _arns(narrowing)
    return arns if len(arns) == len(narrowing.resources) else []


def _both(named: Sequence[str], of_arns: Sequence[str]) -> tuple[str, ...] | None:
    """What is in both, each once; either may be empty and mean all. None: that is all."""
    if not (named or of_arns):
        return None
    return tuple(dict.fromkeys(one for one in of_arns or named if not named or one in named))
