"""Whose is a resource: the first rule of a policy that matches it, or may match it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from orchestrator.core.model import Account, Resource
from orchestrator.core.policy.org_policy import OrgPolicy, Rule


class Owner(NamedTuple):
    """The rule that owns a resource; None: no rule does."""

    rule: Rule | None
    unknown: Sequence[str] | None = None
    """In doubt, the unknown facts that the decision depends on; None when there is no doubt."""


def owner_of(policy: OrgPolicy, resource: Resource, account: Account, now: datetime) -> Owner:
    """The first rule whose `where` holds or may hold; later ones do not matter."""
    for rule in policy.rule_index.candidates(resource, account):
        held = rule.where.evaluate(resource, account, now)
        if held is None:
            return Owner(rule, rule.where.unknown_facts(resource, account, now))
        if held:
            return Owner(rule)
    return Owner(None)
