"""The options that narrow one sweep: each may be given several times, and none of them widens anything."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.core.model import Narrowing

AccountsOption = Annotated[
    list[str] | None,
    typer.Option("--account", metavar="ACCOUNT_ID", help="Only this account; several times too."),
]
UnitsOption = Annotated[
    list[str] | None,
    typer.Option("--organizational-unit", metavar="OU", help="Only what is in or below this OU, by path or id."),
]
RegionsOption = Annotated[
    list[str] | None, typer.Option("--region", metavar="REGION", help="Only this region; several times too.")
]
RulesOption = Annotated[
    list[str] | None,
    typer.Option("--rule", metavar="NAME", help="Only what this rule decides is acted on; the others are asked too."),
]
ResourcesOption = Annotated[
    list[str] | None,
    typer.Option("--resource", metavar="ID", help="Only this resource, by id or ARN; by its ARN nothing else is read."),
]


def narrowing_of(
    accounts: list[str] | None,
    units: list[str] | None,
    regions: list[str] | None,
    rules: list[str] | None,
    resources: list[str] | None,
) -> Narrowing:
    """Each name once, whatever the order in which they were given."""
    each = (tuple(sorted(set(given or ()))) for given in (accounts, units, regions, rules, resources))
    return Narrowing(*each)
