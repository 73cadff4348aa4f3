"""The policy document of the design, word for word; and what is wrong with others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from textwrap import dedent

import pytest

from orchestrator.core.model import FactWord, KindDescription
from orchestrator.core.policy.loading import load_policy
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import PolicyError, PolicyProblem
from orchestrator.kinds.ec2.description import EC2
from orchestrator.kinds.registry import DESCRIPTIONS

DESIGN_POLICY = """\
version: 1
name: nonprod
timezone: UTC                              # for dated opt-outs; schedules have their own
organization:
  include: ["/Workloads/Dev", "/Labs"]     # OU paths, each with all below it; absent: the whole organization
  exclude: ["/Labs/Always-On"]
  exclude_accounts: ["111122223333"]
  include_management_account: false
regions: {include: ["*"], exclude: ["us-west-*"]}
schedules:
  office-hours:
    timezone: Europe/Berlin
    running: ["mon-fri 07:00-19:00"]        # outside of it, resources may be stopped
rules:                                      # in order; the first whose `where` holds owns the resource
  - name: dev-outside-office-hours
    kinds: [ec2]
    where:
      all:
        - tag: {Environment: [dev, test]}   # any of; globs
        - not: {tag: {Tier: "crit*"}}
        - account_tag: {CostCenter: "cc-*"}
    schedule: office-hours                  # absent: stop at any time
    action: stop                            # or hibernate
guardrails:
  max_stops: 500
  max_stops_percent: 60                     # of the running resources read
  per_account: {max_stops: 100, max_stops_percent: 100}
  min_coverage_percent: 80                  # of the targets in scope
required_tags: [Owner, CostCenter]          # reported under compliance, never a reason to stop by itself
"""

HEAD = "version: 1\nname: nonprod\n"
QUOTES = "; put it in quotes (YAML reads yes, no, on, off, numbers and dates as something else)"
RULE = "rules:\n  - name: one\n    where: everything\n"
DATABASES = replace(
    EC2,
    name="rds",
    title="databases",
    actions=("stop",),
    words=(
        FactWord("engine", "engine", "Engine globs."),
        FactWord("multi_az", "multi_az", "Whether it has a standby."),
    ),
)
"""A second kind, for what a policy may say of several."""


def load(text: str, source: str = "policy", kinds: Sequence[KindDescription] = DESCRIPTIONS) -> OrgPolicy:
    """The policy in a document, about every kind that there is unless others are given."""
    return load_policy(text, source, kinds)


def problems(text: str, kinds: Sequence[KindDescription] = (EC2,)) -> tuple[PolicyProblem, ...]:
    with pytest.raises(PolicyError) as caught:
        load(dedent(text), "policy.yaml", kinds)
    return caught.value.problems


def places(text: str) -> list[tuple[str, int | None]]:
    return [(problem.path, problem.line) for problem in problems(text)]


_SUBJECT = re.compile(r"(`[^`]*`|this entry|the document) (?=must |has |is (missing|empty|an empty|nested))")


def predicate(message: str) -> str:
    """A message without what is at its place as its subject; test_sentences.py holds those."""
    return _SUBJECT.sub("", message, count=1)


def the_problem(body: str, kinds: Sequence[KindDescription] = (EC2,)) -> tuple[str, int | None, str]:
    """The only problem of a document that begins with HEAD: its path, its line below HEAD and its predicate."""
    (problem,) = problems(HEAD + dedent(body), kinds)
    assert problem.line is not None
    return problem.path, problem.line - 2, predicate(problem.message)
