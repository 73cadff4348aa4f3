"""What an import gives: the text of a policy of ours, and each thing of the original that is not in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InputFile:
    """A text that is imported, and what it is called in messages."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class NotCarriedOver:
    """One thing of the original that the policy does not have, or has otherwise."""

    source: str
    line: int
    """From 1."""
    place: str
    """As `policies[0].filters[1].tag`."""
    what: str
    why: str
    """One sentence, with what is near where something is."""

    @property
    def where(self) -> str:
        """File and line, as mistakes have them."""
        return f"{self.source}:{self.line}"


@dataclass(frozen=True, slots=True)
class Imported:
    """The policy is valid whatever was carried over; with no active rule nothing is stopped by it."""

    text: str
    rules: int
    """Those that are active."""
    left_out: int
    """Rules that are written as comments."""
    not_carried_over: tuple[NotCarriedOver, ...] = ()
    """In the order of the input."""
