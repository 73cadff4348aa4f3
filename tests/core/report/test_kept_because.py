"""What is kept, and because of what, adds up with what is planned."""

from __future__ import annotations

from orchestrator.core.model import ReasonCode, Verdict
from orchestrator.core.report.document import report_document
from orchestrator.core.report.kept_because import KEPT_BECAUSE, kept_because
from tests.support.builders import a_decision, a_report, a_resource


def test_every_reason_has_words_of_its_own_and_no_code_among_them() -> None:
    assert KEPT_BECAUSE.keys() == {*ReasonCode}
    assert len({*KEPT_BECAUSE.values()}) == len(KEPT_BECAUSE)
    assert not any("_" in text for text in KEPT_BECAUSE.values())


def test_reasons_are_counted_and_together_with_what_is_planned_are_all_that_was_read() -> None:
    keep = (ReasonCode.EXEMPT, ReasonCode.NO_RULE, ReasonCode.NO_RULE)
    kept = [a_decision(a_resource(f"i-{n}"), Verdict.KEEP, reason_code=code) for n, code in enumerate(keep)]
    document = report_document(a_report(decisions=(*kept, a_decision(a_resource("i-9")))))
    assert kept_because(document) == [("no rule matches it", 2), ("opted out", 1)]
    totals = document["totals"]
    assert sum(count for _, count in kept_because(document)) + totals["planned"] == totals["resources"]


def test_a_reason_of_another_release_is_told_as_it_is() -> None:
    assert kept_because({"decisions": [{"verdict": "keep", "reason_code": "by_moonlight"}]}) == [("by moonlight", 1)]
