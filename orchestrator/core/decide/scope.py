"""Which accounts and regions a sweep looks at: policy and organization in; accounts, regions and coverage rows out.

Every account and every region that is left out gets a row that says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from orchestrator.core.model import (
    ALL_KINDS,
    ALL_REGIONS,
    Account,
    Coverage,
    Exemption,
    Organization,
    Region,
    TargetStatus,
)
from orchestrator.core.policy.conditions.matching import account_within, globs_of, is_glob
from orchestrator.core.policy.opt_outs import account_opt_outs, exemption_sentence, most_protective
from orchestrator.core.policy.schema.scope import OrganizationScope, RegionScope

ACTIVE = "ACTIVE"
NAME_THE_REGIONS = (
    "let the member role call ec2:DescribeRegions there, or name each region in the policy, without patterns: "
    "regions: {include: [us-east-1, ...]}; then those are read without a list"
)


@dataclass(frozen=True, slots=True)
class Selection:
    """The accounts that are selected, and a coverage row for each one left out."""

    accounts: tuple[Account, ...]
    left_out: tuple[Coverage, ...]


def accounts_in_scope(scope: OrganizationScope, organization: Organization) -> Selection:
    """By the policy and the account's state alone; tags are not needed (and not read) for what is left out here."""
    return _select(organization.accounts, lambda account: _left_out(scope, account))


def accounts_not_opted_out(accounts: Sequence[Account], today: date) -> Selection:
    """Drops the accounts that opted out, and those whose tags are unknown: unknown means keep."""
    return _select(accounts, lambda account: _spared(account, today))


def left_out(scope: OrganizationScope, account: Account, today: date) -> Coverage | None:
    """Why one account, with its tags, is not acted on; None when it is in scope and did not opt out."""
    return _left_out(scope, account) or _spared(account, today)


def is_in_scope(scope: OrganizationScope, account: Account) -> bool | None:
    """Whether a policy is about the account, whatever state that is in; None where it is not known where it is."""
    row = _left_out(scope, account)
    if row is None or row.status is TargetStatus.SUSPENDED:
        return True
    return False if row.status is TargetStatus.EXCLUDED else None


def whole_account(account: Account, status: TargetStatus, detail: str, exemption: Exemption | None = None) -> Coverage:
    """The coverage row of an account of which no region was read."""
    return Coverage(account.id, account.name, account.ou_path, ALL_REGIONS, status, detail, exemption)


def coverage_row(
    account: Account, region: Region, status: TargetStatus, detail: str = "", kind: str = ALL_KINDS
) -> Coverage:
    """The coverage row of one target; of all its kinds unless one is named."""
    return Coverage(account.id, account.name, account.ou_path, region, status, detail, kind=kind)


@lru_cache(maxsize=4096)  # asked for each account's regions, of which there are few
def region_in_scope(scope: RegionScope, region: Region) -> bool:
    """Whether the policy's globs include the region and none excludes it."""
    return globs_of(*scope.include).match(region) and not globs_of(*scope.exclude).match(region)


@lru_cache(maxsize=256)  # asked for each account
def named_regions(scope: RegionScope) -> tuple[Region, ...]:
    """The regions in scope where the policy names every one of them; none where it includes some by a pattern."""
    if any(is_glob(name) for name in scope.include):
        return ()
    return tuple(Region(name) for name in dict.fromkeys(scope.include) if region_in_scope(scope, Region(name)))


def unlisted_regions(scope: RegionScope, listed: Iterable[Region], known: Iterable[Region]) -> tuple[Region, ...]:
    """Regions in scope that exist for others, or that the policy names, but that this account's list lacks."""
    named = {Region(pattern) for pattern in scope.include if not is_glob(pattern)}
    return tuple(sorted(region for region in {*known, *named} - set(listed) if region_in_scope(scope, region)))


def _select(accounts: Iterable[Account], left_out: Callable[[Account], Coverage | None]) -> Selection:
    rows = [(account, left_out(account)) for account in accounts]
    return Selection(
        tuple(account for account, row in rows if row is None),
        tuple(row for _, row in rows if row is not None),
    )


def _left_out(scope: OrganizationScope, account: Account) -> Coverage | None:
    if account.is_management and not scope.include_management_account:
        text = "the management account is left out unless the policy says include_management_account: true"
        return whole_account(account, TargetStatus.EXCLUDED, text)
    if account.id in scope.exclude_accounts:
        return whole_account(account, TargetStatus.EXCLUDED, "the policy names it under exclude_accounts")
    if account.units_error is not None:
        detail = f"where it is in the organization is not known, so it is kept: {account.units_error}"
        return _not_active(account) or whole_account(account, TargetStatus.FAILED, detail)
    if scope.include and not any(account_within(account, unit) for unit in scope.include):
        return whole_account(account, TargetStatus.EXCLUDED, "it is in none of the OUs that the policy includes")
    for unit in scope.exclude:
        if account_within(account, unit):
            return whole_account(account, TargetStatus.EXCLUDED, f"the policy excludes the OU {unit}")
    return _not_active(account)


def _not_active(account: Account) -> Coverage | None:
    if account.state == ACTIVE:
        return None
    if account.state is None:
        return whole_account(account, TargetStatus.FAILED, "AWS Organizations did not say the account's state")
    return whole_account(account, TargetStatus.SUSPENDED, f"the account's state is {account.state}")


def _spared(account: Account, today: date) -> Coverage | None:
    errors = (account.tags_error, *(unit.tags_error for unit in account.organizational_units))
    unreadable = next((error for error in errors if error is not None), None)
    if unreadable is not None:
        detail = f"its opt-out tags could not be read, so it is kept: {unreadable}"
        return whole_account(account, TargetStatus.FAILED, detail)
    exemption = most_protective(account_opt_outs(account, today))
    if exemption is None:
        return None
    return whole_account(account, TargetStatus.OPTED_OUT, exemption_sentence(exemption), exemption)
