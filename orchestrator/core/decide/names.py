"""Are the names in a policy names of anything? Policy and organization in, every name that matches nothing out.

A name that matches nothing excludes nothing, and a `not` makes everything of it: so it holds the sweep, or makes its
condition unknown, unless the policy allows it. So does a path that stood for an OU in an earlier listing which is not
there by that name any more: what was in it is elsewhere now, and the path spares it no longer. So does a name of an OU
below which another one was deleted, of which the accounts are elsewhere now. What a person moved out of an OU that is
still there is judged by where it is now.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from orchestrator.core.decide.places import taken_out
from orchestrator.core.decide.scope import accounts_in_scope
from orchestrator.core.model import (
    Account,
    Listed,
    NameEffect,
    Names,
    Organization,
    OrganizationalUnit,
    Region,
    UnresolvedName,
    path_names,
    unit_path,
)
from orchestrator.core.policy.conditions.interface import NamedText
from orchestrator.core.policy.conditions.matching import account_within, globs_of, is_glob, is_unit_id, unit_within
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.yaml_document import path_text

ALLOW = "allow"
_ACCOUNT, _UNIT, _REGION = "account", "organizational_unit", "region"
_NOT = "not"
_ONE_SIGN = re.compile(r"\[([^!\]])\]")
_MOST_IDS = 5
"""That a message names."""
_SPARE = "exclude what of it is to be spared, by the OU in which it is now or under exclude_accounts"
_TAKEN_OUT = f"{_SPARE}; move what is not into the named OU, for the time of one plan, and out again"
_CONSEQUENCES = {
    NameEffect.HOLDS: "so the sweep is held",
    NameEffect.UNKNOWN: "so its condition is unknown, and what depends on that is kept",
    NameEffect.WARNS: "",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What names are held against."""

    organization: Organization
    regions: frozenset[Region] = frozenset()
    """Of every partition, and of this organization."""
    before: Listed = field(default_factory=Listed)
    """What earlier listings had."""


def units_named(policy: OrgPolicy, organization: Organization) -> dict[str, frozenset[str]]:
    """The ids of the OUs that each name of an OU in the policy is the name of, by its spellings: themselves, without
    those below.
    """
    resolver = _Resolver(policy, Known(organization))
    scope = policy.organization
    texts = {one.text for rule in policy.rules for one in rule.where.names() if one.word == _UNIT}
    names = {name for text in (*scope.include, *scope.exclude, *texts) for name in _spellings(text)}
    return {name: resolver.ids_of(name) for name in names}


def resolve_names(policy: OrgPolicy, known: Known) -> Names:
    """Every name of the policy that matches nothing, in the order of the document, and what comes of it."""
    resolver = _Resolver(policy, known)
    found = [*resolver.in_scope(), *resolver.in_rules()]
    return Names(tuple(sorted(found, key=lambda one: one.line)))


def no_longer_resolved(policy: OrgPolicy, known: Known, frozen: Names) -> Names:
    """The OUs by whose names the policy spares something, that were there when it planned, and are not there now."""
    before = {one.path for one in frozen.unresolved}
    now = resolve_names(policy, known).unresolved
    lost = (one for one in now if one.word == _UNIT and one.path not in before)
    return Names(tuple(one for one in lost if one.effect is not NameEffect.WARNS))


def regions_resolved(policy: OrgPolicy, regions: frozenset[Region]) -> bool:
    """Whether these are enough: every name of a region in the policy matches one of them."""
    named = [*policy.regions.include, *policy.regions.exclude]
    named += [one.text for rule in policy.rules for one in rule.where.names() if one.word == _REGION]
    return all(_matches_any(text, regions) for text in named)


