"""report.html: made of the document alone, the same rows as the other files, and never in their way."""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.core.model import GuardrailResult, Mode, OutcomeStatus, SweepStatus, TargetStatus, Verdict
from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.csv import read_rows
from orchestrator.core.report.document import Row, report_document
from orchestrator.core.report.files import report_chunks, report_files
from orchestrator.core.report.html import report_view
from orchestrator.core.report.html.packed import ROWS_AT_ONCE
from orchestrator.core.report.html.report_page import report_page
from orchestrator.core.report.sweep_digest import digest_of_document
from orchestrator.core.report.target_counts import target_counts
from tests.core.report.test_files import REPORT
from tests.support.builders import AT, a_coverage, a_decision, a_report, a_resource, an_outcome
from tests.support.packed_rows import packed_rows
from tests.support.page_reports import HOSTILE, page_document
from tests.support.strategies import quick

STORES = Path(__file__).parents[3] / "data" / "stores"
NO_PAGE = "could not be made"


def page_of(document: Row) -> str:
    page = b"".join(report_page(document)).decode()
    assert NO_PAGE not in page
    return page


def text_of(page: str) -> str:
    """What a reader sees of it without scripts."""
    body = re.sub(r"<(script|style|svg)[^>]*>.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


# --- equal, and in nobody's way ---------------------------------------------------------------------------------------


def test_equal_documents_give_equal_pages_also_when_they_are_read_back() -> None:
    document = page_document(20, 700)
    read_back = json.loads(b"".join(report_chunks(document)["report.json"]))
    assert page_of(document) == page_of(document) == page_of(read_back)


def test_a_page_that_cannot_be_made_says_so_and_costs_no_other_file(monkeypatch: pytest.MonkeyPatch) -> None:
    before = report_files(report_document(REPORT))

    def break_off(_document: Row) -> Iterator[bytes]:
        raise ZeroDivisionError(object())

    monkeypatch.setattr(report_view, "made_page", break_off)
    first, second = report_files(report_document(REPORT)), report_files(report_document(REPORT))
    assert first == second
    assert {**first, "report.html": b""} == {**before, "report.html": b""}
    assert list(first) == list(before)
    assert f"{REPORT.sweep_id}: complete" in first["report.html"].decode()
    assert "(ZeroDivisionError)" in first["report.html"].decode()
    assert NO_PAGE in first["report.html"].decode()


def test_a_library_that_is_missing_costs_no_other_file_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "orchestrator.core.report.html.report_view")
    monkeypatch.setitem(sys.modules, "orchestrator.core.report.html.report_view", None)
    assert NO_PAGE in report_files(report_document(REPORT))["report.html"].decode()


def test_the_page_is_the_last_of_the_files() -> None:
    assert list(report_chunks(report_document(REPORT)))[-1] == "report.html"


@pytest.mark.parametrize("path", sorted(STORES.rglob("report.json")), ids=lambda path: path.parts[-4])
def test_a_report_of_an_earlier_release_gives_a_page(path: Path) -> None:
    document = json.loads(path.read_text())
    assert document["sweep_id"] in page_of(document)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("status", [one for one in SweepStatus if one is not SweepStatus.MISSED])
def test_every_mode_and_status_gives_a_page_that_says_so(mode: Mode, status: SweepStatus) -> None:
    report = replace(
        REPORT, mode=mode, status=status, error="Boom: <b>it broke</b>", consent_missing="no policy is active"
    )
    text = text_of(page_of(report_document(report)))
    assert status.value.replace("_", " ") in text
    assert "Ended by: Boom: &lt;b&gt;it broke&lt;/b&gt;" in text


# --- the same rows ----------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec=None), max_size=6) | st.sampled_from(HOSTILE)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
ROWS = st.fixed_dictionaries(
    {
        "name": TEXTS,
        "reason": TEXTS,
        "rule": st.none() | TEXTS,
        "verdict": st.sampled_from([Verdict.STOP, Verdict.KEEP, Verdict.START]),
        "tags": st.dictionaries(KEYS, TEXTS, max_size=2),
        "outcome": st.none() | st.sampled_from(list(OutcomeStatus)),
        "message": TEXTS,
    }
)


_A_ROW = {"name": "", "reason": "", "rule": None, "verdict": Verdict.STOP, "tags": {}, "outcome": None, "message": ""}


