"""The frozen plan, a part of a wave at a time: each step that acts loads the actions in its own accounts and no others.

`plan.json` is the evidence, and what one process carries out. Beside it each part has a file, and an index has the
SHA-256 of each of them; that of the index is in the ledger, like that of the plan. What was altered is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from orchestrator.core.decide.guardrails import hold_as_frozen
from orchestrator.core.model import (
    AccountId,
    ApprovedPlan,
    Decision,
    Decisions,
    GuardrailResult,
    Inventory,
    Names,
    OtherPolicy,
    Plan,
)
from orchestrator.core.model.order import Order
from orchestrator.core.report.manifest import sha256_of
from orchestrator.core.report.plan_file import NOT_STORED_OF_DECISION
from orchestrator.errors import PlanError
from orchestrator.ledger.records import SweepSummary, consent_from
from orchestrator.ports import World
from orchestrator.sweep.barrier import hold_plan
from orchestrator.sweep.other_policies import without_texts
from orchestrator.sweep.recover import recover_intents
from orchestrator.sweep.state import Sweep, SweepState

PLAN_INDEX = "work/plan-parts.json"


@dataclass(frozen=True, slots=True)
class _Index:
    """What holds for every part."""

    plan_sha256: str
    """Of the whole plan (Plan.sha256): consent is to this one."""
    policy_sha256: str
    organization_id: str
    guardrails: tuple[GuardrailResult, ...]
    """The verdict that was frozen with the plan, but for the limits of single accounts: those are with their parts."""
    names: Names
    others: tuple[OtherPolicy, ...]
    files: Mapping[str, str]
    """The SHA-256 of each part, by its file's name."""
    order: Order = field(default_factory=dict)
    """The plan's. Earlier releases wrote none."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What is to be done in the accounts of one part."""

    actions: tuple[Decision, ...]
    guardrails: tuple[GuardrailResult, ...]


_INDEX_FILE = TypeAdapter(_Index)
_PART_FILE = TypeAdapter(_Part)


class PlanParts:
    """Writes the parts of an approved plan; nothing is acted on by them before `put_index`."""

    def __init__(self, world: World, sweep: Sweep, state: SweepState, approved: ApprovedPlan) -> None:
        self._world = world
        self._sweep = sweep
        self._state = state
        self._approved = approved
        self._actions: dict[AccountId, list[Decision]] = {}
        self._limits: dict[AccountId, list[GuardrailResult]] = {}
        self._files: dict[str, str] = {}
        for one in approved.plan.actions:
            self._actions.setdefault(one.resource.target.account_id, []).append(one)
        for limit in approved.guardrails:
            if limit.account_id is not None:
                self._limits.setdefault(limit.account_id, []).append(limit)

    def put(self, wave: int, number: int, accounts: Iterable[AccountId]) -> None:
        """The file of one part."""
        ordered = sorted(accounts)
        part = _Part(
            tuple(action for one in ordered for action in self._actions.get(one, ())),
            tuple(limit for one in ordered for limit in self._limits.get(one, ())),
        )
        # As in the plan's file: a step that is tried again makes the same parts of what that file has.
        content = _PART_FILE.dump_json(part, exclude={"actions": {"__all__": NOT_STORED_OF_DECISION}})
        name = _part_file(wave, number)
        self._world.store.put(self._sweep.sweep_id, name, content)
        self._files[name] = sha256_of(content)

    def put_index(self) -> None:
        """After all of them; from then on they are known by their SHA-256."""
        plan, inventory = self._approved.plan, self._state.inventory
        shared = tuple(one for one in self._approved.guardrails if one.account_id is None)
        index = _Index(
            plan.sha256,
            plan.policy_sha256,
            plan.organization_id,
            shared,
            inventory.names,
            without_texts(inventory.others),
            self._files,
            plan.order,
        )
        content = _INDEX_FILE.dump_json(index)
        self._world.store.put(self._sweep.sweep_id, PLAN_INDEX, content)
        self._world.ledger.amend(self._sweep.sweep_id, plan_parts_sha256=sha256_of(content))


def restore_plan_part(
    world: World, sweep: Sweep, summary: SweepSummary, wave: int, number: int
) -> tuple[SweepState, ApprovedPlan | None, str]:
    """What the part has to do with what came of it so far, what of it is approved to be acted on, and the SHA-256 of
    the whole plan, to which there has to be consent.

    Raises PlanError where the part, or the index, is not as it was written.
    """
    index = _INDEX_FILE.validate_json(_read(world, sweep, PLAN_INDEX, summary.plan_parts_sha256))
    name = _part_file(wave, number)
    part = _PART_FILE.validate_json(_read(world, sweep, name, index.files.get(name, "")))
    plan = Plan(sweep.sweep_id, index.policy_sha256, index.organization_id, part.actions, (), order=index.order)
    verdict = hold_as_frozen(plan, (*index.guardrails, *part.guardrails))
    outcomes = recover_intents(world, sweep.sweep_id, part.actions)
    inventory = Inventory(index.organization_id, names=index.names, others=index.others)
    state = SweepState(inventory, Decisions(part.actions), outcomes=outcomes, consent=consent_from(summary.consent))
    return *hold_plan(sweep, state, verdict), index.plan_sha256


def _read(world: World, sweep: Sweep, name: str, sha256: str) -> bytes:
    content = world.store.find(sweep.sweep_id, name)
    if content is None:
        raise PlanError(f"{name} is missing: it was written when it was planned")
    if sha256_of(content) != sha256:
        raise PlanError(f"{name} was altered: its SHA-256 is not the one that was recorded when it was planned")
    return content


def _part_file(wave: int, number: int) -> str:
    return f"work/plan-{wave}-{number}.json"
