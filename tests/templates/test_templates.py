"""What every template promises its reader, and what the hub's parts promise one another."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from orchestrator.settings import Settings
from tests.support.cloudformation import (
    EVERYTHING,
    FOLDER,
    NAMES,
    VARIANTS,
    as_list,
    policy_documents,
    resolved,
    statements,
    template,
    text_of,
)

BYTES = 51_200
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html: a body without S3."""
SOURCE_BYTES = 25_000
SOURCES = sorted(path for path in FOLDER.rglob("*") if path.suffix in {".yaml", ".py"})
EVERY_VARIANT = [(name, variant) for name in NAMES for variant in VARIANTS[name]]
VERBS = {
    "Announce",
    "Assume",
    "Continue",
    "Decrypt",
    "Deliver",
    "Diagnose",
    "Encrypt",
    "Invoke",
    "Keep",
    "Leave",
    "Let",
    "List",
    "Mark",
    "Never",
    "Read",
    "Refuse",
    "Scale",
    "Send",
    "Sign",
    "Start",
    "Stop",
    "Tell",
    "Watch",
    "Write",
}
LOOKING = {"Check", "Doctor", "Keep"}
"""Functions that change nothing in any account."""
DATA = {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::S3::BucketPolicy", "AWS::KMS::Key"}
"""Evidence, and what keeps it closed or opens it: the only things that stay when a stack goes."""


def test_every_template_is_known() -> None:
    parts = {path.parent.name for path in FOLDER.glob("*/*.yaml")}
    assert {path.stem for path in FOLDER.glob("*.yaml")} | parts == set(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "hub"])
def test_a_template_of_one_file_fits_into_a_call_without_s3(name: str) -> None:
    assert len(text_of(name).encode()) < BYTES


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_no_file_is_too_long_to_be_read_at_once(path: Path) -> None:
    assert path.stat().st_size <= SOURCE_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_a_template_needs_no_transform_and_says_what_it_is_for(name: str) -> None:
    source = template(name)
    assert "Transform" not in source
    assert 40 < len(source["Description"]) <= 1024
    assert source["Outputs"]
    assert all(output["Description"] for output in source["Outputs"].values())


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_described_and_limited(name: str) -> None:
    for parameter, declared in template(name)["Parameters"].items():
        assert declared["Description"].strip(), parameter
        if declared["Type"] == "Number":
            assert "AllowedValues" in declared or {"MinValue", "MaxValue"} <= set(declared), parameter
        else:
            assert "AllowedValues" in declared or declared["AllowedPattern"].startswith("^"), parameter
            assert "AllowedValues" in declared or declared["AllowedPattern"].endswith("$"), parameter


@pytest.mark.parametrize("name", NAMES)
def test_every_default_is_a_value_that_is_allowed(name: str) -> None:
    for parameter, declared in template(name)["Parameters"].items():
        default = declared.get("Default")
        if default is None:
            continue
        if "AllowedValues" in declared:
            assert default in declared["AllowedValues"], parameter
        elif "AllowedPattern" in declared:
            each = default.split(",") if declared["Type"] == "CommaDelimitedList" else [default]
            assert all(re.search(declared["AllowedPattern"], one) for one in each), parameter
        else:
            assert declared["MinValue"] <= default <= declared["MaxValue"], parameter


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_and_condition_is_used(name: str) -> None:
    source = template(name)
    used = _referred_to({key: source.get(key, {}) for key in ("Conditions", "Resources", "Outputs")})
    assert not set(source["Parameters"]) - used
    assert not set(source.get("Conditions", {})) - used


