"""What is kept, and because of what: in words for people, so that every resource that was read is counted somewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from orchestrator.core.model import ReasonCode, Verdict

KEPT_BECAUSE: Mapping[ReasonCode, str] = {
    ReasonCode.OUTSIDE_SCHEDULE: "outside of its running hours",
    ReasonCode.ANY_TIME: "its rule stops it at any time",
    ReasonCode.IN_RUNNING_TIME: "within its running time",
    ReasonCode.STOPPED_BY_HAND: "stopped by hand within its running time",
    ReasonCode.STOP_UNDATED: "down, and since when is unknown",
    ReasonCode.NOT_STOPPED_BY_US: "down, and not provably by a sweep",
    ReasonCode.UNREADABLE_LEDGER: "the ledger could not be read",
    ReasonCode.UNKNOWN_SIZE: "down, and its size before is unknown",
    ReasonCode.STOPPED_BY_SWEEP: "stopped by the sweep that is undone",
    ReasonCode.EXEMPT: "opted out",
    ReasonCode.NOT_RUNNING: "not running",
    ReasonCode.CANNOT_STOP: "something about it rules out a stop",
    ReasonCode.OWNED: "another service owns it, and would replace it",
    ReasonCode.STOPS_WITH_OWNER: "it goes with its owner, which is stopped",
    ReasonCode.NO_RULE: "no rule matches it",
    ReasonCode.UNKNOWN_CONDITION: "whether a rule matches it is unknown",
    ReasonCode.OWNED_BY_TWO_POLICIES: "another active policy owns it too, or may",
    ReasonCode.SCHEDULE: "its schedule says that it runs now",
    ReasonCode.UNKNOWN_SCHEDULE: "its schedule is unknown",
    ReasonCode.MALFORMED_ORDER: "its tag of the order is no number",
    ReasonCode.NO_SCHEDULE: "no tag names its schedule",
    ReasonCode.EITHER_BY_SCHEDULE: "its schedule asks for neither now",
    ReasonCode.STARTED_BY_HAND: "started by hand after its running hours",
    ReasonCode.RESTARTED_BY_AWS: "started again by AWS itself",
    ReasonCode.UNKNOWN_START: "when it was started is unknown",
    ReasonCode.NOT_ACCEPTED: "a stop would lose what its rule does not accept",
    ReasonCode.UNKNOWN_LOSS: "what a stop would lose is unknown",
    ReasonCode.CHANGED: "changed since it was planned",
    ReasonCode.NOT_SEEN_AGAIN: "could not be looked at again before the action",
    ReasonCode.GONE: "gone",
    ReasonCode.STILL_STOPPING: "still stopping",
    ReasonCode.IN_TRANSITION: "neither up nor down",
    ReasonCode.STARTED_SINCE: "started since",
    ReasonCode.MARKS_LEFT: "started since, and its marks are left",
    ReasonCode.NOT_MARKED: "without the mark of the sweep that is undone",
    ReasonCode.STOPPED_BY_OTHERS: "not provably down because of the sweep that is undone",
    ReasonCode.PLAN_UNREADABLE: "the plan cannot be read any more",
    ReasonCode.NARROWED: "the sweep was narrowed to something else",
    ReasonCode.NOT_MISSED: "no load balancer misses it",
    ReasonCode.NOTICE_GIVEN: "its stop is announced first",
    ReasonCode.NOTICE: "its stop was announced, and is not due yet",
    ReasonCode.NOTICE_UNKNOWN: "whether its stop was announced is unknown",
    ReasonCode.NOTICE_WITHDRAWN: "the announcement of its stop is withdrawn",
    ReasonCode.TAGGED_BY_RULE: "its rule writes tags",
    ReasonCode.HAS_TAGS: "it has the tags that its rule writes",
    ReasonCode.ONLY_REPORTED: "its rule only reports it",
    ReasonCode.TAGGED_BY_SWEEP: "tagged by the sweep that is undone",
}


def kept_because(document: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Reasons in words with how many resources each keeps, most first; together all that a report keeps."""
    keep = Verdict.KEEP.value
    codes = Counter(row["reason_code"] for row in document["decisions"] if row["verdict"] == keep)
    counts: Counter[str] = Counter()
    for code, count in codes.items():
        counts[reason_words(str(code))] += count
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def reason_words(code: str) -> str:
    """Of a reason's code; of one that this release does not know, the code."""
    is_known = code in ReasonCode._value2member_map_
    return KEPT_BECAUSE[ReasonCode(code)] if is_known else code.replace("_", " ")
