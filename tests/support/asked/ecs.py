"""What a call of ECS asks for, with the tags that conditions look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.ecs.models import ecs_backends

from orchestrator.demo.calls import Call
from tests.support.permissions import Asked


def asked(call: Call) -> Iterator[Asked]:
    action, body = f"ecs:{call.action}", call.json
    if call.action == "ListClusters":
        yield Asked(action)
    elif call.action == "ListServices":
        yield Asked(action, "*", {"ecs:cluster": _arn(call, f"cluster/{_cluster(body)}")})
    elif call.action == "DescribeServices":
        for name in body["services"]:
            yield _of_service(call, action, f"{_cluster(body)}/{name.rpartition('/')[2]}")
    elif call.action == "UpdateService":
        yield _of_service(call, action, f"{_cluster(body)}/{body['service']}")
    else:
        keys = [tag["key"] for tag in body.get("tags", ())] or body.get("tagKeys", [])
        yield _of_service(call, action, body["resourceArn"].partition(":service/")[2], {"aws:tagkeys": keys})


def _of_service(call: Call, action: str, name: str, more: dict[str, Any] | None = None) -> Asked:
    service = ecs_backends[call.account_id][call.region].services.get(name.replace("/", ":"))
    context = {f"aws:resourcetag/{tag['key'].lower()}": tag["value"] for tag in (service.tags if service else ())}
    return Asked(action, _arn(call, f"service/{name}"), {**context, **(more or {})})


def _cluster(body: dict[str, Any]) -> str:
    return str(body.get("cluster", "default")).rpartition("/")[2]


def _arn(call: Call, resource: str) -> str:
    return f"arn:aws:ecs:{call.region}:{call.account_id}:{resource}"
