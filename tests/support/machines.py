"""The state machine as its template has it, in the test's process: what each state sends to the steps' Lambda."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from orchestrator.lambdas import steps
from tests.support.embedded import OrganizationBuilder
from tests.support.lambdas import PLENTY, Remaining

Answer = dict[str, Any]
ReadFile = Callable[[str, str], bytes]
"""What the bucket has at the key."""


def from_s3(hub: OrganizationBuilder) -> ReadFile:
    return lambda bucket, key: hub.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()  # type: ignore[no-any-return] # untyped


@dataclass
class StateMachine:
    """Call it with an event. `before` hears of each invocation and may raise; so a step fails as a Lambda does."""

    read: ReadFile
    execution: str = "arn:aws:states:eu-central-1:123456789012:execution:sweep:1"
    before: Callable[[Answer], object] = lambda _event: None
    one_by_one: bool = False
    """Whether maps send single items, as emulators without an ItemBatcher do."""
    invoked: list[Answer] = field(default_factory=list)
    remaining: Callable[[], int] = lambda: PLENTY
    """Of an invocation's time, in milliseconds."""

    def __call__(self, event: Answer) -> Answer:
        begun = self.step({"step": "begin", "event": event, "execution": self.execution})
        if not begun["go_on"]:
            return begun
        error = None
        try:
            while not begun["listed"]:
                begun = self.step({"step": "list", "sweep_id": begun["sweep_id"]})
            self._until_the_end(begun)
        except Exception as failure:  # noqa: BLE001 - States.ALL
            error = {"Error": type(failure).__name__, "Cause": str(failure)}
        last: Answer = {"step": "end", "sweep_id": begun["sweep_id"]}
        return self.step({**last, "state": {"sweep_id": begun["sweep_id"], **({"error": error} if error else {})}})

    def _until_the_end(self, begun: Answer) -> None:
        self._map("read", begun["bucket"], begun["batches"])
        wave = self.step({"step": "decide", "sweep_id": begun["sweep_id"]})
        while wave["go_on"]:
            self._map("act", wave["bucket"], wave["acts"])
            wave = self.step({"step": "next_wave", "sweep_id": begun["sweep_id"], "wave": wave["wave"]})

    def step(self, event: Answer) -> Answer:
        event = json.loads(json.dumps(event))
        self.invoked.append(event)
        self.before(event)
        answer: Answer = steps.lambda_handler(event, Remaining(self.remaining))
        assert len(json.dumps(answer)) < 10_000
        return answer

    def _map(self, step: str, bucket: str, key: str) -> None:
        """A child that fails is tolerated, as the template says."""
        for event in self._events(step, json.loads(self.read(bucket, key))):
            try:
                self.step(event)
            except Exception:  # noqa: BLE001 - ToleratedFailurePercentage: 100
                continue

    def _events(self, step: str, items: list[Answer]) -> Iterator[Answer]:
        for item in items:
            yield {"step": step, **item} if self.one_by_one else {"step": step, "Items": [item]}
