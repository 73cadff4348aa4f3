"""Writes a policy document with comments. What lost something of the original is written as a comment as a whole.

A rule that lacks a filter would act on more than the original does, so it is never active; neither is a schedule that
only such rules name. The text is valid whatever is active in it.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from orchestrator.core.importing.imported import Imported, NotCarriedOver
from orchestrator.core.report.control_characters import without_controls

_WIDTH = 100
_NO_YAML = re.compile("[\ufffe\uffff]")
"""What a YAML text may not have, not even in a comment, beside control characters."""
_OTHER_BREAKS = re.compile("[\x85\u2028\u2029]")
"""Of lines: the dumper writes them as they are, and then they are read as something else."""
_NOTHING = "NOTHING IS STOPPED BY THIS POLICY: none of its rules is active. Why is said above each of them."


@dataclass(frozen=True, slots=True)
class ScheduleDraft:
    """A schedule: its document, as under `schedules`, and what is said above it."""

    name: str
    document: Mapping[str, Any]
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule: its document but for the name."""

    name: str
    document: Mapping[str, Any]
    comments: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    """What of the original it does not have and would need, each with why; any of it makes the rule a comment."""
    schedules: tuple[str, ...] = ()
    """Names of those that it uses."""

    @property
    def is_active(self) -> bool:
        """Whether it acts."""
        return not self.lost


@dataclass(frozen=True, slots=True)
class PolicyDraft:
    """A whole document; rules are in the order in which they own resources."""

    name: str
    heading: tuple[str, ...]
    """Comments above all."""
    schedules: tuple[ScheduleDraft, ...]
    rules: tuple[RuleDraft, ...]
    more: Mapping[str, Any]
    """Further keys of the document, such as `timezone`."""


def written(draft: PolicyDraft, not_carried_over: Iterable[NotCarriedOver]) -> Imported:
    """The import that a draft is, as text."""
    active = sum(rule.is_active for rule in draft.rules)
    return Imported(write_policy(draft), active, len(draft.rules) - active, tuple(not_carried_over))


def write_policy(draft: PolicyDraft) -> str:
    """The document's text, in YAML."""
    active = [rule for rule in draft.rules if rule.is_active]
    used = {name for rule in active for name in rule.schedules}
    lines = [*_comments(draft.heading)]
    if not active:
        lines += _comments((_NOTHING,))
    lines += _yaml({"version": 1, "name": draft.name, **draft.more})
    lines += _section("schedules", "{}", [_schedule(one, is_active=one.name in used) for one in draft.schedules])
    lines += _section("rules", "[]", [_rule(one) for one in draft.rules])
    return "\n".join(line.rstrip() for line in lines) + "\n"


_Entry = tuple[list[str], bool]
"""The lines of one, and whether it is active."""


def _section(key: str, empty: str, entries: Sequence[_Entry]) -> Iterator[str]:
    if entries or key == "rules":
        is_any = any(is_active for _, is_active in entries)
        yield f"{key}:" if is_any else f"{key}: {empty}  # delete {empty} before one of them is made active"
    for lines, _ in entries:
        yield from lines


def _schedule(draft: ScheduleDraft, *, is_active: bool) -> _Entry:
    name = _dumped({draft.name: ""})[0].removesuffix(" ''")
    body = _indented([name, *_indented(_yaml(draft.document))])
    return [*_indented(_comments(draft.comments)), *_maybe_out(body, is_active=is_active)], is_active


def _rule(draft: RuleDraft) -> _Entry:
    first, *others = _yaml({"name": draft.name, **draft.document})
    body = _indented([f"- {first}", *_indented(others)])
    said = [*draft.comments]
    if draft.lost:
        said += ["NOT ACTIVE, since it lacks of the original:", *(f"- {one}" for one in draft.lost)]
    return ["", *_indented(_comments(said)), *_maybe_out(body, is_active=draft.is_active)], draft.is_active


def _maybe_out(lines: Iterable[str], *, is_active: bool) -> Iterator[str]:
    return (line if is_active else f"#{line}" for line in lines)


def _yaml(document: Mapping[str, Any]) -> list[str]:
    """A key on each line, with what it holds in brackets where that is short."""
    return [line for key, value in document.items() for line in _dumped({key: _plain(value)})]


def _dumped(document: Mapping[str, Any]) -> list[str]:
    (value,) = document.values()
    style = None if isinstance(value, dict | list) else False
    escaped = bool(_OTHER_BREAKS.search(json.dumps(document, ensure_ascii=False, default=str)))
    text = yaml.safe_dump(document, sort_keys=False, default_flow_style=style, width=_WIDTH, allow_unicode=not escaped)
    return str(text).removesuffix("\n").split("\n")


def _plain(value: Any) -> Any:
    """Without aliases: the dumper writes one where the same list is there twice."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _comments(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        shown = _NO_YAML.sub("?", without_controls(text))
        yield from (
            f"# {line}"
            for line in textwrap.wrap(shown, _WIDTH, subsequent_indent="  " if shown.startswith("- ") else "") or [""]
        )


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
