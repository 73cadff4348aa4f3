"""The exit codes that docs/deploying.md promises are those of the command itself; make has one for every failure."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cloudformation import deploy
from orchestrator.demo.faults import Fault
from tests.packaging.conftest import ROOT
from tests.packaging.deploying import set_in
from tests.support.embedded import OrganizationBuilder
from tests.support.suites import only_in_full

COMMAND = ".venv/bin/python -m cloudformation.deploy hub"
PAGE = (ROOT / "docs/deploying.md").read_text()


def ended(command: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        [*command, *arguments], check=False, capture_output=True, text=True, env=kept, cwd=ROOT, timeout=60
    )


@pytest.mark.parametrize(
    ("mistake", "refused", "code"), [("Moed=on", False, 2), *only_in_full(("", True, 1), ("", False, 0))]
)
def test_the_command_has_its_own_exit_codes_and_make_has_2_for_every_failure(
    organization: OrganizationBuilder, folder: Path, mistake: str, refused: bool, code: int
) -> None:
    assert f"`{COMMAND}`" in PAGE
    set_in(folder, mistake)
    if refused:
        denied = Fault("AccessDenied", "not you", 403, operation="cloudformation:DescribeStacks")
        organization.front.faults.add(denied)
    flags = ["--env", str(folder / "deploy.env"), "--templates", str(folder), "--dry-run"]
    _, *words = shlex.split(COMMAND)
    alone = ended([sys.executable, *words[:-1]], "members", *flags)
    assert alone.returncode == code, alone.stderr
    by_make = ended(["make", "-s", "deploy-members"], f"FLAGS={shlex.join(flags[2:])}", f"DEPLOY_ENV={flags[1]}")
    assert by_make.returncode == (2 if code else 0)
    of_the_command, of_make = by_make.stderr[: len(alone.stderr)], by_make.stderr[len(alone.stderr) :]
    assert of_the_command == alone.stderr
    assert re.fullmatch(rf"(make: \*\*\* \[.*deploy-members\] Error {code}\n)?", of_make)
    assert bool(of_make) is (code != 0)


def test_bad_usage_is_2_without_a_file_and_without_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert deploy.main(["hub"]) == deploy.main(["hub", "--yes", "--env", str(tmp_path / "none.env")]) == 2
    with pytest.raises(SystemExit) as ended_by:
        deploy.main(["hubs"])
    assert (ended_by.value.code, "Traceback" in capsys.readouterr().err) == (2, False)
