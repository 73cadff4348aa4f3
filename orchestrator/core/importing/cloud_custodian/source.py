"""The policies in Cloud Custodian's files, each with its places, and what of it was not carried over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.core.importing.imported import InputFile, NotCarriedOver
from orchestrator.core.policy.yaml_document import Document, Path, path_text, read_document, value_words
from orchestrator.errors import ImportedInputError, PolicyError, PolicyProblem

MERGE = "<<"
"""YAML's key by which a mapping takes over what another has."""


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    """One policy as its file has it, with merges of YAML done."""

    source: str
    path: Path
    name: str
    resource: str
    """Without the provider: `ec2`."""
    document: Mapping[str, Any]
    places: Document = field(compare=False)

    def line(self, path: Path) -> int:
        """The line of that place, or of the nearest one around it."""
        return self.places.line((*self.path, *path))

    @property
    def where(self) -> str:
        """File and line, for comments."""
        return f"{self.source}:{self.line(())}"


@dataclass(slots=True)
class Losses:
    """What of one policy is not carried over, as it is found out."""

    policy: SourcePolicy
    found: list[NotCarriedOver] = field(default_factory=list)
    fatal: list[str] = field(default_factory=list)
    """What makes the rule a comment."""

    def lose(self, path: Path, what: str, why: str) -> None:
        """Without it the rule would act on more, or otherwise, than the original: it becomes a comment."""
        self.note(path, what, why)
        self.fatal.append(f"{path_text(path) or 'the policy'}: {what}: {why}")

    def note(self, path: Path, what: str, why: str) -> None:
        """Without it the rule acts on less than the original, or only says less."""
        policy = self.policy
        place = path_text((*policy.path, *path))
        self.found.append(NotCarriedOver(policy.source, policy.line(path), place, what, why))


def read_policies(files: Sequence[InputFile]) -> list[SourcePolicy]:
    """Those of all files, in order. Raises ImportedInputError with everything that makes no policy of any file."""
    found: list[SourcePolicy] = []
    wrong: list[PolicyError] = []
    for file in files:
        document = read_document(file.text, stored=True)
        problems = list(document.problems)
        if not file.text.strip():
            problems = [PolicyProblem("", 1, "the file is empty; it needs a list of `policies`")]
        elif not problems:
            policies, problems = _policies(file.source, document)
            found += policies
        if problems:
            wrong.append(PolicyError(file.source, tuple(sorted(problems, key=lambda one: one.line or 0))))
    if wrong:
        raise ImportedInputError(tuple(wrong))
    return found


def _policies(source: str, document: Document) -> tuple[list[SourcePolicy], list[PolicyProblem]]:
    listed = document.value.get("policies") if isinstance(document.value, dict) else None
    if not isinstance(listed, list):
        shown = value_words(document.value if not isinstance(document.value, dict) else listed)
        text = f"this is no file of Cloud Custodian's policies: it needs a list of `policies`, not {shown}"
        return [], [PolicyProblem("policies", document.line(("policies",)), text)]
    found, problems = [], []
    for number, entry in enumerate(listed):
        path: Path = ("policies", number)
        policy = _merged(entry)
        wrong = list(_problems(policy, document, path))
        problems += wrong
        if not wrong:
            resource = str(policy["resource"]).removeprefix("aws.")
            found.append(SourcePolicy(source, path, str(policy["name"]), resource, policy, document))
    return found, problems


def _problems(policy: Any, document: Document, path: Path) -> Iterator[PolicyProblem]:
    if not isinstance(policy, dict):
        yield document.problem(path, f"must be a mapping with `name` and `resource`, not {value_words(policy)}")
        return
    for key in ("name", "resource"):
        if not isinstance(policy.get(key), str) or not policy[key].strip():
            yield document.problem((*path, key), f"`{key}` must be text, not {value_words(policy.get(key))}")
    for key in ("filters", "actions"):
        if not isinstance(policy.get(key, []), list):
            yield document.problem((*path, key), f"`{key}` must be a list, not {value_words(policy[key])}")


def _merged(value: Any) -> Any:
    """With what `<<` takes over; own keys win, and of several mappings the earlier one."""
    if isinstance(value, list):
        return [_merged(one) for one in value]
    if not isinstance(value, dict):
        return value
    own = {key: _merged(one) for key, one in value.items() if key != MERGE}
    taken = value.get(MERGE, [])
    for other in taken if isinstance(taken, list) else [taken]:
        if isinstance(other, dict):
            own = {**_merged(other), **own}
        else:
            own[MERGE] = other  # which nothing understands
    return own
