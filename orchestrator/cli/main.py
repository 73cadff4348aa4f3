"""The command line as a whole: every command with its short help and its exit codes."""

from __future__ import annotations

import os
import sys
from types import ModuleType

import typer

from orchestrator.cli.later import add_command
from orchestrator.cli.streams import safe_streams, whole_process

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

_DOCTORS_EXIT_CODES = (
    "Exit codes: 0 healthy, 1 an error ended it (the organization cannot be listed), 2 bad usage or bad policy, "
    "3 the hub lacks something, or at least one account or region would not be swept. Suspended accounts and disabled "
    "regions are named and are no reason for 3. With --prove: 0 proved, 1 an error or not confirmed, 2 refused, "
    "nothing was stopped, 3 incomplete, 4 held by a guardrail, 5 a stop or start failed, or what came of it is unknown."
)
_SIMULATES_EXIT_CODES = (
    "Exit codes: 0 simulated, 1 an error ended it, 2 bad usage or bad policy, 3 a target cannot be read, 4 what it was "
    "narrowed to is not there."
)
_EXPLAINS_EXIT_CODES = (
    "Exit codes: 0 explained, 1 an error ended it, or the report does not have it, 2 bad usage, bad policy, or no such "
    "resource, 3 its account or region cannot be read."
)
IMPORTS_EXIT_CODES = (
    "Exit codes: 0 everything was carried over, 1 an error ended it, 2 the input is not readable, 3 something was not "
    "carried over."
)
COMMANDS = (
    ("sweeps", "plan", "Say what a sweep would stop; stop nothing.", EXIT_CODES),
    ("sweeps", "sweep", "Read, decide, check the guardrails, stop, report.", EXIT_CODES),
    ("sweeps", "apply", "Carry out exactly the plan of an earlier sweep.", EXIT_CODES),
    ("sweeps", "undo", "Start again what a sweep stopped.", EXIT_CODES),
    (
        "explain",
        "explain",
        "Say why one resource is stopped, started or kept.",
        _EXPLAINS_EXIT_CODES,
    ),
    (
        "simulate",
        "simulate",
        "Show when each resource would start and stop.",
        _SIMULATES_EXIT_CODES,
    ),
    (
        "policies",
        "validate",
        "Check a policy document; print every mistake.",
        "Exit codes: 0 valid, 2 not valid or not readable, 4 a name in it matches nothing (--against-organization).",
    ),
    ("policies", "schema", "Print the JSON Schema of the policy, or of the report.", "Exit code: 0."),
    (
        "imports",
        "import",
        "Bring policies of other tools into this form.",
        IMPORTS_EXIT_CODES,
    ),
    (
        "records",
        "history",
        "List the sweeps of the ledger, newest first.",
        "Exit codes: 0 listed, 1 the ledger cannot be read, 2 bad usage.",
    ),
    (
        "records",
        "report",
        "Show the report of an earlier sweep.",
        "Exit codes: 0 shown, 1 there is no such report or it cannot be read, 2 bad usage.",
    ),
    (
        "records",
        "verify",
        "Prove that nothing of a sweep's files was touched.",
        "Exit codes: 0 everything holds, 1 something is broken or cannot be read, 2 bad usage.",
    ),
    (
        "serving",
        "console",
        "Serve the reports as pages on this machine.",
        "Exit codes: 0 ended by Ctrl-C, 1 it could not be begun, 2 bad usage.",
    ),
    (
        "doctor",
        "doctor",
        "Check whether a sweep would work; stop nothing.",
        _DOCTORS_EXIT_CODES,
    ),
    (
        "demo",
        "demo",
        "Show a whole sweep on an embedded AWS.",
        "Exit codes: 0 EC2 agrees with the report, 1 it does not, or an error ended the demo, 2 bad usage.",
    ),
)
"""In the order of `--help`: the module beside this one, the function in it, and what `--help` says."""

for _command in COMMANDS:
    add_command(cli, *_command)


def main() -> None:
    """The console script."""
    _take_no_plugins()
    with safe_streams(), whole_process():
        cli()


def _take_no_plugins() -> None:
    """Else pydantic looks in every installed package for plugins, which would be code in here that nobody chose.

    What looks for them says so too where they are switched off, but first imports all that reads packages' metadata:
    a twentieth of the time that `validate` takes.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    finder = ModuleType("pydantic.plugin._loader")
    vars(finder)["get_plugins"] = tuple  # called without arguments: none
    sys.modules.setdefault(finder.__name__, finder)
