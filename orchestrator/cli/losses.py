"""What the stops of a plan lose, and what starts them again, for people: in the summary, and before the question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orchestrator.core.model import KindDescription, Plan
from orchestrator.kinds.registry import DESCRIPTIONS

_UNKNOWN = "?"


def losses_of_plan(plan: Plan) -> str:
    """Of the stops of a plan; empty where they lose nothing, and stay."""
    stops = (one.resource for one in plan.actions if one.action.stops)
    return _sentence((one.kind, [loss.text for loss in one.losses]) for one in stops)


def losses_of_report(document: Mapping[str, Any]) -> str:
    """Of the stops that a report's document planned; empty where they lose nothing and stay, or it is of an earlier
    release.
    """
    rows = (row for row in document["decisions"] if row["verdict"] == "stop")
    return _sentence((row["kind"], row["losses"]) for row in rows if "losses" in row)


def _sentence(stops: Iterable[tuple[str, Iterable[str]]]) -> str:
    each = [(kind, [*texts]) for kind, texts in stops]
    counts = Counter((kind, text) for kind, texts in each for text in texts)
    kinds = {kind for kind, _ in each}
    stopped = [one for one in DESCRIPTIONS if one.name in kinds]
    parts = [part for one in stopped for part in _parts(one, counts)]
    lost = [f"These stops lose: {'; '.join(parts)}."] if parts else []
    return " ".join((*lost, *_restarts(stopped), *(_started_again(one) for one in stopped if one.started_again_by)))


def _restarts(kinds: Iterable[KindDescription]) -> Iterator[str]:
    """A sentence for each time after which AWS starts some of them."""
    by_time: dict[int, list[str]] = {}
    for one in kinds:
        if one.restarted_after is not None:
            by_time.setdefault(one.restarted_after.days, []).append(one.title)
    for days, titles in by_time.items():
        yield f"AWS starts {' and '.join(titles)} again by itself {days} days after their stop."


def _parts(kind: KindDescription, counts: Mapping[tuple[str, str], int]) -> Iterable[str]:
    for one in kind.losses:
        known, unknown = counts.get((kind.name, one.word), 0), counts.get((kind.name, one.word + _UNKNOWN), 0)
        if known:
            yield f"{known} {_whose(known)} {one.what}"
        if unknown:
            yield f"{unknown} perhaps {_whose(unknown)} {one.what}"
    if kind.always_lost:
        yield f"all {kind.title} their {kind.always_lost}"


def _started_again(kind: KindDescription) -> str:
    return f"{kind.title} may be started again by {kind.started_again_by}."


def _whose(count: int) -> str:
    return "its" if count == 1 else "their"
