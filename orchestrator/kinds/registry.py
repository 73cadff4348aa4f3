"""Every kind of resource, one line each: the only list of kinds that there is, and what others read of all of them."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING

from orchestrator.core import model
from orchestrator.core.model.kind import KindDescription, OperationRates

if TYPE_CHECKING:  # a kind that acts imports all of AWS, and a policy is checked by the descriptions alone
    from orchestrator.aws.clients import Answers, Clients
    from orchestrator.aws.pacing import Pacing
    from orchestrator.aws.retries import Retries
    from orchestrator.core.model import Action, Fact, Obstacle, Tags
    from orchestrator.doctor.context import PermissionsPort
    from orchestrator.kinds.shared.entry import KindEntry
    from orchestrator.ports import ActingKind

# Each is a folder beside this file.
KINDS: tuple[str, ...] = (
    "ec2",  # a line for each, so that one more is one more line
    "rds",
    "rds_cluster",
    "asg",
    "ecs_service",
    "eks_nodegroup",
    "sagemaker_notebook",
    "redshift_cluster",
)


def _description(name: str) -> KindDescription:
    """In the kind's file `description`, by its name in capitals."""
    described: KindDescription = getattr(import_module(f"orchestrator.kinds.{name}.description"), name.upper())
    return described


DESCRIPTIONS: tuple[KindDescription, ...] = tuple(map(_description, KINDS))


def _entry(name: str) -> KindEntry:
    entry: KindEntry = import_module(f"orchestrator.kinds.{name}.kind").KIND
    return entry


class _MadeWhenAsked(Mapping[str, "ActingKind"]):
    """Every kind by its name; imported and made when it is asked for first, so that what no rule names costs nothing.

    From any thread.
    """

    def __init__(self, make: Callable[[KindEntry], ActingKind]) -> None:
        self._make = make
        self._made: dict[str, ActingKind] = {}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> ActingKind:
        found = self._made.get(name)
        if found is not None:
            return found
        if name not in KINDS:
            raise KeyError(name)
        with self._lock:
            if name not in self._made:
                self._made[name] = self._make(_entry(name))
            return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in KINDS

    def __iter__(self) -> Iterator[str]:
        return iter(KINDS)

    def __len__(self) -> int:
        return len(KINDS)


def make_kinds(
    clients: Clients, retries: Retries, now: Callable[[], datetime], pacing: Pacing
) -> Mapping[str, ActingKind]:
    """Every kind by its name."""
    return _MadeWhenAsked(lambda entry: entry.make(clients, retries, now, pacing))


def make_permissions(clients: Clients, retries: Retries, kinds: Collection[str]) -> tuple[PermissionsPort, ...]:
    """What doctor asks of each of these kinds."""
    return tuple(_entry(name).make_permissions(clients, retries) for name in KINDS if name in kinds)


def member_operations() -> Mapping[str, frozenset[str]]:
    """What clients may be asked for, by botocore's name of the service."""
    merged: dict[str, frozenset[str]] = defaultdict(frozenset)
    for description in DESCRIPTIONS:
        for service, operations in description.operations.items():
            merged[service] |= operations
    return dict(merged)


def answers() -> Answers:
    """What is read of answers, by botocore's names of service and shape."""
    merged: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)
    for description in DESCRIPTIONS:
        for service, shapes in description.answers.items():
            for shape, members in shapes.items():
                merged[service][shape] = merged[service].get(shape, frozenset()) | members
    return dict(merged)


def listings() -> frozenset[str]:
    """What the light path may send, as `service:Operation`."""
    return frozenset().union(*(description.listings for description in DESCRIPTIONS))


def rates() -> Mapping[str, OperationRates]:
    """By `service:Operation`."""
    return {operation: rate for description in DESCRIPTIONS for operation, rate in description.rates.items()}


def services() -> frozenset[str]:
    """Of which clients are made, by botocore's names."""
    return frozenset(member_operations())


def session_permissions(kinds: Collection[str], actions: Collection[Action]) -> frozenset[str]:
    """What a sweep may be allowed at most that reads these kinds and carries out these actions on them."""
    allowed: set[str] = set()
    for description in DESCRIPTIONS:
        if description.name not in kinds:
            continue
        allowed |= description.read_permissions
        if any(not action.starts for action in actions):
            allowed |= description.stop_permissions
        if any(action.starts for action in actions):
            allowed |= description.start_permissions | description.start_delegations
    return frozenset(allowed)


def obstacle_of(kind: str, facts: Mapping[str, Fact], tags: Tags) -> Obstacle | None:
    """Why a resource of that kind is kept whatever a policy says, by what was read of it; an unknown kind is kept."""
    if kind not in KINDS:
        return model.Obstacle(model.ObstacleCode.CANNOT_STOP, f"This release does not know the kind {kind}.")
    found: Obstacle | None = import_module(f"orchestrator.kinds.{kind}.rules").obstacle(facts, tags)
    return found
