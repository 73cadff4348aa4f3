"""The document that an import writes: valid whatever is in it, and what lost anything is a comment as a whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.importing.document import PolicyDraft, RuleDraft, ScheduleDraft, write_policy, written
from orchestrator.core.importing.names import Names, name_of
from orchestrator.core.policy.loading import load_policy
from orchestrator.kinds.registry import DESCRIPTIONS

NIGHTS = ScheduleDraft("nights", {"timezone": "Europe/Berlin", "running": ["mon-fri 07:00-19:00"]}, ("of policy a",))
DAYS = ScheduleDraft("days", {"timezone": "UTC", "running": "daily 07:00-19:00"})
WHERE = {"where": {"tag": {"on": ["yes", "2026-01-01", "012"]}}}
GOOD = RuleDraft("good", {**WHERE, "schedule": "nights"}, ("from a",), (), ("nights",))
LOST = RuleDraft("lost", {"where": "everything", "schedule": "days"}, (), ("filters[1]: the metric",), ("days",))
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def policy(*rules: RuleDraft, heading: tuple[str, ...] = ("From a test.",)) -> PolicyDraft:
    return PolicyDraft("imported", heading, (NIGHTS, DAYS), rules, {"timezone": "UTC"})


def rules_of(text: str) -> list[str]:
    return [rule.name for rule in load_policy(text, "imported", DESCRIPTIONS).rules]


def test_a_rule_that_lost_something_is_a_comment_and_so_is_the_schedule_that_only_it_names() -> None:
    text = write_policy(policy(LOST, GOOD))
    loaded = load_policy(text, "imported", DESCRIPTIONS)
    assert [rule.name for rule in loaded.rules] == ["good"]
    assert list(loaded.schedules) == ["nights"]
    assert loaded.rules[0].schedule is loaded.schedules["nights"]
    assert "\n#  - name: lost\n" in text
    assert "\n#  days:" in text
    assert "# - filters[1]: the metric" in text
    assert "NOTHING IS STOPPED" not in text


def test_a_policy_without_an_active_rule_is_valid_and_says_that_nothing_is_stopped() -> None:
    text = write_policy(policy(LOST))
    assert not rules_of(text)
    assert "NOTHING IS STOPPED BY THIS POLICY" in text
    assert not rules_of(write_policy(policy()))


def test_the_comments_of_a_rule_that_is_none_are_its_text_once_they_are_taken_away() -> None:
    text = write_policy(policy(LOST, GOOD))
    assert rules_of(text.replace("\n#", "\n")) == ["lost", "good"]


def test_what_was_imported_is_counted() -> None:
    imported = written(policy(LOST, GOOD, LOST), ())
    assert (imported.rules, imported.left_out) == (1, 2)


@given(
    st.lists(ANY_TEXT, max_size=3),
    ANY_TEXT,
    st.dictionaries(ANY_TEXT.filter(str.strip), ANY_TEXT.filter(str.strip), max_size=3),
)
def test_no_text_of_the_original_makes_an_active_rule_or_an_invalid_policy(
    comments: list[str], lost: str, tags: dict[str, str]
) -> None:
    shown = (*comments, "\n  - {name: evil, where: everything}", "\u2028  - {name: evil, where: everything}")
    rule = RuleDraft("lost", {"where": {"tag": tags}}, shown, (lost, *shown))
    good = RuleDraft("good", {"where": {"tag": {"a": "b", **tags}}}, shown)
    assert rules_of(write_policy(policy(rule, good, heading=shown))) == ["good"]


def test_names_are_unique_and_what_a_policy_may_have() -> None:
    names = Names({"taken"})
    found = [
        names.new(text, "policy") for text in ("taken", "off hours!", "off hours?", "", "\u4e00", "x" * 90, "x" * 90)
    ]
    assert found == ["taken-2", "off-hours", "off-hours-2", "policy", "policy-2", "x" * 64, f"{'x' * 62}-2"]


@given(st.text())
def test_a_name_is_empty_or_one_that_a_policy_may_have(text: str) -> None:
    name = name_of(text)
    assert not name or rules_of(write_policy(policy(RuleDraft(name, WHERE)))) == [name]
