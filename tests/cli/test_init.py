"""A first policy after a few questions: it is valid, says what comes next, and never takes the place of another."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.policy.first_policy import FirstAnswers, first_policy
from orchestrator.kinds.registry import KINDS
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Run
from tests.support.policies import load

_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(str.strip)


@pytest.fixture
def accounts(organization: OrganizationBuilder) -> OrganizationBuilder:
    organization.account("web", "/Workloads/Dev")
    organization.account("shop", "/Workloads/Prod")
    return organization


@pytest.mark.usefixtures("accounts", "terminal")
def test_it_shows_the_ous_asks_and_writes_a_valid_policy_with_its_schema(run: Run, tmp_path: Path) -> None:
    answers = "/Workloads/Dev, /Labs\nweb-nights\nEurope/Berlin\nmon-sat 08:00-18:00\nStage=dev,qa-*\n"
    # The name is asked for after the OUs.
    ran = run("init", "--output", "new/policy.yaml", typed=answers)
    assert ran.exit_code == 0, ran
    assert "  /Workloads/Dev  (1 account)" in ran.stderr
    assert ran.stderr.endswith("stop-orchestrator plan --policy new/policy.yaml\n")
    text = (tmp_path / "new/policy.yaml").read_text()
    policy = load(text)
    assert text.startswith("# yaml-language-server: $schema=policy.schema.json\n")
    assert (tmp_path / "new/policy.schema.json").exists()
    assert (policy.name, str(policy.timezone)) == ("web-nights", "Europe/Berlin")
    assert policy.organization.include == ("/Workloads/Dev", "/Labs")
    assert run("validate", "new/policy.yaml").exit_code == 0


@pytest.mark.usefixtures("accounts")
def test_without_a_terminal_it_takes_the_ous_that_look_like_development(run: Run, tmp_path: Path) -> None:
    ran = run("init", "--hours", "mon-fri 06:00-20:00")
    assert ran.exit_code == 0, ran
    policy = load((tmp_path / "policy.yaml").read_text())
    assert policy.organization.include == ("/Workloads/Dev",)
    assert policy.schedules.keys() == {"office-hours"}


@pytest.mark.usefixtures("accounts")
def test_it_stops_ec2_instances_alone_and_says_so_and_names_what_else_there_is(run: Run, tmp_path: Path) -> None:
    assert "It stops EC2 instances alone, and names the 7 other kinds" in run("init", "--yes").stderr
    text = (tmp_path / "policy.yaml").read_text()
    assert {one for rule in load(text).rules for one in rule.kinds} == {"ec2"}
    comments = "\n".join(line for line in text.split("\n") if line.lstrip().startswith("#"))
    assert all(kind in comments for kind in KINDS if kind != "ec2")


@pytest.mark.usefixtures("accounts")
def test_the_next_command_can_be_pasted_whatever_the_file_is_called(run: Run) -> None:
    assert run("init", "--yes", "-o", "q q.yaml").stderr.endswith("stop-orchestrator plan --policy 'q q.yaml'\n")


@pytest.mark.usefixtures("accounts")
def test_a_file_that_is_there_is_left_as_it_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("mine")
    ran = run("init", "--yes")
    assert (ran.exit_code, (tmp_path / "policy.yaml").read_text()) == (2, "mine")
    assert "is there already" in ran.stderr


def test_where_the_organization_cannot_be_read_it_says_how_to_name_the_ous(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    ran = run("init")
    assert ran.exit_code == 2
    assert "The organization cannot be read, so its OUs are yours to name: there are no AWS credentials" in ran.stderr
    assert "--organizational-unit /Workloads/Dev" in ran.stderr
    assert run("init", "--organizational-unit", "/Workloads/Dev").exit_code == 0


@pytest.mark.usefixtures("accounts", "terminal")
def test_whoever_gives_up_has_no_file(run: Run, tmp_path: Path) -> None:
    assert run("init", typed="/Workloads/Dev\n").exit_code == 1
    assert not (tmp_path / "policy.yaml").exists()


def test_every_option_that_is_wrong_is_told_at_once_before_the_organization_is_read(run: Run, tmp_path: Path) -> None:
    ran = run("init", "--hours", "office hours", "--timezone", "Mars/Base", "--tag", "Environment")
    assert ran.exit_code == 2
    for wrong in ("office hours", "Mars/Base", "--tag: 'Environment' must be KEY=VALUE"):
        assert wrong in ran.stderr
    assert "cannot be read" not in ran.stderr


def test_answers_that_are_no_policy_are_told_and_nothing_is_written(run: Run, tmp_path: Path) -> None:
    ran = run("init", "--organizational-unit", "/Dev", "--hours", "office hours", "--timezone", "Mars/Base")
    assert ran.exit_code == 2
    assert "Mars/Base" in ran.stderr
    assert not (tmp_path / "policy.yaml").exists()


@given(_TEXT, _TEXT)
def test_whatever_a_tag_is_called_the_text_is_the_same_policy(key: str, value: str) -> None:
    text = first_policy(FirstAnswers("a", "UTC", ("/Dev",), "mon-fri 07:00-19:00", key, (value,)), KINDS)
    assert load(text).document["rules"][0]["where"] == {"tag": {key: [value]}}
