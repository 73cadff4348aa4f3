"""Reads the rows that are packed into a page, as rows.js does."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any

_CHUNK = re.compile(r'<script type="application/x-packed-rows" data-rows-of="(\w+)">([A-Za-z0-9+/=]*)</script>')


def packed_rows(page: str, table: str) -> list[dict[str, Any]]:
    """All rows of one table of the page, in their order."""
    return [row for name, chunk in _CHUNK.findall(page) if name == table for row in unpacked(chunk)]


def unpacked(chunk: str | bytes) -> list[dict[str, Any]]:
    content = json.loads(zlib.decompress(base64.b64decode(chunk)))
    rows: list[dict[str, Any]] = [{} for _ in range(content["count"])]
    for name, (values, *codes) in content["columns"].items():
        for row, code in zip(rows, codes[0] if codes else [0] * len(rows), strict=True):
            row[name] = values[code]
    return rows
