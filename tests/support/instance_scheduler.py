"""Instance Scheduler's schedules as data, and what its own code made of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from orchestrator.core.importing.imported import Imported, InputFile
from orchestrator.core.importing.instance_scheduler.policy import Options, import_schedules
from orchestrator.core.policy.loading import load_policy
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.schedules.answer import ScheduleState
from orchestrator.kinds.registry import DESCRIPTIONS

DATA = Path(__file__).parents[1] / "data/imports/instance_scheduler"
_STATES = {"r": ScheduleState.RUNNING, "s": ScheduleState.STOPPED, "a": ScheduleState.EITHER}


def imported(*texts: Any, **options: Any) -> Imported:
    """Of each text, or of a value as JSON."""
    files = [
        InputFile(f"file-{number}", text if isinstance(text, str) else json.dumps(text, indent=3))
        for number, text in enumerate(texts, 1)
    ]
    return import_schedules(files, Options(**{"policy_name": "imported", **options}))


def policy_of(made: Imported) -> OrgPolicy:
    return load_policy(made.text, "imported", DESCRIPTIONS)


def schedules_file() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads((DATA / "schedules.json").read_text())
    return found


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `start` until right before `end` a schedule asks for one state."""

    start: datetime
    end: datetime
    state: ScheduleState


@cache
def _states() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress((DATA / "states.json.gz").read_bytes()))
    return found


def stretches_of(schedule: str) -> Iterator[tuple[Stretch, ...]]:
    """Of each span of time that its own code was asked about, minute by minute."""
    for (first, _), runs in zip(_states()["spans"], _states()["states"][schedule], strict=True):
        at, found = datetime.fromisoformat(first).replace(tzinfo=UTC), []
        for run in runs.split():
            end = at + timedelta(minutes=int(run[1:]))
            found.append(Stretch(at, end, _STATES[run[0]]))
            at = end
        yield tuple(found)


@cache
def runs() -> tuple[Mapping[str, Any], ...]:
    """What it does to an instance run by run, with hands in between."""
    return tuple(json.loads(gzip.decompress((DATA / "runs.json.gz").read_bytes())))
