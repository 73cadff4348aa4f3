"""What each name in a policy stands for: now, and in earlier listings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from orchestrator.core.decide.places import taken_out as accounts_taken_out
from orchestrator.core.decide.scope import accounts_in_scope
from orchestrator.core.model import Account, Listed, Organization, OrganizationalUnit, Region, path_names, unit_path
from orchestrator.core.policy.conditions.interface import NamedText
from orchestrator.core.policy.conditions.matching import account_within, globs_of, is_glob, is_unit_id, unit_within
from orchestrator.core.policy.org_policy import OrgPolicy

ACCOUNT, ACCOUNT_NAME, UNIT, REGION = "account", "account_name", "organizational_unit", "region"
_ONE_SIGN = re.compile(r"\[([^!\]])\]")


@dataclass(frozen=True, slots=True)
class Known:
    """What names are held against."""

    organization: Organization
    regions: frozenset[Region] = frozenset()
    """Of every partition, and of this organization."""
    before: Listed = field(default_factory=Listed)
    """What earlier listings had."""


class Resolver:
    """What each name of one policy is, or was, the name of in one organization."""

    def __init__(self, policy: OrgPolicy, known: Known) -> None:
        self._policy = policy
        self.known = known
        self.units = known.organization.units_by_id
        self.accounts = {account.id: account for account in known.organization.accounts}
        self.account_names = sorted({account.name for account in self.accounts.values() if account.name})
        self.populated = {unit.id for one in self.accounts.values() for unit in one.organizational_units}
        """The ids of the OUs that have accounts, or are above some."""
        self._named_before: dict[str, frozenset[str]] = {}
        for text, ids in known.before.units.items():
            name = spellings(text)[0]
            self._named_before[name] = self._named_before.get(name, frozenset()) | ids

    def ids_of(self, text: str) -> frozenset[str]:
        """The ids of the OUs that it names now: themselves, without those below."""
        depth = len(path_names(text))
        return frozenset(
            unit.id
            for unit in self.units.values()
            if unit_within(unit, text) and (unit.id == text or len(path_names(unit.path)) == depth)
        )

    def escaped(self, one: NamedText) -> list[OrganizationalUnit]:
        """The OUs that had this name, and are there by another one now: which of them is meant is not known."""
        if one.word != UNIT:
            return []
        before = [self.units[unit] for unit in self._before(one.text) if unit in self.units]
        return sorted((unit for unit in before if not unit_within(unit, one.text)), key=lambda unit: unit.path)

    def gone(self, one: NamedText) -> list[str]:
        """The ids of the OUs that had this name and were deleted.

        AWS deletes only what is empty: somebody moved what was in them to where the name does not reach.
        """
        if one.word != UNIT:
            return []
        return sorted(self._before(one.text) - self.units.keys())

    def taken_out(self, one: NamedText) -> list[tuple[Account, str]]:
        """The accounts that were below an OU of this name in one that was deleted, and that nothing excludes now."""
        if one.word != UNIT:
            return []
        return self.were_in(one, (self._before(one.text) | self.ids_of(one.text)) & self.units.keys())

    def were_in(self, one: NamedText, named: Collection[str]) -> list[tuple[Account, str]]:
        """The accounts that were in or below these in an OU that was deleted, and that nothing spares now."""
        if includes(one) or not self.known.before.places:
            return []
        selected = accounts_in_scope(self._policy.organization, self.known.organization).accounts
        elsewhere = (account for account in selected if not account_within(account, one.text))
        return list(accounts_taken_out(elsewhere, self.known.before.places, named, self.units))

    def _before(self, text: str) -> frozenset[str]:
        """The ids of the OUs that the name was the name of, in whichever spelling."""
        return frozenset().union(*(self._named_before.get(name, frozenset()) for name in spellings(text)))

    def was_another(self, one: NamedText) -> bool:
        """Whether another OU has this name by now, or others still do."""
        return self.is_there(one) and bool(self.escaped(one) or self.gone(one))

    def is_excluded(self, unit: OrganizationalUnit) -> bool:
        """By whatever the policy names, by path or by id, of it or of what is above it."""
        names = path_names(unit.path)
        above = [one.id for one in self.units.values() if path_names(one.path) == names[: len(path_names(one.path))]]
        return any(unit_within(unit, text) or text in above for text in self._policy.organization.exclude)

    def has_account(self, unit: NamedText) -> bool:
        """Whether there is an account in or below an OU of that name."""
        return any(account_within(account, unit.text) for account in self.accounts.values())

    def is_there(self, one: NamedText) -> bool:
        """Whether it is the name of an OU, an account or a region, with accounts in it or not."""
        if one.word == UNIT:
            is_root = not path_names(one.text)
            return is_root or any(unit_within(unit, one.text) for unit in self.units.values())
        if one.word == ACCOUNT_NAME:
            return matches_any(one.text, self.account_names)
        return matches_any(one.text, self.accounts if one.word == ACCOUNT else self.known.regions)


def includes(one: NamedText) -> bool:
    """Whether it lets in rather than spares: what it does not match any more is not swept."""
    return one.place[:2] == ("organization", "include")


def spellings(text: str) -> tuple[str, ...]:
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


def matches_any(text: str, names: Iterable[str]) -> bool:
    """Whether the text is one of the names, or matches one as a glob."""
    return any(map(globs_of(text).match, names))
