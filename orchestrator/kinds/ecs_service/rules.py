"""What ECS's answers mean, purely: states by counts, what a start needs, and what a sweep must not touch.

ECS has no stopped state: a service is down at a desired count of 0, once none of its tasks runs. Its status is its
own (`ACTIVE`, `DRAINING`, `INACTIVE`) and says nothing of that, so an active service has a plain word for its state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from orchestrator.core.model import Fact, Loss, Obstacle, ObstacleCode, Resource, ResourceState, Tags, Target
from orchestrator.core.model.managed_by import MANAGED_BY_WORD, STACK
from orchestrator.core.model.marks import STOPPED_BY_TAG, SWEEP_ID
from orchestrator.core.model.shared_texts import share_text, share_texts
from orchestrator.core.model.unreadable import spare_unreadable
from orchestrator.kinds.ecs_service.description import TASKS_ENDED

DESIRED_COUNT = "desired_count"
FLAGS: Mapping[str, str] = {
    "dynamic_scaling_in_suspended": "DynamicScalingInSuspended",
    "dynamic_scaling_out_suspended": "DynamicScalingOutSuspended",
    "scheduled_scaling_suspended": "ScheduledScalingSuspended",
}
"""Of a scalable target, by their names in `Resource.restore`: Application Auto Scaling's names."""
SCALING = "scaling"
SUSPENDED, ACTIVE, PARTLY = "suspended", "active", "suspended in part"
"""The values of that fact: what Application Auto Scaling may do; None where the service has no scalable target."""
_LOSSES = (Loss(TASKS_ENDED),)
_UP = frozenset({ResourceState.RUNNING, ResourceState.STARTING})
_LONG_ARN_PARTS = 3
"""`service/CLUSTER/NAME`; the short form, of before 2018, has no cluster."""


def service_id(raw: Any) -> str:
    """`cluster/service`: a service's name repeats across clusters."""
    return f"{_last(raw['clusterArn'])}/{raw['serviceName']}"


def scalable_id(resource_id: str) -> str:
    """How Application Auto Scaling names that service."""
    return f"service/{resource_id}"


def state_of(raw: Any) -> ResourceState:
    """By its counts. Where nothing runs and nothing is pending it counts as running: ECS is about to place tasks."""
    status, desired, running = raw.get("status"), raw.get("desiredCount"), raw.get("runningCount")
    if status == "INACTIVE":
        return ResourceState.GONE
    if status != "ACTIVE" or desired is None or running is None:
        return ResourceState.UNKNOWN
    if desired == 0:
        return ResourceState.STOPPING if running else ResourceState.STOPPED
    return ResourceState.STARTING if not running and raw.get("pendingCount") else ResourceState.RUNNING


def is_up(resource: Resource) -> bool:
    """Whether a sweep reports it: it runs, is about to, or has a status that passes."""
    return resource.state in {ResourceState.RUNNING, ResourceState.STARTING, ResourceState.UNKNOWN}


def resource_of(raw: Any, target: Target, partition: str, flags: Mapping[str, bool] | None) -> Resource:
    """A service as ECS describes it, in the project's words; `flags`: of its scalable target, by the names of FLAGS."""
    told = raw.get("tags")  # asked for, ECS tells an empty list of what has none
    tags = share_texts({tag["key"]: tag.get("value", "") for tag in told or ()})
    resource_id, state = service_id(raw), state_of(raw)
    arn = f"arn:{partition}:ecs:{target.region}:{target.account_id}:service/{resource_id}"
    facts = share_texts(_facts(raw, flags))
    status = raw.get("status")
    word = state.value if status == "ACTIVE" else status
    return spare_unreadable(
        Resource(
            kind="ecs_service",
            target=target,
            resource_id=resource_id,
            arn=raw.get("serviceArn") or arn,
            name=raw["serviceName"],
            state=state,
            aws_state=share_text(word or "unknown"),
            tags=tags,
            facts=facts,
            obstacle=obstacle(facts, tags if told is not None else None),
            created_at=raw.get("createdAt"),
            losses=_LOSSES if state is ResourceState.RUNNING else (),
            restore=_restore(raw, tags, flags) if state in _UP else {},
            details=_details(
                ", ".join(one.get("capacityProvider", "") for one in raw.get("capacityProviderStrategy") or ()),
                managed_by(tags) if told is not None else None,
            ),
        )
    )


def flags_of(scalable: Any) -> dict[str, bool]:
    """The flags of a scalable target as AWS tells it; what it does not tell is not suspended."""
    told = scalable.get("SuspendedState") or {}
    return {name: bool(told.get(aws_name)) for name, aws_name in FLAGS.items()}


