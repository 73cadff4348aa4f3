"""What one run of `make deploy-...` starts from: command line, `config/deploy.env` and template; AWS is not asked.

Each line is checked whatever is deployed, for the file is one; a line may be missing that only another stack needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cloudformation import kill_switch
from cloudformation.assemble import read_source
from cloudformation.checks import Lines, mistakes, role_of_members
from cloudformation.env_file import EnvFile, read_env
from cloudformation.nodes import TemplateError
from cloudformation.parameters import Parameter, missing, parameters_of, unknown
from cloudformation.policy_files import Policies, read_policies
from cloudformation.tags import read_tags
from orchestrator.errors import SettingsError

TEMPLATES: Mapping[str, str] = {
    "hub": "hub",
    "members": "member-stackset.yaml",
    "management": "management.yaml",
    "guardrails": "guardrails.yaml",
}
"""What can be deployed, and the file of its template, or the folder of its template's parts."""
_OWN = frozenset({"ArtifactBucket", "Policies", "Policy", "Region", "StackName", "Tags"})
"""What the file may say beside the templates' parameters; config/deploy.env.example explains them."""
FILLED_IN = frozenset({"CodeBucket", "CodeKey", "ListingDelegation", "TemplateURL", kill_switch.IN_STACK})
"""Parameters that the command makes the values of: no line of the file says them."""
_DERIVED = frozenset({"MemberRole"})
"""Made from other lines; a line of its own has to agree with them."""
DEFAULT_STACK = "stop-orchestrator"


@dataclass(frozen=True, slots=True)
class Arguments:
    """The command line. `what` is one of TEMPLATES."""

    what: str
    remove: bool
    env: Path
    templates: Path
    yes: bool
    dry_run: bool
    force: bool = False

    @property
    def source(self) -> Path:
        """The file or folder of the template."""
        return self.templates / TEMPLATES[self.what]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one deployment starts from, without any call to AWS."""

    env: EnvFile
    template: str
    by_url: bool
    """A template that is assembled from parts may outgrow a call, so it goes through the artifact bucket."""
    parameters: Mapping[str, Parameter]
    values: dict[str, str]
    """What the file says for this template; not the defaults, and nothing that AWS has to be asked for."""
    derived: Mapping[str, str]
    """What other lines of the file make of a parameter."""
    tags: Mapping[str, str] | None
    """The stack's; None leaves those that it has."""
    prefix: str
    policies: Policies | None
    """The hub's; None for another stack, and for a removal."""
    unused: tuple[str, ...]
    """Names of values that the template would take for one policy without `sweeps`, and has no use for here."""
    region: str | None
    artifact_bucket: str | None

    def value(self, parameter: str) -> str | None:
        """What the parameter is with these values, its default included; None where there is no such parameter."""
        declared = self.parameters.get(parameter)
        return self.values.get(parameter, declared.default) if declared else None

    def stack_name(self, what: str) -> str:
        """The stack's name for one of TEMPLATES."""
        return stack_name(self.prefix, what)

    def stack_names(self) -> list[str]:
        """The names of all stacks of the project."""
        return [self.stack_name(what) for what in TEMPLATES]


def stack_name(prefix: str, what: str) -> str:
    """Of one of TEMPLATES, where the hub's is `prefix`."""
    return prefix if what == "hub" else f"{prefix}-{what}"


def read_inputs(arguments: Arguments) -> Inputs:
    """Raises SettingsError that names every mistake, and TemplateError."""
    inputs, problems = check_inputs(arguments)
    if problems:
        raise SettingsError("\n".join(problems))
    return inputs


def check_inputs(arguments: Arguments) -> tuple[Inputs, list[str]]:
    """With every mistake that is seen without AWS. Raises SettingsError where there is no file, and TemplateError."""
    env = read_env(arguments.env)
    entries = env.values
    declared = declared_parameters(arguments.templates)
    found = unknown(entries, (declared.keys() | _OWN) - FILLED_IN, FILLED_IN)
    problems: list[str] = []
    is_hub = arguments.what == "hub" and not arguments.remove
    policies = read_policies(entries, problems) if is_hub else None
    template = _read_template(arguments.source, policies, entries.get("FunctionName"), problems)
    parameters = parameters_of(template)
    lines = Lines(arguments.what, entries, {**declared, **parameters})
    values = {name: value for name, value in entries.items() if name in parameters and name not in FILLED_IN}
    tags, tag_problems = read_tags(entries.get("Tags"))
    if not arguments.remove:
        found += [*missing(_to_check(parameters, values), values), *mistakes(lines), *tag_problems]
    return Inputs(
        env=env,
        template=template,
        by_url=arguments.source.is_dir(),
        parameters=parameters,
        values=values,
        derived={name: role for name in _DERIVED & parameters.keys() if (role := role_of_members(lines))},
        tags=tags,
        prefix=entries.get("StackName", DEFAULT_STACK),
        policies=policies,
        unused=_unused(arguments.source, entries, parameters) if policies else (),
        region=entries.get("Region"),
        artifact_bucket=entries.get("ArtifactBucket"),
    ), env.tell(found) + problems


def declared_parameters(templates: Path) -> dict[str, Parameter]:
    """The parameters of every template: one file of values does for all stacks."""
    found = [templates / name for name in TEMPLATES.values() if (templates / name).exists()]
    return {name: one for path in found for name, one in parameters_of(read_source(path)).items()}


def _read_template(source: Path, policies: Policies | None, function_name: str | None, problems: list[str]) -> str:
    """With the schedules of the policies; as for one without `sweeps` where they are too many, which is a problem."""
    try:
        return read_source(source, policies, function_name)
    except TemplateError as too_many:
        if policies is None:
            raise
        problems.append(str(too_many))
        return read_source(source)


def _to_check(parameters: Mapping[str, Parameter], values: Mapping[str, str]) -> dict[str, Parameter]:
    """Without those that the command fills in. AWS is asked for the organization where the file does not say it."""
    asked_for = FILLED_IN if "OrganizationId" in values else FILLED_IN | {"OrganizationId"}
    return {name: one for name, one in parameters.items() if name not in asked_for}


def _unused(source: Path, entries: Mapping[str, str], parameters: Mapping[str, Parameter]) -> tuple[str, ...]:
    for_one = parameters_of(read_source(source))
    return tuple(name for name in entries if name in for_one and name not in parameters)
