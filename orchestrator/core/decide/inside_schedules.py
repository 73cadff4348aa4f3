"""How many resources a plan keeps because they are inside of their running hours: by rule, schedule and end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from orchestrator.core.model import Decision
from orchestrator.core.model.report import InsideCount

_NO_END = datetime.max.replace(tzinfo=UTC)


def inside_schedules(decisions: Iterable[Decision]) -> tuple[InsideCount, ...]:
    """What ends first comes first."""
    counts = Counter((one.rule, one.inside) for one in decisions if one.inside is not None and one.rule is not None)
    rows = [InsideCount(rule, inside, count) for (rule, inside), count in counts.items()]
    return tuple(sorted(rows, key=lambda one: (one.inside.until or _NO_END, one.inside.schedule, one.rule)))
