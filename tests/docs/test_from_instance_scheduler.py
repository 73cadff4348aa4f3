"""docs/from-instance-scheduler.md has every key of Instance Scheduler; tests/cli runs its command."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.core.importing.instance_scheduler.definitions import PERIOD_KEYS, SCHEDULE_KEYS
from tests.support.instance_scheduler import imported

PAGE = (Path(__file__).parents[2] / "docs/from-instance-scheduler.md").read_text()
_, SCHEDULES, PERIODS = re.split(r"^## (?:Schedules|Periods)$", PAGE, flags=re.MULTILINE)


def rows(text: str) -> dict[str, str]:
    return dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE))


def test_every_key_is_in_its_table_and_no_other_is() -> None:
    assert rows(SCHEDULES).keys() == SCHEDULE_KEYS
    assert rows(PERIODS).keys() == PERIOD_KEYS


def test_what_it_says_of_weekdays_and_days_of_the_month_is_so() -> None:
    for key, forms in (("weekdays", "mon-fri 0-4 fri-mon mon-sun/2 L mon#1 friL"), ("monthdays", "1-15 1/7 L 15W")):
        for form in forms.split():
            assert f"`{form}`" in rows(PERIODS)[key]
            period = {"Name": "day", key: form, "begintime": "08:00", "endtime": "20:00"}
            schedule = {"Name": "one", "Periods": "day", "Timezone": "UTC"}
            assert imported({"Schedules": [schedule], "Periods": [period]}).rules == 1
