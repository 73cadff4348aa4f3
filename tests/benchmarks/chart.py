"""docs/performance.svg: where the seconds of a sweep are, and whether CPU stays on one line; light and dark. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from tests.benchmarks.targets import find, scaling_rows

_WIDTH, _LEFT, _BAR, _GAP = 760, 190, 22, 12
_PLOT = _WIDTH - _LEFT - 60
_COLOURS = (
    "#1f77b4",
    "#e08214",
    "#2c9c69",
    "#c2413b",
    "#7e62b3",
    "#8c6d4f",
    "#c05a9d",
    "#6b7280",
    "#3aa6b9",
    "#b5a642",
)
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .quiet { fill: #59636e; }
  .axis { stroke: #9aa4af; stroke-width: 1; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .quiet { fill: #9198a1; } .axis { stroke: #656c76; }
  }"""


def chart(results: Sequence[dict[str, Any]], main: int) -> str:
    """An SVG document; without results of `main` accounts an empty one."""
    sweeps = [find(results, "sweep", "plan", main), find(results, "sweep", "enforce", main, pacing="off")]
    bars = [one for one in sweeps if one is not None]
    parts = [*_phases(bars, main)]
    top = 60 + len(bars) * (_BAR + _GAP) + 20 * _legend_rows(bars)
    parts += _scaling(scaling_rows(results), top)
    height = top + (60 + 4 * (_BAR + _GAP) if scaling_rows(results) else 0)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="Seconds of each phase of a sweep, and CPU for each account">\n<style>{_STYLE}\n</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _phases(bars: Sequence[dict[str, Any]], main: int) -> Iterator[str]:
    yield _text(0, 20, f"Wall seconds by phase, {main:,} accounts x 17 regions", "title")
    if not bars:
        return
    scale = _PLOT / max(one["wall"] for one in bars)
    names = _names(bars)
    for row, one in enumerate(bars):
        y, x = 40 + row * (_BAR + _GAP), float(_LEFT)
        yield _text(0, y + 16, f"{one['mode']}{'' if one['pacing'] == 'on' else ', unpaced'}")
        for phase in one["phases"]:
            width = phase["wall"] * scale
            colour = _COLOURS[names.index(phase["name"]) % len(_COLOURS)]
            label = f"<title>{escape(phase['name'])}: {phase['wall']:.1f} s</title>"
            yield f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{colour}">{label}</rect>'
            x += width
        yield _text(x + 6, y + 16, f"{one['wall']:.1f} s")
    y = 50 + len(bars) * (_BAR + _GAP)
    for number, name in enumerate(names):
        x = (number % 2) * _WIDTH // 2
        yield (
            f'<rect x="{x}" y="{y + number // 2 * 20}" width="12" height="12" '
            f'fill="{_COLOURS[number % len(_COLOURS)]}"/>'
        )
        yield _text(x + 18, y + 11 + number // 2 * 20, name, "quiet")


def _scaling(points: Sequence[tuple[int, float, float]], top: float) -> Iterator[str]:
    if not points:
        return
    yield _text(0, top + 30, "CPU for each account, beyond start-up (ms): one line, however many accounts", "title")
    scale = _PLOT / max(cpu for _, cpu, _ in points)
    for row, (accounts, cpu, off) in enumerate(points):
        y = top + 44 + row * (_BAR + _GAP)
        yield _text(0, y + 16, f"{accounts:,} accounts")
        yield (
            f'<rect x="{_LEFT}" y="{y:.0f}" width="{cpu * scale:.1f}" height="{_BAR}" fill="{_COLOURS[0]}">'
            f"<title>{off:+.0%} off the line</title></rect>"
        )
        yield _text(_LEFT + cpu * scale + 6, y + 16, f"{cpu:.1f}")


def _names(bars: Sequence[dict[str, Any]]) -> list[str]:
    return [*dict.fromkeys(phase["name"] for one in bars for phase in one["phases"])]


def _legend_rows(bars: Sequence[dict[str, Any]]) -> int:
    return -(-len(_names(bars)) // 2)


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.0f}" y="{y:.0f}"{named}>{escape(text)}</text>'
