"""Prove that a deployment works, on one resource that a person names: stop it, see it down, start it, see it up.

A plan of that one resource, applied under a person's consent, and its undo: three sweeps like any others, each with its
report. So whatever holds a sweep holds these, and a process that dies leaves what `history` shows and `undo` starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from orchestrator.core.model import OutcomeStatus, Resource, ResourceKey, ResourceState, Verdict
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.document import INCOMPLETE, document_exit_code
from orchestrator.core.report.endings import ended_by
from orchestrator.errors import ConsentError, HaltedError, NotConfirmedError, PlanError
from orchestrator.ports import Runtime, Stores, TargetUnreadableError, Time
from orchestrator.sweep import coordination
from orchestrator.sweep.coordination import Busy, Ended, Result
from orchestrator.sweep.undo import UndoFilter

Look = Callable[[ResourceKey], Resource | None]
"""At the resource as it is now; None: AWS does not know it. Raises TargetUnreadableError."""
REFUSED = 2
"""The exit code where nothing was stopped: this resource cannot be proved on."""
_DOWN_WITHIN = timedelta(minutes=5)
_LOOK_AGAIN_AFTER = 5.0
"""Seconds."""
_MAY_BE_DOWN = frozenset({OutcomeStatus.STOPPED, OutcomeStatus.STOPPING, OutcomeStatus.UNKNOWN})
_NOTHING_DONE = (NotConfirmedError, ConsentError, HaltedError, PlanError)
"""What ends an apply before its first action."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How far it came; the sweeps in their order, of which the last may be another process's."""

    plan: Result
    applied: Result | None = None
    undone: Result | None = None
    why: str = ""
    """Why it ended where it did; empty where it was proved."""
    exit_code: int = 0

    @property
    def is_proved(self) -> bool:
        """Stopped, seen stopped, started, seen running, unmarked."""
        return not self.why

    @property
    def to_undo(self) -> str:
        """The id of the sweep that may hold the resource down; empty where none does."""
        if self.is_proved or not isinstance(self.applied, Ended) or _status(self.undone) == OutcomeStatus.STARTED:
            return ""
        return self.applied.sweep_id if _status(self.applied) in _MAY_BE_DOWN else ""


def prove(
    stores: Stores,
    policy: OrgPolicy,
    key: ResourceKey,
    new_id: Callable[[], str],
    runtime: Runtime,
    look: Look,
    time: Time,
) -> Proof:
    """`policy` is about this resource alone (one_resource.text_for_one).

    `runtime.confirm` is asked before the stop, and again before the start. Raises as coordination.sweep.
    """
    plan = coordination.plan_resource(stores, policy, new_id(), key, runtime)
    if isinstance(plan, Busy) or not _is_to_be_stopped(plan.document, key):
        return _ended(plan)
    applied = _apply(stores, plan.sweep_id, new_id(), runtime)
    if isinstance(applied, Busy) or _status(applied) not in (OutcomeStatus.STOPPED, OutcomeStatus.STOPPING):
        return _ended(plan, applied)
    try:
        waited = _wait_until_down(look, key, runtime, time)
        if waited:
            return Proof(plan, applied, why=waited, exit_code=max(INCOMPLETE, document_exit_code(applied.document)))
        only = UndoFilter.of(key)
        return _ended(plan, applied, coordination.undo(stores, applied.sweep_id, new_id(), only, runtime))
    except BaseException:
        runtime.warn(undo_later(key, applied.sweep_id))
        raise


def undo_later(key: ResourceKey, sweep_id: str) -> str:
    """What a person does about a resource that is still down."""
    return f"{key.resource_id} may be down; to start it: stop-orchestrator undo {sweep_id}"


def _apply(stores: Stores, plan_id: str, sweep_id: str, runtime: Runtime) -> Result:
    try:
        return coordination.apply(stores, plan_id, sweep_id, runtime)
    except _NOTHING_DONE:
        raise
    except BaseException:
        runtime.warn(f"Where it was stopped: stop-orchestrator undo {sweep_id}")
        raise


def _is_to_be_stopped(document: Mapping[str, Any], key: ResourceKey) -> bool:
    """And nothing else is, and no guardrail holds it."""
    stops = [row for row in document["decisions"] if row["verdict"] != Verdict.KEEP]
    return [ResourceKey.from_row(row) for row in stops] == [key] and not document_exit_code(dict(document))


def _wait_until_down(look: Look, key: ResourceKey, runtime: Runtime, time: Time) -> str:
    """Why not, where it is not seen stopped. What is gone is left to the undo to say."""
    runtime.progress.phase(f"Waiting until {key.resource_id} is stopped")
    until = time.clock() + _DOWN_WITHIN.total_seconds()
    seen = "it was not seen since"
    while True:
        if runtime.interrupted():
            return "it was interrupted"
        try:
            found = look(key)
            if found is None or found.state in (ResourceState.STOPPED, ResourceState.GONE):
                return ""
            seen = f"it was still {found.aws_state}"
        except TargetUnreadableError as refusal:
            seen = f"it could not be looked at: {refusal}"
        if time.clock() >= until:
            return f"{seen} after {_DOWN_WITHIN.total_seconds() / 60:g} minutes"
        time.sleep(_LOOK_AGAIN_AFTER)


def _ended(plan: Result, applied: Result | None = None, undone: Result | None = None) -> Proof:
    """The last one that there is says why, where it is not proved."""
    last = undone or applied or plan
    documents = [one.document for one in (plan, applied, undone) if isinstance(one, Ended)]
    code = max(map(document_exit_code, documents), default=0)
    if isinstance(last, Busy):
        why = f"{last.sweep_id} is running by the same policy; try again when `history` shows its end"
        return Proof(plan, applied, undone, why, max(code, 1))
    if undone is not None and _status(undone) == OutcomeStatus.STARTED and not code:
        return Proof(plan, applied, undone)
    least = REFUSED if not last.document["outcomes"] and undone is None else INCOMPLETE
    if last is plan:
        least = REFUSED
    return Proof(plan, applied, undone, _why(last.document), code or least)


def _status(result: Result | None) -> str:
    """Of the one outcome, where there is one."""
    rows = result.document["outcomes"] if isinstance(result, Ended) else ()
    return str(rows[0]["status"]) if rows else ""


def _why(document: Mapping[str, Any]) -> str:
    """In the words of the report: of the outcome, the decision, the guardrail, or the coverage."""
    if document["error"]:
        return ended_by(document["error"])
    held = next((row for row in document["guardrails"] if not row["passed"]), None)
    if held is not None:
        return f"guardrail {held['name']} holds it: {held['actual']} (limit {held['limit']}) {held['detail']}".strip()
    for row in document["outcomes"]:
        said = ": ".join(filter(None, (row["code"], row["message"], *row["warnings"])))
        if row["status"] != OutcomeStatus.WOULD_STOP:
            return f"{row['status']}{f', {said}' if said else ''}"
    for row in document["decisions"]:
        return str(row["reason"])
    row = document["coverage"][0]
    return f"{row['status']}: {row['detail']}"
