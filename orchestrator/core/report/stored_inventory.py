"""Resources and accounts as far as a report has them: what is not in one is unknown, and never guessed.

A report has no tags of accounts but those that its decisions looked at, no ids of OUs, and no states.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import takewhile
from typing import Any

from orchestrator.core.decide import scope
from orchestrator.core.decide.known_names import UNIT
from orchestrator.core.decide.simulate import Spared
from orchestrator.core.decide.whose_schedule import asks_account_tags
from orchestrator.core.model import (
    Account,
    AccountId,
    Action,
    AwsError,
    Decision,
    Exemption,
    Fact,
    Inventory,
    Loss,
    NameEffect,
    Names,
    Obstacle,
    ObstacleCode,
    OrganizationalUnit,
    ReasonCode,
    Region,
    Resource,
    ResourceState,
    Tags,
    Target,
    UnresolvedName,
    Verdict,
    path_names,
    unit_path,
)
from orchestrator.core.model.kind import KindDescription
from orchestrator.core.model.remembered import LinkedOptOut, Remembered
from orchestrator.core.policy.conditions.everything import Everything
from orchestrator.core.policy.conditions.matching import is_unit_id
from orchestrator.core.policy.opt_outs import LINK
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.yaml_document import path_text

StoredRow = Mapping[str, Any]
"""A row of a report as it is read back from JSON; rows.py has the types that it was made by."""

_ACCOUNT_TAG = "account_tag:"
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""Which keys a condition asks for does not depend on it."""
_IN_NO_REPORT = ""
"""No tag's key."""
NOT_IN_REPORT = AwsError("NotInReport", "a report has no tags of accounts but those that its decisions looked at")
"""Why tags of an account or an OU are unknown there."""
_IDS_NOT_IN_REPORT = "is of an OU, and the report does not tell which account is in it"
_DECIDED_BEFORE_OBSTACLES = frozenset({ReasonCode.EXEMPT, ReasonCode.NOT_RUNNING, ReasonCode.STILL_STOPPING})
_NOT_UP = {
    ReasonCode.NOT_RUNNING: ResourceState.UNKNOWN,
    ReasonCode.STILL_STOPPING: ResourceState.STOPPING,
    ReasonCode.GONE: ResourceState.GONE,
}


@dataclass(frozen=True, slots=True)
class StoredKinds:
    """What it takes of the kinds to read a row."""

    descriptions: Mapping[str, KindDescription]
    obstacle_of: Callable[[str, Mapping[str, Fact], Tags], Obstacle | None]
    """Of a resource of that kind, by its facts and tags."""


@dataclass(frozen=True, slots=True)
class StoredAccounts:
    """The accounts of a report."""

    paths: Mapping[AccountId, str]
    names: Mapping[AccountId, str]
    tags: Mapping[AccountId, Mapping[str, str | None]] = field(default_factory=dict)
    """As far as decisions looked at them; None for one that was not there."""

    def account(self, account_id: AccountId, keys: Iterable[str] = ()) -> Account:
        """With the tags that are known, where those of these keys are; else its tags are unknown."""
        known = self.tags.get(account_id, {})
        tags = {key: value for key, value in known.items() if value is not None}
        error = None if all(key in known for key in keys) else NOT_IN_REPORT
        name, path = self.names.get(account_id, ""), self.paths.get(account_id, "/")
        return Account(account_id, name, "ACTIVE", _units(path), tags=tags, tags_error=error)

    def account_for(self, policy: OrgPolicy, rule: Rule, resource: Resource, now: datetime) -> Account:
        """As far as the rule asks for it."""
        account = self.account(resource.target.account_id)
        return self.account(account.id, account_keys(policy, rule, resource, account, now))


def account_keys(policy: OrgPolicy, rule: Rule, resource: Resource, account: Account, now: datetime) -> tuple[str, ...]:
    """The keys of the account's tags that the rule asks for; what its schedule asks for is in no report."""
    used = rule.where.facts_used(resource, account, now)
    keys = tuple(name.removeprefix(_ACCOUNT_TAG) for name in used if name.startswith(_ACCOUNT_TAG))
    by_schedule = asks_account_tags(policy, replace(rule, where=Everything()))
    return (*keys, _IN_NO_REPORT) if by_schedule else keys


