"""The member role as a Terraform module, made from member-role.yaml: that template is the source, and the only one.

`make member-role` writes cloudformation/terraform/member-role/*.tf.json, which are committed, so that a module can be
named by a git address; a test holds them against the template. Terraform's JSON syntax
(https://developer.hashicorp.com/terraform/language/syntax/json) is what JSON can read back. Whatever the template has
that has no counterpart here is an error, never left out.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from cloudformation.functions import NO_VALUE, SUBSTITUTED, Node, function_of, read_functions
from cloudformation.nodes import TemplateError
from cloudformation.parameters import Parameter, parameters_of

SOURCE = Path(__file__).parent / "member-role.yaml"
MODULE = Path(__file__).parent / "terraform" / "member-role"
_MADE = "Made from cloudformation/member-role.yaml by `make member-role`; edit that one."
_PSEUDO = {
    "AWS::AccountId": "data.aws_caller_identity.current.account_id",
    "AWS::Partition": "data.aws_partition.current.partition",
    "AWS::URLSuffix": "data.aws_partition.current.dns_suffix",
}
_ARGUMENTS = {
    "RoleName": "name",
    "Path": "path",
    "Description": "description",
    "MaxSessionDuration": "max_session_duration",
    "PermissionsBoundary": "permissions_boundary",
}
"""Properties of AWS::IAM::Role, and the arguments of aws_iam_role that are the same."""
_SECTIONS = frozenset(
    {"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Conditions", "Resources", "Outputs"}
)
_ATTRIBUTES = frozenset({"Type", "Properties", "Metadata", "DeletionPolicy", "UpdateReplacePolicy"})
_TYPES = {"String": "string", "Number": "number", "CommaDelimitedList": "list(string)"}
_DATA: tuple[str, Node] = ("", None)
"""In the place of a function's name and argument, where there is none."""
_MOST_REPEATS = 1000
"""Of one repetition in a pattern of Terraform: https://github.com/google/re2/wiki/Syntax."""
_REPEATED = re.compile(r"(?P<what>\[[^\]]+\])\{(?P<least>\d+),(?P<most>\d+)\}")
_NOT_RE2 = re.compile(r"\(\?(?!:|i\)|P<)|\\[1-9]|[*+?}]\+")


def module_files(template: str) -> dict[str, str]:
    """The module's generated files by their names. Raises TemplateError for what cannot be said in Terraform."""
    document = read_functions(template)
    made = _Module(document, parameters_of(template))
    bodies = {"main": made.main(), "variables": made.variables(), "outputs": made.outputs()}
    return {
        f"{name}.tf.json": json.dumps({"//": _MADE, **body}, indent=2, ensure_ascii=False) + "\n"
        for name, body in bodies.items()
    }


