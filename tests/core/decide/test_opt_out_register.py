"""The register of opt-outs: every one that is in scope, with what it spares as far as that is known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide_inventory
from orchestrator.core.decide.opt_out_register import hours_down
from orchestrator.core.model import Account, AwsError, Inventory, RegisteredOptOut, Resource
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG, PROTECTED_TAG, REASON_TAG
from tests.support.builders import ACCOUNT, REGION, a_policy, a_resource, a_unit, an_account
from tests.support.strategies import quick

AT_NIGHT = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
AT_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OFFICE = """
schedules: {office: {timezone: UTC, running: ["mon-fri 07:00-19:00"]}}
rules:
  - {name: dev, where: {tag: {Environment: dev}}, schedule: office}
  - {name: labs, where: {tag: {Environment: labs}}}
"""
OFFICE_DOWN = 7 * 24 - 5 * 12
SPARED = {OPT_OUT_TAG: "2026-12-31", REASON_TAG: "demo"}


def register(
    *resources: Resource,
    accounts: tuple[Account, ...] = (),
    policy: str = OFFICE,
    now: datetime = AT_NIGHT,
) -> tuple[RegisteredOptOut, ...]:
    found = accounts or (an_account(),)
    return decide_inventory(a_policy(policy), Inventory("o-1", found, resources=resources), now).opt_outs


def spared(tags: dict[str, str], now: datetime = AT_NIGHT, **fields: str) -> tuple[int | None, float | None]:
    [row] = register(a_resource(tags=tags, **fields), now=now)
    return row.spared_resources, row.spared_hours_per_week


def test_a_resource_that_would_be_stopped_is_spared_with_the_hours_outside_of_its_schedule() -> None:
    assert spared({**SPARED, "Environment": "dev"}) == (1, OFFICE_DOWN)


def test_inside_its_schedule_it_spares_no_stop_now_and_the_same_hours() -> None:
    assert spared({**SPARED, "Environment": "dev"}, AT_NOON) == (0, OFFICE_DOWN)


def test_without_a_schedule_it_spares_every_hour() -> None:
    assert spared({**SPARED, "Environment": "labs"}) == (1, 7 * 24)


def test_what_would_be_kept_for_another_reason_is_not_counted() -> None:
    assert spared({**SPARED, "Environment": "prod"}) == (0, 0)
    assert spared({**SPARED, "Environment": "dev"}, state="stopping") == (0, 0)


def test_where_the_owning_rule_is_unknown_so_are_the_hours() -> None:
    policy = "rules: [{name: a, where: {account_tag: {Team: web}}}]"
    account = an_account(tags_error=AwsError("AccessDenied", "no"))
    [row] = register(a_resource(tags=SPARED), accounts=(account,), policy=policy)
    assert (row.spared_resources, row.spared_hours_per_week) == (0, None)


def test_an_expired_opt_out_is_in_the_register_and_spares_nothing() -> None:
    [row] = register(a_resource(tags={OPT_OUT_TAG: "2026-11-01", "Environment": "dev"}))
    assert (row.status, row.spared_resources, row.spared_hours_per_week, row.days_left) == ("expired", 0, 0, 0)
    assert not row.is_expiring


def test_of_several_that_spare_one_resource_the_most_protective_counts() -> None:
    tags = {OPT_OUT_TAG: "2026-12-31", PROTECTED_TAG: "x", "Environment": "labs"}
    assert {row.tag: row.spared_resources for row in register(a_resource(tags=tags))} == {
        OPT_OUT_TAG: 0,
        PROTECTED_TAG: 1,
    }


def test_an_account_or_ou_that_is_opted_out_is_not_read_so_what_it_spares_is_unknown() -> None:
    unit = a_unit("/Labs", {OPT_OUT_TAG: "true", "Owner": "head"})
    accounts = tuple(
        an_account(one, tags={**SPARED, "Owner": "ann"}, organizational_units=(unit,))
        for one in ("111111111111", "222222222222")
    )
    of_unit, *of_accounts = register(accounts=accounts)
    assert (of_unit.carrier, of_unit.carrier_id, of_unit.account_id) == ("organizational_unit", "/Labs", None)
    assert (of_unit.owner, of_unit.ou_path, of_unit.spared_accounts) == ("head", "/Labs", 2)
    assert [(row.carrier, row.carrier_id, row.owner, row.spared_accounts) for row in of_accounts] == [
        ("account", one.id, "ann", 1) for one in accounts
    ]
    assert {(row.spared_resources, row.spared_hours_per_week) for row in (of_unit, *of_accounts)} == {(None, None)}


def test_a_row_says_where_its_carrier_is_who_owns_it_and_why() -> None:
    account = an_account(tags={"Owner": "team"}, ou="/Dev", name="shop")
    mine, theirs = register(
        a_resource("i-1", tags={**SPARED, "Owner": "ann"}), a_resource("i-2", tags=SPARED), accounts=(account,)
    )
    assert (mine.owner, theirs.owner) == ("ann", "team")
    assert (mine.carrier, mine.carrier_id, mine.account_id, mine.account_name) == ("resource", "i-1", ACCOUNT, "shop")
    assert (mine.ou_path, mine.region, mine.kind) == ("/Dev", REGION, "ec2")
    assert (mine.tag, mine.value, mine.until, mine.reason) == (OPT_OUT_TAG, "2026-12-31", date(2026, 12, 31), "demo")


def test_the_policy_names_the_tag_of_an_owner() -> None:
    [row] = register(a_resource(tags={**SPARED, "Owner": "no", "team": "web"}), policy="owner_tag: team")
    assert row.owner == "web"


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ({OPT_OUT_TAG: "yes"}, "malformed"),
        ({"Stop-Orchestrator:Opt-Out": "true"}, "misspelt"),
        ({REASON_TAG: "alone"}, "misspelt"),
        ({OPT_OUT_TAG: "true"}, "active"),
        ({PROTECTED_TAG: ""}, "active"),
    ],
)
def test_malformed_and_misspelt_ones_are_in_it_and_marked(tags: dict[str, str], status: str) -> None:
    [row] = register(a_resource(tags={**tags, "Environment": "labs"}))
    assert (row.status, row.spared_resources) == (status, 1)


def test_a_misspelt_reason_beside_an_opt_out_is_no_second_one() -> None:
    tags = {OPT_OUT_TAG: "true", "stop-orchestrator:opt-out_reason": "demo"}
    assert [row.tag for row in register(a_resource(tags=tags))] == [OPT_OUT_TAG]


@pytest.mark.parametrize(
    ("value", "expiring", "days"),
    [("2026-11-23", True, 0), ("2026-12-07", True, 14), ("2026-12-08", False, 15), ("true", False, None)],
)
def test_what_ends_within_14_days_is_told(value: str, expiring: bool, days: int | None) -> None:
    [row] = register(a_resource(tags={OPT_OUT_TAG: value}))
    assert (row.is_expiring, row.days_left) == (expiring, days)


def test_a_row_names_its_violations() -> None:
    [row] = register(a_resource(tags={OPT_OUT_TAG: "true"}), policy="opt_out: {max_days: 30, allowed_on: [account]}")
    assert row.violations == ("opt_out_too_long", "opt_out_without_reason", "opt_out_not_allowed_here")


def test_without_opt_outs_the_register_is_empty_and_no_other_tag_is_in_it() -> None:
    assert register(a_resource(tags={"Environment": "dev"}), accounts=(an_account(tags={"a": "b"}, ou="/A"),)) == ()


@quick
@given(st.integers(0, 7 * 24 * 60), st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]))
def test_hours_add_up_minute_by_minute_whenever_the_sweep_runs(minute: int, timezone: str) -> None:
    start = datetime(2026, 10, 22, tzinfo=UTC) + timedelta(minutes=minute)
    policy = a_policy(f'schedules: {{a: {{timezone: {timezone}, running: ["mon-fri 07:00-19:00"]}}}}')
    schedule = policy.schedules["a"]
    down = sum(not schedule.is_running(start + timedelta(minutes=one)) for one in range(7 * 24 * 60))
    assert hours_down(schedule, start) == round(down / 60, 2)
