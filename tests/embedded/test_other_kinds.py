"""Every kind in one organization, seeded and checked from outside: exactly what the policy says, and back again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.other_kinds import EVERY_KIND, KINDS, MARKS, REGIONS, Facts, Key, Watched, assert_down, seed, sized
from tests.support.sweeps import DEV
from tests.support.time import set_time

ENFORCE = ("sweep", "--mode", "enforce", "--yes", "--format", "json", "--policy")


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    set_time(monkeypatch, sleep=lambda _: None)


@pytest.fixture
def watched(organization: OrganizationBuilder) -> Watched:
    """Two accounts."""
    return Watched(organization, [organization.account(name) for name in ("dev-a", "dev-b")])


@pytest.fixture
def wanted(watched: Watched) -> set[Key]:
    """One of each kind in each account and region, of sizes of its own."""
    places = [(account, region) for account in watched.accounts for region in REGIONS]
    return {
        seed(watched.organization, account, region, kind, **sized(number).get(kind, {}))
        for number, (account, region) in enumerate(places)
        for kind in KINDS
    }


def changed(before: dict[Key, Facts], after: dict[Key, Facts]) -> dict[Key, Facts]:
    """What is new of what is other than it was; tags apart."""
    assert before.keys() == after.keys()
    found = {
        key: {name: value for name, value in facts.items() if name != "tags" and value != before[key][name]}
        for key, facts in after.items()
    }
    return {key: facts for key, facts in found.items() if facts}


def marked(found: dict[Key, Facts]) -> set[Key]:
    return {key for key, facts in found.items() if MARKS & facts["tags"].keys()}


def rows(ran: Ran, of: str = "outcomes") -> dict[Key, Any]:
    return {(row["account_id"], row["region"], row["kind"], row["resource_id"]): row for row in ran.report[of]}


def test_what_the_policy_says_is_stopped_and_nothing_else_and_an_undo_gives_back_all_of_it(
    watched: Watched, wanted: set[Key], run: Run, policy: Policy
) -> None:
    account = next(iter(watched.accounts))
    for kind in KINDS:
        for tags in (
            {"Environment": "production"},
            {},
            {**DEV, "stop-orchestrator:opt-out": "true"},
            {**DEV, "stop-orchestrator:opt-out": "2999-12-31"},
            {**DEV, "stop-orchestrator:protected": "legal"},
            {**DEV, "stop-orchestrator:OptOut": "no"},
        ):
            seed(watched.organization, account, REGIONS[0], kind, tags)
    before = watched.everything()
    path = policy(EVERY_KIND)
    planned = run("plan", "--policy", path, "--format", "json")
    assert {key for key, row in rows(planned, "decisions").items() if row["verdict"] == "stop"} == wanted
    assert watched.everything() == before

    swept = run(*ENFORCE, path)
    after = watched.everything()
    assert swept.exit_code == 0
    assert rows(swept).keys() == wanted
    assert changed(before, after).keys() == wanted == marked(after)
    assert_down(after, wanted)

    undone = run("undo", swept.report["sweep_id"], "--yes", "--format", "json")
    assert {key: row["status"] for key, row in rows(undone).items()} == dict.fromkeys(wanted, "started")
    assert undone.exit_code == 0
    assert watched.everything() == before
