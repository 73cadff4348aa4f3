"""Exact tags of the accounts that a rule could decide by them (`account_tag`, or a schedule that is taken from tags of
accounts or OUs), read after the reading and before deciding.

Bulk tags may exclude and never permit. So they decide no condition and no schedule: where one would depend on them, the
account's tags, and where a rule asks for those of OUs the ones above it, are read anew. An account that turns out to be
spared by them ends as if that had been known before it was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from orchestrator.core.decide import scope
from orchestrator.core.decide.decisions import decide
from orchestrator.core.decide.other_policies import CoOwner
from orchestrator.core.decide.whose_schedule import asks_account_tags, asks_unit_tags
from orchestrator.core.model import (
    Account,
    AccountId,
    AwsError,
    Coverage,
    OrganizationalUnit,
    ReasonCode,
    Resource,
    TargetStatus,
)
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.ports import World
from orchestrator.sweep.listing import Listing
from orchestrator.sweep.other_policies import co_owners
from orchestrator.sweep.pool import Pool
from orchestrator.sweep.read import Reading

_NOT_EXACT = AwsError("NotExact", "its tags are of a listing in bulk")
_TAG_FACT = "account_tag:"
_DEPENDS_ON_TAGS = frozenset(
    {ReasonCode.UNKNOWN_CONDITION, ReasonCode.OWNED_BY_TWO_POLICIES, ReasonCode.UNKNOWN_SCHEDULE}
)


def with_exact_tags(
    world: World, policy: OrgPolicy, listing: Listing, reading: Reading, now: datetime
) -> tuple[Listing, Reading]:
    """The same, with exact tags of those accounts whose bulk tags would decide something.

    What they spare is left out whole. So is an account whose tags were not read because no more work is handed out:
    another process may read it.
    """
    wanted = _undecided(policy, listing, reading.resources, now, co_owners(world, listing.others))
    if not wanted:
        return listing, reading
    world.progress.phase(f"Reading the tags of {len(wanted)} accounts that rules ask for")
    exact, rows = _read(world, wanted, units=any(map(asks_unit_tags, policy.rules)))
    today = policy.day(now)
    spared = scope.accounts_not_opted_out(tuple(exact.values()), today).left_out
    gone = {row.account_id for row in (*spared, *rows)}
    listing = replace(
        listing,
        accounts=tuple(exact.get(account.id, account) for account in listing.accounts),
        to_read=tuple(one for one in listing.to_read if one not in {row.account_id for row in spared}),
        coverage=(*listing.coverage, *spared),
    )
    return listing, Reading(
        tuple(one for one in reading.opened if one.account_id not in gone),
        (*(row for row in reading.coverage if row.account_id not in gone), *rows),
        tuple(one for one in reading.resources if one.target.account_id not in gone),
    )


def _undecided(
    policy: OrgPolicy, listing: Listing, resources: Iterable[Resource], now: datetime, others: Sequence[CoOwner]
) -> tuple[Account, ...]:
    """Those with a resource whose decision would be another one with other tags of the account, or may be."""
    by_others = any(rule.where.asks_account_tags() for one in others for rule in one.policy.rules)
    if not by_others and not any(asks_account_tags(policy, rule) for rule in policy.rules):
        return ()
    policy = policy.with_unresolved(listing.names)
    unknown = {
        account.id: _without_tags(account)
        for account in listing.accounts
        if account.tags_read_at is None and account.tags_error is None
    }
    found: set[AccountId] = set()
    for one in resources:
        account = unknown.get(one.target.account_id)
        if account is None or account.id in found:
            continue
        decision = decide(policy, one, account, now, others)
        # A report that names a tag names the one that it is decided by, though another would decide no differently.
        named = any(name.startswith(_TAG_FACT) for name in decision.facts)
        if named or decision.reason_code in _DEPENDS_ON_TAGS:
            found.add(account.id)
    return tuple(account for account in listing.accounts if account.id in found)


def _without_tags(account: Account) -> Account:
    units = tuple(replace(unit, tags={}, tags_error=_NOT_EXACT) for unit in account.organizational_units)
    return replace(account, tags={}, tags_error=_NOT_EXACT, organizational_units=units)


def _read(
    world: World, accounts: Sequence[Account], *, units: bool
) -> tuple[Mapping[AccountId, Account], tuple[Coverage, ...]]:
    """Those that were read, what could not be in their `tags_error`; and a row for each that was not attempted.

    With the OUs above them where those are asked for, each once.
    """
    if units:
        accounts = _with_read_units(world, accounts)
    with Pool[Account | Coverage](world.workers) as pool:
        for account in accounts:
            pool.submit(_read_one, world, account)
        results = tuple(pool.results())
    exact = {one.id: one for one in results if isinstance(one, Account)}
    return exact, tuple(one for one in results if isinstance(one, Coverage))


def _with_read_units(world: World, accounts: Sequence[Account]) -> tuple[Account, ...]:
    """What no more work is handed out for stays as it is listed: then its account is not read either."""
    above = {unit.id: unit for account in accounts for unit in account.organizational_units}
    with Pool[OrganizationalUnit](world.workers) as pool:
        for unit in above.values():
            pool.submit(_read_unit, world, unit)
        above.update((unit.id, unit) for unit in pool.results())
    return tuple(
        replace(account, organizational_units=tuple(above[unit.id] for unit in account.organizational_units))
        for account in accounts
    )


def _read_unit(world: World, unit: OrganizationalUnit) -> OrganizationalUnit:
    """A thread's boundary: nothing is raised past it."""
    if world.halt() is not None:
        return replace(unit, tags={}, tags_error=_NOT_EXACT)
    try:
        return world.organization.read_own_tags(unit)
    except Exception as failure:  # noqa: BLE001 - a thread's boundary, and it is recorded
        return replace(unit, tags={}, tags_error=AwsError(type(failure).__name__, str(failure)))


def _read_one(world: World, account: Account) -> Account | Coverage:
    """A thread's boundary: nothing is raised past it."""
    halt = world.halt()
    if halt is not None:
        return scope.whole_account(account, TargetStatus.NOT_ATTEMPTED, halt.text)
    try:
        return world.organization.read_own_tags(account)
    except Exception as failure:  # noqa: BLE001 - a thread's boundary, and it is recorded
        return replace(account, tags={}, tags_error=AwsError(type(failure).__name__, str(failure)))
