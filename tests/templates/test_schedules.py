"""The hub's template for its policies: a schedule for each sweep, and what functions and role need for them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudformation import assemble as assembling
from cloudformation.assemble import HUB, assemble
from cloudformation.nodes import TemplateError
from cloudformation.policy_files import Policies, read_folder
from cloudformation.schedules import MAX_NAME, MAX_RESOURCES, planned_schedules
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.policy_warnings import policy_warnings
from orchestrator.settings import Settings
from tests.support.cloudformation import ACCOUNT, NEEDED, as_list, parse, resolved, resolved_text, statements, text_of
from tests.support.policies import load
from tests.support.strategies import quick

TOPIC = f"arn:aws:sns:eu-central-1:{ACCOUNT}:team-a"
NIGHTLY = '{name: nightly, mode: enforce, cron: "0 20 * * ? *", window_minutes: 15}'
NOON = "{name: noon, mode: plan, rate: 1 hour, timezone: UTC}"
ASK = '{name: ask, mode: approve, cron: "0 6 * * ? *"}'


@pytest.fixture(scope="module", autouse=True)
def _parts_are_read_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assembling, "_parse", cache(assembling._parse))
        yield


def policy(name: str, *sweeps: str, more: str = "") -> OrgPolicy:
    listed = f"sweeps: [{', '.join(sweeps)}]\n" if sweeps else ""
    return load(f"version: 1\nname: {name}\ntimezone: Europe/Berlin\n{listed}{more}")


def folder(*documents: OrgPolicy) -> Policies:
    return Policies(documents, in_folder=True)


def deployed(policies: Policies, **parameters: str) -> dict[str, Any]:
    template = resolved_text(assemble(HUB, policies), {**NEEDED["hub"], **parameters})
    resources: dict[str, Any] = template["Resources"]
    return resources


def schedules(resources: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Those that begin sweeps, by name: neither the hourly check's nor doctor's has an event."""
    every = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::Scheduler::Schedule"]
    found = [one for one in every if "Input" in one["Target"]]
    assert len({one["Name"] for one in found}) == len(found)
    return {one["Name"]: one for one in found}


