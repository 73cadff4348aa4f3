"""Proves later that nothing of a sealed sweep was touched, nothing added, and nothing taken off either end unseen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from orchestrator.core.report.manifest import MANIFEST, Broken, Walk, anchor_from, check_chain
from orchestrator.core.report.stored_files import StoredFiles, early_files, sort_files
from orchestrator.errors import AnchorError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ports import Anchor, ReportStore
from orchestrator.sweep.verify_sweep import (
    Looked,
    Signature,
    against_chain,
    against_ledger,
    against_summary,
    in_no_chain,
    look_at,
    unsealed_files,
)

ALL_FILES = "*"
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
    notes: list[str] = []
    for sweep_id in sweep_ids:
        stored = sort_files(store.list_files(sweep_id))
        looked = look_at(store, sweep_id, ledger.sweep(sweep_id), stored, check_signature)
        broken += [*against_chain(store, ledger, sweep_id, looked.link), *looked.broken]
        broken += [Broken("", key, _STRAY) for key in stored.strays]
        notes += [*looked.notes, *_parts_left(stored)]
    return Verified(len(sweep_ids), tuple(broken), notes=tuple(notes))


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
        self._looked: dict[str, Looked] = {}

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

    def _look(self, sweep_id: str) -> Looked:
        summary = self._summaries.get(sweep_id) or self._ledger.sweep(sweep_id)
        looked = look_at(self._store, sweep_id, summary, self._stored, self._check_signature)
        if summary is not None and not looked.is_sealed and not summary.finished_at:
            summary = self._ledger.sweep(sweep_id) or summary  # as of now: it may have ended since
            if not summary.finished_at:
                link = self._recorded.get(sweep_id) or self._ledger.link(sweep_id)
                looked = Looked(link, runs=True)
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
            yield in_no_chain(sweep_id)
        elif looked.link is not None and (last := self._breaks_off_at(walk)):
            problem = f"was added, or {last} was removed, where the chain breaks off before it leads to it"
            yield Broken(sweep_id, MANIFEST, problem)
        else:
            yield from against_ledger(sweep_id, looked.link, self._recorded.get(sweep_id))

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
                yield from unsealed_files(sweep_id, summary, self._stored)
                if sweep_id not in self._looked:
                    yield from early_files(sweep_id, names)
                yield from against_summary(self._store, summary)

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
        for sweep_id in sorted(self._looked):
            yield from self._looked[sweep_id].notes
        yield from _parts_left(self._stored)


def _parts_left(stored: StoredFiles) -> Iterator[str]:
    for sweep_id in sorted(stored.parts):
        names = ", ".join(sorted(stored.parts[sweep_id]))
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


def _unknown(sweep_id: str, breaks_off_at: str) -> Broken:
    problem = "belongs to no sweep of the ledger: it was added, or the sweep's record was removed or has expired"
    if breaks_off_at:
        problem += f", and {breaks_off_at} was removed, where the chain breaks off before it may lead to it"
    return Broken(sweep_id, ALL_FILES, problem)
