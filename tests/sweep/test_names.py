"""Sweeps of an organization whose OUs are not what the policy calls them: held, told, and nothing stopped."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from fnmatch import fnmatchcase
from random import Random

import pytest

from orchestrator.cli.summary import print_summary
from orchestrator.cli.terminal import SafeConsole
from orchestrator.core.model import (
    Account,
    AwsError,
    ConsentHow,
    Mode,
    OrganizationalUnit,
    Question,
    SweepStatus,
    path_names,
    unit_path,
)
from orchestrator.core.report.document import Row, document_exit_code
from orchestrator.errors import OrganizationError
from orchestrator.ports import TargetUnreadableError
from orchestrator.sweep.recheck import Recheck
from orchestrator.sweep.run import apply_plan, resume_sweep, run_sweep, undo_sweep
from orchestrator.sweep.stored_plan import open_plan
from orchestrator.sweep.undo import UndoFilter
from tests.support.builders import SWEEP_ID, a_decision, a_policy, a_resource, an_account
from tests.support.fake_world import EVERYTHING, ONE, REGIONS, THREE, TWO, FakeWorld, a_world, reasons
from tests.support.memory_store import Died

LATER_ID = "20261123T200000Z-000001"
PROD = OrganizationalUnit("ou-a1b2-00000001", "/Prod")
DEV = OrganizationalUnit("ou-a1b2-00000002", "/Dev")


def an_organization(prod: OrganizationalUnit = PROD) -> FakeWorld:
    """ONE in /Dev, TWO in /Prod, with two instances each."""
    fake = a_world(ONE, TWO, workers=1)
    fake.accounts = (an_account(ONE, organizational_units=(DEV,)), an_account(TWO, organizational_units=(prod,)))
    return fake


def sweep(fake: FakeWorld, policy: str, mode: Mode = Mode.ENFORCE, sweep_id: str = SWEEP_ID) -> Row:
    run_sweep(fake.world(), a_policy(policy), sweep_id, mode)
    return fake.written(sweep_id)


def the_row(report: Row) -> Row:
    (row,) = [one for one in report["guardrails"] if one["name"] == "names_resolved"]
    return dict(row)


@pytest.mark.parametrize(
    "scope",
    [
        "organization: {exclude: [/Production]}",
        "organization: {exclude: [/prod]}",
        "organization: {exclude: [ou-a1b2-0000000f]}",
        "organization: {include: [/Development]}",
        f"organization: {{exclude_accounts: ['{THREE}']}}",
        "regions: {exclude: [eu-wset-1]}",
    ],
)
@pytest.mark.parametrize("mode", [Mode.PLAN, Mode.ENFORCE])
def test_a_name_that_matches_nothing_holds_the_sweep(scope: str, mode: Mode) -> None:
    fake = an_organization()
    report = sweep(fake, f"{EVERYTHING}\n{scope}", mode)
    assert (fake.stopped, report["status"], document_exit_code(report)) == ([], SweepStatus.HELD, 4)
    (name,) = report["unresolved_names"]
    assert name["effect"] == "holds"
    assert name["path"] in the_row(report)["detail"]
    assert bool(name["nearest"]) is (name["word"] != "account")
    assert name["line"] == 5


def test_what_a_dead_name_under_not_could_spare_is_kept_and_the_rest_is_stopped() -> None:
    fake = an_organization()
    report = sweep(fake, "rules: [{name: all, where: {not: {organizational_unit: [/Production, /Dev]}}}]")
    assert (fake.stopped, report["status"]) == ([], SweepStatus.COMPLETE)
    assert set(reasons(report)) == {"i-0", "i-1", "i-2", "i-3"}
    assert "'/Production' is unresolved" in reasons(report)["i-2"]
    assert the_row(report)["passed"]
    assert [one["effect"] for one in report["unresolved_names"]] == ["unknown"]


def test_a_policy_that_allows_dead_names_is_carried_out_and_tells_them() -> None:
    fake = an_organization()
    report = sweep(fake, f"{EVERYTHING}\norganization: {{exclude: [/Prod, /Gone]}}\nunresolved_names: allow")
    assert sorted(fake.stopped) == ["i-0", "i-1"]
    assert [one["name"] for one in report["unresolved_names"]] == ["/Gone"]
    assert the_row(report)["passed"]


def test_an_account_that_left_is_a_warning_by_what_earlier_sweeps_listed() -> None:
    fake = an_organization()
    sweep(fake, EVERYTHING, Mode.PLAN)
    fake.accounts = fake.accounts[:1]
    report = sweep(fake, f"{EVERYTHING}\norganization: {{exclude_accounts: ['{TWO}']}}", sweep_id=LATER_ID)
    assert sorted(fake.stopped) == ["i-0", "i-1"]
    assert [one["effect"] for one in report["unresolved_names"]] == ["warns"]


def test_an_organization_that_cannot_be_listed_is_failed_and_no_name_is_unresolved() -> None:
    fake = an_organization()
    fake.organization_error = OrganizationError("no")
    with pytest.raises(OrganizationError):
        sweep(fake, f"{EVERYTHING}\norganization: {{exclude: [/Production]}}")
    report = fake.written()
    assert (report["status"], report["unresolved_names"], report["guardrails"]) == (SweepStatus.FAILED, [], [])


def test_regions_that_cannot_be_listed_fail_a_sweep_that_depends_on_them_and_no_other() -> None:
    refusal = TargetUnreadableError(AwsError("UnauthorizedOperation", "no"), "ec2:DescribeRegions")
    fake = an_organization()
    fake.hub_regions = refusal
    with pytest.raises(OrganizationError, match="ec2:DescribeRegions"):
        sweep(fake, f"{EVERYTHING}\nregions: {{exclude: [eu-new-1]}}")
    assert (fake.written()["status"], fake.written()["unresolved_names"]) == (SweepStatus.FAILED, [])
    sweep(fake, f"{EVERYTHING}\nregions: {{exclude: [us-west-2]}}", sweep_id=LATER_ID)
    assert len(fake.stopped) == 4


def test_a_held_plan_stays_held_when_the_name_is_there_again() -> None:
    fake = an_organization()
    policy = f"{EVERYTHING}\norganization: {{exclude: [/Production]}}"
    sweep(fake, policy, Mode.PLAN)
    fake.accounts = an_organization(replace(PROD, path="/Production")).accounts
    _, source = open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)
    report, _ = apply_plan(fake.world(), a_policy(policy), LATER_ID, source)
    assert (fake.stopped, report["status"]) == ([], SweepStatus.HELD)
    assert fake.written(LATER_ID)["unresolved_names"] == fake.written(SWEEP_ID)["unresolved_names"]


MADE_AGAIN = OrganizationalUnit("ou-a1b2-00000003", "/Prod")
PARKING = OrganizationalUnit("ou-a1b2-00000004", "/Parking")


def park_and_make_again(fake: FakeWorld) -> None:
    """TWO is moved out of /Prod, which is deleted and made again under the same path."""
    one, two = fake.accounts
    fake.accounts = (one, replace(two, organizational_units=(PARKING,)))
    fake.units = (MADE_AGAIN,)


def rename_prod(fake: FakeWorld, to: str = "/Production") -> None:
    """TWO is in it still, and every tag is too old."""
    fake.accounts = (fake.accounts[0], replace(fake.accounts[1], organizational_units=(replace(PROD, path=to),)))
    fake.at += timedelta(hours=1)


def swap(fake: FakeWorld) -> None:
    one, two = fake.accounts
    prod, dev = replace(PROD, path="/Dev"), replace(DEV, path="/Prod")
    fake.accounts = (replace(one, organizational_units=(dev,)), replace(two, organizational_units=(prod,)))
    fake.at += timedelta(hours=1)


def made_again_an_hour_later(fake: FakeWorld) -> None:
    park_and_make_again(fake)
    fake.at += timedelta(hours=1)


CHANGES: list[Callable[[FakeWorld], None]] = [
    rename_prod,
    lambda fake: rename_prod(fake, "/Dev/Prod"),
    swap,
    made_again_an_hour_later,
]


@pytest.mark.parametrize("change", CHANGES)
def test_an_excluded_ou_that_is_another_by_the_time_its_plan_is_applied_holds_it(
    change: Callable[[FakeWorld], None],
) -> None:
    fake = an_organization()
    policy = f"{EVERYTHING}\norganization: {{exclude: [/Prod]}}"
    sweep(fake, policy, Mode.PLAN)
    change(fake)
    _, source = open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)
    apply_plan(fake.world(), a_policy(policy), LATER_ID, source)
    assert_held(fake, LATER_ID)
    open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)  # it was not applied


def assert_held(fake: FakeWorld, sweep_id: str = SWEEP_ID) -> None:
    report = fake.written(sweep_id)
    assert (fake.stopped, report["status"], document_exit_code(report)) == ([], SweepStatus.HELD, 4)
    assert {one["status"] for one in report["outcomes"]} == {"held"}
    assert not the_row(report)["passed"]
    assert "organization.exclude[0]" in the_row(report)["detail"]
    assert [one["effect"] for one in report["unresolved_names"]] == ["holds"]


@pytest.mark.parametrize("change", CHANGES)
def test_an_excluded_ou_that_becomes_another_while_the_prompt_is_open_holds_the_sweep(
    change: Callable[[FakeWorld], None],
) -> None:
    fake = an_organization()

    def confirm(_: Question) -> ConsentHow:
        change(fake)
        return ConsentHow.YES

    fake.confirm = confirm
    sweep(fake, f"{EVERYTHING}\norganization: {{exclude: [/Prod]}}")
    assert_held(fake)


def test_an_ou_under_not_that_is_renamed_before_its_plan_is_applied_keeps_what_its_rule_could_own() -> None:
    fake = an_organization()
    fake.resources = {
        target: tuple(replace(one, tags={"Team": one.resource_id}) for one in resources)
        for target, resources in fake.resources.items()
    }
    policy = """
