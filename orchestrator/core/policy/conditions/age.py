"""`age`: how long ago the resource was made, however often it was started since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.core.policy.conditions.interface import Word
from orchestrator.core.policy.conditions.spans import CREATED_AT, span_word

if TYPE_CHECKING:
    from orchestrator.core.model import KindDescription


def age_word(kinds: Sequence[KindDescription]) -> Word:
    """For the kinds of which AWS tells when they were made."""
    return span_word("age", CREATED_AT, "How long ago it was made.", kinds)
