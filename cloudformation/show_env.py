"""`make show-env STACK=hub`: a `deploy.env` from what is deployed, on standard output; nothing is changed.

For a file that was lost, or that differs from what somebody deployed: deploying with it changes no value. What it
cannot know is a comment: hidden values, which AWS gives to nobody, and where the policy's file lies. Of a file that is
there, StackName and Region count. Exit codes: 0 written, 1 failed or nothing is deployed, 2 a mistake.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudformation.artifacts import default_bucket
from cloudformation.caller import Session, open_session
from cloudformation.env_file import EnvFile, line_of, read_env
from cloudformation.inputs import DEFAULT_STACK, FILLED_IN, TEMPLATES, declared_parameters, stack_name
from cloudformation.parameters import Parameter, parameters_of
from cloudformation.regions import region_problem
from cloudformation.stacks import DeployError, Stack
from cloudformation.tags import read_tags, tags_of, tags_text
from orchestrator.aws.failures import AWS_FAILURES, text_of
from orchestrator.cli.terminal import SafeConsole
from orchestrator.core.report.control_characters import without_controls
from orchestrator.errors import SettingsError

FAILED, BAD_USAGE = 1, 2

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Deployed:
    """One stack as CloudFormation describes it, and the parameters that its own template declares."""

    what: str
    name: str
    values: Mapping[str, str]
    parameters: Mapping[str, Parameter]
    outputs: Mapping[str, str]
    tags: Mapping[str, str]


def main(command_line: list[str] | None = None) -> int:
    """Writes the file; returns the exit code."""
    parser = argparse.ArgumentParser(prog="show-env", description="Writes a deploy.env from what is deployed.")
    parser.add_argument("what", nargs="*", metavar="STACK", help=f"{', '.join(TEMPLATES)}; without one, all there are")
    parser.add_argument("--env", type=Path, default=Path("config/deploy.env"), help="for Region and StackName alone")
    parser.add_argument("--templates", type=Path, default=_HERE, help="the folder of the templates")
    parsed = parser.parse_args(command_line)
    unknown = [one for one in parsed.what if one not in TEMPLATES]
    if unknown:
        return _failed(f"there is no stack {', '.join(unknown)}; there are {', '.join(TEMPLATES)}", BAD_USAGE)
    try:
        env = read_env(parsed.env) if parsed.env.exists() else EnvFile(parsed.env, {}, {})
        session = _session(env)
        found = _deployed(session, env, parsed.what or list(TEMPLATES), strict=bool(parsed.what))
    except SettingsError as wrong:
        return _failed(str(wrong), BAD_USAGE)
    except (DeployError, *AWS_FAILURES) as failure:
        return _failed(text_of(failure), FAILED)
    if not found:
        return _failed(f"no stack {env.values.get('StackName', DEFAULT_STACK)} in {session.region_name}", FAILED)
    for line in _lines(found, session, declared_parameters(parsed.templates)):
        sys.stdout.write(f"{line}\n")
    return 0


def _session(env: EnvFile) -> Session:
    session = open_session(env.values.get("Region"))
    if not session.region_name:
        raise SettingsError("the region is missing: say it as AWS_REGION, or as Region in the file")
    wrong = region_problem(session.region_name)
    if wrong:
        raise SettingsError(wrong)
    return session


def _deployed(session: Session, env: EnvFile, names: Iterable[str], *, strict: bool) -> list[Deployed]:
    client = session.client("cloudformation")
    found = []
    for what in names:
        stack = Stack(client, stack_name(env.values.get("StackName", DEFAULT_STACK), what))
        described = stack.described()
        if described is not None:
            found.append(_one(what, stack, described))
        elif strict:
            raise DeployError(f"there is no stack {stack.name} in {session.region_name}; is StackName another one?")
    return found


def _one(what: str, stack: Stack, described: Mapping[str, Any]) -> Deployed:
    return Deployed(
        what,
        stack.name,
        stack.parameters(),
        parameters_of(stack.template()),
        stack.outputs(),
        tags_of(described),
    )


def _lines(found: list[Deployed], session: Session, declared: Mapping[str, Parameter]) -> Iterator[str]:
    account_id = session.client("sts").get_caller_identity()["Account"]
    stacks = ", ".join(one.name for one in found)
    yield f"# As it is deployed: {stacks} in account {account_id}, {session.region_name}."
    written: dict[str, str] = {}
    for name, value in _own(found, session, account_id):
        yield from _line(name, value, written)
    for one in found:
        yield ""
        yield f"# --- {one.name}"
        for name, value in sorted(one.values.items()):
            if name == "MemberRole":
                for made_of, part in _role(value):
                    yield from _line(made_of, part, written)
            elif name not in FILLED_IN:
                yield from _parameter(name, value, one, declared, written)
        yield from _tags(one, written)
        location = one.outputs.get("PolicyLocation", "")
        if location.endswith("*"):
            yield f"# The policies in place are {location}; put the folder that they came from on this line."
            yield "#Policies="
        elif location:
            yield f"# The policy in place is {location}; which file it came from is not known (Policy)."


def _own(found: list[Deployed], session: Session, account_id: str) -> Iterator[tuple[str, str]]:
    """What no template has as a parameter, or only one of them."""
    yield "Region", str(session.region_name)
    yield "StackName", found[0].name.removesuffix(f"-{found[0].what}") if found[0].what != "hub" else found[0].name
    hub = next((one for one in found if one.what == "hub"), None)
    if hub is not None:
        yield "HubAccountId", account_id
    for bucket in filter(None, map(_bucket, found)):
        if bucket != default_bucket(account_id, str(session.region_name)):
            yield "ArtifactBucket", bucket


def _bucket(one: Deployed) -> str:
    """The one that its zip or template was fetched from; empty for a stack that needs none."""
    host = one.values.get("TemplateURL", "").removeprefix("https://").partition("/")[0]
    return one.values.get("CodeBucket") or host.partition(".s3.")[0]


def _parameter(
    name: str, value: str, one: Deployed, declared: Mapping[str, Parameter], written: dict[str, str]
) -> Iterator[str]:
    parameter = one.parameters.get(name)
    if name not in declared:
        yield f"# {name}: the templates here have no such parameter; it goes with the next deployment."
        return
    if declared[name].hidden or (parameter is not None and parameter.hidden):
        yield f"# {name}: hidden. Without a line it stays as it is; whether there is one cannot be seen."
        yield f"#{name}="
        return
    yield from _line(name, value, written)


def _role(member_role: str) -> Iterator[tuple[str, str]]:
    """The lines that the hub's MemberRole is made from."""
    path, _, name = member_role.rpartition("/")
    yield "RoleName", name
    yield "RolePath", f"/{path}/" if path else "/"


def _tags(one: Deployed, written: dict[str, str]) -> Iterator[str]:
    if one.tags:
        text = tags_text(one.tags)
        if read_tags(text) == (dict(one.tags), []):
            yield from _line("Tags", text, written)
        else:
            yield f"# Tags: what {one.name} has does not fit on a line; without one it stays."


def _line(name: str, value: str, written: dict[str, str]) -> Iterator[str]:
    if name in written:
        if written[name] != value:
            yield f"# {name} is another one above. Here it is {value or 'empty'}: these stacks need two files."
        return
    if without_controls(value) != value:
        yield f"# {name} has control characters, and cannot be written here: {without_controls(value)}"
        return
    written[name] = value
    yield line_of(name, value)


def _failed(message: str, code: int) -> int:
    SafeConsole(stderr=True, highlight=False).print(message, style="red", soft_wrap=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
