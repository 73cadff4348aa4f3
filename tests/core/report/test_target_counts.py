"""Targets are accounts x regions wherever a person reads of them, however many kinds are read."""

from __future__ import annotations

import pytest

from orchestrator.cli import summary
from orchestrator.core.model import GuardrailResult, TargetStatus
from orchestrator.core.report.document import Row, report_document
from orchestrator.core.report.files import report_files
from orchestrator.core.report.markdown import markdown_text
from orchestrator.core.report.sweep_digest import digest_of_document
from orchestrator.core.report.target_counts import target_counts
from tests.support.builders import a_coverage, a_report
from tests.support.packed_rows import packed_rows

KINDS = ("asg", "ec2", "rds")
REGIONS = ("eu-north-1", "eu-west-1")
SHUT, OTHER = "222222222222", "333333333333"


def a_document(*unread: tuple[str, str], shut: bool = False) -> Row:
    """Of two accounts with two regions each, and of each kind in `unread` in those of the first; one may be shut."""
    rows = [
        a_coverage(TargetStatus.DENIED if (region, kind) in unread else TargetStatus.SCANNED, region, kind=kind)
        for region in REGIONS
        for kind in KINDS
    ]
    rows += [a_coverage(region=region, account_id=OTHER, kind=kind) for region in REGIONS for kind in KINDS]
    rows += [a_coverage(TargetStatus.DENIED, "*", SHUT)] if shut else []
    weight = GuardrailResult("min_coverage_percent", 1, 1.0, passed=True, unknown_account_weight=2)
    return report_document(a_report(coverage=tuple(rows), guardrails=(weight,)))


def terminal_of(document: Row) -> str:
    return summary._totals_line(document)


def page_of(document: Row) -> str:
    return report_files(document)["report.html"].decode()


def test_kinds_do_not_multiply_targets() -> None:
    document = a_document()
    assert (
        document["totals"]["targets"] == document["totals"]["scanned"] == target_counts(document["coverage"]).read == 4
    )
    assert "2 accounts, 4 targets read, none unreadable, " in terminal_of(document)
    assert "(4 targets read)" in markdown_text(document)
    assert "of 4 targets in scope" in page_of(document)


def test_an_account_that_cannot_be_entered_counts_as_its_regions() -> None:
    document = a_document(shut=True)
    told = "4 targets read, 2 unreadable (an account that cannot be entered counts as 2 targets), "
    assert told in terminal_of(document)
    assert "2 of 6 targets could not be read; an account" in page_of(document)
    assert {row["account_id"]: row["unread"] for row in packed_rows(page_of(document), "accounts")}[SHUT] == 2
    assert {row["account_id"]: row["unread"] for row in packed_rows(page_of(document), "map")}[SHUT] == 2
    assert [one["unread"] for one in digest_of_document(document)["worst_accounts"]] == [2]


@pytest.mark.parametrize(
    ("unread", "told"),
    [
        ([("eu-west-1", "rds")], "1 target of 4 could not be read for rds"),
        (
            [("eu-west-1", "rds"), ("eu-north-1", "rds"), ("eu-west-1", "asg")],
            "2 targets of 4 could not be read for some kinds: asg in 1, rds in 2",
        ),
    ],
)
def test_kinds_are_named_only_where_some_of_a_target_could_not_be_read(
    unread: list[tuple[str, str]], told: str
) -> None:
    document = a_document(*unread)
    assert f"4 targets read ({told}), " in terminal_of(document)
    assert f"(4 targets read; {told})" in markdown_text(document)
    assert f"{told}." in page_of(document)
    holes = {region for region, _ in unread}
    assert {row["unread"] for row in packed_rows(page_of(document), "accounts")} == {0, len(holes)}
    assert [one["unread"] for one in digest_of_document(document)["worst_accounts"]] == [len(holes)]


def test_a_target_of_which_no_kind_was_read_is_unreadable_once_and_names_no_kind() -> None:
    document = a_document(*(("eu-west-1", kind) for kind in KINDS))
    assert "3 targets read, 1 unreadable, " in terminal_of(document)
    assert "1 of 4 targets could not be read." in page_of(document)
    assert "could not be read for" not in page_of(document)


def test_the_percentage_still_weighs_kind_by_kind() -> None:
    assert digest_of_document(a_document(("eu-west-1", "rds")))["coverage_percent"] == round(100 * 11 / 12, 2)
