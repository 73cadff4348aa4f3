"""`validate` of several documents: each by itself, and what two of them own both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import typer

from orchestrator.cli.console import BAD_USAGE, Format, fail, print_json, problem_rows, stdout
from orchestrator.core.decide.overlaps import Overlap, RulePlace, overlaps
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.yaml_document import path_text
from orchestrator.core.report.document import INCOMPLETE
from orchestrator.errors import PolicyError, PolicyProblem, SettingsError

Loaded = Mapping[str, OrgPolicy]
"""By their sources."""


def load_all(output: Format, sources: Sequence[str], load: Callable[[str], OrgPolicy]) -> Loaded:
    """All of them; every mistake of all ends the command with exit code 2."""
    loaded: dict[str, OrgPolicy] = {}
    problems: dict[str, tuple[PolicyProblem, ...]] = {}
    unreadable: dict[str, str] = {}
    for source in dict.fromkeys(sources):
        try:
            loaded[source] = load(source)
        except PolicyError as invalid:
            problems[source] = invalid.problems
        except SettingsError as failure:
            unreadable[source] = str(failure)
    for source, problem in _taken_names(loaded):
        problems[source] = (problem,)
    if problems or unreadable:
        _fail_with(output, dict.fromkeys(sources), problems, unreadable)
    return loaded


def print_overlaps(loaded: Loaded, found: Sequence[Overlap]) -> None:
    """One line for each, as mistakes have."""
    for row in overlap_rows(loaded, found):
        one = row["rules"][0]
        line = f"{one['source']}:{one['line']}: {one['path']}: {row['message']}"
        stdout.print(line, style="red", highlight=False, markup=False, soft_wrap=True)


def overlap_rows(loaded: Loaded, found: Sequence[Overlap]) -> list[dict[str, Any]]:
    """As JSON has them."""
    sources, policies = list(loaded), list(loaded.values())

    def row(place: RulePlace) -> dict[str, Any]:
        policy, path = policies[place.policy], path_text(("rules", place.rule))
        name = policy.rules[place.rule].name
        return {"source": sources[place.policy], "line": place.line, "path": path, "policy": policy.name, "rule": name}

    return [_overlap_row(row(one.one), row(one.other), one.example) for one in found]


def _overlap_row(one: dict[str, Any], other: dict[str, Any], example: str) -> dict[str, Any]:
    message = (
        f"rule {one['rule']} of policy {one['policy']} and rule {other['rule']} of policy {other['policy']} "
        f"({other['source']}:{other['line']}) own the same, such as {example}: both policies keep it, and their sweeps "
        "exit with 3, until one of them excludes it: an OU, account or region in its scope, or a `not:` in the rule's "
        "`where`"
    )
    return {"rules": [one, other], "message": message}


def overlaps_of(loaded: Loaded) -> tuple[Overlap, ...]:
    """What two of them own both, as far as the documents tell."""
    return overlaps(list(loaded.values()))


def exit_with_overlaps(found: Sequence[Overlap]) -> None:
    """With the exit code of the sweeps that keep it."""
    if found:
        raise typer.Exit(INCOMPLETE)


def _taken_names(loaded: Loaded) -> list[tuple[str, PolicyProblem]]:
    """A hub knows a policy by its name: of two, one would take the place of the other."""
    first: dict[str, str] = {}
    found = []
    for source, policy in loaded.items():
        before = first.setdefault(policy.name, source)
        if before != source:
            line = loaded[before].lines.get(("name",), 1)
            text = f"the policy name {policy.name!r} is taken by {before}:{line}; names are unique in a hub"
            found.append((source, PolicyProblem("name", policy.lines.get(("name",), 1), text)))
    return found


def _fail_with(
    output: Format,
    sources: Mapping[str, object],
    problems: Mapping[str, tuple[PolicyProblem, ...]],
    unreadable: Mapping[str, str],
) -> NoReturn:
    if output is Format.JSON:
        told = {**problems, **{one: (PolicyProblem("", None, text),) for one, text in unreadable.items()}}
        policies = [
            {"source": one, "valid": one not in told, "problems": problem_rows(told.get(one, ()))} for one in sources
        ]
        print_json({"valid": False, "policies": policies, "overlaps": []})
    lines = [line for source, some in problems.items() for line in PolicyError(source, some).lines()]
    fail("\n".join((*lines, *unreadable.values())), BAD_USAGE)
