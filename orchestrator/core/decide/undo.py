"""Undoing a sweep: start exactly what it stopped, unless its state changed since. Always with a reason.

A mark alone starts nothing: the ledger has to know that AWS accepted the stop, or mark, state and times have to agree
where it does not know. A mark that was removed since is written again, where everything else agrees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from orchestrator.core.decide.whose import is_after, is_later_start, may_be_of
from orchestrator.core.model import Action, Decision, Reason, ReasonCode, Resource, ResourceState, Verdict, time_text
from orchestrator.core.model.kind import StopEvidence
from orchestrator.core.model.marks import STOPPED_BY_TAG, SWEEP_ID
from orchestrator.core.model.remembered import RememberedStop


def decide_undo(
    stopped: Resource,
    fresh: Resource | None,
    sweep_id: str,
    requested_at: datetime | None,
    evidence: StopEvidence,
    start_asked_at: datetime | None = None,
    *,
    accepted: bool,
    held: bool = False,
) -> Decision:
    """Start or keep for one resource that the sweep stopped, or may have stopped.

    `stopped` is the resource as the sweep knew it, as far as the ledger has that, `fresh` as it is now (None: gone),
    `requested_at` when the sweep asked for the stop, `evidence` what tells of its kind that it is down by it,
    `start_asked_at` when an earlier undo asked for its start, which was not seen to come up.
    `accepted`: the ledger knows that AWS accepted the stop, or that it was seen; else what came of it is unknown.
    `held`: by the ledger it is this sweep that holds it down, whatever a mark says that another sweep wrote late. A
    person's own word in the mark counts.
    """
    times = _Times(requested_at, evidence, start_asked_at, stopped.started_at)
    keep = next(_reasons_to_keep(fresh, sweep_id, times, accepted=accepted, held=held), None)
    reason = keep or Reason(ReasonCode.STOPPED_BY_SWEEP, f"Sweep {sweep_id} stopped it and nobody touched it since.")
    if keep is None and fresh is not None and accepted:
        if not fresh.tags.get(STOPPED_BY_TAG):
            reason = reason._replace(sentence=f"{reason.sentence.removesuffix('.')}, but for its mark.")
        fresh = replace(fresh, restore={**fresh.restore, STOPPED_BY_TAG: sweep_id})
    if keep is None and fresh is not None:
        fresh = with_started_units(fresh, evidence)
    return Decision(
        resource=fresh or stopped,
        verdict=Verdict.KEEP if keep else Verdict.START,
        reason_code=reason.code,
        reason=reason.sentence,
        action=Action.START,
        facts=(fresh or stopped).facts,
    )


def why_not_down_by(fresh: Resource, stop: RememberedStop) -> Reason | None:
    """Why nothing proves that it is down by that stop alone, which is the one in its mark; None where it is."""
    times = _Times(stop.requested_at, stop.evidence, stop.start_asked_at, stop.started_before)
    return next(_reasons_to_keep(fresh, stop.sweep_id, times, accepted=False, held=True), None)


def fell_back(fresh: Resource, start_asked_at: datetime | None) -> bool:
    """Whether AWS says that the start which was asked for then came to nothing, and it was not started since."""
    return fresh.start_failure is not None and _fell_back(fresh, start_asked_at)


class EarlierStart(NamedTuple):
    """A start that an earlier undo of the same sweep, or a sweep since, asked for, and AWS accepted."""

    sweep_id: str
    asked_at: datetime | None
    seen_at: datetime | None
    """When it was seen to run; None: it was not by then."""
    is_undo: bool = True

    @property
    def by(self) -> str:
        """Who asked for it, for a sentence."""
        return f"{'undo' if self.is_undo else 'sweep'} {self.sweep_id}"


def name_earlier_start(decision: Decision, earlier: EarlierStart | None) -> Decision:
    """The same decision; of what runs, or is coming up, by such a start the reason names who asked for it."""
    if earlier is None or not _is_by(decision.resource, earlier):
        return decision
    fresh, by = decision.resource, f"by {earlier.by}"
    if decision.reason_code is ReasonCode.STARTED_SINCE and fresh.state is ResourceState.RUNNING:
        return replace(decision, reason=f"It is {fresh.aws_state}: started {by}.")
    if decision.reason_code is ReasonCode.IN_TRANSITION and fresh.state is ResourceState.STARTING:
        text = f"It is {fresh.aws_state}: it is being started {by}. Undo again where it does not come up."
        return replace(decision, reason=text)
    return decision


def _is_by(fresh: Resource, earlier: EarlierStart) -> bool:
    """As far as AWS's time of its start tells."""
    if fresh.started_at is None or earlier.asked_at is None:
        return True
    return may_be_of(fresh.started_at, earlier.asked_at, (earlier.seen_at or earlier.asked_at) - earlier.asked_at)


