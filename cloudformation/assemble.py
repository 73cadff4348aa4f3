"""A template from its parts: a folder of YAML files comes in, the text that CloudFormation gets goes out.

Each file is a part of the same template, with what it needs of Parameters, Conditions, Resources and so on. The parts
are taken in the order of their names, so the same files give the same bytes; their comments stay in the files.
`python -m cloudformation.assemble` writes dist/hub.yaml, which linters read.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from cloudformation.nodes import Sections, TemplateError, a_mapping, a_text
from cloudformation.policy_files import Policies, read_file, read_folder
from cloudformation.schedules import adapt
from orchestrator.errors import SettingsError

HUB = Path(__file__).parent / "hub"
DIST = Path(__file__).parents[1] / "dist"
MAX_BYTES = 1_000_000
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html: a template in S3."""

_SAID_ONCE = ("AWSTemplateFormatVersion", "Description")
_MERGED = ("Metadata", "Parameters", "Mappings", "Rules", "Conditions", "Resources", "Outputs")
_SECTIONS = (*_SAID_ONCE, *_MERGED)


def read_source(path: Path, policies: Policies | None = None, function_name: str | None = None) -> str:
    """A template's text: of a file as it is, of a folder assembled. Raises TemplateError, and OSError for no file."""
    return assemble(path, policies, function_name) if path.is_dir() else path.read_text()


def assemble(folder: Path, policies: Policies | None = None, function_name: str | None = None) -> str:
    """One template from the YAML files in `folder`, for these policies; None: one without `sweeps`.

    `function_name`: what its parameter FunctionName is; None: the default. Raises TemplateError when two parts declare
    the same name.
    """
    declared = _group(_parse(path) for path in sorted(folder.glob("*.yaml")))
    if "Resources" not in declared:
        raise TemplateError(f"{folder}: no file there has Resources")
    sections: Sections = {name: _merge(name, declared[name]) for name in _SECTIONS if name in declared}
    if policies is not None:
        sections = adapt(sections, policies, function_name)
    top = a_mapping((a_text(name), sections[name]) for name in _SECTIONS if name in sections)
    # Neither a pattern nor a JSON document inside the template may be broken into lines.
    text: str = yaml.serialize(top, Dumper=yaml.SafeDumper, width=MAX_BYTES)
    if (size := len(text.encode())) > MAX_BYTES:
        raise TemplateError(f"{folder}: {size:,} bytes, of which CloudFormation takes {MAX_BYTES:,}")
    return text


def _parse(path: Path) -> yaml.MappingNode:
    try:
        with path.open(encoding="utf-8") as file:
            node = yaml.compose(file, Loader=yaml.SafeLoader)
    except yaml.YAMLError as broken:
        raise TemplateError(f"{path.name} is no YAML: {broken}") from broken
    if not isinstance(node, yaml.MappingNode):
        raise TemplateError(f"{path.name}: a part has sections, such as Resources; this one has none")
    return node


def _group(parts: Iterable[yaml.MappingNode]) -> Mapping[str, list[yaml.Node]]:
    """What the parts say, by section."""
    found = defaultdict(list)
    for part in parts:
        _refuse_duplicates([part])
        for key, value in part.value:
            if key.value not in _SECTIONS:
                raise TemplateError(f"{_position(key)}: {key.value} is no section of a part ({', '.join(_SECTIONS)})")
            found[key.value].append(value)
    return found


def _merge(section: str, nodes: list[yaml.Node]) -> yaml.Node:
    if section in _SAID_ONCE:
        if len(nodes) > 1:
            raise TemplateError(f"{_position(nodes[1])}: {section} is set in {_position(nodes[0])} already")
        return nodes[0]
    for node in nodes:
        if not isinstance(node, yaml.MappingNode):
            raise TemplateError(f"{_position(node)}: {section} has names and what they stand for; this has none")
    _refuse_duplicates(nodes)
    return a_mapping(entry for node in nodes for entry in node.value)


def _refuse_duplicates(nodes: Iterable[yaml.Node]) -> None:
    """PyYAML takes the last of two equal keys, and says nothing."""
    first: dict[str, yaml.Node] = {}
    for key in (key for node in nodes for key, _ in node.value):
        if key.value in first:
            raise TemplateError(f"{_position(key)}: {key.value} is declared in {_position(first[key.value])} already")
        first[key.value] = key


def _position(node: yaml.Node) -> str:
    return f"{Path(node.start_mark.name).name}:{node.start_mark.line + 1}"


def main(arguments: list[str] | None = None) -> int:
    """Writes the template; the exit code is 1 when its parts, or the policies, make none."""
    parser = argparse.ArgumentParser(prog="make template", description="Assembles the hub's template.")
    parser.add_argument("--dist", type=Path, default=DIST)
    parser.add_argument("--policies", type=Path, help="for the policies of this folder, or for this one")
    parsed = parser.parse_args(arguments)
    target = parsed.dist / "hub.yaml"
    try:
        text = assemble(HUB, _policies(parsed.policies) if parsed.policies else None)
    except (SettingsError, TemplateError) as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    sys.stdout.write(f"{target}\n")
    return 0


def _policies(path: Path) -> Policies | None:
    problems: list[str] = []
    policies = read_folder(path, problems) if path.is_dir() else read_file(path, problems)
    if problems:
        raise SettingsError("\n".join(problems))
    return policies


if __name__ == "__main__":
    sys.exit(main())
