"""Going on with a sweep: wherever its process died, nothing is acted on twice, and the report is the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from orchestrator.core.model import Mode, Outcome, OutcomeStatus, Resource, Target
from orchestrator.core.model.marks import STOPPED_BY_TAG
from orchestrator.core.report.document import Row
from orchestrator.errors import LedgerError, PlanError
from orchestrator.ports import NoProgress
from orchestrator.sweep.run import apply_plan, resume_sweep, run_sweep, undo_sweep
from orchestrator.sweep.stored_plan import open_plan
from orchestrator.sweep.undo import UndoFilter
from orchestrator.sweep.verify import verify
from tests.support.builders import AT, SWEEP_ID, a_policy, a_resource, in_state
from tests.support.fake_kind import FakeKind
from tests.support.fake_world import (
    EVERYTHING,
    ONE,
    REGIONS,
    TWO,
    Breaking,
    FakeWorld,
    a_world,
    outcomes,
    reasons,
    unreadable,
)
from tests.support.memory_store import Died

POLICY = EVERYTHING + "\nwaves: [{accounts: 1}]"
LATER_ID = "20261123T200000Z-000001"


def a_mixed_world() -> FakeWorld:
    """Two accounts; three instances in the first target, in two batches; one of them fails to stop."""
    fake = a_world(ONE, TWO, workers=1, batch_size=2)
    resources = tuple(a_resource(f"i-{name}", ONE, REGIONS[0]) for name in "abc")
    fake.resources[resources[0].target] = resources
    fake.stops["i-b"] = OutcomeStatus.FAILED
    return fake


@dataclass(frozen=True)
class Scenario:
    """A world before the sweep, and the sweep."""

    sweep_id: str
    prepare: Callable[[], FakeWorld]
    run: Callable[[FakeWorld], object]


def _planned() -> FakeWorld:
    fake = a_mixed_world()
    run_sweep(fake.world(), a_policy(POLICY), SWEEP_ID, Mode.PLAN)
    fake.change("i-c", lambda one: replace(one, tags={"Owner": "me"}))
    return fake


def _apply(fake: FakeWorld) -> None:
    _, source = open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)
    apply_plan(fake.world(), a_policy(POLICY), LATER_ID, source)


def _swept() -> FakeWorld:
    fake = a_mixed_world()
    run_sweep(fake.world(), a_policy(POLICY), SWEEP_ID, Mode.ENFORCE)
    fake.change("i-3", lambda one: in_state(one, "running"))
    fake.stopped.clear()
    return fake


def _undo(fake: FakeWorld) -> None:
    undo_sweep(fake.world(), a_policy(POLICY), LATER_ID, SWEEP_ID, UndoFilter(accounts=frozenset({ONE})))


SCENARIOS = {
    "plan": Scenario(
        SWEEP_ID, a_mixed_world, lambda fake: run_sweep(fake.world(), a_policy(POLICY), SWEEP_ID, Mode.PLAN)
    ),
    "approve": Scenario(
        SWEEP_ID, a_mixed_world, lambda fake: run_sweep(fake.world(), a_policy(POLICY), SWEEP_ID, Mode.APPROVE)
    ),
    "enforce": Scenario(
        SWEEP_ID, a_mixed_world, lambda fake: run_sweep(fake.world(), a_policy(POLICY), SWEEP_ID, Mode.ENFORCE)
    ),
    "apply": Scenario(LATER_ID, _planned, _apply),
    "undo": Scenario(LATER_ID, _swept, _undo),
}


def prepared(name: str) -> FakeWorld:
    fake = SCENARIOS[name].prepare()
    fake.life.events.clear()
    return fake


@cache
def undisturbed(name: str) -> FakeWorld:
    fake = prepared(name)
    SCENARIOS[name].run(fake)
    return fake


def killed(name: str, fake: FakeWorld, after: int) -> None:
    fake.life.dies_after = after
    with pytest.raises(Died):
        SCENARIOS[name].run(fake)
    fake.life.dies_after = None


def resumed(fake: FakeWorld, sweep_id: str = SWEEP_ID) -> Row:
    begun = fake.ledger.sweep(sweep_id)
    assert begun is not None
    assert begun.status == "running"
    document, _ = resume_sweep(fake.world(), a_policy(POLICY), begun)
    return document


def same_as_undisturbed(name: str, fake: FakeWorld) -> None:
    expected, sweep_id = undisturbed(name), SCENARIOS[name].sweep_id
    report = fake.written(sweep_id)
    assert {**report, "calls": {}} == {**expected.written(sweep_id), "calls": {}}
    assert fake.states(sweep_id) == expected.states(sweep_id)
    assert (sorted(fake.stopped), sorted(fake.started)) == (sorted(expected.stopped), sorted(expected.started))
    assert set(fake.files.files) == set(expected.files.files)
    assert verify(fake.files, fake.ledger, None, None).broken == ()
    ended = fake.ledger.sweep(sweep_id)
    assert ended is not None
    assert (ended.status, ended.totals) == (report["status"], report["totals"])


DEATHS = [(name, after) for name in SCENARIOS for after in range(1, len(undisturbed(name).life.events))]


@pytest.mark.parametrize(("name", "after"), DEATHS)
def test_wherever_a_process_dies_the_next_one_ends_the_sweep_as_if_nothing_had_happened(name: str, after: int) -> None:
    fake = prepared(name)
    killed(name, fake, after)
    document = resumed(fake, SCENARIOS[name].sweep_id)
    assert document == fake.written(SCENARIOS[name].sweep_id)
    same_as_undisturbed(name, fake)


def test_the_deaths_are_in_all_the_places_that_matter() -> None:
    words = {event.split()[0] for event in undisturbed("enforce").life.events}
    assert words == {"begin", "file", "update", "intend", "hold", "stop", "settle", "put", "delete"}
    files = [event for event in undisturbed("enforce").life.events if event.startswith("file")]
    assert (files[0], files[1], files[-1]) == ("file plan.json", "file report.json", "file manifest.json")


@pytest.mark.parametrize("name", ["enforce", "apply", "undo"])
@pytest.mark.parametrize("events", [4, 5, 8])
def test_however_short_each_process_lives_the_sweep_ends_all_the_same(name: str, events: int) -> None:
    """As long as it lives for one batch: its intents, what it holds down, its call and its outcomes."""
    fake = prepared(name)
    killed(name, fake, events)
    for _ in range(50):
        fake.life.dies_after = len(fake.life.events) + events
        try:
            resumed(fake, SCENARIOS[name].sweep_id)
            break
        except Died:
            begun = fake.ledger.sweep(SCENARIOS[name].sweep_id)
            if begun is not None and begun.status != "running":
                break
    fake.life.dies_after = None
    same_as_undisturbed(name, fake)


def died_at(event: str) -> FakeWorld:
    """A world whose sweep was killed right after that event."""
    fake = prepared("enforce")
    killed("enforce", fake, undisturbed("enforce").life.events.index(event) + 1)
    return fake


def test_an_intent_is_settled_by_looking_and_not_by_stopping_again() -> None:
    fake = died_at("stop i-a,i-b")
    assert [fake.states()[one] for one in ("i-a", "i-b")] == ["intent", "intent"]
    fake.asked.clear()
    report = resumed(fake)
    assert f"recover {ONE} {REGIONS[0]}" in fake.asked
    assert fake.stopped.count("i-a") == 1
    assert outcomes(report)["i-a"] == "stopped"
    assert not [one for one in fake.asked if one.startswith("read")]


def test_what_aws_had_accepted_stays_so_where_its_mark_is_gone_and_undo_reaches_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def without_marks(_: FakeKind, __: Target, intents: Any, *___: object) -> tuple[Outcome, ...]:
        return tuple(Outcome(one, OutcomeStatus.ALREADY_STOPPED, "", "", at, at) for one, _, at in intents)

    fake = died_at("settle i-a,i-b")
    assert fake.states()["i-a"] == "stopping"
    monkeypatch.setattr(FakeKind, "recover_intents", without_marks)
    report = resumed(fake)
    assert outcomes(report)["i-a"] == fake.states()["i-a"] == "stopping"
    messages = {row["resource_id"]: row["message"] for row in report["outcomes"]}
    assert messages["i-a"] == "AWS accepted it, and neither its mark nor its time tells that it is down since then"
    fake.change("i-a", lambda one: replace(one, tags={}))
    undo_sweep(fake.world(), a_policy(EVERYTHING), "20261124T070000Z-000001", SWEEP_ID, UndoFilter())
    assert "i-a" in fake.started


def test_what_was_announced_and_is_gone_is_not_asked_for_again() -> None:
    fake = died_at("intend i-a,i-b")
    fake.change("i-a", lambda _: None)
    report = resumed(fake)
    assert "i-a" not in fake.stopped
    assert {row["resource_id"]: row["code"] for row in report["outcomes"] if row["status"] == "failed"} == {
        "i-a": "Gone",
        "i-b": "",
    }


@pytest.mark.parametrize("refusal", [unreadable("AccessDenied", "the role is gone"), ZeroDivisionError("our own")])
def test_what_was_announced_and_cannot_be_looked_at_is_unknown_and_is_not_touched(refusal: Exception) -> None:
    fake = died_at("stop i-a,i-b")
    fake.binds[ONE] = refusal
    report = resumed(fake)
    unknown = {row["resource_id"]: row for row in report["outcomes"] if row["status"] == "unknown"}
    assert unknown["i-a"]["message"].startswith("it was about to be acted on when the process died, and it cannot be")
    assert unknown["i-a"]["requested_at"] == "2026-11-23T19:00:00Z"
    assert fake.states()["i-a"] == "unknown"
    assert fake.stopped.count("i-a") == 1
    assert outcomes(report)["i-2"] == "stopped"


def test_what_was_announced_of_a_kind_that_this_release_does_not_know_is_unknown_and_is_not_touched() -> None:
    fake = died_at("intend i-a,i-b")
    resume_sweep(replace(fake.world(), kinds={}, actors={}), a_policy(POLICY), fake.ledger.sweeps()[0])
    found = {row["resource_id"]: row for row in fake.written()["outcomes"]}
    assert (found["i-a"]["status"], found["i-a"]["code"]) == ("unknown", "UnknownKind")
    assert found["i-a"]["message"].endswith("it cannot be looked at: this release does not know the kind ec2")
    assert not {"i-a", "i-b"} & set(fake.stopped)


def test_what_was_seen_of_an_intent_is_reported_also_when_the_ledger_does_not_take_it_at_once() -> None:
    fake = died_at("stop i-a,i-b")

    def before(event: str) -> None:
        if event == "settle i-a":
            raise LedgerError("busy")

    fake.life.before = before
    report = resumed(fake)
    assert outcomes(report)["i-a"] == fake.states()["i-a"] == "stopped"


def test_when_looking_breaks_off_the_sweep_is_still_running_and_can_be_resumed() -> None:
    fake = died_at("stop i-a,i-b")
    fake.progress = Breaking(KeyboardInterrupt("Ctrl-C"), phase="Looking at")
    with pytest.raises(KeyboardInterrupt):
        resumed(fake)
    assert not fake.has_file("report.json")
    fake.progress = NoProgress()
    report = resumed(fake)
    assert outcomes(report)["i-a"] == fake.states()["i-a"] == "stopped"


def test_a_stop_that_failed_is_not_tried_again() -> None:
    fake = died_at("settle i-a,i-b")
    fake.stops.clear()
    assert outcomes(resumed(fake))["i-b"] == "failed"
    assert "i-b" not in fake.stopped


def test_what_changed_between_the_death_and_now_is_kept() -> None:
    fake = died_at("settle i-a,i-b")
    fake.change("i-c", lambda one: replace(one, tags={"stop-orchestrator:opt-out": "true"}))
    report = resumed(fake)
    assert reasons(report)["i-c"].startswith("Changed since the plan: ")
    assert "i-c" not in {*fake.stopped, *outcomes(report)}


def test_a_plan_is_carried_out_by_the_clock_of_the_process_that_goes_on_with_it() -> None:
    late = "schedules: {late: {timezone: UTC, running: ['daily 20:00-21:00']}}\n"
    policy = late + "rules: [{name: all, where: everything, schedule: late}]"
    fake = a_world(ONE, workers=1)
    fake.life.dies_after = 7
    with pytest.raises(Died):
        run_sweep(fake.world(), a_policy(policy), SWEEP_ID, Mode.ENFORCE)
    assert fake.life.events[-1] == "intend i-0"
    fake.life.dies_after = None
    fake.at = AT + timedelta(hours=1)
    begun = fake.ledger.sweep(SWEEP_ID)
    assert begun is not None
    report, _ = resume_sweep(fake.world(), a_policy(policy), begun)
    assert (fake.stopped, outcomes(report)) == ([], {})
    assert "its schedule late says that it should run now" in reasons(report)["i-0"]


def test_a_held_plan_stays_held() -> None:
    policy = EVERYTHING + "\nguardrails: {max_stops: 1}"
    fake = a_world(ONE)
    fake.life.dies_after = 4
    with pytest.raises(Died):
        run_sweep(fake.world(), a_policy(policy), SWEEP_ID, Mode.ENFORCE)
    assert fake.life.events[-1] == "file plan.json"
    fake.life.dies_after = None
    begun = fake.ledger.sweep(SWEEP_ID)
    assert begun is not None
    report, _ = resume_sweep(fake.world(), a_policy(policy), begun)
    assert (report["status"], set(outcomes(report).values()), fake.stopped) == ("held", {"held"}, [])


def test_a_store_without_the_plan_that_the_ledger_knows_is_refused_and_nothing_is_forgotten() -> None:
    fake = died_at("stop i-a,i-b")
    plan = fake.files.files.pop((SWEEP_ID, "plan.json"))
    fake.asked.clear()
    with pytest.raises(PlanError, match=r"there is no .*plan\.json: name the store that it began with"):
        resumed(fake)
    assert (fake.asked, fake.has_file("report.json"), fake.states()["i-a"]) == ([], False, "intent")
    fake.files.files[SWEEP_ID, "plan.json"] = plan
    resumed(fake)
    same_as_undisturbed("enforce", fake)


def test_what_took_effect_between_two_looks_of_a_resume_is_this_sweeps_and_not_kept() -> None:
    fake = died_at("intend i-a,i-b")
    looks: list[str] = []
    look = FakeKind.look

    def late(kind: FakeKind, target: Target, resource_ids: Sequence[str]) -> Mapping[str, Resource]:
        looks.append(target.region)
        if len(looks) == 1:
            tags = {STOPPED_BY_TAG: SWEEP_ID}
            fake.change("i-a", lambda one: in_state(one, "stopped", tags=tags, changed_at=AT))
        return look(kind, target, resource_ids)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeKind, "look", late)
        report = resumed(fake)
    assert outcomes(report)["i-a"] == fake.states()["i-a"] == "stopped"
    assert "i-a" not in {*fake.stopped, *reasons(report)}
