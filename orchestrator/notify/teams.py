"""Messages by a Microsoft Teams workflow, or an incoming webhook: an Adaptive Card each."""

from __future__ import annotations

from orchestrator.core.report.messages.message import Message
from orchestrator.core.report.messages.parcel import Parcel
from orchestrator.core.report.messages.teams import teams_payload
from orchestrator.notify.webhook import post
from orchestrator.notify.webhook_urls import WebhookUrls


class TeamsWebhooks:
    """channel.Sender for Teams."""

    def __init__(self, urls: WebhookUrls) -> None:
        self._urls = urls

    def send(self, parcel: Parcel) -> None:
        assert isinstance(parcel.content, Message), "a webhook takes messages, a bus events"
        post(self._urls.read(parcel.channel.address), teams_payload(parcel.content))
