"""Which part of which page is made by what: it stands between `<!-- made: NAME -->` and `<!-- end -->`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.docs.making import command_line, permissions, policy_reference

ROOT = Path(__file__).parents[3]
PARTS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "docs/command-line.md": {"commands": command_line.commands},
    "docs/permissions.md": {name: partial(permissions.tables_of, name) for name in permissions.TEMPLATES},
    "docs/policy-reference.md": {"keys": policy_reference.keys, "conditions": policy_reference.conditions},
}
_MARKED = r"(<!-- made: {} -->\n).*?(<!-- end -->)"


def page_of(name: str) -> Path:
    return ROOT / name


def renewed(page: str, text: str) -> str:
    """The page with every part of it as it is made now. Raises ValueError where it lacks the place of one."""
    for name, make in PARTS[page].items():
        places = [*re.finditer(_MARKED.format(re.escape(name)), text, re.DOTALL)]
        if len(places) != 1:
            raise ValueError(f"{page} has {len(places)} places for what is made as {name}, and needs one")
        text = f"{text[: places[0].end(1)]}\n{make().strip()}\n\n{text[places[0].start(2) :]}"
    return text
