"""The `where` language as data: what a rule asks of a resource and its account, and whether it holds."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import assert_never

from orchestrator.core.model import Account, Fact, Resource, Tags

Globs = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Everything:
    """Holds for every resource; a policy has to say so."""


@dataclass(frozen=True, slots=True)
class All:
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    condition: Condition


@dataclass(frozen=True, slots=True)
class TagMatches:
    """Every key has a value that matches one of its globs; a tag that is not there matches nothing."""

    tags: tuple[tuple[str, Globs], ...]


@dataclass(frozen=True, slots=True)
class AccountTagMatches:
    tags: tuple[tuple[str, Globs], ...]


@dataclass(frozen=True, slots=True)
class AccountMatches:
    globs: Globs


@dataclass(frozen=True, slots=True)
class OrganizationalUnitMatches:
    """The account is in one of these OUs or anywhere below."""

    paths: Globs


@dataclass(frozen=True, slots=True)
class RegionMatches:
    globs: Globs


@dataclass(frozen=True, slots=True)
class InstanceTypeMatches:
    globs: Globs


Condition = (
    Everything
    | All
    | AnyOf
    | Not
    | TagMatches
    | AccountTagMatches
    | AccountMatches
    | OrganizationalUnitMatches
    | RegionMatches
    | InstanceTypeMatches
)


def holds(condition: Condition, resource: Resource, account: Account) -> bool:  # noqa: C901, PLR0911 - a case a word
    """Whether the condition holds. What is not known (a missing tag or fact) matches nothing."""
    match condition:
        case Everything():
            return True
        case All(conditions):
            return all(holds(part, resource, account) for part in conditions)
        case AnyOf(conditions):
            return any(holds(part, resource, account) for part in conditions)
        case Not(part):
            return not holds(part, resource, account)
        case TagMatches(tags):
            return _tags_match(tags, resource.tags)
        case AccountTagMatches(tags):
            return _tags_match(tags, account.tags)
        case AccountMatches(globs):
            return _matches(account.id, globs)
        case OrganizationalUnitMatches(paths):
            return any(path_within(account.ou_path, path) for path in paths)
        case RegionMatches(globs):
            return _matches(resource.target.region, globs)
        case InstanceTypeMatches(globs):
            instance_type = resource.facts.get("instance_type")
            return isinstance(instance_type, str) and _matches(instance_type, globs)
        case _:
            assert_never(condition)


def facts_used(condition: Condition, resource: Resource, account: Account) -> dict[str, Fact]:
    """What the condition looked at, by a name that a person understands; None for what was not there."""
    match condition:
        case Everything():
            return {}
        case All(conditions) | AnyOf(conditions):
            found: dict[str, Fact] = {}
            for part in conditions:
                found.update(facts_used(part, resource, account))
            return found
        case Not(part):
            return facts_used(part, resource, account)
        case TagMatches(tags):
            return {f"tag:{key}": resource.tags.get(key) for key, _ in tags}
        case AccountTagMatches(tags):
            return {f"account_tag:{key}": account.tags.get(key) for key, _ in tags}
        case _:
            return _fact_of_leaf(condition, resource, account)


def _fact_of_leaf(
    condition: AccountMatches | OrganizationalUnitMatches | RegionMatches | InstanceTypeMatches,
    resource: Resource,
    account: Account,
) -> dict[str, Fact]:
    match condition:
        case AccountMatches():
            return {"account": account.id}
        case OrganizationalUnitMatches():
            return {"organizational_unit": account.ou_path}
        case RegionMatches():
            return {"region": resource.target.region}
        case InstanceTypeMatches():
            return {"instance_type": resource.facts.get("instance_type")}
        case _:
            assert_never(condition)


def path_within(path: str, ancestor: str) -> bool:
    """Whether an OU path is the ancestor or below it, segment by segment: `/Dev` holds `/Dev/A` but not `/Developers`.

    A segment of the ancestor may be a glob, and matches itself in any case: an OU may be named `Old [2]`. `/` holds
    everything.
    """
    wanted, actual = _segments(ancestor), _segments(path)
    return len(actual) >= len(wanted) and all(map(_segment_matches, actual, wanted))


def _segment_matches(actual: str, wanted: str) -> bool:
    return actual == wanted or fnmatchcase(actual, wanted)


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _tags_match(wanted: tuple[tuple[str, Globs], ...], tags: Tags) -> bool:
    return all(key in tags and _matches(tags[key], globs) for key, globs in wanted)


def _matches(value: str, globs: Globs) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in globs)
