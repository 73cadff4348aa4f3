"""A report as Markdown: short, and inert whatever names, tags and AWS's messages are."""

from __future__ import annotations

import html
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from orchestrator.core.model import GuardrailResult, OutcomeStatus, TargetStatus, Verdict
from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.document import report_document
from orchestrator.core.report.markdown import MOST_ROWS, inert, markdown_text
from tests.support.builders import a_coverage, a_decision, a_report, a_resource, an_outcome
from tests.support.strategies import quick

READER = MarkdownIt("commonmark", {"html": True}).enable("table")
WILD = (
    "<img src=x onerror=alert(1)>",
    "[click](https://evil.example)",
    "![](https://evil.example/x.png)",
    "a|b\\|c\\",
    "`rm -rf`",
    "line\n# heading\n\n| a |\n|---|",
    "\x1b[31mred\u202egnp",
    "@team *bold* _it_ ~~gone~~ &lt; #12 <!-- hidden",
    "www.evil.example",
)
texts = st.sampled_from(WILD) | st.text(st.sampled_from("|\\`<>[]()!*_#&@:/.~$-= ax1\n"), max_size=20)
STRUCTURE = {"paragraph", "heading", "table", "thead", "tbody", "tr", "th", "td"}


def tokens(text: str) -> Iterator[Token]:
    for one in READER.parse(text):
        yield one
        yield from one.children or ()


def active(text: str) -> set[str]:
    """What is more than text in the layout of this page."""
    kinds = {one.type.removesuffix("_open").removesuffix("_close") for one in tokens(text)}
    return kinds - STRUCTURE - {"inline", "text", "text_special", "softbreak"}


@quick
@given(text=texts)
def test_a_strangers_text_is_shown_as_it_is_within_its_cell(text: str) -> None:
    page = f"| a | b |\n|---|---|\n| {inert(text)} | end |"
    assert active(page) == set()
    cells = [one.content for one in READER.parse(page) if one.type == "inline"]
    assert len(cells) == 4
    [shown] = [one.children or [] for one in READER.parse(page) if one.type == "inline"][2:3]
    seen = "".join(one.content for one in shown).replace("\u2060", "")
    assert seen == without_controls(text).strip(" ")
    assert html.unescape(inert(text)).count("@\u2060") == text.count("@")


@quick
@given(name=texts, message=texts, detail=texts)
def test_a_page_has_nothing_but_headings_paragraphs_and_tables(name: str, message: str, detail: str) -> None:
    resource = a_resource(tags={"Name": name})
    report = a_report(
        policy_name=name,
        error=detail,
        coverage=(a_coverage(TargetStatus.DENIED, detail=detail),),
        decisions=(a_decision(resource),),
        outcomes=(an_outcome(OutcomeStatus.FAILED, resource, code=name, message=message),),
    )
    page = markdown_text(report_document(report))
    strong = {"strong"}  # the numbers of the totals
    assert active(page) - strong == set()
    assert sum(one.type == "heading_open" for one in READER.parse(page)) == 4
    assert "\x1b" not in page
    assert page.isprintable() or set(page) & {"\n"}


def test_the_page_says_what_was_done_what_failed_what_was_kept_and_what_was_not_read() -> None:
    resources = [a_resource(f"i-{number}", tags={"Name": f"web-{number}"}) for number in range(4)]
    report = a_report(
        coverage=(a_coverage(), a_coverage(TargetStatus.DENIED, "*", "222222222222", detail="AccessDenied")),
        decisions=(*map(a_decision, resources[:3]), a_decision(resources[3], Verdict.KEEP)),
        outcomes=(
            an_outcome(OutcomeStatus.STOPPED, resources[0]),
            an_outcome(OutcomeStatus.STOPPED, resources[1]),
            an_outcome(OutcomeStatus.FAILED, resources[2], code="IncorrectInstanceState", message="no"),
        ),
        guardrails=(GuardrailResult("max_stops", 2, 3, passed=False, detail="too many"),),
    )
    page = markdown_text(report_document(report))
    for said in (
        "# Sweep 20261123T190000Z-7f3a9c: complete",
        "Of 4 resources in 2 accounts (1 target read, 1 not): **2** stopped, **1** failed, **1** kept.",
        "| account | id | to stop | done | failed | kept |",
        "| account-111111111111 | 111111111111 | 3 | 2 | 1 | 1 |",
        "| i-2 | web-2 | account-111111111111, eu-central-1 | IncorrectInstanceState | no |",
        "| no rule matches it | 1 |",
        "| account-222222222222 | \\* | \\* | denied | AccessDenied |",
        "| max\\_stops |  | 2 | 3 | too many |",
    ):
        assert said in page.splitlines()
    assert "Savings" not in page, "nobody asked for prices"


def test_money_is_there_where_it_is_known_and_what_is_unknown_is_apart() -> None:
    document = report_document(a_report())
    sums = {"resources": 2, "unknown_resources": 1, "gross": 12.0, "still_billed": 2.5, "net": 9.5, "hourly": 1.0}
    document["money"] = {
        "currency": "USD",
        "prices": "prices.csv",
        "made_up": True,
        "forecast": sums,
        "starts": sums,
        "measured": sums,
        "restarted_early": 0,
        "unknown_reasons": {"no price": 1},
        "sweep_cost": 0.004,
        "caveats": ["Savings Plans are not looked at."],
    }
    page = markdown_text(document)
    assert "Forecast of 2 stops: \\$9.50 (\\$12.00 without \\$2.50 still billed); of 1 more it is unknown." in page
    assert "The sweep cost \\$0.0040." in page
    assert "**The prices are made up.** Savings Plans are not looked at." in page


def test_a_long_table_ends_and_says_how_many_more_there_are() -> None:
    rows = tuple(a_coverage(TargetStatus.DENIED, f"xx-{number:03}") for number in range(MOST_ROWS + 5))
    page = markdown_text(report_document(a_report(coverage=rows)))
    assert page.count("| denied |") == MOST_ROWS
    assert "... and 5 more." in page
