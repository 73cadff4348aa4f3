"""Why: the trace says what `decide` saw, and never decides by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide
from orchestrator.core.decide.explain import Explanation, RuleAnswer, explain, rules_unknown
from orchestrator.core.decide.other_policies import as_co_owner
from orchestrator.core.model import (
    NO_NAMES,
    Account,
    AwsError,
    Inventory,
    NameEffect,
    Names,
    Obstacle,
    ObstacleCode,
    OtherPolicy,
    ReasonCode,
    Resource,
    ResourceState,
    TargetStatus,
    UnresolvedName,
    Verdict,
)
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.schedules.answer import ScheduleState
from tests.support import strategies
from tests.support.builders import AT, a_coverage, a_decision, a_policy, a_resource, a_unit, an_account
from tests.support.policies import load

POLICY = """
schedules:
  office-hours: {timezone: Europe/Berlin, running: ["mon-fri 07:00-19:00"]}
rules:
  - name: ci
    where: {all: [{tag: {Role: ci}}, {region: us-east-1}]}
  - name: databases
    kinds: [rds]
    where: everything
  - name: dev
    where: {all: [{tag: {Environment: [dev, test]}}, {not: {tag: {Tier: "crit*"}}}]}
    schedule: office-hours
  - name: rest
    where: {tag: {Environment: "*"}}
