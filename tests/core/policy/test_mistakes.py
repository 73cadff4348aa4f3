"""A policy document with mistakes: every one at once, each with its path, its line and what would be right."""

from __future__ import annotations

import sys

import pytest

from orchestrator.errors import PolicyError
from tests.support.policies import DESIGN_POLICY, QUOTES, RULE, load, places, problems, the_problem


def test_five_mistakes_are_five_problems_in_the_order_of_their_lines() -> None:
    text = """\
        version: 1
        name: nonprod
        timezone: Europe/Berlln
        schedules:
          night: {timezone: UTC, running: ["07:00-07:00"]}
        rules:
          - name: one
            where: {tag: {Environment: [dev, no]}}
            schedule: nigth
        guardrails: {max_stops_percent: 120}
        """
    found = problems(text)
    assert [(problem.path, problem.line) for problem in found] == [
        ("timezone", 3),
        ("schedules.night.running[0]", 5),
        ("rules[0].where.tag.Environment[1]", 8),
        ("rules[0].schedule", 9),
        ("guardrails.max_stops_percent", 10),
    ]
    assert [problem.message for problem in found] == [
        "'Europe/Berlln' is no IANA time zone; did you mean Europe/Berlin?",
        "'07:00-07:00' is an empty window: it ends when it starts; the whole day is 00:00-24:00",
        f"this entry must be text, not false{QUOTES}",
        "there is no schedule 'nigth' (did you mean 'night'?); the schedules are night",
        "`max_stops_percent` must be at most 100, not 120",
    ]


def test_the_text_of_the_error_is_a_line_a_problem_with_source_line_and_path() -> None:
    with pytest.raises(PolicyError) as caught:
        load("version: 2\nname: a b\n", "policy.yaml")
    assert str(caught.value).splitlines() == [
        "policy.yaml:1: version: `version` must be 1, not 2",
        "policy.yaml:2: name: 'a b' does not fit: a name has 1 to 64 letters, digits, `.`, `_` or `-`",
    ]


def test_each_wrong_word_in_the_designs_document_is_found_on_its_line() -> None:
    lines = DESIGN_POLICY.splitlines()
    for number, line in enumerate(lines, start=1):
        key, _, rest = line.partition(":")
        if key.strip() == "office-hours":
            continue  # a name and no word of the language
        found = problems("\n".join([*lines[: number - 1], f"{key}x:{rest}", *lines[number:]]))
        complaints = [problem.message for problem in found if problem.line == number]
        assert any(f"`{key.strip(' -')}x`" in message for message in complaints), (line, found)


@pytest.mark.parametrize(
    ("body", "path", "hint"),
    [
        ("guardrail: {}", "guardrail", "did you mean `guardrails`?"),
        ("organization: {exclude_account: []}", "organization.exclude_account", "did you mean `exclude_accounts`?"),
        ("regions: {inclde: ['*']}", "regions.inclde", "did you mean `include`?"),
        (
            "schedules: {x: {timezone: UTC, running: [daily 00:00-24:00], runing: 1}}",
            "schedules.x.runing",
            "did you mean `running`?",
        ),
        (
            "schedules: {per_account: {timezone: UTC, running: [daily 00:00-24:00], timezon: 1}}",
            "schedules.per_account.timezon",
            "did you mean `timezone`?",
        ),
        ("rules: [{name: a, where: everything, wehre: x}]", "rules[0].wehre", "did you mean `where`?"),
        ("guardrails: {max_stop: 1}", "guardrails.max_stop", "did you mean `max_stops`?"),
        (
            "guardrails: {per_account: {max_stop_percent: 1}}",
            "guardrails.per_account.max_stop_percent",
            "did you mean `max_stops_percent`?",
        ),
        ("rules: [{name: a, where: {tags: {A: b}}}]", "rules[0].where.tags", "did you mean `tag`?"),
        ("rules: [{name: a, where: {not: {regoin: b}}}]", "rules[0].where.not.regoin", "did you mean `region`?"),
        (
            "rules: [{name: a, where: {all: [{region: b}, {acount: b}]}}]",
            "rules[0].where.all[1].acount",
            "did you mean `account`?",
        ),
    ],
)
def test_an_unknown_key_at_any_level_is_named_with_what_was_probably_meant(body: str, path: str, hint: str) -> None:
    found_path, line, message = the_problem(body)
    assert (found_path, line) == (path, 1)
    assert f"`{path.rsplit('.', 1)[-1]}`" in message
    assert hint in message


def test_an_unknown_key_that_is_like_nothing_gets_the_known_ones_and_no_guess() -> None:
    _, _, message = the_problem("regions: {zzz: 1}")
    assert message == "the key `zzz` is unknown; known here: include, exclude"


