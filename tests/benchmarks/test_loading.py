"""10,000 rules load, and are warned of, in a few times what it takes libyaml alone to read their text."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

import pytest
import yaml

from orchestrator.core.policy.policy_warnings import policy_warnings
from tests.support.policies import HEAD, load
from tests.support.suites import only_in_full

SCHEDULES = "".join(
    f"  s{number}: {{timezone: Europe/Berlin, running: ['mon-fri 07:00-19:00'], holidays: DE-BY}}\n"
    for number in range(50)
)


def a_policy_of(rules: int) -> str:
    """Each rule as a team has it: two kinds, tags, an account, a schedule, and a `not`."""
    lines = "".join(
        f"  - name: r{number}\n"
        "    kinds: [ec2, rds]\n"
        "    where:\n"
        "      all:\n"
        f"        - tag: {{Team: t{number}, Environment: [dev, test]}}\n"
        "        - not: {tag: {Tier: 'crit*'}}\n"
        f'        - account: "1111{number:08d}"\n'
        f"    schedule: s{number % 50}\n"
        for number in range(rules)
    )
    return f"{HEAD}guardrails: {{max_stops: 500}}\nschedules:\n{SCHEDULES}rules:\n{lines}"


def cpu_of(run: Callable[[], object]) -> float:
    began = process_time()
    run()
    return process_time() - began


@pytest.mark.parametrize("rules", [1000, *only_in_full(10_000)])
def test_loading_many_rules_takes_a_few_times_what_reading_their_text_does(rules: int) -> None:
    text = a_policy_of(rules)
    load(a_policy_of(1))  # what is built on first use
    bare = min(cpu_of(lambda: yaml.load(text, yaml.CSafeLoader)) for _ in range(2))
    assert min(cpu_of(lambda: load(text)) for _ in range(2)) < 4 * bare
    policy = load(text)
    assert policy_warnings(policy) == ()
    assert cpu_of(lambda: policy_warnings(policy)) < 6 * bare
