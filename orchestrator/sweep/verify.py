"""Proves later that nothing of a sealed sweep was touched, nothing added, and nothing taken off either end unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from orchestrator.core.report.files import policy_file
from orchestrator.core.report.manifest import (
    MANIFEST,
    SIGNATURE,
    Broken,
    Link,
    Walk,
    anchor_from,
    check_chain,
    check_sweep,
    sealed_names,
    sha256_of,
)
from orchestrator.core.report.plan_file import PLAN_FILE
from orchestrator.core.report.stored_files import (
    StoredFiles,
    added_files,
    early_files,
    linked_files,
    sort_files,
    strange_files,
)
from orchestrator.errors import AnchorError, ReportStoreError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import SweepSummary
from orchestrator.ports import Anchor, ReportStore

Signature = Callable[[bytes, bytes], bool]
"""Whether a manifest (first) was signed like that (second)."""
ALL_FILES = "*"
_ALTERED = "was altered: the ledger has another SHA-256 for it"
_NO_KEY = "was added; or the manifest is signed, and STOP_ORCHESTRATOR_SIGNING_KEY does not name the key here"
_STRAY = "was added: it is in no folder of a sweep that the ledger knows"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and what of it does not hold."""

    sweeps: int
    """Whose files were held against their manifests."""
    broken: tuple[Broken, ...]
    begins: str = ""
    """The sweep with which the chain begins, of those that are kept; empty where the chain was not followed."""
    expired: int = 0
    """Sweeps before it of which ledger or chain know, and no file is left."""
    notes: tuple[str, ...] = ()
    """What is not broken, and proves less than it might."""


@dataclass(frozen=True, slots=True)
class _Looked:
    """One sweep's files as they are now."""

    link: Link | None
    broken: tuple[Broken, ...] = ()
    is_sealed: bool = False
    """Its manifest is there, right or wrong."""
    is_gone: bool = False
    """No file of it is left."""
    runs: bool = False
    """By the ledger it has not ended, so its manifest may be about to be written."""


def verify(
    store: ReportStore,
    ledger: Ledger,
    sweep_ids: Sequence[str] | None,
    check_signature: Signature | None,
    anchor: Anchor | None = None,
) -> Verified:
    """Recomputes every hash; the first broken link, from the newest manifest back, comes first.

    None: every finished sweep, the whole chain, its anchor, and what is stored of sweeps that the ledger does not know.
    The chain may begin where retention ended it: files and rows of the oldest sweeps may be gone, in the middle none.
    Raises ReportStoreError when it cannot be read.
    """
    if sweep_ids is None:
        return _VerifyAll(store, ledger, check_signature, anchor).verified()
    broken: list[Broken] = []
    for sweep_id in sweep_ids:
        stored = sort_files(store.list_files(sweep_id))
        looked = _look(store, sweep_id, ledger.sweep(sweep_id), stored, check_signature)
        broken += [*_against_chain(store, ledger, sweep_id, looked.link), *looked.broken]
        broken += [Broken("", key, _STRAY) for key in stored.strays]
    return Verified(len(sweep_ids), tuple(broken))


