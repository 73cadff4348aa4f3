"""The plan in parts: a step that acts loads its own actions and rows, and refuses what was altered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.core.model import OutcomeStatus
from orchestrator.core.report.manifest import SEALED
from orchestrator.core.report.plan_file import PLAN_FILE
from orchestrator.core.report.stored_files import added_files
from orchestrator.errors import PlanError
from orchestrator.ledger import ledger
from orchestrator.sweep import recover
from orchestrator.sweep.plan_parts import PLAN_INDEX
from orchestrator.sweep.verify import verify
from tests.support.builders import SWEEP_ID
from tests.support.fake_world import EVERYTHING, ONE, THREE, TWO, FakeWorld, a_world, outcomes
from tests.support.machines import Answer
from tests.support.memory_store import Died
from tests.support.parts import ONE_BY_ONE, Machine

ENFORCE = {"mode": "enforce"}


@pytest.fixture
def fake() -> FakeWorld:
    return a_world(ONE, TWO, THREE, workers=1)


def heard(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, hear: Callable[..., object]) -> None:
    """What that method is called with."""
    method = getattr(where, name)

    def called(*arguments: Any, **named: Any) -> Any:
        hear(*arguments)
        return method(*arguments, **named)

    monkeypatch.setattr(where, name, called)


def altered(fake: FakeWorld, name: str, old: bytes, new: bytes) -> None:
    content = fake.files.files[SWEEP_ID, name]
    assert old in content
    fake.files.files[SWEEP_ID, name] = content.replace(old, new)


@pytest.mark.parametrize("accounts_a_part", [1, 2])
def test_a_part_loads_its_own_actions_and_rows_and_no_others(
    fake: FakeWorld, machine: Machine, monkeypatch: pytest.MonkeyPatch, accounts_a_part: int
) -> None:
    parts = machine(EVERYTHING, accounts_a_part=accounts_a_part)
    steps: list[str] = []
    files, rows = list[str](), list[str]()
    parts.before = lambda event: steps.append(event["step"])

    def hear_file(_sweep_id: str, name: str) -> None:
        if steps and steps[-1] == "act":
            files.append(name)

    def hear_query(pk: str, prefix: str = "") -> None:
        if steps and steps[-1] == "act" and prefix.startswith("ACTION"):
            rows.append(prefix)

    for method in ("find", "read"):
        heard(monkeypatch, fake.files, method, hear_file)
    heard(monkeypatch, fake.items, "query", hear_query)
    assert parts(ENFORCE)["status"] == "complete"
    assert PLAN_FILE not in files
    assert {one for one in files if one.startswith("work/plan-")} == {
        PLAN_INDEX,
        *(f"work/plan-1-{number}.json" for number in range(1, 4 if accounts_a_part == 1 else 3)),
    }
    assert Counter(rows) == {f"ACTION#{one}": 1 for one in (ONE, TWO, THREE)}


@pytest.mark.parametrize("name", ["work/plan-2-1.json", PLAN_INDEX])
def test_a_part_of_a_plan_that_was_altered_is_refused_and_nothing_more_is_stopped(
    fake: FakeWorld, machine: Machine, name: str
) -> None:
    """In the second of three waves: one that would spare nothing any more, and an index that would let it."""

    def before(event: Answer) -> None:
        if event["step"] == "act" and event["Items"][0]["wave"] == 2:
            altered(fake, name, b'"', b'" ')

    parts = machine(ONE_BY_ONE)
    parts.before = before
    parts(ENFORCE)
    report = fake.written()
    assert Counter(outcomes(report).values()) == {"stopped": 2, "not_attempted": 4}
    assert len(fake.stopped) == 2
    left = {row["message"] for row in report["outcomes"] if row["status"] == "not_attempted"}
    assert left == {f"{name} was altered: its SHA-256 is not the one that was recorded when it was planned"}


def test_a_part_of_a_plan_that_is_gone_is_refused(fake: FakeWorld, machine: Machine) -> None:
    def before(event: Answer) -> None:
        if event["step"] == "act":
            fake.files.files.pop((SWEEP_ID, "work/plan-1-1.json"), None)

    parts = machine(EVERYTHING, accounts_a_part=3)
    parts.before = before
    parts(ENFORCE)
    assert fake.stopped == []
    assert {row["message"] for row in fake.written()["outcomes"]} == {
        "work/plan-1-1.json is missing: it was written when it was planned"
    }


def test_a_part_has_to_be_of_the_plan_to_which_was_consented(fake: FakeWorld, machine: Machine) -> None:
    def before(event: Answer) -> None:
        if event["step"] == "act":
            consent = fake.ledger.sweep(SWEEP_ID).consent  # type: ignore[union-attr]  # it is there
            fake.ledger.amend(SWEEP_ID, consent={**consent, "plan_sha256": "0" * 64})  # type: ignore[dict-item]  # it is there

    parts = machine(EVERYTHING, accounts_a_part=3)
    parts.before = before
    parts(ENFORCE)
    assert fake.stopped == []
    assert {row["status"] for row in fake.written()["outcomes"]} == {"not_attempted"}


def test_what_the_release_before_decided_is_carried_out_by_its_whole_plan(fake: FakeWorld, machine: Machine) -> None:
    """It was deployed between two steps."""

    def before(event: Answer) -> None:
        if event["step"] == "act":
            fake.ledger.amend(SWEEP_ID, plan_parts_sha256="")
            for key in [key for key in fake.files.files if key[1].startswith("work/plan-")]:
                del fake.files.files[key]

    parts = machine(ONE_BY_ONE)
    parts.before = before
    assert parts(ENFORCE)["status"] == "complete"
    assert len(fake.stopped) == 6


def test_its_files_are_known_as_working_files(fake: FakeWorld, machine: Machine) -> None:
    machine(ONE_BY_ONE)(ENFORCE)
    names = [name for sweep_id, name in fake.files.files if sweep_id == SWEEP_ID]
    assert {PLAN_INDEX, "work/plan-1-1.json", "work/plan-3-1.json"} <= {*names}
    assert list(added_files(SWEEP_ID, names, SEALED)) == []


def test_a_limit_of_one_account_goes_with_its_part(fake: FakeWorld, machine: Machine) -> None:
    machine(f"{ONE_BY_ONE}\nguardrails: {{max_stops: 6, per_account: {{max_stops: 2}}}}")(ENFORCE)
    assert len(fake.stopped) == 6
    index = fake.files.read(SWEEP_ID, PLAN_INDEX)
    assert b'"max_stops"' in index
    assert b"per_account" not in index
    assert b"per_account.max_stops" in fake.files.read(SWEEP_ID, "work/plan-1-1.json")


def test_the_rows_of_a_large_sweep_are_read_a_hundredth_of_the_accounts_at_a_time(
    fake: FakeWorld, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recover, "_FEW_ACCOUNTS", 0)
    monkeypatch.setattr(recover, "_FEW_ACTIONS", 0)
    monkeypatch.setattr(ledger, "_ROWS_AT_ONCE", 0)
    asked: list[str] = []
    heard(monkeypatch, fake.items, "query", lambda _pk, prefix="": asked.append(prefix))
    assert machine(EVERYTHING)(ENFORCE)["status"] == "complete"
    expected = dict.fromkeys((f"i-{number}" for number in range(6)), "stopped")
    assert (outcomes(fake.written()), fake.states()) == (expected, expected)
    rows = Counter(one for one in asked if one.startswith("ACTION"))
    assert rows.pop("ACTION#") == 1  # this test's own
    assert rows.keys() == {f"ACTION#{one[:2]}" for one in (ONE, TWO, THREE)}


def test_failures_are_counted_by_the_rows_of_all_accounts(fake: FakeWorld, machine: Machine) -> None:
    parts = machine(f"{ONE_BY_ONE}\nabort_if_failures_percent: 10")
    fake.stops.update({f"i-{number}": OutcomeStatus.FAILED for number in range(6)})
    assert parts(ENFORCE)["status"] == "aborted"
    assert Counter(outcomes(fake.written()).values()) == {"failed": 2, "not_attempted": 4}


def test_a_plan_that_was_altered_right_after_it_was_written_is_refused_and_nothing_is_stopped(
    fake: FakeWorld, machine: Machine
) -> None:
    """By whatever the ledger knows of it: a step may die between the file and the record that it is there."""
    parts = machine(f"{ONE_BY_ONE}\nguardrails: {{max_stops: 3}}")
    once, steps = parts.step, list[str]()

    def step(event: Answer) -> Answer:
        if event["step"] == "decide" and "decide" not in steps:
            steps.append("decide")

            def before(_event: str) -> None:
                if fake.life.events[-1:] == [f"file {PLAN_FILE}"]:
                    raise Died

            fake.life.before = before
            with suppress(Died):
                once(event)
            fake.life.before = lambda _: None
            fake.at += timedelta(minutes=16)
            altered(fake, PLAN_FILE, b'"passed":false', b'"passed":true')
        return once(event)

    parts.step = step  # type: ignore[method-assign]  # a step that dies
    with pytest.raises(PlanError, match="was altered"):
        parts(ENFORCE)
    assert fake.stopped == []
    assert [one.file for one in verify(fake.files, fake.ledger, None, None).broken] == [PLAN_FILE]
