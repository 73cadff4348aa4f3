"""`validate`: every mistake of a policy at once, each where it is, without any AWS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest

from orchestrator.demo.faults import Fault
from orchestrator.demo.organization import BUCKET
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Run
from tests.support.suites import only_in_full

GOOD = "version: 1\nname: nights\nguardrails: {max_stops: 10}\nrules: [{name: dev, where: {tag: {Environment: dev}}}]\n"
WARNED = "version: 1\nname: nights\nrules:\n  - {name: all, where: everything}\n  - {name: dev, where: everything}\n"
FIVE_MISTAKES = """\
version: 1
name: nights
schedules:
  office-hours:
    timezone: Europe/Berln
    running: ["mon-fri 19:00-19:00"]
rules:
  - name: all-of-it
  - name: dev
    where: {tag: {Environment: dev}}
    schedule: weekends
guardrails:
  max_stop: 5
"""
PLACES = [
    (5, "schedules.office-hours.timezone"),
    (6, "schedules.office-hours.running[0]"),
    (8, "rules[0].where"),
    (11, "rules[1].schedule"),
    (13, "guardrails.max_stop"),
]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return written(tmp_path, GOOD)


def written(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text)
    return path


def test_five_mistakes_are_five_lines_with_their_places_and_exit_2(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, FIVE_MISTAKES)
    ran = run("validate", str(path))
    assert (ran.exit_code, ran.stdout) == (2, "")
    lines = ran.stderr.splitlines()
    assert len(lines) == 5
    for line, (number, place) in zip(lines, PLACES, strict=True):
        assert line.startswith(f"{path}:{number}: {place}: ")
        assert len(line) > len(f"{path}:{number}: {place}: ") + 10


def test_the_same_five_as_json_are_one_document_on_stdout(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, FIVE_MISTAKES)
    ran = run("validate", str(path), "--format", "json")
    assert ran.exit_code == 2
    assert (ran.report["valid"], ran.report["source"]) == (False, str(path))
    assert [(one["line"], one["path"]) for one in ran.report["problems"]] == PLACES
    assert len(ran.stderr.splitlines()) == 5


def test_a_good_policy_exits_0_and_says_what_it_is(run: Run, good: Path) -> None:
    ran = run("validate", str(good))
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert ran.stdout == f"{good}: policy nights is valid: 1 rule\n"


def test_a_good_policy_as_json_has_its_sha256_and_no_problems(run: Run, good: Path) -> None:
    ran = run("validate", str(good), "--format", "json")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert (ran.report["valid"], ran.report["name"], ran.report["problems"]) == (True, "nights", [])
    assert len(ran.report["sha256"]) == 64


def test_a_path_that_looks_like_markup_or_an_emoji_is_printed_as_it_is(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "[red]a:key:b[bold].yaml"
    assert str(path) in run("validate", str(path)).stderr
    path.write_text(GOOD)
    assert run("validate", str(path)).stdout.startswith(f"{path}: policy nights is valid")


def test_warnings_are_lines_with_their_places_and_change_no_exit_code(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, WARNED)
    ran = run("validate", str(path))
    assert (ran.exit_code, ran.stderr) == (0, "")
    valid, *warnings = ran.stdout.splitlines()
    assert valid == f"{path}: policy nights is valid: 2 rules, 2 warnings"
    assert warnings[0].startswith(f"{path}:1: guardrails: warning: no guardrail limits ")
    assert warnings[1].startswith(f"{path}:5: rules[1]: warning: the rule 'dev' can own nothing, ")


def test_the_same_warnings_as_json_are_beside_the_problems(run: Run, tmp_path: Path, good: Path) -> None:
    assert run("validate", str(good), "--format", "json").report["warnings"] == []
    ran = run("validate", str(written(tmp_path, WARNED)), "--format", "json")
    assert (ran.exit_code, ran.report["valid"], ran.report["problems"]) == (0, True, [])
    assert [(one["line"], one["path"]) for one in ran.report["warnings"]] == [(1, "guardrails"), (5, "rules[1]")]
    assert all(one["message"] for one in ran.report["warnings"])


def test_a_policy_with_mistakes_has_no_warnings_beside_them(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, f"{WARNED}zzz: 1\n")
    assert len(run("validate", str(path)).stderr.splitlines()) == 1


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_dash_reads_the_policy_from_standard_input(run: Run, output: str) -> None:
    ran = run("validate", "-", "--format", output, typed=WARNED)
    assert (ran.exit_code, ran.stderr) == (0, "")
    if output == "json":
        assert (ran.report["name"], ran.report["sha256"]) == ("nights", sha256(WARNED.encode()).hexdigest())
    else:
        assert ran.stdout.startswith("<stdin>: policy nights is valid: 2 rules, 2 warnings\n<stdin>:1: guardrails: ")


def test_mistakes_of_standard_input_have_its_lines_and_what_is_no_text_is_said(run: Run) -> None:
    ran = run("validate", "-", typed=FIVE_MISTAKES)
    assert ran.exit_code == 2
    assert [line.split(": ")[0] for line in ran.stderr.splitlines()] == [f"<stdin>:{line}" for line, _ in PLACES]
    ran = run("validate", "-", "--format", "json", typed=b"\x7fELF\xff")
    assert (ran.exit_code, ran.report["source"]) == (2, "<stdin>")
    assert (
        ran.stderr
        == "the policy <stdin> cannot be read: it is no UTF-8 text (line 1: invalid start byte); save it as UTF-8\n"
    )


def test_a_standard_input_that_is_closed_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.cli.policies.sys", SimpleNamespace(stdin=None))
    ran = run("validate", "-")
    assert (ran.exit_code, ran.stderr) == (2, "the policy <stdin> cannot be read: standard input is closed\n")


def unreadable(kind: str, folder: Path) -> Path:
    path = folder / kind
    if kind == "directory":
        path.mkdir()
    elif kind == "binary":
        path.write_bytes(b"\x7fELF\xff\xfe\x00\x01")
    elif kind == "empty":
        path.touch()
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("directory", "Is a directory"),
        ("binary", "it is no UTF-8 text"),
        ("missing", "No such file or directory"),
        ("empty", "the document is empty"),
    ],
)
@pytest.mark.parametrize("output", ["table", "json"])
def test_what_is_no_document_is_one_line_that_says_so(
    run: Run, tmp_path: Path, kind: str, words: str, output: str
) -> None:
    path = unreadable(kind, tmp_path)
    ran = run("validate", str(path), "--format", output)
    assert ran.exit_code == 2
    assert len(ran.stderr.splitlines()) == 1
    assert str(path) in ran.stderr
    assert words in ran.stderr
    if output == "json":
        [problem] = ran.report["problems"]
        assert (ran.report["valid"], ran.report["source"]) == (False, str(path))
        assert words in problem["message"]
    else:
        assert ran.stdout == ""


def test_without_a_document_it_says_how_to_name_one(run: Run) -> None:
    ran = run("validate")
    assert ran.exit_code == 2
    assert "stop-orchestrator validate config/policy.yaml" in ran.stderr


def test_the_policy_of_the_environment_is_validated_where_none_is_named(
    run: Run, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICY", str(good))
    assert run("validate").stdout.startswith(f"{good}: policy nights is valid")


def test_a_policy_in_s3_is_validated_there(organization: OrganizationBuilder, run: Run) -> None:
    organization.hub()
    organization.client("s3").put_object(Bucket=BUCKET, Key="policy.yaml", Body=FIVE_MISTAKES)
    ran = run("validate", f"s3://{BUCKET}/policy.yaml")
    assert ran.exit_code == 2
    assert len(ran.stderr.splitlines()) == 5
    assert ran.stderr.startswith(f"s3://{BUCKET}/policy.yaml:5: schedules.office-hours.timezone: ")


def test_settings_of_a_sweep_do_not_matter(run: Run, good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WORKERS": "many", "MODE": "stop", "KILL_SWITCH": "/off"}.items():
        monkeypatch.setenv(f"STOP_ORCHESTRATOR_{name}", value)
    assert run("validate", str(good)).exit_code == 0


@pytest.mark.parametrize(
    ("text", "exit_code"), [(FIVE_MISTAKES, 2), *only_in_full((GOOD, 0))], ids=["five mistakes", "good"]
)
def test_it_needs_no_credentials_no_region_and_no_endpoint(tmp_path: Path, text: str, exit_code: int) -> None:
    path = written(tmp_path, text)
    nothing = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nothing |= {"HOME": str(tmp_path), "AWS_PROFILE": "nobody", "AWS_ENDPOINT_URL": "nowhere"}
    ran = subprocess.run(
        [sys.executable, "-m", "orchestrator", "validate", str(path), "--format", "json"],
        env=nothing,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == exit_code
    assert json.loads(ran.stdout)["valid"] is (exit_code == 0)
    assert "Traceback" not in ran.stderr


# --- against the organization -----------------------------------------------------------------------------------------


def test_a_name_that_is_not_there_is_told_with_its_line_and_the_nearest_and_nothing_is_written(
    organization: OrganizationBuilder, run: Run, tmp_path: Path
) -> None:
    unit = organization.unit("/Workloads/Prod")
    path = written(tmp_path, f"{GOOD}organization:\n  exclude:\n    - /Workloads/Production\n")
    assert run("validate", str(path)).exit_code == 0
    ran = run("validate", str(path), "--against-organization")
    assert (ran.exit_code, ran.stderr) == (4, "")
    assert f"{path}:7: organization.exclude[0]: '/Workloads/Production' is no OU of the organization" in ran.stdout
    assert f"the nearest is /Workloads/Prod ({unit})" in ran.stdout
    ran = run("validate", str(path), "--against-organization", "--format", "json")
    assert (ran.exit_code, ran.report["valid"]) == (4, True)
    (name,) = ran.report["unresolved_names"]
    assert (name["path"], name["line"], name["effect"]) == ("organization.exclude[0]", 7, "holds")
    assert not (tmp_path / ".stop-orchestrator").exists()


def test_names_that_are_there_or_allowed_are_no_reason_to_hold(
    organization: OrganizationBuilder, run: Run, tmp_path: Path
) -> None:
    unit = organization.unit("/Workloads/Prod")
    scope = f"organization: {{exclude: [/Workloads/Prod, {unit}]}}\nregions: {{exclude: ['us-gov-*', cn-north-1]}}\n"
    path = written(tmp_path, GOOD + scope)
    ran = run("validate", str(path), "--against-organization")
    assert (ran.exit_code, ran.stdout.splitlines()[1]) == (0, "Every OU, account and region that it names is there.")
    path.write_text(f"{GOOD}unresolved_names: allow\norganization: {{exclude: [/Gone]}}\n")
    ran = run("validate", str(path), "--against-organization")
    assert ran.exit_code == 0
    assert "'/Gone'" in ran.stdout


def test_an_organization_that_cannot_be_listed_is_an_error_and_no_unresolved_name(
    organization: OrganizationBuilder, run: Run, tmp_path: Path
) -> None:
    organization.front.faults.add(Fault(code="AccessDeniedException", operation="organizations:ListRoots"))
    path = written(tmp_path, f"{GOOD}organization: {{exclude: [/Production]}}\n")
    ran = run("validate", str(path), "--against-organization")
    assert ran.exit_code == 1
    assert "/Production" not in ran.stdout + ran.stderr


def test_the_table_of_a_held_plan_names_what_to_change(
    organization: OrganizationBuilder, run: Run, tmp_path: Path
) -> None:
    organization.instances(organization.account("live", "/Prod"), "eu-central-1", 1, {"Environment": "dev"})
    scope = "organization: {exclude: [/Production]}\nregions: {include: [eu-central-1]}\n"
    path = written(tmp_path, GOOD + scope)
    ran = run("plan", "--policy", str(path))
    assert ran.exit_code == 4
    for text in ("names_resolved", "organization.exclude[0]", "line 5", "/Production", "/Prod"):
        assert text in ran.stdout
