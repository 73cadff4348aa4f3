"""Names the newest manifest in the anchor, after it was sealed; what fails here is a warning, and costs no sweep."""

from __future__ import annotations

from orchestrator.core.report.manifest import anchor_from, anchor_text
from orchestrator.errors import StopOrchestratorError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ports import Anchor, World

_TRIES = 5


def move_anchor(world: World, sweep_id: str, earlier_warning: str = "") -> None:
    """To the head of the chain, where there is an anchor; a warning and a word in the ledger where it stays behind.

    `earlier_warning`: what the ledger has already as the sweep's, and keeps.
    """
    if world.anchor is None:
        return
    try:
        warning = _move(world.anchor, world.ledger)
    except StopOrchestratorError as failure:
        warning = f"the anchor {world.anchor.name} was not moved: {failure}"
    if not warning:
        return
    world.warn(warning)
    try:
        world.ledger.amend(sweep_id, warning="; ".join(filter(None, (earlier_warning, warning))))
    except StopOrchestratorError as failure:
        world.warn(f"the ledger does not have that warning: {failure}")


def _move(anchor: Anchor, ledger: Ledger) -> str:
    """Why it may not be moved; empty where it was.

    The head is read again after each write: of two sweeps that end at once the slower one would put it back.
    """
    written: tuple[str, str] | None = None
    for _ in range(_TRIES):
        head = ledger.chain_head()
        if head is None or head == written:
            return ""
        text = anchor.read()
        named = anchor_from(text) if text is not None else None
        if text is not None and (named is None or not leads_to(ledger, head, named)):
            which = named[0] if named is not None else "no sweep"
            return (
                f"the anchor {anchor.name} names {which}, to which the chain does not lead; it is left as it is. The "
                "newest sweeps may have been removed and the ledger put back, or it is the anchor of another store: "
                "stop-orchestrator verify --all. Where that was you, delete the anchor; the next sweep writes it"
            )
        if named != head:
            anchor.write(anchor_text(head))
        written = head
    return ""


def leads_to(ledger: Ledger, head: tuple[str, str], wanted: tuple[str, str]) -> bool:
    """Whether that manifest is in the chain, as far as the ledger has its links. Raises LedgerError."""
    if wanted == head:
        return True
    newest = ledger.link(head[0])
    if newest is not None and newest.previous == wanted:
        return True
    links = {one.sweep_id: one for one in ledger.links()}
    seen: set[str] = set()
    at: tuple[str, str] | None = head
    while at is not None and at[0] not in seen:
        if at == wanted:
            return True
        seen.add(at[0])
        link = links.get(at[0])
        at = link.previous if link is not None else None
    return False
