"""The command `report`: every form of an earlier sweep, in the browser, and what differs between two."""

from __future__ import annotations

import csv
import gzip
import io
import json
import webbrowser
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator import app
from orchestrator.cli import report_forms
from orchestrator.core.report.document import report_document
from orchestrator.core.report.files import report_chunks
from orchestrator.core.report.manifest import MANIFEST
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import SweepSummary
from orchestrator.local.folder_report_store import LocalReportStore
from orchestrator.local.sqlite_items import SqliteItems
from tests.core.report.test_ocsf import DOCUMENT as WITH_COMPLIANCE
from tests.core.report.test_sql import HOSTILE, a_document
from tests.support.builders import SWEEP_ID, a_coverage, a_report
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Run

STORE = Path(".stop-orchestrator")
LATER = "20261124T190000Z-0a1b2c"
PAGE = b"<!doctype html><title>the page</title>"
Stored = Callable[..., None]


@pytest.fixture
def stored(run: Run) -> Stored:
    """Keeps a report as a sweep does, in the ledger and as files, but for those `without`."""

    def keep(document: dict[str, Any], sweep_id: str = SWEEP_ID, without: Iterable[str] = (), **summary: str) -> None:
        store, ledger = LocalReportStore(STORE), Ledger(SqliteItems(STORE), app.now)
        document = {**document, "sweep_id": sweep_id}
        for name, chunks in report_chunks(document).items():
            if name not in without:
                store.put_chunks(sweep_id, name, chunks)
        store.put(sweep_id, MANIFEST, b"{}")
        at = document["started_at"]
        known = {"status": "complete", "mode": "enforce", "policy_name": "nonprod", "started_at": at, "finished_at": at}
        ledger.begin(SweepSummary(**{"sweep_id": sweep_id, "ended_at": at, **known, **summary}))

    return keep


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that makes this page of any report."""

    def with_page(document: dict[str, Any]) -> dict[str, Iterable[bytes]]:
        return {**report_chunks(document), report_forms.HTML: [PAGE]}

    monkeypatch.setattr(report_forms, "report_chunks", with_page)


# --- forms ------------------------------------------------------------------------------------------------------------


def test_each_form_is_of_the_same_report(run: Run, stored: Stored) -> None:
    document = a_document()
    stored(document)
    lines = [json.loads(line) for line in run("report", "latest", "-f", "jsonl").stdout.splitlines()]
    rows = [*csv.DictReader(io.StringIO(run("report", SWEEP_ID, "-f", "csv").stdout, newline=""))]
    whole = run("report", SWEEP_ID, "-f", "json").report
    ids = [row["resource_id"] for row in document["decisions"]]
    for form in (lines, rows, whole["decisions"]):
        assert [row["resource_id"] for row in form] == ids
    said = run("report", SWEEP_ID, "--format", "md").stdout
    assert said.startswith(f"# Sweep {SWEEP_ID}: complete\n")
    assert f"**{document['totals']['stopped']}** stopped" in said
    for form in ("jsonl", "csv", "md", "json", "table", "ocsf"):
        ran = run("report", SWEEP_ID, "--format", form)
        assert (ran.exit_code, ran.stderr) == (0, "")
        assert all(one.isprintable() or one in "\r\n" for one in ran.stdout), form
        assert not {"\x1b", "\u202e"} & {*ran.stdout}
    assert HOSTILE in [line["message"] for line in lines]


def test_compliance_goes_out_as_ocsf(run: Run, stored: Stored) -> None:
    stored(WITH_COMPLIANCE)
    findings = [json.loads(line) for line in run("report", "latest", "--format", "ocsf").stdout.splitlines()]
    assert [(one["class_uid"], one["compliance"]["control"]) for one in findings] == [
        (2003, "missing_required_tag"),
        (2003, "opt_out_without_reason"),
    ]


@pytest.mark.parametrize("form", ["table", "json", "csv", "jsonl", "md", "html", "ocsf"])
def test_each_form_goes_into_a_file_too(run: Run, stored: Stored, page: None, form: str) -> None:
    stored({**a_document(), "compliance": WITH_COMPLIANCE["compliance"]}, without=["report.html"])
    printed = run("report", SWEEP_ID, "--format", form).stdout
    ran = run("report", SWEEP_ID, "--format", form, "--output", "a file")
    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "", "Written to a file\n")
    assert Path("a file").read_bytes().decode().replace("\r\n", "\n") == printed != ""


def test_a_page_is_the_one_that_was_stored_else_it_is_made_of_the_report(run: Run, stored: Stored, page: None) -> None:
    stored(a_document(), without=["report.html"])
    assert run("report", SWEEP_ID, "--format", "html").stdout.encode() == PAGE
    LocalReportStore(STORE).put(SWEEP_ID, "report.html", b"as it was written")
    assert run("report", SWEEP_ID, "--format", "html").stdout == "as it was written"


def test_a_table_that_an_earlier_release_did_not_write_is_made_of_its_report(run: Run, stored: Stored) -> None:
    document = a_document()
    stored(document, without=["opt_outs.csv", "decisions.jsonl.gz"])
    assert run("report", SWEEP_ID, "-f", "csv", "--part", "opt_outs").stdout.startswith("carrier,carrier_id,")
    assert len(run("report", SWEEP_ID, "-f", "jsonl").stdout.splitlines()) == len(document["decisions"])


def test_lines_that_are_damaged_are_no_output_and_no_traceback(run: Run, stored: Stored) -> None:
    stored(a_document(), without=["decisions.jsonl.gz"])
    for content in (b"no gzip", gzip.compress(b"{}\n" * 9)[:-9]):
        path = next(STORE.glob("sweeps/*/*")) / "decisions.jsonl.gz"
        path.write_bytes(content)
        ran = run("report", SWEEP_ID, "-f", "jsonl")
        assert ran.exit_code == 1
        assert f"decisions.jsonl.gz of {SWEEP_ID} is damaged" in ran.stderr


@pytest.mark.parametrize("form", ["table", "md", "ocsf"])
@pytest.mark.parametrize("content", [b'{"sweep_id":"x"}', b"[]", b"{"])
def test_what_is_no_report_is_said_to_be_damaged(run: Run, stored: Stored, form: str, content: bytes) -> None:
    stored(a_document(), without=["report.json"])
    (next(STORE.glob("sweeps/*/*")) / "report.json").write_bytes(content)
    ran = run("report", SWEEP_ID, "--format", form)
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert f"the report of {SWEEP_ID} is damaged" in ran.stderr


@pytest.mark.parametrize("where", ["folder", "bucket"])
def test_the_lines_of_a_whole_sweep_come_from_a_folder_and_from_a_bucket(
    organization: OrganizationBuilder, healthy: str, run: Run, policy: Any, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    if where == "bucket":
        for name, value in organization.hub().items():
            monkeypatch.setenv(name, value)
    path = policy("rules: [{name: dev, where: {tag: {Environment: dev}}}]\n")
    planned = run("plan", "--policy", path, "--format", "json").report
    [line] = map(json.loads, run("report", "latest", "--format", "jsonl").stdout.splitlines())
    assert (line["sweep_id"], line["outcome"], line["account_name"]) == (planned["sweep_id"], "would_stop", "healthy")
    assert run("report", "latest", "--format", "md").stdout.startswith(f"# Sweep {planned['sweep_id']}: complete")


# --- latest -----------------------------------------------------------------------------------------------------------


def test_latest_is_the_newest_by_a_policy_where_one_is_named_and_never_one_that_was_missed(
    run: Run, stored: Stored
) -> None:
    stored(a_document(), policy_name="labs")
    stored(a_document(), LATER)
    missed = SweepSummary("20261125T190000Z-000000", "missed", "enforce", "labs", "2026-11-25T19:00:00Z")
    ledger = Ledger(SqliteItems(STORE), app.now)
    ledger.begin(replace(missed, finished_at="2026-11-25T19:00:00Z"))
    assert run("report", "latest", "-f", "json").report["sweep_id"] == LATER
    assert run("report", "latest", "--policy-name", "labs", "-f", "json").report["sweep_id"] == SWEEP_ID
    ran = run("report", "latest", "--policy-name", "lab")
    assert ran.exit_code == 1
    assert "no sweep by a policy named lab in the ledger in .stop-orchestrator has ended yet" in ran.stderr


# --- a browser --------------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a browser was given."""
    found: list[str] = []
    monkeypatch.setattr(webbrowser, "get", object)
    monkeypatch.setattr(webbrowser, "open", lambda uri: not found.append(uri))
    return found


