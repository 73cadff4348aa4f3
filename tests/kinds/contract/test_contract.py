"""What every kind promises the sweep, each against its own AWS: in memory, and over the embedded one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.core.decide.undo import decide_undo
from orchestrator.core.model import Action, Outcome, OutcomeStatus, ResourceState, Verdict
from orchestrator.core.model.marks import MARKS, STOPPED_AT_TAG, STOPPED_BY_TAG
from orchestrator.core.model.unreadable import UNREADABLE_CHARACTER
from orchestrator.kinds.shared.marks import marks_of
from orchestrator.ports import LookRefusedError
from tests.kinds.contract.harness import Harness, MemoryAws
from tests.support.builders import SWEEP_ID

DOWN = {OutcomeStatus.STOPPING, OutcomeStatus.STOPPED}
UP = {OutcomeStatus.STARTING, OutcomeStatus.STARTED}


CLOCKS = [-240, -60, -1, 0, 1, 60, 240]
"""Seconds by which the process's is ahead of AWS's."""


def undone(aws: Harness, stop: Outcome) -> Verdict:
    """What an undo decides, by what the ledger has of this stop."""
    [fresh] = aws.look(stop.resource.resource_id).values()
    fresh = replace(fresh, restore=stop.resource.restore)
    evidence = aws.words.entry.description.evidence
    return decide_undo(stop.resource, fresh, SWEEP_ID, stop.requested_at, evidence, accepted=True, held=True).verdict


def marked(aws: Harness, ids: list[str]) -> set[str]:
    return {one for one in ids if STOPPED_BY_TAG in aws.tags(one)}


def running(aws: Harness, ids: list[str]) -> set[str]:
    return {one for one in ids if aws.word(one) == aws.words.running}


# --- reading ----------------------------------------------------------------------------------------------------------


def test_it_reads_what_runs_with_its_tags_and_a_state_of_the_project(aws: Harness) -> None:
    runs, stopped = aws.add(2, {"Environment": "dev"})
    aws.someone(Action.STOP, [stopped])
    aws.look(stopped)  # a passing state may take a look to pass
    found = aws.read()
    assert list(found) == [runs]
    assert (found[runs].state, found[runs].aws_state) == (ResourceState.RUNNING, aws.words.running)
    assert found[runs].tags["Environment"] == "dev"
    assert found[runs].kind == aws.words.entry.description.name
    assert found[runs].target == aws.target
    assert runs in found[runs].arn
    assert found[runs].obstacle is None


def test_it_reads_what_is_down_too_where_that_is_asked_for(aws: Harness) -> None:
    runs, stopped = aws.add(2)
    aws.someone(Action.STOP, [stopped])
    aws.look(stopped)
    with aws.binding():
        found = {one.resource_id: one.state for one in aws.kind.read(aws.target, with_stopped=True)}
    assert found == {runs: ResourceState.RUNNING, stopped: ResourceState.STOPPED}


def test_what_a_stop_would_lose_is_known_and_declared_and_kept_for_where_a_rule_has_to_accept_it(aws: Harness) -> None:
    [one] = aws.add()
    declared = {loss.word: loss.must_be_accepted for loss in aws.words.entry.description.losses}
    for found in (aws.read()[one], aws.look(one)[one]):
        assert not any(loss.is_unknown for loss in found.losses)
        assert all(declared[loss.word] is bool(loss.why_kept) for loss in found.losses)
    aws.someone(Action.STOP, [one])
    aws.look(one)
    assert aws.look(one)[one].losses == ()


def test_what_is_looked_at_is_what_was_read(aws: Harness) -> None:
    [one] = aws.add(1, {"Environment": "dev"})
    assert aws.look(one) == aws.read()


def test_a_state_that_the_kind_does_not_know_is_unknown_beside_awss_word(aws: Harness) -> None:
    [one] = aws.add()
    aws.put(one, aws.words.odd_state)
    seen = aws.look(one)[one]
    assert (seen.state, seen.aws_state) == (ResourceState.UNKNOWN, aws.words.odd_state)


def test_what_aws_does_not_know_any_more_is_missing(aws: Harness) -> None:
    here, gone = aws.add(2)
    aws.remove(gone)
    assert list(aws.look(here, gone)) == [here]


def test_what_has_a_character_that_could_not_be_read_is_kept_and_says_where(aws: Harness) -> None:
    plain, culprit = aws.add(2, {"Environment": "dev"})
    aws.tag(culprit, {"Note": f"a{UNREADABLE_CHARACTER}b"})
    for found in (aws.read(), aws.look(plain, culprit)):
        obstacle = found[culprit].obstacle
        assert obstacle is not None
        assert "its tag Note" in obstacle.sentence
        assert (found[culprit].tags["Note"], found[plain].obstacle) == ("a\ufffdb", None)


@pytest.mark.parametrize("tags", [{}, {"stop-orchestrator:opt-out": "true"}])
def test_what_is_told_twice_with_other_tags_is_kept_when_read_and_not_seen_when_looked_at(
    copying_aws: MemoryAws, tags: dict[str, str]
) -> None:
    plain, culprit = copying_aws.add(2, {"Environment": "dev"})
    for first, second in (({"Environment": "dev"}, tags), (tags, {"Environment": "dev"})):
        copying_aws.rows[culprit].tags = first
        copying_aws.copies[culprit] = replace(copying_aws.rows[culprit], tags=second)
        found = copying_aws.read()
        assert (found[plain].obstacle, found[culprit].tags) == (None, {})
        obstacle = found[culprit].obstacle
        assert obstacle is not None
        assert "It is in AWS's answer more than once" in obstacle.sentence
        assert "its tag Environment" in obstacle.sentence
        with pytest.raises(LookRefusedError) as refusal:
            copying_aws.look(plain, culprit)
        assert (list(refusal.value.seen), list(refusal.value.refused)) == ([plain], [culprit])
        with pytest.raises(LookRefusedError, match="AmbiguousAnswer"):
            copying_aws.look(culprit)


def test_what_is_told_twice_in_other_states_is_not_taken_for_running(copying_aws: MemoryAws) -> None:
    [culprit] = copying_aws.add()
    copying_aws.copies[culprit] = replace(copying_aws.rows[culprit], word=copying_aws.words.odd_state)
    with pytest.raises(LookRefusedError, match="its state"):
        copying_aws.look(culprit)


def test_what_is_told_twice_alike_counts_once(copying_aws: MemoryAws) -> None:
    ids = copying_aws.add(2, {"Environment": "dev"})
    copying_aws.copies = {one: replace(row) for one, row in copying_aws.rows.items()}
    assert list(copying_aws.read()) == list(copying_aws.look(*ids)) == ids
    assert [one.obstacle for one in copying_aws.read().values()] == [None, None]
    outcomes = copying_aws.act(Action.STOP, ids)
    assert {outcome.status for outcome in outcomes.values()} <= DOWN


def test_what_is_told_twice_with_other_tags_after_its_stop_is_not_said_to_be_gone(copying_aws: MemoryAws) -> None:
    [one] = copying_aws.add()

    def tell_twice() -> bool:
        copying_aws.copies[one] = replace(copying_aws.rows[one], tags={"Owner": "me"})
        return True

    outcome = copying_aws.act(Action.STOP, [one], copying_aws.guard(allows=tell_twice))[one]
    assert outcome.status in DOWN
    assert "AmbiguousAnswer" in outcome.message


# --- stopping ---------------------------------------------------------------------------------------------------------


def test_each_that_is_admitted_has_one_outcome_and_what_is_not_is_not_touched(aws: Harness) -> None:
    ids = aws.add(4)
    guard = aws.guard(refused=ids[1:2])
    outcomes = aws.act(Action.STOP, ids, guard)
    assert list(outcomes) == [ids[0], *ids[2:]]
    assert {outcome.status for outcome in outcomes.values()} <= DOWN
    assert all(outcome.requested_at and outcome.verified_at for outcome in outcomes.values())
    assert set(guard.statuses()) == set(outcomes)
    assert len(guard.recorded) == len(outcomes), "each is recorded once"
    assert running(aws, ids) == {ids[1]}
    assert marked(aws, ids) == set(ids) - {ids[1]}


def test_intents_come_before_marks_and_marks_before_stops_and_what_came_of_it_is_recorded_last(aws: Harness) -> None:
    ids = aws.add(2)
    aws.act(Action.STOP, ids)
    assert aws.log[0] == "admit 2"
    assert aws.log[-1] == "record 2"
    verbs = aws.log[1:-1]
    assert set(verbs) == {"mark", "stop"}
    assert verbs == sorted(verbs), "every mark before every stop"


def test_the_marks_are_the_sweep_and_when_it_asked(aws: Harness) -> None:
    [one] = aws.add()
    before = aws.now()
    outcome = aws.act(Action.STOP, [one])[one]
    assert outcome.requested_at is not None
    tags = aws.tags(one)
    assert tags[STOPPED_BY_TAG] == SWEEP_ID
    assert f"{before:%Y-%m-%dT%H:%M:%SZ}" <= tags[STOPPED_AT_TAG] <= f"{outcome.requested_at:%Y-%m-%dT%H:%M:%SZ}"


def test_what_cannot_be_marked_is_not_stopped_and_costs_no_other_its_stop(aws: Harness) -> None:
    ids = aws.add(5)
    aws.refuse("mark", ids[2], aws.words.cannot_mark)
    outcomes = aws.act(Action.STOP, ids)
    assert (outcomes[ids[2]].status, outcomes[ids[2]].code) == (OutcomeStatus.FAILED, "CannotMark")
    code, message = aws.words.cannot_mark
    assert f"{code}: {message.format(id=ids[2])}" in outcomes[ids[2]].message
    assert running(aws, ids) == {ids[2]}
    assert marked(aws, ids) == set(ids) - {ids[2]}


def test_what_someone_else_stopped_before_it_could_be_marked_was_already_stopped(aws: Harness) -> None:
    ids = aws.add(3)
    aws.refuse("mark", ids[1], aws.words.cannot_mark)
    guard = aws.guard()
    guard.before_admitting = lambda: aws.someone(Action.STOP, ids[1:2])
    outcomes = aws.act(Action.STOP, ids, guard)
    found = outcomes[ids[1]]
    assert (found.status, found.code, found.requested_at) == (OutcomeStatus.ALREADY_STOPPED, "", None)
    assert found.verified_at
    assert {outcomes[one].status for one in (ids[0], ids[2])} <= DOWN
    assert marked(aws, ids) == {ids[0], ids[2]}


def test_what_is_gone_before_it_could_be_marked_failed_with_the_kinds_word(aws: Harness) -> None:
    ids = aws.add(3)
    aws.refuse("mark", ids[1], aws.words.cannot_mark)
    guard = aws.guard()
    guard.before_admitting = lambda: aws.remove(ids[1])
    outcomes = aws.act(Action.STOP, ids, guard)
    destroyed = aws.words.profile.destroyed
    assert (outcomes[ids[1]].status, outcomes[ids[1]].code) == (OutcomeStatus.FAILED, destroyed.capitalize())
    assert f"it was {destroyed} meanwhile" in outcomes[ids[1]].message
    assert {outcomes[one].status for one in (ids[0], ids[2])} <= DOWN


def test_one_that_aws_will_not_stop_costs_no_other_its_stop_and_loses_its_marks(aws: Harness) -> None:
    ids = aws.add(5, {"Owner": "me"})
    aws.refuse("stop", ids[3], aws.words.cannot_stop)
    outcomes = aws.act(Action.STOP, ids)
    code, message = aws.words.cannot_stop
    failed = outcomes[ids[3]]
    assert (failed.status, failed.code, failed.message) == (OutcomeStatus.FAILED, code, message.format(id=ids[3]))
    assert failed.warnings == ()
    assert running(aws, ids) == {ids[3]}
    assert marked(aws, ids) == set(ids) - {ids[3]}
    assert aws.tags(ids[3]) == {"Owner": "me"}


def test_marks_that_cannot_be_taken_back_are_a_warning(aws: Harness) -> None:
    [one] = aws.add()
    aws.refuse("stop", one, aws.words.cannot_stop)
    aws.refuse("unmark", one, ("SomethingNew", "no"))
    outcome = aws.act(Action.STOP, [one])[one]
    assert outcome.code == aws.words.cannot_stop[0]
    tags = f"{STOPPED_BY_TAG} and {STOPPED_AT_TAG}"
    assert outcome.warnings == (f"its tags {tags} were not deleted: SomethingNew: no; delete them yourself",)


def test_a_halt_leaves_the_rest_unstopped_and_unmarked(aws: Harness) -> None:
    a_call = aws.words.profile.resources_a_call
    ids = aws.add(a_call + 1)
    outcomes = aws.act(Action.STOP, ids, aws.guard(allows=lambda: "stop" not in aws.log))
    assert [outcome.status in DOWN for outcome in outcomes.values()] == [True] * a_call + [False]
    assert outcomes[ids[-1]].status is OutcomeStatus.NOT_ATTEMPTED
    assert aws.word(ids[-1]) == aws.words.running
    assert marked(aws, ids) == set(ids[:-1])


def test_a_halt_right_after_the_marks_takes_them_back(aws: Harness) -> None:
    ids = aws.add(2)
    outcomes = aws.act(Action.STOP, ids, aws.guard(allows=lambda: "mark" not in aws.log))
    assert {outcome.status for outcome in outcomes.values()} == {OutcomeStatus.NOT_ATTEMPTED}
    assert "stop" not in aws.log
    assert marked(aws, ids) == set()


@pytest.mark.parametrize("verb", ["mark", "stop"])
def test_throttling_is_waited_out(aws: Harness, verb: str) -> None:
    ids = aws.add(2)
    aws.throttle(verb, 2)
    outcomes = aws.act(Action.STOP, ids)
    assert {outcome.status for outcome in outcomes.values()} <= DOWN
    assert marked(aws, ids) == set(ids)


def test_after_a_lost_answer_what_was_stopped_is_found_and_claimed(aws: Harness) -> None:
    [one] = aws.add()
    aws.lose_the_answer("stop")
    assert aws.act(Action.STOP, [one])[one].status in DOWN
    assert aws.log.count("stop") == 1
    assert marked(aws, [one]) == {one}


@pytest.mark.parametrize("ahead", CLOCKS)
def test_a_stop_whose_answer_was_lost_is_never_someone_elses_as_clocks_differ(aws: Harness, ahead: int) -> None:
    aws.ahead = timedelta(seconds=ahead)
    [one] = aws.add()
    aws.lose_the_answer("stop")
    outcome = aws.act(Action.STOP, [one])[one]
    assert (outcome.status in DOWN, outcome.message) == (True, "")
    assert marked(aws, [one]) == {one}
    aws.put(one, aws.words.stopped)
    assert undone(aws, outcome) is Verdict.START


@pytest.mark.parametrize("ahead", CLOCKS)
def test_a_start_whose_answer_was_lost_is_never_someone_elses_as_clocks_differ(aws: Harness, ahead: int) -> None:
    ids = stopped(aws)
    aws.ahead = timedelta(seconds=ahead)
    aws.lose_the_answer("start")
    start = aws.act(Action.START, ids)[ids[0]]
    aws.put(ids[0], aws.words.running)
    assert aws.see([start], A_MINUTE)[ids[0]].status is OutcomeStatus.STARTED
    assert marked(aws, ids) == set()


def test_what_is_gone_meanwhile_fails_and_costs_no_other_its_stop(aws: Harness) -> None:
    ids = aws.add(3)
    guard = aws.guard()
    guard.before_admitting = lambda: aws.remove(ids[1])
    outcomes = aws.act(Action.STOP, ids, guard)
    assert [outcomes[one].status is OutcomeStatus.FAILED for one in ids] == [False, True, False]
    assert outcomes[ids[1]].code in {aws.words.not_found[0], aws.words.profile.destroyed.capitalize()}


def test_whatever_a_kind_cannot_do_falls_back_to_a_plain_stop_and_says_so(aws: Harness) -> None:
    [one] = aws.add()
    outcome = aws.act(Action.HIBERNATE, [one])[one]
    assert outcome.status in DOWN
    assert "plain stop instead" in outcome.message


# --- starting ---------------------------------------------------------------------------------------------------------


def stopped(aws: Harness, count: int = 1) -> list[str]:
    ids = aws.add(count, {"Owner": "me"})
    aws.act(Action.STOP, ids)
    aws.look(*ids)
    return ids


def test_what_it_stopped_it_starts_and_takes_the_marks_away_once_it_runs(aws: Harness) -> None:
    ids = stopped(aws, 2)
    outcomes = aws.act(Action.START, ids)
    assert {outcome.status for outcome in outcomes.values()} <= UP
    assert aws.log[0] == "admit 2"
    assert aws.log[1] == "start"
    assert marked(aws, ids) == {one for one in ids if outcomes[one].status is OutcomeStatus.STARTING}
    for one in ids:
        aws.put(one, aws.words.running)
    aws.log.clear()
    starting = [one for one in outcomes.values() if one.status is OutcomeStatus.STARTING]
    seen = aws.see(starting, A_MINUTE)
    assert {(one.status, one.code, one.message, one.warnings) for one in seen.values()} <= {STARTED}
    assert all(one.verified_at for one in seen.values())
    assert set(aws.log) <= {"unmark"}
    for one in ids:
        assert not set(aws.tags(one)) & set(MARKS)
        assert aws.tags(one)["Owner"] == "me"


STARTED = (OutcomeStatus.STARTED, "", "", ())
SECONDS, A_MINUTE = timedelta(seconds=5), timedelta(minutes=1)


def accepted(aws: Harness, ids: list[str]) -> list[Outcome]:
    """As AWS answers a start, before anybody looked."""
    resources = aws.look(*ids)
    aws.log.clear()
    return [Outcome(resources[one], OutcomeStatus.STARTING) for one in ids]


def test_what_is_still_on_its_way_up_keeps_its_marks_and_is_starting(aws: Harness) -> None:
    ids = stopped(aws)
    starts = accepted(aws, ids)
    aws.someone(Action.START, ids)
    aws.put(ids[0], aws.words.starting)
    seen = aws.see(starts, A_MINUTE)[ids[0]]
    assert (seen.status, bool(seen.verified_at)) == (OutcomeStatus.STARTING, True)
    assert marked(aws, ids) == set(ids)
    assert aws.log == []


def test_a_start_that_fell_back_failed_and_keeps_its_marks(aws: Harness) -> None:
    back, up = ids = stopped(aws, 2)
    starts = accepted(aws, ids)
    aws.put(back, aws.words.fell_back)
    aws.put(up, aws.words.running)
    seen = aws.see(starts, A_MINUTE)
    assert [seen[one].status for one in ids] == [OutcomeStatus.FAILED, OutcomeStatus.STARTED]
    assert aws.words.fell_back in seen[back].message
    assert seen[back].code
    assert seen[back].verified_at
    assert marked(aws, ids) == {back}


def test_what_is_seen_down_seconds_after_its_start_may_be_an_answer_from_before_it(aws: Harness) -> None:
    ids = stopped(aws)
    aws.put(ids[0], aws.words.stopped)
    starts = accepted(aws, ids)
    seen = aws.see(starts, SECONDS)[ids[0]]
    assert (seen.status, seen.verified_at) == (OutcomeStatus.STARTING, None)
    assert aws.see([seen], A_MINUTE)[ids[0]].status is OutcomeStatus.FAILED
    assert marked(aws, ids) == set(ids)


def test_what_is_gone_after_its_start_failed(aws: Harness) -> None:
    ids = stopped(aws)
    starts = accepted(aws, ids)
    aws.remove(ids[0])
    assert aws.see(starts, SECONDS)[ids[0]].status is OutcomeStatus.FAILED


def test_marks_of_what_runs_that_cannot_be_deleted_are_a_warning(aws: Harness) -> None:
    ids = stopped(aws)
    starts = accepted(aws, ids)
    aws.put(ids[0], aws.words.running)
    aws.refuse("unmark", ids[0], ("SomethingNew", "no"))
    seen = aws.see(starts, A_MINUTE)[ids[0]]
    tags = f"{STOPPED_BY_TAG} and {STOPPED_AT_TAG}"
    text = f"its tags {tags} were not deleted: SomethingNew: no; undo again, or delete them yourself"
    assert (seen.status, seen.warnings) == (STARTED[0], (text,))


def test_throttled_starts_are_waited_out(aws: Harness) -> None:
    ids = stopped(aws)
    aws.throttle("start", 2)
    assert aws.act(Action.START, ids)[ids[0]].status in UP


def test_one_that_aws_will_not_start_costs_no_other_its_start_and_keeps_its_marks(aws: Harness) -> None:
    ids = stopped(aws, 3)
    aws.refuse("start", ids[1], ("SomethingNew", "AWS says no"))
    outcomes = aws.act(Action.START, ids)
    assert [outcomes[one].status is OutcomeStatus.FAILED for one in ids] == [False, True, False]
    assert ids[1] in marked(aws, ids)


@pytest.mark.parametrize("marks_itself", [True, False])
def test_what_lost_its_mark_is_started_with_it_again_or_says_why_not(aws: Harness, marks_itself: bool) -> None:
    ids = stopped(aws, 2)
    for one in ids:
        aws.untag(one, MARKS)
    if not marks_itself:
        aws.refuse("mark", ids[0], aws.words.cannot_mark)
    outcomes = aws.act(Action.START, ids, restore={STOPPED_BY_TAG: SWEEP_ID})
    assert {outcome.status for outcome in outcomes.values()} <= UP
    assert aws.log.index("mark") < aws.log.index("start") < aws.log.index("record 2")


# --- a server's fault that one resource brings about, each time -------------------------------------------------------


@pytest.mark.parametrize("verb", ["mark", "stop"])
def test_a_fault_of_one_costs_no_other_its_stop(aws: Harness, verb: str) -> None:
    ids = aws.add(7, {"Owner": "me"})
    aws.fault(verb, ids[4])
    outcomes = aws.act(Action.STOP, ids)
    failed = outcomes.pop(ids[4])
    assert (failed.status, failed.code) == (OutcomeStatus.FAILED, "CannotMark" if verb == "mark" else "InternalError")
    assert "An internal error has occurred" in failed.message
    assert failed.verified_at, "it was looked at, as a fault may have acted"
    assert {one.status for one in outcomes.values()} <= DOWN
    assert running(aws, ids) == {ids[4]}
    assert marked(aws, ids) == set(ids) - {ids[4]}
    assert aws.tags(ids[4]) == {"Owner": "me"}


def test_a_fault_of_one_costs_no_other_its_start(aws: Harness) -> None:
    ids = stopped(aws, 7)
    aws.fault("start", ids[4])
    outcomes = aws.act(Action.START, ids)
    assert {one for one in ids if outcomes[one].status not in UP} == {ids[4]}
    assert (outcomes[ids[4]].status, outcomes[ids[4]].code) == (OutcomeStatus.FAILED, "InternalError")
    assert ids[4] in marked(aws, ids)


def test_a_fault_of_one_at_taking_back_marks_leaves_no_others_marks(aws: Harness) -> None:
    ids = stopped(aws, 7)
    starts = accepted(aws, ids)
    for one in ids:
        aws.put(one, aws.words.running)
    aws.fault("unmark", ids[4])
    seen = aws.see(starts, A_MINUTE)
    assert {one for one in ids if seen[one].warnings} == {ids[4]} == marked(aws, ids)


def test_a_fault_of_one_costs_no_other_its_look(aws: Harness) -> None:
    ids = aws.add(7)
    aws.fault("look", ids[4])
    with pytest.raises(LookRefusedError) as refused:
        aws.look(*ids)
    assert set(refused.value.seen) == set(ids) - {ids[4]}
    assert {one: error.code for one, error in refused.value.refused.items()} == {ids[4]: "InternalError"}


# --- recovering intents -----------------------------------------------------------------------------------------------


def test_an_intent_that_was_reached_is_this_sweeps_and_keeps_its_marks(aws: Harness) -> None:
    [one] = aws.add()
    resources, at = list(aws.look(one).values()), aws.now()
    aws.tag(one, marks_of(SWEEP_ID, at))
    aws.someone(Action.STOP, [one])
    outcome = aws.recover(Action.STOP, resources, at)[one]
    assert outcome.status in DOWN
    assert (outcome.requested_at, outcome.warnings) == (at, ())
    assert aws.log == [], "nothing is called that changes anything"


def test_a_start_that_was_reached_is_this_undos(aws: Harness) -> None:
    [one] = stopped(aws)
    resources, at = list(aws.look(one).values()), aws.now()
    aws.someone(Action.START, [one])
    assert aws.recover(Action.START, resources, at)[one].status in UP
    assert set(aws.log) <= {"unmark"}


@pytest.mark.parametrize("with_marks", [False, True])
def test_an_intent_that_was_not_reached_has_no_outcome_and_is_not_touched(aws: Harness, with_marks: bool) -> None:
    [one] = aws.add()
    resources, at = list(aws.look(one).values()), aws.now()
    aws.tag(one, marks_of(SWEEP_ID, at) if with_marks else {"Owner": "me"})
    assert aws.recover(Action.STOP, resources, at) == {}
    assert aws.log == []


@pytest.mark.parametrize("with_marks", [False, True])
def test_an_intent_on_what_got_another_size_since_is_unknown_where_the_call_may_have_gone_out(
    aws: Harness, with_marks: bool
) -> None:
    [one] = aws.add()
    [found], at = aws.look(one).values(), aws.now()
    needed = aws.words.entry.description.start_needs
    planned = replace(found, restore={name: int(found.restore[name] or 0) + 1 for name in needed})
    aws.tag(one, marks_of(SWEEP_ID, at) if with_marks else {"Owner": "me"})
    outcomes = aws.recover(Action.STOP, [planned], at)
    if needed and with_marks:
        assert (outcomes[one].status, outcomes[one].code) == (OutcomeStatus.UNKNOWN, "StartedAgain")
        assert all(f"its {name} was" in outcomes[one].message for name in needed)
    else:
        assert outcomes == {}, "nothing was asked for, and it can be planned anew"


@pytest.mark.parametrize("ahead", CLOCKS)
@pytest.mark.parametrize("action", [Action.STOP, Action.START])
def test_an_intent_that_was_reached_is_this_sweeps_however_clocks_differ(
    aws: Harness, action: Action, ahead: int
) -> None:
    aws.ahead = timedelta(seconds=ahead)
    [one] = stopped(aws) if action.starts else aws.add()
    resources, at = list(aws.look(one).values()), aws.process_now()
    if not action.starts:
        aws.tag(one, marks_of(SWEEP_ID, at))
    aws.someone(action, [one])
    outcome = aws.recover(action, resources, at)[one]
    assert outcome.status in (UP if action.starts else DOWN)
    if not action.starts:
        aws.put(one, aws.words.stopped)
        assert undone(aws, outcome) is Verdict.START


def test_what_someone_else_stopped_long_before_is_not_claimed(aws: Harness) -> None:
    [one] = aws.add()
    resources = list(aws.look(one).values())
    aws.someone(Action.STOP, [one])
    if aws.look(one)[one].changed_at is None:
        assert not aws.words.entry.description.tells_stop, "this AWS does not say when it was stopped"
    outcome = aws.recover(Action.STOP, resources, aws.now() + timedelta(hours=1))[one]
    assert outcome.status is OutcomeStatus.ALREADY_STOPPED
    assert marked(aws, [one]) == set()


@pytest.mark.parametrize("action", [Action.STOP, Action.START])
def test_an_intent_on_what_is_gone_failed(aws: Harness, action: Action) -> None:
    [one] = aws.add()
    resources = list(aws.look(one).values())
    aws.remove(one)
    assert aws.recover(action, resources, aws.now())[one].status is OutcomeStatus.FAILED
    assert aws.log == []
