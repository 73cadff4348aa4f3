"""The commands that bring in policies of other tools. They need no AWS."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from orchestrator import Later
from orchestrator.cli.console import (
    BAD_USAGE,
    Format,
    counted,
    errors_as_exit_codes,
    fail,
    print_json,
    problem_rows,
    say,
)
from orchestrator.cli.later import WITHOUT_RICH
from orchestrator.cli.main import IMPORTS_EXIT_CODES
from orchestrator.cli.options import FormatOption
from orchestrator.core.importing.imported import Imported, InputFile
from orchestrator.core.importing.names import name_of
from orchestrator.core.policy.loading import load_policy
from orchestrator.core.report.document import INCOMPLETE
from orchestrator.errors import ImportedInputError, PolicyProblem, SettingsError
from orchestrator.kinds.registry import DESCRIPTIONS
from orchestrator.local.policy_file import MOST_BYTES, as_text, read_policy_file

if TYPE_CHECKING:
    from orchestrator.cli import console, tables
    from orchestrator.core.importing.cloud_custodian import policies as custodian
    from orchestrator.core.importing.instance_scheduler import policy as scheduler
else:
    console = Later("orchestrator.cli.console")
    tables = Later("orchestrator.cli.tables")
    custodian = Later("orchestrator.core.importing.cloud_custodian.policies")
    scheduler = Later("orchestrator.core.importing.instance_scheduler.policy")

_STDIN = "<stdin>"

GROUP = typer.Typer(no_args_is_help=True, **WITHOUT_RICH)


@GROUP.callback(epilog=IMPORTS_EXIT_CODES)
def import_policies() -> None:
    """Bring policies of other tools into this form.

    The policy goes to standard output; each thing that was not carried over goes to standard error, with its place. A
    rule that would lack a filter or a part of its schedule is written as a comment, never active with fewer conditions.
    """


FilesArgument = Annotated[list[str], typer.Argument(metavar="FILE", help="Files to import; - for standard input.")]
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="Write the policy to this file instead.")]
TagValuesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tag-value",
        metavar="VALUE",
        help="A further value of the tags of offhour and onhour, such as 'off=(M-F,19);on=(M-F,7);tz=pt'; several.",
    ),
]
NameOption = Annotated[str | None, typer.Option("--name", help="The policy's name. [default: the first file's]")]


@GROUP.command(
    "cloud-custodian", short_help="Import policies of Cloud Custodian (ec2, rds).", epilog=IMPORTS_EXIT_CODES
)
def cloud_custodian(
    files: FilesArgument,
    name: NameOption = None,
    tag_values: TagValuesOption = None,
    output: OutputOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Import Cloud Custodian's policies of ec2 and rds: stops, starts, marks, notices and tags.

    Example: stop-orchestrator import cloud-custodian custodian.yaml --output policy.yaml

    Several files become one policy. An `offhour` or `onhour` acts by a tag of each resource: of its values, `on`, an
    empty one and those that the policies name are carried over, and others if they are given.
    """
    policy, values = _policy_name(files, name), tuple(tag_values or ())
    _import(files, output, form, lambda inputs: custodian.import_policies(inputs, policy, DESCRIPTIONS, values))


