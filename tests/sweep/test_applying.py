"""Applying a plan: exactly that plan, once, while it is valid; and what changed since it was made is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.core.model import (
    Account,
    ConsentHow,
    Mode,
    Question,
    Resource,
    SweepStatus,
    TargetStatus,
)
from orchestrator.core.report.document import Row, document_exit_code
from orchestrator.errors import NotConfirmedError, PlanError
from orchestrator.sweep.run import apply_plan, run_sweep
from orchestrator.sweep.stored_plan import open_plan
from tests.support.builders import AT, SWEEP_ID, a_policy, a_resource, an_account, in_state
from tests.support.consent import say_yes
from tests.support.fake_world import EVERYTHING, ONE, REGIONS, TWO, FakeWorld, a_world, outcomes, reasons, unreadable

APPLY_ID = "20261123T200000Z-000001"
SECOND_ID = "20261123T210000Z-000002"


def planned(fake: FakeWorld, policy: str = EVERYTHING, mode: Mode = Mode.PLAN) -> FakeWorld:
    run_sweep(fake.world(), a_policy(policy), SWEEP_ID, mode)
    assert fake.stopped == []
    return fake


def applied(fake: FakeWorld, policy: str = EVERYTHING, sweep_id: str = APPLY_ID) -> Row:
    _, source = open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)
    apply_plan(fake.world(), a_policy(policy), sweep_id, source)
    return fake.written(sweep_id)


def refused(fake: FakeWorld, sweep_id: str = SWEEP_ID) -> str:
    with pytest.raises(PlanError) as why:
        open_plan(fake.files, fake.ledger, sweep_id, fake.at)
    return str(why.value)


def test_a_sweep_that_nobody_knows_cannot_be_applied() -> None:
    assert refused(a_world(ONE)).startswith(f"there is no sweep {SWEEP_ID} in the ledger")


def test_a_sweep_that_stopped_things_itself_is_no_plan() -> None:
    fake = a_world(ONE)
    run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    assert refused(fake) == f"{SWEEP_ID} is no plan: its mode was enforce"


def test_a_sweep_that_broke_off_before_its_plan_has_none_to_apply() -> None:
    fake = a_world(ONE, tags_error=RuntimeError("our own bug"))
    with pytest.raises(RuntimeError):
        run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.PLAN)
    assert refused(fake) == f"{SWEEP_ID} has no plan.json: it did not get as far as a plan"


def test_a_plan_is_refused_from_the_moment_on_that_it_expires() -> None:
    fake = planned(a_world(ONE), EVERYTHING + "\nplan_valid_hours: 2")
    fake.at = AT + timedelta(hours=2, seconds=-1)
    assert open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)
    fake.at = AT + timedelta(hours=2)
    assert refused(fake) == f"{SWEEP_ID} expired at 2026-11-23 21:00 UTC; plan again"


def test_a_plan_whose_file_was_touched_is_refused() -> None:
    fake = planned(a_world(ONE))
    fake.files.files[SWEEP_ID, "plan.json"] = fake.files.read(SWEEP_ID, "plan.json").replace(b"i-1", b"i-9")
    assert refused(fake).startswith("plan.json was altered")


def test_a_plan_that_was_applied_is_refused_and_says_by_whom() -> None:
    fake = planned(a_world(ONE))
    applied(fake)
    assert refused(fake) == (
        f"{SWEEP_ID} was applied already, by {APPLY_ID}. What came of it: `stop-orchestrator report {APPLY_ID}`; "
        f"`stop-orchestrator undo {APPLY_ID}` starts what it stopped"
    )


@pytest.mark.parametrize("mode", [Mode.PLAN, Mode.APPROVE])
def test_exactly_what_was_planned_is_stopped_and_nothing_that_came_since(mode: Mode) -> None:
    fake = planned(a_world(ONE, TWO), mode=mode)
    newcomer = a_resource("i-new", ONE, REGIONS[0])
    fake.resources[newcomer.target] = (*fake.instances(newcomer.target).values(), newcomer)
    fake.asked.clear()
    report = applied(fake)
    assert sorted(fake.stopped) == ["i-0", "i-1", "i-2", "i-3"]
    assert outcomes(report) == dict.fromkeys(["i-0", "i-1", "i-2", "i-3"], "stopped")
    assert (report["mode"], report["source_sweep_id"], report["status"]) == ("apply", SWEEP_ID, "complete")
    assert report["coverage"] == fake.written()["coverage"]
    assert not [one for one in fake.asked if one.startswith("read")]


def test_a_plan_that_waits_for_approval_tells_somebody_how_to_apply_it() -> None:
    fake = planned(a_world(ONE), mode=Mode.APPROVE)
    assert fake.written()["status"] == SweepStatus.AWAITING_APPROVAL
    assert outcomes(fake.written()) == {"i-0": "would_stop", "i-1": "would_stop"}
    ((subject, text),) = fake.told
    assert "2 resources wait for your approval" in subject
    assert f"stop-orchestrator apply {SWEEP_ID}" in text
    assert f"({ONE}) in {', '.join(sorted(REGIONS))}:" in text


def test_a_plan_with_nothing_to_stop_waits_for_nobody() -> None:
    fake = planned(a_world(ONE), "", Mode.APPROVE)
    assert (fake.written()["status"], fake.told) == ("complete", [])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda one: replace(one, tags={"stop-orchestrator:opt-out": "true"}), "opt"),
        (lambda one: replace(one, tags={"Owner": "me"}), "its tags are others (Owner: absent -> 'me')."),
        (lambda one: in_state(one, "stopped"), "it was running and is stopped."),
        (lambda one: replace(one, started_at=AT), "it was started again at 2026-11-23T19:00:00Z."),
        (lambda _: None, "it is gone."),
    ],
    ids=["opted out", "tagged", "stopped", "started again", "gone"],
)
def test_what_changed_since_the_plan_is_kept_and_says_what_changed(
    change: Callable[[Resource], Resource | None], reason: str
) -> None:
    fake = planned(a_world(ONE))
    fake.change("i-0", change)
    report = applied(fake)
    assert fake.stopped == ["i-1"]
    assert outcomes(report) == fake.states(APPLY_ID) == {"i-1": "stopped"}
    (kept,) = reasons(report).values()
    assert kept.startswith("Changed since the plan: ")
    assert reason in kept
    assert (report["totals"]["planned"], report["totals"]["kept"], report["status"]) == (1, 1, "complete")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (None, "its account is not in the organization any more."),
        (an_account(ONE, state="SUSPENDED"), "the account's state is SUSPENDED"),
        (an_account(ONE, tags={"stop-orchestrator:opt-out": "true"}), "opt-out"),
    ],
    ids=["left", "suspended", "opted out"],
)
def test_an_account_that_changed_since_the_plan_is_kept_as_a_whole(change: Account | None, reason: str) -> None:
    fake = planned(a_world(ONE, TWO))
    fake.accounts = (*((change,) if change else ()), an_account(TWO))
    report = applied(fake)
    assert sorted(fake.stopped) == ["i-2", "i-3"]
    assert set(reasons(report)) == {"i-0", "i-1"}
    for kept in reasons(report).values():
        assert kept.startswith("Changed since the plan: ")
        assert reason in kept


def test_a_resource_whose_schedule_has_begun_since_the_plan_is_kept() -> None:
    policy = (
        "schedules: {late: {timezone: UTC, running: ['daily 20:00-21:00']}}\n"
        "rules: [{name: all, where: everything, schedule: late}]"
    )
    fake = planned(a_world(ONE), policy)
    assert set(outcomes(fake.written()).values()) == {"would_stop"}
    fake.at = AT + timedelta(hours=1)
    report = applied(fake, policy)
    assert (fake.stopped, outcomes(report)) == ([], {})
    assert "its schedule late says that it should run now" in reasons(report)["i-0"]


def test_what_cannot_be_looked_at_again_is_kept() -> None:
    fake = planned(a_world(ONE))
    target = next(iter(fake.resources))
    fake.resources[target] = unreadable("RequestLimitExceeded")
    report = applied(fake)
    assert fake.stopped == ["i-1"]
    assert reasons(report)["i-0"].startswith("It could not be looked at again: ec2:DescribeInstances: RequestLimit")
    assert (report["status"], document_exit_code(report)) == ("incomplete", 3)


def test_the_guardrails_hold_for_a_plan_that_is_applied() -> None:
    limited = EVERYTHING + "\nguardrails: {max_stops: 1}"
    fake = planned(a_world(ONE), limited)
    report = applied(fake, limited)
    assert (report["status"], outcomes(report)) == ("held", {"i-0": "held", "i-1": "held"})
    assert fake.stopped == []
    assert open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)  # nobody used it up


def test_a_plan_that_was_not_confirmed_can_be_applied_later() -> None:
    fake = planned(a_world(ONE))
    fake.confirm = lambda _: None
    with pytest.raises(NotConfirmedError):
        applied(fake)
    assert fake.stopped == []
    fake.confirm = say_yes
    assert set(outcomes(applied(fake, sweep_id=SECOND_ID)).values()) == {"stopped"}


def test_of_two_that_apply_the_same_plan_only_one_acts() -> None:
    fake = planned(a_world(ONE))

    def another_one_is_faster(_: Question) -> ConsentHow | None:
        fake.confirm = say_yes
        applied(fake, sweep_id=SECOND_ID)
        return ConsentHow.YES

    fake.confirm = another_one_is_faster
    with pytest.raises(PlanError, match=f"{SWEEP_ID} was applied already; nothing was stopped by this sweep"):
        applied(fake)
    assert sorted(fake.stopped) == ["i-0", "i-1"]
    assert set(outcomes(fake.written(SECOND_ID)).values()) == {"stopped"}
    late = fake.written(APPLY_ID)
    assert (late["status"], set(outcomes(late).values())) == ("failed", {"not_attempted"})


def test_a_plan_with_holes_in_its_coverage_is_applied_with_the_same_holes() -> None:
    fake = a_world(ONE, TWO)
    fake.binds[TWO] = unreadable("AccessDenied", operation="sts:AssumeRole")
    report = applied(planned(fake))
    assert sorted(fake.stopped) == ["i-0", "i-1"]
    assert [row["status"] for row in report["coverage"] if row["account_id"] == TWO] == [TargetStatus.DENIED]
    assert report["status"] == "incomplete"


def more_instances(fake: FakeWorld) -> None:
    """Somebody launches as many again as there are."""
    for target, found in list(fake.resources.items()):
        assert not isinstance(found, Exception)
        fake.resources[target] = (*found, *(replace(one, resource_id=f"{one.resource_id}-new") for one in found))


@pytest.mark.parametrize("applies", [True, False])
def test_what_is_launched_after_the_guardrails_were_passed_is_neither_counted_nor_stopped(*, applies: bool) -> None:
    limited = EVERYTHING + "\nguardrails: {max_stops: 4}"
    fake = a_world(ONE, TWO)

    def confirm(_: Question) -> ConsentHow | None:
        more_instances(fake)
        return ConsentHow.YES

    if applies:
        more_instances(planned(fake, limited))
        report = applied(fake, limited)
    else:
        fake.confirm = confirm
        run_sweep(fake.world(), a_policy(limited), SWEEP_ID, Mode.ENFORCE)
        report = fake.written()
    assert sorted(fake.stopped) == ["i-0", "i-1", "i-2", "i-3"]
    assert report["status"] == "complete"
    assert {row["name"]: row["actual"] for row in report["guardrails"]}["max_stops"] == 4
