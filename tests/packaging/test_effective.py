"""What is sent for each parameter, and which differences a person reads before the question."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudformation.effective import differences, effective_values
from cloudformation.parameters import Parameter
from cloudformation.stacks import ChangeSet, Stack
from cloudformation.tables import differences_table
from orchestrator.demo.calls import Answer, Call
from tests.packaging.deploying import HUB, MEMBERS, Deploy, Ran, set_in
from tests.support.embedded import OrganizationBuilder

Sent = list[dict[str, Any]]
_HIDDEN = '\n  ExternalId: {Type: String, NoEcho: true, Default: ""}'
_ALARM = '\n  AlarmEmail: {Type: String, Default: ""}'


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, organization: OrganizationBuilder) -> Sent:
    """What CloudFormation is asked for, each change set's parameters and tags by name."""
    del organization
    asked: Sent = []
    prepare = Stack.prepare

    def note(stack: Stack, *arguments: Any) -> ChangeSet:
        create = stack._client.create_change_set

        def create_change_set(**request: Any) -> Any:
            asked.append(request)
            return create(**request)

        with monkeypatch.context() as patch:
            patch.setattr(stack._client, "create_change_set", create_change_set)
            return prepare(stack, *arguments)

    monkeypatch.setattr(Stack, "prepare", note)
    return asked


def parameters(request: dict[str, Any]) -> dict[str, Any]:
    """True for the value that the stack has."""
    return {one["ParameterKey"]: one.get("ParameterValue", "UsePreviousValue" in one) for one in request["Parameters"]}


def tags(request: dict[str, Any]) -> dict[str, str] | None:
    return {one["Key"]: one["Value"] for one in request["Tags"]} if "Tags" in request else None


def declare(folder: Path, *lines: str) -> None:
    (folder / "hub" / "all.yaml").write_text(HUB.replace("Parameters:", f"Parameters:{''.join(lines)}", 1))


def without(folder: Path, name: str) -> None:
    env = folder / "deploy.env"
    env.write_text(re.sub(rf"^{name}=.*\n", "", env.read_text(), flags=re.MULTILINE))


def row(ran: Ran, name: str) -> list[str]:
    [found] = [line for line in ran.stdout.splitlines() if re.match(rf"│ {name} +│", line)]
    return [cell.strip() for cell in found.strip("│").split("│")]


def test_a_line_that_is_missing_is_a_change_that_is_shown_and_its_default_is_sent(
    sent: Sent, run: Deploy, folder: Path
) -> None:
    set_in(folder, "Mode=enforce")
    assert run("hub", "--yes").exit_code == 0
    without(folder, "Mode")
    ran = run("hub", "--dry-run")
    assert row(ran, "Mode") == ["Mode", "enforce", "plan", "default, no line in deploy.env"]
    assert parameters(sent[-1])["Mode"] == "plan"
    assert "LOOSENS" not in ran.stdout


def test_what_loosens_is_red_by_a_default_too_and_shown_before_the_question(
    sent: Sent, run: Deploy, folder: Path
) -> None:
    mode = "Parameters:\n  MemberMode: {Type: String, Default: enforce}"
    (folder / "member-stackset.yaml").write_text(MEMBERS.replace("Parameters:", mode))
    set_in(folder, "MemberMode=plan")
    assert run("members", "--yes").exit_code == 0
    without(folder, "MemberMode")
    ran = run("members", typed="no\n")
    before, question, _ = ran.stdout.partition("Type yes")
    assert question
    assert row(Ran(0, before, ""), "MemberMode") == [
        "MemberMode",
        "plan",
        "enforce",
        "LOOSENS; default, no line in deploy.env",
    ]
    assert "LOOSENS what holds now: MemberMode" in before
    assert parameters(sent[-1])["MemberMode"] == "enforce"
    silent = run("members", "--yes")
    assert (silent.exit_code, "LOOSENS what holds now: MemberMode" in silent.stdout) == (0, True)