@GROUP.command(
    "instance-scheduler", short_help="Import schedules of Instance Scheduler on AWS.", epilog=IMPORTS_EXIT_CODES
)
def instance_scheduler(
    files: FilesArgument,
    tag_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="The tag that names a resource's schedule. [default: Schedule]")
    ] = None,
    default_timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="The stack's, for schedules without one.")
    ] = None,
    stack_name: Annotated[
        str | None,
        typer.Option(
            metavar="STACK", help="Of a template: its stack, whose name stands before those of its schedules."
        ),
    ] = None,
    accounts: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="ID", help="Where Instance Scheduler acts; rules own nothing elsewhere."),
    ] = None,
    name: NameOption = None,
    output: OutputOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Import Instance Scheduler's schedules and periods: as scheduler-cli describes them, the items of its DynamoDB
    table, or CloudFormation templates with its schedules.

    Example: stop-orchestrator import instance-scheduler schedules.json periods.json --output policy.yaml
    """
    with errors_as_exit_codes(form):
        options = scheduler.Options.checked(
            policy_name=_policy_name(files, name),
            tag_key=tag_key,
            default_timezone=default_timezone,
            stack=stack_name,
            accounts=tuple(accounts or ()),
        )
    _import(files, output, form, lambda inputs: scheduler.import_schedules(inputs, options))


def _import(
    sources: Sequence[str], output: Path | None, form: Format, of: Callable[[Sequence[InputFile]], Imported]
) -> None:
    with errors_as_exit_codes(form):
        inputs = _read(form, sources)
        try:
            imported = of(inputs)
        except ImportedInputError as unreadable:
            _fail_with(form, {one.source: one.problems for one in unreadable.files}, str(unreadable))
        load_policy(imported.text, "the imported policy", DESCRIPTIONS)  # which holds for whatever was imported
        if output is not None:
            output.write_text(imported.text, encoding="utf-8")
        if form is Format.JSON:
            print_json(_rows(imported))
        else:
            if output is None:
                sys.stdout.write(imported.text)
            _tell(imported)
    if imported.not_carried_over:
        raise typer.Exit(INCOMPLETE)


def _read(form: Format, sources: Sequence[str]) -> list[InputFile]:
    """All of them; every mistake of all ends the command with exit code 2."""
    found: list[InputFile] = []
    unreadable: dict[str, str] = {}
    for source in dict.fromkeys(sources):
        try:
            found.append(InputFile(_STDIN, _piped()) if source == "-" else InputFile(source, _file(source)))
        except SettingsError as failure:
            unreadable[source] = str(failure)
    if unreadable:
        told = {source: (PolicyProblem("", None, text),) for source, text in unreadable.items()}
        _fail_with(form, told, "\n".join(unreadable.values()))
    return found


def _file(source: str) -> str:
    return read_policy_file(source, "file")


def _piped() -> str:
    """Raises SettingsError."""
    if sys.stdin is None:
        raise SettingsError(f"the file {_STDIN} cannot be read: standard input is closed")
    return as_text(_STDIN, sys.stdin.buffer.read(MOST_BYTES + 1), "file")


def _fail_with(form: Format, problems: Mapping[str, Sequence[PolicyProblem]], text: str) -> NoReturn:
    if form is Format.JSON:
        files = [{"source": source, "problems": problem_rows(some)} for source, some in problems.items()]
        print_json({"valid": False, "files": files})
    fail(text, BAD_USAGE)


def _rows(imported: Imported) -> dict[str, Any]:
    left = [
        {"source": one.source, "line": one.line, "path": one.place, "what": one.what, "why": one.why}
        for one in imported.not_carried_over
    ]
    return {
        "valid": True,
        "policy": imported.text,
        "rules": imported.rules,
        "left_out": imported.left_out,
        "not_carried_over": left,
    }


def _tell(imported: Imported) -> None:
    """To a person, on stderr: standard output may be the policy."""
    for source in dict.fromkeys(one.source for one in imported.not_carried_over):
        table = tables.a_table(f"Not carried over of {source}", ("line", "right"), "what", "why")
        for one in imported.not_carried_over:
            if one.source == source:
                table.add_row(*(tables.cell(text) for text in (str(one.line), one.what, one.why)))
        console.stderr.print(table)
    nothing = "; nothing is stopped by it" if not imported.rules else ""
    left = f", {counted(imported.left_out, 'rule')} written as a comment" if imported.left_out else ""
    say(f"{counted(imported.rules, 'rule')} active{left}{nothing}. Look at it with `validate`, then with `plan`.")


def _policy_name(sources: Sequence[str], name: str | None) -> str:
    return name_of(name or Path(sources[0]).stem) or "imported"
