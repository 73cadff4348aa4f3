"""What the wiring lets a sweep's sessions do: what its mode takes, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Collection
from itertools import combinations
from pathlib import Path
from typing import cast

import pytest

from orchestrator import app
from orchestrator.aws.clients import Clients
from orchestrator.core.model import AccountId, Action, KindDescription, Mode
from orchestrator.errors import PolicyError
from orchestrator.kinds import registry
from orchestrator.settings import Settings
from tests.support.builders import a_policy

ACCOUNT = AccountId("111111111111")
SWEEP_ID = "20261123T190000Z-7f3a9c"
STOPS = {"ec2:StopInstances", "rds:StopDBInstance"}
STARTS = {"ec2:StartInstances", "rds:StartDBInstance", "kms:CreateGrant"}
MARKS = {"ec2:CreateTags", "rds:AddTagsToResource"}
"""An undo writes them again where they were removed."""
UNMARKS = {"ec2:DeleteTags", "rds:RemoveTagsFromResource"}
METRICS = {"cloudwatch:GetMetricData", "cloudwatch:ListMetrics"}
"""What reads alone and is called otherwise."""


BOTH = ("ec2", "rds")


def session_policy(*actions: Action, kinds: Collection[str] = BOTH) -> str:
    role = app._member_role(Settings(external_id="our-secret"), SWEEP_ID, kinds, actions)
    return str(role.assume_role_arguments("aws", ACCOUNT)["Policy"])


def changing(*actions: Action) -> set[str]:
    [statement] = json.loads(session_policy(*actions))["Statement"]
    return {one for one in statement["Action"] if not one.partition(":")[2].startswith(("Describe", "List"))} - METRICS


@pytest.mark.parametrize("mode", Mode)
def test_a_mode_has_the_sessions_of_the_actions_that_its_plans_hold(mode: Mode) -> None:
    actions = app._ACTIONS_OF.get(mode, ())
    assert bool(actions) is mode.acts
    assert {action.starts for action in actions} == ({mode is Mode.UNDO} if mode.acts else set())


def test_a_session_that_stops_can_start_nothing_and_one_that_starts_can_stop_nothing() -> None:
    assert changing() == set()
    assert changing(Action.STOP) == changing(Action.HIBERNATE) == STOPS | MARKS | UNMARKS
    assert changing(Action.START) == STARTS | MARKS | UNMARKS
    assert changing(Action.STOP, Action.START) == STOPS | STARTS | MARKS | UNMARKS


@pytest.mark.parametrize("kind", registry.DESCRIPTIONS, ids=lambda one: one.name)
def test_a_session_may_do_what_its_kinds_declare_and_no_other_kind(kind: KindDescription) -> None:
    assert registry.session_permissions((kind.name,), ()) == kind.read_permissions
    everything = registry.session_permissions((kind.name,), tuple(Action))
    assert everything == kind.permissions | kind.start_delegations
    assert registry.session_permissions((), tuple(Action)) == frozenset()
    others = [one for one in registry.DESCRIPTIONS if one is not kind]
    names = [one.name for one in others]
    assert registry.session_permissions(names, ()) == frozenset().union(*(one.read_permissions for one in others))


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_every_session_policy_fits_into_assume_role(number: int) -> None:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html: 2,048 characters, packed to less."""
    for actions in combinations(Action, number):
        assert len(session_policy(*actions, kinds=registry.KINDS)) <= 2048


def test_the_policy_of_a_sweep_is_read_as_when_it_began_and_todays_as_this_release_does(tmp_path: Path) -> None:
    text = "version: 1\nname: nights\ntimezone: EST\nguardrails: {max_stops: 010}\n"
    stores = app.make_stores(Settings(store=tmp_path), cast("Clients", None))
    policy = stores.load_policy(text, "the policy of an earlier sweep")
    assert (policy.timezone.key, policy.guardrails.max_stops) == ("EST", 8)
    with pytest.raises(PolicyError):
        app.load_policy_text(text, "today's policy")


STARTING = (
    'schedules: {office: {timezone: UTC, running: ["mon-fri 07:00-19:00"]}}\n'
    "rules: [{name: a, where: everything, schedule: office, start: what_was_stopped}]"
)


@pytest.mark.parametrize("mode", [Mode.ENFORCE, Mode.APPLY, Mode.UNDO])
def test_under_a_policy_that_starts_something_a_session_may_do_both(mode: Mode) -> None:
    assert set(app._actions_of(mode, a_policy(STARTING))) == {Action.STOP, Action.START}
    assert app._actions_of(mode, a_policy("rules: [{name: a, where: everything}]")) == app._ACTIONS_OF[mode]


def test_under_whatever_policy_a_plan_only_reads() -> None:
    assert list(app._actions_of(Mode.PLAN, a_policy(STARTING))) == []
