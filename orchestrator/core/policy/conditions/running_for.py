"""`running_for`: how long ago the resource was started last, while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.core.policy.conditions.interface import Word
from orchestrator.core.policy.conditions.spans import STARTED_AT, span_word

if TYPE_CHECKING:
    from orchestrator.core.model import KindDescription


def running_for_word(kinds: Sequence[KindDescription]) -> Word:
    """For the kinds of which AWS tells when they were started."""
    description = "How long it has run since its last start; unknown of what does not run."
    return span_word("running_for", STARTED_AT, description, kinds)
