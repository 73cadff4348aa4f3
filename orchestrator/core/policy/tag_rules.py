"""What is wrong with notices and tags of rules, where one key depends on another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orchestrator.core.policy.schema.fields import ANY_KIND_ACTIONS
from orchestrator.core.policy.tag_keys import name_below
from orchestrator.core.policy.yaml_document import Path, value_words

_LONGEST_KEY = 128
_ONLY_OF_STOPS = ("schedule", "accept", "notice", "stop_again")


def tag_problems(rules: Iterable[tuple[int, Mapping[str, Any]]]) -> Iterator[tuple[Path, str]]:
    """Of the raw rules, each with its number."""
    for number, rule in rules:
        path, action, tags = ("rules", number), rule.get("action"), rule.get("tags")
        if action == "tag" and not tags:
            yield path, "`action: tag` needs `tags`, such as {Owner-missing: reported}"
        if tags is not None and action != "tag":
            yield (*path, "tags"), "is written by `action: tag` alone; add that, or leave `tags` out"
        for key in _ONLY_OF_STOPS:
            if action in ANY_KIND_ACTIONS and key in rule:
                yield (*path, key), f"is about stops, and `action: {action}` stops nothing; leave `{key}` out"
        for key in tags if isinstance(tags, dict) else ():
            problem = _key_problem(key)
            if problem:
                yield (*path, "tags"), problem


def _key_problem(key: Any) -> str:
    if not isinstance(key, str) or not 1 <= len(key) <= _LONGEST_KEY:
        return f"a tag's key is a text of 1 to {_LONGEST_KEY} characters, not {value_words(key)}"
    if key.lower().startswith("aws:"):
        return f"the key {key!r} begins with `aws:`, which AWS keeps for itself; name another one"
    if name_below(key) is not None:
        return f"the key {key!r} is one of Stop Orchestrator's own, or looks like one; name another one"
    return ""
