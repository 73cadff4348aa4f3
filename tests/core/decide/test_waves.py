"""Waves: canaries first, every stop once, the same order for one sweep and another for the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.waves import accounts_in_order, failure_percent, steps_of, waves_of
from orchestrator.core.model import Action, Decision, OutcomeStatus, Verdict
from orchestrator.core.model.marks import ORDER_TAG
from orchestrator.core.model.order import number_of
from orchestrator.core.policy.schema.limits import Wave
from tests.support.builders import SWEEP_ID, a_decision, a_resource
from tests.support.strategies import quick
from tests.support.suites import only_in_full

ACCOUNTS = [f"{number:012}" for number in range(1, 21)]
STOPS = [a_decision(a_resource(f"i-{one}", account)) for account in ACCOUNTS for one in range(2)]
waves = st.lists(
    st.integers(1, 30).map(lambda n: Wave(accounts=n)) | st.floats(0, 100).map(lambda n: Wave(percent=n)), max_size=5
)

ORDER = {"asg": 10, "ec2": 20, "rds": 30}
ACTIONS = (Action.STOP, Action.HIBERNATE, Action.START, Action.TAG, Action.UNTAG)


def an_action(name: str, account: str, kind: str, action: Action = Action.STOP, own: str | None = None) -> Decision:
    resource = a_resource(name, account, tags={} if own is None else {ORDER_TAG: own})
    verdict = Verdict(action.value) if action is not Action.HIBERNATE else Verdict.STOP
    return a_decision(replace(resource, kind=kind), verdict, action=action)


some_actions = st.lists(
    st.builds(
        an_action,
        st.uuids().map(str),
        st.sampled_from(ACCOUNTS[:3]),
        st.sampled_from(["asg", "ec2", "rds", "new"]),
        st.sampled_from(ACTIONS),
        st.sampled_from([None, "5", "20", "x"]),
    ),
    max_size=12,
)


def sizes(parts: Sequence[Sequence[Decision]]) -> list[int]:
    """In accounts."""
    return [len({stop.resource.target.account_id for stop in part}) for part in parts]


def test_without_waves_all_stops_come_at_once_and_in_their_order() -> None:
    assert waves_of(STOPS, (), SWEEP_ID) == (tuple(STOPS),)
    assert waves_of((), (), SWEEP_ID) == ()
    assert waves_of((), (Wave(accounts=1),), SWEEP_ID) == ()


def test_a_wave_says_how_many_accounts_are_done_with_when_it_ends() -> None:
    parts = waves_of(STOPS, (Wave(accounts=1), Wave(percent=10), Wave(percent=100)), SWEEP_ID)
    assert sizes(parts) == [1, 1, 18]


def test_what_the_waves_leave_comes_last() -> None:
    assert sizes(waves_of(STOPS, (Wave(accounts=3),), SWEEP_ID)) == [3, 17]


def test_a_wave_without_anything_new_is_left_out() -> None:
    parts = waves_of(STOPS, (Wave(accounts=5), Wave(accounts=2), Wave(percent=0), Wave(accounts=50)), SWEEP_ID)
    assert sizes(parts) == [5, 15]


@pytest.mark.parametrize(("percent", "accounts"), [(0.1, 1), (5, 1), (5.1, 2), (50, 10), (99, 20)])
def test_a_share_is_rounded_up_to_whole_accounts(percent: float, accounts: int) -> None:
    assert sizes(waves_of(STOPS, (Wave(percent=percent),), SWEEP_ID))[0] == accounts


@pytest.mark.parametrize("every", [7, *only_in_full(1)])
def test_a_share_that_binary_fractions_miss_by_a_hair_is_not_rounded_up(every: int) -> None:
    stops = [a_decision(a_resource(account_id=f"{number:012}")) for number in range(1000)]
    for tenths in range(1, 1000, every):
        (first, *_) = sizes(waves_of(stops, (Wave(percent=tenths / 10),), SWEEP_ID))
        assert first == tenths


@quick
@given(waves=waves, chosen=st.lists(st.sampled_from(STOPS), unique_by=id), sweep_id=st.text(max_size=5))
def test_every_stop_is_in_one_wave_and_no_account_in_two(
    waves: list[Wave], chosen: list[Decision], sweep_id: str
) -> None:
    parts = waves_of(chosen, waves, sweep_id)
    assert sorted(id(stop) for part in parts for stop in part) == sorted(map(id, chosen))
    assert all(parts)
    assert sum(sizes(parts)) == len({stop.resource.target.account_id for stop in chosen})


def test_the_order_is_the_same_for_one_sweep_and_changes_from_sweep_to_sweep() -> None:
    order = accounts_in_order(STOPS, SWEEP_ID)
    assert order == accounts_in_order(STOPS[::-1], SWEEP_ID)
    assert sorted(order) == ACCOUNTS
    firsts = {accounts_in_order(STOPS, f"sweep-{number}")[0] for number in range(100)}
    assert len(firsts) > 10


def test_the_order_of_the_others_stays_when_an_account_has_no_stops() -> None:
    order = accounts_in_order(STOPS, SWEEP_ID)
    left = [stop for stop in STOPS if stop.resource.target.account_id != order[0]]
    assert accounts_in_order(left, SWEEP_ID) == order[1:]


@pytest.mark.parametrize(
    ("statuses", "percent"),
    [
        ([], 0),
        (["not_attempted", "held", "would_stop"], 0),
        (["failed"], 100),
        (["failed", "stopped", "stopping", "already_stopped"], 25),
        (["failed", "started", "starting", "already_running"], 25),
        (["failed", "stopped", "not_attempted"], 50),
    ],
)
def test_the_share_of_failures_is_of_what_was_attempted(statuses: list[str], percent: float) -> None:
    assert failure_percent(map(OutcomeStatus, statuses)) == percent


def test_stops_starts_and_changes_of_tags_count_together_among_what_was_attempted() -> None:
    done = (OutcomeStatus.STOPPED, OutcomeStatus.STARTED, OutcomeStatus.TAGGED, OutcomeStatus.UNTAGGED)
    assert failure_percent((*done, OutcomeStatus.FAILED)) == 20


def names(actions: Sequence[Decision]) -> list[list[list[str]]]:
    return [[[one.resource.resource_id for one in step] for step in steps] for steps in steps_of(actions, ORDER)]


def test_what_uses_others_is_stopped_before_the_databases_and_these_are_started_first() -> None:
    kinds = ("rds", "ec2", "asg")
    stops = [an_action(kind, ACCOUNTS[0], kind) for kind in kinds]
    starts = [an_action(f"{kind} up", ACCOUNTS[0], kind, Action.START) for kind in kinds]
    assert names(stops) == [[["asg"], ["ec2"], ["rds"]]]
    assert names(starts) == [[["rds up"], ["ec2 up"], ["asg up"]]]
    both = names([*starts, *stops])
    assert both == [[["asg"], ["ec2"], ["rds"]], [["rds up"], ["ec2 up"], ["asg up"]]], "neither waits for the other"


def test_a_tag_says_where_in_the_order_one_resource_is() -> None:
    found = [
        an_action("a", ACCOUNTS[0], "ec2"),
        an_action("b", ACCOUNTS[0], "ec2", own="31"),
        an_action("c", ACCOUNTS[0], "rds"),
    ]
    assert names(found) == [[["a"], ["c"], ["b"]]]


def test_tags_are_changed_in_a_first_step_and_an_account_that_needs_no_order_has_one_step() -> None:
    first = [
        an_action("a", ACCOUNTS[0], "ec2"),
        an_action("b", ACCOUNTS[0], "rds"),
        an_action("t", ACCOUNTS[0], "rds", Action.TAG),
    ]
    second = [
        an_action("c", ACCOUNTS[1], "rds", Action.START),
        an_action("d", ACCOUNTS[1], "ec2"),
        an_action("e", ACCOUNTS[1], "ec2", Action.TAG),
    ]
    assert names([*first, *second]) == [[["t", "a"], ["b"]], [["c", "d", "e"]]]


def test_without_an_order_all_is_one_step() -> None:
    assert list(steps_of(STOPS, {})) == [(tuple(STOPS),)]
    assert list(steps_of((), {})) == list(steps_of((), ORDER)) == []


@given(some_actions)
def test_each_action_is_in_one_step_of_its_account_and_the_numbers_go_up_for_stops_and_down_for_starts(
    actions: list[Decision],
) -> None:
    found = list(steps_of(actions, ORDER))
    assert sorted(id(one) for steps in found for step in steps for one in step) == sorted(map(id, actions))
    for steps in found:
        assert all(steps)
        assert len({one.resource.target.account_id for step in steps for one in step}) == 1
        for starts in (False, True):
            each = [
                [number_of(one.resource, ORDER) for one in step if one.action.starts is starts and not one.action.tags]
                for step in steps
            ]
            numbers = [number for step in each for number in dict.fromkeys(step)]
            assert numbers == sorted(set(numbers), reverse=starts)


@given(some_actions)
def test_the_steps_of_an_account_are_the_same_whatever_the_others_have(actions: list[Decision]) -> None:
    for account in ACCOUNTS[:3]:
        alone = [one for one in actions if one.resource.target.account_id == account]
        among = [steps for steps in steps_of(actions, ORDER) if steps[0][0].resource.target.account_id == account]
        assert list(steps_of(alone, ORDER)) == among
