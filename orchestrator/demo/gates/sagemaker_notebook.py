"""Notebook instances as SageMaker answers of them: states that pass, and what it refuses in which state.

moto stops and starts at once, does so a second time, does not say that one was modified, keeps a tag twice that is
written twice, and breaks at the tags of what is not there. Here a state passes with the second look at it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from moto.core.utils import utcnow
from moto.sagemaker.models import sagemaker_backends

from orchestrator.demo.calls import Answer, Call

_PASSING = {"Stopping": "Stopped", "Pending": "InService"}
_FALLS_BACK, _HANGS = "falls_back", "hangs"
_LOOKS = frozenset({"DescribeNotebookInstance", "ListNotebookInstances"})
_OF_TAGS = frozenset({"AddTags", "DeleteTags", "ListTags"})
_ARN = ":notebook-instance/"


def stop_gate(call: Call) -> Answer | None:
    """A stop as SageMaker answers it."""
    return _changed(call, ["InService"], "Stopping") if _asks(call, "StopNotebookInstance") else None


def start_gate(call: Call) -> Answer | None:
    """A start as SageMaker answers it."""
    return _changed(call, ["Stopped", "Failed"], "Pending") if _asks(call, "StartNotebookInstance") else None


def tags_gate(call: Call) -> Answer | None:
    """A tag that is there is written over; there are none of what is not there."""
    arn = call.json.get("ResourceArn", "") if call.service == "sagemaker" and call.action in _OF_TAGS else ""
    if _ARN not in arn:
        return None
    notebook = _notebook(call, arn.rpartition("/")[2])
    if notebook is None:
        return call.refused("ValidationException", "RecordNotFound")
    if call.action == "AddTags":
        written = {tag["Key"] for tag in call.json["Tags"]}
        notebook.tags = [tag for tag in notebook.tags if tag["Key"] not in written]
    return None


def states_gate(call: Call) -> Answer | None:
    """A state that passes is seen once."""
    if call.service != "sagemaker" or call.action not in _LOOKS:
        return None
    named = call.json.get("NotebookInstanceName")
    for notebook in list(sagemaker_backends[call.account_id][call.region].notebook_instances.values()):
        if named in (None, notebook.notebook_instance_name):
            _pass(notebook)
    return None


def let_fall_back(notebook: Any) -> None:
    """From now on each start of it comes to nothing: it is seen pending, and failed."""
    vars(notebook)[_FALLS_BACK] = True


def let_hang(notebook: Any) -> None:
    """From now on no state of it passes."""
    vars(notebook)[_HANGS] = True


def _pass(notebook: Any) -> None:
    own = vars(notebook)
    if notebook.status in _PASSING and own.get("seen_status") == notebook.status and _HANGS not in own:
        falls_back = notebook.status == "Pending" and _FALLS_BACK in own
        _put(notebook, "Failed" if falls_back else _PASSING[notebook.status])
        if falls_back:  # moto's own has no reason
            told = {**notebook.to_dict(), "FailureReason": "InternalServerError"}
            own["to_dict"] = lambda: told
    own["seen_status"] = notebook.status


def _put(notebook: Any, status: str) -> None:
    vars(notebook).pop("to_dict", None)
    notebook.status, notebook.last_modified_time = status, utcnow()


def _asks(call: Call, action: str) -> bool:
    return call.service == "sagemaker" and call.action == action


def _notebook(call: Call, name: str) -> Any:
    return sagemaker_backends[call.account_id][call.region].notebook_instances.get(name)


def _changed(call: Call, needed: Sequence[str], status: str) -> Answer:
    """In AWS's words: https://github.com/aws/amazon-sagemaker-examples/issues/1798"""
    notebook = _notebook(call, call.json["NotebookInstanceName"])
    if notebook is None:
        return call.refused("ValidationException", "RecordNotFound")
    if notebook.status not in needed:
        text = f"Status ({notebook.status}) not in ([{', '.join(needed)}]). Unable to transition to ({status})"
        return call.refused("ValidationException", f"{text} for Notebook Instance ({notebook.arn}).")
    _put(notebook, status)
    request = {"x-amzn-RequestId": "00000000-0000-0000-0000-000000000000"}
    return Answer(200, "application/x-amz-json-1.1", json.dumps({}), request)


GATES = (stop_gate, start_gate, tags_gate, states_gate)
