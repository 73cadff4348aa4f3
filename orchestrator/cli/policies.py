"""The commands about policy documents: validate, schema. They need no AWS for a policy in a file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestrator import app as wiring
from orchestrator.cli.console import (
    BAD_USAGE,
    Format,
    errors_as_exit_codes,
    fail,
    print_json,
    print_problems,
    problem_rows,
    settings_of,
    stdout,
)
from orchestrator.cli.options import FormatOption, StoreOption
from orchestrator.cli.tables import counted
from orchestrator.core.model import NameEffect, Names
from orchestrator.core.policy.json_schema import policy_json_schema
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.policy_warnings import policy_warnings
from orchestrator.core.report.document import HELD, unresolved_name_row
from orchestrator.core.report.schema import report_json_schema
from orchestrator.errors import PolicyProblem, SettingsError
from orchestrator.kinds.registry import DESCRIPTIONS

_STDIN = "<stdin>"
"""What a policy on standard input is called in messages."""


def validate(
    policy: Annotated[
        str | None,
        typer.Argument(
            help="A path, s3://bucket/key, ssm:/name, or - for standard input. [env STOP_ORCHESTRATOR_POLICY]"
        ),
    ] = None,
    against_organization: Annotated[
        bool,
        typer.Option(
            "--against-organization",
            help="List the organization too, and name every OU, account and region in the policy that is not there. "
            "Exit code 4 where a sweep would be held by it, or keep what a rule could own.",
        ),
    ] = False,
    output: FormatOption = Format.TABLE,
    store: StoreOption = None,
) -> None:
    """Check a policy document and print every mistake at once, each with its line and its place.

    Where there is none, it prints warnings of what is probably not meant: a rule that can own nothing, a schedule that
    no rule uses, a window that leaves a minute open, no limit of stops. They change no exit code.

    Nothing of AWS is needed for a policy in a file, unless it is held against the organization.
    """
    source = policy or os.environ.get("STOP_ORCHESTRATOR_POLICY") or ""
    if not source:
        fail("name a policy document: stop-orchestrator validate config/policy.yaml", BAD_USAGE)
    is_piped = policy == "-"
    source = _STDIN if is_piped else source
    with errors_as_exit_codes(output):
        try:
            loaded = _piped() if is_piped else wiring.read_policy(source, lambda: wiring.make_clients(settings_of()))
        except SettingsError as unreadable:
            print_problems(output, source, PolicyProblem("", None, str(unreadable)))
            raise
        names = _names(loaded, store) if against_organization else None
    warnings = policy_warnings(loaded)
    if output is Format.JSON:
        resolved = {} if names is None else {"unresolved_names": [unresolved_name_row(one) for one in names.unresolved]}
        told = {"problems": [], "warnings": problem_rows(warnings)}
        print_json({"valid": True, "name": loaded.name, "sha256": loaded.sha256, **told, **resolved})
    else:
        counts = [counted(len(loaded.rules), "rule"), *([counted(len(warnings), "warning")] if warnings else [])]
        _print(f"{source}: policy {loaded.name} is valid: {', '.join(counts)}")
        for one in warnings:
            _print(f"{source}:{one.line}: {one.path}: warning: {one.message}", "yellow")
        if names is not None:
            _print_names(source, names)
    if names is not None and any(one.effect is not NameEffect.WARNS for one in names.unresolved):
        raise typer.Exit(HELD)


def _piped() -> OrgPolicy:
    """The policy on standard input. Raises PolicyError and SettingsError."""
    if sys.stdin is None:
        raise SettingsError(f"the policy {_STDIN} cannot be read: standard input is closed")
    try:
        text = sys.stdin.buffer.read().decode()  # the very bytes, as those of a file
    except UnicodeDecodeError as binary:
        raise SettingsError(f"the policy {_STDIN} cannot be read: it is no UTF-8 text ({binary.reason})") from None
    return wiring.load_policy_text(text, _STDIN)


def _names(policy: OrgPolicy, store: Path | None) -> Names:
    settings = settings_of(store=store)
    return wiring.resolve_names_now(settings, wiring.make_clients(settings), policy)


def _print_names(source: str, names: Names) -> None:
    """One line for each, as mistakes have."""
    if not names.unresolved:
        _print("Every OU, account and region that it names is there.")
    for one in names.unresolved:
        style = "yellow" if one.effect is NameEffect.WARNS else "red"
        nearest = f"; the nearest is {one.nearest}" if one.nearest else ""
        _print(f"{source}:{one.line}: {one.path}: {one.name!r} {one.detail}{nearest}", style)


def _print(text: str, style: str | None = None) -> None:
    stdout.print(text, style=style, highlight=False, markup=False, soft_wrap=True)


def schema(
    report: Annotated[
        bool, typer.Option("--report", help="The sweep report's schema instead of the policy's.")
    ] = False,
) -> None:
    """Print the JSON Schema of the policy document, for editors and pipelines, or of the sweep report."""
    print_json(report_json_schema() if report else policy_json_schema(DESCRIPTIONS))
