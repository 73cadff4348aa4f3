"""What a call of RDS asks for, with the tags that conditions look at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from moto.rds.models import rds_backends

from orchestrator.demo.calls import Call
from tests.support.permissions import Asked

_TAG_KEY = re.compile(r"Tags\.\w+\.\d+\.Key|TagKeys\.\w+\.\d+")


def asked(call: Call) -> Iterator[Asked]:
    action = f"rds:{call.action}"
    arns = f"arn:aws:rds:{call.region}:{call.account_id}"
    if call.action.startswith("Describe"):
        yield Asked(action, f"{arns}:{'cluster' if 'Clusters' in call.action else 'db'}:*")
        return
    of_arn = call.form.get("ResourceName", "").removeprefix(f"{arns}:")
    cluster, instance = call.form.get("DBClusterIdentifier"), call.form.get("DBInstanceIdentifier")
    form, _, name = (of_arn or (f"db:{instance}" if instance else f"cluster:{cluster}")).partition(":")
    context: dict[str, Any] = dict(_tags(call, form, name))
    keys = [value for key, value in call.form.items() if _TAG_KEY.fullmatch(key)]
    if keys:
        context["aws:tagkeys"] = keys
    yield Asked(action, f"{arns}:{form}:{name}", context)


def _tags(call: Call, form: str, name: str) -> Iterator[tuple[str, str]]:
    backend = rds_backends[call.account_id][call.region]
    database = backend.clusters.get(name) if form == "cluster" else backend.databases.get(name)
    for tag in database.tags if database else ():
        yield f"aws:resourcetag/{tag['Key'].lower()}", tag["Value"]