def stored_accounts(coverage: Iterable[StoredRow], decisions: Iterable[StoredRow]) -> StoredAccounts:
    """Those of the rows of a report."""
    rows = [*coverage]
    tags: dict[AccountId, dict[str, str | None]] = defaultdict(dict)
    for row in decisions:
        for name, value in row["facts"].items():
            if name.startswith(_ACCOUNT_TAG):
                tags[AccountId(row["account_id"])][name.removeprefix(_ACCOUNT_TAG)] = value
    paths = {AccountId(row["account_id"]): row["ou_path"] for row in rows}
    return StoredAccounts(paths, {AccountId(row["account_id"]): row["account_name"] for row in rows}, dict(tags))


def names_not_stored(policy: OrgPolicy, unresolved: Iterable[StoredRow] = (), *, paths_known: bool = True) -> Names:
    """What is unknown of the policy's names: those that the report calls so, and OUs that are named by their ids, or
    all where the paths of the accounts are not known.
    """
    found = [_unresolved(row) for row in unresolved if row["effect"] == NameEffect.UNKNOWN]
    for rule in policy.rules:
        for one in rule.where.names():
            if is_unit_id(one.text) or (not paths_known and one.word == UNIT):
                line = policy.lines.get(one.place, 1)
                place = path_text(one.place)
                found.append(UnresolvedName(place, line, one.word, one.text, NameEffect.UNKNOWN, _IDS_NOT_IN_REPORT))
    return Names(tuple(found))


def stored_decision(row: StoredRow, kinds: StoredKinds) -> Decision:
    """The decision of a report's row, on the resource as far as the row has it. Raises KeyError and ValueError."""
    code = ReasonCode(row["reason_code"])
    facts, tags = dict(row["facts"]), dict(row["tags"])
    kind, verdict = row["kind"], Verdict(row["verdict"])
    resource = Resource(
        kind=kind,
        target=Target(AccountId(row["account_id"]), Region(row["region"])),
        resource_id=row["resource_id"],
        arn=row["arn"],
        name=row["name"],
        state=ResourceState.STOPPED if verdict is Verdict.START else _NOT_UP.get(code, ResourceState.RUNNING),
        aws_state="",
        tags=tags,
        facts=facts,
        started_at=_time(facts.get("launched_at")),
        obstacle=_obstacle(row, code, kinds),
        units=row.get("units", 1),
        losses=tuple(_loss(text, kinds.descriptions.get(kind)) for text in row.get("losses") or ()),
    )
    return Decision(
        resource=resource,
        verdict=verdict,
        reason_code=code,
        reason=row["reason"],
        rule=row["rule"],
        action=Action(row["action"]) if row["action"] else Action.STOP,
        exemption=_exemption(row["exemption"]),
        facts=facts,
    )


def _units(path: str) -> tuple[OrganizationalUnit, ...]:
    units: list[OrganizationalUnit] = []
    above = ""
    for name in path_names(path):
        above = unit_path(above, name)
        units.append(OrganizationalUnit(id="", path=above, tags_error=NOT_IN_REPORT))
    return tuple(units)


def _obstacle(row: StoredRow, code: ReasonCode, kinds: StoredKinds) -> Obstacle | None:
    if code in (ReasonCode.CANNOT_STOP, ReasonCode.OWNED):
        return Obstacle(ObstacleCode(code.value), row["reason"])
    if code is ReasonCode.STOPS_WITH_OWNER:
        found = kinds.obstacle_of(row["kind"], row["facts"], row["tags"])
        return found or Obstacle(ObstacleCode.OWNED, "It belongs to another resource, which was stopped with it.")
    return kinds.obstacle_of(row["kind"], row["facts"], row["tags"]) if code in _DECIDED_BEFORE_OBSTACLES else None


def _loss(text: str, kind: KindDescription | None) -> Loss:
    """Whether a rule has to accept it is told by its kind; of a kind that is not known, it has to."""
    word = text.removesuffix("?")
    lost = next((one for one in kind.losses if one.word == word), None) if kind else None
    has_to = lost is None or lost.must_be_accepted
    what = f"A stop {'may lose' if text.endswith('?') else 'loses'} its {lost.what if lost else word}"
    return Loss(word, what if has_to else "", is_unknown=text.endswith("?"))


