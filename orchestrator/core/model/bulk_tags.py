"""The tags of many accounts and OUs out of one listing: quick, and behind what AWS Organizations itself says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.model.organization import Tags

CANARY_TAG = "stop-orchestrator:canary"
"""On the organization's root, with the organization's id as its value: `make deploy-management` writes it. A listing
without it is none of this organization, whatever else is in it."""


@dataclass(frozen=True, slots=True)
class BulkTags:
    """A listing of one organization's tags that proved to be of it.

    It may exclude, never permit: it may be stale, and lacks what was never tagged and what it has not heard of yet.
    Whatever carries tags of it has no `tags_read_at`, so that they are never young enough to act by.
    """

    tags: Mapping[str, Tags]
    """By the id of the account or OU."""