def _document(rows: list[dict[str, Any]]) -> Row:
    resources = [
        replace(a_resource(f"i-{number}", tags=one["tags"]), name=one["name"]) for number, one in enumerate(rows)
    ]
    pairs = [*zip(rows, resources, strict=True)]
    decisions = [a_decision(found, one["verdict"], reason=one["reason"], rule=one["rule"]) for one, found in pairs]
    outcomes = [
        an_outcome(one["outcome"], found, code="Code", message=one["message"], requested_at=AT)
        for one, found in pairs
        if one["outcome"] is not None
    ]
    return report_document(a_report(decisions=tuple(decisions), outcomes=tuple(outcomes), coverage=(a_coverage(),)))


@quick
@example([_A_ROW, {**_A_ROW, "rule": "\ud800"}])
@given(st.lists(ROWS, max_size=4))
def test_html_csv_json_lines_and_json_agree(rows: list[dict[str, Any]]) -> None:
    files = report_files(_document(rows))
    document = json.loads(files["report.json"])
    page = files["report.html"].decode()
    of_page = packed_rows(page, "decisions")
    of_csv = read_rows(files["decisions.csv"])
    of_lines = [json.loads(line) for line in gzip.decompress(files["decisions.jsonl.gz"]).splitlines()]
    assert len(of_page) == len(of_csv) == len(of_lines) == len(document["decisions"])
    for html, cells, line, decision in zip(of_page, of_csv, of_lines, document["decisions"], strict=True):
        for name in (
            "account_id",
            "region",
            "kind",
            "resource_id",
            "name",
            "verdict",
            "reason",
            "rule",
            "arn",
            "owner",
        ):
            seen = html[name]
            assert (seen or "") == without_controls(decision[name] or "") == without_controls(cells[name])
            assert line[name] == decision[name]
        tags = "; ".join(f"{key}={value}" for key, value in decision["tags"].items())
        assert html["tags"] == without_controls(tags)
    outcomes = {row["resource_id"]: row for row in document["outcomes"]}
    for html, cells in zip(of_page, of_csv, strict=True):
        outcome = outcomes.get(html["resource_id"])
        assert (html["outcome"] or "") == cells["outcome"] == (outcome["status"] if outcome else "")
    failed = [
        row["resource_id"] for row in document["outcomes"] if row["status"] in ("failed", "unknown", "not_attempted")
    ]
    assert [row["resource_id"] for row in packed_rows(page, "failures")] == failed


def test_the_other_tables_have_the_rows_of_their_files() -> None:
    files = report_files(page_document(20, 400, money=False))
    page = files["report.html"].decode()
    for table, columns in (
        ("compliance", ("resource_id", "violation", "detail")),
        ("opt_outs", ("carrier_id", "status")),
    ):
        wanted = [[without_controls(row[name]) for name in columns] for row in read_rows(files[f"{table}.csv"])]
        assert [[row[name] for name in columns] for row in packed_rows(page, table)] == wanted
    holes = [row for row in read_rows(files["coverage.csv"]) if row["status"] != "scanned"]
    found = packed_rows(page, "coverage")
    assert sorted(row["account_id"] + row["region"] for row in found) == sorted(
        row["account_id"] + row["region"] for row in holes
    )
    is_unread = [row["status"] in ("denied", "failed", "not_attempted") for row in found]
    assert is_unread == sorted(is_unread, reverse=True), "what was not read comes first"
    assert all(bool(row["what"]) == unread for row, unread in zip(found, is_unread, strict=True))


def test_sums_of_accounts_are_those_of_the_report() -> None:
    document = page_document(20, 700)
    rows = packed_rows(page_of(document), "accounts")
    totals = document["totals"]
    assert len(rows) == totals["accounts"] == 20
    for column, total in (("resources", "resources"), ("stops", "planned_stops"), ("stopped", "stopped")):
        assert sum(row[column] for row in rows) == totals[total]
    for column in ("kept", "exempt", "failed"):
        assert sum(row[column] for row in rows) == totals[column]
    assert sum(row["unread"] for row in rows) == target_counts(document["coverage"]).unread
    net = sum(row["net"] for row in rows if isinstance(row["net"], float))
    assert net == pytest.approx(document["money"]["forecast"]["net"])


# --- what it says -----------------------------------------------------------------------------------------------------


def test_hostile_names_are_nowhere_markup() -> None:
    page = page_of(page_document(40, 1_500))
    assert "<img" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert page.count("<script>") == 1


def test_without_prices_nothing_is_said_of_money() -> None:
    page = page_of(page_document(5, 50, money=False))
    assert "Saves" not in page.partition("<script")[0]
    assert "$" not in text_of(page)


