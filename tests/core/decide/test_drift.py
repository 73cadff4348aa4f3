"""Asked again just before a stop: whatever changed since the plan is kept, and the reason says what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.core.decide.decisions import decide
from orchestrator.core.decide.drift import changed, keep_after_all, kept_down_since, kept_since
from orchestrator.core.model import Decision, ReasonCode, Resource, Verdict
from orchestrator.core.model.marks import STOPPED_AT_TAG, STOPPED_BY_TAG
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG
from tests.support.builders import AT, a_decision, a_policy, a_resource, an_account, in_state

POLICY = a_policy("""\
    schedules:
      office: {timezone: UTC, running: ["mon-fri 07:00-18:00"]}
    rules:
      - {name: batch, where: {tag: {Role: batch}}, action: hibernate}
      - {name: nights, where: {account_tag: {Sleeps: "*"}}, schedule: office}
    """)
ACCOUNT = an_account(tags={"Sleeps": "yes"})
HOUR = timedelta(hours=1)
STARTED = datetime(2026, 11, 1, 8, tzinfo=UTC)
BEFORE = a_resource(tags={"Name": "web"}, started_at=STARTED)


def planned(resource: Resource = BEFORE) -> Decision:
    decision = decide(POLICY, resource, ACCOUNT, AT)
    assert decision.verdict is Verdict.STOP
    return decision


def kept(fresh: Resource | None, **changes: Any) -> str | None:
    arguments = {"policy": POLICY, "account": ACCOUNT, "now": AT + timedelta(minutes=30), **changes}
    reason = kept_since(planned(), fresh, **arguments)
    assert reason is None or reason.code is ReasonCode.CHANGED
    return reason.sentence if reason else None


def test_a_resource_that_is_as_it_was_is_stopped() -> None:
    assert kept(BEFORE) is None


def test_a_resource_that_is_gone_is_kept() -> None:
    assert kept(None) == "Changed since the plan: it is gone."


@pytest.mark.parametrize("state", ["stopping", "stopped", "terminated", "pending", "unknown"])
def test_a_resource_in_another_state_is_kept(state: str) -> None:
    assert kept(in_state(BEFORE, state)) == f"Changed since the plan: it was running and is {state}."


@pytest.mark.parametrize(("at", "text"), [(AT + timedelta(minutes=10), "2026-11-23T19:10:00Z"), (None, "None")])
def test_a_resource_that_was_started_again_is_kept(at: datetime | None, text: str) -> None:
    fresh = replace(BEFORE, started_at=at)
    assert kept(fresh) == f"Changed since the plan: it was started again at {text}."


def test_somebody_who_opted_out_since_is_named_with_the_reason_and_not_only_as_another_tag() -> None:
    reason = kept(replace(BEFORE, tags={**BEFORE.tags, OPT_OUT_TAG: "true"}))
    assert reason is not None
    assert reason.startswith("Changed since the plan: ")
    assert OPT_OUT_TAG in reason
    assert "its tags are others" not in reason


def test_a_resource_that_should_run_by_now_is_kept() -> None:
    reason = kept(BEFORE, now=AT + timedelta(hours=12))
    assert reason == (
        "Changed since the plan: rule nights owns it, but its schedule office says that it should run now, "
        "until Tue 2026-11-24 18:00 UTC."
    )


def test_a_resource_that_no_rule_owns_any_more_is_kept() -> None:
    assert kept(BEFORE, account=an_account()) == "Changed since the plan: no rule of the policy matches it."


def test_a_resource_that_another_rule_owns_now_is_kept() -> None:
    fresh = replace(BEFORE, tags={**BEFORE.tags, "Role": "batch"})
    assert kept(fresh) == "Changed since the plan: rule batch owns it now, with the action hibernate."


def test_a_resource_with_other_tags_is_kept_and_each_change_is_said() -> None:
    before = replace(BEFORE, tags={"Name": "web", "A": "1", "B": "2"})
    fresh = replace(BEFORE, tags={"Name": "web", "B": "", "C": "3"})
    reason = kept_since(planned(before), fresh, POLICY, ACCOUNT, AT)
    assert reason is not None
    assert reason.sentence == (
        "Changed since the plan: its tags are others (A: '1' -> absent; B: '2' -> ''; C: absent -> '3')."
    )


def test_the_marks_that_a_process_wrote_before_it_died_are_no_change() -> None:
    marked = {**BEFORE.tags, STOPPED_BY_TAG: "a-sweep", STOPPED_AT_TAG: "2026-11-23T19:00:00Z"}
    assert kept(replace(BEFORE, tags=marked)) is None


@pytest.mark.parametrize(("state", "text"), [("stopped", None), ("running", "it is running."), (None, "it is gone.")])
def test_a_start_holds_while_its_resource_is_in_the_state_that_it_was_planned_in(
    state: str | None, text: str | None
) -> None:
    stopped = in_state(BEFORE, "stopped")
    planned_start = a_decision(stopped, Verdict.START)
    reason = kept_down_since(planned_start, in_state(BEFORE, state) if state else None, HOUR, AT)
    assert (reason.sentence if reason else None) == (f"Changed since the plan: {text}" if text else None)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("stopping", ReasonCode.STILL_STOPPING),
        ("pending", ReasonCode.IN_TRANSITION),
        ("something-new", ReasonCode.IN_TRANSITION),
        ("running", ReasonCode.CHANGED),
        ("terminated", ReasonCode.CHANGED),
    ],
)
def test_what_a_start_finds_on_its_way_is_kept_for_now_and_not_for_good(state: str, code: ReasonCode) -> None:
    planned_start = a_decision(in_state(BEFORE, "stopped"), Verdict.START)
    reason = kept_down_since(planned_start, in_state(BEFORE, state), HOUR, AT)
    assert reason is not None
    assert (reason.code, reason.sentence) == (code, f"Changed since the plan: it is {state}.")


STOPPED = in_state(BEFORE, "stopped", tags={STOPPED_BY_TAG: "a-sweep", STOPPED_AT_TAG: "then"}, changed_at=AT)


@pytest.mark.parametrize(
    ("fresh", "text"),
    [
        (replace(STOPPED, tags={**STOPPED.tags, OPT_OUT_TAG: "true", "Owner": "me"}), None),
        (replace(STOPPED, tags={}), f"its mark is another ({STOPPED_BY_TAG}: 'a-sweep' -> absent)."),
        (
            replace(STOPPED, tags={**STOPPED.tags, STOPPED_AT_TAG: "now"}),
            f"its mark is another ({STOPPED_AT_TAG}: 'then' -> 'now').",
        ),
        (replace(STOPPED, changed_at=AT + HOUR), "it was stopped again at 2026-11-23T20:00:00Z."),
        (
            replace(STOPPED, started_at=AT + HOUR, changed_at=AT + HOUR),
            "it was started at 2026-11-23T20:00:00Z, and stopped again.",
        ),
    ],
)
def test_a_start_holds_while_nothing_says_that_somebody_touched_its_resource(fresh: Resource, text: str | None) -> None:
    reason = kept_down_since(a_decision(STOPPED, Verdict.START), fresh, HOUR, AT)
    assert (reason.sentence if reason else None) == (f"Changed since the plan: {text}" if text else None)


@pytest.mark.parametrize(
    ("tags", "holds"),
    [
        ({}, True),
        (STOPPED.tags, True),
        ({STOPPED_BY_TAG: "a-sweep"}, True),  # written again by a process that died before it asked for the start
        ({STOPPED_BY_TAG: "another"}, False),
    ],
)
@pytest.mark.parametrize("before", [{}, STOPPED.tags])
def test_a_start_that_the_ledger_vouches_for_holds_with_and_without_its_mark(
    before: dict[str, str], tags: dict[str, str], holds: bool
) -> None:
    planned_start = replace(STOPPED, tags=before, restore={STOPPED_BY_TAG: "a-sweep"})
    reason = kept_down_since(a_decision(planned_start, Verdict.START), replace(STOPPED, tags=tags), HOUR, AT)
    assert (reason is None) is holds
    assert reason is None or f"its mark is another ({STOPPED_BY_TAG}:" in reason.sentence


@pytest.mark.parametrize(
    ("age", "holds"), [(timedelta(), True), (HOUR, True), (HOUR + timedelta(seconds=1), False), (-HOUR, False)]
)
def test_a_start_by_facts_that_no_describe_gives_holds_while_they_are_young(age: timedelta, *, holds: bool) -> None:
    start = a_decision(STOPPED, Verdict.START, facts_read_at=AT)
    reason = kept_down_since(start, STOPPED, HOUR, AT + age)
    assert (reason is None) is holds
    assert reason is None or reason.code is ReasonCode.NOT_SEEN_AGAIN


def test_what_is_kept_after_all_says_so_and_why_and_nothing_else_changes() -> None:
    one, two = a_decision(a_resource("i-1")), a_decision(a_resource("i-2"))
    reason = changed("it is gone.")
    kept_one, same = keep_after_all([one, two], {one.resource.key: reason}, {})
    assert (kept_one.verdict, kept_one.reason_code, kept_one.reason) == (Verdict.KEEP, *reason)
    assert same is two


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ({"on": False}, {"on": True}, "its on was False and is True."),
        ({}, {"on": False}, "its on was None and is False."),
        ({"on": False}, {}, None),
        ({"on": False, STOPPED_BY_TAG: "a-sweep"}, {"on": False}, None),
    ],
)
def test_what_a_start_gives_back_has_to_be_as_planned_where_the_kind_tells_it_of_now(
    before: dict[str, Any], after: dict[str, Any], text: str | None
) -> None:
    was = planned(replace(BEFORE, restore=before))
    reason = kept_since(was, replace(BEFORE, restore=after), POLICY, ACCOUNT, AT)
    assert (reason.sentence if reason else None) == (f"Changed since the plan: {text}" if text else None)
