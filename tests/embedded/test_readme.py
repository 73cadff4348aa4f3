"""Every command that the README shows is run, in its order, against an embedded organization."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree

import pytest

from orchestrator.core.report.document import COMPLETE, ERROR, HELD, INCOMPLETE, STOP_FAILED
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Run
from tests.support.time import set_time

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
MAKE = [line for line in COMMANDS if line.startswith("make ")]
OWN = [line for line in COMMANDS if line.startswith("stop-orchestrator ")]
DEMO = [line for line in COMMANDS if line.startswith(".venv/bin/stop-orchestrator demo")]


def test_the_readme_shows_no_command_that_no_test_runs() -> None:
    assert sorted([*MAKE, *OWN, *DEMO]) == sorted(COMMANDS)
    assert "make demo" in MAKE
    assert "make test" in MAKE


@pytest.mark.parametrize("command", MAKE)
def test_make_knows_the_target(command: str) -> None:
    """Running `make test` from within it would not end; `make demo` is run by test_demo through the same command."""
    target = command.split()[1]
    assert re.search(rf"^{target}:.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.usefixtures("terminal")
def test_every_command_does_what_the_readme_says(
    organization: OrganizationBuilder, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2026, 11, 25, 22, 0, tzinfo=UTC)  # outside of office hours
    set_time(monkeypatch, now=lambda: at)
    monkeypatch.setattr("moto.ec2.models.instances.utcnow", lambda: at.replace(tzinfo=None))
    organization.unit("/Labs/Always-On")  # the example's policy excludes it
    account = organization.account("dev-web", "/Workloads/Dev", {"CostCenter": "cc-1"})
    organization.instances(account, "eu-central-1", 2, {"Environment": "dev"})
    proved, *_ = organization.instances(account, "eu-central-1", 2, {"Environment": "production"})
    copytree(ROOT / "config", tmp_path / "config")
    ids = {"newest": ""}
    named = {"INSTANCE_ID": proved, "ACCOUNT_ID": account, "REGION": "eu-central-1"}
    down = []
    for command in OWN:
        words = shlex.split(command)[1:]
        meant = ids["apply" if words[0] == "undo" else "newest"]
        answer = proved if "--prove" in words else "2"
        ran = run(*(meant if word == "SWEEP_ID" else named.get(word, word) for word in words), typed=f"{answer}\n")
        assert ran.exit_code == COMPLETE, (command, ran)
        found = re.search(r"\d{8}T\d{6}Z-[0-9a-f]{6}", ran.stdout)
        if found and words[0] in ("plan", "sweep", "apply", "undo"):
            ids |= {"newest": found[0], words[0]: found[0]}
        down.append((words[0], len(organization.down(account, "eu-central-1"))))
    changes = [now for before, now in zip([("", 0), *down], down, strict=False) if before[1] != now[1]]
    assert changes == [("apply", 2), ("undo", 0)]


def test_the_exit_codes_of_the_readme_are_those_of_the_program_and_of_its_help(run: Run) -> None:
    shown = dict(re.findall(r"^\| (\d) \| (.+?) \|$", README, re.MULTILINE))
    assert set(shown) == {str(code) for code in (COMPLETE, ERROR, 2, INCOMPLETE, HELD, STOP_FAILED)}
    text = " ".join(run("--help").stdout.split())
    for code, meaning in shown.items():
        assert f"{code} {re.split('[:;]', meaning)[0]}" in text


def test_every_setting_of_the_readme_is_one_that_the_program_reads() -> None:
    from orchestrator.settings import PREFIX, Settings  # noqa: PLC0415 - beside what it is compared with

    shown = set(re.findall(rf"`{PREFIX}([A-Z_]+)`", README))
    assert shown == {name.upper() for name in Settings.model_fields if name != "store"}
