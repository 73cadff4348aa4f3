"""YAML with the line of every value: text in, plain values and their places out. Safe: no tags, no code, no bombs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import yaml
from yaml.reader import ReaderError

from orchestrator.core.policy.missing_days import missing_day
from orchestrator.core.policy.patterns import late_pattern
from orchestrator.errors import PolicyProblem

Path = tuple[str | int, ...]

_DEEPEST = 40
_MOST_VALUES = 300_000
"""10,000 rules have 150,000."""
_MOST_CHARACTERS = 10_000_000
_MOST_SIGNS = 600_000
"""Of those that divide values: so many values a text has at most, and each is half a kilobyte of memory."""
_SIGNS = ("\n", ",", ":", "- ")
_QUICK_FROM = 1_000
"""Characters from which on a text is read by libyaml, which is ten times as fast."""
_LARGE = 100_000
"""Characters from which on a text is looked at before it is read."""
_MOST_BITS = 64
_LONGEST_SENTENCE, _LONGEST_KEY = 4000, 200
"""Characters that are told of a mistake, and of each key on the way to it; a tag's key has 128."""
_YAML = "tag:yaml.org,2002:"
_SCALARS = frozenset(_YAML + name for name in ("str", "int", "float", "bool", "null", "timestamp"))
_NUMBERS = frozenset({_YAML + "int", _YAML + "float"})
_TAGS = {yaml.MappingNode: {_YAML + "map"}, yaml.SequenceNode: {_YAML + "seq"}, yaml.ScalarNode: _SCALARS}
_SURROGATE = late_pattern("[\ud800-\udfff]")
_VERBS = ("must ", "is ", "has ")
_OCTAL = late_pattern("[-+]?0[0-7_]+")


@dataclass(slots=True)
class Document:
    """`value` is what the text says; `lines` has the line (from 1) of the value, or of its key, at each path."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[PolicyProblem] = field(default_factory=list)

    def problem(self, path: Path, message: str) -> PolicyProblem:
        """A problem at that place; the line is the nearest one that is known.

        What is at the place becomes the subject of a message that begins with its verb.
        """
        sentence = f"{_subject(path)} {message}" if message.startswith(_VERBS) else message
        return PolicyProblem(_told(path), self.line(path), _shortened(sentence))

    def line(self, path: Path) -> int:
        """The line, from 1, of the path or of its nearest ancestor that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def path_text(path: Path) -> str:
    """`('rules', 0, 'where')` as `rules[0].where`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _told(path: Path) -> str:
    """As path_text, each key as far as a person reads it."""
    return path_text(tuple(one if isinstance(one, int) else _key_told(one) for one in path))


def _key_told(key: str) -> str:
    if not key:
        return '""'
    return key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}[...]"


def _shortened(text: str) -> str:
    """A text of a policy that is quoted may be megabytes long; what is right stands behind it."""
    if len(text) <= _LONGEST_SENTENCE:
        return text
    return f"{text[: _LONGEST_SENTENCE // 2]} [...] {text[-_LONGEST_SENTENCE // 2 :]}"


def _subject(path: Path) -> str:
    if not path:
        return "the document"
    return f"`{path[-1]}`" if isinstance(path[-1], str) else "this entry"


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value under a tag of its document's own, such as CloudFormation's `!Sub`; what it means is not known here."""

    tag: str
    value: Any


def read_document(text: str, *, stored: bool = False, own_tags: bool = False) -> Document:
    """The one document in the text. Whatever is wrong with it is in `problems`; then `value` cannot be trusted.

    `stored`: a text that some release accepted, in which octal numbers and those to the base 60 mean what they meant.
    `own_tags`: values under tags such as `!Sub` are `Tagged`, and no mistakes.
    """
    document = Document()
    too_large = _too_large(text)
    if too_large:
        document.problems.append(PolicyProblem("", 1, too_large))
        return document
    try:
        loader, node = _compose(text)
    except yaml.MarkedYAMLError as broken:
        document.problems.append(_broken(broken))
    except ReaderError as broken:
        text_before = text[: broken.position]
        what = f"this is no YAML: the character #x{broken.character:04x} is not allowed"
        document.problems.append(PolicyProblem("", text_before.count("\n") + 1, what))
    except (yaml.YAMLError, ValueError, OverflowError) as broken:
        document.problems.append(PolicyProblem("", 1, f"this is no YAML: {broken}"))
    except RecursionError:
        document.problems.append(
            PolicyProblem("", 1, f"the document is nested too deeply; {_DEEPEST} levels are enough")
        )
    else:
        if node is None:
            document.problems.append(
                PolicyProblem("", 1, "the document is empty; it needs at least `version` and `name`")
            )
        else:
            _build(node, document, _Builder(loader, document, stored=stored, own_tags=own_tags))
    return document


def _too_large(text: str) -> str:
    """What is wrong with a text that is read no further, so that none takes more memory and time than a policy may."""
    if len(text) > _MOST_CHARACTERS:
        return f"the document is too large: it has more than {_MOST_CHARACTERS // 1_000_000} million characters"
    signs = sum(map(text.count, _SIGNS)) if len(text) > _LARGE else 0
    if signs > _MOST_SIGNS:
        return f"the document is too large: it may have {signs:,} values; at most {_MOST_VALUES:,} are read"
    return ""


