"""docs/reports.md: its queries run, its statements are those that are made, and its commands take these options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import duckdb
import pytest
from typer.main import get_command

from orchestrator.cli.root import cli
from orchestrator.core.report.sql import LOCAL_FILES, athena_table, duckdb_view
from tests.core.report.test_sql import a_document, stored

PAGE = (Path(__file__).parents[2] / "docs/reports.md").read_text()
QUERIES = re.findall(r"^<!-- (\w+): run -->\n```sql\n(.*?)```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = {*re.findall(r"^    (stop-orchestrator .+)$", PAGE, re.MULTILINE)}
COMMANDS |= {one for one in re.findall(r"`(stop-orchestrator [^`]+)`", PAGE) if "SWEEP_ID" not in one}


@pytest.mark.parametrize(("where", "query"), QUERIES)
def test_each_query_finds_something(tmp_path: Path, where: str, query: str) -> None:
    document = a_document()
    for row in document["outcomes"]:
        row["verified_at"] = row["requested_at"]
    files = stored(document, tmp_path)
    duck = duckdb.connect(config={"threads": 1})
    if where == "decisions":
        duck.execute(duckdb_view(files))
    assert LOCAL_FILES in query or where == "decisions"
    assert duck.sql(query.replace(LOCAL_FILES, files)).fetchall()


def test_every_query_on_the_page_is_run() -> None:
    assert len(QUERIES) == PAGE.count("```sql\n") - 1, "but for Athena's own statements"


def test_athenas_statements_are_those_that_the_command_prints() -> None:
    _, _, rest = PAGE.partition("<!-- athena: begin -->\n```sql\n")
    shown, _, _ = rest.partition("```\n<!-- athena: end -->")
    assert shown == athena_table(), "stop-orchestrator schema --report --format athena"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_each_command_takes_its_options(command: str) -> None:
    _, name, *arguments = shlex.split(command)
    chosen = get_command(cli).get_command(None, name)  # type: ignore[attr-defined,arg-type]  # a group; no context is needed
    assert chosen is not None
    chosen.make_context(name, arguments)
