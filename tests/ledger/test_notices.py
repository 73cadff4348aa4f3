"""Announced stops in both tables: by the report of a sweep, for each policy by itself, and without an early expiry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from orchestrator.core.decide.notice import NOTICE_BY, decide_untag
from orchestrator.core.model import Action, Mode, Outcome, OutcomeStatus, Resource, Verdict
from orchestrator.core.model.marks import STOP_AFTER_TAG
from orchestrator.core.model.remembered import Notice
from orchestrator.core.model.tagging import with_tagging
from orchestrator.core.report.document import report_document
from orchestrator.errors import LedgerError
from orchestrator.ledger.items import Items
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.notices import notice_pks
from tests.support.builders import AT, SWEEP_ID, a_decision, a_report, a_resource

POLICY = "nonprod"
DAY = date(2026, 11, 26)
EARLIER_ID = "20261101T190000Z-000001"


def tagged(resource_id: str = "i-1", by: str = "", action: Action = Action.TAG) -> Resource:
    return with_tagging(a_resource(resource_id), action, {STOP_AFTER_TAG: str(DAY)}, Notice(by, "ownerless", DAY))


def finish(ledger: Ledger, *outcomes: Outcome, policy: str = POLICY) -> None:
    ledger.finish(report_document(a_report(policy_name=policy, outcomes=outcomes)), "here")


@pytest.fixture
def ledger(table: Items) -> Ledger:
    return Ledger(table, lambda: AT)


def test_what_was_tagged_is_announced_and_what_was_untagged_is_not_any_more(ledger: Ledger) -> None:
    one, two = tagged("i-1"), tagged("i-2", by=EARLIER_ID)
    finish(ledger, Outcome(one, OutcomeStatus.TAGGED), Outcome(two, OutcomeStatus.TAGGED))
    assert ledger.notices(POLICY) == {
        one.key: Notice(SWEEP_ID, "ownerless", DAY),
        two.key: Notice(EARLIER_ID, "ownerless", DAY),
    }
    finish(ledger, Outcome(tagged("i-1", action=Action.UNTAG), OutcomeStatus.UNTAGGED))
    assert list(ledger.notices(POLICY)) == [two.key]


@pytest.mark.parametrize(
    "status", [one for one in OutcomeStatus if one not in (OutcomeStatus.TAGGED, OutcomeStatus.UNTAGGED)]
)
def test_what_aws_did_not_take_announces_nothing(ledger: Ledger, status: OutcomeStatus) -> None:
    finish(ledger, Outcome(tagged(), status))
    assert ledger.notices(POLICY) == {}


def test_what_was_stopped_after_its_notice_is_announced_anew_when_it_runs_again(ledger: Ledger) -> None:
    one, other = tagged("i-1"), tagged("i-2")
    finish(ledger, Outcome(one, OutcomeStatus.TAGGED), Outcome(other, OutcomeStatus.TAGGED))
    due = [
        replace(a_decision(a_resource(each.resource_id)), facts={NOTICE_BY: SWEEP_ID, "notice_rule": "ownerless"})
        for each in (one, other)
    ]
    outcomes = [
        Outcome(due[0].resource, OutcomeStatus.STOPPED),
        Outcome(due[1].resource, OutcomeStatus.FAILED),
    ]
    ledger.finish(report_document(a_report(policy_name=POLICY, decisions=due, outcomes=outcomes)), "here")
    assert list(ledger.notices(POLICY)) == [other.key]


@pytest.mark.parametrize("tags", [{}, {STOP_AFTER_TAG: "2027-01-31"}], ids=["deleted", "later"])
def test_an_undo_forgets_what_was_announced_whatever_became_of_the_tag(ledger: Ledger, tags: dict[str, str]) -> None:
    one = tagged()
    finish(ledger, Outcome(one, OutcomeStatus.TAGGED))
    kept = decide_untag(one, a_resource("i-1", tags=tags), SWEEP_ID)
    assert kept.verdict is Verdict.KEEP
    assert ("a person's own" in kept.reason) is bool(tags)
    undone = a_report(policy_name=POLICY, mode=Mode.UNDO, source_sweep_id=SWEEP_ID, decisions=[kept])
    ledger.finish(report_document(undone), "here")
    assert ledger.notices(POLICY) == {}


def test_the_tags_of_a_rule_announce_nothing(ledger: Ledger) -> None:
    resource = with_tagging(a_resource(), Action.TAG, {"Owner-missing": "reported"})
    finish(ledger, Outcome(resource, OutcomeStatus.TAGGED))
    assert ledger.notices(POLICY) == {}


def test_each_policy_has_its_own(ledger: Ledger) -> None:
    finish(ledger, Outcome(tagged(), OutcomeStatus.TAGGED), policy="another")
    assert ledger.notices(POLICY) == {}


def test_it_outlives_its_day_by_more_than_a_year(ledger: Ledger, table: Items) -> None:
    finish(ledger, Outcome(tagged(), OutcomeStatus.TAGGED))
    [item] = [one for found in table.query_each(notice_pks(POLICY)).values() for one in found]
    assert item["expires_at"] >= datetime(2027, 12, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("altered", [{"stop_after": "soon"}, {"stop_after": None}, {"rule": None}])
def test_an_item_that_was_altered_is_an_error_and_no_earlier_day(
    ledger: Ledger, table: Items, altered: dict[str, str | None]
) -> None:
    finish(ledger, Outcome(tagged(), OutcomeStatus.TAGGED))
    [item] = [one for found in table.query_each(notice_pks(POLICY)).values() for one in found]
    table.put({**item, **altered})
    with pytest.raises(LedgerError, match="was altered"):
        ledger.notices(POLICY)


def test_an_intent_to_tag_holds_nothing_down(ledger: Ledger) -> None:
    resource = tagged()
    assert list(ledger.intend(SWEEP_ID, [resource], "1", held_by=POLICY, holds=False)) == [resource.key]
    assert ledger.held_at(resource.target) == {}
    [action] = ledger.actions(SWEEP_ID)
    assert (action.status, action.restore["tag:stop-orchestrator:stop-after"]) == ("intent", "2026-11-26")
