"""Writes a report's files, seals them into the chain of manifests, and closes the sweep in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.core.report.files import policy_file, report_chunks
from orchestrator.core.report.manifest import (
    MANIFEST,
    SIGNATURE,
    FileSeal,
    Link,
    Sealing,
    manifest_bytes,
    sha256_of,
)
from orchestrator.core.report.plan_file import PLAN_FILE
from orchestrator.core.report.stored_report import read_document
from orchestrator.errors import ReportStoreError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ports import ReportStore, World
from orchestrator.sweep.anchor import move_anchor
from orchestrator.sweep.index import write_index
from orchestrator.sweep.telling import keep_warning, tell_of_sweep

Document = dict[str, Any]


def write_and_seal(world: World, document: Document, known: Mapping[str, FileSeal] | None = None) -> str:
    """Every file, report.json first, as the others are made from it; then the manifest; the ledger's summary last.

    `known`: of the plan and the policy's text, those that this process wrote or read; the store is asked for the rest.
    """
    sweep_id = document["sweep_id"]
    files: dict[str, FileSeal] = {}
    for name, chunks in report_chunks(document).items():
        sealing = Sealing(chunks)
        world.store.put_chunks(sweep_id, name, sealing)
        files[name] = sealing.seal
    for name in (PLAN_FILE, policy_file(document["policy_sha256"])):
        found = (known or {}).get(name) or _stored(world.store, sweep_id, name)
        if found is not None:
            files[name] = found
    seal(world.store, world.ledger, sweep_id, files, world.sign)
    location = world.store.location(sweep_id, "report.json")
    # Before the end: told twice after a crash is better than never.
    untold = tell_of_sweep(world, document, location)
    world.ledger.finish(document, location)
    warning = keep_warning(world, world.ledger, sweep_id, untold)
    # Last: either may fail or take its time, and by now the sweep is whole.
    move_anchor(world, sweep_id, warning)
    write_index(world, document)
    return location


def end_again(world: World, sweep_id: str) -> tuple[Document, str] | None:
    """The end of a sweep whose process died between its report and that: by the report as it is stored; None: it has
    none. Raises as `write_and_seal`.
    """
    chunks = world.store.find_chunks(sweep_id, "report.json")
    if chunks is None:
        return None
    document = read_document(chunks)
    return document, write_and_seal(world, document)


def _stored(store: ReportStore, sweep_id: str, name: str) -> FileSeal | None:
    chunks = store.find_chunks(sweep_id, name)
    return FileSeal.of_chunks(chunks) if chunks is not None else None


def seal(
    store: ReportStore,
    ledger: Ledger,
    sweep_id: str,
    files: Mapping[str, FileSeal],
    sign: Callable[[bytes], bytes] | None,
) -> None:
    """Chains and writes the manifest of files that are written already: last, so a sweep without one is unfinished.

    After a crash the caller repeats it with the same files, and it resumes from where it was. Raises ReportStoreError.
    """
    if store.find(sweep_id, MANIFEST) is not None:
        return
    manifest = _chained(ledger, sweep_id, files)
    # Two signatures of the same bytes may differ: the first one stays.
    if sign is not None and store.find(sweep_id, SIGNATURE) is None:
        store.put(sweep_id, SIGNATURE, sign(manifest))
    store.put(sweep_id, MANIFEST, manifest)


def _chained(ledger: Ledger, sweep_id: str, files: Mapping[str, FileSeal]) -> bytes:
    """The sweep's manifest, from the moment on that the chain leads to it; it leads there once."""
    while True:
        head = ledger.chain_head()  # read before the links: whatever moved it has its link by now
        link = ledger.link(sweep_id)
        sealed = _sealed(ledger, link, head) if link else None
        if link is not None and sealed is not None:
            return _same_again(link, sealed, files)
        manifest = manifest_bytes(sweep_id, files, head)
        sha256 = sha256_of(manifest)
        ledger.put_link(Link(sweep_id, sha256, *(head or (None, None))))
        if ledger.advance_chain(sweep_id, sha256, head):
            return manifest


def _sealed(ledger: Ledger, link: Link, head: tuple[str, str] | None) -> str | None:
    """The SHA-256 with which the sweep is in the chain; None when the chain was never advanced to it."""
    if head is not None and head[0] == link.sweep_id:
        return head[1]
    later = (one.previous_sha256 for one in ledger.links() if one.previous_sweep_id == link.sweep_id)
    return next(later, None)


def _same_again(link: Link, sealed: str, files: Mapping[str, FileSeal]) -> bytes:
    manifest = manifest_bytes(link.sweep_id, files, link.previous)
    if sha256_of(manifest) != sealed:
        raise ReportStoreError(
            f"the files of {link.sweep_id} are not those that it was sealed with; nothing is written"
        )
    return manifest
