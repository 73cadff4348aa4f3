"""What a policy asks of each resource over a span of time: every start and stop edge, computed and not sampled.

Inventory and span in; what is asked at the beginning and each change of it out. Every resource is taken for running and
for one that obeys at once: what people do meanwhile, and what AWS has no room for, is not foreseen. What is said of a
moment is what `decide` says of it; here is only found at which moments it may say something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from heapq import heappop, heappush
from zoneinfo import ZoneInfo

from orchestrator.core.decide import scope
from orchestrator.core.decide.decisions import decide
from orchestrator.core.decide.other_policies import CoOwner
from orchestrator.core.decide.whose_schedule import schedule_of
from orchestrator.core.model import (
    Account,
    AccountId,
    Decision,
    Inventory,
    ReasonCode,
    Resource,
    ResourceKey,
    ResourceState,
    Tags,
    Verdict,
)
from orchestrator.core.model.marks import STOP_AFTER_TAG
from orchestrator.core.model.remembered import Notice, Remembered
from orchestrator.core.policy.opt_outs import ACCOUNT, RESOURCE, UNIT, read_opt_outs
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.schedules.schedule import Schedule


class Asked(StrEnum):
    """What is asked of a resource at a moment."""

    RUNNING = "running"
    """By its schedule it should run. Whether it is started is its rule's to say."""
    STOPPED = "stopped"
    EITHER = "either"
    """Its schedule asks for nothing."""
    KEPT = "kept"
    """It is kept as it is, for another reason."""


_BY_SCHEDULE: Mapping[ReasonCode, Asked] = {
    ReasonCode.SCHEDULE: Asked.RUNNING,
    ReasonCode.EITHER_BY_SCHEDULE: Asked.EITHER,
}
"""What a schedule asks for, by the code of the reason for which it keeps what runs."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is asked of a resource from a moment on, by which rule and why."""

    at: datetime
    asked: Asked
    rule: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Simulated:
    """One resource over the span: what is asked at its beginning, and from each later moment on something else."""

    key: ResourceKey
    moments: tuple[Moment, ...]

    def at(self, moment: datetime) -> Asked:
        """What is asked then, within the span."""
        return next(one.asked for one in reversed(self.moments) if one.at <= moment)


Spared = Callable[[Account, date], str]
"""Why nothing of an account is looked at on that day; empty where it is."""


def simulate(
    policy: OrgPolicy,
    inventory: Inventory,
    start: datetime,
    end: datetime,
    others: Sequence[CoOwner] = (),
    spared: Spared | None = None,
    missed: Callable[[Resource], frozenset[str]] = lambda _: frozenset(),
) -> tuple[Simulated, ...]:
    """Of each resource, sorted by its key, from `start` through `end`.

    `spared`: by default as a sweep leaves accounts out. `missed`: the rules of which is known that they do not match a
    resource, although what they ask for is not.
    """
    policy = policy.with_unresolved(inventory.names)
    span = _Span(policy, start, end, others, inventory.remembered, spared or _left_out(policy))
    accounts = {account.id: account for account in inventory.accounts}
    resources = sorted(inventory.resources, key=lambda one: one.key)
    return tuple(span.simulated(one, accounts[one.target.account_id], missed(one)) for one in resources)


def _left_out(policy: OrgPolicy) -> Spared:
    def spared(account: Account, day: date) -> str:
        row = scope.left_out(policy.organization, account, day)
        return row.detail if row else ""

    return spared


