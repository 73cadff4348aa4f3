"""What a command imports only when it is used: so `--help` and `validate` do not wait for AWS, tables and kinds."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

import typer
import typer.main
from typer.core import TyperCommand

from orchestrator.cli.streams import is_whole_process

GROUP = "GROUP"
"""What a module calls its group, where it has one."""
WITHOUT_RICH: Any = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}
"""How each group of commands is made."""


@contextmanager
def _all_kept() -> Iterator[None]:
    """What is made within it lives as long as the process: looking there for garbage is a fifth of importing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def add_command(cli: typer.Typer, module: str, name: str, short_help: str, epilog: str) -> None:
    """The function of that name in a module beside this one becomes a command; it is imported when it is chosen.

    So does the group of commands that a module has as `GROUP`.
    """

    @cache
    def real() -> Any:
        with _all_kept():
            own = import_module(f"orchestrator.cli.{module}")
            group = getattr(own, GROUP, None) or typer.Typer(**WITHOUT_RICH)
            if not hasattr(own, GROUP):
                group.command(name, short_help=short_help, epilog=epilog)(getattr(own, name))
            return typer.main.get_command(group)

    class Chosen(TyperCommand):
        """What the list of commands shows of it."""

        def make_context(self, *arguments: Any, **more: Any) -> Any:
            made = real().make_context(*arguments, **more)
            if is_whole_process():  # which began with the collector off
                gc.freeze()
                gc.enable()
            return made

    def nothing() -> None:
        """Never called: the context is the real command's."""

    cli.command(name, cls=Chosen, short_help=short_help, epilog=epilog)(nothing)
