"""Two sweeps by one policy that meet: who only plans ends for who acts, with a report that says so; nothing is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from orchestrator.core.model import Mode
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.document import Row, document_exit_code
from orchestrator.errors import PlanError
from orchestrator.ledger.lease import Lease, Leases, Times
from orchestrator.ports import NoProgress, Runtime, Stores, World
from orchestrator.sweep import coordination
from orchestrator.sweep.coordination import Busy, Ended
from orchestrator.sweep.halt import Halting
from orchestrator.sweep.undo import UndoFilter
from orchestrator.sweep.verify import verify
from tests.support.builders import SWEEP_ID, a_policy
from tests.support.consent import CONSENTING
from tests.support.fake_world import EVERYTHING, ONE, REGIONS, TWO, a_world, coverage, outcomes
from tests.support.policies import load

SECOND, THIRD = "20261123T191500Z-000002", "20261123T193000Z-000003"
HELD = EVERYTHING + "\nguardrails: {min_coverage_percent: 90}"


class Office:
    """Processes that sweep the same world, each with a lease that knows of wishes as soon as there is one."""

    def __init__(self) -> None:
        self.fake = a_world(ONE, TWO, workers=1)
        self.holders: list[Lease] = []
        self.waits = threading.Event()
        """A sweep waits for another one to yield, and that one knows."""
        self.told: list[str] = []

    def stores(self) -> Stores:
        fake = self.fake
        leases = Leases(fake.ledger, lambda: fake.at, Times(renew_every=3600.0), sleep=self._sleep)

        def build(_policy: OrgPolicy, _id: str, mode: Mode, runtime: Runtime, lease: Lease) -> World:
            self.holders.append(lease)
            halting = Halting(lambda: lease.lost, wanted_by=lambda: lease.wanted_by)
            world = replace(fake.world(), halt=halting.halt, confirm=runtime.confirm, progress=runtime.progress)
            return replace(world, actors=world.actors if mode.acts else {})

        return Stores(fake.files, fake.ledger, leases, build, lambda text, _: load(text), lambda _: None)

    def _sleep(self, _seconds: float) -> None:
        self.holders[-1].look_for_wish()
        self.waits.set()
        time.sleep(0.005)

    def sweep(self, mode: Mode, sweep_id: str, policy: str = EVERYTHING, runtime: Runtime = CONSENTING) -> Row:
        result = coordination.sweep(self.stores(), a_policy(policy), sweep_id, mode, runtime)
        assert isinstance(result, Ended)
        return result.document

    def acting(self) -> Runtime:
        return replace(CONSENTING, warn=self.told.append)

    def status(self, sweep_id: str) -> str:
        found = self.fake.ledger.sweep(sweep_id)
        assert found is not None
        return found.status


@pytest.fixture
def office() -> Office:
    return Office()


@contextmanager
def at_its_first_target(office: Office, work: Callable[[], Row]) -> Iterator[tuple[Runtime, list[Future[Row]]]]:
    """A runtime by which, when one target was read, another process begins its work and waits for this one."""
    begun: list[Future[Row]] = []
    with ThreadPoolExecutor(1) as pool:

        class Meets(NoProgress):
            def targets(self, done: int, total: int) -> None:
                if done == 1 and total == 4 and not begun:
                    begun.append(pool.submit(work))
                    assert office.waits.wait(10)

        yield replace(CONSENTING, progress=Meets()), begun


@pytest.mark.parametrize("mode", [Mode.PLAN, Mode.APPROVE])
def test_a_plan_that_reads_yields_to_an_enforce_and_both_have_a_report(office: Office, mode: Mode) -> None:
    with at_its_first_target(office, lambda: office.sweep(Mode.ENFORCE, SECOND, runtime=office.acting())) as (
        meets,
        begun,
    ):
        plan = office.sweep(mode, SWEEP_ID, runtime=meets)
        enforced = begun[0].result(10)
    assert (plan["status"], document_exit_code(plan)) == ("incomplete", 3)
    assert plan["error"] == f"Yielded: it yielded to sweep {SECOND} (mode enforce) before it was its turn"
    assert plan == office.fake.written()
    rows = coverage(plan)
    assert set(rows) == {(account, region) for account in (ONE, TWO) for region in REGIONS}
    assert set(rows.values()) == {"scanned", "not_attempted"}
    left = {row["detail"] for row in plan["coverage"] if row["status"] == "not_attempted"}
    assert left == {f"it yielded to sweep {SECOND} (mode enforce) before it was its turn"}
    assert set(outcomes(plan).values()) == {"would_stop"}
    assert (enforced["status"], set(outcomes(enforced).values())) == ("complete", {"stopped"})
    assert len(office.fake.stopped) == 4
    assert office.told == [
        f"Waiting for {SWEEP_ID} (mode {mode}), which yields to this sweep and reports what it has read"
    ]
    assert (office.status(SWEEP_ID), office.fake.told) == ("incomplete", [])
    assert verify(office.fake.files, office.fake.ledger, None, None).broken == ()


def test_what_yielded_is_no_plan_that_could_be_applied_and_no_limit_holds_it(office: Office) -> None:
    with at_its_first_target(office, lambda: office.sweep(Mode.ENFORCE, SECOND, HELD, office.acting())) as (meets, _):
        plan = office.sweep(Mode.PLAN, SWEEP_ID, HELD, meets)
    assert (plan["status"], plan["guardrails"], office.fake.has_file("plan.json")) == ("incomplete", [], False)
    with pytest.raises(PlanError, match="did not get as far as a plan"):
        coordination.apply(office.stores(), SWEEP_ID, THIRD, CONSENTING)


def test_a_plan_yields_to_an_undo_too(office: Office) -> None:
    office.sweep(Mode.ENFORCE, THIRD)

    def undo() -> Row:
        result = coordination.undo(office.stores(), THIRD, SECOND, UndoFilter(), office.acting())
        assert isinstance(result, Ended)
        return result.document

    with at_its_first_target(office, undo) as (meets, begun):
        plan = office.sweep(Mode.PLAN, SWEEP_ID, runtime=meets)
        undone = begun[0].result(10)
    assert plan["error"].startswith(f"Yielded: it yielded to sweep {SECOND} (mode undo)")
    assert set(outcomes(undone).values()) == {"started"}


@pytest.mark.parametrize("mode", [Mode.PLAN, Mode.APPROVE])
def test_a_plan_displaces_nothing(office: Office, mode: Mode) -> None:
    met: list[coordination.Result] = []

    def meet(_: object) -> None:
        if not met:
            met.append(coordination.sweep(office.stores(), a_policy(EVERYTHING), SECOND, mode, CONSENTING))

    office.fake.before_stop = meet
    assert office.sweep(Mode.ENFORCE, SWEEP_ID)["status"] == "complete"
    assert met == [Busy(SWEEP_ID, same=False)]
    assert not office.waits.is_set()


def test_an_enforce_displaces_no_other_sweep_that_acts_and_is_told_which_and_since_when(office: Office) -> None:
    office.sweep(Mode.PLAN, THIRD)
    met: list[coordination.Result] = []

    def meet(_: object) -> None:
        if not met:
            met.append(coordination.apply(office.stores(), THIRD, SECOND, CONSENTING))

    office.fake.before_stop = meet
    assert office.sweep(Mode.ENFORCE, SWEEP_ID)["status"] == "complete"
    [busy] = met
    assert isinstance(busy, Busy)
    assert (busy.sweep_id, busy.same, busy.mode, busy.since) == (SWEEP_ID, False, "enforce", "2026-11-23T19:00:00Z")
    assert busy.asked_by == office.fake.asked_by
    assert not office.waits.is_set()


def test_a_plan_that_has_read_everything_ends_as_ever_though_it_is_asked_to_yield(office: Office) -> None:
    class Asked(NoProgress):
        def targets(self, done: int, total: int) -> None:
            if done == total == 4:
                office.fake.ledger.want_lease(a_policy(EVERYTHING).name, SWEEP_ID, "sweep x (mode enforce)")
                office.holders[-1].look_for_wish()

    plan = office.sweep(Mode.PLAN, SWEEP_ID, runtime=replace(CONSENTING, progress=Asked()))
    assert (plan["status"], plan["error"]) == ("complete", "")
    assert office.fake.has_file("plan.json")
