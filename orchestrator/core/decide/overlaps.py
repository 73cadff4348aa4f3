"""What two policies own both, as far as their documents alone tell: then the sweeps of both keep it.

Named is only what is sure: the `where` of one rule implies that of a rule of the other policy, and there is a resource,
made up from the texts of the two, that both policies own. Rules that may meet, such as by different tags, are not
named: whether something has both, only AWS tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from itertools import combinations, islice, product

from orchestrator.core.decide.known_names import ACCOUNT, REGION, UNIT
from orchestrator.core.decide.other_policies import CoOwner, as_co_owner
from orchestrator.core.model import (
    NO_NAMES,
    Account,
    AccountId,
    Fact,
    OrganizationalUnit,
    Region,
    Resource,
    ResourceState,
    Tags,
    Target,
    path_names,
    unit_path,
)
from orchestrator.core.policy.conditions.account_tag import AccountTagMatches
from orchestrator.core.policy.conditions.all_of import AllOf
from orchestrator.core.policy.conditions.any_of import AnyOf
from orchestrator.core.policy.conditions.fact import FactMatches
from orchestrator.core.policy.conditions.implied import Implications, Wider
from orchestrator.core.policy.conditions.interface import Condition
from orchestrator.core.policy.conditions.matching import TagGlobs, is_unit_id
from orchestrator.core.policy.conditions.tag import TagMatches
from orchestrator.core.policy.conditions.tag_tests import TagTest
from orchestrator.core.policy.org_policy import OrgPolicy, Rule

_MOST_SKETCHES, _MOST_TRIES = 32, 2000
_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""Of an example: it has no times, so what a condition asks of them is unknown at any time."""
_MADE_UP_ACCOUNT, _MADE_UP_REGIONS = "000000000000", ("us-east-1", "eu-central-1")


