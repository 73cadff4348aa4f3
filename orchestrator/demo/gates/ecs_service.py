"""ECS and Application Auto Scaling as AWS answers them: tasks that come and go, pages, and what each of them refuses.

moto's tasks run the moment that a service is updated, and never where it was created; its roll-outs do not end, its
lists have no pages, and it takes eleven names, a count for a daemon, tags by a short ARN. It does not move a count
into the sizes of a scalable target either. Here counts follow with the second look at a service.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.ecs.models import ecs_backends

from orchestrator.aws.pages import NEXT_TOKEN, NEXT_TOKEN_IN_LOWER_CASE, Tokens
from orchestrator.demo.calls import Answer, Call

_MOVES, _ASKED, _SEEN = "moves", "asked", "seen"
_JSON = "application/x-amz-json-1.1"
_SERVICES_A_CALL, _LONG_ARN_PARTS, _ID_PARTS = 10, 3, 3
_DAEMON = "The daemon scheduling strategy does not support a desired count. Remove the desired count and try again."
_SHORT_ARN = "Long arn format must be used for tagging operations"


def lists_gate(call: Call) -> Answer | None:
    """A page of clusters, or of the services of one."""
    backend = ecs_backends[call.account_id][call.region]
    if _asks(call, "ListClusters"):
        return _page(call, "clusterArns", [one.arn for one in backend.clusters.values()], 100)
    name = call.json.get("cluster", "default").rpartition("/")[2] if _asks(call, "ListServices") else ""
    if name not in backend.clusters:
        return None  # moto says that there is none
    return _page(call, "serviceArns", backend.list_services(name), 10)


def look_gate(call: Call) -> Answer | None:
    """At most ten services a call; what moves is where it was going with the second look at it."""
    if not _asks(call, "DescribeServices"):
        return None
    if len(call.json.get("services", ())) > _SERVICES_A_CALL:
        return call.refused("InvalidParameterException", "Services cannot be more than 10.")
    for name in call.json["services"]:
        service = _service(call, name)
        if service is not None:
            _look_at(service)
    return None


def count_gate(call: Call) -> Answer | None:
    """A new count as ECS takes it; None for whatever else an update changes, and where there is no such service."""
    service = _service(call, call.json["service"]) if _asks(call, "UpdateService") else None
    if service is None or call.json.get("desiredCount") is None:
        return None
    if service.scheduling_strategy == "DAEMON":
        return call.refused("InvalidParameterException", _DAEMON)
    if service.status != "ACTIVE":
        return call.refused("ServiceNotActiveException", "Service was not ACTIVE.")
    if call.json.keys() - {"cluster", "service", "desiredCount"}:
        return None
    set_count(service, call.json["desiredCount"])
    told = {"serviceName": service.name, "serviceArn": service.arn, "status": service.status}
    return Answer(200, _JSON, json.dumps({"service": {**told, "desiredCount": service.desired_count}}))


def tags_gate(call: Call) -> Answer | None:
    """AWS's refusal of tags by a short ARN."""
    if not (_asks(call, "TagResource") or _asks(call, "UntagResource")):
        return None
    resource = call.json["resourceArn"].rpartition(":")[2]
    is_short = resource.startswith("service/") and len(resource.split("/")) < _LONG_ARN_PARTS
    return call.refused("InvalidParameterException", _SHORT_ARN) if is_short else None


def scaling_gate(call: Call) -> Answer | None:
    """Scalable targets page by page; one that is registered moves the count of its service into its sizes."""
    if call.service != "application-autoscaling":
        return None
    targets = applicationautoscaling_backends[call.account_id][call.region].targets
    if call.action == "DescribeScalableTargets":
        asked = call.json
        found = [one for some in targets.values() for one in some.values() if _is_asked_for(one, asked)]
        return _page(call, "ScalableTargets", [*map(_told, found)], 50, NEXT_TOKEN, "MaxResults")
    if call.action == "RegisterScalableTarget":
        known = targets.get(call.json["ScalableDimension"], {}).get(call.json["ResourceId"])
        low = call.json.get("MinCapacity", known.min_capacity if known else None)
        high = call.json.get("MaxCapacity", known.max_capacity if known else None)
        _move_into(call, low, high)
    return None


def set_count(service: Any, count: int) -> None:
    """From now on it moves there: tasks of before run on until the second look, or are pending until then."""
    if count == service.desired_count and _MOVES not in vars(service):
        return
    service.desired_count = count
    service.pending_count = max(0, count - service.running_count)
    vars(service)[_MOVES] = _ASKED


def settle(service: Any) -> None:
    """It is where it was going; its roll-out is over."""
    vars(service)[_MOVES] = None
    service.running_count, service.pending_count = service.desired_count, 0
    for deployment in service.deployments[:1]:
        deployment.update(rolloutState="COMPLETED", desiredCount=service.desired_count)


def _look_at(service: Any) -> None:
    if _MOVES not in vars(service) or vars(service)[_MOVES] == _SEEN:
        settle(service)
    elif vars(service)[_MOVES] == _ASKED:
        vars(service)[_MOVES] = _SEEN


def _service(call: Call, name: str) -> Any:
    cluster = call.json.get("cluster", "default").rpartition("/")[2]
    return ecs_backends[call.account_id][call.region].services.get(f"{cluster}:{name.rpartition('/')[2]}")


def _move_into(call: Call, low: int | None, high: int | None) -> None:
    parts = call.json["ResourceId"].split("/")
    if call.json["ServiceNamespace"] != "ecs" or len(parts) != _ID_PARTS or low is None or high is None:
        return
    service = ecs_backends[call.account_id][call.region].services.get(":".join(parts[1:]))
    if service is not None and not low <= service.desired_count <= high:
        set_count(service, min(max(service.desired_count, low), high))


def _is_asked_for(scalable: Any, asked: Mapping[str, Any]) -> bool:
    ids, dimension = asked.get("ResourceIds"), asked.get("ScalableDimension")
    return (
        scalable.service_namespace == asked["ServiceNamespace"]
        and (not ids or scalable.resource_id in ids)
        and (not dimension or scalable.scalable_dimension == dimension)
    )


def _told(scalable: Any) -> dict[str, Any]:
    suspended = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
    return {
        "ServiceNamespace": scalable.service_namespace,
        "ResourceId": scalable.resource_id,
        "ScalableDimension": scalable.scalable_dimension,
        "MinCapacity": scalable.min_capacity,
        "MaxCapacity": scalable.max_capacity,
        "CreationTime": scalable.creation_time,
        "SuspendedState": {**dict.fromkeys(suspended, False), **(scalable.suspended_state or {})},
    }


def _page(
    call: Call,
    key: str,
    rows: Sequence[Any],
    default_size: int,
    tokens: Tokens = NEXT_TOKEN_IN_LOWER_CASE,
    size_word: str = "maxResults",
) -> Answer:
    start, size = int(call.json.get(tokens.asked) or 0), call.json.get(size_word) or default_size
    more = {tokens.answered: str(start + size)} if start + size < len(rows) else {}
    return Answer(200, _JSON, json.dumps({key: [*rows[start : start + size]], **more}))


def _asks(call: Call, action: str) -> bool:
    return call.service == "ecs" and call.action == action


GATES = (lists_gate, look_gate, count_gate, tags_gate, scaling_gate)
