"""From a `where` in a policy document to a Condition; every mistake at once, each with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from orchestrator.core.policy.conditions import evaluation as conditions
from orchestrator.core.policy.conditions.evaluation import Condition, Globs
from orchestrator.core.policy.yaml_document import Path, value_words

EVERYTHING = "everything"
Problem = tuple[Path, str]
_ACCOUNT = re.compile(r"[0-9]{12}")
_QUOTES = "must be text; put it in quotes (YAML reads yes, no, on, off, numbers and dates as something else)"


def parse_where(value: Any, path: Path) -> tuple[Condition | None, list[Problem]]:
    """The condition, and what is wrong with it; None when anything is."""
    parser = _Parser()
    condition = parser.condition(value, path)
    return (None if parser.problems else condition), parser.problems


class _Parser:
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def condition(self, value: Any, path: Path) -> Condition | None:
        if value == EVERYTHING:
            return conditions.Everything()
        if not isinstance(value, dict):
            return self._wrong(
                path, f"must be a mapping of conditions or the word `{EVERYTHING}`, not {value_words(value)}"
            )
        if not value:
            return self._wrong(path, f"is empty and would match everything; if that is meant, say `{EVERYTHING}`")
        parts = [self._word(word, part, (*path, word)) for word, part in value.items()]
        known = tuple(part for part in parts if part is not None)
        return known[0] if len(known) == 1 else conditions.All(known)

    def _word(self, word: str, value: Any, path: Path) -> Condition | None:
        parse = self._words().get(word)
        if parse is None:
            return self._wrong(path, _unknown(word, list(self._words())))
        return parse(value, path)

    def _words(self) -> dict[str, Callable[[Any, Path], Condition | None]]:
        return {
            "all": lambda value, path: conditions.All(self._several(value, path)),
            "any": lambda value, path: conditions.AnyOf(self._several(value, path)),
            "not": self._not,
            "tag": lambda value, path: conditions.TagMatches(self._tags(value, path)),
            "account_tag": lambda value, path: conditions.AccountTagMatches(self._tags(value, path)),
            "account": lambda value, path: conditions.AccountMatches(self._accounts(value, path)),
            "organizational_unit": lambda value, path: conditions.OrganizationalUnitMatches(
                self._globs(value, path, _path_problem)
            ),
            "region": lambda value, path: conditions.RegionMatches(self._globs(value, path)),
            "instance_type": lambda value, path: conditions.InstanceTypeMatches(self._globs(value, path)),
        }

    def _not(self, value: Any, path: Path) -> Condition | None:
        part = self.condition(value, path)
        return conditions.Not(part) if part is not None else None

    def _several(self, value: Any, path: Path) -> tuple[Condition, ...]:
        if not isinstance(value, list) or not value:
            shown = "an empty one" if value == [] else value_words(value)
            self._wrong(path, f"must be a list of at least one condition, not {shown}")
            return ()
        parts = [self.condition(part, (*path, number)) for number, part in enumerate(value)]
        return tuple(part for part in parts if part is not None)

    def _tags(self, value: Any, path: Path) -> tuple[tuple[str, Globs], ...]:
        if not isinstance(value, dict) or not value:
            shown = "an empty one" if value == {} else value_words(value)
            self._wrong(path, f"must name at least one tag, such as {{Environment: [dev, test]}}, not {shown}")
            return ()
        return tuple((key, self._globs(globs, (*path, key))) for key, globs in value.items())

    def _accounts(self, value: Any, path: Path) -> Globs:
        texts = [account_text(one) for one in value] if isinstance(value, list) else account_text(value)
        return self._globs(texts, path, _account_problem)

    def _globs(self, value: Any, path: Path, problem: Callable[[str], str | None] = lambda _: None) -> Globs:
        """One text or a list of texts, none of them empty; `problem` says what else is wrong with one."""
        values = value if isinstance(value, list) else [value]
        if not values:
            self._wrong(path, "is an empty list and would match nothing; name at least one value")
        places = [(*path, number) if isinstance(value, list) else path for number in range(len(values))]
        return tuple(self._texts(zip(values, places, strict=True), problem))

    def _texts(self, values: Iterable[tuple[Any, Path]], problem: Callable[[str], str | None]) -> Iterator[str]:
        for one, place in values:
            if not isinstance(one, str):
                self._wrong(place, f"{value_words(one)} {_QUOTES}")
            elif not one:
                self._wrong(place, "is empty text and would match nothing but an empty value; use a glob such as `*`")
            elif wrong := problem(one):
                self._wrong(place, wrong)
            else:
                yield one

    def _wrong(self, path: Path, message: str) -> Condition | None:
        """Notes the problem; there is no condition then, which is what callers give back."""
        self.problems.append((path, message))
        return None


def account_text(value: Any) -> Any:
    """An account id that YAML read as a number, as text; only when no leading zero can have been lost."""
    is_whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return str(value) if is_whole and len(str(value)) == 12 else value  # noqa: PLR2004 - digits of an account id


def _path_problem(text: str) -> str | None:
    if text.startswith("/"):
        return None
    return f"{text!r} is no OU path; paths start at the root, such as /Workloads/Dev"


def _account_problem(text: str) -> str | None:
    """A glob may be anything; an id that no account can have would match nothing, and its `not` everything."""
    if _ACCOUNT.fullmatch(text) or any(sign in text for sign in "*?["):
        return None
    return f"{text!r} is no account id; it has twelve digits"


def _unknown(word: str, known: list[str]) -> str:
    near = get_close_matches(word, known, 1)
    hint = f"did you mean `{near[0]}`? " if near else ""
    return f"`{word}` is no condition; {hint}conditions are {', '.join(known)}"
