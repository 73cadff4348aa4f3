"""The organization as data: accounts with OU paths, states and tags; listed at AWS's pace, in explicit pages.

Where AWS names the path of each account, one list of all of them says everything but the OUs' names. Elsewhere (older
releases of AWS's API, emulators) the OUs are walked through, and the accounts of each are listed.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.parsers import ResponseParserError

from orchestrator.aws.bulk_tags import no_bulk_tags
from orchestrator.aws.clients import Clients
from orchestrator.aws.credential_errors import credentials_error
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.organization_paths import Units, UnitsByPath, unit_below, unit_ids
from orchestrator.aws.pages import each_page
from orchestrator.core.model import Account, AccountId, AwsError, Organization, OrganizationalUnit, Tags
from orchestrator.core.model.bulk_tags import BulkTags
from orchestrator.core.model.unreadable import shown, unreadable_tags
from orchestrator.errors import OrganizationError
from orchestrator.ports import Carrier, always, no_telling

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

PAGE_SIZE = 20

# Documented shape: arn:aws:organizations::<management account>:root/o-<id>/r-<id>
_ROOT_ARN = re.compile(r"^arn:[\w-]+:organizations::(?P<management>\d{12}):root/(?P<organization>o-[a-z0-9]+)/r-")


class OrganizationReader:
    """ports.OrganizationPort, from the management account or a delegated administrator."""

    def __init__(
        self,
        clients: Clients,
        now: Callable[[], datetime],
        read_bulk_tags: Callable[[str], BulkTags | AwsError] = no_bulk_tags,
    ) -> None:
        self._clients = clients
        self._now = now
        self._read_bulk_tags = read_bulk_tags
        self._units: dict[str, OrganizationalUnit] = {}
        """With their tags, which all accounts below share; as of the last `read`."""
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        """For each OU, so that its tags are read once."""

    def read(
        self,
        tell: Callable[[Organization], None] = no_telling,
        needs_every_unit: Callable[[str], bool] = always,
    ) -> Organization:
        self._units.clear()
        try:
            return self._read(tell, needs_every_unit)
        except AWS_FAILURES as failure:
            raise credentials_error(failure) or OrganizationError(
                f"the organization cannot be listed ({error_of(failure)}); run from the management account or a "
                "delegated administrator that may call organizations:List*"
            ) from failure

    def read_tags(self, accounts: Sequence[Account]) -> tuple[Account, ...]:
        return tuple(map(self._tagged_account, accounts))

    def read_own_tags(self, carrier: Carrier) -> Carrier:
        at = self._now()
        return replace(_with_tags(carrier, self._tags(carrier.id)), tags_read_at=at)

    def read_bulk_tags(self, organization_id: str) -> BulkTags | AwsError:
        return self._read_bulk_tags(organization_id)

    @property
    def _client(self) -> OrganizationsClient:
        return self._clients.organizations()

    def _read(self, tell: Callable[[Organization], None], needs_every_unit: Callable[[str], bool]) -> Organization:
        roots = list(self._pages("list_roots", "Roots"))
        if not roots:
            raise OrganizationError("organizations:ListRoots named no root; is this account in an organization?")
        at = self._now()
        root_id, (organization_id, management) = roots[0]["Id"], self._identity(roots[0]["Arn"])
        begun = Organization(organization_id, management, ())
        tell(begun)
        units = UnitsByPath(root_id, self._units_below)
        accounts = self._accounts_by_paths(begun, root_id, units, at, tell)
        if accounts is not None:
            below = units.every() if needs_every_unit(organization_id) else units.found
            return replace(begun, accounts=_in_order(accounts), units=below)
        above: dict[str, Units] = {root_id: ()}
        walked = (replace(one, listed_at=at) for one in self._accounts(root_id, management, above))
        return replace(begun, accounts=_in_order(walked), units=tuple(units[-1] for units in above.values() if units))

    def _identity(self, root_arn: str) -> tuple[str, AccountId]:
        """Organization and management account; both are in the root's ARN, which saves a call."""
        match = _ROOT_ARN.match(root_arn)
        if match:
            return match["organization"], AccountId(match["management"])
        described = self._client.describe_organization()["Organization"]
        return described["Id"], AccountId(described["MasterAccountId"])

    def _accounts_by_paths(
        self,
        begun: Organization,
        root_id: str,
        units: UnitsByPath,
        at: datetime,
        tell: Callable[[Organization], None],
    ) -> Iterable[Account] | None:
        """Every account, in the OUs that AWS names with it; None where it does not name them with each.

        One that comes twice and from elsewhere was moved meanwhile: where it belongs is not known.
        """
        found: dict[AccountId, Account] = {}
        for page in self._each("list_accounts", "Accounts"):
            told: list[Account] = []
            for raw in page:
                ids = unit_ids(raw, begun.id, root_id)
                if ids is None:
                    return None
                account = replace(_account_in(raw, units.above(ids), begun.management_account_id), listed_at=at)
                before = found.get(account.id)
                if before is None:
                    told.append(account)
                elif before.organizational_units != account.organizational_units:
                    account = _moved(before)
                found[account.id] = account
            if told:
                tell(replace(begun, accounts=tuple(told)))
        return found.values() or None  # no organization is without an account

    def _units_below(self, parent_id: str) -> Iterable[Any]:
        return self._pages("list_organizational_units_for_parent", "OrganizationalUnits", ParentId=parent_id)

    def _accounts(self, root_id: str, management: AccountId, above: dict[str, Units]) -> list[Account]:
        """Every account of the organization, held against a list that knows no units; `above` as `_walk` fills it.

        What is moved while the units are walked through, from one that is still to come to one that is done, is in no
        unit's list.
        """
        found = self._walk(root_id, management, above)
        listed = {AccountId(raw["Id"]): raw for raw in self._pages("list_accounts", "Accounts")}
        accounts = [account if account.id in listed else _left(account) for account in found.values()]
        missed = (raw for account_id, raw in listed.items() if account_id not in found)
        return [*accounts, *(self._missed(raw, management, above) for raw in missed)]

    def _missed(self, raw: Any, management: AccountId, above: Mapping[str, Units]) -> Account:
        """An account that no unit's list named, in the unit that has it now."""
        try:
            parent_ids = [parent["Id"] for parent in self._pages("list_parents", "Parents", ChildId=raw["Id"])]
        except AWS_FAILURES as failure:
            return replace(_account(raw, (), management), units_error=error_of(failure))
        return _account_in(raw, above.get(parent_ids[0]) if len(parent_ids) == 1 else None, management)

    def _walk(self, root_id: str, management: AccountId, done: dict[str, Units]) -> dict[AccountId, Account]:
        """Every account that a list below the root names; `done` gets the units above each unit's accounts.

        An account that shows up twice was moved meanwhile: where it belongs is not known.
        """
        found: dict[AccountId, Account] = {}
        parents: list[tuple[str, Units]] = [(root_id, ())]
        while parents:
            parent_id, above = parents.pop()
            done[parent_id] = above
            for raw in self._pages("list_accounts_for_parent", "Accounts", ParentId=parent_id):
                account = _account(raw, above, management)
                found[account.id] = _moved(account) if account.id in found else account
            parents += [(unit["Id"], (*above, unit_below(unit, above))) for unit in self._units_below(parent_id)]
        return found

    def _tagged_account(self, account: Account) -> Account:
        above = tuple(map(self._tagged_unit, account.organizational_units))
        account = replace(account, organizational_units=above)
        unit_error = next((unit.tags_error for unit in above if unit.tags_error), None)
        if account.tags_error is not None:
            return account
        return self.read_own_tags(account) if unit_error is None else _with_tags(account, unit_error)

    def _tagged_unit(self, unit: OrganizationalUnit) -> OrganizationalUnit:
        """The first thread that needs it reads its tags, for all of them."""
        with self._lock:
            mine = self._locks.setdefault(unit.id, threading.Lock())
        with mine:
            if unit.id not in self._units:
                self._units[unit.id] = self.read_own_tags(unit)
            return self._units[unit.id]

    def _tags(self, resource_id: str) -> dict[str, str] | AwsError:
        try:
            pages = self._pages("list_tags_for_resource", "Tags", page_size=None, ResourceId=resource_id)
            tags = {tag["Key"]: tag["Value"] for tag in pages}
            return unreadable_tags(tags) or tags
        except AWS_FAILURES as failure:
            return error_of(failure)

    def _pages(self, operation: str, key: str, page_size: int | None = PAGE_SIZE, **arguments: str) -> Iterable[Any]:
        """The items of every page."""
        for page in self._each(operation, key, page_size, **arguments):
            yield from page

    def _each(
        self, operation: str, key: str, page_size: int | None = PAGE_SIZE, **arguments: str
    ) -> Iterable[list[Any]]:
        """The items page by page; an empty page with a NextToken is just a page (AWS documents them).

        Raises ResponseParserError for an answer without the list: that is not an empty one.
        """
        size = {"MaxResults": page_size} if page_size else {}
        ask = partial(getattr(self._client, operation), **size, **arguments)
        name = self._client.meta.method_to_api_mapping[operation]
        for page in each_page(f"organizations:{name}", ask):
            if key not in page:
                raise ResponseParserError(f"organizations:{name} answered without {key}")
            yield page[key]


