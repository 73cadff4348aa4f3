"""What the terminal says of tags: each carrier once, and accounts with their names."""

from __future__ import annotations

from datetime import date
from io import StringIO

from rich.console import Console

from orchestrator.cli.summary import print_summary
from orchestrator.core.decide.compliance import Asked, violations
from orchestrator.core.model import Mode, OptOutStatus, RegisteredOptOut
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG
from orchestrator.core.report.document import Row, report_document
from tests.support.builders import AT, a_policy, a_report, a_resource, a_unit, an_account

TODAY = AT.date()


def shown(document: Row) -> str:
    text = StringIO()
    print_summary(Console(file=text, width=80), document)
    return text.getvalue()


def test_an_ou_that_opted_out_counts_once_however_many_accounts_are_below_it() -> None:
    unit = a_unit("/Labs", {OPT_OUT_TAG: "true"})
    accounts = tuple(an_account(one, organizational_units=(unit,)) for one in ("111111111111", "222222222222"))
    resource = a_resource("i-1", "333333333333", tags={OPT_OUT_TAG: "true"})
    found = violations((resource,), (*accounts, an_account("333333333333")), Asked(), TODAY)
    document = dict(report_document(a_report(mode=Mode.PLAN, compliance=found)))
    lines = [line.split() for line in shown(document).splitlines() if line.startswith("never_ending_opt_out")]
    assert sorted(lines) == [["never_ending_opt_out", "OU", "1"], ["never_ending_opt_out", "ec2", "1"]]


def test_each_tag_that_is_missing_counts() -> None:
    required = a_policy("required_tags: [Owner, CostCenter]").required_tags
    found = violations((a_resource("i-1", tags={}),), (an_account(),), Asked(required), TODAY)
    text = shown(dict(report_document(a_report(mode=Mode.PLAN, compliance=found))))
    assert ["missing_required_tag", "ec2", "2"] in [line.split() for line in text.splitlines()]


def test_an_opt_out_that_ends_soon_has_its_accounts_name() -> None:
    row = RegisteredOptOut(
        carrier="resource",
        carrier_id="i-1",
        account_id="111111111111",
        account_name="dev-web",
        tag=OPT_OUT_TAG,
        value="2026-11-30",
        until=date(2026, 11, 30),
        reason="load test",
        status=OptOutStatus.ACTIVE,
        days_left=3,
        spared_accounts=0,
        spared_resources=1,
        spared_hours_per_week=168.0,
        violations=(),
    )
    text = shown(dict(report_document(a_report(mode=Mode.PLAN, opt_outs=(row,)))))
    table = text.partition("Opt-outs that end within")[2]
    assert ["i-1", "111111111111", "(none)", "2026-11-30"] in [line.split() for line in table.splitlines()]
    assert ["dev-web"] in [line.split() for line in table.splitlines()]
