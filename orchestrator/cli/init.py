"""The command `init`: a first policy after a few questions about the organization that it can read."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from orchestrator import app as wiring
from orchestrator.cli.console import BAD_USAGE, ERROR, Format, counted, errors_as_exit_codes, fail, say, settings_of
from orchestrator.cli.json_text import json_text
from orchestrator.cli.tables import MOST_ROWS
from orchestrator.core.model import Organization
from orchestrator.core.policy.first_policy import KIND, SCHEMA_FILE, WHOLE_ORGANIZATION, FirstAnswers, first_policy
from orchestrator.core.policy.json_schema import policy_json_schema
from orchestrator.core.policy.schedules.zones import zone_problem
from orchestrator.errors import PolicyError, StopOrchestratorError
from orchestrator.kinds.registry import DESCRIPTIONS, KINDS

_HOURS, _TAG, _NAME = "mon-fri 07:00-19:00", "Environment=dev,test", "nonprod"
_LIKE_DEV = re.compile(r"\b(dev|development|test|testing|sandbox(es)?|labs?|staging|non-?prod)\b", re.IGNORECASE)
TRIES = 3


def init(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write; never one that is there.")] = Path(
        "policy.yaml"
    ),
    name: Annotated[str | None, typer.Option(help=f"The policy's name. [default {_NAME}]")] = None,
    unit: Annotated[
        list[str] | None,
        typer.Option(
            "--organizational-unit", metavar="PATH|ID", help="An OU that it is about, with all below it; several times."
        ),
    ] = None,
    timezone: Annotated[str | None, typer.Option(help="Such as Europe/Berlin. [default TZ, else UTC]")] = None,
    hours: Annotated[str | None, typer.Option(help=f"When resources run. [default {_HOURS!r}]")] = None,
    tag: Annotated[
        str | None, typer.Option(metavar="KEY=VALUE,...", help=f"What may be stopped has this tag. [default {_TAG}]")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take the defaults.")] = False,
) -> None:
    """Write a first policy for EC2 instances: in which OUs, in which hours, tagged how. Touches no AWS resource.

    It asks for what no option says, and shows the OUs where it may list the organization. Without a terminal it takes
    the options and the defaults.
    """
    if output.exists():
        fail(f"{output} is there already, and is left as it is; name another file: --output FILE", BAD_USAGE)
    _refuse_options(output, FirstAnswers(name or _NAME, timezone or "UTC", unit or (), hours or _HOURS, "", ()), tag)
    person = _Person(asks=sys.stdin.isatty() and not yes)
    with errors_as_exit_codes(Format.TABLE):
        units = tuple(unit) if unit else _units(person)
        answers = FirstAnswers(
            name or person.asked("The policy's name", _NAME),
            timezone or person.asked("The time zone of these hours", _local_zone(), zone_problem),
            units,
            hours or person.asked("When do they run? Outside of these hours they may be stopped", _HOURS),
            *_tag(tag or person.asked("The tag of what may be stopped", _TAG, _tag_problem)),
        )
        text = first_policy(answers, KINDS)
        try:
            wiring.load_policy_text(text, str(output))
        except PolicyError as wrong:
            fail("\n".join(["with these answers it is no policy; nothing was written:", *wrong.lines()]), BAD_USAGE)
        _write(output, text)
    next_command = f"stop-orchestrator plan --policy {shlex.quote(str(output))}"
    [stopped] = (one.title for one in DESCRIPTIONS if one.name == KIND)
    say(f"Wrote {output}. It stops {stopped} alone, and names the {len(KINDS) - 1} other kinds that a rule can have.")
    say(f"Next, what it would do (stops nothing): {next_command}")


def _refuse_options(output: Path, answers: FirstAnswers, tag: str | None) -> None:
    """Ends the command with everything that is wrong with the options, before anything is read or asked."""
    wrong_tag = _tag_problem(tag) if tag is not None else None
    key, values = _tag(tag if tag is not None and wrong_tag is None else _TAG)
    problems = [f"--tag: {wrong_tag}"] if wrong_tag else []
    try:
        wiring.load_policy_text(first_policy(replace(answers, tag_key=key, tag_values=values), KINDS), str(output))
    except PolicyError as wrong:
        problems = [*wrong.lines(), *problems]
    if problems:
        fail("\n".join(["with these options it is no policy; nothing was written:", *problems]), BAD_USAGE)


class _Person:
    """Answers, or takes the defaults."""

    def __init__(self, *, asks: bool) -> None:
        self.asks = asks

    def asked(self, question: str, default: str, problem: Callable[[str], str | None] = lambda _: None) -> str:
        """What they typed, or the default; ends the command where they give up, or are wrong TRIES times."""
        for _ in range(TRIES if self.asks else 0):
            sys.stderr.write(f"{question}{f' [{default}]' if default else ''}: ")
            sys.stderr.flush()
            line = sys.stdin.readline()
            if not line.endswith("\n"):
                fail("\nNothing was written.", ERROR)
            answer = line.strip() or default
            wrong = problem(answer)
            if not wrong:
                return answer
            say(wrong)
        if self.asks:
            fail("Nothing was written.", ERROR)
        return default


def _units(person: _Person) -> Sequence[str]:
    """Those that the person chose of what there is; by default those whose names say that they are no production."""
    paths: list[str] = []
    try:
        organization = wiring.read_organization(wiring.make_clients(settings_of()))
        paths = sorted({one.path for one in organization.units_by_id.values()})
        if person.asks:
            _show(organization, paths)
    except StopOrchestratorError as unread:
        say(f"The organization cannot be read, so its OUs are yours to name: {unread}")
    likely = [path for path in paths if _LIKE_DEV.search(path)]
    topmost = [path for path in likely if not any(path.startswith(f"{one}/") for one in likely)]
    question = f"Which OUs, by path or id, with a comma between ({WHOLE_ORGANIZATION}: the whole organization)"
    chosen = person.asked(question, ", ".join(topmost), lambda text: None if text else "name one")
    if not chosen:
        fail("name the OUs that it is about: --organizational-unit /Workloads/Dev (or / for all)", BAD_USAGE)
    return tuple(one.strip() for one in chosen.split(",") if one.strip())


def _show(organization: Organization, paths: Sequence[str]) -> None:
    say(f"The organization has {counted(len(organization.accounts), 'account')}, in these OUs:")
    for path in paths[:MOST_ROWS]:
        say(f"  {path}  ({counted(sum(account.ou_path == path for account in organization.accounts), 'account')})")
    if len(paths) > MOST_ROWS:
        say(f"  ... and {len(paths) - MOST_ROWS} more")


def _local_zone() -> str:
    zone = os.environ.get("TZ", "").removeprefix(":")
    return zone if zone and zone_problem(zone) is None else "UTC"


def _tag_problem(text: str) -> str | None:
    key, _, values = text.partition("=")
    return None if key.strip() and values.strip() else f"{text!r} must be KEY=VALUE, such as {_TAG}"


def _tag(text: str) -> tuple[str, Sequence[str]]:
    key, _, values = text.partition("=")
    return key.strip(), tuple(one.strip() for one in values.split(",") if one.strip())


def _write(output: Path, text: str) -> None:
    """The schema too, for editors, where there is none beside it."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("x", encoding="utf-8") as file:
        file.write(text)
    schema = output.parent / SCHEMA_FILE
    if not schema.exists():
        schema.write_text(f"{json_text(policy_json_schema(DESCRIPTIONS), indent=2)}\n", encoding="utf-8")
