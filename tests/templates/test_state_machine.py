"""The state machine's definition, against what the steps expect and what Step Functions does with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.errors import BusyError
from orchestrator.lambdas.steps import StepEvent
from tests.support.cloudformation import resolved, statements

STEPS = {"begin", "list", "missed", "read", "decide", "act", "next_wave", "end"}
READ_SIDE, ACT_SIDE = ("Read", "read", "$.batches"), ("Act", "act", "$.acts")

State = dict[str, Any]


@pytest.fixture(scope="module")
def definition() -> dict[str, Any]:
    resources = resolved("hub", ScaleOut="enabled", MaxConcurrency="7")["Resources"]
    parsed: dict[str, Any] = json.loads(resources["StateMachine"]["Properties"]["DefinitionString"])
    return parsed


@pytest.fixture(scope="module")
def states(definition: dict[str, Any]) -> dict[str, State]:
    found: dict[str, State] = definition["States"]
    return found


def test_without_scale_out_there_is_no_state_machine() -> None:
    types = {resource["Type"] for resource in resolved("hub")["Resources"].values()}
    assert "AWS::StepFunctions::StateMachine" not in types


def test_every_state_can_be_reached_and_every_next_state_is_there(
    definition: dict[str, Any], states: dict[str, State]
) -> None:
    reached, ahead = set(), [definition["StartAt"]]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += _next_states(states[name])
    assert reached == set(states)


def test_every_end_is_a_report_or_nothing_to_do(states: dict[str, State]) -> None:
    ends = {name for name, state in states.items() if state.get("End") or state["Type"] in ("Succeed", "Fail")}
    assert ends == {"NothingToDo", "NotSwept", "End"}


def test_each_step_is_called_once_and_by_a_name_that_the_code_knows(states: dict[str, State]) -> None:
    called = [task["Parameters"]["Payload"]["step"] for task in _tasks(states)]
    assert sorted(called) == sorted(STEPS)


def test_each_task_calls_the_step_function_and_gives_its_lambda_time_to_end(states: dict[str, State]) -> None:
    resources = resolved("hub", ScaleOut="enabled")["Resources"]
    lambda_timeout = resources["Step"]["Properties"]["Timeout"]
    for task in _tasks(states):
        assert task["Resource"] == "arn:aws:states:::lambda:invoke"
        assert task["Parameters"]["FunctionName"].endswith(":function:stop-orchestrator-step")
        assert task["TimeoutSeconds"] > lambda_timeout


def test_begin_gets_the_event_and_who_executes_it(states: dict[str, State]) -> None:
    payload = states["Begin"]["Parameters"]["Payload"]
    assert payload == {"step": "begin", "event.$": "$$.Execution.Input", "execution.$": "$$.Execution.Id"}


@pytest.mark.parametrize(("name", "step", "key"), [READ_SIDE, ACT_SIDE])
def test_a_map_hands_items_from_s3_to_workers_and_none_of_them_can_end_it(
    states: dict[str, State], name: str, step: str, key: str
) -> None:
    fan_out = states[name]
    assert fan_out["ItemReader"] == {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket.$": "$.bucket", "Key.$": key},
    }
    assert fan_out["ItemBatcher"] == {"MaxItemsPerBatch": 1}
    assert (fan_out["MaxConcurrency"], fan_out["ToleratedFailurePercentage"]) == (7, 100)
    assert fan_out["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    [worker] = fan_out["ItemProcessor"]["States"].values()
    assert worker["Parameters"]["Payload"] == {"step": step, "Items.$": "$.Items"}


def test_nothing_but_keys_passes_between_states(states: dict[str, State]) -> None:
    """Ten thousand workers' answers would be more than the 256 KiB that may."""
    for name in ("Read", "Act"):
        assert states[name]["ResultPath"] is None
        [worker] = states[name]["ItemProcessor"]["States"].values()
        assert worker["ResultSelector"] == {"done": True}


def test_after_the_beginning_every_error_ends_in_a_report(states: dict[str, State]) -> None:
    for name in ("List", "Read", "Decide", "Act", "NextWave"):
        assert states[name]["Catch"] == [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "End"}]
    [retry] = states["End"]["Retry"]
    assert retry["ErrorEquals"] == ["States.ALL"]
    assert retry["MaxAttempts"] >= 3


def test_only_the_report_is_tried_again_after_an_error_of_the_code(states: dict[str, State]) -> None:
    for task in _tasks(states):
        if task["Parameters"]["Payload"]["step"] == "end":
            continue
        retry = task["Retry"][0]
        assert len(task["Retry"]) == 1 or task is states["Begin"]
        assert all(error.startswith("Lambda.") and error != "Lambda.Unknown" for error in retry["ErrorEquals"])


