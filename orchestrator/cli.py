"""The command line: arguments in, exit codes and streams of DESIGN section 5 out. JSON alone goes to stdout."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from orchestrator import app as wiring
from orchestrator.core.model import ApprovedPlan, Mode
from orchestrator.core.policy import load_policy
from orchestrator.core.policy_schema import policy_json_schema
from orchestrator.core.report import exit_code, report_document
from orchestrator.core.report_schema import report_json_schema
from orchestrator.errors import PolicyError, ReportLostError, SettingsError, StopOrchestratorError
from orchestrator.sweep import run_sweep
from orchestrator.terminal import TerminalProgress, print_summary

ERROR, BAD_USAGE = 1, 2
_EXIT_CODES = (
    "Exit codes: 0 complete, 1 an error ended the run, 2 bad usage or bad policy, 3 incomplete coverage, "
    "4 held by a guardrail, 5 at least one stop failed. Where several hold, the highest wins."
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
        "with it: a plan reads everything and stops nothing.\n\n" + _EXIT_CODES
    ),
)
stdout = Console()
stderr = Console(stderr=True)


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


class ReportFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class ReportPart(StrEnum):
    DECISIONS = "decisions"
    COVERAGE = "coverage"
    COMPLIANCE = "compliance"


PolicyOption = Annotated[
    str | None,
    typer.Option("--policy", "-p", help="Policy: a path, s3://bucket/key or ssm:/name. [env STOP_ORCHESTRATOR_POLICY]"),
]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="JSON goes to stdout alone; the rest to stderr.")]
StoreOption = Annotated[
    Path | None,
    typer.Option(help="Local folder for reports, where no report bucket is set. [default .stop-orchestrator]"),
]
RoleOption = Annotated[
    str | None, typer.Option("--member-role", help="Role assumed in each account. [env STOP_ORCHESTRATOR_MEMBER_ROLE]")
]
ExternalIdOption = Annotated[
    str | None, typer.Option(help="External id for that role. [env STOP_ORCHESTRATOR_EXTERNAL_ID]")
]
WorkersOption = Annotated[
    int | None, typer.Option(help="Threads that read and stop. [env STOP_ORCHESTRATOR_WORKERS, default 64]")
]


@cli.command()
def plan(
    policy: PolicyOption = None,
    output: FormatOption = Format.TABLE,
    store: StoreOption = None,
    member_role: RoleOption = None,
    external_id: ExternalIdOption = None,
    workers: WorkersOption = None,
) -> None:
    """Read every account and region and say what a sweep would stop. Stops nothing: its sessions may only describe."""
    overrides = {"policy": policy, "store": store, "member_role": member_role}
    settings = _settings(mode=Mode.PLAN, external_id=external_id, workers=workers, **overrides)
    _run(settings, output, assume_yes=True)


@cli.command()
def sweep(
    policy: PolicyOption = None,
    mode: Annotated[
        Mode | None, typer.Option(help="`plan` stops nothing. [env STOP_ORCHESTRATOR_MODE, default plan]")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before stopping.")] = False,
    output: FormatOption = Format.TABLE,
    store: StoreOption = None,
    member_role: RoleOption = None,
    external_id: ExternalIdOption = None,
    workers: WorkersOption = None,
) -> None:
    """Carry out the policy: read, decide, check the guardrails, stop (only with --mode enforce), report.

    Before the first stop it shows how many would be stopped and wants that number typed, unless --yes is given.
    Ctrl-C hands out no more work, waits for the running calls and still writes the report.
    """
    overrides = {"policy": policy, "store": store, "member_role": member_role}
    settings = _settings(mode=mode, external_id=external_id, workers=workers, **overrides)
    if settings.mode is Mode.ENFORCE and not yes and not sys.stdin.isatty():
        _fail("enforce without a terminal needs --yes: nobody is there to confirm the stops", BAD_USAGE)
    _run(settings, output, assume_yes=yes)


@cli.command()
def validate(
    policy: Annotated[str | None, typer.Argument(help="Path of the policy document.")] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Check a policy document and print every mistake at once, each with its line and its place. Reads no AWS."""
    source = policy or os.environ.get("STOP_ORCHESTRATOR_POLICY") or ""
    if not source:
        _fail("name a policy document: stop-orchestrator validate config/policy.yaml", BAD_USAGE)
    with _errors_as_exit_codes(output):
        text = wiring.policy_text(source, wiring.make_clients(_settings()))
        loaded = load_policy(text, source)
    if output is Format.JSON:
        _print_json({"valid": True, "name": loaded.name, "sha256": loaded.sha256, "problems": []})
    else:
        rules = f"{len(loaded.rules)} rule{'s' if len(loaded.rules) != 1 else ''}"
        stdout.print(f"{source}: policy {loaded.name} is valid: {rules}", highlight=False, soft_wrap=True)


@cli.command()
def schema(
    report: Annotated[
        bool, typer.Option("--report", help="The sweep report's schema instead of the policy's.")
    ] = False,
) -> None:
    """Print the JSON Schema of the policy document, for editors and pipelines, or of the sweep report."""
    _print_json(report_json_schema() if report else policy_json_schema())


