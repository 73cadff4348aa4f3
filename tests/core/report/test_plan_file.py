"""A plan in a file: every decision comes back exactly as it was, and an altered file is no plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from orchestrator.core.model import (
    Action,
    AwsError,
    Coverage,
    Decision,
    Exemption,
    GuardrailResult,
    Loss,
    Mode,
    Narrowing,
    Obstacle,
    ObstacleCode,
    OptOutStatus,
    OtherPolicy,
    ReasonCode,
    Resource,
    ResourceState,
    Target,
    TargetStatus,
    Verdict,
    Violation,
)
from orchestrator.core.model.decision import InsideSchedule
from orchestrator.core.report.manifest import sha256_of
from orchestrator.core.report.plan_file import PLAN_FORMAT, StoredPlan, organization_sha256, plan_bytes, plan_from
from orchestrator.errors import PlanError
from tests.support.builders import (
    ACCOUNT,
    AT,
    REGION,
    SWEEP_ID,
    a_coverage,
    a_decision,
    a_resource,
    a_unit,
    an_account,
    an_opt_out,
)
from tests.support.strategies import ACCOUNT_IDS, quick, tags

texts = st.text(max_size=20)
facts = st.dictionaries(
    texts, st.none() | st.booleans() | st.integers() | texts | st.sampled_from(["true", "1", "2026-11-23", "null", ""])
)
exemptions = st.builds(Exemption, texts, texts, texts, texts, st.none() | st.dates(), st.none() | texts, st.booleans())
targets = st.builds(Target, st.sampled_from(ACCOUNT_IDS), texts)
times = st.none() | st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants it so
resources = st.builds(
    Resource,
    kind=texts,
    target=targets,
    resource_id=texts,
    arn=texts,
    name=texts,
    state=st.sampled_from(ResourceState),
    aws_state=texts,
    tags=tags | st.dictionaries(texts, texts),
    facts=facts,
    changed_at=times,
    started_at=times,
    obstacle=st.none() | st.builds(Obstacle, st.sampled_from(ObstacleCode), texts),
    restore=facts,
    losses=st.lists(st.builds(Loss, texts, texts, st.booleans()), max_size=2).map(tuple),
)
decisions = st.builds(
    Decision,
    resources,
    st.sampled_from(Verdict),
    st.sampled_from(ReasonCode),
    texts,
    st.none() | texts,
    st.sampled_from(Action),
    st.none() | exemptions,
    facts,
    inside=st.none() | st.builds(InsideSchedule, texts, times, texts),
)
coverage = st.builds(
    Coverage,
    st.sampled_from(ACCOUNT_IDS),
    texts,
    texts,
    texts,
    st.sampled_from(TargetStatus),
    texts,
    st.none() | exemptions,
    texts,
)
numbers = st.floats(allow_nan=False, allow_infinity=False)
guardrails = st.builds(
    GuardrailResult, texts, numbers, numbers, st.booleans(), st.none() | st.sampled_from(ACCOUNT_IDS)
)
opt_outs = st.builds(
    an_opt_out, carrier_id=texts, value=texts, until=st.none() | st.dates(), status=st.sampled_from(OptOutStatus)
)
violations = st.builds(Violation, st.sampled_from(ACCOUNT_IDS), texts, texts, texts, texts, texts)


def a_stored_plan(*decisions: Decision, **fields: Any) -> StoredPlan:
    defaults: dict[str, Any] = {
        "sweep_id": SWEEP_ID,
        "mode": Mode.PLAN,
        "policy_name": "nonprod",
        "policy_sha256": "0" * 64,
        "organization_id": "o-example",
        "organization_sha256": "1" * 64,
        "created_at": AT,
        "expires_at": AT + timedelta(hours=12),
        "coverage": (),
        "guardrails": (),
    }
    return StoredPlan(decisions=decisions, format=PLAN_FORMAT, **{**defaults, **fields})


def with_types(values: Any) -> list[tuple[str, type, Any]]:
    return [(name, type(value), value) for name, value in values.items()]


@quick
@given(
    decided=st.lists(decisions, max_size=3).map(tuple),
    covered=st.lists(coverage, max_size=3).map(tuple),
    guarded=st.lists(guardrails, max_size=3).map(tuple),
    violated=st.lists(violations, max_size=3).map(tuple),
    spared=st.lists(opt_outs, max_size=2).map(tuple),
    narrowed=st.builds(Narrowing, *[st.lists(texts, max_size=2).map(tuple)] * 5),
    mode=st.sampled_from(Mode),
)
def test_a_plan_is_read_back_exactly_as_it_was_written(
    decided: Any, covered: Any, guarded: Any, violated: Any, spared: Any, narrowed: Narrowing, mode: Mode
) -> None:
    stored = a_stored_plan(*decided, coverage=covered, guardrails=guarded, compliance=violated, mode=mode)
    stored = replace(stored, opt_outs=spared, narrowed=narrowed)
    content = plan_bytes(stored)
    read = plan_from(content, sha256_of(content))
    assert read == stored
    assert plan_bytes(read) == content
    assert read.plan.sha256 == stored.plan.sha256
    for before, after in zip(stored.decisions, read.decisions, strict=True):
        assert with_types(after.facts) == with_types(before.facts)  # True == 1, and they are not the same fact
        assert with_types(after.resource.facts) == with_types(before.resource.facts)


def test_a_plan_has_its_decisions_and_coverage() -> None:
    stored = a_stored_plan(a_decision(), coverage=(a_coverage(),))
    assert stored.plan.decisions == (a_decision(),)
    assert stored.plan.coverage == (a_coverage(),)
    assert (stored.plan.sweep_id, stored.plan.policy_sha256) == (SWEEP_ID, "0" * 64)


def test_what_only_conditions_look_at_is_not_in_the_file() -> None:
    resource = a_resource(details={"image": "ami-0123"}, created_at=datetime(2026, 11, 1, tzinfo=UTC))
    content = plan_bytes(a_stored_plan(a_decision(resource)))
    assert content == plan_bytes(a_stored_plan(a_decision(a_resource())))


@pytest.mark.parametrize("rows", [0, 1, 499, 500, 501, 1001])
def test_a_plan_of_any_size_is_read_back_and_is_the_json_that_it_was_without_lines(rows: int) -> None:
    found = tuple(a_decision(a_resource(f"i-{number}")) for number in range(rows))
    covered = tuple(a_coverage(detail=f"{number}") for number in range(rows))
    violated = tuple(Violation(ACCOUNT, REGION, f"i-{number}", "missing", "Owner") for number in range(rows))
    stored = a_stored_plan(*found, coverage=covered, compliance=violated)
    content = plan_bytes(stored)
    assert plan_from(content, sha256_of(content)) == stored
    in_one_line = json.dumps(json.loads(content), separators=(",", ":"), ensure_ascii=False).encode()
    deciding_only = {"decisions": {"__all__": {"resource": {"created_at", "details"}}}}
    assert in_one_line == TypeAdapter(StoredPlan).dump_json(stored, exclude=deciding_only)  # as the release before
    assert plan_from(in_one_line, sha256_of(in_one_line)) == stored


@pytest.mark.parametrize("text", ['"coverage":[\n', '],"compliance":[', "{\n", '"decisions":[]'])
def test_a_text_that_looks_like_the_plan_s_own_lines_is_a_text(text: str) -> None:
    one = a_decision(a_resource(text, tags={text: text}), reason=text)
    detail = GuardrailResult(text, 1, 2, passed=True, detail=text)
    stored = a_stored_plan(one, one, coverage=(a_coverage(detail=text),), guardrails=(detail,), policy_name=text)
    assert plan_from(plan_bytes(stored), None) == stored


def test_a_plan_keeps_which_other_policies_it_was_decided_by_and_one_that_says_nothing_of_them_is_read() -> None:
    stored = a_stored_plan(others=(OtherPolicy("team-b", "b" * 64, "s3://hub/policies/team-b.yaml"),))
    assert plan_from(plan_bytes(stored), None).others == stored.others
    document = json.loads(plan_bytes(stored))
    del document["others"]
    assert plan_from(json.dumps(document).encode(), None) == replace(stored, others=())


def test_a_plan_keeps_its_order_and_one_that_has_none_is_carried_out_all_at_once() -> None:
    stored = a_stored_plan(a_decision(), order={"ec2": 20, "rds": 30})
    content = plan_bytes(stored)
    assert plan_from(content, None).plan.order == {"ec2": 20, "rds": 30}
    earlier = content.replace(b',"order":{"ec2":20,"rds":30}', b"")
    assert earlier != content
    assert plan_from(earlier, None).plan == replace(stored.plan, order={})


def test_an_altered_file_is_refused_whatever_it_says() -> None:
    content = plan_bytes(a_stored_plan(a_decision()))
    with pytest.raises(PlanError, match=r"plan\.json was altered"):
        plan_from(content + b"\n", sha256_of(content))


def edited(change: Callable[[Any], None]) -> bytes:
    document = json.loads(plan_bytes(a_stored_plan(a_decision())))
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", "document"),
        (b"\xff", "document"),
        (b"[]", "document"),
        (edited(lambda document: document.pop("decisions")), "decisions"),
        (edited(lambda document: document["decisions"][0].update(verdict="maybe")), r"decisions\.0\.verdict"),
    ],
)
def test_what_is_no_plan_is_refused_with_its_place(content: bytes, place: str) -> None:
    with pytest.raises(PlanError, match=rf"plan\.json is no plan: .*, the first: {place}: "):
        plan_from(content, sha256_of(content))


@pytest.mark.parametrize("number", [1, 3, None])
def test_a_plan_in_the_format_of_another_release_says_to_plan_again(number: int | None) -> None:
    content = edited(lambda document: document.update(format=number) if number else document.pop("format"))
    with pytest.raises(PlanError, match="format of another release of this program; plan again"):
        plan_from(content, sha256_of(content))


@pytest.mark.parametrize(
    "changed",
    [
        an_account(state="SUSPENDED", ou="/Dev"),
        an_account(ou="/Prod"),
        an_account(ou="/Dev", tags={"a": "b"}),
        an_account("222222222222", ou="/Dev"),
        an_account(organizational_units=(a_unit("/Dev", {"a": "b"}),)),
    ],
)
def test_the_organizations_hash_changes_with_what_could_change_a_decision(changed: Any) -> None:
    account = an_account(ou="/Dev")
    assert organization_sha256([account]) != organization_sha256([changed])
    assert organization_sha256([account]) != organization_sha256([])


def test_the_organizations_hash_is_the_same_in_any_order_and_for_any_name() -> None:
    one, two = an_account(ou="/Dev"), an_account("222222222222", tags={"a": "1", "b": "2"})
    same = replace(two, tags={"b": "2", "a": "1"}, name="renamed")
    assert organization_sha256([one, two]) == organization_sha256([same, one])


def test_tags_that_could_not_be_read_are_not_the_same_as_no_tags() -> None:
    unread = an_account(tags_error=AwsError("AccessDenied", "no"))
    assert organization_sha256([an_account()]) != organization_sha256([unread])
