"""What a compliance report wants to know: missing tags on what runs, and opt-outs that someone should look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from orchestrator.core.model import ALL_REGIONS, Account, Resource, Violation
from orchestrator.core.policy.opt_outs import RESOURCE, account_opt_outs, opt_out_violations, read_opt_outs

MISSING_TAG = "missing_required_tag"


def violations(
    resources: Iterable[Resource], accounts: Sequence[Account], required_tags: Sequence[str], today: date
) -> tuple[Violation, ...]:
    """Sorted by account. `accounts` are those in scope, opted out or not; an OU's opt-out counts for each of them."""
    found = [violation for account in accounts for violation in _of_account(account, today)]
    for resource in resources:
        found += _of_resource(resource, required_tags, today)
    return joined(found)


def joined(*found: Iterable[Violation]) -> tuple[Violation, ...]:
    """All of them, in the order of a report."""
    rows = (violation for part in found for violation in part)
    return tuple(
        sorted(rows, key=lambda row: (row.account_id, row.region, row.kind, row.resource_id, row.violation, row.detail))
    )


def _of_account(account: Account, today: date) -> Iterator[Violation]:
    for opt_out in account_opt_outs(account, today):
        yield from opt_out_violations(opt_out, account.id, ALL_REGIONS, opt_out.exemption.source_id)


def _of_resource(resource: Resource, required_tags: Sequence[str], today: date) -> Iterator[Violation]:
    account_id, region = resource.target.account_id, resource.target.region
    for key in required_tags:
        if not resource.tags.get(key, "").strip():
            detail = f"the tag {key} is {'empty' if key in resource.tags else 'missing'}"
            yield Violation(account_id, region, resource.resource_id, MISSING_TAG, detail, resource.kind, RESOURCE)
    for opt_out in read_opt_outs(resource.tags, RESOURCE, resource.resource_id, today):
        yield from opt_out_violations(opt_out, account_id, region, resource.resource_id, resource.kind)
