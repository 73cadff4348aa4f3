"""What a stop of a resource loses for good, or may lose; a kind tells it, and core decides if it may be lost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loss:
    """One loss that a stop of a running resource would be."""

    word: str
    """As its kind declares it, such as `public_ipv4`."""
    why_kept: str = ""
    """Why a resource is kept whose rule does not `accept` this, as half a sentence; empty: every rule may lose it."""
    is_unknown: bool = False
    """What tells whether it would be lost could not be read."""

    @property
    def text(self) -> str:
        """Its word, with a `?` where it is unknown, as reports have it."""
        return f"{self.word}?" if self.is_unknown else self.word
