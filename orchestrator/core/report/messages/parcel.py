"""A message on its way: what, to which channel, for whom."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.core.model.notification import Channel
from orchestrator.core.report.messages.message import Event, Message


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message for one channel, or an event for a bus."""

    channel: Channel
    content: Message | Event
    what: str
    """Which of a sweep's messages it is: no other one of them is the same for the same channel."""
    owner: str = ""
    """Of an owner's digest, whose it is."""

    @property
    def key(self) -> str:
        """By which the ledger remembers, for one sweep, that it was delivered."""
        return f"{self.channel} {self.what}"

    def __str__(self) -> str:
        return f"{self.channel} (owner {self.owner})" if self.owner else str(self.channel)
