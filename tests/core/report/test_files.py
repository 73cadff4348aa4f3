"""The files of one sweep: JSON, JSON lines and CSV, each made from the report's document alone."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.decide.guardrails import hold_against
from orchestrator.core.model import Exemption, Loss, OutcomeStatus, TargetStatus, Verdict, Violation
from orchestrator.core.policy.schema.limits import Guardrails
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG
from orchestrator.core.report.csv import cell_of, csv_bytes, read_rows, tags_cell, tags_of, text_of
from orchestrator.core.report.document import report_document
from orchestrator.core.report.files import content_type, report_files, sweep_folder
from orchestrator.core.report.money_rows import MONEY_COLUMNS
from tests.support.builders import (
    ACCOUNT,
    AT,
    REGION,
    SWEEP_ID,
    a_coverage,
    a_decision,
    a_plan,
    a_report,
    a_resource,
    an_opt_out,
    an_outcome,
)
from tests.support.strategies import quick

OPTED_OUT = Exemption("resource", "i-2", OPT_OUT_TAG, "2026-12-31", date(2026, 12, 31), "demo")
FOR_GOOD = Exemption("resource", "i-3", OPT_OUT_TAG, "true", None, None)
UNKNOWN = {
    "account_id": None,
    "until": None,
    "days_left": None,
    "spared_resources": None,
    "spared_hours_per_week": None,
}
EVENING = "2026-11-23T19:00:00Z"
LOSSES = (Loss("public_ipv4"), Loss("instance_store_volumes", "It is unknown", is_unknown=True))
REPORT = a_report(
    coverage=(a_coverage(), a_coverage(TargetStatus.DENIED, "*", "000000000042", detail='AccessDenied: "no", he said')),
    decisions=(
        a_decision(a_resource("i-1", tags={"Name": "=HYPERLINK(1)", "B": "2", "A": "1"}, losses=LOSSES)),
        a_decision(a_resource("i-2"), Verdict.KEEP, exemption=OPTED_OUT),
        a_decision(a_resource("i-3"), Verdict.KEEP, exemption=FOR_GOOD, rule=None),
    ),
    outcomes=(an_outcome(OutcomeStatus.STOPPED, a_resource("i-1"), requested_at=AT, verified_at=AT),),
    compliance=(
        Violation(ACCOUNT, REGION, "i-1", "missing_required_tag", "the tag Owner is missing", "ec2", "resource"),
    ),
    opt_outs=(an_opt_out(), an_opt_out(carrier="organizational_unit", **UNKNOWN)),
)
DOCUMENT = report_document(REPORT)
GOVERNANCE = ["compliance.csv", "opt_outs.csv"]
FILES = report_files(DOCUMENT)


def table(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(FILES[name].decode(), newline="")))


def test_the_folder_of_a_sweep_is_by_day_and_id() -> None:
    assert sweep_folder(SWEEP_ID) == f"sweeps/dt=2026-11-23/sweep={SWEEP_ID}"


def test_report_json_is_written_first_since_all_others_can_be_made_from_it() -> None:
    assert list(FILES) == [
        "report.json",
        "decisions.jsonl.gz",
        "decisions.csv",
        "coverage.csv",
        *GOVERNANCE,
        "report.html",
    ]


def test_equal_reports_give_equal_bytes() -> None:
    assert report_files(report_document(REPORT)) == FILES


def test_a_document_that_was_read_back_after_a_crash_gives_the_same_bytes() -> None:
    assert report_files(json.loads(FILES["report.json"])) == FILES


def test_report_json_is_the_document() -> None:
    assert json.loads(FILES["report.json"]) == DOCUMENT


def test_the_json_lines_are_one_decision_each_with_its_outcome_and_its_sweep() -> None:
    lines = gzip.decompress(FILES["decisions.jsonl.gz"]).decode().splitlines()
    sweep = {"sweep_id": SWEEP_ID, "policy_name": "nonprod", "mode": "enforce", "schema_version": 2}
    none = {"outcome": None, "code": None, "message": None, "requested_at": None, "verified_at": None}
    stopped = {"outcome": "stopped", "code": "", "message": "", "requested_at": EVENING, "verified_at": EVENING}
    outcomes = (stopped, none, none)
    assert [json.loads(line) for line in lines] == [
        {**row, **outcome, **sweep} for row, outcome in zip(DOCUMENT["decisions"], outcomes, strict=True)
    ]
    assert FILES["decisions.jsonl.gz"][4:8] == bytes(4), "the time of writing would make equal sweeps differ"
    assert gzip.decompress(report_files(report_document(a_report()))["decisions.jsonl.gz"]) == b""


def test_the_table_of_decisions_has_a_decision_and_its_outcome_side_by_side() -> None:
    first, second, third = table("decisions.csv")
    assert first == {
        "account_id": ACCOUNT,
        "region": REGION,
        "kind": "ec2",
        "resource_id": "i-1",
        "name": "'=HYPERLINK(1)",
        "verdict": "stop",
        "action": "stop",
        "rule": "nights",
        "reason_code": "any_time",
        "reason": "Because.",
        "exemption_tag": "",
        "exemption_value": "",
        "exemption_source": "",
        "exemption_until": "",
        "exemption_reason": "",
        "outcome": "stopped",
        "code": "",
        "message": "",
        "requested_at": "2026-11-23T19:00:00Z",
        "verified_at": "2026-11-23T19:00:00Z",
        "tags": "A=1; B=2; Name==HYPERLINK(1)",
        "arn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-1",
        "losses": "public_ipv4; instance_store_volumes?",
        "account_name": f"account-{ACCOUNT}",
        "ou_path": "/",
        "owner": "",
        "type": "t3.micro",
        "sweep_id": SWEEP_ID,
        "policy_name": "nonprod",
        "mode": "enforce",
        "schema_version": "2",
        **dict.fromkeys(MONEY_COLUMNS, ""),
    }
    exemption = ("exemption_tag", "exemption_value", "exemption_source", "exemption_until", "exemption_reason")
    assert [second[key] for key in exemption] == [OPT_OUT_TAG, "2026-12-31", "resource", "2026-12-31", "demo"]
    assert [third[key] for key in exemption] == [OPT_OUT_TAG, "true", "resource", "", ""]
    assert (second["outcome"], second["action"], third["rule"]) == ("", "", "")


def test_an_outcome_stands_beside_its_own_decision_and_no_other() -> None:
    places = [("111111111111", "a", "i-1"), ("111111111111", "b", "i-1"), ("222222222222", "a", "i-1")]
    resources = [a_resource(one, account, region) for account, region, one in places]
    statuses = [OutcomeStatus.STOPPED, OutcomeStatus.FAILED, OutcomeStatus.HELD]
    report = a_report(
        decisions=tuple(map(a_decision, resources)),
        outcomes=tuple(
            an_outcome(status, one, code=f"Code-{status}", message=f"AWS says {status}")
            for status, one in zip(statuses, resources, strict=True)
        )[::-1],
    )
    text = report_files(report_document(report))["decisions.csv"].decode()
    rows = csv.DictReader(io.StringIO(text, newline=""))
    assert [(row["outcome"], row["code"], row["message"]) for row in rows] == [
        (status, f"Code-{status}", f"AWS says {status}") for status in ("stopped", "failed", "held")
    ]


def test_what_an_outcome_warns_of_stands_behind_its_message() -> None:
    outcome = an_outcome(OutcomeStatus.FAILED, message="no", warnings=("its marks were not deleted",))
    report = a_report(decisions=(a_decision(outcome.resource),), outcomes=(outcome,))
    text = report_files(report_document(report))["decisions.csv"].decode()
    assert [row["message"] for row in csv.DictReader(io.StringIO(text))] == ["no; its marks were not deleted"]


def test_the_tables_of_coverage_and_compliance_have_a_row_each() -> None:
    assert table("coverage.csv") == [
        {
            "account_id": "000000000042",
            "account_name": "account-000000000042",
            "ou_path": "/",
            "region": "*",
            "kind": "*",
        }
        | {"status": "denied", "detail": 'AccessDenied: "no", he said', "weight": "1"},
        {"account_id": ACCOUNT, "account_name": f"account-{ACCOUNT}", "ou_path": "/", "region": REGION, "kind": "ec2"}
        | {"status": "scanned", "detail": "", "weight": "1"},
    ]
    assert table("compliance.csv") == [
        {"account_id": ACCOUNT, "region": REGION, "kind": "ec2", "resource_id": "i-1"}
        | {"violation": "missing_required_tag", "detail": "the tag Owner is missing", "carrier": "resource"}
        | {"account_name": "", "owner": ""}
    ]


def test_the_register_has_a_row_for_each_opt_out_and_what_is_unknown_is_empty() -> None:
    known, unknown = table("opt_outs.csv")
    assert known == {
        "carrier": "resource",
        "carrier_id": "i-2",
        "account_id": ACCOUNT,
        "account_name": "",
        "ou_path": "",
        "region": "*",
        "kind": "*",
        "owner": "",
        "tag": OPT_OUT_TAG,
        "value": "2026-12-01",
        "until": "2026-12-01",
        "reason": "demo",
        "status": "active",
        "days_left": "8",
        "expiring": "true",
        "spared_accounts": "0",
        "spared_resources": "1",
        "spared_hours_per_week": "108.5",
        "violations": "opt_out_too_long; opt_out_without_reason",
    }
    empty = {name for name, cell in unknown.items() if not cell}
    assert empty >= {"account_id", "until", "days_left", "spared_resources", "spared_hours_per_week"}


_STATUSES = st.sampled_from([*TargetStatus, TargetStatus.SCANNED, TargetStatus.SCANNED])
_COVERED = st.dictionaries(
    st.tuples(st.sampled_from(["111111111111", "222222222222", "333333333333"]), st.sampled_from("abc")),
    st.dictionaries(st.sampled_from(["ec2", "rds"]), _STATUSES, min_size=1),
    max_size=6,
)
_WHOLE = st.dictionaries(
    st.sampled_from(["444444444444", "555555555555"]), _STATUSES.filter(lambda one: one is not TargetStatus.SCANNED)
)


@quick
@given(covered=_COVERED, whole=_WHOLE, weight=st.integers(1, 17))
def test_targets_and_the_coverage_percentage_add_up_by_hand_from_coverage_csv(
    covered: dict[tuple[str, str], dict[str, TargetStatus]],
    whole: dict[str, TargetStatus],
    weight: int,
) -> None:
    rows = [
        a_coverage(status, region, account, kind=kind)
        for (account, region), kinds in covered.items()
        for kind, status in kinds.items()
    ]
    rows += [a_coverage(status, "*", account) for account, status in whole.items()]
    verdict = hold_against(a_plan(coverage=tuple(rows)), Guardrails(min_coverage_percent=50), lambda: weight)
    document = report_document(a_report(coverage=tuple(rows), guardrails=verdict.guardrails))
    read = read_rows(report_files(document)["coverage.csv"])
    targets = {(row["account_id"], row["region"]) for row in read if row["region"] != "*"}
    assert document["totals"]["targets"] == len(targets)
    scanned = {(row["account_id"], row["region"]) for row in read if row["status"] == "scanned"}
    assert document["totals"]["scanned"] == len(scanned)
    in_scope = sum(int(row["weight"]) for row in read)
    share = sum(int(row["weight"]) for row in read if row["status"] == "scanned")
    by_hand = share * 100 / in_scope if in_scope else 100
    assert [(row["actual"], row["passed"]) for row in document["guardrails"]] == [(by_hand, by_hand >= 50)]


def test_where_nobody_knows_what_an_account_weighs_its_row_says_so_and_nothing_is_covered() -> None:
    rows = (a_coverage(), a_coverage(TargetStatus.DENIED, "*", "222222222222"))
    verdict = hold_against(a_plan(coverage=rows), Guardrails(min_coverage_percent=1), lambda: None)
    document = report_document(a_report(coverage=rows, guardrails=verdict.guardrails))
    assert [row["weight"] for row in document["coverage"]] == [1, None]
    assert [(row["actual"], row["passed"]) for row in document["guardrails"]] == [(0, False)]


def test_a_sweep_that_saw_nothing_still_has_every_file_with_its_header() -> None:
    files = report_files(report_document(a_report()))
    assert list(files) == list(FILES)
    for name in ("decisions.csv", "coverage.csv", *GOVERNANCE):
        assert files[name].splitlines() == FILES[name].splitlines()[:1]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝", "＋", "－", "＠"])  # noqa: RUF001 - full-width
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(start: str) -> None:
    assert cell_of(f"{start}1+1") == f"'{start}1+1"
    assert cell_of(start) == f"'{start}"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a;=1", "a;'=1"),
        ("a,@x", "a,'@x"),
        ('a; "=1"', """a; "'=1\""""),
        ("a\t=1", "a\\t=1"),
        ("a\r\n=1", "a\\r\\n=1"),
        ("\t=1", "\\t=1"),
        ("\0=1", "\\u0000=1"),
        ("'=1", "''=1"),
        ("a;'=1", "a;''=1"),
        ("the end;", "the end;'"),
        ("C:\\=", "C:\\\\="),
        ("\x1b[31mred\x9b0m\u202eder", "\\u001b[31mred\\u009b0m\\u202eder"),
    ],
)
def test_what_would_begin_a_cell_elsewhere_is_defused_too_and_a_control_character_is_written_out(
    text: str, cell: str
) -> None:
    assert cell_of(text) == cell
    assert text_of(cell) == text