rules:
  - {name: first, where: {tag: {Team: i-0}}}
  - {name: second, where: {not: {organizational_unit: /Prod}}}
"""
    sweep(fake, policy, Mode.PLAN)
    rename_prod(fake)
    _, source = open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)
    apply_plan(fake.world(), a_policy(policy), LATER_ID, source)
    report = fake.written(LATER_ID)
    assert (fake.stopped, report["status"], document_exit_code(report)) == (["i-0"], SweepStatus.COMPLETE, 0)
    assert "'/Prod' is unresolved" in reasons(report)["i-1"]
    assert the_row(report)["passed"]
    assert [one["effect"] for one in report["unresolved_names"]] == ["unknown"]


def test_an_excluded_ou_that_is_renamed_between_two_waves_holds_what_is_left() -> None:
    fake = an_organization()
    fake.accounts = (*fake.accounts, an_account(THREE, organizational_units=(DEV,)))
    fake.resources = {**fake.resources, **a_world(ONE, TWO, THREE).resources}
    happened: list[str] = []

    def before(event: str) -> None:
        if event.startswith("settle") and not happened:
            happened.append(event)
            one, two, three = fake.accounts
            fake.accounts = (one, replace(two, organizational_units=(replace(PROD, path="/Production"),)), three)
            fake.at += timedelta(hours=1)

    fake.life.before = before
    report = sweep(fake, f"{EVERYTHING}\nwaves: [{{accounts: 1}}]\norganization: {{exclude: [/Prod]}}")
    assert 0 < len(fake.stopped) < 4
    assert not {"i-2", "i-3"} & {*fake.stopped}
    assert (report["status"], document_exit_code(report)) == (SweepStatus.HELD, 4)
    assert not the_row(report)["passed"]
    assert len(reasons(report)) == 4 - len(fake.stopped)
    file = io.StringIO()
    print_summary(SafeConsole(file=file, width=80), report, "")
    assert "Held by guardrails: nothing more was stopped" in " ".join(file.getvalue().split())


def test_a_name_that_was_lost_once_stays_lost_for_the_sweep() -> None:
    fake = an_organization()
    recheck = Recheck(fake.world(), a_policy(f"{EVERYTHING}\norganization: {{exclude: [/Prod]}}"))
    action = a_decision(a_resource(account_id=TWO))
    sweep(fake, f"{EVERYTHING}\norganization: {{exclude: [/Prod]}}", Mode.PLAN)
    rename_prod(fake)
    recheck.begin([action])
    assert recheck.lost.holds
    rename_prod(fake, "/Prod")
    recheck.begin([action])
    assert recheck.lost.holds


def dying(after: int, policy: str) -> FakeWorld:
    """The process of a sweep in two waves died at that of its calls; /Prod has another name since."""
    fake = an_organization()
    fake.accounts = (*fake.accounts, an_account(THREE, organizational_units=(DEV,)))
    fake.resources = {**fake.resources, **a_world(ONE, TWO, THREE).resources}
    fake.life.dies_after = after
    with pytest.raises(Died):
        sweep(fake, policy)
    fake.life.dies_after = None
    one, two, three = fake.accounts
    fake.accounts = (one, replace(two, organizational_units=(replace(PROD, path="/Production"),)), three)
    fake.at += timedelta(minutes=6)
    return fake


@pytest.mark.parametrize("after", range(2, 26))
def test_a_sweep_that_is_resumed_after_an_excluded_ou_was_renamed_holds_what_is_left(after: int) -> None:
    policy = f"{EVERYTHING}\nwaves: [{{accounts: 1}}]\norganization: {{exclude: [/Prod]}}"
    fake = dying(after, policy)
    before, begun = list(fake.stopped), fake.ledger.sweep(SWEEP_ID)
    assert begun is not None
    document, _ = resume_sweep(fake.world(), a_policy(policy), begun)
    assert fake.stopped == before
    down = {name for name, state in fake.states().items() if state == "stopped"}
    if len(down) < 4:
        assert (document["status"], document_exit_code(document)) == (SweepStatus.HELD, 4)
        assert not the_row(document)["passed"]
    else:
        assert (document["status"], document_exit_code(document)) == (SweepStatus.COMPLETE, 0)
    statuses = {row["resource_id"]: row["status"] for row in document["outcomes"]}
    assert {name for name, status in statuses.items() if status == "stopped"} == {*before}
    assert {*statuses.values()} <= {"stopped", "held", "not_attempted"}


def test_an_undo_is_not_held_by_names() -> None:
    fake = an_organization()
    policy = f"{EVERYTHING}\norganization: {{exclude: [/Prod]}}"
    sweep(fake, policy)
    rename_prod(fake)
    undo_sweep(fake.world(), a_policy(policy), LATER_ID, SWEEP_ID, UndoFilter())
    report = fake.written(LATER_ID)
    assert report["guardrails"] == []
    assert {one["status"] for one in report["outcomes"]} == {"started"}


def test_a_name_that_another_ou_has_now_holds_as_long_as_the_one_that_had_it_is_there() -> None:
    fake = an_organization()
    policy = f"{EVERYTHING}\norganization: {{exclude: [/Prod]}}"
    sweep(fake, policy, Mode.PLAN)
    fake.accounts = an_organization(replace(PROD, path="/Production")).accounts
    fake.units = (OrganizationalUnit("ou-a1b2-00000003", "/Prod"),)
    report = sweep(fake, policy, sweep_id=LATER_ID)
    assert (fake.stopped, report["status"]) == ([], SweepStatus.HELD)
    assert "ou-a1b2-00000001, which is /Production now" in the_row(report)["detail"]


@pytest.mark.parametrize("names", ["[/Prod]", "['/Pr*']", f"[/Prod, {DEV.id}]"])
def test_what_was_in_an_ou_that_was_deleted_and_made_again_stays_spared_until_the_policy_says_otherwise(
    names: str,
) -> None:
    fake = an_organization()
    policy = f"{EVERYTHING}\norganization: {{exclude: {names}}}"
    sweep(fake, policy, Mode.PLAN)
    park_and_make_again(fake)
    for again in "123":  # also in later sweeps, whose listings had the new one
        report = sweep(fake, policy, sweep_id=f"20261123T20000{again}Z-000001")
        assert (fake.stopped, report["status"], document_exit_code(report)) == ([], SweepStatus.HELD, 4)
        for part in (f"{PROD.id}, which is gone", MADE_AGAIN.id, "exclude_accounts", "organization.exclude[0]"):
            assert part in the_row(report)["detail"]
    looked = f"{EVERYTHING}\norganization: {{exclude: [{MADE_AGAIN.id}], exclude_accounts: ['{TWO}']}}"
    report = sweep(fake, looked, sweep_id=LATER_ID)
    assert (sorted(fake.stopped), report["status"]) == (["i-0", "i-1"], SweepStatus.COMPLETE)


@pytest.mark.parametrize("respelt", ["/Prod/", "//Prod", "'/[P]rod'", "'/[P][r][o][d]//'"])
def test_after_a_swap_of_names_another_spelling_of_the_path_in_the_policy_holds_too(respelt: str) -> None:
    fake = an_organization()
    sweep(fake, f"{EVERYTHING}\norganization: {{exclude: [/Prod]}}", Mode.PLAN)
    dev, prod = replace(DEV, path="/Prod"), replace(PROD, path="/Dev")
    fake.accounts = (an_account(ONE, organizational_units=(dev,)), an_account(TWO, organizational_units=(prod,)))
    report = sweep(fake, f"{EVERYTHING}\norganization: {{exclude: [{respelt}]}}", sweep_id=LATER_ID)
    assert (fake.stopped, report["status"]) == ([], SweepStatus.HELD)
    assert f"{PROD.id}, which is /Dev now" in the_row(report)["detail"]


def test_who_lets_names_come_and_go_is_told_that_an_ou_was_made_again() -> None:
    fake = an_organization()
    policy = f"{EVERYTHING}\norganization: {{exclude: [/Prod]}}\nunresolved_names: allow"
    sweep(fake, policy, Mode.PLAN)
    park_and_make_again(fake)
    report = sweep(fake, policy, sweep_id=LATER_ID)
    assert len(fake.stopped) == 4
    assert "which `unresolved_names: allow` lets pass" in the_row(report)["detail"]


def test_an_account_that_is_moved_out_of_an_ou_that_stays_is_what_it_is_now() -> None:
    fake = an_organization()
    policy = f"{EVERYTHING}\norganization: {{exclude: [/Prod]}}"
    sweep(fake, policy, Mode.PLAN)
    fake.accounts = (fake.accounts[0], replace(fake.accounts[1], organizational_units=(DEV,)))
    fake.units = (PROD,)
    report = sweep(fake, policy, sweep_id=LATER_ID)
    assert (len(fake.stopped), report["status"]) == (4, SweepStatus.COMPLETE)


def test_what_was_in_an_ou_under_not_that_was_made_again_is_kept_and_other_rules_are_followed() -> None:
    fake = an_organization()
    fake.resources = {
        target: tuple(replace(one, tags={"Team": "a" if one.resource_id == "i-3" else "b"}) for one in resources)
        for target, resources in fake.resources.items()
    }
    policy = """
