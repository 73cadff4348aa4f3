"""A page of a report as the console serves it: the same bytes, with a way to `explain`, and to the other pages.

A page says which script it runs, by a hash; the console only serves those whose script is this release's own, whatever
else is stored under that name.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Iterator
from itertools import chain

_HEAD_BYTES = 1 << 19
"""The head of a page, with style and navigation, is much smaller."""
_POLICY = re.compile(rb'<meta http-equiv="Content-Security-Policy" content="([^"<>]{1,2000})">')
_TITLE, _NAVIGATION = b"<title>", b'<nav aria-label="Sections">'
_EXPLAIN = (
    b'<meta name="stop-orchestrator-explain" '
    b'content="explain?resource={resource_id}&amp;account={account_id}&amp;region={region}&amp;kind={kind}">\n'
)
_LINKS = b'<a href="../../">All sweeps</a><a href="files">Files</a>'


def as_served(page: Iterable[bytes], policies: Collection[str] = ()) -> tuple[str, Iterable[bytes]] | None:
    """Its own Content-Security-Policy and its pieces. With `policies`, None for a page that has none of those."""
    pieces = iter(page)
    head = b""
    while _NAVIGATION not in head and len(head) < _HEAD_BYTES:
        piece = next(pieces, None)
        if piece is None:
            break
        head += piece
    found = _POLICY.search(head)
    policy = html.unescape(found[1].decode("ascii", "replace")) if found is not None else ""
    if not policy or (policies and policy not in policies):
        return None
    return policy, _served(head, pieces)


def _served(head: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    head = head.replace(_TITLE, _EXPLAIN + _TITLE, 1).replace(_NAVIGATION, _NAVIGATION + _LINKS, 1)
    return chain((head,), pieces)