@pytest.mark.parametrize("text", ["", "a=1", "1-2", "'a", " text", "me@example.com", "i-1", "ü", "a; b, c"])
def test_any_other_cell_stays_as_it_is(text: str) -> None:
    assert cell_of(text) == text


def test_nothing_is_an_empty_cell_and_other_values_are_their_text() -> None:
    assert (cell_of(None), cell_of(5), cell_of(True), cell_of(-5)) == ("", "5", "True", "'-5")


def test_tags_keep_their_bounds_whatever_is_in_them() -> None:
    tags = {"a=b": "1; c=2", "d": "x\\", "=e": "", "": "=f;"}
    assert tags_cell(tags) == r"""a\=b=1\; c=2; d=x\\; \=e=; '==f\;'"""
    assert tags_of(tags_cell(tags)) == tags
    assert (tags_cell({}), tags_of("")) == ("", {})


def test_a_table_is_rfc_4180_in_utf_8() -> None:
    assert csv_bytes([{"a": 'say "hi"', "b": "x,y"}, {"b": "ü", "c": "left out"}], ("a", "b")) == (
        'a,b\r\n"say ""hi""","x,y"\r\n,ü\r\n'.encode()
    )


def test_a_character_that_utf_8_does_not_have_is_written_out() -> None:
    assert csv_bytes([{"a": "x\ud800y"}], ("a",)) == b"a\r\nx\\ud800y\r\n"


