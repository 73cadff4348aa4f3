"""SageMaker's notebook instances for the contract suite, in memory and embedded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import Any

import pytest
from moto.sagemaker.models import sagemaker_backends

from orchestrator.core.model import Action
from orchestrator.demo.calls import Answer, Call
from orchestrator.kinds.sagemaker_notebook.act import PROFILE
from orchestrator.kinds.sagemaker_notebook.kind import KIND
from tests.kinds.contract import harness
from tests.kinds.contract.harness import REGION, Row, Words, refused
from tests.support.embedded import OrganizationBuilder
from tests.support.fake_ec2 import ANSWERED

WRONG_STATE = "Status ({}) not in ([{}]). Unable to transition to ({}) for Notebook Instance ({})."
WORDS = Words(
    entry=KIND,
    profile=PROFILE,
    running="InService",
    odd_state="Updating",
    fell_back="Failed",
    throttled="ThrottlingException",
    cannot_stop=("ValidationException", WRONG_STATE.format("Updating", "InService", "Stopping", "{id}")),
    cannot_mark=("ValidationException", "{id} would have more than 50 tags"),
    not_found=("ValidationException", "RecordNotFound"),
    starting="Pending",
    stopped="Stopped",
    tells_one_at_a_time=True,
)
_NUMBERS = count(1)


def seed(organization: OrganizationBuilder, account: str, region: str, tags: Mapping[str, str], **fields: Any) -> str:
    """One to be stopped; its name."""
    name = f"notebook-{next(_NUMBERS)}"
    role = f"arn:aws:iam::{account}:role/notebooks"
    wanted = {"InstanceType": "ml.t3.medium", "VolumeSizeInGB": 20, "RoleArn": role, **fields}
    with organization.acting_in(account):
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        client = organization.client("sagemaker", region)
        client.create_notebook_instance(NotebookInstanceName=name, Tags=pairs, **wanted)
    return name


class InMemory(harness.MemoryAws):
    """Its own client, and in place of `Clients` whatever gives it."""

    words = WORDS
    prefix = "notebook"
    partition = "aws"

    def __init__(self, _: pytest.MonkeyPatch) -> None:
        super().__init__()
        self._tags_told: Counter[str] = Counter()
        self.kind = self.make(self)

    def member(self, _service: str, _region: str) -> InMemory:
        """As Clients.member."""
        return self

    def list_notebook_instances(self, *, MaxResults: int) -> dict[str, Any]:  # noqa: N803 - AWS's names
        assert MaxResults <= 100
        self._tags_told.clear()
        return {"NotebookInstances": [_raw(one, row) for one in self.rows for row in self.told(one)]}

    def describe_notebook_instance(self, *, NotebookInstanceName: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self._tags_told.clear()
        self.looked([NotebookInstanceName])
        return _raw(NotebookInstanceName, self._row(NotebookInstanceName))

    def list_tags(self, *, ResourceArn: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        """Of one that is listed twice those of one copy after the other."""
        name = ResourceArn.rpartition("/")[2]
        self._row(name)
        copies = self.told(name)
        row = copies[self._tags_told[name] % len(copies)]
        self._tags_told[name] += 1
        return {"Tags": [{"Key": key, "Value": value} for key, value in row.tags.items()]}

    def stop_notebook_instance(self, *, NotebookInstanceName: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        return self._change(PROFILE.stop, NotebookInstanceName, ("InService",), "Stopping")

    def start_notebook_instance(self, *, NotebookInstanceName: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        return self._change(PROFILE.start, NotebookInstanceName, ("Stopped", "Failed"), "Pending")

    def add_tags(self, *, ResourceArn: str, Tags: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        name = ResourceArn.rpartition("/")[2]
        tags = {tag["Key"]: tag["Value"] for tag in Tags}
        self.called(PROFILE.mark, [name], lambda: self.rows[name].tags.update(tags))
        return ANSWERED

    def delete_tags(self, *, ResourceArn: str, TagKeys: list[str]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        name = ResourceArn.rpartition("/")[2]
        self.called(PROFILE.unmark, [name], lambda: [self.rows[name].tags.pop(key, None) for key in TagKeys])
        return ANSWERED

    def look(self, *ids: str) -> Any:
        """What is about to be down is down the next time that somebody looks."""
        found = super().look(*ids)
        for row in self.rows.values():
            row.word = {"Stopping": "Stopped", "Pending": "InService"}.get(row.word, row.word)
        return found

    def _row(self, name: str) -> Row:
        if name not in self.rows:
            raise refused(*WORDS.not_found)
        return self.rows[name]

    def _change(self, operation: str, name: str, needed: tuple[str, ...], word: str) -> dict[str, Any]:
        def change() -> None:
            row = self.rows[name]
            if row.word not in needed:
                text = WRONG_STATE.format(row.word, ", ".join(needed), word, arn_of(name))
                raise refused("ValidationException", text)
            row.word = word

        self.called(operation, [name], change)
        return ANSWERED


def arn_of(name: str) -> str:
    return f"arn:aws:sagemaker:{harness.REGION}:{harness.ACCOUNT}:notebook-instance/{name}"


def _raw(name: str, row: Row) -> dict[str, Any]:
    return {
        "NotebookInstanceName": name,
        "NotebookInstanceArn": arn_of(name),
        "NotebookInstanceStatus": row.word,
        "InstanceType": "ml.t3.medium",
        "VolumeSizeInGB": 20,
    }


class Embedded(harness.EmbeddedAws):
    words = WORDS

    def add(self, count: int = 1, tags: Mapping[str, str] | None = None) -> list[str]:
        return [seed(self.organization, self.account, REGION, tags or {}) for _ in range(count)]

    def put(self, resource_id: str, word: str) -> None:
        self._notebook(resource_id).status = word

    def remove(self, resource_id: str) -> None:
        del sagemaker_backends[self.account][REGION].notebook_instances[resource_id]

    def word(self, resource_id: str) -> str:
        return str(self._notebook(resource_id).status)

    def tags(self, resource_id: str) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self._notebook(resource_id).tags}

    def tag(self, resource_id: str, tags: Mapping[str, str]) -> None:
        self.untag(resource_id, tags)
        self._notebook(resource_id).tags.extend({"Key": key, "Value": value} for key, value in tags.items())

    def untag(self, resource_id: str, keys: Collection[str]) -> None:
        notebook = self._notebook(resource_id)
        notebook.tags = [tag for tag in notebook.tags if tag["Key"] not in keys]

    def someone(self, action: Action, ids: Sequence[str]) -> None:
        with self.organization.acting_in(self.account):
            client = self.organization.client("sagemaker", REGION)
            for one in ids:
                call = client.start_notebook_instance if action.starts else client.stop_notebook_instance
                call(NotebookInstanceName=one)

    def listen(self, call: Call) -> Answer | None:
        if call.action == "DescribeNotebookInstance" and self._not_told.intersection(call.texts):
            return call.refused(*harness.FAULT, 500)
        return super().listen(call)

    def _notebook(self, resource_id: str) -> Any:
        return sagemaker_backends[self.account][REGION].notebook_instances[resource_id]
