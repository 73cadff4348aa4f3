"""What each kind of channel does, and how it says that it could not."""

from __future__ import annotations

from typing import Protocol

from orchestrator.core.report.messages.parcel import Parcel


class NotDeliveredError(Exception):
    """A message that a channel did not take; the text says why, without the channel's URL.

    `again_after`: in so many seconds it may take it; None: it will not.
    """

    def __init__(self, why: str, again_after: float | None = None) -> None:
        super().__init__(why)
        self.again_after = again_after


class Sender(Protocol):
    """One kind of channel. Its method is called from several threads at once."""

    def send(self, parcel: Parcel) -> None:
        """Once it returns the channel has taken the message. Raises NotDeliveredError."""
        ...
