"""The commands that sweep: plan, sweep, apply, undo."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from orchestrator import app as wiring
from orchestrator.aws.clients import Clients
from orchestrator.cli.console import (
    BAD_USAGE,
    ERROR,
    Format,
    Interruption,
    asker,
    checked_sweep_id,
    errors_as_exit_codes,
    fail,
    interruptible,
    parsed,
    print_json,
    say,
    settings_of,
    show,
    stderr,
)
from orchestrator.cli.options import (
    ExternalIdOption,
    FormatOption,
    KillSwitchOption,
    PolicyOption,
    RoleOption,
    StoreOption,
    SweepIdArgument,
    WorkersOption,
    YesOption,
)
from orchestrator.cli.progress import TerminalProgress
from orchestrator.core.model import ApprovedPlan, ConsentHow, Mode, OutcomeStatus, SweepStatus
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.document import document_exit_code
from orchestrator.errors import ReportStoreError, SettingsError, StopOrchestratorError
from orchestrator.ledger.records import SweepSummary
from orchestrator.local.processes import this_process, this_user
from orchestrator.ports import Runtime, Stores
from orchestrator.settings import Settings
from orchestrator.sweep import coordination
from orchestrator.sweep.coordination import Busy, Result
from orchestrator.sweep.undo import UndoFilter


class SweepMode(StrEnum):
    """The modes that a sweep can be given; `apply` and `undo` are commands."""

    PLAN = "plan"
    ENFORCE = "enforce"
    APPROVE = "approve"


_Work = Callable[[Stores, Clients, str, Runtime], Result]


def plan(
    policy: PolicyOption = None,
    output: FormatOption = Format.TABLE,
    store: StoreOption = None,
    member_role: RoleOption = None,
    external_id: ExternalIdOption = None,
    workers: WorkersOption = None,
) -> None:
    """Read every account and region and say what a sweep would stop. Stops nothing: its sessions may only describe.

    The plan is kept: `apply SWEEP_ID` carries out exactly that plan, within `plan_valid_hours` of the policy.
    """
    settings = settings_of(
        policy=policy, store=store, member_role=member_role, external_id=external_id, workers=workers
    )
    _run(settings, output, _sweeping(settings, Mode.PLAN))


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
    output: FormatOption = Format.TABLE,
    store: StoreOption = None,
    kill_switch: KillSwitchOption = None,
    member_role: RoleOption = None,
    external_id: ExternalIdOption = None,
    workers: WorkersOption = None,
) -> None:
    """Carry out the policy: read, decide, check the guardrails, stop (only with --mode enforce), report.

    Before the first stop it shows how many would be stopped and wants that number typed, unless --yes is given.
    Ctrl-C hands out no more work, waits for the running calls and still writes the report.
    One sweep at a time by each policy: while another process sweeps by it, its sweep id is printed and nothing is done.
    """
    settings = settings_of(
        policy=policy,
        store=store,
        member_role=member_role,
        kill_switch=kill_switch,
        external_id=external_id,
        workers=workers,
    )
    if resume is not None:
        if mode is not None or policy is not None:
            fail("--resume keeps the mode and the policy that the sweep began with; leave them out", BAD_USAGE)
        checked_sweep_id(resume)
        _run(settings, output, _resuming(resume), resumed=resume)
    asked = Mode(mode) if mode is not None else Mode.PLAN
    _refuse_mode(settings, asked)
    if asked is Mode.ENFORCE:
        _require_confirmation(assume_yes=yes)
    _run(settings, output, _sweeping(settings, asked), ConsentHow.YES if yes else ConsentHow.TYPED)


def apply(
    sweep_id: SweepIdArgument,
    yes: YesOption = False,
    output: FormatOption = Format.TABLE,
    store: StoreOption = None,
    kill_switch: KillSwitchOption = None,
    member_role: RoleOption = None,
    external_id: ExternalIdOption = None,
    workers: WorkersOption = None,
) -> None:
    """Carry out exactly the plan that `plan` (or a sweep in mode `approve`) made, once, before it expires.

    Just before each batch it looks again: what changed since (state, tags, an opt-out) is kept, with the reason.
    A plan.json that was altered, expired or was applied already is refused with exit code 2, and nothing is stopped.
    """
    checked_sweep_id(sweep_id)
    _require_confirmation(assume_yes=yes)
    settings = settings_of(
        store=store, member_role=member_role, kill_switch=kill_switch, external_id=external_id, workers=workers
    )
    _refuse_mode(settings, Mode.APPLY)

    def work(stores: Stores, _: Clients, new_id: str, runtime: Runtime) -> Result:
        return coordination.apply(stores, sweep_id, new_id, runtime)

    _run(settings, output, work, ConsentHow.APPLY if yes else ConsentHow.TYPED)


def undo(
    sweep_id: SweepIdArgument,
    account: Annotated[
        list[str] | None, typer.Option(metavar="ACCOUNT_ID", help="Only in this account; may be given several times.")
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option(metavar="REGION", help="Only in this region; several times too.")
    ] = None,
    resource: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this resource; several times too.")
    ] = None,
    only_failed_health: Annotated[
        bool,
        typer.Option("--only-failed-health", help="Only what a load balancer's target group misses now."),
    ] = False,
    yes: YesOption = False,
    output: FormatOption = Format.TABLE,
    store: StoreOption = None,
    kill_switch: KillSwitchOption = None,
    member_role: RoleOption = None,
    external_id: ExternalIdOption = None,
    workers: WorkersOption = None,
) -> None:
    """Start exactly what that sweep stopped and nobody touched since; everything else is kept, each with its reason.

    A sweep of its own, with a report, guardrails and waves: paced to 2 starts a second in each account and region, so
    5,000 instances of one account and region take 33 minutes. An undo cannot be undone.
    """
    checked_sweep_id(sweep_id)
    _require_confirmation(assume_yes=yes)
    settings = settings_of(
        store=store, member_role=member_role, kill_switch=kill_switch, external_id=external_id, workers=workers
    )
    _refuse_mode(settings, Mode.UNDO)
    only = UndoFilter(
        frozenset(account or ()), frozenset(region or ()), frozenset(resource or ()), failed_health=only_failed_health
    )

    def work(stores: Stores, _: Clients, new_id: str, runtime: Runtime) -> Result:
        return coordination.undo(stores, sweep_id, new_id, only, runtime)

    _run(settings, output, work, ConsentHow.YES if yes else ConsentHow.TYPED)


def _refuse_mode(settings: Settings, mode: Mode) -> None:
    """Ends the command with exit code 2 for a mode beyond the one that is set, before anything is asked or read."""
    try:
        settings.refuse_mode(mode)
    except SettingsError as refused:
        fail(str(refused), BAD_USAGE)


def _sweeping(settings: Settings, mode: Mode) -> _Work:
    if not settings.policy:
        fail("name a policy: --policy config/policy.yaml, or STOP_ORCHESTRATOR_POLICY", BAD_USAGE)
    source = settings.policy

    def work(stores: Stores, clients: Clients, sweep_id: str, runtime: Runtime) -> Result:
        policy = wiring.read_policy(source, lambda: clients)
        return coordination.sweep(stores, policy, sweep_id, mode, runtime)

    return work


def _resuming(sweep_id: str) -> _Work:
    def work(stores: Stores, _clients: Clients, _new_id: str, runtime: Runtime) -> Result:
        begun = coordination.get_sweep(stores, sweep_id)
        current = runtime.policy_of_today(begun) if begun.status == SweepStatus.RUNNING else None
        return coordination.resume(stores, sweep_id, runtime, current)

    return work


def _policy_of_today(settings: Settings, clients: Clients, begun: SweepSummary) -> OrgPolicy | None:
    """Of two sources that have it, the one whose text was changed.

    Raises PolicyError, and SettingsError where it is needed and neither has it; None where it is not.
    """
    found: list[OrgPolicy] = []
    unreadable: list[str] = []
    for source in dict.fromkeys(one for one in (_absolute(settings.policy), begun.policy_source) if one):
        try:
            policy = wiring.read_policy(source, lambda: clients)
        except SettingsError as failure:
            unreadable.append(str(failure))
            continue
        if source == begun.policy_source or policy.name == begun.policy_name:
            found.append(policy)
    changed = [one for one in found if one.sha256 != begun.policy_sha256]
    if found:
        return (changed or found)[0]
    if not (begun.is_of_this_release and Mode(begun.mode).acts):
        return None
    why = "; ".join(unreadable) or f"where {begun.sweep_id} had it from is not recorded"
    raise SettingsError(
        f"{begun.sweep_id} is not resumed: which text policy {begun.policy_name} has today is not known ({why}). "
        "Nothing was done. Name its source in STOP_ORCHESTRATOR_POLICY, and try again"
    )


def _absolute(source: str | None) -> str:
    """The policy's source, by which another process finds it too."""
    if source is None or source.startswith(("s3://", "ssm:")):
        return source or ""
    return str(Path(source).absolute())


