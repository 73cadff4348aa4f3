"""README and the pages of `docs/` as data: their commands, links and headings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
README = "README.md"
SHELLS = frozenset({"sh", "bash", "shell", "console"})
_NOT_RUN = re.compile(r"<!-- not run: (.+?) -->")
_OUTPUT = re.compile(r"^(.*?) > (\S+)$")


@dataclass(frozen=True, slots=True)
class Command:
    """One line of a block of commands. `not_run`: the reason that stands before the block, where it is not run."""

    page: str
    line: int
    text: str
    not_run: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"

    @property
    def words(self) -> list[str]:
        """Without where its output goes."""
        found = _OUTPUT.match(self.text)
        return shlex.split(found[1] if found else self.text)

    @property
    def output(self) -> str | None:
        """The file that gets its standard output."""
        found = _OUTPUT.match(self.text)
        return found[2] if found else None


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def operators_pages() -> list[str]:
    """README, then docs/ in the order of its names."""
    return [README, *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]


def every_page() -> list[str]:
    """With those for developers, and those beside what they are about."""
    beside = [path for folder in ("cloudformation", "config", "tests") for path in (ROOT / folder).rglob("*.md")]
    names = [path.relative_to(ROOT).as_posix() for path in beside]
    return [*operators_pages(), "CONTRIBUTING.md", "CHANGELOG.md", *sorted(names)]


@cache
def tokens(page: str) -> tuple[Token, ...]:
    return tuple(MarkdownIt("commonmark").enable("table").parse(text_of(page)))


def commands(page: str) -> Iterator[Command]:
    """Every command of its blocks, in order, in one line; an indented block counts where it begins with one."""
    reason = ""
    for token in tokens(page):
        if token.type == "html_block":
            found = _NOT_RUN.search(token.content)
            reason = found[1] if found else reason
            continue
        if _has_commands(token):
            first = (token.map or [0])[0] + (2 if token.type == "fence" else 1)
            for number, line in _joined(token.content):
                if line and not line.startswith("#"):
                    yield Command(page, first + number, line, reason)
        reason = ""


def _joined(block: str) -> Iterator[tuple[int, str]]:
    """Its lines with their numbers from 0; one that ends in a backslash goes on in the next."""
    begun: tuple[int, str] | None = None
    for number, line in enumerate(block.splitlines()):
        first, text = (begun[0], f"{begun[1]} {line.strip()}") if begun else (number, line.strip())
        begun = (first, text.removesuffix("\\").rstrip()) if text.endswith("\\") else None
        if not begun:
            yield first, text
    if begun:
        yield begun


def _has_commands(token: Token) -> bool:
    if token.type == "fence":
        return token.info in SHELLS
    return token.type == "code_block" and token.content.startswith(("stop-orchestrator ", "make ", "aws "))


def links(page: str) -> Iterator[str]:
    """Where its links, pictures and tags of HTML lead."""
    for token in tokens(page):
        for one in [token, *(token.children or ())]:
            if one.type in ("link_open", "image"):
                yield str(one.attrs.get("href", one.attrs.get("src", "")))
            elif one.type in ("html_block", "html_inline"):
                yield from re.findall(r'\b(?:href|src|srcset)="([^"]+)"', one.content)


def fragments(page: str) -> set[str]:
    """Of its headings, as GitHub makes them."""
    found: list[str] = []
    for before, token in zip(tokens(page), tokens(page)[1:], strict=False):
        if before.type == "heading_open":
            text = "".join(one.content for one in token.children or () if one.type in ("text", "code_inline"))
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            times = sum(one == slug or re.fullmatch(rf"{re.escape(slug)}-\d+", one) is not None for one in found)
            found.append(f"{slug}-{times}" if times else slug)
    return set(found)


def whom_it_is_for(page: str) -> str:
    """What it says below its title."""
    found = re.match(r"# [^\n]+\n\n\*For: ([^\n]+)\*\n", text_of(page))
    return found[1] if found else ""
