"""What names, tags, policies and AWS say reaches a terminal as text, whichever command prints it."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from orchestrator.cli import doctor_tables, main, root
from orchestrator.cli.json_text import json_text
from orchestrator.cli.progress import TerminalProgress
from orchestrator.cli.streams import safe_streams
from orchestrator.cli.summary import print_summary
from orchestrator.cli.tables import a_table
from orchestrator.cli.terminal import SafeConsole, csv_text
from orchestrator.core.diagnosis.checks import Area, Check, CheckStatus, Code, Diagnosis
from orchestrator.core.model import OutcomeStatus, TargetStatus, Verdict, Violation
from orchestrator.core.policy.opt_outs import MISSPELT_KEY
from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.document import report_document
from orchestrator.demo.faults import Fault
from tests.support.builders import ACCOUNT, REGION, a_coverage, a_decision, a_report, a_resource, an_outcome
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.sweeps import DEV, FRANKFURT

EVIL = "\x1b[31mred\x1b]8;;http://x\x07link\x9b2J\x7f\u202eder\u2028\r\t\x08"
FORBIDDEN = frozenset(map(chr, (*range(32), *range(127, 160)))) | set(
    "\u202a\u202b\u202d\u202e\u2066\u2069\u200e\u2028"
)
hostile = st.text(st.sampled_from("a[]/\\ \x1b\x07\x9b\x7f\r\n\t\x00\u202e\u2028=;") | st.characters(), max_size=30)


def forbidden_in(text: str) -> set[str]:
    return set(text) & FORBIDDEN - {"\n"}


def printed(show: Callable[[SafeConsole], object], **how: object) -> str:
    file = io.StringIO()
    show(SafeConsole(file=file, width=80, **how))
    return file.getvalue()


# --- the console ------------------------------------------------------------------------------------------------------


@given(text=hostile)
def test_no_control_character_passes_the_console_in_any_form(text: str) -> None:
    table = Table(text)
    table.add_row(text)
    table.add_row(Text(text))
    for one in (text, Text(text), table):
        assert forbidden_in(printed(lambda console, one=one: console.print(one))) == set()  # type: ignore[misc]  # bound now
    assert forbidden_in(printed(lambda console: console.rule(text))) == set()
    assert forbidden_in(json_text({text: [text]})) == set()
    assert json.loads(json_text({text: [text]}, indent=2)) == {text: [text]}


def test_what_is_shown_is_the_escape_and_square_brackets_are_text() -> None:
    shown = printed(lambda console: console.print(f"{EVIL}[red]x[/red][link=http://x]y[/link]", soft_wrap=True))
    assert "\\u001b[31mred\\u001b]8;;http://x" in shown
    assert "\\u009b2J\\u007f\\u202eder" in shown
    assert "[red]x[/red][link=http://x]y[/link]" in shown


def test_on_a_terminal_the_only_escape_sequences_are_the_consoles_own() -> None:
    def show(console: SafeConsole) -> None:
        console.print(EVIL, style="red")
        progress = TerminalProgress(console)
        with progress.shown(), console.status(EVIL):
            progress.phase(f"{EVIL}[link=http://x]y[/link]")

    shown = printed(show, force_terminal=True, color_system="standard")
    assert "\x1b[31m" in shown, "the style of the message is the console's own"
    assert "\x1b]8" not in shown
    assert "\x07" not in shown
    assert "\x9b" not in shown
    assert "\\u001b[31mred" in shown


def test_each_phase_has_its_own_total_which_is_unknown_until_it_is_known() -> None:
    def show(console: SafeConsole) -> None:
        progress = TerminalProgress(console)
        with progress.shown():
            progress.targets(108, 108)
            progress.phase("Planning")
            [task] = progress._bar.tasks
            assert (task.description, task.completed, task.total) == ("Planning", 0, None)
            progress.targets(1, 67)
            [task] = progress._bar.tasks
            assert (task.completed, task.total) == (1, 67)

    printed(show, force_terminal=True)


def test_a_joiner_stays_where_it_joins_and_is_shown_where_it_hides() -> None:
    for text in ("\U0001f469\u200d\U0001f4bb", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"):
        assert without_controls(text) == text
    assert without_controls("pr\u200dod\u200c-1 \u200d") == "pr\\u200dod\\u200c-1 \\u200d"
    assert without_controls("\u200d\U0001f4bb") == "\\u200d\U0001f4bb"


def test_a_line_feed_in_a_cell_begins_no_line() -> None:
    resource = a_resource("i-1\nforged")
    report = a_report(outcomes=(an_outcome(OutcomeStatus.FAILED, resource, code="No", message="one\ntwo"),))
    lines = printed(lambda console: print_summary(console, report_document(report))).splitlines()
    assert any("i-1\\nforged" in line and "No: one\\ntwo" in line for line in lines)


@given(text=hostile)
def test_no_control_character_passes_a_summary_or_a_diagnosis(text: str) -> None:
    resource = a_resource(text or "i-1", tags={"Name": text})
    report = a_report(
        coverage=(replace(a_coverage(TargetStatus.DENIED, detail=text), account_name=text, ou_path=text),),
        decisions=(a_decision(resource, Verdict.KEEP, rule=text, reason=text),),
        outcomes=(an_outcome(OutcomeStatus.FAILED, resource, code=text, message=text),),
        compliance=(Violation(ACCOUNT, REGION, text, MISSPELT_KEY, text, "ec2"),),
        error=text,
        consent_missing=text,
    )
    assert forbidden_in(printed(lambda console: print_summary(console, report_document(report), text))) == set()
    check = Check(Area.ACCOUNT, text, CheckStatus.FAILED, next(iter(Code)), text, text, ACCOUNT, text)
    shown = printed(lambda console: doctor_tables.print_diagnosis(console, Diagnosis((check,))))
    assert forbidden_in(shown) == set()


def test_what_does_not_print_through_the_console_is_made_harmless_too(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    console = SafeConsole(stderr=True, force_terminal=True, color_system="standard")
    with safe_streams():
        logging.getLogger("tests.terminal").warning("%s", EVIL)
        sys.stderr.writelines([EVIL, "\n"])
        assert forbidden_in(file.getvalue()) == set()
        console.print("fine", style="red")
    assert "\x1b[31mfine" in file.getvalue()
    assert sys.stderr is file


def test_a_table_of_the_release_before_is_made_harmless_and_one_of_this_release_stays_as_it_is() -> None:
    assert csv_text(f"a,b\r\nx{EVIL},y\r\n".encode()).splitlines()[1].startswith("x\\u001b[31mred")
    assert csv_text(b'a,b\r\n"x,\\n",y\r\n') == 'a,b\r\n"x,\\n",y\r\n'


# --- the commands -----------------------------------------------------------------------------------------------------


def forbidden_in_all(ran: Ran) -> set[str]:
    return forbidden_in((ran.stdout + ran.stderr).replace("\r\n", "\n"))


def test_no_command_lets_a_name_a_tag_a_policy_or_a_message_of_aws_act_on_the_terminal(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    account = organization.account("dev", "/Workloads")
    evil = EVIL.replace("\x08", "").replace("\x07", "")  # in no XML
    organization.instances(account, FRANKFURT, 1, {**DEV, "Name": "a\x9b2Jb\u202ec"})
    organization.instances(account, FRANKFURT, 1, {**DEV, "stop-orchestrator:opt-out\u202e": "\u202ea\x85"})
    organization.front.faults.add(Fault(code="Denied\x9b", message="no\u202e\x9b2J", operation="ec2:StopInstances"))
    body = 'rules: [{name: dev, where: {tag: {Environment: dev}}}]\nrequired_tags: ["Own\\e[31mer\\x9b"]\n'
    path = policy(body, FRANKFURT)
    ran = run("sweep", "--mode", "enforce", "--yes", "--policy", path)
    assert ran.exit_code == 5
    assert "\\u009b2J" in ran.stdout
    assert forbidden_in_all(ran) == set()
    [folder] = Path(".stop-orchestrator").glob("sweeps/*/sweep=*")
    sweep_id = folder.name.removeprefix("sweep=")
    for form in ("table", "json", "csv"):
        assert forbidden_in_all(run("report", sweep_id, "--format", form)) == set()
    for part in ("coverage", "compliance"):
        assert forbidden_in_all(run("report", sweep_id, "--format", "csv", "--part", part)) == set()
    for command in (("history",), ("history", "--format", "json"), ("verify", "--all"), ("undo", sweep_id, "--yes")):
        assert forbidden_in_all(run(*command)) == set()
    Path("wrong.yaml").write_text(
        f"version: 1\nname: {json.dumps(evil)}\nrules: [{{name: x, when: {json.dumps(evil)}}}]\n"
    )
    for form in ("table", "json"):
        wrong = run("validate", "wrong.yaml", "--format", form)
        assert (wrong.exit_code, forbidden_in_all(wrong)) == (2, set())
    organization.front.faults.add(Fault(code="Bad\x9b", message="no\u202e", operation="organizations:*"))
    assert forbidden_in_all(run("plan", "--policy", path)) == set()
    assert forbidden_in_all(run("doctor", "--policy", path)) == set()


HIDDEN = "\x1b\x9b\x85\x7f\u202e\u2066\u200b\u200d\u2028\u2029\ufeff\u00ad\r\x08"
SETTINGS = ("POLICY", "REPORT_BUCKET", "TABLE", "ANCHOR", "KILL_SWITCH", "MODE", "TOPIC", "MEMBER_ROLE", "STACK_SET")


def is_shown(ran: Ran) -> bool:
    """Nothing that no terminal shows, of any kind: also what hides, joins or turns around."""
    said = (ran.stdout + ran.stderr).replace("\n", "")
    hides = {char for char in said if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs")}
    return not hides and "Traceback" not in said


@pytest.mark.usefixtures("organization")
def test_no_setting_and_no_argument_acts_on_the_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = f"n{HIDDEN}[31m[red]x[/red]"
    monkeypatch.setenv("LOGNAME", evil)
    for name in SETTINGS:
        with monkeypatch.context() as set_here:
            set_here.setenv(f"STOP_ORCHESTRATOR_{name}", evil)
            for command in (("validate",) if name == "POLICY" else ("history",), ("verify", "--all")):
                assert is_shown(run(*command)), (name, command)
    arguments = (("validate", evil), ("report", evil), ("verify", evil), ("apply", evil, "--yes"))
    for command in (*arguments, ("plan", "--policy", evil), ("plan", "--policy", f"s3://{evil}/x")):
        ran = run(*command)
        assert ran.exit_code == 2
        assert is_shown(ran), command


def test_bad_usage_prints_no_control_character() -> None:
    command = [sys.executable, "-m", "orchestrator", "history", EVIL]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    assert (ran.returncode, forbidden_in(ran.stdout + ran.stderr)) == (2, set())


def test_what_is_piped_is_not_wrapped_and_has_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    file = io.StringIO()
    console = SafeConsole(file=file)
    table = Table(title="Wide")
    table.add_column("why")
    table.add_row("word " * 100)
    for one in (Text("word " * 100, style="bold red"), table):
        console.print(one)
    console.rule(Text("1. Title"), align="left")
    assert max(map(len, file.getvalue().splitlines())) > 490
    assert "\x1b" not in file.getvalue()
    assert file.getvalue().splitlines()[-1] == "1. Title"
    monkeypatch.setenv("COLUMNS", "80")
    assert console.width == 80


def test_the_console_script_makes_harmless_whatever_a_library_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(root, "cli", lambda: (sys.stdout.write(EVIL), sys.stderr.write(EVIL)))
    main.main()
    for said in capsys.readouterr():
        assert said.startswith("\\u001b[31mred")
        assert forbidden_in(said) == set()


def test_where_it_is_piped_no_line_ends_with_blanks_and_a_question_keeps_its_own() -> None:
    file = io.StringIO()
    console = SafeConsole(file=file, width=80)
    table = a_table("A title", "one", "two")
    table.add_row("1", "")
    console.print(table)
    console.print("Type it: ", end="")
    assert file.getvalue() == "A title\none  two\n1\nType it: "
