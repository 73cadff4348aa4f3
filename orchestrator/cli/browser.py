"""Opens a page in the browser of the person at the terminal, and says so where there is none."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path


def why_no_browser() -> str:
    """Empty: there is a terminal, and a browser with a window of its own, or one that BROWSER names."""
    if not sys.stdin.isatty():
        return "there is no terminal"
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return "there is no browser"
    in_terminal = type(found) is webbrowser.GenericBrowser  # as the library calls those without a window
    return "there is none with a window" if in_terminal and "BROWSER" not in os.environ else ""


def open_page(path: Path) -> str:
    """Why it was not opened; empty: it was handed to the browser."""
    why = why_no_browser()
    if why:
        return why
    try:
        opened = webbrowser.open(path.absolute().as_uri())
    except (webbrowser.Error, OSError) as failure:
        return str(failure)
    return "" if opened else "the browser did not start"
