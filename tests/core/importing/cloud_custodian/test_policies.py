"""Whole policies of Cloud Custodian: which rule each becomes, what is listed, and what is a comment."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from textwrap import dedent
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide
from orchestrator.core.importing.cloud_custodian.policies import import_policies
from orchestrator.core.importing.imported import Imported, InputFile
from orchestrator.core.model import Verdict
from orchestrator.core.policy.loading import load_policy
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import ImportedInputError
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.core.importing.cloud_custodian.test_truth import at, imported
from tests.support.builders import a_resource, an_account
from tests.support.strategies import quick


def of(text: str, *values: str) -> Imported:
    return import_policies([InputFile("c7n.yaml", dedent(text))], "imported", DESCRIPTIONS, values)


def of_policy(body: str, resource: str = "ec2") -> Imported:
    return of(f"policies: [{{name: one, resource: {resource}, {body}}}]")


def rules_of(found: Imported) -> list[dict[str, Any]]:
    policy = load_policy(found.text, "imported", DESCRIPTIONS)
    return list(policy.document["rules"])


def losses_of(found: Imported) -> list[str]:
    return [f"{one.line} {one.place}: {one.what}" for one in found.not_carried_over]


# --- whole files


def test_the_documentations_offhours_become_two_rules_with_their_hours() -> None:
    found = imported("documented.yaml")
    assert rules_of(found) == [
        {
            "name": "evening-stop",
            "kinds": ["ec2"],
            "where": {
                "all": [
                    {"tag": {"custodian_downtime": {"present": True}}},
                    {"not": {"tag": {"custodian_downtime": "off"}}},
                ]
            },
            "schedule": {
                "from_tag": ["custodian_downtime"],
                "values": {"on": "evening-stop", "": "evening-stop"},
            },
            "started_by_hand": "stop",
            "start": "everything",
        },
        {
            "name": "bare-stop",
            "kinds": ["ec2"],
            "where": {
                "all": [{"tag": {"maid_offhours": {"present": True}}}, {"not": {"tag": {"maid_offhours": "off"}}}]
            },
            "schedule": {"from_tag": ["maid_offhours"], "values": {"on": "bare-stop", "": "bare-stop"}},
            "started_by_hand": "stop",
            "start": "everything",
        },
    ]
    schedules = yaml.safe_load(found.text)["schedules"]
    assert schedules["bare-stop"] == {
        "timezone": "America/New_York",
        "running": ["stop mon-fri 19:00-20:00", "start mon-fri 07:00-08:00"],
    }
    assert schedules["evening-stop"]["except"] == [
        {"on": "2026-03-09", "running": ["start mon-fri 06:00-07:00"], "reason": "skip-days"},
        {"on": "2026-12-25", "running": "either", "reason": "skip-days"},
    ]
    assert losses_of(found) == [
        "8 policies[0].filters[0].tag: values of the tag custodian_downtime but for 'on', ''",
        "24 policies[2]: what the rule evening-stop matches too",
        "27 policies[2].filters[0].tag: values of the tag maid_offhours but for 'on', ''",
        "30 policies[2].actions[1]: the action `notify`",
    ]


def test_what_acts_on_all_but_what_opts_out_has_its_hours_as_default() -> None:
    found = imported("opt_out.yaml")
    assert rules_of(found)[0]["where"] == {"not": {"tag": {"downtime": "off"}}}
    assert rules_of(found)[0]["schedule"]["default"] == "offhours-stop"
    assert yaml.safe_load(found.text)["schedules"]["offhours-stop"]["running"] == ["stop daily 20:00-21:00"]


MARKED = """
    vars:
      untagged: &untagged {or: ["tag:Owner": absent, "tag:CostCenter": empty]}
    policies:
      - name: mark-untagged
        resource: ec2
        filters: ["State.Name": running, "tag:maid_status": absent, *untagged]
        actions: [{type: mark-for-op, op: stop, days: 4}]
      - name: stop-marked
        resource: ec2
        filters: [{type: marked-for-op, op: stop}, *untagged]
        actions: [stop, {type: notify, to: [a@example.test]}]
