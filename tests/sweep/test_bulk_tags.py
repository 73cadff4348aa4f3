"""Tags listed in bulk may exclude and never permit: whatever they say, nothing is stopped that exact ones spare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model import AwsError, ConsentHow, Halt, HaltCause, Mode, Question, Tags
from orchestrator.core.model.bulk_tags import BulkTags
from orchestrator.core.report.document import Row
from orchestrator.ports import NoProgress
from orchestrator.sweep.run import apply_plan, resume_sweep, run_sweep
from orchestrator.sweep.stored_plan import open_plan
from tests.support.builders import SWEEP_ID, a_policy, a_unit
from tests.support.consent import say_yes
from tests.support.fake_world import EVERYTHING, ONE, THREE, TWO, FakeWorld, a_world, coverage, outcomes, reasons
from tests.support.parts import Machine

APPLY_ID = "20261123T200000Z-000001"
PULLED = Halt(HaltCause.KILL_SWITCH, "the kill switch was pulled")
OUT_OF_TIME = Halt(HaltCause.OUT_OF_TIME, "the time was up")
OPTED_OUT = {"stop-orchestrator:opt-out": "true"}
EXPIRED = {"stop-orchestrator:opt-out": "2025-01-01"}
MALFORMED = {"stop-orchestrator:opt-out": "maybe"}
MISSPELT = {"Stop-Orchestrator:OptOut": "true"}
DEV, PROD = {"Env": "dev"}, {"Env": "prod"}
BY_TAG = "rules: [{name: dev, where: {account_tag: {Env: dev}}}]"
NOT_PROD = "rules: [{name: rest, where: {not: {account_tag: {Env: prod}}}}]"
IN_TURN = (
    "rules: [{name: owned, where: {any: [{account_tag: {Env: prod}}, {tag: {Owner: me}}]}, "
    "schedule: always}, {name: rest, where: everything}]\n"
    "schedules: {always: {timezone: UTC, running: ['daily 00:00-24:00']}}"
)
UNREAD = AwsError("TooManyRequestsException", "slow down")


def bulk(fake: FakeWorld, tags: Mapping[str, Tags]) -> None:
    """What the listing in bulk says, by account or OU."""
    fake.bulk_tags = BulkTags(tags)


def tag(fake: FakeWorld, account_id: str, tags: Tags, error: AwsError | None = None) -> None:
    """What AWS Organizations itself says of the account."""
    change = partial(replace, tags=tags, tags_error=error)
    fake.accounts = tuple(change(one) if one.id == account_id else one for one in fake.accounts)


def tag_unit(fake: FakeWorld, tags: Tags, error: AwsError | None = None) -> None:
    unit = a_unit("/Dev", dict(tags), error)
    fake.accounts = tuple(
        replace(one, organizational_units=(unit,)) if one.organizational_units else one for one in fake.accounts
    )


def swept(fake: FakeWorld, policy: str = EVERYTHING, mode: Mode = Mode.ENFORCE) -> Row:
    run_sweep(fake.world(), a_policy(policy), SWEEP_ID, mode)
    return fake.written()


def halted_while_exact_tags_are_read(fake: FakeWorld, halt: Halt) -> None:
    phases: list[str] = []

    class Heard(NoProgress):
        def phase(self, text: str) -> None:
            phases.append(text)

    fake.progress = Heard()
    fake.halt = lambda: halt if any("that rules ask for" in one for one in phases) else None


@pytest.fixture
def fake() -> FakeWorld:
    """Two accounts, the first one below an OU, and a listing that knows of no tag. Each has an instance in two regions:
    i-0 and i-1, i-2 and i-3.
    """
    made = a_world(ONE, TWO)
    made.accounts = (replace(made.accounts[0], organizational_units=(a_unit("/Dev"),)), made.accounts[1])
    bulk(made, {})
    return made


# --- before the first action


def test_tags_of_a_listing_are_read_anew_before_the_first_action_and_each_once(fake: FakeWorld) -> None:
    swept(fake)
    assert sorted(fake.stopped) == ["i-0", "i-1", "i-2", "i-3"]
    asked = [one for one in fake.asked if "tags" in one]
    assert asked[0] == "bulk tags o-example"
    assert sorted(asked[1:]) == [f"tags {ONE}", f"tags {TWO}", "tags ou-dev"]


def test_a_plan_reads_no_tags_but_the_listing(fake: FakeWorld) -> None:
    swept(fake, mode=Mode.PLAN)
    assert [one for one in fake.asked if "tags" in one] == ["bulk tags o-example"]


@pytest.mark.parametrize("tags", [OPTED_OUT, MALFORMED, MISSPELT])
def test_what_the_listing_has_not_heard_of_yet_spares_all_the_same(fake: FakeWorld, tags: Tags) -> None:
    tag(fake, TWO, tags)
    report = swept(fake)
    assert sorted(fake.stopped) == ["i-0", "i-1"]
    assert set(reasons(report)) == {"i-2", "i-3"}


def test_an_ou_that_the_listing_lacks_spares_what_is_below_it(fake: FakeWorld) -> None:
    tag_unit(fake, OPTED_OUT)
    swept(fake)
    assert sorted(fake.stopped) == ["i-2", "i-3"]


def test_exact_tags_that_cannot_be_read_spare(fake: FakeWorld) -> None:
    tag(fake, ONE, {}, UNREAD)
    report = swept(fake)
    assert sorted(fake.stopped) == ["i-2", "i-3"]
    assert "TooManyRequestsException" in reasons(report)["i-0"]


def test_tags_of_an_ou_that_cannot_be_read_spare(fake: FakeWorld) -> None:
    tag_unit(fake, {}, UNREAD)
    swept(fake)
    assert sorted(fake.stopped) == ["i-2", "i-3"]


@pytest.mark.parametrize("said", [{TWO: OPTED_OUT}, {"ou-dev": OPTED_OUT}])
def test_an_opt_out_that_only_the_listing_knows_of_spares_too(fake: FakeWorld, said: Mapping[str, Tags]) -> None:
    """Deleted since, or stale."""
    bulk(fake, said)
    report = swept(fake)
    assert len(fake.stopped) == 2
    left_out = TWO if TWO in said else ONE
    assert coverage(report)[left_out, "*"] == "opted_out"


def test_without_a_listing_tags_are_read_one_by_one_and_are_exact(fake: FakeWorld) -> None:
    fake.bulk_tags = AwsError("NoBulkTags", "the listing lacks the canary")
    tag(fake, TWO, OPTED_OUT)
    report = swept(fake)
    assert sorted(fake.stopped) == ["i-0", "i-1"]
    assert coverage(report)[TWO, "*"] == "opted_out"
    assert [one for one in fake.asked if "tags" in one] == ["bulk tags o-example"]


def test_a_plan_that_was_made_by_a_listing_is_applied_by_exact_tags(fake: FakeWorld) -> None:
    swept(fake, mode=Mode.PLAN)
    tag(fake, ONE, OPTED_OUT)
    _, source = open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)
    apply_plan(fake.world(), a_policy(EVERYTHING), APPLY_ID, source)
    assert sorted(fake.stopped) == ["i-2", "i-3"]


def test_the_parts_of_a_state_machine_act_by_exact_tags(fake: FakeWorld, machine: Machine) -> None:
    tag(fake, TWO, OPTED_OUT)
    machine(EVERYTHING)({"mode": "enforce"})
    assert sorted(fake.stopped) == ["i-0", "i-1"]


# --- before deciding by them


@pytest.mark.parametrize(
    ("exact", "said", "stopped"),
    [
        (DEV, {}, ["i-2", "i-3"]),
        ({}, DEV, []),
        (PROD, DEV, []),
        (DEV, DEV, ["i-2", "i-3"]),
        ({**DEV, **OPTED_OUT}, DEV, []),
    ],
)
def test_a_rule_by_account_tags_goes_by_exact_ones(
    fake: FakeWorld, exact: Tags, said: Tags, stopped: list[str]
) -> None:
    tag(fake, TWO, exact)
    bulk(fake, {TWO: said})
    report = swept(fake, BY_TAG)
    assert sorted(fake.stopped) == stopped
    assert [row["resource_id"] for row in report["outcomes"]] == stopped


def test_a_rule_that_excludes_by_account_tags_goes_by_exact_ones(fake: FakeWorld) -> None:
    tag(fake, TWO, PROD)
    report = swept(fake, NOT_PROD, Mode.PLAN)
    assert outcomes(report) == {"i-0": "would_stop", "i-1": "would_stop"}


def test_what_exact_tags_spare_before_deciding_ends_as_if_it_had_not_been_read(fake: FakeWorld) -> None:
    tag(fake, TWO, {**DEV, **OPTED_OUT})
    report = swept(fake, BY_TAG, Mode.PLAN)
    assert {one for one in coverage(report).items() if one[0][0] == TWO} == {((TWO, "*"), "opted_out")}
    assert {row["account_id"] for row in report["decisions"]} == {ONE}


def test_exact_tags_that_cannot_be_read_before_deciding_spare(fake: FakeWorld) -> None:
    tag(fake, TWO, {}, UNREAD)
    bulk(fake, {TWO: DEV})
    report = swept(fake, BY_TAG)
    assert fake.stopped == []
    assert coverage(report)[TWO, "*"] == "failed"


def test_an_earlier_rule_by_account_tags_is_not_passed_over_by_the_listing(fake: FakeWorld) -> None:
    tag(fake, TWO, PROD)
    swept(fake, IN_TURN)
    assert sorted(fake.stopped) == ["i-0", "i-1"]


def test_no_tags_are_read_before_deciding_of_accounts_that_no_such_rule_could_decide(fake: FakeWorld) -> None:
    policy = "rules: [{name: dev, where: {all: [{account_tag: {Env: dev}}, {account: '" + TWO + "'}]}}]"
    swept(fake, policy, Mode.PLAN)
    assert [one for one in fake.asked if "tags" in one] == ["bulk tags o-example", f"tags {TWO}"]


def test_what_another_policy_owns_by_account_tags_it_owns_by_exact_ones(fake: FakeWorld) -> None:
    fake.activate("prod", "rules: [{name: prod, where: {account_tag: {Env: prod}}}]")
    tag(fake, TWO, PROD)
    report = swept(fake, mode=Mode.PLAN)
    assert set(outcomes(report)) == {"i-0", "i-1"}
    assert {row["reason_code"] for row in report["decisions"] if row["account_id"] == TWO} == {"owned_by_two_policies"}


def test_once_no_more_work_is_handed_out_nothing_is_decided_by_the_listing(fake: FakeWorld) -> None:
    bulk(fake, {ONE: DEV, TWO: DEV})
    halted_while_exact_tags_are_read(fake, PULLED)
    report = swept(fake, BY_TAG)
    assert fake.stopped == []
    assert report["decisions"] == []
    assert set(coverage(report).values()) == {"not_attempted"}


def test_a_process_that_takes_over_decides_by_exact_tags(fake: FakeWorld) -> None:
    bulk(fake, {ONE: DEV, TWO: DEV})
    tag(fake, TWO, DEV)
    halted_while_exact_tags_are_read(fake, OUT_OF_TIME)
    fake.hand_over = lambda: fake.ledger.amend(SWEEP_ID, continuations=1) is None
    run_sweep(fake.world(), a_policy(BY_TAG), SWEEP_ID, Mode.ENFORCE)
    assert not fake.has_file("report.json")
    fake.halt = lambda: None
    begun = fake.ledger.sweep(SWEEP_ID)
    assert begun is not None
    resume_sweep(fake.world(), a_policy(BY_TAG), begun)
    assert sorted(fake.stopped) == ["i-2", "i-3"]


def test_the_state_machine_decides_by_exact_tags(fake: FakeWorld, machine: Machine) -> None:
    tag(fake, ONE, DEV)
    bulk(fake, {TWO: DEV})
    machine(BY_TAG)({"mode": "enforce"})
    assert sorted(fake.stopped) == ["i-0", "i-1"]


# --- whatever it says

_TAGS = st.sampled_from([{}, OPTED_OUT, EXPIRED, MALFORMED, MISSPELT, DEV, PROD, {**DEV, **OPTED_OUT}])
_ERRORS = st.sampled_from([None, None, None, UNREAD])


@given(
    st.tuples(_TAGS, _TAGS, _TAGS),
    st.tuples(_ERRORS, _ERRORS, _ERRORS),
    st.dictionaries(st.sampled_from([ONE, TWO, THREE, "ou-dev"]), _TAGS),
    st.sampled_from([EVERYTHING, BY_TAG, NOT_PROD, IN_TURN]),
)
def test_nothing_is_stopped_that_would_be_kept_with_exact_tags_alone(
    exact: tuple[Tags, Tags, Tags],
    errors: tuple[AwsError | None, ...],
    said: Mapping[str, Tags],
    policy: str,
) -> None:
    def world() -> FakeWorld:
        made = a_world(ONE, TWO)
        made.accounts = (replace(made.accounts[0], organizational_units=(a_unit("/Dev"),)), made.accounts[1])
        tag(made, ONE, exact[0], errors[0])
        tag(made, TWO, exact[1], errors[1])
        tag_unit(made, exact[2], errors[2])
        return made

    by_exact, by_listing = world(), world()
    bulk(by_listing, said)
    swept(by_exact, policy)
    swept(by_listing, policy)
    assert set(by_listing.stopped) <= set(by_exact.stopped)
    if not any("opt" in key.lower() for tags in said.values() for key in tags):
        assert set(by_listing.stopped) == set(by_exact.stopped)


@pytest.mark.parametrize("mode", [Mode.PLAN, Mode.ENFORCE])
def test_a_report_names_the_tags_that_are_exact_also_where_others_would_decide_the_same(
    fake: FakeWorld, mode: Mode
) -> None:
    tag(fake, ONE, PROD)
    tag(fake, TWO, PROD)
    bulk(fake, {ONE: DEV, TWO: DEV})
    report = swept(fake, "rules: [{name: all, where: {any: [{account_tag: {Env: dev}}, {region: '*'}]}}]", mode)
    assert {one["facts"]["account_tag:Env"] for one in report["decisions"]} == {"prod"}


# --- schedules that tags of accounts and OUs name

BY_SCHEDULE_TAG = (
    "rules: [{name: dev, where: everything, schedule: "
    "{from_tag: [Schedule], inherit: [resource, account, organizational_unit], default: night}}]\n"
    "schedules: {always: {timezone: UTC, running: ['daily 00:00-24:00']}, "
    "night: {timezone: UTC, running: ['daily 01:00-02:00']}}"
)
ALWAYS = {"Schedule": "always"}


def test_a_schedule_by_tags_of_accounts_and_ous_is_decided_by_exact_ones(fake: FakeWorld) -> None:
    """The listing knows of neither tag yet."""
    tag_unit(fake, ALWAYS)
    tag(fake, TWO, {"Schedule": "awlays"})
    report = swept(fake, BY_SCHEDULE_TAG, Mode.PLAN)
    assert "always (by the tag Schedule of its OU /Dev)" in reasons(report)["i-0"]
    assert "Schedule='awlays' of its account 222222222222" in reasons(report)["i-2"]
    assert [row["detail"][:18] for row in report["compliance"]] == ["Schedule='awlays':"]
    asked = [one for one in fake.asked if "tags" in one]
    assert sorted(asked[1:]) == [f"tags {ONE}", f"tags {TWO}", "tags ou-dev"]


def test_a_schedule_that_only_the_listing_knows_of_permits_nothing(fake: FakeWorld) -> None:
    bulk(fake, {TWO: {"Schedule": "night"}, "ou-dev": {"Schedule": "night"}})
    tag_unit(fake, ALWAYS)
    tag(fake, TWO, {}, UNREAD)
    report = swept(fake, BY_SCHEDULE_TAG)
    assert fake.stopped == []
    assert coverage(report)[TWO, "*"] == "failed"


def test_the_time_zone_of_a_schedule_is_that_of_exact_tags(fake: FakeWorld) -> None:
    local = "schedules: {local: {timezone: account, running: ['daily 13:00-15:00']}}\n"
    bulk(fake, {ONE: {"TimeZone": "UTC"}, TWO: {"TimeZone": "UTC"}})
    tag(fake, ONE, {"TimeZone": "America/New_York"})
    tag(fake, TWO, {"TimeZone": "UTC"})
    report = swept(fake, f"{local}rules: [{{name: all, where: everything, schedule: local}}]")
    assert sorted(fake.stopped) == ["i-2", "i-3"]
    assert reasons(report)["i-0"].endswith("until Mon 2026-11-23 15:00 EST.")


def test_tags_of_accounts_are_not_read_for_what_its_own_tag_decides(fake: FakeWorld) -> None:
    for one in ("i-0", "i-1", "i-2", "i-3"):
        fake.change(one, lambda found: replace(found, tags=ALWAYS))
    swept(fake, BY_SCHEDULE_TAG)
    assert [one for one in fake.asked if "tags" in one] == ["bulk tags o-example"]


def test_a_schedule_tag_that_is_set_on_an_account_while_the_prompt_is_open_keeps(fake: FakeWorld) -> None:
    def confirm(question: Question) -> ConsentHow | None:
        tag(fake, TWO, ALWAYS)
        fake.at += timedelta(minutes=6)
        return say_yes(question)

    fake.confirm = confirm
    report = swept(fake, BY_SCHEDULE_TAG)
    assert sorted(fake.stopped) == ["i-0", "i-1"]
    assert (
        "always (by the tag Schedule of its account 222222222222) says that it should run now"
        in (reasons(report)["i-2"])
    )