def test_every_parameter_is_sent_and_a_second_time_none_differs(sent: Sent, run: Deploy) -> None:
    assert run("hub", "--yes").exit_code == 0
    assert set(parameters(sent[-1])) == {"CodeBucket", "CodeKey", "OrganizationId", "Mode"}
    again = run("hub")
    assert ("Parameters" in again.stdout, "Nothing to do." in again.stdout) == (False, True)


def test_a_parameter_that_is_new_in_the_template_had_its_default_so_far(sent: Sent, run: Deploy, folder: Path) -> None:
    run("hub", "--yes")
    declare(folder, "\n  CoverageAlarmPercent: {Type: Number, Default: 80}")
    assert "CoverageAlarmPercent" not in run("hub", "--dry-run").stdout
    assert parameters(sent[-1])["CoverageAlarmPercent"] == "80"
    set_in(folder, "CoverageAlarmPercent=5")
    assert row(run("hub", "--dry-run"), "CoverageAlarmPercent")[1:] == ["80", "5", "LOOSENS; deploy.env"]


# --- what nobody can read ---------------------------------------------------------------------------------------------


@pytest.fixture
def with_external_id(run: Deploy, folder: Path, sent: Sent) -> None:
    declare(folder, _HIDDEN)
    set_in(folder, "ExternalId=S3CRET")
    assert run("hub", "--yes").exit_code == 0
    assert parameters(sent[-1])["ExternalId"] == "S3CRET"


@pytest.mark.usefixtures("with_external_id")
def test_a_hidden_value_is_sent_and_said_to_be_beyond_comparison(sent: Sent, run: Deploy, folder: Path) -> None:
    set_in(folder, "Mode=enforce")
    ran = run("hub", "--dry-run")
    assert row(ran, "ExternalId")[1:] == ["(hidden)", "(hidden)", "deploy.env; hidden: cannot be compared"]
    assert "S3CRET" not in ran.stdout + ran.stderr
    assert parameters(sent[-1])["ExternalId"] == "S3CRET"


@pytest.mark.usefixtures("with_external_id")
def test_a_hidden_value_without_a_line_stays_and_is_never_dropped_in_silence(
    sent: Sent, run: Deploy, folder: Path
) -> None:
    without(folder, "ExternalId")
    set_in(folder, "Mode=enforce")
    ran = run("hub", "--yes")
    assert ran.exit_code == 0, ran.stderr
    assert "ExternalId" not in ran.stdout.partition("Outputs")[0]
    assert parameters(sent[-1])["ExternalId"] is True  # UsePreviousValue


@pytest.mark.usefixtures("with_external_id")
def test_a_hidden_value_is_taken_away_by_two_quotes_and_that_loosens(sent: Sent, run: Deploy, folder: Path) -> None:
    without(folder, "ExternalId")
    set_in(folder, 'ExternalId=""')
    ran = run("hub", "--dry-run")
    assert row(ran, "ExternalId")[1:3] == ["(hidden)", "(empty)"]
    assert "LOOSENS what holds now: ExternalId" in ran.stdout
    assert parameters(sent[-1])["ExternalId"] == ""


# --- tags of the stack ------------------------------------------------------------------------------------------------


def test_tags_are_given_to_the_stack_compared_and_kept_without_a_line(sent: Sent, run: Deploy, folder: Path) -> None:
    set_in(folder, "Tags=Team=platform, CostCenter=cc-1")
    first = run("hub", "--yes")
    assert row(first, "Tags: Team") == ["Tags: Team", "platform", "deploy.env"]
    assert tags(sent[-1]) == {"Team": "platform", "CostCenter": "cc-1"}
    without(folder, "Tags")
    assert "Tags:" not in run("hub", "--dry-run").stdout
    assert tags(sent[-1]) == {"Team": "platform", "CostCenter": "cc-1"}
    set_in(folder, "Tags=Team=tools")
    changed = run("hub", "--dry-run")
    assert row(changed, "Tags: Team")[1:3] == ["platform", "tools"]
    assert row(changed, "Tags: CostCenter")[1:3] == ["cc-1", "(none)"]
    assert tags(sent[-1]) == {"Team": "tools"}
    without(folder, "Tags")
    set_in(folder, 'Tags=""')
    assert row(run("hub", "--dry-run"), "Tags: Team")[1:3] == ["platform", "(none)"]
    assert tags(sent[-1]) == {}


