"""The command `demo`: a whole sweep on an embedded AWS."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.console import (
    ERROR,
    Format,
    errors_as_exit_codes,
    fail,
    stdout,
)
from orchestrator.cli.options import (
    StoreOption,
)
from orchestrator.cli.summary import print_summary
from orchestrator.settings import DEFAULT_STORE


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
        from orchestrator.demo.show import DemoRequest, show  # noqa: PLC0415 - moto is an extra that a Lambda does not have
    except ImportError as missing:
        fail(f"the demo needs the extra `demo`: pip install 'stop-orchestrator[demo]' ({missing})", ERROR)
    # In a folder of its own: the ledger of its sweeps ends with it, so that `verify` would call them added.
    request = DemoRequest(store or DEFAULT_STORE / "demo", port, keep=keep or serve_only, sweep=not serve_only)
    with errors_as_exit_codes(Format.TABLE):
        agreed = show(stdout, print_summary, request)
    raise typer.Exit(agreed)
