"""Whichever way schedules are written down, they are the same; and what cannot be read says so at its line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.importing.imported import Imported
from orchestrator.errors import ImportedInputError
from tests.support.instance_scheduler import DATA, imported, policy_of
from tests.support.strategies import quick

TEMPLATE, TABLE = (DATA / "template.yaml").read_text(), (DATA / "table.json").read_text()
SCHEDULE = {"type": "schedule", "name": "one", "periods": ["day"], "timezone": "UTC"}
PERIOD = {"type": "period", "name": "day", "begintime": "08:00", "endtime": "20:00"}


def attributes(item: dict[str, Any]) -> dict[str, Any]:
    return {key: {"SS": one} if isinstance(one, list) else {"S": one} for key, one in item.items()}


def lost(made: Imported) -> dict[str, tuple[int, str]]:
    return {one.what: (one.line, one.place) for one in made.not_carried_over}


def wrong(text: str) -> str:
    with pytest.raises(ImportedInputError) as told:
        imported(text)
    return str(told.value)


ITEMS = [attributes(SCHEDULE), attributes(PERIOD)]
FORMS = {
    "the CLI, in one file": json.dumps({"Schedules": [SCHEDULE], "Periods": [PERIOD]}),
    "the CLI, one after the other": json.dumps({"Schedules": [SCHEDULE]}, indent=3)
    + "\n"
    + json.dumps({"Periods": [PERIOD]}),
    "what create-schedule and create-period print": json.dumps({"Schedule": SCHEDULE}) + json.dumps({"Period": PERIOD}),
    "a scan": json.dumps({"Items": ITEMS, "Count": 2, "ScannedCount": 2, "ConsumedCapacity": None}, indent=4),
    "a scan's items": json.dumps(ITEMS),
    "an export": "\n".join(json.dumps({"Item": item}) for item in ITEMS) + "\n",
    "items, one on each line": "\n".join(map(json.dumps, ITEMS)),
    "a byte order mark": "\ufeff" + json.dumps({"Schedules": [SCHEDULE], "Periods": [PERIOD]}),
    "YAML": "Schedules:\n- {name: one, periods: day, timezone: UTC}\n"
    "Periods:\n- {name: day, begintime: '8:00', endtime: '20:00'}\n",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_each_form_gives_the_same_policy(text: str) -> None:
    assert imported(text).text == imported(FORMS["the CLI, in one file"]).text
    assert "running: ['daily 08:00-20:00']" in imported(text).text


def test_keys_are_the_same_in_whatever_case_they_are_written() -> None:
    keys = ("stop_new_instances", "StopNewInstances", "Stop-New-Instances")
    made = [imported({"Schedules": [{**SCHEDULE, key: True}], "Periods": [PERIOD]}).text for key in keys]
    assert len({*made}) == 1
    assert policy_of(imported({"Schedules": [{**SCHEDULE, keys[0]: True}], "Periods": [PERIOD]})).rules


def test_a_template_of_cloudformation() -> None:
    made = imported(TEMPLATE)
    assert "running: ['mon-fri 09:00-17:00', 'mar 1-3 08:00-12:00']" in made.text
    assert [rule.name for rule in policy_of(made).rules] == ["berlin-office", "berlin-office-databases"]
    assert lost(made) == {
        "`enforced: True` of berlin-office": (14, "Resources.OfficeHours.Properties.Enforced"),
        "the instance type t3.micro in berlin-office-period-0002": (22, "Resources.OfficeHours.Properties.Periods[1]"),
        "the name of the schedule Prefixed": (29, "Resources.Prefixed.Properties"),
        "`Timezone`": (38, "Resources.ZoneOfTheStack.Properties.Timezone"),
        "`Condition` of OnlyInTest": (42, "Resources.OnlyInTest.Condition"),
        "the resource Topic (AWS::SNS::Topic)": (48, "Resources.Topic"),
    }


def test_the_stacks_name_stands_before_the_names_of_a_templates_schedules() -> None:
    made = imported(TEMPLATE, stack="hours")
    assert "hours-Prefixed" in [rule.name for rule in policy_of(made).rules]
    assert "tag: {Schedule: hours-Prefixed}" in made.text


@pytest.mark.parametrize("value", ["!Ref Name", "!Sub '${A}-b'", "{Ref: Name}", "{'Fn::Sub': x}", "!GetAtt [a, b]"])
@pytest.mark.parametrize("key", ["Name", "Enforced", "RetainRunning", "OverrideStatus", "NoStackPrefix", "Periods"])
def test_what_only_cloudformation_knows_makes_the_rule_a_comment(key: str, value: str) -> None:
    more = {"NoStackPrefix": "'true'", "Timezone": "UTC", "Periods": "[{WeekDays: mon-fri}]", "Name": "one", key: value}
    lines = "\n".join(f"      {name}: {one}" for name, one in more.items())
    made = imported(f"Resources:\n  One:\n    Type: Custom::ServiceInstanceSchedule\n    Properties:\n{lines}\n")
    assert not policy_of(made).rules
    assert made.left_out == 1


def test_a_macro_makes_every_rule_of_its_template_a_comment() -> None:
    made = imported(f"Transform: AWS::LanguageExtensions\n{TEMPLATE}")
    assert not policy_of(made).rules
    assert "Fn::ForEach::S" in str(imported(TEMPLATE + "  Fn::ForEach::S: [a, [b], {}]\n").not_carried_over)


def test_accounts_of_the_table_narrow_the_rules() -> None:
    made = imported(TABLE)
    assert "account: ['111122223333', '444455556666']" in made.text
    assert lost(made)["Instance Scheduler's own account"] == (3, "Items[0].remote_account_ids")


def test_a_scan_that_is_not_whole_is_listed() -> None:
    made = imported(json.dumps({"Items": ITEMS, "LastEvaluatedKey": {}, "Count": 2}))
    assert "`LastEvaluatedKey`" in lost(made)


def test_letters_that_json_writes_as_two_escapes_are_read() -> None:
    made = imported(json.dumps({"Schedules": [{**SCHEDULE, "description": "\\\U0001f600 \\u"}], "Periods": [PERIOD]}))
    assert "# \\\U0001f600 \\u" in made.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the document is empty"),
        ("[]", "none of its forms"),
        ("just text", "none of its forms"),
        ("{}", "none of its forms"),
        ("policies: []", "none of its forms"),
        ("Resources: []", "none of its forms"),
        ('{"Schedules": [', "this is no YAML"),
        ("{" * 100_000, "nested too deeply"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 5000, "nested too deeply"),
        ('{"Schedules": [{"Name": "a", "Name": "b"}]}', "file-1:1: Schedules[0].Name: the key is there twice"),
        (
            "Schedules:\n- {name: a, begintime: 9:00}",
            "file-1:2: Schedules[0].begintime: `9:00` is a number to the base 60",
        ),
        ('{"Periods": []}\n{"Periods": [{"Name": "a", "Name": "b"}]}', "file-1:2: Periods[0].Name"),
        ("{" + " " * 10_000_001, "more than 10 million characters"),
    ],
    ids=lambda text: text[:20],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, said: str) -> None:
    assert said in wrong(text)


def test_bombs_are_refused() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for number in range(8):
        before, name = chr(ord("a") + number), chr(ord("b") + number)
        bomb += f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    assert "too large" in wrong(bomb + "Schedules: *i\n")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 40)
    | st.sampled_from(["mon-fri", "1-15", "L", "9:00", "17:00", "running", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["S", "SS", "Ref", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)
KEYS = [
    "name",
    "periods",
    "timezone",
    "begintime",
    "endtime",
    "weekdays",
    "monthdays",
    "months",
    "enforced",
    "hibernate",
]
KEYS += [
    "override_status",
    "retain_running",
    "stop_new_instances",
    "ssm_maintenance_window",
    "description",
    "type",
    "odd",
]
ENTRIES = st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6) | JSON, max_size=3)


@given(ENTRIES, ENTRIES)
@quick
def test_whatever_is_in_the_entries_the_policy_is_valid(schedules: list[Any], periods: list[Any]) -> None:
    for one in schedules:
        if isinstance(one, dict):
            one.setdefault("name", "one")
    made = imported({"Schedules": schedules, "Periods": periods})
    assert len(policy_of(made).rules) == made.rules
