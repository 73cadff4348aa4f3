"""A plan at noon says how many are inside of which running hours until when, and not only that it stops none."""

from __future__ import annotations

from io import StringIO

from jsonschema import Draft202012Validator
from rich.console import Console

from orchestrator.cli.summary import print_summary
from orchestrator.core.decide.decisions import decide_inventory
from orchestrator.core.decide.inside_schedules import inside_schedules
from orchestrator.core.model import Inventory, Mode
from orchestrator.core.report.document import Row, report_document
from orchestrator.core.report.schema import report_json_schema
from tests.support.builders import AT, a_policy, a_report, a_resource, an_account

POLICY = a_policy(
    """
    schedules:
      office-hours: {timezone: Europe/Berlin, running: ["mon-fri 07:00-23:00"]}
    rules:
      - {name: dev, where: {tag: {E: dev}}, schedule: {from_tag: [Schedule], default: office-hours}}
      - {name: rest, where: {tag: {E: rest}}}
    """
)
DEV = {"E": "dev"}
LONG = {**DEV, "Schedule": "mon-fri 07:00-19:00 and sat+sun 08:00-12:00 America/Argentina/Buenos_Aires"}


def report(*tags: dict[str, str]) -> Row:
    resources = tuple(a_resource(f"i-{number}", tags=one) for number, one in enumerate(tags))
    decided = decide_inventory(POLICY, Inventory("o-1", (an_account(),), (), resources), AT)
    inside = inside_schedules(decided.decisions)
    found = a_report(mode=Mode.PLAN, decisions=decided.decisions, compliance=decided.compliance, schedules=inside)
    return dict(report_document(found))


def shown(document: Row) -> str:
    text = StringIO()
    print_summary(Console(file=text, width=80), document)
    return text.getvalue()


def test_the_summary_says_how_many_run_by_which_schedule_until_when() -> None:
    text = shown(report(DEV, DEV, LONG))
    assert "nothing to do, 3 inside of their running hours" in " ".join(text.split())
    assert "0 to stop" not in text
    assert "Inside of their running hours  " in text
    assert "dev   office-hours" in text
    assert "Mon 2026-11-23 23:00 CET          2" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_what_is_to_be_stopped_is_counted_beside_it() -> None:
    text = " ".join(shown(report(DEV, {"E": "rest"})).split())
    assert "1 to stop, 1 inside of their running hours" in text


def test_in_json_it_is_a_row_for_each_rule_schedule_and_end() -> None:
    assert report(DEV, DEV)["schedules"] == [
        {
            "schedule": "office-hours",
            "rule": "dev",
            "running_until": "2026-11-23T22:00:00Z",
            "until_text": "Mon 2026-11-23 23:00 CET",
            "resources": 2,
        }
    ]
    assert report({"E": "rest"})["schedules"] == []
    rows = report(DEV, LONG)["schedules"]
    schema = report_json_schema()
    validator = Draft202012Validator({**schema["properties"]["schedules"], "$defs": schema["$defs"]})
    assert (len(rows), validator.is_valid(rows), validator.is_valid([{"schedule": "office-hours"}])) == (2, True, False)


def test_a_tag_that_names_no_schedule_has_a_row_with_what_would_be_right() -> None:
    text = shown(report({**DEV, "Schedule": "ofice-hours\x1b[2J"}, DEV))
    assert "Tags that name no schedule, or no time zone" in text
    assert "did you mean 'office-hours'?" in " ".join(text.split())
    assert "\x1b" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "Tags that name no schedule" not in shown(report(DEV))


def test_a_report_of_the_release_before_says_nothing_of_it() -> None:
    document = report(DEV)
    del document["schedules"]
    text = shown(document)
    assert "0 to stop" in text
    assert "running hours" not in text
