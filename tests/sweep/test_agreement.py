"""How a sweep ended, in every place that says it: whatever came of what it was to do, status and exit code agree."""

from __future__ import annotations

import io
from itertools import combinations_with_replacement, product

import pytest
from rich.console import Console

from orchestrator.cli.summary import print_summary
from orchestrator.core.model import (
    Decision,
    Decisions,
    GuardrailResult,
    Halt,
    HaltCause,
    Inventory,
    Mode,
    Outcome,
    Outcomes,
    OutcomeStatus,
    Reason,
    ReasonCode,
    SweepStatus,
    TargetStatus,
    Verdict,
)
from orchestrator.core.report.csv import read_rows
from orchestrator.core.report.document import Row, document_exit_code, report_document
from orchestrator.core.report.files import report_files
from orchestrator.sweep.state import Sweep, SweepState, build_report
from tests.support.builders import AT, SWEEP_ID, a_coverage, a_decision, a_policy, a_resource, an_outcome
from tests.support.suites import only_in_full

PASSED = (GuardrailResult("max_stops", 5, 5, passed=True),)
BROKEN = (GuardrailResult("max_stops", 5, 6, passed=False),)
OUTCOME_CODES: dict[str, int] = {
    OutcomeStatus.STOPPED: 0,
    OutcomeStatus.STOPPING: 0,
    OutcomeStatus.ALREADY_STOPPED: 0,
    OutcomeStatus.WOULD_STOP: 0,
    OutcomeStatus.STARTED: 0,
    OutcomeStatus.STARTING: 3,
    OutcomeStatus.ALREADY_RUNNING: 0,
    OutcomeStatus.WOULD_START: 0,
    OutcomeStatus.TAGGED: 0,
    OutcomeStatus.UNTAGGED: 0,
    OutcomeStatus.WOULD_TAG: 0,
    OutcomeStatus.WOULD_UNTAG: 0,
    OutcomeStatus.HELD: 0,
    OutcomeStatus.NOT_ATTEMPTED: 3,
    OutcomeStatus.UNKNOWN: 5,
    OutcomeStatus.FAILED: 5,
}
MODES = [Mode.ENFORCE, Mode.UNDO, *only_in_full(Mode.PLAN, Mode.APPROVE, Mode.APPLY)]
# One for each exit code; all of them come with one another in either suite.
STATUSES = [
    (OutcomeStatus.STOPPED, OutcomeStatus.NOT_ATTEMPTED, OutcomeStatus.FAILED),
    *only_in_full((tuple(OutcomeStatus),)),
]
UNREAD = {TargetStatus.DENIED, TargetStatus.FAILED, TargetStatus.NOT_ATTEMPTED}
NOT_DONE = {ReasonCode.NOT_SEEN_AGAIN, ReasonCode.OWNED_BY_TWO_POLICIES, ReasonCode.UNREADABLE_LEDGER}
NOT_DONE_BY_AN_UNDO = {
    ReasonCode.NOT_SEEN_AGAIN,
    ReasonCode.IN_TRANSITION,
    ReasonCode.STILL_STOPPING,
    ReasonCode.MARKS_LEFT,
}
ENDS = {0: SweepStatus.COMPLETE, 3: SweepStatus.INCOMPLETE, 4: SweepStatus.HELD, 5: SweepStatus.INCOMPLETE}


def ended(
    mode: Mode,
    outcomes: tuple[Outcome, ...] = (),
    decisions: tuple[Decision, ...] = (),
    coverage: TargetStatus = TargetStatus.SCANNED,
    guardrails: tuple[GuardrailResult, ...] = PASSED,
    halt: Halt | None = None,
    kept: dict[str, Reason] | None = None,
) -> Row:
    actions = tuple(a_decision(one.resource, Verdict.START if mode is Mode.UNDO else Verdict.STOP) for one in outcomes)
    keys = {one.resource.resource_id: one.resource.key for one in decisions}
    found = Outcomes(outcomes, {keys[one]: reason for one, reason in (kept or {}).items()}, halt)
    state = SweepState(
        Inventory("o-example", coverage=(a_coverage(coverage),)), Decisions((*actions, *decisions)), guardrails, found
    )
    sweep = Sweep(SWEEP_ID, mode, a_policy(), AT)
    return report_document(build_report(sweep, state, calls={}, finished_at=AT))


