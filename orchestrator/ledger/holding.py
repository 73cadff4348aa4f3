"""Writes what is held down: each item by itself, over what was found there and over nothing else.

The intent comes first, which is fenced by the lease's generation, then what will be held down by it, then the question
whether the sweep still may act; the call follows when all of that is there. Wherever a process dies in between:

- after an intent: nothing was asked for, and nothing is held down that is not;
- after what is held down: nothing was asked for, and a look tells so of the intent, which is there (kinds.recovery).
  Its outcome, at the latest that of the report, lets go of what was not stopped by it;
- after the call: both are there, so that an undo reaches what was stopped, whether or not its outcome was written.

Which process ends a sweep, or takes it over, ends its acting first, closes its intents then, and releases what they
held last. One that is late finds its intent taken, or is told that it may not act, and takes back what it wrote: in
whichever order the two write, nothing is left behind that is held down by no stop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from orchestrator.core.report.document import Row
from orchestrator.errors import LedgerError
from orchestrator.ledger.items import Delete, Equals, Item, Items, Put, Write
from orchestrator.ledger.writes import failed_starts, held_key, held_write, is_as_found, released

_TRIES = 5
"""Each one that is refused means that another sweep wrote the same resource's in that moment."""
Written = tuple[Item, Item | None]
"""What was written, and what was there before."""


def hold(items: Items, pk: str, make: Mapping[str, Callable[[Item | None], Item | None]]) -> list[Written]:
    """Writes, by sort key, what each of `make` makes of what is there (None: nothing is written).

    Raises LedgerError; then some may be held down for which nothing is asked for.
    """
    written: list[Written] = []
    left = dict(make)
    for _ in range(_TRIES):
        found = {one["SK"]: one for one in items.query(pk)} if left else {}
        made = {sk: item for sk, one in left.items() if (item := one(found.get(sk))) is not None}
        refused = items.write_each([held_write(item, found.get(sk)) for sk, item in made.items()])
        written += [(item, found.get(sk)) for number, (sk, item) in enumerate(made.items()) if number not in refused]
        left = {sk: left[sk] for number, sk in enumerate(made) if number in refused}
        if not left:
            return written
    raise LedgerError(f"{pk} {', '.join(left)} was written by others {_TRIES} times meanwhile; nothing is asked for")


def take_back(items: Items, written: Sequence[Written]) -> None:
    """What `hold` wrote, where it is still as it was written."""
    items.write_each([_instead(item, before) for item, before in written])


def release(items: Items, document: Row) -> None:
    """What was seen up or gone, or was not stopped by this sweep after all, is not held down by it."""
    keys: dict[str, dict[str, bool]] = {}
    for row, whoever in released(document):
        pk, sk = held_key(row)
        keys.setdefault(pk, {})[sk] = whoever
    found = items.query_each([*keys])
    items.write_each(
        [
            _released(item, back=not wanted[item["SK"]])
            for pk, wanted in keys.items()
            for item in found[pk]
            if item["SK"] in wanted and (wanted[item["SK"]] or item["sweep_id"] == document["sweep_id"])
        ]
    )


def note_failed_starts(items: Items, document: Row) -> None:
    """Of what an undo asked for and saw down again: when. What shuts down from inside later is somebody's stop."""
    seen: dict[str, dict[str, str]] = {}
    for row in failed_starts(document):
        pk, sk = held_key(row)
        seen.setdefault(pk, {})[sk] = row["verified_at"]
    found = items.query_each([*seen])
    items.write_each(
        [
            Put({**item, "start_failed_at": at[item["SK"]]}, Equals("start_asked_at", item["start_asked_at"]))
            for pk, at in seen.items()
            for item in found[pk]
            if item["SK"] in at and item.get("start_asked_at")
        ]
    )


def _instead(item: Item, before: Item | None) -> Write:
    mine = is_as_found(item)
    return Put(before, mine) if before is not None else Delete((item["PK"], item["SK"]), mine)


def _released(item: Item, *, back: bool) -> Write:
    """It goes, or gives way to what an earlier sweep holds; unless another sweep took its place meanwhile."""
    mine = Equals("GSI1SK", item["GSI1SK"])
    earlier = item.get("earlier")
    return Put(earlier, mine) if back and earlier else Delete((item["PK"], item["SK"]), mine)
