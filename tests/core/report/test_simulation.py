"""What two policies ask differently."""

from __future__ import annotations

from orchestrator.core.decide.simulate import Asked, Moment, Simulated
from orchestrator.core.model import ResourceKey
from orchestrator.core.report.simulation import differing_rows
from tests.support.builders import AT, a_resource

LATER = AT.replace(year=AT.year + 1)


def asked(key: ResourceKey, *states: Asked) -> Simulated:
    return Simulated(key, tuple(Moment(at, one, "nights", "why") for at, one in zip((AT, LATER), states, strict=False)))


def test_to_keep_what_the_other_policy_does_not_look_at_is_no_difference() -> None:
    kept, stopped = a_resource("i-1").key, a_resource("i-2").key
    one = [asked(kept, Asked.KEPT), asked(stopped, Asked.KEPT, Asked.STOPPED)]
    for named in ({"a": one, "b": []}, {"b": [], "a": one}):
        [row] = differing_rows(named)
        assert (row["policy"], row["resource_id"], row["from"], row["to"]) == ("a", "i-2", "kept", "stopped")


def test_what_both_ask_at_the_same_moment_is_no_difference() -> None:
    key = a_resource().key
    one, other = [asked(key, Asked.RUNNING, Asked.STOPPED)], [asked(key, Asked.KEPT, Asked.STOPPED)]
    assert [(row["policy"], row["to"]) for row in differing_rows({"a": one, "b": other})] == [
        ("a", "running"),
        ("b", "kept"),
    ]
    assert differing_rows({"a": one, "b": one}) == []
