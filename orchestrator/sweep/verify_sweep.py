"""Proves that nothing of one sealed sweep was touched or added: its files, its manifest, its place in the chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from orchestrator.core.report.files import policy_file
from orchestrator.core.report.manifest import (
    MANIFEST,
    SIGNATURE,
    Broken,
    FileSeal,
    Link,
    check_chain,
    check_sweep,
    sealed_names,
)
from orchestrator.core.report.plan_file import PLAN_FILE
from orchestrator.core.report.stored_files import StoredFiles, added_files, linked_files, strange_files
from orchestrator.errors import ReportStoreError, StopOrchestratorError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import SweepSummary
from orchestrator.ports import ReportStore

T = TypeVar("T")
Signature = Callable[[bytes, bytes], bool]
"""Whether a manifest (first) was signed like that (second)."""
_ALTERED = "was altered: the ledger has another SHA-256 for it"
_NO_KEY = "was added; or the manifest is signed, and STOP_ORCHESTRATOR_SIGNING_KEY does not name the key here"


@dataclass(frozen=True, slots=True)
class Looked:
    """One sweep's files as they are now."""

    link: Link | None
    broken: tuple[Broken, ...] = ()
    is_sealed: bool = False
    """Its manifest is there, right or wrong."""
    is_gone: bool = False
    """No file of it is left."""
    runs: bool = False
    """By the ledger it has not ended, so its manifest may be about to be written."""
    notes: tuple[str, ...] = ()
    """What is not broken, and is not as it mostly is."""


def look_at(
    store: ReportStore,
    sweep_id: str,
    summary: SweepSummary | None,
    stored: StoredFiles,
    check_signature: Signature | None,
) -> Looked:
    """Recomputes every hash of it. `summary`: what the ledger has of it, None where it does not know it.

    Raises ReportStoreError where a file cannot be read.
    """

    def look(find: Callable[[ReportStore, str, str], T | None], name: str) -> T | None:
        try:
            return find(store, sweep_id, name)
        except ReportStoreError:
            if stored.is_no_file(sweep_id, name):
                return None  # what is there instead is named by itself
            raise

    manifest = look(_content, MANIFEST)
    sha256_now = partial(look, sha256_in)
    link, broken = check_sweep(sweep_id, manifest, sha256_now)
    names, late = stored.of(sweep_id), frozenset[str]()
    if manifest is None:
        return Looked(link, (*broken, *unsealed_files(sweep_id, summary, stored)), is_gone=not names)
    if link is None:
        broken += unsealed_files(sweep_id, summary, stored)
    else:
        broken += linked_files(sweep_id, stored)
        late = _late_files(summary, stored.regular(sweep_id) - {*sealed_names(manifest)}, sha256_now)
        broken += added_files(sweep_id, stored.regular(sweep_id) - late, sealed_names(manifest))
    if check_signature is None and SIGNATURE in names:
        broken += [Broken(sweep_id, SIGNATURE, _NO_KEY)]
    if check_signature is not None:
        broken += _signature_broken(store, sweep_id, manifest, check_signature)
    named = {one.file for one in broken}
    broken += [one for one in against_summary(store, summary) if one.file not in named]
    return Looked(link, tuple(broken), is_sealed=True, notes=tuple(_late(sweep_id, name) for name in sorted(late)))


def _late_files(
    summary: SweepSummary | None, unsealed: AbstractSet[str], sha256_now: Callable[[str], str | None]
) -> frozenset[str]:
    """Of those that the manifest does not seal, what the sweep itself wrote: the ledger had the hash before the file.

    A store may take a file after its writer gave up waiting for that, and sealed what was there.
    """
    if summary is None:
        return frozenset()
    policy = summary.policy_by_hash
    recorded = {PLAN_FILE: summary.plan_announced_sha256, **({policy_file(policy): policy} if policy else {})}
    return frozenset(name for name in unsealed & recorded.keys() if sha256_now(name) == recorded[name])


def _content(store: ReportStore, sweep_id: str, name: str) -> bytes | None:
    return store.find(sweep_id, name)


def sha256_in(store: ReportStore, sweep_id: str, name: str) -> str | None:
    """Of a file as it is now; None where there is none. Raises ReportStoreError."""
    chunks = store.find_chunks(sweep_id, name)
    return FileSeal.of_chunks(chunks).sha256 if chunks is not None else None


def _late(sweep_id: str, name: str) -> str:
    return (
        f"{sweep_id} has a {name} that its manifest does not seal: it was still being written when the sweep ended; it "
        "is as the ledger recorded it before"
    )


def unsealed_files(sweep_id: str, summary: SweepSummary | None, stored: StoredFiles) -> Iterator[Broken]:
    """What no sweep writes, among the files of one that no manifest seals."""
    policy = summary.policy_by_hash if summary is not None else ""
    yield from linked_files(sweep_id, stored)
    yield from strange_files(sweep_id, stored.regular(sweep_id), [policy_file(policy)] if policy else [])


def _signature_broken(
    store: ReportStore, sweep_id: str, manifest: bytes, check_signature: Signature
) -> Iterator[Broken]:
    signature = store.find(sweep_id, SIGNATURE)
    if signature is None:
        yield Broken(sweep_id, SIGNATURE, "is missing")
        return
    try:
        fits = check_signature(manifest, signature)
    except StopOrchestratorError as failure:  # the other files, and the other sweeps, are looked at all the same
        yield Broken(sweep_id, SIGNATURE, f"cannot be checked: {failure}")
        return
    if not fits:
        yield Broken(sweep_id, SIGNATURE, "does not fit the manifest")


def against_summary(store: ReportStore, summary: SweepSummary | None) -> Iterator[Broken]:
    """A file that was altered before its sweep was closed is sealed as it was found then; the ledger knows its hash."""
    if summary is None:
        return
    policy = summary.policy_by_hash
    for name, recorded in ((PLAN_FILE, summary.written_plan_sha256), (policy_file(policy), policy)):
        sha256 = sha256_in(store, summary.sweep_id, name) if recorded else None
        if sha256 is not None and sha256 != recorded:
            yield Broken(summary.sweep_id, name, _ALTERED)


def against_chain(store: ReportStore, ledger: Ledger, sweep_id: str, link: Link | None) -> Iterator[Broken]:
    """Whether the chain leads to that manifest. Rows of the ledger may have expired: then the manifests lead on."""
    if link is None:
        return
    recorded = {one.sweep_id: one for one in ledger.links()}

    def look(other: str) -> Link | None:
        return recorded.get(other) or check_sweep(other, store.find(other, MANIFEST), lambda _: "")[0]

    walk = check_chain(ledger.chain_head(), look, recorded)
    sealed = walk.sealed.get(sweep_id)
    if sealed is None and not walk.whole:
        yield from against_ledger(sweep_id, link, recorded.get(sweep_id))
    elif sealed is None:
        yield in_no_chain(sweep_id)
    elif sealed != link.sha256:
        yield Broken(sweep_id, MANIFEST, _ALTERED)


def against_ledger(sweep_id: str, link: Link | None, recorded: Link | None) -> Iterator[Broken]:
    """Where the chain is not walked, the ledger's own word on one manifest."""
    if link is None:
        return
    if recorded is None:
        yield in_no_chain(sweep_id)
    elif link.sha256 != recorded.sha256:
        yield Broken(sweep_id, MANIFEST, _ALTERED)


def in_no_chain(sweep_id: str) -> Broken:
    """Of a manifest to which the whole chain does not lead."""
    return Broken(sweep_id, MANIFEST, "was added: the chain does not lead to it")
