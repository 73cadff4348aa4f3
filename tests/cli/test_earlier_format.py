"""Stores of earlier releases (tests/data/stores): they are read, and what cannot be carried on is closed.

Each was made by that release's own command line: a plan, and a sweep that was killed in its StopInstances calls.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.core.model import OutcomeStatus
from orchestrator.core.model.marks import STOPPED_AT_TAG, STOPPED_BY_TAG
from orchestrator.ledger.ledger import Ledger
from orchestrator.local.folder_report_store import LocalReportStore
from orchestrator.local.sqlite_items import SqliteItems
from orchestrator.sweep.run import undo_sweep
from orchestrator.sweep.undo import UndoFilter
from tests.support.builders import a_policy, a_resource, an_account
from tests.support.embedded import OrganizationBuilder
from tests.support.fake_world import EVERYTHING, FakeWorld
from tests.support.fixtures import Policy, Run
from tests.support.suites import only_in_full
from tests.support.sweeps import FRANKFURT, IRELAND

STORES = Path(__file__).parents[1] / "data/stores"
EARLIER = STORES / "format-1"
SWEPT, PLANNED, UNFINISHED = "20261128T073457Z-eaf02b", "20261128T073458Z-67102e", "20261128T073458Z-c6e70a"
UNDO_ID = "20261128T080000Z-000001"
FIRST_PLAN, FIRST_UNFINISHED = "20261128T180200Z-b8cae1", "20261128T180207Z-5df03b"
"""Of 0.1.0, which marked what it had stopped only afterwards."""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A copy, where the command line looks for it."""
    folder = tmp_path / ".stop-orchestrator"
    shutil.copytree(EARLIER, folder)
    return folder


@pytest.mark.usefixtures("organization", "store")
def test_its_history_is_listed_and_its_evidence_holds(run: Run) -> None:
    rows = run("history", "--format", "json").report
    assert [(row["sweep_id"], row["status"], row["format"]) for row in rows] == [  # type: ignore[index]  # plain JSON
        (UNFINISHED, "running", 1),
        (PLANNED, "complete", 1),
        (SWEPT, "complete", 1),
    ]
    assert run("verify", SWEPT).exit_code == run("verify", PLANNED).exit_code == 0
    said = " ".join(run("report", SWEPT).stdout.split())
    assert "3 stopped, 0 failed" in said


@pytest.mark.usefixtures("organization")
def test_the_report_of_the_first_release_is_shown_with_what_it_has(run: Run, tmp_path: Path) -> None:
    shutil.copytree(STORES / "v0.1.0", tmp_path / ".stop-orchestrator")
    assert run("verify", FIRST_PLAN).exit_code == 0
    ran = run("report", FIRST_PLAN)
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert "3 resources: 3 to stop, 0 exempt; nothing stopped (plan only)" in " ".join(ran.stdout.split())


@pytest.mark.usefixtures("store")
def test_its_plan_is_refused(organization: OrganizationBuilder, run: Run) -> None:
    ran = run("apply", PLANNED, "--yes")
    assert ran.exit_code == 2
    assert "plan.json has the format of another release of this program; plan again" in ran.stderr
    assert organization.front.calls["sts:AssumeRole"] == 0


@pytest.mark.usefixtures("store")
def test_its_unfinished_sweep_is_closed_and_never_resumed(organization: OrganizationBuilder, run: Run) -> None:
    ran = run("sweep", "--resume", UNFINISHED, "--format", "json")
    assert (ran.report["sweep_id"], ran.report["status"]) == (UNFINISHED, "abandoned")
    assert "its records have the format of another release" in str(ran.report["error"])
    assert organization.front.calls["ec2:StopInstances"] == 0


def test_what_it_stopped_can_be_undone_also_of_a_sweep_that_did_not_finish(store: Path) -> None:
    for source in (SWEPT, UNFINISHED):
        fake = FakeWorld()
        fake.ledger = Ledger(SqliteItems(store), lambda: datetime(2026, 11, 28, 8, tzinfo=UTC), 1)
        fake.files = LocalReportStore(store)  # type: ignore[assignment]  # as the command line has it
        actions = fake.ledger.actions(source)
        assert {one.status for one in actions} == {"stopped" if source == SWEPT else "intent"}
        fake.accounts = (an_account(actions[0].account_id),)
        for one in actions:
            at = datetime.fromisoformat(one.requested_at)
            down = a_resource(
                one.resource_id, one.account_id, one.region, "stopped", {STOPPED_BY_TAG: source}, changed_at=at
            )
            fake.resources[down.target] = (*fake.resources.get(down.target, ()), down)  # type: ignore[misc]  # no errors
        sweep_id = UNDO_ID if source == SWEPT else UNDO_ID.replace("1", "2")
        report, _ = undo_sweep(fake.world(), a_policy(EVERYTHING), sweep_id, source, UndoFilter())
        assert [one["status"] for one in report["outcomes"]] == [OutcomeStatus.STARTED] * 3


# --- closed by this release, and undone -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dead:
    """A sweep that another release left unfinished: everything that it had announced was stopped."""

    sweep_id: str
    account: str
    ids: tuple[str, ...]
    folder: Path
    run: Run
    organization: OrganizationBuilder

    @property
    def rows(self) -> list[str]:
        return [one.status for one in self.ledger.actions(self.sweep_id)]

    @property
    def ledger(self) -> Ledger:
        return Ledger(SqliteItems(self.folder), _now)

    @property
    def outcomes(self) -> list[str]:
        document = self.run("report", self.sweep_id, "--format", "json").report
        assert document["status"] == "abandoned"
        return [row["status"] for row in document["outcomes"]]

    @property
    def down(self) -> set[str]:
        return set().union(*(self.organization.down(self.account, place) for place in (FRANKFURT, IRELAND)))

    @property
    def held(self) -> set[str]:
        return {one.resource_id for one in self.ledger.held_by(self.sweep_id)}

    def mark(self, tags: Mapping[str, str]) -> None:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        self._act("create_tags", "Resources", Tags=pairs)

    def stop(self) -> None:
        self._act("stop_instances", "InstanceIds")

    def _act(self, operation: str, name: str, **arguments: object) -> None:
        for one, place in zip(self.ids, (FRANKFURT, FRANKFURT, IRELAND), strict=True):
            self.organization.act(operation, self.account, place, **{name: [one]}, **arguments)


