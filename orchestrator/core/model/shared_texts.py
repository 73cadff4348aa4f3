"""Texts of AWS's answers that are equal, in memory once: tags and facts have few texts, on thousands of resources."""

from __future__ import annotations

from collections.abc import Mapping
from sys import intern
from typing import TypeVar, cast

V = TypeVar("V")


def share_text(value: V) -> V:
    """The same value; where it is a text, the one that is in memory already for all that are equal to it."""
    if type(value) is not str:  # of a class of its own it is more than its text
        return value
    return cast("V", intern(str(value)))


def share_texts(values: Mapping[str, V]) -> dict[str, V]:
    """The same keys and values, each text of them shared."""
    return {share_text(key): share_text(value) for key, value in values.items()}
