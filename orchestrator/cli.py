"""The command line: arguments in, exit codes and streams of DESIGN section 5 out. JSON alone goes to stdout."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic_core import to_json
from rich.console import Console

from orchestrator import app as wiring
from orchestrator.core.model import ApprovedPlan, Mode, SweepReport
from orchestrator.core.policy_schema import policy_json_schema
from orchestrator.core.report import exit_code, report_document
from orchestrator.core.report_schema import report_json_schema
from orchestrator.errors import (
    PolicyError,
    PolicyProblem,
    ReportLostError,
    ReportStoreError,
    SettingsError,
    StopOrchestratorError,
)
from orchestrator.ports import always_confirm
from orchestrator.sweep import run_sweep
from orchestrator.terminal import TerminalProgress, print_summary

ERROR, BAD_USAGE = 1, 2
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXIT_CODES = (
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
        "with it: a plan reads everything and stops nothing.\n\n" + EXIT_CODES
    ),
)
# No emoji: in a tag or an ARN, `:key:` is text.
stdout = Console(emoji=False)
stderr = Console(stderr=True, emoji=False)


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
    typer.Option(
        help="Local folder for reports and ledger. Given, it wins over STOP_ORCHESTRATOR_REPORT_BUCKET and "
        "STOP_ORCHESTRATOR_TABLE. [default .stop-orchestrator, where no bucket is set]"
    ),
]
RoleOption = Annotated[
    str | None,
    typer.Option(
        "--member-role",
        help="Role assumed in each account. [env STOP_ORCHESTRATOR_MEMBER_ROLE, default stop-orchestrator-member]",
    ),
]
ExternalIdOption = Annotated[
    str | None, typer.Option(help="External id for that role. [env STOP_ORCHESTRATOR_EXTERNAL_ID]")
]
WorkersOption = Annotated[
    int | None, typer.Option(help="Threads that read and stop. [env STOP_ORCHESTRATOR_WORKERS, default 64]")
]


@cli.command(short_help="Say what a sweep would stop; stop nothing.", epilog=EXIT_CODES)
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


@cli.command(short_help="Read, decide, check the guardrails, stop, report.", epilog=EXIT_CODES)
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
        _fail("name a policy document: stop-orchestrator validate config/policy.yaml", BAD_USAGE)
    with _errors_as_exit_codes(output):
        try:
            loaded = wiring.read_policy(source, lambda: wiring.make_clients(_settings()))
        except SettingsError as unreadable:
            _print_problems(output, source, PolicyProblem("", None, str(unreadable)))
            raise
    if output is Format.JSON:
        _print_json({"valid": True, "name": loaded.name, "sha256": loaded.sha256, "problems": []})
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
    _print_json(report_json_schema() if report else policy_json_schema())


@cli.command(
    short_help="Show the report of an earlier sweep.",
    epilog="Exit codes: 0 shown, 1 there is no such report or it cannot be read, 2 bad usage.",
)
def report(
    sweep_id: Annotated[str, typer.Argument(help="Such as 20261123T190000Z-7f3a9c.")],
    output: Annotated[ReportFormat, typer.Option("--format", "-f", help="How to print it.")] = ReportFormat.TABLE,
    part: Annotated[ReportPart | None, typer.Option(help="Which table, with --format csv. [default decisions]")] = None,
    store: StoreOption = None,
) -> None:
    """Show the report of an earlier sweep: a summary, the whole JSON, or one of its CSV tables."""
    if not wiring.SWEEP_ID.fullmatch(sweep_id):
        _fail(f"{sweep_id!r} is no sweep id; they look like 20261123T190000Z-7f3a9c", BAD_USAGE)
    if part and output is not ReportFormat.CSV:
        _fail("--part goes with --format csv", BAD_USAGE)
    settings = _settings(store=store)
    name = f"{(part or ReportPart.DECISIONS).value}.csv" if output is ReportFormat.CSV else "report.json"
    with _errors_as_exit_codes(Format.TABLE):
        content = wiring.report_store(settings, wiring.make_clients(settings)).read(sweep_id, name)
        document = _parsed(content, sweep_id) if output is ReportFormat.TABLE else None
    if document is None:
        sys.stdout.buffer.write(content)
    else:
        print_summary(stdout, document)


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
        _fail(f"the demo needs the extra `demo`: pip install 'stop-orchestrator[demo]' ({missing})", ERROR)
    wanted = Wanted(store or wiring.DEFAULT_STORE, port, keep=keep or serve_only, sweep=not serve_only)
    with _errors_as_exit_codes(Format.TABLE):
        agreed = show(stdout, print_summary, wanted)
    raise typer.Exit(agreed)


def _run(settings: wiring.Settings, output: Format, *, assume_yes: bool) -> NoReturn:
    if not settings.policy:
        _fail("name a policy: --policy config/policy.yaml, or STOP_ORCHESTRATOR_POLICY", BAD_USAGE)
    with _errors_as_exit_codes(output):
        done, location = _sweep_once(settings, settings.policy, output, assume_yes=assume_yes)
        document = report_document(done)
    _show(document, output, location)
    raise typer.Exit(exit_code(done))


def _sweep_once(settings: wiring.Settings, source: str, output: Format, *, assume_yes: bool) -> tuple[SweepReport, str]:
    clients = wiring.make_clients(settings)
    policy = wiring.read_policy(source, lambda: clients)
    sweep_id = wiring.new_sweep_id(wiring.now())
    progress = TerminalProgress(stderr)
    try:
        with _interruptible() as interrupted, progress.shown():
            confirm = always_confirm if assume_yes else _asker(progress, interrupted)
            around = wiring.Surroundings(out_of_time=interrupted, confirm=confirm, progress=progress)
            world = wiring.build_world(settings, clients, sweep_id, settings.mode, around)
            return run_sweep(world, policy, sweep_id, settings.mode)
    except ReportStoreError:
        raise  # there is no report to show
    except (KeyboardInterrupt, StopOrchestratorError, *wiring.AWS_ERRORS):
        # A sweep that an error ended has a report too.
        with suppress(StopOrchestratorError):
            content = wiring.report_store(settings, clients).read(sweep_id, "report.json")
            _show(_parsed(content, sweep_id), output)
        raise


def _show(document: dict[str, Any], output: Format, location: str = "") -> None:
    if output is Format.TABLE:
        print_summary(stdout, document, location)
        return
    _print_json(document)
    if location:
        stderr.print(f"Report: {location}", highlight=False, markup=False, soft_wrap=True)


def _asker(progress: TerminalProgress, interrupted: Callable[[], bool]) -> Callable[[ApprovedPlan], bool]:
    def ask(approved: ApprovedPlan) -> bool:
        if interrupted():
            return False
        stops = approved.plan.stops
        accounts = len({stop.resource.target.account_id for stop in stops})
        with progress.paused():
            stderr.print(f"\n{len(stops)} resources in {accounts} accounts would be stopped now.", highlight=False)
            return _typed("Type that number to stop them") == str(len(stops))

    return ask


def _typed(question: str) -> str:
    """What the person types; nothing when they press Ctrl-C or Ctrl-D, which here end the question at once."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in _SIGNALS}
    try:
        stderr.print(f"{question}: ", end="", highlight=False)
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        line = ""
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if not line.endswith("\n"):
        stderr.print()
    return line.strip()


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C and SIGTERM end the handing out of work, not the process; a second one ends it at once."""
    pulled = threading.Event()

    def pull(number: int, _frame: object) -> None:
        if pulled.is_set():
            raise KeyboardInterrupt
        pulled.set()
        with suppress(RuntimeError, OSError):  # the signal may have come in the middle of another print
            stderr.print(f"\n{signal.Signals(number).name}: no more work is handed out; the report follows.")

    before = {number: signal.signal(number, pull) for number in _SIGNALS}
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
        _print_problems(output, invalid.source, *invalid.problems)
        _fail("\n".join(invalid.lines()), BAD_USAGE)
    except SettingsError as wrong:
        _fail(str(wrong), BAD_USAGE)
    except ReportLostError as lost:
        sys.stderr.write(f"{json.dumps(lost.document)}\n")
        _fail(f"The report above could not be written: {lost}", ERROR)
    except StopOrchestratorError as failure:
        _fail(str(failure), ERROR)
    except wiring.AWS_ERRORS as failure:
        _fail(f"AWS: {failure}", ERROR)
    except OSError as failure:
        _fail(f"this machine: {failure}", ERROR)
    except KeyboardInterrupt:
        _fail("Interrupted.", ERROR)


def _settings(**overrides: object) -> wiring.Settings:
    try:
        return wiring.Settings.from_env(os.environ, (), **overrides)
    except SettingsError as wrong:
        _fail(str(wrong), BAD_USAGE)


def _parsed(content: bytes, sweep_id: str) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(content)
    except ValueError as damaged:
        raise ReportStoreError(f"the report of {sweep_id} is damaged: {damaged}") from damaged
    return document


def _print_problems(output: Format, source: str, *problems: PolicyProblem) -> None:
    if output is Format.JSON:
        rows = [{"path": one.path, "line": one.line, "message": one.message} for one in problems]
        _print_json({"valid": False, "source": source, "problems": rows})


def _print_json(document: Any) -> None:
    sys.stdout.write(to_json(document, indent=2).decode() + "\n")


def _fail(message: str, code: int) -> NoReturn:
    stderr.print(message, style="red", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(code)


def main() -> None:
    """The console script."""
    cli()


if __name__ == "__main__":
    main()
