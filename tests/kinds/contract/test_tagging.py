"""What every kind promises of tags: written and deleted by key and value, each resource with one outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from orchestrator.core.model import Action, Fact, OutcomeStatus, Resource
from tests.kinds.contract.harness import Harness, MemoryAws

TAGS = {"Owner-missing": "reported"}
WRITE: Mapping[str, Fact] = {f"tag:{key}": value for key, value in TAGS.items()}
DELETE: Mapping[str, Fact] = {f"untag:{key}": value for key, value in TAGS.items()}


def test_tags_are_written_beside_those_that_are_there(aws: Harness) -> None:
    ids = aws.add(2, {"Environment": "dev"})
    outcomes = aws.act(Action.TAG, ids, restore=WRITE)
    assert [outcomes[one].status for one in ids] == [OutcomeStatus.TAGGED] * 2
    assert all(outcome.verified_at and outcome.requested_at for outcome in outcomes.values())
    assert [aws.tags(one) for one in ids] == [{"Environment": "dev", **TAGS}] * 2
    assert aws.log[0] == "admit 2"
    assert aws.log[-1] == "record 2"
    assert set(aws.log[1:-1]) == {"mark"}


def test_they_are_deleted_again_and_no_others(aws: Harness) -> None:
    [one] = aws.add(1, {"Environment": "dev", **TAGS})
    outcome = aws.act(Action.UNTAG, [one], restore=DELETE)[one]
    assert (outcome.status, bool(outcome.verified_at)) == (OutcomeStatus.UNTAGGED, True)
    assert aws.tags(one) == {"Environment": "dev"}


def test_what_a_person_wrote_in_between_stays_where_aws_takes_values(aws: Harness) -> None:
    if aws.words.profile.service != "ec2":
        pytest.skip("it takes keys alone")
    [one] = aws.add(1, TAGS)
    guard = aws.guard()
    guard.before_admitting = lambda: aws.tag(one, {"Owner-missing": "mine"})
    aws.act(Action.UNTAG, [one], guard, DELETE)
    assert aws.tags(one)["Owner-missing"] == "mine"


def test_what_is_not_admitted_is_not_touched(aws: Harness) -> None:
    ids = aws.add(2)
    assert list(aws.act(Action.TAG, ids, aws.guard(refused=ids[:1]), WRITE)) == ids[1:]
    assert "Owner-missing" not in aws.tags(ids[0])


def test_one_that_aws_will_not_tag_fails_in_its_words_and_costs_no_other_its_tags(aws: Harness) -> None:
    ids = aws.add(3)
    aws.refuse("mark", ids[1], aws.words.cannot_mark)
    outcomes = aws.act(Action.TAG, ids, restore=WRITE)
    code, message = aws.words.cannot_mark
    assert (outcomes[ids[1]].code, outcomes[ids[1]].message) == (code, message.format(id=ids[1]))
    assert [outcomes[one].status is OutcomeStatus.FAILED for one in ids] == [False, True, False]
    assert [TAGS.items() <= aws.tags(one).items() for one in ids] == [True, False, True]


def test_a_halt_leaves_the_rest(aws: Harness) -> None:
    ids = aws.add(2)
    outcomes = aws.act(Action.TAG, ids, aws.guard(allows=lambda: False), WRITE)
    assert {outcome.status for outcome in outcomes.values()} <= {OutcomeStatus.NOT_ATTEMPTED}
    assert "mark" not in aws.log


@pytest.mark.parametrize("verb", ["mark", "unmark"])
def test_throttling_is_waited_out(aws: Harness, verb: str) -> None:
    [one] = aws.add(1, {} if verb == "mark" else TAGS)
    aws.throttle(verb, 2)
    action, restore = (Action.TAG, WRITE) if verb == "mark" else (Action.UNTAG, DELETE)
    outcome = aws.act(action, [one], restore=restore)[one]
    assert outcome.status in (OutcomeStatus.TAGGED, OutcomeStatus.UNTAGGED)


def test_after_a_lost_answer_the_tags_are_there_and_found(aws: Harness) -> None:
    [one] = aws.add()
    aws.lose_the_answer("mark")
    assert aws.act(Action.TAG, [one], restore=WRITE)[one].status is OutcomeStatus.TAGGED


def test_a_lasting_fault_leaves_it_unknown_whether_they_were_written(memory_aws: MemoryAws) -> None:
    ids = memory_aws.add(2)
    memory_aws.fault("mark", ids[0])
    outcomes = memory_aws.act(Action.TAG, ids, restore=WRITE)
    assert [outcomes[one].status for one in ids] == [OutcomeStatus.UNKNOWN, OutcomeStatus.TAGGED]


def test_what_aws_accepted_and_cannot_be_looked_at_is_tagged_all_the_same(memory_aws: MemoryAws) -> None:
    ids = memory_aws.add(2)
    resources = memory_aws.look(*ids)
    memory_aws.fault("look", ids[0])
    guard = memory_aws.guard()
    with memory_aws.binding():
        actions = [(_with(one, WRITE), Action.TAG) for one in resources.values()]
        outcomes = memory_aws.kind.act(memory_aws.target, actions, "20261123T190000Z-7f3a9c", guard)
    assert {(one.status, one.verified_at) for one in outcomes if one.resource.resource_id == ids[0]} == {
        (OutcomeStatus.TAGGED, None)
    }


def test_what_is_gone_meanwhile_fails_with_the_kinds_word(aws: Harness) -> None:
    ids = aws.add(2)
    guard = aws.guard()
    guard.before_admitting = lambda: aws.remove(ids[0])
    outcomes = aws.act(Action.TAG, ids, guard, WRITE)
    assert [outcomes[one].status for one in ids] == [OutcomeStatus.FAILED, OutcomeStatus.TAGGED]


def test_stops_and_tags_of_one_target_are_carried_out_together(memory_aws: MemoryAws) -> None:
    stop, tag = memory_aws.add(2)
    found = memory_aws.look(stop, tag)
    with memory_aws.binding():
        actions = [(found[stop], Action.STOP), (_with(found[tag], WRITE), Action.TAG)]
        outcomes = memory_aws.kind.act(memory_aws.target, actions, "20261123T190000Z-7f3a9c", memory_aws.guard())
    assert [one.status is OutcomeStatus.TAGGED for one in outcomes] == [False, True]
    assert memory_aws.word(tag) == memory_aws.words.running


def test_an_intent_of_a_dead_process_is_told_by_the_tags(aws: Harness) -> None:
    done, left, gone = aws.add(3)
    resources = [_with(one, WRITE) for one in aws.look(done, left, gone).values()]
    aws.tag(done, TAGS)
    aws.remove(gone)
    outcomes = aws.recover(Action.TAG, resources, aws.now())
    assert {one: outcome.status for one, outcome in outcomes.items()} == {
        done: OutcomeStatus.TAGGED,
        gone: OutcomeStatus.FAILED,
    }
    assert aws.log == []


def _with(resource: Resource, restore: Mapping[str, Fact]) -> Resource:
    return replace(resource, restore=restore)
