"""Which accounts and regions a policy is about."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, StrictBool

from orchestrator.core.policy.schema.fields import AccountIdText, Part, Text, UnitName, not_null


class OrganizationScope(Part):
    """Which accounts are looked at."""

    include: Annotated[
        tuple[UnitName, ...],
        Field(
            min_length=1,
            description="OU ids or paths, each with all below it; absent: the whole organization.",
            examples=[["/Workloads/Dev", "ou-a1b2-c3d4e5f6"]],
        ),
    ] = ()
    exclude: Annotated[
        tuple[UnitName, ...],
        Field(description="OU ids or paths that are left out, each with all below it.", examples=[["/Labs/Always-On"]]),
    ] = ()
    exclude_accounts: Annotated[
        tuple[AccountIdText, ...], Field(description="Account ids, in quotes.", examples=[["111122223333"]])
    ] = ()
    include_management_account: Annotated[
        StrictBool, Field(description="It is left out unless this is true.", examples=[True])
    ] = False


class RegionScope(Part):
    """Which regions are looked at, by glob."""

    include: Annotated[
        tuple[Text, ...], Field(min_length=1, description="Region globs.", examples=[["eu-*", "us-east-1"]])
    ] = ("*",)
    exclude: Annotated[
        tuple[Text, ...], Field(description="Region globs that are left out.", examples=[["us-west-*"]])
    ] = ()


_TagValues = Annotated[
    tuple[Text, ...],
    Field(min_length=1, description="Values of the tag with this key; globs."),
]


class ProductionScope(Part):
    """Which accounts are production: a person who is asked for consent sees them set off."""

    accounts: Annotated[
        tuple[AccountIdText, ...], Field(description="Account ids, in quotes.", examples=[["111122223333"]])
    ] = ()
    organizational_units: Annotated[
        tuple[UnitName, ...],
        Field(description="OU ids or paths, each with all below it.", examples=[["/Workloads/Prod"]]),
    ] = ()
    account_tags: Annotated[
        Mapping[str, _TagValues],
        Field(
            description="Tags of the account, any of them: the values that say production; globs.",
            examples=[{"Environment": ["prod", "production-*"]}],
        ),
    ] = {}


MaybeProduction = Annotated[ProductionScope | None, BeforeValidator(not_null)]
