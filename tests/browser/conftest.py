"""A real browser: the system's Chromium, headless; each page's every request and message is kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.browser import ARGUMENTS, Opened, OpenPage

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = shutil.which("chromium")
    if found is None:
        pytest.fail("there is no chromium on the PATH: apt-get install chromium", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*ARGUMENTS])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """Opens an address in a window of its own. What the page did wrong by its end fails the test."""
    opened: list[Opened] = []

    def open_it(
        address: str, *, width: int = 1400, scheme: str = "light", scripts: bool = True, rows: bool = True
    ) -> Opened:
        found = Opened.in_window(chromium, address, width=width, scheme=scheme, scripts=scripts)
        opened.append(found)
        if rows and scripts:
            found.page.wait_for_selector("html[data-rows=complete]")
        return found

    yield open_it
    for one in opened:
        one.page.context.close()
        assert one.mistakes == []
        assert one.strange_requests == []


@pytest.fixture(scope="session")
def keep_screenshot() -> Callable[[Opened, str], None]:
    """In dist/screenshots, for people to look at."""
    folder = ROOT / "dist" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)

    def keep(opened: Opened, name: str) -> None:
        opened.page.screenshot(path=folder / f"{name}.png")

    return keep