def flags_to_restore(planned: Resource) -> dict[str, bool]:
    """What it had before its stop; empty where that is not known, or where it has no scalable target."""
    return {name: bool(planned.restore[name]) for name in FLAGS if name in planned.restore}


def has_suspended_scaling(fresh: Resource) -> bool:
    """Whether all its scaling is suspended, as a stop leaves it: what is otherwise is somebody else's doing."""
    return fresh.facts.get(SCALING) == SUSPENDED


def _facts(raw: Any, flags: Mapping[str, bool] | None) -> dict[str, Fact]:
    deployments = raw.get("deployments") or ()
    parts = str(raw.get("serviceArn") or "").rpartition(":")[2].split("/")
    return {
        "cluster": _last(raw["clusterArn"]),
        "status": raw.get("status"),
        "desired_count": raw.get("desiredCount"),
        "running_count": raw.get("runningCount"),
        "launch_type": raw.get("launchType"),
        "scheduling_strategy": raw.get("schedulingStrategy"),
        "resource_management_type": raw.get("resourceManagementType"),
        "deployments": len(deployments),
        "rollout_state": next((state for one in deployments if (state := one.get("rolloutState"))), None),
        "has_long_arn": len(parts) == _LONG_ARN_PARTS,
        SCALING: _scaling(flags),
    }


def _scaling(flags: Mapping[str, bool] | None) -> str | None:
    if flags is None:
        return None
    return SUSPENDED if all(flags.values()) else PARTLY if any(flags.values()) else ACTIVE


def _restore(raw: Any, tags: Tags, flags: Mapping[str, bool] | None) -> dict[str, Fact]:
    """Of what runs. Where a sweep has suspended all scaling of it, as its mark says, and nobody gave that back (the
    sweep died, or a person started it), the flags are not those to go back to: the ledger has these.
    """
    count: dict[str, Fact] = {DESIRED_COUNT: raw["desiredCount"]}
    by_a_sweep = SWEEP_ID.fullmatch(tags.get(STOPPED_BY_TAG, "")) is not None and _scaling(flags) == SUSPENDED
    return count if by_a_sweep else {**count, **(flags or {})}


@lru_cache(maxsize=4096)
def _details(capacity_providers: str, managers: str | None) -> Mapping[str, Fact]:
    """One mapping for all that are alike in these."""
    return share_texts({"capacity_providers": capacity_providers, MANAGED_BY_WORD: managers})


def managed_by(tags: Tags) -> str:
    """The stack, where its tags name one: nothing else of what the condition knows has services."""
    return STACK if any(key.startswith("aws:cloudformation:") for key in tags) else ""


def obstacle(facts: Mapping[str, Fact], tags: Tags | None) -> Obstacle | None:
    """Why a service is kept whatever the policy says; None when nothing is in the way.

    What AWS did not say (None for its tags) is in the way. A service that CodeDeploy or another controller deploys is
    not: it takes a desired count like any other.
    """
    if facts.get("resource_management_type") == "ECS":
        text = "It is an Express service, which ECS manages by an API of its own."
        return Obstacle(ObstacleCode.OWNED, text)
    sentence = next(_cannot_be_stopped(facts), None)
    if sentence is None and tags is None:
        sentence = "AWS did not tell its tags, so they may spare it."
    return Obstacle(ObstacleCode.CANNOT_STOP, sentence) if sentence else None


def _cannot_be_stopped(facts: Mapping[str, Fact]) -> Iterator[str]:
    status, deployments, rollout = facts.get("status"), facts.get("deployments"), facts.get("rollout_state")
    strategy = facts.get("scheduling_strategy")
    if strategy == "DAEMON":
        yield "It is a daemon, with one task on each host of its cluster; AWS takes no count of tasks for it."
    elif strategy != "REPLICA":
        yield f"Its scheduling strategy is {strategy or 'unknown'}, so AWS may take no count of tasks for it."
    if status != "ACTIVE":
        yield f"Its status is {status or 'unknown'}, not ACTIVE: ECS is about to delete it, or has."
    if isinstance(deployments, int) and deployments > 1:
        yield f"It has {deployments} deployments: a roll-out runs, and would set its own count."
    if rollout == "IN_PROGRESS":
        yield "Its deployment is IN_PROGRESS: a roll-out runs, and would set its own count."
    if facts.get("has_long_arn") is not True:
        yield "Its ARN has the short form, with which AWS takes no tags, so it could not be marked."


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]