def events(resources: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    return {name: json.loads(one["Target"]["Input"]) for name, one in schedules(resources).items()}


# --- the default case -------------------------------------------------------------------------------------------------


def test_one_policy_without_sweeps_has_the_template_of_the_parameters() -> None:
    assert assemble(HUB, Policies((policy("nonprod"),), in_folder=False)) == text_of("hub")


def test_one_policy_with_sweeps_has_their_schedules_and_its_place_stays() -> None:
    resources = deployed(Policies((policy("nonprod", NIGHTLY, NOON),), in_folder=False), Mode="enforce")
    assert events(resources) == {
        "stop-orchestrator-nonprod-nightly": {"mode": "enforce", "id": "<aws.scheduler.execution-id>"},
        "stop-orchestrator-nonprod-noon": {"mode": "plan", "id": "<aws.scheduler.execution-id>"},
    }
    variables = resources["Sweep"]["Properties"]["Environment"]["Variables"]
    assert variables["STOP_ORCHESTRATOR_POLICY"] == "s3://reportbucket/policy.yaml"


# --- the examples -----------------------------------------------------------------------------------------------------


@pytest.fixture
def examples() -> Policies:
    problems: list[str] = []
    policies = read_folder(HUB.parents[1] / "config" / "policies", problems)
    assert problems == []
    assert policies is not None
    return policies


def test_the_examples_have_neither_mistakes_nor_warnings_and_a_template(examples: Policies) -> None:
    assert [warning for one in examples.documents for warning in policy_warnings(one)] == []
    assert all(one.owners and one.sweeps for one in examples.documents)
    found = events(deployed(examples, Mode="enforce"))
    assert {name.removeprefix("stop-orchestrator-"): event["mode"] for name, event in found.items()} == {
        "dev-machines-preview": "plan",
        "dev-machines-nightly": "enforce",
        "test-databases-evening": "approve",
    }


@pytest.mark.full
def test_cfn_lint_finds_nothing_in_their_template(examples: Policies) -> None:
    found = import_module("cfnlint").lint(
        assemble(HUB, examples), config=import_module("cfnlint.config").ManualArgs(regions=["eu-central-1"])
    )
    assert [f"{one.rule.id} line {one.linenumber}: {one.message}" for one in found] == []


# --- a schedule for each sweep ----------------------------------------------------------------------------------------


def test_each_sweep_of_each_policy_has_a_schedule_that_names_its_policy() -> None:
    resources = deployed(folder(policy("team-a", NIGHTLY, NOON), policy("team.b", NIGHTLY)), Mode="enforce")
    found = schedules(resources)
    nightly = found["stop-orchestrator-team-a-nightly"]
    assert nightly["ScheduleExpression"] == "cron(0 20 * * ? *)"
    assert nightly["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert nightly["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    noon = found["stop-orchestrator-team-a-noon"]
    assert (noon["ScheduleExpression"], noon["ScheduleExpressionTimezone"]) == ("rate(1 hour)", "UTC")
    assert {name: (one["mode"], one["policy"]) for name, one in events(resources).items()} == {
        "stop-orchestrator-team-a-nightly": ("enforce", "s3://reportbucket/policies/team-a.yaml"),
        "stop-orchestrator-team-a-noon": ("plan", "s3://reportbucket/policies/team-a.yaml"),
        "stop-orchestrator-team.b-nightly": ("enforce", "s3://reportbucket/policies/team.b.yaml"),
    }


@pytest.mark.parametrize(("scale_out", "target"), [("disabled", ":function:"), ("enabled", ":stateMachine:")])
def test_the_rest_of_a_schedule_is_as_in_the_default_case(scale_out: str, target: str) -> None:
    state = {"ScaleOut": scale_out, "ScheduleState": "DISABLED"}
    pattern = resolved("hub", **state)["Resources"]["SweepSchedule"]["Properties"]
    [made] = schedules(deployed(folder(policy("team-a", NIGHTLY)), **state)).values()
    for key in ("Arn", "RoleArn", "RetryPolicy", "DeadLetterConfig"):
        assert made["Target"][key] == pattern["Target"][key]
    assert target in made["Target"]["Arn"]
    assert made["State"] == "DISABLED"
    assert "GroupName" not in made  # the trust of its role names the default group


@pytest.mark.parametrize(
    ("most", "modes"),
    [
        ("plan", {"nightly": "plan", "noon": "plan", "ask": "plan"}),
        ("approve", {"nightly": "approve", "noon": "plan", "ask": "approve"}),
        ("enforce", {"nightly": "enforce", "noon": "plan", "ask": "approve"}),
    ],
)
def test_a_sweep_is_begun_in_no_more_than_the_mode_of_the_stack(most: str, modes: dict[str, str]) -> None:
    """More than that is an error where it runs, and not a plan."""
    found = events(deployed(folder(policy("a", NIGHTLY, NOON, ASK)), Mode=most))
    assert {name.rpartition("-")[2]: event["mode"] for name, event in found.items()} == modes


def test_a_policy_of_a_folder_without_sweeps_has_the_times_of_the_parameters() -> None:
    times = {"ScheduleExpression": "rate(2 days)", "PreviewScheduleExpression": "rate(1 day)", "Mode": "enforce"}
    resources = deployed(folder(policy("a"), policy("b", NIGHTLY)), **times)
    found = {name: one["ScheduleExpression"] for name, one in schedules(resources).items()}
    assert found == {
        "stop-orchestrator-a-sweep": "rate(2 days)",
        "stop-orchestrator-a-preview": "rate(1 day)",
        "stop-orchestrator-b-nightly": "cron(0 20 * * ? *)",
    }
    sweep, preview = (events(resources)[f"stop-orchestrator-a-{name}"] for name in ("sweep", "preview"))
    assert (sweep["mode"], preview["mode"]) == ("enforce", "plan")
    assert sweep["policy"] == preview["policy"] == "s3://reportbucket/policies/a.yaml"
    assert "stop-orchestrator-a-preview" not in schedules(deployed(folder(policy("a"), policy("b", NIGHTLY))))


def test_what_no_policy_needs_is_no_parameter() -> None:
    template = parse(assemble(HUB, folder(policy("a", NIGHTLY))))
    before = parse(text_of("hub"))
    assert set(before["Parameters"]) - set(template["Parameters"]) == {
        "FlexibleWindowMinutes",
        "PolicyKey",
        "PreviewScheduleExpression",
        "ScheduleExpression",
    }  # doctor's own schedule has the time zone still
    assert set(before["Conditions"]) - set(template["Conditions"]) == {"HasPreview"}
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(one for group in groups for one in group["Parameters"]) == sorted(template["Parameters"])


# --- names ------------------------------------------------------------------------------------------------------------

_FIRST, _MORE = "aAb0", "aAb0._-"
names = st.sampled_from(["a", "a-b", "b", "A", "a.b", "ab", "b-c", "c", "a" * 64, "a" * 63 + "b", "sweep"]) | st.tuples(
    st.sampled_from(_FIRST), st.text(_MORE, max_size=63)
).map("".join)
hubs = st.dictionaries(names, st.lists(names, unique=True, max_size=4), min_size=1, max_size=5)
function_names = st.text("aB3_-", min_size=1, max_size=50)
[ONE_SWEEP] = policy("any", NOON).sweeps


def policies_of(hub: Mapping[str, list[str]]) -> Policies:
    """By each policy's name the names of its sweeps."""
    pattern = policy("any")
    return folder(
        *(
            replace(pattern, name=name, sweeps=tuple(replace(ONE_SWEEP, name=one) for one in sweeps))
            for name, sweeps in hub.items()
        )
    )


@quick
@given(hub=hubs, function_name=function_names)
def test_no_two_sweeps_share_a_name_and_every_name_is_one_that_aws_takes(
    hub: dict[str, list[str]], function_name: str
) -> None:
    made = planned_schedules(policies_of(hub), function_name, ["hourly-check"])
    assert len(made) == sum(len(sweeps) or 2 for sweeps in hub.values())
    assert len({one.logical_id for one in made}) == len(made)
    assert len({one.name.casefold() for one in made} - {"hourly-check"}) == len(made)
    for one in made:
        assert re.fullmatch(r"[A-Za-z0-9]{1,255}", one.logical_id)
        assert re.fullmatch(rf"[0-9a-zA-Z-_.]{{1,{MAX_NAME}}}", f"{function_name}-{one.name}")


@quick
@given(hub=hubs, other=names)
def test_another_policy_changes_no_logical_id(hub: dict[str, list[str]], other: str) -> None:
    """With another one CloudFormation would replace the schedule."""
    more = {**hub, other: hub.get(other, ["added"])}
    ids = {one.logical_id for one in planned_schedules(policies_of(hub), "hub")}
    assert ids <= {one.logical_id for one in planned_schedules(policies_of(more), "hub")}


def test_names_that_would_be_the_same_are_told_apart() -> None:
    first, second = planned_schedules(policies_of({"a-b": ["c"], "a": ["b-c"]}), "hub")
    assert {first.name[:6], second.name[:6]} == {"a-b-c-"}
    assert first.name != second.name
    [other] = planned_schedules(policies_of({"hourly": ["check"]}), "hub", ["hourly-check"])
    assert re.fullmatch("hourly-check-[0-9a-f]{8}", other.name)


def test_a_schedule_of_the_template_s_own_keeps_its_name(tmp_path: Any) -> None:
    for path in HUB.glob("*.yaml"):
        (tmp_path / path.name).write_text(path.read_text())
    own = 'Noon: {Type: AWS::Scheduler::Schedule, Properties: {Name: !Sub "${FunctionName}-a-noon"}}'
    (tmp_path / "own.yaml").write_text(f"Resources:\n  {own}\n")
    found = parse(assemble(tmp_path, folder(policy("a", NOON))))["Resources"].values()
    made = [one["Properties"]["Name"]["Fn::Sub"] for one in found if one["Type"] == "AWS::Scheduler::Schedule"]
    assert len(set(made)) == len(made) == 2 + len({"check", "doctor"})
    assert "${FunctionName}-a-noon" in made


def test_a_name_is_shortened_by_the_name_that_the_function_has() -> None:
    long = "a-team-with-a-name-that-goes-on-and-on"
    text = assemble(HUB, folder(policy(long, NIGHTLY)), "f" * 50)
    [made] = schedules(resolved_text(text, {**NEEDED["hub"], "FunctionName": "f" * 50})["Resources"])
    assert re.fullmatch(r"f{50}-a-te-[0-9a-f]{8}", made)
    assert f"stop-orchestrator-{long}-nightly" in schedules(deployed(folder(policy(long, NIGHTLY))))


# --- functions and role -----------------------------------------------------------------------------------------------


def test_the_functions_take_exactly_these_policies_from_an_event_and_none_by_themselves() -> None:
    resources = deployed(folder(policy("team-a", NIGHTLY), policy("team.b")), ScaleOut="enabled")
    for name in ("Sweep", "Step"):
        variables = {key: str(one) for key, one in resources[name]["Properties"]["Environment"]["Variables"].items()}
        settings = Settings.from_env(variables, ("policies", "report_bucket", "table"))
        assert settings.policy is None
        assert settings.policies == tuple(f"s3://reportbucket/policies/{one}.yaml" for one in ("team-a", "team.b"))
        assert not settings.allows_policy("s3://reportbucket/policies/gone.yaml")


def test_every_schedule_names_a_policy_that_the_functions_take() -> None:
    resources = deployed(folder(policy("team-a", NIGHTLY, ASK), policy("team.b")))
    variables = {key: str(one) for key, one in resources["Sweep"]["Properties"]["Environment"]["Variables"].items()}
    settings = Settings.from_env(variables)
    assert all(settings.allows_policy(event["policy"]) for event in events(resources).values())


def role_statements(resources: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["Sid"]: one for one in statements(resources["HubRole"]["Properties"]["Policies"])}


def test_the_role_reads_below_policies_and_writes_nothing_there() -> None:
    found = role_statements(deployed(folder(policy("team-a", NIGHTLY))))
    read = found["ReadPolicyDocument"]
    assert (read["Action"], read["Resource"]) == ("s3:GetObject", "arn:aws:s3:::reportbucket/policies/*")
    writes = [one for one in found.values() if "s3:PutObject" in as_list(one["Action"])]
    assert [one["Resource"] for one in writes] == [
        "arn:aws:s3:::reportbucket/sweeps/*",
        "arn:aws:s3:::reportbucket/doctor/*",
        "arn:aws:s3:::reportbucket/index/*",
    ]


@pytest.mark.parametrize("in_folder", [True, False])
def test_the_role_tells_the_policies_own_topics_and_no_others(*, in_folder: bool) -> None:
    told = (policy("team-a", NIGHTLY, more=f"notify: {TOPIC}\n"), policy("b", more=f"notify: {TOPIC}\n"))
    found = role_statements(deployed(Policies(told if in_folder else told[:1], in_folder=in_folder)))
    hubs_own = f"arn:aws:sns:eu-central-1:{ACCOUNT}:stop-orchestrator-news"
    assert found["AnnouncePlans"]["Resource"] == found["DiagnoseTopic"]["Resource"] == [hubs_own, TOPIC]


# --- limits -----------------------------------------------------------------------------------------------------------


def test_more_schedules_than_a_template_may_have_resources_are_refused() -> None:
    many = [f"{{name: s{number}, mode: plan, rate: 1 hour}}" for number in range(MAX_RESOURCES)]
    with pytest.raises(
        TemplateError, match=r"500 schedules, with their alarms, make a template of 5\d\d resources.*fewer `sweeps`"
    ):
        assemble(HUB, folder(policy("a", *many)))


def test_more_policies_than_the_environment_can_name_are_refused() -> None:
    with pytest.raises(TemplateError, match=r"the places of 40 policies take up to 3,\d{3} characters.*second hub"):
        assemble(HUB, folder(*(policy(f"team-{number}") for number in range(40))))


def test_more_topics_than_the_role_can_name_are_refused() -> None:
    told = (policy(f"t{number}", more=f"notify: {TOPIC}-{'x' * 200}{number}\n") for number in range(9))
    with pytest.raises(TemplateError, match=r"9 topics under `notify` take 4,\d{3} characters"):
        assemble(HUB, folder(*told))
