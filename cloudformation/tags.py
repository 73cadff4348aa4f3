"""Tags of the stacks: `Tags=Team=platform,CostCenter=cc-1`, as CloudFormation gives them to all that it makes.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cloudformation.env_file import Problem

_NAME = "Tags"
_RESERVED = "aws:"
_TEXT = re.compile(r"[\w\s+\-=._:/@]*")
_LONGEST_KEY, _LONGEST_VALUE, _MOST = 128, 256, 50


def read_tags(text: str | None) -> tuple[dict[str, str] | None, list[Problem]]:
    """By key, and what is wrong. None for no line; the empty text is no tags at all."""
    if text is None:
        return None, []
    tags: dict[str, str] = {}
    problems = []
    for item in filter(None, (one.strip() for one in text.split(","))):
        key, equals, value = (part.strip() for part in item.partition("="))
        wrong = _wrong(key, equals, value) or (f"the key {key!r} is there twice" if key in tags else "")
        if wrong:
            problems.append(Problem(_NAME, f"{_NAME}: {wrong}"))
        tags[key] = value
    if len(tags) > _MOST:
        problems.append(Problem(_NAME, f"{_NAME}: {len(tags)} tags, and a stack may have {_MOST} at most"))
    return tags, problems


def tags_text(tags: Mapping[str, str]) -> str:
    """What `read_tags` reads back; a comma cannot be in a tag that CloudFormation accepts."""
    return ",".join(f"{key}={value}" for key, value in sorted(tags.items()))


def tags_of(stack: Mapping[str, Any]) -> dict[str, str]:
    """Of a stack as CloudFormation describes it; AWS's own cannot be given, and stay."""
    tags = {one["Key"]: one["Value"] for one in stack.get("Tags", ())}
    return {key: value for key, value in tags.items() if not key.startswith(_RESERVED)}


def _wrong(key: str, equals: str, value: str) -> str:
    if not (key and equals):
        return f"{key!r} must be of the form Key=value, several separated by commas"
    if key.lower().startswith(_RESERVED):
        return f"{key!r} begins with {_RESERVED}, which is AWS's own"
    for what, text, longest in (("key", key, _LONGEST_KEY), ("value", value, _LONGEST_VALUE)):
        if len(text) > longest:
            return f"the {what} {text!r} is longer than {longest} characters"
        if not _TEXT.fullmatch(text):
            return f"the {what} {text!r} must be of letters, digits, spaces and + - = . _ : / @"
    return ""
