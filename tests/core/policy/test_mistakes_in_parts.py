"""Mistakes inside organization, schedules, rules and `where`; the values that YAML reads as something else."""

from __future__ import annotations

import pytest

from orchestrator.core.policy.loading import load_policy
from orchestrator.kinds.ec2.description import EC2
from orchestrator.kinds.rds.description import RDS
from tests.support.policies import HEAD, QUOTES, places, problems, the_problem


def where_problem(where: str) -> tuple[str, str]:
    """The only problem of a rule with this condition: its path below `where` and its message."""
    path, _, message = the_problem(f"rules: [{{name: one, where: {where}}}]")
    return path.removeprefix("rules[0].where"), message


@pytest.mark.parametrize(
    "account",
    ["111122223333", "'11112222333'", "'1111222233334'", "11112222333", "011112222333", "'١١١١٢٢٢٢٣٣٣٣'", "''"],
)
def test_an_excluded_account_is_twelve_digits_in_quotes(account: str) -> None:
    body = f"organization:\n  exclude_accounts:\n    - '111122223333'\n    - {account}\n"
    path, line, message = the_problem(body)
    assert (path, line) == ("organization.exclude_accounts[1]", 4)
    assert "quotes" in message or message == "must not be empty"


def test_a_wrong_account_or_ou_says_what_is_right() -> None:
    assert the_problem("organization: {exclude_accounts: ['123']}")[2] == (
        "'123' does not fit: an account id has twelve digits; put it in quotes"
    )
    assert the_problem("organization: {exclude: [Labs]}")[2] == (
        "'Labs' must be an OU path such as /Workloads/Dev, or an OU id such as ou-a1b2-c3d4e5f6"
    )


@pytest.mark.parametrize("key", ["include", "exclude"])
@pytest.mark.parametrize("ou", ["Dev", "''", "5", "ou-1234-abcd", "OU-a1b2-c3d4e5f6", "{}"])
def test_an_ou_in_the_scope_is_an_id_or_a_path_from_the_root(key: str, ou: str) -> None:
    path, line, _ = the_problem(f"organization:\n  {key}:\n    - /Labs\n    - {ou}\n")
    assert (path, line) == (f"organization.{key}[1]", 4)


def test_an_empty_list_of_ous_to_include_is_refused_rather_than_read_as_the_whole_organization() -> None:
    assert the_problem("organization: {include: []}") == ("organization.include", 1, "must have at least one entry")


@pytest.mark.parametrize("flag", ["'yes'", "1", "maybe", "[]", "''"])
def test_whether_the_management_account_counts_is_true_or_false(flag: str) -> None:
    path, _, _ = the_problem(f"organization: {{include_management_account: {flag}}}")
    assert path == "organization.include_management_account"


def test_regions_to_include_are_at_least_one_and_text() -> None:
    assert the_problem("regions: {include: []}")[::2] == ("regions.include", "must have at least one entry")
    assert the_problem("regions: {include: [5]}")[::2] == ("regions.include[0]", f"must be text, not 5{QUOTES}")
    assert the_problem("regions: {exclude: ['']}")[::2] == ("regions.exclude[0]", "must not be empty")


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ("'07:00-07:00'", "is an empty window: it ends when it starts"),
        ("00:00-00:00", "is an empty window: it ends when it starts"),
        ("mon-fri", "is no window; write it like `mon-fri 07:00-19:00`"),
        ("'xyz 07:00-08:00'", "'xyz' in 'xyz 07:00-08:00' is no day; days are mon, tue"),
        ("'mon- 07:00-08:00'", "is no day"),
        ("mon 07:00-24:01", "24:01 in 'mon 07:00-24:01' is no time of day"),
        ("mon 07:60-08:00", "07:60 in 'mon 07:60-08:00' is no time of day"),
        ("mon 24:00-08:00", "starts at 24:00"),
        ("mon 7-19", "is no window"),
        ("mon 07:00–19:00", "is no window"),  # noqa: RUF001 - the dash that a word processor makes
        ("mon 0７:00-19:00", "is no window"),  # noqa: RUF001 - a full-width digit
        ("mon 07:00-19:00 tue", "is no window"),
        (
            "19:00",
            "`19:00` is a number to the base 60 in YAML 1.1, which means 1140; if it is meant as text, put it in",
        ),
        ("''", "must not be empty"),
        ("[]", "must be text, not a list"),
    ],
)
def test_a_window_that_makes_no_sense_says_what_would(window: str, message: str) -> None:
    body = f"schedules:\n  s:\n    timezone: UTC\n    running:\n    - daily 00:00-24:00\n    - {window}\n"
    path, line, found = the_problem(body)
    assert (path, line) == ("schedules.s.running[1]", 6)
    assert message in found


