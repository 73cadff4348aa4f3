"""What a call of EC2 Auto Scaling asks for, with the tags and sizes that conditions look at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from moto.autoscaling.models import autoscaling_backends

from orchestrator.demo.calls import Call
from tests.support.permissions import Asked

_TAG = re.compile(r"Tags\.member\.\d+\.(Key|ResourceId)")
_SIZES = {"MinSize": "autoscaling:minsize", "MaxSize": "autoscaling:maxsize"}


def asked(call: Call) -> Iterator[Asked]:
    action = f"autoscaling:{call.action}"
    if call.action.startswith("Describe"):
        yield Asked(action)
        return
    found = [(match[1], value) for key, value in call.form.items() if (match := _TAG.fullmatch(key))]
    keys = [value for name, value in found if name == "Key"]
    names = {value for name, value in found if name == "ResourceId"} or {call.form.get("AutoScalingGroupName", "")}
    sizes = {word: call.form[field] for field, word in _SIZES.items() if field in call.form}
    for name in sorted(names):
        group = autoscaling_backends[call.account_id][call.region].autoscaling_groups.get(name)
        context: dict[str, Any] = {**sizes, **dict(_tags(group))}
        if keys:
            context["aws:tagkeys"] = keys
        arn = f"arn:aws:autoscaling:{call.region}:{call.account_id}:autoScalingGroup:*:autoScalingGroupName/{name}"
        yield Asked(action, group.arn if group else arn, context)


def _tags(group: Any) -> Iterator[tuple[str, str]]:
    for tag in group.tags if group else ():
        yield f"aws:resourcetag/{tag['Key'].lower()}", tag["Value"]
        yield f"autoscaling:resourcetag/{tag['Key'].lower()}", tag["Value"]
