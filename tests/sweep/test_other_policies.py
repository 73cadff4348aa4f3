"""Sweeps through one hub by several policies: what two of them own is kept, and what is not known holds."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.cli.summary import print_summary
from orchestrator.cli.terminal import SafeConsole
from orchestrator.core.model import ConsentHow, Mode, OrganizationalUnit, Question, SweepStatus
from orchestrator.core.report.document import Row, document_exit_code
from orchestrator.core.report.plan_file import PLAN_FILE, plan_from
from orchestrator.errors import LedgerError, OrganizationError, SettingsError
from orchestrator.sweep.run import apply_plan, resume_sweep, run_sweep, undo_sweep
from orchestrator.sweep.stored_plan import open_plan
from orchestrator.sweep.undo import UndoFilter
from tests.support.builders import SWEEP_ID, a_policy, an_account
from tests.support.fake_world import EVERYTHING, ONE, THREE, TWO, FakeWorld, a_world, outcomes, reasons
from tests.support.fake_world import unreadable as refused
from tests.support.machines import Answer
from tests.support.memory_store import Died
from tests.support.parts import Machine
from tests.support.policies import load

LATER_ID = "20261123T200000Z-000001"
DEV, PROD = OrganizationalUnit("ou-a1b2-00000002", "/Dev"), OrganizationalUnit("ou-a1b2-00000001", "/Prod")
IN_DEV = f"organization: {{include: [/Dev]}}\n{EVERYTHING}"
SOURCE = "s3://hub/policies/team-b.yaml"
WAVES = f"{EVERYTHING}\nwaves: [{{accounts: 1}}]"

ENFORCE = {"mode": "enforce"}


@pytest.fixture
def fake() -> FakeWorld:
    return a_world(ONE, TWO, THREE, workers=1)


def two_teams() -> FakeWorld:
    """ONE in /Dev has i-0 and i-1, TWO in /Prod i-2 and i-3."""
    world = a_world(ONE, TWO, workers=1)
    world.accounts = (an_account(ONE, organizational_units=(DEV,)), an_account(TWO, organizational_units=(PROD,)))
    return world


def sweep(world: FakeWorld, body: str = EVERYTHING, mode: Mode = Mode.ENFORCE, sweep_id: str = SWEEP_ID) -> Row:
    run_sweep(world.world(), a_policy(body), sweep_id, mode)
    return world.written(sweep_id)


def apply(world: FakeWorld, body: str = EVERYTHING) -> Row:
    _, source = open_plan(world.files, world.ledger, SWEEP_ID, world.at)
    apply_plan(world.world(), a_policy(body), LATER_ID, source)
    return world.written(LATER_ID)


def owned_by_two(report: Row) -> set[str]:
    codes = {row["resource_id"]: row["reason_code"] for row in report["decisions"]}
    return {one for one, code in codes.items() if code == "owned_by_two_policies"}


def ended(report: Row) -> tuple[str, int]:
    return report["status"], document_exit_code(report)


def the_hold(report: Row) -> str:
    assert ended(report) == (SweepStatus.HELD, 4)
    assert set(outcomes(report).values()) <= {"held"}
    (row,) = [one for one in report["guardrails"] if one["name"] == "other_policies_known"]
    assert not row["passed"]
    return str(row["detail"])


# --- a plan -----------------------------------------------------------------------------------------------------------


def test_what_another_active_policy_owns_too_is_kept_and_the_sweep_is_incomplete() -> None:
    world = two_teams()
    world.activate("team-b", IN_DEV)
    report = sweep(world)
    assert (sorted(world.stopped), owned_by_two(report)) == (["i-2", "i-3"], {"i-0", "i-1"})
    assert ended(report) == (SweepStatus.INCOMPLETE, 3)
    assert (
        "rule all of policy nonprod owns it, and rule all of policy team-b owns it too"
        in reasons(report)["i-0"].lower()
    )


@pytest.mark.parametrize("mode", [Mode.PLAN, Mode.APPROVE])
def test_a_plan_shows_it_with_the_other_policies_that_it_was_made_by(mode: Mode) -> None:
    world = two_teams()
    world.activate("team-b", IN_DEV)
    report = sweep(world, mode=mode)
    assert document_exit_code(report) == 3
    (other,) = report["other_policies"]
    assert (other["name"], len(other["policy_sha256"]), other["unread"]) == ("team-b", 64, "")
    shown = io.StringIO()
    print_summary(SafeConsole(file=shown, width=200), report)
    assert "Kept: owned by two policies" in shown.getvalue()
    assert f"Other active policies: team-b ({other['policy_sha256'][:12]})" in shown.getvalue()
    frozen = plan_from(world.files.read(SWEEP_ID, PLAN_FILE), None)
    assert [(one.name, one.sha256, one.text) for one in frozen.others] == [("team-b", other["policy_sha256"], "")]


def test_the_sweep_of_the_other_policy_keeps_it_too() -> None:
    world = two_teams()
    world.activate("nonprod", EVERYTHING)
    run_sweep(world.world(), replace(a_policy(IN_DEV), name="team-b"), SWEEP_ID, Mode.ENFORCE)
    assert (world.stopped, owned_by_two(world.written())) == ([], {"i-0", "i-1"})


def test_its_own_active_version_is_no_other_policy_whatever_text_it_is_run_with() -> None:
    world = two_teams()
    world.activate("nonprod", IN_DEV)
    report = sweep(world)
    assert (len(world.stopped), report["other_policies"], ended(report)) == (4, [], (SweepStatus.COMPLETE, 0))
    assert not [one for one in world.asked if one.startswith("policy")]


def test_once_one_of_them_excludes_it_the_other_one_stops_it() -> None:
    world = two_teams()
    world.activate("team-b", IN_DEV)
    report = sweep(world, f"organization: {{exclude: [/Dev]}}\n{EVERYTHING}")
    assert (sorted(world.stopped), ended(report)) == (["i-2", "i-3"], (SweepStatus.COMPLETE, 0))
    world.activate("team-b", f"organization: {{include: [/Prod]}}\n{EVERYTHING}")
    report = sweep(world, f"organization: {{include: [/Dev]}}\n{EVERYTHING}", sweep_id=LATER_ID)
    assert (sorted(world.stopped), ended(report)) == (["i-0", "i-1", "i-2", "i-3"], (SweepStatus.COMPLETE, 0))


def test_what_a_misspelt_ou_of_the_other_policy_may_have_meant_is_kept() -> None:
    world = two_teams()
    world.activate("team-b", f"organization: {{include: [/Prod, /Dve]}}\n{EVERYTHING}")
    report = sweep(world)
    assert (world.stopped, ended(report)) == ([], (SweepStatus.INCOMPLETE, 3))
    assert "organizational_unit ('/Dve' is unresolved)" in reasons(report)["i-0"]
    assert [one["name"] for one in report["other_policies"][0]["unresolved_names"]] == ["/Dve"]


# --- one that is not known --------------------------------------------------------------------------------------------


def unreadable(world: FakeWorld, how: str) -> None:
    text = world.activate("team-b", IN_DEV)
    world.policy_texts[SOURCE] = {
        "denied": SettingsError(f"the policy {SOURCE} cannot be read: AccessDenied: no"),
        "another": f"{text}# changed\n",
    }.get(how, text)
    if how == "invalid":
        world.activate("team-b", f"{IN_DEV}\nsurprise: 1")
    if how == "misnamed":
        active = world.ledger.active_policy("team-b")
        assert active is not None
        world.ledger.retire_policy("team-b")
        world.ledger.activate_policy("team-c", active)
    if how == "nowhere":
        active = world.ledger.active_policy("team-b")
        assert active is not None
        world.ledger.activate_policy("team-b", replace(active, source=""))


WHYS = {
    "denied": "policy team-b is active, and what it owns is not known: the policy s3://hub/policies/team-b.yaml cannot",
    "another": "has not the SHA-256 of the active version (",
    "invalid": "is no policy of this release (1 mistakes)",
    "misnamed": "policy team-c is active, and what it owns is not known: the text at s3://hub/policies/team-b.yaml is",
    "nowhere": "the table does not say where its text is",
}


@pytest.mark.parametrize(("how", "why"), WHYS.items())
def test_one_that_is_not_known_holds_the_sweep_and_the_reason_names_it_and_what_to_do(how: str, why: str) -> None:
    world = two_teams()
    unreadable(world, how)
    report = sweep(world)
    assert world.stopped == []
    detail = the_hold(report)
    assert why in detail
    assert "deploy the hub again with its text, or without it" in detail
    assert "surprise" not in str(report)


def test_it_is_held_no_longer_than_that() -> None:
    world = two_teams()
    unreadable(world, "denied")
    assert the_hold(sweep(world))
    world.ledger.retire_policy("team-b")
    assert (ended(sweep(world, sweep_id=LATER_ID)), len(world.stopped)) == ((SweepStatus.COMPLETE, 0), 4)


@pytest.mark.parametrize("how", ["denied", "another", "nowhere"])
def test_its_text_may_be_that_of_a_sweep_by_it_as_it_is_known_by_its_hash(how: str) -> None:
    """As long as deploying its next text takes, the others are not held."""
    world = two_teams()
    text = world.activate("team-b", IN_DEV)
    run_sweep(world.world(), load(text), LATER_ID, Mode.PLAN)
    unreadable(world, how)
    report = sweep(world)
    assert (sorted(world.stopped), owned_by_two(report)) == (["i-2", "i-3"], {"i-0", "i-1"})
    world.activate("team-b", f"{IN_DEV}\nplan_valid_hours: 1")
    unreadable_text = world.policy_texts
    unreadable_text[SOURCE] = SettingsError("no")
    assert the_hold(sweep(world, sweep_id="20261123T210000Z-000002"))


def test_one_that_is_activated_between_the_two_reads_is_read_again() -> None:
    world = two_teams()
    new = IN_DEV.replace("/Dev", "/Prod")
    world.activate("team-b", IN_DEV)
    reading = world.policy_text

    def amid(source: str) -> str:
        if not [one for one in world.asked if one.startswith("policy")]:
            world.activate("team-b", new)
        return reading(source)

    run_sweep(replace(world.world(), policy_text=amid), a_policy(EVERYTHING), SWEEP_ID, Mode.PLAN)
    assert owned_by_two(world.written()) == {"i-2", "i-3"}


def test_a_region_that_cannot_be_looked_up_for_the_other_policy_holds_too() -> None:
    world = two_teams()
    world.hub_regions = refused("AccessDenied", operation="ec2:DescribeRegions")
    world.activate("team-b", f"regions: {{include: [xx-new-1]}}\n{EVERYTHING}")
    assert "the policy names a region that this release does not know" in the_hold(sweep(world))


# --- between plan and stop --------------------------------------------------------------------------------------------


def test_a_policy_that_is_activated_between_plan_and_apply_is_taken_into_account() -> None:
    world = two_teams()
    assert sweep(world, mode=Mode.PLAN)["totals"]["planned"] == 4
    world.activate("team-b", IN_DEV)
    report = apply(world)
    assert (sorted(world.stopped), owned_by_two(report)) == (["i-2", "i-3"], {"i-0", "i-1"})
    assert ended(report) == (SweepStatus.INCOMPLETE, 3)
    assert reasons(report)["i-0"].startswith("Changed since the plan: rule all of policy nonprod owns it, and rule all")
    assert [one["name"] for one in report["other_policies"]] == ["team-b"]


def test_another_text_that_is_activated_between_plan_and_apply_counts() -> None:
    world = two_teams()
    world.activate("team-b", "rules: []")
    sweep(world, mode=Mode.PLAN)
    world.activate("team-b", IN_DEV)
    assert owned_by_two(apply(world)) == {"i-0", "i-1"}


@pytest.mark.parametrize("how", ["denied", "another"])
def test_one_that_cannot_be_read_when_a_plan_is_applied_holds_it(how: str) -> None:
    world = two_teams()
    sweep(world, mode=Mode.PLAN)
    unreadable(world, how)
    report = apply(world)
    assert world.stopped == []
    assert WHYS[how] in the_hold(report)


def test_what_two_owned_when_it_was_planned_stays_kept_when_it_is_applied() -> None:
    world = two_teams()
    world.activate("team-b", IN_DEV)
    sweep(world, mode=Mode.PLAN)
    world.ledger.retire_policy("team-b")
    report = apply(world)
    assert (sorted(world.stopped), owned_by_two(report)) == (["i-2", "i-3"], {"i-0", "i-1"})


def test_a_policy_that_is_activated_while_a_plan_is_confirmed_is_taken_into_account() -> None:
    world = two_teams()

    def confirm(_: Question) -> ConsentHow:
        world.activate("team-b", IN_DEV)
        return ConsentHow.TYPED

    world.confirm = confirm
    assert (owned_by_two(sweep(world)), sorted(world.stopped)) == ({"i-0", "i-1"}, ["i-2", "i-3"])


@pytest.mark.parametrize(
    ("minutes", "kept"),
    [pytest.param(6, True, id="older than max_tag_age"), pytest.param(1, False, id="younger")],
)
def test_in_the_middle_of_a_sweep_they_are_not_older_than_max_tag_age(minutes: int, kept: bool) -> None:
    world = two_teams()
    happened: list[str] = []

    def before(event: str) -> None:
        if event.startswith("settle") and not happened:
            happened.append(event)
            world.activate("team-b", EVERYTHING)
            world.at += timedelta(minutes=minutes)
            world.monotonic += minutes * 60

    world.life.before = before
    report = sweep(world, WAVES)
    assert (len(world.stopped) < 4, bool(owned_by_two(report))) == (kept, kept)


def test_a_name_of_the_other_policy_that_is_lost_in_the_middle_of_a_sweep_is_in_doubt_from_the_next_listing_on() -> (
    None
):
    """Others were read 4 minutes after the organization, which is listed again before they are."""
    world = a_world(ONE, TWO, THREE, workers=1)
    world.accounts = (
        *(an_account(one, organizational_units=(DEV,)) for one in (ONE, TWO)),
        an_account(THREE, organizational_units=(PROD,)),
    )
    world.activate("team-b", f"organization: {{include: [/Prod]}}\n{EVERYTHING}")
    happened: list[str] = []

    def pass_minutes(minutes: int) -> None:
        world.at += timedelta(minutes=minutes)
        world.monotonic += 60 * minutes

    def confirm(_: Question) -> ConsentHow:
        pass_minutes(4)
        return ConsentHow.TYPED

    def before(event: str) -> None:
        if event.startswith("settle") and not happened:
            happened.append(event)
            renamed = replace(PROD, path="/Production")
            world.accounts = (*world.accounts[:2], an_account(THREE, organizational_units=(renamed,)))
            pass_minutes(2)

    world.confirm, world.life.before = confirm, before
    report = sweep(world, WAVES)
    assert 0 < len(world.stopped) < 4
    assert any("organizational_unit ('/Prod' is unresolved)" in text for text in reasons(report).values())


@pytest.mark.parametrize("fault", [LedgerError("throttled"), SettingsError("AccessDenied")])
def test_what_cannot_be_read_in_the_middle_of_a_sweep_keeps_what_is_left(fault: Exception) -> None:
    world = two_teams()
    happened: list[str] = []
    ledger = world.ledger

    def fail() -> Any:
        raise fault

    def before(event: str) -> None:
        if event.startswith("settle") and not happened:
            happened.append(event)
            world.activate("team-b", "rules: []")
            world.policy_texts[SOURCE] = fault
            if isinstance(fault, LedgerError):
                ledger.active_policies = fail  # type: ignore[method-assign]  # a table that does not answer
            world.at += timedelta(minutes=6)
            world.monotonic += 360

    world.life.before = before
    report = sweep(world, WAVES)
    left = {name: text for name, text in reasons(report).items() if "could not be looked at again" in text}
    assert len(world.stopped) + len(left) == 4
    assert len(left) >= 2
    assert all(str(fault) in text for text in left.values())
    assert ended(report) == (SweepStatus.INCOMPLETE, 3)


@pytest.mark.parametrize("after", range(3, 22, 3))
def test_a_sweep_that_is_resumed_takes_into_account_what_was_activated_since(after: int) -> None:
    world = two_teams()
    world.life.dies_after = after
    with pytest.raises(Died):
        sweep(world, WAVES)
    world.life.dies_after = None
    before, begun = list(world.stopped), world.ledger.sweep(SWEEP_ID)
    assert begun is not None
    world.activate("team-b", EVERYTHING)
    document, _ = resume_sweep(world.world(), a_policy(WAVES), begun)
    assert world.stopped == before
    down = {name for name, state in world.states().items() if state == "stopped"}
    assert owned_by_two(document) == {f"i-{number}" for number in range(4)} - down - {
        name for name, status in outcomes(document).items() if status == "not_attempted"
    }


def test_an_undo_needs_no_other_policy() -> None:
    world = two_teams()
    sweep(world)
    unreadable(world, "denied")
    world.asked.clear()
    undo_sweep(world.world(), a_policy(EVERYTHING), LATER_ID, SWEEP_ID, UndoFilter())
    report = world.written(LATER_ID)
    assert ({one["status"] for one in report["outcomes"]}, report["guardrails"]) == ({"started"}, [])
    assert not [one for one in world.asked if one.startswith("policy")]


def test_an_organization_that_cannot_be_listed_for_a_new_policy_ends_the_apply_before_anything_is_stopped() -> None:
    world = two_teams()
    sweep(world, mode=Mode.PLAN)
    world.activate("team-b", IN_DEV)
    world.organization_error = OrganizationError("it is gone")
    with pytest.raises(OrganizationError):
        apply(world)
    assert world.stopped == []


# --- the state machine ------------------------------------------------------------------------------------------------


def test_the_parts_of_a_state_machine_keep_what_two_policies_own(fake: FakeWorld, machine: Machine) -> None:
    parts = machine()
    fake.activate("team-b", f"rules: [{{name: b, where: {{account: '{ONE}'}}}}]")
    parts(ENFORCE)
    report = fake.written()
    assert (owned_by_two(report), len(fake.stopped)) == ({"i-0", "i-1"}, 4)
    assert ended(report) == (SweepStatus.INCOMPLETE, 3)
    assert [one["name"] for one in report["other_policies"]] == ["team-b"]
    assert fake.asked.count(f"policy {SOURCE}") == 1


@pytest.mark.parametrize("step", ["read", "decide", "act", "next_wave"])
def test_a_policy_that_is_activated_between_the_steps_keeps_what_is_not_stopped_yet(
    fake: FakeWorld, machine: Machine, step: str
) -> None:
    parts = machine()
    by_then: list[int] = []

    def before(event: Answer) -> None:
        if event["step"] == step and not by_then:
            by_then.append(len(fake.stopped))
            fake.activate("team-b", EVERYTHING)

    parts.before = before
    parts(ENFORCE)
    report = fake.written()
    assert len(fake.stopped) == by_then[0] == (2 if step == "next_wave" else 0)
    assert len(owned_by_two(report)) == 6 - by_then[0]
    assert ended(report) == (SweepStatus.INCOMPLETE, 3)


@pytest.mark.parametrize("step", ["begin", "decide", "next_wave"])
def test_one_that_is_not_known_holds_the_waves_that_are_left(fake: FakeWorld, machine: Machine, step: str) -> None:
    parts = machine()
    happened: list[str] = []

    def before(event: Answer) -> None:
        if event["step"] == step and not happened:
            happened.append(step)
            unreadable(fake, "another")

    parts.before = before
    parts(ENFORCE)
    report = fake.written()
    assert (report["status"], document_exit_code(report)) == (SweepStatus.HELD, 4)
    assert len(fake.stopped) == (2 if step == "next_wave" else 0)
    assert [*outcomes(report).values()].count("held") == 6 - len(fake.stopped)
    assert WHYS["another"] in next(row["detail"] for row in report["guardrails"] if not row["passed"])


def test_parts_list_no_organization_for_a_policy_that_is_activated_while_they_act(
    fake: FakeWorld, machine: Machine
) -> None:
    """What its names are names of is not known there, so everything that its rules may own is kept until the next."""
    parts = machine(EVERYTHING)
    listings: list[int] = []

    def before(event: Answer) -> None:
        if event["step"] == "act" and not listings:
            listings.append(fake.asked.count("organization"))
            fake.activate("team-b", f"organization: {{include: [/Elsewhere]}}\n{EVERYTHING}")

    parts.before = before
    parts(ENFORCE)
    report = fake.written()
    assert fake.asked.count("organization") == listings[0]
    assert (fake.stopped, len(owned_by_two(report))) == ([], 6)
    assert "organizational_unit ('/Elsewhere' is unresolved)" in reasons(report)["i-0"]
