"""Resources and accounts as far as a report has them: what is not in one is unknown, and never guessed.

A report has no tags of accounts but those that its decisions looked at, no ids of OUs, and no states.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from orchestrator.core.model import (
    Account,
    AccountId,
    Action,
    AwsError,
    Decision,
    Exemption,
    Fact,
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
from orchestrator.core.policy.conditions.matching import is_unit_id
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.yaml_document import path_text
from orchestrator.core.report.document import Row

_ACCOUNT_TAG = "account_tag:"
_NOT_IN_REPORT = AwsError("NotInReport", "a report has no tags of accounts but those that its decisions looked at")
_IDS_NOT_IN_REPORT = "a report has no ids of OUs"
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
        error = None if all(key in known for key in keys) else _NOT_IN_REPORT
        name, path = self.names.get(account_id, ""), self.paths.get(account_id, "/")
        return Account(account_id, name, "ACTIVE", _units(path), tags=tags, tags_error=error)

    def account_for(self, rule: Rule, resource: Resource, now: datetime) -> Account:
        """As far as the rule's conditions ask for it."""
        account = self.account(resource.target.account_id)
        return self.account(account.id, account_keys(rule, resource, account, now))


def account_keys(rule: Rule, resource: Resource, account: Account, now: datetime) -> tuple[str, ...]:
    """The keys of the account's tags that the rule asks for."""
    used = rule.where.facts_used(resource, account, now)
    return tuple(name.removeprefix(_ACCOUNT_TAG) for name in used if name.startswith(_ACCOUNT_TAG))


def stored_accounts(coverage: Iterable[Row], decisions: Iterable[Row]) -> StoredAccounts:
    """Those of the rows of a report."""
    rows = [*coverage]
    tags: dict[AccountId, dict[str, str | None]] = defaultdict(dict)
    for row in decisions:
        for name, value in row["facts"].items():
            if name.startswith(_ACCOUNT_TAG):
                tags[AccountId(row["account_id"])][name.removeprefix(_ACCOUNT_TAG)] = value
    paths = {AccountId(row["account_id"]): row["ou_path"] for row in rows}
    return StoredAccounts(paths, {AccountId(row["account_id"]): row["account_name"] for row in rows}, dict(tags))


def names_not_stored(policy: OrgPolicy, unresolved: Iterable[Row] = ()) -> Names:
    """What is unknown of the policy's names: those that the report calls so, and OUs that are named by their ids."""
    found = [_unresolved(row) for row in unresolved if row["effect"] == NameEffect.UNKNOWN]
    for rule in policy.rules:
        for one in rule.where.names():
            if is_unit_id(one.text):
                line = policy.lines.get(one.place, 1)
                place = path_text(one.place)
                found.append(UnresolvedName(place, line, one.word, one.text, NameEffect.UNKNOWN, _IDS_NOT_IN_REPORT))
    return Names(tuple(found))


def stored_decision(row: Row, kinds: StoredKinds) -> Decision:
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
        units.append(OrganizationalUnit(id="", path=above))
    return tuple(units)


def _obstacle(row: Row, code: ReasonCode, kinds: StoredKinds) -> Obstacle | None:
    if code in (ReasonCode.CANNOT_STOP, ReasonCode.OWNED):
        return Obstacle(ObstacleCode(code.value), row["reason"])
    return kinds.obstacle_of(row["kind"], row["facts"], row["tags"]) if code in _DECIDED_BEFORE_OBSTACLES else None


def _loss(text: str, kind: KindDescription | None) -> Loss:
    """Whether a rule has to accept it is told by its kind; of a kind that is not known, it has to."""
    word = text.removesuffix("?")
    lost = next((one for one in kind.losses if one.word == word), None) if kind else None
    has_to = lost is None or lost.must_be_accepted
    what = f"A stop {'may lose' if text.endswith('?') else 'loses'} its {lost.what if lost else word}"
    return Loss(word, what if has_to else "", is_unknown=text.endswith("?"))


def _exemption(row: Row | None) -> Exemption | None:
    if row is None:
        return None
    until = date.fromisoformat(row["until"]) if row["until"] else None
    return Exemption(**{**row, "until": until})


def _unresolved(row: Mapping[str, Any]) -> UnresolvedName:
    effect = NameEffect(row["effect"])
    return UnresolvedName(
        row["path"], row["line"], row["word"], row["name"], effect, row["detail"], row.get("nearest", "")
    )


def _time(text: Fact) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None