def _compose(text: str) -> tuple[_Loader, yaml.Node | None]:
    """The loader, and the one node. What is wrong with a text is told alike, whatever its size: by PyYAML itself."""
    is_large = len(text) > _QUICK_FROM
    if is_large and yaml.__with_libyaml__ and "\ufeff" not in text:  # which the two read differently
        try:
            quick = _QuickLoader(text)
            return quick, quick.get_single_node()
        except yaml.YAMLError:
            if len(text) > _LARGE * 10:  # a minute by PyYAML itself
                raise
    loader = yaml.SafeLoader(text)
    return loader, loader.get_single_node()


def _build(node: yaml.Node, document: Document, builder: _Builder) -> None:
    try:
        document.value = builder.build(node, ())
    except _TooLargeError as too_large:
        message = "is nested too deeply or is too large (do aliases refer to themselves?)"
        document.problems = [document.problem(too_large.path, message)]


def _broken(error: yaml.MarkedYAMLError) -> PolicyProblem:
    mark = error.problem_mark or error.context_mark
    what = ": ".join(part for part in (error.context, error.problem) if part)
    return PolicyProblem("", mark.line + 1 if mark else 1, f"this is no YAML: {what}")


class _QuickLoader(yaml.CSafeLoader):
    """By libyaml; what a plain text is, a number or a word, is found out once for each."""

    def __init__(self, text: str) -> None:
        self._resolved: dict[tuple[object, ...], str] = {}
        super().__init__(text)

    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        key = (kind, value, implicit)
        found = self._resolved.get(key)
        if found is None:
            tag: str = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]  # PyYAML's own
            found = self._resolved[key] = tag
        return found


_Loader = yaml.SafeLoader | _QuickLoader


class _TooLargeError(Exception):
    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__()


class _Builder:
    def __init__(self, loader: _Loader, document: Document, *, stored: bool, own_tags: bool) -> None:
        self._loader = loader
        self._document = document
        self._stored = stored
        self._own_tags = own_tags
        self._values = 0

    def build(self, node: yaml.Node, path: Path) -> Any:
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        self._values += 1
        if len(path) > _DEEPEST or self._values > _MOST_VALUES:
            raise _TooLargeError(path)
        if self._own_tags and node.tag.startswith("!"):
            return Tagged(node.tag, self._tagged(node, path))
        if node.tag not in _TAGS[type(node)]:
            self._say(path, f"this value is not understood (its YAML tag is {node.tag}); write it plainly or in quotes")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, number)) for number, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _tagged(self, node: yaml.Node, path: Path) -> Any:
        """What is under the tag, as it would be without it; a plain value as its text."""
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, number)) for number, item in enumerate(node.value)]
        return node.value

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            line = key_node.start_mark.line + 1
            if not isinstance(key, str) or _SURROGATE.search(key):
                self._document.problems.append(PolicyProblem(_told(path), line, "a key must be plain text"))
                continue
            if key in built:
                first = self._document.lines[*path, key]
                text = f"the key is there twice; the first is on line {first}"
                self._document.problems.append(PolicyProblem(_told((*path, key)), line, text))
                continue
            self._document.lines[*path, key] = line
            built[key] = self.build(value_node, (*path, key))
        return built

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        try:
            value = self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError, LookupError, AttributeError, OverflowError):  # PyYAML lets them all through
            return self._unreadable(node, path)
        too_large = isinstance(value, int) and value.bit_length() > _MOST_BITS
        no_text = isinstance(value, str) and _SURROGATE.search(value)
        if too_large or no_text:
            return self._unreadable(node, path)
        misleading = None if self._stored else _misleading(node, value)
        return self._say(path, misleading) if misleading else value

    def _unreadable(self, node: yaml.Node, path: Path) -> None:
        shown, kind = ascii(node.value[:40]), node.tag.removeprefix(_YAML)
        why = missing_day(node.value) if kind == "timestamp" else ""
        wrong = why or f"{shown} cannot be read as YAML's `{kind}`"
        self._say(path, f"{wrong}; if it is meant as text, put it in quotes")

    def _say(self, path: Path, message: str) -> None:
        self._document.problems.append(self._document.problem(path, message))


def _misleading(node: yaml.Node, value: Any) -> str | None:
    """What to do about a number that YAML 1.1 reads as another than a person, or YAML 1.2, does."""
    if node.tag not in _NUMBERS:
        return None
    shown = f"`{node.value[:40]}`"
    if ":" in node.value:
        return (
            f"{shown} is a number to the base 60 in YAML 1.1, which means {value}; if it is meant as text, put it in "
            f"quotes; if as a number, write {value}"
        )
    if isinstance(value, int) and _OCTAL.fullmatch(node.value):
        return (
            f"{shown} is an octal number in YAML 1.1, which means {value}; if it is meant as text, put it in quotes; "
            "if as a number, write it without the leading zero"
        )
    return None


def value_words(value: object) -> str:
    """A value as a person would name it in an error, after `not`."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "an empty value"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return str(value)
    return repr(value)


def no_text(value: object) -> str:
    """What is wrong with a value that should be text."""
    wrong = f"must be text, not {value_words(value)}"
    if value is None or isinstance(value, Mapping | list):
        return wrong
    return f"{wrong}; put it in quotes (YAML reads yes, no, on, off, numbers and dates as something else)"
