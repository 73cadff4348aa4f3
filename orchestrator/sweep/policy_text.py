"""The text of a sweep's policy: in its summary where it fits into an item of the ledger, else a file of the sweep.

That file is named by the text's SHA-256, held against it whenever it is read, and sealed with the sweep's other files.
"""

from __future__ import annotations

from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.files import policy_file
from orchestrator.core.report.manifest import FileSeal, sha256_of
from orchestrator.errors import PlanError
from orchestrator.ledger.records import SweepSummary, text_bytes
from orchestrator.ports import ReportStore

LARGEST_IN_LEDGER = 300_000
"""Bytes: DynamoDB takes items of 400 KB, and the summary holds more than the text."""


class PolicyTextMissingError(PlanError):
    """The file with the text is not there."""


def is_too_large(policy: OrgPolicy) -> bool:
    """Whether the ledger keeps the hash of its text alone."""
    return len(text_bytes(policy.text)) > LARGEST_IN_LEDGER


def keep_text(store: ReportStore, sweep_id: str, policy: OrgPolicy) -> None:
    """Writes the file where the ledger keeps the hash alone. Raises ReportStoreError."""
    if is_too_large(policy):
        store.put(sweep_id, policy_file(policy.sha256), text_bytes(policy.text))


def text_seal(policy: OrgPolicy) -> FileSeal | None:
    """Of that file; None where there is none. Its name is its hash, so that no other content is ever read from it."""
    return FileSeal.of(text_bytes(policy.text)) if is_too_large(policy) else None


def text_of(store: ReportStore, begun: SweepSummary) -> str:
    """As it was when the sweep began. Raises PlanError where its file is missing or was altered."""
    if not begun.policy_by_hash:
        return begun.policy
    name = policy_file(begun.policy_by_hash)
    location = store.location(begun.sweep_id, name)
    content = store.find(begun.sweep_id, name)
    if content is None:
        raise PolicyTextMissingError(f"the policy of {begun.sweep_id} is missing: there is no {location}; put it back")
    if sha256_of(content) != begun.policy_by_hash:
        raise PlanError(
            f"the policy of {begun.sweep_id} was altered: {location} has not the SHA-256 that is its name and that "
            "the ledger recorded"
        )
    return content.decode("utf-8", "surrogatepass")