def test_a_schedule_without_windows_is_refused() -> None:
    found = problems(f"{HEAD}schedules:\n  a: {{timezone: UTC, running: []}}\n  b: {{}}\n  c:\n")
    assert [(problem.path, problem.line, problem.message) for problem in found] == [
        ("schedules.a.running", 4, "`running` must have at least one entry"),
        ("schedules.b.timezone", 5, "`timezone` is missing; name an IANA time zone, such as `timezone: Europe/Berlin`"),
        (
            "schedules.b.running",
            5,
            '`running` is missing; say when resources run, such as `running: ["mon-fri 07:00-19:00"]`',
        ),
        ("schedules.c", 6, "`c` must be a mapping, not an empty value"),
    ]


def test_only_the_wrong_window_of_a_schedule_is_reported_and_not_that_none_is_left() -> None:
    assert places(f"{HEAD}schedules: {{a: {{timezone: UTC, running: [x]}}}}") == [("schedules.a.running[0]", 3)]


@pytest.mark.parametrize(
    ("rule", "path", "message"),
    [
        ("{name: a, where: everything, kinds: ec2}", ".kinds", "must be a list, not 'ec2'"),
        ("{name: a, where: everything, kinds: [rds]}", ".kinds[0]", "must be 'ec2', not 'rds'"),
        ("{name: a, where: everything, kinds: []}", ".kinds", "must have at least one entry"),
        (
            "{name: a, where: everything, action: nuke}",
            ".action",
            "must be 'stop', 'hibernate', 'tag' or 'notify', not 'nuke'",
        ),
        ("{name: a, where: everything, schedule: 5}", ".schedule", f"must be text, not 5{QUOTES}"),
        ("{name: a, where: everything, schedule: ''}", ".schedule", "must not be empty"),
        ("everything", "", "must be a mapping, not 'everything'"),
        ("", "", "must be a mapping, not an empty value"),
    ],
)
def test_a_wrong_part_of_a_rule_is_named(rule: str, path: str, message: str) -> None:
    assert the_problem(f"rules:\n  - {rule}\n") == (f"rules[0]{path}", 2, message)