def test_a_sweep_is_tried_again_for_an_hour_while_another_by_its_policy_has_not_ended_and_then_it_is_missed(
    definition: dict[str, Any], states: dict[str, State]
) -> None:
    _, retry = states["Begin"]["Retry"]
    assert retry["ErrorEquals"] == [BusyError.__name__]
    waits = [retry["IntervalSeconds"] * retry["BackoffRate"] ** number for number in range(retry["MaxAttempts"])]
    assert (sum(waits), max(waits)) == (3600, 60)
    assert states["Begin"]["Catch"] == [{"ErrorEquals": ["BusyError"], "ResultPath": "$.error", "Next": "Missed"}]
    assert states["Missed"]["Parameters"]["Payload"] == {
        "step": "missed",
        "event.$": "$$.Execution.Input",
        "execution.$": "$$.Execution.Id",
        "state": {"error.$": "$.error"},
    }
    assert (states["Missed"]["Next"], states["NotSwept"]["Type"]) == ("NotSwept", "Fail")  # and an alarm tells
    assert definition["TimeoutSeconds"] - sum(waits) >= 6 * 3600


def test_an_execution_that_ends_without_its_last_step_is_closed_by_a_rule() -> None:
    resources = resolved("hub", ScaleOut="enabled")["Resources"]
    rule = resources["ExecutionEnded"]["Properties"]
    machine = "arn:aws:states:eu-central-1:111111111111:stateMachine:stop-orchestrator"
    assert rule["EventPattern"] == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": ["ABORTED", "FAILED", "TIMED_OUT"], "stateMachineArn": [machine]},
    }
    [target] = rule["Targets"]
    assert target["Arn"].endswith(":function:stop-orchestrator-step")
    assert target["InputTransformer"]["InputPathsMap"] == {
        "execution": "$.detail.executionArn",
        "status": "$.detail.status",
    }
    sent = target["InputTransformer"]["InputTemplate"]
    for name, value in (("execution", f"{machine}:1"), ("status", "ABORTED")):  # EventBridge quotes what is text
        sent = sent.replace(f"<{name}>", json.dumps(value))
    event = StepEvent.model_validate(json.loads(sent))
    assert (event.step, event.execution, event.state["error"]["Error"]) == ("close", f"{machine}:1", "ABORTED")
    permission = resources["LetRuleClose"]["Properties"]
    assert permission["SourceArn"] == "arn:aws:events:eu-central-1:111111111111:rule/stop-orchestrator-ended"
    assert permission["FunctionName"] == resources["Step"]["Properties"]["FunctionName"]


def test_acting_goes_on_wave_by_wave_until_there_is_none(states: dict[str, State]) -> None:
    assert (states["Act"]["Next"], states["NextWave"]["Next"]) == ("NextWave", "IsThereAnythingToStop")
    onwards = states["IsThereAnythingToStop"]
    assert onwards["Choices"] == [{"Variable": "$.go_on", "BooleanEquals": True, "Next": "Act"}]
    assert onwards["Default"] == "End"


def test_listing_goes_on_step_by_step_until_all_is_listed_and_only_then_are_the_parts_read(
    states: dict[str, State],
) -> None:
    assert (states["Begin"]["Next"], states["List"]["Next"]) == ("IsThereAnythingToRead", "IsThereAnythingToRead")
    assert states["List"]["Parameters"]["Payload"] == {"step": "list", "sweep_id.$": "$.sweep_id"}
    onwards = states["IsThereAnythingToRead"]
    assert onwards["Choices"] == [
        {"Variable": "$.listed", "BooleanEquals": False, "Next": "List"},
        {"Variable": "$.go_on", "BooleanEquals": True, "Next": "Read"},
    ]
    assert onwards["Default"] == "NothingToDo"


def test_the_state_machine_s_role_may_do_what_its_states_do() -> None:
    resources = resolved("hub", ScaleOut="enabled")["Resources"]
    machine = resources["StateMachine"]["Properties"]
    role = {one["Sid"]: one for one in statements(resources["StateMachineRole"]["Properties"]["Policies"])}
    assert role["InvokeSteps"]["Resource"].endswith(":function:stop-orchestrator-step")
    assert role["StartBatches"]["Resource"].endswith(f":stateMachine:{machine['StateMachineName']}")
    assert role["ReadBatches"]["Resource"] == "arn:aws:s3:::reportbucket/sweeps/*"


def _next_states(state: State) -> list[str]:
    onwards = [state[key] for key in ("Next", "Default") if key in state]
    return onwards + [one["Next"] for key in ("Choices", "Catch") for one in state.get(key, ())]


def _tasks(states: dict[str, State]) -> list[State]:
    inner = [one for state in states.values() for one in state.get("ItemProcessor", {}).get("States", {}).values()]
    return [state for state in (*states.values(), *inner) if state["Type"] == "Task"]
