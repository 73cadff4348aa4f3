"""The command line as a whole: every command with its short help and its exit codes."""

from __future__ import annotations

import typer

from orchestrator.cli import doctor, policies, records, sweeps
from orchestrator.cli.console import whole_process
from orchestrator.cli.demo import demo
from orchestrator.cli.terminal import safe_streams

EXIT_CODES = (
    "Exit codes: 0 complete, 1 an error ended the run, 2 bad usage, bad policy or a plan that cannot be applied, "
    "3 incomplete coverage, 4 held by a guardrail, 5 at least one stop or start failed, or what came of it is unknown. "
    "Where several hold, the highest wins."
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

# In the order of `--help`.
cli.command(short_help="Say what a sweep would stop; stop nothing.", epilog=EXIT_CODES)(sweeps.plan)
cli.command(short_help="Read, decide, check the guardrails, stop, report.", epilog=EXIT_CODES)(sweeps.sweep)
cli.command(short_help="Carry out exactly the plan of an earlier sweep.", epilog=EXIT_CODES)(sweeps.apply)
cli.command(short_help="Start again what a sweep stopped.", epilog=EXIT_CODES)(sweeps.undo)
cli.command(
    short_help="Check a policy document; print every mistake.",
    epilog="Exit codes: 0 valid, 2 not valid or not readable, 4 a name in it matches nothing (--against-organization).",
)(policies.validate)
cli.command(short_help="Print the JSON Schema of the policy, or of the report.", epilog="Exit code: 0.")(
    policies.schema
)
cli.command(
    short_help="List the sweeps of the ledger, newest first.",
    epilog="Exit codes: 0 listed, 1 the ledger cannot be read, 2 bad usage.",
)(records.history)
cli.command(
    short_help="Show the report of an earlier sweep.",
    epilog="Exit codes: 0 shown, 1 there is no such report or it cannot be read, 2 bad usage.",
)(records.report)
cli.command(
    short_help="Prove that nothing of a sweep's files was touched.",
    epilog="Exit codes: 0 everything holds, 1 something is broken or cannot be read, 2 bad usage.",
)(records.verify)
cli.command(short_help=doctor.SHORT_HELP, epilog=doctor.EXIT_CODES)(doctor.doctor)
cli.command(
    short_help="Show a whole sweep on an embedded AWS.",
    epilog="Exit codes: 0 EC2 agrees with the report, 1 it does not, or an error ended the demo, 2 bad usage.",
)(demo)


def main() -> None:
    """The console script."""
    with safe_streams(), whole_process():
        cli()
