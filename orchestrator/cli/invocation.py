"""How this process was called, so that a command which it prints can be pasted and does what it says.

Texts of every part say `stop-orchestrator apply ID`. On their way to a person (console.print_line, tables.cell,
terminal.SafeConsole) the leading word becomes that by which this process was called, such as `python -m orchestrator`,
and the options follow without which the command would look elsewhere, such as `--store DIR`. JSON has the texts as they
are.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from orchestrator.cli.main import COMMANDS

PROGRAM = "stop-orchestrator"
_MODULE = "orchestrator"
_STORE, _ROLE = ("store",), ("store", "member_role", "external_id")
_OPTIONS_OF: Mapping[str, tuple[str, ...]] = {
    "plan": ("policy", *_ROLE, "prices"),
    "doctor": ("policy", *_ROLE),
    "sweep": (*_ROLE, "kill_switch", "prices"),
    "apply": (*_ROLE, "kill_switch", "prices"),
    "undo": (*_ROLE, "kill_switch", "prices"),
    "console": _STORE,
    "explain": _STORE,
    "history": _STORE,
    "report": _STORE,
    "verify": _STORE,
}
"""Which of the options of this process another command has to be given too, by its name."""
_NAMES = "|".join(name for _, name, *_ in COMMANDS)
_TEMPORARY = (
    (re.compile(r"[/\\]uv[/\\].*(archive|environments)-v[0-9]+[/\\]"), ("uvx", PROGRAM)),
    (re.compile(r"[/\\]pipx[/\\](\.cache|cache)[/\\]|[/\\]\.cache[/\\]pipx[/\\]"), ("pipx", "run", PROGRAM)),
)
"""Where tools install a program for one run."""
_given: dict[str, str] = {}


def remember_options(options: Mapping[str, object]) -> None:
    """The options of this command, by their settings, as far as they were given."""
    _given.clear()
    _given.update({name: str(value) for name, value in options.items() if value is not None})


def as_called(text: str) -> str:
    """The text with each command in it as it can be pasted here; of a text that is so already, the text."""
    return _command().sub(_pasted, text) if PROGRAM in text else text


@cache
def _command() -> re.Pattern[str]:
    """The name of a command, what comes before its other words, and these, as far as they tell.

    Not what is called by a path, which is as it was called already.
    """
    sweep_id = r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]+"
    through = "|".join(re.escape(shlex.join(words[:-1])) for _, words in _TEMPORARY)
    return re.compile(
        rf"(?<![\w/\\-])(?:(?:{through}) )?{PROGRAM} ({_NAMES})\b((?: --resume)?(?: {sweep_id})?)(?=([^`\n]*))"
    )


def _pasted(found: re.Match[str]) -> str:
    name, words, rest = found[1], found[2], found[3]
    given = (
        (f"--{option.replace('_', '-')}", _given[option]) for option in _OPTIONS_OF.get(name, ()) if option in _given
    )
    options = (f" {option} {shlex.quote(value)}" for option, value in given if f"{option} " not in rest)
    return f"{shlex.join(called_as(sys.argv[0], sys.orig_argv))} {name}{words}{''.join(options)}"


def called_as(program: str, whole: Sequence[str]) -> tuple[str, ...]:
    """The words by which a process was called with that as its first argument; `whole` begins with the interpreter.

    By its name alone where a shell finds the same by it; the product's name where neither is known.
    """
    path = Path(program)
    if path.name == "__main__.py" and path.parent.name == _MODULE:
        return (_shortest(whole[0] if whole else sys.executable), "-m", _MODULE)
    if path.stem != PROGRAM:
        return (PROGRAM,)
    temporary = next((words for place, words in _TEMPORARY if place.search(program)), None)
    return temporary or (_shortest(program),)


def _shortest(program: str) -> str:
    """The name where the shell would find it, else its path from here where it is below, else its whole path."""
    path = Path(program)
    if path.name == program:
        return program
    found = shutil.which(path.name)
    if found and Path(found).absolute() == path.absolute():
        return path.name
    here = Path.cwd()
    if not path.absolute().is_relative_to(here):
        return str(path.absolute())
    below = path.absolute().relative_to(here)
    return str(below) if below.parent.name else f".{os.sep}{below}"
