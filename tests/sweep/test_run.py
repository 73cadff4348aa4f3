"""The flow of one sweep over a world in memory: the barrier, the threads' boundaries, and nothing that gets lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.model import (
    AwsError,
    ConsentHow,
    Mode,
    OutcomeStatus,
    Question,
    Region,
    Resource,
    SweepStatus,
    Target,
)
from orchestrator.core.report.document import Row, plain_document
from orchestrator.core.report.plan_file import PLAN_FILE
from orchestrator.errors import ReportStoreError
from orchestrator.ports import RegionStatus
from orchestrator.sweep.run import run_sweep
from orchestrator.sweep.verify import verify
from tests.support.builders import SWEEP_ID, a_policy, an_account
from tests.support.fake_kind import FakeKind
from tests.support.fake_world import (
    EVERYTHING,
    MANAGEMENT,
    ONE,
    REGIONS,
    THREE,
    TWO,
    FakeWorld,
    a_world,
    coverage,
    halted_after,
    open_regions,
    outcomes,
    reasons,
    unreadable,
)


def sweep(fake: FakeWorld, mode: Mode = Mode.ENFORCE, policy: str = EVERYTHING) -> Row:
    report, location = run_sweep(fake.world(), a_policy(policy), SWEEP_ID, mode)
    assert location == fake.files.location(SWEEP_ID, "report.json")
    assert fake.written() == plain_document(report)
    assert fake.has_file("manifest.json")
    return fake.written()


def details(report: Row) -> dict[str, str]:
    return {row["account_id"]: row["detail"] for row in report["coverage"]}


def test_a_plan_says_what_would_stop_and_stops_nothing() -> None:
    fake = a_world(ONE)
    report = sweep(fake, Mode.PLAN)
    assert report["status"] == SweepStatus.COMPLETE
    assert outcomes(report) == {"i-0": "would_stop", "i-1": "would_stop"}
    assert fake.stopped == []


def test_enforce_stops_what_the_plan_names_and_says_what_was_seen() -> None:
    fake = a_world(ONE, TWO)
    fake.stops = {"i-2": OutcomeStatus.FAILED}
    report = sweep(fake)
    assert outcomes(report) == {"i-0": "stopped", "i-1": "stopped", "i-2": "failed", "i-3": "stopped"}
    assert sorted(fake.stopped) == ["i-0", "i-1", "i-3"]
    assert report["status"] == SweepStatus.INCOMPLETE


def test_nothing_is_stopped_before_everything_was_read() -> None:
    fake = a_world(ONE, TWO, THREE)
    plans: list[int] = []

    def confirm(question: Question) -> ConsentHow | None:
        plans.append(len([one for one in fake.asked if one.startswith("read")]))
        assert fake.stopped == []
        return ConsentHow.YES

    fake.confirm = confirm
    sweep(fake)
    assert plans == [6]


@pytest.mark.parametrize("mode", [Mode.PLAN, Mode.ENFORCE])
def test_a_guardrail_holds_the_whole_plan_in_either_mode(mode: Mode) -> None:
    fake = a_world(ONE)
    report = sweep(fake, mode, EVERYTHING + "\nguardrails: {max_stops: 1}")
    assert report["status"] == SweepStatus.HELD
    assert outcomes(report) == {"i-0": "held", "i-1": "held"}
    assert fake.stopped == []


def test_each_account_and_region_has_its_own_status_and_awss_words() -> None:
    denied, closed, out, suspended, unnamed = (f"{digit}" * 12 for digit in "34567")
    fake = a_world(ONE, TWO, denied)
    fake.accounts += (
        an_account(closed),
        an_account(out, tags={"stop-orchestrator:opt-out": "true"}),
        an_account(suspended, state="SUSPENDED"),
        an_account(unnamed, tags_error=AwsError("AccessDenied", "tags")),
        an_account(MANAGEMENT, is_management=True),
    )
    fake.binds[denied] = unreadable("AccessDenied", "not authorized", "sts:AssumeRole")
    fake.regions[ONE] = (*open_regions(), RegionStatus(Region("af-south-1"), enabled=False, detail="not-opted-in"))
    fake.regions[closed] = unreadable("UnauthorizedOperation", "explicit deny", "ec2:DescribeRegions")
    fake.resources[Target(ONE, REGIONS[1])] = unreadable("AuthFailure")  # type: ignore[arg-type]  # plain text
    fake.resources[Target(TWO, REGIONS[0])] = unreadable("RequestLimitExceeded")  # type: ignore[arg-type]  # plain text
    report = sweep(fake)
    assert coverage(report) == {
        (ONE, REGIONS[0]): "scanned",
        (ONE, REGIONS[1]): "failed",
        (ONE, "af-south-1"): "region_disabled",
        (TWO, REGIONS[0]): "failed",
        (TWO, REGIONS[1]): "scanned",
        (TWO, "af-south-1"): "region_disabled",
        (denied, "*"): "denied",
        (closed, "*"): "denied",
        (out, "*"): "opted_out",
        (suspended, "*"): "suspended",
        (unnamed, "*"): "failed",
        (MANAGEMENT, "*"): "excluded",
    }
    assert details(report)[denied] == "sts:AssumeRole: AccessDenied: not authorized"
    assert report["status"] == SweepStatus.INCOMPLETE
    assert sorted(fake.stopped) == ["i-0", "i-3"]


def test_an_account_that_does_not_accept_who_asks_for_its_regions_is_failed() -> None:
    fake = a_world(ONE)
    fake.regions[ONE] = unreadable("AuthFailure", operation="ec2:DescribeRegions")
    assert coverage(sweep(fake)) == {(ONE, "*"): "failed"}


@pytest.mark.parametrize(
    ("regions", "status"),
    [(open_regions("us-east-1"), "excluded"), ((), "failed")],
    ids=["none in scope", "none at all"],
)
def test_an_account_with_nothing_to_read_says_so(regions: tuple[RegionStatus, ...], status: str) -> None:
    fake = FakeWorld(accounts=(an_account(ONE),), regions={ONE: regions})
    report = sweep(fake, policy=EVERYTHING + "\nregions: {include: ['eu-*']}")
    assert coverage(report) == {(ONE, "*"): status}
    assert "the sweep ended" not in details(report)[ONE]


@pytest.mark.parametrize("place", ["bind", "regions", "read", "stop"])
def test_a_bug_in_a_thread_becomes_data_and_the_rest_goes_on(place: str) -> None:
    bug = ZeroDivisionError("our own")
    fake = a_world(ONE, TWO)
    if place == "bind":
        fake.binds[ONE] = bug
    elif place == "regions":
        fake.regions[ONE] = bug
    elif place == "read":
        fake.resources[Target(ONE, REGIONS[0])] = bug  # type: ignore[arg-type]  # plain text
    else:
        fake.stops["i-0"] = bug
    report = sweep(fake)
    assert report["status"] == SweepStatus.INCOMPLETE
    assert {"i-2", "i-3"} <= set(fake.stopped)
    if place == "stop":
        failed = next(one for one in report["outcomes"] if one["resource_id"] == "i-0")
        assert (failed["status"], failed["code"], failed["message"]) == ("unknown", "ZeroDivisionError", "our own")
    else:
        assert "ZeroDivisionError: our own" in [row["detail"] for row in report["coverage"]]


def test_an_account_that_closes_between_reading_and_stopping_is_a_failed_stop_with_awss_words() -> None:
    fake = a_world(ONE, TWO)

    def confirm(_: Question) -> ConsentHow | None:
        fake.binds[ONE] = unreadable("AccessDenied", "gone", "sts:AssumeRole")
        return ConsentHow.YES

    fake.confirm = confirm
    report = sweep(fake)
    assert outcomes(report) == {"i-0": "failed", "i-1": "failed", "i-2": "stopped", "i-3": "stopped"}
    assert {(one["code"], one["message"]) for one in report["outcomes"] if one["status"] == "failed"} == {
        ("AccessDenied", "gone")
    }


@pytest.mark.parametrize("calls", range(38))
def test_whenever_the_time_is_up_what_is_left_is_not_attempted_and_never_silent(calls: int) -> None:
    """Asked at the beginning, for all tags, for each account's, for each account and each target; six times a stop."""
    fake = a_world(ONE, TWO, halt=halted_after(calls))
    report = sweep(fake)
    rows = coverage(report)
    assert {account_id for account_id, _ in rows} == {ONE, TWO}
    for account_id in (ONE, TWO):
        regions = {region for account, region in rows if account == account_id}
        assert regions in ({"*"}, set(REGIONS))
    assert set(rows.values()) <= {"scanned", "not_attempted"}
    assert len([status for status in rows.values() if status == "scanned"]) <= max(0, calls - 4)
    assert set(outcomes(report)) == {decision["resource_id"] for decision in report["decisions"]}
    assert set(fake.stopped) == {one for one, status in outcomes(report).items() if status == "stopped"}
    assert (report["status"] == SweepStatus.COMPLETE) == (calls >= 35)