class _VerifyAll:
    """Everything that there is, read in the order that takes no sweep which ends meanwhile for one that was added."""

    def __init__(
        self, store: ReportStore, ledger: Ledger, check_signature: Signature | None, anchor: Anchor | None
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._check_signature = check_signature
        self._stored = sort_files(store.list_files())
        self._anchored = _read_anchor(anchor) if anchor is not None else None  # before the head, which moves first
        self._summaries = {one.sweep_id: one for one in ledger.sweeps()}
        self._recorded = {link.sweep_id: link for link in ledger.links()}
        self._head = ledger.chain_head()
        self._looked: dict[str, _Looked] = {}

    def verified(self) -> Verified:
        walk = check_chain(self._head, lambda sweep_id: self._look(sweep_id).link, self._recorded)
        beside = self._beside(walk)
        for sweep_id in beside:
            self._look(sweep_id)
        expired = self._expired(walk)
        is_whole = walk.whole or (bool(walk.sealed) and walk.sweep_ids[-1] in expired)
        broken = [*self._anchor_broken(walk)]
        for sweep_id in walk.sweep_ids:
            broken += [one for one in walk.broken if one.sweep_id == sweep_id]
            broken += self._looked[sweep_id].broken if sweep_id not in expired else ()
        for sweep_id in beside:
            if sweep_id not in expired:
                broken += [*self._beside_broken(walk, sweep_id, is_whole=is_whole), *self._looked[sweep_id].broken]
        broken += self._unsealed_broken(walk)
        broken += [Broken("", key, _STRAY) for key in self._stored.unaccounted(self._known(walk))]
        kept = [one for one in walk.sweep_ids if self._looked[one].is_sealed]
        return Verified(
            sweeps=sum(not one.runs for sweep_id, one in self._looked.items() if sweep_id not in expired),
            broken=tuple(broken),
            begins=kept[-1] if kept else "",
            expired=len(expired),
            notes=tuple(self._notes(walk)),
        )

    def _known(self, walk: Walk) -> AbstractSet[str]:
        """Of which ledger or chain know."""
        return {*self._summaries, *self._recorded, *walk.sealed}

    def _look(self, sweep_id: str) -> _Looked:
        summary = self._summaries.get(sweep_id) or self._ledger.sweep(sweep_id)
        looked = _look(self._store, sweep_id, summary, self._stored, self._check_signature)
        if summary is not None and not looked.is_sealed and not summary.finished_at:
            summary = self._ledger.sweep(sweep_id) or summary  # as of now: it may have ended since
            if not summary.finished_at:
                link = self._recorded.get(sweep_id) or self._ledger.link(sweep_id)
                looked = _Looked(link, runs=True)
        self._looked[sweep_id] = looked
        return looked

    def _beside(self, walk: Walk) -> list[str]:
        """The sweeps that have ended, or seem to have, and to which the walk did not lead; newest first."""
        ended = {one.sweep_id for one in self._summaries.values() if one.finished_at}
        strangers = {one for one in self._recorded if one not in self._summaries and self._ledger.sweep(one) is None}
        known = {*self._summaries, *self._recorded}
        sealed = self._stored.sealed_ids & known
        return sorted((ended | strangers | sealed) - {*walk.sealed}, reverse=True)

    def _expired(self, walk: Walk) -> frozenset[str]:
        """Older than every sweep that is kept, and no file is left: what retention leaves of a sweep."""
        kept = [number for number, one in enumerate(walk.sweep_ids) if self._looked[one].is_sealed]
        if not kept:
            return frozenset()  # then there is none that would show that it was retention
        begins = walk.sweep_ids[kept[-1]]
        tail = {*walk.sweep_ids[kept[-1] + 1 :]}
        others = [one for one in self._looked if one not in walk.sealed and self._is_as_recorded(one)]
        return frozenset(
            one
            for one, looked in self._looked.items()
            if looked.is_gone
            and (one in tail or (one not in walk.sealed and one < begins))
            and not any(other < one for other in others)
        )

    def _is_as_recorded(self, sweep_id: str) -> bool:
        link, recorded = self._looked[sweep_id].link, self._recorded.get(sweep_id)
        return link is not None and recorded is not None and link.sha256 == recorded.sha256

    def _beside_broken(self, walk: Walk, sweep_id: str, *, is_whole: bool) -> Iterator[Broken]:
        looked = self._looked[sweep_id]
        if looked.link is not None and is_whole:
            yield _in_no_chain(sweep_id)
        elif looked.link is not None and (last := self._breaks_off_at(walk)):
            problem = f"was added, or {last} was removed, where the chain breaks off before it leads to it"
            yield Broken(sweep_id, MANIFEST, problem)
        else:
            yield from _against_ledger(sweep_id, looked.link, self._recorded.get(sweep_id))

    def _breaks_off_at(self, walk: Walk) -> str:
        """The sweeps without a file at the end of the walk, where not even a link leads on; empty otherwise."""
        gone: list[str] = []
        for sweep_id in reversed(walk.sweep_ids if not walk.whole else ()):
            if not self._looked[sweep_id].is_gone:
                break
            gone.append(sweep_id)
        return gone[0] if len(gone) == 1 else " to ".join((gone[0], gone[-1])) if gone else ""

    def _unsealed_broken(self, walk: Walk) -> Iterator[Broken]:
        """Of sweeps without a manifest: what no sweep writes; and whatever belongs to a sweep that is not known."""
        known = self._known(walk)
        for sweep_id in sorted(self._stored.names, reverse=True):
            names = self._stored.of(sweep_id)
            if sweep_id not in known:
                yield _unknown(sweep_id, self._breaks_off_at(walk) if MANIFEST in names else "")
            elif sweep_id not in self._looked or self._looked[sweep_id].runs:
                summary = self._summaries.get(sweep_id)
                yield from _unsealed_files(sweep_id, summary, self._stored)
                if sweep_id not in self._looked:
                    yield from early_files(sweep_id, names)
                yield from _against_summary(self._store, summary)

    def _anchor_broken(self, walk: Walk) -> Iterator[Broken]:
        anchored = self._anchored
        if anchored is None or (anchored.is_absent and self._head is None):
            return
        if anchored.problem:
            yield Broken("", anchored.name, anchored.problem)
        elif anchored.is_absent:
            yield Broken("", anchored.name, "is not there: the next sweep that ends writes it, unless it was removed")
        elif walk.sealed.get(anchored.sweep_id) != anchored.sha256:
            yield Broken(
                anchored.sweep_id,
                MANIFEST,
                f"is what the anchor {anchored.name} names, and the chain does not lead to it: the newest sweeps were "
                "removed, and the ledger's head was put back; or it is the anchor of another store",
            )

    def _notes(self, walk: Walk) -> Iterator[str]:
        anchored = self._anchored
        if anchored is not None and anchored.sweep_id in walk.sealed:
            behind = walk.sweep_ids.index(anchored.sweep_id)
            if behind:
                yield (
                    f"the anchor {anchored.name} is {behind} sweeps behind the newest; if those were removed, it would "
                    "not show"
                )
        for sweep_id in walk.sweep_ids:
            if self._looked[sweep_id].runs:
                yield (
                    f"{sweep_id} is in the chain without its manifest: it is being sealed, or its process died "
                    f"(stop-orchestrator sweep --resume {sweep_id})"
                )
        for sweep_id in sorted(self._stored.parts):
            names = ", ".join(sorted(self._stored.parts[sweep_id]))
            yield f"{sweep_id} has a part of a file that a killed process left behind; no command reads it: {names}"


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What the anchor says, or why it says nothing."""

    name: str
    sweep_id: str = ""
    sha256: str = ""
    problem: str = ""
    is_absent: bool = False


def _read_anchor(anchor: Anchor) -> _Anchored:
    try:
        text = anchor.read()
    except AnchorError as failure:
        return _Anchored(anchor.name, problem=f"cannot be read: {failure}")
    if text is None:
        return _Anchored(anchor.name, is_absent=True)
    named = anchor_from(text)
    if named is None:
        return _Anchored(anchor.name, problem="was altered: it names no sweep and no SHA-256")
    return _Anchored(anchor.name, *named)


# --- one sweep --------------------------------------------------------------------------------------------------------


def _look(
    store: ReportStore,
    sweep_id: str,
    summary: SweepSummary | None,
    stored: StoredFiles,
    check_signature: Signature | None,
) -> _Looked:

    def find(name: str) -> bytes | None:
        try:
            return store.find(sweep_id, name)
        except ReportStoreError:
            if stored.is_no_file(sweep_id, name):
                return None  # what is there instead is named by itself
            raise

    manifest = find(MANIFEST)
    link, broken = check_sweep(sweep_id, manifest, find)
    names = stored.of(sweep_id)
    if manifest is None:
        return _Looked(link, (*broken, *_unsealed_files(sweep_id, summary, stored)), is_gone=not names)
    if link is None:
        broken += _unsealed_files(sweep_id, summary, stored)
    else:
        broken += linked_files(sweep_id, stored)
        broken += added_files(sweep_id, stored.regular(sweep_id), sealed_names(manifest))
    if check_signature is None and SIGNATURE in names:
        broken += [Broken(sweep_id, SIGNATURE, _NO_KEY)]
    if check_signature is not None:
        broken += _signature_broken(store, sweep_id, manifest, check_signature)
    named = {one.file for one in broken}
    broken += [one for one in _against_summary(store, summary) if one.file not in named]
    return _Looked(link, tuple(broken), is_sealed=True)


def _unsealed_files(sweep_id: str, summary: SweepSummary | None, stored: StoredFiles) -> Iterator[Broken]:
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
    elif not check_signature(manifest, signature):
        yield Broken(sweep_id, SIGNATURE, "does not fit the manifest")


def _against_summary(store: ReportStore, summary: SweepSummary | None) -> Iterator[Broken]:
    """A file that was altered before its sweep was closed is sealed as it was found then; the ledger knows its hash."""
    if summary is None:
        return
    policy = summary.policy_by_hash
    for name, recorded in ((PLAN_FILE, summary.plan_sha256), (policy_file(policy), policy)):
        content = store.find(summary.sweep_id, name) if recorded else None
        if content is not None and sha256_of(content) != recorded:
            yield Broken(summary.sweep_id, name, _ALTERED)


def _against_chain(store: ReportStore, ledger: Ledger, sweep_id: str, link: Link | None) -> Iterator[Broken]:
    """Whether the chain leads to that manifest. Rows of the ledger may have expired: then the manifests lead on."""
    if link is None:
        return
    recorded = {one.sweep_id: one for one in ledger.links()}

    def look(other: str) -> Link | None:
        return recorded.get(other) or check_sweep(other, store.find(other, MANIFEST), lambda _: b"")[0]

    walk = check_chain(ledger.chain_head(), look, recorded)
    sealed = walk.sealed.get(sweep_id)
    if sealed is None and not walk.whole:
        yield from _against_ledger(sweep_id, link, recorded.get(sweep_id))
    elif sealed is None:
        yield _in_no_chain(sweep_id)
    elif sealed != link.sha256:
        yield Broken(sweep_id, MANIFEST, _ALTERED)


def _against_ledger(sweep_id: str, link: Link | None, recorded: Link | None) -> Iterator[Broken]:
    """Where the chain is not walked, the ledger's own word on one manifest."""
    if link is None:
        return
    if recorded is None:
        yield _in_no_chain(sweep_id)
    elif link.sha256 != recorded.sha256:
        yield Broken(sweep_id, MANIFEST, _ALTERED)


def _in_no_chain(sweep_id: str) -> Broken:
    return Broken(sweep_id, MANIFEST, "was added: the chain does not lead to it")


def _unknown(sweep_id: str, breaks_off_at: str) -> Broken:
    problem = "belongs to no sweep of the ledger: it was added, or the sweep's record was removed or has expired"
    if breaks_off_at:
        problem += f", and {breaks_off_at} was removed, where the chain breaks off before it may lead to it"
    return Broken(sweep_id, ALL_FILES, problem)
