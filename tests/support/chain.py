"""A store and a ledger in memory, and sweeps that are sealed there one after the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orchestrator.core.report.document import report_document
from orchestrator.core.report.manifest import MANIFEST, Broken, FileSeal
from orchestrator.errors import AnchorError
from orchestrator.ledger.ledger import CHAIN, HEAD, Ledger
from orchestrator.ledger.records import SWEEPS, SweepSummary
from orchestrator.ports import ReportStore
from orchestrator.sweep.seal import seal
from orchestrator.sweep.verify import Verified, verify
from tests.support.builders import AT, a_report
from tests.support.item_tables import MemoryFiles, MemoryItems

A, B, C = "20261123T190000Z-aaaaaa", "20261124T190000Z-bbbbbb", "20261125T190000Z-cccccc"
FILES = {"report.json": b"{}", "plan.json": b"[]"}


def seals(files: Mapping[str, bytes]) -> dict[str, FileSeal]:
    """What a manifest says of these files."""
    return {name: FileSeal.of(content) for name, content in files.items()}


class MemoryAnchor:
    """ports.Anchor; `refuses` is raised in place of an answer."""

    name = "/anchor"

    def __init__(self) -> None:
        self.text: str | None = None
        self.refuses: AnchorError | None = None
        self.written: list[str] = []

    def read(self) -> str | None:
        if self.refuses is not None:
            raise self.refuses
        return self.text

    def write(self, text: str) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.text = text
        self.written.append(text)


class DiedError(Exception):
    """What a test lets a process die of."""


class Hub:
    """A store and a ledger, and sweeps that end in them."""

    def __init__(self) -> None:
        self.files = MemoryFiles()
        self.store: ReportStore = self.files
        self.table = MemoryItems()
        self.ledger = Ledger(self.table, lambda: AT)
        self.anchor: MemoryAnchor | None = None

    def begin(self, sweep_id: str) -> None:
        self.ledger.begin(SweepSummary(sweep_id, "running", "enforce", "nonprod", "2026-11-23T19:00:00Z"))

    def seal(self, sweep_id: str, files: Mapping[str, bytes] = FILES, sign: Any = None) -> None:
        for name, content in files.items():
            self.store.put(sweep_id, name, content)
        seal(self.store, self.ledger, sweep_id, seals(files), sign)

    def sweep(self, sweep_id: str, sign: Any = None) -> None:
        self.begin(sweep_id)
        self.seal(sweep_id, {name: content + sweep_id.encode() for name, content in FILES.items()}, sign)
        self.finish(sweep_id)

    def finish(self, sweep_id: str) -> None:
        self.ledger.finish(report_document(a_report(sweep_id=sweep_id)), "somewhere")

    def manifest(self, sweep_id: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.files.files[sweep_id, MANIFEST])
        return document

    def forge(self, sweep_id: str, **fields: Any) -> None:
        text = json.dumps({**self.manifest(sweep_id), **fields}, separators=(",", ":"))
        self.files.files[sweep_id, MANIFEST] = text.encode()

    def verify(self, *sweep_ids: str, check: Any = None) -> list[Broken]:
        return [*self.verified(*sweep_ids, check=check).broken]

    def verified(self, *sweep_ids: str, check: Any = None) -> Verified:
        return verify(self.store, self.ledger, list(sweep_ids) or None, check, self.anchor)

    def lose_files(self, *sweep_ids: str) -> None:
        """All that is stored of them, as retention or somebody removes it."""
        for key in [key for key in self.files.files if key[0] in sweep_ids]:
            del self.files.files[key]

    def lose_rows(self, *sweep_ids: str) -> None:
        """Their summaries and links, as the table's TTL or somebody removes them."""
        for sweep_id in sweep_ids:
            self.table.items.pop((SWEEPS, sweep_id), None)
            self.table.items.pop((CHAIN, sweep_id), None)

    def cut(self, *newest: str) -> None:
        """Removes the newest sweeps from store and ledger, and puts the ledger's head back, so that nothing shows."""
        [before, *_] = [link.previous for link in self.ledger.links() if link.sweep_id == min(newest) and link.previous]
        self.lose_files(*newest)
        self.lose_rows(*newest)
        self.table.items[CHAIN, HEAD].update(sweep_id=before[0], sha256=before[1])

    def named(self, *sweep_ids: str) -> list[tuple[str, str]]:
        return [(one.sweep_id, one.file) for one in self.verify(*sweep_ids)]
