"""What differs between two sweeps."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model import OutcomeStatus, ReasonCode, TargetStatus, Verdict
from orchestrator.core.report.comparison import compare_reports
from orchestrator.core.report.document import document_of, report_document
from tests.support.builders import a_coverage, a_decision, a_report, a_resource, an_outcome
from tests.support.strategies import quick

LATER = "20261124T190000Z-7f3a9c"
STOP, START, KEEP = Verdict.STOP, Verdict.START, Verdict.KEEP
One = tuple[Verdict, ReasonCode, OutcomeStatus | None]


def a_document(each: dict[str, One], **more: Any) -> dict[str, Any]:
    resources = {name: a_resource(name, tags={"Name": f"the {name}"}) for name in each}
    return document_of(
        a_report(
            decisions=tuple(
                a_decision(resources[name], verdict, reason_code=code) for name, (verdict, code, _) in each.items()
            ),
            outcomes=tuple(an_outcome(came, resources[name]) for name, (_, _, came) in each.items() if came),
            **more,
        )
    )


ANY_TIME, NO_RULE, SCHEDULE = ReasonCode.ANY_TIME, ReasonCode.NO_RULE, ReasonCode.SCHEDULE
STOPPED, FAILED = OutcomeStatus.STOPPED, OutcomeStatus.FAILED
HELD, NOT_ATTEMPTED = OutcomeStatus.HELD, OutcomeStatus.NOT_ATTEMPTED


@pytest.mark.parametrize(
    ("was", "now", "change"),
    [
        ((KEEP, NO_RULE, None), (STOP, ANY_TIME, STOPPED), "newly_stopped"),
        (None, (STOP, ANY_TIME, STOPPED), "newly_stopped"),
        ((STOP, ANY_TIME, FAILED), (START, ANY_TIME, None), "newly_started"),
        ((STOP, ANY_TIME, STOPPED), (KEEP, SCHEDULE, None), "newly_kept"),
        (None, (KEEP, NO_RULE, None), "appeared"),
        ((KEEP, NO_RULE, None), None, "gone"),
        ((KEEP, NO_RULE, None), (KEEP, SCHEDULE, None), "other_reason"),
        ((STOP, ANY_TIME, STOPPED), (STOP, ANY_TIME, FAILED), "newly_failed"),
        ((STOP, ANY_TIME, FAILED), (STOP, ANY_TIME, OutcomeStatus.ALREADY_STOPPED), "no_longer_failed"),
        ((STOP, ANY_TIME, HELD), (STOP, ANY_TIME, STOPPED), "newly_stopped"),
        ((START, ANY_TIME, HELD), (START, ANY_TIME, OutcomeStatus.STARTED), "newly_started"),
        ((STOP, ANY_TIME, NOT_ATTEMPTED), (STOP, ANY_TIME, STOPPED), "newly_stopped"),
        ((STOP, ANY_TIME, HELD), (STOP, ANY_TIME, NOT_ATTEMPTED), None),
        ((STOP, ANY_TIME, HELD), (STOP, ANY_TIME, FAILED), "newly_failed"),
        ((STOP, ANY_TIME, STOPPED), (STOP, ANY_TIME, HELD), "newly_failed"),
        ((STOP, ANY_TIME, FAILED), (STOP, ANY_TIME, OutcomeStatus.WOULD_STOP), None),
        ((STOP, ANY_TIME, OutcomeStatus.WOULD_STOP), (STOP, ANY_TIME, STOPPED), None),
        ((KEEP, NO_RULE, None), (KEEP, NO_RULE, None), None),
    ],
)
def test_what_became_of_a_resource(was: One | None, now: One | None, change: str | None) -> None:
    before, after = ({"i-1": one} if one else {} for one in (was, now))
    found = compare_reports(a_document(before), a_document(after, sweep_id=LATER))
    assert found["changes"] == ({change: 1} if change else {})
    for row in found["decisions"]:
        assert (row["change"], row["resource_id"], row["name"]) == (change, "i-1", "the i-1")
        for side, one in (("before", was), ("after", now)):
            said = row[side] and (row[side]["verdict"], row[side]["reason_code"], row[side]["outcome"])
            assert said == one


def test_a_target_that_is_read_no_more_shows_with_both_statuses() -> None:
    before = a_document({}, coverage=(a_coverage(), a_coverage(region="us-east-1")))
    denied = a_coverage(TargetStatus.DENIED, detail="AccessDenied")
    after = a_document({}, coverage=(denied, a_coverage(region="us-east-1"), a_coverage(region="xx-1")))
    rows = compare_reports(before, after)["coverage"]
    assert [(row["region"], row["before"], row["after"], row["detail"]) for row in rows] == [
        ("eu-central-1", "scanned", "denied", "AccessDenied"),
        ("xx-1", None, "scanned", ""),
    ]


def test_totals_that_differ_are_told_and_money_where_either_asked_for_prices() -> None:
    before = a_document({"i-1": (KEEP, NO_RULE, None)})
    after = a_document({"i-1": (STOP, ANY_TIME, STOPPED)}, sweep_id=LATER)
    found = compare_reports(before, after)
    assert found["totals"]["stopped"] == {"before": 0, "after": 1}
    assert "resources" not in found["totals"]
    assert found["money"] is None
    assert (found["before"]["sweep_id"], found["after"]["sweep_id"]) == ("20261123T190000Z-7f3a9c", LATER)
    sums = {"resources": 2, "unknown_resources": 1, "gross": 12.0, "still_billed": 2.5, "net": 9.5, "hourly": 1.0}
    priced = {**after, "money": {"forecast": sums}}
    assert compare_reports(before, priced)["money"] == {"before": None, "after": sums}


_ONES = st.dictionaries(
    st.sampled_from(["i-1", "i-2", "i-3", "i-4"]),
    st.tuples(
        st.sampled_from([STOP, START, KEEP]),
        st.sampled_from([NO_RULE, SCHEDULE]),
        st.none() | st.sampled_from(OutcomeStatus),
    ),
)


@quick
@given(was=_ONES, now=_ONES)
def test_every_resource_is_told_at_most_once_and_what_is_alike_never(was: dict[str, One], now: dict[str, One]) -> None:
    before, after = a_document(was), report_document(a_report(sweep_id=LATER)) | a_document(now)
    rows = compare_reports(before, after)["decisions"]
    told = [row["resource_id"] for row in rows]
    assert told == sorted(set(told))
    assert {one for one in {*was, *now} if was.get(one, ())[:2] != now.get(one, ())[:2]} <= set(told)
    assert not {one for one in was if was[one] == now.get(one)} & set(told)
    assert compare_reports(before, before)["decisions"] == []
    json.dumps(rows)
