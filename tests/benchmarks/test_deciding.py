"""Deciding is as fast as was promised, by a ratio that holds on a busy machine, whatever else the rules are about."""

from __future__ import annotations

from tests.benchmarks.deciding import measure_deciding


def test_a_decision_takes_no_longer_than_a_few_bare_loops_over_the_rules() -> None:
    """Where nothing else runs, the loop over 20 rules takes 4 us, and 10 us are 100,000 decisions a second. It is 1.8
    of them; asked rule by rule it was 5.
    """
    assert measure_deciding(resources=500).ratio < 3


def test_what_a_decision_takes_does_not_grow_with_rules_for_others() -> None:
    few, many = (measure_deciding(rules, resources=300, repeats=5).decision for rules in (20, 1000))
    assert many < 2 * few
