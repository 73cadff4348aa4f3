"""A plan with stops and starts together: wherever a person reads a count, it says which."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from orchestrator.cli import question
from orchestrator.cli.progress import TerminalProgress
from orchestrator.cli.question import asker
from orchestrator.cli.summary import print_summary
from orchestrator.core.decide.waves import waves_of
from orchestrator.core.model import (
    ActionCounts,
    Coverage,
    Decision,
    GuardrailResult,
    Mode,
    OutcomeStatus,
    Plan,
    TargetStatus,
    Verdict,
)
from orchestrator.core.policy.schema.limits import Wave
from orchestrator.core.report.document import report_document
from tests.support.builders import (
    SWEEP_ID,
    a_coverage,
    a_decision,
    a_plan,
    a_question,
    a_report,
    a_resource,
    an_outcome,
)

ONE, TWO = "111111111111", "222222222222"
STOPS = tuple(a_decision(a_resource(f"i-{n}", account)) for n, account in enumerate((ONE, ONE, TWO)))
STARTS = tuple(
    a_decision(a_resource(f"i-{n}", account, state="stopped"), Verdict.START) for n, account in enumerate((ONE, TWO), 3)
)
KEPT = a_decision(a_resource("i-9"), Verdict.KEEP)
MIXED = a_plan(*STOPS, *STARTS, KEPT, coverage=(a_coverage(), a_coverage(account_id=TWO)))


def test_its_actions_are_its_stops_and_its_starts_counted_apart() -> None:
    assert MIXED.actions == (*STOPS, *STARTS)
    assert MIXED.counts == ActionCounts(stops=3, starts=2)


def test_a_wave_has_all_the_actions_of_its_accounts_stops_and_starts() -> None:
    first, second = waves_of(MIXED.actions, [Wave(accounts=1)], SWEEP_ID)
    assert {one.resource.target.account_id for one in first}.isdisjoint(
        {one.resource.target.account_id for one in second}
    )
    assert sorted(ActionCounts.of(wave).starts for wave in (first, second)) == [1, 1]
    assert {one.resource.key for one in (*first, *second)} == {one.resource.key for one in MIXED.actions}


class Asked:
    """A person who types one line; `said` is what they were shown."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
        self._said = io.StringIO()
        monkeypatch.setattr(question, "stderr", Console(file=self._said, width=80, emoji=False))
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{typed}\n"))

    def confirm(self, plan: Plan = MIXED) -> bool:
        progress = TerminalProgress(Console(file=io.StringIO()))
        return asker(progress, lambda: False, lambda: ("/k",))(a_question(plan))

    @property
    def said(self) -> str:
        return self._said.getvalue()


@pytest.mark.parametrize(
    ("typed", "confirmed"), [("3 2", True), (" 3  2 ", True), ("5", False), ("3", False), ("2 3", False), ("", False)]
)
def test_the_prompt_counts_stops_and_starts_and_wants_both_numbers(
    monkeypatch: pytest.MonkeyPatch, typed: str, confirmed: bool
) -> None:
    person = Asked(monkeypatch, typed)
    assert person.confirm() is confirmed
    assert "3 resources in 2 accounts would be stopped now." in person.said
    assert "2 resources in 2 accounts would be started now." in person.said
    assert "Type both numbers to do that, such as '3 2': " in person.said


@pytest.mark.parametrize(
    ("actions", "question"),
    [(STOPS, "Type that number to stop them: "), (STARTS, "Type that number to start them: ")],
)
def test_where_there_is_one_of_both_one_number_is_enough(
    monkeypatch: pytest.MonkeyPatch, actions: tuple[Decision, ...], question: str
) -> None:
    person = Asked(monkeypatch, str(len(actions)))
    assert person.confirm(a_plan(*actions))
    assert question in person.said


