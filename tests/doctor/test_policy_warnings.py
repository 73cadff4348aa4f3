"""What is valid in a policy and probably not meant is a row of `doctor` that fails nothing, and comes first."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from orchestrator.cli.doctor_tables import print_diagnosis
from orchestrator.core.diagnosis.checks import HEALTHY, Check, CheckStatus, Code, Diagnosis
from orchestrator.core.diagnosis.hub import policy_warned
from tests.support.policies import HEAD, load

SHADOWED = (
    "rules:\n  - {name: all, where: everything}\n  - {name: dev, where: {tag: {Env: dev}}}\nguardrails: {max_stops: 1}"
)


def warned(body: str) -> list[Check]:
    return [*policy_warned(load(HEAD + body))]


def test_each_warning_is_a_row_with_its_line_and_place_and_the_diagnosis_is_healthy() -> None:
    [row] = warned(SHADOWED)
    assert (row.name, row.status, row.code) == ("policy", CheckStatus.WARNING, Code.POLICY_WARNING)
    assert row.detail.startswith("line 5: rules[1]: the rule 'dev' can own nothing")
    assert Diagnosis((row,)).exit_code == HEALTHY


def test_a_policy_without_warnings_has_no_row() -> None:
    assert warned("rules: [{name: all, where: everything}]\nguardrails: {max_stops: 1}") == []


def test_two_warnings_are_both_shown_at_a_terminal() -> None:
    text = StringIO()
    print_diagnosis(Console(file=text, width=80), Diagnosis(tuple(warned(SHADOWED.replace("max_stops: 1", "")))))
    told = " ".join(text.getvalue().split())
    assert "can own nothing" in told
    assert "no guardrail limits how much a sweep stops" in told
    assert "a sweep by this policy would work" in told.lower()
