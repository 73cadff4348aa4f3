"""What the answers of EC2 Auto Scaling mean, purely: states in the project's words, and what a sweep must not touch.

A group has no state of AWS's own: 0 is a size. So its state is told by its sizes and its instances, in words that do
not change with counts. At size 0 its instances end, but for those that are protected or on standby.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from orchestrator.core.model import (
    Fact,
    Loss,
    Obstacle,
    ObstacleCode,
    Resource,
    ResourceState,
    Tags,
    Target,
    time_text,
)
from orchestrator.core.model.managed_by import MANAGED_BY_WORD
from orchestrator.core.model.owners import managers_of_tagged, owner_of_tagged
from orchestrator.core.model.resource import STARTS_AGAIN
from orchestrator.core.model.shared_texts import share_text, share_texts
from orchestrator.core.model.unreadable import spare_unreadable
from orchestrator.kinds.asg.description import INSTANCES_TERMINATED

SIZES: Mapping[str, str] = {"min_size": "MinSize", "max_size": "MaxSize", "desired_capacity": "DesiredCapacity"}
"""What a start gives back, by the names of facts: AWS's names."""
_IDLE = "idle"
"""The word for a group that runs nothing now, and that scaling may start at any time: its maximum is above 0."""
_DELETING = "Delete"
"""How AWS's status of a group begins that is being deleted; no other has a status.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AutoScalingGroup.html
"""
_IN_SERVICE, _ON_STANDBY = "InService", frozenset({"Standby", "EnteringStandby"})
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html
_NEEDED_PROCESSES: Mapping[str, str] = {
    "Terminate": "at size 0 its instances would run on",
    "Launch": "a start would launch no instance again",
}
_NAMED_ACTIONS = 3
_LOSSES = (Loss(INSTANCES_TERMINATED),)
TYPES = "types"
"""The name of a detail: how many of its instances there are of each type, for prices."""


def resource_of(raw: Any, target: Target) -> Resource:
    """A group as the service describes it, in the project's words; without what its scheduled actions do."""
    told = raw.get("Tags")  # an empty list of what has no tags
    tags = share_texts({tag["Key"]: tag.get("Value") or "" for tag in told or ()})
    name, facts, instances = raw["AutoScalingGroupName"], share_texts(_facts(raw)), raw.get("Instances") or ()
    state, word = state_of(raw)
    resource = Resource(
        kind="asg",
        target=target,
        resource_id=name,
        arn=raw["AutoScalingGroupARN"],  # which has an id that nothing else tells
        name=tags.get("Name", ""),
        state=state,
        aws_state=share_text(word),
        tags=tags,
        facts=facts,
        obstacle=obstacle(facts, tags if told is not None else None),
        restore={size: facts[size] for size in SIZES} if state is ResourceState.RUNNING else {},
        units=max(1, _units(raw, instances)),
        losses=_LOSSES if state is ResourceState.RUNNING else (),
        created_at=raw.get("CreatedTime"),
        details=_details(managers_of_tagged(tags) if told is not None else None, _types(instances)),
    )
    return spare_unreadable(resource)


def state_of(raw: Any) -> tuple[ResourceState, str]:
    """By its sizes and its instances; `unknown` for what AWS did not tell, and for a status that is not known here."""
    status, wanted, most = raw.get("Status"), raw.get("DesiredCapacity"), raw.get("MaxSize")
    instances = raw.get("Instances") or ()
    if status:
        return ResourceState.GONE if status.startswith(_DELETING) else ResourceState.UNKNOWN, status
    if wanted is None or most is None:
        return ResourceState.UNKNOWN, "unknown"
    if wanted > 0:
        is_up = any(one.get("LifecycleState") == _IN_SERVICE for one in instances)
        return (ResourceState.RUNNING, "running") if is_up else (ResourceState.STARTING, "starting")
    if instances:  # until lifecycle hooks end
        return ResourceState.STOPPING, "stopping"
    return (ResourceState.STOPPED, "stopped") if most == 0 else (ResourceState.UNKNOWN, _IDLE)


