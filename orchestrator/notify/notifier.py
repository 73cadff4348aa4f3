"""The port's implementation: which kind of channel sends what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from orchestrator.aws.clients import Clients
from orchestrator.core.model.notification import ChannelKind
from orchestrator.core.report.messages.parcel import Parcel
from orchestrator.notify.channel import Sender
from orchestrator.notify.delivery import DEADLINE_SECONDS, deliver
from orchestrator.notify.eventbridge import EventBuses
from orchestrator.notify.slack import SlackWebhooks
from orchestrator.notify.sns import Topics
from orchestrator.notify.teams import TeamsWebhooks
from orchestrator.notify.webhook_urls import WebhookUrls


class Notifier:
    """ports.Notifier over AWS and webhooks."""

    def __init__(
        self,
        clients: Clients,
        clock: Callable[[], float],
        *,
        loopback: bool = False,
        seconds: float = DEADLINE_SECONDS,
    ) -> None:
        """`loopback`: webhooks of this machine itself may be plain HTTP, as tests have them."""
        urls = WebhookUrls(clients, loopback=loopback)
        self._clock = clock
        self._seconds = seconds
        self._senders: Mapping[ChannelKind, Sender] = {
            ChannelKind.SNS: Topics(clients),
            ChannelKind.SLACK: SlackWebhooks(urls),
            ChannelKind.TEAMS: TeamsWebhooks(urls),
            ChannelKind.EVENTBRIDGE: EventBuses(clients),
        }

    def deliver(self, parcels: Sequence[Parcel], told: Callable[[Parcel], None]) -> Mapping[str, str]:
        """As the port says."""
        return deliver(parcels, self._send, self._clock, told, self._seconds)

    def _send(self, parcel: Parcel) -> None:
        self._senders[parcel.channel.kind].send(parcel)
