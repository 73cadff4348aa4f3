"""By which schedule one resource runs: that of its rule, or the one that a tag names, on it or above it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.core.model import ALL_KINDS, ALL_REGIONS, Account, ReasonCode, Resource, Violation
from orchestrator.core.model.aws_error import AwsError
from orchestrator.core.policy.opt_outs import ACCOUNT, RESOURCE, UNIT
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.schedules.from_tag import ScheduleFromTag, schedule_named, shown_value
from orchestrator.core.policy.schedules.schedule import Schedule

UNKNOWN_SCHEDULE = "unknown_schedule"
"""In compliance: a tag that is to name a schedule and does not."""


@dataclass(frozen=True, slots=True)
class OwnSchedule:
    """The schedule of one resource; None: it has none, and may be stopped at any time."""

    schedule: Schedule | None
    unknown: str = ""
    """Why it is not known, as one sentence: then the resource is kept. Empty where it is known."""
    code: ReasonCode = ReasonCode.UNKNOWN_SCHEDULE
    """That of `unknown`."""
    source: str = ""
    """Of one that a tag names, which tag: `its tag Schedule`. Empty where the rule names it."""
    violation: str = ""
    """What is wrong with the resource's own tag, and what would be right; empty where nothing is."""

    @property
    def label(self) -> str:
        """The schedule's name, for sentences, with where it comes from if that is a tag."""
        name = self.schedule.name if self.schedule else ""
        return f"{name} (by {self.source})" if self.source else name


class _Carrier(NamedTuple):
    word: str
    tags: Mapping[str, str]
    error: AwsError | None
    """Why its tags are unknown."""
    text: str
    """For sentences, after `the tag` and its key."""


def schedule_of(policy: OrgPolicy, rule: Rule, resource: Resource, account: Account) -> OwnSchedule:
    """That of the rule that owns the resource. Unknown where a tag is to name it, and that is unread or wrong."""
    if not isinstance(rule.schedule, ScheduleFromTag):
        return OwnSchedule(rule.schedule)
    by_tag = rule.schedule
    for carrier in _carriers(by_tag, resource, account):
        if carrier.error is not None:
            why = f"the tags {carrier.text} could not be read ({carrier.error})"
            return _unknown(rule, why)
        key = by_tag.key_in(carrier.tags)
        if key is not None:
            return _by_tag(policy, rule, carrier, key)
        problem = _misspelt(by_tag, carrier.tags)
        if problem:
            return _unknown(rule, f"the tag {problem}", carrier, problem)
    if by_tag.default is not None:
        return OwnSchedule(by_tag.default)
    text = f"Rule {rule.name} owns it, and takes its schedule from the tag {_or(by_tag.keys)}, which it does not have."
    return OwnSchedule(None, text, ReasonCode.NO_SCHEDULE)


def schedule_tag_violations(policy: OrgPolicy, accounts: Iterable[Account]) -> Iterator[Violation]:
    """What is wrong with the tags of accounts and OUs that are to name a schedule: once for each carrier and tag."""
    by_tags = [rule.schedule for rule in policy.rules if isinstance(rule.schedule, ScheduleFromTag)]
    seen: set[tuple[str, str, str]] = set()
    for account in accounts if by_tags else ():
        carriers = [(ACCOUNT, str(account.id), account.tags)]
        carriers += [(UNIT, unit.path, unit.tags) for unit in account.organizational_units]
        for word, carrier_id, tags in carriers:
            for by_tag in by_tags:
                problem = problem_in(policy, by_tag, tags) if word in by_tag.carriers else ""
                if problem and (word, carrier_id, problem) not in seen:
                    seen.add((word, carrier_id, problem))
                    yield Violation(account.id, ALL_REGIONS, carrier_id, UNKNOWN_SCHEDULE, problem, ALL_KINDS, word)


def resource_violation(resource: Resource, own: OwnSchedule) -> Violation:
    """The line of compliance of a resource whose own tag is wrong."""
    account_id, region = resource.target.account_id, resource.target.region
    return Violation(account_id, region, resource.resource_id, UNKNOWN_SCHEDULE, own.violation, resource.kind, RESOURCE)


def problem_in(policy: OrgPolicy, by_tag: ScheduleFromTag, tags: Mapping[str, str]) -> str:
    """What is wrong with what these tags say about a schedule, and what would be right; empty where nothing is."""
    key = by_tag.key_in(tags)
    if key is None:
        return _misspelt(by_tag, tags)
    found = schedule_named(tags[key], policy.schedules)
    return f"{key}={shown_value(tags[key])}: {found}" if isinstance(found, str) else ""


def _by_tag(policy: OrgPolicy, rule: Rule, carrier: _Carrier, key: str) -> OwnSchedule:
    found = schedule_named(carrier.tags[key], policy.schedules)
    if isinstance(found, str):
        problem = f"{key}={shown_value(carrier.tags[key])}: {found}"
        return _unknown(
            rule, f"the tag {key}={shown_value(carrier.tags[key])} {carrier.text}: {found}", carrier, problem
        )
    own = f"its tag {key}" if carrier.word == RESOURCE else f"the tag {key} {carrier.text}"
    return OwnSchedule(found, source=own)


def _misspelt(by_tag: ScheduleFromTag, tags: Mapping[str, str]) -> str:
    """A key that is written in another way was meant to be read, and may be what spares."""
    found = by_tag.misspelt_in(tags)
    return f"{shown_value(found[0])} is not read: its key is misspelt, write {found[1]}" if found else ""


def _unknown(rule: Rule, why: str, carrier: _Carrier | None = None, problem: str = "") -> OwnSchedule:
    text = f"Rule {rule.name} owns it, and by which schedule it runs is unknown: {why}."
    own = carrier is not None and carrier.word == RESOURCE
    return OwnSchedule(None, text, violation=problem if own else "")


def _carriers(by_tag: ScheduleFromTag, resource: Resource, account: Account) -> Iterator[_Carrier]:
    """Nearest first."""
    if RESOURCE in by_tag.carriers:
        yield _Carrier(RESOURCE, resource.tags, None, "of it")
    if ACCOUNT in by_tag.carriers:
        yield _Carrier(ACCOUNT, account.tags, account.tags_error, f"of its account {account.id}")
    if UNIT not in by_tag.carriers:
        return
    if account.units_error is not None:
        yield _Carrier(UNIT, {}, account.units_error, f"of the OUs above its account {account.id}")
    for unit in reversed(account.organizational_units):
        yield _Carrier(UNIT, unit.tags, unit.tags_error, f"of its OU {unit.path}")


def _or(keys: tuple[str, ...]) -> str:
    return " or ".join(keys)