rules:
  - {name: first, where: {tag: {Team: a}}}
  - {name: second, where: {not: {organizational_unit: /Prod}}}
"""
    sweep(fake, policy, Mode.PLAN)
    park_and_make_again(fake)
    report = sweep(fake, policy, sweep_id=LATER_ID)
    assert (fake.stopped, report["status"]) == (["i-3"], SweepStatus.COMPLETE)
    assert "'/Prod' is unresolved" in reasons(report)["i-2"]
    assert "which is gone" in the_row(report)["detail"]


def test_a_path_that_includes_an_ou_which_was_made_again_stops_nothing_of_what_is_in_it_now() -> None:
    fake = an_organization()
    policy = f"{EVERYTHING}\norganization: {{include: [/Dev]}}"
    sweep(fake, policy, Mode.PLAN)
    again = replace(DEV, id="ou-a1b2-00000005")
    fake.accounts = tuple(replace(one, organizational_units=(again,)) for one in fake.accounts)
    report = sweep(fake, policy, sweep_id=LATER_ID)
    assert (fake.stopped, report["status"]) == ([], SweepStatus.HELD)
    assert f"put the id of what you mean in its place ({again.id})" in the_row(report)["detail"]


LIVE = OrganizationalUnit("ou-a1b2-00000006", "/Prod/Live")
REMADE = OrganizationalUnit("ou-a1b2-00000007", "/Live")


def a_live_one_below_prod() -> FakeWorld:
    """TWO is in /Prod/Live."""
    fake = an_organization()
    fake.accounts = (fake.accounts[0], an_account(TWO, organizational_units=(PROD, LIVE)))
    return fake


def move_live_out(fake: FakeWorld, *, deleted: bool = True) -> None:
    """As AWS moves no OU: another /Live is made below the root, and TWO is moved there."""
    fake.accounts = (fake.accounts[0], an_account(TWO, organizational_units=(REMADE,)))
    fake.units = (PROD,) if deleted else (PROD, LIVE)
    fake.at += timedelta(hours=1)


@pytest.mark.parametrize("name", ["/Prod", PROD.id, "'/Pr*'"])
@pytest.mark.parametrize("by_plan", [False, True])
def test_an_ou_that_was_moved_out_of_an_excluded_one_by_making_it_again_holds_and_names_its_accounts(
    name: str, by_plan: bool
) -> None:
    fake = a_live_one_below_prod()
    policy = f"{EVERYTHING}\norganization: {{exclude: [{name}]}}"
    sweep(fake, policy, Mode.PLAN)
    move_live_out(fake)
    if by_plan:
        _, source = open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)
        apply_plan(fake.world(), a_policy(policy), LATER_ID, source)
        assert_held(fake, LATER_ID)
    for again in "123":
        report = sweep(fake, policy, sweep_id=f"20261123T20000{again}Z-000001")
        assert (fake.stopped, report["status"]) == ([], SweepStatus.HELD)
        (one,) = report["unresolved_names"]
        assert f"was above {LIVE.id}, which is gone and had {TWO}, now in /Live ({REMADE.id})" in one["detail"]
        assert one["nearest"] == f"/Live ({REMADE.id})"
    for mode, more in ((Mode.PLAN, f"[{name}, {REMADE.id}]"), (Mode.ENFORCE, f"[{name}], exclude_accounts: ['{TWO}']")):
        spared = f"{EVERYTHING}\norganization: {{exclude: {more}}}"
        report = sweep(fake, spared, mode, f"20261123T21000{len(mode)}Z-000001")
        assert report["status"] == SweepStatus.COMPLETE
        assert {row["resource_id"] for row in report["decisions"] if row["verdict"] == "stop"} == {"i-0", "i-1"}
    assert sorted(fake.stopped) == ["i-0", "i-1"]


def test_what_was_in_an_excluded_ou_that_is_gone_is_named_to_the_last_account() -> None:
    fake = an_organization()
    many = [f"{number:012}" for number in range(10, 40)]
    fake.accounts = (*fake.accounts, *(an_account(one, organizational_units=(PROD,)) for one in many))
    policy = f"{EVERYTHING}\norganization: {{exclude: [{PROD.id}]}}"
    sweep(fake, policy, Mode.PLAN)
    fake.accounts = (
        fake.accounts[0],
        *(replace(one, organizational_units=(PARKING,)) for one in fake.accounts[1:-1]),
        replace(fake.accounts[-1], organizational_units=()),
    )
    report = sweep(fake, policy, sweep_id=LATER_ID)
    (one,) = report["unresolved_names"]
    assert (fake.stopped, report["status"]) == ([], SweepStatus.HELD)
    inside = ", ".join([TWO, *many[:-1]])
    had = f"{many[-1]}, now in / and {inside}, now in /Parking ({PARKING.id})"
    assert f"is no OU of the organization any more and had {had}" in one["detail"]
    looked = f"{EVERYTHING}\norganization: {{exclude: [{PARKING.id}], exclude_accounts: ['{many[-1]}']}}"
    report = sweep(fake, looked, sweep_id="20261123T210000Z-000001")
    assert (sorted(fake.stopped), report["status"]) == (["i-0", "i-1"], SweepStatus.COMPLETE)


def test_what_was_moved_out_with_a_deleted_ou_is_stopped_after_a_person_moved_it_in_and_out_by_itself() -> None:
    fake = a_live_one_below_prod()
    policy = f"{EVERYTHING}\norganization: {{exclude: [{PROD.id}]}}"
    sweep(fake, policy, Mode.PLAN)
    move_live_out(fake)
    assert sweep(fake, policy, sweep_id="20261123T200001Z-000001")["status"] == SweepStatus.HELD
    fake.accounts = an_organization().accounts
    sweep(fake, policy, Mode.PLAN, "20261123T200002Z-000001")
    move_live_out(fake)
    report = sweep(fake, policy, sweep_id="20261123T200003Z-000001")
    assert (len(fake.stopped), report["status"]) == (4, SweepStatus.COMPLETE)


def test_an_account_that_is_moved_out_of_an_ou_below_an_excluded_one_that_stays_is_what_it_is_now() -> None:
    fake = a_live_one_below_prod()
    policy = f"{EVERYTHING}\norganization: {{exclude: [/Prod]}}"
    sweep(fake, policy, Mode.PLAN)
    move_live_out(fake, deleted=False)
    assert sweep(fake, policy, Mode.PLAN, "20261123T200001Z-000001")["status"] == SweepStatus.COMPLETE
    move_live_out(fake)
    report = sweep(fake, policy, sweep_id=LATER_ID)
    assert (len(fake.stopped), report["status"]) == (4, SweepStatus.COMPLETE)


def test_an_empty_ou_below_an_excluded_one_is_deleted_without_a_word() -> None:
    fake = an_organization()
    fake.units = (LIVE,)
    policy = f"{EVERYTHING}\norganization: {{exclude: [/Prod]}}"
    sweep(fake, policy, Mode.PLAN)
    fake.units = ()
    report = sweep(fake, policy, sweep_id=LATER_ID)
    assert (sorted(fake.stopped), report["status"], report["unresolved_names"]) == (
        ["i-0", "i-1"],
        SweepStatus.COMPLETE,
        [],
    )


def test_an_ou_that_was_moved_out_of_one_under_not_keeps_what_its_rule_could_own() -> None:
    fake = a_live_one_below_prod()
    policy = "rules: [{name: all, where: {not: {organizational_unit: /Prod}}}]"
    sweep(fake, policy, Mode.PLAN)
    move_live_out(fake)
    report = sweep(fake, policy, sweep_id=LATER_ID)
    assert (fake.stopped, report["status"]) == ([], SweepStatus.COMPLETE)
    assert "'/Prod' is unresolved" in reasons(report)["i-2"]


# --- random histories -------------------------------------------------------------------------------------------------


@dataclass
class _Units:
    """OUs by id, each with its name and its parent; what is done to them is drawn."""

    draw: Random
    names: dict[str, str] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    """The OU of each account."""
    made: int = 0

    NAMES = ("Prod", "Dev", "Labs", "prod", "Prod/Live", "Live", "Old [2]", "Old 2")

    def make(self, parent: str = "", name: str = "") -> str:
        self.made += 1
        unit = f"ou-a1b2-{self.made:08}"
        self.parents[unit] = parent
        self.names[unit] = self._free(parent, name or self.draw.choice(self.NAMES))
        return unit

    def _free(self, parent: str, name: str) -> str:
        """AWS allows a name once below one parent."""
        taken = {self.names[one] for one, above in self.parents.items() if above == parent and one in self.names}
        free = [one for one in (name, *self.NAMES, f"U{self.made}") if one not in taken]
        return free[0]

    def above(self, unit: str) -> list[str]:
        return [*self.above(self.parents[unit]), unit] if unit else []

    def below(self, unit: str) -> set[str]:
        return {account for account, home in self.homes.items() if unit in self.above(home)}

    def path(self, unit: str) -> str:
        path = ""
        for one in self.above(unit):
            path = unit_path(path, self.names[one])
        return path

    def unit(self, unit: str) -> OrganizationalUnit:
        return OrganizationalUnit(unit, self.path(unit))

    def account(self, account_id: str) -> Account:
        units = tuple(map(self.unit, self.above(self.homes[account_id])))
        return an_account(account_id, organizational_units=units)

    def rename(self) -> None:
        unit = self.draw.choice(list(self.names))
        del self.names[unit]
        self.names[unit] = self._free(self.parents[unit], self.draw.choice(self.NAMES))

    def rename_and_make_again(self) -> None:
        """Another OU gets the path of one that is still there."""
        unit = self.draw.choice(list(self.names))
        parent, name = self.parents[unit], self.names[unit]
        self.made += 1
        self.names[unit] = f"{name} {self.made}"
        self.make(parent, name)

    def move(self) -> None:
        unit = self.draw.choice(list(self.names))
        parent = self.draw.choice([one for one in ("", *self.names) if unit not in self.above(one)])
        name = self.names.pop(unit)
        self.parents[unit] = parent
        self.names[unit] = self._free(parent, name)

    def move_account(self) -> None:
        self.homes[self.draw.choice(list(self.homes))] = self.draw.choice(list(self.names))

    def delete(self) -> None:
        """AWS deletes only what is empty."""
        full = {*self.parents.values(), *self.homes.values()}
        empty = [one for one in self.names if one not in full]
        if empty:
            self._delete(self.draw.choice(empty))

    def _delete(self, unit: str) -> tuple[str, str]:
        return self.parents.pop(unit), self.names.pop(unit)

    def make_again(self) -> None:
        self.make(self.draw.choice(["", *self.names]))

    def park_and_delete(self) -> tuple[str, str]:
        """An OU without others below it is emptied into another one, and deleted."""
        unit = self.draw.choice([one for one in self.names if one not in self.parents.values()])
        elsewhere = [one for one in self.names if one != unit] or [self.make()]
        parking = self.draw.choice(elsewhere)
        self.homes = {account: parking if home == unit else home for account, home in self.homes.items()}
        return self._delete(unit)

    def park_and_make_again(self) -> None:
        """So it is made again under the same path."""
        self.make(*self.park_and_delete())

    def swap(self) -> None:
        """Two OUs below the same parent take each other's names."""
        pairs = [pair for pair in itertools.combinations(self.names, 2) if len({*map(self.parents.get, pair)}) == 1]
        if pairs:
            one, other = self.draw.choice(pairs)
            self.names[one], self.names[other] = self.names[other], self.names[one]

    @property
    def steps(self) -> list[Callable[[], object]]:
        """All that may become of them."""
        moves = [self.rename, self.move, self.move_account, self.swap]
        return [
            *moves,
            self.delete,
            self.make_again,
            self.rename_and_make_again,
            self.park_and_delete,
            *2 * [self.park_and_make_again],
        ]


