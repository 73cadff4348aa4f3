"""A first policy from a few answers: text with comments, for a person to go on from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SCHEMA_FILE = "policy.schema.json"
"""Beside the policy, for editors."""
WHOLE_ORGANIZATION = "/"
KIND = "ec2"
"""The only one that a first policy stops, as a rule without `kinds` does."""


@dataclass(frozen=True, slots=True)
class FirstAnswers:
    """What the person said."""

    name: str
    timezone: str
    units: Sequence[str]
    """OU ids or paths; `/` or none: the whole organization."""
    hours: str
    """When resources run, as a line of a schedule: `mon-fri 07:00-19:00`."""
    tag_key: str
    tag_values: Sequence[str]
    """Globs; of the tag that what may be stopped has."""


def first_policy(answers: FirstAnswers, kinds: Sequence[str]) -> str:
    """YAML that loads as a policy where the answers are right; each text in it is quoted.

    It stops nothing but `ec2`, and names the other `kinds` for whoever goes on from there.
    """
    others = ", ".join(one for one in kinds if one != KIND)
    units = [one for one in answers.units if one != WHOLE_ORGANIZATION]
    scope = (
        f"organization:\n  include: {_list(units)}          # each OU with all below it\n"
        if units
        else '# organization: {include: ["/Workloads/Dev"]}   # absent: all accounts but the management account\n'
    )
    return f"""\
# yaml-language-server: $schema={SCHEMA_FILE}
# What may be stopped outside of its hours, and what not. Nothing is stopped by writing this file:
#   stop-orchestrator validate FILE --against-organization    every mistake, and every name that matches nothing
#   stop-orchestrator plan --policy FILE                      what a sweep would do; stops nothing
version: 1
name: {_text(answers.name)}
timezone: {_text(answers.timezone)}          # a dated opt-out counts through the end of its day here

{scope}
schedules:
  office-hours:
    timezone: {_text(answers.timezone)}
    running: {_list([answers.hours])}          # outside of these hours, resources may be stopped

rules:                          # in order: the first whose `where` holds owns the resource; no rule, no stop
  # Other kinds are stopped only where a rule names them, and where the member role has them:
  #   {others}
  # What a stop of each loses: docs/what-it-stops.md. Some end what they run, so give each rules of its own.
  - name: outside-office-hours
    kinds: [{KIND}]
    where:
      tag: {{{_text(answers.tag_key)}: {_list(answers.tag_values)}}}          # any of these; globs
    schedule: office-hours

guardrails:                     # one that is broken holds the whole sweep, and nothing is done
  max_stops: 50                 # raise it when the first plans are as you expect
  max_stops_percent: 50         # of what runs and was read
  min_coverage_percent: 80      # of the accounts x regions in scope

# Whoever owns a resource, an account or an OU spares it by a tag: stop-orchestrator:opt-out = true, or = a last day.
"""


def _text(text: str) -> str:
    """In YAML's double quotes; what is not printable as an escape."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(sign: str) -> str:
    return sign if sign.isprintable() and sign not in '"\\' else f"\\U{ord(sign):08x}"


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"