def is_up(resource: Resource) -> bool:
    """Whether a sweep reports it: it runs, is about to, or is in a state that is not known here."""
    if resource.aws_state == _IDLE:
        return False
    return resource.state in {ResourceState.RUNNING, ResourceState.STARTING, ResourceState.UNKNOWN}


def is_down(resource: Resource) -> bool:
    """Whether it runs nothing."""
    return resource.state is ResourceState.STOPPED or resource.aws_state == _IDLE


def may_be_stopped(resource: Resource) -> bool:
    """Whether what starts it again matters: it runs, and nothing is in the way."""
    return resource.state is ResourceState.RUNNING and resource.obstacle is None


def with_scheduled_actions(resource: Resource, actions: Sequence[Any], refusal: str = "") -> Resource:
    """The same group with what starts it again after a stop; one that is not stopped in any case as it is.

    `actions`: those of its region, as AWS describes them; `refusal`: why they could not be read.
    """
    if not may_be_stopped(resource):
        return resource
    own = [one for one in actions if one.get("AutoScalingGroupName") == resource.resource_id and _starts(one)]
    told = _sentence(own) if own else ""
    if refusal:
        told = (
            f"Whether a scheduled action starts it again is unknown (autoscaling:DescribeScheduledActions: {refusal})."
        )
    sentences = [one for one in (resource.facts.get(STARTS_AGAIN), told) if one]
    if not sentences:
        return resource
    return replace(resource, facts={**resource.facts, STARTS_AGAIN: " ".join(map(str, sentences))})


def _starts(action: Any) -> bool:
    """With a maximum of 0 scaling policies start nothing; a scheduled action sets sizes of its own."""
    return any((action.get(size) or 0) > 0 for size in SIZES.values())


def _sentence(actions: Sequence[Any]) -> str:
    ordered = sorted(actions, key=lambda one: (str(one.get("StartTime") or "~"), one.get("ScheduledActionName") or ""))
    names = [_named(one) for one in ordered]
    more = f" and {len(names) - _NAMED_ACTIONS} more" if len(names) > _NAMED_ACTIONS else ""
    if len(names) == 1:
        return f"Its scheduled action {names[0]} starts it again."
    return f"Its {len(names)} scheduled actions start it again: {', '.join(names[:_NAMED_ACTIONS])}{more}."


def _named(action: Any) -> str:
    """With when it is due next, and how often, as far as AWS says so."""
    zone = f" {action.get('TimeZone')}" if action.get("TimeZone") else ""
    recurs = f"{action['Recurrence']}{zone}" if action.get("Recurrence") else ""
    when = ", ".join(one for one in (time_text(action.get("StartTime")), recurs) if one)
    return f"{action.get('ScheduledActionName')}{f' ({when})' if when else ''}"


def _facts(raw: Any) -> dict[str, Fact]:
    instances, operator = raw.get("Instances") or (), raw.get("Operator") or {}
    types = sorted({one["InstanceType"] for one in instances if one.get("InstanceType")})
    suspended = sorted(str(one.get("ProcessName")) for one in raw.get("SuspendedProcesses") or ())
    facts: dict[str, Fact] = {
        **{name: raw.get(field) for name, field in SIZES.items()},
        "instances": len(instances),
        "instance_type": ", ".join(types) or None,
        "launch_template": _launch_template(raw),
        "protected_from_scale_in": sum(bool(one.get("ProtectedFromScaleIn")) for one in instances),
        "on_standby": sum(one.get("LifecycleState") in _ON_STANDBY for one in instances),
        "warm_pool": bool(raw.get("WarmPoolConfiguration")),
        "suspended_processes": ", ".join(suspended) or None,
        "operator": operator.get("Principal"),
        "status": raw.get("Status"),
    }
    if raw.get("PredictedCapacity"):
        facts[STARTS_AGAIN] = "Its predictive scaling starts it again where that may exceed the group's maximum."
    return facts


