"""The barrier: each limit at, below and above; and nothing but a plan within all of them is approved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.guardrails import coverage_percent, for_undo, hold_against
from orchestrator.core.model import (
    ALL_REGIONS,
    ApprovedPlan,
    Coverage,
    Decision,
    GuardrailResult,
    HeldPlan,
    Plan,
    ReasonCode,
    TargetStatus,
    Verdict,
)
from orchestrator.core.policy.schema.limits import AccountLimits, Guardrails
from tests.support.builders import ACCOUNT, a_coverage, a_decision, a_plan, a_resource
from tests.support.groups import a_group, a_member, a_policy_about_groups
from tests.support.strategies import ACCOUNT_IDS, counts, percents, quick

OTHER = "222222222222"
GROUP_POLICY = a_policy_about_groups()
LEFT_OUT_ON_PURPOSE = (TargetStatus.EXCLUDED, TargetStatus.OPTED_OUT, TargetStatus.SUSPENDED)
HOLES = (TargetStatus.DENIED, TargetStatus.FAILED, TargetStatus.NOT_ATTEMPTED)


def decisions(stops: int, keeps: int = 0, account_id: str = ACCOUNT, state: str = "running") -> list[Decision]:
    verdicts = [Verdict.STOP] * stops + [Verdict.KEEP] * keeps
    return [
        a_decision(a_resource(f"i-{number}", account_id, state=state), verdict)
        for number, verdict in enumerate(verdicts)
    ]


def never() -> int:
    raise AssertionError("the weight was asked for without need")


def held(plan: Plan, weight: Callable[[], int] = never, **limits: Any) -> bool:
    """Whether the plan is held, by exactly the guardrails that did not pass."""
    verdict = hold_against(plan, Guardrails(**limits), weight)
    assert verdict.plan is plan
    assert isinstance(verdict, HeldPlan) is any(not result.passed for result in verdict.guardrails)
    return isinstance(verdict, HeldPlan)


def test_without_limits_every_plan_is_approved() -> None:
    verdict = hold_against(a_plan(*decisions(1000)), Guardrails(), never)
    assert isinstance(verdict, ApprovedPlan)
    assert verdict.guardrails == ()


@pytest.mark.parametrize(("stops", "is_held"), [(0, False), (4, False), (5, False), (6, True)])
def test_max_stops_counts_the_planned_stops_of_the_whole_organization(stops: int, is_held: bool) -> None:
    plan = a_plan(*decisions(stops // 2, keeps=9), *decisions(stops - stops // 2, account_id=OTHER))
    assert held(plan, max_stops=5) is is_held
    (result,) = hold_against(plan, Guardrails(max_stops=5), never).guardrails
    assert result == GuardrailResult("max_stops", 5, stops, not is_held)


@pytest.mark.parametrize(("stops", "keeps", "is_held"), [(0, 10, False), (5, 5, False), (6, 4, True), (1, 0, True)])
def test_max_stops_percent_is_a_share_of_the_running_resources(stops: int, keeps: int, is_held: bool) -> None:
    plan = a_plan(*decisions(stops, keeps), *decisions(0, keeps=100, account_id=OTHER, state="pending"))
    assert held(plan, max_stops_percent=50) is is_held
    (result,) = hold_against(plan, Guardrails(max_stops_percent=50), never).guardrails
    assert result == GuardrailResult("max_stops_percent", 50, 100 * stops / (stops + keeps), not is_held)


def test_a_plan_of_nothing_is_zero_percent() -> None:
    assert not held(a_plan(), max_stops=0, max_stops_percent=0, min_coverage_percent=100)


@pytest.mark.parametrize("limit", ["max_stops", "max_stops_percent"])
def test_a_limit_of_zero_lets_no_stop_through(limit: str) -> None:
    zero: dict[str, Any] = {limit: 0}
    for limits in (zero, {"per_account": AccountLimits(**zero)}):
        assert held(a_plan(*decisions(1, keeps=10_000)), never, **limits)
        assert not held(a_plan(*decisions(0, keeps=3)), never, **limits)


def test_a_third_is_more_than_33_percent_and_less_than_34() -> None:
    plan = a_plan(*decisions(1, keeps=2))
    assert held(plan, max_stops_percent=33.33)
    assert not held(plan, max_stops_percent=33.34)


@pytest.mark.parametrize(("stops", "is_held"), [(2, False), (3, False), (4, True)])
def test_the_limit_per_account_holds_the_whole_plan_and_names_the_account(stops: int, is_held: bool) -> None:
    plan = a_plan(*decisions(3), *decisions(stops, account_id=OTHER))
    limits = Guardrails(per_account=AccountLimits(max_stops=3))
    verdict = hold_against(plan, limits, never)
    assert isinstance(verdict, HeldPlan) is is_held
    assert verdict.guardrails == (
        GuardrailResult("per_account.max_stops", 3, 3, True, ACCOUNT),
        GuardrailResult("per_account.max_stops", 3, stops, not is_held, OTHER),  # type: ignore[arg-type]  # a literal
    )


@pytest.mark.parametrize(("stops", "is_held"), [(1, False), (2, False), (3, True)])
def test_the_percentage_per_account_is_of_that_accounts_running_resources(stops: int, is_held: bool) -> None:
    plan = a_plan(*decisions(stops, keeps=4 - stops), *decisions(0, keeps=100, account_id=OTHER))
    assert held(plan, per_account=AccountLimits(max_stops_percent=50)) is is_held


def test_one_broken_limit_among_passed_ones_holds_the_plan() -> None:
    plan = a_plan(*decisions(2), coverage=(a_coverage(),))
    limits = Guardrails(
        max_stops=1,
        max_stops_percent=100,
        per_account=AccountLimits(max_stops=2, max_stops_percent=100),
        min_coverage_percent=100,
    )
    verdict = hold_against(plan, limits, never)
    assert isinstance(verdict, HeldPlan)
    assert [(result.name, result.passed) for result in verdict.guardrails] == [
        ("max_stops", False),
        ("max_stops_percent", True),
        ("per_account.max_stops", True),
        ("per_account.max_stops_percent", True),
        ("min_coverage_percent", True),
    ]


@pytest.mark.parametrize(("scanned", "is_held"), [(9, False), (8, False), (7, True)])
def test_too_many_holes_in_the_coverage_hold_the_plan(scanned: int, is_held: bool) -> None:
    rows = [a_coverage()] * scanned + [a_coverage(TargetStatus.DENIED)] * (10 - scanned)
    assert held(a_plan(coverage=tuple(rows)), min_coverage_percent=80) is is_held


@pytest.mark.parametrize("status", HOLES)
def test_each_unreadable_target_is_a_hole(status: TargetStatus) -> None:
    assert coverage_percent([a_coverage()] * 3 + [a_coverage(status)], never) == 75


@pytest.mark.parametrize("status", [*LEFT_OUT_ON_PURPOSE, TargetStatus.REGION_DISABLED])
@pytest.mark.parametrize("region", ["*", "eu-west-1"])
def test_what_is_left_out_on_purpose_or_disabled_does_not_count(status: TargetStatus, region: str) -> None:
    rows = [a_coverage(), a_coverage(TargetStatus.FAILED), *[a_coverage(status, region)] * 98]
    assert coverage_percent(rows, never) == 50


@pytest.mark.parametrize("status", HOLES)
def test_an_account_whose_regions_are_unknown_weighs_as_many_targets_as_the_hub_has_regions(
    status: TargetStatus,
) -> None:
    rows = [a_coverage()] * 17 + [a_coverage(status, ALL_REGIONS)]
    assert coverage_percent(rows, lambda: 17) == 50
    assert coverage_percent([*rows, a_coverage(status)], lambda: 17) == 1700 / 35
    assert coverage_percent([*rows, a_coverage(status, ALL_REGIONS)], lambda: 17) == pytest.approx(100 / 3)


def test_the_weight_of_unknown_accounts_is_asked_for_once_because_it_costs_a_call() -> None:
    answers = iter([17])
    rows = [a_coverage(TargetStatus.DENIED, ALL_REGIONS)] * 500
    assert coverage_percent([*rows, a_coverage()], lambda: next(answers)) == 100 / (500 * 17 + 1)


def test_nothing_to_read_is_full_coverage_and_nothing_read_is_none() -> None:
    assert coverage_percent([], never) == 100
    assert coverage_percent([a_coverage(status) for status in LEFT_OUT_ON_PURPOSE], never) == 100
    assert coverage_percent([a_coverage(TargetStatus.DENIED, ALL_REGIONS)], lambda: 17) == 0


limits = st.builds(
    Guardrails.model_construct,
    max_stops=counts,
    max_stops_percent=percents,
    per_account=st.builds(AccountLimits.model_construct, max_stops=counts, max_stops_percent=percents),
    min_coverage_percent=percents,
)
plans = st.builds(
    lambda decided, rows: a_plan(*decided, coverage=tuple(rows)),
    st.lists(
        st.builds(
            lambda account_id, verdict: a_decision(a_resource(account_id=account_id), verdict),
            st.sampled_from(ACCOUNT_IDS),
            st.sampled_from(Verdict),
        ),
        max_size=20,
    ),
    st.lists(st.builds(a_coverage, st.sampled_from(TargetStatus), st.sampled_from(["*", "a", "b"])), max_size=10),
)


def _within(plan: Plan, limits: Guardrails, weight: int) -> bool:
    """Every limit checked again, by cross-multiplication and with no division."""
    everything = [(limits.max_stops, limits.max_stops_percent, plan.decisions)]
    for account_id in ACCOUNT_IDS:
        read = tuple(one for one in plan.decisions if one.resource.target.account_id == account_id)
        everything.append((limits.per_account.max_stops, limits.per_account.max_stops_percent, read))
    for most, percent, read in everything:
        stops, starts = (sum(one.verdict is verdict for one in read) for verdict in (Verdict.STOP, Verdict.START))
        if (most is not None and max(stops, starts) > most) or (
            percent is not None and stops * 100 > percent * len(read) * (1 + 1e-12)
        ):
            return False
    return limits.min_coverage_percent is None or _covered(plan.coverage, limits.min_coverage_percent, weight)


def _covered(coverage: tuple[Coverage, ...], wanted: float, weight: int) -> bool:
    weights: Counter[bool] = Counter()
    for row in coverage:
        if row.status is TargetStatus.SCANNED or row.status in HOLES:
            is_unknown = row.region == "*" and row.status in HOLES
            weights[row.status is TargetStatus.SCANNED] += weight if is_unknown else 1
    return weights[True] * 100 * (1 + 1e-12) >= wanted * weights.total()


@quick
@given(plan=plans, limits=limits, weight=st.integers(1, 17))
def test_an_approved_plan_never_exceeds_any_limit_and_a_held_one_exceeds_one(
    plan: Plan, limits: Guardrails, weight: int
) -> None:
    verdict = hold_against(plan, limits, lambda: weight)
    assert isinstance(verdict, ApprovedPlan) is _within(plan, limits, weight)
    assert verdict.plan is plan


@quick
@given(plan=plans, limits=limits, extra=st.integers(1, 5))
def test_more_stops_never_turn_a_held_plan_into_an_approved_one(plan: Plan, limits: Guardrails, extra: int) -> None:
    longer = a_plan(*plan.decisions, *[a_decision()] * extra, coverage=plan.coverage)
    without_percent = limits.model_copy(update={"max_stops_percent": None, "per_account": AccountLimits(max_stops=5)})
    if isinstance(hold_against(plan, without_percent, lambda: 1), HeldPlan):
        assert isinstance(hold_against(longer, without_percent, lambda: 1), HeldPlan)


def test_stops_and_starts_are_held_to_the_same_count_each_by_itself_and_each_says_which_it_is() -> None:
    stops = [a_decision(a_resource(f"i-{n}")) for n in range(3)]
    starts = [a_decision(a_resource(f"i-{n}", state="stopped"), Verdict.START) for n in range(3, 5)]
    plan = a_plan(*stops, *starts)
    limits = Guardrails(max_stops=3, max_stops_percent=100, per_account=AccountLimits(max_stops=2))
    verdict = hold_against(plan, limits, never)
    assert isinstance(verdict, HeldPlan)
    assert [(one.name, one.actual, one.passed) for one in verdict.guardrails] == [
        ("max_stops", 3, True),
        ("max_starts", 2, True),
        ("max_stops_percent", 100, True),
        ("per_account.max_stops", 3, False),
        ("per_account.max_starts", 2, True),
    ]


def test_a_share_of_what_runs_does_not_limit_starts() -> None:
    starts = [a_decision(a_resource(f"i-{n}", state="stopped"), Verdict.START) for n in range(5)]
    assert not held(a_plan(*starts), max_stops_percent=0, per_account=AccountLimits(max_stops_percent=0))


def test_an_unread_account_misses_each_kind_that_others_were_read_for() -> None:
    rows = [a_coverage(), a_coverage(kind="rds"), a_coverage(TargetStatus.DENIED, ALL_REGIONS)]
    assert coverage_percent(rows, lambda: 1) == 50


def test_a_kind_that_cannot_be_read_leaves_the_other_kinds_of_its_target_read() -> None:
    assert coverage_percent([a_coverage(), a_coverage(TargetStatus.DENIED, kind="rds")], never) == 50


# --- starts


def starts(count: int, keeps: int = 0, account_id: str = ACCOUNT, *, by_a_rule: bool = True) -> list[Decision]:
    """Of what is stopped; by an undo where no rule asks for them."""
    code = ReasonCode.IN_RUNNING_TIME if by_a_rule else ReasonCode.STOPPED_BY_SWEEP
    made = [
        a_decision(a_resource(f"i-s{number}", account_id, state="stopped"), Verdict.START, reason_code=code)
        for number in range(count)
    ]
    kept = [
        a_decision(a_resource(f"i-k{number}", account_id, state="stopped"), Verdict.KEEP) for number in range(keeps)
    ]
    return [*made, *kept]


def names(plan: Plan, **limits: Any) -> dict[str, tuple[float, bool]]:
    verdict = hold_against(plan, Guardrails(**limits), never)
    return {one.name: (one.actual, one.passed) for one in verdict.guardrails}


def test_stops_and_the_starts_of_rules_have_limits_of_their_own() -> None:
    plan = a_plan(*decisions(2), *starts(3))
    assert names(plan, max_stops=2) == {"max_stops": (2, True)}
    assert names(plan, max_stops=2, max_starts=2) == {"max_stops": (2, True), "max_starts": (3, False)}
    assert names(a_plan(*starts(3)), max_stops=0, max_starts=3) == {"max_stops": (0, True), "max_starts": (3, True)}
    assert not held(a_plan(*starts(3)), max_stops=0, max_stops_percent=0)


@pytest.mark.parametrize(("count", "keeps", "is_held"), [(5, 5, False), (6, 4, True), (1, 0, True)])
def test_max_starts_percent_is_a_share_of_the_stopped_resources(count: int, keeps: int, *, is_held: bool) -> None:
    plan = a_plan(*starts(count, keeps), *decisions(0, keeps=100))
    assert held(plan, max_starts_percent=50) is is_held
    assert held(plan, per_account=AccountLimits(max_starts_percent=50)) is is_held


@pytest.mark.parametrize(("count", "is_held"), [(2, False), (3, False), (4, True)])
def test_the_limit_of_starts_per_account_holds_the_whole_plan(count: int, *, is_held: bool) -> None:
    plan = a_plan(*starts(3), *starts(count, account_id=OTHER))
    assert held(plan, per_account=AccountLimits(max_starts=3)) is is_held
    assert not held(plan, per_account=AccountLimits(max_stops=0))


def test_the_starts_of_an_undo_are_counted_by_max_stops_unless_there_is_a_limit_of_starts() -> None:
    plan = a_plan(*starts(3, by_a_rule=False))
    assert names(plan, max_stops=2, max_stops_percent=1) == {"max_starts": (3, False)}
    assert names(plan, max_stops=2, max_starts=3, max_starts_percent=1) == {"max_starts": (3, True)}
    per_account = AccountLimits(max_stops=2)
    assert names(plan, per_account=per_account) == {"per_account.max_starts": (3, False)}
    assert not held(plan, per_account=AccountLimits(max_stops=2, max_starts=3))


def test_of_an_undo_no_share_counts() -> None:
    limits = for_undo(Guardrails(max_stops=5, max_stops_percent=1, per_account=AccountLimits(max_starts_percent=1)))
    assert limits == Guardrails(max_stops=5)


# --- groups count as what they run ------------------------------------------------------------------------------------


def of_groups(*decisions: Decision, **limits: Any) -> tuple[GuardrailResult, ...]:
    return hold_against(a_plan(*decisions), Guardrails(**limits), never, members=GROUP_POLICY.members).guardrails


@pytest.mark.parametrize(("limit", "is_held"), [(49, True), (50, False)])
def test_a_group_of_50_instances_is_50_stops(limit: int, is_held: bool) -> None:
    (result,) = of_groups(a_decision(a_group(units=50)), max_stops=limit)
    assert result == GuardrailResult(
        "max_stops", limit, 50, not is_held, detail="1 resource; 50 counting each instance of a group"
    )
    (result,) = of_groups(a_decision(a_group(units=50)), per_account=AccountLimits(max_stops=limit))
    assert (result.actual, result.passed) == (50, not is_held)
    assert result.detail == "1 resource; 50 counting each instance of a group"


def test_a_group_is_one_beside_what_counts_as_one_and_never_nothing() -> None:
    (result,) = of_groups(a_decision(a_group(units=4)), a_decision(), a_decision(a_group("b", units=0)), max_stops=9)
    assert (result.actual, result.detail) == (6, "3 resources; 6 counting each instance of a group")
    (result,) = of_groups(a_decision(), a_decision(a_group("b", units=1)), max_stops=9)
    assert (result.actual, result.detail) == (2, "")


def test_the_start_of_a_group_counts_what_comes_up() -> None:
    down = a_decision(a_group(units=50, state="stopped"), Verdict.START, reason_code=ReasonCode.IN_RUNNING_TIME)
    (result,) = of_groups(down, max_starts=49)
    assert (result.actual, result.passed) == (50, False)
    kept = a_decision(a_group("b", units=150, state="stopped"), Verdict.KEEP)
    (result,) = of_groups(down, kept, max_starts_percent=24)
    assert (result.actual, result.passed, result.detail) == (25, False, "50 of 200 counting each instance of a group")


def test_what_runs_in_a_group_that_was_read_is_not_counted_beside_it() -> None:
    """6 of 10 run in the group that is stopped; counted twice they would be 6 of 16."""
    members = [a_decision(a_member(one), Verdict.KEEP) for one in range(6)]
    others = [a_decision(a_member(one, group="unread"), Verdict.KEEP) for one in range(10, 14)]
    for limits in ({"max_stops_percent": 59}, {"per_account": AccountLimits(max_stops_percent=59)}):
        (result,) = of_groups(a_decision(a_group(units=6)), *members, *others, **limits)
        assert (result.actual, result.passed) == (60, False)
