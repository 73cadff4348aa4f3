"""What a person is shown before they agree, and how they answer."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from orchestrator.cli import question as prompt
from orchestrator.cli.terminal import SafeConsole
from orchestrator.core.model import AccountId, Decision, Mode, Question, ReasonCode, TargetStatus, Verdict
from orchestrator.core.model.money import Money, Saving
from orchestrator.core.model.production import ProductionAccount
from tests.support.builders import AT, SWEEP_ID, a_coverage, a_decision, a_plan, a_question, a_resource

DEV, PROD = AccountId("111111111111"), AccountId("222222222222")
NAMED = tuple(
    replace(a_coverage(account_id=account), account_name=name) for account, name in ((DEV, "dev"), (PROD, "shop-prod"))
)
IN_PRODUCTION = (ProductionAccount(PROD, "its name has the word prod", declared=False),)


class _NoProgress:
    @contextmanager
    def paused(self) -> Iterator[None]:
        yield


class Asked:
    """`said` is what the person was shown, `agreed` what their answer came to."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, question: Question, typed: str = "", *, show_all: bool = False
    ) -> None:
        said = io.StringIO()
        monkeypatch.setattr(prompt, "stderr", SafeConsole(file=said, width=80))
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        progress: object = _NoProgress()
        ask = prompt.asker(progress, lambda: False, lambda: ("/k",), show_all=show_all)  # type: ignore[arg-type]  # as far as it is asked
        self.agreed = ask(question)
        self.said = said.getvalue()

    @property
    def words(self) -> str:
        return " ".join(self.said.split())


def stops(count: int, account: str = DEV, **fields: object) -> Sequence[Decision]:
    return [a_decision(a_resource(f"i-{account[0]}{number:016}", account), **fields) for number in range(count)]


def a_start(account: str = DEV) -> Decision:
    return a_decision(a_resource("i-5", account, state="stopped"), Verdict.START, rule="mornings")


MIXED = a_question(
    a_plan(*stops(3), *stops(2, PROD), a_start(), coverage=NAMED),
    mode=Mode.APPLY,
    source_sweep_id=SWEEP_ID,
    production=IN_PRODUCTION,
)


def test_it_says_which_plan_how_old_until_when_and_by_which_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Asked(monkeypatch, MIXED).said
    assert f"To carry out: the plan of sweep {SWEEP_ID}\n" in said
    assert "Policy: nonprod (SHA-256 3fa9b2c41d7e)\n" in said
    assert "Planned: 2026-11-23 19:00 UTC, 12 minutes ago\nValid until: 2026-11-24 07:00 UTC\n" in said


def test_an_undo_says_what_it_takes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    undo = replace(MIXED, mode=Mode.UNDO)
    assert f"To take back: what sweep {SWEEP_ID} did\n" in Asked(monkeypatch, undo).said


def test_stops_and_starts_are_counted_apart_by_account_and_rule_production_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = [line.split() for line in Asked(monkeypatch, MIXED).said.splitlines()]
    at = lines.index(["account", "name", "rule", "stops", "starts"])
    assert lines[at + 1 : at + 4] == [
        [PROD, "shop-prod", "nights", "2", "-"],
        [DEV, "dev", "nights", "3", "-"],
        [DEV, "dev", "mornings", "-", "1"],
    ]


def test_production_is_set_off_with_what_would_be_done_in_it_and_why_it_is_taken_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = Asked(monkeypatch, MIXED).words
    assert f"Looks like production: {PROD} shop-prod: 2 stops (its name has the word prod)" in said
    declared = (ProductionAccount(PROD, "the policy names it under production", declared=True),)
    said = Asked(monkeypatch, replace(MIXED, production=declared)).words
    assert f"PRODUCTION: {PROD} shop-prod: 2 stops (the policy names it under production)" in said


def test_the_first_twenty_resources_are_there_and_how_to_see_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    many = a_question(a_plan(*stops(25)))
    said = Asked(monkeypatch, many).said
    assert sum(line.startswith("stop  ") for line in said.splitlines()) == 20
    assert "... and 5 more: type all to see them, or give --show all" in said


