"""A narrowed sweep reads and acts on less, says so everywhere, and counts as nothing of the organization."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.core.decide.narrowing import resource_problems
from orchestrator.core.model import ActivePolicy, AwsError, Coverage, Mode, Narrowing, SweepStatus, TargetStatus
from orchestrator.core.policy.conditions.matching import unit_problem
from orchestrator.core.report.document import Row, document_exit_code
from orchestrator.doctor.missed_sweeps import look_for_missed
from orchestrator.errors import NarrowedToNothingError, NarrowingError
from orchestrator.ledger.lease import Leases, Times
from orchestrator.ledger.records import SweepSummary
from orchestrator.ports import Stores
from orchestrator.sweep import coordination
from orchestrator.sweep.coordination import Ended
from orchestrator.sweep.dead_sweeps import purpose_of
from orchestrator.sweep.run import apply_plan, resume_sweep, run_sweep
from orchestrator.sweep.stored_plan import open_plan
from tests.support.builders import AT, SWEEP_ID, a_policy, a_resource, an_account
from tests.support.consent import CONSENTING
from tests.support.fake_world import EVERYTHING, ONE, REGIONS, TWO, FakeWorld, a_world, coverage, reasons, unreadable
from tests.support.memory_store import Died
from tests.support.policies import load

LATER_ID = "20261123T200000Z-000001"
FIRST, SECOND = REGIONS
TWO_RULES = """
rules:
  - {name: dev, where: {tag: {Environment: dev}}}
  - {name: rest, where: everything}
