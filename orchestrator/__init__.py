"""Stop Orchestrator: stops what an AWS Organization does not need, by policy, and accounts for every instance."""

from importlib import import_module
from typing import Any


class Later:
    """A module that is imported when something of it is first used; type checkers are shown the real one.

    In `if TYPE_CHECKING` stands the import, in its `else` this with the same name: the import contracts see it there.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)
