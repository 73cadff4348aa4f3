"""The command line: arguments in, exit codes and streams of DESIGN section 5 out. JSON alone goes to stdout."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import Annotated, NoReturn

import typer

from orchestrator import app as wiring
from orchestrator import cli_doctor, cli_records, one_at_a_time
from orchestrator.console import (
    BAD_USAGE,
    ERROR,
    Format,
    asker,
    checked_sweep_id,
    errors_as_exit_codes,
    fail,
    interruptible,
    parsed,
    print_json,
    print_problems,
    say,
    settings_of,
    show,
    stderr,
    stdout,
)
from orchestrator.core.model import Mode, SweepStatus
from orchestrator.core.policy_schema import policy_json_schema
from orchestrator.core.report import document_exit_code
from orchestrator.core.report_schema import report_json_schema
from orchestrator.errors import PolicyProblem, ReportStoreError, SettingsError, StopOrchestratorError
from orchestrator.local.processes import this_process
from orchestrator.one_at_a_time import Busy, Result
from orchestrator.options import (
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
from orchestrator.ports import always_confirm
from orchestrator.terminal import TerminalProgress, print_summary
from orchestrator.undoing import Only

EXIT_CODES = (
    "Exit codes: 0 complete, 1 an error ended the run, 2 bad usage, bad policy or a plan that cannot be applied, "
    "3 incomplete coverage, 4 held by a guardrail, 5 at least one stop failed. Where several hold, the highest wins."
)

cli = typer.Typer(
    name="stop-orchestrator",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=(
        "Stops what an AWS Organization does not need: every account, every region, one policy, one report.\n\n"
        "Start with `stop-orchestrator demo` (an embedded AWS, nothing real), then `validate` your policy and `plan` "
        "with it: a plan reads everything and stops nothing.\n\n" + EXIT_CODES
    ),
)


class SweepMode(StrEnum):
    """The modes that a sweep can be given; `apply` and `undo` are commands."""

    PLAN = "plan"
    ENFORCE = "enforce"
    APPROVE = "approve"


_Work = Callable[[wiring.Hub, str, wiring.Surroundings], Result]


@cli.command(short_help="Say what a sweep would stop; stop nothing.", epilog=EXIT_CODES)
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
    overrides = {"policy": policy, "store": store, "member_role": member_role}
    settings = settings_of(mode=Mode.PLAN, external_id=external_id, workers=workers, **overrides)
    _run(settings, output, _sweeping(settings), assume_yes=True)


@cli.command(short_help="Read, decide, check the guardrails, stop, report.", epilog=EXIT_CODES)
def sweep(
    policy: PolicyOption = None,
    mode: Annotated[
        SweepMode | None,
        typer.Option(
            help="`plan` stops nothing; `approve` stops nothing, tells STOP_ORCHESTRATOR_TOPIC and waits for `apply`. "
            "[env STOP_ORCHESTRATOR_MODE, default plan]"
        ),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="SWEEP_ID", help="Go on with a sweep whose process died, from wherever it was."),
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
    overrides = {"policy": policy, "store": store, "member_role": member_role, "kill_switch": kill_switch}
    settings = settings_of(mode=mode, external_id=external_id, workers=workers, **overrides)
    if resume is not None:
        if mode is not None or policy is not None:
            fail("--resume goes on with the mode and the policy that the sweep began with; leave them out", BAD_USAGE)
        checked_sweep_id(resume)
        _run(settings, output, _resuming(resume, assume_yes=yes), assume_yes=yes)
    if settings.mode is Mode.ENFORCE:
        _somebody_confirms(assume_yes=yes)
    _run(settings, output, _sweeping(settings), assume_yes=yes)


@cli.command(short_help="Carry out exactly the plan of an earlier sweep.", epilog=EXIT_CODES)
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
    _somebody_confirms(assume_yes=yes)
    overrides = {"store": store, "member_role": member_role, "kill_switch": kill_switch}
    settings = settings_of(external_id=external_id, workers=workers, **overrides)

    def work(hub: wiring.Hub, new_id: str, around: wiring.Surroundings) -> Result:
        return one_at_a_time.apply(hub, sweep_id, new_id, around)

    _run(settings, output, work, assume_yes=yes)


@cli.command(short_help="Start again what a sweep stopped.", epilog=EXIT_CODES)
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
    _somebody_confirms(assume_yes=yes)
    overrides = {"store": store, "member_role": member_role, "kill_switch": kill_switch}
    settings = settings_of(external_id=external_id, workers=workers, **overrides)
    only = Only(
        frozenset(account or ()), frozenset(region or ()), frozenset(resource or ()), failed_health=only_failed_health
    )

    def work(hub: wiring.Hub, new_id: str, around: wiring.Surroundings) -> Result:
        return one_at_a_time.undo(hub, sweep_id, new_id, only, around)

    _run(settings, output, work, assume_yes=yes)


@cli.command(
    short_help="Check a policy document; print every mistake.",
    epilog="Exit codes: 0 valid, 2 not valid or not readable.",
)
def validate(
    policy: Annotated[
        str | None,
        typer.Argument(help="A path, s3://bucket/key or ssm:/name. [env STOP_ORCHESTRATOR_POLICY]"),
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Check a policy document and print every mistake at once, each with its line and its place.

    Nothing of AWS is needed for a policy in a file.
    """
    source = policy or os.environ.get("STOP_ORCHESTRATOR_POLICY") or ""
    if not source:
        fail("name a policy document: stop-orchestrator validate config/policy.yaml", BAD_USAGE)
    with errors_as_exit_codes(output):
        try:
            loaded = wiring.read_policy(source, lambda: wiring.make_clients(settings_of()))
        except SettingsError as unreadable:
            print_problems(output, source, PolicyProblem("", None, str(unreadable)))
            raise
    if output is Format.JSON:
        print_json({"valid": True, "name": loaded.name, "sha256": loaded.sha256, "problems": []})
    else:
        rules = f"{len(loaded.rules)} rule{'s' if len(loaded.rules) != 1 else ''}"
        stdout.print(f"{source}: policy {loaded.name} is valid: {rules}", highlight=False, markup=False, soft_wrap=True)


