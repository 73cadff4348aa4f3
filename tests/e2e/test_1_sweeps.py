"""The real zip, deployed by the templates, started by schedules, with IAM enforced."""

from __future__ import annotations

import json

import pytest

from tests.e2e.deployment import FUNCTION, Deployment, Report
from tests.e2e.expectations import Swept, assert_as_expected, told


@pytest.mark.parametrize("mode", ["plan", "enforce"])
def test_a_schedule_starts_the_lambda_which_sweeps_across_accounts(
    deployment: Deployment, alone: dict[str, Swept], mode: str
) -> None:
    assert_as_expected(deployment.organization, alone[mode])


def test_an_enforce_that_meets_a_preview_has_its_turn_and_both_are_reported(
    deployment: Deployment, met: dict[str, Report]
) -> None:
    """How far the preview is by then is chance: it yields, or has read everything."""
    enforced, preview = met["enforce"], met["plan"]
    assert enforced["totals"]["stopped"] == len(deployment.organization.to_stop)
    assert preview["totals"]["stopped"] == 0
    yielded = f"Yielded: it yielded to sweep {enforced['sweep_id']} (mode enforce) before it was its turn"
    assert preview["error"] in ("", yielded)


@pytest.mark.parametrize("mode", ["plan", "enforce"])
def test_with_scale_out_a_schedule_starts_the_state_machine_which_does_the_same(
    deployment: Deployment, scaled_out: dict[str, Swept], mode: str
) -> None:
    assert_as_expected(deployment.organization, scaled_out[mode])


@pytest.mark.parametrize("mode", ["plan", "enforce"])
def test_both_reports_say_the_same(alone: dict[str, Swept], scaled_out: dict[str, Swept], mode: str) -> None:
    assert told(scaled_out[mode].report) == told(alone[mode].report)


def test_each_account_was_read_and_stopped_in_by_a_child_of_its_own(
    deployment: Deployment, scaled_out: dict[str, Swept]
) -> None:
    states = deployment.emulator.client("stepfunctions")
    listed = states.list_executions(stateMachineArn=deployment.output("StateMachineArn"))["executions"]
    assert [one["status"] for one in listed] == ["SUCCEEDED"] * 2
    answers = [json.loads(states.describe_execution(executionArn=one["executionArn"])["output"]) for one in listed]
    assert {one["sweep_id"] for one in answers} == {one.report["sweep_id"] for one in scaled_out.values()}
    bucket, s3 = deployment.output("ReportBucketName"), deployment.emulator.client("s3")
    sweep_id = scaled_out["enforce"].report["sweep_id"]
    found = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix="sweeps/")["Contents"]]
    names = {key.partition(f"{sweep_id}/")[2] for key in found if sweep_id in key}
    assert {f"work/inventory-{number}.json" for number in (1, 2, 3, 4)} <= names  # also of the account that is denied
    waves = [_json(s3, bucket, key) for key in found if sweep_id in key and "acts-" in key]
    assert sorted(len(wave) for wave in waves) == [1, 2]


def test_the_hubs_role_writes_a_page_for_each_sweep_and_the_one_over_all(
    deployment: Deployment, scaled_out: dict[str, Swept]
) -> None:
    bucket, s3 = deployment.output("ReportBucketName"), deployment.emulator.client("s3")
    found = {one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    page = s3.get_object(Bucket=bucket, Key="index/index.html")["Body"].read().decode()
    for one in scaled_out.values():
        sweep_id = one.report["sweep_id"]
        assert any(key.endswith(f"sweep={sweep_id}/report.html") for key in found)
        assert sweep_id in page


def test_the_hourly_check_reads_with_its_own_role_whether_sweeps_were_missed(
    deployment: Deployment, scaled_out: dict[str, Swept]
) -> None:
    """Nothing was due since the policy was activated, and it says so only where it could read everything."""
    client = deployment.emulator.client("lambda")
    answer = client.invoke(FunctionName=f"{FUNCTION}-check", Payload=b"{}")
    assert "FunctionError" not in answer, answer["Payload"].read()
    looked = json.load(answer["Payload"])
    assert (looked["checked"] > 0, looked["missed"]) == (True, [])


def _json(s3: object, bucket: str, key: str) -> list[object]:
    read: list[object] = json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])  # type: ignore[attr-defined]  # boto3 makes it while it runs
    return read
