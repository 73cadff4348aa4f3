"""Makes a page: a template, its values and the rows of its tables in, one self-contained HTML file out.

A template extends `base.html.j2` and fills its blocks. Of each value control characters are
written out, None is empty, and markup in it is text. A name that a template asks for and nobody gave is an error.
The page's Content-Security-Policy lets only its own style and script run, by their hashes, and nothing be fetched.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import jinja2
from markupsafe import Markup, escape

from orchestrator.core.model import people_time_of
from orchestrator.core.report.amounts import dollars
from orchestrator.core.report.html.columns import Column
from orchestrator.core.report.html.packed import Packed, shown

STYLES = ("page.css", "sweeps.css")
SCRIPTS = ("theme.js", "rows.js", "cells.js", "table.js", "start.js")
"""What every page has, `start.js` last; one with scripts of its own names them as well."""

_ROWS_HERE = "<!-- packed rows -->\n"


def page_chunks(
    template: str,
    values: Mapping[str, object],
    packed: Mapping[str, Packed] | None = None,
    *,
    scripts: Sequence[str] = SCRIPTS,
) -> Iterator[bytes]:
    """The page in pieces: all of it is made but for how its rows are written. `packed`: those, by table.

    `scripts`: files beside the templates, which run one after another in one scope.
    Raises jinja2.TemplateError, as for a value that is missing.
    """
    before, after = _text(template, values, scripts).split(_ROWS_HERE)  # which no value can have in it: it is markup
    return _pieces(before.encode(), packed or {}, after.encode())


def _pieces(before: bytes, packed: Mapping[str, Packed], after: bytes) -> Iterator[bytes]:
    yield before
    for name, rows in packed.items():
        for chunk in rows.chunks():
            yield b'<script type="application/x-packed-rows" data-rows-of="%s">%s</script>\n' % (name.encode(), chunk)
    yield after


def _text(template: str, values: Mapping[str, object], scripts: Sequence[str]) -> str:
    style, script = _style_and_script(scripts)
    page = _environment().get_template(template)
    return page.render(**values, style=style, script=script, content_policy=_policy(style, script))


def content_policy(scripts: Sequence[str] = SCRIPTS) -> str:
    """What a page with these scripts says of itself, for whoever serves it: a header has to say the same."""
    style, script = _style_and_script(scripts)
    return _policy(style, script)


def _style_and_script(scripts: Sequence[str]) -> tuple[Markup, Markup]:
    style = Markup("\n".join(map(asset, STYLES)))  # noqa: S704 - our own files, as they are
    script = Markup('(() => {\n"use strict";\n' + "\n".join(map(asset, scripts)) + "})();\n")  # noqa: S704 - the same
    return style, script


def _policy(style: str, script: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "img-src data:",
            "connect-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def asset(name: str) -> str:
    """The text of a file beside the templates."""
    environment = _environment()
    assert environment.loader is not None, "the environment is made with one"
    return environment.loader.get_source(environment, name)[0]


def counted(count: int, singular: str, plural: str = "") -> str:
    """`1 stop`, `2 stops`, `1,000 stops`."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("orchestrator.core.report.html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finished,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "counted": counted,
        "dollars": dollars,
        "time": _time_text,
        "second": _second_text,
        "with_code": with_code,
        "urlencode": _in_address,
    }
    environment.globals["column"] = Column
    return environment


def _time_text(text: str | None) -> str:
    return people_time_of(text) if text else ""


def _second_text(text: str) -> str:
    """For a row of moments of one sweep, which a minute would not tell apart."""
    return text.replace("T", " ").replace("Z", " UTC")


def with_code(text: str) -> Markup:
    """A text of ours in which commands and keys are in backticks, as people see it."""
    return Markup(_IN_BACKTICKS.sub(r"<code>\1</code>", str(escape(shown(text)))))  # noqa: S704 - escaped before


def _in_address(value: object) -> str:
    """As the tables show it, which are filtered by it; half of a pair of surrogates has no bytes."""
    return jinja2.filters.do_urlencode(str(shown(value)))


_IN_BACKTICKS = re.compile(r"`([^`]+)`")


def _finished(value: object) -> object:
    if value is None:
        return ""
    return value if isinstance(value, Markup) else shown(value)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
