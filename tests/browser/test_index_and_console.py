"""The page over all sweeps and the console in a real browser: what people see, follow, sort and filter there."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from orchestrator.console.server import ConsoleServer
from orchestrator.core.report.html.index_page import index_page
from orchestrator.core.report.sweep_digest import SweepDigest
from orchestrator.core.report.sweep_index import newest_digests, sweep_index
from orchestrator.local.folder_index_store import LocalIndexStore
from tests.support.browser import Opened, OpenPage
from tests.support.builders import AT
from tests.support.stored_sweeps import HOSTILE, SPARED, STOPPED, site_of, store_sweeps, sweep_id
from tests.support.sweep_digests import a_digest

pytestmark = pytest.mark.browser
WINDOWS = [(width, scheme) for width in (1400, 400) for scheme in ("light", "dark")]
SWEEPS = 12
NEWEST = sweep_id(SWEEPS - 1)
_CUT_TABLES = """[...document.querySelectorAll(".scroll")].filter((one) => one.scrollWidth > one.clientWidth)
    .map((one) => one.getAttribute("aria-label"))"""
_CUT_LABELS = """[...document.querySelectorAll("svg.chart text")].filter(
    (one) => one.getBoundingClientRect().right > one.closest("svg").getBoundingClientRect().right + 1
).map((one) => one.textContent)"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("store")
    store_sweeps(made, SWEEPS)
    return made


@pytest.fixture(scope="module")
def console(directory: Path) -> Iterator[str]:
    """The address of a console that serves it."""
    with ConsoleServer(0, "", site_of(directory).answer, pytest.fail) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.url
        server.shutdown()
        thread.join(10)


def a_quarter() -> list[SweepDigest]:
    """90 sweeps by two policies, of a large organization."""
    found = []
    for number in range(90):
        at, is_plan = AT + timedelta(hours=12 * number), number % 9 == 3
        stops = 2_300 + 13 * number % 170
        worst: list[Any] = [
            {
                "account_id": f"{one:012}",
                "account_name": f"team-{one} sandbox",
                "ou_path": "/Workloads/Dev/Payments",
                "unread": max(0, 17 - 4 * one),
                "failed": one,
                "violations": 30 - one,
                "exempt": one,
                "detail": "denied: sts:AssumeRole: AccessDenied: User is not authorized to perform it"
                if one < 4
                else "",
            }
            for one in range(8)
        ]
        money: Any = {
            "currency": "USD",
            "made_up": False,
            "forecast_net": stops * 0.31,
            "measured_net": stops * 0.29 if number > 20 else None,
            "unknown_resources": 12,
        }
        fields: dict[str, Any] = {
            "sweep_id": f"{at:%Y%m%dT%H%M%SZ}-{number:06x}",
            "started_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "policy_name": "nonprod" if number % 4 else "labs",
            "mode": "plan" if is_plan else "enforce",
            "status": ("complete", "complete", "incomplete", "complete", "held")[number % 5],
            "running": 4_200 + 11 * number,
            "stopped": 0 if is_plan else stops,
            "would_stop": stops if is_plan else 0,
            "exempt": 400 + number,
            "coverage_percent": 96 + number % 4,
            "money": money,
            "worst_accounts": worst,
        }
        found.append(a_digest(**fields))
    return newest_digests(found, [])


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("quarter") / "index.html"
    path.write_bytes(b"".join(index_page(sweep_index(a_quarter()), lambda one: f"{one['sweep_id']}/report.html")))
    return path.as_uri()


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_axe_finds_nothing_on_the_page_over_all_sweeps(
    open_page: OpenPage,
    quarter: str,
    directory: Path,
    keep_screenshot: Callable[[Opened, str], None],
    width: int,
    scheme: str,
) -> None:
    stored = (directory / "index" / "index.html").as_uri()
    for name, address in (("quarter", quarter), ("small", stored)):
        opened = open_page(address, width=width, scheme=scheme)
        keep_screenshot(opened, f"index-{name}-{width}-{scheme}")
        assert opened.axe_violations() == []
        assert not opened.is_wider_than_its_window()
        if width > 1_000:
            assert opened.page.evaluate(_CUT_TABLES) == []
            assert opened.page.evaluate(_CUT_LABELS) == []


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("index", ""),
        ("report", f"sweeps/{NEWEST}/"),
        ("explain", f"sweeps/{NEWEST}/explain?resource={SPARED}"),
        ("files", f"sweeps/{NEWEST}/files"),
    ],
)
def test_axe_finds_nothing_on_the_consoles_pages(
    open_page: OpenPage,
    console: str,
    keep_screenshot: Callable[[Opened, str], None],
    name: str,
    path: str,
    width: int,
    scheme: str,
) -> None:
    opened = open_page(f"{console}{path}", width=width, scheme=scheme)
    keep_screenshot(opened, f"console-{name}-{width}-{scheme}")
    assert opened.axe_violations() == []
    assert not opened.is_wider_than_its_window()