def _in_order(accounts: Iterable[Account]) -> tuple[Account, ...]:
    return tuple(sorted(accounts, key=lambda account: account.id))


def _account_in(raw: Any, above: Units | None, management: AccountId) -> Account:
    """In these OUs; None: in others than those that were found."""
    if above is not None:
        return _account(raw, above, management)
    text = "the account was moved, while the organization was listed, to where it was not looked for"
    return replace(_account(raw, (), management), units_error=AwsError("AccountMoved", text))


def _account(raw: Any, above: tuple[OrganizationalUnit, ...], management: AccountId) -> Account:
    return Account(
        id=AccountId(raw["Id"]),
        name=shown(raw.get("Name", "")),
        # `Status` is being retired in favour of `State`; an older botocore drops the latter.
        state=raw.get("State") or raw.get("Status"),
        organizational_units=above,
        is_management=raw["Id"] == management,
    )


def _left(account: Account) -> Account:
    text = "the account left the organization while that was listed"
    return replace(account, units_error=AwsError("AccountLeft", text))


def _moved(account: Account) -> Account:
    text = "the account was moved between organizational units while the organization was listed"
    return replace(account, tags_error=AwsError("AccountMoved", text))


def _with_tags(carrier: Carrier, tags: Tags | AwsError) -> Carrier:
    if isinstance(tags, AwsError):
        return replace(carrier, tags={}, tags_error=tags)
    return replace(carrier, tags=tags, tags_error=None)
