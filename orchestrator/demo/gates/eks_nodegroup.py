"""EKS as AWS answers it: updates of a node group that pass, one at a time, sizes that have to fit, and tags of it.

moto takes any sizes, is done with an update at once, takes the next one whatever the status, and knows no tags of node
groups by their ARNs (404). Here `UPDATING` passes with the second look. Behind a node group is no Auto Scaling group.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from moto.core.utils import utcnow
from moto.eks.models import eks_backends

from orchestrator.demo.calls import Answer, Call

_UPDATING = "UPDATING"
_PASSING = {_UPDATING: "ACTIVE"}
_FALLS_BACK = "falls_back"
_CANNOT_UPDATE = ("CREATING", "DELETING", "CREATE_FAILED", "DELETE_FAILED")


def update_gate(call: Call) -> Answer | None:
    """A change of sizes as EKS answers it; None where there is no such group, which moto refuses itself."""
    group = _group(call) if _asks(call, "UpdateNodegroupConfig") else None
    sizes = call.json.get("scalingConfig") if group is not None else None
    if group is None or not sizes:
        return None
    if group.status == _UPDATING:
        text = "Nodegroup cannot be updated as it is currently not in Active State"
        return call.refused("ResourceInUseException", text, 409)
    if group.status in _CANNOT_UPDATE:
        return call.refused("InvalidRequestException", f"Nodegroup is in {group.status} state")
    wanted = {**group.scaling_config, **sizes}
    if wanted["maxSize"] < 1:
        return call.refused("InvalidParameterException", "maxSize must be at least 1")
    if not 0 <= wanted["minSize"] <= wanted["desiredSize"] <= wanted["maxSize"]:
        return call.refused("InvalidParameterException", "desired capacity must be between minSize and maxSize")
    group.scaling_config = wanted  # moto's default is one for all groups
    group.status, group.modified_at = _UPDATING, utcnow()
    vars(group).pop("seen_status", None)
    params = [{"type": name[0].upper() + name[1:], "value": str(value)} for name, value in sizes.items()]
    update = {"id": str(uuid4()), "status": "InProgress", "type": "ConfigUpdate", "params": params, "errors": []}
    return _answer({"update": update})


def tags_gate(call: Call) -> Answer | None:
    """Tags of node groups, which moto does not find."""
    arn = call.path_fields.get("resourceArn", "")
    if call.service != "eks" or ":nodegroup/" not in arn:
        return None
    group = next((one for one in _groups(call) if one.arn == arn), None)
    if group is None:
        return call.refused("NotFoundException", f"No resource found for {arn}", 404)
    if call.action == "TagResource":
        group.tags = {**group.tags, **call.json["tags"]}
    elif call.action == "UntagResource":
        keys = call.query_list("tagKeys")
        group.tags = {key: value for key, value in group.tags.items() if key not in keys}
    return _answer({} if call.action != "ListTagsForResource" else {"tags": group.tags})


def states_gate(call: Call) -> Answer | None:
    """A status that passes is seen once."""
    group = _group(call) if _asks(call, "DescribeNodegroup") else None
    if group is not None:
        if group.status in _PASSING and vars(group).get("seen_status") == group.status:
            falls_back = _FALLS_BACK in vars(group) and group.scaling_config["desiredSize"] > 0
            group.status = "DEGRADED" if falls_back else _PASSING[group.status]
        vars(group)["seen_status"] = group.status
    return None


def let_fall_back(group: Any) -> None:
    """From now on AWS has no capacity for its nodes: an update to a size of more than 0 leaves it DEGRADED."""
    vars(group)[_FALLS_BACK] = True


def let_start(group: Any) -> None:
    """From now on it starts again."""
    vars(group).pop(_FALLS_BACK, None)


def _asks(call: Call, action: str) -> bool:
    return call.service == "eks" and call.action == action


def _group(call: Call) -> Any:
    cluster = eks_backends[call.account_id][call.region].clusters.get(call.path_fields.get("name", ""))
    return cluster.nodegroups.get(call.path_fields.get("nodegroupName", "")) if cluster else None


def _groups(call: Call) -> Iterator[Any]:
    for cluster in list(eks_backends[call.account_id][call.region].clusters.values()):
        yield from list(cluster.nodegroups.values())


def _answer(document: dict[str, Any]) -> Answer:
    return Answer(200, "application/json", json.dumps(document), {"x-amzn-RequestId": str(uuid4())})


GATES = (update_gate, tags_gate, states_gate)
