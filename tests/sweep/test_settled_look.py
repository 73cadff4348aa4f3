"""Looking until AWS's answers cannot be from before any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.core.model import ANSWERS_BEHIND_AT_MOST, AwsError, Halt, HaltCause, Resource, Target
from orchestrator.ledger.clocks import Clocks
from orchestrator.ports import LookRefusedError, TargetUnreadableError
from orchestrator.sweep.settled_look import Seen, look_until_settled
from tests.support.builders import AT, a_resource

TARGET = a_resource().target
REFUSED = {"i-2": AwsError("AccessDenied", "no")}


@dataclass
class Behind:
    """World and kind in one: i-1 is shown running until that time has passed."""

    behind: timedelta
    refused: Mapping[str, AwsError] = field(default_factory=dict)
    halt_at: timedelta = timedelta.max
    passed: timedelta = timedelta()
    looks: int = 0

    def __post_init__(self) -> None:
        self.clocks = Clocks(self.now, lambda: 0.0)

    def now(self) -> Any:
        return AT + self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += timedelta(seconds=seconds)

    def halt(self) -> Halt | None:
        return Halt(HaltCause.KILL_SWITCH, "it says stop") if self.passed >= self.halt_at else None

    def look(self, _: Target, ids: Sequence[str]) -> Mapping[str, Resource]:
        self.looks += 1
        state = "running" if self.passed < self.behind else "stopped"
        seen = {one: a_resource(one, state=state) for one in ids if one not in self.refused}
        if self.refused:
            raise LookRefusedError(next(iter(self.refused.values())), "ec2:DescribeInstances", seen, self.refused)
        return seen

    def settled(self) -> Seen:
        ids = ["i-1", *self.refused]
        return look_until_settled(self, self, TARGET, ids, lambda seen: seen["i-1"].aws_state == "running")  # type: ignore[arg-type]  # a fake


@pytest.mark.parametrize(("seconds", "looks"), [(0, 1), (1, 2), (4, 3), (10, 4), (15, 5), (60, 5)])
@pytest.mark.parametrize("refused", [{}, REFUSED], ids=["all seen", "one refused"])
def test_it_looks_as_long_as_answers_may_be_behind_and_no_longer(
    seconds: int, looks: int, refused: dict[str, AwsError]
) -> None:
    fake = Behind(timedelta(seconds=seconds), refused)
    seen = fake.settled()
    assert fake.looks == looks
    assert fake.passed <= ANSWERS_BEHIND_AT_MOST
    assert (seen.at, seen.refused) == (AT + fake.passed, refused)
    assert seen.fresh["i-1"].aws_state == ("running" if seconds > 15 else "stopped")


def test_a_halt_ends_the_waiting_and_says_nothing_of_what_was_seen() -> None:
    fake = Behind(timedelta(seconds=60), halt_at=timedelta(seconds=5))
    with pytest.raises(TargetUnreadableError, match="Halted: it says stop"):
        fake.settled()
    assert fake.looks == 2
