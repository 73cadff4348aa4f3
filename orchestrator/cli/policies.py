"""The commands about policy documents: validate, schema. They need no AWS for a policy in a file."""

from __future__ import annotations

import os
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
    settings_of,
    stdout,
)
from orchestrator.cli.options import (
    FormatOption,
)
from orchestrator.core.policy.json_schema import policy_json_schema
from orchestrator.core.report.schema import report_json_schema
from orchestrator.errors import PolicyProblem, SettingsError
from orchestrator.kinds.registry import DESCRIPTIONS


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
        fail("name a policy document: stop-orchestrator validate config/policy.yaml", BAD_USAGE)
    with errors_as_exit_codes(output):
        try:
            loaded = wiring.read_policy(source, lambda: wiring.make_clients(settings_of()))
        except SettingsError as unreadable:
            print_problems(output, source, PolicyProblem("", None, str(unreadable)))
            raise
    if output is Format.JSON:
        print_json({"valid": True, "name": loaded.name, "sha256": loaded.sha256, "problems": []})
    else:
        rules = f"{len(loaded.rules)} rule{'s' if len(loaded.rules) != 1 else ''}"
        stdout.print(f"{source}: policy {loaded.name} is valid: {rules}", highlight=False, markup=False, soft_wrap=True)


def schema(
    report: Annotated[
        bool, typer.Option("--report", help="The sweep report's schema instead of the policy's.")
    ] = False,
) -> None:
    """Print the JSON Schema of the policy document, for editors and pipelines, or of the sweep report."""
    print_json(report_json_schema() if report else policy_json_schema(DESCRIPTIONS))
