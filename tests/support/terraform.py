"""Terraform's JSON syntax as Terraform reads it, as far as our module goes: templates, and the expressions in them.

Knows nothing of how the module was made. What is no expression of these forms fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Value = Any
_TOKEN = re.compile(
    r'\s*(?:(?P<text>")|(?P<number>\d+)|(?P<name>[A-Za-z_][\w-]*)|(?P<sign>==|&&|\|\||[?:!()\[\]{},.=]))'
)
_ESCAPED = re.compile(r'\\(["\\nrt])')
_FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "concat": lambda *lists: [one for each in lists for one in each],
    "merge": lambda *objects: {key: value for each in objects for key, value in each.items()},
    "join": lambda separator, items: separator.join(items),
    "split": lambda separator, text: text.split(separator),
    "jsonencode": json.dumps,
    "jsondecode": json.loads,
    "contains": lambda items, one: one in items,
    "length": len,
    "regex": lambda pattern, text: re.search(re.sub(r"\$$", r"\\Z", pattern), text),
    "can": lambda match: match is not None,
    "alltrue": all,
}


class Module:
    """One module with these variables; `value` is any JSON value in it, evaluated."""

    def __init__(self, files: Mapping[str, Mapping[str, Any]], data: Mapping[str, Value], **variables: Value) -> None:
        self.files = files
        declared = files["variables"]["variable"]
        assert set(variables) <= set(declared), "no such variable"
        self.var = {name: variables.get(name, self.value(one.get("default"))) for name, one in declared.items()}
        self._data = data

    def value(self, node: Value) -> Value:
        """As Terraform reads it: each text is a template; one that is a single expression keeps its type."""
        if isinstance(node, str):
            return _Parser(self.reference, node).template(len(node))
        if isinstance(node, list):
            return [self.value(one) for one in node]
        return {self.value(key): self.value(one) for key, one in node.items()} if isinstance(node, dict) else node

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """Those that would be made, by name."""
        declared = self.files["main"]["resource"][kind]
        made = {name: {key: self.value(one) for key, one in each.items()} for name, each in declared.items()}
        return {name: one for name, one in made.items() if one.get("count", 1)}

    def refusals(self) -> list[str]:
        """The message of each validation that does not hold."""
        rules = [one for each in self.files["variables"]["variable"].values() for one in each.get("validation", ())]
        return [self.value(one["error_message"]) for one in rules if not self.value(one["condition"])]

    def reference(self, names: list[str]) -> Value:
        if names[0] == "var":
            return self.var[names[1]]
        if names[0] == "local":
            return self.value(self.files["main"]["locals"][names[1]])
        if names[0] == "data":
            assert names[2] == "current"
            return self._data[names[1]][names[3]]
        if names[:2] == ["aws_iam_role", "member"]:
            return f"<{names[2]}>"
        raise AssertionError(f"no such reference: {names}")


class _Parser:
    def __init__(
        self, reference: Callable[[list[str]], Value], text: str, names: Mapping[str, Value] | None = None
    ) -> None:
        self._reference, self._text, self._at = reference, text, 0
        self._names = dict(names or {})

    def template(self, end: int | None = None) -> Value:
        """Up to the quote that ends it, or to the end of a JSON string, in which nothing else is escaped."""
        parts: list[Value] = []
        literal = ""
        while self._at != end and not (end is None and self._text[self._at] == '"'):
            if self._text.startswith(("$${", "%%{"), self._at):
                literal += self._text[self._at + 1 : self._at + 3]
                self._at += 3
            elif self._text.startswith("${", self._at):
                self._at += 2
                parts += [literal, self.expression()]
                literal = ""
                self.expect("}")
            elif end is None and (escaped := _ESCAPED.match(self._text, self._at)):
                literal += json.loads(f'"{escaped[0]}"')
                self._at = escaped.end()
            else:
                assert not self._text.startswith("%{", self._at), "a directive"
                literal += self._text[self._at]
                self._at += 1
        parts = [one for one in (*parts, literal) if one != ""]
        if len(parts) == 1:
            return parts[0]
        assert all(isinstance(one, str) for one in parts), f"no text: {parts}"
        return "".join(parts)

    def expression(self) -> Value:
        value = self._any()
        if not self.accept("?"):
            return value
        assert isinstance(value, bool)
        first = self.expression()
        self.expect(":")
        second = self.expression()
        _require_one_type(first, second)
        return first if value else second

    def _any(self) -> Value:
        value = self._every()
        while self.accept("||"):
            value = self._every() or value
        return value

    def _every(self) -> Value:
        value = self._equal()
        while self.accept("&&"):
            value = self._equal() and value
        return value

    def _equal(self) -> Value:
        value = self._one()
        return value == self._one() if self.accept("==") else value

    def _one(self) -> Value:
        if self.accept("!"):
            return not self._one()
        if self.accept("("):
            value = self.expression()
            self.expect(")")
            return value
        if self.accept("{"):
            return self._object()
        if self.accept("["):
            return self._comprehension() if self._peek("for") else self._items("]")
        token = self._next()
        if token["text"]:
            value = self.template()
            self._at += 1
            return value
        value = int(token["number"]) if token["number"] else self._named(token["name"])
        while self.accept("["):
            value = value[self.expression()]
            self.expect("]")
        return value

    def _named(self, name: str) -> Value:
        if name in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[name]
        if name in self._names:
            return self._names[name]
        if self.accept("("):
            return _FUNCTIONS[name](*self._items(")"))
        names = [name]
        while self.accept("."):
            names.append(self._next()["name"])
        return self._reference(names)

    def _comprehension(self) -> list[Value]:
        self._next()
        name = self._next()["name"]
        assert self._next()["name"] == "in"
        items, begin = self.expression(), self._at
        result = []
        for one in items or [""]:
            self._at, self._names[name] = begin, one
            self.expect(":")
            result.append(self.expression())
        self.expect("]")
        return result if items else []

    def _object(self) -> dict[str, Value]:
        result = {}
        while not self.accept("}"):
            key = self._one()
            self.expect("=")
            result[key] = self.expression()
            self.accept(",")
        return result

    def _items(self, end: str) -> list[Value]:
        result = []
        while not self.accept(end):
            result.append(self.expression())
            self.accept(",")
        return result

    def _next(self) -> re.Match[str]:
        found = _TOKEN.match(self._text, self._at)
        assert found, f"no expression: {self._text[self._at :]!r}"
        self._at = found.end()
        return found

    def _peek(self, name: str) -> bool:
        found = _TOKEN.match(self._text, self._at)
        return found is not None and found["name"] == name

    def accept(self, sign: str) -> bool:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found["sign"] != sign:
            return False
        self._at = found.end()
        return True

    def expect(self, sign: str) -> None:
        assert self.accept(sign), f"no {sign} at {self._text[self._at :]!r}"


def _require_one_type(first: Value, second: Value) -> None:
    """Both results of a choice: one type in Terraform, unless one of them is null or empty."""
    if first is None or second is None:
        return
    assert type(first) is type(second), (first, second)
    if isinstance(first, list | dict):
        assert not first or not second, "both have items, whose types would have to be compared"
