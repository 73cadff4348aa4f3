"""A policy whose text is too large for the ledger is a file of its sweep, and nothing is done by one that is not whole.

Beside it: a text that fits stays in the ledger, where earlier releases put it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.core.model import Mode, SweepStatus
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.files import policy_file
from orchestrator.core.report.manifest import Broken
from orchestrator.errors import PlanError
from orchestrator.ledger.lease import Lease, Leases, Times
from orchestrator.ledger.records import SweepSummary
from orchestrator.ports import Runtime, Stores, World
from orchestrator.sweep import coordination
from orchestrator.sweep.coordination import Ended, Result
from orchestrator.sweep.policy_text import LARGEST_IN_LEDGER, text_of
from orchestrator.sweep.undo import UndoFilter
from orchestrator.sweep.verify import verify
from tests.support.builders import SWEEP_ID, a_policy
from tests.support.consent import say_yes
from tests.support.fake_world import EVERYTHING, ONE, FakeWorld, a_world
from tests.support.memory_store import Died
from tests.support.policies import load
from tests.support.suites import only_in_full

LATER_ID = "20261123T200000Z-000001"
COMMENT = "# why this is so\n"
PEOPLE = Runtime(confirm=say_yes, asked_by="ann")


def large(body: str = EVERYTHING) -> OrgPolicy:
    """One of 460 KB, which no item of DynamoDB can hold."""
    return a_policy(f"{body}\n{COMMENT * (460_000 // len(COMMENT))}")


def stores(fake: FakeWorld) -> Stores:
    """Those of one more process: the one before it is known to be dead."""
    leases = Leases(fake.ledger, lambda: fake.at, Times(), holder="process", is_dead=lambda _: True)

    def build(_policy: OrgPolicy, _id: str, mode: Mode, runtime: Runtime, _lease: Lease) -> World:
        world = fake.world()
        return replace(world, confirm=runtime.confirm, actors=world.actors if mode.acts else {})

    return Stores(fake.files, fake.ledger, leases, build, lambda text, _: load(text), lambda _: None)


def swept(fake: FakeWorld, policy: OrgPolicy, mode: Mode = Mode.ENFORCE, sweep_id: str = SWEEP_ID) -> Result:
    return coordination.sweep(stores(fake), policy, sweep_id, mode, PEOPLE)


def status(result: Result) -> str:
    assert isinstance(result, Ended)
    return str(result.document["status"])


def summary(fake: FakeWorld, sweep_id: str = SWEEP_ID) -> SweepSummary:
    found = fake.ledger.sweep(sweep_id)
    assert found is not None
    return found


def the_file(policy: OrgPolicy, sweep_id: str = SWEEP_ID) -> tuple[str, str]:
    return sweep_id, policy_file(policy.sha256)


def remove(fake: FakeWorld, policy: OrgPolicy) -> None:
    del fake.files.files[the_file(policy)]


def alter(fake: FakeWorld, policy: OrgPolicy) -> None:
    fake.files.files[the_file(policy)] += b" "


LOST = pytest.mark.parametrize(("lose", "how"), [(remove, "is missing"), *only_in_full((alter, "was altered"))])
Lose = Callable[[FakeWorld, OrgPolicy], None]


def test_a_text_that_fits_into_the_ledger_stays_there() -> None:
    fake, policy = a_world(ONE), a_policy(EVERYTHING)
    swept(fake, policy)
    assert (summary(fake).policy, summary(fake).policy_by_hash) == (policy.text, "")
    assert the_file(policy) not in fake.files.files


@pytest.mark.parametrize(("more", "by_hash"), [(0, False), (1, True)])
def test_what_is_too_large_is_counted_in_bytes(more: int, by_hash: bool) -> None:
    text = a_policy(EVERYTHING).text
    left = LARGEST_IN_LEDGER - len(text.encode()) + more - len("\n#")
    policy = a_policy(f"{EVERYTHING}\n#{'é' * (left // 2)}{'x' * (left % 2)}")
    fake = a_world(ONE)
    swept(fake, policy, Mode.PLAN)
    assert bool(summary(fake).policy_by_hash) is by_hash
    assert text_of(fake.files, summary(fake)) == policy.text


def test_a_large_text_is_a_sealed_file_named_by_its_hash_and_the_ledger_has_the_hash_alone() -> None:
    fake, policy = a_world(ONE), large()
    assert status(swept(fake, policy)) == "complete"
    assert (summary(fake).policy, summary(fake).policy_by_hash) == ("", policy.sha256)
    assert summary(fake).policy_sha256 == policy.sha256
    assert fake.files.files[the_file(policy)] == policy.text.encode()
    assert verify(fake.files, fake.ledger, None, None).broken == ()
    alter(fake, policy)
    assert verify(fake.files, fake.ledger, None, None).broken == (
        Broken(SWEEP_ID, policy_file(policy.sha256), "was altered: its SHA-256 is not the one in the manifest"),
    )


@pytest.mark.full
def test_what_was_swept_by_a_large_policy_is_applied_and_undone() -> None:
    fake, policy = a_world(ONE), large()
    swept(fake, policy, Mode.PLAN)
    assert status(coordination.apply(stores(fake), SWEEP_ID, LATER_ID, PEOPLE)) == "complete"
    assert fake.stopped == ["i-0", "i-1"]
    undone = coordination.undo(stores(fake), LATER_ID, "20261123T210000Z-000002", UndoFilter(), PEOPLE)
    assert status(undone) == "complete"
    assert sorted(fake.started) == ["i-0", "i-1"]
    assert verify(fake.files, fake.ledger, None, None).broken == ()


@LOST
def test_a_plan_whose_policy_is_not_whole_is_not_applied(lose: Lose, how: str) -> None:
    fake, policy = a_world(ONE), large()
    swept(fake, policy, Mode.PLAN)
    lose(fake, policy)
    with pytest.raises(PlanError, match=f"the policy of {SWEEP_ID} {how}: .*{policy_file(policy.sha256)}"):
        coordination.apply(stores(fake), SWEEP_ID, LATER_ID, PEOPLE)
    assert fake.stopped == []


@LOST
def test_a_sweep_whose_policy_is_not_whole_is_not_undone(lose: Lose, how: str) -> None:
    fake, policy = a_world(ONE), large()
    swept(fake, policy)
    lose(fake, policy)
    with pytest.raises(PlanError, match=f"the policy of {SWEEP_ID} {how}: .*{policy_file(policy.sha256)}"):
        coordination.undo(stores(fake), SWEEP_ID, LATER_ID, UndoFilter(), PEOPLE)
    assert fake.started == []


def dead(fake: FakeWorld, policy: OrgPolicy, event: str) -> None:
    """A process that dies right after this event."""

    def die(happening: str) -> None:
        if happening.startswith(event):
            fake.life.dies_after = len(fake.life.events) + 1

    fake.life.before = die
    with pytest.raises(Died):
        swept(fake, policy)
    fake.life.before, fake.life.dies_after = lambda _: None, None


def test_a_dead_sweep_by_a_large_policy_is_resumed() -> None:
    fake, policy = a_world(ONE), large()
    dead(fake, policy, "intend")
    assert status(coordination.resume(stores(fake), SWEEP_ID, PEOPLE, policy)) == "complete"
    assert sorted(fake.stopped) == ["i-0", "i-1"]


@LOST
def test_a_dead_sweep_whose_policy_is_not_whole_is_only_closed_by_the_next_one(lose: Lose, how: str) -> None:
    fake, policy = a_world(ONE), large()
    dead(fake, policy, "update consent")
    lose(fake, policy)
    with pytest.raises(PlanError, match=how):
        coordination.resume(stores(fake), SWEEP_ID, PEOPLE)
    assert status(swept(fake, large(EVERYTHING + "\n# another text"), Mode.PLAN, LATER_ID)) == "complete"
    closed = fake.written(SWEEP_ID)
    assert (closed["status"], closed["policy_sha256"]) == (SweepStatus.ABANDONED, policy.sha256)
    assert f"its process died, and the policy of {SWEEP_ID} {how}" in closed["error"]
    assert fake.stopped == []


def test_a_process_that_died_before_it_had_written_its_policy_is_resumed_by_the_same_text_alone() -> None:
    fake, policy = a_world(ONE), large()
    dead(fake, policy, "begin")
    assert the_file(policy) not in fake.files.files
    result = coordination.resume(stores(fake), SWEEP_ID, PEOPLE, policy)
    assert status(result) == "abandoned"  # nobody had confirmed it
    assert fake.files.files[the_file(policy)] == policy.text.encode()
    assert verify(fake.files, fake.ledger, None, None).broken == ()