def test_nobody_is_asked_to_confirm_a_plan_without_stops_or_one_that_is_only_planned() -> None:
    def confirm(_: Question) -> ConsentHow | None:
        pytest.fail("asked")

    sweep(a_world(ONE, confirm=confirm), policy="")
    sweep(a_world(ONE, confirm=confirm), Mode.PLAN)


def test_where_no_report_could_be_written_nothing_is_read() -> None:
    fake = a_world(ONE)

    def no_bucket(event: str) -> None:
        assert event == "check"
        raise ReportStoreError("no bucket")

    fake.life.before = no_bucket
    with pytest.raises(ReportStoreError, match="no bucket"):
        sweep(fake)
    assert fake.asked == []
    assert fake.ledger.sweeps() == ()


@pytest.mark.parametrize(
    ("hub", "percent"), [(open_regions("a-1", "a-2", "a-3"), 25.0), (unreadable("AccessDenied"), 0.0)]
)
def test_accounts_whose_regions_are_unknown_weigh_as_many_targets_as_the_hub_has_regions(
    hub: tuple[RegionStatus, ...] | Exception, percent: float
) -> None:
    fake = a_world(ONE, TWO, THREE, hub_regions=hub)
    fake.binds = {one: unreadable("AccessDenied") for one in (TWO, THREE)}
    report = sweep(fake, policy=EVERYTHING + "\nguardrails: {min_coverage_percent: 30}")
    (result,) = report["guardrails"]
    assert result["actual"] == pytest.approx(percent)
    assert report["status"] == (SweepStatus.HELD if percent < 30 else SweepStatus.INCOMPLETE)
    assert fake.asked.count("hub regions") == 1


