"""Who is told of what: the occasions, the channels by which people and programs are told, and what a policy says.

Named tuples, which are made ten times as fast as dataclasses: `validate` makes them for every policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple


class Occasion(StrEnum):
    """Of what a channel hears."""

    PLANNED = "planned"
    HELD = "held"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    MISSED = "missed"
    APPROVAL = "approval"


class ChannelKind(StrEnum):
    """By what somebody is told. One more is one more file in `orchestrator/notify`."""

    SNS = "sns"
    SLACK = "slack"
    TEAMS = "teams"
    EVENTBRIDGE = "eventbridge"


SOURCE = "stop-orchestrator"
"""Of its events on EventBridge."""
BUT_PLANS = tuple(one for one in Occasion if one is not Occasion.PLANNED)
"""Of what people hear where a policy does not say: a plan that nobody asked about is no news."""


class Channel(NamedTuple):
    """One place where messages go. Its address is no secret: of a webhook it is where the URL is kept."""

    kind: ChannelKind
    address: str
    """A topic's ARN, an event bus's name or ARN, or `ssm:/name` and `secretsmanager:NAME`."""

    def __str__(self) -> str:
        return f"{self.kind} {self.address}"


class Listener(NamedTuple):
    """A channel of the platform team, or of programs, and of what it hears."""

    channel: Channel
    occasions: frozenset[Occasion]


class OwnerContacts(NamedTuple):
    """How the owners of resources are reached."""

    contacts: tuple[tuple[str, Channel], ...] = ()
    """By the owner, literal text before globs, else in their order."""
    account_tag: str = ""
    """The key of the account's tag that names one of the contacts, where the owner is none of them; empty: there is
    none.
    """
    default: Channel | None = None
    """For whoever is not among them."""


class Notifications(NamedTuple):
    """What a policy says of them."""

    listeners: tuple[Listener, ...] = ()
    owners: OwnerContacts | None = None

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Each once, those of owners last."""
        found = (one.channel for one in self.listeners)
        return tuple(dict.fromkeys((*found, *self._of_owners())))

    @property
    def topics(self) -> tuple[str, ...]:
        """The ARN of every SNS topic."""
        return _topics(self.channels)

    @property
    def own_topics(self) -> tuple[str, ...]:
        """Those that hear of its sweeps, which its alarms tell too."""
        return _topics(one.channel for one in self.listeners)

    def hearing(self, occasion: Occasion) -> tuple[Channel, ...]:
        """Who hears of it."""
        return tuple(dict.fromkeys(one.channel for one in self.listeners if occasion in one.occasions))

    def _of_owners(self) -> Iterator[Channel]:
        if self.owners is not None:
            yield from (channel for _, channel in self.owners.contacts)
            yield from (self.owners.default,) if self.owners.default is not None else ()


def _topics(channels: Iterable[Channel]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.address for one in channels if one.kind is ChannelKind.SNS))


TOLD_NOBODY = Notifications()
