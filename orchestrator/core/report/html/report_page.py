"""report.html: a report's document in, one self-contained page in pieces of bytes out.

Equal documents give equal bytes. A document that the page cannot be made of, which is a mistake of ours, gives a short
page that says so: the other files are written all the same, and the list of files is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from orchestrator.core.report.control_characters import without_controls


def report_page(document: dict[str, Any]) -> Iterator[bytes]:
    """Nothing is given before all of it is made: its rows compressed, the rest of it bounded."""
    try:
        from orchestrator.core.report.html.report_view import made_page  # noqa: PLC0415 - most commands make no page

        pieces = made_page(document)
    except Exception as mistake:  # noqa: BLE001 - whatever it is, it may cost the sweep no other file
        pieces = iter(
            [_without_a_page(document, type(mistake).__name__)]
        )  # no more of it: a message may name an address
    yield from pieces


def _without_a_page(document: dict[str, Any], mistake: str) -> bytes:
    sweep_id = escape(without_controls(str(document.get("sweep_id", ""))))
    status = escape(without_controls(str(document.get("status", ""))))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sweep {sweep_id}: {status}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'"></head>
<body><main><h1>Sweep {sweep_id}: {status}</h1>
<p>This page could not be made of the report ({escape(mistake)}). That is a mistake of Stop Orchestrator, and
says nothing of the sweep: report.json and the CSV files beside this page hold all of it.</p></main></body></html>
""".encode()
