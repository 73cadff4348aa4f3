"""Another active policy of the same table, as a sweep knows it: what two policies own, both keep."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.core.model.names import NO_NAMES, Names


@dataclass(frozen=True, slots=True)
class OtherPolicy:
    """Its active version; frozen with the plan, without the text."""

    name: str
    sha256: str
    source: str = ""
    text: str = field(default="", repr=False)
    names: Names = NO_NAMES
    """Those of it of which it is not sure what they are names of: what depends on them it may own."""
    unread: str = ""
    """Why it is not known what it owns, and what to do; empty where it is known."""