class _Resolver:
    """One policy against one organization."""

    def __init__(self, policy: OrgPolicy, known: Known) -> None:
        self._policy = policy
        self._known = known
        self._units = known.organization.units_by_id
        self._accounts = {account.id: account for account in known.organization.accounts}
        self._named_before: dict[str, frozenset[str]] = {}
        for text, ids in known.before.units.items():
            name = _spellings(text)[0]
            self._named_before[name] = self._named_before.get(name, frozenset()) | ids

    def in_scope(self) -> Iterator[UnresolvedName]:
        scope, regions = self._policy.organization, self._policy.regions
        yield from self._included(_named(_UNIT, "organization.include", scope.include), self._has_account)
        yield from self._included(_named(_REGION, "regions.include", regions.include), self._is_there)
        for one in (
            *_named(_UNIT, "organization.exclude", scope.exclude),
            *_named(_ACCOUNT, "organization.exclude_accounts", scope.exclude_accounts),
            *_named(_REGION, "regions.exclude", regions.exclude),
        ):
            escaped = not all(map(self._is_excluded, self._escaped(one)))
            if not self._is_there(one) or self._gone(one) or escaped or self._taken_out(one):
                yield self._unresolved(one, NameEffect.HOLDS)

    def in_rules(self) -> Iterator[UnresolvedName]:
        rules = self._policy.rules
        for number, rule in enumerate(rules):
            shields = _shields(rule, rules[number + 1 :])
            for one in rule.where.names():
                spares = one.place.count(_NOT) % 2 == 1 or shields
                another = self._was_another(one) and (spares or not is_glob(one.text))
                if not self._is_there(one) or another or (spares and self._taken_out(one)):
                    spares |= another
                    yield self._unresolved(one, NameEffect.UNKNOWN if spares else NameEffect.WARNS)

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
            elif self._was_another(one) and not is_glob(one.text):
                yield self._unresolved(one, NameEffect.HOLDS)

    def ids_of(self, text: str) -> frozenset[str]:
        depth = len(path_names(text))
        return frozenset(
            unit.id
            for unit in self._units.values()
            if unit_within(unit, text) and (unit.id == text or len(path_names(unit.path)) == depth)
        )

    def _escaped(self, one: NamedText) -> list[OrganizationalUnit]:
        """The OUs that had this name, and are there by another one now: which of them is meant is not known."""
        if one.word != _UNIT:
            return []
        before = [self._units[unit] for unit in self._before(one.text) if unit in self._units]
        return sorted((unit for unit in before if not unit_within(unit, one.text)), key=lambda unit: unit.path)

    def _gone(self, one: NamedText) -> list[str]:
        """The ids of the OUs that had this name and were deleted.

        AWS deletes only what is empty: somebody moved what was in them to where the name does not reach.
        """
        if one.word != _UNIT:
            return []
        return sorted(self._before(one.text) - self._units.keys())

    def _taken_out(self, one: NamedText) -> list[tuple[Account, str]]:
        """The accounts that were below an OU of this name in one that was deleted, and that nothing excludes now."""
        if one.word != _UNIT:
            return []
        return self._were_in(one, (self._before(one.text) | self.ids_of(one.text)) & self._units.keys())

    def _were_in(self, one: NamedText, named: Collection[str]) -> list[tuple[Account, str]]:
        """The accounts that were in or below these in an OU that was deleted, and that nothing spares now."""
        if _includes(one) or not self._known.before.places:
            return []
        selected = accounts_in_scope(self._policy.organization, self._known.organization).accounts
        elsewhere = (account for account in selected if not account_within(account, one.text))
        return list(taken_out(elsewhere, self._known.before.places, named, self._units))

    def _before(self, text: str) -> frozenset[str]:
        """The ids of the OUs that the name was the name of, in whichever spelling."""
        return frozenset().union(*(self._named_before.get(name, frozenset()) for name in _spellings(text)))

    def _was_another(self, one: NamedText) -> bool:
        """Whether another OU has this name by now, or others still do."""
        return self._is_there(one) and bool(self._escaped(one) or self._gone(one))

    def _is_excluded(self, unit: OrganizationalUnit) -> bool:
        """By whatever the policy names, by path or by id, of it or of what is above it."""
        names = path_names(unit.path)
        above = [one.id for one in self._units.values() if path_names(one.path) == names[: len(path_names(one.path))]]
        return any(unit_within(unit, text) or text in above for text in self._policy.organization.exclude)

    def _has_account(self, unit: NamedText) -> bool:
        return any(account_within(account, unit.text) for account in self._accounts.values())

    def _is_there(self, one: NamedText) -> bool:
        if one.word == _UNIT:
            is_root = not path_names(one.text)
            return is_root or any(unit_within(unit, one.text) for unit in self._units.values())
        return _matches_any(one.text, self._accounts if one.word == _ACCOUNT else self._known.regions)

    def _unresolved(self, one: NamedText, effect: NameEffect) -> UnresolvedName:
        """An account that left has nothing any more that could be stopped."""
        has_left = one.word == _ACCOUNT and _matches_any(one.text, self._known.before.accounts)
        if has_left:
            effect = NameEffect.WARNS
        consequence = _CONSEQUENCES[effect]
        if effect is not NameEffect.WARNS and self._policy.unresolved_names == ALLOW:
            effect, consequence = NameEffect.WARNS, "which `unresolved_names: allow` lets pass"
        parts = (self._what_is_wrong(one, has_left=has_left), consequence)
        advice = self._advice(one)
        text = ", ".join(filter(None, parts)) + (f": {advice}" if advice else "")
        return UnresolvedName(
            path_text(one.place), self._line(one), one.word, one.text, effect, text, self._nearest(one)
        )

    def _what_is_wrong(self, one: NamedText, *, has_left: bool) -> str:
        if one.word == _REGION:
            return "matches no region of any partition"
        if one.word == _ACCOUNT:
            return "matches only what left the organization" if has_left else "was no account in any listing"
        return ", and ".join(self._what_became_of(one)) or "has no account in it"

    def _what_became_of(self, one: NamedText) -> Iterator[str]:
        moved = [f"{unit.id}, which is {unit.path} now" for unit in self._escaped(one)]
        gone = {unit: _had(account for account, _ in self._were_in(one, {unit})) for unit in self._gone(one)}
        if not self._is_there(one):
            yield "is no OU of the organization" + (f" any more{gone[one.text]}" if one.text in gone else "")
        if (moved or gone) and one.text not in gone:
            was = [*moved, *(f"{unit}, which is gone{had}" for unit, had in gone.items())]
            yield f"was the name of {_listed(was, ' and of ')}"
        taken = self._taken_out(one)
        if taken:
            homes = sorted({home for _, home in taken})
            had = (_had(account for account, was_in in taken if was_in == home) for home in homes)
            were = [f"{home}, which is gone{accounts}" for home, accounts in zip(homes, had, strict=True)]
            yield f"was above {_listed(were, ' and of ')}"

    def _advice(self, one: NamedText) -> str:
        """What to change where the name was another OU's, or one below it is gone."""
        if one.word == _UNIT and _includes(one) and self._is_there(one) and not self._was_another(one):
            return "name an OU that has accounts"
        return "; ".join(filter(None, (self._another_name(one), _TAKEN_OUT if self._taken_out(one) else "")))

    def _another_name(self, one: NamedText) -> str:
        ids = [*sorted(self.ids_of(one.text)), *(unit.id for unit in self._escaped(one))]
        gone = self._gone(one)
        if not (self._escaped(one) or gone):
            return ""
        advice = f"put the id of what you mean in its place ({_listed(ids)})" if ids else "take it out"
        return f"{advice}, and {_SPARE}" if gone and not _includes(one) else advice

    def _line(self, one: NamedText) -> int:
        """That of the nearest part of the document that has one."""
        place = one.place
        while place and place not in self._policy.lines:
            place = place[:-1]
        return self._policy.lines.get(place, 1)

    def _meant(self, one: NamedText) -> OrganizationalUnit | None:
        """An OU that is there and has to do with what is gone or named otherwise now."""
        now = sorted(self.ids_of(one.text)) if self._gone(one) else []
        homes = [unit for account, _ in self._taken_out(one) for unit in account.organizational_units[-1:]]
        return next(iter([*self._escaped(one), *(self._units[unit] for unit in now), *homes]), None)

    def _nearest(self, one: NamedText) -> str:
        """Of OUs the path with the id, which an OU keeps when it is renamed; of accounts none: their ids are random."""
        if one.word == _ACCOUNT:
            return ""
        if one.word == _REGION:
            return _most_alike(one.text, self._known.regions)
        meant = self._meant(one)
        if meant is not None:
            return f"{meant.path} ({meant.id})"
        others = {unit.id: unit for unit in self._units.values() if one.text not in (unit.id, unit.path)}
        if _includes(one):  # another one without accounts would be no help
            above = {unit.id for account in self._accounts.values() for unit in account.organizational_units}
            others = {unit.id: unit for unit in others.values() if unit.id in above}
        if is_unit_id(one.text):
            nearest = _most_alike(one.text, others)
            return f"{nearest} ({others[nearest].path})" if nearest else ""
        by_path = {unit.path: unit for unit in others.values()}
        nearest = _most_alike(one.text, by_path)
        return f"{nearest} ({by_path[nearest].id})" if nearest else ""


