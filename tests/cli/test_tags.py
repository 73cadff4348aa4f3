"""Rules that tag, at a terminal: what is asked, done, shown and undone, in an AWS of its own."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from orchestrator.cli.question import _question, _right_answer
from orchestrator.cli.summary import print_summary
from orchestrator.core.model import ActionCounts, Mode, OutcomeStatus, ReasonCode, Verdict
from orchestrator.core.report.document import report_document
from tests.support.builders import a_coverage, a_decision, a_report, a_resource, an_outcome
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.sweeps import FRANKFURT

RULE = "rules: [{name: ownerless, where: everything, action: tag, tags: {Owner-missing: reported}}]\n"


def tags_of(organization: OrganizationBuilder, account: str, instance_id: str) -> dict[str, str]:
    found = organization.described(account, FRANKFURT)[instance_id]
    return {tag["Key"]: tag["Value"] for tag in found.get("Tags", ())}


@pytest.mark.usefixtures("terminal")
def test_a_rule_tags_after_its_number_was_typed_and_an_undo_deletes_what_is_as_it_was_written(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    account = organization.account("one")
    first, second = organization.instances(account, FRANKFURT, 2)
    text = policy(RULE, FRANKFURT)
    ran = run("sweep", "--mode", "enforce", "--policy", text, typed="2\n")
    assert ran.exit_code == 0, ran.stderr
    assert "2 resources in 1 account would be given or rid of tags now." in ran.stderr
    assert "2 tagged" in ran.stdout
    assert organization.down(account, FRANKFURT) == set()
    assert tags_of(organization, account, first)["Owner-missing"] == "reported"
    organization.act(
        "create_tags", account, FRANKFURT, Resources=[second], Tags=[{"Key": "Owner-missing", "Value": "mine"}]
    )
    sweep_id = next(word for word in ran.stdout.split() if word.startswith("20") and "-" in word)
    undone = run("undo", sweep_id, "--yes")
    assert "1 untagged" in undone.stdout
    assert "Owner-missing" not in tags_of(organization, account, first)
    assert tags_of(organization, account, second)["Owner-missing"] == "mine"


@pytest.mark.parametrize(
    ("counts", "question", "answer"),
    [
        (ActionCounts(tags=2), "Type that number to tag them", "2"),
        (ActionCounts(3, tags=2), "Type both numbers to do that, such as '3 2'", "3 2"),
        (ActionCounts(3, 1, 2), "Type all numbers to do that, such as '3 1 2'", "3 1 2"),
    ],
)
def test_the_question_counts_tags_by_themselves(counts: ActionCounts, question: str, answer: str) -> None:
    assert (_question(counts, groups=False), _right_answer(counts)) == (question, answer)


def test_the_tables_say_until_when_a_stop_waits_and_what_is_only_reported() -> None:
    given = a_decision(a_resource("i-1"), Verdict.TAG, reason_code=ReasonCode.NOTICE_GIVEN, reason="Until Friday.")
    reported = a_decision(a_resource("i-2"), Verdict.KEEP, reason_code=ReasonCode.ONLY_REPORTED, reason="By a rule.")
    report = a_report(
        mode=Mode.ENFORCE,
        coverage=(a_coverage(),),
        decisions=(given, reported),
        outcomes=(an_outcome(OutcomeStatus.FAILED, given.resource, code="AccessDenied"),),
    )
    said = io.StringIO()
    print_summary(Console(file=said, width=80, emoji=False), report_document(report))
    text = said.getvalue()
    for part in ("1 to tag", "Stop announced", "Until Friday.", "Reported, and left as it is", "Tags that failed"):
        assert part in text
