"""What a sweep stopped and AWS has not brought down yet: the next sweep reports it, since when."""

from __future__ import annotations

from orchestrator.core.model import Resource, ResourceState, Tags
from orchestrator.core.model.marks import STOPPED_BY_TAG


def is_reported(resource: Resource) -> bool:
    """Whether a sweep reports what is on its way down: that which has the mark of one."""
    return resource.state is ResourceState.STOPPING and is_marked(resource.tags)


def is_marked(tags: Tags) -> bool:
    """Whether a sweep stopped it, by its mark."""
    return STOPPED_BY_TAG in tags
