"""What one run of `make deploy-...` starts from: command line, `config/deploy.env` and template; AWS is not asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cloudformation.assemble import read_source
from cloudformation.nodes import TemplateError
from cloudformation.parameters import Parameter, clashes, mistakes, parameters_of, read_env, unknown
from cloudformation.policy_files import Policies, read_policies
from orchestrator.errors import SettingsError

TEMPLATES: Mapping[str, str] = {
    "hub": "hub",
    "members": "member-stackset.yaml",
    "management": "management.yaml",
    "guardrails": "guardrails.yaml",
}
"""What can be deployed, and the file of its template, or the folder of its template's parts."""
_OWN = frozenset({"ArtifactBucket", "Policies", "Policy", "Region", "StackName"})
"""What the file may say beside the templates' parameters; README and config/deploy.env.example explain them."""
_FILLED_IN = frozenset({"CodeBucket", "CodeKey", "TemplateURL"})
_DEFAULT_STACK = "stop-orchestrator"


@dataclass(frozen=True, slots=True)
class Arguments:
    """The command line. `what` is one of TEMPLATES."""

    what: str
    remove: bool
    env: Path
    templates: Path
    yes: bool
    dry_run: bool

    @property
    def source(self) -> Path:
        """The file or folder of the template."""
        return self.templates / TEMPLATES[self.what]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one deployment starts from; checked, without any call to AWS."""

    template: str
    by_url: bool
    """A template that is assembled from parts may outgrow a call, so it goes through the artifact bucket."""
    parameters: Mapping[str, Parameter]
    values: dict[str, str]
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
        return self.prefix if what == "hub" else f"{self.prefix}-{what}"

    def stack_names(self) -> list[str]:
        """The names of all stacks of the project."""
        return [self.stack_name(what) for what in TEMPLATES]


def read_inputs(arguments: Arguments) -> Inputs:
    """Raises SettingsError that names every mistake, and TemplateError."""
    entries, problems = read_env(arguments.env)
    problems += unknown(entries, (_known_names(arguments.templates) | _OWN) - _FILLED_IN, _FILLED_IN)
    is_hub = arguments.what == "hub" and not arguments.remove
    policies = read_policies(entries, problems) if is_hub else None
    try:
        template = read_source(arguments.source, policies, entries.get("FunctionName"))
    except TemplateError as too_many:
        if policies is None:
            raise
        problems.append(str(too_many))
        template = read_source(arguments.source)
    parameters = parameters_of(template)
    values = {name: value for name, value in entries.items() if name in parameters and name not in _FILLED_IN}
    if not arguments.remove:
        problems += mistakes(_to_check(parameters, values), values) + clashes(parameters, values)
    if problems:
        raise SettingsError("\n".join(problems))
    return Inputs(
        template=template,
        by_url=arguments.source.is_dir(),
        parameters=parameters,
        values=values,
        prefix=entries.get("StackName", _DEFAULT_STACK),
        policies=policies,
        unused=_unused(arguments.source, entries, parameters) if policies else (),
        region=entries.get("Region"),
        artifact_bucket=entries.get("ArtifactBucket"),
    )


def _known_names(templates: Path) -> set[str]:
    """The parameters of every template: one file of values does for all stacks."""
    found = [templates / name for name in TEMPLATES.values() if (templates / name).exists()]
    return {name for path in found for name in parameters_of(read_source(path))}


def _to_check(parameters: Mapping[str, Parameter], values: Mapping[str, str]) -> dict[str, Parameter]:
    """Without those that the command fills in. AWS is asked for the organization where the file does not say it."""
    asked_for = _FILLED_IN if "OrganizationId" in values else _FILLED_IN | {"OrganizationId"}
    return {name: one for name, one in parameters.items() if name not in asked_for}


def _unused(source: Path, entries: Mapping[str, str], parameters: Mapping[str, Parameter]) -> tuple[str, ...]:
    for_one = parameters_of(read_source(source))
    return tuple(name for name in entries if name in for_one and name not in parameters)
