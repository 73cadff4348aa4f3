"""The question names the kind of whatever it is about: ids alone do not tell a group from a cluster."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from orchestrator.cli.question_tables import kept_of, resources_of
from orchestrator.core.model import ReasonCode, Verdict
from tests.support.builders import a_decision, a_plan, a_question, a_resource

NAMES = {"asg": "web", "redshift_cluster": "warehouse", "sagemaker_notebook": "models"}


def shown(table: Table | None) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=80).print(table)
    return out.getvalue().splitlines()


def test_each_resource_has_its_kind_within_80_columns() -> None:
    groups = (replace(a_resource(name), kind=kind, units=4) for kind, name in NAMES.items())
    lines = shown(resources_of(a_question(a_plan(*map(a_decision, groups)))))
    for kind, name in NAMES.items():
        assert any(f"stop    {kind} " in line and f" {name} " in line for line in lines), lines
    assert max(map(len, lines)) <= 80


def test_what_is_kept_has_its_kinds() -> None:
    kept = (
        a_decision(replace(a_resource(name), kind=kind), Verdict.KEEP, reason_code=ReasonCode.CANNOT_STOP)
        for kind, name in NAMES.items()
    )
    text = " ".join(" ".join(shown(kept_of(a_question(a_plan(*kept))))).split())
    assert "something about it rules out a asg" in text, "the reason is beside its kinds"
    assert all(kind in text for kind in NAMES)
