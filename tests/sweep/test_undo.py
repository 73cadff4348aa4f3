"""What of a sweep is undone: its accounts, regions and resources, and those that a load balancer misses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model import (
    AwsError,
    Organization,
    Outcome,
    OutcomeStatus,
    Resource,
    ResourceState,
    Target,
    Verdict,
    time_text,
)
from orchestrator.core.model.kind import KindDescription
from orchestrator.core.model.marks import STOPPED_BY_TAG
from orchestrator.errors import PlanError
from orchestrator.kinds.ec2.description import EC2
from orchestrator.ledger.clocks import Clocks
from orchestrator.ledger.records import FORMAT, ActionRecord, HeldRecord
from orchestrator.ports import LookRefusedError, NoProgress, TargetUnreadableError
from orchestrator.sweep.undo import StoppedInventory, UndoFilter, _require_one_kind, read_stopped
from tests.support.builders import ACCOUNT, AT, REGION, SWEEP_ID, a_policy, a_resource, an_account

NAMES = st.frozensets(st.text(max_size=3), max_size=3)
UNDO_ID = "20261124T070000Z-000001"


def an_action(resource_id: str = "i-1", account: str = ACCOUNT, region: str = REGION) -> ActionRecord:
    return ActionRecord(
        account, region, "ec2", resource_id, "stopped", requested_at="2026-11-23T19:00:00Z", format=FORMAT
    )


def held(resource_id: str) -> HeldRecord:
    return HeldRecord(ACCOUNT, REGION, "ec2", resource_id, SWEEP_ID, "2026-11-23T19:00:00Z", "", "nonprod")


# --- Only -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("only", "is_held"),
    [
        (UndoFilter(), True),
        (UndoFilter(failed_health=True), True),
        (UndoFilter(frozenset({ACCOUNT, "2"}), frozenset({REGION}), frozenset({"i-1"})), True),
        (UndoFilter(accounts=frozenset({"2"})), False),
        (UndoFilter(regions=frozenset({"us-east-1"})), False),
        (UndoFilter(resources=frozenset({"i-2"})), False),
        (UndoFilter(accounts=frozenset({ACCOUNT}), resources=frozenset({"i-2"})), False),
    ],
)
def test_an_action_is_undone_when_everything_that_is_asked_for_fits(only: UndoFilter, is_held: bool) -> None:
    assert only.matches(an_action()) is is_held


def test_all_of_a_sweep_is_stored_as_nothing() -> None:
    assert UndoFilter().as_item() == {}
    assert UndoFilter.from_item({}) == UndoFilter.from_item(None) == UndoFilter()


def test_only_what_is_set_is_stored_and_in_an_order() -> None:
    assert UndoFilter(frozenset({"2", "1"}), failed_health=True).as_item() == {
        "accounts": ["1", "2"],
        "failed_health": True,
    }
    assert UndoFilter(regions=frozenset("ba"), resources=frozenset("dc")).as_item() == {
        "regions": ["a", "b"],
        "resources": ["c", "d"],
    }


@given(st.builds(UndoFilter, NAMES, NAMES, NAMES, st.booleans()))
def test_what_was_stored_comes_back_also_through_json(only: UndoFilter) -> None:
    assert UndoFilter.from_item(json.loads(json.dumps(only.as_item()))) == only


# --- those that a load balancer misses --------------------------------------------------------------------------------


@dataclass
class Stopped:
    """A sweep that stopped instances of one target, as they are now; `missed` is what the load balancers say."""

    now: dict[str, Resource] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    """In the ledger, where another one than `stopped`."""
    started: dict[str, str] = field(default_factory=dict)
    """In the ledger, when it had been started before it was stopped."""
    missed: frozenset[str] | Exception = frozenset()
    untold: dict[str, AwsError] = field(default_factory=dict)
    """What cannot be looked at."""
    later: dict[str, Resource] = field(default_factory=dict)
    """What is shown after a pause."""
    asked: list[list[str]] = field(default_factory=list)
    bound: str = ""

    def add(self, resource_id: str, state: str = "stopped", by: str = SWEEP_ID) -> None:
        self.now[resource_id] = a_resource(resource_id, state=state, tags={STOPPED_BY_TAG: by}, changed_at=AT)

    def undo(self, only: UndoFilter) -> StoppedInventory:
        return read_stopped(self._world(), a_policy(), SWEEP_ID, only, lambda _: None)

    @property
    def description(self) -> KindDescription:
        return EC2

    def look(self, _: Target, resource_ids: Sequence[str]) -> Mapping[str, Resource]:
        seen = {one: self.now[one] for one in resource_ids if one not in self.untold}
        if self.untold:
            raise LookRefusedError(next(iter(self.untold.values())), "ec2:DescribeInstances", seen, self.untold)
        return seen

    def see_starts(self, target: Target, starts: Sequence[Outcome]) -> tuple[Outcome, ...]:
        assert self.bound == target.account_id
        return tuple(replace(one, status=OutcomeStatus.STARTED) for one in starts)

    def failed_health(self, target: Target, resource_ids: Sequence[str]) -> frozenset[str]:
        assert self.bound == target.account_id
        self.asked.append(list(resource_ids))
        if isinstance(self.missed, Exception):
            raise self.missed
        return self.missed

    @contextmanager
    def _bind(self, account_id: str) -> Iterator[None]:
        self.bound = account_id
        yield
        self.bound = ""

    def _world(self) -> Any:
        organization = Organization("o-example", an_account("999999999999").id, (an_account(),))
        return SimpleNamespace(
            ledger=SimpleNamespace(
                actions=lambda _: [
                    replace(an_action(one), status=self.statuses.get(one, "stopped")) for one in self.now
                ],
                held_by=lambda _: (),
                sweeps=lambda: (),
                held_in=lambda *_: {
                    an_action(one).key: replace(held(one), started_at=self.started.get(one, ""))
                    for one, now in self.now.items()
                    if now.tags.get(STOPPED_BY_TAG, SWEEP_ID) == SWEEP_ID
                },
            ),
            organization=SimpleNamespace(read=lambda: organization),
            accounts=SimpleNamespace(bind=self._bind),
            kind={"ec2": self}.__getitem__,
            progress=NoProgress(),
            halt=lambda: None,
            now=lambda: AT,
            clocks=Clocks(lambda: AT, lambda: 0.0),
            sleep=lambda _: self.now.update(self.later),
            workers=2,
        )


@pytest.fixture
def stopped() -> Stopped:
    """Three that can be started, one that somebody started, and one that another sweep stopped since."""
    sweep = Stopped()
    for number in (1, 2, 3):
        sweep.add(f"i-{number}")
    sweep.add("i-4", state="running")
    sweep.add("i-5", by="another-sweep")
    return sweep


def verdicts(found: StoppedInventory) -> dict[str, str]:
    return {one.resource.resource_id: one.verdict.value for one in found.decisions.decisions}


def test_only_those_are_started_that_a_load_balancer_misses(stopped: Stopped) -> None:
    stopped.missed = frozenset({"i-1", "i-3", "i-4"})
    record = stopped.undo(UndoFilter(failed_health=True))
    assert verdicts(record) == {"i-1": "start", "i-2": "keep", "i-3": "start", "i-4": "keep", "i-5": "keep"}
    reasons = {
        one.resource.resource_id: one.reason for one in record.decisions.decisions if one.verdict is Verdict.KEEP
    }
    assert reasons["i-2"] == "No load balancer misses it."
    assert reasons["i-4"] == "It is running: somebody started it since."
    assert "another-sweep" in reasons["i-5"]
    assert [row.status.value for row in record.inventory.coverage] == ["scanned"]


def test_the_health_of_those_that_are_kept_anyway_is_not_asked(stopped: Stopped) -> None:
    stopped.undo(UndoFilter(failed_health=True))
    assert stopped.asked == [["i-1", "i-2", "i-3"]]
    stopped.now = {"i-4": stopped.now["i-4"]}
    stopped.undo(UndoFilter(failed_health=True))
    assert len(stopped.asked) == 1


def test_nobodys_health_is_asked_when_all_of_the_sweep_is_undone(stopped: Stopped) -> None:
    assert verdicts(stopped.undo(UndoFilter()))["i-2"] == "start"
    assert stopped.asked == []


@pytest.mark.parametrize(
    ("failure", "status", "detail"),
    [
        (
            TargetUnreadableError(AwsError("AccessDenied", "no"), "elasticloadbalancing:DescribeTargetHealth"),
            "denied",
            "elasticloadbalancing:DescribeTargetHealth: AccessDenied: no",
        ),
        (KeyError("TargetHealth"), "failed", "KeyError: 'TargetHealth'"),
    ],
)
def test_a_target_whose_health_cannot_be_read_is_unreadable_and_nothing_of_it_is_started(
    stopped: Stopped, failure: Exception, status: str, detail: str
) -> None:
    stopped.missed = failure
    record = stopped.undo(UndoFilter(failed_health=True))
    assert record.decisions.decisions == ()
    assert [(row.status.value, row.detail) for row in record.inventory.coverage] == [(status, detail)]


# --- what the ledger knows, and what cannot be looked at --------------------------------------------------------------


@pytest.mark.parametrize("status", ["intent", "unknown"])
def test_what_may_have_been_asked_for_is_started_where_mark_state_and_times_agree(
    stopped: Stopped, status: str
) -> None:
    stopped.statuses = {"i-1": status}
    assert verdicts(stopped.undo(UndoFilter()))["i-1"] == "start"


@pytest.mark.parametrize("status", ["not_attempted", "failed", "already_stopped"])
def test_a_mark_alone_starts_nothing_whatever_state_and_times_say(stopped: Stopped, status: str) -> None:
    stopped.statuses = {"i-1": status}
    assert verdicts(stopped.undo(UndoFilter())) == {"i-2": "start", "i-3": "start", "i-4": "keep", "i-5": "keep"}


@pytest.mark.parametrize(
    ("status", "verdict"),
    [("stopped", "start"), ("stopping", "start"), ("unknown", "keep"), ("intent", "keep"), (None, None)],
)
def test_without_its_mark_it_is_started_where_the_ledger_knows_that_aws_accepted_its_stop(
    stopped: Stopped, status: str | None, verdict: str | None
) -> None:
    stopped.now["i-1"] = replace(stopped.now["i-1"], tags={})
    stopped.statuses = {"i-1": status or "failed"}
    assert verdicts(stopped.undo(UndoFilter())).get("i-1") == verdict


@pytest.mark.parametrize(
    ("known", "verdict"), [("2026-11-23T19:00:30Z", "start"), ("2026-11-23T18:59:00Z", "keep"), ("", "keep")]
)
def test_what_was_started_shortly_before_is_reached_by_a_process_whose_clock_is_behind(
    stopped: Stopped, known: str, verdict: str
) -> None:
    stopped.now["i-1"] = replace(stopped.now["i-1"], started_at=AT + timedelta(seconds=30))
    stopped.started = {"i-1": known}
    assert verdicts(stopped.undo(UndoFilter()))["i-1"] == verdict


@pytest.mark.parametrize("ahead", [-30, 30])
def test_what_is_shown_up_right_after_its_stop_is_looked_at_again_however_clocks_differ(
    stopped: Stopped, ahead: int
) -> None:
    started_at = AT + timedelta(seconds=ahead)
    down = stopped.now["i-1"]
    stopped.now = {"i-1": replace(down, state=ResourceState.RUNNING, started_at=started_at)}
    stopped.later = {"i-1": replace(down, started_at=started_at)}
    stopped.started = {"i-1": time_text(started_at) or ""}
    assert verdicts(stopped.undo(UndoFilter()))["i-1"] == "start"


def test_one_that_cannot_be_looked_at_is_kept_and_the_rest_is_started(stopped: Stopped) -> None:
    stopped.untold = {"i-2": AwsError("SomethingNew", "no")}
    found = stopped.undo(UndoFilter())
    assert verdicts(found) == {"i-1": "start", "i-2": "keep", "i-3": "start", "i-4": "keep", "i-5": "keep"}
    [reason] = [one.reason for one in found.decisions.decisions if one.resource.resource_id == "i-2"]
    assert reason == "It could not be looked at again: SomethingNew: no"
    assert [(row.status.value, row.detail) for row in found.inventory.coverage] == [
        ("failed", "ec2:DescribeInstances: SomethingNew: no")
    ]


def test_an_id_of_several_kinds_names_none_of_them_and_an_arn_names_one() -> None:
    service = ActionRecord(
        "111111111111", "eu-central-1", "ecs_service", "one/web", "stopped", "arn:aws:ecs:::service/one/web"
    )
    group = ActionRecord(
        "111111111111", "eu-central-1", "eks_nodegroup", "one/web", "stopped", "arn:aws:eks:::nodegroup/one/web/0a"
    )
    with pytest.raises(PlanError, match="of several kinds") as refused:
        _require_one_kind({"one/web"}, [service, group])
    assert all(one.arn in str(refused.value) for one in (service, group))
    _require_one_kind({"one/web"}, [service])
    by_arn = UndoFilter(resources=frozenset({group.arn}))
    assert [by_arn.matches(one) for one in (service, group)] == [False, True]
    _require_one_kind(by_arn.resources, [group])
