"""From a `where` in a policy document to a Condition; every mistake at once, each with its place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator.core.policy.conditions.all_of import AllOf
from orchestrator.core.policy.conditions.definitions import (
    SECTION,
    WORD,
    Definition,
    Definitions,
    cycle_text,
    in_order,
    no_such,
)
from orchestrator.core.policy.conditions.everything import EVERYTHING, Everything
from orchestrator.core.policy.conditions.interface import Condition, Parser, Problem, Word
from orchestrator.core.policy.conditions.matching import Globs
from orchestrator.core.policy.conditions.regexes import Regex
from orchestrator.core.policy.nearest import nearest
from orchestrator.core.policy.other_words import CONDITIONS, right_for
from orchestrator.core.policy.yaml_document import Path, no_text, value_words


def parse_where(
    value: Any,
    path: Path,
    words: Mapping[str, Word],
    kinds: Collection[str],
    definitions: Definitions | None = None,
) -> tuple[Condition | None, list[tuple[Path, str]]]:
    """The condition, and what is wrong with it; None when anything is. `kinds` are those of its rule."""
    parser = _WhereParser(words, kinds, definitions or Definitions())
    condition = parser.where(value, path)
    return (None if parser.problems or parser.is_broken else condition), parser.problems


def parse_definitions(
    section: Any, words: Mapping[str, Word], timezone: ZoneInfo
) -> tuple[Definitions, list[tuple[Path, str]]]:
    """The named conditions of a policy, those that are wrong too, and what is wrong with them."""
    definitions, problems = Definitions(timezone), list[tuple[Path, str]]()
    if not isinstance(section, dict):
        return definitions, problems  # which the shape tells
    ordered, cycles = in_order(section)
    for cycle in cycles:
        problems.append(((SECTION, cycle[0]), cycle_text(cycle)))
    definitions.by_name.update({name: Definition(None, {}) for name in section})
    for name in dict.fromkeys((*ordered, *section)):
        parser = _WhereParser(words, None, definitions)
        condition = parser.where(section[name], (SECTION, name))
        problems += parser.problems
        whole = None if parser.problems or parser.is_broken else condition
        definitions.by_name[name] = Definition(whole, parser.kinds_by_word)
    return definitions, problems


_TAG_PREFIX = "tag:"
"""By which Cloud Custodian, and AWS's filters, name the key of a tag."""


class _WhereParser(Parser):
    """Without `kinds` it takes the words of all, and says afterwards which kinds they are for."""

    def __init__(self, words: Mapping[str, Word], kinds: Collection[str] | None, definitions: Definitions) -> None:
        self.problems: list[tuple[Path, str]] = []
        self.is_broken = False
        """A name in it is one of a condition that is wrong itself."""
        self.kinds_by_word: dict[str, frozenset[str]] = {}
        self._words = words
        self._kinds = kinds
        self._definitions = definitions

    @property
    def timezone(self) -> ZoneInfo:
        return self._definitions.timezone

    def where(self, value: Any, path: Path) -> Condition | None:
        """The whole of it."""
        condition = self.condition(value, path)
        too_large = self._definitions.too_large(condition) if condition is not None and not self.problems else None
        if too_large:
            self.wrong(path, too_large)
        return condition

    def condition(self, value: Any, path: Path) -> Condition | None:
        if value == EVERYTHING:
            return Everything()
        if not isinstance(value, dict):
            shown = value_words(value)
            hint = f"; the condition of that name is {{{WORD}: {value}}}" if self._is_defined(value) else ""
            self.wrong(path, f"must be a mapping of conditions or the word `{EVERYTHING}`, not {shown}{hint}")
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

    def regex(self, value: Any, path: Path) -> Regex | None:
        for text in self._texts([(value, path)], lambda _: None):
            try:
                return self._definitions.regex(text)
            except ValueError as wrong:
                self.wrong(path, str(wrong))
        return None

    def defined(self, name: Any, path: Path) -> Condition | None:
        known = self._definitions.by_name
        definition = known.get(name) if isinstance(name, str) else None
        if definition is None:
            self.wrong(path, no_such(name, known))
            return None
        for word, kinds in definition.kinds_by_word.items():
            self._check_kinds(word, kinds, path)
        self.is_broken |= definition.condition is None
        return definition.condition

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
            self.wrong(path, _unknown(name, value, list(self._words), is_defined=self._is_defined(name)))
            return None
        if word.kinds is not None:
            self._check_kinds(word.name, word.kinds, path)
        return word.parse(value, path, self)

    def _check_kinds(self, word: str, kinds: frozenset[str], path: Path) -> None:
        self.kinds_by_word[word] = kinds
        without = sorted(set(self._kinds or ()) - kinds)
        if without:
            self.wrong(path, _not_for(word, kinds, without))

    def _is_defined(self, name: Any) -> bool:
        return isinstance(name, str) and name in self._definitions.by_name

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


def _not_for(word: str, kinds: Iterable[str], without: Iterable[str]) -> str:
    for_kinds = ", ".join(sorted(kinds))
    return f"`{word}` is a condition for {for_kinds}, not for {', '.join(without)}; give these a rule of their own"


def _unknown(word: str, value: Any, known: list[str], *, is_defined: bool) -> str:
    if is_defined:
        hint = f" (did you mean `{WORD}: {word}`?)"
    elif right := right_for(CONDITIONS, word):
        hint = f"; {right}"
    elif near := nearest(word, known):
        hint = f" (did you mean `{near}`?)"
    elif isinstance(value, str | list):
        hint = f"; if it is the key of a tag, write `tag: {{{word.removeprefix(_TAG_PREFIX)}: ...}}`"
    else:
        hint = ""
    return f"`{word}` is no condition{hint}; conditions are {', '.join(known)}"