def _launch_template(raw: Any) -> str | None:
    """Its name: of the mixed instances policy's, of the group's own, or of a launch configuration."""
    mixed = ((raw.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}).get("LaunchTemplateSpecification")
    template = mixed or raw.get("LaunchTemplate") or {}
    name: str | None = template.get("LaunchTemplateName") or raw.get("LaunchConfigurationName")
    return name


def _units(raw: Any, instances: Sequence[Any]) -> int:
    """The instances that it runs, or is about to. Where sizes count weights, vCPUs or memory, those that are there.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-mixed-instances-groups-instance-weighting.html
    """
    counts_others = raw.get("DesiredCapacityType") not in (None, "units")
    if counts_others or any(one.get("WeightedCapacity") for one in instances):
        return len(instances)
    return max(raw.get("DesiredCapacity") or 0, len(instances))


@lru_cache(maxsize=256)
def _details(managers: str | None, types: str | None) -> Mapping[str, Fact]:
    """One mapping for all that are alike."""
    return share_texts({MANAGED_BY_WORD: managers, TYPES: types})


def _types(instances: Sequence[Any]) -> str | None:
    """As `instance_counts` reads it."""
    counts = Counter(one.get("InstanceType") or "" for one in instances)
    return ", ".join(f"{counts[name]} {name}" for name in sorted(counts)) or None if "" not in counts else None


def instance_counts(types: Fact) -> Mapping[str, int]:
    """By type, from the detail of that name; empty where AWS did not tell the type of each."""
    pairs = [one.split(" ", 1) for one in str(types or "").split(", ") if one]
    return {name: int(count) for count, name in pairs}


def obstacle(facts: Mapping[str, Fact], tags: Tags | None) -> Obstacle | None:
    """Why a group is kept whatever the policy says; None when nothing is in the way.

    What AWS did not say (None for its tags) is in the way.
    """
    owner = next(_owners(facts, tags or {}), None)
    if owner is not None:
        return Obstacle(ObstacleCode.OWNED, owner)
    cannot_stop = next(_why_not(facts), None)
    if tags is None and not cannot_stop:
        cannot_stop = "AWS did not tell its tags, so they may spare it."
    return Obstacle(ObstacleCode.CANNOT_STOP, cannot_stop) if cannot_stop else None


def _owners(facts: Mapping[str, Fact], tags: Tags) -> Iterator[str]:
    if facts.get("operator"):
        yield f"Its operator is {facts['operator']}: only that service may change it."
    owner = owner_of_tagged(tags)
    if owner:
        yield f"It belongs to {owner}, which would set its size again."


def _why_not(facts: Mapping[str, Fact]) -> Iterator[str]:
    if facts.get("status"):
        yield f"Its status is {facts['status']}: AWS has one only for groups that are being deleted."
    suspended = str(facts.get("suspended_processes") or "").split(", ")
    for process, effect in _NEEDED_PROCESSES.items():
        if process in suspended:
            yield f"Its process {process} is suspended: {effect}."
    for name, words in (("protected_from_scale_in", "protected from scale-in"), ("on_standby", "on standby")):
        count = facts.get(name)
        if count:
            are, they = ("is", "it") if count == 1 else ("are", "they")
            yield f"{count} of its instances {are} {words}: at size 0 {they} would run on."
    if facts.get("warm_pool"):
        yield "It has a warm pool, which keeps instances of its own whatever the group's size."
    yield from _unclear_sizes(facts)


def _unclear_sizes(facts: Mapping[str, Fact]) -> Iterator[str]:
    least, most, wanted = (facts.get(size) for size in SIZES)
    if not (isinstance(least, int) and isinstance(most, int) and isinstance(wanted, int)):
        yield "AWS did not tell all of its sizes, so nothing would say as what to start it again."
    elif not least <= wanted <= most:  # as predictive scaling leaves it that may exceed the maximum
        yield f"Its desired capacity {wanted} is not within {least} and {most}: AWS would refuse to start it so again."
