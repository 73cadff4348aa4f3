"""Values of config/deploy.env against what a template's Parameters ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from cloudformation.assemble import read_source
from cloudformation.checks import Lines, mistakes
from cloudformation.inputs import _DERIVED, _OWN, FILLED_IN, TEMPLATES, Arguments, Inputs, read_inputs
from cloudformation.parameters import Parameter, missing, parameters_of, unknown
from orchestrator.errors import SettingsError
from tests.packaging.conftest import ROOT
from tests.support.suites import only_in_full

LIST, NUMBER, STRING = "CommaDelimitedList", "Number", "String"
EXAMPLE = ROOT / "config" / "deploy.env.example"


@pytest.mark.parametrize(
    ("declared", "value", "accepted"),
    [
        ({"Type": STRING}, "anything", True),
        ({"Type": STRING, "AllowedValues": ["plan", "enforce"]}, "plan", True),
        ({"Type": STRING, "AllowedValues": ["plan", "enforce"]}, "Plan", False),
        ({"Type": STRING, "AllowedValues": [True, False]}, "true", True),
        ({"Type": STRING, "AllowedPattern": "[0-9]{12}"}, "111122223333", True),
        ({"Type": STRING, "AllowedPattern": "[0-9]{12}"}, "1111222233334", False),
        ({"Type": STRING, "MinLength": 2, "MaxLength": 3}, "a", False),
        ({"Type": STRING, "MinLength": 2, "MaxLength": 3}, "abc", True),
        ({"Type": STRING, "MinLength": 2, "MaxLength": 3}, "abcd", False),
        ({"Type": NUMBER, "MinValue": 1, "MaxValue": 10}, "10", True),
        ({"Type": NUMBER, "MinValue": 1, "MaxValue": 10}, "11", False),
        ({"Type": NUMBER, "MinValue": 1, "MaxValue": 10}, "0", False),
        ({"Type": NUMBER}, "ten", False),
        ({"Type": NUMBER, "AllowedValues": [7, 14]}, "14", True),
        ({"Type": NUMBER, "AllowedValues": [7, 14]}, "15", False),
        ({"Type": LIST, "AllowedPattern": "ou-[a-z]+"}, "ou-a, ou-b", True),
        ({"Type": LIST, "AllowedPattern": "ou-[a-z]+"}, "ou-a,r-b", False),
    ],
)
def test_a_value_is_accepted_as_cloudformation_would(
    declared: dict[str, object], value: str, *, accepted: bool
) -> None:
    assert Parameter.model_validate(declared).accepts(value) is accepted


def told(parameters: Mapping[str, Parameter], values: Mapping[str, str], what: str = "hub") -> list[str]:
    return [problem.text for problem in mistakes(Lines(what, values, parameters))]


def test_a_mistake_says_what_would_be_right_and_keeps_a_hidden_value_to_itself() -> None:
    parameters = {
        "Mode": Parameter.model_validate({"Type": STRING, "Default": "plan", "AllowedValues": ["plan", "enforce"]}),
        "Days": Parameter.model_validate({"Type": NUMBER, "Default": 1, "MinValue": 1, "MaxValue": 9}),
        "Key": Parameter.model_validate({"Type": STRING, "NoEcho": True, "AllowedPattern": "[a-z]+", "Default": "a"}),
        "Hub": Parameter.model_validate({"Type": STRING, "Description": "The hub's account."}),
    }
    given_values = {"Mode": "on", "Days": "10", "Key": "S3CRET"}
    assert told(parameters, given_values) == [
        "Mode: 'on' must be one of plan, enforce",
        "Days: '10' must be a number at least 1 and at most 9",
        "Key: its value must be like [a-z]+",
    ]
    [absent] = missing(parameters, given_values)
    assert (absent.name, absent.text) == ("Hub", "Hub is missing: The hub's account.")


def test_an_unknown_name_gets_the_nearest_one_and_a_filled_in_one_is_refused() -> None:
    assert [one.text for one in unknown(["Moed", "Xyz", "CodeKey", "Mode"], ["Mode"], ["CodeKey"])] == [
        "CodeKey is filled in by this command; leave it out",
        "Moed is unknown; did you mean Mode?",
        "Xyz is unknown",
    ]


@pytest.mark.parametrize(
    "key", ["sweeps/policy.yaml", "sweeps/dt=2026-11-28/policy.yaml", "index/a.yaml", "/policy.yaml"]
)
def test_a_policy_where_the_hub_itself_writes_is_refused(key: str) -> None:
    declared = parameters_of(read_source(ROOT / "cloudformation" / "hub"))["PolicyKey"]
    [problem] = told({"PolicyKey": declared}, {"PolicyKey": key})
    assert problem.endswith("not below sweeps/, doctor/ or index/, where the hub itself writes")


@pytest.mark.parametrize("key", ["policy.yaml", "policies/sweeps/policy.yaml", "sweeps.yaml"])
def test_a_policy_beside_the_sweeps_is_accepted(key: str) -> None:
    declared = parameters_of(read_source(ROOT / "cloudformation" / "hub"))["PolicyKey"]
    assert told({"PolicyKey": declared}, {"PolicyKey": key}) == []


READERS_AND_KEY = ("ReportReaderArns", "KmsKeyArn")


def hub_inputs(folder: Path, *lines: str, remove: bool = False) -> Inputs:
    env = folder / "deploy.env"
    env.write_text("\n".join(["OrganizationId=o-ab12cd34ef", f"Policy={ROOT / 'config' / 'policy.yaml'}", *lines]))
    return read_inputs(
        Arguments("hub", remove=remove, env=env, templates=ROOT / "cloudformation", yes=True, dry_run=False)
    )


@pytest.mark.parametrize("quote", ["", *only_in_full("'")])
def test_an_anchor_that_is_the_kill_switch_is_refused(tmp_path: Path, quote: str) -> None:
    named = "AnchorName=/hub/anchor", f"KillSwitchName={quote}/hub/anchor{quote}"
    with pytest.raises(SettingsError) as refused:
        hub_inputs(tmp_path, *named, "Mode=on")
    anchor, mode = str(refused.value).splitlines()
    assert "deploy.env:5: Mode: 'on' must be one of plan" in mode
    assert "deploy.env:3: AnchorName: '/hub/anchor' is KillSwitchName too, and every sweep would pull its" in anchor
    assert hub_inputs(tmp_path, *named, remove=True).values["AnchorName"] == "/hub/anchor"


@pytest.mark.full
def test_the_default_of_one_of_them_counts_too(tmp_path: Path) -> None:
    hub_inputs(tmp_path, "AnchorName=/stop-orchestrator/anchor")
    hub_inputs(tmp_path, "KillSwitchName=/stop-orchestrator/anchor")
    declared = {
        "AnchorName": Parameter.model_validate({"Type": STRING, "Default": ""}),
        "KillSwitchName": Parameter.model_validate({"Type": STRING, "Default": "/anchor"}),
    }
    assert len(told(declared, {"AnchorName": "/anchor"})) == 1
    assert told(declared, {"AnchorName": "/another-anchor"}) == told(declared, {}) == told({}, {}) == []


@pytest.mark.parametrize("template", ["hub", "member-stackset.yaml"])
def test_an_external_id_that_is_refused_is_not_quoted(template: str) -> None:
    declared = parameters_of(read_source(ROOT / "cloudformation" / template))["ExternalId"]
    [problem] = told({"ExternalId": declared}, {"ExternalId": "our secret"})
    assert problem.startswith("ExternalId: its value must be like")
    assert "secret" not in problem


def test_a_template_is_read_without_its_functions() -> None:
    text = "Parameters: {A: {Type: String, Default: 7}}\nResources: {B: {Properties: {C: !Sub '${A}', D: !If [x, y]}}}"
    assert parameters_of(text)["A"].default == "7"


# --- the example ------------------------------------------------------------------------------------------------------


def test_the_example_explains_every_parameter_and_no_other() -> None:
    declared = {
        name for path in TEMPLATES.values() for name in parameters_of(read_source(ROOT / "cloudformation" / path))
    }
    shown = re.findall(r"^#?([A-Z]\w+)=", EXAMPLE.read_text(), re.MULTILINE)
    assert sorted(shown) == sorted((declared | _OWN) - FILLED_IN - _DERIVED)


@pytest.mark.parametrize("what", TEMPLATES)
def test_the_values_of_the_example_are_the_defaults_and_are_accepted(what: str, tmp_path: Path) -> None:
    env = tmp_path / "deploy.env"
    filled = {"Region": "eu-central-1", "HubAccountId": "111122223333", "OrganizationalUnitIds": "ou-ab12-c3d4e5f6"}
    text = re.sub(r"^#(?=[A-Z]\w+=)", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    for name, value in filled.items():
        text = text.replace(f"\n{name}=\n", f"\n{name}={value}\n")
    env.write_text(text)
    inputs = read_inputs(
        Arguments(what, remove=False, env=env, templates=ROOT / "cloudformation", yes=True, dry_run=False)
    )
    examples = {"OrganizationId", "ManagementAccountId", "ApproverArns", "TargetIds", *filled}
    defaults = {name: one.default for name, one in inputs.parameters.items() if name in inputs.values}
    assert {name: value for name, value in inputs.values.items() if name not in examples} == {
        name: default for name, default in defaults.items() if name not in examples
    }


def test_readers_without_a_key_of_your_own_are_refused() -> None:
    """As the rule in the hub's template has it."""
    declared = {name: Parameter.model_validate({"Type": STRING, "Default": ""}) for name in READERS_AND_KEY}
    for given in ((), ("KmsKeyArn",), READERS_AND_KEY):
        assert told(declared, dict.fromkeys(given, "arn")) == []
    [refusal] = told(declared, {"ReportReaderArns": "arn"})
    assert refusal.startswith("ReportReaderArns needs KmsKeyArn")
