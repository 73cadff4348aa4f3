"""What the stops of a plan lose is in every form of the report, and in the explanation of each resource."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.decide.explain import explain
from orchestrator.core.model import Inventory, Loss, Resource
from orchestrator.core.report.csv import read_rows
from orchestrator.core.report.document import report_document
from orchestrator.core.report.explanation import explanation_document
from orchestrator.core.report.explanation_text import sections
from orchestrator.core.report.files import report_files
from orchestrator.core.report.html.report_page import report_page
from orchestrator.core.report.markdown import markdown_text
from tests.core.report.test_forms_for_people import seen
from tests.support.builders import AT, a_coverage, a_decision, a_policy, a_report, a_resource, an_account

LINE = "Auto Scaling groups (1) lose: its instances, which are terminated."
RULE = "rules: [{name: all, kinds: [asg, ecs_service, rds, redshift_cluster], where: everything}]\n"


def one_of(kind: str, *words: str, **facts: int) -> Resource:
    losses = tuple(map(Loss, words))
    return replace(a_resource("web", losses=losses), kind=kind, facts=facts, obstacle=None)


def test_every_form_says_it() -> None:
    stop = a_decision(one_of("asg", "instances_terminated"))
    document = report_document(a_report(coverage=(a_coverage(),), decisions=(stop,), stop_effects=(LINE,)))
    assert document["stop_effects"] == [LINE]
    assert LINE in seen(b"".join(report_page(document)))
    assert "- Auto Scaling groups" in markdown_text(document)
    assert "which are terminated" in markdown_text(document)
    [row] = read_rows(report_files(document)["decisions.csv"])
    assert row["losses"] == "instances_terminated"


def test_a_report_of_an_earlier_release_says_nothing() -> None:
    document = report_document(a_report(coverage=(a_coverage(),), decisions=(a_decision(),)))
    assert "stop_effects" not in document
    assert "stops lose" not in markdown_text(document)
    page = seen(b"".join(report_page(document)))
    assert "Kept, because" in page
    assert "stops lose" not in page


@pytest.mark.parametrize(
    ("resource", "lost", "again"),
    [
        (one_of("asg", "instances_terminated"), "instances_terminated: its instances, which are terminated", ""),
        (one_of("ecs_service", "tasks_ended"), "tasks_ended: its tasks, which end", ""),
        (one_of("redshift_cluster", "queries_ended"), "queries_ended: its queries that run", ""),
        (one_of("rds"), "", "AWS starts it again by itself 7 days after a stop."),
    ],
)
def test_an_explanation_says_what_a_stop_loses_and_what_starts_it_again(
    resource: Resource, lost: str, again: str
) -> None:
    inventory = Inventory("o-example", (an_account(),), resources=(resource,))
    found = explain(a_policy(RULE), inventory, resource.key, AT)
    assert found.sentence.endswith(again)
    told = dict(sections(found)).get("A stop would lose", [""])
    assert told[0].startswith(lost)
    assert len(told) == 1


def test_an_explanation_says_the_sizes_that_a_start_gives_back() -> None:
    resource = one_of("asg", "instances_terminated", min_size=1, max_size=4, desired_capacity=3)
    found = explain(a_policy(RULE), Inventory("o-example", (an_account(),), resources=(resource,)), resource.key, AT)
    assert dict(sections(found))["Its sizes"] == ["desired_capacity 3, max_size 4, min_size 1"]
    assert explanation_document(found)["sizes"] == {"desired_capacity": 3, "max_size": 4, "min_size": 1}
