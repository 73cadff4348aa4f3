"""The command line as a whole: every command with its short help and its exit codes, and how the process starts."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from types import ModuleType

from orchestrator.cli.streams import safe_streams, whole_process

EXIT_CODES = (
    "Exit codes: 0 complete, 1 an error ended the run, 2 bad usage, bad policy or a plan that cannot be applied, "
    "3 incomplete coverage, 4 held by a guardrail, 5 at least one stop or start failed, or what came of it is unknown. "
    "Where several hold, the highest wins."
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
    (
        "init",
        "init",
        "Write a first policy after a few questions.",
        "Exit codes: 0 written, 1 given up, 2 bad usage, or the file is there already; nothing was written.",
    ),
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
        "Exit codes: 0 valid, 2 not valid or not readable, 3 two policies own the same, 4 a name matches nothing.",
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
        "List the sweeps of the ledger, or of one resource.",
        "Exit codes: 0 listed, 1 the ledger cannot be read, 2 bad usage.",
    ),
    (
        "reports",
        "report",
        "Show the report of an earlier sweep, in any form.",
        "Exit codes: 0 shown, 1 there is no such report, it cannot be read, or no browser opens, 2 bad usage.",
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
        "Exit codes: 0 AWS agrees with the report, 1 it does not, or an error ended the demo, 2 bad usage.",
    ),
)
"""In the order of `--help`: the module beside this one, the function in it, and what `--help` says."""


def main() -> None:
    """The console script.

    Until a command begins, all that is made lives as long as the process: looking there for garbage would be a
    twentieth of the time that `validate` takes.
    """
    _take_no_plugins()
    gc.disable()
    try:
        root = import_module("orchestrator.cli.root")  # not before the collector is off
        with safe_streams(), whole_process():
            root.cli()
    finally:
        gc.freeze()  # nor is it worth while when the process ends
        gc.enable()


def _take_no_plugins() -> None:
    """Else pydantic looks in every installed package for plugins, which would be code in here that nobody chose.

    What looks for them says so too where they are switched off, but first imports all that reads packages' metadata:
    a twentieth of the time that `validate` takes.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    finder = ModuleType("pydantic.plugin._loader")
    vars(finder)["get_plugins"] = tuple  # called without arguments: none
    sys.modules.setdefault(finder.__name__, finder)
