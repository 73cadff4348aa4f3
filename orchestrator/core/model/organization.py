"""An organization as AWS lists it: accounts, the OUs above them, and the targets that they make with regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType

from orchestrator.core.model.aws_error import AwsError

AccountId = NewType("AccountId", str)
"""Twelve digits, as text: a leading zero matters."""

Region = NewType("Region", str)
"""A region's name, such as `eu-central-1`; `*` in coverage where an account's regions cannot be known."""

ALL_REGIONS = Region("*")

Tags = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OrganizationalUnit:
    """One OU, with its own tags where they were read."""

    id: str
    path: str
    """Names from the root down, such as `/Workloads/Dev` (unit_path)."""
    tags: Tags = field(default_factory=dict)
    tags_error: AwsError | None = None
    tags_read_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the organization, with the OUs above it and its state."""

    id: AccountId
    name: str
    state: str | None
    """AWS's `State`, else its older `Status`; `ACTIVE` is the only one that is read. None: AWS did not say."""
    organizational_units: tuple[OrganizationalUnit, ...] = ()
    """The units above it, outermost first; empty for an account right under the root."""
    is_management: bool = False
    tags: Tags = field(default_factory=dict)
    tags_error: AwsError | None = None
    """Set when the tags could not be read: then its opt-out is unknown, so it is kept."""
    units_error: AwsError | None = None
    """Set when the units above it are not known: then nothing says that it is in scope, so it is kept."""
    listed_at: datetime | None = field(default=None, compare=False)
    """Its state and the units above it are as of then."""
    tags_read_at: datetime | None = field(default=None, compare=False)

    @property
    def ou_path(self) -> str:
        """The path of the OU that holds the account; `/` right under the root, `(unknown)` where nobody can say."""
        if self.units_error is not None:
            return "(unknown)"
        return self.organizational_units[-1].path if self.organizational_units else "/"


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization with all of its accounts, and all of its OUs, with accounts in them or not."""

    id: str
    management_account_id: AccountId
    accounts: tuple[Account, ...]
    units: tuple[OrganizationalUnit, ...] = ()

    @property
    def units_by_id(self) -> dict[str, OrganizationalUnit]:
        """Every OU, also where only the accounts in it were given."""
        above = (unit for account in self.accounts for unit in account.organizational_units)
        return {unit.id: unit for unit in (*above, *self.units)}


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One account x one region."""

    account_id: AccountId
    region: Region
