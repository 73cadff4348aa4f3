"""A group counts as what it runs: the plan on the terminal, and the question about it, in 80 columns."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console

from orchestrator.cli import question
from orchestrator.cli.summary import print_summary
from orchestrator.core.model import Decision, ProductionAccount, Verdict
from orchestrator.core.report.document import report_document
from tests.core.report.test_units import BOTH, document
from tests.support.builders import ACCOUNT, a_decision, a_plan, a_question, a_report, a_resource
from tests.support.groups import a_group

GROUPS = (a_decision(a_group("a-group-with-a-long-name-of-60-characters-xxxxxxxxxxxxxxxxxxx", units=50)), a_decision())


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """What the question prints, and the summary."""
    out = StringIO()
    console = Console(file=out, width=80)
    monkeypatch.setattr(question, "stderr", console)

    def text() -> str:
        assert max(map(len, out.getvalue().splitlines())) <= 80
        return " ".join(out.getvalue().split())

    return text


def asked(*decisions: Decision, typed: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    said = []
    monkeypatch.setattr(question, "typed", lambda text: said.append(text) or typed)
    ask = question.asker(NoPause(), lambda: False, lambda: ["ssm:/switch"])  # type: ignore[arg-type]  # of it only that
    production = (ProductionAccount(ACCOUNT, "its name", declared=True),)
    answer = ask(a_question(a_plan(*decisions), production=production))
    question.stderr.print(*said)
    return answer


class NoPause:
    def paused(self) -> NoPause:
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def test_the_question_says_both_numbers_and_which_to_type(
    shown: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked(*GROUPS, typed="2", monkeypatch=monkeypatch)
    assert f"2 resources ({BOTH}) in 1 account would be stopped now." in shown()
    assert f"PRODUCTION: {ACCOUNT}: 2 stops ({BOTH}) (its name)" in shown()
    assert "Type the number of resources to stop them" in shown()
    assert " runs account " in shown()
    assert not asked(*GROUPS, typed="51", monkeypatch=monkeypatch)


def test_where_each_resource_is_one_the_question_is_as_ever(
    shown: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked(a_decision(), typed="1", monkeypatch=monkeypatch)
    assert "1 resource in 1 account would be stopped now." in shown()
    assert "Type that number to stop them" in shown()
    assert " runs " not in shown()


def test_stops_and_starts_are_typed_as_numbers_of_resources(
    shown: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = a_decision(a_resource("i-2", state="stopped"), Verdict.START)
    assert asked(*GROUPS, start, typed="2 1", monkeypatch=monkeypatch)
    assert "Type both numbers of resources to do that, such as '2 1'" in shown()


def test_the_summary_says_both_numbers_and_why_it_is_held(shown: Callable[[], str]) -> None:
    print_summary(question.stderr, document())
    assert f"5 resources: 2 to stop ({BOTH}), 0 exempt" in shown()
    assert "max_stops: 2 resources; 51 counting each instance of a group" in shown()


def test_the_summary_of_a_report_without_groups_names_no_units(shown: Callable[[], str]) -> None:
    print_summary(question.stderr, report_document(a_report(decisions=(a_decision(),))))
    assert "1 to stop, 0 exempt" in shown()
