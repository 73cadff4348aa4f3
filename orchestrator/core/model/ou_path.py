"""The path of an OU: names from the root down, such as `/Workloads/Dev`."""

from __future__ import annotations

import re

_NAME = re.compile(r"(?:\\[\\/]|[^/])+")
"""One name in an OU's path; `/` and `\\` in a name stand after a `\\`."""


def unit_path(parent: str, name: str) -> str:
    r"""The path of an OU below that one (empty: below the root).

    An OU named `A/B` gets `/A\/B`, which is not the path of `B` in `A`.
    """
    escaped = name.replace("\\", r"\\").replace("/", r"\/")
    return f"{parent}/{escaped}"


def path_names(path: str) -> tuple[str, ...]:
    """The names in an OU's path, as AWS has them; none for `/`."""
    return tuple(re.sub(r"\\([\\/])", r"\1", name) for name in _NAME.findall(path))
