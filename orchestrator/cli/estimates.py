"""`plan --estimate`: what a sweep would cost, from the organization's size; nothing of it is read or stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import typer

from orchestrator import Later
from orchestrator.cli.console import BAD_USAGE, Format, errors_as_exit_codes, fail, print_json
from orchestrator.core.decide.estimate import (
    EC2_ALONE,
    LAMBDA_MB,
    LAMBDA_SECONDS,
    MEASURED,
    PRICES,
    Cost,
    Listings,
    assumptions,
    estimate,
)
from orchestrator.core.model.size import REGIONS_BY_DEFAULT, RESOURCES_A_TARGET, Size
from orchestrator.kinds.registry import DESCRIPTIONS

if TYPE_CHECKING:
    from orchestrator import app as wiring
    from orchestrator.aws import organization_size
    from orchestrator.cli import console, tables
    from orchestrator.settings import Settings
else:
    wiring = Later("orchestrator.app")
    organization_size = Later("orchestrator.aws.organization_size")
    console = Later("orchestrator.cli.console")
    tables = Later("orchestrator.cli.tables")

Sizes = dict[str, int | None]
"""What the options say, by their names."""


def refuse_sizes(sizes: Sizes) -> None:
    """Without --estimate they mean nothing: exit code 2, and every one of them is named."""
    given = [f"--{name}" for name, number in sizes.items() if number is not None]
    if given:
        fail(f"{', '.join(given)}: only with --estimate; a plan reads how large the organization is", BAD_USAGE)


def show_estimate(settings: Settings, output: Format, sizes: Sizes) -> NoReturn:
    """Ends the command with exit code 0, or 2 for a size that cannot be, or 1 where the organization is not listed."""
    with errors_as_exit_codes(output):
        size, sources = _size(settings, sizes)
        listings = _listings(settings)
    if size.stops > size.resources:
        fail(f"--stops {size.stops}: more than there are resources ({size.resources})", BAD_USAGE)
    costs = {"plan": estimate(size, workers=settings.workers, listings=listings)}
    if size.stops:
        costs["enforce"] = estimate(size, enforce=True, workers=settings.workers, listings=listings)
    if output is Format.JSON:
        print_json(_document(size, sources, costs, assumptions(size, settings.workers, listings)))
    else:
        _print(size, sources, costs, assumptions(size, settings.workers, listings))
    raise typer.Exit(0)


def _size(settings: Settings, sizes: Sizes) -> tuple[Size, dict[str, str]]:
    """And where each figure is from."""
    sources = {name: f"--{name}" for name in sizes}
    accounts, regions, resources = sizes["accounts"], sizes["regions"], sizes["resources"]
    if accounts is None:
        accounts = organization_size.count_accounts(wiring.make_clients(settings))
        sources["accounts"] = "organizations:ListAccounts"
    if regions is None:
        regions = REGIONS_BY_DEFAULT
        sources["regions"] = "enabled by default"
    if resources is None:
        resources = round(accounts * regions * RESOURCES_A_TARGET)
        sources["resources"] = f"{RESOURCES_A_TARGET} a target"
    if sizes["stops"] is None:
        sources["stops"] = "none are asked for"
    return Size(accounts, regions, resources, sizes["stops"] or 0), sources


def _listings(settings: Settings) -> Listings:
    """Of the policy's kinds; without a policy EC2 alone, as of a rule that names none."""
    if not settings.policy:
        return EC2_ALONE
    kinds = wiring.read_policy(settings.policy, lambda: wiring.make_clients(settings)).kinds
    return {one.name: one.listing for one in DESCRIPTIONS if one.name in kinds}


def _document(size: Size, sources: dict[str, str], costs: dict[str, Cost], assumed: tuple[str, ...]) -> dict[str, Any]:
    return {
        "size": {**_figures(size), "targets": size.targets},
        "size_from": sources,
        **{mode: _row(costs[mode]) if mode in costs else None for mode in ("plan", "enforce")},
        "prices": {name: getattr(PRICES, name) for name in PRICES.__slots__},
        "measured": {name: getattr(MEASURED, name) for name in MEASURED.__slots__},
        "assumptions": assumed,
    }


def _figures(size: Size) -> dict[str, int]:
    return {name: getattr(size, name) for name in size.__slots__}


def _row(cost: Cost) -> dict[str, Any]:
    figures = {name: getattr(cost, name) for name in cost.__slots__}
    return {
        **figures,
        "calls": dict(cost.calls),
        "dollars": dict(cost.dollars),
        "fits_one_lambda": cost.fits_one_lambda,
        "fits_without_bulk_tags": cost.fits_without_bulk_tags,
    }


def _print(size: Size, sources: dict[str, str], costs: dict[str, Cost], assumed: tuple[str, ...]) -> None:
    """At most 80 columns."""
    of_size = tables.a_table("What is estimated", "", ("number", "right"), "from")
    for name, number in (*_figures(size).items(), ("targets", size.targets)):
        of_size.add_row(name, f"{number:,}", sources.get(name, "accounts x regions"))
    console.stdout.print(of_size)
    table = tables.a_table("\nWhat a sweep of it costs", "", *((mode, "right") for mode in costs))
    each = list(costs.values())
    for operation in dict.fromkeys(name for cost in each for name in cost.calls):
        table.add_row(operation, *(f"{cost.calls.get(operation, 0):,}" for cost in each))
    table.add_row("DynamoDB write units", *(f"{cost.write_units:,}" for cost in each))
    table.add_row("files in S3", *(f"{cost.files:,}" for cost in each))
    table.add_row("CPU", *(f"{cost.cpu_seconds:,.0f} s" for cost in each))
    table.add_row("memory", *(f"{cost.memory_mb:,.0f} MB" for cost in each))
    table.add_row("time", *(f"{cost.seconds:,.0f} s" for cost in each))
    table.add_row("time, tags one by one", *(f"{cost.seconds_without_bulk_tags:,.0f} s" for cost in each))
    for service in each[0].dollars:
        table.add_row(f"price, {service}", *(f"${cost.dollars[service]:.4f}" for cost in each))
    console.stdout.print(table)
    console.stdout.print(f"\n{_verdict(each)}", highlight=False)
    for sentence in assumed:
        console.stdout.print(f"- {sentence}", highlight=False)


def _verdict(costs: list[Cost]) -> str:
    limits = f"{LAMBDA_SECONDS} s and {LAMBDA_MB:,} MB"
    if all(cost.fits_without_bulk_tags for cost in costs):
        return f"It fits one Lambda ({limits}). Assumed:"
    if all(cost.fits_one_lambda for cost in costs):
        return f"It fits one Lambda ({limits}) where tags come in bulk; else let the state machine sweep. Assumed:"
    return f"It does not fit one Lambda ({limits}): let the state machine sweep. Assumed:"