def _exemption(row: StoredRow | None) -> Exemption | None:
    if row is None:
        return None
    until = date.fromisoformat(row["until"]) if row["until"] else None
    return Exemption(**{**row, "until": until})


def _linked(exemption: Exemption | None) -> tuple[LinkedOptOut, ...]:
    """What a link gave, where that spared it; of others a report does not tell."""
    if exemption is None or exemption.source != LINK:
        return ()
    return (LinkedOptOut(exemption.value, exemption.until, exemption.reason),)


def _unresolved(row: Mapping[str, Any]) -> UnresolvedName:
    effect = NameEffect(row["effect"])
    return UnresolvedName(
        row["path"], row["line"], row["word"], row["name"], effect, row["detail"], row.get("nearest", "")
    )


def _time(text: Fact) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


@dataclass(frozen=True, slots=True)
class StoredRows:
    """What a report's file has of resources."""

    decisions: Sequence[StoredRow]
    coverage: Sequence[StoredRow] | None
    """None: it is a list of decisions alone, and where the accounts are is not known."""
    policy_sha256: str = ""
    """Of the policy that it was made by; empty where it does not tell."""
    unresolved_names: Sequence[StoredRow] = ()
    at: datetime | None = None
    """When it was decided."""

    @classmethod
    def of_report(cls, document: StoredRow) -> StoredRows:
        """Raises KeyError and ValueError for what is no report."""
        at = datetime.fromisoformat(document.get("as_of") or document["started_at"])
        sha256, names = document["policy_sha256"], document.get("unresolved_names", ())
        return cls(document["decisions"], document["coverage"], sha256, names, at)


@dataclass(frozen=True, slots=True)
class StoredLook:
    """An inventory made of a report, and what is known of it for one policy."""

    inventory: Inventory
    spared: Spared
    missed: Callable[[Resource], frozenset[str]]
    """The rules that did not match it then, although what they ask for is not in the report."""


def stored_look(rows: StoredRows, policy: OrgPolicy, kinds: StoredKinds) -> StoredLook:
    """What the report has, for that policy. Raises KeyError, TypeError and ValueError for what are no rows of one."""
    found = [stored_decision(row, kinds) for row in rows.decisions]
    accounts = stored_accounts(rows.coverage or (), rows.decisions)
    is_same = rows.policy_sha256 == policy.sha256
    names = names_not_stored(policy, rows.unresolved_names if is_same else (), paths_known=rows.coverage is not None)
    asked: set[str] = set()
    each: dict[AccountId, Account] = {}
    for one in found:
        account = each.setdefault(one.resource.target.account_id, accounts.account(one.resource.target.account_id))
        if not asked:
            asked.update(
                key for rule in policy.rules for key in account_keys(policy, rule, one.resource, account, _ANY_TIME)
            )
    known = tuple(accounts.account(account_id, asked) for account_id in sorted(each))
    remembered = Remembered(opt_outs={one.resource.arn: by for one in found if (by := _linked(one.exemption))})
    resources = tuple(one.resource for one in found)
    inventory = Inventory("", known, resources=resources, names=names, remembered=remembered)
    owners = {one.resource.key: one.rule for one in found}

    def missed(resource: Resource) -> frozenset[str]:
        owner = owners[resource.key]
        earlier = takewhile(lambda rule: rule.name != owner, policy.rules)
        return frozenset(
            rule.name
            for rule in earlier
            if rule.where.evaluate(resource, accounts.account_for(policy, rule, resource, at), at) is None
        )

    at = rows.at or _ANY_TIME
    nothing: frozenset[str] = frozenset()
    return StoredLook(inventory, _spared(policy, rows, is_same=is_same), missed if is_same else lambda _: nothing)


def _spared(policy: OrgPolicy, rows: StoredRows, *, is_same: bool) -> Spared:
    """What a sweep by the same policy read is in its scope, and had not opted out."""

    def spared(account: Account, _day: date) -> str:
        if is_same:
            return ""
        organization = policy.organization
        if account.id in organization.exclude_accounts:
            return "the policy names it under exclude_accounts"
        named = (*organization.include, *organization.exclude)
        if named and (rows.coverage is None or any(map(is_unit_id, named))):
            return "whether it is in the policy's scope is unknown: the report does not tell in which OUs it is"
        in_scope = scope.is_in_scope(organization, account)
        return "" if in_scope else "it is not in the policy's scope"

    return spared