def disagreement(document: Row, code: int, mode: Mode) -> str:
    """Where exit code, status, table or CSV say something else; empty where all say the same."""
    waits = mode is Mode.APPROVE and document["totals"]["planned"] and code != 4
    status = SweepStatus.AWAITING_APPROVAL if waits else ENDS[code]
    found = document_exit_code(document), document["status"]
    if found != (code, status):
        return f"{found}, and not {(code, status.value)}"
    shown = io.StringIO()
    print_summary(Console(file=shown, width=200), document)
    if f"  {status}  " not in shown.getvalue().splitlines()[0]:
        return "the table has another status"
    if ("stop-orchestrator apply" in shown.getvalue()) is not bool(waits):
        return "the table does not say how a plan that waits is carried out, or says it of another"
    cells = {row["resource_id"]: row for row in read_rows(report_files(document)["decisions.csv"])}
    for row in document["outcomes"]:
        if cells[row["resource_id"]]["outcome"] != row["status"]:
            return "the CSV has another outcome"
        if (
            OUTCOME_CODES[row["status"]]
            and row["status"] != "not_attempted"
            and row["resource_id"] not in shown.getvalue()
        ):
            return f"the table does not name what is {row['status']}"
    two = {row["resource_id"] for row in document["decisions"] if row["reason_code"] == "owned_by_two_policies"}
    unnamed = {
        one for one in two if one not in shown.getvalue() or cells[one]["reason_code"] != "owned_by_two_policies"
    }
    return f"two policies own these, and the table or the CSV does not say so: {unnamed}" if unnamed else ""


def some(*statuses: OutcomeStatus) -> tuple[Outcome, ...]:
    return tuple(an_outcome(status, a_resource(f"i-{number}")) for number, status in enumerate(statuses))


@pytest.mark.parametrize("mode", MODES)
def test_they_agree_whatever_came_of_two_actions(mode: Mode) -> None:
    found = {}
    for pair in combinations_with_replacement(OutcomeStatus, 2):
        code = max(OUTCOME_CODES[one] for one in pair)
        found[pair] = disagreement(ended(mode, some(*pair)), code, mode)
        if code < 5:  # what a guardrail held did not fail
            found[*pair, "held"] = disagreement(ended(mode, some(*pair), guardrails=BROKEN), 4, mode)
    assert {one: text for one, text in found.items() if text} == {}


@pytest.mark.parametrize("statuses", STATUSES, ids=len)
@pytest.mark.parametrize("mode", MODES)
def test_they_agree_whatever_was_kept_beside_an_action(mode: Mode, statuses: tuple[OutcomeStatus, ...]) -> None:
    found = {}
    not_done = NOT_DONE_BY_AN_UNDO if mode is Mode.UNDO else NOT_DONE
    for reason, status in product(ReasonCode, statuses):
        code = max(OUTCOME_CODES[status], 3 if reason in not_done else 0)
        keep = a_decision(a_resource("i-kept"), Verdict.KEEP, reason_code=reason)
        found[reason, status] = disagreement(ended(mode, some(status), (keep,)), code, mode)
        planned = a_decision(a_resource("i-kept"), Verdict.START if mode is Mode.UNDO else Verdict.STOP)
        after_all = ended(mode, some(status), (planned,), kept={"i-kept": Reason(reason, "Because.")})
        found[reason, status, "after all"] = disagreement(after_all, code, mode)
    assert {one: text for one, text in found.items() if text} == {}


@pytest.mark.parametrize("mode", MODES)
def test_they_agree_whatever_was_not_read(mode: Mode) -> None:
    found = {}
    for coverage, status in product(TargetStatus, OutcomeStatus):
        code = max(OUTCOME_CODES[status], 3 if coverage in UNREAD else 0)
        found[coverage, status] = disagreement(ended(mode, some(status), coverage=coverage), code, mode)
    assert {one: text for one, text in found.items() if text} == {}


@pytest.mark.parametrize("mode", MODES)
def test_what_left_its_marks_behind_is_incomplete_whatever_came_of_it(mode: Mode) -> None:
    found = {}
    for status in OutcomeStatus:
        left = (an_outcome(status, a_resource("i-0"), warnings=("its marks are still there",)),)
        found[status] = disagreement(ended(mode, left), max(3, OUTCOME_CODES[status]), mode)
    assert {one: text for one, text in found.items() if text} == {}


@pytest.mark.parametrize("mode", [Mode.ENFORCE, Mode.APPLY, Mode.UNDO])
@pytest.mark.parametrize("cause", [HaltCause.KILL_SWITCH, HaltCause.LEDGER, HaltCause.FAILURES])
def test_a_sweep_that_was_aborted_does_not_exit_0(mode: Mode, cause: HaltCause) -> None:
    for status in OutcomeStatus:
        document = ended(mode, some(status), halt=Halt(cause, "it was told to"))
        assert document["status"] == "aborted"
        assert document_exit_code(document) == max(3, OUTCOME_CODES[status])