@pytest.mark.parametrize("name", ["hub", "member-role", "member-stackset"])
def test_the_console_groups_every_parameter_once(name: str) -> None:
    source = template(name)
    groups = source["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert Counter(one for group in groups for one in group["Parameters"]) == Counter(list(source["Parameters"]))


@pytest.mark.parametrize(("name", "variant"), EVERY_VARIANT)
def test_nothing_refers_to_what_is_not_there(name: str, variant: str) -> None:
    """Resolving raises where something does."""
    assert resolved(name, **VARIANTS[name][variant])["Resources"]


@pytest.mark.parametrize("name", NAMES)
def test_every_policy_is_an_object_that_linters_look_into(name: str) -> None:
    for path, document in policy_documents(template(name)["Resources"]):
        assert isinstance(document["Statement"], list), path
    assert '"Statement"' not in text_of(name)


@pytest.mark.parametrize(("name", "variant"), EVERY_VARIANT)
def test_every_statement_has_a_name_that_says_what_it_does(name: str, variant: str) -> None:
    resources = resolved(name, **VARIANTS[name][variant])["Resources"]
    for logical_id, resource in resources.items():
        sids = [statement["Sid"] for statement in statements(resource)]
        assert len(sids) == len(set(sids)), logical_id
        for sid in sids:
            words = re.findall(r"[A-Z][a-z0-9]*", sid)
            assert "".join(words) == sid, sid
            assert len(words) >= 2, sid
            assert words[0] in VERBS, sid


@pytest.mark.parametrize(("name", "variant"), EVERY_VARIANT)
def test_no_statement_allows_a_wildcard_of_actions(name: str, variant: str) -> None:
    for statement in statements(resolved(name, **VARIANTS[name][variant])["Resources"]):
        if statement["Effect"] == "Allow" and statement["Sid"] != "LetIamDecide":  # of a key: as AWS's default has it
            assert not [action for action in as_list(statement["Action"]) if "*" in action], statement["Sid"]


@pytest.mark.parametrize("name", NAMES)
def test_only_evidence_outlives_its_stack(name: str) -> None:
    for logical_id, resource in template(name)["Resources"].items():
        if logical_id in ("KillSwitch", "LinkKey"):  # the one of an earlier stack alone: test_earlier_version
            continue
        policies = (resource.get("DeletionPolicy", "Delete"), resource.get("UpdateReplacePolicy", "Delete"))
        kept = ("RetainExceptOnCreate", "Retain")  # a first deployment that fails leaves no empty ones behind
        assert policies == (kept if resource["Type"] in DATA else ("Delete",) * 2), logical_id


def test_evidence_has_no_name_of_its_own_so_that_a_second_deployment_can_follow_a_removal() -> None:
    for resource in template("hub")["Resources"].values():
        if resource["Type"] in DATA:
            assert not {"BucketName", "TableName"} & set(resource["Properties"])


# --- the hub ----------------------------------------------------------------------------------------------------------


def test_the_lambda_s_environment_is_one_that_the_settings_accept() -> None:
    for variant in VARIANTS["hub"].values():
        resources = resolved("hub", **variant)["Resources"]
        environment = {
            name: str(value) for name, value in resources["Sweep"]["Properties"]["Environment"]["Variables"].items()
        }
        settings = Settings.from_env(environment, ("policy", "report_bucket", "table"))
        assert settings.member_role == "stop-orchestrator-member"
        known = {f"STOP_ORCHESTRATOR_{name.upper()}" for name in Settings.model_fields}
        assert set(environment) <= known


def test_both_functions_run_the_same_code_with_the_same_role_and_environment() -> None:
    resources = resolved("hub", ScaleOut="enabled")["Resources"]
    sweep, step = (resources[name]["Properties"] for name in ("Sweep", "Step"))
    same = ("Code", "Role", "Environment", "Runtime", "Architectures", "Timeout")
    assert [sweep[key] for key in same] == [step[key] for key in same]


@pytest.mark.parametrize(("scale_out", "target"), [("disabled", ":function:"), ("enabled", ":stateMachine:")])
def test_a_schedule_starts_what_its_role_may_start(scale_out: str, target: str) -> None:
    resources = resolved("hub", ScaleOut=scale_out, PreviewScheduleExpression="rate(1 day)")["Resources"]
    [start, _] = list(statements(resources["ScheduleRole"]["Properties"]["Policies"]))
    for schedule in ("SweepSchedule", "PreviewSchedule"):
        arn = resources[schedule]["Properties"]["Target"]["Arn"]
        assert target in arn
        assert start["Resource"] == arn
    assert start["Action"] == ("states:StartExecution" if scale_out == "enabled" else "lambda:InvokeFunction")


def test_a_preview_never_stops_anything() -> None:
    resources = resolved("hub", Mode="enforce", PreviewScheduleExpression="rate(1 day)")["Resources"]
    inputs = {name: resources[name]["Properties"]["Target"]["Input"] for name in ("SweepSchedule", "PreviewSchedule")}
    assert inputs == {
        "SweepSchedule": '{"mode": "enforce", "id": "<aws.scheduler.execution-id>"}',
        "PreviewSchedule": '{"mode": "plan", "id": "<aws.scheduler.execution-id>"}',
    }


@pytest.mark.parametrize("mode", ["plan", "approve", "enforce"])
def test_a_schedule_asks_for_the_mode_that_the_environment_allows(mode: str) -> None:
    resources = resolved("hub", Mode=mode, ScaleOut="enabled")["Resources"]
    asked = json.loads(resources["SweepSchedule"]["Properties"]["Target"]["Input"])["mode"]
    for name in ("Sweep", "Step"):
        environment = resources[name]["Properties"]["Environment"]["Variables"]
        assert environment["STOP_ORCHESTRATOR_MODE"] == asked == mode


@pytest.mark.parametrize(("reserved", "sweep", "step"), [("", None, None), ("0", 0, 0), ("5", 5, None)])
def test_a_reserved_concurrency_of_0_halts_every_function_that_stops_anything(
    reserved: str, sweep: int | None, step: int | None
) -> None:
    resources = resolved("hub", ReservedConcurrency=reserved, ScaleOut="enabled")["Resources"]
    functions = {name: one for name, one in resources.items() if one["Type"] == "AWS::Lambda::Function"}
    found = {name: one["Properties"].get("ReservedConcurrentExecutions") for name, one in functions.items()}
    acting = {name: None if one is None else int(one) for name, one in found.items() if name not in LOOKING}
    assert acting == {"Sweep": sweep, "Step": step}


def test_the_function_may_invoke_itself_and_nothing_else() -> None:
    resources = resolved("hub", FunctionName="other")["Resources"]
    [invoke] = [one for one in statements(resources["HubRole"]) if one["Action"] == "lambda:InvokeFunction"]
    assert invoke["Resource"] == "arn:aws:lambda:eu-central-1:111111111111:function:other"
    assert resources["Sweep"]["Properties"]["FunctionName"] == "other"


def test_the_hub_may_write_the_anchor_where_one_is_named_and_nothing_else_in_the_parameter_store() -> None:
    def writes(**parameters: str) -> list[dict[str, Any]]:
        role = resolved("hub", **parameters)["Resources"]["HubRole"]
        return [one for one in statements(role) if "ssm:PutParameter" in as_list(one["Action"])]

    assert writes() == []
    [keep] = writes(AnchorName="/stop-orchestrator/anchor")
    assert keep["Resource"] == "arn:aws:ssm:eu-central-1:111111111111:parameter/stop-orchestrator/anchor"


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("", True),
        ("/stop-orchestrator/anchor", True),
        ("/anchor", True),
        ("/a/b/night-anchor", True),
        ("/stop-orchestrator/kill-switch", False),
        ("/stop-orchestrator/*anchor", False),
        ("anchor", False),
        ("/a//anchor", False),
    ],
)
def test_an_anchor_has_a_name_that_the_kill_switch_has_not(name: str, is_one: bool) -> None:
    pattern = template("hub")["Parameters"]["AnchorName"]["AllowedPattern"]
    assert bool(re.search(pattern, name)) is is_one


