"""To what a person narrowed one sweep: it looks at less than the policy's scope, and never at more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What is left of the policy's scope and rules; a part that is empty narrows nothing."""

    accounts: tuple[str, ...] = ()
    organizational_units: tuple[str, ...] = ()
    """Ids or paths, each with all below it."""
    regions: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    """Only what these decide is acted on; every rule is asked all the same, in order."""
    resources: tuple[str, ...] = ()
    """Ids or ARNs."""

    def __bool__(self) -> bool:
        """Whether anything is narrowed."""
        return bool(self.as_item())

    def as_item(self) -> dict[str, list[str]]:
        """For the ledger and the report: only what is set."""
        found = {name: list(getattr(self, name)) for name in _PARTS}
        return {name: texts for name, texts in found.items() if texts}

    @classmethod
    def from_item(cls, item: Mapping[str, Any] | None) -> Self:
        """What `as_item` gave; None, or nothing in it, is no narrowing."""
        found = item or {}
        return cls(**{name: tuple(map(str, found.get(name, ()))) for name in _PARTS})

    @property
    def text(self) -> str:
        """In words: `account 111122223333, 222233334444; rule dev`."""
        return narrowing_text(self.as_item())


_PARTS = {
    "accounts": "account",
    "organizational_units": "OU",
    "regions": "region",
    "rules": "rule",
    "resources": "resource",
}
NOT_NARROWED = Narrowing()


def narrowing_text(item: Mapping[str, Any]) -> str:
    """Of what `as_item` gave, also where another release wrote it."""
    return "; ".join(f"{_PARTS[name]} {', '.join(map(str, item[name]))}" for name in _PARTS if item.get(name))
