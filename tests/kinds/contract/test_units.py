"""What guardrails count of a kind: as much when it is started again as when it was stopped."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core.decide.undo import with_started_units
from tests.kinds.contract.harness import MemoryAws


def test_a_start_counts_as_many_units_as_the_stop_that_it_takes_back(memory_aws: MemoryAws) -> None:
    """By what the stop leaves in the ledger: what is down has no size of its own (`KindDescription.started_units`)."""
    [one] = memory_aws.add()
    found = memory_aws.read()[one]
    down = replace(found, units=1)
    assert with_started_units(down, memory_aws.words.entry.description.evidence).units == found.units >= 1
