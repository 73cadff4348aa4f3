"""Which accounts of a plan are production, and by what that is known."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.core.model.organization import AccountId


@dataclass(frozen=True, slots=True)
class ProductionAccount:
    """One account that a person has to see before they agree."""

    account_id: AccountId
    why: str
    """For people, after the account's name: `the policy names its OU /Production`, `its name has the word prod`."""
    declared: bool
    """The policy says so; else it only looks like it."""
