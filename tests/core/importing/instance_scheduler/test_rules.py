"""What each key of a schedule comes to: an active rule that is no more eager than the original, or a comment."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.core.importing.imported import Imported
from orchestrator.core.policy.org_policy import Rule
from tests.support.instance_scheduler import DATA, imported, policy_of

OFFICE = {"Name": "office", "Weekdays": ["mon-fri"], "Begintime": "09:00", "Endtime": "17:00"}
ENFORCED = {"Enforced": True}
BOTH_KINDS = {"Enforced": True, "UseMaintenanceWindow": False}


def of(schedule: dict[str, Any] | None = None, *periods: dict[str, Any], **options: Any) -> Imported:
    full = {"Name": "one", "Periods": ["office"], "Timezone": "Europe/Berlin", **(schedule or {})}
    return imported({"Schedules": [full], "Periods": [OFFICE, *periods]}, **options)


def rules(made: Imported) -> dict[str, Rule]:
    return {rule.name: rule for rule in policy_of(made).rules}


def lost(made: Imported) -> dict[str, str]:
    return {one.what: one.why for one in made.not_carried_over}


def test_a_plain_schedule_keeps_what_is_started_by_hand_and_starts_everything() -> None:
    made = of()
    assert "running: ['mon-fri 09:00-17:00']" in made.text
    rule = rules(made)["one"]
    assert (rule.kinds, rule.start, rule.started_by_hand.kept) == (frozenset({"ec2"}), "everything", True)
    assert "tag: {Schedule: one}" in made.text


def test_what_is_enforced_stops_what_is_started_by_hand_and_says_what_is_not_started_again() -> None:
    made = of(ENFORCED)
    assert not rules(made)["one"].started_by_hand.kept
    assert "stays stopped until they begin again" in lost(made)["`enforced: true` of one"]


def test_the_kind_rds_is_carried_over_only_where_instance_scheduler_stops_it_too() -> None:
    assert rules(of(BOTH_KINDS))["one"].kinds == {"ec2", "rds"}
    for schedule in ({}, ENFORCED, {"UseMaintenanceWindow": False}, {**BOTH_KINDS, "UseMaintenanceWindow": True}):
        made = of(schedule)
        assert rules(made)["one"].kinds == {"ec2"}, schedule
        assert "#  - name: one-databases" in made.text
        assert "DB instances of one" in lost(made)


def test_hibernation_is_asked_of_instances_alone() -> None:
    found = rules(of({**BOTH_KINDS, "Hibernate": True}))
    assert {name: (rule.action.value, rule.kinds) for name, rule in found.items()} == {
        "one": ("hibernate", {"ec2"}),
        "one-databases": ("stop", {"rds"}),
    }


@pytest.mark.parametrize(
    ("schedule", "what"),
    [
        ({"RetainRunning": True}, "`retain_running: true` of one"),
        ({"StopNewInstances": False}, "`stop_new_instances: false` of one"),
        ({"StopNewInstances": "False", "Enforced": True}, "`stop_new_instances: False` of one"),
        ({"SsmMaintenanceWindow": ["patching"]}, "`ssm_maintenance_window` of one"),
        ({"SsmMaintenanceWindow": "patching"}, "`ssm_maintenance_window: patching` of one"),
        ({"SsmMaintenanceWindow": ["patching"], "UseMaintenanceWindow": False}, "`ssm_maintenance_window` of one"),
        ({"Overwrite": True}, "`overwrite: true` of one"),
        ({"Sunrise": True}, "`Sunrise`"),
        ({"Enforced": "perhaps"}, "`enforced: perhaps` of one"),
        ({"Enforced": [True]}, "`enforced` of one"),
        ({"Timezone": "Europe/Berlim"}, "`timezone: Europe/Berlim` of one"),
        ({"Timezone": "EST"}, "`timezone: EST` of one"),
        ({"Timezone": 3}, "`timezone: 3` of one"),
        ({"Timezone": ""}, "`timezone`"),
        ({"Periods": ["office", "gone"]}, "the period gone of one"),
        ({"Periods": [" office"]}, "the period  office of one"),
        ({"Periods": []}, "`periods` of one"),
        ({"Periods": [f"office@{number}" for number in range(101)]}, "`periods` of one"),
        ({"Periods": {"office": 1}}, "`Periods`"),
        ({"OverrideStatus": "stopped"}, "that one never runs"),
        ({"OverrideStatus": "sleeping"}, "`override_status: sleeping` of one"),
    ],
)
def test_what_would_keep_more_running_makes_the_rule_a_comment(schedule: dict[str, Any], what: str) -> None:
    made = of(schedule)
    assert not rules(made)
    assert made.left_out == 1
    assert lost(made)[what].endswith("; the rule one is a comment")


@pytest.mark.parametrize(
    ("period", "what"),
    [
        ({"Begintime": "09:00", "Endtime": "08:00"}, "`endtime` of the period odd"),
        ({"Begintime": "9 am"}, "`begintime` of the period odd"),
        ({"Begintime": "25:00"}, "`begintime` of the period odd"),
        ({"Endtime": "24:00"}, "`endtime` of the period odd"),
        ({"Weekdays": ["mon-funday"]}, "`weekdays` of the period odd"),
        ({"Weekdays": ["7"]}, "`weekdays` of the period odd"),
        ({"Weekdays": ["mon#6"]}, "`weekdays` of the period odd"),
        ({"Weekdays": ["fri L"]}, "`weekdays` of the period odd"),
        ({"Monthdays": ["20-10"]}, "`monthdays` of the period odd"),
        ({"Monthdays": ["1/10"]}, "`monthdays` of the period odd"),
        ({"Monthdays": ["1/15"]}, "`monthdays` of the period odd"),
        ({"Monthdays": ["28W"]}, "`monthdays` of the period odd"),
        ({"Monthdays": ["31W"]}, "`monthdays` of the period odd"),
        ({"Monthdays": ["32"]}, "`monthdays` of the period odd"),
        ({"Months": ["L"]}, "`months` of the period odd"),
        ({"Months": ["13"]}, "`months` of the period odd"),
        ({"Months": [True]}, "`months` of the period odd"),
        ({"Monthdays": ["15W"], "Weekdays": ["mon#3"]}, "`weekdays` of the period odd"),
        ({"Description": "nothing else"}, "the period odd"),
        ({"Weekdays": ["mon"], "Weeks": "2"}, "`Weeks` of the period odd"),
        ({"Monthdays": ["L"], "Begintime": "09:00"}, "its periods together of one"),
    ],
)
def test_a_period_that_no_lines_of_ours_say_makes_the_rule_a_comment(period: dict[str, Any], what: str) -> None:
    made = of({"Periods": ["odd"]}, {"Name": "odd", **period})
    assert not rules(made)
    assert what in lost(made) or what.removesuffix(" of one") in lost(made), lost(made)
    assert "NOTHING IS STOPPED BY THIS POLICY" in made.text


def test_a_rule_whose_hours_are_not_known_names_a_schedule_that_is_not_there() -> None:
    made = of({"Periods": ["gone"]})
    assert "#    schedule: one" in made.text
    assert "  one:" not in made.text


def test_what_never_runs_and_is_enforced_is_stopped_at_any_time() -> None:
    rule = rules(of({"OverrideStatus": "stopped", **ENFORCED}))["one"]
    assert rule.schedule is None
    assert "`periods` of one" in lost(of({"OverrideStatus": "stopped", **ENFORCED}))


@pytest.mark.parametrize("schedule", [{"OverrideStatus": "Running"}, {"Periods": ["work", "rest"]}])
def test_what_always_runs_is_active_whatever_else_it_asks_for(schedule: dict[str, Any]) -> None:
    more = {"RetainRunning": True, "StopNewInstances": False, "SsmMaintenanceWindow": ["patching"], "Timezone": ""}
    week = ({"Name": "work", "Weekdays": ["mon-fri"]}, {"Name": "rest", "Weekdays": ["sat-sun"]})
    made = of({**schedule, **more}, *week)
    assert rules(made)["one"].kinds == {"ec2", "rds"}
    assert {"`retain_running: true` of one", "the first start by one"} <= {*lost(made)}


def test_instance_types_are_listed_and_the_rule_is_active() -> None:
    made = of({"Periods": ["office@t3.micro"]})
    assert "one" in rules(made)
    assert "the instance type t3.micro in office" in lost(made)


def test_retain_running_beside_enforced_has_no_effect() -> None:
    made = of({"RetainRunning": True, **ENFORCED})
    assert "one" in rules(made)
    assert lost(made)["`retain_running: true` of one"] == "it has no effect beside `enforced`"


def test_a_name_with_signs_of_globs_matches_itself_alone() -> None:
    made = of({"Name": "nights*[1]"})
    assert r"matches: 'nights\*\[1\]'" in made.text.replace('"', "'")
    assert len(rules(made)) == 1
    assert not rules(of({"Name": "*" * 200}))


@pytest.mark.parametrize("name", ["on", "1", "true", "a: b", "#x", "- y", "ümlaut", "x" * 100, "\u2028", "a\nb", "'\""])
def test_whatever_its_name_is_the_policy_is_valid_and_the_tag_is_that_name(name: str) -> None:
    made = of({"Name": name})
    (rule,) = policy_of(made).rules
    assert policy_of(made).document["rules"][0]["where"] == {"tag": {"Schedule": name}}
    assert rule.schedule is not None


def test_the_same_definition_twice_is_one_and_two_of_one_name_that_differ_are_comments() -> None:
    schedule = {"Name": "one", "Periods": ["office"], "Timezone": "UTC"}
    file = {"Schedules": [schedule], "Periods": [OFFICE]}
    assert len(rules(imported(file, file))) == 1
    made = imported(file, {"Schedules": [{**schedule, "Enforced": True}]})
    assert not rules(made)
    assert made.left_out == 2
    made = imported(file, {"Periods": [{**OFFICE, "Endtime": "18:00"}]})
    assert "it is defined several times" in lost(made)["the period office of one"]


def test_options_win_over_the_settings_in_the_table() -> None:
    settings = {"type": {"S": "config"}, "name": {"S": "scheduler"}, "tagname": {"S": "Hours"}}
    settings |= {"default_timezone": {"S": "Asia/Tokyo"}, "regions": {"SS": ["eu-west-1"]}, "trace": {"BOOL": False}}
    schedule = {"type": {"S": "schedule"}, "name": {"S": "one"}, "periods": {"SS": ["day"]}}
    period = {"type": {"S": "period"}, "name": {"S": "day"}, "begintime": {"S": "8:00"}}
    table = {"Items": [settings, schedule, period]}
    made = imported(table)
    assert "timezone: Asia/Tokyo" in made.text
    assert "tag: {Hours: one}" in made.text
    assert "region: [eu-west-1]" in made.text
    assert lost(made)["`trace`"] == "this key is not understood"
    made = imported(table, tag_key="Plan", default_timezone="UTC", accounts=("111122223333",))
    assert "tag: {Plan: one}" in made.text
    assert "timezone: UTC" in made.text
    assert "account: ['111122223333']" in made.text


def test_accounts_or_regions_that_are_not_understood_make_every_rule_a_comment() -> None:
    for key, value in (("remote_account_ids", "{param:accounts}"), ("regions", "*")):
        settings = {"type": {"S": "config"}, "name": {"S": "scheduler"}, key: {"SS": [value]}}
        made = imported({"Items": [settings]}, {"Schedules": [{"Name": "one", "OverrideStatus": "running"}]})
        assert not rules(made)
        assert f"`{value}` under `{key}`" in lost(made)


def test_the_schedules_that_an_installation_comes_with() -> None:
    made = imported((DATA / "sample.json").read_text())
    assert {name: sorted(rule.kinds) for name, rule in rules(made).items()} == {
        "running": ["ec2", "rds"],
        "scale-up-down": ["ec2", "rds"],
        "seattle-office-hours": ["ec2"],
        "uk-office-hours": ["ec2"],
    }
    assert [(one.line, one.what) for one in made.not_carried_over if "databases" not in one.what] == [
        (3, "the first start by running"),
        (9, "the first start by scale-up-down"),
        (12, "the instance type t2.nano in weekends"),
        (12, "the instance type t2.micro in working-days"),
        (16, "DB instances of seattle-office-hours"),
        (23, "that stopped never runs"),
        (29, "DB instances of uk-office-hours"),
        (40, "the period first-monday-in-quarter"),
    ]
