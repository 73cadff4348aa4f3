"""What a call of Application Auto Scaling asks for: of a scalable target, whose tags are not those of its service."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.demo.calls import Call
from tests.support.permissions import Asked


def asked(call: Call) -> Iterator[Asked]:
    action = f"application-autoscaling:{call.action}"
    if call.action.startswith("Describe"):
        yield Asked(action)
    else:
        arn = f"arn:aws:application-autoscaling:{call.region}:{call.account_id}:scalable-target/0ec5"
        context = {
            "application-autoscaling:service-namespace": call.json["ServiceNamespace"],
            "application-autoscaling:scalable-dimension": call.json["ScalableDimension"],
        }
        yield Asked(action, arn, context)
