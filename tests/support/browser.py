"""A page that is open in a browser, and what it did that no page of ours may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_AXE = Axe()
_STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Opened:
    """A window with one page in it."""

    page: Page
    address: str
    mistakes: list[str] = field(default_factory=list)
    """Errors and warnings in the console, exceptions, dialogs."""
    requests: list[str] = field(default_factory=list)

    @classmethod
    def in_window(cls, browser: Browser, address: str, *, width: int, scheme: Any, scripts: bool) -> Self:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
        )
        context.set_default_timeout(60_000)
        found = cls(context.new_page(), address)
        found.page.on("console", found._on_console)
        found.page.on("pageerror", lambda error: found.mistakes.append(str(error)))
        found.page.on("request", lambda request: found.requests.append(request.url))
        found.page.on("dialog", found._on_dialog)
        found.page.goto(address)
        return found

    @property
    def strange_requests(self) -> list[str]:
        """What it asked for beside itself; an address within it is asked of nobody."""
        own = self.address.partition("#")[0]
        return [url for url in self.requests if url.partition("#")[0] != own and not url.startswith("data:")]

    def axe_violations(self) -> list[str]:
        """Of WCAG 2.2 AA and of axe's best practices, with the elements. The page's own policy keeps axe out of it, so
        it runs in a world of its own.
        """
        found = _AXE.run(self.page, options={"runOnly": {"type": "tag", "values": _STANDARDS}}).response["violations"]
        return [
            f"{one['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
            for one in found
            for node in one["nodes"][:3]
        ]

    def rows(self, table: str) -> list[list[str]]:
        """The texts of the cells that are seen."""
        script = """(name) => [...document.querySelectorAll(
            `[data-table="${name}"] tbody tr, [data-plain-table="${name}"] tbody tr`
        )].map((row) => [...row.children].map((cell) => cell.innerText.trim()))"""
        found: list[list[str]] = self.page.evaluate(script, table)
        return found

    def count(self, table: str) -> str:
        """What stands below it: which rows are seen, of how many."""
        return self.page.locator(f'[data-table="{table}"] .count').inner_text()

    def is_wider_than_its_window(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))

    def _on_console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.mistakes.append(message.text)

    def _on_dialog(self, dialog: Any) -> None:
        self.mistakes.append(f"a dialog: {dialog.message}")
        dialog.dismiss()


class OpenPage(Protocol):
    def __call__(
        self, address: str, *, width: int = 1400, scheme: str = "light", scripts: bool = True, rows: bool = True
    ) -> Opened: ...
