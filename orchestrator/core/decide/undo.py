"""Undoing a sweep: start exactly what it stopped, unless somebody touched it since. Always with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from orchestrator.core.model import Action, Decision, Resource, Verdict

STOPPED_BY_TAG = "stop-orchestrator:stopped-by"

# `User initiated (2026-11-25 19:00:12 GMT)`: the only place where EC2 says when an instance stopped.
_TRANSITION = re.compile(r"\((\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}) (?:GMT|UTC)\)")
_TOLERANCE = timedelta(minutes=5)
"""Between asking for a stop and EC2's note of it; also the difference between two clocks."""


def decide_undo(stopped: Resource, fresh: Resource | None, sweep_id: str, requested_at: datetime | None) -> Decision:
    """Start or keep for one resource that the sweep stopped.

    `stopped` is the resource as the sweep knew it, `fresh` as it is now (None: gone), `requested_at` when the sweep
    asked for the stop.
    """
    reason = next(_reasons_to_keep(fresh, sweep_id, requested_at), None)
    return Decision(
        resource=fresh or stopped,
        verdict=Verdict.KEEP if reason else Verdict.START,
        reason=reason or f"Sweep {sweep_id} stopped it and nobody touched it since.",
        action=Action.START,
        facts=(fresh or stopped).facts,
    )


def _reasons_to_keep(fresh: Resource | None, sweep_id: str, requested_at: datetime | None) -> Iterator[str]:
    if fresh is None:
        yield "It is gone: it was terminated since."
        return
    if fresh.state in ("terminated", "shutting-down"):
        yield f"It is {fresh.state}: it was terminated since."
    if fresh.state == "stopping":
        yield "It is still stopping; undo again when it is stopped."
    if fresh.state != "stopped":
        yield f"It is {fresh.state}: somebody started it since."
    by = fresh.tags.get(STOPPED_BY_TAG)
    if by != sweep_id:
        yield f"Its tag {STOPPED_BY_TAG} names {by!r}, not this sweep." if by else f"It has no {STOPPED_BY_TAG} tag."
    stopped_at = transition_time(fresh.facts)
    if requested_at is None or stopped_at is None:
        yield "Nobody can say when it was stopped, so it may have been stopped by somebody else since."
    elif abs(stopped_at - requested_at) > _TOLERANCE:
        yield f"It was stopped at {stopped_at:%Y-%m-%dT%H:%M:%SZ}, not by this sweep: somebody started it in between."
    launched_at = _time(fresh.facts.get("launched_at"))
    if launched_at and requested_at and launched_at > requested_at:
        yield f"It was started at {launched_at:%Y-%m-%dT%H:%M:%SZ}, after this sweep stopped it, and stopped again."


def _time(fact: object) -> datetime | None:
    try:
        return datetime.fromisoformat(fact) if isinstance(fact, str) else None
    except ValueError:
        return None


def transition_time(facts: Mapping[str, object]) -> datetime | None:
    """When EC2 says that the last change of state was; None when it does not say."""
    match = _TRANSITION.search(str(facts.get("state_transition") or ""))
    return datetime.fromisoformat(f"{match[1]}T{match[2]}").replace(tzinfo=UTC) if match else None