def test_every_alarm_watches_a_metric_that_is_there_and_tells_the_topic() -> None:
    resources = resolved("hub", ScaleOut="enabled")["Resources"]
    alarms = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    own = {alarm["MetricName"] for alarm in alarms if alarm.get("Namespace") == "StopOrchestrator"}
    assert own == {
        *("SweepsMissed", "SweepsHeld", "ConsentMissing", "CoveragePercent", "StopsDeniedByGuard", "DoctorFailed"),
        *("StopsFailed", "MessagesUndelivered"),
    }
    assert len(alarms) == 13
    for alarm in alarms:
        assert alarm["AlarmActions"] == ["arn:aws:sns:eu-central-1:111111111111:stop-orchestrator-news"]
        assert alarm["AlarmDescription"]


def _missed_alarms(**parameters: str) -> tuple[dict[str, Any], dict[str, Any]]:
    resources = resolved("hub", **parameters)["Resources"]
    return resources["MissedAlarm"]["Properties"], resources["UncheckedAlarm"]["Properties"]


def test_a_missed_sweep_is_an_alarm_within_the_hour_and_three_hours_without_a_look_are_another() -> None:
    missed, unchecked = _missed_alarms()
    assert (missed["Statistic"], missed["Threshold"]) == ("Maximum", 0)
    assert (missed["Period"] * missed["EvaluationPeriods"], missed["TreatMissingData"]) == (3600, "ignore")
    assert unchecked["Statistic"] == "SampleCount"
    assert unchecked["Period"] * unchecked["EvaluationPeriods"] == unchecked["Period"] * unchecked["DatapointsToAlarm"]
    assert (unchecked["Period"] * unchecked["EvaluationPeriods"], unchecked["TreatMissingData"]) == (
        3 * 3600,
        "breaching",
    )


