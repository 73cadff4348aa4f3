"""The member role as plain JSON policies, made from member-role.yaml: for accounts in which other tools make the roles.

`make member-policies` reads config/deploy.env, as `make deploy-members` does, writes dist/member-role/*.json, and shows
the commands that make the role of them. AWS is not asked.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cloudformation.assemble import DIST
from cloudformation.checks import Lines, mistakes
from cloudformation.env_file import EnvFile, read_env
from cloudformation.functions import Resolution, read_functions, refs_in
from cloudformation.parameters import Parameter, missing, parameters_of, unknown
from cloudformation.regions import partitions
from orchestrator.aws.partitions import dns_suffix
from orchestrator.errors import SettingsError

_FOLDER = Path(__file__).parent
_ANY_ACCOUNT = "*"
"""In the ARN of a resource: a role reaches no other account's by its own policies."""


def main(arguments: list[str] | None = None) -> int:
    """Writes the policies; the exit code is 2 when a value is wrong or missing, and then nothing is written."""
    parser = argparse.ArgumentParser(prog="make member-policies", description="Writes the member role's policies.")
    parser.add_argument("--env", type=Path, default=Path("config/deploy.env"))
    parser.add_argument("--account", default=_ANY_ACCOUNT, help="the account that gets the role (default: any)")
    parser.add_argument("--partition", help="such as aws-cn (default: that of the line Region, or aws)")
    parser.add_argument("--dist", type=Path, default=DIST)
    parser.add_argument("values", nargs="*", metavar="Name=value", help="wins over the line in the file")
    given = parser.parse_args(arguments)
    roll_out = (_FOLDER / "member-stackset.yaml").read_text()
    source = (_FOLDER / "member-role.yaml").read_text()
    try:
        values = _read_values(given, roll_out)
    except SettingsError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    pseudo = {
        "AWS::AccountId": given.account,
        "AWS::Partition": given.partition,
        "AWS::URLSuffix": dns_suffix(given.partition),
    }
    role = role_properties(source, {**_role_values(roll_out, values), **pseudo})
    folder = given.dist / "member-role"
    _write(folder, role)
    sys.stdout.writelines(f"{line}\n" for line in _commands(folder, role))
    return 0


def role_properties(template: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The properties of the template's role with these values: trust, policies and the rest. Raises TemplateError."""
    document = read_functions(template)
    [role] = (one for one in document["Resources"].values() if one["Type"] == "AWS::IAM::Role")
    properties: dict[str, Any] = Resolution(document, values).value(role["Properties"])
    return properties


def _read_values(given: argparse.Namespace, roll_out: str) -> dict[str, str]:
    """By the names of deploy.env. Raises SettingsError that names every mistake."""
    reads = given.env.exists() or not given.values
    env = read_env(given.env) if reads else EnvFile(given.env, {}, {})
    parameters = _concerned(roll_out)
    pairs = dict(one.partition("=")[::2] for one in given.values)
    values = {name: value for name, value in {**env.values, **pairs}.items() if name in parameters and value}
    found = [*missing(parameters, values), *mistakes(Lines("members", values, parameters))]
    problems = [one.text for one in unknown(pairs, set(parameters), ())] + env.tell(found)
    if given.account != _ANY_ACCOUNT and not re.fullmatch("[0-9]{12}", given.account):
        problems.append(f"--account: {given.account!r} must be an account id of 12 digits")
    if given.partition is None:
        given.partition = partitions().get({**env.values, **pairs}.get("Region", ""), "aws")
    if "*" in values.get("PermissionsBoundaryArn", "") and given.account == _ANY_ACCOUNT:
        problems.append("PermissionsBoundaryArn: its * is each account's id; say --account=... to fill it in")
    known = sorted(set(partitions().values()))
    if given.partition not in known:
        problems.append(f"--partition: {given.partition!r} must be one of {', '.join(known)}")
    if problems:
        raise SettingsError("\n".join(problems))
    return values


def _concerned(roll_out: str) -> dict[str, Parameter]:
    """The roll-out's parameters that the role gets."""
    names = {name for one in _passed_on(roll_out) for name in refs_in(one["ParameterValue"])}
    return {name: one for name, one in parameters_of(roll_out).items() if name in names}


def _role_values(roll_out: str, values: Mapping[str, str]) -> dict[str, str]:
    """By the names of the role's own parameters."""
    resolution = Resolution(read_functions(roll_out), values)
    return {one["ParameterKey"]: resolution.value(one["ParameterValue"]) for one in _passed_on(roll_out)}


def _passed_on(roll_out: str) -> list[dict[str, Any]]:
    [stack_set] = read_functions(roll_out)["Resources"].values()
    passed: list[dict[str, Any]] = stack_set["Properties"]["Parameters"]
    return passed


def _write(folder: Path, role: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for earlier in folder.glob("*.json"):
        earlier.unlink()
    for name, document in {"trust-policy": role["AssumeRolePolicyDocument"], **_documents(role)}.items():
        (folder / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")


def _documents(role: Mapping[str, Any]) -> dict[str, Any]:
    """What denies comes first."""
    documents = {one["PolicyName"]: one["PolicyDocument"] for one in role["Policies"]}
    return dict(sorted(documents.items(), key=lambda item: not _denies(item[1]["Statement"])))


def _denies(statements: Sequence[Mapping[str, Any]]) -> bool:
    return any(one["Effect"] == "Deny" for one in statements)


def _commands(folder: Path, role: Mapping[str, Any]) -> Iterable[str]:
    name = role["RoleName"]
    boundary = role.get("PermissionsBoundary")
    yield shlex.join(
        [
            *("aws", "iam", "create-role", "--role-name", name, "--path", role["Path"]),
            *("--max-session-duration", str(role["MaxSessionDuration"]), "--description", role["Description"]),
            *(("--permissions-boundary", boundary) if boundary else ()),
            *("--assume-role-policy-document", f"file://{folder / 'trust-policy.json'}"),
        ]
    )
    for policy in _documents(role):
        document = f"file://{folder / policy}.json"
        yield shlex.join(
            [
                "aws",
                "iam",
                "put-role-policy",
                "--role-name",
                name,
                "--policy-name",
                policy,
                "--policy-document",
                document,
            ]
        )


if __name__ == "__main__":
    sys.exit(main())
