"""From a `where` in a policy document to a Condition; every mistake at once, each with its place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from orchestrator.core.policy.conditions.all_of import AllOf
from orchestrator.core.policy.conditions.everything import EVERYTHING, Everything
from orchestrator.core.policy.conditions.interface import Condition, Parser, Problem, Word
from orchestrator.core.policy.conditions.matching import Globs, TagGlobs
from orchestrator.core.policy.nearest import nearest
from orchestrator.core.policy.yaml_document import Path, no_text, value_words


def parse_where(
    value: Any, path: Path, words: Mapping[str, Word], kinds: Collection[str]
) -> tuple[Condition | None, list[tuple[Path, str]]]:
    """The condition, and what is wrong with it; None when anything is. `kinds` are those of its rule."""
    parser = _WhereParser(words, kinds)
    condition = parser.condition(value, path)
    return (None if parser.problems else condition), parser.problems


class _WhereParser(Parser):
    def __init__(self, words: Mapping[str, Word], kinds: Collection[str]) -> None:
        self.problems: list[tuple[Path, str]] = []
        self._words = words
        self._kinds = kinds

    def condition(self, value: Any, path: Path) -> Condition | None:
        if value == EVERYTHING:
            return Everything()
        if not isinstance(value, dict):
            shown = value_words(value)
            self.wrong(path, f"must be a mapping of conditions or the word `{EVERYTHING}`, not {shown}")
        elif not value:
            self.wrong(path, f"is empty and would match everything; if that is meant, say `{EVERYTHING}`")
        else:
            return _all_of(self._part(name, part, (*path, name)) for name, part in value.items())
        return None

    def conditions(self, value: Any, path: Path) -> tuple[Condition, ...]:
        if not isinstance(value, list) or not value:
            shown = "an empty one" if value == [] else value_words(value)
            self.wrong(path, f"must be a list of at least one condition, not {shown}")
            return ()
        parts = [self.condition(part, (*path, number)) for number, part in enumerate(value)]
        return tuple(part for part in parts if part is not None)

    def tags(self, value: Any, path: Path) -> TagGlobs:
        if not isinstance(value, dict) or not value:
            right, other = (
                ("name at least one tag", "") if value == {} else ("be a mapping of tags", value_words(value))
            )
            self.wrong(path, f"must {right}, such as {{Environment: [dev, test]}}{other and f', not {other}'}")
            return ()
        return tuple((key, self.globs(globs, (*path, key))) for key, globs in value.items())

    def globs(self, value: Any, path: Path, problem: Problem = lambda _: None) -> Globs:
        values = value if isinstance(value, list) else [value]
        if not values:
            self.wrong(path, "is an empty list and would match nothing; name at least one value")
        places = [(*path, number) if isinstance(value, list) else path for number in range(len(values))]
        return Globs(tuple(self._texts(zip(values, places, strict=True), problem)))

    def wrong(self, path: Path, message: str) -> None:
        self.problems.append((path, message))

    def _part(self, name: str, value: Any, path: Path) -> Condition | None:
        word = self._words.get(name)
        if word is None:
            self.wrong(path, _unknown(name, list(self._words)))
            return None
        without = [] if word.kinds is None else sorted(set(self._kinds) - word.kinds)
        if without:
            self.wrong(path, _not_for(word, without))
        return word.parse(value, path, self)

    def _texts(self, values: Iterable[tuple[Any, Path]], problem: Problem) -> Iterator[str]:
        for one, place in values:
            if not isinstance(one, str):
                self.wrong(place, no_text(one))
            elif not one:
                self.wrong(place, "is empty text and would match nothing but an empty value; use a glob such as `*`")
            elif wrong := problem(one):
                self.wrong(place, wrong)
            else:
                yield one


def _all_of(parts: Iterable[Condition | None]) -> Condition:
    """Several words in one mapping must all hold."""
    known = tuple(part for part in parts if part is not None)
    return known[0] if len(known) == 1 else AllOf(known)


def _not_for(word: Word, without: Iterable[str]) -> str:
    for_kinds = ", ".join(sorted(word.kinds or ()))
    return f"`{word.name}` is a condition for {for_kinds}, not for {', '.join(without)}; give these a rule of their own"


def _unknown(word: str, known: list[str]) -> str:
    near = nearest(word, known)
    hint = f" (did you mean `{near}`?)" if near else ""
    return f"`{word}` is no condition{hint}; conditions are {', '.join(known)}"
