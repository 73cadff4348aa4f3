"""Every exit code of the command line, and what it says about why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.demo.faults import Fault
from orchestrator.demo.organization import BUCKET, TABLE
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run

FRANKFURT, IRELAND = "eu-central-1", "eu-west-1"
DEV = "rules: [{name: dev, where: {tag: {Environment: dev}}}]\n"
DEV_TAGS = {"Environment": "dev"}
ENFORCE = ("sweep", "--mode", "enforce", "--yes", "--format", "json")
REPORT_WRITE = Fault(code="AccessDenied", message="the bucket was closed", status=403, operation="s3:*report.json")


def stopped(organization: OrganizationBuilder) -> int:
    return organization.front.calls["ec2:StopInstances"]


def assumed(organization: OrganizationBuilder) -> int:
    return organization.front.calls["sts:AssumeRole"]


def listed(organization: OrganizationBuilder) -> int:
    return organization.front.calls["organizations:ListAccountsForParent"]


def use_hub(organization: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in organization.hub().items():
        monkeypatch.setenv(name, value)


def lost_report(ran: Ran) -> dict[str, object]:
    [line] = [line for line in ran.stderr.splitlines() if line.startswith("{")]
    parsed: dict[str, object] = json.loads(line)
    return parsed


# --- 0, 3, 4, 5 and which of them wins --------------------------------------------------------------------------------


def test_a_complete_plan_and_a_complete_sweep_exit_0(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    account = organization.account("dev")
    [one] = organization.instances(account, FRANKFURT, 1, DEV_TAGS)
    assert run("plan", "--policy", policy(DEV)).exit_code == 0
    assert organization.down(account, FRANKFURT) == set()
    assert run(*ENFORCE, "--policy", policy(DEV)).exit_code == 0
    assert organization.down(account, FRANKFURT) == {one}


def test_sweep_stops_nothing_unless_it_is_told_to_enforce(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    organization.instances(organization.account("dev"), FRANKFURT, 1, DEV_TAGS)
    ran = run("sweep", "--format", "json", "--policy", policy(DEV))
    assert (ran.exit_code, ran.report["mode"], stopped(organization)) == (0, "plan", 0)


@pytest.mark.parametrize("command", [("plan",), ("sweep",), ("sweep", "--yes")])
def test_what_is_not_told_to_enforce_stops_nothing_where_the_environment_says_enforce(
    organization: OrganizationBuilder,
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_MODE", "enforce")
    organization.instances(organization.account("dev"), FRANKFURT, 1, DEV_TAGS)
    ran = run(*command, "--format", "json", "--policy", policy(DEV))
    assert (ran.exit_code, ran.report["mode"], stopped(organization)) == (0, "plan", 0)


@pytest.mark.parametrize("command", [("plan", "--format", "json"), ENFORCE])
def test_a_denied_account_exits_3(
    organization: OrganizationBuilder, run: Run, policy: Policy, command: tuple[str, ...]
) -> None:
    organization.account("denied", role=False)
    ran = run(*command, "--policy", policy(DEV))
    assert (ran.exit_code, ran.report["status"]) == (3, "incomplete")


def test_a_target_that_failed_exits_3(organization: OrganizationBuilder, run: Run, policy: Policy) -> None:
    account = organization.account("dev")
    fault = Fault(code="InvalidParameterValue", account=account, region=IRELAND, operation="ec2:DescribeInstances")
    organization.front.faults.add(fault)
    ran = run("plan", "--format", "json", "--policy", policy(DEV))
    assert ran.exit_code == 3
    assert {row["region"]: row["status"] for row in ran.report["coverage"] if row["account_id"] == account} == {
        FRANKFURT: "scanned",
        IRELAND: "failed",
    }


@pytest.mark.parametrize("command", [("plan", "--format", "json"), ENFORCE])
def test_a_plan_that_a_guardrail_holds_exits_4_in_both_modes(
    organization: OrganizationBuilder, run: Run, policy: Policy, command: tuple[str, ...]
) -> None:
    organization.instances(organization.account("dev"), FRANKFURT, 2, DEV_TAGS)
    ran = run(*command, "--policy", policy(DEV + "guardrails: {max_stops: 1}\n"))
    assert (ran.exit_code, ran.report["status"], stopped(organization)) == (4, "held", 0)
    assert [row["status"] for row in ran.report["outcomes"]] == ["held", "held"]


def test_held_and_incomplete_exits_4(organization: OrganizationBuilder, run: Run, policy: Policy) -> None:
    organization.account("denied", role=False)
    organization.instances(organization.account("dev"), FRANKFURT, 2, DEV_TAGS)
    ran = run(*ENFORCE, "--policy", policy(DEV + "guardrails: {max_stops: 1}\n"))
    assert (ran.exit_code, ran.report["totals"]["denied"]) == (4, 1)


def test_incomplete_with_a_failed_stop_exits_5(organization: OrganizationBuilder, run: Run, policy: Policy) -> None:
    organization.account("denied", role=False)
    account = organization.account("dev")
    [good] = organization.instances(account, FRANKFURT, 1, DEV_TAGS)
    organization.instances(account, FRANKFURT, 1, DEV_TAGS, DisableApiStop=True)
    ran = run(*ENFORCE, "--policy", policy(DEV))
    assert (ran.exit_code, ran.report["totals"]["denied"], ran.report["totals"]["failed"]) == (5, 1, 1)
    assert organization.down(account, FRANKFURT) == {good}


# --- 2: nothing was read ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "command"),
    [
        ("plan", ENFORCE),
        ("approve", ENFORCE),
        ("plan", ("sweep", "--mode", "approve")),
        ("approve", ("apply", "20261123T190000Z-7f3a9c", "--yes")),
        ("plan", ("undo", "20261123T190000Z-7f3a9c", "--yes")),
    ],
)
def test_a_mode_beyond_the_one_that_the_environment_sets_is_refused(
    organization: OrganizationBuilder,
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    command: tuple[str, ...],
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_MODE", setting)
    organization.instances(organization.account("dev"), FRANKFURT, 1, DEV_TAGS)
    of_a_sweep = ("--policy", policy(DEV)) if command[0] == "sweep" else ()
    ran = run(*command, *of_a_sweep)
    assert (ran.exit_code, ran.stdout, listed(organization), stopped(organization)) == (2, "", 0, 0)
    assert f"STOP_ORCHESTRATOR_MODE is '{setting}'" in ran.stderr
    assert run("plan", "--policy", policy(DEV)).exit_code == 0


def test_every_setting_that_makes_no_sense_is_named_at_once(
    organization: OrganizationBuilder, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {
        "WORKERS": "many",
        "MODE": "stop",
        "MEMBER_ROLE": "no role!",
        "EXTERNAL_ID": "x",
        "KILL_SWITCH": "no name!",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(f"STOP_ORCHESTRATOR_{name}", value)
    ran = run("sweep", "--policy", policy(DEV))
    assert (ran.exit_code, ran.stdout, listed(organization)) == (2, "", 0)
    assert len(ran.stderr.splitlines()) == len(wrong)
    for name in wrong:
        assert f"STOP_ORCHESTRATOR_{name}" in ran.stderr
    assert "must be 'plan', 'enforce' or 'approve'" in ran.stderr


def test_a_wrong_option_is_named_as_an_option(run: Run, policy: Policy) -> None:
    ran = run("plan", "--workers", "0", "--policy", policy(DEV))
    assert ran.exit_code == 2
    assert "--workers" in ran.stderr
    assert "STOP_ORCHESTRATOR" not in ran.stderr


def test_an_endpoint_without_a_scheme_is_named(run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:5000")
    ran = run("plan", "--policy", policy(DEV))
    assert ran.exit_code == 2
    assert "AWS_* variables" in ran.stderr
    assert "localhost:5000" in ran.stderr


def test_a_profile_that_does_not_exist_is_named(run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    ran = run("plan", "--policy", policy(DEV))
    assert ran.exit_code == 2
    assert "nobody" in ran.stderr


def test_without_a_policy_it_says_how_to_name_one(run: Run) -> None:
    ran = run("plan")
    assert ran.exit_code == 2
    assert "--policy" in ran.stderr
    assert "STOP_ORCHESTRATOR_POLICY" in ran.stderr


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere.yaml", "No such file or directory"),
        (f"s3://{BUCKET}/nothing.yaml", "NoSuchKey: The specified key does not exist"),
        ("s3://no-such-bucket/policy.yaml", "NoSuchBucket: The specified bucket does not exist"),
        (f"s3://{BUCKET}", "s3://bucket/key"),
        ("ssm:/nothing", "ParameterNotFound: Parameter /nothing not found"),
    ],
)
def test_a_policy_that_cannot_be_read_exits_2_in_the_words_of_whoever_refused(
    organization: OrganizationBuilder, run: Run, source: str, words: str
) -> None:
    organization.hub()
    ran = run("plan", "--policy", source)
    assert (ran.exit_code, ran.stdout, listed(organization)) == (2, "", 0)
    assert f"the policy {source} cannot be read: " in ran.stderr
    assert words in ran.stderr


def test_a_policy_in_s3_and_one_in_the_parameter_store_are_the_same_as_the_file(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    organization.hub()
    path = policy(DEV + "# two kinds of line end\r\n")
    text = Path(path).read_bytes().decode()
    organization.client("s3").put_object(Bucket=BUCKET, Key="policies/night.yaml", Body=text)
    organization.client("ssm").put_parameter(Name="/stop/policy", Type="SecureString", Value=text)
    sources = (path, f"s3://{BUCKET}/policies/night.yaml", "ssm:/stop/policy")
    ran = [run("plan", "--format", "json", "--policy", source) for source in sources]
    assert [one.exit_code for one in ran] == [0, 0, 0]
    assert len({one.report["policy_sha256"] for one in ran}) == 1


def test_a_bad_policy_exits_2_before_anything_is_read(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    path = policy("rules: [{name: all-of-it}]\n")
    ran = run(*ENFORCE, "--policy", path)
    assert (ran.exit_code, listed(organization)) == (2, 0)
    assert ran.stderr.startswith(f"{path}:4: rules[0]")
    assert ran.report["valid"] is False


# --- 1: an error ended the run ----------------------------------------------------------------------------------------


def test_an_organization_that_may_not_be_listed_says_what_to_do(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    fault = Fault(code="AccessDeniedException", message="You don't have permissions", operation="organizations:*")
    organization.front.faults.add(fault)
    ran = run(*ENFORCE, "--policy", policy(DEV))
    assert (ran.exit_code, assumed(organization)) == (1, 0)
    assert "AccessDeniedException: You don't have permissions" in ran.stderr
    assert "run from the management account or a delegated administrator" in ran.stderr
    assert (ran.report["status"], ran.report["coverage"]) == ("failed", [])
    assert "OrganizationError" in ran.report["error"]


def test_an_account_without_an_organization_says_what_to_do(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    organization.client("organizations").delete_organization()
    ran = run("plan", "--policy", policy(DEV))
    assert ran.exit_code == 1
    assert "AWSOrganizationsNotInUseException" in ran.stderr
    assert "run from the management account" in ran.stderr


def test_a_folder_that_cannot_be_written_ends_it_before_anything_is_read(
    organization: OrganizationBuilder, run: Run, policy: Policy, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    organization.instances(organization.account("dev"), FRANKFURT, 1, DEV_TAGS)
    ran = run(*ENFORCE, "--policy", policy(DEV), "--store", str(tmp_path / "file"))
    assert (ran.exit_code, ran.stdout, assumed(organization)) == (1, "", 0)
    assert "cannot be used" in ran.stderr
    assert "nothing was read or stopped" in ran.stderr
    assert "File exists" in ran.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [("STOP_ORCHESTRATOR_REPORT_BUCKET", "s3:PutObject"), ("STOP_ORCHESTRATOR_TABLE", "dynamodb:PutItem")],
)
def test_a_bucket_or_table_that_is_not_there_ends_it_before_anything_is_read(
    organization: OrganizationBuilder, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    use_hub(organization, monkeypatch)
    monkeypatch.setenv(name, "not-there")
    organization.instances(organization.account("dev"), FRANKFURT, 1, DEV_TAGS)
    ran = run(*ENFORCE, "--policy", policy(DEV))
    assert (ran.exit_code, ran.stdout, assumed(organization)) == (1, "", 0)
    assert "not-there" in ran.stderr
    assert "nothing was read or stopped" in ran.stderr
    assert words in ran.stderr


def test_a_given_store_wins_over_the_bucket_and_the_table_of_the_environment(
    organization: OrganizationBuilder, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_REPORT_BUCKET", "not-there")
    monkeypatch.setenv("STOP_ORCHESTRATOR_TABLE", "not-there")
    ran = run("plan", "--format", "json", "--policy", policy(DEV), "--store", str(tmp_path / "here"))
    assert ran.exit_code == 0
    sweep_id = ran.report["sweep_id"]
    assert list((tmp_path / "here").glob(f"sweeps/*/sweep={sweep_id}/manifest.json"))
    assert run("report", sweep_id, "--store", str(tmp_path / "here")).exit_code == 0
    assert not [name for name in organization.front.calls if name.startswith(("s3:", "dynamodb:"))]


@pytest.mark.parametrize(
    "fault", [REPORT_WRITE, Fault(code="AccessDeniedException", operation="dynamodb:BatchWriteItem")]
)
def test_a_report_that_is_lost_after_the_stops_is_printed_whole_and_exits_1(
    organization: OrganizationBuilder, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    use_hub(organization, monkeypatch)
    account = organization.account("dev")
    ids = organization.instances(account, FRANKFURT, 2, {**DEV_TAGS, "Name": "web:key:blue [red]"})
    organization.front.faults.add(fault)
    ran = run(*ENFORCE, "--policy", policy(DEV))
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert organization.down(account, FRANKFURT) == set(ids)
    report = lost_report(ran)
    assert report["totals"]["stopped"] == 2  # type: ignore[index]  # plain JSON
    assert {row["name"] for row in report["decisions"]} == {"web:key:blue [red]"}  # type: ignore[attr-defined]  # plain JSON
    assert ran.stderr.splitlines()[-1].startswith("The report above could not be written: ")
    assert fault.code in ran.stderr
    assert BUCKET in ran.stderr or TABLE in ran.stderr