"""
DEV = {"Environment": "dev"}
NOON = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)


def explained(
    resource: Resource, policy: OrgPolicy | None = None, account: Account | None = None, now: datetime = AT, **more: Any
) -> Explanation:
    inventory = Inventory("o-example", (account or an_account(),), resources=(resource,), **more)
    return explain(policy or a_policy(POLICY), inventory, resource.key, now)


def answers(found: Explanation) -> dict[str, RuleAnswer]:
    return {one.name: one.answer for one in found.rules}


def test_every_rule_is_there_in_its_order_with_what_it_is_to_the_resource() -> None:
    found = explained(a_resource(tags=DEV))
    assert answers(found) == {
        "ci": RuleAnswer.NO_MATCH,
        "databases": RuleAnswer.ANOTHER_KIND,
        "dev": RuleAnswer.OWNS,
        "rest": RuleAnswer.COMES_LATER,
    }


def test_each_condition_has_what_was_asked_what_was_found_and_whether_it_holds() -> None:
    found = explained(a_resource(tags={**DEV, "Tier": "critical"}))
    condition = found.rules[2].condition
    assert condition is not None
    told = [(one.word, one.asked, dict(one.found), one.held) for one in condition.leaves()]
    assert told == [
        ("tag", "Environment: dev, test", {"tag:Environment": "dev"}, True),
        ("tag", "Tier: crit*", {"tag:Tier": "critical"}, True),
    ]
    assert (condition.word, condition.held, condition.parts[1].word, condition.parts[1].held) == (
        "all",
        False,
        "not",
        False,
    )


def test_a_fact_that_cannot_be_read_is_named_and_its_condition_is_unknown() -> None:
    policy = a_policy("rules: [{name: costly, where: {account_tag: {CostCenter: 'cc-*'}}}]")
    account = an_account(tags_error=AwsError("AccessDenied", "no"))
    [rule] = explained(a_resource(), policy, account).rules
    assert rule.answer is RuleAnswer.MAY_OWN
    assert rule.condition is not None
    assert (rule.condition.held, rule.condition.unknown) == (None, ("account_tag",))


def test_where_no_rule_matches_the_nearest_one_and_the_condition_that_missed_are_named() -> None:
    policy = a_policy(
        """
        rules:
          - name: far
            where: {all: [{tag: {Environment: dev}}, {region: us-east-1}, {account: "222222222222"}]}
          - name: near
            where: {all: [{region: eu-central-1}, {any: [{tag: {Environment: dev}}, {region: us-east-1}]}]}
        """
    )
    found = explained(a_resource(), policy)
    assert found.nearest == "near"
    missed = {one.name: [(leaf.word, leaf.asked) for leaf in one.missed] for one in found.rules}
    assert missed == {
        "far": [("tag", "Environment: dev"), ("region", "us-east-1"), ("account", "222222222222")],
        "near": [("tag", "Environment: dev")],
    }


def test_below_a_not_what_holds_is_what_missed() -> None:
    policy = a_policy("rules: [{name: one, where: {not: {all: [{region: eu-*}, {account: '1*'}]}}}]")
    [rule] = explained(a_resource(), policy).rules
    assert [leaf.word for leaf in rule.missed] == ["region"]


def test_the_schedule_is_told_by_its_own_clock_with_its_last_and_its_next_change() -> None:
    schedule = explained(a_resource(tags=DEV)).rules[2].schedule
    assert schedule is not None
    assert schedule.local_time is not None
    assert f"{schedule.local_time:%a %H:%M} {schedule.local_time.tzinfo}" == "Mon 20:00 Europe/Berlin"
    assert (schedule.name, schedule.state) == ("office-hours", ScheduleState.STOPPED)
    assert schedule.since == datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
    assert schedule.until == datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


def test_opt_outs_of_resource_account_and_ous_are_listed_with_their_carrier_and_which_decides() -> None:
    tag = "stop-orchestrator:opt-out"
    account = an_account(
        organizational_units=(a_unit("/Labs", {tag: "2026-11-22"}),), tags={tag: "2026-12-01"}, ou="/Labs"
    )
    found = explained(a_resource(tags={**DEV, tag: "true"}), account=account)
    told = [(one.exemption.source, one.exemption.source_id, one.spares, one.decides) for one in found.opt_outs]
    assert told == [
        ("organizational_unit", "/Labs", False, False),
        ("account", account.id, True, False),
        ("resource", "i-00000000000000001", True, True),
    ]


def test_of_an_account_that_is_left_out_the_reason_of_its_coverage_decides() -> None:
    resource = a_resource()
    row = a_coverage(TargetStatus.OPTED_OUT, "*", detail="The tag spares it.")
    found = explain(a_policy(POLICY), Inventory("o-example", (an_account(),), (row,)), resource.key, AT)
    assert (found.decision, found.coverage, found.sentence) == (None, row, "Nothing of it is read: The tag spares it.")


def test_an_obstacle_the_losses_and_the_limits_are_told() -> None:
    policy = a_policy(f"{POLICY}guardrails: {{max_stops: 5, per_account: {{max_stops: 1}}}}\n")
    found = explained(a_resource(tags=DEV, obstacle=Obstacle(ObstacleCode.OWNED, "A group owns it.")), policy)
    assert found.obstacle == found.sentence == "A group owns it."
    assert [(one.name, one.limit, one.passed) for one in found.limits] == [
        ("max_stops", 5, None),
        ("per_account.max_stops", 1, None),
    ]


def test_nothing_is_in_the_way_of_what_goes_with_its_owner() -> None:
    member = a_resource(obstacle=Obstacle(ObstacleCode.OWNED, "It belongs to a group, which would replace it."))
    goes = a_decision(member, Verdict.KEEP, reason_code=ReasonCode.STOPS_WITH_OWNER)
    owned = a_decision(member, Verdict.KEEP, reason_code=ReasonCode.OWNED)
    assert rules_unknown(goes, an_account(), AT, "nonprod", "").obstacle == ""
    assert rules_unknown(owned, an_account(), AT, "nonprod", "").obstacle.endswith("would replace it.")


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - with zones


def test_what_would_hold_a_sweep_is_noted_and_what_another_policy_owns_is_told() -> None:
    holding = UnresolvedName("organization.exclude[0]", 4, "organizational_unit", "/Prod", NameEffect.HOLDS, "is no OU")
    others = (OtherPolicy("others", "0" * 64, "s3://b/k", unread="it is gone"),)
    found = explained(a_resource(tags=DEV), names=Names((holding,)), others=others)
    assert [note.partition(": ")[0] for note in found.notes] == ["a sweep would be held"] * 2
    assert "'/Prod' is no OU" in found.notes[0]
    another = as_co_owner(load("version: 1\nname: theirs\nrules: [{name: all, where: everything}]\n"), NO_NAMES)
    resource = a_resource(tags=DEV)
    owned = explain(
        a_policy(POLICY), Inventory("o", (an_account(),), resources=(resource,)), resource.key, AT, [another]
    )
    assert owned.others == (owned.sentence,)
    assert "rule all of policy theirs owns it too" in owned.sentence


STATES = st.sampled_from([ResourceState.RUNNING, ResourceState.STARTING, ResourceState.STOPPING])


@strategies.quick
@given(strategies.policy_documents(), strategies.tags, STATES, MOMENTS, st.data())
def test_verdict_rule_and_sentence_are_those_of_decide(
    document: dict[str, Any], tags: dict[str, str], state: ResourceState, now: datetime, data: st.DataObject
) -> None:
    policy = load(yaml.safe_dump(document))
    resource = replace(a_resource(tags=tags), state=state, aws_state=state.value)
    account = an_account(ou=data.draw(st.sampled_from(strategies.OU_PATHS)))
    decided = decide(policy, resource, account, now)
    found = explained(resource, policy, account, now)
    assert found.decision == decided
    assert found.sentence == decided.reason
    owners = [one for one in found.rules if one.answer in (RuleAnswer.OWNS, RuleAnswer.MAY_OWN)]
    if decided.rule is None:
        assert not owners
    else:
        assert owners[0].name == decided.rule
        assert all(one.answer in (RuleAnswer.NO_MATCH, RuleAnswer.ANOTHER_KIND) for one in _before(found, decided.rule))


def _before(found: Explanation, rule: str) -> list[Any]:
    return found.rules[: [one.name for one in found.rules].index(rule)]


@pytest.mark.parametrize(("now", "verdict"), [(NOON, "keep"), (AT, "stop")])
def test_it_is_decided_for_the_moment_that_is_asked_about(now: datetime, verdict: str) -> None:
    decision = explained(a_resource(tags=DEV), now=now).decision
    assert decision is not None
    assert decision.verdict.value == verdict
