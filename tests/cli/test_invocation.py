"""Commands that the product prints do what they say where they are pasted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from orchestrator.cli import console, invocation
from orchestrator.cli.invocation import as_called, called_as, remember_options
from tests.support.at_a_terminal import DEV, launched
from tests.support.builders import SWEEP_ID
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run


@pytest.fixture(autouse=True)
def _nothing_given() -> None:
    remember_options({})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a program in `.venv/bin`, which no shell finds by its name."""
    folder = tmp_path / ".venv/bin"
    folder.mkdir(parents=True)
    for name in ("stop-orchestrator", "python"):
        (folder / name).write_text("")
        (folder / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin")
    return folder


def test_as_a_module_it_is_called_with_the_interpreter_that_was_named() -> None:
    assert called_as("/src/orchestrator/__main__.py", ["python3", "-m", "orchestrator"]) == (
        "python3",
        "-m",
        "orchestrator",
    )


def test_an_interpreter_by_a_path_stays_a_path(here: Path) -> None:
    words = called_as("/src/orchestrator/__main__.py", [str(here / "python"), "-m", "orchestrator"])
    assert words == (".venv/bin/python", "-m", "orchestrator")


def test_a_script_is_called_by_its_name_only_where_the_shell_finds_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = str(here / "stop-orchestrator")
    assert called_as(program, []) == (".venv/bin/stop-orchestrator",)
    monkeypatch.chdir(here)
    assert called_as(program, []) == ("./stop-orchestrator",)
    monkeypatch.chdir("/")
    monkeypatch.setenv("PATH", str(here))
    assert called_as(program, []) == ("stop-orchestrator",)
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.chdir("/usr")
    assert called_as(program, []) == (program,)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("/home/ann/.cache/uv/archive-v0/x1/bin/stop-orchestrator", ("uvx", "stop-orchestrator")),
        ("/home/ann/.cache/pipx/x1/bin/stop-orchestrator", ("pipx", "run", "stop-orchestrator")),
        ("/home/ann/.local/pipx/.cache/x1/bin/stop-orchestrator", ("pipx", "run", "stop-orchestrator")),
        ("/usr/lib/python3/pytest/__main__.py", ("stop-orchestrator",)),
    ],
)
def test_what_a_tool_installed_for_one_run_is_called_through_it(program: str, words: tuple[str, ...]) -> None:
    assert called_as(program, []) == words


def test_options_that_a_command_needs_follow_it_once_and_are_quoted() -> None:
    remember_options({"store": Path("my store"), "member_role": "sweeper", "policy": "p.yaml", "kill_switch": None})
    assert as_called(f"first: stop-orchestrator apply {SWEEP_ID}.") == (
        f"first: stop-orchestrator apply {SWEEP_ID} --store 'my store' --member-role sweeper."
    )
    assert (
        as_called("`stop-orchestrator history` lists them")
        == "`stop-orchestrator history --store 'my store'` lists them"
    )
    assert (
        as_called(f"stop-orchestrator report {SWEEP_ID} --store x") == f"stop-orchestrator report {SWEEP_ID} --store x"
    )
    resume = f"stop-orchestrator sweep --resume {SWEEP_ID}"
    assert as_called(resume) == f"{resume} --store 'my store' --member-role sweeper"


def test_what_is_no_command_stays() -> None:
    remember_options({"store": "x"})
    for text in ("the role stop-orchestrator-member", "stop-orchestrator:opt-out", "stop-orchestrator applyx"):
        assert as_called(text) == text


def test_the_next_command_after_a_plan_is_as_it_was_called(
    organization: OrganizationBuilder, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    launched(organization)
    monkeypatch.setattr(sys, "argv", [str(here / "stop-orchestrator"), "plan"])
    ran = run("plan", "--policy", policy(DEV), "--store", "kept here")
    [line] = [line for line in ran.stdout.splitlines() if line.startswith("To carry it out")]
    assert ".venv/bin/stop-orchestrator apply " in line
    assert line.endswith(" --store 'kept here'")


@pytest.mark.parametrize(
    "called", [".venv/bin/stop-orchestrator", "/home/ann/.cache/uv/archive-v0/x1/bin/stop-orchestrator", "__main__.py"]
)
def test_a_command_that_can_be_pasted_already_stays_as_it_is(
    called: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(here / "stop-orchestrator") if called.startswith(".venv") else called])
    remember_options({"store": "kept here"})
    once = as_called(f"Next: stop-orchestrator apply {SWEEP_ID}")
    assert as_called(once) == once


def test_on_a_terminal_a_command_is_told_by_its_path_once(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(here / "stop-orchestrator"), "init"])
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    console.print_line("Next: stop-orchestrator plan --policy p.yaml")
    assert capsys.readouterr().out == "Next: .venv/bin/stop-orchestrator plan --policy p.yaml\n"


def test_every_command_that_needs_a_store_gets_it() -> None:
    assert {"apply", "undo", "sweep", "report", "history", "verify"} <= invocation._OPTIONS_OF.keys()


@pytest.mark.parametrize("command", [f"apply {SWEEP_ID}", f"undo {SWEEP_ID}", f"sweep --resume {SWEEP_ID}"])
def test_what_carries_a_plan_out_asks_the_same_prices(command: str) -> None:
    remember_options({"prices": "my prices.csv"})
    assert as_called(f"stop-orchestrator {command}") == f"stop-orchestrator {command} --prices 'my prices.csv'"