class _Times(NamedTuple):
    requested_at: datetime | None
    evidence: StopEvidence
    start_asked_at: datetime | None
    started_before: datetime | None
    """When it was started before the sweep stopped it."""


def _reasons_to_keep(
    fresh: Resource | None, sweep_id: str, times: _Times, *, accepted: bool, held: bool
) -> Iterator[Reason]:
    if fresh is None:
        yield Reason(ReasonCode.GONE, "It is gone.")
        return
    yield from _by_state(fresh, accepted=accepted)
    by = fresh.tags.get(STOPPED_BY_TAG)
    is_late = by is not None and SWEEP_ID.fullmatch(by) is not None and accepted and held
    if by and by != sweep_id and not is_late:
        yield Reason(ReasonCode.NOT_MARKED, f"Its tag {STOPPED_BY_TAG} names {by!r}, not this sweep.")
    if not by and not accepted:
        text = f"It has no {STOPPED_BY_TAG} tag, and the ledger does not know that AWS accepted its stop."
        yield Reason(ReasonCode.NOT_MARKED, text)
    if not by and not times.evidence.is_dated:
        text = f"It has no {STOPPED_BY_TAG} tag, and AWS does not say when it was stopped: it may have been by others."
        yield Reason(ReasonCode.NOT_MARKED, text)
    if times.evidence.is_dated and not _fell_back(fresh, times.start_asked_at):
        yield from _by_times(fresh, times)
    yield from lacks_size(fresh, times.evidence)


def lacks_size(down: Resource, evidence: StopEvidence) -> Iterator[Reason]:
    """Why it cannot be started as it was: the ledger does not have what that takes."""
    missing = sorted(evidence.start_needs - down.restore.keys())
    if missing:
        text = (
            f"What it was before it was stopped is not known ({', '.join(missing)}): nothing says as what to start it."
        )
        yield Reason(ReasonCode.UNKNOWN_SIZE, text)


def with_started_units(down: Resource, evidence: StopEvidence) -> Resource:
    """The same with as many units as a start brings up, by what the ledger has of its size."""
    units = down.restore.get(evidence.started_units)
    return replace(down, units=units) if isinstance(units, int) and units != down.units else down


def _by_state(fresh: Resource, *, accepted: bool) -> Iterator[Reason]:
    if fresh.state is ResourceState.GONE:
        yield Reason(ReasonCode.GONE, f"It is {fresh.aws_state}: it is gone.")
    if fresh.state is ResourceState.STOPPING:
        yield Reason(ReasonCode.STILL_STOPPING, "It is still stopping; undo again when it is stopped.")
    if fresh.state is ResourceState.STARTING:
        text = f"It is {fresh.aws_state}: it is being started. Undo again where it does not come up."
        yield Reason(ReasonCode.IN_TRANSITION, text)
    if fresh.state is ResourceState.UNKNOWN and fresh.start_failure is None:
        text = f"It is {fresh.aws_state}, neither running nor stopped; undo again when it is stopped."
        yield Reason(ReasonCode.IN_TRANSITION, text)
    if fresh.state is ResourceState.RUNNING:
        since = "somebody started it since" if accepted else "it was not stopped, or somebody started it since"
        yield Reason(ReasonCode.STARTED_SINCE, f"It is {fresh.aws_state}: {since}.")


def _fell_back(fresh: Resource, start_asked_at: datetime | None) -> bool:
    """Whether it is down because the start that an earlier undo asked for came to nothing, and was not started since.

    AWS says when a stop was that somebody asked for. Without a time there was none; with a reason, its times are those
    of that start, and say nothing of the stop. What may have run was perhaps stopped by somebody.
    """
    if start_asked_at is None or fresh.may_have_run or (fresh.start_failure is None and fresh.changed_at is not None):
        return False
    return fresh.started_at is None or not is_after(fresh.started_at, start_asked_at)


def _by_times(fresh: Resource, times: _Times) -> Iterator[Reason]:
    stopped_at, started_at, requested_at = fresh.changed_at, fresh.started_at, times.requested_at
    if requested_at is None or stopped_at is None:
        text = "Nobody can say when it was stopped, so it may have been stopped by somebody else since."
        yield Reason(ReasonCode.STOPPED_BY_OTHERS, text)
    elif not may_be_of(stopped_at, requested_at, times.evidence.noted_within):
        text = f"It was stopped at {time_text(stopped_at)}, not by this sweep: somebody started it in between."
        yield Reason(ReasonCode.STOPPED_BY_OTHERS, text)
    if requested_at is not None and is_later_start(started_at, times.started_before, requested_at):
        text = f"It was started at {time_text(started_at)}, after this sweep stopped it, and stopped again."
        yield Reason(ReasonCode.STARTED_SINCE, text)
