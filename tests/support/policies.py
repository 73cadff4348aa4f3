"""The policy document of DESIGN section 5, word for word; and what is wrong with others."""

from __future__ import annotations

from textwrap import dedent

import pytest

from orchestrator.core.policy.loading import load_policy
from orchestrator.errors import PolicyError, PolicyProblem

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
RULE = "rules:\n  - name: one\n    where: everything\n"


def problems(text: str) -> tuple[PolicyProblem, ...]:
    with pytest.raises(PolicyError) as caught:
        load_policy(dedent(text), "policy.yaml")
    return caught.value.problems


def places(text: str) -> list[tuple[str, int | None]]:
    return [(problem.path, problem.line) for problem in problems(text)]


def the_problem(body: str) -> tuple[str, int | None, str]:
    """The only problem of a document that begins with HEAD: its path, its line below HEAD and its message."""
    (problem,) = problems(HEAD + dedent(body))
    assert problem.line is not None
    return problem.path, problem.line - 2, problem.message