_WILD = st.text(st.sampled_from("=+-@,;\t\r\n\"' \\\0\x1b\x85\u2028\u202eax1\uff1d"), max_size=12)
cells = st.text() | _WILD
_SEPARATORS = ",;\t"
_RUN = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def _cells_as_split_by(separator: str, text: str) -> list[str]:
    """As a spreadsheet splits it that knows quotes, and as one does that does not."""
    read = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in row]
    return read + [cell for line in text.splitlines() for cell in line.split(separator)]


@settings(deadline=None, max_examples=3 * settings().max_examples)
@given(
    names=st.lists(cells, min_size=1, max_size=3),
    tags=st.dictionaries(cells, cells, max_size=3),
    words=st.tuples(cells, cells, cells),
)
def test_decisions_csv_has_no_live_cell_however_it_is_split_and_round_trips(
    names: list[str], tags: dict[str, str], words: tuple[str, str, str]
) -> None:
    tag, value, message = words
    exemption = Exemption("resource", "i-0", tag, value, None, message)
    resources = [a_resource(f"i-{number}", tags={**tags, "Name": name}) for number, name in enumerate(names)]
    report = a_report(
        coverage=(replace(a_coverage(TargetStatus.FAILED, detail=message), account_name=value, ou_path=tag),),
        decisions=tuple(a_decision(one, reason=message, exemption=exemption) for one in resources),
        outcomes=tuple(an_outcome(OutcomeStatus.FAILED, one, code=tag, message=message) for one in resources),
        compliance=(Violation(ACCOUNT, REGION, value, tag, message, "ec2", account_name=value, owner=tag),),
        opt_outs=(an_opt_out(carrier_id=value, tag=tag, value=value, reason=message, owner=tag, ou_path=message),),
    )
    document = report_document(report)
    files = {name: content for name, content in report_files(document).items() if name.endswith(".csv")}
    for content in files.values():
        text = content.decode()
        assert all(one.isprintable() for line in text.split("\r\n") for one in line if one < "\x80")
        assert len(text.splitlines()) == text.count("\r\n")
        for separator in _SEPARATORS:
            live = [one for one in _cells_as_split_by(separator, text) if one.lstrip(' "')[:1] in _RUN]
            assert [one for one in live if one.strip(' "')] == []
    read = read_rows(files["decisions.csv"])
    assert [(row["name"], row["tags"], row["message"]) for row in read] == [
        (name, dict(sorted({**tags, "Name": name}.items())), message) for name in names
    ]
    assert {(row["exemption_tag"], row["exemption_value"], row["exemption_reason"], row["code"]) for row in read} == {
        (tag, value, message, tag)
    }
    (covered,), (violation,) = read_rows(files["coverage.csv"]), read_rows(files["compliance.csv"])
    assert (covered["account_name"], covered["ou_path"], covered["detail"]) == (value, tag, message)
    assert (violation["resource_id"], violation["violation"], violation["detail"]) == (value, tag, message)
    assert (violation["account_name"], violation["owner"]) == (value, tag)
    (registered,) = read_rows(files["opt_outs.csv"])
    assert (registered["carrier_id"], registered["tag"], registered["value"]) == (value, tag, value)
    assert (registered["reason"], registered["owner"], registered["ou_path"]) == (message, tag, message)


@quick
@given(text=cells)
def test_a_cell_is_read_back_as_the_text_that_it_was(text: str) -> None:
    assert text_of(cell_of(text)) == text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("report.json", "application/json"),
        ("manifest.json", "application/json"),
        ("coverage.csv", "text/csv; charset=utf-8"),
        ("decisions.jsonl.gz", "application/gzip"),
        ("manifest.sig", "application/octet-stream"),
    ],
)
def test_each_file_has_its_content_type(name: str, kind: str) -> None:
    assert content_type(name) == kind
    assert set(map(content_type, FILES)) == {
        "application/json",
        "text/csv; charset=utf-8",
        "application/gzip",
        "text/html; charset=utf-8",
    }
