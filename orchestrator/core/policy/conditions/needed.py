"""What a resource needs to have for a condition to be anything but false: literal texts, for `rule_index`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

TAG, ACCOUNT, REGION, UNIT, UNIT_ID = "tag", "account", "region", "unit", "unit_id"


class Needed(NamedTuple):
    """One text: the value of the tag of that key, an account's id, a region, or an OU of the account."""

    word: str
    key: str
    """Of a tag; empty of anything else."""
    text: str


Need = frozenset[Needed]
"""At least one of these: without any of them the condition is false, and not unknown."""


def need_of(word: str, texts: Iterable[str], key: str = "") -> Need:
    """One of these literal texts."""
    return frozenset(Needed(word, key, text) for text in texts)


def rarest(needs: Iterable[Need], common: Mapping[Needed, int]) -> Need | None:
    """That whose texts are common to fewest, by how many have each; None where there is none."""
    return min(needs, key=lambda need: sum(common[needed] for needed in need), default=None)


_BETWEEN = "\0"


def unit_text(names: Sequence[str]) -> str:
    """An OU's path, whatever is in its names."""
    return _BETWEEN.join(names)


def unit_texts_above(text: str) -> Iterator[str]:
    """That of the OU itself and of each one above it, the root's first."""
    names = text.split(_BETWEEN) if text else []
    return (unit_text(names[:depth]) for depth in range(len(names) + 1))
