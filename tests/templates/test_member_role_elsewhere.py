"""The member role without StackSets: the Terraform module and the plain JSON policies say what the template says."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from cloudformation.member_policies import main as write_policies
from cloudformation.nodes import TemplateError
from cloudformation.parameters import parameters_of
from cloudformation.terraform_module import MODULE, module_files, re2, snake_case
from tests.support.cloudformation import (
    ACCOUNT,
    EVERYTHING,
    KEY,
    NEEDED,
    PARTITION,
    PSEUDO,
    resolved,
    template,
    text_of,
)
from tests.support.terraform import Module

TEMPLATE = text_of("member-role")
FILES = {name.split(".")[0]: json.loads(text) for name, text in module_files(TEMPLATE).items()}
DATA = {
    "aws_caller_identity": {"account_id": ACCOUNT},
    "aws_partition": {"partition": PARTITION, "dns_suffix": PSEUDO["AWS::URLSuffix"]},
}
CHOICES = {
    "Mode": ("enforce", "plan", "disabled"),
    "StartScope": ("marked", "everything"),
    "Kinds": ("ec2,rds", "rds_cluster,asg", EVERYTHING["member-role"]["Kinds"]),
    "VolumeKeyArns": ("", f"{KEY},{KEY[:-1]}1"),
    "TagKeys": ("", "Owner-missing,team:reviewed"),
    "PermissionsBoundaryArn": ("", f"arn:aws:iam::{ACCOUNT}:policy/boundary"),
    "PolicySimulation": ("off", "on"),
    "RolePath": ("/", "/tools/"),
}
EVERY = [dict(zip(CHOICES, one, strict=True)) for one in product(*CHOICES.values())][::5]
"""A fifth of all combinations of what decides something: nothing has five choices, so all pairs are among them."""


def role_of(values: dict[str, str]) -> dict[str, Any]:
    """As CloudFormation would make it."""
    properties: dict[str, Any] = resolved("member-role", **values)["Resources"]["MemberRole"]["Properties"]
    return properties


def documents_of(role: dict[str, Any]) -> dict[str, Any]:
    return {one["PolicyName"]: one["PolicyDocument"] for one in role["Policies"]}


def module_of(values: dict[str, str]) -> Module:
    types = {name: one.type for name, one in parameters_of(TEMPLATE).items()}
    given: dict[str, Any] = {
        snake_case(name): [one for one in value.split(",") if one] if types[name] == "CommaDelimitedList" else value
        for name, value in {**NEEDED["member-role"], **values}.items()
    }
    return Module(FILES, DATA, **given)


# --- Terraform --------------------------------------------------------------------------------------------------------


def test_the_committed_module_is_the_one_that_the_template_gives() -> None:
    made = module_files(TEMPLATE)
    assert {path.name: path.read_text() for path in MODULE.glob("*.tf.json")} == made, "make member-role"


@pytest.mark.parametrize("values", EVERY, ids=lambda one: "-".join(value[:9] for value in one.values()))
def test_the_module_makes_the_role_that_the_template_makes(values: dict[str, str]) -> None:
    expected, module = role_of(values), module_of(values)
    [role] = module.resources("aws_iam_role").values()
    assert json.loads(role["assume_role_policy"]) == expected["AssumeRolePolicyDocument"]
    made = module.resources("aws_iam_role_policy").values()
    assert {one["name"]: json.loads(one["policy"]) for one in made} == documents_of(expected)
    names = ("name", "path", "description", "max_session_duration", "permissions_boundary")
    properties = ("RoleName", "Path", "Description", "MaxSessionDuration", "PermissionsBoundary")
    assert [role[one] for one in names] == [expected.get(one) for one in properties]
    assert module.refusals() == []


def test_the_comparison_would_see_a_statement_that_the_module_lacks() -> None:
    files = json.loads(json.dumps(FILES))
    del files["main"]["locals"]["policy_never"]["Statement"][0]
    module = Module(files, DATA, hub_account_id=ACCOUNT, organization_id="o-a1b2c3d4e5")
    never = json.loads(module.resources("aws_iam_role_policy")["never"]["policy"])
    assert never != documents_of(role_of({}))["never"]


def test_every_parameter_is_a_variable_with_its_default_and_every_output_is_one() -> None:
    parameters, variables = parameters_of(TEMPLATE), FILES["variables"]["variable"]
    assert set(variables) == {snake_case(name) for name in parameters}
    for name, one in parameters.items():
        variable = variables[snake_case(name)]
        default = "" if one.default is None else one.default
        each = [item for item in default.split(",") if item] if one.type == "CommaDelimitedList" else default
        assert ("default" in variable) == (one.default is not None)
        assert variable.get("default", "") == each
        assert variable.get("sensitive", False) == one.hidden
    assert set(FILES["outputs"]["output"]) == {snake_case(name) for name in template("member-role")["Outputs"]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hub_account_id", "12345678901"),
        ("organization_id", "o-SHORT"),
        ("external_id", "x"),
        ("external_id", "x" * 1225),
        ("mode", "stop"),
        ("kinds", ["ec2", "lambda"]),
        ("volume_key_arns", ["arn:aws:kms:eu-central-1:111111111111:alias/mine"]),
        ("permissions_boundary_arn", "boundary"),
        ("role_name", "a/b"),
        ("role_path", "tools"),
    ],
)
def test_the_module_refuses_what_the_template_refuses(name: str, value: Any) -> None:
    given = {"hub_account_id": ACCOUNT, "organization_id": "o-a1b2c3d4e5", name: value}
    [message] = Module(FILES, DATA, **given).refusals()
    assert message.startswith(name)


def test_the_longest_external_id_is_taken() -> None:
    given = {"hub_account_id": ACCOUNT, "organization_id": "o-a1b2c3d4e5", "external_id": "x" * 1224}
    assert Module(FILES, DATA, **given).refusals() == []


def test_what_denies_is_attached_before_what_allows() -> None:
    policies = FILES["main"]["resource"]["aws_iam_role_policy"]
    assert "depends_on" not in policies["never"]
    allowing = [one for name, one in policies.items() if name != "never"]
    assert len(allowing) >= 2
    assert all(one["depends_on"] == ["aws_iam_role_policy.never"] for one in allowing)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("MaxSessionDuration: 3600", "MaxSessionDuration: !ImportValue other"),
        ("MaxSessionDuration: 3600", "ManagedPolicyArns: [arn:aws:iam::aws:policy/ReadOnlyAccess]"),
        ("Sid: NeverStopProtected\n", "Sid: !GetAtt MemberRole.Arn\n"),
        ("Type: AWS::IAM::Role\n", "Type: AWS::IAM::Role\n    Condition: MayStop\n"),
        ("Type: AWS::IAM::Role\n", "Type: AWS::IAM::User\n"),
        ('AllowedPattern: "^[0-9]{12}$"', 'AllowedPattern: "^(?!0)[0-9]{12}$"'),
        ("\nOutputs:", "\nRules: {}\nOutputs:"),
    ],
)
def test_what_terraform_cannot_say_is_an_error_and_not_left_out(before: str, after: str) -> None:
    assert before in TEMPLATE
    with pytest.raises(TemplateError):
        module_files(TEMPLATE.replace(before, after, 1))


def test_a_statement_a_key_and_a_choice_of_lists_that_depend_on_a_condition_are_said_too() -> None:
    """As another release may write them."""
    optional = (
        "              - !If\n                - HasExternalId\n                - {Sid: A, Effect: Deny, Action: !If "
        '[MayStop, [a:A, b:B], c:C], Resource: "*"}\n                - !Ref AWS::NoValue\n'
    )
    before = "              - Sid: NeverStopInstanceStore\n"
    files = {
        name.split(".")[0]: json.loads(text)
        for name, text in module_files(TEMPLATE.replace(before, optional + before)).items()
    }
    for mode, external_id, action in (
        ("enforce", "an-id", ["a:A", "b:B"]),
        ("plan", "an-id", "c:C"),
        ("plan", "", None),
    ):
        given = {"hub_account_id": ACCOUNT, "organization_id": "o-a1b2c3d4e5", "mode": mode}
        made = Module(files, DATA, **given, external_id=external_id).resources("aws_iam_role_policy")["never"]
        found = [one["Action"] for one in json.loads(made["policy"])["Statement"] if one["Sid"] == "A"]
        assert found == ([action] if action else [])


def test_patterns_are_those_of_re2() -> None:
    assert re2("^[a-z]{2,1224}$") == "^[a-z]{2,1000}[a-z]{0,224}$"
    for pattern in ("(a){2,1224}", r"(a)\1", "(?=a)", "a++"):
        with pytest.raises(TemplateError):
            re2(pattern)


# --- plain JSON -------------------------------------------------------------------------------------------------------


def written(tmp_path: Path, values: dict[str, str]) -> dict[str, Any]:
    env = tmp_path / "deploy.env"
    names = {"Mode": "MemberMode"}
    lines = {names.get(name, name): value for name, value in {**NEEDED["member-role"], **values}.items()}
    env.write_text("Mode=approve\n" + "".join(f"{name}={value}\n" for name, value in lines.items()))
    assert write_policies(["--env", str(env), "--account", ACCOUNT, "--dist", str(tmp_path)]) == 0
    return {path.stem: json.loads(path.read_text()) for path in (tmp_path / "member-role").glob("*.json")}


@pytest.mark.parametrize("values", EVERY[::2], ids=lambda one: "-".join(one.values())[:40])
def test_the_policies_are_those_of_the_template(tmp_path: Path, values: dict[str, str]) -> None:
    expected = role_of(values)
    files = written(tmp_path, values)
    assert files.pop("trust-policy") == expected["AssumeRolePolicyDocument"]
    assert files == documents_of(expected)


def test_a_policy_that_is_no_longer_of_the_role_is_no_longer_there(tmp_path: Path) -> None:
    assert "stop-and-undo" in written(tmp_path, {})
    assert set(written(tmp_path, {"Mode": "plan"})) == {"trust-policy", "read", "never"}


def test_the_commands_that_make_the_role_are_shown_with_what_denies_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, {"RolePath": "/tools/", "PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/b"})
    commands = [line for line in capsys.readouterr().out.splitlines() if line.startswith("aws ")]
    assert commands[0].startswith("aws iam create-role --role-name stop-orchestrator-member --path /tools/ ")
    assert f"--permissions-boundary arn:aws:iam::{ACCOUNT}:policy/b" in commands[0]
    assert [line.split("--policy-name ")[1].split()[0] for line in commands[1:]] == ["never", "read", "stop-and-undo"]


def test_without_an_account_the_policies_hold_for_whichever_has_the_role(tmp_path: Path) -> None:
    wanted = [f"{name}={value}" for name, value in NEEDED["member-role"].items()]
    assert write_policies(["--env", str(tmp_path / "none"), "--dist", str(tmp_path), *wanted]) == 0
    text = (tmp_path / "member-role" / "stop-and-undo.json").read_text()
    assert "arn:aws:ec2:*:*:instance/*" in text


def test_spaces_in_a_list_do_not_count_and_the_region_says_the_partition(tmp_path: Path) -> None:
    keys = [f"arn:aws-cn:kms:cn-north-1:{ACCOUNT}:key/{one}" for one in "ab"]
    files = written(tmp_path, {"Region": "cn-north-1", "VolumeKeyArns": ", ".join(keys)})
    [grant] = files["start-with-encrypted-volumes"]["Statement"]
    assert grant["Resource"] == keys
    assert files["trust-policy"]["Statement"][0]["Principal"]["AWS"].startswith("arn:aws-cn:iam::")


def test_a_boundary_of_each_accounts_own_needs_the_account(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    env = tmp_path / "deploy.env"
    lines = {**NEEDED["member-role"], "PermissionsBoundaryArn": "arn:aws:iam::*:policy/limit"}
    env.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    assert write_policies(["--env", str(env), "--dist", str(tmp_path)]) == 2
    assert "say --account=... to fill it in" in capsys.readouterr().err


def test_every_mistake_is_told_at_once_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = tmp_path / "deploy.env"
    env.write_text("MemberMode=stop\nExternalId=x\nno line\nRolePath=tools\n")
    assert write_policies(["--env", str(env), "--account", "12", "--dist", str(tmp_path), "Modus=plan"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    for words in (
        "HubAccountId",
        "OrganizationId",
        "MemberMode",
        "ExternalId",
        "deploy.env:3",
        "RolePath",
        "--account",
    ):
        assert words in told.err
    assert "Modus is unknown" in told.err
    assert not (tmp_path / "member-role").exists()
