"""What the tables say of what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks import document
from tests.benchmarks.endpoint.http import unchunked
from tests.benchmarks.prices import price_of
from tests.benchmarks.suite import ALL_KINDS, BARE, C7N, SCALING, SWEEP
from tests.benchmarks.tables import busy_text, row_texts
from tests.benchmarks.targets import SCALING_WITHIN, calls_by_operation, rows, scaling_rows

ENDPOINT = {"calls": {"ec2:DescribeInstances": 17_000, "sts:AssumeRole": 1_000, "s3:PutObject": 9}, "s3": {"put": 9}}


def a_result(side: str = SWEEP, mode: str = "plan", accounts: int = 1000, **more: Any) -> dict[str, Any]:
    what = {"tls": False, "instances": True, "pacing": "on", "regions": 17}
    phases = [{"cpu": 2.0}, {"cpu": 10.0}, {"cpu": 8.0}]
    figures = {"wall": 30.0, "cpu": 20.0, "memory": 210e6, "others": 1.0, "phases": phases}
    units = {"write_units": 11_000, "read_units": 100.0}
    return {"side": side, "mode": mode, "accounts": accounts, **what, **figures, "endpoint": ENDPOINT | units, **more}


def verdicts(*results: dict[str, Any]) -> dict[str, str]:
    return {row.name: row.verdict for row in rows(results, 1000)}


def test_a_figure_is_at_its_aim_within_its_limit_or_over_it() -> None:
    said = verdicts(a_result())
    assert (said["plan, wall"], said["plan, CPU"], said["plan, memory"]) == ("ok", "ok", "ok")
    assert said["calls per target"] == "aim"
    assert verdicts(a_result(wall=35.1))["plan, wall"] == "over"
    assert verdicts(a_result(mode="enforce"))["enforce, write units"] == "ok"


def test_what_was_not_measured_has_no_verdict() -> None:
    assert set(verdicts().values()) == {""}


def test_the_ratio_is_to_the_bare_loop_without_what_takes_place_before_the_first_call() -> None:
    found = {row.name: row.ratio for row in rows([a_result(), a_result(BARE, work=36.0)], 1000)}
    assert found["plan, CPU"] == 0.5


def test_an_empty_target_is_held_against_the_loop_over_the_same_transport() -> None:
    results = [a_result(tls=True, instances=False), a_result(BARE, tls=True, instances=False, work=45.0)]
    found = {row.name: row for row in rows(results, 1000)}
    assert found["empty target, TLS"].value == pytest.approx(0.4)
    assert found["empty target, TLS"].verdict == "ok"
    assert found["empty target, HTTP"].value is None


def test_c7n_org_is_compared_for_each_target() -> None:
    results = [a_result(), a_result(C7N, accounts=5, work=18 / 17_000 * 85 * 900)]
    row = next(row for row in rows(results, 1000) if row.name.startswith("c7n-org"))
    assert (row.value, row_texts(row)[4]) == (pytest.approx(900), "900")


def test_what_all_kinds_cost_is_of_a_target_that_has_nothing_and_never_taken_for_ec2_alone() -> None:
    calls = {"ec2:DescribeInstances": 1700, "rds:DescribeDBInstances": 1700, "sts:AssumeRole": 100, "s3:PutObject": 9}
    every = a_result(accounts=100, instances=False, kinds=ALL_KINDS, endpoint=ENDPOINT | {"calls": calls})
    assert calls_by_operation([every, a_result()]) == {
        "ec2:DescribeInstances": 1.0,
        "rds:DescribeDBInstances": 1.0,
        "sts:AssumeRole": pytest.approx(1 / 17),
    }
    assert calls_by_operation([a_result(instances=False)]) == {}
    found = {row.name: row for row in rows([every], 1000)}
    assert found["empty target, all kinds, calls"].value == pytest.approx(2 + 1 / 17)
    assert found["empty target, HTTP"].value is None


@pytest.mark.parametrize("fixed", [0.0, 0.9])
def test_accounts_that_all_cost_the_same_are_on_one_line_whatever_a_sweep_of_none_costs(fixed: float) -> None:
    each = [a_plan(one, fixed + one / 50) for one in SCALING]
    assert [round(cpu, 3) for _, cpu, _ in scaling_rows(each)] == [20.0] * 4
    assert all(abs(off) < 0.001 for _, _, off in scaling_rows(each))


@pytest.mark.parametrize("power", [1.2, 1.5, 2])
def test_accounts_that_cost_more_the_more_there_are_are_off_the_line(power: float) -> None:
    each = [a_plan(one, one**power / 50) for one in SCALING]
    assert max(abs(off) for _, _, off in scaling_rows(each)) > SCALING_WITHIN


def a_plan(accounts: int, cpu: float) -> dict[str, Any]:
    return a_result(accounts=accounts, pacing="off", phases=[{"cpu": 2.0}, {"cpu": cpu}])


def test_what_was_measured_takes_the_place_of_what_was_before_and_leaves_the_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "performance.md"
    page.write_text(document.PAGE.read_text())
    monkeypatch.setattr(document, "PAGE", page)
    monkeypatch.setattr(document, "CHART", tmp_path / "performance.svg")
    phase = {"name": "Acting on <resources>", "wall": 3.0, "cpu": 2.0, "memory": 1e6, "calls": {}, "write_units": 7}
    measured = {"text": "enforce of <all>", "phases": [{**phase, "name": "start-up"}, phase]}
    pages = []
    for wall in (41.5, 42.5, 41.5):
        document.write_page([a_result(mode="enforce", pacing="off", wall=wall, **measured)])
        pages.append(page.read_text())

    first, second, third = pages
    assert "| enforce unpaced, wall (s) | 169 | 60 | 45 | 41.5 |  | aim |" in first
    assert "41.5" not in second
    assert third == first
    drawn = ET.parse(tmp_path / "performance.svg").getroot()
    assert "41.5 s" in [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")]


def test_a_busy_machine_is_said_beside_its_wall_times() -> None:
    assert busy_text([a_result()]) == ""
    assert "had up to 40% of the sweeps' CPU" in busy_text([a_result(), a_result(others=12.0)])


def test_the_price_is_of_the_lambda_the_table_and_the_bucket() -> None:
    price = price_of(60.0, {"write_units": 1_000_000, "read_units": 0.0, "s3": {"put": 1000}})
    assert price.compute == pytest.approx(0.001382, rel=0.01)
    assert (price.table, price.bucket) == (pytest.approx(0.625), pytest.approx(0.005))


def test_a_body_in_chunks_is_put_together_without_its_trailer() -> None:
    assert unchunked(b"3\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n") == b"abcde"
