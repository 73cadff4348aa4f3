"""The policies that a hub sweeps by, with since when, read from where the ledger says that their texts are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orchestrator.core.model import ActivePolicy
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import SettingsError
from orchestrator.ledger.ledger import Ledger


def active_policies(
    ledger: Ledger, read: Callable[[str], OrgPolicy], source: str
) -> Iterator[tuple[OrgPolicy, ActivePolicy | None]]:
    """Every active policy by name; where the ledger lists none, as an earlier release did not, the hub's own.

    `source`: of the hub's own; `read` gets a policy from its source. Raises LedgerError, and SettingsError and
    PolicyError where a text cannot be read, or is another policy's.
    """
    active = ledger.active_policies()
    if not active:
        policy = read(source)
        yield policy, ledger.active_policy(policy.name)
    for name, one in sorted(active.items()):
        policy = read(one.source or source)
        if policy.name != name:
            raise SettingsError(
                f"{one.source or source} has the policy {policy.name}, and not {name}, which is active: deploy it again"
            )
        yield policy, one
