"""The Lambda entry point of the state machine's steps: the same sweep as the handler's, in parts (scale_out).

Steps pass the names of files in S3 and nothing larger. Failures of targets are in the files; an error that ends a step
is raised, and the state machine goes to its end, which writes the report.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrator import app, scale_out
from orchestrator.core.model import AccountId, Mode, SweepStatus
from orchestrator.core.policy import load_policy
from orchestrator.ending import to_its_end
from orchestrator.errors import BusyError, EventError, LeaseLostError
from orchestrator.handler import (
    NEEDED,
    RESERVED_MILLISECONDS,
    LogProgress,
    answer_of,
    logger,
    once,
    parse,
    tracer,
)
from orchestrator.lease import EXECUTION, EXECUTION_LASTS, Lease, Times
from orchestrator.ledger import SweepRecord
from orchestrator.one_at_a_time import Busy, Ended, Wanted, known, lease_for
from orchestrator.ports import World
from orchestrator.record import Record
from orchestrator.scale_out import BATCHES, Part, acts_file
from orchestrator.sweep import again, begin

Answer = dict[str, Any]


class PartEvent(BaseModel):
    """One item of a Distributed Map."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sweep_id: str = Field(pattern=f"^{app.SWEEP_ID.pattern}$")
    number: int = Field(ge=1)
    accounts: tuple[str, ...]
    wave: int = Field(ge=0)

    @property
    def part(self) -> Part:
        return Part(self.sweep_id, self.number, tuple(AccountId(one) for one in self.accounts), self.wave)


