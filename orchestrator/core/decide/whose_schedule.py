"""By which schedule one resource runs: that of its rule, or the one that a tag names, on it or above it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from orchestrator.core.model import ALL_KINDS, ALL_REGIONS, Account, ReasonCode, Resource, Violation
from orchestrator.core.model.aws_error import AwsError
from orchestrator.core.policy.opt_outs import ACCOUNT, RESOURCE, UNIT
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.schedules.from_tag import ScheduleFromTag, shown_value
from orchestrator.core.policy.schedules.schedule import Schedule
from orchestrator.core.policy.schedules.zones import zone_problem

UNKNOWN_SCHEDULE = "unknown_schedule"
"""In compliance: a tag that is to name a schedule and does not."""
UNKNOWN_TIME_ZONE = "unknown_time_zone"
"""In compliance: an account whose tag is to name the time zone of a schedule, and does not."""
_LONGEST_ZONE = 64


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
    violation: Violation | None = None
    """What compliance says of it."""

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
    """That of the rule that owns the resource, in its time zone. Unknown where a tag is to name schedule or zone, and
    that is unread or wrong.
    """
    if isinstance(rule.schedule, ScheduleFromTag):
        own = _of_tags(policy, rule, rule.schedule, resource, account)
    else:
        own = OwnSchedule(rule.schedule)
    if own.schedule is None or own.schedule.timezone is not None:
        return own
    return _in_zone_of(account, rule, own, own.schedule)


def asks_account_tags(policy: OrgPolicy, rule: Rule) -> bool:
    """Whether what the rule decides may depend on tags of accounts."""
    schedules: Iterable[Schedule] = ()
    if isinstance(rule.schedule, ScheduleFromTag):
        if not rule.schedule.carriers.isdisjoint((ACCOUNT, UNIT)):
            return True
        schedules = policy.schedules.values()  # a tag may name any of them
    elif rule.schedule is not None:
        schedules = (rule.schedule,)
    return rule.where.asks_account_tags() or any(one.timezone is None for one in schedules)


def asks_unit_tags(rule: Rule) -> bool:
    """Whether what the rule decides may depend on tags of OUs."""
    return isinstance(rule.schedule, ScheduleFromTag) and UNIT in rule.schedule.carriers


def _of_tags(
    policy: OrgPolicy, rule: Rule, by_tag: ScheduleFromTag, resource: Resource, account: Account
) -> OwnSchedule:
    for carrier in _carriers(by_tag, resource, account):
        if carrier.error is not None:
            why = f"the tags {carrier.text} could not be read ({carrier.error})"
            return _unknown(rule, why)
        key = by_tag.key_in(carrier.tags)
        if key is not None:
            return _by_tag(policy, rule, by_tag, carrier, key, resource)
        problem = _misspelt(by_tag, carrier.tags)
        if problem:
            return _unknown(rule, f"the tag {problem}", _violation(carrier, resource, problem))
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


def problem_in(policy: OrgPolicy, by_tag: ScheduleFromTag, tags: Mapping[str, str]) -> str:
    """What is wrong with what these tags say about a schedule, and what would be right; empty where nothing is."""
    key = by_tag.key_in(tags)
    if key is None:
        return _misspelt(by_tag, tags)
    other = by_tag.contradicted_in(tags, key)
    if other is not None:
        return _contradicted(key, other, tags)
    found = by_tag.meant(tags[key], policy.schedules)
    return f"{key}={shown_value(tags[key])}: {found}" if isinstance(found, str) else ""


def _in_zone_of(account: Account, rule: Rule, own: OwnSchedule, schedule: Schedule) -> OwnSchedule:
    """The same schedule by the clock that the account's tag names."""
    begin = f"Rule {rule.name} owns it, and the time zone of its schedule {own.label} is unknown"
    if account.tags_error is not None:
        why = f"the tags of its account {account.id} could not be read ({account.tags_error})"
        return OwnSchedule(None, f"{begin}: {why}.")
    value = account.tags.get(schedule.timezone_tag)
    problem = _zone_problem(schedule.timezone_tag, value)
    if value is not None and problem is None:
        return replace(own, schedule=schedule.in_zone(ZoneInfo(value)))
    wrong = Violation(account.id, ALL_REGIONS, account.id, UNKNOWN_TIME_ZONE, problem or "", ALL_KINDS, ACCOUNT)
    return OwnSchedule(None, f"{begin}: of its account {account.id}, {problem}.", violation=wrong)


@lru_cache(maxsize=4096)
def _zone_problem(key: str, value: str | None) -> str | None:
    if value is None:
        return f"the tag {key} is missing; it names a time zone, such as Europe/Berlin"
    is_shown = value.isprintable() and len(value) <= _LONGEST_ZONE
    problem = zone_problem(value) if is_shown else "it is no IANA time zone; use a name such as Europe/Berlin or UTC"
    return f"{key}={shown_value(value)}: {problem}" if problem is not None else None


def _by_tag(
    policy: OrgPolicy, rule: Rule, by_tag: ScheduleFromTag, carrier: _Carrier, key: str, resource: Resource
) -> OwnSchedule:
    value, other = carrier.tags[key], by_tag.contradicted_in(carrier.tags, key)
    if other is not None:
        problem = _contradicted(key, other, carrier.tags)
        return _unknown(rule, f"the tag {problem}", _violation(carrier, resource, problem))
    found = by_tag.meant(value, policy.schedules)
    if isinstance(found, str):
        said = f"{key}={shown_value(value)}"
        why = f"the tag {said} {carrier.text}: {found}"
        return _unknown(rule, why, _violation(carrier, resource, f"{said}: {found}"))
    source = f"its tag {key}" if carrier.word == RESOURCE else f"the tag {key} {carrier.text}"
    return OwnSchedule(found, source=source)


def _contradicted(key: str, other: str, tags: Mapping[str, str]) -> str:
    said = " and ".join(f"{one}={shown_value(tags[one])}" for one in (key, other))
    return f"{said} say different things: delete the one that is misspelt, {other}"


def _misspelt(by_tag: ScheduleFromTag, tags: Mapping[str, str]) -> str:
    """A key that is written in another way was meant to be read, and may be what spares."""
    found = by_tag.misspelt_in(tags)
    return f"{shown_value(found[0])} is not read: its key is misspelt, write {found[1]}" if found else ""


def _unknown(rule: Rule, why: str, violation: Violation | None = None) -> OwnSchedule:
    text = f"Rule {rule.name} owns it, and by which schedule it runs is unknown: {why}."
    return OwnSchedule(None, text, violation=violation)


def _violation(carrier: _Carrier, resource: Resource, problem: str) -> Violation | None:
    """Of the resource's own tag; those of accounts and OUs are told by `schedule_tag_violations`."""
    if carrier.word != RESOURCE:
        return None
    account_id, region = resource.target.account_id, resource.target.region
    return Violation(account_id, region, resource.resource_id, UNKNOWN_SCHEDULE, problem, resource.kind, RESOURCE)


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
