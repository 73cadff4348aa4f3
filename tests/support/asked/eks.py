"""What a call of EKS asks for, with the tags that conditions look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.eks.models import eks_backends

from orchestrator.demo.calls import Call
from tests.support.permissions import Asked

_OF_CLUSTERS = frozenset({"ListClusters", "ListNodegroups"})


def asked(call: Call) -> Iterator[Asked]:
    action, place = f"eks:{call.action}", f"arn:aws:eks:{call.region}:{call.account_id}"
    if call.action in _OF_CLUSTERS:
        cluster = call.path_fields.get("name")
        yield Asked(action, f"{place}:cluster/{cluster}" if cluster else "*")
        return
    group = next((one for one in _groups(call) if _is_about(call, one)), None)
    context: dict[str, Any] = {}
    if group is not None:
        context = {f"aws:resourcetag/{key.lower()}": value for key, value in group.tags.items()}
    keys = [*call.json.get("tags", {})] if call.action == "TagResource" else call.query_list("tagKeys")
    if keys:
        context["aws:tagkeys"] = keys
    yield Asked(action, group.arn if group is not None else f"{place}:nodegroup/unknown/unknown/unknown", context)


def _groups(call: Call) -> Iterator[Any]:
    for cluster in eks_backends[call.account_id][call.region].clusters.values():
        yield from cluster.nodegroups.values()


def _is_about(call: Call, group: Any) -> bool:
    fields = call.path_fields
    named = (fields.get("name"), fields.get("nodegroupName"))
    return fields.get("resourceArn") == group.arn or named == (group.cluster_name, group.nodegroup_name)
