"""Every kind over nights and mornings: started by schedule as it was, and nothing of a night left over for the next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from orchestrator import app
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.other_kinds import KINDS, MARKS, Facts, Key, Watched, assert_down, seed, set_clocks, sized
from tests.support.sweeps import FRANKFURT

ENFORCE = ("sweep", "--mode", "enforce", "--yes", "--format", "json", "--policy")
DAY = timedelta(days=1)
Pass = Callable[[timedelta], None]


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Pass:
    """Time passes, ours and AWS's alike."""
    now = app.SYSTEM_TIME.now
    shift = [timedelta()]
    set_clocks(monkeypatch, lambda: now() + shift[0])

    def later(by: timedelta) -> None:
        shift[0] += by

    return later


def office(more: str, *kinds: str) -> str:
    """Its running time is half a day from now, for three hours."""
    hour = (app.now() + DAY / 2).hour
    times = f'"daily {hour:02}:00-{(hour + 3) % 24:02}:00"'
    return (
        f"schedules: {{office: {{timezone: UTC, running: [{times}]}}}}\n"
        f"rules: [{{name: dev, kinds: [{', '.join(kinds)}], where: {{tag: {{Environment: dev}}}}, "
        f"schedule: office{more}}}]\n"
    )


@pytest.fixture
def account(organization: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in organization.hub().items():
        monkeypatch.setenv(name, value)
    return organization.account("dev")


def held_down(organization: OrganizationBuilder) -> list[str]:
    """What the ledger says that sweeps hold down."""
    table = organization.client("dynamodb").scan(TableName="stop-orchestrator")
    return sorted(row["SK"]["S"] for row in table["Items"] if row["PK"]["S"].startswith("HELD#"))


def statuses(ran: Ran) -> dict[str, str]:
    return {row["resource_id"]: row["status"] for row in ran.report["outcomes"]}


def reasons(ran: Ran) -> dict[str, tuple[str, str]]:
    return {row["resource_id"]: (row["reason_code"], row["reason"]) for row in ran.report["decisions"]}


@pytest.mark.full
def test_a_morning_gives_back_what_the_night_stopped_and_a_second_night_is_as_the_first(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy, passes: Pass
) -> None:
    keys = {seed(organization, account, FRANKFURT, kind, **sized(3).get(kind, {})) for kind in KINDS}
    ids = {key[3] for key in keys}
    watched = Watched(organization, [account])
    before = watched.everything()
    path = policy(office(", start: what_was_stopped, accept: [pods, files_outside_volume]", *KINDS), FRANKFURT)
    passes(DAY * 2)
    for _night in range(2):
        evening = run(*ENFORCE, path)
        assert (statuses(evening).keys(), evening.exit_code) == (ids, 0), reasons(evening)
        assert_down(watched.everything(), keys)
        assert len(held_down(organization)) == len(KINDS)
        passes(DAY / 2)
        morning = run(*ENFORCE, path)
        assert (statuses(morning).keys(), morning.exit_code) == (ids, 0), reasons(morning)
        after = watched.everything()
        assert without_marks(after) == without_marks(before)
        assert statuses(run(*ENFORCE, path)) == {}
        assert watched.everything() == before
        assert held_down(organization) == []
        passes(DAY / 2)


def without_marks(found: dict[Key, Facts]) -> dict[Key, Any]:
    return {
        key: {**facts, "tags": {name: value for name, value in facts["tags"].items() if name not in MARKS}}
        for key, facts in found.items()
    }


def start_database(organization: OrganizationBuilder, account: str, key: Key) -> None:
    """Somebody does, or AWS: nothing tells them apart."""
    with organization.acting_in(account):
        client: Any = organization.client("rds", FRANKFURT)
        if key[2] == "rds":
            client.start_db_instance(DBInstanceIdentifier=key[3])
        else:
            client.start_db_cluster(DBClusterIdentifier=key[3])


DATABASES = ("rds", "rds_cluster")


@pytest.fixture
def databases(organization: OrganizationBuilder, account: str) -> list[Key]:
    return [seed(organization, account, FRANKFURT, kind) for kind in DATABASES]


@pytest.mark.parametrize("more", ["", pytest.param(", stop_again: false", marks=pytest.mark.full)])
def test_a_database_that_somebody_started_on_the_third_day_is_kept_and_one_that_aws_started_is_as_the_rule_says(
    organization: OrganizationBuilder,
    account: str,
    run: Run,
    policy: Policy,
    passes: Pass,
    databases: list[Key],
    more: str,
) -> None:
    watched, path = Watched(organization, [account]), policy(office(more, *DATABASES), FRANKFURT)
    ids = {key[3] for key in databases}
    assert statuses(run(*ENFORCE, path)).keys() == ids
    assert_down(watched.everything(), set(databases))
    passes(DAY * 3)
    assert statuses(run(*ENFORCE, path)) == {}
    for key in databases:
        start_database(organization, account, key)
    running = watched.everything()
    by_hand = run(*ENFORCE, path)
    assert statuses(by_hand) == {}
    assert {code for code, _ in reasons(by_hand).values()} == {"started_by_hand"}
    assert watched.everything() == running
    passes(DAY * 4)
    restarted = run(*ENFORCE, path)
    if more:
        assert statuses(restarted) == {}
        assert {code for code, _ in reasons(restarted).values()} == {"restarted_by_aws"}
    else:
        assert statuses(restarted).keys() == ids
        assert_down(watched.everything(), set(databases))
        assert len(held_down(organization)) == 2
