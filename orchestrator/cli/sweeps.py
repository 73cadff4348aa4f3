"""The commands that sweep: plan, sweep, apply, undo."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from orchestrator import app as wiring
from orchestrator.aws.clients import Clients
from orchestrator.cli.console import (
    BAD_USAGE,
    Format,
    checked_sweep_id,
    errors_as_exit_codes,
    fail,
    settings_of,
)
from orchestrator.cli.estimates import refuse_sizes, show_estimate
from orchestrator.cli.narrowing import (
    AccountsOption,
    RegionsOption,
    ResourcesOption,
    RulesOption,
    UnitsOption,
    narrowing_of,
)
from orchestrator.cli.options import (
    ExternalIdOption,
    FormatOption,
    KillSwitchOption,
    PolicyOption,
    PricesOption,
    RoleOption,
    Show,
    ShowOption,
    StoreOption,
    SweepIdArgument,
    WaitOption,
    WorkersOption,
    YesOption,
)
from orchestrator.cli.running import run
from orchestrator.cli.waiting import Work
from orchestrator.cli.what_if import show_plan_at
from orchestrator.core.model import NOT_NARROWED, ConsentHow, Mode, Narrowing, SweepStatus
from orchestrator.errors import SettingsError
from orchestrator.ports import Runtime, Stores
from orchestrator.settings import Settings
from orchestrator.sweep import coordination
from orchestrator.sweep.coordination import Result
from orchestrator.sweep.undo import UndoFilter


class SweepMode(StrEnum):
    """The modes that a sweep can be given; `apply` and `undo` are commands."""

    PLAN = "plan"
    ENFORCE = "enforce"
    APPROVE = "approve"


def plan(
    policy: PolicyOption = None,
    wait: WaitOption = 0,
    output: FormatOption = Format.TABLE,
    store: StoreOption = None,
    member_role: RoleOption = None,
    external_id: ExternalIdOption = None,
    workers: WorkersOption = None,
    prices: PricesOption = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Instead: what a sweep would do at that moment, such as 2026-12-24T22:00 (by the policy's time zone) "
            "or with an offset, by what AWS says now. Nothing is stored, so it cannot be applied.",
        ),
    ] = None,
    only_accounts: AccountsOption = None,
    only_units: UnitsOption = None,
    only_regions: RegionsOption = None,
    only_rules: RulesOption = None,
    only_resources: ResourcesOption = None,
    estimate: Annotated[
        bool,
        typer.Option(
            "--estimate",
            help="Instead: what a sweep costs in calls, time and money, by size alone. No member account is read.",
        ),
    ] = False,
    accounts: Annotated[
        int | None, typer.Option(min=1, help="With --estimate: so many accounts. [default: as Organizations lists]")
    ] = None,
    regions: Annotated[int | None, typer.Option(min=1, help="With --estimate: regions in scope. [default: 17]")] = None,
    resources: Annotated[
        int | None, typer.Option(min=0, help="With --estimate: running ones in scope. [default: 1.6 a target]")
    ] = None,
    stops: Annotated[
        int | None, typer.Option(min=0, help="With --estimate: what an enforce would stop; it is shown beside.")
    ] = None,
) -> None:
    """Read every account and region and say what a sweep would stop. Stops nothing: its sessions may only describe.

    The plan is kept: `apply SWEEP_ID` carries out exactly that plan, within `plan_valid_hours` of the policy. One that
    is narrowed (--account, --organizational-unit, --region, --rule, --resource) says nothing of the rest.
    """
    narrowing = narrowing_of(only_accounts, only_units, only_regions, only_rules, only_resources)
    settings = settings_of(
        policy=policy, store=store, member_role=member_role, external_id=external_id, workers=workers, prices=prices
    )
    sizes = {"accounts": accounts, "regions": regions, "resources": resources, "stops": stops}
    if estimate:
        if narrowing:
            fail("--estimate knows sizes and no names; leave out what narrows", BAD_USAGE)
        if at is not None:
            fail("--estimate and --at exclude each other", BAD_USAGE)
        show_estimate(settings, output, sizes)
    refuse_sizes(sizes)
    if at is not None:
        show_plan_at(settings, output, at, narrowing)
    run(settings, output, _sweeping(settings, Mode.PLAN, narrowing), wait=wait)


def sweep(
    policy: PolicyOption = None,
    mode: Annotated[
        SweepMode | None,
        typer.Option(
            help="`plan` stops nothing; `approve` stops nothing, tells STOP_ORCHESTRATOR_TOPIC and waits for `apply`. "
            "Never more than STOP_ORCHESTRATOR_MODE, where that is set. [default: plan]"
        ),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="SWEEP_ID",
            help="Resume a sweep whose process died, from wherever it was, under the consent that it has. One without, "
            "one that was interrupted, or whose policy has another text today, is closed as abandoned.",
        ),
    ] = None,
    yes: YesOption = False,
    show: ShowOption = Show.FIRST,
    wait: WaitOption = 0,
    output: FormatOption = Format.TABLE,
    store: StoreOption = None,
    kill_switch: KillSwitchOption = None,
    member_role: RoleOption = None,
    external_id: ExternalIdOption = None,
    workers: WorkersOption = None,
    prices: PricesOption = None,
    only_accounts: AccountsOption = None,
    only_units: UnitsOption = None,
    only_regions: RegionsOption = None,
    only_rules: RulesOption = None,
    only_resources: ResourcesOption = None,
) -> None:
    """Carry out the policy: read, decide, check the guardrails, stop (only with --mode enforce), report.

    Before the first stop it shows how many would be stopped and wants that number typed, unless --yes is given.
    Ctrl-C hands out no more work, waits for the running calls and still writes the report.
    One sweep at a time by each policy. One that only plans yields to one that acts; while another one acts, its sweep
    id is printed and nothing is done, unless --wait says for how long to wait for it.
    One that is narrowed (--account, --organizational-unit, --region, --rule, --resource) says nothing of the rest.
    """
    narrowing = narrowing_of(only_accounts, only_units, only_regions, only_rules, only_resources)
    settings = settings_of(
        policy=policy,
        store=store,
        member_role=member_role,
        kill_switch=kill_switch,
        external_id=external_id,
        workers=workers,
        prices=prices,
    )
    if resume is not None:
        if mode is not None or policy is not None or narrowing:
            kept = "the mode, the policy and the narrowing" if narrowing else "the mode and the policy"
            fail(f"--resume keeps {kept} that the sweep began with; leave them out", BAD_USAGE)
        checked_sweep_id(resume)
        run(settings, output, _resuming(resume), resumed=resume, wait=wait)
    asked = Mode(mode) if mode is not None else Mode.PLAN
    _refuse_mode(settings, asked)
    if asked is Mode.ENFORCE:
        _require_confirmation(assume_yes=yes)
    run(
        settings,
        output,
        _sweeping(settings, asked, narrowing),
        ConsentHow.YES if yes else ConsentHow.TYPED,
        wait=wait,
        show_all=show is Show.ALL,
    )


def apply(
    sweep_id: SweepIdArgument,
    yes: YesOption = False,
    show: ShowOption = Show.FIRST,
    wait: WaitOption = 0,
    output: FormatOption = Format.TABLE,
    store: StoreOption = None,
    kill_switch: KillSwitchOption = None,
    member_role: RoleOption = None,
    external_id: ExternalIdOption = None,
    workers: WorkersOption = None,
    prices: PricesOption = None,
) -> None:
    """Carry out exactly the plan that `plan` (or a sweep in mode `approve`) made, once, before it expires.

    Just before each batch it looks again: what changed since (state, tags, an opt-out) is kept, with the reason.
    A plan.json that was altered, expired or was applied already is refused with exit code 2, and nothing is stopped.
    """
    checked_sweep_id(sweep_id)
    settings = settings_of(
        store=store,
        member_role=member_role,
        kill_switch=kill_switch,
        external_id=external_id,
        workers=workers,
        prices=prices,
    )
    _require_confirmation_of(settings, sweep_id, assume_yes=yes)
    _refuse_mode(settings, Mode.APPLY)

    def work(stores: Stores, _: Clients, new_id: str, runtime: Runtime) -> Result:
        return coordination.apply(stores, sweep_id, new_id, runtime)

    run(settings, output, work, ConsentHow.APPLY if yes else ConsentHow.TYPED, wait=wait, show_all=show is Show.ALL)


def undo(
    sweep_id: SweepIdArgument,
    account: Annotated[
        list[str] | None, typer.Option(metavar="ACCOUNT_ID", help="Only in this account; may be given several times.")
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option(metavar="REGION", help="Only in this region; several times too.")
    ] = None,
    resource: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this resource, by id or ARN; several times too.")
    ] = None,
    only_failed_health: Annotated[
        bool,
        typer.Option("--only-failed-health", help="Only what a load balancer's target group misses now."),
    ] = False,
    outside_schedule: Annotated[
        bool,
        typer.Option(
            "--outside-schedule",
            help="Stop what the sweep started also in its running time, once the number was typed; never what is opted "
            "out or protected.",
        ),
    ] = False,
    yes: YesOption = False,
    show: ShowOption = Show.FIRST,
    wait: WaitOption = 0,
    output: FormatOption = Format.TABLE,
    store: StoreOption = None,
    kill_switch: KillSwitchOption = None,
    member_role: RoleOption = None,
    external_id: ExternalIdOption = None,
    workers: WorkersOption = None,
    prices: PricesOption = None,
) -> None:
    """Start again what that sweep stopped, and stop what it started.

    Only what nobody touched since is started; everything else is kept, each with its reason. What the sweep started is
    stopped where its rule, its schedule and its opt-outs let it be stopped now. Tags that it wrote are deleted.
    A sweep of its own, with a report, guardrails and waves: paced to 2 starts a second in each account and region, so
    5,000 instances of one account and region take 33 minutes. An undo cannot be undone.
    """
    checked_sweep_id(sweep_id)
    if outside_schedule and (yes or not sys.stdin.isatty()):
        text = (
            "--outside-schedule stops what should run now, and asks for its number: it needs a terminal, and no --yes"
        )
        fail(text, BAD_USAGE)
    settings = settings_of(
        store=store,
        member_role=member_role,
        kill_switch=kill_switch,
        external_id=external_id,
        workers=workers,
        prices=prices,
    )
    _require_confirmation_of(settings, sweep_id, assume_yes=yes)
    _refuse_mode(settings, Mode.UNDO)
    only = UndoFilter(
        frozenset(account or ()),
        frozenset(region or ()),
        frozenset(resource or ()),
        failed_health=only_failed_health,
        outside_schedule=outside_schedule,
    )

    def work(stores: Stores, _: Clients, new_id: str, runtime: Runtime) -> Result:
        return coordination.undo(stores, sweep_id, new_id, only, runtime)

    run(settings, output, work, ConsentHow.YES if yes else ConsentHow.TYPED, wait=wait, show_all=show is Show.ALL)


def _refuse_mode(settings: Settings, mode: Mode) -> None:
    """Ends the command with exit code 2 for a mode beyond the one that is set, before anything is asked or read."""
    try:
        settings.refuse_mode(mode)
    except SettingsError as refused:
        fail(str(refused), BAD_USAGE)


def _sweeping(settings: Settings, mode: Mode, narrowing: Narrowing = NOT_NARROWED) -> Work:
    if not settings.policy:
        fail("name a policy: --policy config/policy.yaml, or STOP_ORCHESTRATOR_POLICY", BAD_USAGE)
    source = settings.policy

    def work(stores: Stores, clients: Clients, sweep_id: str, runtime: Runtime) -> Result:
        policy = wiring.read_policy(source, lambda: clients)
        return coordination.sweep(stores, policy, sweep_id, mode, runtime, narrowing)

    return work


def _resuming(sweep_id: str) -> Work:
    def work(stores: Stores, _clients: Clients, _new_id: str, runtime: Runtime) -> Result:
        begun = coordination.get_sweep(stores, sweep_id)
        current = runtime.policy_of_today(begun) if begun.status == SweepStatus.RUNNING else None
        return coordination.resume(stores, sweep_id, runtime, current)

    return work


def _require_confirmation(*, assume_yes: bool) -> None:
    if not assume_yes and not sys.stdin.isatty():
        fail("without a terminal this needs --yes: nobody is there to confirm what would be done", BAD_USAGE)


def _require_confirmation_of(settings: Settings, sweep_id: str, *, assume_yes: bool) -> None:
    """The same; of a sweep that is not there, which no --yes would mend, that is said first."""
    if not assume_yes and not sys.stdin.isatty():
        with errors_as_exit_codes(Format.TABLE):
            coordination.get_sweep(wiring.make_stores(settings, wiring.make_clients(settings)), sweep_id)
    _require_confirmation(assume_yes=assume_yes)
