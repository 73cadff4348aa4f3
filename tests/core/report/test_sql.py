"""decisions.jsonl.gz as an analyst reads it: DuckDB's totals are those of report.json."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestrator.core.model import Exemption, OutcomeStatus, Verdict
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG
from orchestrator.core.report.document import report_document
from orchestrator.core.report.files import report_files, sweep_folder
from orchestrator.core.report.sql import athena_table, duckdb_view, line_columns
from tests.support.builders import AT, SWEEP_ID, a_coverage, a_decision, a_report, a_resource, an_outcome

HOSTILE = '"],\n{"<img src=x>`\u202e\x1b[31m'
STATUSES = (OutcomeStatus.STOPPED, OutcomeStatus.STOPPED, OutcomeStatus.FAILED, OutcomeStatus.STARTED)
SPARED = Exemption("resource", "i-9", OPT_OUT_TAG, "true", None, None)


def a_document(count: int = 40) -> dict[str, Any]:
    """A report of `count` resources: some stop, some start, some are kept, and some of these are spared."""
    verdicts = (Verdict.STOP, Verdict.STOP, Verdict.STOP, Verdict.START, Verdict.KEEP, Verdict.KEEP, Verdict.KEEP)
    resources = [a_resource(f"i-{number:05x}", tags={"CostCenter": f"cc-{number % 3}"}) for number in range(count)]
    decisions = [a_decision(one, verdicts[number % 7]) for number, one in enumerate(resources)]
    decisions[4] = a_decision(a_resource("i-00004", tags={HOSTILE: HOSTILE}), Verdict.KEEP, exemption=SPARED)
    acted = [one.resource for one in decisions if one.verdict is not Verdict.KEEP]
    outcomes = [
        an_outcome(STATUSES[number % 4], one, code="Code" * (number % 2), message=HOSTILE, requested_at=AT)
        for number, one in enumerate(acted)
    ]
    report = a_report(coverage=(a_coverage(),), decisions=tuple(decisions), outcomes=tuple(outcomes))
    document = report_document(report)
    for number, row in enumerate(document["decisions"]):
        if row["verdict"] != Verdict.KEEP:
            known = {"hourly": 0.1, "gross": 1.5 + number, "still_billed": 0.5, "net": 1.0 + number, "unknown": ""}
            unknown = {**dict.fromkeys(known), "unknown": "no price"}
            about = {"source": "prices.csv", "hours": 15.0, "until": "2026-11-24T07:00:00Z"}
            row["money"] = {**about, **(unknown if number % 5 == 0 else known)}
    return document


def stored(document: dict[str, Any], directory: Path, sweep_id: str = SWEEP_ID) -> str:
    """The pattern of the files by which an analyst reads them."""
    folder = directory / sweep_folder(sweep_id)
    folder.mkdir(parents=True)
    for name, content in report_files({**document, "sweep_id": sweep_id}).items():
        (folder / name).write_bytes(content)
    return str(directory / "sweeps/*/*/decisions.jsonl.gz")


@pytest.fixture
def duck() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def of_report(document: dict[str, Any]) -> dict[str, Any]:
    """What report.json comes to, by its totals and its rows."""
    totals, money = document["totals"], [row["money"] for row in document["decisions"] if "money" in row]
    return {
        "resources": totals["resources"],
        "stops": totals["planned_stops"],
        "starts": totals["planned_starts"],
        "kept": totals["kept"],
        "exempt": totals["exempt"],
        "stopped": totals["stopped"],
        "started": totals["started"],
        "failed": totals["failed"],
        "net": pytest.approx(sum(one["net"] for one in money if one["net"] is not None)),
        "unknown": sum(one["net"] is None for one in money),
    }


SUMS = """
SELECT count(*) AS resources, count(*) FILTER (verdict = 'stop') AS stops,
  count(*) FILTER (verdict = 'start') AS starts,
  count(*) FILTER (verdict = 'keep') AS kept, count(*) FILTER (exemption IS NOT NULL) AS exempt,
  count(*) FILTER (outcome IN ('stopped', 'stopping')) AS stopped, count(*) FILTER (outcome = 'started') AS started,
  count(*) FILTER (outcome = 'failed') AS failed, sum(money.net) AS net,
  count(*) FILTER (money IS NOT NULL AND money.net IS NULL) AS unknown
