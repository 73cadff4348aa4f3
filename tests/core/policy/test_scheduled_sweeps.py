"""`sweeps` of a policy: when a schedule of the hub begins a sweep, and in which mode."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator

from orchestrator.core.model import Mode
from orchestrator.core.policy.json_schema import policy_json_schema
from orchestrator.core.policy.loading import load_policy
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import PolicyError
from orchestrator.kinds.ec2.description import EC2

HEAD = "version: 1\nname: nonprod\ntimezone: Europe/Berlin\n"


def _load(sweeps: str) -> OrgPolicy:
    return load_policy(f"{HEAD}sweeps: [{sweeps}]\n", "policy.yaml", (EC2,))


def test_sweeps_carry_the_expression_that_eventbridge_scheduler_takes() -> None:
    nightly, hourly = _load(
        '{name: nightly, mode: enforce, cron: "0 20 * * ? *", timezone: UTC, window_minutes: 15},'
        "{name: preview, mode: plan, rate: 1 hour}"
    ).sweeps
    assert (nightly.name, nightly.mode, nightly.expression) == ("nightly", Mode.ENFORCE, "cron(0 20 * * ? *)")
    assert (nightly.timezone.key, nightly.window) == ("UTC", timedelta(minutes=15))
    assert (hourly.expression, hourly.timezone.key, hourly.window) == (
        "rate(1 hour)",
        "Europe/Berlin",
        timedelta(minutes=5),
    )


@pytest.mark.parametrize(
    ("sweep", "fits"),
    [
        ({"cron": "0 20 ? * MON-FRI *"}, True),
        ({"cron": "0 20 * * *"}, False),
        ({"cron": "cron(0 20 * * ?)"}, False),
        ({"rate": "30 minutes"}, True),
        ({"rate": "2 weeks"}, False),
    ],
)
def test_an_editor_sees_by_the_json_schema_what_is_no_expression(sweep: dict[str, str], fits: bool) -> None:
    document = {"version": 1, "name": "a", "sweeps": [{"name": "a", "mode": "plan", **sweep}]}
    assert not fits or _load(json.dumps(document["sweeps"])[1:-1])
    assert Draft202012Validator(policy_json_schema((EC2,))).is_valid(document) is fits


@pytest.mark.parametrize(
    ("sweep", "says"),
    [
        ("{name: a, mode: enforce}", "must have either `cron` or `rate`"),
        ('{name: a, mode: enforce, cron: "0 20 * * ? *", rate: 1 hour}', "must have either `cron` or `rate`"),
        ("{name: a, mode: plan, rate: 1 hour}, {name: a, mode: plan, rate: 2 hours}", "is taken by the sweep on line"),
        ("{name: a, mode: undo, rate: 1 hour}", "mode"),
        ("{name: a, mode: plan, rate: 1 hour, timezone: CEST}", "timezone"),
        ("{name: a, mode: plan, rate: 1 hour, window_minutes: 0}", "window_minutes"),
        (
            '{name: a, mode: plan, cron: "0 20 * * *"}',
            "policy.yaml:4: sweeps[0].cron: '0 20 * * *' is no cron of six fields",
        ),
        ('{name: a, mode: plan, cron: "0 24 * * ? *"}', "'24' is no hour; hours are 0 to 23"),
        ("{name: a, mode: plan, rate: 2 weeks}", "policy.yaml:4: sweeps[0].rate: '2 weeks' is no rate"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused_with_its_place(sweep: str, says: str) -> None:
    with pytest.raises(PolicyError, match="sweeps") as refused:
        _load(sweep)
    assert says in str(refused.value)