def _had(accounts: Iterable[Account]) -> str:
    """All that were in an OU, as each has to be looked at, and where they are now; empty where none is known."""
    homes: dict[str, list[str]] = {}
    for account in accounts:
        ids = [one.id for one in account.organizational_units[-1:]]
        homes.setdefault(f"{account.ou_path} ({ids[0]})" if ids else account.ou_path, []).append(account.id)
    had = " and ".join(f"{', '.join(accounts)}, now in {home}" for home, accounts in sorted(homes.items()))
    return f" and had {had}" if had else ""


def _includes(one: NamedText) -> bool:
    return one.place[:2] == ("organization", "include")


def _shields(rule: Rule, later: Sequence[Rule]) -> bool:
    """Whether the schedule of a rule may keep what a later one would stop, if this one did not own it."""
    return rule.schedule is not None and any(rule.kinds & one.kinds for one in later)


def _spellings(text: str) -> tuple[str, ...]:
    """The one text for all of a path that differ in their slashes, and the path that one with `[P]` for `P` spells too.

    The policy's own text would forget what the path stood for as soon as somebody writes it in another way.
    """
    if is_unit_id(text):
        return (text,)
    names = path_names(text)
    plain = [_ONE_SIGN.sub(r"\1", name) for name in names]
    return tuple(dict.fromkeys(map(_path_of, (names, names if any(map(is_glob, plain)) else plain))))


def _path_of(names: Iterable[str]) -> str:
    path = ""
    for name in names:
        path = unit_path(path, name)
    return path or "/"


def _named(word: str, place: str, texts: Iterable[str]) -> list[NamedText]:
    return [NamedText(word, text, (*place.split("."), number)) for number, text in enumerate(texts)]


def _matches_any(text: str, names: Iterable[str]) -> bool:
    return any(map(globs_of(text).match, names))


def _most_alike(text: str, names: Iterable[str]) -> str:
    """The same but for the case of its letters, else the last name somewhere else, else the one most like it."""
    matcher = SequenceMatcher(b=text, autojunk=False)
    folded, last = text.casefold(), _last_name(text)

    def likeness(name: str) -> tuple[bool, bool, float, str]:
        matcher.set_seq1(name)
        return name.casefold() == folded, _last_name(name) == last, matcher.ratio(), name

    return max(names, key=likeness, default="")


def _listed(texts: Sequence[str], between: str = ", ") -> str:
    more = [f"{len(texts) - _MOST_IDS} more"] if len(texts) > _MOST_IDS else []
    return between.join([*texts[:_MOST_IDS], *more])


def _last_name(text: str) -> str:
    return next(reversed(path_names(text)), "").casefold()
