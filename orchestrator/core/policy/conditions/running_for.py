"""`running_for`: how long ago the resource was started last, while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from orchestrator.core.model import KindDescription, Resource, ResourceState
from orchestrator.core.policy.conditions.interface import Word
from orchestrator.core.policy.conditions.spans import SpanCompares, span_word


@dataclass(frozen=True, slots=True)
class RunningForCompares(SpanCompares):
    """Unknown of what does not run: it is neither long nor short, and a rule must not start it for that."""

    word: ClassVar[str] = "running_for"
    time: ClassVar[str] = "started_at"

    def since(self, resource: Resource) -> datetime | None:
        return resource.started_at if resource.state is ResourceState.RUNNING else None


def running_for_word(kinds: Sequence[KindDescription]) -> Word:
    """For the kinds of which AWS tells when they were started."""
    description = "How long it has run since its last start; unknown of what does not run."
    return span_word(RunningForCompares, description, kinds)
