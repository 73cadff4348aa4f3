"""What the embedded AWS does unlike moto, kind by kind: each file closes gaps of one service that a sweep would see.

A file names its gates in `GATES`; they are found by being here, and asked in the order of the files' names.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from orchestrator.demo.calls import Answer, Call

Gate = Callable[[Call], Answer | None]


def find_gates() -> tuple[Gate, ...]:
    """Of every file of this folder."""
    names = sorted(module.name for module in iter_modules(__path__))
    modules = [import_module(f"{__name__}.{name}") for name in names]
    return tuple(gate for module in modules for gate in module.GATES)
