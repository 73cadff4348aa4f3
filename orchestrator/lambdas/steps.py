"""The Lambda entry point of the state machine's steps: the same sweep as the handler's, in parts (sweep.parts).

Steps pass the names of files in S3 and nothing larger. Failures of targets are in the files; an error that ends a step
is raised, and the state machine goes to its end, which writes the report.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrator import app
from orchestrator.core.model import AccountId, Mode, SweepStatus
from orchestrator.core.model.marks import SWEEP_ID
from orchestrator.errors import BusyError, EventError, ExecutionFailedError, LeaseLostError, PlanError
from orchestrator.lambdas.answers import answer_of
from orchestrator.lambdas.entry import entry_point
from orchestrator.lambdas.events import SweepEvent, parse, problems_of
from orchestrator.lambdas.log import LogProgress, logger
from orchestrator.lambdas.metrics import measure_undelivered
from orchestrator.lambdas.missed import a_missed_sweep, reason_of, record_missed, sweep_of_execution
from orchestrator.lambdas.once import once
from orchestrator.lambdas.wiring import Wiring, caller, no_time_to_wait, standing_consent, time_is_up, wire
from orchestrator.ledger.lease import EXECUTION, Lease
from orchestrator.ledger.records import ANOTHER_FORMAT, SweepSummary
from orchestrator.ports import Runtime, Stores, World
from orchestrator.sweep import parts
from orchestrator.sweep.coordination import Busy, Ended, SweepRequest, get_sweep, lease_for, permitted_mode
from orchestrator.sweep.dead_sweeps import policy_of, purpose_of
from orchestrator.sweep.finish import run_to_report
from orchestrator.sweep.parts import BATCHES, Part, acts_file
from orchestrator.sweep.run import begin
from orchestrator.sweep.state import Sweep, SweepState

Answer = dict[str, Any]


class PartEvent(BaseModel):
    """One item of a Distributed Map."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sweep_id: str = Field(pattern=f"^{SWEEP_ID.pattern}$")
    number: int = Field(ge=1)
    accounts: tuple[str, ...]
    wave: int = Field(ge=0)

    @property
    def part(self) -> Part:
        return Part(self.sweep_id, self.number, tuple(AccountId(one) for one in self.accounts), self.wave)