@dataclass
class _Author:
    """What is excluded by these ids and paths, told without what is tested: an OU is meant by the path that it had in
    any listing since they were written, and is meant for good.

    So excluded are the accounts below an OU that is meant, wherever it is now; and, where it was deleted, those that
    were below it in the last listing that had it: they were moved out for the deletion. Who was moved out before, while
    the OU was still there, was moved by a person who left the OU behind, and is not excluded by it any more. The same
    holds for the OU that an account was in, below one that is meant: AWS moves no OU, so who moves one makes another
    one elsewhere, moves its accounts there, and deletes it.
    """

    names: list[str]
    meant: dict[str, set[str]] = field(default_factory=dict)
    """The OUs of each name."""
    below: dict[str, set[str]] = field(default_factory=dict)
    """The accounts below each OU, in the last listing that had it."""
    homes: dict[tuple[str, str], str] = field(default_factory=dict)
    """The OU that each account was in when it was below an OU that is meant; of those that were not moved out by hand.
    """

    def see(self, units: _Units) -> None:
        """A listing."""
        for unit in units.names:
            self.below[unit] = units.below(unit)
            for name in self.names:
                if _is_named(name, unit, units):
                    self.meant.setdefault(name, set()).add(unit)
        for unit in {unit for ids in self.meant.values() for unit in ids if unit in units.names}:
            for account, home in units.homes.items():
                if unit in units.above(home):
                    self.homes[unit, account] = home
                elif self.homes.get((unit, account)) in units.names:
                    del self.homes[unit, account]

    def excluded(self, units: _Units) -> set[str]:
        """As of now."""
        meant = {unit for ids in self.meant.values() for unit in ids}
        meant |= {unit for unit in units.names if any(_is_named(name, unit, units) for name in self.names)}
        below = (units.below(unit) if unit in units.names else self.below[unit] for unit in meant)
        return {account for accounts in below for account in accounts} | self.taken_out(units)

    def taken_out(self, units: _Units, name: str = "") -> set[str]:
        """The accounts that were in an OU which is gone, below one that is there and meant; by the name, if given."""
        meant = {unit for one, ids in self.meant.items() if name in ("", one) for unit in ids}
        return {
            account
            for (unit, account), home in self.homes.items()
            if unit in meant & {*units.names} and home not in units.names and account not in units.below(unit)
        }

    def may_hold(self, name: str, units: _Units) -> bool:
        """Whether there is a reason to: it stands for nothing, or for less or others than it did."""
        now = {unit for unit in units.names if _is_named(name, unit, units)}
        return not now or not self.meant.get(name, set()) <= now or bool(self.taken_out(units, name))