def test_an_amount_that_is_unknown_is_said_and_is_never_0() -> None:
    document = page_document(5, 50)
    nothing = {"resources": 0, "unknown_resources": 20, "gross": 0.0, "still_billed": 0.0, "net": 0.0, "hourly": 0.0}
    document["money"] = {**document["money"], "forecast": nothing, "measured": nothing}
    document["decisions"] = [
        {**row, "money": {**row["money"], "net": None, "gross": None}} if "money" in row else row
        for row in document["decisions"]
    ]
    page = page_of(document)
    assert re.findall(r"\$0\.00(?!\d)", text_of(page)) == []
    assert "unknown" in text_of(page)
    stops = [row for row in packed_rows(page, "decisions") if row["verdict"] == "stop"]
    assert {row["net"] for row in stops} == {"unknown"}
    assert {row["net"] for row in packed_rows(page, "decisions") if row["verdict"] == "keep"} == {None}
    assert {row["net"] for row in packed_rows(page, "accounts") if row["stops"]} == {"unknown"}


def test_made_up_prices_are_said_to_be() -> None:
    text = text_of(page_of(page_document(5, 50)))
    assert "The prices are made up (prices-example.csv)" in text
    assert "The prices are made up" in text


def test_a_plan_says_what_it_would_do_and_a_held_one_that_it_did_nothing() -> None:
    plan = page_document(5, 50, mode=Mode.PLAN, money=False)
    assert "A plan: it would stop 20 of 50 resources" in text_of(page_of(plan))
    assert "Held: 20 actions planned, and none carried out" in text_of(page_of({**plan, "status": "held"}))


def test_a_sweep_that_ended_early_does_not_say_that_all_was_well() -> None:
    complete = text_of(page_of(report_document(a_report(coverage=(a_coverage(),)))))
    assert "Every target in scope was read. Every action came to its end." in complete
    for status in (SweepStatus.FAILED, SweepStatus.ABANDONED):
        text = text_of(page_of(report_document(a_report(status=status, error="Boom: no"))))
        assert "Every" not in text
        assert "nothing says that everything in scope was read" in text
    held = text_of(page_of(report_document(a_report(coverage=(a_coverage(),), status=SweepStatus.HELD))))
    assert "Nothing was acted on." in held


def test_a_region_that_only_one_account_was_denied_is_in_the_map_for_it_alone() -> None:
    rows = (
        a_coverage(region="eu-west-1"),
        a_coverage(region="eu-north-1"),
        a_coverage(TargetStatus.DENIED, "eu-north-1", kind="rds"),
        a_coverage(region="eu-north-1", account_id="222222222222"),
        a_coverage(TargetStatus.SUSPENDED, "*", "333333333333"),
    )
    found = packed_rows(page_of(report_document(a_report(coverage=rows))), "map")
    every = [row for row in found if row["kind"] == "every kind"]
    assert [(row["account_id"], row["unread"], row["eu-north-1"], row["eu-west-1"]) for row in every] == [
        ("111111111111", 1, "D denied", "✓ read"),
        ("222222222222", 0, "✓ read", ""),
        ("333333333333", 0, "S account suspended", "S account suspended"),
    ]
    of_ec2 = {row["account_id"]: row["eu-north-1"] for row in found if row["kind"] == "ec2"}
    assert of_ec2["111111111111"] == "✓ read"


def test_a_thousand_limits_are_not_all_in_the_page_but_each_that_does_not_hold_comes_first() -> None:
    document = page_document(40, 100)
    document["guardrails"][-1] = {**document["guardrails"][-1], "passed": False, "name": "broken_one"}
    text = text_of(page_of(document))
    assert text.index("broken_one") < text.index("max_stops_percent")
    assert "28 further limits" in text


def test_times_of_actions_become_a_timeline() -> None:
    text = text_of(page_of(page_document(10, 200)))
    assert "2026-11-23 19:00:25 UTC The first of 80 actions was asked for" in text
    assert "The last action was seen at its end" in text
    assert text.index("It began to read") < text.index("The first of") < text.index("It ended")


# --- numbers that add up ----------------------------------------------------------------------------------------------


def figures_of(page: str) -> dict[str, str]:
    """What each figure says, with its note."""
    found = re.findall(r'<div class="figure[^"]*"><dt>([^<]*)</dt><dd>(.*?)</dd></div>', page)
    return {label: " ".join(re.sub(r"<[^>]+>", " ", text).split()) for label, text in found}