class StepEvent(BaseModel):
    """What the state machine sends. A map sends one item, or several as `Items`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: Literal["begin", "read", "decide", "act", "next_wave", "end"]
    event: dict[str, Any] = Field(default_factory=dict)
    execution: str = ""
    sweep_id: str = Field(default="", pattern=f"^({app.SWEEP_ID.pattern})?$")
    wave: int = 0
    items: tuple[PartEvent, ...] = Field(default=(), alias="Items")
    state: dict[str, Any] = Field(default_factory=dict)
    """What the state machine has at its end; with `error` where it caught one."""


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    """One step. Raises EventError, LeaseLostError, or what ended the step."""
    asked = _parsed(event)
    logger.append_keys(step=asked.step, sweep_id=asked.sweep_id or None)
    try:
        return _carried_out(asked, context)
    except Exception:
        logger.exception("The step was ended by an error")
        raise


def _parsed(event: dict[str, Any]) -> StepEvent:
    """A single item comes beside its step, as its fields."""
    item = {name: event[name] for name in PartEvent.model_fields if name in event}
    if event.get("step") in ("read", "act") and "Items" not in event:
        event = {"step": event["step"], "Items": [item]}
    try:
        return StepEvent.model_validate(event)
    except ValidationError as invalid:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in invalid.errors())
        raise EventError(f"the step's event is not understood: {problems}") from invalid


def _carried_out(asked: StepEvent, context: LambdaContext) -> Answer:
    if asked.step == "begin":
        return _begun(asked, context)
    if asked.step in ("read", "act"):
        for item in asked.items:
            _part(asked.step, item.part, context)
        return {"parts": len(asked.items)}
    opened = _opened(asked.sweep_id, context)
    if asked.step == "decide":
        go_on = scale_out.decide(opened.world, opened.record, opened.begun, opened.hub.settings.accounts_a_part)
        return _wave(opened, 1, go_on=go_on)
    if asked.step == "next_wave":
        go_on = scale_out.next_wave(opened.world, opened.record, opened.begun, asked.wave)
        return _wave(opened, asked.wave + 1, go_on=go_on)
    return _ended(opened, asked.state.get("error"))


def _begun(asked: StepEvent, context: LambdaContext) -> Answer:
    event = parse(asked.event)
    settings = app.Settings.from_env(os.environ, NEEDED, mode=event.mode, policy=event.policy)
    hub = _hub(settings, asked.execution)
    sweep_id = event.sweep_id or app.new_sweep_id(app.now())

    def listed(trigger: dict[str, Any]) -> Answer:
        del trigger
        return _listed(hub, sweep_id, asked.execution, context)

    event_id = event.sweep_id or event.id or asked.execution
    answer = once(hub, listed, {"id": event_id, "mode": settings.mode.value, "policy": settings.policy}, context)
    mine = answer.get("execution") == asked.execution
    return {**answer, "go_on": answer["go_on"] and mine}


def _listed(hub: app.Hub, sweep_id: str, execution: str, context: LambdaContext) -> Answer:
    settings = hub.settings
    policy = app.read_policy(settings.policy or "", lambda: hub.clients)
    around = _around(context)
    held = hub.ledger.lease(policy.name)
    begun = hub.ledger.sweep(held.sweep_id) if held is not None and held.holder == hub.leases.holder else None
    wanted = Wanted(policy, begun.sweep_id if begun else sweep_id, settings.mode)
    lease = lease_for(hub, wanted, around)
    if isinstance(lease, Busy) and not lease.same:
        raise BusyError(f"{lease.sweep_id} is running by the same policy; try again when it has ended")
    if isinstance(lease, Busy | Ended):
        return {**answer_of(lease), "go_on": False}
    world = app.build_world(hub, policy, wanted.sweep_id, settings.mode, around, lease)
    if begun is not None:
        record = again(policy, begun)
        record.reportable = True
    else:
        record = begin(world, Record(sweep_id, settings.mode, policy, world.now()), execution=execution)
    logger.append_keys(sweep_id=record.sweep_id, mode=settings.mode.value)
    try:
        scale_out.list_accounts(world, record, settings.accounts_a_part)
    except Exception as failure:
        _failed(world, record, failure)
        lease.give_back()
        raise
    return {
        "sweep_id": record.sweep_id,
        "status": SweepStatus.RUNNING.value,
        "execution": execution,
        "go_on": True,
        **_place(hub, record.sweep_id, BATCHES, "batches"),
    }


def _failed(world: World, record: Record, failure: Exception) -> None:
    """A report that says so. Raises ReportLostError."""

    def fail() -> None:
        raise failure

    with suppress(type(failure)):
        to_its_end(world, record, fail)


class _Opened:
    """A sweep that an earlier step began, and the lease of its execution, held for one more step."""

    def __init__(self, hub: app.Hub, begun: SweepRecord, lease: Lease, around: app.Surroundings) -> None:
        self.hub = hub
        self.begun = begun
        self.lease = lease
        policy = load_policy(begun.policy, f"the policy of {begun.sweep_id}")
        self.world = app.build_world(hub, policy, begun.sweep_id, Mode(begun.mode), around, lease)
        self.record = again(policy, begun)


def _opened(sweep_id: str, context: LambdaContext) -> _Opened:
    """Raises LeaseLostError when another process goes on with the sweep, or it is over."""
    settings = app.Settings.from_env(os.environ, NEEDED)
    hub = _hub(settings, "")
    begun = known(hub, sweep_id)
    hub = _hub(settings, begun.execution, hub)
    lease = hub.leases.take(begun.policy_name, sweep_id, begun.mode)
    if not isinstance(lease, Lease):
        raise LeaseLostError(f"{lease.sweep_id} has the lease of policy {begun.policy_name}; this step does nothing")
    return _Opened(hub, begun, lease, _around(context))


def _part(step: str, part: Part, context: LambdaContext) -> None:
    opened = _opened(part.sweep_id, context)
    if step == "read":
        scale_out.read_part(opened.world, opened.record, part)
    else:
        scale_out.act_on_part(opened.world, opened.record, opened.begun, part)


def _wave(opened: _Opened, wave: int, *, go_on: bool) -> Answer:
    place = _place(opened.hub, opened.begun.sweep_id, acts_file(wave), "acts")
    return {"sweep_id": opened.begun.sweep_id, "go_on": go_on, "wave": wave, **place}


def _ended(opened: _Opened, error: dict[str, Any] | None) -> Answer:
    """Also when it is tried again: then the report is there, and only sealed."""
    text = f"{error.get('Error', '')}: {error.get('Cause', '')}"[:1000] if error else ""
    document, location = scale_out.end(opened.world, opened.record, opened.begun, text)
    opened.lease.give_back()
    return answer_of(Ended(document, location))


def _hub(settings: app.Settings, execution: str, hub: app.Hub | None = None) -> app.Hub:
    """Whose leases are those of the execution: each step takes the same one again."""
    made = hub or app.make_hub(settings, app.make_clients(settings))
    times = Times(lasts=EXECUTION_LASTS)
    return replace(made, leases=replace(made.leases, holder=f"{EXECUTION}{execution}", times=times))


def _around(context: LambdaContext) -> app.Surroundings:
    return app.Surroundings(
        out_of_time=lambda: context.get_remaining_time_in_millis() < RESERVED_MILLISECONDS, progress=LogProgress()
    )


def _place(hub: app.Hub, sweep_id: str, name: str, called: str) -> Answer:
    bucket, _, key = hub.store.location(sweep_id, name).removeprefix("s3://").partition("/")
    return {"bucket": bucket, called: key}