def _is_named(name: str, unit: str, units: _Units) -> bool:
    wanted, actual = path_names(name), [units.names[one] for one in units.above(unit)]
    return name == unit or (
        len(wanted) == len(actual)
        and all(one == want or fnmatchcase(one, want) for one, want in zip(actual, wanted, strict=True))
    )


@dataclass
class _History:
    """An organization, a policy that excludes two of its OUs, and the sweeps by it."""

    seed: int
    sweeps: int = 0
    there: set[str] = field(default_factory=set)
    """The OUs that were there in a listing of the last sweep."""
    lost: set[str] = field(default_factory=set)
    """The names for which it may be held."""

    def __post_init__(self) -> None:
        self.draw = draw = Random(self.seed)
        self.hand = Random(self.seed)
        self.units = units = _Units(draw)
        for _ in range(4):
            units.make(draw.choice(["", *units.names]))
        self.accounts = [str(number) * 12 for number in range(1, 5)]
        units.homes = {account: draw.choice(list(units.names)) for account in self.accounts}
        self.author = _Author([self._name(one) for one in draw.sample(list(units.names), 2)])
        self.by_rule = draw.random() < 0.4
        self.written = list(self.author.names)
        self.fake = a_world(*self.accounts, workers=1)

    def _name(self, unit: str) -> str:
        """Its id, its path, or a pattern that has it."""
        drawn, path = self.draw.random(), self.units.path(unit)
        parent = self.units.path(self.units.parents[unit])
        return unit if drawn < 0.3 else path if drawn < 0.8 else f"{parent}/{self.units.names[unit][:2]}*"

    def write(self) -> str:
        """The policy, with each path in another spelling than before."""
        self.written = [self._respelt(name) for name in self.author.names]
        return _excluding(self.written, by_rule=self.by_rule)

    def _respelt(self, name: str) -> str:
        if not name.startswith("/"):
            return name
        spellings = [name, f"{name}/", f"/{name}", name.replace("/", "//") if "\\" not in name else name]
        if not any(sign in name for sign in "*?["):
            spellings.append(f"/[{name[1]}]{name[2:]}")
        return self.hand.choice(spellings)

    def happen(self) -> None:
        self.draw.choice(self.units.steps)()

    def run(self, policy: str, *, by_plan: bool = False) -> Row:
        """A sweep of all accounts as they are, with a machine in each target; where `by_plan`, something happens
        between the plan and its applying.
        """
        self.there, self.lost = set(), set()
        self._list()
        self.fake.stopped.clear()
        for account, region in itertools.product(self.accounts, REGIONS):
            one = a_resource(f"i-{account[0]}-{region}", account, region)
            self.fake.resources[one.target] = (one,)
        sweep_id = self._new_id()
        run_sweep(self.fake.world(), a_policy(policy), sweep_id, Mode.PLAN if by_plan else Mode.ENFORCE)
        if by_plan:
            self.happen()
            self._list(seen=False)
            _, source = open_plan(self.fake.files, self.fake.ledger, sweep_id, self.fake.at)
            sweep_id = self._new_id()
            apply_plan(self.fake.world(), a_policy(policy), sweep_id, source)
        return self.fake.written(sweep_id)

    def _list(self, *, seen: bool = True) -> None:
        """`seen`: by the ledger too, which remembers the listings that plans are made of."""
        self.fake.accounts = tuple(map(self.units.account, self.accounts))
        self.fake.units = tuple(map(self.units.unit, self.units.names))
        if seen:
            self.author.see(self.units)
        self.there |= {*self.units.names}
        self.lost |= {name for name in self.author.names if self.author.may_hold(name, self.units)}

    def _new_id(self) -> str:
        self.sweeps += 1
        return f"20261123T1900{self.sweeps:02}Z-000000"

    @property
    def stopped(self) -> set[str]:
        return {f"{one.split('-')[1]}" * 12 for one in self.fake.stopped}


