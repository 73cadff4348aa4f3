"""Keys that a person meant as ours: whatever folds to below our prefix spares its carrier, and is reported."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import orchestrator
from orchestrator.core.decide import scope
from orchestrator.core.decide.compliance import Asked, violations
from orchestrator.core.decide.decisions import decide
from orchestrator.core.model import Account, ReasonCode, Resource, TargetStatus, Verdict
from orchestrator.core.model.marks import MARKS, ORDER_TAG, STOPPED_AT_TAG, STOPPED_BY_TAG
from orchestrator.core.policy.opt_outs import (
    ACCOUNT,
    RESOURCE,
    UNIT,
    exemption_sentence,
    most_protective,
    opt_out_findings,
    read_opt_outs,
)
from orchestrator.core.policy.tag_keys import KEYS, OPT_OUT_TAG, PROTECTED_TAG, REASON_TAG, is_a_persons
from tests.support.builders import a_policy, a_resource, a_unit, an_account
from tests.support.strategies import key_spellings, unrelated_keys

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
POLICY = a_policy("rules: [{name: all, where: everything}]")
MISSPELT = "misspelt_opt_out_key"
PREFIX = "stop-orchestrator:"
hundreds = settings(deadline=None, max_examples=3 * settings().max_examples)  # 300 in the full suite


def carriers(tags: dict[str, str]) -> tuple[tuple[Resource, Account], ...]:
    """The same tags on an instance, on its account, and on an OU two levels above it."""
    return (
        (a_resource("i-1", tags=tags), an_account()),
        (a_resource("i-1"), an_account(tags=tags)),
        (a_resource("i-1"), an_account(organizational_units=(a_unit("/A", tags), a_unit("/A/B")))),
    )


def is_spared(resource: Resource, account: Account) -> bool:
    row = scope.left_out(POLICY.organization, account, TODAY)
    if row is not None:
        assert row.status is TargetStatus.OPTED_OUT
        return True
    decision = decide(POLICY, resource, account, NOW)
    assert decision.reason_code is not ReasonCode.EXEMPT or decision.verdict is Verdict.KEEP
    return decision.reason_code is ReasonCode.EXEMPT


def reported(resource: Resource, account: Account, violation: str = MISSPELT) -> list[str]:
    rows = violations([resource], [account], Asked(), TODAY)
    return [row.detail for row in rows if row.violation == violation]


@hundreds
@given(key=key_spellings(), value=st.sampled_from(["true", "2020-01-01", "", "no"]))
def test_a_key_at_a_folding_distance_from_ours_spares_instance_account_and_ou_and_is_reported(
    key: str, value: str
) -> None:
    for resource, account in carriers({"Environment": "dev", key: value}):
        assert is_spared(resource, account)
        (detail,) = reported(resource, account)
        assert repr(key) in detail
        assert any(f"`{known}`" in detail for known in KEYS)


@hundreds
@given(key=unrelated_keys, value=st.sampled_from(["true", "2026-12-31", ""]))
def test_an_unrelated_key_neither_spares_nor_is_reported(key: str, value: str) -> None:
    for resource, account in carriers({key: value}):
        assert not is_spared(resource, account)
        assert violations([resource], [account], Asked(), TODAY) == ()


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("Stop-Orchestrator:Opt-Out", OPT_OUT_TAG),
        ("stop-orchestrator:Opt-out ", OPT_OUT_TAG),
        ("stop-orchestrator:opt_out", OPT_OUT_TAG),
        ("stop-orchestrator:optout", OPT_OUT_TAG),
        ("stop orchestrator:opt out", OPT_OUT_TAG),
        ("STOP_ORCHESTRATOR : OPT_OUT", OPT_OUT_TAG),
        ("stop-orchestrator:opt-uot", OPT_OUT_TAG),
        ("stop-orchestrator:opt‑out", OPT_OUT_TAG),  # noqa: RUF001 - a hyphen that does not break
        ("stop-orchestrator：opt-out", OPT_OUT_TAG),  # noqa: RUF001 - a full-width colon
        ("stop-orchestrator:\u00a0opt-out", OPT_OUT_TAG),
        ("\u200bstop-orchestrator:opt-out", OPT_OUT_TAG),
        ("ＳＴＯＰ-orchestrator:opt-out", OPT_OUT_TAG),  # noqa: RUF001 - full-width letters
        ("stop-orchestrator:", OPT_OUT_TAG),
        ("stop-orchestrator:protect", PROTECTED_TAG),
        ("stop-orchestrator:Protected", PROTECTED_TAG),
        ("stop-orchestrator:reason", REASON_TAG),
        ("stop-orchestrator:-reason", REASON_TAG),
        (REASON_TAG, OPT_OUT_TAG),
        ("stop-orchestrator:opt_out_reason", REASON_TAG),
        ("Stop-Orchestrator:Stopped-By", STOPPED_BY_TAG),
        ("stop-orchestrator/opt-out", OPT_OUT_TAG),
        ("stop-orchestrator.opt-out", OPT_OUT_TAG),
        ("stop-orchestrator/protected", PROTECTED_TAG),
        ("stop-orchestrator.opt.out.reason", REASON_TAG),
        ("stoporchestrator:optout", OPT_OUT_TAG),
        ("StopOrchestrator:OptOut", OPT_OUT_TAG),
        ("stop.orchestrator/opt", OPT_OUT_TAG),
        ("stop-orchestrator-opt-out", OPT_OUT_TAG),
        ("stop_orchestrator_opt_out_reason", REASON_TAG),
        ("stop-orchestrator=protected", PROTECTED_TAG),
        ("stop-orchestrator", OPT_OUT_TAG),
        ("'stop-orchestrator:opt-out'", OPT_OUT_TAG),
        (":stop-orchestrator:opt-out", OPT_OUT_TAG),
        ("stop\u200b-orchestrator:opt\u00a0out", OPT_OUT_TAG),
        ("stop-orchestrator:opt\u034f-\u180eout\ufe0f", OPT_OUT_TAG),
        ("stop-orchestrator\u2060:\u3164opt-out", OPT_OUT_TAG),
        ("\u202estop-orchestrator:opt-out", OPT_OUT_TAG),
        ("st\u043ep-\u043erchestrator:\u043ept-\u043eut", OPT_OUT_TAG),
        ("\u0405\u0422\u041e\u0420-ORCHESTRATOR:\u041e\u0420\u0422-OUT", OPT_OUT_TAG),
        ("s\u0301top-orchestrator:opt-out", OPT_OUT_TAG),
        ("stop-\u039fRCHES\u03a4RATOR:\u03c1r\u03bftected", PROTECTED_TAG),
        ("Stop-Orches-Trator:Opt-Out", OPT_OUT_TAG),
        ("stop-orches trator:opt-out", OPT_OUT_TAG),
        ("stop-orchestra_tor:protected", PROTECTED_TAG),
        ("sto-p-orchestrator:opt-out", OPT_OUT_TAG),
        ("s t o p orchestrator opt out", OPT_OUT_TAG),
        ("st\u03ccp-orchestrator:opt-out", OPT_OUT_TAG),
        ("stop-or\u03f2hestrator:opt-out", OPT_OUT_TAG),
        ("STOP-OR\u03f9HESTRATOR:OPT-OUT", OPT_OUT_TAG),
        ("stop-o\u0433chest\u0433ato\u0433:opt-out", OPT_OUT_TAG),
        ("stop-orchestrator\u30fbopt-out", OPT_OUT_TAG),
        ("stop\u30fcorchestrator:opt\u4e00out", OPT_OUT_TAG),
    ],
)
def test_the_report_names_the_nearest_key_that_we_know(key: str, nearest: str) -> None:
    for resource, account in carriers({key: "because"}):
        assert is_spared(resource, account)
        (detail,) = reported(resource, account)
        assert f"`{nearest}`" in detail


@pytest.mark.parametrize(
    "key",
    [
        "stop",
        "orchestrator",
        "opt-out",
        "protected",
        "my-stop-orchestrator:opt-out",
        "stop-orchestrator-owner",
        "stop-orchestrator-version",
        "stop-orchestrator-stopped-by",
        "stop-orchestrators:opt-out",
        "stop-orchestration:opt-out",
        "stop-orchestrator-s:opt-out",
        "m-y-stop-orchestrator:opt-out",
        "stop-orche-strator-own-er",
        "non-stop-orchestrator:opt-out",
        "stop:orchestra",
        "aws:stop-orchestrator:opt-out",
        "\u043e\u03bf:opt-out",
        "",
    ],
)
def test_a_key_of_something_else_neither_spares_nor_is_reported(key: str) -> None:
    for resource, account in carriers({key: "true"}):
        assert not is_spared(resource, account)
        assert violations([resource], [account], Asked(), TODAY) == ()


@pytest.mark.parametrize("key", ["stop-orchestrator:Order", "stop-orchestrator/order", "Stop-Orchestrator-Order"])
def test_a_misspelt_key_of_the_order_spares_as_any_other_does_and_names_the_right_one(key: str) -> None:
    for resource, account in carriers({key: "30"}):
        assert is_spared(resource, account)
        [detail] = reported(resource, account)
        assert f"its key is misspelt: the nearest one is `{ORDER_TAG}`" in detail


def test_the_key_of_the_order_spares_no_resource_and_leaves_a_reason_beside_it_alone() -> None:
    assert read_opt_outs({ORDER_TAG: "30"}, RESOURCE, "i-1", TODAY) == ()
    assert read_opt_outs({ORDER_TAG: "first"}, RESOURCE, "i-1", TODAY) == ()
    [alone] = read_opt_outs({ORDER_TAG: "30", REASON_TAG: "x"}, RESOURCE, "i-1", TODAY)
    assert not alone.only_a_reason


@pytest.mark.parametrize("source", [ACCOUNT, UNIT])
def test_on_an_account_or_an_ou_where_it_orders_nothing_it_spares_and_says_what_would_be_right(source: str) -> None:
    found = read_opt_outs({ORDER_TAG: "30"}, source, "a", TODAY)
    exemption = most_protective(found)
    assert exemption is not None
    assert "the order is a tag of resources, or `order` in the policy: write `stop-orchestrator:opt-out`" in (
        exemption_sentence(exemption)
    )
    assert [name for name, _ in opt_out_findings(found[0])] == [MISSPELT]


@hundreds
@given(key=st.text())
def test_whatever_the_key_it_is_ours_or_not_and_reading_it_ends(key: str) -> None:
    for one in (key, f"stop-orchestrator:{key}", f"stop-orchestrator {key}"):
        found = read_opt_outs({one: "true"}, RESOURCE, "i-1", TODAY)
        assert len(found) == is_a_persons(one)
    assert is_a_persons(f"stop-orchestrator:{key}") or f"stop-orchestrator:{key}" in (*MARKS, ORDER_TAG)
    assert not any(is_a_persons(mark) for mark in MARKS)


def test_the_reason_of_a_decision_shows_the_key_as_it_was_found_and_the_nearest_one() -> None:
    decision = decide(POLICY, a_resource("i-1", tags={"stop-orchestrator:Opt-out ": "true"}), an_account(), NOW)
    assert decision.reason == (
        "The tag 'stop-orchestrator:Opt-out '=true on the resource i-1 spares it for good, because its key is "
        "misspelt: the nearest one is `stop-orchestrator:opt-out` (no reason given)."
    )
    assert decision.exemption is not None
    assert (decision.exemption.tag, decision.exemption.nearest_key) == ("stop-orchestrator:Opt-out ", OPT_OUT_TAG)


def test_a_reason_alone_spares_and_says_what_is_missing() -> None:
    found = most_protective(read_opt_outs({REASON_TAG: " load test "}, RESOURCE, "i-1", TODAY))
    assert found is not None
    assert exemption_sentence(found) == (
        f"The tag '{REASON_TAG}'= load test  on the resource i-1 spares it for good, because it stands alone: "
        f"`{OPT_OUT_TAG}` is missing (reason: load test)."
    )


@pytest.mark.parametrize("key", ["stop-orchestrator:opt_out_reason", "Stop-Orchestrator:Opt-Out-Reason "])
def test_a_misspelt_reason_beside_an_opt_out_is_its_reason_and_does_not_make_it_last_longer(key: str) -> None:
    over = {OPT_OUT_TAG: "2026-11-22", key: "demo"}
    resource, account = a_resource("i-1", tags=over), an_account()
    assert not is_spared(resource, account)
    assert len(reported(resource, account)) == 1
    until = read_opt_outs({OPT_OUT_TAG: "2026-12-31", key: "demo"}, RESOURCE, "i-1", TODAY)
    found = most_protective(until)
    assert found is not None
    assert (found.until, found.reason) == (date(2026, 12, 31), "demo")
    assert reported(a_resource("i-1", tags={OPT_OUT_TAG: "true", key: "demo"}), account, "opt_out_without_reason") == []


@pytest.mark.parametrize("value", ["true", "2026-11-22", "2026-12-31"])
def test_of_two_spellings_on_one_carrier_the_one_that_spares_longer_wins_and_the_misspelt_one_is_reported(
    value: str,
) -> None:
    tags = {OPT_OUT_TAG: "2026-11-22", "Stop-Orchestrator:Opt-Out": value}
    for order in (tags, dict(reversed(tags.items()))):
        for resource, account in carriers(order):
            assert is_spared(resource, account)
            assert len(reported(resource, account)) == 1
            assert len(reported(resource, account, "expired_opt_out")) == 1


def test_beside_a_key_that_spares_as_long_the_misspelt_one_is_not_the_exemption() -> None:
    for exact in ({OPT_OUT_TAG: "true"}, {PROTECTED_TAG: ""}):
        found = most_protective(read_opt_outs({"Stop-Orchestrator:Opt-Out": "true", **exact}, RESOURCE, "i-1", TODAY))
        assert found is not None
        assert found.nearest_key is None


@pytest.mark.parametrize("mark", MARKS)
def test_our_own_marks_spare_nothing_and_are_not_reported(mark: str) -> None:
    for resource, account in carriers({mark: "20261123T190000Z-7f3a9c"}):
        assert not is_spared(resource, account)
        assert violations([resource], [account], Asked(), TODAY) == ()


def test_every_key_of_ours_is_in_one_list_and_is_written_nowhere_else() -> None:
    assert KEYS == (OPT_OUT_TAG, REASON_TAG, PROTECTED_TAG, ORDER_TAG, STOPPED_BY_TAG, STOPPED_AT_TAG)
    package = Path(orchestrator.__file__).parent
    written = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(rf'"{PREFIX}[^"]', path.read_text())
    }
    on_the_root_alone = "core/model/bulk_tags.py"  # which nobody opts out by
    assert written == {"core/policy/tag_keys.py", "core/model/marks.py", on_the_root_alone}