@pytest.mark.parametrize(
    ("where", "path", "message"),
    [
        ("{}", "", "is empty and would match everything; if that is meant, say `everything`"),
        ("", "", "must be a mapping of conditions or the word `everything`, not an empty value"),
        ("all", "", "must be a mapping of conditions or the word `everything`, not 'all'"),
        ("true", "", "must be a mapping of conditions or the word `everything`, not true"),
        ("[everything]", "", "must be a mapping of conditions or the word `everything`, not a list"),
        ("{not: {}}", ".not", "is empty and would match everything; if that is meant, say `everything`"),
        ("{all: []}", ".all", "must be a list of at least one condition, not an empty one"),
        ("{any: {region: a}}", ".any", "must be a list of at least one condition, not a mapping"),
        ("{any: }", ".any", "must be a list of at least one condition, not an empty value"),
        ("{all: [{}]}", ".all[0]", "is empty and would match everything; if that is meant, say `everything`"),
        (
            "{tag: {}}",
            ".tag",
            "must name at least one tag, such as {Environment: [dev, test]}",
        ),
        ("{tag: Env}", ".tag", "must be a mapping of tags, such as {Environment: [dev, test]}, not 'Env'"),
        ("{tag: {Env: []}}", ".tag.Env", "is an empty list and would match nothing; name at least one value"),
        (
            "{tag: {Env: ['']}}",
            ".tag.Env[0]",
            "is empty text and would match nothing but an empty value; use a glob such as `*`",
        ),
        ("{region: []}", ".region", "is an empty list and would match nothing; name at least one value"),
        ("{instance_type: {a: b}}", ".instance_type", "must be text, not a mapping"),
        (
            "{organizational_unit: [/Dev, Labs]}",
            ".organizational_unit[1]",
            "'Labs' must be an OU path such as /Workloads/Dev, or an OU id such as ou-a1b2-c3d4e5f6",
        ),
        ("{account: '11112222333'}", ".account", "'11112222333' is no account id; an account id has twelve digits"),
        ("{account: [11112222333]}", ".account[0]", f"must be text, not 11112222333{QUOTES}"),
        ("{account: -12345678901}", ".account", f"must be text, not -12345678901{QUOTES}"),
        ("{account: true}", ".account", f"must be text, not true{QUOTES}"),
    ],
)
def test_a_condition_that_cannot_be_meant_says_why(where: str, path: str, message: str) -> None:
    assert where_problem(where) == (path, message)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("on", "true"),
        ("off", "false"),
        ("yes", "true"),
        ("no", "false"),
        ("true", "true"),
        ("12", "12"),
        ("1.5", "1.5"),
        ("2026-12-31", "2026-12-31"),
        ("2026-12-31T10:00:00Z", "2026-12-31 10:00:00+00:00"),
        ("null", ""),
        ("", ""),
    ],
)
def test_a_value_that_yaml_reads_as_something_else_must_be_quoted(value: str, shown: str) -> None:
    for word in ("tag", "account_tag"):
        assert where_problem(f"{{{word}: {{Env: [dev, {value}, test]}}}}" if value else f"{{{word}: {{Env: }}}}") == (
            f".{word}.Env[1]" if value else f".{word}.Env",
            f"must be text, not {shown}{QUOTES}" if shown else "must be text, not an empty value",
        )


@pytest.mark.parametrize(
    "value", ["2026-13-01", "0123", "1:30", "!!int ''", "!!bool maybe", "!!timestamp soon", "=", "!own x"]
)
def test_a_value_that_yaml_cannot_read_is_one_problem_and_not_two(value: str) -> None:
    path, _ = where_problem(f"{{tag: {{Env: [dev, {value}]}}}}")
    assert path == ".tag.Env[1]"


def test_required_tags_are_text_and_each_is_named_once() -> None:
    found = problems(f"{HEAD}required_tags:\n  - Owner\n  - 5\n  - 5\n  - Owner\n  - ''\n")
    assert [(problem.path, problem.line, problem.message) for problem in found] == [
        ("required_tags[1]", 5, f"this entry must be text, not 5{QUOTES}"),
        ("required_tags[2]", 6, f"this entry must be text, not 5{QUOTES}"),
        ("required_tags[3]", 7, "the tag 'Owner' is named twice"),
        ("required_tags[4]", 8, "this entry must not be empty"),
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("5", "must be a number with s, m or h, such as 90s, 5m or 1h, not 5"),
        ("5 minutes", "must be a number with s, m or h, such as 90s, 5m or 1h, not '5 minutes'; did you mean 5m?"),
        ("-5m", "must be a number with s, m or h, such as 90s, 5m or 1h, not '-5m'"),
        ("90", "must be a number with s, m or h, such as 90s, 5m or 1h, not 90"),
        ("", "must be a number with s, m or h, such as 90s, 5m or 1h, not an empty value"),
        ("59s", "must be from 1m to 1h, not 59s"),
        ("61m", "must be from 1m to 1h, not 61m"),
    ],
)
def test_an_age_is_a_number_with_its_unit_within_its_bounds(value: str, message: str) -> None:
    assert the_problem(f"max_tag_age: {value}\n") == ("max_tag_age", 1, message)


