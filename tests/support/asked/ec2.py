"""What a call of EC2 asks for, action by action and instance by instance, with the tags that conditions look at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from moto.ec2.models import ec2_backends

from orchestrator.demo.calls import Call
from tests.support.permissions import Asked

_DESCRIBES = re.compile(r"Describe|List|Get")


def asked(call: Call) -> Iterator[Asked]:
    action = f"ec2:{call.action}"
    if _DESCRIBES.match(call.action):
        yield Asked(action)
        return
    ids = call.form_list("InstanceId") or call.form_list("ResourceId")
    keys = [value for key, value in call.form.items() if re.fullmatch(r"Tag\.\d+\.Key", key)]
    for instance_id in ids:
        context: dict[str, Any] = dict(_instance_context(call, instance_id))
        if keys:
            context["aws:tagkeys"] = keys
        yield Asked(action, f"arn:aws:ec2:{call.region}:{call.account_id}:instance/{instance_id}", context)


def _instance_context(call: Call, instance_id: str) -> Iterator[tuple[str, Any]]:
    reservations = list(ec2_backends[call.account_id][call.region].reservations.values())  # others add to it meanwhile
    found = (one for reservation in reservations for one in reservation.instances if one.id == instance_id)
    instance = next(found, None)
    if instance is None:
        return
    for tag in instance.get_tags():
        yield f"aws:resourcetag/{tag['key'].lower()}", tag["value"]
        yield f"ec2:resourcetag/{tag['key'].lower()}", tag["value"]
    yield "ec2:rootdevicetype", getattr(instance, "root_device_type", None) or "ebs"
