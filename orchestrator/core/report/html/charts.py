"""Charts as SVG within a page, drawn by pygal without its style, scripts and addresses; `page.css` colours them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET  # what pygal made is serialised; nothing is read

import pygal
from markupsafe import Markup

from orchestrator.core.report.html.packed import shown

# For maps, which nobody draws here, pygal puts a finder of an old form between every import and its module.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != pygal.__name__]

_WIDTH = 400
_HEIGHT = 200
_ROW = 26
_LABELS = 4
_LONGEST = 26
"""Characters of a label; the table beside has all of them."""
_DOTS_AT_MOST = 20
_HALF_A_LABEL = 24
"""Of a time below: what stands to the left of the first point, and to the right of the last."""
_NAMESPACE = "http://www.w3.org/2000/svg"
_DROPPED = frozenset({"defs", "desc", "title", "script", "style"})
_SETTINGS: dict[str, Any] = {
    "css": [],
    "js": [],
    "width": _WIDTH,
    "show_legend": False,
    "max_scale": 5,
    "truncate_label": -1,
    "margin": 6,
    "spacing": 6,
    "no_prefix": True,
}


def bars(name: str, values: Mapping[str, int], tone: str = "") -> Markup:
    """Horizontal bars, the first on top; `name` says what they are to those who cannot see them."""
    chart = pygal.HorizontalBar(height=18 + _ROW * len(values), show_x_labels=False, **_settings())
    turned = [*values.items()][::-1]
    chart.x_labels = [f"{_label(label)}  {value:,}" for label, value in turned]
    chart.add("", [value for _, value in turned])
    return _svg(chart, name, tone)


def columns_over_time(name: str, labels: Sequence[str], series: Mapping[str, Sequence[int]]) -> Markup:
    """Upright bars side by side, for each moment one of each series; the page says which colour is which."""
    chart = pygal.Bar(height=_HEIGHT, **_settings(labels))
    chart.x_labels = _below(labels)
    for title, values in series.items():
        chart.add(title, [*values])
    return _svg(chart, name, "")


def lines_over_time(
    name: str, labels: Sequence[str], series: Mapping[str, Sequence[float | None]], most: float | None = None
) -> Markup:
    """A line for each series, which passes over what is None; `most`: no value can be higher. The page says which
    colour is which.
    """
    chart = pygal.Line(
        height=_HEIGHT,
        include_x_axis=most is None,
        margin_left=_HALF_A_LABEL,
        margin_right=_HALF_A_LABEL,
        **_settings(labels),
    )
    chart.config.show_dots = len(labels) <= _DOTS_AT_MOST  # one sweep alone makes no line
    known = [value for values in series.values() for value in values if value is not None]
    if most is not None and known:
        chart.config.range = (min(known), most) if min(known) < most else (most - 1, most)
    chart.x_labels = _below(labels)
    for title, values in series.items():
        chart.add(title, [*values])
    return _svg(chart, name, "")


def _below(labels: Sequence[str]) -> list[str]:
    """Those that are seen, each once: moments that are alike to the minute are told at the first of them."""
    shown_labels = labels[:: _every(labels)]
    told = {label: place * _every(labels) for place, label in [*enumerate(shown_labels)][::-1]}
    return [label if told.get(label) == place else "" for place, label in enumerate(labels)]


def _every(labels: Sequence[str]) -> int:
    return max(1, -(-len(labels) // _LABELS))


def _settings(labels: Sequence[str] = ()) -> dict[str, Any]:
    """With labels below: some of them, as all do not fit."""
    style = pygal.style.Style(
        label_font_size=13, major_label_font_size=13, value_font_size=13, font_family="sans-serif"
    )
    below = {"x_labels_major_every": _every(labels), "show_minor_x_labels": False} if labels else {}
    return {**_SETTINGS, "style": style, **below}


def _label(text: str) -> str:
    seen = str(shown(text))
    return seen if len(seen) <= _LONGEST else f"{seen[: _LONGEST - 1]}…"


def _svg(chart: Any, name: str, tone: str) -> Markup:
    root = chart.render_tree()
    _strip(root)
    for attribute in ("id", "width", "height"):
        root.attrib.pop(attribute, None)
    root.set("class", f"chart {tone}".strip())
    root.set("role", "img")
    root.set("aria-label", str(shown(name)))
    ET.register_namespace("", _NAMESPACE)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - serialised as XML: texts in it are escaped


def _strip(element: Any) -> None:
    """Takes out what pygal's own scripts would need, comments with the date, and whatever the page's policy blocks."""
    element.attrib.pop("style", None)
    for child in [*element]:
        tag = child.tag if isinstance(child.tag, str) else ""  # a comment's is a function
        if not tag or tag.rpartition("}")[2] in _DROPPED or "tooltip" in child.get("class", "").split():
            element.remove(child)
        else:
            _strip(child)