def test_the_first_screen_has_the_newest_sweep_and_what_it_did(open_page: OpenPage, quarter: str) -> None:
    opened = open_page(quarter)
    for text in ("The last 90 sweeps", "Running when read", "Saves, net", "12 amounts unknown"):
        box = opened.page.get_by_text(text).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 900, text


def test_sweeps_are_filtered_and_sorted(open_page: OpenPage, quarter: str) -> None:
    opened = open_page(quarter)
    table = opened.page.locator('[data-plain-table="sweeps"]')
    table.get_by_label("Mode", exact=True).select_option(label="plan")
    rows = opened.rows("sweeps")
    assert len(rows) == 10
    assert {row[2] for row in rows} == {"plan"}
    table.locator("th").get_by_text("Would stop").click()
    counts = [int(row[6].replace(",", "")) for row in opened.rows("sweeps")]
    assert counts == sorted(counts)
    table.get_by_role("searchbox").fill("labs")
    assert {row[1] for row in opened.rows("sweeps")} == {"labs"}


def test_the_stored_page_links_to_each_stored_report(open_page: OpenPage, directory: Path) -> None:
    opened = open_page((directory / "index" / "index.html").as_uri())
    links: list[str] = opened.page.evaluate(
        "[...document.querySelectorAll('[data-plain-table=\"sweeps\"] tbody a')].map((one) => one.href)"
    )
    assert len(links) == SWEEPS
    assert all(Path(one.removeprefix("file://")).is_file() for one in links)
    report = open_page(links[0])
    assert "1 stopped" in report.page.inner_text("h1")


def test_from_the_console_a_decision_is_explained_in_three_steps(open_page: OpenPage, console: str) -> None:
    sweeps = open_page(console)
    link = sweeps.page.locator('[data-plain-table="sweeps"] tbody a').first.get_attribute("href")
    report = open_page(f"{urljoin(console, link)}#decisions?verdict=stop")
    report.page.locator('[data-table="decisions"] .opener button').first.click()
    explain = report.page.get_by_text("Explain this decision").get_attribute("href")
    explained = open_page(urljoin(report.page.url, explain))
    text = explained.page.inner_text("main")
    assert STOPPED in text
    assert "tag Environment: dev" in text
    assert "owns it" in text
    back = explained.page.get_by_role("link", name="All sweeps").get_attribute("href")
    assert urljoin(explained.page.url, back) == console


def test_a_file_is_downloaded_and_not_shown(open_page: OpenPage, console: str) -> None:
    opened = open_page(f"{console}sweeps/{NEWEST}/files")
    with opened.page.expect_download() as downloading:
        opened.page.get_by_role("link", name="report.json").click()
    assert downloading.value.suggested_filename in ("report.json", f"{NEWEST}-report.json")
    assert json.loads(Path(downloading.value.path()).read_text())["sweep_id"] == NEWEST
    opened.requests[:] = [one for one in opened.requests if not one.endswith("/report.json")]


def test_a_strange_page_that_lies_where_a_report_is_runs_no_script(
    open_page: OpenPage, tmp_path: Path, chromium: object
) -> None:
    """It would raise a dialog, which fails the test at its end."""
    [only] = store_sweeps(tmp_path)
    [page] = tmp_path.glob("sweeps/*/*/report.html")
    policy = '<meta http-equiv="Content-Security-Policy" content="script-src *">'
    page.write_text(f"<head>{policy}<title>x</title></head><script>alert(1)</script>")
    with ConsoleServer(0, "", site_of(tmp_path).answer, pytest.fail) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        opened = open_page(f"{server.url}sweeps/{only}/")
        assert "1 stopped" in opened.page.inner_text("h1")
        server.shutdown()
        thread.join(10)


def test_hostile_names_are_texts(open_page: OpenPage, console: str) -> None:
    for path in ("", f"sweeps/{NEWEST}/explain?resource={SPARED}"):
        opened = open_page(f"{console}{path}")
        assert HOSTILE in opened.page.inner_text("main")
        assert opened.page.locator("img").count() == 0


def test_an_index_without_a_sweep_says_so(open_page: OpenPage, tmp_path: Path) -> None:
    store = LocalIndexStore(tmp_path)
    store.put("index.html", b"".join(index_page(sweep_index([]), lambda _: "")))
    opened = open_page((tmp_path / "index" / "index.html").as_uri())
    assert "No sweep has ended yet." in opened.page.inner_text("main")
    assert opened.axe_violations() == []