class StepEvent(BaseModel):
    """What the state machine sends. A map sends one item, or several as `Items`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: Literal["begin", "list", "missed", "read", "decide", "act", "next_wave", "end", "close"]
    """`list`: what `begin` had no time for. `missed`: another sweep was running for an hour. `close`: the execution
    ended without its end, as when a person stopped it; EventBridge tells.
    """
    event: dict[str, Any] = Field(default_factory=dict)
    execution: str = ""
    sweep_id: str = Field(default="", pattern=f"^({SWEEP_ID.pattern})?$")
    wave: int = 0
    items: tuple[PartEvent, ...] = Field(default=(), alias="Items")
    state: dict[str, Any] = Field(default_factory=dict)
    """What the state machine has at its end; with `error` where it caught one. For `close`, how it ended."""


@logger.inject_lambda_context(clear_state=True)
@entry_point
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    """One step. Raises EventError, LeaseLostError, or what ended the step."""
    asked = _parsed(event)
    logger.append_keys(step=asked.step, sweep_id=asked.sweep_id or None)
    try:
        return _carry_out(asked, context)
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
        raise EventError(f"the step's event is not understood: {problems_of(invalid)}") from None


def _carry_out(asked: StepEvent, context: LambdaContext) -> Answer:
    of_the_execution = {"begin": _begin, "missed": _missed, "close": _close}.get(asked.step)
    if of_the_execution is not None:
        return of_the_execution(asked, context)
    if asked.step in ("read", "act"):
        for item in asked.items:
            _part(asked.step, item.part, context)
        return {"parts": len(asked.items)}
    if asked.step == "end":
        return _end(_acquire_step(asked.sweep_id, context, may_be_over=True), asked.state.get("error"))
    step = _acquire_step(asked.sweep_id, context)
    with step.lease.renewed():
        step.refuse_mode()
        if asked.step == "list":
            return _list_on(step)
        if asked.step == "decide":
            more = parts.decide(step.world, step.sweep, step.begun, step.wiring.settings.accounts_a_part)
            return _wave(step, 1, more=more)
        more = parts.next_wave(step.world, step.sweep, step.begun, asked.wave)
        return _wave(step, asked.wave + 1, more=more)


def _begin(asked: StepEvent, context: LambdaContext) -> Answer:
    event = parse(asked.event)
    if event.sweep_id is not None:
        raise EventError("sweep_id: a state machine resumes no sweep, and makes the id of its own; leave it out")
    wiring = _for_execution(wire(policy=event.policy), asked.execution).waiting_until(no_time_to_wait(context))
    wiring.require_policy()
    mode = wiring.allowed_mode(event.mode)
    sweep_id = app.new_sweep_id(app.now())

    def list_accounts(trigger: dict[str, Any]) -> Answer:
        del trigger
        return _list_accounts(wiring, event, sweep_id, asked.execution, context)

    event_id = event.id or asked.execution
    trigger = {"id": event_id, "mode": mode.value, "policy": wiring.settings.policy}
    answer = once(wiring, list_accounts, trigger, context)
    go_on = answer["go_on"] and answer.get("execution") == asked.execution
    return {**answer, "go_on": go_on, "listed": not go_on or answer.get("listed", True)}


def _list_accounts(wiring: Wiring, event: SweepEvent, sweep_id: str, execution: str, context: LambdaContext) -> Answer:
    settings, stores = wiring.settings, wiring.stores
    notify_before = event.notify_before or ""
    policy = app.read_policy(settings.policy or "", lambda: wiring.clients, quoted=False)
    runtime = replace(_runtime(context, execution), policy_source=settings.policy or "")
    mode, missing = permitted_mode(stores, policy, wiring.allowed_mode(event.mode), runtime)
    held = stores.ledger.lease(policy.name)
    begun = stores.ledger.sweep(held.sweep_id) if held is not None and held.holder == stores.leases.holder else None
    request = SweepRequest(
        policy,
        begun.sweep_id if begun else sweep_id,
        mode,
        standing=True,
        consent_missing=missing,
        notify_before=notify_before,
    )
    lease = lease_for(stores, request, runtime)
    if isinstance(lease, Busy) and not lease.same:
        raise BusyError(f"{lease.sweep_id} is running by the same policy; try again when it has ended")
    if isinstance(lease, Busy | Ended):
        return {**answer_of(lease), "go_on": False}
    world = stores.build_world(policy, request.sweep_id, mode, runtime, lease)
    if begun is not None:
        sweep = Sweep.resumed(policy, begun)
    else:
        sweep = Sweep(
            sweep_id,
            mode,
            policy,
            world.now(),
            asked_by=world.asked_by,
            consent_missing=missing,
            notify_before=notify_before,
        )
        begin(world, sweep, execution=execution)
    logger.append_keys(sweep_id=sweep.sweep_id, mode=mode.value)
    try:
        with lease.renewed():
            is_listed = parts.list_parts(world, sweep, settings.accounts_a_part)
    except Exception as failure:
        _report_failure(world, sweep, failure)
        lease.give_back()
        raise
    return {**_listed_answer(stores, sweep.sweep_id, is_listed=is_listed), "execution": execution}


def _listed_answer(stores: Stores, sweep_id: str, *, is_listed: bool) -> Answer:
    """`listed`: whether its parts can be read, or the step `list` comes first (again)."""
    return {
        "sweep_id": sweep_id,
        "status": SweepStatus.RUNNING.value,
        "go_on": True,
        "listed": is_listed,
        **_s3_location(stores, sweep_id, BATCHES, "batches"),
    }


def _report_failure(world: World, sweep: Sweep, failure: Exception) -> None:
    """A report that says so. Raises ReportLostError."""

    def fail(_: object) -> SweepState:
        raise failure

    with suppress(type(failure)):
        run_to_report(world, sweep, SweepState(), fail)


class _Step:
    """A sweep that an earlier step began, and the lease of its execution, held for one more step."""

    def __init__(self, wiring: Wiring, begun: SweepSummary, lease: Lease, runtime: Runtime) -> None:
        self.wiring = wiring
        self.begun = begun
        self.lease = lease
        policy = policy_of(wiring.stores, begun)
        self.world = wiring.stores.build_world(policy, begun.sweep_id, Mode(begun.mode), runtime, lease)
        self.sweep = Sweep.resumed(policy, begun)

    def refuse_mode(self) -> None:
        """Raises SettingsError where the settings were changed meanwhile: but for the report, nothing more is done."""
        self.wiring.stores.refuse_mode(Mode(self.begun.mode))


def _acquire_step(
    sweep_id: str, context: LambdaContext, *, may_be_over: bool = False, one_of_many: bool = False
) -> _Step:
    """Raises LeaseLostError when another process has the sweep, or it is over, or about to be, and PlanError when
    another release began it.
    """
    wiring = wire()
    begun = get_sweep(wiring.stores, sweep_id)
    if not may_be_over:
        _require_one_to_carry_on(begun)
    wiring = _for_execution(wiring, begun.execution, final=may_be_over)
    lease = wiring.stores.leases.take(begun.policy_name, sweep_id, purpose_of(begun))
    if not isinstance(lease, Lease):
        whose = "the end of" if lease.sweep_id == sweep_id else ""
        has = f"{whose} {lease.sweep_id} has the lease of policy {begun.policy_name}".strip()
        raise LeaseLostError(f"{has}; this step does nothing")
    if not may_be_over:
        try:
            _require_one_to_carry_on(get_sweep(wiring.stores, sweep_id))  # the lease may be free since it ended
        except LeaseLostError:
            lease.give_back()
            raise
    lease.look_for_wish()
    runtime = replace(_runtime(context, begun.execution), one_of_many=one_of_many)
    return _Step(wiring, begun, lease, runtime)


def _require_one_to_carry_on(begun: SweepSummary) -> None:
    if begun.status != SweepStatus.RUNNING:
        raise LeaseLostError(f"{begun.sweep_id} is over; this step does nothing")
    if not begun.is_of_this_release:
        raise PlanError(f"{begun.sweep_id} has {ANOTHER_FORMAT}; this step does nothing")


def _part(name: str, part: Part, context: LambdaContext) -> None:
    step = _acquire_step(part.sweep_id, context, one_of_many=True)
    with step.lease.renewed():
        if name == "read":
            parts.read_part(step.world, step.sweep, step.begun, part)
        else:
            step.refuse_mode()
            parts.act_on_part(step.world, step.sweep, step.begun, part)


def _list_on(step: _Step) -> Answer:
    is_listed = parts.list_parts(step.world, step.sweep, step.wiring.settings.accounts_a_part)
    return _listed_answer(step.wiring.stores, step.begun.sweep_id, is_listed=is_listed)


def _wave(step: _Step, wave: int, *, more: bool) -> Answer:
    location = _s3_location(step.wiring.stores, step.begun.sweep_id, acts_file(wave), "acts")
    return {"sweep_id": step.begun.sweep_id, "go_on": more, "wave": wave, **location}


def _end(step: _Step, error: dict[str, Any] | None) -> Answer:
    """Writes the report; on a retry of the step the report is there, and is only sealed."""
    text = f"{error.get('Error', '')}: {error.get('Cause', '')}"[:1000] if error else ""
    with step.lease.held():
        document, location = parts.end(step.world, step.sweep, step.begun, text)
    return answer_of(Ended(document, location))


def _close(asked: StepEvent, context: LambdaContext) -> Answer:
    """The report of an execution that was stopped, timed out or failed, from what its steps did until then.

    Whichever of them is still at work asks for nothing more, and the lease is free at once.
    """
    begun = sweep_of_execution(wire().stores.ledger, asked.execution)
    if begun is None or begun.status != SweepStatus.RUNNING:
        return {"closed": False}  # it never began, or its own end was there first
    logger.append_keys(sweep_id=begun.sweep_id)
    with suppress(ExecutionFailedError):  # its report was written, and says so
        _end(_acquire_step(begun.sweep_id, context, may_be_over=True), asked.state.get("error"))
    return {"closed": True, "sweep_id": begun.sweep_id}


def _missed(asked: StepEvent, context: LambdaContext) -> Answer:
    """Another sweep by the same policy was running for as long as this one was tried again: a record says so."""
    event = parse(asked.event)
    wiring = wire(policy=event.policy)
    policy = app.read_policy(wiring.settings.policy or "", lambda: wiring.clients, quoted=False)
    return record_missed(
        wiring.stores.ledger,
        app.make_telling(wiring.settings, wiring.clients, policy),
        json.dumps({"missed": asked.execution}),
        a_missed_sweep(
            policy,
            app.new_sweep_id(app.now()),
            wiring.allowed_mode(event.mode),
            app.now(),
            reason_of(_message(asked.state.get("error", {}).get("Cause", ""))),
            policy_source=wiring.settings.policy or "",
            asked_by=caller(context, asked.execution),
            execution=asked.execution,
        ),
    )


def _message(cause: str) -> str:
    """The text of the exception: Step Functions has the Lambda's error as JSON in the cause."""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause[:1000]


def _for_execution(wiring: Wiring, execution: str, *, final: bool = False) -> Wiring:
    """With leases that are the execution's: each of its steps takes the same one."""
    stores = wiring.stores
    leases = replace(stores.leases, holder=f"{EXECUTION}{execution}", final=final)
    return replace(wiring, stores=replace(stores, leases=leases))


def _runtime(context: LambdaContext, execution: str) -> Runtime:
    return Runtime(
        out_of_time=time_is_up(context),
        asked_by=caller(context, execution),
        confirm=standing_consent,
        standing=True,
        progress=LogProgress(),
        warn=logger.warning,
        count_undelivered=measure_undelivered,
    )


def _s3_location(stores: Stores, sweep_id: str, name: str, called: str) -> Answer:
    bucket, _, key = stores.store.location(sweep_id, name).removeprefix("s3://").partition("/")
    return {"bucket": bucket, called: key}
