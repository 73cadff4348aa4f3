"""report.html in a real browser, of a sweep of 40 accounts and of 50,000 decisions."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.core.model import AwsError, Mode
from orchestrator.core.report.document import Row, report_document
from orchestrator.core.report.files import report_files
from orchestrator.core.report.html.report_page import report_page
from orchestrator.ports import TargetUnreadableError
from orchestrator.sweep.run import run_sweep
from tests.support.browser import Opened, OpenPage
from tests.support.builders import SWEEP_ID, a_policy, a_report, a_resource, an_account
from tests.support.fake_world import FakeWorld, open_regions
from tests.support.page_reports import HOSTILE, account_id, page_document

pytestmark = pytest.mark.browser
MOST_BYTES = 8_000_000
FIRST_SCREEN = 900
WINDOWS = [(width, scheme) for width in (1400, 400) for scheme in ("light", "dark")]


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The address of each page, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("pages")
    documents: dict[str, Callable[[], Row]] = {
        "forty": page_document,
        "plan": lambda: page_document(mode=Mode.PLAN, money=False),
        "small": lambda: page_document(1_000, 500),
        "large": lambda: page_document(1_000, 50_000),
        "empty": lambda: report_document(a_report()),
    }

    def address(name: str) -> str:
        path = folder / f"{name}.html"
        if not path.exists():
            path.write_bytes(b"".join(report_page(documents[name]())))
        return path.as_uri()

    return address


# --- the first screen -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1400, 400])
def test_the_first_screen_answers_what_stopped_what_did_not_and_why_what_was_not_seen_and_what_it_saves(
    open_page: OpenPage, pages: Callable[[str], str], width: int
) -> None:
    opened = open_page(pages("forty"), width=width)
    for text in (
        "588 stopped, 12 failed, 900 kept",
        "targets could not be read",
        "Saves",
        "made up",
        "its schedule says that it runs now",
        "Did not work, or was not seen",
    ):
        box = opened.page.get_by_text(text).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= FIRST_SCREEN, text
    assert not opened.is_wider_than_its_window()


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
@pytest.mark.parametrize("name", ["forty", "plan", "empty"])
def test_axe_finds_nothing(
    open_page: OpenPage,
    pages: Callable[[str], str],
    keep_screenshot: Callable[[Opened, str], None],
    name: str,
    width: int,
    scheme: str,
) -> None:
    opened = open_page(pages(name), width=width, scheme=scheme)
    keep_screenshot(opened, f"report-{name}-{width}-{scheme}")
    if name == "forty":
        opened.page.locator('[data-table="decisions"] .opener button').first.click()
    assert opened.axe_violations() == []
    assert not opened.is_wider_than_its_window()


@pytest.mark.parametrize("width", [1400, 400])
def test_each_section_can_be_looked_at(
    open_page: OpenPage, pages: Callable[[str], str], keep_screenshot: Callable[[Opened, str], None], width: int
) -> None:
    opened = open_page(pages("forty"), width=width)
    links = opened.page.locator("nav a")
    for number in range(links.count()):
        links.nth(number).click()
        section = links.nth(number).inner_text().lower()
        keep_screenshot(opened, f"report-section-{section}-{width}")
        heading = opened.page.locator(":focus")
        assert heading.evaluate("(one) => one.id") != ""


def test_the_page_that_a_sweep_of_40_accounts_wrote_says_what_it_did(
    open_page: OpenPage, tmp_path: Path, keep_screenshot: Callable[[Opened, str], None]
) -> None:
    fake = FakeWorld(accounts=tuple(an_account(account_id(number), "/Workloads/Dev") for number in range(40)))
    for number, one in enumerate(fake.accounts):
        found = [a_resource(f"i-{number}-{count}", one.id, tags={"Environment": "dev"}) for count in range(3)]
        fake.resources[found[0].target] = tuple(found)
        fake.regions[one.id] = open_regions(found[0].target.region)
    fake.binds[fake.accounts[7].id] = TargetUnreadableError(AwsError("AccessDenied", "no"), "sts:AssumeRole")
    rule = "rules: [{name: dev, where: {tag: {Environment: dev}}}]"
    run_sweep(fake.world(), a_policy(rule), SWEEP_ID, Mode.ENFORCE)
    page = tmp_path / "report.html"
    page.write_bytes(fake.files.read(SWEEP_ID, "report.html"))
    opened = open_page(page.as_uri())
    assert opened.page.inner_text("h1") == "117 stopped, 0 kept"
    assert opened.count("accounts") == "1 to 20 of 40"
    assert len(opened.rows("decisions")) == 100
    assert opened.axe_violations() == []
    keep_screenshot(opened, "report-of-a-sweep")


# --- tables -----------------------------------------------------------------------------------------------------------


def test_decisions_are_filtered_by_words_and_by_choice(open_page: OpenPage, pages: Callable[[str], str]) -> None:
    opened = open_page(pages("forty"))
    assert opened.count("decisions") == "1 to 100 of 1,500"
    table = opened.page.locator('[data-table="decisions"]')
    table.get_by_label("Decision", exact=True).select_option(label="stop")
    assert opened.count("decisions") == "1 to 100 of 600 (filtered from 1,500)"
    table.get_by_role("searchbox").fill("checkout eu-west-1")
    rows = opened.rows("decisions")
    assert rows
    assert all("checkout" in row[1] and "eu-west-1" in row[1] and row[3] == "stop" for row in rows)
    assert "verdict=stop" in opened.page.url, "the address can be sent to somebody"


def test_a_click_on_a_heading_sorts_and_another_one_turns_it_round(
    open_page: OpenPage, pages: Callable[[str], str]
) -> None:
    opened = open_page(pages("forty"))
    head = opened.page.locator('[data-table="accounts"] th[data-column="stops"]')
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    up = [int(row[3]) for row in opened.rows("accounts")]
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    down = [int(row[3]) for row in opened.rows("accounts")]
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)
    assert down[0] > up[0]


def test_an_amount_that_is_unknown_sorts_after_the_known_ones_and_is_not_zero(
    open_page: OpenPage, pages: Callable[[str], str]
) -> None:
    opened = open_page(f"{pages('forty')}#decisions?verdict=stop")
    opened.page.locator('[data-table="decisions"] th[data-column="net"] button').click()
    assert {row[7] for row in opened.rows("decisions")} == {"$1.04"}
    opened.page.locator('[data-table="decisions"]').get_by_role("searchbox").fill("unknown")
    assert {row[7] for row in opened.rows("decisions")} == {"unknown"}


def test_links_lead_from_an_account_to_its_decisions_and_back(open_page: OpenPage, pages: Callable[[str], str]) -> None:
    opened = open_page(pages("forty"))
    opened.page.locator('[data-table="accounts"] tbody a').first.click()
    name = opened.rows("accounts")[0][0].split("\n")[0]
    opened.page.locator('[data-table="decisions"] .chip').wait_for()
    assert {row[1].split("\n")[0] for row in opened.rows("decisions")} == {name}
    opened.page.locator('[data-table="decisions"] .chip').click()
    assert opened.count("decisions") == "1 to 100 of 1,500"
    opened.page.locator('[data-table="decisions"] tbody a').first.click()
    opened.page.locator('[data-table="accounts"] .chip').wait_for()
    assert len(opened.rows("accounts")) == 1
    opened.page.go_back()


def test_every_link_within_the_page_leads_to_something(open_page: OpenPage, pages: Callable[[str], str]) -> None:
    opened = open_page(pages("forty"))
    found: list[str] = opened.page.evaluate("[...document.querySelectorAll('main a, nav a')].map((a) => a.hash)")
    targets = {one.partition("?")[0].removeprefix("#") for one in found}
    assert targets >= {"decisions", "accounts", "coverage", "failures"}
    assert [one for one in targets if opened.page.locator(f"#{one}").count() != 1] == []
    for one in sorted({one for one in found if one.startswith("#decisions?")})[:40]:
        opened.page.evaluate("(hash) => { location.hash = hash; }", one)
        assert opened.rows("decisions"), one


def test_a_failure_has_awss_words_and_what_to_do(open_page: OpenPage, pages: Callable[[str], str]) -> None:
    opened = open_page(f"{pages('forty')}#failures?code=OperationNotPermitted")
    rows = opened.rows("failures")
    assert len(rows) == 4
    assert "disableApiStop" in rows[0][5]
    assert "Stop protection is on" in rows[0][6]


def test_a_row_opens_and_shows_what_is_known_of_it(open_page: OpenPage, pages: Callable[[str], str]) -> None:
    opened = open_page(f"{pages('forty')}#decisions?verdict=stop")
    button = opened.page.locator('[data-table="decisions"] .opener button').first
    button.click()
    assert button.get_attribute("aria-expanded") == "true"
    shown = opened.page.locator(".opened").inner_text()
    assert "arn:aws:ec2:" in shown
    assert "Environment=" in shown
    assert "Explain" not in shown, "only where the page is served, somebody can"
    button.click()
    assert opened.page.locator(".opened").count() == 0


def test_whoever_serves_the_page_may_offer_to_explain_a_decision(
    open_page: OpenPage, pages: Callable[[str], str], tmp_path: Path
) -> None:
    meta = '<meta name="stop-orchestrator-explain" content="explain?resource={resource_id}&amp;account={account_id}">'
    text = Path(pages("forty").removeprefix("file://")).read_text().replace("<title>", f"{meta}<title>", 1)
    served = tmp_path / "served.html"
    served.write_text(text)
    opened = open_page(f"{served.as_uri()}#decisions?verdict=stop")
    opened.page.locator('[data-table="decisions"] .opener button').first.click()
    link = opened.page.get_by_text("Explain this decision").get_attribute("href")
    assert re.fullmatch(r"explain\?resource=i-[0-9a-f]{17}&account=\d{12}", link or "")


def test_the_map_of_coverage_has_the_worst_accounts_first_and_says_each_status_in_words(
    open_page: OpenPage, pages: Callable[[str], str]
) -> None:
    opened = open_page(pages("forty"))
    rows = opened.rows("map")
    unread = [int(row[2]) for row in rows]
    assert unread[0] == 15, "as the guardrail weighs it"
    assert unread == sorted(unread, reverse=True)
    assert "denied" in rows[0][3]
    opened.page.locator('[data-table="map"] tbody a').first.click()
    opened.page.locator('[data-table="coverage"] .chip').wait_for()
    assert [row[3] for row in opened.rows("coverage")] == ["denied"]


def test_the_figure_of_what_was_stopped_opens_as_many_rows_and_its_filter_can_be_taken_away(
    open_page: OpenPage, pages: Callable[[str], str]
) -> None:
    opened = open_page(pages("forty"))
    opened.page.locator(".figure a").first.click()
    assert opened.count("decisions").startswith("1 to 100 of 588 (")
    chip = opened.page.locator('[data-table="decisions"] .chip')
    assert chip.inner_text().startswith("Outcome: stopped or stopping ")
    assert opened.page.url.endswith("#decisions?verdict=stop&outcome=stopped&outcome=stopping")
    chip.click()
    assert opened.count("decisions").startswith("1 to 100 of 600 (")


def test_commands_in_what_to_do_are_code(open_page: OpenPage, pages: Callable[[str], str]) -> None:
    opened = open_page(pages("forty"))
    cell = opened.page.locator('[data-table="coverage"] td[data-label="What to do"]', has_text="make deploy-members")
    assert cell.first.locator("code").inner_text() == "make deploy-members"
    assert "`" not in opened.page.locator("main").inner_text()


# --- theme, scripts, hostile names ------------------------------------------------------------------------------------


def test_the_theme_is_the_systems_until_it_is_switched(open_page: OpenPage, pages: Callable[[str], str]) -> None:
    opened = open_page(pages("forty"), scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = opened.page.evaluate(background)
    button = opened.page.locator("#theme")
    button.click()
    assert button.inner_text() == "Theme: light"
    light = opened.page.evaluate(background)
    assert light != dark
    opened.page.reload()
    assert opened.page.evaluate(background) == light, "it is remembered"
    button.click()
    assert opened.page.evaluate(background) == dark


def test_without_javascript_the_summary_guardrails_failures_and_a_note_are_there(
    open_page: OpenPage, pages: Callable[[str], str], keep_screenshot: Callable[[Opened, str], None]
) -> None:
    opened = open_page(pages("forty"), scripts=False)
    text = opened.page.inner_text("main")
    for words in ("588 stopped", "max_stops", "OperationNotPermitted", "Stop protection is on", "Without JavaScript"):
        assert words in text
    keep_screenshot(opened, "report-without-scripts")


def test_hostile_names_and_tags_are_texts(open_page: OpenPage, pages: Callable[[str], str]) -> None:
    """Had one of them run, there would be a dialog or a request, which fails the test at its end."""
    opened = open_page(pages("forty"))
    search = opened.page.locator('[data-table="decisions"]').get_by_role("searchbox")
    for text in HOSTILE:
        search.fill(text.split("\u202e")[0].split("\x1b")[0] or "[31mred")
        assert opened.rows("decisions"), text
        opened.page.locator('[data-table="decisions"] .opener button').first.click()
    search.fill("onerror")
    assert "<img src=x onerror=alert(1)>" in opened.rows("decisions")[0][0]
    assert opened.page.locator("img").count() == 0
    seen = opened.page.inner_text("body")
    assert "\u202e" not in seen
    assert "\x1b" not in seen


def test_on_paper_there_are_no_controls(
    open_page: OpenPage, pages: Callable[[str], str], keep_screenshot: Callable[[Opened, str], None]
) -> None:
    opened = open_page(pages("forty"), scheme="dark")
    opened.page.emulate_media(media="print")
    assert not opened.page.locator("#theme").is_visible()
    assert not opened.page.locator('[data-table="decisions"] .controls').is_visible()
    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    keep_screenshot(opened, "report-on-paper")


# --- 50,000 decisions -------------------------------------------------------------------------------------------------


def test_fifty_thousand_decisions_are_below_8_mb_and_show_as_fast_as_few(
    open_page: OpenPage, pages: Callable[[str], str], keep_screenshot: Callable[[Opened, str], None]
) -> None:
    large, small = pages("large"), pages("small")
    assert Path(large.removeprefix("file://")).stat().st_size < MOST_BYTES
    of_small, of_large = [], []
    for _ in range(3):  # by turns: other work on the machine hits both
        of_small.append(_first_rows(open_page, small))
        of_large.append(_first_rows(open_page, large))
    assert min(of_large) <= 3 * min(of_small), (of_small, of_large)
    opened = open_page(large)
    assert opened.count("decisions") == "1 to 100 of 50,000"
    opened.page.locator('[data-table="decisions"] th[data-column="resource_id"] button').click()
    opened.page.locator('[data-table="decisions"]').get_by_role("searchbox").fill("web-4999")
    assert "filtered from 50,000" in opened.count("decisions")
    keep_screenshot(opened, "report-large")


def _first_rows(open_page: OpenPage, address: str) -> float:
    """Seconds until a hundred rows of decisions are seen."""
    started = time.perf_counter()
    opened = open_page(address, rows=False)
    opened.page.locator('[data-table="decisions"] tbody tr:nth-child(100)').wait_for()
    return time.perf_counter() - started


def test_the_files_of_a_sweep_hold_the_page_that_the_browser_opens(pages: Callable[[str], str]) -> None:
    stored = report_files(page_document())["report.html"]
    assert stored == Path(pages("forty").removeprefix("file://")).read_bytes()