def test_a_stack_without_tags_is_given_none(sent: Sent, run: Deploy) -> None:
    run("hub", "--dry-run")
    assert tags(sent[-1]) is None


# --- the mail that must be confirmed ----------------------------------------------------------------------------------


@pytest.fixture
def subscribed(organization: OrganizationBuilder, folder: Path, run: Deploy) -> Callable[[str], None]:
    """A hub with a topic and an address; SNS says of the subscription what it is given."""
    topic = organization.client("sns").create_topic(Name="news")["TopicArn"]
    declare(folder, _ALARM)
    outputs = folder / "hub" / "outputs.yaml"
    outputs.write_text(f"{outputs.read_text()}  TopicArn: {{Value: '{topic}'}}\n")
    set_in(folder, "AlarmEmail=ops@example.com\nMode=enforce")

    def answers(state: str) -> None:
        one = (
            f"<SubscriptionArn>{state}</SubscriptionArn><Protocol>email</Protocol><Endpoint>ops@example.com</Endpoint>"
        )
        listed = f"<Subscriptions>{f'<member>{one}</member>' if state else ''}</Subscriptions>"
        body = (
            "<ListSubscriptionsByTopicResponse><ListSubscriptionsByTopicResult>"
            f"{listed}</ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>"
        )

        def gate(call: Call) -> Answer | None:
            return Answer(200, "text/xml", body) if call.action == "ListSubscriptionsByTopic" else None

        organization.front._gates = (gate, *organization.front._gates)

    del run
    return answers


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("PendingConfirmation", "NOT CONFIRMED: ops@example.com gets no mail until somebody there clicks the link"),
        ("", "NOT SUBSCRIBED: ops@example.com"),
        ("arn:aws:sns:eu-central-1:123456789012:news:1", ""),
    ],
)
def test_an_address_that_was_not_confirmed_is_told_after_deploying(
    subscribed: Callable[[str], None], run: Deploy, state: str, told: str
) -> None:
    subscribed(state)
    ran = run("hub", "--yes")
    assert ran.exit_code == 0, ran.stderr
    after = ran.stdout.partition("Outputs")[2]
    assert told in after
    assert ("NOT " in after) is (told != "")


def test_an_address_that_cannot_be_looked_up_is_no_failure(
    organization: OrganizationBuilder, subscribed: Callable[[str], None], run: Deploy
) -> None:
    del subscribed

    def gate(call: Call) -> Answer | None:
        return call.refused("AuthorizationError", "not you", 403) if call.action == "ListSubscriptionsByTopic" else None

    organization.front._gates = (gate, *organization.front._gates)
    ran = run("hub", "--yes")
    assert ran.exit_code == 0
    assert "Whether ops@example.com was confirmed cannot be seen (AuthorizationError: not you)" in ran.stdout


def test_a_value_that_goes_back_to_its_default_for_want_of_a_line_is_red_whichever_way_it_goes() -> None:
    parameters = {
        name: Parameter.model_validate({"Type": "String", "Default": default})
        for name, default in (("Mode", "plan"), ("MemberMode", "enforce"), ("Workers", "64"))
    }
    deployed = {"Mode": "enforce", "MemberMode": "plan", "Workers": "64"}
    values = effective_values(parameters, deployed, {"Workers": "32"}, {}, {})
    table = differences_table(differences(parameters, deployed, values))
    rows = dict(zip(table.columns[0].cells, (row.style for row in table.rows), strict=True))
    assert rows == {"MemberMode": "red", "Mode": "red", "Workers": None}