class _Span:
    """The simulation of one policy; what several resources have in common is worked out once."""

    def __init__(
        self,
        policy: OrgPolicy,
        start: datetime,
        end: datetime,
        others: Sequence[CoOwner],
        remembered: Remembered,
        spared: Spared,
    ) -> None:
        self._policy = policy
        self._start = start.astimezone(UTC)
        self._end = end.astimezone(UTC)
        self._others = others
        self._remembered = remembered
        self._spared = spared
        days = (self._end - self._start).days + 1
        self._days = {policy.day(self._start) + timedelta(days=number) for number in range(-1, days + 1)}
        """On any of which a notice may end: a later day in its tag counts too, for so long."""
        self._edges: dict[Schedule, tuple[datetime, ...]] = {}
        self._left_out: dict[tuple[AccountId, date], str] = {}
        self._without: dict[frozenset[str], OrgPolicy] = {frozenset(): policy}

    def simulated(self, resource: Resource, account: Account, missed: frozenset[str]) -> Simulated:
        running = replace(resource, state=ResourceState.RUNNING, aws_state="running")
        instants, never = self._instants(self._policy_without(missed), running, account)
        policy = self._policy_without(missed | never)
        moments: list[Moment] = []
        remembered = self._remembered
        while instants:
            at = heappop(instants)
            one, announced = self._moment(policy, running, account, at, remembered)
            if not moments or one.asked is not moments[-1].asked:
                moments.append(one)
            if announced is not None:
                remembered = replace(self._remembered, notices={resource.key: announced})
                for ends in day_ends(announced.stop_after, policy.timezone):
                    if ends <= self._end:
                        heappush(instants, ends)
        return Simulated(resource.key, tuple(moments))

    def _policy_without(self, rules: frozenset[str]) -> OrgPolicy:
        if rules not in self._without:
            left = tuple(one for one in self._policy.rules if one.name not in rules)
            self._without[rules] = replace(self._policy, rules=left)
        return self._without[rules]

    def _moment(
        self, policy: OrgPolicy, resource: Resource, account: Account, at: datetime, remembered: Remembered
    ) -> tuple[Moment, Notice | None]:
        """With the notice that a sweep would give then."""
        why = self._why_left_out(account, policy.day(at)) or self._why_not_in_region(resource)
        if why:
            return Moment(at, Asked.KEPT, None, f"Nothing of it is read: {why}"), None
        decision = decide(policy, resource, account, at, self._others, remembered)
        moment = Moment(at, asked_by(decision), decision.rule, decision.reason)
        return moment, _announced(policy, decision, at, remembered)

    def _why_left_out(self, account: Account, day: date) -> str:
        known = (account.id, day)
        if known not in self._left_out:
            self._left_out[known] = self._spared(account, day)
        return self._left_out[known]

    def _why_not_in_region(self, resource: Resource) -> str:
        in_scope = scope.region_in_scope(self._policy.regions, resource.target.region)
        return "" if in_scope else "the policy's regions leave it out"

    # --- the moments at which something may change

    def _instants(
        self, policy: OrgPolicy, resource: Resource, account: Account
    ) -> tuple[list[datetime], frozenset[str]]:
        """The beginning, and each later moment from which `decide` may say something else; and the rules that match the
        resource at none of them, which need not be asked again.
        """
        found: set[datetime] = {self._start, *self._of_opt_outs(resource, account)}
        never: set[str] = set()
        for rule in policy.rules:
            changes = [*rule.where.changes_between(resource, account, self._start, self._end)]
            held = rule.where.evaluate(resource, account, self._start) if resource.kind in rule.kinds else False
            found.update(changes)
            if held is False and not changes:
                never.add(rule.name)
                continue
            found.update(self._of_schedule(policy, rule, resource, account))
            if held and not changes:
                break
        for other in self._others:
            for rule in other.policy.rules:
                found.update(rule.where.changes_between(resource, account, self._start, self._end))
        return sorted(at for at in found if self._start <= at <= self._end), frozenset(never)

    def _of_schedule(self, policy: OrgPolicy, rule: Rule, resource: Resource, account: Account) -> Iterator[datetime]:
        """Its changes, and the end of the time for which what was started by hand is kept."""
        schedule = schedule_of(policy, rule, resource, account).schedule
        if schedule is None:
            return
        if schedule not in self._edges:
            self._edges[schedule] = tuple(edge.at for edge in schedule.edges(self._start, self._end))
        yield from self._edges[schedule]
        keep_for = rule.started_by_hand.keep_for
        if keep_for is not None and resource.started_at is not None:
            yield resource.started_at + keep_for

    def _of_opt_outs(self, resource: Resource, account: Account) -> Iterator[datetime]:
        """A dated one ends with its day in the policy's zone; so does a notice."""
        last_days = {
            until
            for tags, source, source_id in _carriers(resource, account)
            for one in read_opt_outs(tags, source, source_id, self._policy.day(self._start))
            if (until := one.exemption.until) is not None
        }
        last_days |= {one.until for one in self._remembered.opt_outs.get(resource.arn, ()) if one.until is not None}
        if STOP_AFTER_TAG in resource.tags or resource.key in self._remembered.notices:
            last_days |= self._days
        for day in last_days:
            yield from day_ends(day, self._policy.timezone)


def asked_by(decision: Decision) -> Asked:
    """What a decision on something that runs asks of it."""
    if decision.verdict is Verdict.STOP:
        return Asked.STOPPED
    return _BY_SCHEDULE.get(decision.reason_code, Asked.KEPT)


def _announced(policy: OrgPolicy, decision: Decision, at: datetime, remembered: Remembered) -> Notice | None:
    """The one that a sweep would give then; None where it would only write the tag of one again."""
    rule = next((one for one in policy.rules if one.name == decision.rule), None)
    if decision.reason_code is not ReasonCode.NOTICE_GIVEN or rule is None or rule.notice_days is None:
        return None
    known = remembered.notices.get(decision.resource.key)
    if known is not None and known.rule == rule.name:
        return None
    return Notice(f"{at:%Y%m%dT%H%M%SZ}-000000", rule.name, policy.day(at) + timedelta(days=rule.notice_days))


def day_ends(day: date, zone: ZoneInfo) -> Iterator[datetime]:
    """The moments in UTC at which the next day may begin by that zone's clocks: two where they change at midnight."""
    if day < date.max - timedelta(days=1):
        midnight = datetime.combine(day + timedelta(days=1), time(), zone)
        yield from {midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}


def _carriers(resource: Resource, account: Account) -> Iterator[tuple[Tags, str, str]]:
    yield resource.tags, RESOURCE, resource.resource_id
    yield account.tags, ACCOUNT, account.id
    for unit in account.organizational_units:
        yield unit.tags, UNIT, unit.path
