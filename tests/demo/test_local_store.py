"""What the demo leaves behind is a whole local store: everything that reads one works on it, without an AWS."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.demo.local_store import DEMO_STORE, copy_to, make_room
from orchestrator.demo.server import DemoError, EmbeddedAws, Serving
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Run
from tests.support.lambdas import ENFORCE, dev_accounts, invoked

STORE = ("--store", "kept")


def test_history_reports_verify_explain_and_the_index_work_on_it_when_its_aws_is_gone(
    server: EmbeddedAws, hub: OrganizationBuilder, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev_accounts(hub, 1)
    plan, enforce = (invoked(event)["sweep_id"] for event in ({"mode": "plan"}, ENFORCE))
    copy_to(Path("kept"), Serving(server.url, server.environment, {}))
    for name in [name for name in os.environ if name.startswith("STOP_ORCHESTRATOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    report = run("report", "latest", "--format", "json", *STORE).report
    assert (report["sweep_id"], report["totals"]["stopped"]) == (enforce, 2)
    row = report["decisions"][0]
    where = ("--account", row["account_id"], "--region", row["region"])
    for words, said in (
        (("history",), enforce),
        (("history", row["resource_id"], *where), enforce),
        (("report", "--compare", plan, enforce), plan),
        (("verify", "--all"), "2 sweeps verified"),
        (("explain", row["resource_id"], "--sweep", "latest"), "owns it"),
    ):
        ran = run(*words, *STORE)
        assert (ran.exit_code, ran.stderr) == (0, ""), words
        assert said in ran.stdout
    assert enforce in Path("kept/index/index.html").read_text()
    assert [*Path("kept").glob("sweeps/*/*/work")] == [], "what only a sweep's own processes read is left behind"


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def used(store: Path) -> Path:
    store.mkdir(parents=True)
    (store / "ledger.sqlite").write_text("an earlier demo's")
    return store


@pytest.mark.usefixtures("empty")
def test_the_next_demo_gets_the_same_place_and_what_the_one_before_left_is_kept_beside_it() -> None:
    assert make_room(DEMO_STORE) is None
    assert make_room(DEMO_STORE) is None, "nothing was left in it"
    DEMO_STORE.rmdir()
    for number in (1, 2):
        used(DEMO_STORE)
        aside = make_room(DEMO_STORE)
        assert aside == DEMO_STORE.with_name(f"demo-{number}")
        assert (aside / "ledger.sqlite").read_text() == "an earlier demo's"
        assert [*DEMO_STORE.iterdir()] == []
        DEMO_STORE.rmdir()


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("name", ["ledger.sqlite", "sweeps", "index"])
def test_no_other_store_that_is_in_use_is_moved_or_added_to(name: str) -> None:
    """It may be the ledger of real sweeps."""
    inside = DEMO_STORE.parent / name
    inside.mkdir(parents=True)
    with pytest.raises(DemoError, match=r"\.stop-orchestrator holds sweeps already.*--store"):
        make_room(DEMO_STORE.parent)
    assert inside.is_dir()


def test_a_folder_that_cannot_be_made_is_said_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DemoError, match=r"reports cannot be kept in .*file/store: Not a directory"):
        make_room(tmp_path / "file" / "store")
