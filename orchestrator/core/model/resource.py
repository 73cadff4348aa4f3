"""One thing that can be stopped, as its kind read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.model.organization import Tags, Target

Fact = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing that can be stopped. `facts` are what its kind read about it, under AWS's words in snake case."""

    kind: str
    target: Target
    resource_id: str
    arn: str
    name: str
    state: str
    tags: Tags
    facts: Mapping[str, Fact]
