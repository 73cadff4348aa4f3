"""The kill switch over deployments: made once, never released by one. CloudFormation's side of it is in tests/e2e."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from cloudformation.kill_switch import IN_STACK, ensure, place, refuse_exchange, refuse_release
from cloudformation.stacks import Change, DeployError, Stack
from tests.packaging.deploying import HUB_OUTPUTS, Deploy, set_in
from tests.support.embedded import OrganizationBuilder

NAME = "/stop-orchestrator/kill-switch"
EARLIER = f"""
Resources:
  Topic: {{Type: AWS::SNS::Topic, Properties: {{TopicName: one}}}}
  KillSwitch: {{Type: AWS::SSM::Parameter, Properties: {{Name: {NAME}, Type: String, Value: go}}}}
"""
DECLARED = """
Parameters:
  KillSwitchName: {Type: String, Default: /stop-orchestrator/kill-switch}
  KillSwitchInStack: {Type: String, Default: "false", AllowedValues: ["false", "true"]}
Conditions:
  KeepsKillSwitch: !Equals [!Ref KillSwitchInStack, "true"]
Resources:
  KillSwitch:
    Type: AWS::SSM::Parameter
    Condition: KeepsKillSwitch
    DeletionPolicy: Retain
    Properties: {Name: !Ref KillSwitchName, Type: String, Value: go}
"""


@pytest.fixture
def session(organization: OrganizationBuilder) -> boto3.Session:
    del organization  # the embedded AWS, whose address is in the environment
    return boto3.Session(region_name="eu-central-1")


def says(session: boto3.Session, name: str, text: str | None = None) -> str:
    client = session.client("ssm")
    if text is not None:
        client.put_parameter(Name=name, Type="String", Value=text, Overwrite=True)
    return client.get_parameter(Name=name)["Parameter"]["Value"]


def test_it_is_made_with_go_where_there_never_was_one(session: boto3.Session) -> None:
    assert ensure(session, NAME) == f"made the kill switch {NAME}"
    assert says(session, NAME) == "go"
    assert ensure(session, NAME, named=NAME) == ""


@pytest.mark.parametrize("named", ["", NAME, "/another"])
def test_one_that_is_there_is_never_overwritten(session: boto3.Session, named: str) -> None:
    says(session, NAME, "stop")
    assert ensure(session, NAME, named) == ""
    assert says(session, NAME) == "stop"


def test_one_that_is_gone_does_not_come_back_as_go_by_itself(session: boto3.Session) -> None:
    with pytest.raises(DeployError, match=f"every sweep is halted.* put-parameter --name {NAME} .*--value go"):
        ensure(session, NAME, named=NAME)
    with pytest.raises(session.client("ssm").exceptions.ParameterNotFound):
        says(session, NAME)


def test_another_name_takes_over_what_the_former_switch_says(session: boto3.Session) -> None:
    says(session, "/former", "stop")
    assert ensure(session, NAME, named="/former") == f"made the kill switch {NAME}, which says 'stop' as /former does"
    assert says(session, NAME) == "stop"


def test_a_pulled_one_is_not_exchanged_for_another_that_says_go(session: boto3.Session) -> None:
    says(session, NAME, "stop")
    says(session, "/another", "go")
    with pytest.raises(DeployError, match=r"the kill switch .* is pulled \(it is 'stop'\), and /another"):
        refuse_exchange(session, "/another", NAME)
    for name, named in (("/another", "/another"), (NAME, "/another"), (NAME, ""), ("/new", NAME)):
        refuse_exchange(session, name, named)


def test_another_name_is_not_made_where_the_former_switch_is_gone(session: boto3.Session) -> None:
    with pytest.raises(DeployError, match="which this hub had before"):
        ensure(session, NAME, named="/former")


def test_one_that_somebody_makes_meanwhile_says_what_they_want(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloudformation.kill_switch._read", lambda *_: None)
    says(session, NAME, "stop")
    assert ensure(session, NAME) == ""
    assert says(session, NAME) == "stop"


@pytest.mark.parametrize(
    ("template", "told"),
    [
        (EARLIER, "true"),
        (EARLIER.replace("{Type: AWS::SSM::P", "{DeletionPolicy: Retain, Type: AWS::SSM::P"), "false"),
        (EARLIER.replace("KillSwitch:", "Other:"), "false"),
        ("", "false"),
    ],
)
def test_only_a_stack_that_would_delete_it_keeps_it_for_one_more_update(
    session: boto3.Session, template: str, told: str
) -> None:
    client = session.client("cloudformation")
    if template:
        client.create_stack(StackName="hub", TemplateBody=template)
    assert place(Stack(client, "hub"), [IN_STACK]) == {IN_STACK: told}
    assert place(Stack(client, "hub"), ["Mode"]) == {}


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        (("Modify", "KillSwitch", ("Tags",)), True),
        (("Modify", "KillSwitch", ("DeletionPolicy", "Name")), True),
        (("Modify", "KillSwitch", ("DeletionPolicy", "UpdateReplacePolicy")), False),
        (("Modify", "Table", ("Tags",)), False),
        (("Add", "KillSwitch", ()), False),
    ],
)
def test_an_update_that_would_write_the_parameter_is_refused(
    change: tuple[str, str, tuple[str, ...]], *, refused: bool
) -> None:
    action, resource, details = change
    changes = [Change(action, resource, "AWS::SSM::Parameter", "", details)]
    if not refused:
        refuse_release(changes)
        return
    with pytest.raises(DeployError, match="sets it to 'go' whatever it says"):
        refuse_release(changes)


def test_a_first_deployment_makes_it_and_names_it_in_the_table(
    run: Deploy, folder: Path, session: boto3.Session
) -> None:
    outputs = HUB_OUTPUTS.replace("!Ref Switch", f"{NAME}")
    (folder / "hub" / "outputs.yaml").write_text(outputs)
    (folder / "hub" / "switch.yaml").write_text(DECLARED)
    ran = run("hub", "--yes")
    assert f"made the kill switch {NAME}" in ran.stdout
    assert f"names the kill switch {NAME}" in ran.stdout
    assert says(session, NAME) == "go"
    session.client("ssm").delete_parameter(Name=NAME)
    set_in(folder, "Mode=enforce")
    again = run("hub", "--yes")
    assert (again.exit_code, "every sweep is halted" in again.stderr) == (1, True)
