"""The hub's template for its policies: a schedule for each sweep, what the functions may read, whom the role may tell.

The parts in hub/ are the default case, one policy without `sweeps`: its schedules take their times from parameters.
They are the pattern of all others, which differ in name, time, mode and policy alone. What only the default case needs
is left out where it is not needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import yaml

from cloudformation.alarms import policy_alarms
from cloudformation.channels import let_tell_channels
from cloudformation.nodes import (
    Sections,
    TemplateError,
    a_mapping,
    a_number,
    a_sequence,
    a_sub,
    a_text,
    add,
    at,
    copied,
    find,
    node_of,
    put,
    remove,
    scalars,
    sequences,
    words_in,
)
from cloudformation.policy_files import KEYS, Policies, key_of
from orchestrator.core.model import Mode
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.scheduled_sweeps import ScheduledSweep

SWEEP, PREVIEW = "SweepSchedule", "PreviewSchedule"
"""The default case's; their names here never change, or an upgrade would replace them."""
MAX_RESOURCES = 500
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html: of one template."""
MAX_NAME = 64
"""https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html: a schedule's name."""
MAX_SOURCES = 3_000
"""Characters of the environment, of which a function has 4 KB, that the list of policies may take."""

_DIGITS = 8
_HUB_ALARM = "MissedAlarm"
"""The one for all policies, beside which each has its own."""
_REFERRING = ("Rules", "Conditions", "Resources", "Outputs")
_OWN_NAME = "${FunctionName}-"
_PLANS_ONLY = "PlansOnly"
_POLICY, _POLICIES = "STOP_ORCHESTRATOR_POLICY", "STOP_ORCHESTRATOR_POLICIES"
_DEFAULT_TIMES = ("SCHEDULE", "PREVIEW_SCHEDULE", "SCHEDULE_TIMEZONE", "SCHEDULE_WINDOW_MINUTES")
"""What tells a function when a policy without `sweeps` is due."""
_BUCKET_NAME = "b" * 63
"""As long as it may be: it is only known when the stack is there."""


@dataclass(frozen=True, slots=True)
class PlannedSchedule:
    """One schedule that the template has, with what makes it unlike another."""

    logical_id: str
    name: str
    """Behind the function's name and a hyphen."""
    policy: OrgPolicy
    sweep: ScheduledSweep | None
    """None: by the parameters, as in the default case."""
    like: str = SWEEP


def planned_schedules(policies: Policies, function_name: str, taken: Iterable[str] = ()) -> tuple[PlannedSchedule, ...]:
    """Every schedule of these policies. `taken`: names of other schedules, behind the function's name and a hyphen."""
    if not policies.in_folder and not policies.documents[0].sweeps:
        [policy] = policies.documents
        return (
            PlannedSchedule(SWEEP, "sweep", policy, None),
            PlannedSchedule(PREVIEW, "preview", policy, None, PREVIEW),
        )
    rows = [(policy, *row) for policy in policies.documents for row in _rows(policy)]
    room = MAX_NAME - len(function_name) - 1
    plain = [f"{policy.name}-{name}" for policy, name, _, _ in rows]
    # Two schedules whose names differ in case alone can be told apart by no person.
    counts = [one.casefold() for one in (*plain, *taken)]
    return tuple(
        PlannedSchedule(
            f"Sweep{_letters(policy.name)}{_letters(name)}{_digest(policy.name, name)}",
            one
            if len(one) <= room and counts.count(one.casefold()) == 1
            else f"{one[: room - _DIGITS - 1].rstrip('-')}-{_digest(policy.name, name)}",
            policy,
            sweep,
            like,
        )
        for one, (policy, name, sweep, like) in zip(plain, rows, strict=True)
    )


def _rows(policy: OrgPolicy) -> Iterator[tuple[str, ScheduledSweep | None, str]]:
    """The sweep's name, the sweep, and which of the default schedules it is like."""
    if not policy.sweeps:
        yield "sweep", None, SWEEP
        yield "preview", None, PREVIEW
    for sweep in policy.sweeps:
        yield sweep.name, sweep, SWEEP


