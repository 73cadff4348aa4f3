"""Are the names in a policy names of anything? Policy and organization in, every name that matches nothing out.

A name that matches nothing excludes nothing, and a `not` makes everything of it: so it holds the sweep, or makes its
condition unknown, unless the policy allows it. So does a path that stood for an OU in an earlier listing which is not
there by that name any more: what was in it is elsewhere now, and the path spares it no longer. So does a name of an OU
below which another one was deleted, of which the accounts are elsewhere now. What a person moved out of an OU that is
still there is judged by where it is now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from orchestrator.core.decide.known_names import (
    ACCOUNT,
    REGION,
    UNIT,
    Known,
    Resolver,
    matches_any,
    spellings,
)
from orchestrator.core.decide.unresolved_names import advice, nearest_name, what_is_wrong
from orchestrator.core.model import NameEffect, Names, Organization, Region, UnresolvedName
from orchestrator.core.policy.conditions.interface import NamedText
from orchestrator.core.policy.conditions.matching import is_glob
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.yaml_document import Path, path_text

ALLOW = "allow"
_CONSEQUENCES = {
    NameEffect.HOLDS: "so the sweep is held",
    NameEffect.UNKNOWN: "so its condition is unknown, and what depends on that is kept",
    NameEffect.WARNS: "",
}


def units_named(policy: OrgPolicy, organization: Organization) -> dict[str, frozenset[str]]:
    """The ids of the OUs that each name of an OU in the policy is the name of, by its spellings: themselves, without
    those below.
    """
    resolver = Resolver(policy, Known(organization))
    scope = policy.organization
    texts = {one.text for rule in policy.rules for one in rule.where.names() if one.word == UNIT}
    names = {name for text in (*scope.include, *scope.exclude, *texts) for name in spellings(text)}
    return {name: resolver.ids_of(name) for name in names}


def resolve_names(policy: OrgPolicy, known: Known) -> Names:
    """Every name of the policy that matches nothing, in the order of the document, and what comes of it."""
    verdict = _Verdict(policy, known)
    found = [*verdict.in_scope(), *verdict.in_rules()]
    return Names(tuple(sorted(found, key=lambda one: one.line)))


def no_longer_resolved(policy: OrgPolicy, known: Known, frozen: Names) -> Names:
    """The OUs by whose names the policy spares something, that were there when it planned, and are not there now."""
    before = {one.path for one in frozen.unresolved}
    now = resolve_names(policy, known).unresolved
    lost = (one for one in now if one.word == UNIT and one.path not in before)
    return Names(tuple(one for one in lost if one.effect is not NameEffect.WARNS))


def regions_resolved(policy: OrgPolicy, regions: frozenset[Region]) -> bool:
    """Whether these are enough: every name of a region in the policy matches one of them."""
    named = [*policy.regions.include, *policy.regions.exclude]
    named += [one.text for rule in policy.rules for one in rule.where.names() if one.word == REGION]
    return all(matches_any(text, regions) for text in named)


class _Verdict:
    """What comes of each name of one policy."""

    def __init__(self, policy: OrgPolicy, known: Known) -> None:
        self._policy = policy
        self._resolver = Resolver(policy, known)

    def in_scope(self) -> Iterator[UnresolvedName]:
        scope, regions = self._policy.organization, self._policy.regions
        yield from self._included(_named(UNIT, "organization.include", scope.include), self._resolver.has_account)
        yield from self._included(_named(REGION, "regions.include", regions.include), self._resolver.is_there)
        for one in (
            *_named(UNIT, "organization.exclude", scope.exclude),
            *_named(ACCOUNT, "organization.exclude_accounts", scope.exclude_accounts),
            *_named(REGION, "regions.exclude", regions.exclude),
        ):
            escaped = not all(map(self._resolver.is_excluded, self._resolver.escaped(one)))
            if not self._resolver.is_there(one) or self._resolver.gone(one) or escaped or self._resolver.taken_out(one):
                yield self._unresolved(one, NameEffect.HOLDS)

    def in_rules(self) -> Iterator[UnresolvedName]:
        """Each place once, by the most careful of what comes of it: several rules may use one named condition."""
        rules = self._policy.rules
        looked_at: dict[tuple[NamedText, bool], None] = {}
        for number, rule in enumerate(rules):
            shields = _shields(rule, rules[number + 1 :])
            looked_at |= dict.fromkeys(
                (one._replace(is_negated=False), one.is_negated or shields) for one in rule.where.names()
            )
        found: dict[Path, UnresolvedName] = {}
        for one, spares in looked_at:
            another = self._resolver.was_another(one) and (spares or not is_glob(one.text))
            if not self._resolver.is_there(one) or another or (spares and self._resolver.taken_out(one)):
                effect = NameEffect.UNKNOWN if spares or another else NameEffect.WARNS
                if effect is NameEffect.UNKNOWN or one.place not in found:
                    found[one.place] = self._unresolved(one, effect)
        yield from found.values()

    def _included(
        self, names: Sequence[NamedText], includes_any: Callable[[NamedText], bool]
    ) -> Iterator[UnresolvedName]:
        """Beside one that includes something, one that includes nothing widens nothing; one that includes another OU
        than before may.
        """
        dead = [one for one in names if not includes_any(one)]
        effect = NameEffect.HOLDS if len(dead) == len(names) else NameEffect.WARNS
        for one in names:
            if one in dead:
                yield self._unresolved(one, effect)
            elif self._resolver.was_another(one) and not is_glob(one.text):
                yield self._unresolved(one, NameEffect.HOLDS)

    def _unresolved(self, one: NamedText, effect: NameEffect) -> UnresolvedName:
        """An account that left has nothing any more that could be stopped."""
        has_left = one.word == ACCOUNT and matches_any(one.text, self._resolver.known.before.accounts)
        if has_left:
            effect = NameEffect.WARNS
        consequence = _CONSEQUENCES[effect]
        if effect is not NameEffect.WARNS and self._policy.unresolved_names == ALLOW:
            effect, consequence = NameEffect.WARNS, "which `unresolved_names: allow` lets pass"
        parts = (what_is_wrong(self._resolver, one, has_left=has_left), consequence)
        change = advice(self._resolver, one)
        text = ", ".join(filter(None, parts)) + (f": {change}" if change else "")
        return UnresolvedName(
            path_text(one.place), self._line(one), one.word, one.text, effect, text, nearest_name(self._resolver, one)
        )

    def _line(self, one: NamedText) -> int:
        """That of the nearest part of the document that has one."""
        place = one.place
        while place and place not in self._policy.lines:
            place = place[:-1]
        return self._policy.lines.get(place, 1)


def _shields(rule: Rule, later: Sequence[Rule]) -> bool:
    """Whether the schedule of a rule may keep what a later one would stop, if this one did not own it."""
    return rule.schedule is not None and any(rule.kinds & one.kinds for one in later)


def _named(word: str, place: str, texts: Iterable[str]) -> list[NamedText]:
    return [NamedText(word, text, (*place.split("."), number)) for number, text in enumerate(texts)]
