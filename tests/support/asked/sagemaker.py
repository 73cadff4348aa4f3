"""What a call of SageMaker asks for, with the tags that conditions look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.sagemaker.models import sagemaker_backends

from orchestrator.demo.calls import Call
from tests.support.permissions import Asked


def asked(call: Call) -> Iterator[Asked]:
    action, document = f"sagemaker:{call.action}", call.json
    if call.action == "ListNotebookInstances":
        yield Asked(action)
        return
    name = document.get("NotebookInstanceName") or document["ResourceArn"].rpartition("/")[2]
    context: dict[str, Any] = dict(_tags(call, name))
    keys = document.get("TagKeys") or [tag["Key"] for tag in document.get("Tags", ())]
    if keys:
        context["aws:tagkeys"] = keys
    yield Asked(action, f"arn:aws:sagemaker:{call.region}:{call.account_id}:notebook-instance/{name}", context)


def _tags(call: Call, name: str) -> Iterator[tuple[str, str]]:
    notebook = sagemaker_backends[call.account_id][call.region].notebook_instances.get(name)
    for tag in notebook.tags if notebook else ():
        yield f"aws:resourcetag/{tag['Key'].lower()}", tag["Value"]