def test_an_unknown_key_in_the_limits_per_account_gets_the_keys_known_there() -> None:
    _, _, message = the_problem("guardrails: {per_account: {zzz: 1}}")
    assert (
        message == "the key `zzz` is unknown; known here: max_stops, max_stops_percent, max_starts, max_starts_percent"
    )


def test_what_is_missing_is_reported_on_the_line_where_its_part_begins() -> None:
    assert places("rules:\n  - kinds: [ec2]\n") == [
        ("version", 1),
        ("name", 1),
        ("rules[0].name", 2),
        ("rules[0].where", 2),
    ]


def test_a_rule_without_where_is_told_how_to_say_everything() -> None:
    path, _, message = the_problem("rules:\n  - name: a\n")
    assert path == "rules[0].where"
    assert message == "is missing: the rule would match everything; if that is meant, say `where: everything`"


def test_a_rule_name_that_is_taken_names_the_line_of_the_first() -> None:
    path, line, message = the_problem(
        "rules:\n  - where: everything\n    name: one\n  - where: everything\n    name: one\n"
    )
    assert (path, line) == ("rules[1].name", 5)
    assert message == "the rule name 'one' is taken by the rule on line 5; names are unique"


def test_a_reference_to_a_schedule_where_there_are_none_says_so() -> None:
    assert the_problem(f"{RULE}    schedule: night\n") == (
        "rules[0].schedule",
        4,
        "there is no schedule 'night'; the policy has no schedules",
    )


@pytest.mark.parametrize("number", ["120", "-1", "'60'", "60%", "true", ".nan", ".inf", "[]", "100.1"])
def test_a_percentage_is_a_number_from_zero_to_a_hundred(number: str) -> None:
    for key in ("max_stops_percent", "min_coverage_percent"):
        path, line, _ = the_problem(f"guardrails:\n  {key}: {number}\n")
        assert (path, line) == (f"guardrails.{key}", 2)


def test_a_percentage_or_version_of_the_wrong_type_repeats_what_was_written() -> None:
    assert the_problem("guardrails: {max_stops_percent: 60%}")[2] == "must be a number, not '60%'"
    (problem,) = problems("version: true\nname: nonprod\n")
    assert problem.message == "`version` must be 1, not true"


@pytest.mark.parametrize("number", ["-1", "1.5", "10.0", "'5'", "true", "1e3", "{}", "0x" + "f" * 5000, "9" * 5000])
def test_a_count_is_a_whole_number_that_is_not_negative(number: str) -> None:
    path, line, _ = the_problem(f"guardrails:\n  per_account:\n    max_stops: {number}\n")
    assert (path, line) == ("guardrails.per_account.max_stops", 3)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (f"{RULE}    schedule:\n", "rules[0].schedule"),
        ("guardrails:\n  max_stops:\n", "guardrails.max_stops"),
        ("guardrails:\n  max_stops_percent: null\n", "guardrails.max_stops_percent"),
        ("guardrails:\n  min_coverage_percent: ~\n", "guardrails.min_coverage_percent"),
        ("guardrails: {per_account: {max_stops: }}\n", "guardrails.per_account.max_stops"),
        ("guardrails: {per_account: {max_stops_percent: }}\n", "guardrails.per_account.max_stops_percent"),
    ],
)
def test_a_limit_or_schedule_left_empty_is_refused_rather_than_read_as_no_limit(body: str, path: str) -> None:
    found_path, _, message = the_problem(body)
    assert (found_path, message) == (path, "has no value; give it one or leave the key out")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("organization: 5", "must be a mapping, not 5"),
        ("organization:", "must be a mapping, not an empty value"),
        ("regions: []", "must be a mapping, not a list"),
        ("schedules: []", "must be a mapping, not a list"),
        ("rules: {}", "must be a list, not a mapping"),
        ("guardrails: x", "must be a mapping, not 'x'"),
        ("required_tags: Owner", "must be a list, not 'Owner'"),
    ],
)
def test_a_section_of_the_wrong_type_says_what_it_must_be(section: str, message: str) -> None:
    assert the_problem(section) == (section.partition(":")[0], 1, message)


@pytest.mark.parametrize("version", ["2", "true", "1.0", "'1'", "[1]", "0"])
def test_the_version_is_the_number_one_and_nothing_like_it(version: str) -> None:
    assert places(f"version: {version}\nname: nonprod\n") == [("version", 1)]


@pytest.mark.parametrize("name", ["'a b'", "''", "5", f"{'a' * 65}", "'-a'", "/a", 'a"', "true", '"a\\n"'])
def test_a_name_is_short_text_of_letters_digits_and_a_few_signs(name: str) -> None:
    assert places(f"version: 1\nname: {name}\n") == [("name", 2)]


