"""The Lambda event, parsed; an unknown field is an error that names it."""

from __future__ import annotations

import os
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from orchestrator.core.model import Mode
from orchestrator.core.model.marks import SWEEP_ID
from orchestrator.core.policy.schema.fields import DURATION
from orchestrator.errors import EventError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import SweepSummary
from orchestrator.settings import SweepMode, without_external_id

_EVENT = (
    'An event has at most "mode" ("plan", "enforce" or "approve"), "id", "sweep_id", "policy" and, with mode "plan", '
    '"notify_before"; a schedule carries it as its Input.'
)


class SweepEvent(BaseModel):
    """What a trigger asks for; every field is optional.

    `id` names what triggered it, such as `<aws.scheduler.execution-id>`; the same id is one sweep. A `sweep_id` is one
    that the ledger knows, and resumes that sweep. `policy` is one that the settings allow. A plan with `notify_before`
    decides for that much later, and warns owners of what will be done then.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: SweepMode | None = None
    id: str | None = Field(default=None, min_length=1, max_length=256)
    sweep_id: str | None = Field(default=None, pattern=f"^{SWEEP_ID.pattern}$")
    policy: str | None = Field(default=None, min_length=1)
    notify_before: str | None = Field(default=None, pattern=DURATION)

    @field_validator("notify_before")
    @classmethod
    def _is_a_preview(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("mode") is not Mode.PLAN:
            raise ValueError('it belongs to mode "plan" alone: only a preview warns')
        return value


def parse(event: dict[str, Any]) -> SweepEvent:
    """The event. Raises EventError that names every wrong field."""
    try:
        return SweepEvent.model_validate(event)
    except ValidationError as invalid:
        # `from None`, since the other exception quotes the values
        raise EventError(f"the event is not understood: {problems_of(invalid)}. {_EVENT}") from None


def problems_of(invalid: ValidationError) -> str:
    """Every wrong field by its name, and what would be right; no values, any of which may be the external id."""
    problems = "; ".join(f"{_field(error)}: {error['msg']}" for error in invalid.errors())
    return without_external_id(os.environ, problems)


def sweep_to_resume(ledger: Ledger, asked: SweepEvent) -> SweepSummary | None:
    """The sweep whose id the event has; None for a new one, whose id is made.

    Raises EventError for an id that the ledger does not know, and for another mode than that sweep's.
    """
    if asked.sweep_id is None:
        return None
    begun = ledger.sweep(asked.sweep_id)
    if begun is None:
        raise EventError(
            f"sweep_id: the ledger knows no sweep {asked.sweep_id}, so none is resumed; leave it out for a new sweep, "
            'and have "id" where a repeated event is to be the same sweep'
        )
    if asked.mode not in (None, begun.mode):
        raise EventError(f"mode: {begun.sweep_id} was begun in mode {begun.mode}, and keeps it; leave it out")
    return begun


def _field(error: Any) -> str:
    return ".".join(str(part) for part in error["loc"]) or "event"
