"""No rule with a notice stops what was not announced, or not long enough ago; and nothing opted out is tagged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide, decide_inventory
from orchestrator.core.decide.drift import kept_since
from orchestrator.core.model import Action, Decision, Inventory, Plan, ReasonCode, Verdict
from orchestrator.core.model.marks import STOP_AFTER_TAG
from orchestrator.core.model.remembered import Notice, Remembered
from orchestrator.core.model.tagging import notice_of, tagging_action, tagging_of, with_tagging
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG
from tests.support.builders import SWEEP_ID, a_policy, a_resource, an_account
from tests.support.strategies import quick

NOW = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
TODAY = NOW.date()
POLICY = a_policy(
    """
    rules:
      - {name: ownerless, where: {not: {tag: {Owner: "*"}}}, notice: {days: 3}}
      - {name: plain, where: {tag: {Owner: plain}}}
      - {name: tagging, where: {tag: {Owner: tagging}}, action: tag, tags: {A: a, B: b}}
      - {name: looking, where: {tag: {Owner: looking}}, action: notify}
    """
)
days = st.dates(date(2026, 1, 1), date(2027, 12, 31))
values = st.one_of(days.map(str), st.sampled_from(["", "true", "2026-02-30", "soon", "20261201"]))
tags = st.fixed_dictionaries(
    {},
    optional={
        STOP_AFTER_TAG: values,
        "Owner": st.sampled_from(["plain", "tagging", "looking", "ann"]),
        OPT_OUT_TAG: st.sampled_from(["true", "2027-01-01", "2020-01-01"]),
        "A": st.sampled_from(["a", "b"]),
    },
)
notices = st.one_of(
    st.none(), st.builds(Notice, st.just(SWEEP_ID), st.sampled_from(["ownerless", "plain", "gone"]), days)
)


def the_decision(found: dict[str, str], notice: Notice | None, unread: str = "") -> Decision:
    resource = a_resource(tags=found)
    remembered = Remembered(notices={resource.key: notice} if notice else {}, unread=unread)
    return decide(POLICY, resource, an_account(), NOW, remembered=remembered)


@quick
@given(found=tags, notice=notices, unread=st.sampled_from(["", "throttled"]))
def test_a_stop_comes_only_after_its_own_notice_and_its_tags_day_and_what_is_opted_out_is_never_touched(
    found: dict[str, str], notice: Notice | None, unread: str
) -> None:
    decision = the_decision(found, notice, unread)
    if decision.verdict is Verdict.STOP and decision.rule == "ownerless":
        assert notice is not None
        assert (notice.rule, notice.stop_after < TODAY, unread) == ("ownerless", True, "")
        assert date.fromisoformat(found.get(STOP_AFTER_TAG, "2020-01-01")) < TODAY
    if found.get(OPT_OUT_TAG) in ("true", "2027-01-01"):
        assert decision.verdict is Verdict.KEEP
    if decision.rule in ("tagging", "looking"):
        assert decision.verdict is not Verdict.STOP
    if decision.verdict is Verdict.UNTAG:
        assert notice is not None
        assert list(tagging_of(decision.resource.restore)) == [STOP_AFTER_TAG]
    if decision.verdict is Verdict.TAG and decision.rule == "tagging":
        assert not tagging_of(decision.resource.restore).keys() & found.keys()
    assert (
        (decision.verdict.value == decision.action.value)
        or not decision.action.tags
        or decision.verdict is (Verdict.KEEP)
    )


@quick
@given(found=tags, notice=notices)
def test_what_is_planned_still_holds_a_moment_later_by_what_the_plan_has_of_the_notice(
    found: dict[str, str], notice: Notice | None
) -> None:
    planned = the_decision(found, notice)
    if planned.verdict is not Verdict.KEEP:
        fresh = a_resource(tags=found)
        assert kept_since(planned, fresh, POLICY, an_account(), NOW + timedelta(seconds=1)) is None


@quick
@given(found=tags, notice=notices)
def test_an_announced_day_is_never_nearer_than_the_rule_promises(found: dict[str, str], notice: Notice | None) -> None:
    decision = the_decision(found, notice)
    given_now = notice_of(decision.resource.restore, SWEEP_ID) if decision.verdict is Verdict.TAG else None
    if given_now is not None and (notice is None or notice.rule != "ownerless"):
        assert given_now.stop_after == TODAY + timedelta(days=3)


@pytest.mark.parametrize("value", ["1", "2"])
def test_a_plan_has_another_hash_where_other_tags_would_be_written(value: str) -> None:
    def plan(text: str) -> str:
        resource = with_tagging(a_resource(), Action.TAG, {"A": text})
        decision = Decision(resource, Verdict.TAG, ReasonCode.TAGGED_BY_RULE, "Because.", action=Action.TAG)
        return Plan(SWEEP_ID, "", "", (decision,), ()).sha256

    assert (plan("1") == plan(value)) is (value == "1")


def test_what_an_action_writes_and_of_which_notice_it_tells_is_read_back_from_what_an_undo_knows() -> None:
    notice = Notice(SWEEP_ID, "ownerless", TODAY)
    written = with_tagging(a_resource(restore={"desired": 3}), Action.TAG, {"A": "a"}, notice).restore
    assert (tagging_of(written), tagging_action(written)) == ({"A": "a"}, Action.TAG)
    assert (notice_of(written, "later"), written["desired"]) == (notice, 3)
    assert (tagging_of({"desired": 3}), tagging_action({"desired": 3}), notice_of({}, "later")) == ({}, None, None)


def test_an_announcement_of_ours_is_no_misspelt_opt_out_and_a_persons_own_is() -> None:
    announced = a_resource("i-1", tags={STOP_AFTER_TAG: "2026-11-26"})
    own = a_resource("i-2", tags={STOP_AFTER_TAG: "2026-11-26", "Owner": "ann"})
    inventory = Inventory("o-1", (an_account(),), resources=(announced, own))
    remembered = Remembered(notices={announced.key: Notice(SWEEP_ID, "ownerless", date(2026, 11, 26))})
    found = decide_inventory(POLICY, replace(inventory, remembered=remembered), NOW)
    assert [one.reason_code for one in found.decisions] == [ReasonCode.NOTICE, ReasonCode.EXEMPT]
    assert {(row.resource_id, row.violation) for row in found.compliance} == {("i-2", "misspelt_opt_out_key")}
