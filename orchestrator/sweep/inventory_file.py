"""What was read so far, as a file: for a fresh process to resume, or to be put together with the other parts."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import TypeAdapter

from orchestrator.core.model import TargetStatus
from orchestrator.sweep.read import Listing, Reading


@dataclass(frozen=True, slots=True)
class StoredInventory:
    """What one process has listed and read."""

    listing: Listing
    reading: Reading = field(default_factory=Reading)


_STORED = TypeAdapter(StoredInventory)


def inventory_bytes(stored: StoredInventory) -> bytes:
    """The file, from which `inventory_from` reads an equal inventory."""
    return _STORED.dump_json(stored)


def inventory_from(content: bytes) -> StoredInventory:
    """The inventory in a file that `inventory_bytes` made."""
    return _STORED.validate_json(content)


def without_gaps(reading: Reading) -> Reading:
    """Without the rows of what was not attempted, since another process attempts it."""
    coverage = tuple(row for row in reading.coverage if row.status is not TargetStatus.NOT_ATTEMPTED)
    return Reading(reading.opened, coverage, reading.resources)
