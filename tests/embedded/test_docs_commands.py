"""The product's commands in README and docs/ are run, each page's in their order in an embedded organization.

What is not run stands below a reason in its page, `<!-- not run: ... -->`; `tests/docs/test_commands.py` holds its
options.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile, copytree

import pytest

from orchestrator.core.report.document import COMPLETE, ERROR, HELD, INCOMPLETE, STOP_FAILED
from tests.docs.making.command_line import PROGRAM
from tests.docs.pages import ROOT, Command, commands, operators_pages, text_of
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Run
from tests.support.time import set_time

CUSTODIAN = ROOT / "tests/data/imports/cloud_custodian/documented.yaml"
OUTSIDE_OF_OFFICE_HOURS = datetime(2026, 11, 25, 22, 0, tzinfo=UTC)
ENDS_WITH: Mapping[str, int] = {"import": INCOMPLETE}
"""The exit code, where it is not 0: what is imported here loses something, as the pages say."""
TYPED: Mapping[str, str] = {"init": "\n" * 4}
"""Where it is not the number of stops: the defaults."""
STOPS_AND_STARTS: Mapping[str, list[tuple[str, int]]] = {
    "README.md": [("apply", 2), ("undo", 0)],
    "docs/operating.md": [("apply", 2), ("undo", 0)],
    "docs/sweeping.md": [("apply", 2)],
}
"""Which commands of a page change how many instances are down, and to what; those of any other page change nothing."""
_PLACEHOLDER = re.compile(r"[A-Z]+(?:_[A-Z]+)*")
_SWEEP_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")


def run_of(page: str) -> list[Command]:
    """Those of the product's own that are run."""
    own = [command for command in commands(page) if command.words[0] == PROGRAM]
    return [command for command in own if not command.not_run]


def acts(command: Command) -> bool:
    return command.words[1] == "apply" or "enforce" in command.words


def before(page: str) -> list[Command]:
    """What its reader has done already: planned, and carried it out where the page begins with an undo."""
    plan = Command(page, 0, f"{PROGRAM} plan --policy config/policy.yaml")
    undoes = [command.words[1] == "undo" for command in run_of(page) if acts(command) or command.words[1] == "undo"]
    return [plan, Command(page, 0, f"{PROGRAM} apply SWEEP_ID")] if undoes[:1] == [True] else [plan]


class Reader:
    """Does what a page says, with real ids in the place of its placeholders."""

    def __init__(self, run: Run, folder: Path, named: Mapping[str, str]) -> None:
        self._run = run
        self._folder = folder
        self._named = named
        self._newest = {"any": "", "acted": ""}

    def does(self, command: Command) -> str:
        """The exit code has to be right. Gives back the command's name."""
        _, name, *arguments = command.words
        meant = self._newest["acted" if name == "undo" else "any"]
        named = {**self._named, "SWEEP_ID": meant}
        words = [_PLACEHOLDER.sub(lambda found: named.get(found[0], found[0]), word) for word in arguments]
        answers = self._named["INSTANCE_ID"] if "--prove" in words else TYPED.get(name, "2")
        ran = self._run(name, *words, typed=f"{answers}\n")
        assert ran.exit_code == ENDS_WITH.get(name, COMPLETE), (str(command), ran)
        if command.output:
            (self._folder / command.output).write_text(ran.stdout)
        found = _SWEEP_ID.search(ran.stdout)
        if found and name in ("plan", "sweep", "apply", "undo"):
            self._newest |= {"any": found[0]} | ({"acted": found[0]} if acts(command) else {})
        return name


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("page", [page for page in operators_pages() if run_of(page)])
def test_every_command_of_a_page_does_what_the_page_says(
    page: str,
    organization: OrganizationBuilder,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = OUTSIDE_OF_OFFICE_HOURS
    set_time(monkeypatch, now=lambda: at)
    monkeypatch.setattr("moto.ec2.models.instances.utcnow", lambda: at.replace(tzinfo=None))
    organization.unit("/Labs/Always-On")  # the example's policy excludes it
    account = organization.account("dev-web", "/Workloads/Dev", {"CostCenter": "cc-1"})
    organization.instances(account, "eu-central-1", 2, {"Environment": "dev"})
    named_one, *_ = organization.instances(account, "eu-central-1", 2, {"Environment": "production"})
    copytree(ROOT / "config", tmp_path / "config")
    copyfile(CUSTODIAN, tmp_path / "custodian.yaml")
    (tmp_path / "schedules.json").write_text('{"Schedules": [{"Name": "day", "Periods": ["day"], "Timezone": "UTC"}]}')
    (tmp_path / "periods.json").write_text('{"Periods": [{"Name": "day", "Begintime": "08:00", "Endtime": "20:00"}]}')
    reader = Reader(run, tmp_path, {"INSTANCE_ID": named_one, "ACCOUNT_ID": account, "REGION": "eu-central-1"})
    down = [0]
    named = []
    for command in [*before(page), *run_of(page)]:
        named.append(reader.does(command))
        down.append(len(organization.down(account, "eu-central-1")))
    changes = [(name, now) for name, earlier, now in zip(named, down, down[1:], strict=False) if earlier != now]
    assert changes == STOPS_AND_STARTS.get(page, [])


def test_a_page_whose_commands_are_not_run_says_why_and_the_others_are_run() -> None:
    reasons = [command.not_run for page in operators_pages() for command in commands(page) if command.not_run]
    assert all(len(reason.split()) > 2 for reason in reasons)
    ran = {command.words[1] for page in operators_pages() for command in run_of(page)}
    assert ran >= {
        "plan",
        "sweep",
        "apply",
        "undo",
        "explain",
        "simulate",
        "validate",
        "import",
        "history",
        "report",
        "init",
    }


def test_the_exit_codes_of_the_docs_are_those_of_the_program_and_of_its_help(run: Run) -> None:
    section = text_of("docs/command-line.md").partition("## Exit codes")[2].partition("\n## ")[0]
    shown = dict(re.findall(r"^\| (\d) \| (.+?) \|$", section, re.MULTILINE))
    assert set(shown) == {str(code) for code in (COMPLETE, ERROR, 2, INCOMPLETE, HELD, STOP_FAILED)}
    text = " ".join(run("--help").stdout.split())
    for code, meaning in shown.items():
        assert f"{code} {re.split('[:;]', meaning)[0]}" in text


def test_every_setting_of_the_docs_is_one_that_the_program_reads() -> None:
    from orchestrator.settings import PREFIX, Settings  # noqa: PLC0415 - beside what it is compared with

    shown = set(re.findall(rf"`{PREFIX}([A-Z_]+)`", text_of("docs/settings.md")))
    assert shown == {name.upper() for name in Settings.model_fields if name != "store"}
