"""The commands about policy documents: validate, schema. They need no AWS for a policy in a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator import Later
from orchestrator.cli.console import (
    BAD_USAGE,
    Format,
    counted,
    errors_as_exit_codes,
    fail,
    print_json,
    print_line,
    print_problems,
    problem_rows,
    settings_of,
)
from orchestrator.cli.options import FormatOption, StoreOption
from orchestrator.core.policy.loading import load_policy
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.policy_warnings import policy_warnings
from orchestrator.errors import PolicyProblem, SettingsError
from orchestrator.kinds.registry import DESCRIPTIONS
from orchestrator.local.policy_file import MOST_BYTES, as_text, is_file, read_policy_file

if TYPE_CHECKING:
    from orchestrator import app as wiring
    from orchestrator.cli import several_policies as several
    from orchestrator.core.decide.overlaps import Overlap
    from orchestrator.core.model import Names
    from orchestrator.core.model import names as model_names
    from orchestrator.core.policy import json_schema
    from orchestrator.core.report import document as report_document
    from orchestrator.core.report import reference as report_reference
    from orchestrator.core.report import schema as report_schema
    from orchestrator.core.report import sql as report_sql
else:
    model_names = Later("orchestrator.core.model.names")
    wiring = Later("orchestrator.app")
    several = Later("orchestrator.cli.several_policies")
    json_schema = Later("orchestrator.core.policy.json_schema")
    report_document = Later("orchestrator.core.report.document")
    report_reference = Later("orchestrator.core.report.reference")
    report_schema = Later("orchestrator.core.report.schema")
    report_sql = Later("orchestrator.core.report.sql")

_STDIN = "<stdin>"
"""What a policy on standard input is called in messages."""


def validate(
    policies: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="POLICY",
            help="A path, s3://bucket/key, ssm:/name, or - for standard input; several are held against one another. "
            "[env STOP_ORCHESTRATOR_POLICY]",
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

    Of several documents it also names rules that own the same by their texts alone: exit code 3, as of the sweeps that
    would keep it. Rules that may meet, such as by different tags, are not named. Two of one name are a mistake.

    Nothing of AWS is needed for a policy in a file, unless it is held against the organization.
    """
    sources = policies or [*filter(None, [os.environ.get("STOP_ORCHESTRATOR_POLICY")])]
    if not sources:
        fail("name a policy document: stop-orchestrator validate config/policy.yaml", BAD_USAGE)
    sources = [_STDIN if one == "-" and policies else one for one in sources]
    with errors_as_exit_codes(output):
        loaded = (
            several.load_all(output, sources, _load)
            if len(sources) > 1
            else {sources[0]: _load_one(output, sources[0])}
        )
        names = {one: _names(policy, store) if against_organization else None for one, policy in loaded.items()}
    found = several.overlaps_of(loaded) if len(loaded) > 1 else ()
    if output is Format.JSON:
        rows = [_row(policy, names[source]) for source, policy in loaded.items()]
        print_json(_rows_of_several(loaded, rows, found) if len(sources) > 1 else rows[0])
    else:
        for source, policy in loaded.items():
            _print_policy(source, policy, names[source])
        if found:
            several.print_overlaps(loaded, found)
    unresolved = [one for some in names.values() if some is not None for one in some.unresolved]
    if any(one.effect is not model_names.NameEffect.WARNS for one in unresolved):
        raise typer.Exit(report_document.HELD)
    if found:
        several.exit_with_overlaps(found)


def _load(source: str) -> OrgPolicy:
    """Raises PolicyError and SettingsError."""
    if source == _STDIN:
        return _checked(_piped(), source)
    if is_file(source):
        return _checked(read_policy_file(source), source)
    return wiring.read_policy(source, lambda: wiring.make_clients(settings_of()))


def _checked(text: str, source: str) -> OrgPolicy:
    return load_policy(text, source, DESCRIPTIONS)


def _load_one(output: Format, source: str) -> OrgPolicy:
    try:
        return _load(source)
    except SettingsError as unreadable:
        print_problems(output, source, PolicyProblem("", None, str(unreadable)))
        raise


def _row(policy: OrgPolicy, names: Names | None) -> dict[str, Any]:
    resolved = (
        {}
        if names is None
        else {"unresolved_names": [report_document.unresolved_name_row(one) for one in names.unresolved]}
    )
    told = {"problems": [], "warnings": problem_rows(policy_warnings(policy))}
    return {"valid": True, "name": policy.name, "sha256": policy.sha256, **told, **resolved}


def _rows_of_several(
    loaded: several.Loaded, rows: Sequence[dict[str, Any]], found: Sequence[Overlap]
) -> dict[str, Any]:
    each = [{"source": source, **row} for source, row in zip(loaded, rows, strict=True)]
    return {"valid": True, "policies": each, "overlaps": several.overlap_rows(loaded, found)}


def _print_policy(source: str, policy: OrgPolicy, names: Names | None) -> None:
    warnings = policy_warnings(policy)
    counts = [counted(len(policy.rules), "rule"), *([counted(len(warnings), "warning")] if warnings else [])]
    print_line(f"{source}: policy {policy.name} is valid: {', '.join(counts)}")
    for one in warnings:
        print_line(f"{source}:{one.line}: {one.path}: warning: {one.message}", "yellow")
    if names is not None:
        _print_names(source, names)


def _piped() -> str:
    """The document on standard input: its very bytes, as those of a file. Raises SettingsError."""
    if sys.stdin is None:
        raise SettingsError(f"the policy {_STDIN} cannot be read: standard input is closed")
    return as_text(_STDIN, sys.stdin.buffer.read(MOST_BYTES + 1))


def _names(policy: OrgPolicy, store: Path | None) -> Names:
    settings = settings_of(store=store)
    return wiring.resolve_names_now(settings, wiring.make_clients(settings), policy)


def _print_names(source: str, names: Names) -> None:
    """One line for each, as mistakes have."""
    if not names.unresolved:
        print_line("Every OU, account and region that it names is there.")
    for one in names.unresolved:
        style = "yellow" if one.effect is model_names.NameEffect.WARNS else "red"
        nearest = f"; the nearest is {one.nearest}" if one.nearest else ""
        print_line(f"{source}:{one.line}: {one.path}: {one.name!r} {one.detail}{nearest}", style)


class SchemaFormat(StrEnum):
    """What the report's fields are described in."""

    JSON = "json"
    MD = "md"
    DUCKDB = "duckdb"
    ATHENA = "athena"


def schema(
    report: Annotated[
        bool, typer.Option("--report", help="The sweep report's schema instead of the policy's.")
    ] = False,
    output: Annotated[
        SchemaFormat,
        typer.Option(
            "--format",
            "-f",
            help="With --report also: each field and column in words (md), or SQL by which DuckDB or Amazon Athena "
            "reads decisions.jsonl.gz.",
        ),
    ] = SchemaFormat.JSON,
) -> None:
    """Print the JSON Schema of the policy document, for editors and pipelines, or of the sweep report."""
    if output is not SchemaFormat.JSON and not report:
        fail(f"--format {output} goes with --report", BAD_USAGE)
    if output is SchemaFormat.MD:
        sys.stdout.write(report_reference.report_reference())
    elif output is SchemaFormat.DUCKDB:
        sys.stdout.write(report_sql.duckdb_view(report_sql.LOCAL_FILES))
    elif output is SchemaFormat.ATHENA:
        sys.stdout.write(report_sql.athena_table())
    else:
        print_json(report_schema.report_json_schema() if report else json_schema.policy_json_schema(DESCRIPTIONS))