@pytest.mark.parametrize("value", ["59s", "25h"])
def test_facts_count_for_a_minute_to_a_day(value: str) -> None:
    assert the_problem(f"max_fact_age: {value}\n")[2] == f"must be from 1m to 24h, not {value}"


@pytest.mark.parametrize("value", ["1s", "14s", "61m"])
def test_a_wait_for_starts_is_long_enough_to_tell_what_fell_back(value: str) -> None:
    text = f"must be from 15s to 1h, not {value}: AWS's answers may be 15s behind, so what fell back is not told sooner"
    assert the_problem(f"max_start_wait: {value}\n")[2] == text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("organization: {include_management_account: 'yes'}", "must be true or false, not 'yes'"),
        ("guardrails: {max_stops: -1}", "must be at least 0, not -1"),
        ("guardrails: {max_stops: 1.5}", "must be a whole number, not 1.5"),
        ("guardrails: {max_stops_percent: 101}", "must be at most 100, not 101"),
        ("plan_valid_hours: 0", "must be more than 0, not 0"),
        ("plan_valid_hours: 200", "must be at most 168, not 200"),
        ("waves: [{accounts: 0}]", "must be at least 1, not 0"),
        ("unresolved_names: Hold", "must be 'hold' or 'allow', not 'Hold'; did you mean 'hold'?"),
        ("kill_switch: {unreadable: STOP}", "must be 'go_on' or 'stop', not 'STOP'; did you mean 'stop'?"),
        ("timezone: europe/berlin", "'europe/berlin' is no IANA time zone; did you mean Europe/Berlin?"),
    ],
)
def test_a_message_names_what_it_read_and_what_would_be_right(body: str, message: str) -> None:
    assert the_problem(body)[2] == message


@pytest.mark.parametrize("action", ["terminate", "delete", "shutdown"])
def test_what_is_near_to_nothing_gets_no_hint(action: str) -> None:
    message = the_problem(f"rules: [{{name: a, where: everything, action: {action}}}]")[2]
    assert message == f"must be 'stop', 'hibernate', 'tag' or 'notify', not '{action}'"


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        ("{name: a, where: everything, kinds: [EC2]}", "not 'EC2'; did you mean 'ec2'?"),
        ("{name: a, where: everything, action: Stop}", "not 'Stop'; did you mean 'stop'?"),
        ("{name: a, where: {Tag: {a: b}}}", "`Tag` is no condition (did you mean `tag`?)"),
        ("{name: a, where: {ORGANIZATIONAL_UNIT: /a}}", "did you mean `organizational_unit`?"),
        ("{name: a, where: everything, Schedule: b}", "the key `Schedule` is unknown (did you mean `schedule`?)"),
        ("{name: a, where: everything, schedule: NIGHT}", "there is no schedule 'NIGHT' (did you mean 'night'?)"),
    ],
)
def test_a_word_in_another_case_has_the_word_that_was_meant(rule: str, hint: str) -> None:
    night = "schedules: {night: {timezone: UTC, running: [daily 07:00-08:00]}}\n"
    assert hint in the_problem(f"{night}rules: [{rule}]")[2]


