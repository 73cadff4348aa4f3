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
    if call.action.startswith("Describe"):
        yield Asked(action, f"arn:aws:rds:{call.region}:{call.account_id}:db:*")
        return
    name = call.form.get("DBInstanceIdentifier") or call.form.get("ResourceName", "").rpartition(":db:")[2]
    context: dict[str, Any] = dict(_tags(call, name))
    keys = [value for key, value in call.form.items() if _TAG_KEY.fullmatch(key)]
    if keys:
        context["aws:tagkeys"] = keys
    yield Asked(action, f"arn:aws:rds:{call.region}:{call.account_id}:db:{name}", context)


def _tags(call: Call, name: str) -> Iterator[tuple[str, str]]:
    database = rds_backends[call.account_id][call.region].databases.get(name)
    for tag in database.tags if database else ():
        yield f"aws:resourcetag/{tag['Key'].lower()}", tag["Value"]
