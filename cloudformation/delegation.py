"""What a hub needs of the management account: no policy where AWS lets it list accounts and tags anyway.

The management account may, and so may each account that is registered as a delegated administrator for any service
(https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

from orchestrator.aws.failures import error_of
from orchestrator.aws.pages import each_page
from orchestrator.core.model.aws_error_codes import DENIED_CODES
from orchestrator.errors import SettingsError

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient


class NotNeeded(NamedTuple):
    """What of the stack is not needed, and why; empty where all of it is."""

    stack: str = ""
    """Nor a role: the hub is in this account."""
    policy: str = ""


def not_needed(client: OrganizationsClient, hub: str, account_id: str) -> NotNeeded:
    """Nothing, where AWS does not let these credentials see it.

    Raises SettingsError when this is not the management account, which alone can have that policy.
    """
    try:
        management = client.describe_organization()["Organization"]["MasterAccountId"]
        if account_id != management:
            raise SettingsError(
                f"this is account {account_id}; the organization's resource policy is made in its management account, "
                f"{management}"
            )
        if hub == management:
            return NotNeeded(stack=f"the hub is in the management account, {hub}, which may list accounts and tags")
        if hub in _delegated_administrators(client):
            text = f"{hub} is a delegated administrator of this organization, and may list accounts and tags without it"
            return NotNeeded(policy=text)
    except ClientError as refused:
        if error_of(refused).code not in DENIED_CODES:
            raise
    return NotNeeded()


def _delegated_administrators(client: OrganizationsClient) -> Iterator[str]:
    ask = partial(client.list_delegated_administrators)
    for page in each_page("organizations:ListDelegatedAdministrators", ask):
        yield from (one["Id"] for one in page["DelegatedAdministrators"])
