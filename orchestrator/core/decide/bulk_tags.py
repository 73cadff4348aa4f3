"""What a listing of tags in bulk may decide: that an account is left out, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core.model import Account, OrganizationalUnit
from orchestrator.core.model.bulk_tags import BulkTags
from orchestrator.core.model.unreadable import unreadable_tags


def with_bulk_tags(account: Account, bulk: BulkTags) -> Account:
    """The account and the units above it with the tags of the listing, not dated: whoever acts reads them again."""
    units = tuple(_tagged_unit(unit, bulk) for unit in account.organizational_units)
    tags = bulk.tags.get(account.id, {})
    error = account.tags_error or unreadable_tags(dict(tags))
    return replace(
        account,
        organizational_units=units,
        tags={} if error else tags,
        tags_error=error,
        tags_read_at=None,
    )


def _tagged_unit(unit: OrganizationalUnit, bulk: BulkTags) -> OrganizationalUnit:
    tags = bulk.tags.get(unit.id, {})
    error = unreadable_tags(dict(tags))
    return replace(unit, tags={} if error else tags, tags_error=error, tags_read_at=None)
