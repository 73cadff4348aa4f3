"""Characters that a terminal or a spreadsheet acts on instead of showing them, written so that they are shown.

C0 (line breaks, tabs, escape sequences), DEL, C1, line and paragraph separators, what turns the direction of writing or
is invisible, and halves of surrogate pairs. Not the joiners of emoji and Persian, where there is something to join:
beside ASCII they only make one name look like another.
"""

from __future__ import annotations

import re
from functools import cache

_CONTROL = (
    r"\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
)
_JOINABLE = rf"[^\x00-\x7f\u200c\u200d{_CONTROL}]"
_LONE_JOINER = rf"(?<!{_JOINABLE})[\u200c\u200d]|[\u200c\u200d](?!{_JOINABLE})"
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def without_controls(text: str, *, lines: bool = False) -> str:
    r"""The text with each such character as an escape of JSON, such as `\u001b`; with `lines`, line feeds stay."""
    if all(map(str.isprintable, text.split("\n") if lines else (text,))):
        return text
    return _pattern(lines=lines).sub(_escape, text)


@cache
def _pattern(*, lines: bool) -> re.Pattern[str]:
    """Compiled for the first text that needs it: most are printable."""
    but_lines = r"(?!\n)" if lines else ""
    return re.compile(f"{but_lines}[{_CONTROL}]|{_LONE_JOINER}")


def _escape(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}"
