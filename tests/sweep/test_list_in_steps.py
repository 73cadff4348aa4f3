"""An organization whose tags take longer to read than a step may: further steps read the rest, and nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.model import Halt, HaltCause, OrganizationalUnit
from orchestrator.core.report.manifest import SEALED
from orchestrator.core.report.stored_files import added_files
from orchestrator.errors import ExecutionFailedError
from orchestrator.sweep import list_in_steps
from orchestrator.sweep.inventory_file import inventory_from
from orchestrator.sweep.listing import list_accounts
from orchestrator.sweep.parts import LISTING
from tests.support.builders import SWEEP_ID, a_policy
from tests.support.fake_world import EVERYTHING, FakeWorld, _Organization, a_world, coverage
from tests.support.machines import Answer
from tests.support.parts import Machine

OPT_OUT = "stop-orchestrator:opt-out"
ACCOUNTS = tuple(f"{111111111111 + number}" for number in range(50))
ENFORCE = {"mode": "enforce"}
UNIT = OrganizationalUnit("ou-a1b2-00000001", "/Dev")


@pytest.fixture
def fake() -> FakeWorld:
    """Some opted out; all are in one OU."""
    fake = a_world(*ACCOUNTS, workers=1)
    tags = ({OPT_OUT: "true"}, {"Owner": "ann"}, {})
    fake.accounts = tuple(
        replace(one, tags=tags[number % 3], organizational_units=(UNIT,)) for number, one in enumerate(fake.accounts)
    )
    return fake


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whose tags were asked for. Each takes so long that a step reads a third of them."""
    asked: list[str] = []
    once: Callable[..., Any] = _Organization._with_tags

    def slowly(organization: _Organization, carrier: Any) -> Any:
        asked.append(carrier.id)
        organization.fake.monotonic += list_in_steps.A_STEP_LISTS.total_seconds() / 40
        return once(organization, carrier)

    monkeypatch.setattr(_Organization, "_with_tags", slowly)
    return asked


def steps_of(machine_asked: list[Answer]) -> list[str]:
    return [one["step"] for one in machine_asked]


def test_the_rest_is_listed_by_further_steps_and_nothing_is_left_out(
    fake: FakeWorld, machine: Machine, read: list[str]
) -> None:
    asked: list[str] = []

    def before(event: Answer) -> None:
        if event["step"] == "read" and not asked:  # right before an action they are read again
            asked.extend((*fake.asked, *read))

    parts = machine(EVERYTHING, accounts_a_part=20)
    parts.before = before
    assert parts(ENFORCE)["status"] == "complete"
    first, *others = steps_of(parts.invoked)
    assert (first, {*others[: others.index("read")]}) == ("begin", {"list"})
    assert others.index("read") >= 2
    assert {one: count for one, count in Counter(asked).items() if count > 1}.keys() == {UNIT.id, "bulk tags o-example"}
    assert asked.count("organization") == 1
    told = coverage(fake.written())
    assert {account for account, _ in told} == set(ACCOUNTS)
    assert set(told.values()) == {"scanned", "opted_out"}
    assert len(fake.stopped) == 2 * sum(OPT_OUT not in one.tags for one in fake.accounts)


def test_the_listing_is_the_one_that_a_step_with_enough_time_makes(
    fake: FakeWorld, machine: Machine, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun_at = fake.at
    machine(EVERYTHING)(ENFORCE)
    in_steps = inventory_from(fake.files.read(SWEEP_ID, LISTING)).listing
    monkeypatch.undo()
    assert in_steps.listed_at == begun_at
    assert len(read) > len(ACCOUNTS)
    assert in_steps == list_accounts(fake.world(), a_policy(EVERYTHING), begun_at.date(), lambda _: None)


def test_what_a_step_has_read_and_was_altered_is_refused(fake: FakeWorld, machine: Machine, read: list[str]) -> None:
    """Here, an opt-out in it."""

    def before(event: Answer) -> None:
        if event["step"] == "list":
            key = (SWEEP_ID, "work/tagged-1.json")
            fake.files.files[key] = fake.files.files[key].replace(OPT_OUT.encode(), b"x" * len(OPT_OUT))

    parts = machine(EVERYTHING)
    parts.before = before
    with pytest.raises(ExecutionFailedError, match=r"work/tagged-1\.json was altered"):
        parts(ENFORCE)
    assert (fake.stopped, fake.written()["status"]) == ([], "failed")


@pytest.mark.usefixtures("read")
def test_its_files_are_known_as_working_files(fake: FakeWorld, machine: Machine) -> None:
    machine(EVERYTHING)(ENFORCE)
    names = [name for sweep_id, name in fake.files.files if sweep_id == SWEEP_ID]
    assert {"work/organization.json", "work/tagged-1.json", "work/tagged-2.json"} <= {*names}
    assert list(added_files(SWEEP_ID, names, SEALED)) == []


@pytest.mark.usefixtures("read")
def test_a_kill_switch_that_is_pulled_between_two_of_these_steps_leaves_the_rest_unread(
    fake: FakeWorld, machine: Machine
) -> None:
    def before(event: Answer) -> None:
        if event["step"] == "list":
            fake.halt = lambda: Halt(HaltCause.KILL_SWITCH, "pulled")

    parts = machine(EVERYTHING, accounts_a_part=20)
    parts.before = before
    parts(ENFORCE)
    assert steps_of(parts.invoked).count("list") == 1
    assert fake.stopped == []
    assert set(coverage(fake.written()).values()) == {"not_attempted"}
