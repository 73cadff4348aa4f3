"""A store of the release before (tests/data/stores): it is read, and what cannot be carried on is refused."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.core.model import OutcomeStatus
from orchestrator.core.model.marks import STOPPED_BY_TAG
from orchestrator.ledger.ledger import Ledger
from orchestrator.local.folder_report_store import LocalReportStore
from orchestrator.local.sqlite_items import SqliteItems
from orchestrator.sweep.run import undo_sweep
from orchestrator.sweep.undo import UndoFilter
from tests.support.builders import a_policy, a_resource, an_account
from tests.support.embedded import OrganizationBuilder
from tests.support.fake_world import EVERYTHING, FakeWorld
from tests.support.fixtures import Run

EARLIER = Path(__file__).parents[1] / "data/stores/format-1"
SWEPT, PLANNED, UNFINISHED = "20261128T073457Z-eaf02b", "20261128T073458Z-67102e", "20261128T073458Z-c6e70a"
UNDO_ID = "20261128T080000Z-000001"


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
        assert [one.status for one in report.outcomes] == [OutcomeStatus.STARTED] * 3
