"""The Lambda event, parsed; an unknown field is an error that names it."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrator.errors import EventError
from orchestrator.settings import SWEEP_ID, SweepMode

_EVENT = (
    'An event has at most "mode" ("plan", "enforce" or "approve"), "id", "sweep_id" and "policy"; a schedule carries '
    "it as its Input."
)


class SweepEvent(BaseModel):
    """What a trigger asks for; every field is optional.

    `id` names what triggered it, such as `<aws.scheduler.execution-id>`; the same id is one sweep. A `sweep_id` that
    the ledger knows resumes that sweep.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: SweepMode | None = None
    id: str | None = Field(default=None, min_length=1, max_length=256)
    sweep_id: str | None = Field(default=None, pattern=f"^{SWEEP_ID.pattern}$")
    policy: str | None = Field(default=None, min_length=1)


def parse(event: dict[str, Any]) -> SweepEvent:
    """The event. Raises EventError that names every wrong field."""
    try:
        return SweepEvent.model_validate(event)
    except ValidationError as invalid:
        problems = "; ".join(f"{_field(error)}: {error['msg']}" for error in invalid.errors())
        shown = json.dumps(event, default=str)[:500]
        raise EventError(f"the event {shown} is not understood: {problems}. {_EVENT}") from invalid


def _field(error: Any) -> str:
    return ".".join(str(part) for part in error["loc"]) or "event"
