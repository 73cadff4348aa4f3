"""A kind that may not be read in an account leaves the others there read, decided and stopped."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from orchestrator.core.model.kind import KindDescription
from orchestrator.core.report.document import INCOMPLETE
from orchestrator.demo.faults import Fault
from orchestrator.kinds import registry
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import *  # noqa: F403 - pytest finds fixtures by their names in this file
from tests.support.sweeps import DEV, FRANKFURT, IRELAND, Sweeps

OTHERS = [one for one in DESCRIPTIONS if one.name != "ec2"]
RULE = "rules: [{{name: dev, kinds: [ec2, {kind}], where: {{tag: {{Environment: dev}}}}, accept: [{accept}]}}]\n"


def denied_in(organization: OrganizationBuilder, account: str, operation: str) -> None:
    message = f"User: arn:aws:sts::{account}:assumed-role/member/x is not authorized to perform: {operation}"
    organization.front.faults.add(Fault("AccessDenied", message, 403, account, operation))


def seeded(organization: OrganizationBuilder, account: str, kind: str) -> tuple[str, str]:
    """An instance, and one of that kind."""
    [instance] = organization.instances(account, FRANKFURT, 1, DEV)
    seed: Any = import_module(f"tests.kinds.{kind}.harness").seed
    return instance, seed(organization, account, FRANKFURT, DEV)


@pytest.mark.parametrize("kind", OTHERS, ids=lambda one: one.name)
def test_a_denied_kind_leaves_the_instances_of_its_account_stopped_and_is_named(
    organization: OrganizationBuilder, sweep: Sweeps, kind: KindDescription
) -> None:
    good, bad = organization.account("good"), organization.account("bad")
    of_good, of_bad = (seeded(organization, account, kind.name) for account in (good, bad))
    for service in kind.operations:
        denied_in(organization, bad, f"{service}:*")
    swept = sweep(RULE.format(kind=kind.name, accept=", ".join(kind.to_accept)))
    assert {*of_good, of_bad[0]} <= swept.outcomes.keys()
    assert of_bad[1] not in {*swept.outcomes, *swept.decisions}
    rows = {
        (row["account_id"], row["region"], row["kind"]): row["status"]
        for row in swept.document["coverage"]
        if row["account_id"] in (good, bad) and row["status"] != "scanned"
    }
    assert rows == {(bad, region, kind.name): "denied" for region in (FRANKFURT, IRELAND)}
    assert swept.exit_code == INCOMPLETE
    assert organization.down(bad, FRANKFURT) == {of_bad[0]}


def test_one_list_call_that_is_denied_is_named_with_its_kind(organization: OrganizationBuilder, sweep: Sweeps) -> None:
    account = organization.account("bad")
    instance, _ = seeded(organization, account, "rds")
    denied_in(organization, account, "rds:DescribeDBInstances")
    swept = sweep(RULE.format(kind="rds", accept=""))
    assert instance in swept.outcomes
    details = {row["detail"] for row in swept.document["coverage"] if row["kind"] == "rds"}
    assert len(details) == 1
    assert "rds:DescribeDBInstances: AccessDenied: " in details.pop()


def test_kinds_that_no_rule_names_cost_no_call_no_client_and_no_import(
    organization: OrganizationBuilder, sweep: Sweeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported: list[str] = []
    entry = registry._entry
    monkeypatch.setattr(registry, "_entry", lambda name: imported.append(name) or entry(name))
    seeded(organization, organization.account("member"), "rds")
    swept = sweep("rules: [{name: dev, kinds: [ec2], where: {tag: {Environment: dev}}}]\n")
    assert swept.outcomes
    assert imported == ["ec2"]
    services = {service for clients in sweep.clients for role, service, _ in clients._made if role == "member"}
    assert services == {"ec2"}
    asked = {operation.partition(":")[0] for operation in swept.document["calls"]}
    assert asked.isdisjoint({service for one in OTHERS for service in one.operations} - {"ec2"})


def test_an_empty_target_costs_one_call_for_each_kind_that_a_rule_names(
    organization: OrganizationBuilder, sweep: Sweeps
) -> None:
    organization.account("member")
    kinds = ", ".join(one.name for one in DESCRIPTIONS)
    swept = sweep(f"rules: [{{name: dev, kinds: [{kinds}], where: {{tag: {{Environment: dev}}}}}}]\n")
    calls = {
        operation: count
        for operation, count in swept.document["calls"].items()
        if operation.partition(":")[0] in registry.services() and operation != "ec2:DescribeRegions"
    }
    assert sum(calls.values()) == 2 * len(DESCRIPTIONS), calls
