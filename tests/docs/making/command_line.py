"""docs/command-line.md from the commands themselves: what each does, its arguments and its options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from orchestrator.cli.main import COMMANDS
from orchestrator.cli.root import cli
from tests.docs.making.tables import quoted, table

PROGRAM = "stop-orchestrator"
_AS_IT_IS = "\b"
"""Before a paragraph whose lines stay lines."""
_LINE_BREAKS = re.compile(r"\s*\n\s*")


def commands() -> str:
    """A section for each command, in the order of `--help`."""
    return "\n\n".join("\n".join(_section(name, command_of(name))) for _, name, _, _ in COMMANDS)


def command_of(name: str) -> Any:
    """The context of a command, or of a group of them; the module that it is in is imported now."""
    group: Any = get_command(cli)
    context = group.make_context(PROGRAM, [name], resilient_parsing=True)
    return group.get_command(context, name).make_context(name, [], parent=context, resilient_parsing=True)


def _section(name: str, context: Any) -> Iterator[str]:
    yield f"### {name}"
    yield ""
    yield from _command(f"{PROGRAM} {name}", context)


def _command(whole: str, context: Any) -> Iterator[str]:
    command = context.command
    if isinstance(command, TyperGroup):
        yield from _about(command)
        for inner, one in command.commands.items():
            yield f"**{whole} {inner}**"
            yield ""
            yield from _command(f"{whole} {inner}", one.make_context(inner, [], parent=context, resilient_parsing=True))
        return
    arguments, options = (
        [one for one in command.params if one.param_type_name == kind] for kind in ("argument", "option")
    )
    yield "```text"
    yield " ".join([whole, *map(_argument, arguments), "[OPTIONS]"])
    yield "```"
    yield ""
    yield from _about(command)
    yield from table(("option", "means"), filter(None, (_option(one, context) for one in options)))
    yield ""


def _about(command: Any) -> Iterator[str]:
    for paragraph in [*(command.help or "").strip().split("\n\n"), command.epilog or ""]:
        if paragraph.startswith(_AS_IT_IS):
            yield from (
                "```text",
                *(line.strip() for line in paragraph.removeprefix(_AS_IT_IS).strip().split("\n")),
                "```",
                "",
            )
        elif paragraph:
            yield _escaped(_LINE_BREAKS.sub(" ", paragraph))
            yield ""


def _argument(one: Any) -> str:
    shown = one.metavar or one.name.upper()
    return shown if one.required or shown.startswith("[") else f"[{shown}]"


def _option(one: Any, context: Any) -> tuple[str, str] | None:
    """Its names with what it takes, and what `--help` says of it; None: it is hidden."""
    record = one.get_help_record(context)
    return record and (quoted(record[0]), _escaped(record[1]))


def _escaped(text: str) -> str:
    """What stands in `<>` would be HTML; what is in back quotes is code already."""
    return re.sub(r"(`[^`]*`)|<", lambda found: found[1] or "&lt;", text)
