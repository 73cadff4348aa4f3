"""What one run of `make deploy-...` starts from: command line, `config/deploy.env` and template; AWS is not asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cloudformation.parameters import Parameter, mistakes, parameters_of, read_env, unknown
from orchestrator.core.policy.loading import load_policy
from orchestrator.errors import PolicyError, SettingsError

TEMPLATES: Mapping[str, str] = {
    "hub": "hub.yaml",
    "members": "member-stackset.yaml",
    "management": "management.yaml",
    "guardrails": "guardrails.yaml",
}
_OWN = frozenset({"ArtifactBucket", "Policy", "Region", "StackName"})
"""What the file may say beside the templates' parameters; README and config/deploy.env.example explain them."""
_FILLED_IN = frozenset({"CodeBucket", "CodeKey", "TemplateURL"})
_DEFAULT_POLICY, _DEFAULT_STACK = "config/policy.yaml", "stop-orchestrator"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says. `what` is one of TEMPLATES."""

    what: str
    remove: bool
    env: Path
    templates: Path
    yes: bool
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Given:
    """What one deployment starts from; checked, without any call to AWS."""

    template: str
    parameters: Mapping[str, Parameter]
    values: dict[str, str]
    prefix: str
    policy: bytes | None
    region: str | None
    artifact_bucket: str | None

    def stack_name(self, what: str) -> str:
        return self.prefix if what == "hub" else f"{self.prefix}-{what}"

    def stack_names(self) -> list[str]:
        return [self.stack_name(what) for what in TEMPLATES]


def given(asked: Asked) -> Given:
    """Raises SettingsError that names every mistake."""
    values, problems = read_env(asked.env)
    found = [asked.templates / name for name in TEMPLATES.values() if (asked.templates / name).exists()]
    known = {name for path in found for name in parameters_of(path.read_text())}
    problems += unknown(values, (known | _OWN) - _FILLED_IN, _FILLED_IN)
    template = (asked.templates / TEMPLATES[asked.what]).read_text()
    parameters = parameters_of(template)
    ours = {name: value for name, value in values.items() if name in parameters and name not in _FILLED_IN}
    checked = {name: one for name, one in parameters.items() if name not in _FILLED_IN}
    if "OrganizationId" not in ours:
        checked.pop("OrganizationId", None)  # AWS is asked
    policy = None
    if not asked.remove:
        problems += mistakes(checked, ours)
        if asked.what == "hub":
            policy = _policy(values.get("Policy", _DEFAULT_POLICY), problems)
    if problems:
        raise SettingsError("\n".join(problems))
    prefix = values.get("StackName", _DEFAULT_STACK)
    return Given(template, parameters, ours, prefix, policy, values.get("Region"), values.get("ArtifactBucket"))


def _policy(path: str, problems: list[str]) -> bytes | None:
    try:
        text = Path(path).read_bytes()
        load_policy(text.decode(), path)
    except OSError as missing:
        problems.append(f"Policy: {path}: {missing.strerror}")
    except UnicodeDecodeError:
        problems.append(f"Policy: {path} is not UTF-8")
    except PolicyError as wrong:
        problems.extend(wrong.lines())
    else:
        return text
    return None
