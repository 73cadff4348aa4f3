"""The page over all sweeps: made anew at the end of each, after it was sealed. It is no evidence, and costs no sweep.

What fails here is a warning, and what takes longer than a few seconds goes on by itself and is not waited for.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from orchestrator import Later
from orchestrator.core.report.document import Row
from orchestrator.core.report.files import sweep_folder
from orchestrator.core.report.sweep_digest import SweepDigest, digest_of_document
from orchestrator.core.report.sweep_index import (
    DIGESTS_FILE,
    PAGE_FILE,
    SWEEPS_SHOWN,
    digests_bytes,
    newest_digests,
    read_digests,
    sweep_index,
)
from orchestrator.errors import LedgerError, StopOrchestratorError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ports import IndexStore, World

if TYPE_CHECKING:
    from orchestrator.core.report.html import index_page
else:  # templates and charts, which nothing needs before the end of a sweep
    index_page = Later("orchestrator.core.report.html.index_page")

LONGEST_SECONDS = 5.0
_READ_AT_MOST = SWEEPS_SHOWN + 10
"""Some of the newest have not ended."""


def write_index(world: World, document: Row, longest: float = LONGEST_SECONDS) -> None:
    """With that sweep in it, where the world has a place for it; waits so many seconds at most."""
    index = world.index
    if index is None:
        return
    failures: list[str] = []

    def work() -> None:
        try:
            _write(index, world.ledger, document)
        except StopOrchestratorError as failure:
            failures.append(str(failure))
        except Exception as failure:  # noqa: BLE001 - of a page that is no evidence nothing may end the sweep
            failures.append(f"{type(failure).__name__}: {failure}")

    thread = threading.Thread(target=work, name="index", daemon=True)
    thread.start()
    thread.join(longest)
    if thread.is_alive():
        failures.append(f"it takes longer than {longest:g} s, and is not waited for")
    for one in failures:
        world.warn(f"the index page in {index.name} was not written: {one}; the next sweep writes it")


def read_index(index: IndexStore, ledger: Ledger) -> tuple[list[SweepDigest], list[str]]:
    """The digests of the newest sweeps, newest first, and what of them could not be read. Nothing is written."""
    stored: list[SweepDigest] = []
    notes: list[str] = []
    try:
        stored = read_digests(index.find(DIGESTS_FILE))
    except StopOrchestratorError as failure:
        notes.append(f"What sweeps kept for this page cannot be read, so it has only what the ledger has: {failure}")
    try:
        records = [one.as_row() for one in ledger.sweeps(_READ_AT_MOST)]
    except LedgerError as failure:
        records = []
        notes.append(f"The ledger cannot be read, so this page may lack sweeps: {failure}")
    return newest_digests(stored, records), notes


def _write(index: IndexStore, ledger: Ledger, document: Row) -> None:
    """The page last: it is made of what the other file has."""
    own = digest_of_document(document)
    stored = [one for one in read_digests(index.find(DIGESTS_FILE)) if one["sweep_id"] != own["sweep_id"]]
    digests = newest_digests([own, *stored], [one.as_row() for one in ledger.sweeps(_READ_AT_MOST)])
    index.put(DIGESTS_FILE, digests_bytes(digests))
    index.put(PAGE_FILE, b"".join(index_page.index_page(sweep_index(digests), _link)))


def _link(sweep: SweepDigest) -> str:
    """From the page to a sweep's report, in a bucket and in a folder alike."""
    return f"../{sweep_folder(sweep['sweep_id'])}/{sweep['report']}" if sweep["report"] else ""
