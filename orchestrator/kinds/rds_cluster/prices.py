"""What AWS bills of a DB cluster, purely: nothing of it is known by what its own description tells."""

from __future__ import annotations

from orchestrator.core.model import Resource
from orchestrator.core.model.price import Billed

_UNKNOWN = Billed(
    running_unknown="AWS bills its members by their classes, which a DB cluster does not tell",
    still_unknown="AWS does not tell the size of its storage",
)


def billed(_resource: Resource) -> Billed:
    """The same of each."""
    return _UNKNOWN
