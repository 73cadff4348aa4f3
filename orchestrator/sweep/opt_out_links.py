"""A link for each decision of a sweep by which its owner opts the resource out, where the policy has links."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from orchestrator.core.decide.opt_out_links import OptOutLink, link_url, owner_in_link
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.schema.fields import duration
from orchestrator.errors import StopOrchestratorError

LinkFor = Callable[[Mapping[str, Any]], str | None]
"""Of a decision as a report has it: the link for its resource; None where there is none."""


def link_maker(
    policy: OrgPolicy,
    sweep_id: str,
    began_at: datetime,
    derive_key: Callable[[str, str], bytes],
    warn: Callable[[str], None],
) -> LinkFor | None:
    """None where the policy has no links.

    `derive_key`: the sweep's signing key, by the name of the KMS key and the sweep's id. It is asked once, for the
    first link; where it raises StopOrchestratorError, which costs no sweep, there is a warning and no link.
    """
    links = policy.opt_out.links
    if links is None:
        return None
    until = policy.day(began_at) + timedelta(days=policy.opt_out.max_days or 1)
    expires_at = began_at + duration(links.valid_for)

    @cache
    def key() -> bytes | None:
        try:
            return derive_key(links.key, sweep_id)
        except StopOrchestratorError as failure:
            warn(f"Messages have no opt-out links: {failure}")
            return None

    def link_for(row: Mapping[str, Any]) -> str | None:
        signing = key() if row["arn"] else None
        if signing is None:
            return None
        link = OptOutLink(
            arn=row["arn"],
            until=until,
            sweep_id=sweep_id,
            expires_at=expires_at,
            timezone=policy.timezone.key,
            given_to=owner_in_link(row.get("owner") or ""),
            needs_reason=policy.opt_out.require_reason,
        )
        return link_url(links.url, link, signing)

    return link_for
