"""Messages by a Slack incoming webhook."""

from __future__ import annotations

from orchestrator.core.report.messages.message import Message
from orchestrator.core.report.messages.parcel import Parcel
from orchestrator.core.report.messages.slack import slack_payload
from orchestrator.notify.webhook import post
from orchestrator.notify.webhook_urls import WebhookUrls


class SlackWebhooks:
    """channel.Sender for Slack."""

    def __init__(self, urls: WebhookUrls) -> None:
        self._urls = urls

    def send(self, parcel: Parcel) -> None:
        assert isinstance(parcel.content, Message), "a webhook takes messages, a bus events"
        post(self._urls.read(parcel.channel.address), slack_payload(parcel.content))
