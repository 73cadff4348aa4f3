"""The anchor names the newest manifest after each sweep, never hides that the chain was cut, and costs no sweep."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.model import Mode
from orchestrator.core.report.manifest import anchor_from
from orchestrator.errors import AnchorError, LedgerError
from orchestrator.ports import World
from orchestrator.sweep.anchor import move_anchor
from orchestrator.sweep.run import run_sweep
from orchestrator.sweep.verify import verify
from tests.support.builders import SWEEP_ID, a_policy
from tests.support.chain import A, B, C, Hub, MemoryAnchor
from tests.support.fake_world import EVERYTHING, ONE, FakeWorld, a_world

D = "20261126T190000Z-dddddd"


class Warned:
    """A world with an anchor, and what was warned of."""

    def __init__(self, fake: FakeWorld) -> None:
        self.fake = fake
        self.anchor = MemoryAnchor()
        self.told: list[str] = []

    def world(self) -> World:
        return replace(self.fake.world(), anchor=self.anchor, warn=self.told.append)

    def of(self, hub: Hub) -> World:
        """The same for sweeps that are sealed in that hub."""
        return replace(self.world(), ledger=hub.ledger)


@pytest.fixture
def warned() -> Warned:
    return Warned(a_world(ONE))


def swept(warned: Warned, sweep_id: str = SWEEP_ID) -> str:
    report, _ = run_sweep(warned.world(), a_policy(EVERYTHING), sweep_id, Mode.PLAN)
    return str(report["status"])


def test_each_sweep_that_is_sealed_is_named_by_the_anchor(warned: Warned) -> None:
    for sweep_id in (SWEEP_ID, D):
        assert swept(warned, sweep_id) == "complete"
        assert anchor_from(warned.anchor.text or "") == warned.fake.ledger.chain_head()
    assert [(anchor_from(one) or ("",))[0] for one in warned.anchor.written] == [SWEEP_ID, D]
    assert warned.told == []


def test_an_anchor_that_cannot_be_written_costs_no_sweep_and_is_a_warning_in_log_and_ledger(warned: Warned) -> None:
    warned.anchor.refuses = AnchorError("AccessDeniedException: not you")
    assert swept(warned) == "complete"
    assert warned.told == ["the anchor /anchor was not moved: AccessDeniedException: not you"]
    summary = warned.fake.ledger.sweep(SWEEP_ID)
    assert summary is not None
    assert (summary.status, summary.warning) == ("complete", warned.told[0])
    assert verify(warned.fake.files, warned.fake.ledger, None, None).broken == ()


def test_a_ledger_that_is_away_by_then_is_a_warning_too(warned: Warned, three: Hub) -> None:
    class Away:
        def chain_head(self) -> None:
            raise LedgerError("away")

        def amend(self, *_: str, **__: str) -> None:
            raise LedgerError("still away")

    move_anchor(replace(warned.world(), ledger=Away()), A)  # type: ignore[arg-type]  # as much as is asked for
    assert warned.told == [
        "the anchor /anchor was not moved: away",
        "the ledger does not have that warning: still away",
    ]


def test_one_that_stayed_behind_catches_up(warned: Warned, hub: Hub) -> None:
    hub.sweep(A)
    move_anchor(warned.of(hub), A)
    hub.sweep(B)
    hub.sweep(C)
    move_anchor(warned.of(hub), C)
    assert anchor_from(warned.anchor.text or "") == hub.ledger.chain_head()
    assert warned.told == []


@pytest.mark.parametrize("found", ["go", '{"sweep_id": "20261125T190000Z-cccccc", "sha256": "0"}'])
def test_what_the_chain_does_not_lead_to_is_left_as_it_is(warned: Warned, three: Hub, found: str) -> None:
    warned.anchor.text = found
    move_anchor(warned.of(three), C)
    assert (warned.anchor.text, warned.anchor.written) == (found, [])
    assert "to which the chain does not lead; it is left as it is" in warned.told[0]


def test_a_chain_that_was_cut_is_not_hidden_by_the_next_sweep(warned: Warned, three: Hub) -> None:
    three.anchor = warned.anchor
    move_anchor(warned.of(three), C)
    three.cut(C)
    three.sweep(D)
    move_anchor(warned.of(three), D)
    assert warned.told[0].startswith(f"the anchor /anchor names {C}, to which the chain does not lead")
    assert [one.sweep_id for one in three.verify()] == [C]
    summary = three.ledger.sweep(D)
    assert summary is not None
    assert summary.warning == warned.told[0]


def test_an_anchor_that_was_deleted_on_purpose_is_written_by_the_next_sweep(warned: Warned, three: Hub) -> None:
    move_anchor(warned.of(three), C)
    assert anchor_from(warned.anchor.text or "") == three.ledger.chain_head()


def test_the_slower_of_two_sweeps_that_end_at_once_does_not_put_it_back(warned: Warned, three: Hub) -> None:
    class Overtaken(MemoryAnchor):
        def write(self, text: str) -> None:
            if not self.written:
                three.sweep(D)  # another process seals, and names itself, between head and write
            super().write(text)

    warned.anchor = Overtaken()
    move_anchor(warned.of(three), C)
    assert anchor_from(warned.anchor.text or "") == three.ledger.chain_head()
    assert (anchor_from(warned.anchor.text or "") or ("",))[0] == D
