"""What people expect of any command line: a version, short options, completion, colours that can be switched off."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from orchestrator.cli.main import COMMANDS
from tests.support.fixtures import Run

ROOT = Path(__file__).parents[2]


def ran(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "orchestrator", *arguments]
    env = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_it_says_its_version(run: Run, option: str) -> None:
    assert run(option).stdout == f"stop-orchestrator {version('stop-orchestrator')}\n"


@pytest.mark.parametrize("arguments", [("-h",), ("plan", "-h"), ("import", "-h"), ("import", "cloud-custodian", "-h")])
def test_a_short_h_is_help_everywhere(run: Run, arguments: tuple[str, ...]) -> None:
    short = run(*arguments)
    assert short.exit_code == 0
    assert short.stdout == run(*arguments[:-1], "--help").stdout


def test_it_runs_as_a_module() -> None:
    helped = ran("--help")
    assert helped.returncode == 0
    assert "python -m orchestrator [OPTIONS] COMMAND" in helped.stdout


def completed(words: str) -> set[str]:
    """What bash is told."""
    script = "import sys; sys.argv = ['stop-orchestrator']; from orchestrator.cli.main import main; main()"
    last = str(len(words.split(" ")) - 1)
    asked = {"_STOP_ORCHESTRATOR_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": last}
    command = [sys.executable, "-c", script]
    env = {**os.environ, **asked}
    told = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert told.stderr == ""
    return set(told.stdout.split())


def test_a_shell_completes_commands_and_their_options() -> None:
    assert completed("stop-orchestrator ") >= {name for _, name, *_ in COMMANDS}
    assert completed("stop-orchestrator apply --s") == {"--store", "--show"}


def test_completion_can_be_shown_without_installing_it() -> None:
    shown = ran("--show-completion", SHELL="/bin/bash")
    assert "--show-completion" in ran("--help").stdout
    assert shown.returncode in (0, 2) or "not supported" in shown.stderr  # by the shell that runs this
    assert "Traceback" not in shown.stderr
