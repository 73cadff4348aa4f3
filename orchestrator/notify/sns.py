"""Messages by an SNS topic: plain text, such as mail has it; a subscription may filter by the attribute `owner`."""

from __future__ import annotations

from typing import Any

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.core.report.messages.message import Message, one_line
from orchestrator.core.report.messages.parcel import Parcel
from orchestrator.core.report.messages.plain import plain_subject, plain_text
from orchestrator.notify.channel import NotDeliveredError


class Topics:
    """channel.Sender for SNS."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def send(self, parcel: Parcel) -> None:
        message = parcel.content
        assert isinstance(message, Message), "a topic takes messages, a bus events"
        more: dict[str, Any] = {}
        if parcel.owner:
            more["MessageAttributes"] = {"owner": {"DataType": "String", "StringValue": one_line(parcel.owner)}}
        try:
            self._clients.messages("sns").publish(
                TopicArn=parcel.channel.address,
                Subject=plain_subject(message.subject),
                Message=plain_text(message),
                **more,
            )
        except AWS_FAILURES as failure:
            raise NotDeliveredError(f"sns:Publish: {error_of(failure)}") from failure
