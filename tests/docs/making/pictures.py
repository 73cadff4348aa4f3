"""`make pictures`: what README shows, of a demo that is run for it: its terminal as SVG, and its HTML report as PNG.

Both are of made-up accounts. The SVG needs no font and no network; the PNG is taken by the Chromium of this machine
(`CHROMIUM=PATH`, else the one that is found).
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

FOLDER = Path(__file__).parents[3] / "docs" / "pictures"
TERMINAL, REPORT = FOLDER / "demo.svg", FOLDER / "report.png"
WIDTH = 80
VIEWPORT = {"width": 1400, "height": 900}
LINES = 26
"""Of the enforcing step; the rest of it is there when the demo is run."""
_STEP = re.compile(r"^(?:\x1b\[[0-9;]*m)*\d\. ", re.MULTILINE)
_TAKEN_BACK = re.compile(r"^.*\n(?:\x1b\[\?25h)?\r\x1b\[1A\x1b\[2K", re.MULTILINE)
"""What shows that something is going on, and is deleted when it has ended."""
_NO_COLOUR = re.compile(r"\x1b\[(?![0-9;]*m)[0-9;?]*[A-Za-z]")
_FONT_FACES = re.compile(r"\s*@font-face \{\{.*?\}\}", re.DOTALL)
_FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"


def main() -> int:
    """The exit code: 1 where the report has no picture, with the reason; the terminal's is made all the same."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as store:
        TERMINAL.write_text(svg_of(shown_of(run_demo(store))))
        print(TERMINAL)  # noqa: T201 - what the command says
        pages = [page for page in Path(store).rglob("report.html") if _enforces(page.with_name("report.json"))]
        if not pages:
            print("the demo wrote no report.html: no picture of it", file=sys.stderr)  # noqa: T201 - the same
            return 1
        take_screenshot(pages[-1])
        print(REPORT)  # noqa: T201 - the same
    return 0


def _enforces(report: Path) -> bool:
    return bool(json.loads(report.read_text())["mode"] == "enforce")


def run_demo(store: str) -> str:
    """What it prints to a terminal, with colours."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "orchestrator", "demo", "--store", store]
    # As bytes: reading it as text would make a line end of each return to a line's beginning.
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout.decode()


def shown_of(output: str) -> str:
    """The beginning of the step that enforces, and what AWS itself says, asked in the next step."""
    output = _NO_COLOUR.sub("", _TAKEN_BACK.sub("", output))
    starts = [found.start() for found in _STEP.finditer(output)]
    steps = [output[begin:end] for begin, end in zip(starts, [*starts[1:], len(output)], strict=True)]
    [enforces] = [number for number, step in enumerate(steps) if "enforces" in step.split("\n")[0]]
    lines = _begin(steps[enforces].split("\n"))
    return "\n".join(
        ["\x1b[1m$\x1b[0m make demo", "  ...", *lines, "  ...", "", steps[enforces + 1].split("\n\n")[0].rstrip()]
    )


def _begin(lines: Sequence[str]) -> Sequence[str]:
    """At most LINES of them, up to the end of a table."""
    ends = [number for number, line in enumerate(lines[:LINES]) if line == ""]
    return lines[: (ends[-1] if ends else LINES)]


def svg_of(text: str) -> str:
    """Of a text with colours; equal texts give equal files."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, markup=False, highlight=False)
    console.print(Text.from_ansi(text), soft_wrap=True)
    form = _FONT_FACES.sub("", CONSOLE_SVG_FORMAT).replace("Fira Code, monospace", _FONTS)
    return console.export_svg(title="Stop Orchestrator", code_format=form, unique_id="demo")


def take_screenshot(page: Path) -> None:
    """Of its first screen, in light colours; the page may ask nobody for anything."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - of no use to the other picture

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        shown = browser.new_page(viewport=VIEWPORT, color_scheme="light")  # type: ignore[arg-type] # a TypedDict of theirs
        shown.route(re.compile("^https?:"), lambda route: route.abort())
        shown.goto(page.resolve().as_uri(), wait_until="load")
        shown.screenshot(path=REPORT)
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