def _letters(name: str) -> str:
    """What a logical id may have of it."""
    return "".join(word[:1].upper() + word[1:] for word in re.findall("[A-Za-z0-9]+", name))


def _digest(policy_name: str, sweep_name: str) -> str:
    """Of both names together: neither has a slash, so that no other two give the same text."""
    return sha256(f"{policy_name}/{sweep_name}".encode()).hexdigest()[:_DIGITS]


def effective_mode(asked: Mode, most: Mode) -> Mode:
    """The more careful one: what the schedule's sweep is begun with in a hub whose `Mode` is `most`."""
    return asked if asked.is_within(most) else most


# --- the template -----------------------------------------------------------------------------------------------------


def adapt(sections: Sections, policies: Policies, function_name: str | None = None) -> Sections:
    """The sections of a template for these policies. Raises TemplateError.

    `function_name`: what the parameter FunctionName is; None: its default.
    """
    before = _used(sections)
    sections = {name: copied(node) for name, node in sections.items()}
    resources = sections["Resources"]
    let_tell_channels(resources, policies.documents)
    planned = planned_schedules(
        policies, function_name or _default(sections, "FunctionName"), _names_of_other_schedules(resources)
    )
    if [one.logical_id for one in planned] != [SWEEP, PREVIEW]:
        _replace_schedules(sections, planned, in_folder=policies.in_folder)
    if policies.in_folder:
        _name_policies(sections, policies)
    if find(resources, _HUB_ALARM) is not None:
        for logical_id, alarm in policy_alarms(policies.documents).items():
            add(resources, logical_id, node_of(alarm))
    if len(resources.value) > MAX_RESOURCES:
        raise TemplateError(
            f"{len(planned)} schedules, with their alarms, make a template of {len(resources.value)} resources, of "
            f"which CloudFormation takes {MAX_RESOURCES}: have fewer `sweeps`, or a second hub for some of the policies"
        )
    return _without_unused(sections, before)


def _replace_schedules(sections: Sections, planned: Sequence[PlannedSchedule], *, in_folder: bool) -> None:
    patterns = {name: remove(sections["Resources"], name) for name in (SWEEP, PREVIEW)}
    outputs = sections.get("Outputs", a_mapping())
    outputs.value = [entry for entry in outputs.value if not {SWEEP, PREVIEW} & words_in(entry[1])]
    for one in planned:
        source = f"s3://${{ReportBucket}}/{key_of(one.policy.name)}" if in_folder else ""
        made = copied(patterns[one.like])
        properties = at(made, "Properties")
        put(properties, "Name", a_sub(f"{_OWN_NAME}{one.name}"))
        if one.sweep is None:
            put(at(properties, "Target"), "Input", _input("${Mode}" if one.like == SWEEP else "plan", source))
        else:
            _schedule(sections, properties, one.policy, one.sweep, source)
        add(sections["Resources"], one.logical_id, made)
    if all(one.sweep is not None for one in planned):
        for variables in _environments(sections):
            for name in _DEFAULT_TIMES:
                if find(variables, f"STOP_ORCHESTRATOR_{name}") is not None:
                    remove(variables, f"STOP_ORCHESTRATOR_{name}")


