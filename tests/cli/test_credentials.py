"""Without credentials a command says once which profile it is about and how to sign in, and leaves no empty report."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.at_a_terminal import DEV
from tests.support.fixtures import Policy, Run

SSO = """
[profile dev]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = Admin
region = eu-central-1
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-central-1
"""


@pytest.fixture(autouse=True)
def _no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "config").write_text(SSO)


@pytest.mark.parametrize("command", [("plan", "--policy"), ("validate", "--against-organization")])
def test_no_credentials_at_all_are_told_in_one_line(
    run: Run, policy: Policy, tmp_path: Path, command: tuple[str, ...]
) -> None:
    ran = run(*command, policy(DEV))
    assert (ran.exit_code, ran.stdout) == (1, "")
    told = [line for line in ran.stderr.splitlines() if "credentials" in line]
    assert len(told) == 1
    assert told[0].startswith("there are no AWS credentials: no profile is named (AWS_PROFILE)")
    assert "aws sso login --profile PROFILE" in told[0]
    assert not list(tmp_path.glob(".stop-orchestrator/sweeps/*/*/report.json"))


HUB = {"STOP_ORCHESTRATOR_REPORT_BUCKET": "reports", "STOP_ORCHESTRATOR_TABLE": "ledger"}
SWEEP = "20261123T190000Z-7f3a9c"


@pytest.mark.parametrize(
    ("command", "variables"),
    [
        (("history",), HUB),
        (("history", "i-0123456789abcdef0"), HUB),
        (("report", "latest"), HUB),
        (("report", SWEEP), {"STOP_ORCHESTRATOR_REPORT_BUCKET": "reports"}),
        (("verify", "--all"), HUB),
        (("explain", "i-0123456789abcdef0", "--sweep", SWEEP), HUB),
        (("apply", SWEEP, "--yes"), HUB),
        (("console",), HUB),
        (("plan", "--policy", "policy.yaml", "--prices", "s3://books/prices.csv"), {}),
        (("plan", "--policy", "ssm:/policy"), {}),
        (("validate", "s3://books/policy.yaml"), {}),
        (("doctor", "--policy", "policy.yaml"), {}),
    ],
    ids=" ".join,
)
def test_whatever_is_to_be_read_first_the_one_line_is_the_same(
    run: Run,
    policy: Policy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(Path(policy(DEV)).read_text())
    for name, value in {**variables, "AWS_PROFILE": "dev"}.items():
        monkeypatch.setenv(name, value)
    ran = run(*command)
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert ran.stderr.splitlines()[-1] == (
        "the SSO sign-in of the profile dev is missing or has expired; sign in: aws sso login --profile dev"
    )


def test_an_sso_sign_in_that_is_missing_names_the_profile_and_the_command(
    run: Run, policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "dev")
    ran = run("plan", "--policy", policy(DEV))
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert ran.stderr.splitlines()[-1] == (
        "the SSO sign-in of the profile dev is missing or has expired; sign in: aws sso login --profile dev"
    )
    assert "Traceback" not in ran.stderr
    assert not list(tmp_path.glob(".stop-orchestrator/sweeps/*/*/report.json"))
