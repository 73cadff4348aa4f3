"""Imported policies decide as Cloud Custodian's own code does, whose answers are stored beside the policies."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from orchestrator.core.decide.decisions import decide
from orchestrator.core.importing.cloud_custodian.policies import import_policies
from orchestrator.core.importing.imported import Imported, InputFile
from orchestrator.core.model import Account, Resource, Verdict
from orchestrator.core.policy.loading import load_policy
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.support.builders import a_resource, an_account

DATA = Path(__file__).parents[3] / "data" / "imports" / "cloud_custodian"
STATES = ("running", "stopped")
STEP = 15
LONG_AGO = timedelta(days=900)
ACTS = {"stop": Verdict.STOP, "start": Verdict.START}
FORMS, CHANGES, DOCUMENTED, OPT_OUT = "forms.yaml", "changes.yaml", "documented.yaml", "opt_out.yaml"
FILES = (DOCUMENTED, OPT_OUT, FORMS, CHANGES)


class Step(NamedTuple):
    at: datetime
    minutes: int
    """For so long the answer is the same, as far as was asked."""
    acted_on: dict[str, set[Verdict]]
    """By the instance's id: what some policy does to it."""


@cache
def cases() -> dict[str, Any]:
    return dict(json.loads((DATA / "cases.json").read_text()))


@cache
def truth() -> dict[str, Any]:
    return dict(json.loads(gzip.decompress((DATA / "truth.json.gz").read_bytes())))


def values_in(file: str) -> list[str]:
    """Every value of a tag in the cases, for `--tag-value`."""
    return sorted({value for tags in cases()[file]["tags"] for value in tags.values()})


def imported(file: str, values: tuple[str, ...] = ()) -> Imported:
    return import_policies([InputFile(file, (DATA / file).read_text())], "imported", DESCRIPTIONS, values)


def steps(file: str, spans: slice = slice(None)) -> Iterator[Step]:
    for span in truth()[file][spans]:
        start = datetime.fromisoformat(span["start"]).replace(tzinfo=UTC)
        rows = {policy: [ids for count, ids in runs for _ in range(count)] for policy, runs in span["matched"].items()}
        for number in range(len(next(iter(rows.values())))):
            acted_on: dict[str, set[Verdict]] = {}
            for policy, each in rows.items():
                for one in each[number]:
                    acted_on.setdefault(one, set()).add(ACTS[policy.rsplit("-", 1)[1]])
            yield Step(start + number * timedelta(minutes=span["step"]), span["step"], acted_on)


def instances(file: str) -> list[Resource]:
    return [
        a_resource(f"i-{number:04}-{state}", state=state, tags=tags, changed_at=None)
        for number, tags in enumerate(cases()[file]["tags"])
        for state in STATES
    ]


def at(resource: Resource, now: datetime) -> Resource:
    """Running, or stopped, for long."""
    long_ago = now - LONG_AGO
    is_running = resource.aws_state == "running"
    return replace(resource, started_at=long_ago if is_running else None, changed_at=None if is_running else long_ago)


def verdict(policy: OrgPolicy, resource: Resource, account: Account, now: datetime) -> Verdict:
    return decide(policy, at(resource, now), account, now).verdict


def held_against_the_truth(file: str, values: tuple[str, ...], *, every: int = 0) -> set[str]:
    """The ids on which the original acted at some time at which we did not; fails where we acted and it did not.

    With `every` at every so many minutes of the weeks, and in the year too; else, and there, at the first and the last
    minute of each step at which something changes, of the steps beside it, and of some others.
    """
    policy, account = load_policy(imported(file, values).text, file, DESCRIPTIONS), an_account()
    resources, kept, count = instances(file), set(), 0
    for at, step in enumerate(each := [step for step in steps(file) if every or step.minutes == STEP]):
        is_near = any(each[one].acted_on != step.acted_on for one in range(max(0, at - 1), min(len(each), at + 2)))
        ends = (0, step.minutes - 1) if is_near or at % 97 == 0 else ()
        minutes = range(0, step.minutes, every) if every and step.minutes == STEP else ends
        for minute in minutes:
            now = step.at + timedelta(minutes=minute)
            for resource in resources:
                ours = verdict(policy, resource, account, now)
                theirs = step.acted_on.get(resource.resource_id, set())
                assert ours is Verdict.KEEP or ours in theirs, (now, resource.tags, resource.aws_state)
                count += ours is not Verdict.KEEP
                if ours is Verdict.KEEP and theirs:
                    kept.add(resource.resource_id)
    assert count
    return kept


def tags_of(file: str, ids: set[str]) -> list[dict[str, str]]:
    return [tags for number, tags in enumerate(cases()[file]["tags"]) if any(f"i-{number:04}-" in one for one in ids)]


CONTRADICTED = {"downtime": "on", "DownTime": "off"}
KEPT_OF_DOCUMENTED: list[dict[str, str]] = [
    {"custodian_downtime": "on", "Custodian_Downtime": "off"},  # the first one counts there, in whatever letters
    {"maid_offhours": "off=(M-F,18)"},
]
KEPT_OF_FORMS = [
    {"Case": "zones"},  # two zones are no one schedule, so the start by the other is listed
    {"Case": "zones", "maid_offhours": "on"},
    {"Case": "zones", "maid_offhours": "tz=pt"},
    {"Case": "zones", "maid_offhours": "off=(M-F,18);on=(M-F,9)"},
    {"Case": "own", "Downtime": "tz="},  # the zone of the machine that it runs on
    {"Case": "own", "DOWNTIME": "on"},
    {"Case": "own", "downtime": "on", "Downtime": "off"},
]


@pytest.mark.parametrize(
    ("file", "is_told", "kept"),
    [
        (DOCUMENTED, False, KEPT_OF_DOCUMENTED),
        (OPT_OUT, False, [{"downtime": "tz=utc"}, CONTRADICTED]),
        (OPT_OUT, True, [CONTRADICTED]),
        (FORMS, True, KEPT_OF_FORMS),
        (CHANGES, False, []),
    ],
)
def test_it_acts_when_the_original_acts_and_never_else(file: str, *, is_told: bool, kept: list[dict[str, str]]) -> None:
    values = tuple(values_in(file)) if is_told else ()
    assert tags_of(file, held_against_the_truth(file, values)) == kept


def test_of_values_that_are_not_given_none_is_acted_on() -> None:
    kept = tags_of(FORMS, held_against_the_truth(FORMS, ()))
    assert {"Case": "own", "Downtime": "off=(M-F,19)"} in kept
    assert {"Case": "own", "Downtime": "on"} not in kept


@pytest.mark.full
@pytest.mark.parametrize(("file", "every"), [(CHANGES, 1), (OPT_OUT, 5), (DOCUMENTED, 5), (FORMS, 15)])
def test_it_does_so_in_each_minute(file: str, every: int) -> None:
    held_against_the_truth(file, tuple(values_in(file)), every=every)
