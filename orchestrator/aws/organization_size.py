"""How many accounts an organization has: pages of ListAccounts, and nothing else."""

from __future__ import annotations

from orchestrator.aws.clients import Clients
from orchestrator.aws.credential_errors import credentials_error
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.pages import each_page
from orchestrator.errors import OrganizationError


def count_accounts(clients: Clients) -> int:
    """The active ones, but for the management account, which sweeps leave out. Raises OrganizationError."""
    try:
        active = sum(
            account.get("State", account.get("Status")) == "ACTIVE"
            for page in each_page("organizations:ListAccounts", clients.organizations().list_accounts)
            for account in page["Accounts"]
        )
    except AWS_FAILURES as failure:
        raise credentials_error(failure) or OrganizationError(
            f"the organization cannot be listed ({error_of(failure)}); run from the management account or a delegated "
            "administrator that may call organizations:ListAccounts, or say its size: --accounts N"
        ) from failure
    return max(active - 1, 0)
