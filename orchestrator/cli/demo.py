"""The command `demo`: a whole sweep on an embedded AWS."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.console import (
    ERROR,
    Format,
    errors_as_exit_codes,
    fail,
    stdout,
)
from orchestrator.cli.summary import print_summary


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the embedded AWS up until Ctrl-C.")] = False,
    serve_only: Annotated[
        bool, typer.Option("--serve-only", help="No sweeps: only leave it up, with everything running.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    store: Annotated[
        Path | None,
        typer.Option(
            help="Local folder that gets reports and ledger, and has none yet. [default .stop-orchestrator/demo; "
            "what an earlier demo left there is moved to .stop-orchestrator/demo-1 and so on]"
        ),
    ] = None,
) -> None:
    """Show a whole sweep on an embedded AWS with a small organization in it. Touches no real AWS.

    Runs the Lambda handler twice, plan first and then enforce, and checks against AWS itself that exactly what was
    planned is stopped, of each kind. Then it undoes the sweep, and checks that all of it runs again, with its sizes.
    What it leaves in --store is a whole local store: report, history, explain --sweep, verify and console work on it
    when its AWS is gone. With --keep it prints the environment for trying the other commands against it.
    """
    try:
        from orchestrator.demo.local_store import DEMO_STORE  # noqa: PLC0415 - as below
        from orchestrator.demo.show import DemoRequest, show  # noqa: PLC0415 - moto is an extra that a Lambda does not have
    except ImportError as missing:
        fail(f"the demo needs the extra `demo`: in a clone, `make demo` or pip install '.[demo]' ({missing})", ERROR)
    request = DemoRequest(store or DEMO_STORE, port, keep=keep or serve_only, sweep=not serve_only)
    with errors_as_exit_codes(Format.TABLE):
        agreed = show(stdout, partial(print_summary, can_be_applied=False), request)
    raise typer.Exit(agreed)