@cli.command(short_help="Print the JSON Schema of the policy, or of the report.", epilog="Exit code: 0.")
def schema(
    report: Annotated[
        bool, typer.Option("--report", help="The sweep report's schema instead of the policy's.")
    ] = False,
) -> None:
    """Print the JSON Schema of the policy document, for editors and pipelines, or of the sweep report."""
    print_json(report_json_schema() if report else policy_json_schema())


cli.command(
    short_help="List the sweeps of the ledger, newest first.",
    epilog="Exit codes: 0 listed, 1 the ledger cannot be read, 2 bad usage.",
)(cli_records.history)
cli.command(
    short_help="Show the report of an earlier sweep.",
    epilog="Exit codes: 0 shown, 1 there is no such report or it cannot be read, 2 bad usage.",
)(cli_records.report)
cli.command(
    short_help="Prove that nothing of a sweep's files was touched.",
    epilog="Exit codes: 0 everything holds, 1 something is broken or cannot be read, 2 bad usage.",
)(cli_records.verify)
cli.command(short_help=cli_doctor.SHORT_HELP, epilog=cli_doctor.EXIT_CODES)(cli_doctor.doctor)


@cli.command(
    short_help="Show a whole sweep on an embedded AWS.",
    epilog="Exit codes: 0 EC2 agrees with the report, 1 it does not, or an error ended the demo, 2 bad usage.",
)
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the embedded AWS up until Ctrl-C.")] = False,
    serve_only: Annotated[
        bool, typer.Option("--serve-only", help="No sweeps: only leave it up, with every instance running.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    store: StoreOption = None,
) -> None:
    """Show a whole sweep on an embedded AWS with a small organization in it. Touches no real AWS.

    Runs the Lambda handler twice, plan first and then enforce, and checks against EC2 itself that exactly what was
    planned is stopped. With --keep it prints the environment for trying the other commands against it.
    """
    try:
        from orchestrator.demo.show import Wanted, show  # noqa: PLC0415 - moto is an extra that a Lambda does not have
    except ImportError as missing:
        fail(f"the demo needs the extra `demo`: pip install 'stop-orchestrator[demo]' ({missing})", ERROR)
    wanted = Wanted(store or wiring.DEFAULT_STORE, port, keep=keep or serve_only, sweep=not serve_only)
    with errors_as_exit_codes(Format.TABLE):
        agreed = show(stdout, print_summary, wanted)
    raise typer.Exit(agreed)


def _sweeping(settings: wiring.Settings) -> _Work:
    if not settings.policy:
        fail("name a policy: --policy config/policy.yaml, or STOP_ORCHESTRATOR_POLICY", BAD_USAGE)
    source = settings.policy

    def work(hub: wiring.Hub, sweep_id: str, around: wiring.Surroundings) -> Result:
        policy = wiring.read_policy(source, lambda: hub.clients)
        return one_at_a_time.sweep(hub, policy, sweep_id, settings.mode, around)

    return work


def _resuming(sweep_id: str, *, assume_yes: bool) -> _Work:
    def work(hub: wiring.Hub, _: str, around: wiring.Surroundings) -> Result:
        begun = one_at_a_time.known(hub, sweep_id)
        if Mode(begun.mode).acts and not begun.confirmed:
            _somebody_confirms(assume_yes=assume_yes)
        return one_at_a_time.resume(hub, sweep_id, around)

    return work


def _run(settings: wiring.Settings, output: Format, work: _Work, *, assume_yes: bool) -> NoReturn:
    triggered_at = wiring.now()
    with errors_as_exit_codes(output):
        result = _carried_out(settings, output, work, assume_yes=assume_yes, triggered_at=triggered_at)
    if isinstance(result, Busy):
        _say_busy(result, output)
    if result.repeated:
        say(f"{result.sweep_id} is finished; nothing was done again.")
    show(result.document, output, result.location)
    raise typer.Exit(document_exit_code(result.document))


def _carried_out(
    settings: wiring.Settings, output: Format, work: _Work, *, assume_yes: bool, triggered_at: datetime
) -> Result:
    hub = wiring.make_hub(settings, wiring.make_clients(settings), this_process())
    sweep_id = wiring.new_sweep_id(triggered_at)
    progress = TerminalProgress(stderr)
    try:
        with interruptible() as interrupted, progress.shown():
            confirm = always_confirm if assume_yes else asker(progress, interrupted)
            around = wiring.Surroundings(
                interrupted=interrupted, confirm=confirm, progress=progress, triggered_at=triggered_at
            )
            return work(hub, sweep_id, around)
    except ReportStoreError:
        raise  # there is no report to show
    except (KeyboardInterrupt, StopOrchestratorError, *wiring.AWS_ERRORS):
        # A sweep that an error ended has a report too.
        with suppress(StopOrchestratorError):
            show(parsed(hub.store.read(sweep_id, "report.json"), sweep_id), output)
        raise


def _say_busy(busy: Busy, output: Format) -> NoReturn:
    """A second trigger has what it wanted; another wish has not."""
    if not busy.same:
        fail(f"{busy.sweep_id} is running by the same policy; try again when `history` shows its end", ERROR)
    say(f"{busy.sweep_id} is running by this policy already; nothing was begun. `history` shows how it ends.")
    if output is Format.JSON:
        print_json({"sweep_id": busy.sweep_id, "status": SweepStatus.RUNNING.value})
    raise typer.Exit(0)


def _somebody_confirms(*, assume_yes: bool) -> None:
    if not assume_yes and not sys.stdin.isatty():
        fail("without a terminal this needs --yes: nobody is there to confirm what would be done", BAD_USAGE)


def main() -> None:
    """The console script."""
    cli()


if __name__ == "__main__":
    main()
