"""`config/deploy.env`: lines `Name=value`, read with their places, and written so that they are read back as they were.

`Name=` counts as no line. `Name=""` is the empty value itself: it takes away what is deployed, also where it cannot be
seen. A comment has a line of its own: the templates would take `enforce # tonight` for a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import SettingsError

_LINE = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9]*)\s*=\s*(?P<value>.*)")
_COMMENT = re.compile(r"(^|\s)#")
_QUOTES = "'\""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: a sentence, and the name whose line it is about (or the line, where that has no name)."""

    name: str
    text: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class EnvFile:
    """What the file says. `lines`: where each name is, also one without a value."""

    path: Path
    values: Mapping[str, str]
    lines: Mapping[str, int]
    problems: tuple[Problem, ...] = ()

    def tell(self, problems: Iterable[Problem]) -> list[str]:
        """Each of them, and of the file's own, with its place; in the order of the lines, then what has none."""
        placed = [(one.line or self.lines.get(one.name), one.text) for one in (*self.problems, *problems)]
        placed.sort(key=lambda one: (one[0] is None, one[0] or 0))
        return [f"{self.path}:{line}: {text}" if line else f"{self.path}: {text}" for line, text in placed]


def read_env(path: Path) -> EnvFile:
    """Raises SettingsError when there is no such file, or it is no text."""
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except OSError as missing:
        raise SettingsError(f"{path}: {missing.strerror}; copy config/deploy.env.example and fill it in") from missing
    except UnicodeDecodeError as binary:
        raise SettingsError(f"{path} is not UTF-8") from binary
    values: dict[str, str] = {}
    places: dict[str, int] = {}
    problems = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            problems.append(Problem("", "this line is not of the form Name=value", number))
            continue
        name, value = match["name"], match["value"].strip()
        if name in places:
            problems.append(Problem(name, f"{name} is there twice, first in line {places[name]}", number))
            continue
        places[name] = number
        if _is_quoted(value):
            values[name] = value[1:-1]
        elif _COMMENT.search(value):
            problems.append(Problem(name, f"{name}: a comment has a line of its own; quote a value with a # in it"))
        elif value:
            values[name] = value
    return EnvFile(path, values, places, tuple(problems))


def line_of(name: str, value: str) -> str:
    """The line that `read_env` reads back as this value. Raises ValueError for one of several lines."""
    if "\n" in value or "\r" in value:
        raise ValueError(f"{name} has several lines")
    needs_quotes = not value or value != value.strip() or _is_quoted(value) or _COMMENT.search(value)
    return f'{name}="{value}"' if needs_quotes else f"{name}={value}"


def _is_quoted(value: str) -> bool:
    return len(value) > 1 and value[0] == value[-1] and value[0] in _QUOTES
