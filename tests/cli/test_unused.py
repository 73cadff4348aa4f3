"""What a person reads of rules that own nothing, of tag keys that nothing has, and of names that hold nothing."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from orchestrator.cli.summary import print_summary
from orchestrator.core.model import GuardrailResult, UnseenTagKey
from orchestrator.core.report.document import report_document
from tests.support.builders import a_decision, a_report, a_resource

UNSEEN = tuple(UnseenTagKey(f"Enviroment{number}", ("labs", "dev"), "Environment") for number in range(22))
LIMIT = GuardrailResult("max_stops", 10, 1, passed=True)
NAMES = GuardrailResult("names_resolved", 0, 0, passed=True)


def shown(**fields: Any) -> str:
    text = StringIO()
    decisions = (a_decision(a_resource("i-1"), rule="dev"), a_decision(a_resource("i-2"), rule=None))
    console = Console(file=text, width=80)
    print_summary(console, report_document(a_report(decisions=decisions, **fields)))
    return text.getvalue()


def test_a_rule_that_owns_nothing_has_a_row_in_the_table_of_rules() -> None:
    rows = [line.split() for line in shown(idle_rules=("labs",)).splitlines()]
    assert ["dev", "1", "1", "-", "-"] in rows
    assert ["labs", "-", "-", "-", "-"] in rows
    assert rows.index(["labs", "-", "-", "-", "-"]) < rows.index(["(no", "rule", "matches)", "1", "1", "-", "-"])


def test_a_key_that_no_resource_has_is_a_line_with_its_rules_and_the_nearest_key() -> None:
    told = shown(unseen_tag_keys=(UNSEEN[0], UnseenTagKey("X", ("dev",), "")))
    assert (
        "No resource that was read has the tag key 'Enviroment0' (rules labs, dev); the nearest is 'Environment'.\n"
        "No resource that was read has the tag key 'X' (rule dev).\n"
    ) in told


def test_of_many_keys_the_first_are_told_and_how_many_more_there_are() -> None:
    told = shown(unseen_tag_keys=UNSEEN)
    assert told.count("No resource that was read") == 20
    assert "... and 2 more in the report" in told


def test_names_that_hold_nothing_are_no_guardrail_of_0_with_a_limit_of_0() -> None:
    assert "Guardrails passed: max_stops 1 (limit 10)\n" in shown(guardrails=(NAMES, LIMIT))
    broken = GuardrailResult("names_resolved", 0, 2, passed=False)
    assert "Guardrails held: 1 of 2 broken: names_resolved 2 (limit 0)" in shown(guardrails=(broken, LIMIT))


def test_a_report_of_the_release_before_says_nothing_of_it() -> None:
    document = report_document(a_report(decisions=(a_decision(a_resource(), rule="dev"),)))
    before = {name: value for name, value in document.items() if name not in ("idle_rules", "unseen_tag_keys")}
    text = StringIO()
    print_summary(Console(file=text, width=80), before)
    assert "No resource that was read" not in text.getvalue()