Leave = Callable[..., Dead]


@pytest.fixture
def leave(organization: OrganizationBuilder, account: str, ids: list[str], run: Run, tmp_path: Path) -> Leave:
    """The store of an earlier release, about the instances that are here now."""

    def _leave(store: str, sweep_id: str, asked: timedelta = timedelta()) -> Dead:
        folder = tmp_path / ".stop-orchestrator"
        shutil.copytree(STORES / store, folder)
        actions = Ledger(SqliteItems(folder), _now).actions(sweep_id)
        at = _now() + asked
        changed = {
            actions[0].account_id: account,
            **dict(zip([one.resource_id for one in actions], ids, strict=True)),
            '"restore": {}': '"restore": {"desired": 3}',
            f'"requested_at": "{actions[0].requested_at}"': f'"requested_at": "{at:%Y-%m-%dT%H:%M:%SZ}"',
        }
        _rewrite(folder / "ledger.sqlite", changed)
        return Dead(sweep_id, account, tuple(ids), folder, run, organization)

    return _leave


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - moto has the machine's clock


def _rewrite(path: Path, changed: Mapping[str, str]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        rows = connection.execute("SELECT pk, sk, body FROM items").fetchall()
        connection.execute("DELETE FROM items")
        for row in rows:
            cells = list(row)
            for old, new in changed.items():
                cells = [cell.replace(old, new) for cell in cells]
            connection.execute("INSERT INTO items VALUES (?, ?, ?)", cells)


CLOSERS = {
    "sweep --resume": lambda dead: dead.run("sweep", "--resume", dead.sweep_id),
    "the next plan": lambda dead: dead.run("plan"),
    "the next sweep": lambda dead: dead.run("sweep", "--mode", "enforce", "--yes"),
}


@pytest.fixture
def its_policy(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICY", policy("rules: [{name: dev, where: {tag: {Environment: dev}}}]\n"))


@pytest.mark.usefixtures("its_policy")
@pytest.mark.parametrize("closed_by", [next(iter(CLOSERS)), *only_in_full(*[*CLOSERS][1:])])
@pytest.mark.parametrize(
    ("store", "sweep_id", "is_marked"), [("format-1", UNFINISHED, True), ("v0.1.0", FIRST_UNFINISHED, False)]
)
def test_what_it_stopped_is_held_down_by_it_once_it_is_closed_and_undo_starts_it(
    leave: Leave, store: str, sweep_id: str, is_marked: bool, closed_by: str
) -> None:
    dead = leave(store, sweep_id)
    if is_marked:
        dead.mark({STOPPED_BY_TAG: sweep_id})
    dead.stop()
    CLOSERS[closed_by](dead)
    assert dead.outcomes == dead.rows == ["stopped"] * 3
    assert dead.held == dead.down == set(dead.ids)
    rows = (*dead.ledger.actions(sweep_id), *dead.ledger.held_by(sweep_id))
    assert [one.restore for one in rows] == [{"desired": 3} if is_marked else {}] * 6
    ran = dead.run("undo", sweep_id, "--yes", "--format", "json")
    assert (ran.exit_code, ran.report["status"]) == (0, "complete")
    assert dead.held == dead.down == set()


LATER_SWEEP = "20991231T000000Z-00000f"
JUST_NOW, MINUTES_BEFORE, HOURS_BEFORE, HOURS_AFTER = (timedelta(hours=hours) for hours in (0, -0.03, -3, 3))
"""When it went down, as seen from when it was announced."""


@pytest.mark.usefixtures("its_policy")
@pytest.mark.parametrize(
    ("went_down", "marks", "status", "exit_code"),
    [
        (JUST_NOW, {STOPPED_BY_TAG: FIRST_PLAN, STOPPED_AT_TAG: "2026-11-27T18:02:00Z"}, "stopped", 1),
        (MINUTES_BEFORE, {}, "unknown", 5),
        (HOURS_BEFORE, {}, "already_stopped", 1),
        (HOURS_AFTER, {}, "already_stopped", 1),
        (JUST_NOW, {STOPPED_BY_TAG: LATER_SWEEP}, "already_stopped", 1),
        (JUST_NOW, {STOPPED_BY_TAG: "ann"}, "already_stopped", 1),
        (None, {}, "not_attempted", 3),
    ],
)
def test_what_0_1_0_stopped_without_a_mark_is_told_by_the_time_and_report_and_ledger_agree(
    leave: Leave, went_down: timedelta | None, marks: Mapping[str, str], status: str, exit_code: int
) -> None:
    dead = leave("v0.1.0", FIRST_UNFINISHED, -(went_down or timedelta()))
    dead.mark(marks)
    if went_down is not None:
        dead.stop()
    ran = dead.run("sweep", "--resume", FIRST_UNFINISHED)
    assert ran.exit_code == exit_code
    assert dead.outcomes == dead.rows == [status] * 3
    assert dead.held == (set(dead.ids) if status in ("stopped", "unknown") else set())
    dead.run("undo", FIRST_UNFINISHED, "--yes")
    assert dead.down == (set() if status in ("stopped", "not_attempted") else set(dead.ids))