"""
NO_OU = "no account of o-example is in or below such an OU"
LIMITED = EVERYTHING + "\nguardrails: {max_stops_percent: 50, min_coverage_percent: 100}"


@pytest.fixture
def fake() -> FakeWorld:
    """i-0 and i-1 in the two regions of ONE, i-2 and i-3 in those of TWO."""
    return a_world(ONE, TWO, workers=1)


def swept(fake: FakeWorld, policy: str = EVERYTHING, mode: Mode = Mode.ENFORCE, **narrowing: Any) -> Row:
    only = Narrowing(**{name: tuple(texts) for name, texts in narrowing.items()})
    document, _ = run_sweep(fake.world(), a_policy(policy), SWEEP_ID, mode, narrowing=only)
    return document


def refusal(fake: FakeWorld, policy: str = EVERYTHING, **narrowing: Any) -> str:
    with pytest.raises(NarrowingError) as refused:
        swept(fake, policy, **narrowing)
    assert fake.stopped == []
    return str(refused.value)


def arn(resource_id: str, account_id: str, region: str) -> str:
    return a_resource(resource_id, account_id, region).arn


# --- what is read -----------------------------------------------------------------------------------------------------


def test_only_the_named_account_is_read_and_no_other_has_a_row(fake: FakeWorld) -> None:
    report = swept(fake, accounts=[TWO])
    assert coverage(report) == {(TWO, FIRST): "scanned", (TWO, SECOND): "scanned"}
    assert fake.stopped == ["i-2", "i-3"]
    assert [one for one in fake.asked if ONE in one] == []


def test_only_accounts_in_or_below_the_named_ou_are_read(fake: FakeWorld) -> None:
    fake.accounts = (an_account(ONE, "/Dev/Web"), an_account(TWO, "/Prod"))
    assert {account for account, _ in coverage(swept(fake, organizational_units=["/Dev"]))} == {ONE}


def test_only_the_named_region_is_read(fake: FakeWorld) -> None:
    assert coverage(swept(fake, regions=[SECOND])) == {(ONE, SECOND): "scanned", (TWO, SECOND): "scanned"}
    assert fake.stopped == ["i-1", "i-3"]


def test_by_their_arns_only_the_accounts_and_regions_of_resources_are_read(fake: FakeWorld) -> None:
    assert coverage(swept(fake, resources=[arn("i-2", TWO, FIRST)])) == {(TWO, FIRST): "scanned"}
    assert fake.stopped == ["i-2"]


def test_an_id_alone_may_be_anywhere_so_all_of_the_scope_is_read(fake: FakeWorld) -> None:
    report = swept(fake, resources=["i-2"])
    assert len(coverage(report)) == 4
    assert fake.stopped == ["i-2"]


def test_it_only_narrows_what_the_policy_leaves_out_stays_out_and_says_why(fake: FakeWorld) -> None:
    policy = f"organization: {{exclude_accounts: ['{TWO}']}}\n{EVERYTHING}"
    report = swept(fake, policy, accounts=[TWO])
    assert coverage(report) == {(TWO, "*"): "excluded"}
    assert fake.stopped == []


def test_an_account_of_which_nobody_knows_its_ou_is_a_hole_and_not_left_out(fake: FakeWorld) -> None:
    lost = replace(fake.accounts[1], units_error=AwsError("AccessDenied", "no"))
    fake.accounts = (an_account(ONE, "/Dev"), lost)
    report = swept(fake, organizational_units=["/Dev"])
    assert coverage(report)[TWO, "*"] == "failed"
    assert document_exit_code(report) == 3


# --- what is acted on -------------------------------------------------------------------------------------------------


def test_only_what_the_named_rule_decides_is_acted_on_and_the_rest_says_so(fake: FakeWorld) -> None:
    fake.change("i-0", lambda one: replace(one, tags={"Environment": "dev"}))
    report = swept(fake, TWO_RULES, rules=["dev"])
    assert fake.stopped == ["i-0"]
    assert {row["reason_code"] for row in report["decisions"] if row["resource_id"] != "i-0"} == {"narrowed"}
    assert set(reasons(report).values()) == {"It would be acted on, and this sweep was narrowed to other rules."}


def test_what_an_earlier_rule_owns_is_not_given_to_the_named_one(fake: FakeWorld) -> None:
    fake.change("i-0", lambda one: replace(one, tags={"Environment": "dev"}))
    swept(fake, TWO_RULES, rules=["rest"])
    assert fake.stopped == ["i-1", "i-2", "i-3"]


def test_guardrail_percents_are_of_what_was_read_not_of_what_is_acted_on(fake: FakeWorld) -> None:
    report = swept(fake, LIMITED, resources=["i-2"])
    assert [(row["name"], row["actual"], row["passed"]) for row in report["guardrails"]] == [
        ("max_stops_percent", 25, True),
        ("min_coverage_percent", 100, True),
    ]


def test_coverage_is_of_the_narrowed_targets(fake: FakeWorld) -> None:
    fake.binds[TWO] = unreadable("AccessDenied", operation="sts:AssumeRole")
    assert swept(fake, LIMITED.replace("50", "100"), accounts=[ONE])["status"] == "complete"


def test_an_unreadable_account_weighs_as_many_targets_as_regions_were_asked_for(fake: FakeWorld) -> None:
    fake.binds[TWO] = unreadable("AccessDenied", operation="sts:AssumeRole")
    report = swept(fake, LIMITED, mode=Mode.PLAN, regions=[FIRST])
    assert {(row["account_id"], row["weight"]) for row in report["coverage"]} == {(ONE, 1), (TWO, 1)}


def test_the_plan_that_is_consented_to_has_the_narrowed_actions_alone(fake: FakeWorld) -> None:
    swept(fake, mode=Mode.PLAN, accounts=[ONE], regions=[FIRST])
    _, plan = open_plan(fake.files, fake.ledger, SWEEP_ID, AT)
    assert [one.resource.resource_id for one in plan.plan.actions] == ["i-0"]


# --- what is said -----------------------------------------------------------------------------------------------------


def test_report_and_ledger_say_to_what_it_was_narrowed(fake: FakeWorld) -> None:
    only = {"accounts": [ONE], "regions": [FIRST]}
    assert swept(fake, **only)["narrowed"] == only
    summary = fake.ledger.sweep(SWEEP_ID)
    assert summary is not None
    assert (summary.narrowed, summary.as_row()["narrowed"]) == (only, only)


def test_a_whole_sweep_is_narrowed_to_nothing(fake: FakeWorld) -> None:
    assert swept(fake)["narrowed"] is None
    summary = fake.ledger.sweep(SWEEP_ID)
    assert summary is not None
    assert summary.narrowed is None


def test_it_says_nothing_of_rules_and_tag_keys_that_it_did_not_look_for(fake: FakeWorld) -> None:
    report = swept(fake, TWO_RULES, accounts=[ONE])
    assert (report["idle_rules"], report["unseen_tag_keys"]) == ([], [])


def test_names_of_the_policy_are_held_against_the_whole_organization(fake: FakeWorld) -> None:
    fake.accounts = (an_account(ONE, "/Dev"), an_account(TWO, "/Prod"))
    report = swept(fake, f"organization: {{exclude: [/Prod, /Gone]}}\n{EVERYTHING}", accounts=[ONE])
    assert [one["name"] for one in report["unresolved_names"]] == ["/Gone"]
    assert report["status"] == "held"
    assert fake.ledger.earlier_listings("o-example").accounts == {ONE, TWO}


# --- names that are none ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("narrowing", "message"),
    [
        ({"rules": ["rst"]}, "--rule rst: the policy has no such rule (did you mean rest?); the rules are dev, rest"),
        ({"regions": ["eu-centrl-1"]}, "--region eu-centrl-1: there is no such region (did you mean eu-central-1?)"),
        ({"accounts": ["1234"]}, "--account 1234: an account's id has 12 digits"),
        (
            {"organizational_units": ["Dev"]},
            f"--organizational-unit: {unit_problem('Dev')}",
        ),
        (
            {"resources": ["arn:aws:s3:::bucket"]},
            "--resource arn:aws:s3:::bucket: it is no id, and no ARN with a region and an account",
        ),
        (
            {"resources": [arn("i-2", TWO, FIRST)], "accounts": [ONE]},
            f"--resource {arn('i-2', TWO, FIRST)}: its account is none of --account",
        ),
        (
            {"resources": [arn("i-2", TWO, FIRST)], "regions": [SECOND]},
            f"--resource {arn('i-2', TWO, FIRST)}: its region is none of --region",
        ),
    ],
)
def test_what_the_policy_alone_tells_is_refused_before_the_sweep_begins(
    fake: FakeWorld, narrowing: dict[str, list[str]], message: str
) -> None:
    assert refusal(fake, TWO_RULES, **narrowing) == message
    assert (fake.asked, fake.ledger.sweep(SWEEP_ID)) == ([], None)


def test_a_region_that_the_policy_leaves_out_is_refused(fake: FakeWorld) -> None:
    policy = f"regions: {{exclude: [eu-west-1]}}\n{EVERYTHING}"
    assert refusal(fake, policy, regions=[SECOND]) == f"--region {SECOND}: the policy's regions leave it out"


def test_every_mistake_is_told_at_once(fake: FakeWorld) -> None:
    assert len(refusal(fake, rules=["a", "b"], regions=["x"], accounts=["1"]).splitlines()) == 4


def test_an_account_or_ou_that_the_organization_does_not_have_is_refused_and_nothing_is_stopped(
    fake: FakeWorld,
) -> None:
    fake.accounts = (an_account(ONE, "/Workloads/Dev"), an_account(TWO, "/Prod"))
    text = refusal(fake, accounts=[ONE, "111111111112"], organizational_units=["/Workloads/dev"])
    assert text.splitlines() == [
        f"--account 111111111112: o-example has no such account (did you mean {ONE}?)",
        f"--organizational-unit /Workloads/dev: {NO_OU} (did you mean /Workloads/Dev?)",
    ]
    assert fake.written()["error"].startswith(NarrowedToNothingError.__name__)


def test_an_account_outside_of_the_named_ou_is_no_empty_success(fake: FakeWorld) -> None:
    fake.accounts = (an_account(ONE, "/Dev"), an_account(TWO, "/Prod"))
    text = refusal(fake, accounts=[ONE], organizational_units=["/Prod"])
    assert text == f"account {ONE}; OU /Prod: no account is in all of that"


def test_a_resource_that_is_none_of_what_was_read_is_refused_and_nothing_is_stopped(fake: FakeWorld) -> None:
    fake.binds[TWO] = unreadable("AccessDenied", operation="sts:AssumeRole")
    assert refusal(fake, resources=["i-0", "i-9"]) == (
        "--resource i-9: nothing that runs has this id or ARN; it may be stopped already (2 that run were read in 2 "
        "targets; 1 could not be read, as the report says)"
    )


def test_what_was_left_out_on_purpose_or_is_disabled_is_not_said_to_be_unreadable() -> None:
    statuses = ("scanned", "opted_out", "excluded", "region_disabled", "suspended")
    rows = [Coverage(ONE, "dev", "/", REGIONS[0], TargetStatus(status)) for status in statuses]
    [said] = resource_problems(Narrowing(resources=("i-9",)), (), rows)
    assert said == (
        "--resource i-9: nothing that runs has this id or ARN; it may be stopped already (0 that run were read in 1 "
        "target; 4 are left out by policy or opt-out, or disabled)"
    )


# --- later processes --------------------------------------------------------------------------------------------------


def test_who_may_approve_a_narrowed_plan_is_told_that_it_is_narrowed(fake: FakeWorld) -> None:
    swept(fake, mode=Mode.APPROVE, accounts=[ONE])
    [(_, text)] = fake.told
    assert f"It is narrowed to account {ONE}, and says nothing of the rest." in text


def test_a_narrowed_plan_is_applied_as_it_is_and_the_apply_says_that_it_is_narrowed(fake: FakeWorld) -> None:
    fake.binds[TWO] = unreadable("AccessDenied", operation="sts:AssumeRole")
    policy = f"{EVERYTHING}\nguardrails: {{min_coverage_percent: 50}}"
    assert swept(fake, policy, mode=Mode.PLAN, regions=[FIRST])["status"] == "incomplete"
    _, source = open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)
    report, _ = apply_plan(fake.world(), a_policy(policy), LATER_ID, source)
    assert fake.stopped == ["i-0"]
    assert report["narrowed"] == {"regions": [FIRST]}


@pytest.mark.parametrize("after", [1, 4, 7])
def test_a_resume_keeps_the_narrowing_wherever_the_process_died(fake: FakeWorld, after: int) -> None:
    fake.life.dies_after = after
    with pytest.raises(Died):
        swept(fake, TWO_RULES, mode=Mode.PLAN, accounts=[ONE], rules=["rest"])
    fake.life.dies_after = None
    summary = fake.ledger.sweep(SWEEP_ID)
    assert summary is not None
    report, _ = resume_sweep(fake.world(), a_policy(TWO_RULES), summary)
    assert {account for account, _ in coverage(report)} == {ONE}
    assert report["narrowed"] == {"accounts": [ONE], "rules": ["rest"]}


def test_a_narrowed_sweep_is_the_same_as_no_whole_one(fake: FakeWorld) -> None:
    swept(fake, mode=Mode.PLAN, accounts=[ONE])
    narrowed = fake.ledger.sweep(SWEEP_ID)
    assert isinstance(narrowed, SweepSummary)
    likewise = replace(narrowed, sweep_id=LATER_ID)
    others = [replace(narrowed, narrowed=None), replace(narrowed, narrowed={"accounts": [TWO]})]
    assert purpose_of(likewise) == purpose_of(narrowed)
    assert purpose_of(narrowed) not in map(purpose_of, others)
    assert SweepStatus(narrowed.status) is SweepStatus.COMPLETE


def test_who_asks_for_a_whole_sweep_is_not_given_a_narrowed_one_that_was_just_done(fake: FakeWorld) -> None:
    leases = Leases(fake.ledger, lambda: fake.at, Times(), holder="process")
    stores = Stores(
        fake.files, fake.ledger, leases, lambda *_: fake.world(), lambda text, _: load(text), lambda _: None
    )
    runtime = replace(CONSENTING, triggered_at=fake.at.replace(year=2020))
    only = Narrowing(accounts=(ONE,))
    coordination.sweep(stores, a_policy(EVERYTHING), SWEEP_ID, Mode.PLAN, runtime, only)
    again = coordination.sweep(stores, a_policy(EVERYTHING), LATER_ID, Mode.PLAN, runtime)
    assert isinstance(again, Ended)
    assert (again.repeated, len(coverage(again.document))) == (False, 4)


def test_a_narrowed_sweep_is_no_run_of_a_scheduled_one(fake: FakeWorld) -> None:
    policy = a_policy(f"{EVERYTHING}\nsweeps: [{{name: nightly, mode: plan, rate: 1 day}}]")
    active = ActivePolicy(policy.sha256, "bob", "2026-11-20T19:00:00Z", "")
    now = AT + timedelta(hours=4)

    def is_missed() -> bool:
        [due] = look_for_missed(fake.ledger, [(policy, active)], (), Mode.ENFORCE, now)
        return due.is_missed

    run_sweep(fake.world(), policy, SWEEP_ID, Mode.PLAN, narrowing=Narrowing(accounts=(ONE,)))
    assert is_missed()
    run_sweep(fake.world(), policy, LATER_ID, Mode.PLAN)
    assert not is_missed()