def _run(
    settings: Settings, output: Format, work: _Work, how: ConsentHow | None = None, resumed: str | None = None
) -> NoReturn:
    """`how` consent is given, where the command may act; `resumed`: the sweep of an earlier process."""
    triggered_at = wiring.now()
    reported: list[int] = []
    with interruptible() as interruption:  # to the end: what was done is shown, and is the exit code
        with errors_as_exit_codes(output, reported):
            sweep_id = resumed or wiring.new_sweep_id(triggered_at)
            try:
                result = _carried_out(settings, output, work, how, triggered_at, sweep_id, interruption, reported)
            finally:  # an error has its exit code too
                interruption.let_break_in(False)
        if isinstance(result, Busy):
            _say_busy(result, output)
        with interruption.showing():
            if result.repeated:
                say(f"{result.sweep_id} is finished; nothing was done again.")
            show(result.document, output, result.location)
            if result.document["status"] == SweepStatus.RUNNING:
                say(f"What is left can be done later: stop-orchestrator sweep --resume {result.sweep_id}")
        raise typer.Exit(document_exit_code(result.document))


def _carried_out(
    settings: Settings,
    output: Format,
    work: _Work,
    how: ConsentHow | None,
    triggered_at: datetime,
    sweep_id: str,
    interruption: Interruption,
    reported: list[int],
) -> Result:
    """`reported` is told the exit code of the report that was shown of what an error ended."""
    clients = wiring.make_clients(settings)
    stores = wiring.make_stores(settings, clients, this_process())
    progress = TerminalProgress(stderr)
    ask = asker(progress, interruption.interrupted, lambda: wiring.kill_switch_names(settings, stores.ledger))

    def confirm(approved: ApprovedPlan) -> ConsentHow | None:
        return how if how is not ConsentHow.TYPED or ask(approved) else None

    try:
        runtime = Runtime(
            interrupted=interruption.interrupted,
            let_break_in=interruption.let_break_in,
            asked_by=f"{wiring.caller(clients)} ({this_user()})",
            confirm=confirm,
            policy_source=_absolute(settings.policy),
            policy_of_today=partial(_policy_of_today, settings, clients),
            progress=progress,
            warn=say,
            triggered_at=triggered_at,
        )
        with progress.shown():
            return work(stores, clients, sweep_id, runtime)
    except ReportStoreError:
        raise  # there is no report to show
    except (KeyboardInterrupt, StopOrchestratorError, *wiring.AWS_ERRORS):
        interruption.let_break_in(False)
        # A sweep that an error ended has a report too. Still here, further signals do not end its showing.
        with suppress(StopOrchestratorError):
            document = parsed(stores.store.read(sweep_id, "report.json"), sweep_id)
            reported.append(document_exit_code(document))
            with interruption.showing():
                show(document, output, stores.store.location(sweep_id, "report.json"))
            if _is_unknown(document):
                fail("What was being asked for is unknown; `undo` looks at it.", *reported)
        raise


