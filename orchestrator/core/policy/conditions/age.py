"""`age`: how long ago the resource was made, however often it was started since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from orchestrator.core.model import KindDescription, Resource
from orchestrator.core.policy.conditions.interface import Word
from orchestrator.core.policy.conditions.spans import SpanCompares, span_word


@dataclass(frozen=True, slots=True)
class AgeCompares(SpanCompares):
    word: ClassVar[str] = "age"
    time: ClassVar[str] = "created_at"

    def since(self, resource: Resource) -> datetime | None:
        return resource.created_at


def age_word(kinds: Sequence[KindDescription]) -> Word:
    """For the kinds of which AWS tells when they were made."""
    return span_word(AgeCompares, "How long ago it was made.", kinds)
