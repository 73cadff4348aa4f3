"""The command that all commands are under: its help, its version, the completion of shells."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.later import add_command
from orchestrator.cli.main import COMMANDS, EXIT_CODES

cli = typer.Typer(
    name="stop-orchestrator",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=(
        "Stops what an AWS Organization does not need: every account, every region, one policy, one report.\n\n"
        "Start with `stop-orchestrator demo` (an embedded AWS, nothing real), then `validate` your policy and `plan` "
        "with it: a plan reads everything and stops nothing.\n\n" + EXIT_CODES
    ),
)


def _say_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - nothing else needs it

        typer.echo(f"stop-orchestrator {version('stop-orchestrator')}")
        raise typer.Exit


@cli.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What is before the command; the help is the application's."""


for _command in COMMANDS:
    add_command(cli, *_command)