@pytest.mark.parametrize(
    "zone", ["Berlin", "europe/berlin", "'+01:00'", "CETT", "localtime", "Factory", "''", "no", "../etc/passwd", "1"]
)
def test_a_time_zone_is_one_of_ianas_names(zone: str) -> None:
    assert the_problem(f"timezone: {zone}\n")[:2] == ("timezone", 1)
    body = f"schedules:\n  s:\n    running: [daily 00:00-24:00]\n    timezone: {zone}\n"
    assert the_problem(body)[:2] == ("schedules.s.timezone", 4)


def test_a_time_zone_that_is_like_no_other_gets_an_example() -> None:
    _, _, message = the_problem("timezone: '+05:30'")
    assert message == "'+05:30' is no IANA time zone; use a name such as Europe/Berlin or UTC"


def test_a_time_zone_with_braces_in_it_is_repeated_as_it_was_written() -> None:
    assert the_problem("timezone: '{hint}'")[2].startswith("'{hint}' is no IANA time zone")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("---\n", "an empty value"), ("\n- a\n", "a list"), ("hello", "'hello'"), ("5", "5"), ("~", "an empty value")],
)
def test_a_document_that_is_no_mapping_says_what_it_must_be(text: str, shown: str) -> None:
    (problem,) = problems(text)
    assert (problem.path, problem.message) == (
        "",
        f"the document must be a mapping with `version` and `name`, not {shown}",
    )


@pytest.mark.parametrize("text", ["", "# nothing here\n", "a: [1\n", "\x00"])
def test_a_document_that_cannot_be_read_is_one_problem_of_the_whole(text: str) -> None:
    (problem,) = problems(text)
    assert problem.path == ""
    assert "mapping" not in problem.message


def test_what_cannot_be_read_hides_no_other_mistake() -> None:
    text = "version: 1\nname: a\nname: b\ntimezone: !own UTC\nrequired_tags: Owner\nguardrail: {}\n"
    assert places(text) == [("name", 3), ("timezone", 4), ("required_tags", 5), ("guardrail", 6)]


def test_a_key_that_is_there_twice_is_a_problem_on_the_line_of_the_second() -> None:
    assert the_problem(f"{RULE}    where: {{region: eu-*}}\n") == (
        "rules[0].where",
        4,
        "the key is there twice; the first is on line 5",
    )


def test_a_merge_key_is_an_unknown_key_because_it_would_hide_what_a_rule_says() -> None:
    assert places("base: &base {timezone: UTC}\nversion: 1\nname: a\n<<: *base\n") == [("base", 1), ("<<", 4)]


@pytest.mark.parametrize(
    ("body", "meant"),
    [
        ("max_tag_age: 5min", "5m"),
        ("max_fact_age: 1 hour", "1h"),
        ("max_start_wait: 5M", "5m"),
        ("rules: [{name: a, where: {age: {at_least: 7 days}}}]", "7d"),
        ("rules: [{name: a, where: {age: {at_least: 2weeks}}}]", "2w"),
        ("rules: [{name: a, where: {idle: {cpu_below: 5, for: 24hrs}}}]", "24h"),
        ("rules: [{name: a, where: {idle: {network_below: 1mb, for: 24h}}}]", "1MB"),
        ("rules: [{name: a, where: {tag: {A: {before: todya}}}}]", "today"),
        ("rules: [{name: a, where: {platform: linux}}]", "'Linux/UNIX'"),
        ("timezone: Berlin", "Europe/Berlin"),
        ("timezone: new york", "America/New_York"),
        ("schedules: {a: {timezone: UTC, running: janury mon 07:00-08:00}}", "january"),
        ("schedules: {a: {timezone: UTC, running: frist mon 07:00-08:00}}", "first"),
        ("schedules: {a: {timezone: UTC, running: dailly 07:00-08:00}}", "daily"),
    ],
)
def test_units_zones_and_words_of_lines_that_are_nearly_right_say_what_was_meant(body: str, meant: str) -> None:
    assert f"did you mean {meant}?" in the_problem(body)[2]


def test_a_month_is_not_taken_for_a_minute() -> None:
    assert "did you mean" not in the_problem("rules: [{name: a, where: {age: {at_least: 1 month}}}]")[2]


def test_a_country_that_was_left_out_of_the_package_is_a_mistake_and_never_a_working_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "holidays.countries.tuvalu", None)
    path, line, said = the_problem("schedules: {a: {timezone: UTC, running: 07:00-08:00, holidays: TV}}")
    assert (path, line) == ("schedules.a.holidays", 1)
    assert said == "the holidays of TV are not shipped; name the days under `except`"


def test_a_country_that_no_release_of_the_library_has_is_a_mistake() -> None:
    _, _, said = the_problem("schedules: {a: {timezone: UTC, running: 07:00-08:00, holidays: [DE, XX]}}")
    assert said.startswith("'XX' has no country that the holidays library knows")
