"""What the other active policies of the hub own: a resource that two policies own is kept by both.

Owned is owned, whatever the other policy's schedules, modes and opt-outs. What it is not sure of is unknown, and may be
its own: a condition, a name that is the name of nothing, the scope that such a name is to widen or to narrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.core.decide.known_names import ACCOUNT, REGION, UNIT, Known, Resolver, matches_any
from orchestrator.core.decide.names import ALLOW, resolve_names
from orchestrator.core.decide.owner import owner_of
from orchestrator.core.decide.scope import is_in_scope, region_in_scope
from orchestrator.core.model import (
    NO_NAMES,
    Account,
    NameEffect,
    Names,
    OtherPolicy,
    Reason,
    ReasonCode,
    Resource,
    UnresolvedName,
)
from orchestrator.core.policy.conditions.interface import NamedText
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.schema.scope import OrganizationScope, RegionScope
from orchestrator.core.policy.yaml_document import path_text

_EXCLUDE = (
    "both keep it until one of them excludes it: its OU, account or region in the policy's scope, "
    "or a `not:` in the rule's `where`."
)
_EVERY_ONE = ("/", "*")
_NOT_ASKED = "could not be held against the organization"


@dataclass(frozen=True, slots=True)
class Claim:
    """That a rule of another policy owns a resource, or may."""

    policy_name: str
    rule_name: str
    unknown: tuple[str, ...] | None = None
    """What that depends on; None where it is sure."""


@dataclass(frozen=True, slots=True)
class CoOwner:
    """Another active policy, compiled for one listing of the organization (`as_co_owner`)."""

    policy: OrgPolicy
    """With a condition unknown wherever one of its names is."""
    widest: OrganizationScope
    """The scope that it may have: as if what is not sure to leave something out did not."""
    widest_regions: RegionScope
    doubts: tuple[str, ...] = ()
    """The names by which the two scopes differ."""

    def claim(self, resource: Resource, account: Account, now: datetime) -> Claim | None:
        """None: it does not own the resource."""
        scope, regions, region = self.policy.organization, self.policy.regions, resource.target.region
        may_own = is_in_scope(self.widest, account) is not False and region_in_scope(self.widest_regions, region)
        owner = owner_of(self.policy, resource, account, now) if may_own else None
        if owner is None or owner.rule is None:
            return None
        unknown = owner.unknown
        if not (is_in_scope(scope, account) and region_in_scope(regions, region)):
            unknown = (*(unknown or ()), *(self.doubts or (f"place in the organization ({account.id})",)))
        return Claim(self.policy.name, owner.rule.name, None if unknown is None else tuple(unknown))


def as_co_owner(policy: OrgPolicy, names: Names) -> CoOwner:
    """The policy as others see it; `names` are those of it that it is not sure of (`doubtful_names`)."""
    unknown = {one.path for one in names.unresolved}
    scope, regions = policy.organization, policy.regions
    everywhere = bool(unknown & set(_places("organization.include", scope.include)))
    in_all_regions = bool(unknown & set(_places("regions.include", regions.include)))
    widest = scope.model_copy(
        update={
            "include": () if everywhere else scope.include,
            "exclude": _sure("organization.exclude", scope.exclude, unknown),
            "exclude_accounts": _sure("organization.exclude_accounts", scope.exclude_accounts, unknown),
        }
    )
    widest_regions = regions.model_copy(
        update={
            "include": ("*",) if in_all_regions else regions.include,
            "exclude": _sure("regions.exclude", regions.exclude, unknown),
        }
    )
    doubts = [one for one in names.unresolved if one.path.startswith(("organization.", "regions."))]
    every = Names(tuple(replace(one, effect=NameEffect.UNKNOWN) for one in names.unresolved))
    return CoOwner(
        policy.with_unresolved(every),
        widest,
        widest_regions,
        tuple(f"{one.word} ({one.name!r} is unresolved)" for one in doubts),
    )


def doubtful_names(policy: OrgPolicy, known: Known) -> Names:
    """Every name by which it may own something that is not known, whatever that does to its own sweeps.

    There, one that is misspelt may stop too little, which is no reason to hold it. Here it may be what protects. None
    where the policy says that names come and go. An account that left has nothing that could be stopped, and an OU
    without an account is known.
    """
    if policy.unresolved_names == ALLOW:
        return NO_NAMES
    resolver, found = Resolver(policy, known), resolve_names(policy, known).unresolved
    return Names(tuple(one for one in found if not _has_left(one, known) and not _is_empty(one, resolver)))


def every_name(policy: OrgPolicy) -> Names:
    """All names of it, where there is no listing that they could be held against."""
    return Names(
        tuple(
            UnresolvedName(
                path_text(one.place), policy.lines.get(one.place, 1), one.word, one.text, NameEffect.UNKNOWN, _NOT_ASKED
            )
            for one in _named(policy)
        )
    )


def why_two_own(
    policy: OrgPolicy, rule: Rule, resource: Resource, account: Account, now: datetime, others: Iterable[CoOwner]
) -> Reason | None:
    """The reason for what a rule of this policy owns and another policy too, or may; None where no other does."""
    claims = [claim for one in others if (claim := one.claim(resource, account, now)) is not None]
    if not claims:
        return None
    sure = [one for one in claims if one.unknown is None]
    texts = [*_sure_claims(sure), *map(_unsure_claim, (one for one in claims if one.unknown is not None))]
    text = f"Rule {rule.name} of policy {policy.name} owns it, and {', and '.join(texts)}; {_EXCLUDE}"
    return Reason(ReasonCode.OWNED_BY_TWO_POLICIES, text)


def why_unread(others: Iterable[OtherPolicy]) -> str:
    """In one sentence, which of them are not known, why, and what to do; empty where all are."""
    return "; ".join(
        f"policy {one.name} is active, and what it owns is not known: {one.unread}" for one in others if one.unread
    )


def _sure_claims(claims: Sequence[Claim]) -> Iterator[str]:
    if claims:
        owners = " and ".join(f"rule {one.rule_name} of policy {one.policy_name}" for one in claims)
        yield f"{owners} {'own' if len(claims) > 1 else 'owns'} it too"


def _unsure_claim(claim: Claim) -> str:
    names = ", ".join(claim.unknown or ()) or "facts"
    owner = f"rule {claim.rule_name} of policy {claim.policy_name}"
    return f"{owner} may own it too, which depends on what is unknown: its {names}"


def _places(section: str, texts: Sequence[str]) -> list[str]:
    return [path_text((*section.split("."), number)) for number in range(len(texts))]


def _sure(section: str, texts: Sequence[str], unknown: set[str]) -> tuple[str, ...]:
    return tuple(text for place, text in zip(_places(section, texts), texts, strict=True) if place not in unknown)


def _named(policy: OrgPolicy) -> Iterator[NamedText]:
    scope, regions = policy.organization, policy.regions
    for word, section, texts in (
        (UNIT, "organization.include", scope.include),
        (UNIT, "organization.exclude", scope.exclude),
        (REGION, "regions.include", regions.include),
        (REGION, "regions.exclude", regions.exclude),
    ):
        for number, text in enumerate(texts):
            if text not in _EVERY_ONE:
                yield NamedText(word, text, (*section.split("."), number))
    for rule in policy.rules:
        yield from rule.where.names()


def _is_empty(one: UnresolvedName, resolver: Resolver) -> bool:
    """An OU that is included and there, and has no account; not one that has the name of another."""
    named = NamedText(one.word, one.name, ())
    is_included = one.path.startswith("organization.include")
    return is_included and resolver.is_there(named) and not resolver.was_another(named)


def _has_left(one: UnresolvedName, known: Known) -> bool:
    return one.word == ACCOUNT and matches_any(one.name, known.before.accounts)
