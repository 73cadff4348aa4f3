"""Words of other tools and of other people: each error says what is right here, and what it says is right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest

from orchestrator.core.policy.conditions.words import words_of
from orchestrator.core.policy.messages import PARTS
from orchestrator.core.policy.other_words import BOUNDS, CONDITIONS, EXCEPTION_WORDS, KEYS, NO_LINES, VALUES
from orchestrator.core.policy.schedules.from_tag import schedule_named
from orchestrator.core.policy.schedules.lines import parse_line
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.support.policies import HEAD, load, problems

OFFICE = "schedules: {office-hours: {timezone: UTC, running: [mon-fri 07:00-19:00]}}"
RIGHT = re.compile(r"write (?:it like )?`([^`]*)`")
ALL_KINDS = tuple(DESCRIPTIONS)
BODIES: Mapping[str, str] = {
    "policy": "%s",
    "rules": f"{OFFICE}\nrules: [{{name: one, %s}}]",
    "schedules": "schedules: {x: {timezone: UTC, running: [daily 07:00-08:00], %s}}",
    "except": "schedules: {x: {timezone: UTC, running: [daily 07:00-08:00], except: [{%s}]}}",
    "line": "schedules: {x: {timezone: UTC, running: {time: 07:00-08:00, %s}}}",
    "notice": "rules: [{name: one, where: everything, notice: {%s}}]",
    "started_by_hand": f"{OFFICE}\nrules: [{{name: one, where: everything, schedule: office-hours, "
    "started_by_hand: {%s}}]",
}
"""A document around one key of each part."""
BESIDE: Mapping[str, str] = {"rules": "where: everything", "except": "on: 12-24, running: none", "schedules": ""}
TIMED = frozenset({"schedules", "line"})


def the_message(body: str) -> str:
    """Of a document with one mistake, about whatever kind."""
    (found,) = problems(HEAD + body, ALL_KINDS)
    return found.message


def with_key(part: str, key: str) -> str:
    """A right document with that key in that part, and whatever the part needs beside it."""
    beside = [one for one in BESIDE.get(part, "").split(", ") if one and name_of(one) != name_of(key)]
    if part == "except" and key.startswith(("from", "until")):
        beside = ["running: none", "until: 2027-01-02" if key.startswith("from") else "from: 2026-12-24"]
    body = BODIES[part]
    if part in TIMED:
        body = re.sub(rf"(?<=[{{ ]){name_of(key)}: [^,]*, ", "", body)
    return HEAD + body % ", ".join([key, *beside])


def name_of(right: str) -> str:
    return right.partition(":")[0]


def written(words: Mapping[str, str]) -> Iterator[str]:
    """What the texts of a table tell people to write."""
    for text in dict.fromkeys(words.values()):
        yield from RIGHT.findall(text)


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("weekdays 07:00-19:00", "mon-fri 07:00-19:00"),
        ("Weekday 07:00-19:00", "mon-fri 07:00-19:00"),
        ("workdays 07:00-19:00", "mon-fri 07:00-19:00"),
        ("working days 07:00-19:00", "mon-fri 07:00-19:00"),
        ("m-f 7-19", "mon-fri 07:00-19:00"),
        ("everyday 07:00-19:00", "daily 07:00-19:00"),
        ("every day 07:00-19:00", "daily 07:00-19:00"),
        ("* 07:00-19:00", "daily 07:00-19:00"),
        ("weekend 08:00-12:00", "sat,sun 08:00-12:00"),
        ("weekends 08:00-12:00", "sat,sun 08:00-12:00"),
        ("fridays 08:00-12:00", "friday 08:00-12:00"),
        ("7am-7pm", "07:00-19:00"),
        ("mon-fri 7:30 a.m.-12pm", "mon-fri 07:30-12:00"),
        ("mon 12am-8am", "mon 00:00-08:00"),
        ("mon-fri noon-midnight", "mon-fri 12:00-00:00"),
        ("mon-fri 0700-1900", "mon-fri 07:00-19:00"),
        ("mon-fri 07.00-19.00", "mon-fri 07:00-19:00"),
        ("mon-fri 7h30-19h", "mon-fri 07:30-19:00"),
        ("mon-fri 07:00:00-19:00:00", "mon-fri 07:00-19:00"),
        ("mon-fri 7-19", "mon-fri 07:00-19:00"),
        ("mon\N{EN DASH}fri 07:00\N{EN DASH}19:00", "mon-fri 07:00-19:00"),
        ("mon through fri 07:00 to 19:00", "mon-fri 07:00-19:00"),
        ("from mon to fri 07:00 to 19:00", "mon-fri 07:00-19:00"),
        ("mon-fri from 07:00 until 19:00", "mon-fri 07:00-19:00"),
        ("mon-fri between 07:00 and 19:00", "mon-fri 07:00-19:00"),
        ("mon & tuesday 07:00-19:00", "mon,tuesday 07:00-19:00"),
        ("mon-fri 07:00-19:00 Europe/Berlin", "mon-fri 07:00-19:00"),
        ("after mon-fri 7am", "from mon-fri 07:00"),
        ("before mon-fri 7pm", "until mon-fri 19:00"),
        ("until weekdays 19:00", "until mon-fri 19:00"),
        ("always", "daily 00:00-24:00"),
        ("24/7", "daily 00:00-24:00"),
    ],
)
def test_a_line_in_other_words_is_no_line_and_the_error_has_it_in_the_right_ones(line: str, right: str) -> None:
    said = the_message(f"schedules: {{x: {{timezone: UTC, running: ['{line}']}}}}")
    assert said == f"'{line}' is no window; write `{right}`"
    parse_line(right)


def test_from_with_two_times_is_told_from_the_window_that_was_probably_meant() -> None:
    assert the_message("schedules: {x: {timezone: UTC, running: from mon-fri 07:00-19:00}}") == (
        "'from mon-fri 07:00-19:00' has two times, and `from` takes one: the window is `mon-fri 07:00-19:00`; what "
        "only starts is `from mon-fri 07:00`"
    )


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ("{time: 7am-7pm}", "'7am-7pm' is no time; write `07:00-19:00`"),
        ("{time: 07:00-19:00, days: weekdays}", "'weekdays' is no list of days; write `mon-fri`"),
        ("{time: 07:00-19:00, days: [mon, weekend]}", "'weekend' is no list of days; write `sat,sun`"),
    ],
)
def test_so_have_the_parts_of_a_line(parts: str, said: str) -> None:
    assert the_message(f"schedules: {{x: {{timezone: UTC, running: {parts}}}}}") == said


def test_the_windows_of_an_owners_tag_in_other_words_are_told_with_the_right_ones() -> None:
    assert schedule_named("weekdays 7am-7pm Europe/Berlin", {}) == (
        "'weekdays 7am-7pm' is no window; write `mon-fri 07:00-19:00`"
    )


def test_what_is_like_nothing_gets_no_guess() -> None:
    said = the_message("schedules: {x: {timezone: UTC, running: business hours}}")
    assert "is no window; write it like `mon-fri 07:00-19:00`" in said


@pytest.mark.parametrize("word", ["none", "never", "'off'", "[none]"])
def test_that_nothing_runs_is_said_under_except_alone(word: str) -> None:
    said = the_message(f"schedules: {{x: {{timezone: UTC, running: {word}}}}}")
    assert "only for the days of an entry under `except`" in said
    assert "leave `schedule` out" in said


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("2026-02-30", "there is no 2026-02-30: February 2026 has 28 days"),
        ("'2026-02-30'", "there is no 2026-02-30: February 2026 has 28 days"),
        ("02-30", "there is no 02-30: February has at most 29 days"),
        ("2026-04-31", "there is no 2026-04-31: April 2026 has 30 days"),
        ("2026-24-12", "there is no 2026-24-12: months go from 01 to 12, and stand before the day"),
        ("24.12.2026", "`on` must be a date, not '24.12.2026'; write it like 2026-12-24, or 12-24 for every year"),
    ],
)
def test_a_day_that_the_calendar_does_not_have_is_said_to_be_none(date: str, said: str) -> None:
    body = "schedules: {x: {timezone: UTC, running: [daily 07:00-08:00], except: [{on: %s, running: none}]}}"
    assert the_message(body % date).startswith(said)


def test_a_date_in_the_order_of_other_countries_is_told_in_the_right_one() -> None:
    body = "schedules: {x: {timezone: UTC, running: [daily 07:00-08:00], except: [{on: 24.12.2026, running: none}]}}"
    assert the_message(body).endswith("; write `on: 2026-12-24`")


def test_so_is_one_that_a_tag_is_compared_with() -> None:
    said = the_message("rules: [{name: one, where: {tag: {Until: {before: '2026-02-30'}}}}]")
    assert said.endswith("not '2026-02-30': there is no 2026-02-30: February 2026 has 28 days")


@pytest.mark.parametrize(
    ("rule", "right"),
    [
        ("notice: 3", "notice: {days: 3}"),
        ("notice: 3d", "notice: {days: 3}"),
        ("notice: true", "notice: {days: 3}"),
        ("started_by_hand: keep_for 4h", "started_by_hand: {keep_for: 4h}"),
        ('started_by_hand: "4h"', "started_by_hand: {keep_for: 4h}"),
        ("started_by_hand: 90 min", "started_by_hand: {keep_for: 90m}"),
        ("started_by_hand: keep", "started_by_hand: keep_until_next_window"),
        ("start: true", "start: what_was_stopped"),
        ("start: all", "start: everything"),
        ("action: start", "start: what_was_stopped"),
        ("action: ignore", "action: notify"),
    ],
)
def test_a_value_in_another_shape_is_wrong_and_the_error_has_the_right_one(rule: str, right: str) -> None:
    body = f"{OFFICE}\nrules: [{{name: one, where: everything, schedule: office-hours, %s}}]"
    assert the_message(body % rule).endswith(f"; write `{right}`")
    load(HEAD + (body % right).replace("schedule: office-hours, action: notify", "action: notify"))


@pytest.mark.parametrize("word", ["age", "running_for"])
@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("7d", "{at_least: 7d}"),
        ("7", "{at_least: 7d}"),
        ("older than 7 days", "{at_least: 7d}"),
        ("'>= 7d'", "{at_least: 7d}"),
        ("less than 12 hours", "{below: 12h}"),
        ("{older_than: 7d}", "{at_least: 7d}"),
        ("{above: 7d}", "{at_least: 7d}"),
        ("{days: 7}", "{at_least: 7d}"),
        ("{at_most: 4w}", "{below: 4w}"),
    ],
)
def test_how_long_ago_is_told_in_the_right_shape(word: str, value: str, right: str) -> None:
    assert right in RIGHT.findall(the_message(f"rules: [{{name: one, where: {{{word}: {value}}}}}]"))[0]
    load(f"{HEAD}rules: [{{name: one, where: {{{word}: {right}}}}}]")


@pytest.mark.parametrize(
    ("where", "right"),
    [
        ("{ou: /Sandbox}", "`ou` is no condition; write it like `organizational_unit: /Sandbox`"),
        ("{kinds: [rds]}", "`kinds` is no condition; it is a key of the rule: write `kinds: [rds]` beside `where`"),
        ("{instance_id: i-1}", "the option `--resource` narrows one command"),
        ("{id: i-1}", "the tag `stop-orchestrator:opt-out` spares one"),
        ("{name: web}", 'write it like `tag: {Name: "web-*"}`'),
        ("{'tag:CostCenter': x}", "if it is the key of a tag, write `tag: {CostCenter: ...}`"),
        ("{Department: [x, y]}", "if it is the key of a tag, write `tag: {Department: ...}`"),
        ("{and: [everything]}", "write it like `all: ["),
        ("{zzz: {x: 1}}", "`zzz` is no condition; conditions are all"),
    ],
)
def test_a_condition_of_other_tools_is_told_with_what_there_is_instead(where: str, right: str) -> None:
    assert right in the_message(f"rules: [{{name: one, where: {where}}}]")


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("when: {region: x}", "the key `when` is unknown; write it like `where: {tag: {Environment: dev}}`"),
        ("filters: []", "write it like `where:"),
        ("if: x", "write it like `where:"),
        ("ou: /Sandbox", "write it like `where: {organizational_unit: /Sandbox}`"),
        ("notify: true", "write it like `action: notify`"),
        ("age: 7d", "it is a condition: write it within `where`, as in `where: {age: ...}`"),
        ("dry-run: true", "a command only plans unless it has `--mode enforce`"),
    ],
)
def test_a_key_of_other_tools_in_a_rule_is_told_with_what_there_is_instead(key: str, right: str) -> None:
    assert right in the_message(f"rules: [{{name: one, where: everything, {key}}}]")


@pytest.mark.parametrize("code", ["USA", "USA-NY", "Germany"])
def test_a_country_by_another_name_than_its_two_letters_is_told_by_them(code: str) -> None:
    right = {"USA": "US", "USA-NY": "US-NY", "Germany": "DE"}[code]
    said = the_message(f"schedules: {{x: {{timezone: UTC, running: [daily 07:00-08:00], holidays: {code}}}}}")
    assert said == f"{code!r} has no country that the holidays library knows by its two letters; did you mean {right}?"


# --- the tables themselves -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("right", list(written(CONDITIONS)))
def test_what_the_table_of_conditions_says_to_write_is_right(right: str) -> None:
    kind = "[rds]" if "DBInstance" in right else "[ec2]"
    if right.startswith("where: "):
        load(f"{HEAD}rules: [{{name: one, {right}}}]")
    elif name_of(right) in PARTS["rules"].model_fields:
        beside = (
            f"{right}, where: everything" if right.startswith("kinds") else f"kinds: {kind}, {right}, where: everything"
        )
        needs = ", schedule: office-hours" if right.startswith(("start: ", "started")) else ""
        load(f"{HEAD}{OFFICE}\nrules: [{{name: one, {beside}{needs}}}]")
    else:
        load(f"{HEAD}rules: [{{name: one, where: {{{right}}}}}]")


@pytest.mark.parametrize(("part", "right"), [(part, right) for part, words in KEYS.items() for right in written(words)])
def test_what_the_tables_of_keys_say_to_write_is_right(part: str, right: str) -> None:
    text = with_key(part, right)
    if part == "rules" and right.startswith("start: "):
        text = text.replace("name: one", "name: one, schedule: office-hours")
    if part == "policy" and right.startswith("holidays: "):
        text = with_key("schedules", right)
    load(text)


def test_no_table_takes_a_right_word_for_another_one() -> None:
    """Each is looked at before the nearest word is guessed, and only for what is wrong."""
    tables = [(CONDITIONS, set(words_of(ALL_KINDS))), *((KEYS[part], keys_of(part)) for part in KEYS)]
    for words, right in [
        *tables,
        (BOUNDS, {"at_least", "below"}),
        (NO_LINES, set()),
        (EXCEPTION_WORDS, {"none", "always"}),
    ]:
        assert {word for word in words if re.fullmatch("[a-z0-9]+", word) is None} == set()
        assert {one.replace("_", "") for one in right} & set(words) == set()


def keys_of(part: str) -> set[str]:
    return {field.alias or name for name, field in PARTS[part].model_fields.items()}


def test_what_the_table_of_values_says_names_a_key_of_the_language() -> None:
    known = {"age", "running_for"}.union(*map(keys_of, PARTS), {"mode"})
    assert {name_of(right) for values in VALUES.values() for _, right in values} <= known
