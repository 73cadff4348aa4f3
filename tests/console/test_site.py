"""The console's pages, from a store with real sweeps in it whose names and tags are hostile."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest

from orchestrator.console.answers import Answer
from orchestrator.console.site import Site
from orchestrator.core.report.files import sweep_folder
from orchestrator.core.report.html.pages import content_policy
from orchestrator.errors import LedgerError, ReportStoreError
from orchestrator.ledger.ledger import Ledger
from orchestrator.local.folder_report_store import LocalReportStore
from orchestrator.local.sqlite_items import SqliteItems
from tests.support.builders import AT
from tests.support.stored_sweeps import (
    ACCOUNT,
    HOSTILE,
    SPARED,
    STOPPED,
    TURNED,
    site_of,
    store_sweeps,
    sweep_id,
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("store")
    store_sweeps(made, 3)
    return made


@pytest.fixture
def site(directory: Path) -> Site:
    return site_of(directory)


ID = sweep_id(0)
PAGES = ("/", f"/sweeps/{ID}/", f"/sweeps/{ID}/files", f"/sweeps/{ID}/explain?resource={SPARED}")


def text(answer: Answer) -> str:
    return b"".join(answer.body).decode()


def test_the_first_page_has_every_sweep_and_links_to_its_page(site: Site) -> None:
    page = text(site.answer("/"))
    for number in range(3):
        assert f'href="sweeps/{sweep_id(number)}/"' in page
    assert "../sweeps/dt=" not in page


@pytest.mark.parametrize("target", PAGES)
def test_a_hostile_name_is_text_on_every_page(site: Site, target: str) -> None:
    answer = site.answer(target)
    assert answer.status is HTTPStatus.OK
    page = text(answer)
    assert HOSTILE not in page
    assert TURNED not in page


@pytest.mark.parametrize("target", PAGES)
def test_a_page_may_run_its_own_script_and_no_other_and_be_framed_by_none(site: Site, target: str) -> None:
    policy = site.answer(target).headers["Content-Security-Policy"]
    assert policy == f"{content_policy()}; frame-ancestors 'none'"
    assert "unsafe" not in policy


def test_the_report_is_the_stored_page_with_a_way_to_explain(site: Site, directory: Path) -> None:
    stored = (directory / sweep_folder(ID) / "report.html").read_text()
    page = text(site.answer(f"/sweeps/{ID}/"))
    assert '<meta name="stop-orchestrator-explain" content="explain?resource={resource_id}&amp;account=' in page
    assert '<a href="../../">All sweeps</a><a href="files">Files</a>' in page
    assert 0 < len(page) - len(stored) < 300
    assert page.endswith(stored[-10_000:])


def test_a_report_that_has_no_page_of_this_release_is_made_from_its_json(tmp_path: Path) -> None:
    [only] = store_sweeps(tmp_path)
    page = tmp_path / sweep_folder(only) / "report.html"
    whole = text(site_of(tmp_path).answer(f"/sweeps/{only}/"))
    page.unlink()
    assert text(site_of(tmp_path).answer(f"/sweeps/{only}/")) == whole
    policy = '<meta http-equiv="Content-Security-Policy" content="script-src *">'
    for content in (f"{policy}<title>x</title><script>alert(1)</script>", "", "<script>alert(1)</script>"):
        page.write_text(content)
        answer = site_of(tmp_path).answer(f"/sweeps/{only}/")
        assert answer.content_policy == content_policy()
        assert text(answer) == whole


def test_a_decision_is_explained_by_id_by_arn_and_by_all_that_a_row_has(site: Site) -> None:
    arn = f"arn:aws:ec2:eu-central-1:{ACCOUNT}:instance/{STOPPED}"
    row = f"resource={STOPPED}&account={ACCOUNT}&region=eu-central-1&kind=ec2"
    queries = (f"resource={STOPPED}", f"resource={arn}", row)
    [page] = {text(site.answer(f"/sweeps/{ID}/explain?{query}")) for query in queries}
    assert '<span class="status stop">stop</span>' in page
    assert "tag Environment: dev" in page
    assert "owns it" in page
    assert "no schedule: it may be stopped at any time" in page


def test_where_an_id_is_there_twice_it_is_asked_which_is_meant(tmp_path: Path) -> None:
    [only] = store_sweeps(tmp_path)
    path = tmp_path / sweep_folder(only) / "report.json"
    document = json.loads(path.read_text())
    twin = {**document["decisions"][0], "region": "eu-west-1", "arn": "x"}
    path.write_text(json.dumps({**document, "decisions": [*document["decisions"], twin]}, separators=(",", ":")))
    page = text(site_of(tmp_path).answer(f"/sweeps/{only}/explain?resource={STOPPED}"))
    assert "2 resources of that id" in page
    assert f'href="explain?resource={STOPPED}&amp;account={ACCOUNT}&amp;region=eu-west-1&amp;kind=ec2"' in page


def test_a_resource_that_is_not_in_the_report_is_not_found(site: Site) -> None:
    for query in ("resource=i-9", f"resource={STOPPED}&account=000000000042", "resource=arn:aws:s3:::x"):
        answer = site.answer(f"/sweeps/{ID}/explain?{query}")
        assert answer.status is HTTPStatus.NOT_FOUND
        assert "has no such resource" in text(answer)


def test_a_bad_query_is_refused_and_not_quoted(site: Site) -> None:
    answer = site.answer(f"/sweeps/{ID}/explain?resource=a&%3Cimg%3E=1")
    assert answer.status is HTTPStatus.BAD_REQUEST
    assert "img" not in text(answer)


def test_files_are_downloads_as_they_are_stored(site: Site, directory: Path) -> None:
    page = text(site.answer(f"/sweeps/{ID}/files"))
    assert '<a href="decisions.csv" download>' in page
    assert "manifest.sig" not in page
    answer = site.answer(f"/sweeps/{ID}/decisions.jsonl.gz")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{ID}-decisions.jsonl.gz"'
    assert answer.headers["Content-Type"] == "application/gzip"
    content = b"".join(answer.body)
    assert content == (directory / sweep_folder(ID) / "decisions.jsonl.gz").read_bytes()
    assert len(gzip.decompress(content).splitlines()) == 3
    assert site.answer(f"/sweeps/{ID}/manifest.sig").status is HTTPStatus.NOT_FOUND


def test_a_report_is_downloaded_and_never_opened_as_a_page_of_this_site(site: Site) -> None:
    answer = site.answer(f"/sweeps/{ID}/report.html")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "script-src" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("page", ["", "files", "explain?resource=a"])
def test_a_sweep_that_nobody_knows_is_said_to_be_in_no_store(site: Site, page: str) -> None:
    strange = "20200101T000000Z-abcdef"
    answer = site.answer(f"/sweeps/{strange}/{page}")
    assert answer.status is HTTPStatus.NOT_FOUND
    assert f"there is no sweep {strange}" in text(answer)


def test_a_missed_sweep_says_so(tmp_path: Path) -> None:
    store_sweeps(tmp_path)
    items, missed = SqliteItems(tmp_path), "20261124T190000Z-00000f"
    [record] = items.query("SWEEPS")
    items.put({**record, "SK": missed, "status": "missed", "error": "no lease", "totals": None})
    answer = site_of(tmp_path).answer(f"/sweeps/{missed}/")
    assert answer.status is HTTPStatus.NOT_FOUND
    assert text(answer) == f"{missed} has no report: it was missed; no lease\n"
    page = text(site_of(tmp_path).answer("/"))
    assert '<span class="status missed">missed</span>' in page
    assert f'href="sweeps/{missed}/"' not in page


def test_what_the_store_refuses_is_an_answer_and_no_traceback(site: Site) -> None:
    class Refusing(LocalReportStore):
        def find_chunks(self, *_: str) -> Iterator[bytes] | None:
            raise ReportStoreError("AccessDenied: \x1b[31mnot you")

    stores = replace(site.stores, store=Refusing(Path("nowhere")))
    answer = replace(site, stores=stores).answer(f"/sweeps/{ID}/")
    assert (answer.status, text(answer)) == (HTTPStatus.BAD_GATEWAY, "AccessDenied: \\u001b[31mnot you\n")


def test_without_the_ledger_the_first_page_has_what_sweeps_kept_and_says_so(site: Site) -> None:
    class Refusing(SqliteItems):
        def query(self, *_: object, **__: object) -> list[dict[str, object]]:
            raise LedgerError("AccessDenied: not you")

    ledger = Ledger(Refusing(Path("nowhere")), lambda: AT)
    page = text(replace(site, stores=replace(site.stores, ledger=ledger)).answer("/"))
    assert "The ledger cannot be read, so this page may lack sweeps: AccessDenied: not you" in page
    assert f'href="sweeps/{ID}/"' in page


@pytest.mark.parametrize("content", ["{", "[]", '{"decisions":[{"account_id":1,"resource_id":"a"}]}'])
def test_a_damaged_report_is_said_to_be_damaged(tmp_path: Path, content: str) -> None:
    [only] = store_sweeps(tmp_path)
    (tmp_path / sweep_folder(only) / "report.json").write_text(content)
    answer = site_of(tmp_path).answer(f"/sweeps/{only}/explain?resource=a")
    assert answer.status is HTTPStatus.BAD_GATEWAY
    assert text(answer).startswith(f"the report of {only} is damaged")


def test_a_report_is_read_once_for_several_explanations(site: Site, directory: Path) -> None:
    read: list[str] = []

    class Counting(LocalReportStore):
        def find_chunks(self, sweep_id: str, name: str) -> Iterator[bytes] | None:
            read.append(name)
            return super().find_chunks(sweep_id, name)

    counting = replace(site, stores=replace(site.stores, store=Counting(directory)))
    for one in (STOPPED, SPARED):
        assert counting.answer(f"/sweeps/{ID}/explain?resource={one}").status is HTTPStatus.OK
    assert read.count("report.json") == 1
