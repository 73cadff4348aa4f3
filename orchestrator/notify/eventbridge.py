"""Events on a bus of EventBridge, for programs."""

from __future__ import annotations

import json

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.core.model.notification import SOURCE
from orchestrator.core.report.messages.message import Event
from orchestrator.core.report.messages.parcel import Parcel
from orchestrator.notify.channel import NotDeliveredError


class EventBuses:
    """channel.Sender for EventBridge."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def send(self, parcel: Parcel) -> None:
        event = parcel.content
        assert isinstance(event, Event), "a bus takes events"
        entry = {
            "EventBusName": parcel.channel.address,
            "Source": SOURCE,
            "DetailType": event.detail_type,
            "Detail": json.dumps(event.detail),
        }
        try:
            answer = self._clients.messages("events").put_events(Entries=[entry])
        except AWS_FAILURES as failure:
            raise NotDeliveredError(f"events:PutEvents: {error_of(failure)}") from failure
        if answer.get("FailedEntryCount"):  # a call that succeeds may have put nothing
            refused = answer["Entries"][0]
            raise NotDeliveredError(f"events:PutEvents: {refused.get('ErrorCode')}: {refused.get('ErrorMessage')}")
