"""Opt-outs by link: off by default, and a page whose role can do nothing but read and put opt-outs and sign links."""

from __future__ import annotations

import json
import re
from importlib import import_module
from typing import Any

import pytest
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from orchestrator.settings import Settings
from tests.support.builders import a_policy
from tests.support.cloudformation import ACCOUNT, EVERYTHING, as_list, resolved, statements, template

ON = {"OptOutLinks": "on"}
TABLE = f"arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/table"
LINK_KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/linkkey"
ARN = "arn:aws:ec2:eu-central-1:111111111111:instance/i-1"


def resources(**parameters: str) -> dict[str, Any]:
    found: dict[str, Any] = resolved("hub", **parameters)["Resources"]
    return found


def decided(role: str, action: str, resource: str, leading_keys: list[str] | None = None) -> bool:
    """Whether the role's own policies let it do that, where links are on and an own key encrypts the table."""
    given = {**ON, "KmsKeyArn": EVERYTHING["hub"]["KmsKeyArn"]}
    documents = [
        parse_policy_document(json.dumps(one["PolicyDocument"]))
        for one in resources(**given)[role]["Properties"]["Policies"]
    ]
    asked = EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/a-role/a-session",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=resource,
        region="eu-central-1",
        service_context={"dynamodb:leadingkeys": leading_keys},
    )
    return str(evaluate(asked, documents).decision) == "Allow"


def test_by_default_nothing_of_it_is_there() -> None:
    conditional = {
        name for name, one in template("hub")["Resources"].items() if one.get("Condition") == "HasOptOutLinks"
    }
    assert {"Keep", "KeepRole", "KeepApi", "LinkKey"} < conditional
    assert not conditional & resources().keys()
    assert not [one for one in statements(resources()["HubRole"]) if one["Sid"] in ("ReadOptOuts", "SignLinks")]
    assert not [name for name in resolved("hub")["Outputs"] if name.startswith("OptOutLinks")]


def test_the_pages_role_may_do_exactly_this() -> None:
    role = resources(**EVERYTHING["hub"])["KeepRole"]["Properties"]
    allowed = {action for one in statements(role["Policies"]) for action in as_list(one["Action"])}
    assert allowed == {
        *("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "kms:GenerateMac"),
        *("logs:CreateLogStream", "logs:PutLogEvents"),
        "kms:Decrypt",  # with an own key alone, for the table and the environment
    }
    assert "kms:Decrypt" not in json.dumps(resources(**ON)["KeepRole"])
    assert all("*" not in as_list(one["Resource"]) for one in statements(role["Policies"]))


@pytest.mark.parametrize("action", ["dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:Query"])
@pytest.mark.parametrize(
    ("keys", "may"),
    [
        ([f"OPTOUT#{ARN}"], True),
        (["OPTOUT#LINK#20261123T190000Z-7f3a9c"], True),
        (["POLICY#nonprod"], False),
        (["SETTINGS"], False),
        (["SWEEPS"], False),
        (["OPTOUTS"], False),
        ([f"OPTOUT#{ARN}", "SWEEPS"], False),
        (None, False),
    ],
)
def test_of_the_table_it_has_the_opt_outs_alone(action: str, keys: list[str] | None, may: bool) -> None:
    assert decided("KeepRole", action, TABLE, keys) is may


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("dynamodb:DeleteItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:Scan", TABLE),
        ("dynamodb:Query", f"{TABLE}/index/GSI1"),
        ("kms:GenerateMac", f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/another"),
        ("kms:Decrypt", LINK_KEY),
        ("sts:AssumeRole", "arn:aws:iam::222222222222:role/stop-orchestrator-member"),
        ("s3:GetObject", "arn:aws:s3:::reportbucket/policy.yaml"),
        ("ssm:GetParameter", f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/stop-orchestrator/kill-switch"),
        ("lambda:InvokeFunction", f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:stop-orchestrator"),
    ],
)
def test_it_may_not(action: str, resource: str) -> None:
    assert not decided("KeepRole", action, resource, [f"OPTOUT#{ARN}"])


def test_it_may_use_the_signing_key_and_so_may_who_makes_links() -> None:
    assert decided("KeepRole", "kms:GenerateMac", LINK_KEY)
    assert decided("HubRole", "kms:GenerateMac", LINK_KEY)


@pytest.mark.parametrize(
    ("action", "resource", "key", "may"),
    [
        ("dynamodb:Query", TABLE, f"OPTOUT#{ARN}", True),
        ("dynamodb:Query", f"{TABLE}/index/GSI1", "OPTOUTS", True),
        ("dynamodb:Query", f"{TABLE}/index/GSI1", f"RESOURCE#{ARN}", False),
        ("dynamodb:PutItem", TABLE, f"OPTOUT#{ARN}", False),
        ("dynamodb:DeleteItem", TABLE, f"OPTOUT#{ARN}", False),
        ("dynamodb:UpdateItem", TABLE, f"OPTOUT#{ARN}", False),
        ("dynamodb:BatchWriteItem", TABLE, f"OPTOUT#{ARN}", False),
        ("dynamodb:PutItem", TABLE, "SWEEPS", True),
    ],
)
def test_who_sweeps_reads_opt_outs_and_neither_gives_nor_takes_them_back(
    action: str, resource: str, key: str, may: bool
) -> None:
    assert decided("HubRole", action, resource, [key]) is may


def test_the_functions_environment_is_what_its_handler_needs() -> None:
    function = resources(**ON)["Keep"]["Properties"]
    environment = {name: str(value) for name, value in function["Environment"]["Variables"].items()}
    settings = Settings.from_env(environment, ("table", "link_key"))
    assert (settings.table, settings.link_key) == ("table", LINK_KEY)
    known = {f"STOP_ORCHESTRATOR_{name.upper()}" for name in Settings.model_fields}
    assert set(environment) <= known
    module, _, handler = function["Handler"].rpartition(".")
    assert callable(getattr(import_module(module), handler))


def test_strangers_reach_one_path_a_few_times_a_second_and_the_function_by_that_api_alone() -> None:
    found = resources(**ON)
    assert found["KeepRoute"]["Properties"]["RouteKey"] == "ANY /keep"
    throttle = found["KeepStage"]["Properties"]["DefaultRouteSettings"]
    assert throttle == {"ThrottlingRateLimit": 5, "ThrottlingBurstLimit": 10}
    permission = found["KeepPermission"]["Properties"]
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert permission["SourceArn"] == f"arn:aws:execute-api:eu-central-1:{ACCOUNT}:stop-orchestrator-keep/*/*/keep"


def test_the_key_makes_macs_and_goes_with_the_links() -> None:
    key = template("hub")["Resources"]["LinkKey"]
    assert (key["Properties"]["KeySpec"], key["Properties"]["KeyUsage"]) == ("HMAC_256", "GENERATE_VERIFY_MAC")
    assert key["DeletionPolicy"] == "Delete"


def test_the_outputs_are_what_a_policy_takes() -> None:
    outputs = resolved("hub", **ON)["Outputs"]
    url, key = (outputs[name]["Value"] for name in ("OptOutLinksUrl", "OptOutLinksKey"))
    assert re.fullmatch(r"https://[^/]+\.execute-api\.eu-central-1\.amazonaws\.com/keep", url)
    links = a_policy(f"opt_out: {{max_days: 14, links: {{url: '{url}', key: '{key}'}}}}").opt_out.links
    assert links is not None
    assert links.url == url