@cli.command()
def report(
    sweep_id: Annotated[str, typer.Argument(help="Such as 20261123T190000Z-7f3a9c.")],
    output: Annotated[ReportFormat, typer.Option("--format", "-f", help="How to print it.")] = ReportFormat.TABLE,
    part: Annotated[ReportPart, typer.Option(help="Which table, with --format csv.")] = ReportPart.DECISIONS,
    store: StoreOption = None,
) -> None:
    """Show the report of an earlier sweep: a summary, the whole JSON, or one of its CSV tables."""
    if not wiring.SWEEP_ID.fullmatch(sweep_id):
        _fail(f"{sweep_id!r} is no sweep id; they look like 20261123T190000Z-7f3a9c", BAD_USAGE)
    settings = _settings(store=store)
    name = f"{part.value}.csv" if output is ReportFormat.CSV else "report.json"
    with _errors_as_exit_codes(Format.TABLE):
        content = wiring.report_store(settings, wiring.make_clients(settings)).read(sweep_id, name)
    if output is ReportFormat.TABLE:
        print_summary(stdout, json.loads(content))
    else:
        sys.stdout.buffer.write(content)


@cli.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the embedded AWS up until Ctrl-C.")] = False,
    serve_only: Annotated[
        bool, typer.Option("--serve-only", help="No sweeps: only leave it up, with every instance running.")
    ] = False,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    store: StoreOption = None,
) -> None:
    """Show a whole sweep on an embedded AWS with a small organization in it. Touches no real AWS.

    Runs the Lambda handler twice, plan first and then enforce, and checks against EC2 itself that exactly what was
    planned is stopped. With --keep it prints the environment for trying the other commands against it.
    """
    try:
        from orchestrator.demo.show import Wanted, show  # noqa: PLC0415 - moto is an extra that a Lambda does not have
    except ImportError as missing:
        _fail(f"the demo needs the extra `demo`: pip install 'stop-orchestrator[demo]' ({missing})", ERROR)
    wanted = Wanted(store or wiring.DEFAULT_STORE, port, keep=keep or serve_only, sweep=not serve_only)
    raise typer.Exit(show(stdout, print_summary, wanted))


def _run(settings: wiring.Settings, output: Format, *, assume_yes: bool) -> NoReturn:
    if not settings.policy:
        _fail("name a policy: --policy config/policy.yaml, or STOP_ORCHESTRATOR_POLICY", BAD_USAGE)
    with _errors_as_exit_codes(output):
        clients = wiring.make_clients(settings)
        loaded = wiring.read_policy(settings.policy, clients)
        progress = TerminalProgress(stderr)
        sweep_id = wiring.new_sweep_id(wiring.now())
        with _interruptible() as interrupted, progress.shown():
            confirm = (lambda _: True) if assume_yes else _asker(progress)
            around = wiring.Surroundings(out_of_time=interrupted, confirm=confirm, progress=progress)
            world = wiring.build_world(settings, clients, sweep_id, settings.mode, around)
            done, location = run_sweep(world, loaded, sweep_id, settings.mode)
        document = report_document(done)
    if output is Format.JSON:
        _print_json(document)
        stderr.print(f"Report: {location}", highlight=False, soft_wrap=True)
    else:
        print_summary(stdout, document, location)
    raise typer.Exit(exit_code(done))


def _asker(progress: TerminalProgress) -> Callable[[ApprovedPlan], bool]:
    def ask(approved: ApprovedPlan) -> bool:
        progress.paused_for_a_question()
        stops = approved.plan.stops
        accounts = len({stop.resource.target.account_id for stop in stops})
        stderr.print(f"\n{len(stops)} resources in {accounts} accounts would be stopped now.", highlight=False)
        typed: str = typer.prompt("Type that number to stop them", err=True, default="", show_default=False)
        return typed.strip() == str(len(stops))

    return ask


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C and SIGTERM end the handing out of work, not the process; a second one ends it at once."""
    pulled = threading.Event()

    def pull(number: int, _frame: object) -> None:
        if pulled.is_set():
            raise KeyboardInterrupt
        pulled.set()
        stderr.print(
            f"\n{signal.Signals(number).name}: no more work is handed out; the report follows.", highlight=False
        )

    before = {number: signal.signal(number, pull) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield pulled.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _errors_as_exit_codes(output: Format) -> Iterator[None]:
    """Every expected error becomes its text on stderr and its exit code; never a traceback."""
    try:
        yield
    except PolicyError as invalid:
        if output is Format.JSON:
            problems = [{"path": one.path, "line": one.line, "message": one.message} for one in invalid.problems]
            _print_json({"valid": False, "source": invalid.source, "problems": problems})
        _fail("\n".join(invalid.lines()), BAD_USAGE)
    except SettingsError as wrong:
        _fail(str(wrong), BAD_USAGE)
    except ReportLostError as lost:
        stderr.print(json.dumps(lost.document), soft_wrap=True, highlight=False, markup=False)
        _fail(f"The report above could not be written: {lost}", ERROR)
    except StopOrchestratorError as failure:
        _fail(str(failure), ERROR)
    except wiring.AWS_ERRORS as failure:
        _fail(f"AWS: {failure}", ERROR)


def _settings(**overrides: object) -> wiring.Settings:
    try:
        return wiring.Settings.from_env(os.environ, **overrides)
    except SettingsError as wrong:
        _fail(str(wrong), BAD_USAGE)


def _print_json(document: Any) -> None:
    json.dump(document, sys.stdout, indent=2)
    sys.stdout.write("\n")


def _fail(message: str, code: int) -> NoReturn:
    stderr.print(message, style="red", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(code)


def main() -> None:
    """The console script."""
    cli()
