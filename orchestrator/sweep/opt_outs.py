"""Who opted out by a link in a message, from the ledger: read only where the policy has links.

A ledger that cannot be read is no error here: what depends on it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from orchestrator.core.model import Inventory
from orchestrator.core.model.remembered import LinkedOptOuts, Remembered
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import LedgerError
from orchestrator.ledger.ledger import Ledger


def read_linked_opt_outs(ledger: Ledger, policy: OrgPolicy, inventory: Inventory) -> Inventory:
    """The inventory with all of them, for a plan."""
    return replace(inventory, remembered=_with(inventory.remembered, policy, ledger.linked_opt_outs))


def with_linked_opt_outs(ledger: Ledger, policy: OrgPolicy, before: Remembered, arns: Iterable[str]) -> Remembered:
    """What is remembered with those of these resources as of now, right before something is done with them."""
    return _with(before, policy, lambda: ledger.linked_opt_outs_of(sorted({*arns})))


def _with(before: Remembered, policy: OrgPolicy, read: Callable[[], LinkedOptOuts]) -> Remembered:
    if policy.opt_out.links is None:
        return before
    try:
        return replace(before, opt_outs=read())
    except LedgerError as failure:
        return replace(before, opt_outs_unread=f"the ledger cannot be read: {failure}")
