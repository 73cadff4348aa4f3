"""What the stops of a plan lose, and what starts it again: the sentences that every form of a report has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from orchestrator.core.model import Resource
from orchestrator.core.model.kind import StopEffects
from orchestrator.core.model.resource import STARTS_AGAIN

_UNKNOWN = "?"


def stop_effects(stopped: Iterable[Resource], effects: Mapping[str, StopEffects]) -> tuple[str, ...]:
    """A line for each kind of which something is stopped that loses anything, or does not stay down; `effects` by
    kind. Of a kind that is not among these nothing is known.
    """
    counts: Counter[str] = Counter()
    lost: dict[str, Counter[str]] = {}
    restarted: Counter[str] = Counter()
    for one in stopped:
        counts[one.kind] += 1
        for loss in one.losses:
            lost.setdefault(one.kind, Counter())[loss.text] += 1
        restarted[one.kind] += bool(one.facts.get(STARTS_AGAIN))
    lines = (
        _line(of_kind, counts[kind], lost.get(kind, Counter()), restarted[kind])
        for kind, of_kind in effects.items()
        if counts[kind]
    )
    return tuple(filter(None, lines))


@lru_cache
def _started_again(sentences: tuple[str, ...], *, is_one: bool) -> tuple[str, ...]:
    it, subject = ("it", "It") if is_one else ("them", "They")
    return tuple(one.format(it=it, It=subject) for one in sentences)


def started_again(effects: StopEffects, count: int) -> tuple[str, ...]:
    """What starts so many of a kind again, in sentences."""
    return _started_again(effects.started_again, is_one=count == 1)


def _line(effects: StopEffects, count: int, lost: Mapping[str, int], restarted: int) -> str:
    parts = [*_parts(effects, count, lost)]
    again = [*started_again(effects, count)]
    if restarted:
        reasons = "its reason" if restarted == 1 else "their reasons"
        again.append(f"What starts {'it' if count == 1 else f'{restarted:,} of them'} again is in {reasons}.")
    if not parts and not again:
        return ""
    named = f"{effects.title} ({count:,})"
    said = [f"{named} lose: {'; '.join(parts)}."] if parts else [f"{named}:"]
    return " ".join((*said, *again))


def _parts(effects: StopEffects, count: int, lost: Mapping[str, int]) -> Iterator[str]:
    for word, what in effects.losses.items():
        for text, perhaps in ((word, ""), (word + _UNKNOWN, "perhaps ")):
            found = lost.get(text, 0)
            if found:
                yield f"{perhaps}{_whose(found, count)} {what}"
    if effects.always_lost:
        yield f"{_whose(count, count)} {effects.always_lost}"


def _whose(found: int, count: int) -> str:
    """Of how many, where that is not all of them."""
    whose = "its" if found == 1 else "their"
    return whose if found == count else f"{found:,} {whose}"