@pytest.mark.parametrize(("show_all", "typed"), [(True, "25\n"), (False, "all\n25\n")])
def test_all_of_them_are_shown_where_that_is_asked_for_which_is_no_mistake(
    monkeypatch: pytest.MonkeyPatch, typed: str, *, show_all: bool
) -> None:
    asked = Asked(monkeypatch, a_question(a_plan(*stops(25))), typed, show_all=show_all)
    assert all(one.resource.resource_id in asked.said for one in stops(25))
    assert asked.agreed
    assert "is not" not in asked.said


def test_a_mistyped_number_asks_again_and_the_third_one_declines(monkeypatch: pytest.MonkeyPatch) -> None:
    three = a_question(a_plan(*stops(3)))
    asked = Asked(monkeypatch, three, "4\n 3 \n")
    assert asked.agreed
    assert "'4' is not '3'. You may try 2 times more; an empty line declines." in asked.words
    asked = Asked(monkeypatch, three, "4\n5\n6\n3\n")
    assert not asked.agreed
    assert asked.said.count("Type that number to stop them: ") == 3


@pytest.mark.parametrize("typed", ["", "\n3\n", "no\n3\n", "Q\n3\n"])
def test_nothing_and_a_no_decline_at_once(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    asked = Asked(monkeypatch, a_question(a_plan(*stops(3))), typed)
    assert not asked.agreed
    assert asked.said.count("Type that number") == 1


def test_what_the_stops_save_is_said_with_the_unknown_apart_and_nothing_where_no_price_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    some = stops(4)
    savings = {
        some[0].resource.key: Saving(net=Decimal("1.505")),
        some[1].resource.key: Saving(net=Decimal("1000.5")),
        some[2].resource.key: Saving(hourly=Decimal("0.25"), unknown="nothing says when it starts again"),
        some[3].resource.key: Saving(unknown="no price"),
    }
    said = Asked(monkeypatch, a_question(a_plan(*some), money=Money(savings))).words
    assert "The stops save $1,002.00 net until they start again (2 resources)" in said
    assert "$0.25 an hour, for how long is unknown (1 resource), and an unknown amount (1 resource)." in said
    assert "$" not in Asked(monkeypatch, a_question(a_plan(*some))).said


def test_hostile_names_are_inert_and_no_line_is_wider_than_80(monkeypatch: pytest.MonkeyPatch) -> None:
    evil = "\x1b[2J\u202egpj.exe <img src=x onerror=alert(1)> [red]=HYPERLINK(1)[/red]"
    resource = a_resource("i-1", PROD, tags={"Name": evil})
    named = (replace(a_coverage(account_id=PROD), account_name=evil),)
    question = a_question(a_plan(a_decision(resource), coverage=named), production=IN_PRODUCTION)
    asked = Asked(monkeypatch, question, f"{evil}\n1\n")
    assert asked.agreed
    assert "\x1b" not in asked.said
    assert "\u202e" not in asked.said
    assert "[red]" in asked.said
    assert max(map(len, asked.said.replace("them: ", "them: \n").splitlines())) <= 80  # where a person typed


def test_a_plan_says_when_it_was_made_even_where_the_clock_was_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    early = a_question(a_plan(*stops(1)), asked_at=AT - timedelta(hours=2))
    assert "less than a minute ago" in Asked(monkeypatch, early).said


def test_what_is_kept_and_what_was_not_read_is_told_before_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = a_decision(a_resource("i-99"), Verdict.KEEP, reason_code=ReasonCode.NO_RULE)
    denied = a_coverage(TargetStatus.DENIED, account_id="222222222222", region="*")
    plan = a_plan(*stops(2), kept, coverage=(denied,))
    words = Asked(monkeypatch, a_question(plan)).words
    assert "Kept because (1 of 3)" in words
    assert "no rule matches it ec2 1" in words
    assert f"Not read, and so not acted on: 1 account: 222222222222 {denied.account_name} (denied)" in words
    assert "Not read" not in Asked(monkeypatch, a_question(a_plan(*stops(2)))).words
