"""A whole schedule in the value of a tag: `mon-fri 07:00-19:00 Europe/Berlin`.

Lines as in a policy, joined by `and`, then the zone: `mon-fri 07:00-19:00 and sat 08:00-12:00 Europe/Berlin`. Lists of
days have `+` in place of a comma, which tags of RDS may not have: `sat+sun 08:00-12:00 UTC`.
"""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from orchestrator.core.policy.patterns import late_pattern
from orchestrator.core.policy.schedules.lines import parse_line
from orchestrator.core.policy.schedules.schedule import Schedule
from orchestrator.core.policy.schedules.zones import zone_problem

_RIGHT = "write it like `mon-fri 07:00-19:00 Europe/Berlin` or `sat+sun 08:00-12:00 UTC`"
_ENDS_IN_A_TIME = late_pattern(r"[0-9]{1,2}:[0-9]{2}$")


def parse_schedule_text(text: str) -> Schedule:
    """The schedule that a text with its zone means; its name is the text, with single spaces.

    Raises ValueError that says what would be right.
    """
    words = text.split()
    lines, zone = " ".join(words[:-1]), words[-1] if words else ""
    if not lines or _ENDS_IN_A_TIME.search(zone):
        what = "has no time zone at its end" if _ENDS_IN_A_TIME.search(zone) else "is no schedule"
        raise ValueError(f"{text!r} {what}; {_RIGHT}")
    parsed = tuple(parse_line(line) for line in re.split(r"\s+and\s+", lines, flags=re.IGNORECASE))
    problem = zone_problem(zone)
    if problem is not None:
        raise ValueError(problem)
    return Schedule(" ".join(words), ZoneInfo(zone), parsed)