def test_the_stored_page_is_opened_where_it_is(run: Run, stored: Stored, terminal: None, opened: list[str]) -> None:
    stored(a_document(), without=["report.html"])
    LocalReportStore(STORE).put(SWEEP_ID, "report.html", PAGE)
    ran = run("report", SWEEP_ID, "--open")
    assert (ran.exit_code, ran.stdout) == (0, "")
    assert opened == [next(STORE.absolute().glob("sweeps/*/*/report.html")).as_uri()]


def test_a_page_that_is_not_on_this_machine_is_opened_from_a_file_that_stays(
    run: Run, stored: Stored, terminal: None, opened: list[str], page: None
) -> None:
    stored(a_document(), without=["report.html"])
    assert run("report", SWEEP_ID, "--open").exit_code == 0
    [uri] = opened
    path = Path(uri.removeprefix("file://"))
    assert (path.read_bytes(), path.name) == (PAGE, f"report-{SWEEP_ID}.html")
    assert path.parent.stat().st_mode & 0o077 == 0, "others on this machine may not read it"
    assert run("report", SWEEP_ID, "--open", "-o", "page.html").exit_code == 0
    assert (opened[1], Path("page.html").read_bytes()) == (Path("page.html").absolute().as_uri(), PAGE)


def test_without_a_terminal_no_browser_is_started_and_the_page_is_named(
    run: Run, stored: Stored, opened: list[str], page: None
) -> None:
    stored(a_document(), without=["report.html"])
    ran = run("report", SWEEP_ID, "--open", "--output", "page.html")
    assert (ran.exit_code, opened) == (1, [])
    assert "No browser was opened, as there is no terminal. The page is page.html" in ran.stderr
    assert Path("page.html").read_bytes() == PAGE


