"""What was read so far, as a sealed file: for a fresh process to resume, or to be put together with the other parts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from pydantic import TypeAdapter

from orchestrator.core.model import TargetStatus
from orchestrator.core.report.manifest import sha256_of
from orchestrator.errors import ReportStoreError
from orchestrator.sweep.listing import Listing
from orchestrator.sweep.read import Reading


@dataclass(frozen=True, slots=True)
class StoredInventory:
    """What one process has listed and read."""

    listing: Listing
    reading: Reading = field(default_factory=Reading)


_FILE = re.compile(rb'\{"sha256":"(?P<sha256>[0-9a-f]{64})","stored":(?P<stored>.*)\}', re.DOTALL)


@cache
def _adapter() -> TypeAdapter[StoredInventory]:
    """Made for the first hand-over, which most sweeps do not need."""
    return TypeAdapter(StoredInventory)


def inventory_bytes(stored: StoredInventory) -> bytes:
    """The file, with its SHA-256, from which `inventory_from` reads an equal inventory."""
    return seal_content(_adapter().dump_json(stored))


def inventory_from(content: bytes, name: str = "what was read before") -> StoredInventory:
    """The inventory in a file that `inventory_bytes` made. Raises ReportStoreError when it was altered since."""
    return _adapter().validate_json(sealed_content(content, name))


def seal_content(text: bytes) -> bytes:
    """A file of this JSON, with its SHA-256."""
    return b'{"sha256":"%s","stored":%s}' % (sha256_of(text).encode(), text)


def sealed_content(content: bytes, name: str) -> bytes:
    """The JSON in a file that `seal_content` made. Raises ReportStoreError when it was altered since."""
    found = _FILE.fullmatch(content)
    if found is None or sha256_of(found["stored"]) != found["sha256"].decode():
        raise ReportStoreError(f"{name} was altered since this sweep wrote it: nothing more is done by it")
    return found["stored"]


def without_gaps(reading: Reading) -> Reading:
    """Without the rows of what was not attempted, since another process attempts it."""
    coverage = tuple(row for row in reading.coverage if row.status is not TargetStatus.NOT_ATTEMPTED)
    return Reading(reading.opened, coverage, reading.resources)