FROM decisions
"""


def rows_of(duck: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    found = duck.sql(query)
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


@pytest.mark.parametrize("how", ["auto", "view"])
def test_duckdbs_totals_are_those_of_the_report(duck: duckdb.DuckDBPyConnection, tmp_path: Path, how: str) -> None:
    document = a_document()
    files = stored(document, tmp_path)
    duck.execute(f"CREATE VIEW decisions AS FROM read_json_auto('{files}')" if how == "auto" else duckdb_view(files))
    assert rows_of(duck, SUMS) == [of_report(document)]
    assert dict(
        duck.sql("SELECT outcome, count(*) FROM decisions WHERE outcome IS NOT NULL GROUP BY 1").fetchall()
    ) == (Counter(row["status"] for row in document["outcomes"]))


@pytest.mark.full
def test_duckdbs_totals_are_those_of_a_report_of_50_000_decisions(
    duck: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    document = a_document(50_000)
    duck.execute(f"CREATE VIEW decisions AS FROM read_json_auto('{stored(document, tmp_path)}')")
    assert rows_of(duck, SUMS) == [of_report(document)]


def test_the_view_has_the_lines_columns_and_the_folders_by_day_and_sweep(
    duck: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    document, later = a_document(), "20261124T190000Z-7f3a9c"
    stored(document, tmp_path)
    duck.execute(duckdb_view(stored(document, tmp_path, later)))
    assert tuple(duck.sql("FROM decisions").columns) == (*line_columns(), "dt", "sweep")
    found = duck.sql("SELECT DISTINCT dt::VARCHAR, sweep, sweep_id FROM decisions ORDER BY 1").fetchall()
    assert found == [("2026-11-23", SWEEP_ID, SWEEP_ID), ("2026-11-24", later, later)]
    [(tags, message, at)] = duck.sql(
        f"SELECT tags, message, requested_at FROM decisions WHERE resource_id = 'i-00000' AND sweep = '{SWEEP_ID}'"
    ).fetchall()
    assert (tags, message, at) == ({"CostCenter": "cc-0"}, HOSTILE, AT.replace(tzinfo=None))
    [(tags,)] = duck.sql("SELECT tags FROM decisions WHERE resource_id = 'i-00004' AND dt = '2026-11-24'").fetchall()
    assert tags == {HOSTILE: HOSTILE}


def test_a_sweep_without_prices_and_one_with_them_are_one_table(
    duck: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    document, without = a_document(), a_document(30)
    for row in without["decisions"]:
        row.pop("money", None)
    stored(without, tmp_path, "20261122T190000Z-7f3a9c")
    duck.execute(duckdb_view(stored(document, tmp_path)))
    found = duck.sql("SELECT dt::VARCHAR, count(money.net) FROM decisions GROUP BY 1 ORDER BY 1").fetchall()
    assert [(day, bool(count)) for day, count in found] == [("2026-11-22", False), ("2026-11-23", True)]


def test_athenas_table_has_the_lines_columns_and_is_parted_by_day_without_anyone_adding_partitions() -> None:
    text = athena_table("reports-of-acme")
    table, _, view = text.partition("CREATE OR REPLACE VIEW decisions")
    head, _, tail = table.partition(")\nPARTITIONED BY (`dt` string)")
    assert re.findall(r"^  `(\w+)` ", head, re.MULTILINE) == [*line_columns()]
    assert re.findall(r'"(\w+)"', view) == [*line_columns(), "dt"]
    assert "'storage.location.template' = 's3://reports-of-acme/sweeps/dt=${dt}/'" in tail
    assert sweep_folder(SWEEP_ID).startswith("sweeps/dt=2026-11-23/")
    assert "LIKE '%/decisions.jsonl.gz'" in view
