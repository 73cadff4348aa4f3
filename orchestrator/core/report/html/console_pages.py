"""The console's own pages: one decision explained, which of several resources is meant, the files of a sweep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.core.decide.explain import Explanation, RuleAnswer
from orchestrator.core.model import ResourceKey, Verdict, people_time
from orchestrator.core.report.explanation_text import (
    ANSWERS,
    HELD,
    conditions,
    found_text,
    nearest_text,
    rule_schedule_text,
    sections,
)
from orchestrator.core.report.html.columns import Column
from orchestrator.core.report.html.pages import page_chunks

FILES = {
    "report.html": "the report, for people",
    "report.json": "the report, for programs: all others are made from it",
    "decisions.jsonl.gz": "each decision with its outcome, a line each, compressed",
    "decisions.csv": "the same for a spreadsheet",
    "coverage.csv": "which accounts, regions and kinds were read",
    "compliance.csv": "what violates the policy's rules for tags",
    "opt_outs.csv": "the register of opt-outs",
    "plan.json": "the plan, frozen before anything was acted on",
    "manifest.json": "the SHA-256 of each of them",
    "manifest.sig": "its signature",
}
_KEY_COLUMNS = (
    Column("resource_id", "Resource", "code"),
    Column("account_id", "Account ID", "code"),
    Column("region", "Region", choice=True),
    Column("kind", "Kind", choice=True),
)
_WORDS = {
    "answers": ANSWERS,
    "held": HELD,
    "conditions": conditions,
    "found_text": found_text,
    "schedule_text": rule_schedule_text,
    "another_kind": RuleAnswer.ANOTHER_KIND,
    "owns": (RuleAnswer.OWNS, RuleAnswer.MAY_OWN),
}


def explain_page(found: Explanation) -> Iterator[bytes]:
    """Every rule in order with what each condition found, and what else led to the decision."""
    values = {
        **_WORDS,
        "found": found,
        "verdict": (found.decision.verdict if found.decision else Verdict.KEEP).value,
        "at": people_time(found.at),
        "nearest": nearest_text(found),
        "sections": [*sections(found)],
    }
    return page_chunks("explain.html.j2", values)


def several_page(sweep_id: str, keys: Sequence[ResourceKey], count: int) -> Iterator[bytes]:
    """Which of the resources of one id is meant; `keys` are those that are shown, of `count`."""
    values = {"sweep_id": sweep_id, "keys": keys, "count": count, "columns": _KEY_COLUMNS}
    return page_chunks("several.html.j2", values)


def files_page(sweep_id: str, names: Sequence[str]) -> Iterator[bytes]:
    """The files of a sweep, to download."""
    return page_chunks("files.html.j2", {"sweep_id": sweep_id, "files": [(one, FILES.get(one, "")) for one in names]})
