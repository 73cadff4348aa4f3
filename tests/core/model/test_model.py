"""The frozen words: a plan's hash, the seal of an approved plan, paths of OUs."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from types import ModuleType

import pytest

from orchestrator.core import model
from orchestrator.core.decide import scope as targets
from orchestrator.core.decide.guardrails import hold_against
from orchestrator.core.model import (
    ALL_REGIONS,
    Account,
    AccountId,
    Action,
    ApprovedPlan,
    AwsError,
    HeldPlan,
    Mode,
    OutcomeStatus,
    SweepStatus,
    Target,
    TargetStatus,
    Verdict,
)
from orchestrator.core.policy import opt_outs as exemptions
from orchestrator.core.policy.conditions import matching as conditions
from orchestrator.core.policy.schedules import lines as schedules
from orchestrator.core.policy.schema.limits import Guardrails
from tests.support.builders import a_decision, a_plan, a_resource, an_account

PLAN = a_plan(a_decision(a_resource("i-1")), a_decision(a_resource("i-2")))


def test_an_approved_plan_cannot_be_made_outside_of_the_guardrails() -> None:
    with pytest.raises(TypeError, match=r"core\.decide\.guardrails"):
        ApprovedPlan(PLAN, (), object())
    with pytest.raises(TypeError):
        ApprovedPlan(PLAN, ())  # type: ignore[call-arg]  # the mistake


def test_an_approval_cannot_be_carried_over_to_another_plan() -> None:
    approved = hold_against(PLAN, Guardrails(), lambda: 1)
    assert isinstance(approved, ApprovedPlan)
    with pytest.raises((TypeError, ValueError)):
        dataclasses.replace(approved, plan=a_plan(a_decision(a_resource("i-3"))))  # type: ignore[call-arg]  # the mistake
    with pytest.raises(dataclasses.FrozenInstanceError):
        approved.plan = a_plan()  # type: ignore[misc]  # the mistake
    assert not hasattr(approved, "seal")


def test_a_held_plan_is_no_approved_one() -> None:
    held = hold_against(PLAN, Guardrails(max_stops=0), lambda: 1)
    assert isinstance(held, HeldPlan)
    assert not isinstance(held, ApprovedPlan)


def test_the_actions_of_a_plan_are_its_decisions_to_stop_or_start_in_order() -> None:
    keep = a_decision(a_resource("i-3"), Verdict.KEEP)
    assert a_plan(keep, *PLAN.decisions, keep).actions == PLAN.decisions


def test_the_hash_of_a_plan_does_not_depend_on_order_or_on_what_is_kept() -> None:
    kept = a_decision(a_resource("i-3"), Verdict.KEEP)
    assert a_plan(*PLAN.decisions[::-1], kept).sha256 == PLAN.sha256
    assert len(PLAN.sha256) == 64


@pytest.mark.parametrize(
    "other",
    [
        a_plan(*PLAN.decisions[:1]),
        a_plan(PLAN.decisions[0], a_decision(a_resource("i-3"))),
        a_plan(PLAN.decisions[0], a_decision(a_resource("i-2", region="us-east-1"))),
        a_plan(PLAN.decisions[0], a_decision(a_resource("i-2", account_id="222222222222"))),
        a_plan(PLAN.decisions[0], a_decision(dataclasses.replace(a_resource("i-2"), kind="rds"))),
        a_plan(PLAN.decisions[0], a_decision(a_resource("i-2"), action=Action.HIBERNATE)),
        a_plan(*PLAN.decisions, sweep_id="20261124T190000Z-7f3a9c"),
        a_plan(*PLAN.decisions, policy_sha256="1" * 64),
        a_plan(*PLAN.decisions, organization_id="o-other"),
    ],
)
def test_the_hash_of_a_plan_changes_with_what_would_be_stopped_where_how_and_why(other: object) -> None:
    assert other.sha256 != PLAN.sha256  # type: ignore[attr-defined]  # a Plan


@pytest.mark.parametrize(("account", "path"), [(an_account(), "/"), (an_account(ou="/A/B"), "/A/B")])
def test_the_ou_of_an_account_is_the_innermost_one_or_the_root(account: Account, path: str) -> None:
    assert account.ou_path == path


def test_an_aws_error_reads_as_code_and_message() -> None:
    assert str(AwsError("AccessDenied", "no")) == "AccessDenied: no"
    assert str(AwsError("Throttling", "")) == "Throttling"


@pytest.mark.parametrize(
    ("words", "contract"),
    [
        (Mode, "plan enforce approve apply undo"),
        (Action, "stop hibernate start tag untag notify"),
        (Verdict, "stop start keep tag untag"),
        (SweepStatus, "running awaiting_approval complete incomplete held failed aborted abandoned missed"),
        (
            TargetStatus,
            "scanned denied region_disabled suspended excluded opted_out not_offered failed not_attempted",
        ),
        (
            OutcomeStatus,
            (
                "stopped stopping already_stopped would_stop started starting already_running would_start "
                "tagged untagged would_tag would_untag held not_attempted unknown failed"
            ),
        ),
    ],
)
def test_the_words_are_those_of_the_published_contract(words: type[StrEnum], contract: str) -> None:
    assert sorted(words) == sorted(contract.split())


def test_where_an_accounts_regions_cannot_be_known_the_region_is_a_star() -> None:
    assert ALL_REGIONS == "*"


def test_nothing_is_assumed_of_an_account_that_was_not_said() -> None:
    account = Account(AccountId("1" * 12), "shop", None)
    assert (account.is_management, account.tags, account.tags_error, account.ou_path) == (False, {}, None, "/")


def test_targets_sort_by_account_and_then_by_region() -> None:
    names = [("2", "a"), ("1", "b"), ("1", "a")]
    found = sorted(Target(account, region) for account, region in names)  # type: ignore[arg-type]  # literals
    assert [(one.account_id, one.region) for one in found] == sorted(names)


@pytest.mark.parametrize("module", [model, conditions, exemptions, schedules, targets], ids=lambda one: one.__name__)
def test_every_value_of_the_core_is_frozen_and_takes_no_other_attributes(module: ModuleType) -> None:
    values = [one for one in vars(module).values() if isinstance(one, type) and dataclasses.is_dataclass(one)]
    assert values
    for value in values:
        assert value.__dataclass_params__.frozen, value  # type: ignore[attr-defined]  # no public way to ask
        assert "__slots__" in vars(value), value