def _is_unknown(document: Mapping[str, Any]) -> bool:
    return any(row["status"] == OutcomeStatus.UNKNOWN for row in document["outcomes"])


def _say_busy(busy: Busy, output: Format) -> NoReturn:
    """A second trigger of the same sweep has what it asked for; another request has not."""
    if busy.execution:
        say(
            f"{busy.sweep_id} is carried out by the state machine's execution {busy.execution}; to look at it: "
            f"aws stepfunctions describe-execution --execution-arn {busy.execution}\n"
            "Where that has ended without a report, it can be resumed an hour after its last step."
        )
    if busy.other_text:
        text = f"{busy.sweep_id} is running by another text of this policy; try again when `history` shows its end"
        fail(text, ERROR)
    if not busy.same:
        fail(f"{busy.sweep_id} is running by the same policy; try again when `history` shows its end", ERROR)
    say(f"{busy.sweep_id} is running by this policy already; nothing was begun. `history` shows how it ends.")
    if output is Format.JSON:
        print_json({"sweep_id": busy.sweep_id, "status": SweepStatus.RUNNING.value})
    raise typer.Exit(0)


def _require_confirmation(*, assume_yes: bool) -> None:
    if not assume_yes and not sys.stdin.isatty():
        fail("without a terminal this needs --yes: nobody is there to confirm what would be done", BAD_USAGE)
