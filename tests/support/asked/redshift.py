"""What a call of Redshift asks for, with the tags that conditions look at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from moto.redshift.models import redshift_backends

from orchestrator.demo.calls import Call
from tests.support.permissions import Asked

_TAG_KEY = re.compile(r"Tags\.\w+\.\d+\.Key|TagKeys\.\w+\.\d+")


def asked(call: Call) -> Iterator[Asked]:
    action = f"redshift:{call.action}"
    if call.action.startswith("Describe"):
        yield Asked(action, f"arn:aws:redshift:{call.region}:{call.account_id}:cluster:*")
        return
    name = call.form.get("ClusterIdentifier") or call.form.get("ResourceName", "").rpartition(":cluster:")[2]
    context: dict[str, Any] = dict(_tags(call, name))
    keys = [value for key, value in call.form.items() if _TAG_KEY.fullmatch(key)]
    if keys:
        context["aws:tagkeys"] = keys
    yield Asked(action, f"arn:aws:redshift:{call.region}:{call.account_id}:cluster:{name}", context)


def _tags(call: Call, name: str) -> Iterator[tuple[str, str]]:
    cluster = redshift_backends[call.account_id][call.region].clusters.get(name)
    for tag in cluster.tags if cluster else ():
        yield f"aws:resourcetag/{tag['Key'].lower()}", tag["Value"]
