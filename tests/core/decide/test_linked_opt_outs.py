"""An opt-out by link spares exactly as a dated opt-out tag on the resource would, and is reported as such."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide, decide_inventory
from orchestrator.core.decide.explain import explain
from orchestrator.core.decide.simulate import Asked, simulate
from orchestrator.core.model import Decisions, Exemption, Inventory, ReasonCode, Resource, Verdict
from orchestrator.core.model.opt_out import OptOutStatus
from orchestrator.core.model.remembered import LinkedOptOut, Remembered
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG, REASON_TAG
from orchestrator.core.report.document import document_of, plain_document
from orchestrator.core.report.stored_inventory import StoredKinds, StoredRows, stored_look
from orchestrator.kinds import registry
from tests.support.builders import AT, a_policy, a_report, a_resource, an_account
from tests.support.strategies import quick

OFFICE = """
opt_out: {max_days: 14, links: {url: "https://keep.example/keep", key: alias/links}}
schedules: {office: {timezone: UTC, running: ["mon-fri 07:00-19:00"]}}
rules:
  - {name: dev, where: {tag: {Environment: dev}}, schedule: office, start: everything}
"""
DEV = {"Environment": "dev"}
TODAY = date(2026, 11, 23)
NIGHT, MORNING = AT + timedelta(hours=2), AT + timedelta(hours=13)
UNREAD = Remembered(opt_outs_unread="the ledger cannot be read: no answer")


def linked(resource: Resource, *found: LinkedOptOut) -> Remembered:
    return Remembered(opt_outs={resource.arn: found})


def until(day: date, reason: str | None = "release night") -> LinkedOptOut:
    return LinkedOptOut(day.isoformat(), day, reason)


def decided(*found: LinkedOptOut, policy: str = OFFICE, now: datetime = NIGHT, **fields: Any) -> Decisions:
    resource = a_resource(**{"tags": DEV, **fields})
    inventory = Inventory("o-1", (an_account(),), resources=(resource,), remembered=linked(resource, *found))
    return decide_inventory(a_policy(policy), inventory, now)


def test_it_is_kept_until_the_end_of_its_day_and_says_why() -> None:
    [decision] = decided(until(TODAY)).decisions
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.EXEMPT)
    assert decision.reason == (
        "A link in a message opted i-00000000000000001 out until the end of 2026-11-23 (reason: release night)."
    )
    assert decision.exemption == Exemption("link", "i-00000000000000001", "link", "2026-11-23", TODAY, "release night")
    [decision] = decided(until(TODAY), now=AT + timedelta(hours=5)).decisions
    assert (decision.verdict, decision.exemption) == (Verdict.STOP, None)


def test_the_day_is_that_of_the_policys_time_zone() -> None:
    policy = a_policy(OFFICE, timezone="Pacific/Auckland")  # where it is the next day already
    resource = a_resource(tags=DEV)
    decision = decide(policy, resource, an_account(), NIGHT, (), linked(resource, until(TODAY)))
    assert decision.verdict is Verdict.STOP


def test_it_is_of_its_resource_alone() -> None:
    one, other = a_resource("i-1", tags=DEV), a_resource("i-2", tags=DEV)
    inventory = Inventory("o-1", (an_account(),), resources=(one, other), remembered=linked(one, until(TODAY)))
    found = decide_inventory(a_policy(OFFICE), inventory, NIGHT).decisions
    assert [decision.verdict for decision in found] == [Verdict.KEEP, Verdict.STOP]


@quick
@given(
    day=st.dates(date(2026, 11, 20), date(2026, 12, 20)),
    state=st.sampled_from(["running", "stopped", "stopping", "pending"]),
    tag=st.sampled_from([None, "true", "2026-11-24", "2026-11-01", "soon"]),
    now=st.sampled_from([NIGHT, MORNING]),
)
def test_it_decides_as_a_tag_of_the_same_day_would(day: date, state: str, tag: str | None, now: datetime) -> None:
    tags = {**DEV, **({OPT_OUT_TAG: tag} if tag else {})}
    fields = {"state": state, "changed_at": AT + timedelta(minutes=30)}
    by_link = decided(until(day, None), tags=tags, now=now, **fields).decisions[0]
    other = decided(tags={**DEV, OPT_OUT_TAG: day.isoformat()}, now=now, **fields).decisions[0]
    if tag in (None, "2026-11-01"):
        assert (by_link.verdict, by_link.reason_code) == (other.verdict, other.reason_code)
    else:
        either = decided(tags=tags, now=now, **fields).decisions[0]
        assert by_link.verdict is Verdict.KEEP if Verdict.KEEP in (other.verdict, either.verdict) else either.verdict


def test_of_several_the_longest_counts_and_a_tag_for_good_before_any() -> None:
    found = decided(until(TODAY), until(date(2026, 12, 3)))
    assert found.decisions[0].exemption == replace(
        found.decisions[0].exemption or Exemption("", "", "", "", None, None), until=date(2026, 12, 3)
    )
    [decision] = decided(until(TODAY), tags={**DEV, OPT_OUT_TAG: "true"}).decisions
    assert decision.exemption is not None
    assert decision.exemption.source == "resource"


def test_one_that_is_not_right_spares_for_good_and_is_reported() -> None:
    found = decided(LinkedOptOut("soon", None, None))
    assert found.decisions[0].reason == (
        "A link in a message opted i-00000000000000001 out for good, because its value is no date (no reason given)."
    )
    assert {row.violation: row.detail for row in found.compliance} == {
        "malformed_opt_out": "link=soon is no date like 2026-12-31; honoured for good until mended",
        "opt_out_without_reason": "link=soon has no reason",
    }
    assert found.opt_outs[0].status is OptOutStatus.MALFORMED


def test_it_is_in_the_register_as_the_resources_with_what_it_spares() -> None:
    [row] = decided(until(date(2026, 12, 1))).opt_outs
    assert (row.carrier, row.carrier_id, row.tag, row.value) == (
        "resource",
        "i-00000000000000001",
        "link",
        "2026-12-01",
    )
    assert (row.status, row.days_left, row.spared_resources, row.violations) == (OptOutStatus.ACTIVE, 8, 1, ())
    [row] = decided(until(date(2026, 11, 1))).opt_outs
    assert (row.status, row.spared_resources) == (OptOutStatus.EXPIRED, 0)


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        ("max_days: 7", ["opt_out_too_long"]),
        ("max_days: 14", []),
        ("max_days: 14, allowed_on: [account]", ["opt_out_not_allowed_here"]),
        ("max_days: 14, allowed_on: [resource]", []),
    ],
)
def test_what_the_policy_asks_of_opt_outs_is_asked_of_it_and_it_counts_all_the_same(
    rules: str, names: list[str]
) -> None:
    found = decided(until(date(2026, 12, 3)), policy=OFFICE.replace("max_days: 14", rules))
    assert [row.violation for row in found.compliance] == names
    assert found.decisions[0].reason_code is ReasonCode.EXEMPT


def test_without_a_reason_it_is_reported_where_the_policy_asks_for_one() -> None:
    assert [row.violation for row in decided(until(TODAY, None)).compliance] == ["opt_out_without_reason"]
    policy = OFFICE.replace("max_days: 14", "max_days: 14, require_reason: false")
    assert decided(until(TODAY, None), policy=policy).compliance == ()


@pytest.mark.parametrize(("state", "now"), [("running", NIGHT), ("stopped", MORNING)])
def test_where_it_is_unknown_who_opted_out_nothing_is_stopped_or_started(state: str, now: datetime) -> None:
    resource = a_resource(tags=DEV, state=state, changed_at=AT + timedelta(minutes=30))
    assert decide(a_policy(OFFICE), resource, an_account(), now).verdict is not Verdict.KEEP
    decision = decide(a_policy(OFFICE), resource, an_account(), now, (), UNREAD)
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.UNREADABLE_LEDGER)
    assert decision.reason == "Whether a link opted it out is not known: the ledger cannot be read: no answer."


def test_what_is_kept_anyway_says_why_as_ever() -> None:
    decision = decide(a_policy(OFFICE), a_resource(tags={}), an_account(), NIGHT, (), UNREAD)
    assert decision.reason_code is ReasonCode.NO_RULE


def test_explain_tells_it_also_from_a_report() -> None:
    resource = a_resource(tags=DEV)
    remembered = linked(resource, until(TODAY))
    inventory = Inventory("o-1", (an_account(),), resources=(resource,), remembered=remembered)
    found = explain(a_policy(OFFICE), inventory, resource.key, NIGHT)
    [trace] = found.opt_outs
    assert (trace.decides, trace.sentence) == (True, found.sentence)


def test_explain_says_that_it_could_not_ask() -> None:
    resource = a_resource(tags=DEV)
    inventory = Inventory("o-1", (an_account(),), resources=(resource,), remembered=UNREAD)
    notes = explain(a_policy(OFFICE), inventory, resource.key, NIGHT).notes
    assert notes == ("the ledger could not be asked: the ledger cannot be read: no answer",)


def test_a_simulation_stops_it_once_its_day_is_over_also_of_a_stored_report() -> None:
    policy = a_policy(OFFICE)
    resource = a_resource(tags=DEV, facts={"launched_at": "2026-11-20T08:00:00Z"})
    remembered = linked(resource, until(TODAY))
    inventory = Inventory("o-1", (an_account(),), resources=(resource,), remembered=remembered)
    decisions = decide_inventory(policy, inventory, NIGHT)
    document = plain_document(document_of(a_report(decisions=decisions.decisions, policy_sha256=policy.sha256)))
    kinds = StoredKinds({one.name: one for one in registry.DESCRIPTIONS}, registry.obstacle_of)
    stored = stored_look(StoredRows.of_report(document), policy, kinds).inventory
    for one in (inventory, stored):
        [found] = simulate(policy, one, NIGHT, NIGHT + timedelta(hours=5))
        assert [(moment.at, moment.asked) for moment in found.moments] == [
            (NIGHT, Asked.KEPT),
            (datetime(2026, 11, 24, tzinfo=UTC), Asked.STOPPED),
        ]


def test_a_reason_tag_of_the_resource_is_not_the_links() -> None:
    [decision] = decided(until(TODAY, None), tags={**DEV, REASON_TAG: "other"}).decisions
    assert decision.exemption is not None
    assert decision.exemption.source == "resource"  # a reason alone spares for good, as ever
