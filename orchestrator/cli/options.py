"""Options that several commands share, each with its help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.console import Format

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
    int | None, typer.Option(help="Threads that read and stop. [env STOP_ORCHESTRATOR_WORKERS, default 128]")
]
KillSwitchOption = Annotated[
    str | None,
    typer.Option(
        help="An SSM parameter's name, or file:PATH; unless it says `go`, nothing more is stopped. "
        "[env STOP_ORCHESTRATOR_KILL_SWITCH]"
    ),
]
PricesOption = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCES",
        help="What is stopped is worth: files of prices, in order, with commas between them; `price-list` is AWS's. "
        "[env STOP_ORCHESTRATOR_PRICES]",
    ),
]
WaitOption = Annotated[
    float,
    typer.Option(
        metavar="MINUTES",
        min=0,
        help="Wait so long for another sweep by the same policy that acts. One that only plans yields by itself.",
    ),
]


class Show(StrEnum):
    """How much of a plan is shown before the question."""

    FIRST = "first"
    ALL = "all"


ShowOption = Annotated[
    Show, typer.Option(help="Before the question: the first 20 resources, or all of them (through $PAGER).")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]
SweepIdArgument = Annotated[str, typer.Argument(metavar="SWEEP_ID", help="Such as 20261123T190000Z-7f3a9c.")]
