"""Nodes of YAML, of which templates are put together: short functions (`!Ref`) and the order of keys stay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from orchestrator.errors import StopOrchestratorError

Sections = dict[str, yaml.Node]
"""Those of one template, such as Resources."""

_MAP, _SEQUENCE, _TEXT, _INTEGER = (f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int"))
_WORD = re.compile("[A-Za-z0-9]+")


class TemplateError(StopOrchestratorError):
    """The parts, or the policies, make no template; the text says why and where."""


def a_mapping(entries: Iterable[tuple[yaml.Node, yaml.Node]] = ()) -> yaml.MappingNode:
    return yaml.MappingNode(_MAP, list(entries))


def a_sequence(values: list[yaml.Node], tag: str = _SEQUENCE) -> yaml.SequenceNode:
    return yaml.SequenceNode(tag, values, flow_style=False)


def a_text(value: str) -> yaml.ScalarNode:
    return yaml.ScalarNode(_TEXT, value)


def a_number(value: int) -> yaml.ScalarNode:
    return yaml.ScalarNode(_INTEGER, str(value))


def a_sub(value: str) -> yaml.ScalarNode:
    return yaml.ScalarNode("!Sub", value)


def node_of(value: Any) -> yaml.Node:
    """Of plain values: dictionaries, lists, texts, numbers and booleans."""
    # What is one object in two places would become an alias, which CloudFormation refuses.
    apart = json.loads(json.dumps(value))
    node = yaml.compose(yaml.safe_dump(apart, sort_keys=False), Loader=yaml.SafeLoader)
    assert node is not None, "a text of YAML for a value has a node"
    return node


def find(node: yaml.Node, *keys: str) -> yaml.Node | None:
    """What is at these keys, one below the other; None where nothing is."""
    found: yaml.Node | None = node
    for name in keys:
        entries: list[Any] = found.value if isinstance(found, yaml.MappingNode) else []
        found = next((value for key, value in entries if key.value == name), None)
    return found


def at(node: yaml.Node, *keys: str) -> yaml.Node:
    """The same. Raises TemplateError where nothing is."""
    found = find(node, *keys)
    if found is None:
        raise TemplateError(f"the template has no {'.'.join(keys)}, which its policies need")
    return found


def put(node: yaml.Node, name: str, value: yaml.Node) -> None:
    """In the place where that key is, else at the end."""
    for number, (key, _) in enumerate(node.value):
        if key.value == name:
            node.value[number] = (key, value)
            return
    node.value.append((a_text(name), value))


def add(node: yaml.Node, name: str, value: yaml.Node) -> None:
    """At the end. Raises TemplateError where that key is there."""
    if find(node, name) is not None:
        raise TemplateError(f"{name} is declared already")
    put(node, name, value)


def remove(node: yaml.Node, name: str) -> yaml.Node:
    """What was there. Raises TemplateError where nothing was."""
    found = at(node, name)
    node.value = [(key, value) for key, value in node.value if key.value != name]
    return found


def copied(node: yaml.Node) -> yaml.Node:
    """The same again, to be changed by itself. `deepcopy` takes ten times as long, as it copies the marks too."""
    if isinstance(node, yaml.ScalarNode):
        return yaml.ScalarNode(node.tag, node.value, node.start_mark, node.end_mark, node.style)
    if isinstance(node, yaml.MappingNode):
        entries = [(copied(key), copied(value)) for key, value in node.value]
        return yaml.MappingNode(node.tag, entries, node.start_mark, node.end_mark, node.flow_style)
    assert isinstance(node, yaml.SequenceNode)
    return yaml.SequenceNode(node.tag, list(map(copied, node.value)), node.start_mark, node.end_mark, node.flow_style)


def each(node: yaml.Node) -> Iterator[yaml.Node]:
    """It, and every value below it; no keys."""
    yield node
    below: Iterable[Any] = () if isinstance(node, yaml.ScalarNode) else node.value
    for one in below:
        yield from each(one[1] if isinstance(one, tuple) else one)


def scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    return (one for one in each(node) if isinstance(one, yaml.ScalarNode))


def sequences(node: yaml.Node) -> Iterator[yaml.SequenceNode]:
    return (one for one in each(node) if isinstance(one, yaml.SequenceNode))


def mappings(node: yaml.Node) -> Iterator[yaml.MappingNode]:
    return (one for one in each(node) if isinstance(one, yaml.MappingNode))


def words_in(node: yaml.Node) -> frozenset[str]:
    """Every word of the values below it."""
    return frozenset(word for one in scalars(node) for word in _WORD.findall(one.value))