def snake_case(name: str) -> str:
    """`HubAccountId` and `stop-and-undo` as Terraform names them."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()


class _Module:
    def __init__(self, document: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> None:
        self._document = document
        self._parameters = parameters
        self._say = Expressions(document)
        _refuse_unknown("the template", document, _SECTIONS)
        if [one["Type"] for one in document["Resources"].values()] != ["AWS::IAM::Role"]:
            raise TemplateError(f"the template has {', '.join(document['Resources'])}; the module knows one role")
        [(self._role_name, resource)] = document["Resources"].items()
        _refuse_unknown("the role", resource, _ATTRIBUTES)
        self._properties: dict[str, Node] = resource["Properties"]
        _refuse_unknown("the role", self._properties, {*_ARGUMENTS, "AssumeRolePolicyDocument", "Policies"})

    def main(self) -> dict[str, Any]:
        say = self._say
        policies = [self._policy(one) for one in self._properties["Policies"]]
        conditions = {snake_case(name): f"${{{say.hcl(one)}}}" for name, one in self._document["Conditions"].items()}
        documents = {f"policy_{key}": say.json(document) for key, document, _ in policies}
        arguments = {
            argument: say.json(self._properties[name], absent="null")
            for name, argument in _ARGUMENTS.items()
            if name in self._properties
        }
        role = {**arguments, "assume_role_policy": "${jsonencode(local.trust)}"}
        trust = say.json(self._properties["AssumeRolePolicyDocument"])
        return {
            "data": {"aws_caller_identity": {"current": {}}, "aws_partition": {"current": {}}},
            "locals": {**conditions, "trust": trust, **documents},
            "resource": {"aws_iam_role": {"member": role}, "aws_iam_role_policy": _attached(policies)},
        }

    def _policy(self, node: Node) -> tuple[str, Node, dict[str, Any]]:
        """Its key, its document, and its resource."""
        found, count = function_of(node), {}
        if found is not None:
            if found[0] != "Fn::If" or found[1][2] != NO_VALUE:
                raise TemplateError(f"a policy of the role is {found[0]}; it may be there or not, and nothing else")
            count = {"count": f"${{local.{snake_case(found[1][0])} ? 1 : 0}}"}
            node = found[1][1]
        key = snake_case(node["PolicyName"])
        policy = f"${{jsonencode(local.policy_{key})}}"
        resource = {**count, "name": node["PolicyName"], "role": "${aws_iam_role.member.id}", "policy": policy}
        return key, node["PolicyDocument"], resource

    def variables(self) -> dict[str, Any]:
        return {"variable": {snake_case(name): self._variable(name, one) for name, one in self._parameters.items()}}

    def _variable(self, name: str, parameter: Parameter) -> dict[str, Any]:
        said: dict[str, Any] = {"type": _TYPES[parameter.type], "description": parameter.description}
        if parameter.default is not None:
            said["default"] = _default(parameter)
        if parameter.hidden:
            said["sensitive"] = True
        said["nullable"] = False
        conditions = list(_validations(f"var.{snake_case(name)}", parameter))
        wanted = f": {parameter.constraint}" if parameter.constraint else f" must be {parameter.wanted()}"
        message = escaped(f"{snake_case(name)}{wanted}.")
        if conditions:
            said["validation"] = [{"condition": f"${{{one}}}", "error_message": message} for one in conditions]
        return said

    def outputs(self) -> dict[str, Any]:
        attributes = {"Ref": "name", "Arn": "arn"}

        def value(node: Node) -> Node:
            name, argument = function_of(node) or _DATA
            if name == "Ref" and argument == self._role_name:
                return f"${{aws_iam_role.member.{attributes['Ref']}}}"
            if name == "Fn::GetAtt" and argument[0] == self._role_name and argument[1] in attributes:
                return f"${{aws_iam_role.member.{attributes[argument[1]]}}}"
            return self._say.json(node)

        return {
            "output": {
                snake_case(name): {"description": one["Description"], "value": value(one["Value"])}
                for name, one in self._document["Outputs"].items()
            }
        }


def _refuse_unknown(what: str, given: Iterable[str], known: Collection[str]) -> None:
    unknown = ", ".join(sorted(set(given) - set(known)))
    if unknown:
        raise TemplateError(f"{unknown} of {what} has no counterpart in the module")


def _attached(policies: Iterable[tuple[str, Node, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """What denies is there before what allows, and goes after it: CloudFormation writes them at once, Terraform not."""
    denying = {key for key, document, _ in policies if '"Effect": "Deny"' in json.dumps(document)}
    first = [f"aws_iam_role_policy.{key}" for key in sorted(denying)]
    return {key: resource if key in denying else {**resource, "depends_on": first} for key, _, resource in policies}


def _default(parameter: Parameter) -> Node:
    text = parameter.default or ""
    if parameter.type == "CommaDelimitedList":
        return [one for one in text.split(",") if one]
    return float(text) if parameter.type == "Number" else escaped(text)


def _validations(variable: str, parameter: Parameter) -> Iterable[str]:
    """What CloudFormation would refuse; of a list, each item."""
    if parameter.type == "CommaDelimitedList":
        for condition in _validations_of_one("one", parameter):
            yield f"alltrue([for one in {variable} : {condition}])"
    else:
        yield from _validations_of_one(variable, parameter)


def _validations_of_one(value: str, parameter: Parameter) -> Iterable[str]:
    if parameter.pattern is not None:
        yield f"can(regex({quoted(re2(parameter.pattern))}, {value}))"
    if parameter.allowed:
        yield f"contains([{', '.join(map(quoted, parameter.allowed))}], {value})"
    limits = (
        (f"length({value})", parameter.shortest, parameter.longest),
        (value, parameter.least, parameter.most),
    )
    for what, least, most in limits:
        yield from ([f"{what} >= {least:g}"] if least is not None else [])
        yield from ([f"{what} <= {most:g}"] if most is not None else [])


def re2(pattern: str) -> str:
    """The pattern as Terraform's RE2 takes it, which repeats nothing more than 1,000 times. Raises TemplateError."""

    def split(found: re.Match[str]) -> str:
        what, least, most = found["what"], int(found["least"]), int(found["most"])
        if most <= _MOST_REPEATS:
            return found[0]
        return f"{what}{{{least},{_MOST_REPEATS}}}{what}{{0,{most - _MOST_REPEATS}}}"

    said = _REPEATED.sub(split, pattern)
    counts = [int(count) for count in re.findall(r"\{(?:\d+,)?(\d+)\}", said)]
    if max(counts, default=0) > _MOST_REPEATS or _NOT_RE2.search(said):
        raise TemplateError(f"{pattern} is no pattern of RE2, which Terraform uses")
    return said