"""


def test_a_mark_and_what_acts_on_it_are_one_rule_with_a_notice() -> None:
    found = of(MARKED)
    (rule,) = rules_of(found)
    assert rule["notice"] == {"days": 3}
    assert rule["where"]["all"] == [
        {"tag": {"maid_status": {"absent": True}}},
        {
            "any": [
                {"tag": {"Owner": {"absent": True}}},
                {"tag": {"CostCenter": {"any_of": [{"absent": True}, {"matches": "^$"}]}}},
            ]
        },
    ]
    assert losses_of(found) == ["12 policies[1].actions[1]: the action `notify`"]


@pytest.mark.parametrize(
    ("mark", "why"),
    [
        ("{type: mark-for-op, op: stop, days: 1}", "near is `notice: {days: 1}`, which stops later"),
        ("{type: mark-for-op, op: stop, days: 7, tz: et}", "near is `notice: {days: 7}`"),
        ("{type: mark-for-op, op: stop, hours: 36}", "near is `notice: {days: 4}`"),
        ("{type: mark-for-op, op: stop}", "releases differ in what it is"),
        ("{type: mark-for-op, op: terminate, days: 4}", "only a stop can be announced"),
        ("{type: mark-for-op, op: stop, days: 4, tag: other}", "no one policy of this import acts on the mark"),
    ],
)
def test_a_mark_that_has_no_equal_is_a_comment(mark: str, why: str) -> None:
    found = of(MARKED.replace("{type: mark-for-op, op: stop, days: 4}", mark))
    assert not rules_of(found)
    assert any(why in one.why for one in found.not_carried_over)
    assert "NOTHING IS STOPPED" in found.text


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("filters: ['tag:Env': dev], actions: [stop]", {"where": {"tag": {"Env": "dev"}}}),
        ("actions: [{type: stop, hibernate: true}]", {"where": "everything", "action": "hibernate"}),
        ("actions: [{type: tag, key: K, value: v}]", {"where": "everything", "action": "tag", "tags": {"K": "v"}}),
        ("actions: [{type: tag, tags: {K: v, L: w}}]", {"action": "tag", "tags": {"K": "v", "L": "w"}}),
        ("filters: ['tag:Env': dev]", {"where": {"tag": {"Env": "dev"}}, "action": "notify"}),
        (
            "query: [{instance-state-name: running}, {'tag:Env': 'd*'}], actions: [stop]",
            {"where": {"tag": {"Env": "d*"}}},
        ),
        ("region: eu-west-1, actions: [stop]", {"where": {"region": "eu-west-1"}}),
        ("mode: {type: periodic, schedule: 'cron(5 * * * ? *)'}, actions: [stop]", {"where": "everything"}),
    ],
)
def test_a_policy_of_which_nothing_is_lost_is_a_rule(body: str, rule: dict[str, Any]) -> None:
    found = of_policy(body)
    assert found.not_carried_over == ()
    assert rules_of(found)[0] == {"name": "one", "kinds": ["ec2"], "where": "everything", **rule}


@pytest.mark.parametrize(
    ("body", "loss"),
    [
        ("filters: [{type: metrics, name: CPUUtilization}], actions: [stop]", "filters[0]: the filter 'metrics'"),
        ("filters: [{type: offhour, heavy: true}], actions: [stop]", "filters[0].heavy: `heavy`"),
        ("filters: [{type: offhour, default_tz: Mars}], actions: [stop]", "filters[0].default_tz: `default_tz`"),
        ("filters: [{type: offhour, offhour: 24}], actions: [stop]", "filters[0].offhour: `offhour`"),
        (
            "filters: [{type: offhour, skip-days-from: {url: x}}], actions: [stop]",
            "filters[0].skip-days-from: `skip-days-from`",
        ),
        ("filters: [or: [offhour, 'tag:a': b]], actions: [stop]", "filters[0].or[0]: the filter 'offhour'"),
        ("filters: [offhour], actions: [terminate]", "actions[0]: the action `terminate`"),
        ("filters: [offhour], actions: [start]", "filters[0]: `offhour` with another action"),
        ("filters: [offhour, onhour], actions: [stop]", "filters[1]: the filter 'onhour'"),
        ("filters: [onhour], actions: [stop]", "filters[0]: `onhour` with another action"),
        ("actions: [start]", "actions: a start at any time"),
        ("actions: [snapshot, stop]", "actions[0]: the action `snapshot`"),
        ("actions: [{type: stop, gently: true}]", "actions[0].gently: `gently`"),
        ("actions: [{type: tag, key: K, value: '{now}'}]", "actions[0]: the tag K"),
        ("actions: [{type: tag, key: 'aws:K', value: v}]", ": the policy"),
        ("actions: [auto-tag-user]", "actions[0]: the action `auto-tag-user`"),
        ("actions: [{type: resize}]", "actions[0]: the action `resize`"),
        ("filters: ['tag:A': '{account_id}'], actions: [stop]", "filters[0]: tag:A: '{account_id}'"),
        ("filters: ['State.Name': stopped], actions: [stop]", "filters[0]: the filter by State.Name"),
        ("filters: [{type: marked-for-op, op: stop}], actions: [stop]", "filters: `marked-for-op`"),
        ("max-resources: 10, actions: [stop]", "max-resources: `max-resources`"),
        ("conditions: [{region: x}], actions: [stop]", "conditions: `conditions`"),
        ("mode: {type: cloudtrail, events: [RunInstances]}, actions: [stop]", "mode: `mode: {type: cloudtrail}`"),
        (
            "mode: {type: periodic, schedule: 'cron(0 3 * * ? *)'}, actions: [stop]",
            "mode.schedule: `cron(0 3 * * ? *)`",
        ),
        ("query: [{instance-id: i-1}], actions: [stop]", "query[0]: the query 'instance-id'"),
        ("<<: 3, actions: [stop]", "<<: `<<`"),
    ],
)
def test_what_loses_something_is_a_comment_and_is_listed_with_its_place(body: str, loss: str) -> None:
    found = of_policy(body)
    assert not rules_of(found)
    assert (found.rules, found.left_out) == (0, 1)
    wanted = f"policies[0]{'' if loss.startswith(':') else '.'}{loss}"
    assert any(line.endswith(wanted) for line in losses_of(found)), losses_of(found)
    assert "#  - name: one" in found.text


@pytest.mark.parametrize("resource", ["asg", "aws.asg", "s3", "azure.vm"])
def test_what_is_of_another_kind_is_a_comment(resource: str) -> None:
    found = of_policy("filters: [offhour], actions: [suspend]", resource)
    assert not rules_of(found)
    assert losses_of(found) == [f"1 policies[0].resource: `{resource.removeprefix('aws.')}`"]


def test_of_rds_its_own_keys_are_read() -> None:
    by_class = "{type: value, key: DBInstanceClass, op: glob, value: 'db.t4g.*'}"
    keys = f"{{Engine: postgres}}, {by_class}, {{DBInstanceStatus: available}}"
    found = of_policy(
        f"filters: [{keys}, {{type: offhour, opt-out: true, default_tz: cet, offhour: 18}}], actions: [stop]", "rds"
    )
    (rule,) = rules_of(found)
    assert rule["kinds"] == ["rds"]
    assert rule["where"]["all"][:2] == [{"engine": "postgres"}, {"db_instance_class": "db.t4g.*"}]
    assert yaml.safe_load(found.text)["schedules"]["one"]["timezone"] == "Europe/Berlin"


def test_of_notebooks_its_own_keys_are_read_and_what_a_stop_loses_is_accepted_for_nobody() -> None:
    keys = "{InstanceType: ml.t3.medium}, {NotebookInstanceStatus: InService}"
    found = of_policy(f"filters: [{keys}], actions: [stop]", "sagemaker-notebook")
    (rule,) = rules_of(found)
    assert (rule["kinds"], rule["where"]) == (["sagemaker_notebook"], {"instance_type": "ml.t3.medium"})
    assert "accept" not in rule
    assert losses_of(found) == ["1 policies[0].actions[0]: `stop` without a word of what it loses"]


@pytest.mark.parametrize(("action", "state"), [("pause", "available"), ("resume", "paused")])
def test_of_clusters_a_pause_is_a_stop_and_a_resume_a_start(action: str, state: str) -> None:
    side = {"pause": "offhour", "resume": "onhour"}[action]
    keys = f"{{NodeType: ra3.xlplus}}, {{ClusterStatus: {state}}}, {{type: {side}, opt-out: true}}"
    found = of_policy(f"filters: [{keys}], actions: [{action}]", "redshift")
    (rule,) = rules_of(found)
    assert rule["kinds"] == ["redshift_cluster"]
    assert {"node_type": "ra3.xlplus"} in rule["where"]["all"]
    assert rule.get("start") == ("everything" if action == "resume" else None)


def test_what_an_earlier_rule_owns_too_is_listed_and_what_is_apart_is_not() -> None:
    policies = [
        {"name": "a", "resource": "ec2", "filters": [{"tag:Env": "dev"}], "actions": ["stop"]},
        {"name": "b", "resource": "ec2", "filters": [{"tag:Env": "test"}], "actions": ["stop"]},
        {"name": "c", "resource": "rds", "actions": ["stop"]},
        {"name": "d", "resource": "ec2", "filters": [{"tag:Team": "x"}], "actions": ["stop"]},
    ]
    assert losses_of(of(json.dumps({"policies": policies}))) == ["1 policies[3]: what the rule a, b matches too"]


def test_merges_and_anchors_of_yaml_are_read() -> None:
    found = of("""
        vars: {base: &base {resource: ec2, actions: [stop]}}
        policies:
          - {<<: *base, name: one, filters: ["tag:A": b]}
    """)
    assert rules_of(found)[0]["where"] == {"tag": {"A": "b"}}


# --- bad input


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "c7n.yaml:1: (document): the file is empty"),
        ("- a", "this is no file of Cloud Custodian's policies: it needs a list of `policies`, not a list"),
        ("policies: {a: b}", "it needs a list of `policies`, not a mapping"),
        ("policies: [3]", "policies[0]: this entry must be a mapping with `name` and `resource`, not 3"),
        ("policies: [{name: 3}]", "policies[0].name: `name` must be text, not 3"),
        ("policies: [{name: a}]", "policies[0].resource: `resource` must be text, not an empty value"),
        ("policies: [{name: a, resource: ec2, filters: x}]", "policies[0].filters: `filters` must be a list, not 'x'"),
        ("policies: [", "this is no YAML"),
        ("a: &a [*a]", "nested too deeply"),
        ("a: " + "[" * 5000, "nested too deeply"),
    ],
)
def test_what_is_no_policy_is_said_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ImportedInputError) as wrong:
        of(text)
    assert problem in str(wrong.value)


def test_of_several_files_everything_is_said_at_once() -> None:
    with pytest.raises(ImportedInputError) as wrong:
        import_policies([InputFile("a", ""), InputFile("b", "policies: 1")], "imported", DESCRIPTIONS)
    assert [line.split(":")[0] for line in str(wrong.value).splitlines()] == ["a", "b"]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 40)
    | st.floats()
    | st.sampled_from(
        ["offhour", "onhour", "ec2", "stop", "tag:A", "absent", "off=(M-F,19)", "in", "regex", "(", "utc", "x{y}", ""]
    )
)
KEYS = st.sampled_from(
    [
        "type",
        "key",
        "value",
        "op",
        "value_type",
        "tag",
        "default_tz",
        "offhour",
        "onhour",
        "skip-days",
        "opt-out",
        "or",
        "and",
        "not",
        "days",
        "hours",
        "tags",
        "instance-age",
        "hibernate",
        "schedule",
        "State.Name",
        "LaunchTime",
        "tag:A",
        "<<",
        "weekends",
        "fallback-schedule",
    ]
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
POLICY_KEYS = st.sampled_from(["filters", "actions", "mode", "query", "region", "comments", "tags", "vars"])


@quick
@given(st.lists(st.dictionaries(POLICY_KEYS, ANYTHING | st.lists(ANYTHING, max_size=3)), min_size=1, max_size=3))
def test_whatever_is_in_a_file_gives_a_valid_policy_or_is_said_with_its_place(drawn: list[dict[str, Any]]) -> None:
    text = yaml.safe_dump({"policies": [{**one, "name": "one", "resource": "ec2"} for one in drawn]})
    try:
        found = of(text)
    except ImportedInputError:
        return
    assert len(rules_of(found)) == found.rules


# --- every form of hours, against a model of its own

DAYS = "MTWHFSU"
ZONES = {
    "pt": "America/Los_Angeles",
    "et": "America/New_York",
    "it": "Asia/Kolkata",
    "utc": "UTC",
    "cet": "Europe/Berlin",
}
START = datetime(2026, 3, 1, tzinfo=UTC)
Spec = list[tuple[int, int, int]]
"""Each from one weekday to another, and the hour."""


def spec_text(spec: Spec) -> str:
    each = [f"({DAYS[first]}{'' if first == last else f'-{DAYS[last]}'},{hour})" for first, last, hour in spec]
    return each[0] if len(each) == 1 else f"[{','.join(each)}]"


def is_named(spec: Spec, local: datetime) -> bool:
    day = local.weekday()
    return any(
        local.hour == hour and (first <= day <= last if first <= last else day >= first or day <= last)
        for first, last, hour in spec
    )


@st.composite
def hours(draw: st.DrawFn) -> tuple[dict[str, Any], str | None, Spec, str]:
    """An offhour filter, the tag's value (None: no tag), and when it acts, in which zone."""
    hour, zone = draw(st.integers(0, 23)), draw(st.sampled_from([*ZONES]))
    weekends, only = draw(st.booleans()), draw(st.booleans())
    days = (4, 4) if only else (0, 4) if weekends else (0, 6)
    given = {"type": "offhour", "default_tz": zone, "offhour": hour, "weekends": weekends, "weekends-only": only}
    given["opt-out"] = draw(st.booleans())
    own = draw(st.none() | st.lists(st.tuples(*[st.integers(0, 6)] * 2, st.integers(0, 23)), min_size=1, max_size=3))
    own_zone = draw(st.none() | st.sampled_from([*ZONES]))
    spec = own or [(*days, hour)]
    parts = [*([f"off={spec_text(own)}"] if own else []), *([f"tz={own_zone}"] if own_zone else [])]
    value = ";".join(draw(st.permutations(parts))) if parts else draw(st.sampled_from([None, "", "on", "off"]))
    if value == "off" or (value is None and not given["opt-out"]):
        spec = []
    return given, value, spec, ZONES[own_zone or zone]


@quick
@given(hours(), st.integers(0, 60 * 24 * 400))
def test_offhours_of_every_form_stop_in_just_their_hours(
    drawn: tuple[dict[str, Any], str | None, Spec, str], minute: int
) -> None:
    given, value, spec, zone = drawn
    policies = [{"name": "one", "resource": "ec2", "filters": [given], "actions": ["stop"]}]
    found = import_policies(
        [InputFile("a", json.dumps({"policies": policies}))], "a", DESCRIPTIONS, [value] if value else []
    )
    policy = load_policy(found.text, "a", DESCRIPTIONS)
    tags = {} if value is None else {"maid_offhours": value}
    for hour in range(24):
        now = START + timedelta(minutes=minute, hours=hour)
        assert is_stopped(policy, tags, now) is is_named(spec, now.astimezone(ZoneInfo(zone)))


def is_stopped(policy: OrgPolicy, tags: dict[str, str], now: datetime) -> bool:
    return decide(policy, at(a_resource(tags=tags), now), an_account(), now).verdict is Verdict.STOP
