"""A group counts as what it runs: each form says resources, and what they run where that is another number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator.core.decide.decisions import decide_inventory
from orchestrator.core.decide.guardrails import hold_against
from orchestrator.core.model import Mode, OutcomeStatus, SweepStatus, Verdict
from orchestrator.core.report.approval_message import approval_message
from orchestrator.core.report.document import Row, report_document
from orchestrator.core.report.files import report_files
from orchestrator.core.report.html.report_page import report_page
from orchestrator.core.report.kept_because import kept_because
from orchestrator.core.report.markdown import markdown_text
from orchestrator.core.report.messages.sweep_messages import sweep_message
from orchestrator.core.report.messages.words import resource_line
from orchestrator.core.report.plan_file import plan_bytes, plan_from
from tests.core.report.test_forms_for_people import seen
from tests.core.report.test_plan_file import a_stored_plan
from tests.support.builders import AT, a_coverage, a_decision, a_plan, a_report, a_resource, an_outcome
from tests.support.groups import ALL, a_group, a_member, a_policy_about_groups, an_inventory

POLICY = a_policy_about_groups(f"guardrails: {{max_stops: 49}}\n{ALL}")
BOTH = "51 counting each instance of a group"


def document(**fields: Any) -> Row:
    """A plan that stops a group of 50, of which 3 instances were read, and an instance of its own."""
    members = [a_member(number) for number in range(3)]
    decided = decide_inventory(POLICY, an_inventory(a_group(units=50), *members, a_resource("i-own")), AT)
    plan = a_plan(*decided.decisions, coverage=(a_coverage(),))
    verdict = hold_against(plan, POLICY.guardrails, lambda: 1, members=POLICY.members)
    outcomes = tuple(an_outcome(OutcomeStatus.WOULD_STOP, one.resource) for one in plan.actions)
    defaults = {"coverage": plan.coverage, "outcomes": outcomes, "guardrails": verdict.guardrails}
    report = a_report(mode=Mode.PLAN, status=SweepStatus.HELD, decisions=decided.decisions, **defaults)
    return report_document(replace(report, **fields))


def test_totals_and_rows_have_the_units_where_they_are_not_the_resources() -> None:
    found = document()
    assert (found["totals"]["planned_stops"], found["totals"]["stop_units"]) == (2, 51)
    assert "start_units" not in found["totals"]
    assert {row["resource_id"]: row.get("units") for row in found["decisions"]} == {
        "web": 50,
        "i-own": None,
        **{f"i-{number}": None for number in range(3)},
    }
    plain = report_document(a_report(decisions=(a_decision(), a_decision(a_resource("i-2"), Verdict.KEEP))))
    assert "stop_units" not in plain["totals"]


def test_members_that_go_with_their_group_are_kept_for_that_reason_in_every_form() -> None:
    found, words = document(), "it goes with its owner, which is stopped"
    assert kept_because(found) == [(words, 3)]
    assert words in seen(b"".join(report_page(found)))
    assert f"| {words} | 3 |" in markdown_text(found)
    cells = report_files(found)["decisions.csv"].decode()
    assert cells.count("stops_with_owner,") == cells.count("which this sweep stops: it goes with it.") == 3


def test_a_held_plan_says_of_how_many_resources_the_number_is() -> None:
    detail = f"2 resources; {BOTH}"
    found = document()
    message = sweep_message(found, "here", ZoneInfo("UTC"))
    assert message.subject == f"nonprod held, nothing done: max_stops is 51, the limit 49 ({detail})"
    page = seen(b"".join(report_page(found)))
    assert f"Guardrails that do not hold: max_stops 51 ({detail}), limit 49." in page
    assert f"| max\\_stops |  | 49 | 51 | {detail} |" in markdown_text(found)


def test_a_plan_says_both_numbers() -> None:
    found = document(status=SweepStatus.COMPLETE, guardrails=())
    page = seen(b"".join(report_page(found)))
    assert f"A plan: it would stop 2 ({BOTH}) of 5 resources" in page
    assert f"plan only ({BOTH})" in page
    assert f"**2** would stop ({BOTH})" in markdown_text(found)
    _, text = approval_message(found)
    assert f"would stop 2 resources ({BOTH}) in 1 account." in text
    assert f"  rule all: 2 stops ({BOTH})" in text


def test_a_message_to_an_owner_says_what_a_group_runs() -> None:
    rows = {row["resource_id"]: row for row in document()["decisions"]}
    assert "(50 instances), in " in resource_line(rows["web"])
    assert "instance)" not in resource_line(rows["i-own"])


def test_a_plans_file_keeps_the_units_and_one_of_before_has_one_of_each() -> None:
    content = plan_bytes(a_stored_plan(a_decision(a_group(units=50))))
    assert plan_from(content, None).decisions[0].resource.units == 50
    assert plan_from(content.replace(b'"units":50,', b""), None).decisions[0].resource.units == 1
