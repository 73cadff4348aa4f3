"""The question before the stops: what a person at the terminal can still prevent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.core.report.document import document_exit_code
from tests.support.at_a_terminal import (
    DEV,
    ENFORCE,
    QUESTION,
    at_a_terminal,
    down,
    last_report,
    launched,
)
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.suites import only_in_full


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    return launched(organization)


# --- the question -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("terminal")
def test_the_right_number_stops(organization: OrganizationBuilder, account: str, run: Run, policy: Policy) -> None:
    ran = run(*ENFORCE, policy(DEV), typed="3\n")
    assert ran.exit_code == 0
    assert re.search(r"^To take it back: stop-orchestrator undo [0-9TZa-f-]+$", ran.stdout, re.MULTILINE)
    assert QUESTION in ran.stderr
    assert "Type that number to stop them: " in ran.stderr
    assert down(organization, account) == 3


@pytest.mark.usefixtures("terminal")
def test_a_plan_that_is_narrowed_says_so_beside_its_number_also_when_it_is_applied(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    path, said = policy(DEV), f"The plan is narrowed to account {account}; nothing else is acted on."
    sweep_id = run("plan", "--policy", path, "--account", account, "--format", "json").report["sweep_id"]
    for words in ((*ENFORCE, path, "--account", account), ("apply", sweep_id)):
        ran = run(*words, typed="no\n")
        assert said in " ".join(ran.stderr.split()), ran
    assert "The plan is narrowed" not in run(*ENFORCE, path, typed="no\n").stderr
    assert down(organization, account) == 0


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("typed", ["2\n", "y\n", "", *only_in_full("\n", "yes\n", "33\n", "3 of them\n", "-3\n")])
def test_anything_else_stops_nothing_says_so_and_is_reported(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy, tmp_path: Path, typed: str
) -> None:
    ran = run(*ENFORCE, policy(DEV), typed=typed)
    assert ran.exit_code == 1
    declined, report_at = ran.stderr.splitlines()[-2:]
    assert declined.endswith("Declined: nothing was stopped.")  # no terminal echoes the line feed that was typed
    assert ran.stdout == ""
    assert (down(organization, account), organization.front.calls["ec2:StopInstances"]) == (0, 0)
    report = last_report(tmp_path)
    assert [row["status"] for row in report["outcomes"]] == ["not_attempted"] * 3
    assert document_exit_code(report) == 1
    assert re.fullmatch(rf"Report: .*{report['sweep_id']}/report\.json", report_at)


@pytest.mark.usefixtures("terminal")
def test_nothing_is_asked_where_nothing_would_be_stopped(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    organization.account("empty")
    ran = run(*ENFORCE, policy(DEV))
    assert ran.exit_code == 0
    assert "Type that number" not in ran.stderr


@pytest.mark.usefixtures("terminal")
def test_nothing_is_asked_where_a_guardrail_holds(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    ran = run(*ENFORCE, policy(DEV + "guardrails: {max_stops: 2}\n"), typed="3\n")
    assert (ran.exit_code, down(organization, account)) == (4, 0)
    assert "Type that number" not in ran.stderr


def test_without_a_terminal_and_without_yes_nothing_is_read(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    ran = run(*ENFORCE, policy(DEV), typed="3\n")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "--yes" in ran.stderr
    assert organization.front.calls["organizations:ListAccountsForParent"] == 0


# --- a real terminal ---


@pytest.mark.full
@pytest.mark.parametrize(("typed", "exit_code", "stops"), [("\x03", 1, 0), ("3\n", 0, 3), ("\x04", 1, 0)])
def test_at_a_real_terminal_a_number_answers_and_ctrl_c_and_ctrl_d_stop_nothing(
    organization: OrganizationBuilder,
    account: str,
    policy: Policy,
    tmp_path: Path,
    typed: str,
    exit_code: int,
    stops: int,
) -> None:
    ran = at_a_terminal((*ENFORCE, policy(DEV), "--format", "json"), tmp_path, typed)
    assert ran.exit_code == exit_code, ran
    assert ran.report == last_report(tmp_path)
    assert ran.stdout.startswith("{")
    assert down(organization, account) == ran.report["totals"]["stopped"] == stops
    assert ("Declined: nothing was stopped." in ran.stderr) is (stops == 0)
    assert "Traceback" not in ran.stderr


def test_what_was_typed_before_the_question_is_no_answer_to_it(
    organization: OrganizationBuilder, account: str, policy: Policy, tmp_path: Path
) -> None:
    ran = at_a_terminal((*ENFORCE, policy(DEV), "--format", "json"), tmp_path, "\x03", too_early="3\n")
    assert "Declined: nothing was stopped." in ran.stderr
    assert "Traceback" not in ran.stderr
    assert (ran.exit_code, down(organization, account)) == (1, 0)
    assert ran.report == last_report(tmp_path)
