"""What is valid in a policy and probably not meant: warned of, each with its place and what to write instead."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.policy.conditions.implied import Implications, Wider
from orchestrator.core.policy.policy_warnings import policy_warnings
from orchestrator.errors import PolicyError
from tests.support.builders import a_resource, an_account
from tests.support.conditions import NOW, condition
from tests.support.policies import DESIGN_POLICY, HEAD, load
from tests.support.strategies import ACCOUNT_IDS, OU_PATHS, quick, tags, wheres

LIMIT = "guardrails: {max_stops: 10}\n"
RULES = "rules:\n  - {name: first, where: FIRST}\n  - {name: second, where: SECOND}\n"
SHADOWED = (
    "the rule 'second' can own nothing, because earlier rules own whatever it matches: "
    "'first' (line 5); move it up, or delete it"
)


def warnings(body: str) -> list[tuple[str, int | None, str]]:
    return [(one.path, one.line, one.message) for one in policy_warnings(load(HEAD + body))]


def warned_windows(*windows: str) -> list[tuple[str, str]]:
    listed = ", ".join(f"'{one}'" for one in windows)
    rule = "rules: [{name: a, where: everything, schedule: s}]"
    found = warnings(f"{LIMIT}{rule}\nschedules:\n  s:\n    timezone: UTC\n    running: [{listed}]\n")
    assert all(line == 8 for _, line, _ in found)
    return [(path.removeprefix("schedules.s.running"), message) for path, _, message in found]


@pytest.mark.parametrize("text", [DESIGN_POLICY, Path("config/policy.yaml"), Path("orchestrator/demo/policy.yaml")])
def test_the_policies_that_we_show_have_no_warnings(text: str | Path) -> None:
    if isinstance(text, Path):
        text = (Path(__file__).parents[3] / text).read_text()
    assert policy_warnings(load(text)) == ()


@pytest.mark.parametrize(
    ("window", "right"),
    [
        ("mon-fri 00:00-23:59", "mon-fri 00:00-24:00"),
        ("daily 00:00-23:59", "daily 00:00-24:00"),
        ("00:00 - 23:59", "00:00-24:00"),
        ("Sun 7:00-23:59", "Sun 7:00-24:00"),
        ("sun 23:00-23:59", "sun 23:00-24:00"),
    ],
)
def test_a_window_that_ends_a_minute_before_the_day_says_how_the_whole_day_is_written(window: str, right: str) -> None:
    assert warned_windows(window) == [
        ("[0]", f"{window!r} leaves a minute open: from 23:59 to 24:00 a stop is allowed; write {right!r}")
    ]
    assert warned_windows(right) == []


def test_a_minute_between_two_windows_is_open_too() -> None:
    early = "mon-fri 07:00-11:59"
    assert warned_windows(early, "mon-fri 12:00-19:00") == [
        ("[0]", f"{early!r} leaves a minute open: from 11:59 to 12:00 a stop is allowed; write 'mon-fri 07:00-12:00'")
    ]
    assert warned_windows("12:00-11:59")[0][1].endswith("from 11:59 to 12:00 a stop is allowed; write '00:00-24:00'")


@pytest.mark.parametrize(
    "windows",
    [
        ("mon-fri 07:00-19:00",),
        ("mon-fri 00:00-24:00",),
        ("mon-fri 07:00-00:00",),
        ("mon 00:00-23:59", "mon 23:00-24:00"),
        ("mon 07:00-11:58", "mon 12:00-19:00"),
        ("mon 22:00-23:58",),
        ("fri 22:00-02:00",),
        ("mon 07:00-12:00", "mon 12:00-19:00"),
    ],
)
def test_a_window_that_leaves_none_or_more_than_a_minute_open_is_no_reason_to_warn(windows: tuple[str, ...]) -> None:
    assert warned_windows(*windows) == []


def test_a_schedule_that_no_rule_uses_is_told_on_its_line() -> None:
    schedule = "{timezone: UTC, running: [08:00-09:00]}"
    body = f"schedules:\n  used: {schedule}\n  spare: {schedule}\n"
    rule = "rules: [{name: a, where: everything, schedule: used}]\n"
    assert warnings(LIMIT + body + rule) == [
        ("schedules.spare", 6, "the schedule 'spare' is used by no rule; name it in one, or delete it")
    ]


@pytest.mark.parametrize("guardrails", ["", "guardrails: {}\n", "guardrails: {min_coverage_percent: 80}\n"])
def test_rules_without_a_limit_of_stops_are_told_how_to_set_one(guardrails: str) -> None:
    [(path, line, message)] = warnings(f"rules: [{{name: a, where: everything}}]\n{guardrails}")
    assert (path, line) == ("guardrails", 4 if guardrails else 1)
    assert message == (
        "no guardrail limits how much a sweep stops; set one, such as `guardrails: {max_stops_percent: 60}`"
    )
    assert warnings(guardrails) == []


@pytest.mark.parametrize("limit", ["max_stops", "max_stops_percent"])
def test_any_limit_of_stops_is_one(limit: str) -> None:
    rule = "rules: [{name: a, where: everything}]\n"
    assert warnings(f"{rule}guardrails: {{{limit}: 0}}") == []
    assert warnings(f"{rule}guardrails: {{per_account: {{{limit}: 0}}}}") == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("everything", "{region: eu-*}"),
        ("everything", "everything"),
        ("{tag: {Env: dev}}", "{tag: {Env: dev}}"),
        ("{tag: {Env: dev}}", "{tag: {Env: dev, Tier: x}}"),
        ("{tag: {Env: [dev, test]}}", "{tag: {Env: test}}"),
        ("{tag: {Env: d*}}", "{tag: {Env: dev}}"),
        ("{tag: {Env: '*'}}", "{tag: {Env: d*}}"),
        ("{account_tag: {Env: [dev, test]}}", "{account_tag: {Env: test}}"),
        ("{tag: {Env: dev}}", "{tag: {Env: dev}, region: eu-*}"),
        ("{tag: {Env: dev}, region: eu-*}", "{all: [{region: [eu-west-1]}, {tag: {Env: dev}}]}"),
        ("{region: [eu-*, us-*]}", "{region: eu-*}"),
        ("{account: ['111122223333', '2*']}", "{account: 111122223333}"),
        ("{organizational_unit: /Dev}", "{organizational_unit: [/Dev/Team, /Dev]}"),
        ("{organizational_unit: /}", "{organizational_unit: /Dev}"),
        ("{organizational_unit: ou-a1b2-c3d4e5f6}", "{organizational_unit: ou-a1b2-c3d4e5f6}"),
        ("{instance_type: [t3.*, m5.large]}", "{instance_type: m5.large}"),
        ("{any: [{region: eu-*}, {region: us-*}]}", "{region: us-*}"),
        ("{any: [{region: eu-*}, {region: us-*}]}", "{any: [{region: us-*}, {region: eu-west-1}]}"),
        ("{not: {tag: {Tier: gold}}}", "{not: {tag: {Tier: [gold, silver]}}}"),
    ],
)
def test_a_rule_whose_resources_an_earlier_one_owns_is_told_with_that_ones_line(first: str, second: str) -> None:
    rules = RULES.replace("FIRST", first).replace("SECOND", second)
    assert warnings(LIMIT + rules) == [
        (
            "rules[1]",
            6,
            SHADOWED,
        )
    ]
    if first != second:
        assert warnings(LIMIT + RULES.replace("FIRST", second).replace("SECOND", first)) in (
            [],
            warnings(LIMIT + rules),
        )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{tag: {Env: dev}}", "everything"),
        ("{tag: {Env: dev}}", "{tag: {Env: [dev, test]}}"),
        ("{tag: {Env: dev}}", "{tag: {env: dev}}"),
        ("{tag: {Env: dev}}", "{account_tag: {Env: dev}}"),
        ("{tag: {Env: dev, Tier: x}}", "{tag: {Env: dev}}"),
        ("{tag: {Env: 'd?'}}", "{tag: {Env: 'd*'}}"),
        ("{tag: {Env: '?'}}", "{tag: {Env: '[ab]'}}"),
        ("{organizational_unit: /Dev}", "{organizational_unit: /Developers}"),
        ("{organizational_unit: /Dev}", "{organizational_unit: ou-a1b2-c3d4e5f6}"),
        ("{organizational_unit: '/D?v'}", "{organizational_unit: '/D*'}"),
        ("{not: {tag: {Tier: [gold, silver]}}}", "{not: {tag: {Tier: gold}}}"),
        ("{not: {region: eu-*}}", "{region: eu-*}"),
        ("{all: [{region: eu-*}, {tag: {Env: dev}}]}", "{any: [{region: eu-*}, {tag: {Env: dev}}]}"),
        ("{instance_type: t3.*}", "{region: eu-*}"),
    ],
)
def test_a_rule_that_may_own_something_is_no_reason_to_warn(first: str, second: str) -> None:
    assert warnings(LIMIT + RULES.replace("FIRST", first).replace("SECOND", second)) == []


DEV, TEST = "{tag: {Env: [dev]}}", "{tag: {Env: [test]}}"
BOTH = "'a' (line 5) and 'b' (line 6)"


@pytest.mark.parametrize(
    ("first", "second", "third", "warned"),
    [
        (DEV, TEST, "{tag: {Env: [dev, test]}}", BOTH),
        ("{tag: {Env: d*}}", TEST, "{tag: {Env: [dev, test]}}", BOTH),
        (DEV, TEST, "{tag: {Env: [dev, test], Tier: x}}", BOTH),
        (DEV, TEST, "{all: [{region: eu-*}, {tag: {Env: [dev, test]}}]}", BOTH),
        (DEV, TEST, "{any: [{tag: {Env: dev, Tier: x}}, {tag: {Env: test}, region: eu-*}]}", BOTH),
        (DEV, TEST, "{tag: {Env: [dev, test, x]}}", ""),
        (DEV, TEST, "{tag: {Env: [dev, 't*']}}", ""),
        ("{tag: {Env: dev}, region: eu-*}", TEST, "{tag: {Env: [dev, test]}}", ""),
        ("{tag: {Env: dev, Tier: x}}", "{tag: {Env: dev, Tier: y}}", "{tag: {Env: dev, Tier: [x, y]}}", BOTH),
        ("{region: eu-*}", "{region: us-*}", "{region: [us-east-1, eu-west-1]}", BOTH),
        ("{account: '111111111111'}", "{account: '2*'}", "{account: ['111111111111', '222222222222']}", BOTH),
        ("{organizational_unit: /Dev}", "{organizational_unit: /Labs}", "{organizational_unit: [/Dev/A, /Labs]}", BOTH),
        ("{instance_type: t3.*}", "{instance_type: m5.*}", "{instance_type: [t3.micro, m5.large]}", BOTH),
        ("{account_tag: {C: x}}", "{account_tag: {C: y}}", "{account_tag: {C: [x, y]}}", BOTH),
        ("{not: {tag: {Env: dev}}}", DEV, "{tag: {Env: [dev, test]}}", ""),
    ],
)
def test_a_rule_that_several_earlier_ones_leave_nothing_together_is_told_with_each_of_them(
    first: str, second: str, third: str, warned: str
) -> None:
    named = zip("abc", (first, second, third), strict=True)
    rules = "".join(f"  - {{name: {name}, where: {where}}}\n" for name, where in named)
    told = [message for _, _, message in warnings(f"{LIMIT}rules:\n{rules}")]
    assert [f"it matches: {warned}; " in one for one in told] == ([True] if warned else [])


@pytest.mark.parametrize(
    ("first", "second", "third", "warned"),
    [
        ("[ec2]", "[rds]", "[ec2]", "'a' (line 5)"),
        ("[ec2]", "[rds]", "[rds]", "'b' (line 6)"),
        ("[ec2]", "[rds]", "[rds, ec2]", "'a' (line 5) and 'b' (line 6)"),
        ("[ec2]", "[ec2]", "[ec2]", "'a' (line 5)"),
    ],
)
def test_a_rule_is_shadowed_where_each_of_its_kinds_is(first: str, second: str, third: str, warned: str) -> None:
    kinds = {"a": first, "b": second, "c": third}
    rules = "".join(f"  - {{name: {name}, where: everything, kinds: {one}}}\n" for name, one in kinds.items())
    assert f"it matches: {warned}; " in warnings(f"{LIMIT}rules:\n{rules}")[-1][2]


def test_a_rule_of_which_only_one_kind_is_shadowed_is_not() -> None:
    rules = "  - {name: a, where: everything}\n  - {name: b, where: everything, kinds: [ec2, rds]}\n"
    assert warnings(f"{LIMIT}rules:\n{rules}") == []


def test_all_warnings_come_at_once_in_the_order_of_their_lines() -> None:
    body = "schedules:\n  s: {timezone: UTC, running: [mon 00:00-23:59]}\n"
    body += RULES.replace("FIRST", "everything").replace("SECOND", "everything")
    assert [(path, line) for path, line, _ in warnings(body)] == [
        ("guardrails", 1),
        ("schedules.s.running[0]", 4),
        ("schedules.s", 4),
        ("rules[1]", 7),
    ]


@quick
@given(one=wheres, other=wheres, data=st.data())
def test_what_is_said_to_hold_wherever_another_does_is_never_false_there(
    one: object, other: object, data: st.DataObject
) -> None:
    first, second = condition(one), condition({"any": [one, other]} if data.draw(st.booleans()) else other)
    kinds = st.sampled_from(["t3.micro", "m5.large", "m5.xlarge", None])
    resource = a_resource(
        tags=data.draw(tags),
        region=data.draw(st.sampled_from(["eu-west-1", "us-east-1"])),
        facts={"instance_type": data.draw(kinds)},
    )
    account = an_account(data.draw(st.sampled_from(ACCOUNT_IDS)), ou=data.draw(st.sampled_from(OU_PATHS)))
    for inner, outer in ((first, second), (second, first)):
        if Implications().holds(inner, outer) and inner.evaluate(resource, account, NOW):
            assert outer.evaluate(resource, account, NOW) is not False


@quick
@given(rules=st.lists(wheres, min_size=2, max_size=5), data=st.data())
def test_a_rule_that_is_said_to_be_shadowed_never_owns_anything(rules: list[object], data: st.DataObject) -> None:
    last = data.draw(
        st.one_of(st.just({"any": rules}), wheres, st.builds(lambda one: {"all": [one, rules[0]]}, wheres))
    )
    conditions = [condition(one) for one in (*rules, last)]
    resource = a_resource(
        tags=data.draw(tags),
        region=data.draw(st.sampled_from(["eu-west-1", "us-east-1"])),
        facts={"instance_type": data.draw(st.sampled_from(["t3.micro", "m5.large", None]))},
    )
    account = an_account(data.draw(st.sampled_from(ACCOUNT_IDS)), ou=data.draw(st.sampled_from(OU_PATHS)))
    *earlier, shadowed = conditions
    numbers = Implications().shared(shadowed, Wider(earlier), len(earlier))
    if numbers and shadowed.evaluate(resource, account, NOW):
        assert any(earlier[one].evaluate(resource, account, NOW) is not False for one in numbers)
    if shadowed.evaluate(resource, account, NOW):
        assert any(case.evaluate(resource, account, NOW) for case in shadowed.cases())


@quick
@given(rules=st.lists(wheres, min_size=2, max_size=6), data=st.data())
def test_no_condition_that_holds_wherever_another_does_is_passed_over(rules: list[object], data: st.DataObject) -> None:
    last = data.draw(
        st.one_of(
            st.just({"any": rules}), wheres, st.builds(lambda one: {"all": [one, rules[0]]}, wheres), st.just(rules[0])
        )
    )
    *earlier, one = (condition(where) for where in (*rules, last))
    for case in (one, *one.cases()):
        holding = {number for number, other in enumerate(earlier) if Implications().holds(case, other)}
        assert holding <= {*Wider(earlier).of(case, len(earlier))}


def test_rules_for_others_add_nothing_to_what_is_compared() -> None:
    compared = {}
    for count in (100, 1000):
        rules = [condition({"tag": {"Team": [f"t{one}", "x"]}, "account": f"{one:012}"}) for one in range(count)]
        wider = Wider(rules)
        compared[count] = max(len([*wider.of(one, count)]) for one in rules)
    assert compared == {100: 1, 1000: 1}


def test_of_far_too_many_rules_by_globs_alone_not_all_are_compared() -> None:
    rules = [condition({"tag": {"Team": f"t{one}*"}}) for one in range(1500)]
    wider = Wider(rules)
    assert sum(len([*wider.of(one, number)]) for number, one in enumerate(rules)) == 1_000_000


def test_many_rules_with_many_values_take_no_time_to_speak_of() -> None:
    values = ", ".join(f"v{one}" for one in range(60))
    rules = "".join(f"  - {{name: r{one}, where: {{tag: {{Team{one}: [{values}]}}}}}}\n" for one in range(150))
    policy = load(f"{HEAD}{LIMIT}rules:\n{rules}")
    began = process_time()
    assert policy_warnings(policy) == ()
    assert process_time() - began < 2


def test_many_rules_and_deep_conditions_take_no_time_to_speak_of() -> None:
    deep = "{any: [{all: [" * 8 + "{region: eu-*}" + ", {region: us-*}]}, {region: ap-*}]}" * 8
    rules = "".join(f"  - {{name: r{one}, where: {{tag: {{Team: t{one}}}}}}}\n" for one in range(150))
    policy = load(f"{HEAD}{LIMIT}rules:\n{rules}  - {{name: x, where: {deep}}}\n  - {{name: y, where: {deep}}}\n")
    began = process_time()
    assert [one.path for one in policy_warnings(policy)] == ["rules[151]"]
    assert process_time() - began < 2


def test_a_rule_that_starts_without_a_limit_of_starts_is_told_how_to_set_one() -> None:
    policy = (
        'schedules: {office: {timezone: UTC, running: ["mon-fri 07:00-19:00"]}}\n'
        "rules: [{name: a, where: everything, schedule: office, start: what_was_stopped}]\n"
        "guardrails: {max_stops: 1%s}\n"
    )
    [(path, _, message)] = warnings(policy % "")
    assert (path, "max_starts: 500" in message) == ("guardrails", True)
    for limit in (", max_starts: 2", ", max_starts_percent: 50", ", per_account: {max_starts: 2}"):
        assert warnings(policy % limit) == []


@pytest.mark.parametrize(
    ("where", "place", "form"),
    [
        ("{not: {tag: {Owner: absent}}}", "rules[0].where.not.tag.Owner", "{absent: true}"),
        (
            "{any: [{account_tag: {Of: [a, Present]}}]}",
            "rules[0].where.any[0].account_tag.Of[1]",
            "{present: true}",
        ),
    ],
)
def test_a_word_that_is_taken_for_a_value_of_a_tag(where: str, place: str, form: str) -> None:
    policy = load(f"version: 1\nname: p\nguardrails: {{max_stops: 1}}\nrules: [{{name: a, where: {where}}}]")
    [warning] = policy_warnings(policy)
    assert warning.path == place
    assert form in warning.message


def test_a_form_of_a_tag_and_a_value_that_has_such_a_word_in_it_are_no_such_word() -> None:
    where = "{all: [{tag: {Owner: {absent: true}}}, {tag: {Mode: absent-minded}}]}"
    policy = load(f"version: 1\nname: p\nguardrails: {{max_stops: 1}}\nrules: [{{name: a, where: {where}}}]")
    assert policy_warnings(policy) == ()


def test_a_policy_that_only_tags_needs_no_limit_of_stops() -> None:
    policy = load("version: 1\nname: p\nrules: [{name: a, where: everything, action: notify}]")
    assert policy_warnings(policy) == ()


@pytest.mark.parametrize("kinds", ["ec2", "ec2, rds", "rds_cluster"])
def test_stop_again_of_what_aws_never_starts_by_itself_is_told_to_have_no_meaning(kinds: str) -> None:
    rule = f"rules: [{{name: a, kinds: [{kinds}], where: everything, stop_again: false}}]\n"
    found = [one for one in warnings(LIMIT + rule) if "stop_again" in one[0]]
    if kinds != "ec2":
        assert found == []
        return
    [(path, _, message)] = found
    assert path == "rules[0].stop_again"
    assert message.startswith("`stop_again` has no meaning for ec2: ")


def test_stop_again_is_about_stops_alone() -> None:
    with pytest.raises(PolicyError, match="`stop_again` is about stops, and `action: notify` stops nothing"):
        load(HEAD + "rules: [{name: a, kinds: [rds], where: everything, action: notify, stop_again: false}]")
