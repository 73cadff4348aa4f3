"""Regular expressions whose matching takes time in proportion to the text: the engine is Rust's `regex`, by pydantic.

It never backtracks, and knows neither look-around nor back-references; its syntax is RE2's but for details:
https://docs.rs/regex/latest/regex/#syntax. It is in the Lambda's zip anyway, for every machine.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, core_schema

from orchestrator.core.policy.patterns import late_pattern

MOST_CHARACTERS = 256
MOST_EXPRESSIONS = 100
"""Of one policy: a compiled one may take a megabyte."""
_LARGEST = 500
_CLASS_OF_UNICODE = 30
"""What `\\w` and `\\p{...}` weigh, which stand for hundreds of ranges, beside a character."""

_TOKEN = late_pattern(r"\\[pP]\{[^}]*\}|\\.|\[(?:\\.|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}|.", re.DOTALL)
_OF_UNICODE = late_pattern(r"\\[wWpP]")


class Regex:
    """One expression, compiled; equal by its text. It matches whole values, as globs do."""

    __slots__ = ("_validator", "text")

    def __init__(self, text: str) -> None:
        """Raises ValueError, which says what is wrong, for what is no expression of the engine or too large."""
        self.text = text
        self._validator = _compiled(text)

    def match(self, value: str) -> bool:
        """Whether it matches the whole value."""
        return self._validator.isinstance_python(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Regex) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Regex({self.text!r})"


@lru_cache(maxsize=MOST_EXPRESSIONS)
def _compiled(text: str) -> SchemaValidator:
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"is a regular expression of {len(text)} characters; {MOST_CHARACTERS} are enough")
    if _size(text) > _LARGEST:
        raise ValueError(
            "is a regular expression whose repetitions write out to too much; say `*` or `+` instead of counts"
        )
    _validator(text)  # by itself: `a)|(?:b` is none, though it is one within the parentheses
    return _validator(rf"\A(?:{text})\z")


def _validator(text: str) -> SchemaValidator:
    schema = core_schema.str_schema(pattern=text, regex_engine="rust-regex", strict=True)
    try:
        return SchemaValidator(schema)
    except SchemaError as wrong:
        raise ValueError(f"{text!r} is no regular expression of a linear-time engine: {_said(wrong)}") from wrong


def _said(wrong: SchemaError) -> str:
    """The engine's sentence; above it stand the expression and an arrow."""
    line = str(wrong).strip().splitlines()[-1].strip()
    return line.removeprefix("SchemaError:").strip().removeprefix("error:").strip()


def _size(text: str) -> int:
    """About how many characters it is with its counted repetitions written out: what compiling it takes."""
    sums, last = [0], 0
    for token in _TOKEN.finditer(text):
        shown = token[0]
        if token[1] is not None:
            times = max(int(token[1][:4]), int((token[2] or "0")[:4]))
            last, sums[-1] = last * times, sums[-1] + last * max(times - 1, 0)
        elif shown == "(":
            sums.append(0)
            last = 0
        elif shown == ")" and len(sums) > 1:
            last = sums.pop()
            sums[-1] += last
        elif shown not in "*+?|":
            last = 1 + _CLASS_OF_UNICODE * len(_OF_UNICODE.findall(shown))
            sums[-1] += last
        if sum(sums) > _LARGEST:
            break
    return sum(sums)
