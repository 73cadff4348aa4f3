"""Every command in README and docs/ is one that there is, with options that it has.

`tests/embedded/test_docs_commands.py` runs those of the product. What nothing here knows has its reason beside it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec

import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel

from orchestrator.cli.main import COMMANDS
from tests.docs.making.command_line import command_of
from tests.docs.pages import ROOT, Command, commands, operators_pages, text_of

MAKEFILE = text_of("Makefile")
EXTERNAL: Mapping[str, str] = {
    "scheduler-cli": "Instance Scheduler's own; what it prints is in tests/data/imports/instance_scheduler",
    "duckdb": "another project's; the tests of what it reads run its queries",
}
"""Commands of others, and why they are not held against anything."""
EXTRAS = tomllib.loads(text_of("pyproject.toml"))["project"]["optional-dependencies"]


def all_commands() -> list[Command]:
    return [command for page in operators_pages() for command in commands(page)]


def problem(command: Command) -> str:
    """Empty: the command can be given like this."""
    program, *words = command.words
    if program in EXTERNAL:
        return ""
    if program not in CHECKS:
        return f"nothing here knows {program}"
    return CHECKS[program](words)


def _own(words: list[str]) -> str:
    name, *arguments = words
    if name.startswith("-"):
        return ""
    if name not in {one for _, one, _, _ in COMMANDS}:
        return f"there is no command {name}"
    context = command_of(name)
    command, parent = context.command, context.parent
    if hasattr(command, "commands"):
        inner, *arguments = arguments
        if inner not in command.commands:
            return f"there is no command {name} {inner}"
        name, command, parent = inner, command.commands[inner], context
    try:
        command.make_context(name, arguments, parent=parent)
    except Exception as wrong:  # noqa: BLE001 - whatever it is of, the words are not right
        return f"{type(wrong).__name__}: {wrong}"
    return ""


def _make(words: list[str]) -> str:
    """Its target is one that `make help` shows, and what is set is read somewhere in the Makefile."""
    target, *variables = words
    if not re.search(rf"^([a-z-]+ )*{re.escape(target)}( [a-z-]+)*:.*", MAKEFILE, re.MULTILINE):
        return f"there is no target {target}"
    unread = [name for name, _, _ in (one.partition("=") for one in variables) if f"$({name})" not in MAKEFILE]
    return f"nothing reads {', '.join(unread)}" if unread else ""


def _python(words: list[str]) -> str:
    return "" if words[0] == "-m" and find_spec(words[1]) else f"there is no module {words[1]}"


def _install(words: list[str]) -> str:
    """This clone, with extras that it has."""
    install, what = words
    found = re.fullmatch(r"\.(?:\[(\w+)\])?", what)
    return "" if install == "install" and found and found[1] in (None, *EXTRAS) else f"nothing to install as {what}"


def _copy(words: list[str]) -> str:
    return "" if (ROOT / words[0]).is_file() else f"there is no {words[0]}"


def _aws(words: list[str]) -> str:
    """By botocore's models, which the AWS CLI is made of."""
    service, operation, *arguments = words
    if (service, operation) in (("cloudformation", "deploy"), ("s3", "cp"), ("s3", "sync")):
        return ""  # the AWS CLI's own, in no model
    known = operations(service)
    if operation not in known:
        return f"{service} has no {operation}"
    unknown = [one for one in arguments if one.startswith("--") and one.removeprefix("--") not in known[operation]]
    return f"{service} {operation} has no {', '.join(unknown)}" if unknown else ""


@cache
def operations(service: str) -> Mapping[str, frozenset[str]]:
    """The options of each, as the AWS CLI has them."""
    model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    return {xform_name(name, "-"): frozenset(_options(model, name)) for name in model.operation_names}


def _options(model: ServiceModel, name: str) -> Iterator[str]:
    shape = model.operation_model(name).input_shape
    for member, value in shape.members.items() if shape else ():
        yield xform_name(member, "-")
        if value.type_name == "boolean":
            yield f"no-{xform_name(member, '-')}"


CHECKS: Mapping[str, Callable[[list[str]], str]] = {
    "stop-orchestrator": _own,
    ".venv/bin/stop-orchestrator": _own,
    "make": _make,
    "python": _python,
    ".venv/bin/python": _python,
    "aws": _aws,
    "pip": _install,
    "pipx": _install,
    "cp": _copy,
}


def test_every_command_of_the_pages_is_one_that_can_be_given() -> None:
    found = all_commands()
    assert len(found) > 40
    assert [f"{command}: {why}" for command in found if (why := problem(command))] == []


def test_a_command_that_goes_on_in_the_next_line_is_one() -> None:
    [query] = [
        command for command in commands("docs/opt-out-links.md") if command.words[:3] == ["aws", "dynamodb", "query"]
    ]
    assert "--index-name" in query.words
    assert "--expression-attribute-values" in query.words


@pytest.mark.parametrize(
    "wrong",
    [
        "stop-orchestrator plna",
        "stop-orchestrator plan --polcy a.yaml",
        "stop-orchestrator import cloud-custodia a.yaml",
        "make deploy-hubs",
        "make package ARCHITECTURE=arm64",
        "aws ssm put-parameters --name a",
        "aws ssm put-parameter --nme a",
        "python -m cloudformation.deplyo",
        "pipx install .[dmeo]",
        "cp config/deploy.env.exmaple config/deploy.env",
        "curl http://example.com",
    ],
)
def test_a_command_that_there_is_not_is_found(wrong: str) -> None:
    assert problem(Command("docs/any.md", 1, wrong))


def test_the_readme_has_the_commands_that_continuous_integration_runs() -> None:
    shown = {command.text for command in commands("README.md")}
    assert {"make demo", "make test"} <= shown
    run = re.findall(r"^make .+$", text_of(".ci/run"), re.MULTILINE)
    assert [line for line in run if problem(Command(".ci/run", 1, line))] == []
