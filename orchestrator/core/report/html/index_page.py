"""The page over all sweeps: trends by policy, the worst accounts, opt-outs that end soon, and a link to each report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from orchestrator.core.report.html.charts import lines_over_time
from orchestrator.core.report.html.columns import Column
from orchestrator.core.report.html.pages import page_chunks
from orchestrator.core.report.sweep_digest import SweepDigest
from orchestrator.core.report.sweep_index import SWEEPS_SHOWN, SweepIndex, Trend, acted

POLICIES_SHOWN = 12
"""With charts; the others are in the table alone."""
_SWEEP = Column("sweep", "Sweep", "code")
_POLICY = Column("policy", "Policy", choice=True)
_SWEEPS = (
    Column("mode", "Mode", choice=True),
    Column("status", "Status", "status", choice=True),
    Column("running", "Running", "number"),
    Column("stops", "Stopped", "number"),
    Column("planned", "Would stop", "number"),
    Column("starts", "Started", "number"),
    Column("exempt", "Exempt", "number"),
    Column("failed", "Failed", "number"),
    Column("coverage", "Coverage", "percent"),
)
_SAVES = Column("saves", "Saves, net", "money")
_TOOK = Column("took", "Took", "number")
_WORST_ACCOUNT = (Column("account", "Account"), Column("ou", "OU"))
_WORST = (
    Column("unread", "Not read", "number"),
    Column("failed", "Failed", "number"),
    Column("violations", "Violations", "number"),
    Column("exempt", "Exempt", "number"),
    Column("times", "Among the worst", "number"),
    Column("detail", "AWS's words"),
)
_EXPIRING = (
    Column("until", "Ends after"),
    Column("on", "On", "code"),
    Column("carrier", "Which is", choice=True),
    Column("account", "Account"),
    Column("owner", "Owner"),
    Column("spares", "Spares", "number"),
    Column("reason", "Reason"),
    Column("sweep", "Seen by", "code"),
)


@dataclass(frozen=True, slots=True)
class _Chart:
    """A trend as it is drawn, and as a table says it."""

    title: str
    svg: Markup
    trend: Trend


def index_page(
    index: SweepIndex, link: Callable[[SweepDigest], str], notes: Sequence[str] = (), *, served: bool = False
) -> Iterator[bytes]:
    """Stored beside the sweeps, or `served` by the console.

    `link`: where the report of a sweep is, as seen from this page; empty: it has none. `notes`: what could not be read.
    """
    several = [_POLICY] if len({one["policy_name"] for one in index.sweeps}) > 1 else []
    has_money = any(one["money"] is not None for one in index.sweeps)
    values = {
        "index": index,
        "notes": notes,
        "newest": index.sweeps[0] if index.sweeps else None,
        "policies": [(one, [*_charts(one.policy_name, one.trends)]) for one in index.policies[:POLICIES_SHOWN]],
        "policies_left_out": len(index.policies[POLICIES_SHOWN:]),
        "sweep_columns": (_SWEEP, *several, *_SWEEPS, *([_SAVES] if has_money else []), _TOOK),
        "worst_columns": (*_WORST_ACCOUNT, *several, *_WORST),
        "has_several": bool(several),
        "expiring_columns": _EXPIRING,
        "has_money": has_money,
        "most": SWEEPS_SHOWN,
        "href_of": {one["sweep_id"]: link(one) for one in index.sweeps},
        "known": known,
        "status": _status,
        "acted": acted,
        "served": served,
    }
    return page_chunks("index.html.j2", values)


def known(value: float | None, unit: str = "") -> str:
    """A count, or a percentage; nothing where the sweep says nothing of it."""
    if value is None:
        return ""
    return f"{f'{value:,.2f}'.rstrip('0').rstrip('.')} {unit}".rstrip()


def _status(sweep: SweepDigest) -> str:
    return "declined" if "declined" in sweep else sweep["status"]


def _charts(policy_name: str, trends: Sequence[Trend]) -> Iterator[_Chart]:
    for trend in trends:
        labels = [f"{text[5:10]} {text[11:16]}" for text in trend.labels]
        series = {one.name: one.values for one in trend.series}
        name = f"{trend.title} of the sweeps by policy {policy_name}, from the oldest to the newest"
        yield _Chart(trend.title, lines_over_time(name, labels, series, trend.most), trend)
