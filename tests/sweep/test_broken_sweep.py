"""Errors that end a sweep half-way: the report is written all the same, and nothing in it is missing or made up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.model import (
    ActionCounts,
    AwsError,
    ConsentHow,
    Mode,
    OutcomeStatus,
    Question,
    Region,
    SweepStatus,
    Target,
)
from orchestrator.core.report.document import Row
from orchestrator.errors import NotConfirmedError, OrganizationError, ReportLostError, ReportStoreError
from orchestrator.ports import RegionStatus
from orchestrator.sweep.pool import Pool
from orchestrator.sweep.run import run_sweep
from tests.support.builders import SWEEP_ID, a_policy, a_resource, an_account
from tests.support.fake_world import (
    EVERYTHING,
    ONE,
    REGIONS,
    THREE,
    TWO,
    Breaking,
    FakeWorld,
    a_world,
    coverage,
    halted_after,
    open_regions,
    outcomes,
    unreadable,
)

BUG = RuntimeError("our own bug")


def broken_sweep(fake: FakeWorld, error: type[BaseException]) -> Row:
    """The report that is written although an error ends the sweep."""
    with pytest.raises(error) as raised:
        run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    report = fake.written()
    assert report["status"] == SweepStatus.FAILED
    assert report["error"] == f"{error.__name__}: {raised.value}"
    assert fake.has_file("manifest.json")
    return report


def test_stops_that_are_not_confirmed_do_not_happen() -> None:
    fake = a_world(ONE, confirm=lambda _: None)
    report = broken_sweep(fake, NotConfirmedError)
    assert fake.stopped == []
    assert outcomes(report) == {"i-0": "not_attempted", "i-1": "not_attempted"}
    assert set(coverage(report).values()) == {"scanned"}


def test_an_organization_that_cannot_be_listed_ends_the_sweep_with_an_empty_report() -> None:
    fake = a_world(ONE, organization_error=OrganizationError("not from here"))
    report = broken_sweep(fake, OrganizationError)
    assert (report["coverage"], report["outcomes"]) == ([], [])
    assert fake.asked == ["organization"]


def test_when_reading_the_tags_ends_the_sweep_every_account_is_still_in_the_report() -> None:
    fake = a_world(ONE, TWO, tags_error=BUG)
    fake.accounts += (an_account(THREE, state="SUSPENDED"),)
    report = broken_sweep(fake, RuntimeError)
    assert coverage(report) == {
        (ONE, "*"): "not_attempted",
        (TWO, "*"): "not_attempted",
        (THREE, "*"): "suspended",
    }


@pytest.mark.parametrize("error", [BUG, KeyboardInterrupt("Ctrl-C"), SystemExit("told to")])
@pytest.mark.parametrize("targets", range(5))
def test_when_reading_breaks_off_every_target_has_exactly_one_state(targets: int, error: BaseException) -> None:
    fake = a_world(ONE, TWO, progress=Breaking(error, targets=targets))
    fake.regions[ONE] = (*open_regions(), RegionStatus(Region("af-south-1"), enabled=False))
    report = broken_sweep(fake, type(error))
    rows = coverage(report)
    for account_id, regions in ((ONE, {*REGIONS, "af-south-1"}), (TWO, set(REGIONS))):
        assert {region for account, region in rows if account == account_id} in ({"*"}, regions)
    assert sum(status == "scanned" for status in rows.values()) == targets
    assert fake.stopped == []


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("stops", [1, 2, 3])
def test_when_stopping_breaks_off_what_was_stopped_is_reported_as_stopped(stops: int, workers: int) -> None:
    fake = a_world(ONE, TWO, progress=Breaking(KeyboardInterrupt("Ctrl-C"), stops=stops), workers=workers)
    report = broken_sweep(fake, KeyboardInterrupt)
    states = outcomes(report)
    assert set(states) == {"i-0", "i-1", "i-2", "i-3"}
    assert {one for one, state in states.items() if state == "stopped"} == set(fake.stopped)
    assert set(states.values()) <= {"stopped", "not_attempted"}


def test_a_stop_that_is_running_when_the_sweep_breaks_off_is_waited_for_and_reported() -> None:
    running, broken_off = threading.Event(), threading.Event()

    def before_stop(target: Target) -> None:
        if target.region == REGIONS[1]:
            running.set()
            assert broken_off.wait(timeout=30)
        assert running.wait(timeout=30)

    class Progress(Breaking):
        def actions(self, done: ActionCounts, _: ActionCounts) -> None:
            assert done == ActionCounts(stops=1)
            broken_off.set()
            raise self.error

    fake = a_world(ONE, progress=Progress(BUG), before_stop=before_stop)
    report = broken_sweep(fake, RuntimeError)
    assert sorted(fake.stopped) == ["i-0", "i-1"]
    assert outcomes(report) == {"i-0": "stopped", "i-1": "stopped"}


def test_when_stopping_breaks_off_no_other_target_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = threading.Event()
    leave = Pool.__exit__

    def close(pool: Pool[Any], *failure: Any) -> None:
        closed.set()
        leave(pool, *failure)

    def before_stop(target: Target) -> None:
        assert target == Target(ONE, REGIONS[0]) or closed.wait(timeout=30)  # type: ignore[arg-type]  # plain text

    def confirm(_: Question) -> ConsentHow | None:
        closed.clear()  # the pool that read is closed by now
        return ConsentHow.YES

    monkeypatch.setattr(Pool, "__exit__", close)
    progress = Breaking(KeyboardInterrupt("Ctrl-C"), stops=1)
    fake = a_world(ONE, TWO, progress=progress, before_stop=before_stop, confirm=confirm, workers=1)
    report = broken_sweep(fake, KeyboardInterrupt)
    assert fake.stopped in (["i-0"], ["i-0", "i-1"])  # the one that was running, if there was one, and no other
    states = outcomes(report)
    assert {one for one, state in states.items() if state == "stopped"} == set(fake.stopped)
    assert {one for one, state in states.items() if state == "not_attempted"} == set(states) - set(fake.stopped)


def lost_report(failure: Exception) -> Callable[[str], None]:
    """Everything else can be written."""

    def before(event: str) -> None:
        if event == "file report.json":
            raise failure

    return before


@pytest.mark.parametrize("failure", [ReportStoreError("the bucket is gone"), TypeError("no JSON"), OSError(28, "full")])
def test_a_report_that_cannot_be_written_after_the_stops_is_handed_over_with_the_error(failure: Exception) -> None:
    fake = a_world(ONE)
    fake.life.before = lost_report(failure)
    with pytest.raises(ReportLostError) as lost:
        run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    assert str(failure) in str(lost.value)
    assert lost.value.__cause__ is failure
    stopped = [row["resource_id"] for row in lost.value.document["outcomes"] if row["status"] == "stopped"]  # type: ignore[attr-defined]  # a list of rows
    assert sorted(stopped) == sorted(fake.stopped) == ["i-0", "i-1"]


def test_a_lost_report_of_a_broken_sweep_says_what_broke_it() -> None:
    fake = a_world(ONE, tags_error=BUG)
    fake.life.before = lost_report(ReportStoreError("the bucket is gone"))
    with pytest.raises(ReportLostError) as lost:
        run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    assert lost.value.document["error"] == "RuntimeError: our own bug"


REFUSALS = st.builds(unreadable, st.sampled_from(["AccessDenied", "AuthFailure", "RequestLimitExceeded"]))
FAILURES = REFUSALS | st.builds(ZeroDivisionError, st.just("bug"))


def mostly(usual: Any, *seldom: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([usual] * 7 * max(1, len(seldom)) + list(seldom))


@st.composite
def fakes(draw: st.DrawFn) -> FakeWorld:
    """Any organization in which anything may fail at any moment, and mostly does not."""
    fake = FakeWorld(workers=draw(st.sampled_from([1, 4])))
    for number in range(draw(st.integers(0, 4))):
        _add_account(draw, fake, f"{number:012d}")
    if draw(st.booleans()):
        fake.progress = Breaking(BUG, **{draw(st.sampled_from(["targets", "stops"])): draw(st.integers(0, 6))})
    fake.halt = draw(mostly(lambda: None, halted_after(draw(st.integers(0, 30)))))
    fake.hub_regions = draw(mostly(open_regions(), draw(REFUSALS)))
    return fake


def _add_account(draw: st.DrawFn, fake: FakeWorld, account_id: str) -> None:
    account = an_account(
        account_id,
        state=draw(mostly("ACTIVE", "SUSPENDED", None)),
        tags=draw(mostly({}, {"stop-orchestrator:opt-out": "true"})),
        tags_error=draw(mostly(None, AwsError("AccessDenied", "tags"))),
    )
    fake.accounts += (account,)
    listed = tuple(RegionStatus(Region(one), enabled=draw(mostly(True, False))) for one in REGIONS)
    fake.regions[account_id] = draw(mostly(listed, listed[:1], (), draw(FAILURES)))
    if draw(mostly(False, True)):
        fake.binds[account_id] = draw(FAILURES)
    for region in REGIONS:
        names = [f"i-{account_id}-{region}-{number}" for number in range(draw(st.integers(0, 2)))]
        states = [draw(mostly("running", "pending")) for _ in names]
        resources = tuple(
            a_resource(name, account_id, region, state) for name, state in zip(names, states, strict=True)
        )
        fake.resources[Target(account_id, region)] = draw(mostly(resources, draw(FAILURES)))  # type: ignore[arg-type]  # plain text
        for name in names:
            fake.stops[name] = draw(mostly(OutcomeStatus.STOPPED, *OutcomeStatus, draw(FAILURES)))


@settings(max_examples=3 * settings().max_examples)
@given(
    fake=fakes(),
    mode=st.sampled_from([Mode.PLAN, Mode.APPROVE, Mode.ENFORCE]),
    limits=st.sampled_from(["", "\nguardrails: {min_coverage_percent: 50}"]),
)
def test_whatever_fails_every_target_and_every_planned_stop_has_exactly_one_state(
    fake: FakeWorld, mode: Mode, limits: str
) -> None:
    try:
        run_sweep(fake.world(), a_policy(EVERYTHING + limits), SWEEP_ID, mode)
        broke = False
    except RuntimeError as error:
        assert error is BUG  # noqa: PT017 - it may also end well
        broke = True
    report = fake.written()
    assert (report["status"] == SweepStatus.FAILED) == broke
    rows = coverage(report)
    assert {account_id for account_id, _ in rows} == {account.id for account in fake.accounts}
    for account in fake.accounts:
        regions = {region for account_id, region in rows if account_id == account.id}
        listed = fake.regions[account.id]
        if regions != {"*"}:
            assert isinstance(listed, tuple)
            assert {status.region for status in listed} <= regions <= set(REGIONS)
    decided = {decision["resource_id"] for decision in report["decisions"]}
    planned = {one["resource_id"] for one in report["decisions"] if one["verdict"] == "stop"}
    states = outcomes(report)
    assert set(states) == planned <= decided
    assert set(fake.stopped) <= {
        one for one, state in states.items() if state not in {"held", "would_stop", "not_attempted"}
    }
    if mode is not Mode.ENFORCE or report["status"] == SweepStatus.HELD:
        assert fake.stopped == []
        assert set(states.values()) <= {"would_stop", "held", "not_attempted"}
