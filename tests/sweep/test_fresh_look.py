"""Right before each batch, in every mode, what is planned is looked at again; what changed meanwhile is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.core.model import Account, AwsError, ConsentHow, Mode, Question, Resource, Target
from orchestrator.core.model.marks import STOPPED_BY_TAG
from orchestrator.core.report.document import Row
from orchestrator.errors import OrganizationError
from orchestrator.ports import LookRefusedError
from orchestrator.sweep.run import run_sweep, undo_sweep
from orchestrator.sweep.undo import UndoFilter
from tests.support.builders import AT, SWEEP_ID, a_policy, a_resource, a_unit, an_account, in_state
from tests.support.fake_kind import FakeKind
from tests.support.fake_world import (
    EVERYTHING,
    ONE,
    REGIONS,
    THREE,
    TWO,
    FakeWorld,
    a_world,
    outcomes,
    reasons,
    unreadable,
)

OPTED_OUT = {"stop-orchestrator:opt-out": "true"}
PROTECTED = {"stop-orchestrator:protected": ""}
DEV = "rules: [{name: dev, where: {not: {tag: {Environment: prod}}}}]"
CANARY = EVERYTHING + "\nwaves: [{accounts: 1}]"
STALE = timedelta(minutes=5, seconds=1)


def enforced(fake: FakeWorld, policy: str = EVERYTHING) -> Row:
    run_sweep(fake.world(), a_policy(policy), SWEEP_ID, Mode.ENFORCE)
    return fake.written()


def while_the_prompt_is_open(fake: FakeWorld, change: Callable[[], object]) -> None:
    def confirm(_: Question) -> ConsentHow | None:
        change()
        return ConsentHow.YES

    fake.confirm = confirm


def after_the_first_batch(fake: FakeWorld, change: Callable[[], object]) -> None:
    happened: list[str] = []

    def before(event: str) -> None:
        if event.startswith("settle") and not happened:
            happened.append(event)
            change()

    fake.life.before = before


def tagged(**tags: str) -> Callable[[Resource], Resource]:
    return lambda one: replace(one, tags={**one.tags, **tags})


# --- the resource


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (tagged(**OPTED_OUT), "opts it out for good"),
        (tagged(**PROTECTED), "protects it for good"),
        (tagged(Environment="prod"), "no rule of the policy matches it"),
        (tagged(Owner="me"), "its tags are others (Owner: absent -> 'me')."),
        (lambda one: in_state(one, "stopped"), "it was running and is stopped."),
        (lambda one: replace(one, started_at=AT), "it was started again at 2026-11-23T19:00:00Z."),
        (
            lambda one: a_resource(
                one.resource_id, ONE, one.target.region, tags={"aws:autoscaling:groupName": "a-group"}
            ),
            "belongs to an Auto Scaling group",
        ),
        (lambda _: None, "it is gone."),
    ],
    ids=["opted out", "protected", "prod", "tagged", "stopped", "started again", "owned", "gone"],
)
def test_what_changes_while_the_prompt_is_open_is_kept(
    change: Callable[[Resource], Resource | None], reason: str
) -> None:
    fake = a_world(ONE)
    while_the_prompt_is_open(fake, lambda: fake.change("i-0", change))
    report = enforced(fake, DEV)
    assert fake.stopped == ["i-1"]
    assert outcomes(report) == fake.states() == {"i-1": "stopped"}
    assert reasons(report)["i-0"].startswith("Changed since the plan: ")
    assert reason in reasons(report)["i-0"]


def test_a_window_that_begins_while_the_prompt_is_open_keeps_what_should_run_by_now() -> None:
    policy = (
        "schedules: {late: {timezone: UTC, running: ['daily 20:00-21:00']}}\n"
        "rules: [{name: all, where: everything, schedule: late}]"
    )
    fake = a_world(ONE)
    while_the_prompt_is_open(fake, lambda: setattr(fake, "at", AT + timedelta(hours=1)))
    report = enforced(fake, policy)
    assert (fake.stopped, outcomes(report)) == ([], {})
    assert "its schedule late says that it should run now" in reasons(report)["i-0"]


def test_a_tag_that_is_set_during_the_first_batch_saves_what_is_in_the_next_one() -> None:
    fake = a_world(ONE, batch_size=1)
    resources = tuple(a_resource(f"i-{number}", ONE, REGIONS[0]) for number in range(3))
    fake.resources = {resources[0].target: resources}
    fake.before_stop = lambda _: fake.change("i-2", tagged(**OPTED_OUT))
    assert set(reasons(enforced(fake))) == {"i-2"}
    assert fake.stopped == ["i-0", "i-1"]


@pytest.mark.parametrize("saved", [OPTED_OUT, PROTECTED], ids=["opted out", "protected"])
def test_a_tag_that_is_set_during_the_first_wave_saves_what_is_in_the_next_one(saved: dict[str, str]) -> None:
    fake = a_world(ONE, TWO, THREE, workers=1)
    everything = {one for target in fake.resources for one in fake.instances(target)}

    def halt_it_now(target: Target) -> None:
        others = (
            one for there in fake.resources if there.account_id != target.account_id for one in fake.instances(there)
        )
        for resource_id in others:
            fake.change(resource_id, tagged(**saved))

    fake.before_stop = halt_it_now
    report = enforced(fake, CANARY)
    assert len(fake.stopped) == 2  # of the canary
    assert set(reasons(report)) == everything - set(fake.stopped)
    assert fake.states() == dict.fromkeys(fake.stopped, "stopped")


def test_a_look_counts_while_a_batch_waits_for_its_turn_whatever_the_policy_says_of_tags() -> None:
    fake = a_world(ONE)
    fake.before_stop = lambda _: setattr(fake, "at", AT + timedelta(minutes=2))
    assert set(outcomes(enforced(fake, f"{EVERYTHING}\nmax_tag_age: 1m")).values()) == {"stopped"}


def test_a_look_that_is_too_old_by_the_time_of_the_call_is_not_acted_on() -> None:
    """As when the machine was suspended in between."""
    fake = a_world(ONE, workers=1)
    fake.before_stop = lambda _: setattr(fake, "at", AT + STALE)
    report = enforced(fake)
    assert (fake.stopped, report["status"]) == (["i-1"], "incomplete")  # which was looked at later
    assert outcomes(report) == fake.states() == {"i-0": "not_attempted", "i-1": "stopped"}
    text = "it was looked at at 2026-11-23T19:00:00Z, which is too long ago to act on"
    assert report["outcomes"][0]["message"] == text


def test_a_clock_that_is_set_back_a_little_between_the_look_and_the_call_changes_nothing() -> None:
    fake = a_world(ONE)
    fake.before_stop = lambda _: setattr(fake, "at", AT - timedelta(seconds=1))
    assert set(outcomes(enforced(fake)).values()) == {"stopped"}


def test_a_look_is_no_younger_where_the_wall_clock_was_set_back() -> None:
    fake = a_world(ONE, workers=1)

    def wait(_: object) -> None:
        fake.monotonic, fake.at = STALE.total_seconds(), AT + timedelta(minutes=1)

    fake.before_stop = wait
    assert outcomes(enforced(fake)) == {"i-0": "not_attempted", "i-1": "stopped"}


def test_what_cannot_be_looked_at_right_before_is_kept() -> None:
    fake = a_world(ONE)
    first = next(iter(fake.resources))
    while_the_prompt_is_open(fake, lambda: fake.resources.update({first: unreadable("RequestLimitExceeded")}))
    report = enforced(fake)
    assert fake.stopped == ["i-1"]
    assert reasons(report)["i-0"].startswith("It could not be looked at again: ec2:DescribeInstances: RequestLimit")


def test_a_batch_is_looked_at_by_one_describe() -> None:
    fake = a_world(ONE, batch_size=2)
    resources = tuple(a_resource(f"i-{number}", ONE, REGIONS[0]) for number in range(4))
    fake.resources = {resources[0].target: resources}
    assert len(outcomes(enforced(fake))) == 4
    assert fake.asked.count(f"look {ONE} {REGIONS[0]}") == 2


def test_what_was_read_a_moment_ago_of_the_organization_is_not_read_again() -> None:
    fake = a_world(ONE, TWO)
    while_the_prompt_is_open(fake, lambda: setattr(fake, "at", AT + timedelta(minutes=5)))
    assert len(outcomes(enforced(fake))) == 4
    assert (fake.asked.count("organization"), [one for one in fake.asked if one.startswith("tags")]) == (1, [])


# --- its account and the OUs above


def now_stale(fake: FakeWorld, *accounts: Account, later: timedelta = STALE, monotonic: float = 0.0) -> None:
    """While the prompt is open, these become the accounts and all tags too old."""

    def change() -> None:
        fake.accounts = accounts
        fake.at, fake.monotonic = AT + later, monotonic

    while_the_prompt_is_open(fake, change)


def in_a_unit(account_id: str, path: str = "/Dev", tags: dict[str, str] | None = None, **fields: Any) -> Account:
    return replace(an_account(account_id, **fields), organizational_units=(a_unit(path, tags),))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (in_a_unit(ONE, tags=OPTED_OUT), "on the OU /Dev opts it out for good"),
        (replace(in_a_unit(ONE), tags=OPTED_OUT), f"on the account {ONE} opts it out for good"),
        (replace(in_a_unit(ONE), tags=PROTECTED), f"on the account {ONE} protects it for good"),
        (in_a_unit(ONE, "/Locked"), "the policy excludes the OU /Locked"),
        (in_a_unit(ONE, "/Elsewhere", OPTED_OUT), "on the OU /Elsewhere opts it out for good"),
        (in_a_unit(ONE, state="SUSPENDED"), "the account's state is SUSPENDED"),
        (None, "its account is not in the organization any more."),
    ],
    ids=["OU", "account", "protected", "moved out of scope", "moved below an opt-out", "suspended", "left"],
)
def test_an_account_that_opts_out_moves_or_leaves_while_the_prompt_is_open_is_kept(
    change: Account | None, reason: str
) -> None:
    fake = a_world(ONE, TWO)
    others = (an_account(TWO), in_a_unit(THREE, "/Locked"))
    fake.accounts = (in_a_unit(ONE), *others)
    now_stale(fake, *((change,) if change else ()), *others)
    report = enforced(fake, f"{EVERYTHING}\norganization: {{exclude: [/Locked]}}")
    assert sorted(fake.stopped) == ["i-2", "i-3"]
    assert set(reasons(report)) == {"i-0", "i-1"}
    for kept in reasons(report).values():
        assert kept.startswith("Changed since the plan: ")
        assert reason in kept
    assert not [one for one in fake.asked if one.startswith(f"look {ONE}")]


def test_a_rule_about_the_accounts_tags_is_held_against_those_of_now() -> None:
    fake = a_world(ONE)
    fake.accounts = (an_account(ONE, tags={"Stage": "dev"}),)
    now_stale(fake, an_account(ONE, tags={"Stage": "prod"}))
    report = enforced(fake, "rules: [{name: dev, where: {account_tag: {Stage: dev}}}]")
    assert fake.stopped == []
    assert set(reasons(report).values()) == {"Changed since the plan: no rule of the policy matches it."}


@pytest.mark.parametrize(
    "change",
    [
        an_account(ONE, tags_error=AwsError("AccessDenied", "tags")),
        replace(an_account(ONE), organizational_units=(a_unit("/Dev", tags_error=AwsError("AccessDenied", "tags")),)),
    ],
    ids=["account", "OU"],
)
def test_an_account_whose_tags_cannot_be_read_again_is_kept(change: Account) -> None:
    fake = a_world(ONE, TWO)
    now_stale(fake, change, an_account(TWO))
    report = enforced(fake)
    assert sorted(fake.stopped) == ["i-2", "i-3"]
    text = "It could not be looked at again: its opt-out tags could not be read, so it is kept: AccessDenied: tags"
    assert set(reasons(report).values()) == {text}


def test_an_organization_that_cannot_be_listed_again_ends_the_sweep_before_its_first_stop() -> None:
    fake = a_world(ONE)

    def change() -> None:
        fake.organization_error = OrganizationError("it is gone")
        fake.at = AT + STALE

    while_the_prompt_is_open(fake, change)
    with pytest.raises(OrganizationError, match="it is gone"):
        enforced(fake)
    assert (fake.stopped, set(outcomes(fake.written()).values())) == ([], {"not_attempted"})


def test_an_organization_that_cannot_be_listed_again_between_two_waves_keeps_what_is_left() -> None:
    fake = a_world(ONE, TWO, workers=1)

    def later() -> None:
        fake.organization_error = OrganizationError("it is gone")
        fake.at = AT + STALE

    after_the_first_batch(fake, later)
    report = enforced(fake, CANARY)
    assert (len(fake.stopped), len(reasons(report))) == (1, 3)
    assert set(reasons(report).values()) == {"It could not be looked at again: it is gone"}
    assert fake.asked.count("organization") == 2  # not once for each that is kept


def test_an_account_that_opts_out_during_the_first_wave_is_kept_in_the_next_one() -> None:
    fake = a_world(ONE, TWO, workers=1)

    def later() -> None:
        [done] = {target.account_id for target in fake.resources if {*fake.instances(target)} & {*fake.stopped}}
        fake.accounts = tuple(one if one.id == done else replace(one, tags=OPTED_OUT) for one in fake.accounts)
        fake.at += STALE

    after_the_first_batch(fake, later)
    report = enforced(fake, CANARY)
    assert len(fake.stopped) == 2
    assert all("opts it out" in reason for reason in reasons(report).values())


def test_only_what_is_older_is_read_again_and_each_ou_once_for_all_accounts_below_it() -> None:
    fake = a_world(ONE, TWO, THREE, workers=8)
    fake.accounts = tuple(in_a_unit(one) for one in (ONE, TWO, THREE))
    now_stale(fake, *fake.accounts)
    assert len(outcomes(enforced(fake))) == 6
    assert fake.asked.count("organization") == 2
    read = sorted(one for one in fake.asked if one.startswith("tags"))
    assert read == sorted([f"tags {ONE}", f"tags {TWO}", f"tags {THREE}", "tags ou-dev"])


def test_max_tag_age_says_what_is_older() -> None:
    fake = a_world(ONE)
    now_stale(fake, an_account(ONE, tags=OPTED_OUT), later=timedelta(seconds=61))
    assert enforced(fake, f"{EVERYTHING}\nmax_tag_age: 1m")["totals"]["kept"] == 2
    fake = a_world(ONE)
    now_stale(fake, an_account(ONE, tags=OPTED_OUT), later=timedelta(minutes=59))
    enforced(fake, f"{EVERYTHING}\nmax_tag_age: 1h")
    assert sorted(fake.stopped) == ["i-0", "i-1"]


def test_a_clock_that_was_set_back_proves_nothing_about_the_age_of_tags() -> None:
    fake = a_world(ONE)
    now_stale(fake, an_account(ONE, tags=OPTED_OUT), later=timedelta(hours=-1))
    enforced(fake)
    assert fake.stopped == []


def test_tags_are_no_younger_where_the_wall_clock_was_set_back_while_the_prompt_was_open() -> None:
    fake = a_world(ONE)
    now_stale(fake, an_account(ONE, tags=OPTED_OUT), later=timedelta(minutes=1), monotonic=STALE.total_seconds())
    enforced(fake)
    assert fake.stopped == []


# --- starts

UNDO_ID = "20261124T070000Z-000001"


def undone(fake: FakeWorld, change: Callable[[], object], undo_filter: UndoFilter | None = None) -> Row:
    """What an enforced sweep stopped is undone; the change comes while that prompt is open."""
    enforced(fake)
    while_the_prompt_is_open(fake, change)
    undo_sweep(fake.world(), a_policy(EVERYTHING), UNDO_ID, SWEEP_ID, undo_filter or UndoFilter())
    return fake.written(UNDO_ID)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda one: in_state(one, "running"), "it is running."),
        (tagged(**{STOPPED_BY_TAG: "another"}), f"its mark is another ({STOPPED_BY_TAG}: '{SWEEP_ID}' -> 'another')."),
        (
            lambda one: replace(one, changed_at=AT + timedelta(minutes=1)),
            "it was stopped again at 2026-11-23T19:01:00Z.",
        ),
        (
            lambda one: replace(one, started_at=AT + timedelta(minutes=1)),
            "it was started at 2026-11-23T19:01:00Z, and stopped again.",
        ),
        (lambda _: None, "it is gone."),
    ],
    ids=["running", "another's", "stopped again", "started and stopped", "gone"],
)
def test_an_undo_keeps_what_somebody_touched_while_its_prompt_was_open(
    change: Callable[[Resource], Resource | None], reason: str
) -> None:
    fake = a_world(ONE)
    report = undone(fake, lambda: fake.change("i-0", change))
    assert fake.started == ["i-1"]
    assert reasons(report) == {"i-0": f"Changed since the plan: {reason}"}


def test_tags_that_spare_forbid_no_start() -> None:
    fake = a_world(ONE)

    def change() -> None:
        fake.change("i-0", tagged(**OPTED_OUT))
        fake.change("i-1", tagged(**PROTECTED))
        fake.accounts = (an_account(ONE, tags=OPTED_OUT),)
        fake.at = AT + STALE

    undone(fake, change)
    assert sorted(fake.started) == ["i-0", "i-1"]
    assert not [one for one in fake.asked if one.startswith("tags")]


def test_an_undo_starts_nothing_in_an_account_that_left_meanwhile() -> None:
    fake = a_world(ONE, TWO)

    def change() -> None:
        fake.accounts = (an_account(TWO),)
        fake.at = AT + STALE

    report = undone(fake, change)
    assert sorted(fake.started) == ["i-2", "i-3"]
    assert set(reasons(report).values()) == {"Changed since the plan: its account is not in the organization any more."}


@pytest.mark.parametrize(("minutes", "started"), [(60, ["i-0", "i-1"]), (61, [])])
def test_what_a_load_balancer_said_counts_for_an_hour(minutes: int, started: list[str]) -> None:
    fake = a_world(ONE)
    later = AT + timedelta(minutes=minutes)
    report = undone(fake, lambda: setattr(fake, "at", later), UndoFilter(failed_health=True))
    assert sorted(fake.started) == started
    text = "What made it be started was read at 2026-11-23T19:00:00Z, which is too long ago to count by now."
    assert set(reasons(report).values()) == (set() if started else {text})


def test_what_a_load_balancer_said_is_no_younger_where_the_wall_clock_was_set_back() -> None:
    fake = a_world(ONE)

    def wait() -> None:
        fake.monotonic, fake.at = 3601.0, AT + timedelta(minutes=1)

    undone(fake, wait, UndoFilter(failed_health=True))
    assert fake.started == []


def test_without_a_load_balancer_in_it_nothing_that_a_start_hangs_on_grows_too_old() -> None:
    fake = a_world(ONE)
    undone(fake, lambda: setattr(fake, "at", AT + timedelta(hours=2)))
    assert sorted(fake.started) == ["i-0", "i-1"]


def test_an_undo_starts_what_lost_its_marks_while_its_prompt_was_open() -> None:
    fake = a_world(ONE)
    undone(fake, lambda: fake.change("i-0", lambda one: replace(one, tags={})))
    assert sorted(fake.started) == ["i-0", "i-1"]


# --- one that cannot be looked at -------------------------------------------------------------------------------------


def test_one_that_cannot_be_looked_at_is_kept_and_costs_no_other_its_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = a_world(ONE)
    look = FakeKind.look

    def refused(kind: FakeKind, target: Target, resource_ids: Any) -> Any:
        seen, error = dict(look(kind, target, resource_ids)), AwsError("SomethingNew", "no")
        if seen.pop("i-0", None) is None:
            return seen
        raise LookRefusedError(error, "ec2:DescribeInstances", seen, {"i-0": error})

    monkeypatch.setattr(FakeKind, "look", refused)
    fake.batch_size = 10
    report = enforced(fake)
    assert outcomes(report) == {"i-1": "stopped"}
    assert reasons(report) == {"i-0": "It could not be looked at again: SomethingNew: no"}
    assert report["status"] == "incomplete"