def test_a_link_of_a_figure_leads_to_as_many_decisions_as_it_counts() -> None:
    document = page_document(20, 700, money=False)
    rows = [dict(row) for row in document["outcomes"]]
    next(row for row in rows if row["status"] == "stopped")["status"] = "stopping"  # on its way: it counts as stopped
    page = page_of({**document, "outcomes": rows})
    links = re.findall(r'<dt>(Stopped|Kept|Exempt)</dt><dd><b><a href="#decisions\?([^"]*)">([\d,]+)</a>', page)
    assert [label for label, _, _ in links] == ["Stopped", "Kept", "Exempt"]
    for label, query, number in links:
        wanted = parse_qs(query.replace("&amp;", "&"))
        shown = [
            row for row in packed_rows(page, "decisions") if all(row[name] in values for name, values in wanted.items())
        ]
        assert len(shown) == int(number.replace(",", "")), label


def test_what_is_exempt_is_said_to_be_part_of_what_is_kept() -> None:
    assert figures_of(page_of(page_document(5, 50)))["Exempt"].endswith("of the kept, by opt-out")


def test_what_was_not_read_is_one_number_wherever_it_is_told() -> None:
    denied = a_coverage(TargetStatus.DENIED, "*", "222222222222", detail="sts:AssumeRole: AccessDenied: no", kind="*")
    document = report_document(
        a_report(
            coverage=(
                a_coverage(region="eu-west-1"),
                a_coverage(region="eu-north-1"),
                a_coverage(TargetStatus.REGION_DISABLED, "sa-east-1"),
                denied,
            ),
            guardrails=(GuardrailResult("min_coverage_percent", 60, 40.0, passed=False, unknown_account_weight=3),),
        )
    )
    page = page_of(document)
    assert figures_of(page)["Not read"] == "3 of 5 targets in scope"
    assert "3 of 5 targets could not be read; an account that cannot be entered counts as 3 targets." in text_of(page)
    for table in ("map", "accounts"):
        assert {row["account_id"]: row["unread"] for row in packed_rows(page, table)}["222222222222"] == 3
    assert [one["unread"] for one in digest_of_document(document)["worst_accounts"]] == [3]


def test_the_first_screen_says_what_was_left_out_on_purpose_or_is_not_there() -> None:
    rows = (
        a_coverage(),
        a_coverage(TargetStatus.REGION_DISABLED, "sa-east-1"),
        a_coverage(TargetStatus.REGION_DISABLED, "sa-east-1", kind="rds"),
        *(a_coverage(TargetStatus.OPTED_OUT, "*", f"{number:012}", kind="*") for number in range(3)),
        a_coverage(TargetStatus.SUSPENDED, "*", "444444444444", kind="*"),
        a_coverage(TargetStatus.EXCLUDED, "*", "555555555555", kind="*"),
    )
    page = page_of(report_document(a_report(coverage=rows)))
    said = (
        "Left out on purpose, or not there: 3 accounts opted out , 1 account excluded by the policy , "
        "1 account suspended , 1 region disabled ."
    )
    assert said in text_of(page).partition("Guardrails with")[0]
    assert 'href="#coverage?status=opted_out"' in page


def test_commands_in_sentences_of_ours_are_shown_as_code() -> None:
    detail = "sts:AssumeRole: AccessDenied: not authorized to perform: sts:AssumeRole"
    denied = a_coverage(TargetStatus.DENIED, "*", detail=detail)
    page = page_of(report_document(a_report(coverage=(a_coverage(), denied), error="Interrupted: `<b>` again")))
    assert "(<code>make deploy-members</code>)" in page
    assert "<code>&lt;b&gt;</code>" in page
    assert "`" not in text_of(page)


def test_tags_are_left_out_of_a_page_that_would_be_too_large_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    document = page_document(5, 3 * ROWS_AT_ONCE)
    assert "without tags" not in text_of(page_of(document))
    monkeypatch.setattr("orchestrator.core.report.html.report_view._TAGS_UNTIL", 1)
    page = page_of(document)
    rows = packed_rows(page, "decisions")
    without = [row for row in rows if row["tags"] == "(left out of this page; decisions.csv has them)"]
    assert 0 < len(without) <= 2 * ROWS_AT_ONCE
    assert f"{len(without):,} decisions are shown without tags" in text_of(page)
    assert not any(row in without for row in rows[:ROWS_AT_ONCE])