def test_no_mail_tells_that_sweeps_are_missed_while_the_schedule_is_off() -> None:
    assert [alarm["ActionsEnabled"] for alarm in _missed_alarms()] == [True, True]
    assert [alarm["ActionsEnabled"] for alarm in _missed_alarms(ScheduleState="DISABLED")] == [False, False]


def test_the_hourly_check_knows_the_schedules_that_the_template_makes() -> None:
    parameters = {
        "Mode": "enforce",
        "ScheduleExpression": "cron(0 22 * * ? *)",
        "PreviewScheduleExpression": "rate(1 day)",
        "ScheduleTimezone": "Europe/Berlin",
        "FlexibleWindowMinutes": "15",
    }
    resources = resolved("hub", **parameters)["Resources"]
    environment = resources["Check"]["Properties"]["Environment"]["Variables"]
    settings = Settings.from_env({name: str(value) for name, value in environment.items()}, ("policy", "table"))
    schedules = [resources[name]["Properties"] for name in ("SweepSchedule", "PreviewSchedule")]
    assert [(one.expression, one.timezone.key, one.mode.value) for one in settings.default_sweeps] == [
        (one["ScheduleExpression"], one["ScheduleExpressionTimezone"], json.loads(one["Target"]["Input"])["mode"])
        for one in schedules
    ]
    assert {one.window.seconds // 60 for one in settings.default_sweeps} == {15}
    known = {f"STOP_ORCHESTRATOR_{name.upper()}" for name in Settings.model_fields}
    assert set(environment) <= known


def test_the_hourly_check_is_another_function_when_the_schedule_is_enabled_again() -> None:
    """By when it was changed it knows since when something is due."""
    on, off = (resolved("hub", ScheduleState=state)["Resources"]["Check"] for state in ("ENABLED", "DISABLED"))
    assert on != off


def test_the_hourly_check_may_read_policies_and_records_and_change_nothing() -> None:
    role = resolved("hub", **EVERYTHING["hub"])["Resources"]["CheckRole"]["Properties"]["Policies"]
    allowed = {action for one in statements(role) for action in as_list(one["Action"])}
    assert allowed == {
        *("s3:GetObject", "dynamodb:GetItem", "dynamodb:Query", "kms:Decrypt", "lambda:GetFunctionConfiguration"),
        *("logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"),
    }


def test_the_scheduled_doctor_knows_what_the_sweeping_lambda_knows() -> None:
    resources = resolved("hub", **EVERYTHING["hub"])["Resources"]
    sweep, doctor = (resources[name]["Properties"] for name in ("Sweep", "Doctor"))
    for key in ("Code", "Role", "Runtime", "Architectures", "Timeout"):
        assert doctor[key] == sweep[key]
    ours, theirs = (one["Environment"]["Variables"] for one in (doctor, sweep))
    assert {name: ours[name] for name in ours if name in theirs} == {
        name: theirs[name] for name in ours if name in theirs
    }
    only_theirs = {f"STOP_ORCHESTRATOR_{name}" for name in ("ACCOUNTS_A_PART", "PRICES", "SIGNING_KEY")}
    assert set(theirs) - set(ours) == only_theirs
    check = resources["Check"]["Properties"]["Environment"]["Variables"]
    assert {name: ours[name] for name in check} == check


def test_without_a_schedule_there_is_no_doctor() -> None:
    resources = resolved("hub", DoctorScheduleExpression="")["Resources"]
    assert [name for name in resources if name.startswith("Doctor")] == []
    logs = next(one["Resource"] for one in statements(resources["HubRole"]) if one["Sid"] == "WriteLogs")
    assert not [one for one in logs if "-doctor" in one]


# --- the members ------------------------------------------------------------------------------------------------------


def test_the_stack_set_hands_on_every_parameter_of_the_member_role() -> None:
    source = template("member-role")
    handed_on = {
        one["ParameterKey"]: one["ParameterValue"]
        for one in resolved("member-stackset")["Resources"]["MemberRoles"]["Properties"]["Parameters"]
    }
    assert set(handed_on) == set(source["Parameters"])
    for name, value in handed_on.items():
        assert value == source["Parameters"][name].get("Default", value)


def test_the_names_by_which_hub_and_members_know_one_another_are_the_same() -> None:
    def default(name: str, parameter: str) -> Any:
        return template(name)["Parameters"][parameter]["Default"]

    hub_role = {default(name, "HubRoleName") for name in ("hub", "member-role", "member-stackset")}
    member_role = {
        default("hub", "MemberRole"),
        default("member-role", "RoleName"),
        default("member-stackset", "RoleName"),
        Settings().member_role,
    }
    stack_set = {*(default(name, "StackSetName") for name in ("hub", "member-stackset")), Settings().stack_set}
    assert (len(hub_role), len(member_role), len(stack_set)) == (1, 1, 1)


def test_new_accounts_enrol_themselves_and_leaving_ones_are_cleaned_up() -> None:
    properties = resolved("member-stackset")["Resources"]["MemberRoles"]["Properties"]
    assert properties["PermissionModel"] == "SERVICE_MANAGED"
    assert properties["AutoDeployment"] == {"Enabled": True, "RetainStacksOnAccountRemoval": False}
    assert properties["StackInstancesGroup"] == [
        {
            "DeploymentTargets": {"OrganizationalUnitIds": ["ou-ab12-c3d4e5f6", "ou-ab12-0a1b2c3d"]},
            "Regions": ["eu-central-1"],
        }
    ]


def _referred_to(node: Any) -> set[str]:
    """Every name in a Ref, GetAtt, Sub, If or Condition below a node."""
    if isinstance(node, list):
        return set().union(*map(_referred_to, node))
    if not isinstance(node, dict):
        return set()
    found: set[str] = set()
    for key, value in node.items():
        if key in {"Ref", "Condition"} and isinstance(value, str):
            found.add(value)
        elif key == "Fn::If":
            found.add(value[0])
        elif key == "Fn::Sub":
            found |= set(re.findall(r"\$\{([^.}!]+)", value if isinstance(value, str) else value[0]))
        found |= _referred_to(value)
    return found
