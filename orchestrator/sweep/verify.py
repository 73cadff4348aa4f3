"""Proves later that nothing of a sealed sweep was touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from orchestrator.core.report.manifest import (
    MANIFEST,
    SIGNATURE,
    Broken,
    Link,
    check_chain,
    check_sweep,
    sha256_of,
)
from orchestrator.core.report.plan_file import PLAN_FILE
from orchestrator.ledger.ledger import Ledger
from orchestrator.ports import ReportStore

Signature = Callable[[bytes, bytes], bool]
"""Whether a manifest (first) was signed like that (second)."""
ALL_FILES = "*"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and what of it does not hold."""

    sweeps: int
    """Whose files were held against their manifests."""
    broken: tuple[Broken, ...]


def verify(
    store: ReportStore, ledger: Ledger, sweep_ids: Sequence[str] | None, check_signature: Signature | None
) -> Verified:
    """Recomputes every hash; the first broken link, from the newest manifest back, comes first.

    None: every finished sweep, the whole chain, and what is stored of sweeps that the ledger does not know.
    Raises ReportStoreError when it cannot be read.
    """
    if sweep_ids is None:
        return _verify_all(store, ledger, check_signature)
    broken: list[Broken] = []
    for sweep_id in sweep_ids:
        link, problems = _check(store, sweep_id, check_signature)
        summary = ledger.sweep(sweep_id)
        problems += _plan_against_ledger(store, sweep_id, summary.plan_sha256 if summary else "")
        broken += [*_against_ledger(sweep_id, link, ledger.link(sweep_id)), *problems]
    return Verified(len(sweep_ids), tuple(broken))


def _verify_all(store: ReportStore, ledger: Ledger, check_signature: Signature | None) -> Verified:
    # In this order, so that a sweep that is begun or sealed meanwhile is never taken for one that is not known.
    stored = store.sweep_ids()
    summaries = ledger.sweeps()
    sweeps = {one.sweep_id: bool(one.finished_at) for one in summaries}
    plans = {one.sweep_id: one.plan_sha256 for one in summaries}
    recorded = {link.sweep_id: link for link in ledger.links()}
    head = ledger.chain_head()
    problems: dict[str, list[Broken]] = {}
    checked: set[str] = set()

    def look(sweep_id: str) -> Link | None:
        if store.find(sweep_id, MANIFEST) is None and _goes_on(ledger, sweep_id):
            problems[sweep_id] = []
            return recorded.get(sweep_id) or ledger.link(sweep_id)  # its process is about to write it
        checked.add(sweep_id)
        link, problems[sweep_id] = _check(store, sweep_id, check_signature)
        problems[sweep_id] += _plan_against_ledger(store, sweep_id, plans.get(sweep_id, ""))
        return link

    walk = check_chain(head, look, recorded)
    broken: list[Broken] = []
    for sweep_id in walk.sweep_ids:
        broken += [*(one for one in walk.broken if one.sweep_id == sweep_id), *problems[sweep_id]]
    finished = {sweep_id for sweep_id, ended in sweeps.items() if ended}
    strangers = {one for one in recorded if one not in sweeps and ledger.sweep(one) is None}
    for sweep_id in sorted((finished | strangers) - {*walk.sweep_ids}, reverse=True):
        link = look(sweep_id)
        if link is not None and walk.whole:
            broken.append(_in_no_chain(sweep_id))
        elif not walk.whole:
            broken += _against_ledger(sweep_id, link, recorded.get(sweep_id))
        broken += problems[sweep_id]
    broken += [_unknown(one) for one in sorted(stored - {*sweeps, *recorded, *walk.sweep_ids}, reverse=True)]
    return Verified(len(checked), tuple(broken))


def _goes_on(ledger: Ledger, sweep_id: str) -> bool:
    record = ledger.sweep(sweep_id)
    return record is not None and not record.finished_at


def _against_ledger(sweep_id: str, link: Link | None, recorded: Link | None) -> Iterator[Broken]:
    """Where the chain is not walked, the ledger's own word on one manifest."""
    if link is None:
        return
    if recorded is None:
        yield _in_no_chain(sweep_id)
    elif link.sha256 != recorded.sha256:
        yield Broken(sweep_id, MANIFEST, "was altered: the ledger has another SHA-256 for it")


def _plan_against_ledger(store: ReportStore, sweep_id: str, recorded: str) -> Iterator[Broken]:
    """A plan that was altered before its sweep was closed is sealed as it was found then."""
    content = store.find(sweep_id, PLAN_FILE) if recorded else None
    if content is not None and sha256_of(content) != recorded:
        yield Broken(sweep_id, PLAN_FILE, "was altered: the ledger has another SHA-256 for it")


def _in_no_chain(sweep_id: str) -> Broken:
    return Broken(sweep_id, MANIFEST, "was added: the chain does not lead to it")


def _unknown(sweep_id: str) -> Broken:
    problem = "belongs to no sweep of the ledger: it was added, or the sweep's record was removed or has expired"
    return Broken(sweep_id, ALL_FILES, problem)


def _check(store: ReportStore, sweep_id: str, check_signature: Signature | None) -> tuple[Link | None, list[Broken]]:
    manifest = store.find(sweep_id, MANIFEST)
    link, broken = check_sweep(sweep_id, manifest, lambda name: store.find(sweep_id, name))
    if manifest is not None and check_signature is not None:
        signature = store.find(sweep_id, SIGNATURE)
        if signature is None:
            broken.append(Broken(sweep_id, SIGNATURE, "is missing"))
        elif not check_signature(manifest, signature):
            broken.append(Broken(sweep_id, SIGNATURE, "does not fit the manifest"))
    return link, broken
