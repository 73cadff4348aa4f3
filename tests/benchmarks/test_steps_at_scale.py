"""Each step of the state machine at 10,000 accounts x 17 regions, reckoned from two smaller organizations."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.steps_at_scale import MOST_MEGABYTES, MOST_SECONDS, measure, tell

SMALL, LARGE, ALL = 150, 600, 10_000
REGIONS = 17
ONE_PART = ("read", "act")
"""Steps that cost what their own accounts cost, however many others there are."""
NOT_STEPS = ("read the rest", "act on the rest")


@pytest.mark.full
def test_each_step_at_ten_thousand_accounts_is_within_half_of_a_lambda_s_time_and_its_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        small, large = (measure(tmp_path / f"{size}", size, REGIONS, tell) for size in (SMALL, LARGE))
    before = {one.step: one for one in small}
    for one in large:
        if one.step in NOT_STEPS:
            continue
        times = (ALL - SMALL) / (LARGE - SMALL)
        seconds = before[one.step].cpu_seconds + times * (one.cpu_seconds - before[one.step].cpu_seconds)
        megabytes = before[one.step].megabytes + times * (one.megabytes - before[one.step].megabytes)
        assert seconds < MOST_SECONDS, one
        assert megabytes < MOST_MEGABYTES, one
        if one.step in ONE_PART:
            assert one.megabytes - before[one.step].megabytes <= 10, one
