"""A schedule as the text of a tag: `mon-fri 07:00-19:00 Europe/Berlin`.

Only characters that every service allows in a tag's value are needed: RDS allows letters, digits, spaces and
`_ . : / = + - @` (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Tagging.html), so days are joined by `+`
and lines by `/`; a comma between days is right too where the service allows it.
"""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo

from orchestrator.core.policy.schedules.schedule import Schedule
from orchestrator.core.policy.schedules.windows import parse_window
from orchestrator.core.policy.schedules.zones import zone_problem

EXAMPLE = "mon-fri 07:00-19:00 Europe/Berlin"
_BETWEEN_LINES = "/"


@lru_cache(maxsize=4096)
def parse_schedule_text(text: str) -> Schedule:
    """The schedule of that name: windows, and a time zone at the end. Raises ValueError that says what is right."""
    windows, _, zone = text.strip().rpartition(" ")
    if not windows or ":" in zone:
        raise ValueError(f"its time zone is missing at the end; write it like `{EXAMPLE}`")
    problem = zone_problem(zone)
    if problem is not None:
        raise ValueError(problem)
    lines = (line.strip().replace("+", ",") for line in windows.split(_BETWEEN_LINES))
    return Schedule(text, ZoneInfo(zone), tuple(window for line in lines for window in parse_window(line)))
