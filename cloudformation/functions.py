"""CloudFormation's functions in a template: read in their long forms, and resolved for one set of values.

A template's text comes in; out goes the value of any part of it. `cloudformation.terraform_module` says the
same parts in Terraform's words instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from cloudformation.nodes import TemplateError

Node = Any
"""A part of a template: text, number, list or dictionary."""
NO_VALUE: Node = {"Ref": "AWS::NoValue"}
SUBSTITUTED = re.compile(r"\$\{(!?)([^}]+)\}")
_GONE = object()


class _Loader(yaml.SafeLoader):
    """Short forms of functions become long ones."""


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> Node:
    if isinstance(node, yaml.ScalarNode):
        value: Node = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)


def read_functions(text: str) -> dict[str, Any]:
    """The template with the long form of each function."""
    loaded: dict[str, Any] = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    return loaded


def function_of(node: Node) -> tuple[str, Node] | None:
    """Name and argument where the node is a function, None where it is data.

    `Condition` is both: a function's argument is the name of a condition, a statement's is a dictionary.
    """
    if not isinstance(node, dict) or len(node) != 1:
        return None
    [(name, argument)] = node.items()
    is_function = name == "Ref" or name.startswith("Fn::") or (name == "Condition" and isinstance(argument, str))
    return (name, argument) if is_function else None


def refs_in(node: Node) -> Iterator[str]:
    """The names that a part of a template refers to."""
    found = function_of(node)
    if found is not None and found[0] == "Ref":
        yield found[1]
    elif found is not None and found[0] == "Fn::Sub":
        text = found[1] if isinstance(found[1], str) else found[1][0]
        yield from (match[2] for match in SUBSTITUTED.finditer(text) if not match[1])
    if isinstance(node, dict | list):
        for one in node.values() if isinstance(node, dict) else node:
            yield from refs_in(one)


class Resolution:
    """Parts of one template for these values: of its parameters, as text, and of what begins with `AWS::`."""

    def __init__(self, template: Mapping[str, Any], values: Mapping[str, str]) -> None:
        self._template = template
        self._values = values
        self._functions: Mapping[str, Callable[[Node], Node]] = {
            "Ref": self._ref,
            "Condition": self.holds,
            "Fn::And": lambda parts: all(self.value(one) for one in parts),
            "Fn::Or": lambda parts: any(self.value(one) for one in parts),
            "Fn::Not": lambda parts: not self.value(parts[0]),
            "Fn::Equals": lambda parts: str(self.value(parts[0])) == str(self.value(parts[1])),
            "Fn::If": lambda parts: self._resolved(parts[1] if self.holds(parts[0]) else parts[2]),
            "Fn::Join": lambda parts: parts[0].join(map(str, self.value(parts[1]))),
            "Fn::Split": lambda parts: str(self.value(parts[1])).split(parts[0]),
            "Fn::Select": lambda parts: self.value(parts[1])[int(parts[0])],
            "Fn::Sub": self._sub,
        }

    def value(self, node: Node) -> Node:
        """What the node comes to; None where that is no value. Raises TemplateError for a function not known here."""
        value = self._resolved(node)
        return None if value is _GONE else value

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template holds."""
        return bool(self.value(self._template["Conditions"][condition]))

    def _resolved(self, node: Node) -> Node:
        found = function_of(node)
        if found is not None:
            name, argument = found
            if name not in self._functions:
                raise TemplateError(f"{name} cannot be resolved outside of CloudFormation")
            return self._functions[name](argument)
        if isinstance(node, list):
            return [value for one in node if (value := self._resolved(one)) is not _GONE]
        if isinstance(node, dict):
            return {key: value for key, one in node.items() if (value := self._resolved(one)) is not _GONE}
        return node

    def _ref(self, name: str) -> Node:
        if name == "AWS::NoValue":
            return _GONE
        parameter = self._template["Parameters"].get(name, {})
        value = self._values.get(name, parameter.get("Default"))
        if value is None:
            raise TemplateError(f"{name} has no value outside of CloudFormation")
        if parameter.get("Type") == "CommaDelimitedList":  # spaces around an item do not count
            return [one.strip() for one in str(value).split(",")]
        return value

    def _sub(self, argument: Node) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else argument

        def replaced(found: re.Match[str]) -> str:
            literal, name = found.groups()
            if literal:
                return f"${{{name}}}"
            return str(self.value(given[name]) if name in given else self._ref(name))

        return SUBSTITUTED.sub(replaced, text)
