"""A plan at noon says how many are inside of which running hours until when, and not only that it stops none."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from orchestrator.cli.summary import print_summary
from orchestrator.core.decide.decisions import decide_all
from orchestrator.core.decide.inside_schedules import inside_schedules
from orchestrator.core.model import Mode
from orchestrator.core.report.document import Row, report_document
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
    account = an_account()
    resources = [a_resource(f"i-{number}", tags=one) for number, one in enumerate(tags)]
    decisions = decide_all(POLICY, resources, {account.id: account}, AT)
    return dict(report_document(a_report(mode=Mode.PLAN, decisions=decisions, schedules=inside_schedules(decisions))))


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


def test_a_report_of_the_release_before_says_nothing_of_it() -> None:
    document = report(DEV)
    del document["schedules"]
    text = shown(document)
    assert "0 to stop" in text
    assert "running hours" not in text
