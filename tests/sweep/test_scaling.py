"""Nothing superlinear: what a sweep costs grows with the organization, and no faster.

Costs are counted and not timed: the calls of this program's functions, generated ones such as a dataclass's `__eq__`
included, and what is compared, hashed or copied by the interpreter itself, told by texts that count.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import orchestrator
from orchestrator.core.decide.decisions import decide_inventory
from orchestrator.core.model import (
    AccountId,
    AwsError,
    Inventory,
    Mode,
    Outcomes,
    Target,
)
from orchestrator.core.report.document import document_exit_code, document_of
from orchestrator.core.report.files import report_chunks
from orchestrator.ports import TargetUnreadableError
from orchestrator.sweep.recover import recover_intents
from orchestrator.sweep.run import apply_plan, run_sweep
from orchestrator.sweep.state import Sweep, SweepState, build_report
from orchestrator.sweep.stored_plan import open_plan
from tests.support.builders import AT, SWEEP_ID, a_coverage, a_decision, a_policy, a_resource, an_account, an_outcome
from tests.support.fake_world import FakeWorld, open_regions
from tests.support.suites import only_in_full

OURS = str(Path(orchestrator.__file__).parent)
LATER = "20261123T200000Z-000001"
SIZES = (25, *only_in_full(100, 300))
"""Accounts, or targets; each is held against four times as many."""
GROWTH = 4 * 1.4
TAGGED = """
rules:
  - name: dev
    where: {all: [{tag: {Environment: [dev, "te*"]}}, {not: {tag: {Tier: crit}}}]}
  - name: rest
    where: {account: ["1*", "2*"]}
required_tags: [Owner]
organization: {exclude_accounts: ["000000000001"]}
"""


class CountedText(str):
    """A text whose comparisons and hashes count, where this program asks for them and not a test's fake."""

    __slots__ = ()
    count = 0

    def __eq__(self, other: object) -> bool:
        self._note()
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        self._note()
        return str.__hash__(self)

    def _note(self) -> None:
        CountedText.count += is_ours(sys._getframe(2))


def is_ours(frame: FrameType) -> bool:
    """Of a function of this program, or one that a dataclass made for it."""
    return frame.f_code.co_filename.startswith(OURS) or frame.f_code.co_filename == "<string>"


def cost(work: Callable[[], object]) -> int:
    """Of this thread and of those that are started meanwhile."""
    counts: dict[int, int] = {}

    def hear(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and is_ours(frame):
            mine = threading.get_ident()
            counts[mine] = counts.get(mine, 0) + 1

    before, CountedText.count = sys.getprofile(), 0
    threading.setprofile(hear)
    sys.setprofile(hear)
    try:
        work()
    finally:
        sys.setprofile(before)
        threading.setprofile(None)
    return sum(counts.values()) + CountedText.count


def ids(count: int) -> list[AccountId]:
    return [AccountId(CountedText(f"{number:012d}")) for number in range(1, count + 1)]


def an_organization(accounts: int) -> FakeWorld:
    """Of each account one region, with one running instance in it."""
    fake = FakeWorld(accounts=tuple(an_account(one) for one in ids(accounts)))
    for number, one in enumerate(fake.accounts):
        found = a_resource(f"i-{number}", one.id, tags={"Environment": "dev" if number % 3 else "test"})
        fake.resources[Target(one.id, found.target.region)] = (found,)
        fake.regions[one.id] = open_regions(found.target.region)
    return fake


def planned(accounts: int) -> int:
    fake = an_organization(accounts)
    return cost(lambda: run_sweep(fake.world(), a_policy(TAGGED), SWEEP_ID, Mode.PLAN))


def kept_after_all(accounts: int) -> int:
    """Each target has something that is kept right before its stop."""
    fake = an_organization(accounts)
    run_sweep(fake.world(), a_policy(TAGGED), SWEEP_ID, Mode.PLAN)
    for target, found in fake.resources.items():
        assert not isinstance(found, Exception)
        fake.resources[target] = tuple(replace(one, tags={**one.tags, "Owner": "me"}) for one in found)
    _, source = open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)
    counted = cost(lambda: apply_plan(fake.world(), a_policy(TAGGED), LATER, source))
    report = fake.written(LATER)
    assert (fake.stopped, report["totals"]["planned"], report["totals"]["kept"]) == ([], 0, accounts - 1)
    return counted


def halted_while_it_is_read(accounts: int) -> int:
    fake = an_organization(accounts)
    for one in fake.accounts:
        fake.binds[one.id] = TargetUnreadableError(AwsError("AccessDenied", "no"), "sts:AssumeRole")
    return cost(lambda: run_sweep(fake.world(), a_policy(TAGGED), SWEEP_ID, Mode.PLAN))


def decided_and_reported(accounts: int) -> int:
    """From the inventory to the files."""
    some = tuple(an_account(one) for one in ids(accounts))
    found = tuple(a_resource(f"i-{one.id}", one.id, tags={"Environment": "dev"}) for one in some)
    inventory = Inventory("o-example", some, tuple(a_coverage(account_id=one.id) for one in some), found)
    policy = a_policy(TAGGED)
    sweep = Sweep(SWEEP_ID, Mode.ENFORCE, policy, AT)

    def work() -> None:
        decisions = decide_inventory(policy, inventory, AT)
        outcomes = tuple(an_outcome(resource=one.resource) for one in decisions.actions)
        state = SweepState(inventory, decisions, outcomes=Outcomes(outcomes))
        document = document_of(build_report(sweep, state, calls={}, finished_at=AT))
        for chunks in report_chunks(document).values():
            for _ in chunks:
                pass
        document_exit_code(document)

    return cost(work)


def recovered(targets: int) -> int:
    """Intents of a process that died, in so many targets."""
    fake = an_organization(targets)
    resources = [a_resource(f"i-{number}", one.id) for number, one in enumerate(fake.accounts)]
    for one in resources:
        fake.ledger.intend(SWEEP_ID, [one], "batch")
    world, actions = fake.world(), [a_decision(one) for one in resources]
    return cost(lambda: recover_intents(world, SWEEP_ID, actions))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("work", [planned, kept_after_all, halted_while_it_is_read, decided_and_reported, recovered])
def test_four_times_the_organization_costs_four_times_as_much(work: Callable[[int], int], size: int) -> None:
    small, large = work(size), work(4 * size)
    assert small > size
    assert large <= small * GROWTH, f"{small} calls at {size}, {large} at {4 * size}: {large / small:.1f} times as many"
