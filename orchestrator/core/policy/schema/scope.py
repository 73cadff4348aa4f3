"""Which accounts and regions a policy is about."""

from typing import Annotated

from pydantic import Field, StrictBool

from orchestrator.core.policy.schema.fields import AccountIdText, Part, Text, UnitName


class OrganizationScope(Part):
    """Which accounts are looked at."""

    include: Annotated[
        tuple[UnitName, ...],
        Field(min_length=1, description="OU ids or paths, each with all below it; absent: the whole organization."),
    ] = ()
    exclude: Annotated[
        tuple[UnitName, ...], Field(description="OU ids or paths that are left out, each with all below it.")
    ] = ()
    exclude_accounts: Annotated[tuple[AccountIdText, ...], Field(description="Account ids, in quotes.")] = ()
    include_management_account: Annotated[StrictBool, Field(description="It is left out unless this is true.")] = False


class RegionScope(Part):
    """Which regions are looked at, by glob."""

    include: Annotated[tuple[Text, ...], Field(min_length=1, description="Region globs.")] = ("*",)
    exclude: Annotated[tuple[Text, ...], Field(description="Region globs that are left out.")] = ()