@dataclass(frozen=True, slots=True)
class RulePlace:
    """One rule, by the number of its policy and its own, and its line."""

    policy: int
    rule: int
    line: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two rules that own the same: each is the first of its policy that matches the example."""

    one: RulePlace
    other: RulePlace
    example: str


def overlaps(policies: Sequence[OrgPolicy]) -> tuple[Overlap, ...]:
    """In the order of the policies and of their rules; each two rules once."""
    found: dict[tuple[RulePlace, RulePlace], Overlap] = {}
    for (number, one), (other_number, other) in combinations(enumerate(policies), 2):
        pair = _Pair(one, other)
        for rule, other_rule, example in pair.found():
            places = _place(number, one, rule), _place(other_number, other, other_rule)
            found.setdefault(places, Overlap(*places, example))
    return tuple(sorted(found.values(), key=lambda each: (each.one.policy, each.other.policy, each.one.rule)))


def _place(number: int, policy: OrgPolicy, name: str) -> RulePlace:
    rule = next(at for at, one in enumerate(policy.rules) if one.name == name)
    return RulePlace(number, rule, policy.lines.get(("rules", rule), 1))


class _Pair:
    def __init__(self, one: OrgPolicy, other: OrgPolicy) -> None:
        self._owners = as_co_owner(one, NO_NAMES), as_co_owner(other, NO_NAMES)
        self._implications = Implications()

    def found(self) -> Iterator[tuple[str, str, str]]:
        """The names of the two rules, and the example; each rule of both once, as the narrower one."""
        one, other = self._owners
        if any(map(_excludes_by_id, (one.policy, other.policy))):
            return  # where such an OU is the documents do not tell
        for mine, theirs in ((one, other), (other, one)):
            wheres = Wider([rule.where for rule in theirs.policy.rules])
            for rule in mine.policy.rules:
                wider = self._wider(rule, theirs.policy.rules, wheres)
                example = _example(mine, rule, theirs, wider) if wider is not None else None
                if example is not None:
                    names = example.rules if mine is one else example.rules[::-1]
                    yield (*names, example.text)

    def _wider(self, rule: Rule, rules: Sequence[Rule], wheres: Wider) -> Rule | None:
        """The first of the rules, which have these wheres, that matches whatever this one does."""
        some = (rules[number] for number in wheres.of(rule.where, len(rules)))
        holding = (one for one in some if rule.kinds & one.kinds and self._implications.holds(rule.where, one.where))
        return next(holding, None)


def _excludes_by_id(policy: OrgPolicy) -> bool:
    return any(map(is_unit_id, policy.organization.exclude))


@dataclass(frozen=True, slots=True)
class _Example:
    rules: tuple[str, str]
    text: str


def _example(mine: CoOwner, rule: Rule, theirs: CoOwner, wider: Rule) -> _Example | None:
    """A resource that this rule owns, and a rule of the other policy too."""
    for kind in sorted(rule.kinds & wider.kinds):
        sketches = islice(_sketches(rule.where, kind), _MOST_SKETCHES)
        for sketch, place in islice(product(sketches, _places(mine, rule, theirs, wider)), _MOST_TRIES):
            resource, account = _made_up(kind, sketch, *place)
            claims = [one.claim(resource, account, _SOME_TIME) for one in (mine, theirs)]
            sure = [one.rule_name for one in claims if one is not None and one.unknown is None]
            if len(sure) == len(claims) and sure[0] == rule.name:
                return _Example((sure[0], sure[1]), _words(resource, account))
    return None


# --- resources that are made up ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sketch:
    """What a resource has to have; a glob is held to be a text that matches it, as it matches itself."""

    tags: Tags = field(default_factory=dict)
    account_tags: Tags = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def joined(self, other: _Sketch) -> _Sketch:
        return _Sketch(
            {**self.tags, **other.tags},
            {**self.account_tags, **other.account_tags},
            {**self.facts, **other.facts},
        )


def _sketches(where: Condition, kind: str) -> Iterator[_Sketch]:
    """By which it may hold; whether it does is asked afterwards, as of the places."""
    if isinstance(where, TagMatches):
        yield from (_Sketch(tags=tags) for tags in _tags(where.tags))
    elif isinstance(where, AccountTagMatches):
        yield from (_Sketch(account_tags=tags) for tags in _tags(where.tags))
    elif isinstance(where, TagTest):
        value = where.example()
        tags = {where.key: value} if value is not None else {}
        yield _Sketch(account_tags=tags) if where.of_account else _Sketch(tags=tags)
    elif isinstance(where, FactMatches):
        yield from (_Sketch(facts={where.facts[kind]: text}) for text in where.globs.texts)
    elif isinstance(where, AnyOf):
        for one in where.conditions:
            yield from _sketches(one, kind)
    elif isinstance(where, AllOf):
        parts = (tuple(islice(_sketches(one, kind), _MOST_SKETCHES)) for one in where.conditions)
        for some in product(*parts):
            yield reduce(_Sketch.joined, some)
    else:
        yield _Sketch()


def _tags(wanted: TagGlobs) -> Iterator[Tags]:
    for values in product(*(globs.texts for _, globs in wanted)):
        yield {key: value for (key, _), value in zip(wanted, values, strict=True)}


def _places(mine: CoOwner, rule: Rule, theirs: CoOwner, wider: Rule) -> list[tuple[str, str, str]]:
    """OUs, accounts and regions that the two policies name, and some that they do not."""
    named = [(one.word, one.text) for each in (rule, wider) for one in each.where.names()]
    policies = (mine.policy, theirs.policy)
    units = [unit for one in policies for unit in one.organization.include]
    regions = [region for one in policies for region in one.regions.include]
    return list(
        product(
            dict.fromkeys((*units, *_of(UNIT, named), "/")),
            dict.fromkeys((*_of(ACCOUNT, named), _MADE_UP_ACCOUNT)),
            dict.fromkeys((*(one for one in (*regions, *_of(REGION, named)) if one != "*"), *_MADE_UP_REGIONS, "*")),
        )
    )


def _of(word: str, named: Iterable[tuple[str, str]]) -> Iterator[str]:
    return (text for one, text in named if one == word)


def _made_up(kind: str, sketch: _Sketch, unit: str, account_id: str, region: str) -> tuple[Resource, Account]:
    account = Account(AccountId(account_id), "", "ACTIVE", _units(unit), tags=sketch.account_tags)
    target = Target(account.id, Region(region))
    state = ResourceState.RUNNING
    return Resource(kind, target, "", "", "", state, state.value, sketch.tags, sketch.facts), account


def _units(name: str) -> tuple[OrganizationalUnit, ...]:
    """An OU that is named by its id is somewhere that no path names."""
    if is_unit_id(name):
        return (OrganizationalUnit(name, unit_path("", name)),)
    units: tuple[OrganizationalUnit, ...] = ()
    for one in path_names(name):
        path = unit_path(units[-1].path if units else "", one)
        units = (*units, OrganizationalUnit(path, path))
    return units


def _words(resource: Resource, account: Account) -> str:
    named = [
        resource.kind,
        f"in {account.ou_path}",
        *(f"with the tag {key}={value}" for key, value in sorted(resource.tags.items())),
        *(f"with the account's tag {key}={value}" for key, value in sorted(account.tags.items())),
        *(f"with {name} {value}" for name, value in sorted(resource.facts.items())),
    ]
    if account.id != _MADE_UP_ACCOUNT:
        named.append(f"in account {account.id}")
    return f"{', '.join([' '.join(named[:2]), *named[2:]])}, in region {resource.target.region}"
