"""What EKS's answers mean, purely: states by status and size, what a start needs to know, what a sweep must not touch.

https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from orchestrator.core.model import (
    AwsError,
    Fact,
    Obstacle,
    ObstacleCode,
    Resource,
    ResourceState,
    Tags,
    Target,
    time_text,
)
from orchestrator.core.model.loss import Loss
from orchestrator.core.model.managed_by import MANAGED_BY_WORD, STACK
from orchestrator.core.model.shared_texts import share_text, share_texts
from orchestrator.core.model.unreadable import spare_unreadable
from orchestrator.kinds.eks_nodegroup.description import NODES_TERMINATED

MIN_SIZE, DESIRED_SIZE = "min_size", "desired_size"
"""Facts, and of what runs what a start needs."""
ACTIVE, UPDATING, AT_ZERO, TO_ZERO = "ACTIVE", "UPDATING", "ACTIVE at size 0", "UPDATING to size 0"
"""EKS has no word for what is down: the size is said where it is 0."""
_WITH_NODES: Mapping[str, ResourceState] = {
    ACTIVE: ResourceState.RUNNING,
    UPDATING: ResourceState.STARTING,
    "CREATING": ResourceState.STARTING,
    "DELETING": ResourceState.GONE,
}
_WITHOUT_NODES: Mapping[str, tuple[ResourceState, str]] = {
    ACTIVE: (ResourceState.STOPPED, AT_ZERO),
    UPDATING: (ResourceState.STOPPING, TO_ZERO),
    "CREATING": (ResourceState.UNKNOWN, "CREATING"),
    "DELETING": (ResourceState.GONE, "DELETING"),
}
"""An update runs whoever asked for it: what is UPDATING is never taken for running. Whatever else there is (DEGRADED,
CREATE_FAILED, DELETE_FAILED) is unknown.
"""
# A group without capacity becomes DEGRADED, and stays so until its nodes came up:
# https://github.com/aws/containers-roadmap/issues/2326
_FAILED = ("DEGRADED", "CREATE_FAILED")
_AUTOSCALER = "k8s.io/cluster-autoscaler/"
_PODS_KEPT = (
    "A stop takes all of its nodes: pods that have no other place (coredns, controllers) stay pending, and what is in "
    "their local volumes is lost; AWS does not tell what runs there"
)
_LOSSES = (Loss("pods", _PODS_KEPT), Loss(NODES_TERMINATED))


def state_of(status: str, desired_size: Fact) -> tuple[ResourceState, str]:
    """Its state, normalised, and that in words; `unknown` for whatever EKS cannot be asked to change."""
    if not _is_size(desired_size):
        return ResourceState.GONE if status == "DELETING" else ResourceState.UNKNOWN, f"{status}, size unknown"
    if desired_size == 0:
        return _WITHOUT_NODES.get(status, (ResourceState.UNKNOWN, status))
    return _WITH_NODES.get(status, ResourceState.UNKNOWN), status


def is_up(resource: Resource) -> bool:
    """Whether a sweep reports it: it runs, is about to, or is in a state that passes."""
    return resource.state in {ResourceState.RUNNING, ResourceState.STARTING, ResourceState.UNKNOWN}


def resource_of(raw: Any, target: Target) -> Resource:
    """A node group as EKS describes it, in the project's words. Its id is its cluster's name and its own."""
    told = raw.get("tags")  # EKS tells an empty map of what has no tags
    tags = share_texts(told or {})
    facts = share_texts(_facts(raw))
    status, desired = str(raw.get("status") or "unknown"), facts[DESIRED_SIZE]
    state, aws_state = state_of(status, desired)
    runs = state is ResourceState.RUNNING
    resource = Resource(
        kind="eks_nodegroup",
        target=target,
        resource_id=f"{raw['clusterName']}/{raw['nodegroupName']}",
        arn=raw["nodegroupArn"],
        name=tags.get("Name", "") or raw["nodegroupName"],
        state=state,
        aws_state=share_text(aws_state),
        tags=tags,
        facts=facts,
        obstacle=obstacle(facts, tags if told is not None else None),
        start_failure=start_failure(status, facts.get("health_issues")),
        restore={name: facts[name] for name in (MIN_SIZE, DESIRED_SIZE)} if runs else {},
        units=int(desired or 1) if runs else 1,
        losses=_LOSSES if runs else (),
        created_at=raw.get("createdAt"),
        details=_details(managed_by(tags) if told is not None else None),
    )
    return spare_unreadable(resource)


def start_failure(status: str, issues: Fact) -> AwsError | None:
    """Why a start came to nothing, from the status that EKS leaves it in; None for every other status."""
    if status not in _FAILED:
        return None
    return AwsError(status, f"its health issues are {issues}" if issues else "EKS names no health issue")


def _facts(raw: Any) -> dict[str, Fact]:
    sizes, pool = raw.get("scalingConfig") or {}, raw.get("warmPoolConfig")
    issues = [str(one.get("code")) for one in (raw.get("health") or {}).get("issues") or ()]
    return {
        "cluster_name": raw.get("clusterName"),
        "instance_type": ", ".join(raw.get("instanceTypes") or ()) or None,
        "capacity_type": raw.get("capacityType"),
        "ami_type": raw.get("amiType"),
        MIN_SIZE: sizes.get("minSize"),
        "max_size": sizes.get("maxSize"),
        DESIRED_SIZE: sizes.get("desiredSize"),
        # https://docs.aws.amazon.com/eks/latest/userguide/warm-pools-managed-node-groups.html
        "warm_pool": pool is not None and (pool or {}).get("enabled") is not False,
        "health_issues": ", ".join(dict.fromkeys(issues)) or None,
        "modified_at": time_text(raw.get("modifiedAt")),
    }


@lru_cache(maxsize=4096)
def _details(managers: str | None) -> Mapping[str, Fact]:
    """One mapping for all that are alike in these."""
    return share_texts({MANAGED_BY_WORD: managers})


def managed_by(tags: Tags) -> str:
    """The stack, where its tags name one: nothing else of what the condition knows has node groups."""
    return STACK if any(key.startswith("aws:cloudformation:") for key in tags) else ""


def obstacle(facts: Mapping[str, Fact], tags: Tags | None) -> Obstacle | None:
    """Why a node group is kept whatever the policy says; None when nothing is in the way.

    What AWS did not say (its sizes; None for its tags) is in the way.
    """
    scaled_by = next((key for key in tags or () if key.startswith(_AUTOSCALER)), None)
    if scaled_by is not None:
        text = f"Cluster Autoscaler scales it (tag {scaled_by}), and would start it again."
        return Obstacle(ObstacleCode.OWNED, text)
    cannot_stop = _cannot_be_stopped(facts)
    if tags is None and not cannot_stop:
        cannot_stop = "AWS did not tell its tags, so they may spare it."
    return Obstacle(ObstacleCode.CANNOT_STOP, cannot_stop) if cannot_stop else None


def _cannot_be_stopped(facts: Mapping[str, Fact]) -> str | None:
    if not (_is_size(facts.get(MIN_SIZE)) and _is_size(facts.get(DESIRED_SIZE))):
        return "AWS did not tell its sizes, so nothing could give them back to it."
    if facts.get("warm_pool") is not False:
        return "It has a warm pool, which goes on, and may grow, while the group has no nodes."
    return None


def _is_size(value: Fact) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