def escaped(text: str) -> str:
    """Text inside of a template string: nothing in it is replaced."""
    return text.replace("${", "$${").replace("%{", "%%{")


def quoted(text: str) -> str:
    """A literal string in an expression."""
    return json.dumps(escaped(text), ensure_ascii=False)


class Expressions:
    """Parts of a template as Terraform says them: `hcl` as an expression, `json` as a value in a .tf.json file."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._functions: Mapping[str, Callable[[Node], str]] = {
            "Ref": self._ref,
            "Condition": lambda name: f"local.{snake_case(name)}",
            "Fn::And": lambda parts: self._joined(" && ", parts),
            "Fn::Or": lambda parts: self._joined(" || ", parts),
            "Fn::Not": lambda parts: f"!{self.hcl(parts[0])}",
            "Fn::Equals": lambda parts: self._joined(" == ", parts),
            "Fn::If": self._if,
            "Fn::Join": lambda parts: f"join({quoted(parts[0])}, {self.hcl(parts[1])})",
            "Fn::Split": lambda parts: f"split({quoted(parts[0])}, {self.hcl(parts[1])})",
            "Fn::Select": lambda parts: f"{self.hcl(parts[1])}[{int(parts[0])}]",
            "Fn::Sub": lambda argument: f'"{self._template(argument, quoted)}"',
        }

    def json(self, node: Node, absent: str = "") -> Node:
        """`absent`: what stands for no value, where something does."""
        found = function_of(node)
        if found is not None and found[0] == "Fn::Sub":
            return self._template(found[1], lambda text: json.dumps(escaped(text)))
        if found is not None and found[0] == "Fn::If" and found[1][2] == NO_VALUE and absent:
            return f"${{local.{snake_case(found[1][0])} ? {self.hcl(found[1][1])} : {absent}}}"
        if found is not None or self._has_options(node):
            return f"${{{self.hcl(node)}}}"
        if isinstance(node, dict):
            return {escaped(key): self.json(one) for key, one in node.items()}
        if isinstance(node, list):
            return [self.json(one) for one in node]
        return escaped(node) if isinstance(node, str) else node

    def hcl(self, node: Node) -> str:
        """Raises TemplateError for what Terraform does not know."""
        found = function_of(node)
        if found is not None:
            if found[0] not in self._functions:
                raise TemplateError(f"{found[0]} has no counterpart in Terraform")
            return self._functions[found[0]](found[1])
        if isinstance(node, dict):
            return self._object(node)
        if isinstance(node, list):
            return self._list(node)
        return quoted(node) if isinstance(node, str) else json.dumps(node)

    def _has_options(self, node: Node) -> bool:
        """Whether some of its keys or items may have no value."""
        parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        return any(_option(one) is not None for one in parts)

    def _object(self, node: Mapping[str, Node]) -> str:
        sure = {key: one for key, one in node.items() if _option(one) is None}
        said = f"{{{', '.join(f'{quoted(key)} = {self.hcl(one)}' for key, one in sure.items())}}}"
        options = [
            self._chosen(option, f"{{{quoted(key)} = {self.hcl(option[1])}}}", "{}")
            for key, one in node.items()
            if (option := _option(one)) is not None
        ]
        return f"merge({', '.join([said, *options])})" if options else said

    def _list(self, node: list[Node]) -> str:
        if not self._has_options(node):
            return f"[{', '.join(map(self.hcl, node))}]"
        options = [
            f"[{self.hcl(one)}]" if option is None else self._chosen(option, f"[{self.hcl(option[1])}]", "[]")
            for one in node
            for option in (_option(one),)
        ]
        return f"concat({', '.join(options)})"

    def _chosen(self, option: tuple[str, Node, bool], present: str, absent: str) -> str:
        condition, _, is_where_it_holds = option
        first, second = (present, absent) if is_where_it_holds else (absent, present)
        return f"local.{snake_case(condition)} ? {first} : {second}"

    def _if(self, parts: list[Node]) -> str:
        """Both results of a choice are of one type in Terraform; as JSON, any two are."""
        condition, first, second = parts
        if _option({"Fn::If": parts}) is not None:
            raise TemplateError(f"what {condition} leaves out is neither a key, an item nor an optional argument")
        local = f"local.{snake_case(condition)}"
        if self._is_text(first) and self._is_text(second):
            return f"({local} ? {self.hcl(first)} : {self.hcl(second)})"
        return f"jsondecode({local} ? jsonencode({self.hcl(first)}) : jsonencode({self.hcl(second)}))"

    def _is_text(self, node: Node) -> bool:
        name, argument = function_of(node) or _DATA
        if name == "Ref":
            return bool(self._document["Parameters"].get(argument, {}).get("Type") != "CommaDelimitedList")
        return isinstance(node, str) or name in {"Fn::Sub", "Fn::Join"}

    def _joined(self, operator: str, parts: list[Node]) -> str:
        return f"({operator.join(map(self.hcl, parts))})"

    def _ref(self, name: str) -> str:
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name not in self._document["Parameters"]:
            raise TemplateError(f"{name} has no counterpart in Terraform")
        return f"var.{snake_case(name)}"

    def _template(self, argument: Node, literal: Callable[[str], str]) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else argument
        said, end = "", 0
        for found in SUBSTITUTED.finditer(text):
            said += literal(text[end : found.start()])[1:-1]
            name, end = found[2], found.end()
            if found[1]:
                said += f"$${{{name}}}"
            else:
                said += f"${{{self.hcl(given[name]) if name in given else self._ref(name)}}}"
        return said + literal(text[end:])[1:-1]


def _option(node: Node) -> tuple[str, Node, bool] | None:
    """Condition, value, and whether it is there where the condition holds; None where there always is a value."""
    name, argument = function_of(node) or _DATA
    if name != "Fn::If" or NO_VALUE not in argument[1:]:
        return None
    condition, first, second = argument
    return (condition, second, False) if first == NO_VALUE else (condition, first, True)


def main(arguments: list[str] | None = None) -> int:
    """Writes the generated files of the module; the exit code is 1 when the template cannot be said in Terraform."""
    parser = argparse.ArgumentParser(prog="make member-role", description="Makes the Terraform module.")
    parser.add_argument("--module", type=Path, default=MODULE)
    folder = parser.parse_args(arguments).module
    try:
        files = module_files(SOURCE.read_text())
    except TemplateError as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
        sys.stdout.write(f"{folder / name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