@pytest.mark.parametrize(
    ("done", "total", "line"),
    [
        (ActionCounts(stops=11), ActionCounts(stops=63), "Stops done: 11 of 63"),
        (ActionCounts(starts=11), ActionCounts(starts=63), "Starts done: 11 of 63"),
        (ActionCounts(11, 1), ActionCounts(63, 2), "Stops 11/63, starts 1/2"),
    ],
)
def test_progress_says_which(done: ActionCounts, total: ActionCounts, line: str) -> None:
    said = io.StringIO()
    TerminalProgress(Console(file=said, width=80)).actions(done, total)
    assert said.getvalue().strip() == line


def summary(coverage: tuple[Coverage, ...] = MIXED.coverage, **fields: Any) -> str:
    """What a person sees at 80 columns."""
    said = io.StringIO()
    report = a_report(**{"coverage": coverage, "decisions": MIXED.decisions, **fields})
    print_summary(Console(file=said, width=80, emoji=False), report_document(report))
    assert max(map(len, said.getvalue().splitlines())) <= 80
    return said.getvalue()


def test_the_tables_count_stops_and_starts_apart() -> None:
    outcomes = (
        an_outcome(OutcomeStatus.STOPPED, STOPS[0].resource),
        an_outcome(OutcomeStatus.STOPPING, STOPS[1].resource),
        an_outcome(OutcomeStatus.FAILED, STOPS[2].resource, code="OperationNotPermitted", message="no"),
        an_outcome(OutcomeStatus.STARTED, STARTS[0].resource),
        an_outcome(OutcomeStatus.FAILED, STARTS[1].resource, code="InsufficientInstanceCapacity", message="no"),
    )
    said = " ".join(summary(outcomes=outcomes).split())
    assert "6 resources: 3 to stop, 2 to start, 0 exempt; 2 stopped, 1 started, 2 failed" in said
    assert "read to stop to start stopped started failed" in said
    assert "matched to stop to start kept of these exempt" in said
    assert "Stops and starts that failed" in said


def test_marks_that_could_not_be_taken_back_are_told_of_what_failed_and_of_what_did_not() -> None:
    warnings = ("its marks were not deleted: SomethingNew: no",)
    outcomes = (
        an_outcome(
            OutcomeStatus.FAILED, STOPS[0].resource, code="OperationNotPermitted", message="no", warnings=warnings
        ),
        an_outcome(OutcomeStatus.STARTED, STARTS[0].resource, warnings=warnings),
    )
    words = (word for word in summary(outcomes=outcomes).split() if not word.startswith("eu-"))  # of the column before
    failed, others = " ".join(words).split("Warnings")
    assert f"OperationNotPermitted: no; {warnings[0]}" in failed
    assert f"started; {warnings[0]}" in others
    assert "Warnings" not in summary()


def test_coverage_counts_a_region_once_under_each_status_however_many_kinds_have_it() -> None:
    regions, kinds = ("eu-central-1", "eu-west-1", "us-east-1"), ("ec2", "rds")
    coverage = [a_coverage(region=region, kind=kind) for region in regions for kind in kinds]
    coverage[-1] = a_coverage(TargetStatus.DENIED, region=regions[-1], kind="rds")
    said = summary(coverage=(*coverage, a_coverage(account_id=TWO)))
    assert "3 scanned" in said
    assert "1 denied" in said


def test_what_a_guardrail_holds_says_that_nothing_was_stopped_or_started() -> None:
    broken = GuardrailResult("max_starts", 1, 2, passed=False)
    said = " ".join(summary(guardrails=(broken,)).split())
    assert "Held by guardrails: nothing was stopped or started" in said


@pytest.mark.parametrize(
    ("decisions", "words"),
    [
        (MIXED.decisions, "nothing stopped or started (plan only)"),
        (STARTS, "nothing stopped or started (plan only)"),
        (STOPS, "nothing stopped (plan only)"),
        ((), "nothing stopped (plan only)"),
    ],
)
def test_a_plan_that_would_start_something_says_that_nothing_was_started(
    decisions: tuple[Decision, ...], words: str
) -> None:
    said = " ".join(summary(mode=Mode.PLAN, decisions=decisions).split())
    assert words in said