def test_where_the_hubs_regions_are_unknown_too_such_an_account_weighs_as_many_as_the_policy_names() -> None:
    fake = a_world(ONE, TWO, hub_regions=unreadable("AccessDenied"))
    fake.binds = {TWO: unreadable("AccessDenied")}
    named = f"regions: {{include: [{', '.join(REGIONS)}, us-east-1, us-west-2], exclude: ['us-w*']}}"
    report = sweep(fake, policy=f"{EVERYTHING}\n{named}\nguardrails: {{min_coverage_percent: 30}}")
    assert [row["actual"] for row in report["guardrails"]] == [pytest.approx(40.0)]  # 2 of 2 + 3


def test_an_account_that_may_not_list_its_regions_is_read_where_the_policy_names_them() -> None:
    fake = a_world(ONE, TWO)
    fake.regions[ONE] = unreadable("UnauthorizedOperation", "no", "ec2:DescribeRegions")
    named = sweep(fake, policy=f"{EVERYTHING}\nregions: {{include: [{', '.join(REGIONS)}]}}")
    assert coverage(named) == {(one, region): "scanned" for one in (ONE, TWO) for region in REGIONS}
    assert sorted(fake.stopped) == ["i-0", "i-1", "i-2", "i-3"]


@pytest.mark.parametrize(
    ("code", "include"), [("RequestLimitExceeded", "eu-central-1"), ("UnauthorizedOperation", "'eu-*'")]
)
def test_what_is_no_refusal_or_meets_a_pattern_leaves_the_account_unread(code: str, include: str) -> None:
    fake = a_world(ONE)
    fake.regions[ONE] = unreadable(code, "no", "ec2:DescribeRegions")
    report = sweep(fake, policy=f"{EVERYTHING}\nregions: {{include: [{include}]}}")
    assert [place for place, status in coverage(report).items() if status != "scanned"] == [(ONE, "*")]
    assert fake.stopped == []


def test_the_reports_of_equal_sweeps_are_equal() -> None:
    first, second = (sweep(a_world(ONE, TWO, THREE, workers=workers)) for workers in (1, 8))
    assert {**first, "calls": {}} == {**second, "calls": {}}


def test_what_aws_names_twice_is_one_resource() -> None:
    fake = a_world(ONE)
    read = FakeKind.read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeKind, "read", lambda kind, target, **more: read(kind, target, **more) * 2)
        report = sweep(fake)
    assert sorted(fake.stopped) == ["i-0", "i-1"]
    assert report["totals"]["planned"] == 2


def test_a_plan_whose_write_is_broken_into_and_arrives_after_the_end_is_noted_by_verify() -> None:
    fake = a_world(ONE)
    late: list[tuple[str, bytes]] = []
    put = fake.files.put

    def break_in(sweep_id: str, name: str, content: bytes) -> None:
        if name == PLAN_FILE:
            late.append((name, content))
            raise KeyboardInterrupt
        put(sweep_id, name, content)

    fake.files.put = break_in  # type: ignore[method-assign]  # a second signal while S3 takes its time
    with pytest.raises(KeyboardInterrupt):
        run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    assert (fake.written()["status"], fake.stopped) == (SweepStatus.FAILED, [])
    [(name, content)] = late
    put(SWEEP_ID, name, content)
    verified = verify(fake.files, fake.ledger, None, None)
    assert (verified.broken, len(verified.notes)) == ((), 1)
    fake.files.files[SWEEP_ID, name] = content + b" "
    assert [one.file for one in verify(fake.files, fake.ledger, None, None).broken] == [PLAN_FILE]


def test_what_a_kind_reads_twice_and_not_alike_is_kept_and_what_it_reads_twice_alike_counts_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = FakeKind.read

    def read_twice(kind: FakeKind, target: Target, **more: bool) -> tuple[Resource, ...]:
        found = read(kind, target, **more)
        opted_out = {"stop-orchestrator:opt-out": "true"}
        return (*(replace(one, tags=opted_out) if one.resource_id == "i-0" else one for one in found), *found)

    monkeypatch.setattr(FakeKind, "read", read_twice)
    fake = a_world(ONE)
    report = sweep(fake)
    assert (fake.stopped, outcomes(report)) == (["i-1"], {"i-1": "stopped"})
    assert "the copies differ in its tag stop-orchestrator:opt-out" in reasons(report)["i-0"]
