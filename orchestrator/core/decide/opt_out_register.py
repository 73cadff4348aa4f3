"""The register of all opt-outs of an inventory: each with what it spares, as far as that is known.

What would be decided without it is decided: the same policy, and the resource without its opt-out tags. An account that
is opted out is not read, so what its tag, or that of an OU above it, spares is unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from orchestrator.core.decide.compliance import owner_of_tags
from orchestrator.core.decide.whose_schedule import schedule_of
from orchestrator.core.model import (
    Account,
    AccountId,
    Decision,
    OptOutStatus,
    ReasonCode,
    RegisteredOptOut,
    Resource,
    Tags,
    Verdict,
)
from orchestrator.core.model.remembered import LinkedOptOuts
from orchestrator.core.policy.opt_outs import (
    ACCOUNT,
    RESOURCE,
    UNIT,
    OptOut,
    carrier_of,
    opt_out_findings,
    read_linked,
    read_opt_outs,
)
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.schedules.answer import ScheduleState
from orchestrator.core.policy.schedules.schedule import Schedule
from orchestrator.core.policy.tag_keys import is_a_persons

WEEK = timedelta(days=7)
_HOUR = timedelta(hours=1)
_ALWAYS = WEEK / _HOUR
_UNKNOWN = frozenset({ReasonCode.UNKNOWN_CONDITION, ReasonCode.UNKNOWN_SCHEDULE, ReasonCode.UNKNOWN_LOSS})
_STOPS_LATER = frozenset({ReasonCode.NOTICE, ReasonCode.NOTICE_GIVEN})
DecideWithout = Callable[[Resource, Account], Decision]
"""What is decided of a resource that has no opt-out."""


def register_opt_outs(
    policy: OrgPolicy,
    accounts: Iterable[Account],
    decisions: Iterable[Decision],
    now: datetime,
    decide_without: DecideWithout,
    linked: LinkedOptOuts,
) -> tuple[RegisteredOptOut, ...]:
    """OUs, accounts, then resources, each sorted. `accounts` are those in scope with their tags; `linked` is what was
    opted out by links.
    """
    known = {account.id: account for account in accounts}
    register = _Register(policy, known, now, decide_without, linked)
    rows = [*register.of_units(), *register.of_accounts()]
    for decision in decisions:
        rows += register.of_resource(decision)
    order = {UNIT: 0, ACCOUNT: 1, RESOURCE: 2}
    return tuple(
        sorted(
            rows,
            key=lambda row: (
                order[row.carrier],
                row.account_id or "",
                row.region,
                row.kind,
                row.carrier_id,
                row.tag,
            ),
        )
    )


def without_opt_outs(resource: Resource) -> Tags:
    """Its tags but for those that spare it, however they are spelt."""
    return {key: value for key, value in resource.tags.items() if not is_a_persons(key)}


class _Register:
    """The register of one sweep."""

    def __init__(
        self,
        policy: OrgPolicy,
        accounts: Mapping[AccountId, Account],
        now: datetime,
        decide_without: DecideWithout,
        linked: LinkedOptOuts,
    ) -> None:
        self._policy = policy
        self._rules = {rule.name: rule for rule in policy.rules}
        self._accounts = accounts
        self._now = now
        self._today = policy.day(now)
        self._decide_without = decide_without
        self._linked = linked
        self._hours: dict[Schedule, float] = {}

    def of_units(self) -> Iterator[RegisteredOptOut]:
        above = [unit for account in self._accounts.values() for unit in account.organizational_units]
        below = Counter(unit.id for unit in above)
        for unit in {unit.id: unit for unit in above}.values():
            for opt_out in self._of(unit.tags, UNIT, unit.path):
                owner = owner_of_tags(self._policy.owner_tag, unit.tags)
                yield replace(self._of_whole(opt_out, below[unit.id]), ou_path=unit.path, owner=owner)

    def of_accounts(self) -> Iterator[RegisteredOptOut]:
        for account in self._accounts.values():
            for opt_out in self._of(account.tags, ACCOUNT, account.id):
                yield self._in(account, self._of_whole(opt_out, 1), account.tags)

    def of_resource(self, decision: Decision) -> Iterator[RegisteredOptOut]:
        resource = decision.resource
        by_links = read_linked(self._linked.get(resource.arn, ()), resource.resource_id, self._today)
        for opt_out in (*self._of(resource.tags, RESOURCE, resource.resource_id), *by_links):
            account = self._accounts[resource.target.account_id]
            decides = opt_out.exemption == decision.exemption
            count, hours = self._spared(decision, account) if decides else (0, 0.0)
            row = self._in(account, self._row(opt_out, 0, count, hours), resource.tags)
            yield replace(row, region=resource.target.region, kind=resource.kind)

    def _of(self, tags: Tags, source: str, source_id: str) -> Iterator[OptOut]:
        found = read_opt_outs(tags, source, source_id, self._today)
        return (one for one in found if not one.only_a_reason)

    def _in(self, account: Account, row: RegisteredOptOut, tags: Tags) -> RegisteredOptOut:
        owner = owner_of_tags(self._policy.owner_tag, tags, account.tags)
        return replace(row, account_id=account.id, account_name=account.name, ou_path=account.ou_path, owner=owner)

    def _of_whole(self, opt_out: OptOut, accounts: int) -> RegisteredOptOut:
        """Of an account, or of an OU with all that is below it: what is in there was not read, unless it is over."""
        return self._row(opt_out, 0, 0, 0.0) if opt_out.expired else self._row(opt_out, accounts, None, None)

    def _row(self, opt_out: OptOut, accounts: int, resources: int | None, hours: float | None) -> RegisteredOptOut:
        exemption = opt_out.exemption
        return RegisteredOptOut(
            carrier=carrier_of(exemption),
            carrier_id=exemption.source_id,
            tag=exemption.tag,
            value=exemption.value,
            until=exemption.until,
            reason=exemption.reason,
            status=_status(opt_out),
            days_left=_days_left(exemption.until, self._today),
            spared_accounts=accounts,
            spared_resources=resources,
            spared_hours_per_week=hours,
            violations=tuple(name for name, _ in opt_out_findings(opt_out, self._policy.opt_out, self._today)),
        )

    def _spared(self, decision: Decision, account: Account) -> tuple[int, float | None]:
        """How many resources, of this one, it spares, and for how long in a week."""
        resource = decision.resource
        instead = self._decide_without(resource, account)
        stops = instead.verdict is Verdict.STOP or instead.reason_code in _STOPS_LATER
        if instead.reason_code in _UNKNOWN:
            return 0, None
        if not (stops or instead.reason_code is ReasonCode.SCHEDULE):
            return 0, 0.0
        rule = self._rules.get(instead.rule or "")
        own = schedule_of(self._policy, rule, resource, account) if rule is not None else None
        if own is None or own.unknown:
            return int(stops), None
        return int(stops), self._down(own.schedule) if own.schedule is not None else _ALWAYS

    def _down(self, schedule: Schedule) -> float:
        if schedule not in self._hours:
            self._hours[schedule] = hours_down(schedule, self._now)
        return self._hours[schedule]


def hours_down(schedule: Schedule, now: datetime) -> float:
    """The hours of the seven days from then on in which it asks for what it schedules to be stopped."""
    at = start = now.astimezone(UTC)
    state, down = schedule.state_at(start), timedelta()
    for edge in schedule.edges(start, start + WEEK):
        down += edge.at - at if state is ScheduleState.STOPPED else timedelta()
        at, state = edge.at, edge.state
    down += start + WEEK - at if state is ScheduleState.STOPPED else timedelta()
    return round(down / _HOUR, 2)


def _status(opt_out: OptOut) -> OptOutStatus:
    if opt_out.exemption.nearest_key is not None:
        return OptOutStatus.MISSPELT
    if opt_out.exemption.malformed:
        return OptOutStatus.MALFORMED
    return OptOutStatus.EXPIRED if opt_out.expired else OptOutStatus.ACTIVE


def _days_left(until: date | None, today: date) -> int | None:
    return None if until is None else max((until - today).days, 0)
