"""`import`: the policy to standard output, what was not carried over to standard error, and the exit code tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.fixtures import Run

TOOLS = ("cloud-custodian", "instance-scheduler")


@pytest.mark.parametrize("tool", TOOLS)
def test_files_that_cannot_be_read_are_all_named_and_end_it_with_2(run: Run, tmp_path: Path, tool: str) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    ran = run("import", tool, str(tmp_path / "none.yaml"), str(binary))
    assert ran.exit_code == 2
    assert not ran.stdout
    for text in ("none.yaml cannot be read: No such file", "binary.yaml cannot be read: it is text in UTF-16"):
        assert text in ran.stderr


# --- cloud-custodian

CUSTODIAN = Path(__file__).parents[1] / "data/imports/cloud_custodian"
PAGE = Path(__file__).parents[2] / "docs/from-cloud-custodian.md"
BOMB = b"b0: &b0 [1]\n" + b"".join(b"b%d: &b%d [*b%d, *b%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 30))
WHOLE = "policies: [{name: nights, resource: ec2, filters: ['tag:Env': dev], actions: [stop]}]\n"


@pytest.fixture
def whole(tmp_path: Path) -> str:
    path = tmp_path / "custodian.yaml"
    path.write_text(WHOLE)
    return str(path)


def test_the_policy_goes_to_stdout_and_the_list_of_losses_to_stderr_in_80_columns(run: Run) -> None:
    ran = run("import", "cloud-custodian", str(CUSTODIAN / "documented.yaml"))
    assert ran.exit_code == 3
    assert "name: documented" in ran.stdout
    assert "evening-stop" in ran.stdout
    assert "Not carried over" not in ran.stdout
    said = " ".join(ran.stderr.split())
    for text in ("Not carried over", "the action `notify`", "2 rules active. Look at it with `validate`"):
        assert text in said
    assert max(map(len, ran.stderr.splitlines())) <= 80


def test_what_was_wholly_carried_over_ends_with_0_and_validates(run: Run, whole: str, tmp_path: Path) -> None:
    made = tmp_path / "policy.yaml"
    ran = run("import", "cloud-custodian", whole, "--name", "of custodian", "--output", str(made))
    assert (ran.exit_code, ran.stdout) == (0, "")
    assert "name: of-custodian" in made.read_text()
    assert run("validate", str(made)).exit_code == 0


def test_json_has_the_policy_and_each_loss_with_its_place(run: Run) -> None:
    ran = run("import", "cloud-custodian", str(CUSTODIAN / "documented.yaml"), "--format", "json")
    assert ran.exit_code == 3
    document = json.loads(ran.stdout)
    assert (document["rules"], document["left_out"]) == (2, 0)
    assert document["not_carried_over"][0]["path"] == "policies[0].filters[0].tag"
    assert document["not_carried_over"][0]["line"] == 8
    assert "evening-stop" in document["policy"]


@pytest.mark.parametrize("form", ["table", "json"])
def test_files_that_are_no_policies_are_all_named_with_their_lines(run: Run, tmp_path: Path, form: str) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("policies:\n  - 3\n")
    second.write_text("rules: []\n")
    ran = run("import", "cloud-custodian", str(first), str(second), "--format", form)
    assert ran.exit_code == 2
    assert "a.yaml:2: policies[0]: this entry must be a mapping" in ran.stderr
    assert "b.yaml:1: policies: this is no file of Cloud Custodian's policies" in ran.stderr
    if form == "json":
        assert [Path(one["source"]).name for one in json.loads(ran.stdout)["files"]] == ["a.yaml", "b.yaml"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BOMB, "too large"),
        (b"policies: " + b"[" * 100_000, "nested too deeply"),
        (b"x" * 10_000_001, "larger than 10 MB"),
        (b"\xff\xfe\x00\x00", "UTF-32"),
        (b"policies: [{name: \xe9}]", "no UTF-8"),
        (b"policies: [{name: \x00}]", "#x0000 is not allowed"),
    ],
    ids=["bomb", "deep", "large", "utf-32", "latin-1", "nul"],
)
def test_a_file_that_is_meant_to_harm_ends_it_with_2(run: Run, tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "custodian.yaml"
    path.write_bytes(content)
    ran = run("import", "cloud-custodian", str(path))
    assert ran.exit_code == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