SEEDS = [pytest.param(seed, marks=[pytest.mark.full] if seed >= 20 else []) for seed in range(200)]


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_becomes_of_the_ous_no_sweep_stops_what_the_author_excluded_by_path_or_id(seed: int) -> None:
    """What is excluded, _Author says. Each sweep that is held names what to change, and is held no longer after it."""
    history = _History(seed)
    for _ in range(6):
        report = history.run(history.write(), by_plan=history.draw.random() < 0.3)
        excluded = history.author.excluded(history.units)
        assert history.stopped.isdisjoint(excluded), report["unresolved_names"]
        if report["status"] == SweepStatus.HELD:
            assert history.stopped == set()
            assert document_exit_code(report) == 4
            for one in _holding(report, history):
                assert history.author.names[history.written.index(one["name"])] in history.lost
        history.happen()
        history.happen()
    report = history.run(history.write())
    if report["status"] == SweepStatus.HELD:
        changed = history.run(_as_told(history, report))
        assert changed["status"] == SweepStatus.COMPLETE, changed["unresolved_names"]


def _holding(report: Row, history: _History) -> list[Row]:
    """Those that hold the sweep: each is in the row of the guardrail, with its place and what to name instead."""
    holding = [one for one in report["unresolved_names"] if one["effect"] == "holds"]
    names = history.written
    assert holding
    for one in holding:
        assert one["name"] in names
        assert one["path"] in {f"organization.exclude[{n}]" for n, name in enumerate(names) if name == one["name"]}
        assert f"{one['path']} (line {one['line']}): {one['name']!r}" in the_row(report)["detail"]
        assert {*IDS.findall(f"{one['detail']} {one['nearest']}")} & history.there
    return holding


IDS = re.compile(r"ou-a1b2-[0-9]{8}")


def _as_told(history: _History, report: Row) -> str:
    """Each name that holds the sweep gives its place to the ids that its message has, and are there; or is joined by
    the accounts that were below it.
    """
    names = list(history.written)
    accounts: set[str] = set()
    for one in _holding(report, history):
        accounts |= {*re.findall(r"\b[0-9]{12}\b", one["detail"])}
        if "was the name of" in one["detail"] or "is no OU" in one["detail"]:
            names.remove(one["name"])
            names += {*IDS.findall(f"{one['detail']} {one['nearest']}")} & history.there
    return _excluding(names, by_rule=history.by_rule, accounts=accounts)


def _excluding(names: list[str], *, by_rule: bool, accounts: Iterable[str] = ()) -> str:
    quoted = ", ".join(f"'{one}'" for one in names)
    if by_rule:
        return f"rules: [{{name: all, where: {{not: {{organizational_unit: [{quoted}]}}}}}}]"
    more = f", exclude_accounts: {sorted(accounts)}" if accounts else ""
    return f"{EVERYTHING}\norganization: {{exclude: [{quoted}]{more}}}"