def _schedule(sections: Sections, properties: yaml.Node, policy: OrgPolicy, sweep: ScheduledSweep, source: str) -> None:
    """What differs of one sweep's; the rest is as in the pattern."""
    minutes = int(sweep.window.total_seconds() // 60)
    what = f"Stop Orchestrator sweeps by policy {policy.name}: {sweep.name}, mode {sweep.mode} at most"
    put(properties, "Description", a_text(what))
    put(properties, "ScheduleExpression", a_text(sweep.expression))
    put(properties, "ScheduleExpressionTimezone", a_text(sweep.timezone.key))
    put(at(properties, "FlexibleTimeWindow"), "MaximumWindowInMinutes", a_number(minutes))
    plan = _input("plan", source, sweep.notify_before)
    if sweep.mode is Mode.PLAN:
        made = plan
    elif sweep.mode is Mode.ENFORCE:  # then the stack's mode is never more
        made = _input("${Mode}", source)
    else:
        made = a_sequence([a_text(_PLANS_ONLY), plan, _input("approve", source)], "!If")
        is_plan = a_sequence([yaml.ScalarNode("!Ref", "Mode"), a_text("plan")], "!Equals")
        put(sections.setdefault("Conditions", a_mapping()), _PLANS_ONLY, is_plan)
    put(at(properties, "Target"), "Input", made)


def _input(mode: str, source: str, notify_before: str = "") -> yaml.Node:
    """The event, with the policy that it names; with none where the function has one of its own."""
    named = f', "policy": "{source}"' if source else ""
    named += f', "notify_before": "{notify_before}"' if notify_before else ""
    text = f'{{"mode": "{mode}", "id": "<aws.scheduler.execution-id>"{named}}}'
    return a_sub(text) if "${" in text else a_text(text)


def _name_policies(sections: Sections, policies: Policies) -> None:
    """The functions take an event's policy, among exactly these, in place of one of their own; the role reads there."""
    sources = [f"s3://${{ReportBucket}}/{key_of(one.name)}" for one in policies.documents]
    size = len(",".join(sources).replace("${ReportBucket}", _BUCKET_NAME))
    if size > MAX_SOURCES:
        raise TemplateError(
            f"the places of {len(sources)} policies take up to {size:,} characters of the functions' environment, "
            f"which has room for {MAX_SOURCES:,}: have fewer of them, shorter names, or a second hub"
        )
    for variables in _environments(sections):
        if find(variables, _POLICY) is not None:
            remove(variables, _POLICY)
            put(variables, _POLICIES, a_sub(",".join(sources)))
    for section in ("Resources", "Outputs"):
        for scalar in scalars(sections.get(section, a_mapping())):
            scalar.value = scalar.value.replace("${PolicyKey}", f"{KEYS}*")


def _environments(sections: Sections) -> Iterator[yaml.Node]:
    """The variables of each function that has some."""
    for _, resource in sections["Resources"].value:
        variables = find(resource, "Properties", "Environment", "Variables")
        if variables is not None:
            yield variables


def _names_of_other_schedules(resources: yaml.Node) -> list[str]:
    """Behind the function's name and a hyphen."""
    found = []
    for key, resource in resources.value:
        kind, name = find(resource, "Type"), find(resource, "Properties", "Name")
        is_schedule = kind is not None and kind.value == "AWS::Scheduler::Schedule"
        if is_schedule and key.value not in (SWEEP, PREVIEW) and isinstance(name, yaml.ScalarNode):
            found.append(name.value.removeprefix(_OWN_NAME))
    return found


def _without_unused(sections: Sections, before: frozenset[str]) -> Sections:
    """Without the parameters and conditions that were used and are so no longer: a linter would name them."""
    while True:
        gone = before - _used(sections)
        unused = {
            key.value
            for section in ("Parameters", "Conditions")
            for key, _ in sections.get(section, a_mapping()).value
            if key.value in gone
        }
        if not unused:
            return {name: node for name, node in sections.items() if node.value}
        for section in ("Parameters", "Conditions"):
            entries = sections.get(section, a_mapping())
            entries.value = [(key, value) for key, value in entries.value if key.value not in unused]
        for node in sequences(sections.get("Metadata", a_mapping())):
            node.value = [one for one in node.value if str(one.value) not in unused]


def _used(sections: Mapping[str, yaml.Node]) -> frozenset[str]:
    """Every word of what may refer to a parameter or a condition."""
    return frozenset().union(*(words_in(node) for name, node in sections.items() if name in _REFERRING))


def _default(sections: Mapping[str, yaml.Node], parameter: str) -> str:
    found = find(sections.get("Parameters", a_mapping()), parameter, "Default")
    return str(found.value) if found is not None else ""