def test_what_is_not_there_is_told_with_an_example() -> None:
    assert sorted(problem.message for problem in problems("timezone: UTC")) == [
        "`name` is missing; give it a name, such as `name: nonprod`",
        "`version` is missing; say `version: 1`",
    ]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("guardrails: {max_stops: 010}", "guardrails.max_stops"),
        ("guardrails: {max_stops_percent: 010}", "guardrails.max_stops_percent"),
        ("plan_valid_hours: 010", "plan_valid_hours"),
        ("waves: [{accounts: 010}]", "waves[0].accounts"),
        ("organization: {exclude_accounts: [010]}", "organization.exclude_accounts[0]"),
        ("organization: 010", "organization"),
        ("max_tag_age: 010", "max_tag_age"),
        ("required_tags: [010]", "required_tags[0]"),
        ("kill_switch: {unreadable: 010}", "kill_switch.unreadable"),
        ("rules: [{name: 010, where: everything}]", "rules[0].name"),
        ("rules: [{name: a, where: {account: 010}}]", "rules[0].where.account"),
        ("rules: [{name: a, where: {all: [{tag: {Room: [a, 010]}}]}}]", "rules[0].where.all[0].tag.Room[1]"),
        ("rules: [{name: a, where: {not: 010}}]", "rules[0].where.not"),
        ("rules: [{name: a, where: everything, kinds: 010}]", "rules[0].kinds"),
        ("rules: [{name: a, where: everything, schedule: 010}]", "rules[0].schedule"),
        ("schedules: {a: {timezone: 010, running: [daily 00:00-24:00]}}", "schedules.a.timezone"),
        ("schedules: {a: {timezone: UTC, running: 010}}", "schedules.a.running"),
    ],
)
@pytest.mark.parametrize("number", ["010", "1:30"])
def test_a_misleading_number_is_the_only_mistake_at_its_place_wherever_it_stands(
    body: str, path: str, number: str
) -> None:
    found_path, line, message = the_problem(body.replace("010", number))
    assert (found_path, line) == (path, 1)
    assert message.startswith(f"`{number}` is ")


def test_a_policy_by_which_a_sweep_began_is_read_as_it_was_read_then() -> None:
    text = f"{HEAD}guardrails: {{max_stops: 010}}\nabort_if_failures_percent:\n"
    policy = load_policy(text, "stored", (EC2,), stored=True)
    assert (policy.guardrails.max_stops, policy.abort_if_failures_percent) == (8, None)
    assert [path for path, _ in places(text)] == ["guardrails.max_stops", "abort_if_failures_percent"]


@pytest.mark.parametrize(
    ("body", "path", "said"),
    [
        ("order: {rdss: 10}", "order.rdss", "must be 'ec2' or 'rds', not 'rdss'; did you mean 'rds'?"),
        ("order: {lambda: 10}", "order.lambda", "must be 'ec2' or 'rds', not 'lambda'"),
        ("order: {ec2: first}", "order.ec2", "must be a whole number, not 'first'"),
        ("order: {ec2: 1.5}", "order.ec2", "must be a whole number, not 1.5"),
        ("order: {ec2: true}", "order.ec2", "must be a whole number, not true"),
        ("order: {ec2: -1}", "order.ec2", "must be at least 0, not -1"),
        ("order: {ec2: 1001}", "order.ec2", "must be at most 1000, not 1001"),
        ("order: [ec2, rds]", "order", "must be a mapping, not a list"),
        ("oder: {ec2: 10}", "oder", "the key `oder` is unknown (did you mean `order`?)"),
    ],
)
def test_an_order_is_a_number_for_each_kind_that_there_is(body: str, path: str, said: str) -> None:
    found, line, message = the_problem(body, (EC2, RDS))
    assert (found, line, message[: len(said)]) == (path, 1, said)


def test_kinds_that_the_order_leaves_out_keep_their_own_number() -> None:
    policy = load_policy(f"{HEAD}order: {{ec2: 40}}\n", "p", (EC2, RDS))
    assert policy.order == {"ec2": 40, "rds": 30}


@pytest.mark.parametrize("value", ["'no'", "'false'", "banana", "0", "1"])
def test_a_choice_between_two_is_no_text_and_no_number(value: str) -> None:
    body = f"rules:\n  - name: a\n    kinds: [rds]\n    where: everything\n    stop_again: {value}\n"
    [(path, line, message)] = [(one.path, one.line, one.message) for one in problems(HEAD + body, (EC2, RDS))]
    assert (path, line) == ("rules[0].stop_again", 7)
    shown = value if value.isdigit() else repr(value.strip("'"))
    assert message == f"`stop_again` must be true or false, not {shown}"