@pytest.mark.parametrize("fails", ["none", "in the terminal", "refuses", "raises"])
def test_a_browser_that_does_not_open_is_said_and_the_page_is_named(
    run: Run, stored: Stored, terminal: None, page: None, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def broken(*_: object) -> Any:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.delenv("BROWSER", raising=False)
    text_browser = webbrowser.GenericBrowser("w3m")
    monkeypatch.setattr(webbrowser, "get", broken if fails == "none" else lambda: text_browser)
    if fails in ("refuses", "raises"):
        monkeypatch.setattr(webbrowser, "get", object)
    monkeypatch.setattr(webbrowser, "open", broken if fails == "raises" else lambda _: False)
    stored(a_document(), without=["report.html"])
    ran = run("report", SWEEP_ID, "--open", "--output", "page.html")
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert "No browser was opened, as " in ran.stderr
    assert "The page is page.html" in ran.stderr


# --- two sweeps -------------------------------------------------------------------------------------------------------


@pytest.fixture
def two(stored: Stored) -> None:
    """The later one stops what the earlier one kept, and did not read what that read."""
    name = "=1|<img src=x>\x1b[31m\u202e"
    kept, stops = report_document(a_report()), a_document(7)
    rows = [{**row, "verdict": "keep", "action": None, "reason_code": "schedule"} for row in stops["decisions"]]
    stops["decisions"][0]["name"] = name
    denied = report_document(a_report(coverage=(a_coverage(), a_coverage(region="xx-1"))))
    stored({**kept, "decisions": rows, "coverage": denied["coverage"]})
    stored(stops, LATER)


def test_two_sweeps_are_compared_as_a_table_and_as_json(run: Run, two: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = run("report", "--compare", SWEEP_ID, "latest", "--format", "json")
    assert ran.report["changes"] == {"newly_stopped": 3, "newly_started": 1, "other_reason": 3}
    assert [row["region"] for row in ran.report["coverage"]] == ["xx-1"]
    monkeypatch.setattr("orchestrator.cli.console.stdout.width", 80)
    table = run("report", "--compare", SWEEP_ID, LATER)
    assert table.exit_code == 0
    lines = table.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    for said in ("Newly stopped", "Newly started", "Decided by another rule or reason", "Totals", "Coverage"):
        assert said in [line.strip() for line in lines]
    assert not {"\x1b", "\u202e"} & {*table.stdout}
    assert "Savings" not in table.stdout
    same = run("report", "--compare", LATER, LATER)
    assert same.stdout.splitlines()[-1] == "Nothing differs."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name one sweep"),
        ((SWEEP_ID, "--compare", SWEEP_ID, LATER), "name one sweep, or two with --compare"),
        (("--compare", SWEEP_ID, "newest"), "'newest' is no sweep id"),
        (("--compare", SWEEP_ID, LATER, "--format", "md"), "--compare goes with --format table or json"),
        (("--compare", SWEEP_ID, LATER, "--open"), "--open goes with one sweep"),
        ((SWEEP_ID, "--open", "--format", "md"), "--open opens the HTML page"),
        ((SWEEP_ID, "--policy-name", "labs"), "--policy-name goes with `latest`"),
        ((SWEEP_ID, "--part", "coverage", "-f", "md"), "--part goes with --format csv"),
    ],
)
def test_what_does_not_go_together_is_bad_usage(run: Run, arguments: tuple[str, ...], said: str) -> None:
    ran = run("report", *arguments)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert said in ran.stderr


# --- the schema -------------------------------------------------------------------------------------------------------


def test_the_fields_are_described_in_words_and_in_sql(run: Run) -> None:
    assert run("schema", "--report", "--format", "md").stdout.startswith("# The report's fields\n")
    assert run("schema", "--report", "--format", "duckdb").stdout.startswith("CREATE OR REPLACE VIEW decisions")
    assert run("schema", "--report", "--format", "athena").stdout.startswith("CREATE EXTERNAL TABLE decision_lines")
    ran = run("schema", "--format", "md")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "--format md goes with --report" in ran.stderr
