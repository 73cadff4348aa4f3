"""The command `simulate`: what a policy asks of each resource over a span of time, and where two policies differ."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from orchestrator import app as wiring
from orchestrator.cli.console import (
    BAD_USAGE,
    Format,
    errors_as_exit_codes,
    fail,
    print_json,
    say,
    settings_of,
    stdout,
)
from orchestrator.cli.narrowing import (
    AccountsOption,
    RegionsOption,
    ResourcesOption,
    RulesOption,
    UnitsOption,
    narrowing_of,
)
from orchestrator.cli.options import ExternalIdOption, FormatOption, RoleOption, StoreOption, WorkersOption
from orchestrator.cli.reports import LATEST, latest_sweep
from orchestrator.cli.simulate_table import print_differences, print_simulation
from orchestrator.cli.what_if import looking, moment_of
from orchestrator.core.decide.explain import what_holds
from orchestrator.core.decide.narrowing import (
    narrow_inventory,
    narrow_simulated,
    narrowing_problems,
    stored_problems,
)
from orchestrator.core.decide.simulate import Simulated
from orchestrator.core.decide.simulate import simulate as simulate_span
from orchestrator.core.model import UNREADABLE, Narrowing, Region
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.document import INCOMPLETE
from orchestrator.core.report.simulation import differing_rows, edge_rows
from orchestrator.core.report.stored_inventory import NOT_IN_REPORT, StoredRows, stored_look
from orchestrator.errors import NarrowedToNothingError, NarrowingError, ReportStoreError, SettingsError
from orchestrator.local.report_file import read_report_file
from orchestrator.settings import Settings
from orchestrator.sweep.other_policies import co_owners
from orchestrator.sweep.stored_look import policy_of_sweep, read_report
from orchestrator.sweep.what_if import read_narrowed

_STEP = re.compile(r"([0-9]{1,2})\s*(?:m|min)|1\s*h")
_STEPS = (1, 5, 10, 15, 20, 30, 60)
_MOST_DAYS = 366
_MOST_POLICIES = 2
_STORED = (
    "From a report: it has what ran then, no states, and of the tags of accounts only those that its decisions looked "
    "at. What depends on others is unknown, and kept."
)


@dataclass(frozen=True, slots=True)
class _Span:
    start: datetime
    end: datetime


def simulate(
    policies: Annotated[
        list[str] | None,
        typer.Option(
            "--policy",
            "-p",
            metavar="POLICY",
            help="A path, s3://bucket/key or ssm:/name; given twice, only what differs is shown. With --sweep, by "
            "default that sweep's. [env STOP_ORCHESTRATOR_POLICY]",
        ),
    ] = None,
    begin: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="By the policy's time zone, or with an offset. [default now]"),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="The end of the span, in place of --days.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=_MOST_DAYS, help="How long it is. [default 14]")] = None,
    step: Annotated[
        str,
        typer.Option(
            metavar="MINUTES",
            help="How finely the hours of the drawing are looked at; edges are computed, not sampled.",
        ),
    ] = "15m",
    inventory: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A report.json or decisions.jsonl.gz; AWS is not asked.")
    ] = None,
    sweep: Annotated[
        str | None, typer.Option(metavar="SWEEP_ID|latest", help="That sweep's stored report; AWS is not asked.")
    ] = None,
    only_accounts: AccountsOption = None,
    only_units: UnitsOption = None,
    only_regions: RegionsOption = None,
    only_rules: RulesOption = None,
    only_resources: ResourcesOption = None,
    output: FormatOption = Format.TABLE,
    store: StoreOption = None,
    member_role: RoleOption = None,
    external_id: ExternalIdOption = None,
    workers: WorkersOption = None,
) -> None:
    """Show when each resource would be started and stopped over a span of time.

    Every edge is there, also those of holidays, of clock changes and of opt-outs that end. Reads everything in scope,
    or a stored report, and writes nothing.

    \b
      stop-orchestrator simulate --policy config/policy.yaml --from 2026-12-21
      stop-orchestrator simulate --sweep latest --days 3 --rule RULE
      stop-orchestrator simulate --policy config/policy.yaml --policy OTHER

    The first shows two weeks from that day on, the second what one rule does by the report of the newest sweep, the
    third only what differs between two policies.

    Each resource is taken for running, and for one that obeys at once. JSON has a row for each edge; the table draws
    the first week by hours for each rule.
    """  # noqa: D301 - click's sign for lines that it may not wrap
    if inventory is not None and sweep is not None:
        fail("--inventory and --sweep exclude each other: both say what to simulate on", BAD_USAGE)
    if until is not None and days is not None:
        fail("--until and --days exclude each other", BAD_USAGE)
    if len(policies or ()) > _MOST_POLICIES:
        fail("--policy is given once, or twice to compare two", BAD_USAGE)
    settings = settings_of(
        policy=policies[0] if policies else None,
        store=store,
        member_role=member_role,
        external_id=external_id,
        workers=workers,
    )
    with errors_as_exit_codes(output):
        narrowing = narrowing_of(only_accounts, only_units, only_regions, only_rules, only_resources)
        look = _Look(settings, inventory, sweep, _minutes(step), narrowing)
        loaded = look.policies(policies)
        span = _span(next(iter(loaded.values())), begin, until, days)
        found = {name: look.simulated(policy, span) for name, policy in loaded.items()}
    if output is Format.JSON:
        print_json(differing_rows(found) if len(found) > 1 else edge_rows(next(iter(found.values()))))
    elif len(found) > 1:
        print_differences(stdout, differing_rows(found), span.start, span.end)
    else:
        [(_, policy)] = loaded.items()
        print_simulation(stdout, look.shown(policy), next(iter(found.values())), span.start, span.end, look.step)
    raise typer.Exit(INCOMPLETE if look.incomplete else 0)


class _Look:
    """Where the resources come from."""

    def __init__(
        self, settings: Settings, inventory: Path | None, sweep: str | None, step: timedelta, narrowing: Narrowing
    ) -> None:
        self._settings = settings
        self._inventory = inventory
        self._sweep = sweep
        self.step = step
        self._narrowing = narrowing
        self.incomplete = False
        self._stored: StoredRows | None = None
        self._of_sweep: OrgPolicy | None = None
        if inventory is not None:
            self._stored = read_report_file(inventory)
        elif sweep is not None:
            self._read_sweep(sweep)
        if self._stored is not None:
            say(_STORED)
        if narrowing:
            say(f"Narrowed to {narrowing.text}: it says nothing of the rest.")

    def policies(self, sources: Sequence[str] | None) -> Mapping[str, OrgPolicy]:
        """By the names that a person gave them. Raises PolicyError and SettingsError."""
        named = [*(sources or ())]
        if not named and self._of_sweep is not None:
            return {f"the policy of {self._sweep}": self._of_sweep}
        if not named and self._settings.policy:
            named = [self._settings.policy]
        if not named:
            fail("name a policy: --policy config/policy.yaml, or STOP_ORCHESTRATOR_POLICY", BAD_USAGE)
        if len(set(named)) < len(named):
            fail("--policy names the same document twice", BAD_USAGE)
        return {one: wiring.read_policy(one, lambda: wiring.make_clients(self._settings)) for one in named}

    def simulated(self, policy: OrgPolicy, span: _Span) -> tuple[Simulated, ...]:
        """Raises NarrowingError for names that are none."""
        found = self._live(policy, span) if self._stored is None else self._of_rows(self._stored, policy, span)
        return narrow_simulated(self._narrowing, found)

    def shown(self, policy: OrgPolicy) -> OrgPolicy:
        """With the rules that are drawn."""
        named = self._narrowing.rules
        return replace(policy, rules=tuple(rule for rule in policy.rules if rule.name in named)) if named else policy

    def _read_sweep(self, sweep_id: str) -> None:
        stores = wiring.make_stores(self._settings, wiring.make_clients(self._settings))
        if sweep_id == LATEST:
            sweep_id = self._sweep = latest_sweep(stores.ledger, self._settings)
        document = read_report(stores, sweep_id)
        try:
            self._stored = StoredRows.of_report(document)
        except (KeyError, ValueError, TypeError) as wrong:
            raise ReportStoreError(f"the report of {sweep_id} is damaged: it is no report ({wrong})") from wrong
        self._of_sweep, why = policy_of_sweep(stores, sweep_id)
        if why:
            say(f"The policy of {sweep_id} is not known: {why}")

    def _of_rows(self, rows: StoredRows, policy: OrgPolicy, span: _Span) -> tuple[Simulated, ...]:
        try:
            look = stored_look(rows, policy, wiring.stored_kinds())
        except (KeyError, ValueError, TypeError, AttributeError) as wrong:
            raise SettingsError(
                f"{self._inventory or self._sweep} has rows that are no decisions ({type(wrong).__name__}: {wrong})"
            ) from wrong
        problems = narrowing_problems(self._narrowing, policy, map(Region, self._narrowing.regions))
        if problems:
            raise NarrowingError(problems)
        missing = stored_problems(self._narrowing, look.inventory)
        if missing:
            raise NarrowedToNothingError(missing)
        inventory = narrow_inventory(self._narrowing, look.inventory)
        found = simulate_span(policy, inventory, span.start, span.end, spared=look.spared, missed=look.missed)
        lacking = [one for one in found if any(NOT_IN_REPORT.code in moment.reason for moment in one.moments)]
        if lacking:
            say(
                f"{len(lacking)} of {len(found)} resources are kept because their schedule, or its time zone, comes "
                "from tags of accounts or OUs, and a report has none of these: simulate live for them."
            )
        return found

    def _live(self, policy: OrgPolicy, span: _Span) -> tuple[Simulated, ...]:
        """Accounts are read whose opt-out ends within the span."""
        clients = wiring.make_clients(self._settings)
        with looking(self._settings, clients, policy, "simulate") as world:
            inventory = read_narrowed(world, policy, span.end, self._narrowing)
            others = co_owners(world, inventory.others)
        for text in what_holds(inventory):
            say(text)
        if any(row.status in UNREADABLE for row in inventory.coverage):
            self.incomplete = True
        return simulate_span(policy, inventory, span.start, span.end, others)


def _span(policy: OrgPolicy, begin: str | None, until: str | None, days: int | None) -> _Span:
    """Raises SettingsError."""
    start = (moment_of("--from", begin, policy) if begin else wiring.now()).replace(microsecond=0)
    end = moment_of("--until", until, policy) if until else start + timedelta(days=days or 14)
    if not start < end <= start + timedelta(days=_MOST_DAYS):
        raise SettingsError(f"--until: {until!r} has to be after the beginning, and within {_MOST_DAYS} days of it")
    return _Span(start, end)


def _minutes(text: str) -> timedelta:
    """Raises SettingsError."""
    match = _STEP.fullmatch(text.strip())
    minutes = int(match[1] or 60) if match else 0
    if minutes not in _STEPS:
        allowed = ", ".join(f"{one}m" for one in _STEPS)
        raise SettingsError(f"--step: {text!r} is no step; steps are {allowed}")
    return timedelta(minutes=minutes)
