"""What a ledger promises on whichever table."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise, permutations
from typing import Any

import pytest

from orchestrator.core.model import (
    INTENT,
    AccountId,
    Intent,
    Listed,
    Mode,
    Outcome,
    OutcomeStatus,
    Place,
    ReasonCode,
    ResourceKey,
    SweepStatus,
    TargetStatus,
    Verdict,
)
from orchestrator.core.report.document import report_document
from orchestrator.core.report.manifest import Link
from orchestrator.errors import LeaseLostError, LedgerError, ReportStoreError
from orchestrator.ledger.items import Items
from orchestrator.ledger.ledger import HEAD, TTL, Ledger
from orchestrator.ledger.records import LeaseRecord, SweepSummary, resource_item
from tests.support.builders import (
    ACCOUNT,
    AT,
    REGION,
    SWEEP_ID,
    a_coverage,
    a_decision,
    a_report,
    a_resource,
    an_outcome,
)
from tests.support.local_aws import in_threads
from tests.support.suites import only_in_full

POLICY = "nonprod"


@pytest.fixture
def ledger(table: Items) -> Ledger:
    return Ledger(table, lambda: AT)


def a_record(sweep_id: str = SWEEP_ID, **fields: Any) -> SweepSummary:
    defaults = {"status": "running", "mode": "enforce", "policy_name": POLICY, "started_at": "2026-11-23T19:00:00Z"}
    return SweepSummary(sweep_id=sweep_id, **{**defaults, **fields})


def a_lease(sweep_id: str, nonce: str, held_until: str = "2026-11-23T19:00:20Z") -> LeaseRecord:
    return LeaseRecord(sweep_id, nonce, held_until, "2026-11-23T19:00:00Z")


# --- sweeps


def test_a_sweep_that_began_is_read_back_as_it_was(ledger: Ledger) -> None:
    record = a_record(policy="version: 1\nname: nonprod\n", source_sweep_id="20261122T190000Z-000000")
    ledger.begin(record)
    assert ledger.sweep(SWEEP_ID) == record
    assert ledger.sweep("20261122T190000Z-000000") is None


def test_sweeps_since_a_time_are_all_read_and_no_earlier_one(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.ledger.ledger._READ_FIRST", 2)
    begun = [a_record(f"202611{day}T190000Z-7f3a9c", started_at=f"2026-11-{day}T19:00:00Z") for day in range(10, 17)]
    for record in begun:
        ledger.begin(record)
    for number, record in enumerate(begun):
        since = ledger.sweeps_since(datetime.fromisoformat(record.started_at))
        assert since == tuple(reversed(begun[number:]))
    assert ledger.sweeps_since(AT - timedelta(days=99)) == tuple(reversed(begun))
    assert ledger.sweeps_since(AT) == ()


def test_a_sweep_id_that_is_taken_is_refused_and_what_is_there_stays(ledger: Ledger) -> None:
    ledger.begin(a_record(policy="mine"))
    with pytest.raises(ReportStoreError, match=f"{SWEEP_ID} is in the ledger already"):
        ledger.begin(a_record(policy="mine"))
    assert ledger.sweep(SWEEP_ID) == a_record(policy="mine")


def test_of_many_triggers_with_one_sweep_id_one_begins(ledger: Ledger) -> None:
    begun: list[int] = []

    def begin(number: int) -> None:
        try:
            ledger.begin(a_record())
        except LedgerError:
            raise
        except ReportStoreError:
            return
        begun.append(number)

    in_threads(16, begin)
    assert len(begun) == 1


def test_sweeps_come_newest_first_and_as_many_as_asked_for(ledger: Ledger) -> None:
    ids = [f"2026112{day}T190000Z-7f3a9c" for day in range(5)]
    for sweep_id in (ids[2], ids[0], ids[4], ids[1], ids[3]):
        ledger.begin(a_record(sweep_id))
    assert [one.sweep_id for one in ledger.sweeps()] == ids[::-1]
    assert [one.sweep_id for one in ledger.sweeps(2)] == [ids[4], ids[3]]


def test_amending_changes_what_it_names(ledger: Ledger) -> None:
    ledger.begin(a_record())
    ledger.amend(SWEEP_ID, continuations=2, plan_sha256="a" * 64)
    assert ledger.sweep(SWEEP_ID) == a_record(continuations=2, plan_sha256="a" * 64)


def test_a_plan_is_claimed_by_one_sweep_which_may_ask_again(ledger: Ledger) -> None:
    ledger.begin(a_record())
    assert ledger.claim(SWEEP_ID, "first")
    assert ledger.claim(SWEEP_ID, "first")
    assert not ledger.claim(SWEEP_ID, "second")
    assert not ledger.claim("no-such-sweep", "first")
    found = ledger.sweep(SWEEP_ID)
    assert found is not None
    assert found.applied_by == "first"


def test_of_many_sweeps_that_claim_a_plan_at_once_one_gets_it(ledger: Ledger) -> None:
    ledger.begin(a_record())
    won: list[int] = []
    in_threads(16, lambda number: won.append(number) if ledger.claim(SWEEP_ID, f"sweep-{number}") else None)
    assert len(won) == 1


def test_a_finished_sweep_says_how_it_ended_and_keeps_what_it_began_with(ledger: Ledger) -> None:
    begun = a_record(policy="text", plan_sha256="b" * 64, continuations=1)
    ledger.begin(begun)
    ledger.claim(SWEEP_ID, "an-undo")
    document = report_document(
        a_report(status=SweepStatus.INCOMPLETE, finished_at=AT + timedelta(seconds=12), duration_seconds=12.345)
    )
    ledger.finish(document, "s3://reports/report.json")
    assert ledger.sweep(SWEEP_ID) == a_record(
        policy="text",
        plan_sha256="b" * 64,
        continuations=1,
        applied_by="an-undo",
        status="incomplete",
        finished_at="2026-11-23T19:00:12Z",
        duration_seconds=12.345,
        totals=document["totals"],
        report="s3://reports/report.json",
        ended_at="2026-11-23T19:00:00.000000Z",
    )


def test_a_finished_sweep_has_an_item_for_each_account_and_each_attempt(ledger: Ledger, table: Items) -> None:
    ledger.begin(a_record())
    quiet = (OutcomeStatus.WOULD_STOP, OutcomeStatus.HELD, OutcomeStatus.WOULD_START)
    report = a_report(
        coverage=(a_coverage(TargetStatus.DENIED, region="*", account_id="222222222222", detail="no"), a_coverage()),
        outcomes=(
            an_outcome(OutcomeStatus.STOPPED, a_resource("i-1"), requested_at=AT, warnings=("not tagged",)),
            an_outcome(OutcomeStatus.NOT_ATTEMPTED, a_resource("i-2")),
            *(an_outcome(status, a_resource(f"i-{status}")) for status in quiet),
        ),
    )
    ledger.finish(report_document(report), "somewhere")
    assert [one["SK"] for one in table.query(f"SWEEP#{SWEEP_ID}", "TARGET#")] == [
        f"TARGET#{ACCOUNT}",
        "TARGET#222222222222",
    ]
    [seen], [unseen] = (ledger.coverage_of(SWEEP_ID, one) for one in (ACCOUNT, "222222222222"))
    assert (seen.account_id, seen.region, seen.status, seen.detail) == (ACCOUNT, REGION, "scanned", "")
    assert (unseen.region, unseen.status, unseen.detail) == ("*", "denied", "no")
    stopped, left = ledger.actions(SWEEP_ID)
    assert (stopped.resource_id, stopped.status, stopped.warnings) == ("i-1", "stopped", ("not tagged",))
    assert (stopped.requested_at, stopped.verified_at) == ("2026-11-23T19:00:00Z", "")
    assert (left.resource_id, left.status) == ("i-2", "not_attempted")


# --- actions


def test_an_intent_says_what_is_about_to_happen_and_the_outcome_takes_its_place(ledger: Ledger) -> None:
    resource = a_resource("i-1")
    intents = ledger.intend(SWEEP_ID, [resource], "batch-1")
    (intent,) = ledger.actions(SWEEP_ID)
    assert intent.key == ResourceKey(ACCOUNT, REGION, "ec2", "i-1")
    assert (intent.status, intent.requested_at, intent.arn) == (INTENT, "2026-11-23T19:00:00Z", resource.arn)
    outcome = an_outcome(OutcomeStatus.FAILED, resource, code="Code", message="no", requested_at=AT, verified_at=AT)
    ledger.record_outcomes(SWEEP_ID, [outcome], intents)
    (settled,) = ledger.actions(SWEEP_ID)
    assert settled.key == intent.key
    assert (settled.status, settled.code, settled.message) == ("failed", "Code", "no")
    assert (settled.requested_at, settled.verified_at, settled.arn) == (*["2026-11-23T19:00:00Z"] * 2, resource.arn)


# --- what is known is never replaced by what is not

UNKNOWN, REFUSED = OutcomeStatus.UNKNOWN, OutcomeStatus.FAILED
RESOURCE = a_resource("i-1")
RANKED = (
    an_outcome(OutcomeStatus.NOT_ATTEMPTED, RESOURCE),
    an_outcome(UNKNOWN, RESOURCE, requested_at=AT),
    an_outcome(REFUSED, RESOURCE, code="Code", requested_at=AT),
    an_outcome(OutcomeStatus.STOPPING, RESOURCE, requested_at=AT),
    an_outcome(OutcomeStatus.STOPPED, RESOURCE, requested_at=AT, verified_at=AT),
)


def are_neighbours(one: Outcome, other: Outcome) -> bool:
    return abs(RANKED.index(one) - RANKED.index(other)) == 1


def status_of(ledger: Ledger) -> str:
    (action,) = ledger.actions(SWEEP_ID)
    return action.status


@pytest.mark.parametrize(
    ("first", "later"),
    [
        *zip(RANKED, RANKED, strict=True),
        *pairwise(RANKED),
        *pairwise(reversed(RANKED)),
        *only_in_full(*(two for two in permutations(RANKED, 2) if not are_neighbours(*two))),
    ],
    ids=lambda one: one.status.value,
)
def test_a_weaker_outcome_never_replaces_a_stronger_one(ledger: Ledger, first: Outcome, later: Outcome) -> None:
    intents = ledger.intend(SWEEP_ID, [RESOURCE], "1")
    ledger.record_outcomes(SWEEP_ID, [first], intents)
    ledger.record_outcomes(SWEEP_ID, [later], intents)
    assert status_of(ledger) == max(first, later, key=lambda one: one.strength).status


@pytest.mark.parametrize("outcome", RANKED[:4], ids=lambda one: one.status.value)
def test_who_lost_the_lease_replaces_nothing_of_who_has_it_now(ledger: Ledger, outcome: Outcome) -> None:
    loser, winner = ledger.fenced(1), ledger.fenced(2)
    lost = loser.intend(SWEEP_ID, [RESOURCE], "1")
    won = winner.intend(SWEEP_ID, [RESOURCE], "1", lost)
    winner.record_outcomes(SWEEP_ID, [RANKED[-1]], won)
    loser.record_outcomes(SWEEP_ID, [outcome], lost)
    assert status_of(ledger) == "stopped"
    assert not loser.intend(SWEEP_ID, [RESOURCE], "2", lost)


def test_nothing_is_announced_by_who_does_not_hold_the_lease_any_more(ledger: Ledger) -> None:
    held = [True]
    holder = ledger.fenced(1, lambda: held[0])
    assert holder.intend(SWEEP_ID, [RESOURCE], "1", held_by=POLICY)
    held[0] = False
    with pytest.raises(LeaseLostError):
        holder.intend(SWEEP_ID, [a_resource("i-2")], "2", held_by=POLICY)
    assert [one.resource_id for one in ledger.actions(SWEEP_ID)] == [RESOURCE.resource_id]
    assert len(ledger.held_by(SWEEP_ID)) == 1


@pytest.mark.parametrize("known", [False, True], ids=["not written yet", "written"])
def test_what_ended_unattempted_is_not_announced_by_a_write_that_comes_late(ledger: Ledger, known: bool) -> None:
    holder, next_holder = ledger.fenced(1), ledger.fenced(2)
    intents = {RESOURCE.key: Intent("0123")}
    if known:
        holder.intend(SWEEP_ID, [RESOURCE], "1", held_by=POLICY, intent_id="0123")
    holder.record_outcomes(SWEEP_ID, [an_outcome(OutcomeStatus.NOT_ATTEMPTED, RESOURCE)], intents, is_last=True)
    assert not holder.intend(SWEEP_ID, [RESOURCE], "1", held_by=POLICY, intent_id="0123")
    assert status_of(ledger) == "not_attempted"
    assert next_holder.intend(SWEEP_ID, [RESOURCE], "2", held_by=POLICY)


@pytest.mark.parametrize("outcome", RANKED[:3], ids=lambda one: one.status.value)
def test_who_lost_the_lease_says_nothing_of_the_intent_that_follows_its_own(ledger: Ledger, outcome: Outcome) -> None:
    loser, winner = ledger.fenced(1), ledger.fenced(2)
    lost = loser.intend(SWEEP_ID, [RESOURCE], "1")
    winner.intend(SWEEP_ID, [RESOURCE], "1", lost)
    loser.record_outcomes(SWEEP_ID, [outcome], lost)
    assert status_of(ledger) == INTENT


def test_a_stop_that_aws_accepted_from_who_lost_the_lease_is_known_all_the_same(ledger: Ledger) -> None:
    loser, winner = ledger.fenced(1), ledger.fenced(2)
    lost = loser.intend(SWEEP_ID, [RESOURCE], "1")
    won = winner.intend(SWEEP_ID, [RESOURCE], "1", lost)
    winner.record_outcomes(SWEEP_ID, [RANKED[0]], won)
    loser.record_outcomes(SWEEP_ID, [RANKED[3]], lost)
    assert status_of(ledger) == "stopping"
    winner.record_outcomes(SWEEP_ID, [RANKED[0]], won)
    assert status_of(ledger) == "stopping"


def test_of_two_that_intend_the_same_one_may_act(ledger: Ledger) -> None:
    others = [a_resource("i-0"), RESOURCE]
    assert ledger.intend(SWEEP_ID, [RESOURCE], "1")
    assert [key.resource_id for key in ledger.intend(SWEEP_ID, others, "1")] == ["i-0"]


def test_of_many_threads_that_intend_the_same_at_once_one_may_act(ledger: Ledger) -> None:
    won: list[int] = []
    in_threads(8, lambda number: won.append(number) if ledger.intend(SWEEP_ID, [RESOURCE], str(number)) else None)
    assert len(won) == 1


def test_of_work_that_is_delivered_twice_at_once_neither_says_that_the_others_stop_was_somebody_elses(
    ledger: Ledger,
) -> None:
    """By the same generation: two items of one map."""
    first = ledger.intend(SWEEP_ID, [RESOURCE], "1")
    second = ledger.intend(SWEEP_ID, [RESOURCE], "1", first)
    ledger.record_outcomes(SWEEP_ID, [RANKED[3]], second)
    already = an_outcome(OutcomeStatus.ALREADY_STOPPED, RESOURCE, requested_at=AT)
    ledger.record_outcomes(SWEEP_ID, [already], first)
    assert status_of(ledger) == "stopping"


def test_an_intent_is_replaced_by_who_read_it_and_once(ledger: Ledger) -> None:
    found = ledger.intend(SWEEP_ID, [RESOURCE], "1")
    assert ledger.fenced(1).intend(SWEEP_ID, [RESOURCE], "2", found)
    assert not ledger.fenced(1).intend(SWEEP_ID, [RESOURCE], "3", found)
    assert not ledger.intend(SWEEP_ID, [RESOURCE], "4")


def test_what_was_not_attempted_may_be_attempted_and_what_failed_may_not(ledger: Ledger) -> None:
    intents = ledger.intend(SWEEP_ID, [RESOURCE], "1")
    ledger.record_outcomes(SWEEP_ID, [RANKED[0]], intents)
    again = ledger.intend(SWEEP_ID, [RESOURCE], "2")
    assert again
    ledger.record_outcomes(SWEEP_ID, [RANKED[0]], intents)  # of the attempt before
    assert status_of(ledger) == INTENT
    ledger.record_outcomes(SWEEP_ID, [RANKED[2]], again)
    assert not ledger.intend(SWEEP_ID, [RESOURCE], "3", again)


def test_the_report_takes_nothing_away_from_what_the_ledger_knows(ledger: Ledger, table: Items) -> None:
    ledger.begin(a_record())
    resources = [a_resource(f"i-{number}") for number in range(4)]
    intents = ledger.intend(SWEEP_ID, resources[:3], "1")
    stopped = an_outcome(OutcomeStatus.STOPPED, resources[0], requested_at=AT, verified_at=AT)
    ledger.record_outcomes(SWEEP_ID, [stopped], intents)
    said = [OutcomeStatus.NOT_ATTEMPTED, OutcomeStatus.NOT_ATTEMPTED, UNKNOWN, OutcomeStatus.NOT_ATTEMPTED]
    outcomes = [an_outcome(status, one) for status, one in zip(said, resources, strict=True)]
    ledger.finish(report_document(a_report(outcomes=(*outcomes, outcomes[-1]))), "somewhere")
    assert [one.status for one in ledger.actions(SWEEP_ID)] == ["stopped", INTENT, "unknown", "not_attempted"]


def test_a_report_that_says_what_the_ledger_has_writes_no_action_again(ledger: Ledger, table: Items) -> None:
    ledger.begin(a_record())
    intents = ledger.intend(SWEEP_ID, [RESOURCE], "1")
    ledger.record_outcomes(SWEEP_ID, [RANKED[-1]], intents)
    before = table.query(f"SWEEP#{SWEEP_ID}", "ACTION#")
    ledger.fenced(3).finish(report_document(a_report(outcomes=(RANKED[-1],))), "somewhere")
    assert table.query(f"SWEEP#{SWEEP_ID}", "ACTION#") == before


# --- what is held down

EARLIER_ID = "20261023T190000Z-000001"


def held(table: Items, resource_id: str = "i-1") -> Any:
    return table.get((f"HELD#{ACCOUNT}#{REGION}", f"ec2#{resource_id}"))


def ended(ledger: Ledger, *outcomes: Outcome, sweep_id: str = SWEEP_ID, **fields: Any) -> None:
    ledger.finish(report_document(a_report(sweep_id=sweep_id, outcomes=outcomes, **fields)), "somewhere")


def test_what_is_stopped_is_held_down_from_its_intent_on_and_for_good(ledger: Ledger, table: Items) -> None:
    sized = a_resource("i-1", restore={"desired": 3})
    intents = ledger.intend(SWEEP_ID, [sized], "1", held_by=POLICY)
    item = held(table)
    assert (item["sweep_id"], item["asked_at"], item["restore"]) == (SWEEP_ID, "2026-11-23T19:00:00Z", {"desired": 3})
    assert (item["arn"], item["policy_name"], "expires_at" in item) == (sized.arn, POLICY, False)
    ledger.record_outcomes(SWEEP_ID, [RANKED[-1]], intents)
    ended(ledger, RANKED[-1])
    assert held(table) == item
    (record,) = ledger.held_by(SWEEP_ID)
    assert (record.resource_id, record.restore) == ("i-1", {"desired": 3})
    assert ledger.held_by(EARLIER_ID) == ledger.held_since_before(SWEEP_ID) == ()
    assert ledger.held_since_before("20261123T190001Z") == (record,)


def of_the_release_before(table: Items, status: str = INTENT, count: int = 1, **more: Any) -> None:
    """The rows of a sweep of a release that wrote no items of what it holds down, and no number of its format."""
    resources = [a_resource(f"i-{number}", restore={"desired": 3}) for number in range(1, count + 1)]
    times = {"requested_at": "2026-11-23T19:00:00Z", "verified_at": ""}
    table.put_many([{**resource_item(SWEEP_ID, one), "status": status, **times, **more} for one in resources])


@pytest.mark.parametrize("status", ["stopped", *only_in_full(INTENT, "stopping", "unknown")])
def test_what_a_sweep_of_the_release_before_stopped_is_held_down_once_its_rows_are_written_again(
    ledger: Ledger, table: Items, status: str
) -> None:
    of_the_release_before(table, status, count=30)
    rows = ledger.actions(SWEEP_ID)
    for _ in range(2):  # also where a process died in between
        ledger.hold_what_is_older(SWEEP_ID, POLICY)
        assert ledger.actions(SWEEP_ID) == rows
        since = ledger.held_since_before("20261123T190001Z")
        assert [one.resource_id for one in since] == [one.resource_id for one in rows]
        assert {(one.sweep_id, one.asked_at, one.policy_name, one.restore["desired"]) for one in since} == {
            (SWEEP_ID, "2026-11-23T19:00:00Z", POLICY, 3)
        }


@pytest.mark.parametrize("status", ["failed", "not_attempted", "already_stopped"])
def test_what_a_sweep_of_the_release_before_did_not_stop_is_not_held_down(
    ledger: Ledger, table: Items, status: str
) -> None:
    of_the_release_before(table, status)
    ledger.hold_what_is_older(SWEEP_ID, POLICY)
    assert held(table) is None


def test_rows_of_this_release_are_held_down_by_what_was_written_with_them_alone(ledger: Ledger, table: Items) -> None:
    ledger.record_outcomes(SWEEP_ID, [an_outcome(OutcomeStatus.STOPPED, RESOURCE, verified_at=AT)])
    ledger.hold_what_is_older(SWEEP_ID, POLICY)
    assert held(table) is None


def test_a_sweep_of_the_release_before_takes_nothing_from_a_later_one(ledger: Ledger, table: Items) -> None:
    of_the_release_before(table)
    later = "20261124T190000Z-000000"
    ledger.intend(later, [RESOURCE], "1", held_by="another")
    ledger.hold_what_is_older(SWEEP_ID, POLICY)
    assert held(table)["sweep_id"] == later


def test_who_lost_the_lease_holds_nothing_down_that_was_released_since(ledger: Ledger, table: Items) -> None:
    of_the_release_before(table)
    with pytest.raises(LeaseLostError):
        ledger.fenced(1, lambda: False).hold_what_is_older(SWEEP_ID, POLICY)
    assert held(table) is None

    def is_held() -> bool:
        """Another one closes the sweep right after it was asked."""
        ledger.record_outcomes(SWEEP_ID, [an_outcome(OutcomeStatus.ALREADY_STOPPED, RESOURCE, verified_at=AT)])
        return True

    ledger.fenced(1, is_held).hold_what_is_older(SWEEP_ID, POLICY)
    assert held(table) is None
    (row,) = ledger.actions(SWEEP_ID)
    assert row.status == "already_stopped"


def test_a_start_holds_nothing_down(ledger: Ledger, table: Items) -> None:
    ledger.intend(SWEEP_ID, [RESOURCE], "1")
    assert held(table) is None


@pytest.mark.parametrize("outcome", [*RANKED[:3:2], an_outcome(OutcomeStatus.ALREADY_STOPPED, RESOURCE)])
def test_what_was_not_stopped_after_all_is_not_held_down_but_by_an_earlier_sweep(
    ledger: Ledger, table: Items, outcome: Outcome
) -> None:
    ledger.intend(EARLIER_ID, [a_resource("i-1", restore={"desired": 3})], "1", held_by=POLICY)
    before = held(table)
    other = an_outcome(outcome.status, a_resource("i-2"))
    ledger.intend(SWEEP_ID, [RESOURCE, other.resource], "1", held_by="another")
    assert held(table)["sweep_id"] == held(table, "i-2")["sweep_id"] == SWEEP_ID
    ended(ledger, outcome, other)
    assert held(table) == before
    assert held(table, "i-2") is None


def test_what_is_unknown_is_held_down(ledger: Ledger, table: Items) -> None:
    ledger.intend(SWEEP_ID, [RESOURCE], "1", held_by=POLICY)
    ended(ledger, RANKED[1])
    assert held(table)["sweep_id"] == SWEEP_ID


@pytest.mark.parametrize("status", [OutcomeStatus.STARTED, OutcomeStatus.ALREADY_RUNNING])
def test_what_was_seen_started_is_held_down_by_none(ledger: Ledger, table: Items, status: OutcomeStatus) -> None:
    ledger.intend(SWEEP_ID, [RESOURCE], "1", held_by=POLICY)
    accepted = an_outcome(OutcomeStatus.STARTING, RESOURCE)
    ended(ledger, accepted, sweep_id="20261124T070000Z-000001", mode=Mode.UNDO)
    assert held(table)["sweep_id"] == SWEEP_ID
    seen = an_outcome(status, RESOURCE, verified_at=AT)
    ended(ledger, seen, sweep_id="20261124T070000Z-000002", mode=Mode.UNDO)
    assert held(table) is None


@pytest.mark.parametrize("code", [ReasonCode.GONE, ReasonCode.STARTED_SINCE])
def test_what_an_undo_finds_up_or_gone_is_held_down_by_none(ledger: Ledger, table: Items, code: ReasonCode) -> None:
    ledger.intend(SWEEP_ID, [RESOURCE], "1", held_by=POLICY)
    decision = a_decision(RESOURCE, Verdict.KEEP, reason_code=code)
    ended(ledger, decisions=(decision,), sweep_id="20261124T070000Z-000001", mode=Mode.UNDO)
    assert held(table) is None


def test_outcomes_of_any_number_can_be_recorded_and_of_none(ledger: Ledger) -> None:
    ledger.record_outcomes(SWEEP_ID, [])
    ledger.record_outcomes(SWEEP_ID, [an_outcome(resource=a_resource(f"i-{number:03}")) for number in range(101)])
    assert len(ledger.actions(SWEEP_ID)) == 101


def test_the_actions_of_a_sweep_are_its_own(ledger: Ledger) -> None:
    ledger.intend(SWEEP_ID, [a_resource("i-1"), a_resource("i-2")], "1")
    ledger.intend(f"{SWEEP_ID}0", [a_resource("i-3")], "1")
    assert [one.resource_id for one in ledger.actions(SWEEP_ID)] == ["i-1", "i-2"]


def test_threads_of_many_targets_write_their_batches_at_once(ledger: Ledger) -> None:
    def batch(number: int) -> None:
        resources = [a_resource(f"i-{one:03}", region=f"region-{number}") for one in range(10)]
        ledger.intend(SWEEP_ID, resources, str(number))
        ledger.record_outcomes(SWEEP_ID, [an_outcome(resource=one) for one in resources])

    in_threads(8, batch)
    actions = ledger.actions(SWEEP_ID)
    assert len(actions) == 80
    assert {one.status for one in actions} == {"stopped"}


def test_everything_but_the_head_of_the_chain_expires(ledger: Ledger, table: Items) -> None:
    ledger.begin(a_record())
    ledger.intend(SWEEP_ID, [a_resource()], "1")
    ledger.take_lease(POLICY, a_lease("a", "1"), None)
    ledger.put_link(Link(SWEEP_ID, "a", None, None))
    ledger.advance_chain(SWEEP_ID, "a", None)
    items = [one for pk in ("SWEEPS", f"SWEEP#{SWEEP_ID}", "LEASE", "CHAIN") for one in table.query(pk)]
    assert len(items) == 5
    assert {one.get("expires_at") for one in items if one["SK"] != HEAD} == {int((AT + TTL).timestamp())}
    assert [one["SK"] for one in items if "expires_at" not in one] == [HEAD]


# --- lease and chain


def test_a_lease_is_taken_as_it_was_seen_or_not_at_all(ledger: Ledger) -> None:
    first, second = a_lease("a", "1"), a_lease("b", "2")
    assert ledger.lease(POLICY) is None
    assert not ledger.take_lease(POLICY, second, first)
    assert ledger.take_lease(POLICY, first, None)
    assert not ledger.take_lease(POLICY, second, None)
    assert ledger.lease(POLICY) == first
    assert ledger.take_lease(POLICY, second, first)
    assert not ledger.take_lease(POLICY, a_lease("c", "3"), first)
    assert ledger.lease(POLICY) == second
    assert ledger.lease("another policy") is None


def test_of_many_that_take_a_lease_at_once_one_has_it(ledger: Ledger) -> None:
    won: list[int] = []

    def take(number: int) -> None:
        if ledger.take_lease(POLICY, a_lease(f"sweep-{number}", str(number)), None):
            won.append(number)

    in_threads(16, take)
    assert len(won) == 1
    assert ledger.lease(POLICY) == a_lease(f"sweep-{won[0]}", str(won[0]))


def test_the_chain_is_advanced_from_its_head_only(ledger: Ledger) -> None:
    assert ledger.chain_head() is None
    assert not ledger.advance_chain("a", "1", ("before", "0"))
    assert ledger.advance_chain("a", "1", None)
    assert not ledger.advance_chain("b", "2", None)
    assert ledger.chain_head() == ("a", "1")
    assert ledger.advance_chain("b", "2", ("a", "1"))
    assert ledger.chain_head() == ("b", "2")


def test_links_are_read_back_without_the_head(ledger: Ledger) -> None:
    links = Link("a", "1", None, None), Link("b", "2", "a", "1")
    for link in links:
        ledger.put_link(link)
    ledger.advance_chain("a", "1", None)
    assert ledger.links() == links
    assert ledger.link("b") == links[1]
    assert ledger.link("c") is None


def test_of_many_that_advance_the_chain_at_once_each_comes_once(ledger: Ledger) -> None:
    def advance(number: int) -> None:
        while not ledger.advance_chain(f"sweep-{number}", f"sha-{number}", head := ledger.chain_head()):
            assert head != ledger.chain_head()
        ledger.put_link(Link(f"sweep-{number}", f"sha-{number}", *(head or (None, None))))

    in_threads(6, advance)
    links = ledger.links()
    assert len(links) == 6
    assert len({link.previous_sha256 for link in links}) == 6


def test_what_listings_had_is_remembered_by_organization_whatever_the_policy_is_called(ledger: Ledger) -> None:
    accounts = frozenset(AccountId(f"{number:012}") for number in range(25))
    one, two = (
        Listed(accounts, {"/Prod": frozenset({"ou-1"}), "/Gone": frozenset()}),
        Listed(frozenset({AccountId("9" * 12)}), {"/Prod": frozenset({"ou-2"})}),
    )
    assert ledger.earlier_listings("o-1") == Listed()
    ledger.remember_listing("o-1", "nonprod", Listed(), one)
    before = ledger.earlier_listings("o-1")
    assert before == Listed(accounts, {"/Prod": frozenset({"ou-1"})})
    ledger.remember_listing("o-1", "nonprod", before, two)
    assert ledger.earlier_listings("o-1") == Listed(accounts | two.accounts, {"/Prod": frozenset({"ou-1", "ou-2"})})
    other = Listed(units={"/Prod": frozenset({"ou-3"})})
    ledger.remember_listing("o-1", "other", Listed(), other)
    assert ledger.earlier_listings("o-1").units == {"/Prod": frozenset({"ou-1", "ou-2", "ou-3"})}, "of every policy"
    assert ledger.earlier_listings("o-2") == Listed()


def test_of_where_an_account_was_the_last_listing_counts(ledger: Ledger) -> None:
    one, two = AccountId("1" * 12), AccountId("2" * 12)
    accounts = frozenset({one, two})
    first = Listed(accounts, places={one: frozenset({Place("ou-3", ("ou-1", "ou-2"))}), two: frozenset()})
    ledger.remember_listing("o-1", "nonprod", Listed(), first)
    before = ledger.earlier_listings("o-1")
    assert before.places == {one: frozenset({Place("ou-3", ("ou-1", "ou-2"))})}
    moved = frozenset({Place("ou-3", ("ou-1",)), Place("ou-4", ("ou-5",))})
    ledger.remember_listing("o-1", "nonprod", before, Listed(accounts, places={one: moved, two: moved}))
    before = ledger.earlier_listings("o-1")
    assert before == Listed(accounts, places={one: moved, two: moved})
    ledger.remember_listing("o-1", "nonprod", before, Listed(accounts, places={one: frozenset()}))
    assert ledger.earlier_listings("o-1").places == {two: moved}


def test_an_intent_says_whether_it_is_a_start_and_so_do_the_outcomes_of_it(ledger: Ledger) -> None:
    up, down = a_resource("i-up"), a_resource("i-down")
    intents = {
        **ledger.intend(SWEEP_ID, [down], "1", held_by=POLICY),
        **ledger.intend(SWEEP_ID, [up], "2"),
    }
    assert {one.resource_id: one.is_start for one in ledger.actions(SWEEP_ID)} == {"i-down": False, "i-up": True}
    unknown = [Outcome(one, OutcomeStatus.UNKNOWN) for one in (up, down)]
    ledger.record_outcomes(SWEEP_ID, unknown, intents)
    assert {one.resource_id: one.is_start for one in ledger.actions(SWEEP_ID)} == {"i-down": False, "i-up": True}
    ended(ledger, *unknown)
    assert {one.resource_id: one.is_start for one in ledger.actions(SWEEP_ID)} == {"i-down": False, "i-up": True}
