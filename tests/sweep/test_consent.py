"""Authority is never lent: a sweep acts only under recorded consent to its own plan, by the text of today's policy."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.core.model import ActivePolicy, ConsentHow, Halt, HaltCause, Mode, Question
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.document import Row
from orchestrator.errors import ConsentError, NotConfirmedError, PlanError
from orchestrator.ledger.lease import Lease, Leases, Times
from orchestrator.ports import Runtime, Stores, World
from orchestrator.sweep import coordination
from orchestrator.sweep.coordination import Busy, Ended
from orchestrator.sweep.undo import UndoFilter
from orchestrator.sweep.verify import verify
from tests.support.builders import AT, SWEEP_ID, a_policy, a_resource
from tests.support.consent import CONSENTING, activate, say_yes
from tests.support.fake_world import EVERYTHING, ONE, TWO, FakeWorld, a_world, outcomes, unreadable
from tests.support.memory_store import Died
from tests.support.policies import load

SECOND, THIRD = "20261123T191500Z-000002", "20261123T193000Z-000003"
MENDED = EVERYTHING.replace("name: all", "name: every")
STANDING = Runtime(confirm=lambda _: ConsentHow.STANDING, standing=True)
ASKED_BY = "arn:aws:iam::111111111111:user/ann (ann@laptop)"


@pytest.fixture
def fake() -> FakeWorld:
    return a_world(ONE, TWO, workers=1)


def stores(fake: FakeWorld, *, alone: bool = True) -> Stores:
    """Those of one more process: the one before it is known to be dead, unless it is not `alone`."""
    leases = Leases(fake.ledger, lambda: fake.at, Times(), holder="process", is_dead=lambda _: alone)

    def build(_policy: OrgPolicy, _id: str, mode: Mode, runtime: Runtime, _lease: Lease) -> World:
        world = fake.world()
        return replace(
            world,
            confirm=runtime.confirm,
            standing=runtime.standing,
            policy_source=runtime.policy_source,
            actors=world.actors if mode.acts else {},
        )

    return Stores(fake.files, fake.ledger, leases, build, lambda text, _: load(text), lambda _: None)


def swept(
    fake: FakeWorld,
    mode: Mode,
    sweep_id: str,
    policy: str = EVERYTHING,
    runtime: Runtime = CONSENTING,
    *,
    alone: bool = True,
) -> coordination.Result:
    return coordination.sweep(stores(fake, alone=alone), a_policy(policy), sweep_id, mode, runtime)


def document(result: coordination.Result) -> Row:
    assert isinstance(result, Ended)
    return result.document


def killed(fake: FakeWorld, work: Callable[[], object], after: str = "") -> None:
    """The process dies right after that event; without one, while the prompt waits for an answer."""
    if after:
        fake.life.before = lambda event: _die_after(fake, event, after)
    with pytest.raises(Died):
        work()
    fake.life.before, fake.life.dies_after = (lambda _: None), None


def _die_after(fake: FakeWorld, event: str, after: str) -> None:
    if event.startswith(after) and fake.life.dies_after is None:
        fake.life.dies_after = len(fake.life.events) + 1


def at_the_prompt(fake: FakeWorld) -> Runtime:
    def ask(_: object) -> ConsentHow | None:
        fake.life.dies_after = len(fake.life.events)
        raise Died

    return Runtime(confirm=ask)


def status(fake: FakeWorld, sweep_id: str = SWEEP_ID) -> str:
    begun = fake.ledger.sweep(sweep_id)
    assert begun is not None
    return begun.status


@pytest.mark.parametrize("mode", [Mode.PLAN, Mode.APPROVE])
def test_a_plan_closes_a_sweep_that_died_at_its_prompt_and_stops_nothing(fake: FakeWorld, mode: Mode) -> None:
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SWEEP_ID, runtime=at_the_prompt(fake)))
    assert document(swept(fake, mode, SECOND))["mode"] == mode
    assert (fake.stopped, status(fake)) == ([], "abandoned")
    report = fake.written()
    assert report["status"] == "abandoned"
    assert set(outcomes(report).values()) == {"not_attempted"}
    assert "before anyone confirmed it" in report["error"]


def test_a_sweep_that_died_at_its_prompt_is_never_resumed_and_the_next_one_asks_for_itself(fake: FakeWorld) -> None:
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SWEEP_ID, runtime=at_the_prompt(fake)))
    with pytest.raises(Exception, match="Declined"):
        swept(fake, Mode.ENFORCE, SECOND, runtime=Runtime(confirm=lambda _: None))
    assert (fake.stopped, status(fake), status(fake, SECOND)) == ([], "abandoned", "failed")


def test_a_schedule_is_turned_away_while_a_person_has_not_confirmed_and_acts_when_they_said_no(fake: FakeWorld) -> None:
    activate(fake.ledger, a_policy(EVERYTHING))
    scheduled: list[coordination.Result] = []

    def say_no_after_the_schedule(_: object) -> None:
        scheduled.append(swept(fake, Mode.ENFORCE, SECOND, runtime=STANDING, alone=False))

    with pytest.raises(Exception, match="Declined"):
        swept(fake, Mode.ENFORCE, SWEEP_ID, runtime=Runtime(confirm=say_no_after_the_schedule))
    assert scheduled == [Busy(SWEEP_ID, same=False)]
    again = replace(STANDING, triggered_at=fake.at - timedelta(minutes=1))
    assert document(swept(fake, Mode.ENFORCE, SECOND, runtime=again))["status"] == "complete"
    assert fake.stopped != []


def test_a_schedule_has_what_it_asked_for_once_a_person_has_confirmed(fake: FakeWorld) -> None:
    activate(fake.ledger, a_policy(EVERYTHING))
    scheduled: list[coordination.Result] = []

    def trigger(_: object) -> None:
        if not scheduled:
            scheduled.append(swept(fake, Mode.ENFORCE, SECOND, runtime=STANDING, alone=False))

    fake.before_stop = trigger
    swept(fake, Mode.ENFORCE, SWEEP_ID)
    assert scheduled == [Busy(SWEEP_ID, same=True)]


def test_of_two_schedules_the_second_has_what_it_asked_for_before_the_first_has_consented(fake: FakeWorld) -> None:
    activate(fake.ledger, a_policy(EVERYTHING))
    scheduled: list[coordination.Result] = []

    def trigger(_: object) -> ConsentHow:
        scheduled.append(swept(fake, Mode.ENFORCE, SECOND, runtime=STANDING, alone=False))
        return ConsentHow.STANDING

    swept(fake, Mode.ENFORCE, SWEEP_ID, runtime=replace(STANDING, confirm=trigger))
    assert scheduled == [Busy(SWEEP_ID, same=True)]


def test_a_schedule_never_confirms_for_a_person_whose_process_died_and_sweeps_by_itself(fake: FakeWorld) -> None:
    activate(fake.ledger, a_policy(EVERYTHING))
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SWEEP_ID, runtime=at_the_prompt(fake)))
    done = document(swept(fake, Mode.ENFORCE, SECOND, runtime=STANDING))
    assert (done["sweep_id"], done["status"], status(fake)) == (SECOND, "complete", "abandoned")
    assert set(outcomes(fake.written()).values()) == {"not_attempted"}


def test_a_schedule_without_consent_reports_that_also_where_somebody_plans_at_that_moment(fake: FakeWorld) -> None:
    scheduled: list[coordination.Result] = []

    def trigger(what: str) -> None:
        if what.startswith("file plan.json") and not scheduled:
            scheduled.append(swept(fake, Mode.ENFORCE, SECOND, runtime=STANDING, alone=False))

    fake.life.before = trigger
    swept(fake, Mode.PLAN, SWEEP_ID)
    assert scheduled == [Busy(SWEEP_ID, same=False)]
    assert "was activated" in document(swept(fake, Mode.ENFORCE, THIRD, runtime=STANDING))["consent_missing"]


def test_resuming_gives_no_consent_even_where_the_caller_says_yes(fake: FakeWorld) -> None:
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SWEEP_ID, runtime=at_the_prompt(fake)))
    assert document(coordination.resume(stores(fake), SWEEP_ID, CONSENTING))["status"] == "abandoned"
    assert fake.stopped == []


def test_consent_is_recorded_before_the_first_intent_with_who_how_and_until_when(fake: FakeWorld) -> None:
    report = document(swept(fake, Mode.ENFORCE, SWEEP_ID))
    events = fake.life.events
    assert events.index("update consent") < min(n for n, one in enumerate(events) if one.startswith("intend"))
    consent = report["consent"]
    assert (consent["by"], consent["how"], report["asked_by"]) == (ASKED_BY, "--yes", ASKED_BY)
    assert (consent["given_at"], consent["expires_at"]) == ("2026-11-23T19:00:00Z", "2026-11-24T07:00:00Z")
    assert consent["policy_sha256"] == report["policy_sha256"] == a_policy(EVERYTHING).sha256
    begun = fake.ledger.sweep(SWEEP_ID)
    assert begun is not None
    assert begun.consent is not None
    assert (begun.asked_by, begun.consent["by"]) == (ASKED_BY, ASKED_BY)
    assert begun.consent["plan_sha256"] == consent["plan_sha256"]


@pytest.mark.parametrize(("hours", "stopped"), [(11.9, 4), (12, 0)])
def test_a_plan_that_is_confirmed_when_it_would_not_be_applied_any_more_is_not_acted_on(
    fake: FakeWorld, hours: float, stopped: int
) -> None:
    def confirm(_: Question) -> ConsentHow:
        fake.at = AT + timedelta(hours=hours)
        return ConsentHow.TYPED

    with suppress(ConsentError):
        swept(fake, Mode.ENFORCE, SWEEP_ID, runtime=Runtime(confirm=confirm))
    assert len(fake.stopped) == stopped
    report = fake.written()
    assert report["status"] == ("complete" if stopped else "failed")
    assert ("counts for 12 hours (plan_valid_hours)" in report["error"]) is (stopped == 0)
    assert {row["status"] for row in report["outcomes"]} == {"stopped" if stopped else "not_attempted"}


def test_a_plan_leaves_a_confirmed_sweep_that_died_and_the_same_request_resumes_it(fake: FakeWorld) -> None:
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SWEEP_ID), after="settle i-0")
    assert fake.stopped == ["i-0"]
    swept(fake, Mode.PLAN, SECOND)
    assert (fake.stopped, status(fake)) == (["i-0"], "running")
    report = document(swept(fake, Mode.ENFORCE, THIRD, runtime=Runtime(confirm=lambda _: None)))
    assert (report["sweep_id"], report["status"]) == (SWEEP_ID, "complete")
    assert sorted(fake.stopped) == ["i-0", "i-1", "i-2", "i-3"]


@pytest.mark.parametrize("how", ["another text of the policy", "a day later"])
@pytest.mark.parametrize("after", ["update consent", "intend i-0", "settle i-0"])
def test_a_confirmed_sweep_is_closed_once_its_consent_is_worth_nothing_and_what_it_did_is_known(
    fake: FakeWorld, how: str, after: str
) -> None:
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SWEEP_ID), after=after)
    done = list(fake.stopped)
    text = MENDED if how.startswith("another") else EVERYTHING
    fake.at = AT if how.startswith("another") else AT + timedelta(hours=25)
    swept(fake, Mode.ENFORCE, SECOND, text, Runtime(confirm=say_yes))
    report = fake.written()
    assert (report["status"], status(fake)) == ("abandoned", "abandoned")
    assert ("the policy has another text" in report["error"]) is how.startswith("another")
    assert {one for one, came in outcomes(report).items() if came == "stopped"} == set(done)
    assert "intent" not in fake.states().values()
    assert set(outcomes(fake.written(SECOND))) == {"i-0", "i-1", "i-2", "i-3"} - set(done)


@pytest.mark.parametrize("set_back", [False, True])
def test_a_sweep_that_was_suspended_until_its_consent_was_over_asks_for_no_further_batch(
    fake: FakeWorld, *, set_back: bool
) -> None:
    def before(event: str) -> None:
        if event == "settle i-0":
            fake.at = AT + timedelta(minutes=1 if set_back else 25 * 60)
            fake.monotonic = 25 * 3600.0 if set_back else 0.0

    fake.life.before = before
    report = document(swept(fake, Mode.ENFORCE, SWEEP_ID))
    assert (fake.stopped, report["status"]) == (["i-0"], "incomplete")
    left = [row for row in report["outcomes"] if row["resource_id"] != "i-0"]
    assert {row["status"] for row in left} == {"not_attempted"}
    assert "expired at 2026-11-24 07:00 UTC" in left[0]["message"]


@pytest.mark.parametrize("request_again", [False, True])
def test_a_sweep_that_died_after_its_switch_was_pulled_is_not_resumed_once_that_says_go(
    fake: FakeWorld, *, request_again: bool
) -> None:
    fake.halt = lambda: Halt(HaltCause.KILL_SWITCH, "pulled") if fake.stopped else None
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SWEEP_ID), after="file report.json")
    fake.files.files.pop((SWEEP_ID, "report.json"), None)
    fake.halt = lambda: None
    if request_again:
        swept(fake, Mode.PLAN, SECOND)
    else:
        coordination.resume(stores(fake), SWEEP_ID, CONSENTING, a_policy(EVERYTHING))
    assert (fake.stopped, status(fake)) == (["i-0"], "abandoned")
    assert "it was halted: pulled" in fake.written()["error"]


def test_resuming_by_hand_holds_the_policy_against_todays_text(fake: FakeWorld) -> None:
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SWEEP_ID), after="settle i-0")
    result = coordination.resume(stores(fake), SWEEP_ID, CONSENTING, a_policy(MENDED))
    assert document(result)["status"] == "abandoned"
    assert fake.stopped == ["i-0"]


def of_today(text: str) -> Runtime:
    """Of a person whose machine finds that text at the source of the policy."""
    return replace(CONSENTING, policy_of_today=lambda _: a_policy(text))


def begin_apply(fake: FakeWorld, text: str = EVERYTHING) -> coordination.Result:
    return coordination.apply(stores(fake), SWEEP_ID, SECOND, of_today(text))


def begin_undo(fake: FakeWorld, text: str = EVERYTHING) -> coordination.Result:
    return coordination.undo(stores(fake), SWEEP_ID, SECOND, UndoFilter(), of_today(text))


@pytest.mark.parametrize(("begun", "mode"), [(begin_apply, Mode.PLAN), (begin_undo, Mode.ENFORCE)])
def test_what_applies_or_undoes_a_sweep_has_the_source_of_its_policy(
    fake: FakeWorld, begun: Callable[[FakeWorld], object], mode: Mode
) -> None:
    swept(fake, mode, SWEEP_ID, runtime=replace(CONSENTING, policy_source="s3://policies/all.yaml"))
    begun(fake)
    summary = fake.ledger.sweep(SECOND)
    assert summary is not None
    assert summary.policy_source == "s3://policies/all.yaml"


@pytest.mark.parametrize("current", [MENDED, None])
@pytest.mark.parametrize(
    ("begun", "mode", "after"), [(begin_apply, Mode.PLAN, "settle i-0"), (begin_undo, Mode.ENFORCE, "settle i-0")]
)
def test_a_dead_apply_or_undo_acts_on_nothing_more_by_a_text_that_is_not_known_to_be_todays(
    fake: FakeWorld, begun: Callable[[FakeWorld], object], mode: Mode, after: str, current: str | None
) -> None:
    swept(fake, mode, SWEEP_ID)
    killed(fake, lambda: begun(fake), after)
    done = (list(fake.stopped), list(fake.started))
    today = a_policy(current) if current else None
    report = document(coordination.resume(stores(fake), SECOND, CONSENTING, today))
    assert (report["status"], (fake.stopped, fake.started)) == ("abandoned", done)
    assert ("has another text today" if current else "its policy has today is not known") in report["error"]


def test_the_same_apply_resumes_the_one_that_died_under_its_consent_and_only_once(fake: FakeWorld) -> None:
    swept(fake, Mode.PLAN, SWEEP_ID)
    killed(fake, lambda: begin_apply(fake), "settle i-0")
    nobody = replace(of_today(EVERYTHING), confirm=lambda _: None)
    report = document(coordination.apply(stores(fake), SWEEP_ID, THIRD, nobody))
    assert (report["sweep_id"], report["status"], report["consent"]["how"]) == (SECOND, "complete", "--yes")
    assert sorted(fake.stopped) == ["i-0", "i-1", "i-2", "i-3"]
    with pytest.raises(PlanError, match=f"by {SECOND}. What came of it: `stop-orchestrator report .* undo {SECOND}`"):
        coordination.apply(stores(fake), SWEEP_ID, THIRD, nobody)


def test_the_same_apply_closes_the_one_that_died_where_the_policy_has_another_text(fake: FakeWorld) -> None:
    swept(fake, Mode.PLAN, SWEEP_ID)
    killed(fake, lambda: begin_apply(fake), "settle i-0")
    report = document(coordination.apply(stores(fake), SWEEP_ID, THIRD, of_today(MENDED)))
    assert (report["sweep_id"], report["status"], fake.stopped) == (SECOND, "abandoned", ["i-0"])


def test_the_same_apply_says_that_the_first_is_running(fake: FakeWorld) -> None:
    swept(fake, Mode.PLAN, SWEEP_ID)
    seen: list[coordination.Result] = []

    def again(_: object) -> None:
        if not seen:
            seen.append(coordination.apply(stores(fake, alone=False), SWEEP_ID, THIRD, of_today(EVERYTHING)))

    fake.before_stop = again
    begin_apply(fake)
    assert seen == [Busy(SECOND, same=True)]


def test_a_dead_undo_by_an_old_text_is_closed_and_the_same_request_undoes_the_rest_anew(fake: FakeWorld) -> None:
    swept(fake, Mode.ENFORCE, SWEEP_ID)
    killed(fake, lambda: begin_undo(fake), "settle i-0")
    report = document(coordination.undo(stores(fake), SWEEP_ID, THIRD, UndoFilter(), of_today(MENDED)))
    assert (status(fake, SECOND), report["sweep_id"], report["status"]) == ("abandoned", THIRD, "complete")
    assert sorted(fake.started) == ["i-0", "i-1", "i-2", "i-3"]


@pytest.mark.parametrize("known", [True, False])
def test_an_undo_by_an_old_text_leaves_a_confirmed_dead_sweep_by_todays(fake: FakeWorld, *, known: bool) -> None:
    swept(fake, Mode.ENFORCE, SWEEP_ID)
    for number in (8, 9):
        late = a_resource(f"i-{number}", ONE)
        fake.resources[late.target] = (*fake.instances(late.target).values(), late)
    fake.batch_size = 1
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SECOND, MENDED), after="settle i-8")
    runtime = of_today(MENDED) if known else CONSENTING
    coordination.undo(stores(fake), SWEEP_ID, THIRD, UndoFilter(), runtime)
    assert (status(fake, SECOND), status(fake, THIRD)) == ("running", "complete")


def test_an_undo_that_died_at_its_prompt_starts_nothing_later(fake: FakeWorld) -> None:
    swept(fake, Mode.ENFORCE, SWEEP_ID)
    killed(fake, lambda: coordination.undo(stores(fake), SWEEP_ID, SECOND, UndoFilter(), at_the_prompt(fake)))
    swept(fake, Mode.PLAN, THIRD)
    assert (fake.started, status(fake, SECOND)) == ([], "abandoned")


def test_an_undo_of_another_sweep_stops_nothing_of_one_that_died_confirmed(fake: FakeWorld) -> None:
    swept(fake, Mode.ENFORCE, SWEEP_ID)
    for number in (8, 9):
        late = a_resource(f"i-{number}", ONE)
        fake.resources[late.target] = (*fake.instances(late.target).values(), late)
    fake.batch_size = 1
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SECOND), after="settle i-8")
    coordination.undo(stores(fake), SWEEP_ID, THIRD, UndoFilter(), CONSENTING)
    assert ("i-9" in fake.stopped, status(fake, SECOND)) == (False, "running")
    assert sorted(fake.started) == ["i-0", "i-1", "i-2", "i-3"]


def test_a_process_that_only_plans_has_nothing_that_could_act(fake: FakeWorld) -> None:
    built: list[World] = []
    hub = stores(fake)

    def build(*arguments: object) -> World:
        built.append(hub.build_world(*arguments))  # type: ignore[arg-type]  # whatever it is given
        return built[-1]

    coordination.sweep(replace(hub, build_world=build), a_policy(EVERYTHING), SWEEP_ID, Mode.PLAN, CONSENTING)
    assert [dict(world.actors) for world in built] == [{}]


# --- another release --------------------------------------------------------------------------------------------------

FORMATS = [99, 1, None, "two"]


def written_by_another(fake: FakeWorld, sweep_id: str, number: object) -> None:
    fake.ledger.amend(sweep_id, format=number)


@pytest.mark.parametrize("number", FORMATS)
@pytest.mark.parametrize("how", ["resume", "the same request", "plan"])
def test_a_dead_sweep_of_another_format_is_closed_by_looking_and_can_be_undone(
    fake: FakeWorld, number: object, how: str
) -> None:
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SWEEP_ID), after="stop i-1")
    stopped = list(fake.stopped)
    written_by_another(fake, SWEEP_ID, number)
    if how == "resume":
        coordination.resume(stores(fake), SWEEP_ID, CONSENTING, a_policy(EVERYTHING))
    else:
        runtime = Runtime(confirm=lambda _: None)
        with suppress(NotConfirmedError):
            swept(fake, Mode.PLAN if how == "plan" else Mode.ENFORCE, SECOND, runtime=runtime)
    assert (fake.stopped, status(fake)) == (stopped, "abandoned")
    assert "the format of another release" in fake.written()["error"]
    coordination.undo(stores(fake), SWEEP_ID, THIRD, UndoFilter(), CONSENTING)
    assert sorted(fake.started) == stopped


@pytest.mark.parametrize("number", FORMATS)
def test_an_announced_action_of_another_format_lets_its_dead_sweep_act_no_more(fake: FakeWorld, number: object) -> None:
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SWEEP_ID), after="intend i-1")
    stopped = list(fake.stopped)
    [row] = [one for one in fake.items.query(f"SWEEP#{SWEEP_ID}", "ACTION#") if one["resource_id"] == "i-1"]
    fake.items.update((row["PK"], row["SK"]), {"format": number})
    report = document(coordination.resume(stores(fake), SWEEP_ID, CONSENTING, a_policy(EVERYTHING)))
    assert (report["status"], fake.stopped) == ("abandoned", stopped)


@pytest.mark.parametrize("number", FORMATS)
def test_a_plan_whose_record_has_another_format_is_not_applied(fake: FakeWorld, number: object) -> None:
    swept(fake, Mode.PLAN, SWEEP_ID)
    written_by_another(fake, SWEEP_ID, number)
    with pytest.raises(PlanError, match="has the format of another release of this program; plan again"):
        coordination.apply(stores(fake), SWEEP_ID, SECOND, CONSENTING)
    assert fake.stopped == []


# --- standing consent -------------------------------------------------------------------------------------------------


def test_a_schedule_acts_by_the_active_version_for_six_hours(fake: FakeWorld) -> None:
    activate(fake.ledger, a_policy(EVERYTHING))
    report = document(swept(fake, Mode.ENFORCE, SWEEP_ID, runtime=STANDING))
    assert (report["status"], report["consent"]["how"], report["consent_missing"]) == ("complete", "standing", "")
    assert report["consent"]["expires_at"] == "2026-11-24T01:00:00Z"


@pytest.mark.parametrize("active", [None, MENDED])
def test_a_schedule_by_any_other_text_only_plans_and_says_so(fake: FakeWorld, active: str | None) -> None:
    if active:
        activate(fake.ledger, a_policy(active))
    report = document(swept(fake, Mode.ENFORCE, SWEEP_ID, runtime=STANDING))
    assert (fake.stopped, report["mode"], set(outcomes(report).values())) == ([], "plan", {"would_stop"})
    assert ("is not its active version" if active else "no version of policy") in report["consent_missing"]
    begun = fake.ledger.sweep(SWEEP_ID)
    assert begun is not None
    assert begun.consent_missing == report["consent_missing"]


def test_a_version_that_is_replaced_while_the_sweep_reads_lets_nothing_be_stopped(fake: FakeWorld) -> None:
    activate(fake.ledger, a_policy(EVERYTHING))
    runtime = replace(STANDING, confirm=lambda _: _standing_after(fake))
    with pytest.raises(Exception, match="is not its active version"):
        swept(fake, Mode.ENFORCE, SWEEP_ID, runtime=runtime)
    assert fake.stopped == []
    assert "is not its active version" in fake.written()["consent_missing"]


def _standing_after(fake: FakeWorld) -> ConsentHow:
    fake.ledger.activate_policy(a_policy(EVERYTHING).name, ActivePolicy("0" * 64, "bob", "2026-11-23T19:00:00Z"))
    return ConsentHow.STANDING


def test_the_next_night_does_not_resume_what_died_in_this_one(fake: FakeWorld) -> None:
    activate(fake.ledger, a_policy(EVERYTHING))
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SWEEP_ID, runtime=STANDING), after="settle i-0")
    fake.at = AT + timedelta(hours=7)
    report = document(swept(fake, Mode.ENFORCE, SECOND, runtime=STANDING))
    assert (status(fake), report["sweep_id"], report["status"]) == ("abandoned", SECOND, "complete")


# --- one at a time ----------------------------------------------------------------------------------------------------


def test_another_text_under_the_same_name_is_told_so(fake: FakeWorld) -> None:
    seen: list[coordination.Result] = []

    def ask(_: object) -> ConsentHow | None:
        alive = replace(stores(fake), leases=Leases(fake.ledger, lambda: fake.at, Times()))
        policies = (a_policy(EVERYTHING), a_policy(MENDED))
        seen.extend(coordination.sweep(alive, one, SECOND, Mode.ENFORCE, CONSENTING) for one in policies)
        return None

    with pytest.raises(Exception, match="Declined"):
        swept(fake, Mode.ENFORCE, SWEEP_ID, runtime=Runtime(confirm=ask))
    assert seen == [Busy(SWEEP_ID, same=True), Busy(SWEEP_ID, same=False, other_text=True)]


# --- verdicts only get stricter ---------------------------------------------------------------------------------------


def test_a_plan_that_was_held_stays_held_when_it_is_applied(fake: FakeWorld) -> None:
    policy = EVERYTHING + "\nguardrails: {min_coverage_percent: 40}"
    fake.binds[TWO] = unreadable("AccessDenied")
    fake.hub_regions = unreadable("RequestLimitExceeded")
    planned = document(swept(fake, Mode.PLAN, SWEEP_ID, policy))
    assert planned["status"] == "held"
    fake.hub_regions = a_world(ONE).hub_regions
    report = document(coordination.apply(stores(fake), SWEEP_ID, SECOND, CONSENTING))
    assert (report["status"], set(outcomes(report).values()), fake.stopped) == ("held", {"held"}, [])


def test_a_resumed_sweep_is_not_held_for_what_it_has_done_and_says_what_it_stopped(fake: FakeWorld) -> None:
    policy = EVERYTHING + "\nguardrails: {min_coverage_percent: 40}"
    fake.binds[TWO] = unreadable("AccessDenied")
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SWEEP_ID, policy), after="settle i-0")
    fake.hub_regions = unreadable("RequestLimitExceeded")
    report = document(coordination.resume(stores(fake), SWEEP_ID, CONSENTING, a_policy(policy)))
    assert (report["status"], outcomes(report)) == ("incomplete", {"i-0": "stopped", "i-1": "stopped"})


# --- a plan that cannot be read any more ------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [lambda plan: plan + b" ", lambda plan: plan.replace(b'"format":2', b'"format":1')])
def test_a_sweep_whose_plan_was_altered_is_closed_with_all_that_it_did_and_can_be_undone(
    fake: FakeWorld, change: Callable[[bytes], bytes]
) -> None:
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SWEEP_ID), after="stop i-1")
    stopped = list(fake.stopped)
    plan = fake.files.files[SWEEP_ID, "plan.json"]
    fake.files.files[SWEEP_ID, "plan.json"] = change(plan)
    report = document(coordination.resume(stores(fake), SWEEP_ID, CONSENTING, a_policy(EVERYTHING)))
    assert (report["status"], status(fake)) == ("abandoned", "abandoned")
    assert {one for one, came in outcomes(report).items() if came == "stopped"} == set(stopped) == {"i-0", "i-1"}
    coordination.undo(stores(fake), SWEEP_ID, SECOND, UndoFilter(), CONSENTING)
    assert sorted(fake.started) == stopped


def test_what_an_undo_started_and_someone_stopped_again_is_not_started_by_a_second_one_though_its_mark_stayed(
    fake: FakeWorld,
) -> None:
    """RDS takes no change of tags while a database starts, so the mark stays."""
    swept(fake, Mode.ENFORCE, SWEEP_ID)
    down = {one: fake.instances(target)[one] for target in fake.resources for one in fake.instances(target)}
    coordination.undo(stores(fake), SWEEP_ID, SECOND, UndoFilter(), CONSENTING)
    fake.change("i-0", lambda _: down["i-0"])
    started = list(fake.started)
    report = document(coordination.undo(stores(fake), SWEEP_ID, THIRD, UndoFilter(), CONSENTING))
    assert (fake.started, outcomes(report)) == (started, {})
    [kept] = [row for row in report["decisions"] if row["resource_id"] == "i-0"]
    assert (kept["verdict"], kept["reason_code"]) == ("keep", "stopped_by_others")


def test_where_the_plan_is_lost_a_resume_refuses_and_undo_closes_the_sweep_and_starts_what_it_stopped(
    fake: FakeWorld,
) -> None:
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SWEEP_ID), after="stop i-1")
    stopped = list(fake.stopped)
    del fake.files.files[SWEEP_ID, "plan.json"]
    with pytest.raises(PlanError, match="closes the sweep by what the ledger has of it"):
        coordination.resume(stores(fake), SWEEP_ID, CONSENTING, a_policy(EVERYTHING))
    assert status(fake) == "running"
    coordination.undo(stores(fake), SWEEP_ID, SECOND, UndoFilter(), CONSENTING)
    assert (sorted(fake.started), status(fake)) == (stopped, "abandoned")


def test_an_altered_plan_is_named_by_verify_although_it_is_sealed_with_its_abandoned_sweep(fake: FakeWorld) -> None:
    killed(fake, lambda: swept(fake, Mode.ENFORCE, SWEEP_ID), after="stop i-1")
    fake.files.files[SWEEP_ID, "plan.json"] += b" "
    coordination.resume(stores(fake), SWEEP_ID, CONSENTING, a_policy(EVERYTHING))
    for sweep_ids in (None, [SWEEP_ID]):
        [broken] = verify(fake.files, fake.ledger, sweep_ids, None).broken
        assert (broken.file, broken.problem) == (
            "plan.json",
            "was altered: the ledger has another SHA-256 for it",
        )
