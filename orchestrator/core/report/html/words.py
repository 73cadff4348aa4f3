"""The words of the page for codes: short, for a table's cell."""

from __future__ import annotations

from orchestrator.core.model import ReasonCode, TargetStatus

REASONS = {
    ReasonCode.OUTSIDE_SCHEDULE: "outside of its running hours",
    ReasonCode.ANY_TIME: "its rule has no schedule",
    ReasonCode.IN_RUNNING_TIME: "its running hours began",
    ReasonCode.STOPPED_BY_HAND: "stopped by hand",
    ReasonCode.STOP_UNDATED: "nothing says when it was stopped",
    ReasonCode.NOT_STOPPED_BY_US: "no sweep stopped it",
    ReasonCode.UNREADABLE_LEDGER: "the ledger could not be read",
    ReasonCode.STOPPED_BY_SWEEP: "the undone sweep stopped it",
    ReasonCode.EXEMPT: "opted out",
    ReasonCode.NOT_RUNNING: "not running",
    ReasonCode.CANNOT_STOP: "AWS cannot stop it",
    ReasonCode.OWNED: "a service owns it",
    ReasonCode.NO_RULE: "no rule matches it",
    ReasonCode.UNKNOWN_CONDITION: "whether a rule matches it is unknown",
    ReasonCode.OWNED_BY_TWO_POLICIES: "two policies own it",
    ReasonCode.SCHEDULE: "within its running hours",
    ReasonCode.UNKNOWN_SCHEDULE: "its schedule is unknown",
    ReasonCode.NO_SCHEDULE: "it names no schedule",
    ReasonCode.EITHER_BY_SCHEDULE: "its schedule asks for nothing now",
    ReasonCode.STARTED_BY_HAND: "started by hand",
    ReasonCode.UNKNOWN_START: "when it was started is unknown",
    ReasonCode.NOT_ACCEPTED: "a stop would lose data",
    ReasonCode.UNKNOWN_LOSS: "a stop may lose data",
    ReasonCode.CHANGED: "changed since the plan",
    ReasonCode.NOT_SEEN_AGAIN: "could not be looked at again",
    ReasonCode.GONE: "gone",
    ReasonCode.STILL_STOPPING: "still stopping",
    ReasonCode.IN_TRANSITION: "changing its state",
    ReasonCode.STARTED_SINCE: "started since",
    ReasonCode.MARKS_LEFT: "its marks could not be deleted",
    ReasonCode.NOT_MARKED: "it has no mark of that sweep",
    ReasonCode.STOPPED_BY_OTHERS: "nothing proves that the sweep stopped it",
    ReasonCode.PLAN_UNREADABLE: "its plan cannot be read any more",
    ReasonCode.NARROWED: "the sweep was narrowed to something else",
    ReasonCode.NOT_MISSED: "no load balancer misses it",
    ReasonCode.NOTICE_GIVEN: "its stop is announced first",
    ReasonCode.NOTICE: "announced, not due yet",
    ReasonCode.NOTICE_UNKNOWN: "its notice is unknown",
    ReasonCode.NOTICE_WITHDRAWN: "its notice is withdrawn",
    ReasonCode.TAGGED_BY_RULE: "its rule writes tags",
    ReasonCode.HAS_TAGS: "it has its tags",
    ReasonCode.ONLY_REPORTED: "its rule only reports it",
    ReasonCode.TAGGED_BY_SWEEP: "the undone sweep wrote its tags",
}
COVERAGE = {
    TargetStatus.SCANNED: ("✓", "read"),
    TargetStatus.DENIED: ("D", "denied"),
    TargetStatus.FAILED: ("F", "failed"),
    TargetStatus.NOT_ATTEMPTED: ("N", "not attempted"),
    TargetStatus.REGION_DISABLED: ("–", "region disabled"),  # noqa: RUF001 - a dash as pages have it
    TargetStatus.SUSPENDED: ("S", "account suspended"),
    TargetStatus.EXCLUDED: ("X", "excluded by the policy"),
    TargetStatus.OPTED_OUT: ("O", "account opted out"),
}
"""A sign for a cell of the map, and what it means."""


def reason_words(code: str) -> str:
    """Of a reason's code; of one that this release does not know, the code."""
    return REASONS.get(ReasonCode(code), code) if code in ReasonCode._value2member_map_ else code.replace("_", " ")
